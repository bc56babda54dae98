"""Dates as people write them, and as ISO 8601 has them: pairs to train on in a minute.

python examples/dates.py dates.tsv [12000]
"""

import datetime
import random
import sys
from collections.abc import Iterator
from pathlib import Path

MONTHS = [datetime.date(2000, month, 1).strftime("%B") for month in range(1, 13)]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def forms(date: datetime.date) -> Iterator[str]:
    """The date in twelve written forms; day.month.year is European, month/day/year American."""
    day, month, year = date.day, date.month, date.year
    name, weekday = MONTHS[month - 1], DAYS[date.weekday()]
    ending = "th" if 10 <= day <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    yield f"{day} {name} {year}"
    yield f"{name} {day}, {year}"
    yield f"{day:02d}.{month:02d}.{year}"
    yield f"{day}.{month}.{year}"
    yield f"{month}/{day}/{year}"
    yield f"{day}{ending} of {name} {year}"
    yield f"{weekday}, {day} {name[:3]} {year}"
    yield f"{name[:3]} {day} {year}"
    yield f"{day}-{name[:3]}-{year % 100:02d}"  # 50 to 99 are of the last century
    yield f"{weekday[:3]}, {name} {day}{ending}, {year}"
    yield f"{year}/{month:02d}/{day:02d}"
    yield f"{day} {name[:3].upper()} {year}"


def main(target: Path, count: int = 12_000) -> None:
    """Write as many different pairs, in no order."""
    draw = random.Random(0)
    pairs: dict[str, str] = {}
    while len(pairs) < count:
        date = datetime.date(1950, 1, 1) + datetime.timedelta(days=draw.randrange(36524))
        pairs[draw.choice(list(forms(date)))] = date.isoformat()
    target.write_text("".join(f"{written}\t{iso}\n" for written, iso in pairs.items()), encoding="utf-8")
    print(f"{target}: {len(pairs):,} pairs")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
