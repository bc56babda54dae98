"""The memory horizon as a chart."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from seriatim.instruments.horizon import Horizon


def draw_horizon(found: Horizon, picture: Path, title: str) -> bool:
    """Draw bits against what is given, with two standard errors, and a line at the bits given all.

    Args:
        found: the figures.
        picture: the file to write.
        title: of the chart.

    Returns:
        False without matplotlib.
    """
    if importlib.util.find_spec("matplotlib") is None:
        return False
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    *bits, whole = found.bits
    errors = [2 * error for error in found.more_errors[:-1]]
    label = f"given the last k {found.words}"
    axes.errorbar(found.spans, bits, errors, marker="o", markersize=3, capsize=2, label=label)
    axes.axhline(whole, linestyle="--", linewidth=1, color="0.4", label="given all")
    axes.set_xscale("symlog", base=2, linthresh=1)
    axes.set_xticks(found.spans, [f"{k:,}" for k in found.spans], rotation=45 if len(found.spans) > 9 else 0)
    axes.set_xlabel(f"{found.words} that are given")
    axes.set_ylabel(found.unit)
    axes.set_title(title, fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(picture)
    return True
