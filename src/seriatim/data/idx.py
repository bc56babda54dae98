"""MNIST's file format: an array of bytes with its shape in front."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seriatim.data.decoding import read_bytes
from seriatim.errors import UserError


def read_idx(path: Path) -> NDArray[np.uint8]:
    """An idx file of bytes, compressed or not, as an array.

    Raises:
        UserError: if it is none, or damaged.
    """
    data = b"".join(read_bytes(path, str(path)))
    rank = data[3] if len(data) > 3 and data[:3] == b"\0\0\x08" else 0
    shape = np.frombuffer(data[4 : 4 + 4 * rank], ">u4").astype(int).tolist()
    if rank == 0 or len(data) != 4 + 4 * rank + int(np.prod(shape)):
        raise UserError(f"{path}: not an idx file of bytes, or damaged: replace the file")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape).copy()  # writable
