"""Pictures of the attention to a source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from seriatim.drawing.sheets import save

_CELL, _EDGE, _FONT = 22, 6, 13  # pixels
_PAPER, _INK, _FULL = (255, 255, 255), (40, 40, 40), (24, 70, 140)
_LONGEST = 24  # characters shown per symbol


def attention_picture(rows: Sequence[str], columns: Sequence[str], weights: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(H, W, 3): a row per target symbol, a column per source symbol; darker means more attention.

    Args:
        rows: symbols of the target.
        columns: symbols of the source.
        weights: (rows, columns) attention; each row sums to 1.
    """
    font = ImageFont.load_default(_FONT)
    names = [[_shown(name) for name in side] for side in (rows, columns)]
    left, top = (max(int(font.getlength(name)) for name in side) + 2 * _EDGE for side in names)
    sheet = Image.new("RGB", (left + _CELL * len(columns) + _EDGE, top + _CELL * len(rows) + _EDGE), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, name in enumerate(names[0]):
        draw.text((left - _EDGE, top + _CELL * i + _CELL // 2), name, _INK, font, anchor="rm")
    for j, name in enumerate(names[1]):  # rotated
        strip = Image.new("RGB", (top - _EDGE, _CELL), _PAPER)
        ImageDraw.Draw(strip).text((0, _CELL // 2), name, _INK, font, anchor="lm")
        sheet.paste(strip.rotate(90, expand=True), (left + _CELL * j, 0))
    for i, row in enumerate(weights):
        for j, weight in enumerate(row):
            shade = float(np.clip(weight, 0, 1)) ** 0.5  # so that small weights are visible
            colour = tuple(round(p + (f - p) * shade) for p, f in zip(_PAPER, _FULL, strict=True))
            x, y = left + _CELL * j, top + _CELL * i
            draw.rectangle((x, y, x + _CELL - 2, y + _CELL - 2), colour, (225, 225, 225))
    return np.asarray(sheet)


def save_attention(rows: Sequence[str], columns: Sequence[str], weights: NDArray[np.floating], path: Path) -> None:
    """Write the picture to a file."""
    save(attention_picture(rows, columns, weights), path)


def _shown(name: str) -> str:
    shown = name.replace(" ", "␣") if name.strip() == "" else name.strip()
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
