"""Pictures of learning curves."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def draw_curve(rows: Sequence[Mapping[str, Any]], picture: Path, key: str, words: str) -> bool:
    """Draw learning curves.

    Args:
        rows: rows of a `metrics.jsonl`.
        picture: the file to write.
        key: key of the unit, e.g. nats_per_token.
        words: the unit for display.

    Returns:
        False without matplotlib, or if there is nothing to draw.
    """
    if importlib.util.find_spec("matplotlib") is None:
        return False
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    train, held = (
        [(row["step"], row[f"{split}_{key}"]) for row in rows if f"{split}_{key}" in row]
        for split in ("train", "validation")
    )
    if not train and not held:
        return False
    figure = Figure(figsize=(6.4, 4.0), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if train:
        axes.plot(*zip(*train, strict=True), linewidth=1, alpha=0.6, label="training")
    if held:
        axes.plot(*zip(*held, strict=True), marker="o", markersize=3, label="validation")
    axes.set_xlabel("step")
    axes.set_ylabel(words)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(picture)
    return True
