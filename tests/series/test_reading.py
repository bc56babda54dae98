"""Tables of numbers as series: what each column is, the grid of times, and every fault in one line."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.series.data.opening import open_series, read_panel
from seriatim.series.data.panel import Panel
from seriatim.series.options import SeriesOptions

pandas = pytest.importorskip("pandas")


def read(tmp_path: Path, text: str, name: str = "t.csv", **options: object) -> tuple[Panel, str]:
    path = tmp_path / name
    path.write_text(text)
    return read_panel(path, SeriesOptions(**options))[:2]  # pyright: ignore


def days(count: int, start: str = "2026-01-01") -> list[str]:
    return [str(np.datetime64(start) + i) for i in range(count)]


def table(times: list[str], *columns: list[object], heading: str = "day,sold") -> str:
    return "\n".join([heading, *(",".join(map(str, row)) for row in zip(times, *columns, strict=True))]) + "\n"


def test_a_wide_table_has_a_series_for_each_column(tmp_path: Path) -> None:
    panel, note = read(tmp_path, table(days(6), [1, 2, 3, 4, 5, 6], [9, 8, 7, 6, 5, ""], heading="day,a,b"))
    assert [each.name for each in panel.items] == ["a", "b"]
    assert panel.frequency == "D"
    assert panel.items[0].values[:, 0].tolist() == [1, 2, 3, 4, 5, 6]
    assert np.isnan(panel.items[1].values[5, 0])
    assert "times: day; values: a, b" in note
    assert "1 of 12 values are missing" in note


def test_columns_together_are_channels_of_one_series(tmp_path: Path) -> None:
    panel, _ = read(tmp_path, table(days(5), [1, 2, 3, 4, 5], [5, 4, 3, 2, 1], heading="day,a,b"), joint=True)
    assert (panel.channels, panel.items[0].values.shape) == (("a", "b"), (5, 2))


def test_a_long_table_is_divided_by_its_column_of_names(tmp_path: Path) -> None:
    rows = [f"{day},{shop},{i + 10 * (shop == 'b')}" for i, day in enumerate(days(5)) for shop in "ab"]
    panel, note = read(tmp_path, "day,shop,sold\n" + "\n".join(rows))
    assert {each.name: each.values[:, 0].tolist() for each in panel.items} == {
        "a": [0, 1, 2, 3, 4],
        "b": [10, 11, 12, 13, 14],
    }
    assert "series by shop" in note


def test_a_gap_is_missing_values(tmp_path: Path) -> None:
    times = [day for i, day in enumerate(days(8)) if i not in (3, 4)]
    panel, note = read(tmp_path, table(times, [0, 1, 2, 5, 6, 7]))
    assert np.isnan(panel.items[0].values[:, 0]).tolist() == [False] * 3 + [True] * 2 + [False] * 3
    assert "2 steps have no row" in note


def test_rows_out_of_order_are_sorted_and_this_is_said(tmp_path: Path) -> None:
    panel, note = read(tmp_path, table(days(5)[::-1], [5, 4, 3, 2, 1]))
    assert panel.items[0].values[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert "not in the order of time and are sorted" in note


@pytest.mark.parametrize(
    ("times", "frequency"),
    [
        (["2026-01-01T00", "2026-01-01T01", "2026-01-01T02", "2026-01-01T03"], "h"),
        (["2026-01-01T00:00", "2026-01-01T00:15", "2026-01-01T00:30", "2026-01-01T00:45"], "15min"),
        (["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"], "MS"),
        (["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"], "ME"),
        (["2026-01-01", "2026-04-01", "2026-07-01", "2026-10-01"], "QS"),
        (["2023", "2024", "2025", "2026"], "YS"),
        (["2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26"], "W-MON"),
        (["2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08", "2026-01-09", "2026-01-12"], "B"),
        (["19580329", "19580405", "19580412", "19580419"], "W-SAT"),
        (["31/1/2026", "1/2/2026", "2/2/2026", "3/2/2026"], "D"),
        (["1/2/2026", "2/2/2026", "3/2/2026", "4/2/2026"], "D"),  # the reading in which steps are alike
        (["2/1/2026", "2/2/2026", "2/3/2026", "2/4/2026"], "D"),
        (["01.02.2026", "01.03.2026", "01.04.2026", "01.05.2026"], "MS"),  # points: the day first
    ],
)
def test_the_frequency_is_found(tmp_path: Path, times: list[str], frequency: str) -> None:
    panel, _ = read(tmp_path, table(times, [*range(len(times))]))
    assert panel.frequency == frequency
    assert panel.items[0].steps == len(times)


def test_separators_and_marks(tmp_path: Path) -> None:
    text = "day;sold\n" + "\n".join(f"{day};1.234,5" for day in days(5))
    panel, _ = read(tmp_path, text, decimal=",", thousands=".")
    assert panel.items[0].values[:, 0].tolist() == [1234.5] * 5
    spaced, _ = read(tmp_path, "1 10\n2 20\n3 30\n4 40\n", "x.dat")
    assert [each.name for each in spaced.items] == ["column-1", "column-2"]
    assert spaced.items[1].values[:, 0].tolist() == [10, 20, 30, 40]


BAD = {
    "empty": ("", {}, "empty"),
    "text": (table(days(5), [1, 2, "many", 4, 5]), {}, r"line 4, column 'sold': 'many' is not a number"),
    "decimal-commas": ("day;sold\n" + "\n".join(f"{d};3,5" for d in days(5)), {}, "--series.decimal ,"),
    "thousands": ("day;sold\n" + "\n".join(f"{d};3,500,000" for d in days(5)), {}, "--series.thousands ,"),
    "twice": (table([*days(4), days(4)[3]], [1, 2, 3, 4, 5]), {}, r"line 6: the time 2026-01-04 is there twice"),
    "mixed-forms": (table([*days(4), "5.1.2026"], [1, 2, 3, 4, 5]), {}, r"line 6, column 'day': '5.1.2026' is no time"),
    "mixed-zones": (
        table([*[f"{d}T00:00Z" for d in days(4)], "2026-01-05T00:00"], [1, 2, 3, 4, 5]),
        {},
        "line 6, column 'day': '2026-01-05T00:00' is no time of the form of",
    ),
    "off-grid": (table([*days(6), "2026-01-08T05:00"], [*range(7)]), {"time": "day"}, r"line 8"),
    "infinite": (table(days(5), [1, 2, "inf", 4, 5]), {"values": ("sold",)}, "line 4, column 'sold': inf is infinite"),
    "huge": (table(days(5), [1, 2, "1e300", 4, 5]), {}, "line 4, column 'sold': 1e\\+300 is beyond"),
    "tiny": (table(days(5), ["1e-300"] * 5), {}, "no value is above"),
    "one-value": (table(days(1), [1]), {"time": "day", "frequency": "D"}, "the longest series has 1 values"),
    "all-missing": (table(days(5), ["", "", "", "", ""]), {"values": ("sold",)}, "the longest series has 0 values"),
    "no-numbers": ("a,b\nx,y\nz,w\n", {}, "no column of numbers among a, b"),
    "no-column": (table(days(5), [1, 2, 3, 4, 5]), {"values": ("solt",)}, "no column 'solt'.*did you mean 'sold'"),
    "frequency": (table(days(5), [1, 2, 3, 4, 5]), {"frequency": "fortnight"}, "--series.frequency is 'fortnight'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    text, options, message = BAD[name]
    with pytest.raises(UserError, match=message) as refusal:
        read(tmp_path, text, **options)
    assert "\n" not in str(refusal.value)


def test_constants_and_short_series_are_told(tmp_path: Path) -> None:
    text = table(days(6), [3] * 6, [1, 2, 3, 4, 5, 6], [1, "", "", "", "", ""], heading="day,still,moving,short")
    panel, note = read(tmp_path, text)
    assert [each.name for each in panel.items] == ["still", "moving"]
    assert "Constant, so that their density is only bounded by a floor: still" in note
    assert "1 series have fewer than 4 values and are left out: short" in note


def test_what_is_known_ahead_goes_on_after_the_last_value(tmp_path: Path) -> None:
    text = table(days(8), [1, 2, 3, 4, 5, "", "", ""], [0, 1, 0, 1, 0, 1, 0, 1], heading="day,sold,promotion")
    panel, _ = read(tmp_path, text, known=("promotion",))
    assert panel.items[0].values.shape == (5, 1)
    assert panel.items[0].known is not None
    assert panel.items[0].known[:, 0].tolist() == [0, 1, 0, 1, 0, 1, 0, 1]


def test_labels_describe_a_series(tmp_path: Path) -> None:
    rows = [f"{day},{shop},{'north' if shop == 'a' else 'south'},{i}" for i, day in enumerate(days(5)) for shop in "ab"]
    panel, _ = read(tmp_path, "day,shop,region,sold\n" + "\n".join(rows), id="shop", labels=("region",))
    assert [each.labels["region"] for each in panel.items] == ["north", "south"]
    priced = "day,shop,region,sold,price\n" + "\n".join(f"{row},1" for row in rows)
    with pytest.raises(UserError, match="column 'sold' changes within the series 'a'"):
        read(tmp_path, priced, id="shop", labels=("sold",))


def test_data_frames_with_an_index_of_times() -> None:
    index = pandas.date_range("2026-01-01", periods=30, freq="h")
    frame = pandas.DataFrame({"load": np.arange(30.0)}, index=index)
    panel, _, _ = read_panel(frame, SeriesOptions())
    assert (panel.frequency, panel.items[0].name, panel.items[0].steps) == ("h", "load", 30)
    series, _, _ = read_panel(frame["load"], SeriesOptions())
    assert series.items[0].values[:, 0].tolist() == list(range(30))


def test_splits_are_by_time_and_each_has_its_past() -> None:
    found = open_series(np.arange(100.0), SeriesOptions(), DataOptions(0.2, 0.1))
    ends = {side: (panel.items[0].first, panel.items[0].steps) for side, panel in found.splits.items()}
    assert ends == {"train": (0, 70), "validation": (70, 90), "test": (90, 100)}
    held = open_series(np.arange(100.0), SeriesOptions(horizon=5, origins=4), DataOptions(0.1, 0.1))
    assert held.splits["test"].items[0].first == 80
    assert held.splits["validation"].items[0].first == 72  # a tenth of the other 80
    with pytest.raises(UserError, match="hold out 100"):
        open_series(np.arange(100.0), SeriesOptions(horizon=5, origins=20), DataOptions())


def test_what_is_read_has_a_fingerprint() -> None:
    one = open_series(np.arange(50.0)).fingerprint
    assert one == open_series(np.arange(50.0)).fingerprint
    assert one != open_series(np.arange(50.0) + 1e-9).fingerprint
    assert one != open_series(np.arange(50.0), division=DataOptions(0.2, 0.1)).fingerprint


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((3, 3, 3)), "shape"),
        (np.array(["a", "b"]), "expected"),
        ([np.zeros((9, 2)), np.zeros((9, 3))], "2 to 3 channels"),
        (np.array([1.0, np.inf, 2.0, 3.0]), "beyond"),
        (np.zeros(2), "2 steps; expected at least 4"),
    ],
)
def test_bad_arrays(data: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_panel(data, SeriesOptions())


def test_a_first_row_with_too_many_cells_is_named(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("day,sold\n2026-01-01,20,1\n2026-01-02,21\n")
    with pytest.raises(UserError, match="line 2 has more cells than the heading"):
        open_series(table, SeriesOptions(), DataOptions())


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(UserError, match="is a pipe"):
        open_series(tmp_path / "a.csv", SeriesOptions(), DataOptions())
