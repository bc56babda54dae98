"""A vector per picture or recording of a folder: from a CSV file, or from .npy files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seriatim.data.npy import ENDING, read_npy
from seriatim.data.partners import Pairing, partners_of
from seriatim.data.table import check_all, rows
from seriatim.errors import UserError
from seriatim.symbols.vector import WIDEST


def vectors_of(names: Sequence[str], path: Path, pairing: Pairing) -> tuple[NDArray[np.float32], str]:
    """(N, D) the vector of each picture or recording, and a remark on unused ones."""
    if not path.is_dir():
        return _from_csv(names, path, pairing)
    partners, remark = partners_of(names, path, pairing)
    width, found = 0, list[NDArray[np.float32]]()
    for name in names:
        vector = read_vector(partners[name])
        if found and len(vector) != width:
            raise UserError(
                f"{partners[name]}: {len(vector)} numbers, but {partners[names[0]]} has {width}: correct it"
            )
        width = len(vector)
        found.append(vector)
    return np.stack(found), remark


def read_vector(file: Path) -> NDArray[np.float32]:
    """The (D,) finite numbers of a .npy file; its size is checked before memory is allocated."""
    array = read_npy(file)
    if array.ndim > 2 or array.size > WIDEST or array.size != array.shape[-1]:
        raise UserError(f"{file}: shape {array.shape}; expected one vector of 1 to {WIDEST} numbers: flatten it")
    return _finite(np.asarray(array).reshape(-1), str(file))


def _from_csv(names: Sequence[str], table: Path, pairing: Pairing) -> tuple[NDArray[np.float32], str]:
    found: dict[str, NDArray[np.float32]] = {}
    known, width, spare = set(names), 0, 0
    for place, name, cells in rows(table, pairing.option, pairing.whole, "its numbers", pairing.whole_endings):
        if len(cells) > WIDEST or (width and len(cells) != width):
            raise UserError(f"{place}: {len(cells)} numbers; expected {width or f'at most {WIDEST}'}: correct it")
        width = len(cells)
        try:
            vector = np.array([float(cell) for cell in cells])
        except ValueError:
            raise UserError(f"{place}: {', '.join(cells)!r:.60} are not numbers: correct the row") from None
        if name in found:
            raise UserError(f"{place}: {name!r} occurs twice: remove one of the rows")
        if name in known:
            found[name] = _finite(vector, place)
        else:
            spare += 1
    check_all(table, found, names, "the data", pairing.whole, "vector")
    remark = f"{spare} vectors belong to no {pairing.whole}." if spare else ""
    return np.stack([found[name] for name in names]), remark


def _finite(values: NDArray[Any], where: str) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        vector = values.astype(np.float32)
    if not np.isfinite(vector).all():
        raise UserError(f"{where}: contains a number that is not finite, or too large: correct it")
    return vector


def parse_vector(value: str) -> NDArray[np.float32]:
    """Parse what was typed: a .npy file, or numbers separated by commas."""
    if value.lower().endswith(ENDING):
        return read_vector(Path(value))
    try:
        vector = np.array([float(part) for part in value.split(",")])
    except ValueError:
        expected = f"a {ENDING} file, or numbers separated by commas"
        raise UserError(f"{value!r:.60} is not a vector; give {expected}") from None
    return _finite(vector, f"{value!r:.60}")
