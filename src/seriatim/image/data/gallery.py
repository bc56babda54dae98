"""What the package trains models of pictures on: pictures of one size in named splits.

Importing this does not import numpy: the command line answers at once.
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
    """(N, H, W, C) values of 8 bits; 0 and 255 only where ink was drawn."""
    labels: tuple[str, ...] | None
    """Of each, by name."""
    names: Sequence[str]
    """Where each came from, for messages."""
    maps: NDArray[np.uint8] | None = None
    """(N, h, w, c) the partner of each, which is its condition; not drawn as ink."""
    vectors: NDArray[np.float32] | None = None
    """(N, D) the numbers of each, which are its condition."""


@dataclass(frozen=True, eq=False)
class Gallery:
    """Pictures in splits, and what a later run must know about them."""

    name: str
    splits: Mapping[str, Pictures]
    """Some of "train", "validation" and "test"; none is empty."""
    fingerprint: str
    """sha256 over the pictures, their labels and the split: a resumed run checks that it has not changed."""
    note: str = ""
    """Licence, attribution and caveats, in sentences."""
