"""Arrays of numbers in .npy files, which may be damaged or made to do harm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError

ENDING = ".npy"

_MAGIC = b"\x93NUMPY"


def read_npy(path: Path) -> NDArray[Any]:
    """The numbers of a file, not yet read: their shape is to be checked before memory is taken.

    Raises:
        UserError: if it is not there, or holds no array of one or more real numbers.
    """
    if path.exists() and not path.is_file():  # reading a pipe would block
        raise UserError(f"{path}: not a file; expected a {ENDING} file of numbers: check the path")
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:  # NumPy would try it as a zip archive
                raise UserError(f"{path}: not an NPY file of numbers, or damaged: save it with numpy.save")
        array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except UserError:
        raise
    except (FileNotFoundError, PermissionError) as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}): check the path and its permissions") from None
    except Exception as error:  # NumPy raises anything on a damaged header: nine types were seen
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not an NPY file of numbers, or damaged ({reason[:80]}): save it again") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise UserError(f"{path}: not an array of numbers; expected a {ENDING} file: save it with numpy.save")
    if not array.size or not array.ndim:
        raise UserError(f"{path}: shape {array.shape}, which contains no numbers; expected one or more: save it again")
    return array
