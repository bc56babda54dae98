"""A vector for each frame of a film, from a .npy or .csv file with a row per frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seriatim.data.npy import ENDING, read_npy
from seriatim.data.table import cells_of
from seriatim.errors import UserError
from seriatim.symbols.vector import WIDEST


def read_actions(file: Path, name: str, frames: int) -> NDArray[np.float32]:
    """(T, A) the actions of a film.

    Args:
        file: .npy of shape (T, A) or (T,), or a CSV file, which may have a header.
        name: of the film, for messages.
        frames: T.

    Raises:
        UserError: if it has another number of rows, or contains anything but finite numbers.
    """
    return checked(_npy(file) if file.suffix.lower() == ENDING else _csv(file), str(file), name, frames)


def checked(rows: NDArray[Any], where: str, name: str, frames: int) -> NDArray[np.float32]:
    """(T, A) actions that fit a film.

    Raises:
        UserError: if they do not.
    """
    if rows.ndim not in (1, 2) or rows.dtype.kind not in "fiu":
        raise UserError(f"{where}: {rows.dtype} of shape {rows.shape}; expected a row of numbers per frame: correct it")
    if len(rows) != frames:
        raise UserError(
            f"{where}: {len(rows):,} rows of actions, but {name} has {frames:,} frames; expected one per "
            "frame: correct it"
        )
    if not 1 <= rows[:1].size <= WIDEST:
        raise UserError(f"{where}: {rows[:1].size:,} numbers a row; expected 1 to {WIDEST}: give fewer")
    with np.errstate(over="ignore"):
        actions = np.asarray(rows).reshape(frames, -1).astype(np.float32)
    if not np.isfinite(actions).all():
        raise UserError(f"{where}: contains a number that is not finite, or too large: correct it")
    return actions


def one_width(actions: Sequence[NDArray[np.float32]], names: Sequence[str]) -> None:
    """Check that all films have as many numbers a frame.

    Raises:
        UserError: naming one that has not.
    """
    for name, each in zip(names, actions, strict=True):
        if each.shape[1] != actions[0].shape[1]:
            raise UserError(
                f"{name}: {each.shape[1]} numbers of action a frame, but {names[0]} has {actions[0].shape[1]}: "
                "give as many for each film"
            )


def _npy(file: Path) -> NDArray[Any]:
    return read_npy(file)


def _csv(table: Path) -> NDArray[Any]:
    rows: list[list[float]] = []
    for place, cells in cells_of(table, "--video.actions"):
        try:
            numbers = [float(cell) for cell in cells]
        except ValueError:
            if place.endswith(":1"):
                continue  # a header
            raise UserError(f"{place}: {', '.join(cells)!r:.60} are not numbers: correct the row") from None
        if rows and len(numbers) != len(rows[0]):
            raise UserError(f"{place}: {len(numbers)} numbers; expected {len(rows[0])}: correct it")
        if len(numbers) > WIDEST:
            raise UserError(f"{place}: {len(numbers)} numbers; expected at most {WIDEST}: correct it")
        rows.append(numbers)
    return np.array(rows, np.float64).reshape(len(rows), -1) if rows else np.empty((0, 1))
