"""Drawings in the stroke-3 format of sketch-rnn: .npz files of pickles, which are read without executing them.

https://github.com/hardmaru/sketch-rnn-datasets
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.trajectory.data.pickled import arrays_of
from seriatim.trajectory.data.strokes import FAR

SPLITS = {"train": "train", "valid": "validation", "validation": "validation", "test": "test"}
"""The names of members, without .npy, and of the splits that they are."""
MOST_BYTES = 1 << 30
"""Size of a member, unpacked, at most."""
MOST_DRAWINGS = 1_000_000
"""Drawings of a member at most."""

_RATIO, _SMALL = 100, 1 << 26  # a member above the second size is not to be unpacked to more than the first times it


def read_stroke3(path: Path) -> dict[str, list[NDArray[np.float64]]]:
    """The drawings (T, 3) of each split of a file, with the channels dx, dy and lift.

    Raises:
        UserError: if it is damaged, asks for code, is too large, or contains anything but such drawings.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> drawings = np.empty(1, dtype=object)
        >>> drawings[0] = np.array([[3, 0, 0], [0, 4, 1]], dtype=np.int16)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(Path(folder, "angle.npz"), train=drawings)
        ...     splits = read_stroke3(Path(folder, "angle.npz"))
        >>> splits["train"][0].tolist()
        [[3.0, 0.0, 0.0], [0.0, 4.0, 1.0]]
    """
    if not path.is_file():  # reading a pipe would block
        raise UserError(f"{path}: no such file; expected an .npz file of drawings: check the path")
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, path)
    except UserError:
        raise
    except PermissionError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}): check its permissions") from None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        reason = " ".join(str(error).split())[:80]
        raise UserError(f"{path}: not an .npz file, or damaged ({reason}); expected drawings: replace it") from None


def _read(archive: zipfile.ZipFile, path: Path) -> dict[str, list[NDArray[np.float64]]]:
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        split = SPLITS.get(info.filename.removesuffix(".npy"))
        if split is None or not info.filename.endswith(".npy"):
            raise UserError(
                f"{path}: a member {info.filename!r:.60}; expected train.npy, valid.npy and test.npy: remove the others"
            )
        if split in members:
            raise UserError(f"{path}: two members for {split}; expected one: remove the other")
        members[split] = info
    if not members:
        raise UserError(f"{path}: empty; expected train.npy, valid.npy and test.npy: give another file")
    for info in members.values():  # all, before any is unpacked
        _check_size(info, f"{path}: {info.filename}")
    return {
        split: _member(archive, members[split], f"{path}: {members[split].filename}")
        for split in ("train", "validation", "test")
        if split in members
    }


def _check_size(info: zipfile.ZipInfo, where: str) -> None:
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UserError(f"{where}: packed in a way that NumPy does not use: save it with numpy.savez_compressed")
    if info.file_size > MOST_BYTES:
        raise UserError(f"{where}: {info.file_size:,} bytes; expected {MOST_BYTES:,} or fewer: split the file")
    if info.file_size > max(_SMALL, _RATIO * info.compress_size):
        raise UserError(
            f"{where}: {info.file_size:,} bytes packed into {info.compress_size:,}; expected {_RATIO} times fewer at "
            "most: replace it"
        )


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> list[NDArray[np.float64]]:
    with archive.open(info) as packed:
        data = packed.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise UserError(f"{where}: {len(data):,} bytes; expected {info.file_size:,}: the file is damaged: replace it")
    file = io.BytesIO(data)
    count = _count(file, where)
    arrays = arrays_of(file, where)
    if len(arrays) != count:
        raise UserError(f"{where}: {len(arrays):,} drawings; expected {count:,}: the file is damaged: replace it")
    if sum(array.nbytes for array in arrays) > len(data):  # one array listed many times would fill the memory
        raise UserError(f"{where}: drawings that are one in memory; expected each written out: save it again")
    return [_drawing(array, f"{where}[{i}]") for i, array in enumerate(arrays)]


def _count(file: io.BytesIO, where: str) -> int:
    """The number of drawings that the header of a member gives; the file is after it then."""
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, _, dtype = read(file)
    except Exception as error:  # NumPy raises anything on a damaged header, see data.npy
        reason = " ".join(str(error).split())[:80]
        raise UserError(f"{where}: not an NPY array, or damaged ({reason}): save it with numpy.savez") from None
    if dtype.kind != "O" or len(shape) != 1:
        raise UserError(
            f"{where}: an array of {dtype!s:.40} of shape {shape!s:.60}; expected an object array (N,) of arrays "
            "(T, 3), one a drawing: put them into numpy.empty(N, dtype=object)"
        )
    if not 0 < shape[0] <= MOST_DRAWINGS:
        raise UserError(f"{where}: {shape[0]:,} drawings; expected 1 to {MOST_DRAWINGS:,}: split the file")
    return shape[0]


def _drawing(array: NDArray[Any], where: str) -> NDArray[np.float64]:
    if array.ndim != 2 or array.shape[1] != 3 or not len(array):
        raise UserError(f"{where}: shape {array.shape}; expected (T, 3), T of 1 or more: correct or remove the drawing")
    moves = array.astype(np.float64)
    if not (np.abs(moves) <= FAR).all():  # NaN is not
        raise UserError(f"{where}: a move is infinite, missing or beyond {FAR:g}: correct or remove the drawing")
    lift = moves[:, 2]
    if not ((lift == 0) | (lift == 1)).all():
        wrong = float(lift[(lift != 0) & (lift != 1)][0])
        raise UserError(f"{where}: lift {wrong:g}; expected 0 or 1, 1 after a stroke: correct or remove the drawing")
    return moves
