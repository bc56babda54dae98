"""Training data for models of films: films of one size in named splits, cut into clips.

Importing this does not import numpy, to keep the command line fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Clip(NamedTuple):
    """A part of a film."""

    film: int
    start: int
    """Its first frame."""


@dataclass(frozen=True, eq=False)
class Films:
    """One split: whole films, which may be made when they are asked for."""

    x: Sequence[NDArray[np.uint8]]
    """Each (T, H, W, C) 8-bit values."""
    lengths: Sequence[int]
    """Frames of each."""
    names: Sequence[str]
    """Name of each film, for messages."""
    labels: tuple[str | None, ...] | None = None
    """Label of each film, None where it has none; None without labels."""
    actions: Sequence[NDArray[np.float32]] | None = None
    """Each (T, A): a vector for each frame, a condition; None without."""
    rates: Sequence[float] = ()
    """Frames per second of each, for writing them out; empty if unknown."""
    given_frames: int = 0
    """First frames of each clip that are given and not counted."""

    def clips(self, frames: int, step: int) -> list[Clip]:
        """The clips of `frames` frames, their beginnings `step` frames apart. A shorter film has none.

        Example:
            >>> import numpy as np
            >>> x = [np.zeros((n, 2, 2, 1), np.uint8) for n in (7, 2)]
            >>> [(clip.film, clip.start) for clip in Films(x, [7, 2], ["a", "b"]).clips(frames=3, step=2)]
            [(0, 0), (0, 2), (0, 4)]
        """
        return [Clip(i, at) for i, n in enumerate(self.lengths) for at in range(0, n - frames + 1, step)]

    def taken(self, rows: Sequence[int]) -> Films:
        """Some of the films."""
        return replace(
            self,
            x=[self.x[row] for row in rows],
            lengths=[self.lengths[row] for row in rows],
            names=[self.names[row] for row in rows],
            labels=None if self.labels is None else tuple(self.labels[row] for row in rows),
            actions=None if self.actions is None else [self.actions[row] for row in rows],
            rates=[self.rates[row] for row in rows] if self.rates else (),
        )


@dataclass(frozen=True, eq=False)
class Reel:
    """Films in splits, with a fingerprint and a note."""

    name: str
    splits: Mapping[str, Films]
    """Some of "train", "validation" and "test"; none is empty, and no film is in two."""
    shape: tuple[int, int, int]
    """(height, width, channels) of a frame."""
    fingerprint: str
    """sha256 of the films, labels and splits: a resumed run checks that it has not changed."""
    note: str = ""
    """Licence, attribution and caveats, in sentences."""
