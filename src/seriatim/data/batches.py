"""The symbols of a training step: a function of (seed, step, rank) alone, so that a run can resume at any step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError

_BUCKET = 32  # batches among which pieces of similar length are grouped


@final
@dataclass(frozen=True)
class Batch:
    """The data of one training step.

    Attributes:
        x: (B, T) symbols, 0 for padding; (B, *S) or (B, *S, P) levels for pictures; floats for real numbers.
        mask: (B, T) which symbols count towards the loss: not padding, nor symbols that only serve as context; (B, *S)
            for pictures.
        given: {condition: (B,)}.
        fresh: whether a carried state is reset.
        origin: where the data was taken from, for messages.
        cells: number of positions with padding; 0 if nothing is ever padded.
    """

    x: NDArray[np.int64] | NDArray[np.float64]
    mask: NDArray[np.bool_]
    given: Mapping[str, NDArray[Any]]
    fresh: bool
    origin: str
    cells: int = 0

    @property
    def first(self) -> int:
        """The first position of a sequence that counts in any row; 0 for pictures."""
        return int(self.mask.any(0).argmax()) if self.mask.ndim == 2 else 0


class Batches(ABC):
    """An endless sequence of batches, indexed by step."""

    per_epoch: int  # steps

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """The batch of a step."""


@final
class Pieces:
    """Documents cut into pieces of at most `length` symbols, each once per epoch, with new cuts in every epoch.

    Args:
        bounds: (D + 1,) document d consists of the symbols bounds[d] … bounds[d + 1] − 1.
        length: most symbols per piece.
        size: pieces per batch.
        seed: of the order and the cuts.
        rank: of this process among `world`, each of which sees its own pieces.
        world: number of processes.
    """

    def __init__(
        self, bounds: NDArray[np.int64], length: int, size: int, seed: int, rank: int = 0, world: int = 1
    ) -> None:
        self.bounds, self.length, self.size, self.seed, self.rank, self.world = bounds, length, size, seed, rank, world
        self._epoch: tuple[int, NDArray[np.int64]] | None = None
        if not np.diff(bounds).sum():
            raise UserError("there is nothing to train on; the training split is empty")
        # a document longer than a piece has one piece more than it needs, since its first cut is random
        self.per_epoch = max(1, len(self.cuts(0)) // (size * world))

    def cuts(self, epoch: int) -> NDArray[np.int64]:
        """(pieces, 2): start and stop of each piece, in document order."""
        sizes = np.diff(self.bounds)
        random = np.random.default_rng([self.seed, epoch, 1])
        long = sizes > self.length
        # the first piece ends at random; the number of pieces must not depend on the epoch
        head = np.where(long, random.integers(1, self.length + 1, len(sizes)), sizes)
        pieces = np.where(long, 1 + -(-(sizes - 1) // self.length), np.minimum(sizes, 1))
        spare = pieces - np.minimum(sizes, 1) - -(-(sizes - head) // self.length)  # where one piece fewer is enough,
        half = np.where(spare > 0, head // 2, head)  # the first is cut in two
        owner = np.repeat(np.arange(len(sizes)), pieces)
        index = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        begin, end = self.bounds[:-1][owner], self.bounds[1:][owner]

        def cut(i: NDArray[np.int64]) -> NDArray[np.int64]:
            later = head[owner] + (i - 1 - spare[owner]) * self.length
            return np.minimum(begin + np.where(i == 0, 0, np.where(i == 1, half[owner], later)), end)

        return np.stack([cut(index), cut(index + 1)], 1)

    def of(self, step: int) -> NDArray[np.int64]:
        """(size, 2): the pieces of a step."""
        epoch, index = divmod(step, self.per_epoch)
        cuts = self._order(epoch)
        first = (index * self.world + self.rank) * self.size
        return cuts[np.arange(first, first + self.size) % len(cuts)]

    def owners(self, pieces: NDArray[np.int64]) -> list[int]:
        """The document of each piece."""
        return (np.searchsorted(self.bounds, pieces[:, 0], side="right") - 1).tolist()

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if self._epoch is None or self._epoch[0] != epoch:
            cuts = self.cuts(epoch)
            random = np.random.default_rng([self.seed, epoch, 2])
            # the tail is dropped before grouping by length, or it would always be the longest pieces
            whole = self.per_epoch * self.size * self.world
            cuts = cuts[random.permutation(len(cuts))][:whole]
            lengths = cuts[:, 1] - cuts[:, 0]
            if lengths.min() < lengths.max():
                group = np.arange(len(cuts)) // (_BUCKET * self.size * self.world)
                cuts = cuts[np.lexsort((lengths, group))]
                if len(cuts) == whole:
                    batches = cuts.reshape(self.per_epoch, -1, 2)
                    cuts = batches[random.permutation(self.per_epoch)].reshape(-1, 2)
            self._epoch = epoch, cuts
        return self._epoch[1]
