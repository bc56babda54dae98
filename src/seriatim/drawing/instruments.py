"""What the instruments find, as pictures."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seriatim.instruments.horizon import Horizon
from seriatim.instruments.sight import Sight

_FAINTEST = 1e-4  # of the strongest that is told apart


def draw_horizon(found: Horizon, picture: Path, title: str) -> bool:
    """Draw bits against what is given, with two standard errors, and a line at the bits given all.

    Args:
        found: the figures.
        picture: the file to write.
        title: of the chart.

    Returns:
        False without matplotlib.
    """
    axes = _axes()
    if axes is None:
        return False
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
    return _saved(axes, picture)


def draw_sight(found: Sight, picture: Path, title: str) -> bool:
    """Draw how strongly a model sees what: a curve over the past, or a map of pixels with blind ones in blue.

    Args:
        found: the figures.
        picture: the file to write.
        title: of the picture.

    Returns:
        False without matplotlib.
    """
    axes = _axes()
    if axes is None:
        return False
    axes.set_title(title, fontsize=9)
    if found.place is None:
        back = np.arange(1, len(found.strength) + 1)
        axes.plot(back, found.strength, linewidth=1)
        axes.set(xscale="log", xlabel=f"{found.words} back", ylabel="nats, to first order")
        axes.set_yscale("log" if found.strength.max() > 0 else "linear")
        least = found.strength[found.strength > 0].min(initial=1.0)
        blind = back[~found.seen]
        axes.plot(blind, np.full(len(blind), least), "|", color="tab:red", label="cannot be seen")
        axes.grid(alpha=0.3)
        if len(blind):
            axes.legend()
        return _saved(axes, picture)
    most = max(float(found.strength.max()), np.finfo(float).tiny / _FAINTEST)
    shown = np.log10(np.maximum(found.strength, _FAINTEST * most))
    image = axes.imshow(np.where(found.past & found.seen, shown, np.nan), cmap="magma")
    blind = np.where(found.past & ~found.seen, 1.0, np.nan)
    axes.imshow(blind, cmap="Blues", vmin=0, vmax=1.6)
    row, column = found.place
    axes.plot(column, row, "s", color="tab:green", markersize=4)
    axes.set(xlabel="column", ylabel="row")
    axes.figure.colorbar(image, label="log10 of nats, to first order")
    return _saved(axes, picture)


def draw_recall(curve: Sequence[tuple[int, float, float]], picture: Path, title: str) -> bool:
    """Draw accuracy against the gap.

    Args:
        curve: (gap, accuracy, standard error) each.
        picture: the file to write.
        title: of the chart.

    Returns:
        False without matplotlib.
    """
    axes = _axes()
    if axes is None:
        return False
    gaps, shares, errors = zip(*curve, strict=True)
    axes.errorbar(gaps, [100 * x for x in shares], [200 * x for x in errors], marker="o", markersize=3, capsize=2)
    axes.set_xscale("symlog", base=2, linthresh=1)
    axes.set_xticks(gaps, [f"{gap:,}" for gap in gaps], rotation=45 if len(gaps) > 9 else 0)
    axes.set(xlabel="gap", ylabel="letters recalled, %", title=title, ylim=(0, 103))
    axes.grid(alpha=0.3)
    return _saved(axes, picture)


def _axes() -> Any:
    """Empty axes; None without matplotlib."""
    if importlib.util.find_spec("matplotlib") is None:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), dpi=110)
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def _saved(axes: Any, picture: Path) -> bool:
    axes.figure.tight_layout()
    axes.figure.savefig(picture)
    return True
