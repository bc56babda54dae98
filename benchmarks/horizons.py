"""The memory horizons of several runs in one table and one chart.

    python benchmarks/horizons.py LABEL=RUN LABEL=RUN … [--limit 2000] [--draw horizons.png]

Each is measured by `seriatim inspect RUN --horizon --json` on its own test split, or on validation where there is none,
and kept in RUN/horizon-LIMIT.json. The table has the bits given all, how much more each costs given the last k elements
alone, and from which k on no more is gained, within two standard errors.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
from pathlib import Path
from typing import Any

from seriatim.cli import main as command

Found = dict[str, Any]


def measured(run: Path, limit: int) -> Found:
    """What `seriatim inspect --horizon` finds, once."""
    kept = run / f"horizon-{limit}.json"
    if not kept.exists():
        held = io.StringIO()
        with contextlib.redirect_stdout(held):
            options = f"--horizon --json --threads 1 --limit {limit}".split()
            if command(["inspect", str(run), *options, "-o", str(kept.with_suffix(".png"))]):
                raise SystemExit(f"{run}: seriatim inspect failed")
        kept.write_text(held.getvalue())
    return json.loads(kept.read_text())


def rows(found: Found) -> tuple[list[int], list[float], list[float]]:
    """The k that are given, and how much more they cost than all, with standard errors."""
    key = "bits_more_than_given_all"
    return found["given_last"][:-1], found[key][:-1], found[f"{key}_standard_error"][:-1]


def table(found: dict[str, Found]) -> None:
    """Bits above those given all, by k."""
    spans = sorted({k for each in found.values() for k in rows(each)[0]})
    one = next(iter(found.values()))
    print(f"| {one['unit']} | given all | {' | '.join(f'last {k:,}' for k in spans)} | enough |")
    print("|---|---:|" + "---:|" * len(spans) + "---:|")
    for name, each in found.items():
        told = {k: f"{more:+z.3f} ± {error:.3f}" for k, more, error in zip(*rows(each), strict=True)}
        enough = "-" if each["enough"] is None else f"{each['enough']:,}"
        whole = f"{each['bits'][-1]:.3f} ± {each['bits_standard_error'][-1]:.3f}"
        print(f"| {name} | {whole} | {' | '.join(told.get(k, '') for k in spans)} | {enough} |")


def draw(found: dict[str, Found], picture: Path) -> None:
    """A line for each run, with two standard errors."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 4.2), dpi=100)
    axes = figure.add_subplot()
    for name, each in found.items():
        spans, more, errors = rows(each)
        axes.errorbar(spans, more, [2 * x for x in errors], marker="o", markersize=3, capsize=2, label=name)
    one = next(iter(found.values()))
    axes.axhline(0, color="0.5", linewidth=1)
    every = sorted({k for each in found.values() for k in rows(each)[0]})
    axes.set_xscale("symlog", base=2, linthresh=1)  # pictures may be given no row
    axes.set_xticks(every, [f"{k:,}" for k in every])
    axes.set_xlim(every[0] * 0.8, every[-1] * 1.25)
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set_ylim(bottom=-0.03)
    axes.set(xlabel=f"{one['counted']} that are given", ylabel=f"{one['unit']} above those given all")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(picture)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="LABEL=RUN")
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--draw", type=Path)
    asked = parser.parse_args()
    named = [run.partition("=") for run in asked.runs]
    found = {label: measured(Path(run), asked.limit) for label, _, run in named}
    table(found)
    if asked.draw is not None:
        draw(found, asked.draw)


if __name__ == "__main__":
    main()
