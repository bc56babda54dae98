"""Training data for models of pictures: pictures of one size in named splits.

Importing this does not import numpy, to keep the command line fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Pictures:
    """One split."""

    x: NDArray[np.uint8]
    """(N, H, W, C) 8-bit values; only 0 and 255 if binarised."""
    labels: tuple[str | None, ...] | None
    """Label of each picture, None where it has none; None without labels."""
    names: Sequence[str]
    """Name of each picture, for messages."""
    maps: NDArray[np.uint8] | None = None
    """(N, h, w, c) map of each picture, a condition; never binarised."""
    vectors: NDArray[np.float32] | None = None
    """(N, D) vector of each picture, a condition."""


@dataclass(frozen=True, eq=False)
class Gallery:
    """Pictures in splits, with a fingerprint and a note."""

    name: str
    splits: Mapping[str, Pictures]
    """Some of "train", "validation" and "test"; none is empty."""
    fingerprint: str
    """sha256 of the pictures, labels and splits: a resumed run checks that it has not changed."""
    note: str = ""
    """Licence, attribution and caveats, in sentences."""
