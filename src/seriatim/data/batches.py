"""Which symbols a training step sees: a function of (seed, step, rank) alone, so a run can be taken up anywhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from seriatim.data.tokens import Tokens
from seriatim.errors import UserError

_BUCKET = 32  # batches among which pieces of like length are put together


@final
@dataclass(frozen=True)
class Batch:
    """What one step learns from.

    Attributes:
        x: (B, T) symbols, 0 where there is none; of pictures (B, *S) or (B, *S, P) levels.
        mask: (B, T) which of them count: not padding, and not a symbol that only stands there to be looked back at;
            (B, *S) of pictures.
        given: {condition: (B,)}.
        fresh: whether a carried state starts anew.
        origin: where it was cut from, for messages.
        cells: how many positions a batch filled up with padding would have; 0 where nothing is ever padded.
    """

    x: NDArray[np.int64]
    mask: NDArray[np.bool_]
    given: Mapping[str, NDArray[Any]]
    fresh: bool
    origin: str
    cells: int = 0


class Batches(ABC):
    """An endless supply of batches, addressed by step."""

    per_epoch: int  # steps

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """The batch of a step."""


@final
class Pieces:
    """Stretches of at most `length` symbols that divide documents, each once an epoch, cut anew for every epoch.

    Args:
        bounds: (D + 1,) document d is the symbols bounds[d] … bounds[d + 1] − 1.
        length: symbols of a piece, at most.
        size: pieces a batch.
        seed: of the order and of the cuts.
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
        # a document longer than a piece has one piece more than it needs, since its first cut is anywhere
        self.per_epoch = max(1, len(self.cuts(0)) // (size * world))

    def cuts(self, epoch: int) -> NDArray[np.int64]:
        """(pieces, 2): where each begins and where it has ended, in the order of the documents."""
        sizes = np.diff(self.bounds)
        random = np.random.default_rng([self.seed, epoch, 1])
        long = sizes > self.length
        # the first piece ends anywhere; the number of pieces must not depend on the epoch
        head = np.where(long, random.integers(1, self.length + 1, len(sizes)), sizes)
        pieces = np.where(long, 1 + -(-(sizes - 1) // self.length), np.minimum(sizes, 1))
        spare = pieces - np.minimum(sizes, 1) - -(-(sizes - head) // self.length)  # where one piece fewer would do,
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
        """Which document each piece is of."""
        return (np.searchsorted(self.bounds, pieces[:, 0], side="right") - 1).tolist()

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if self._epoch is None or self._epoch[0] != epoch:
            cuts = self.cuts(epoch)
            random = np.random.default_rng([self.seed, epoch, 2])
            # the tail is dropped before pieces of like length are put together, else it were always the longest
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


@final
class Crops(Batches):
    """Documents cut into pieces of at most `length` symbols, each once an epoch, at cuts that move from epoch to epoch.

    A piece from inside a document is preceded by the one symbol before it, which is seen but not counted: position 0
    of a model means the start of a document, and is scored only where it is one.

    Args:
        tokens: the split.
        length: symbols of a piece that count, at most.
        size: pieces a batch.
        seed: of the order and of the cuts.
        rank: of this process among `world`, each of which sees its own pieces.
        world: number of processes.
    """

    def __init__(self, tokens: Tokens, length: int, size: int, seed: int, rank: int = 0, world: int = 1) -> None:
        self.tokens, self.length, self.size = tokens, length, size
        self.pieces = Pieces(tokens.bounds, length, size, seed, rank, world)
        self.per_epoch = self.pieces.per_epoch

    def batch(self, step: int) -> Batch:
        """Pieces step · size … of the epoch's order."""
        chosen = self.pieces.of(step)
        owners = self.pieces.owners(chosen)
        begins = self.tokens.bounds[owners]
        rows = [
            np.asarray(self.tokens.symbols[start - (start > begin) : stop], dtype=np.int64)
            for (start, stop), begin in zip(chosen, begins, strict=True)
        ]
        width = max(map(len, rows))
        x = np.zeros((self.size, width), dtype=np.int64)
        mask = np.zeros((self.size, width), dtype=np.bool_)
        for i, row in enumerate(rows):
            x[i, : len(row)] = row
            mask[i, int(chosen[i][0] > begins[i]) : len(row)] = True
        names = list(dict.fromkeys(self.tokens.names[d] for d in owners))
        origin = f"{', '.join(names[:3])}{' …' if len(names) > 3 else ''}, symbols {chosen[0][0]}–{chosen[0][1]} …"
        given = {name: values[owners] for name, values in self.tokens.given.items()}
        return Batch(x, mask, given, True, origin, self.size * max(width, self.length))


@final
class Streams(Batches):
    """The text as `size` parallel streams read on from step to step: truncated backpropagation with carried state.

    Args:
        tokens: the split; conditions are not for streams, which cross documents.
        length: symbols a step.
        size: streams.
    """

    def __init__(self, tokens: Tokens, length: int, size: int, rank: int = 0, world: int = 1) -> None:
        if tokens.given:
            raise UserError(
                "carried state crosses documents, whose conditions differ; leave out carry or the conditions"
            )
        self.tokens, self.length, self.size, self.rank = tokens, length, size, rank
        self.each = len(tokens.symbols) // (size * world)
        if self.each < 2:
            raise UserError(
                f"{len(tokens.symbols)} symbols cannot feed {size} streams; lower --train.batch or give more text"
            )
        self.per_epoch = -(-self.each // length)

    def batch(self, step: int) -> Batch:
        """The next `length` symbols of every stream; the first of an epoch starts the state anew."""
        index = step % self.per_epoch
        first = index * self.length
        stop = min(first + self.length, self.each)
        starts = (np.arange(self.size) + self.rank * self.size) * self.each
        x = np.stack([np.asarray(self.tokens.symbols[s + first : s + stop], dtype=np.int64) for s in starts])
        mask = np.ones(x.shape, dtype=np.bool_)
        if index == 0:  # position 0 means the start of a document; elsewhere it is only looked back at
            mask[:, 0] = np.isin(starts, self.tokens.bounds)
        return Batch(x, mask, {}, index == 0, f"symbols {first}–{stop} of each stream", x.size)
