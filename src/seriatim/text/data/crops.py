"""The symbols of a text that a training step sees."""

from __future__ import annotations

from typing import final

import numpy as np

from seriatim.data.batches import Batch, Batches, Pieces
from seriatim.errors import UserError
from seriatim.text.data.tokens import Tokens


@final
class Crops(Batches):
    """Documents cut into pieces of at most `length` symbols, each once per epoch, at cuts that vary between epochs.

    A piece from inside a document is preceded by the symbol before it, which is seen but not counted: position 0 of a
    model means the start of a document, and is scored only there.

    Args:
        tokens: the split.
        length: most symbols of a piece that count.
        size: pieces per batch.
        seed: of the order and the cuts.
        rank: of this process among `world`, each of which sees its own pieces.
        world: number of processes.
    """

    def __init__(self, tokens: Tokens, length: int, size: int, seed: int, rank: int = 0, world: int = 1) -> None:
        self.tokens, self.length, self.size = tokens, length, size
        self.pieces = Pieces(tokens.bounds, length, size, seed, rank, world)
        self.per_epoch = self.pieces.per_epoch

    def batch(self, step: int) -> Batch:
        """The pieces from step · size on in the epoch's order."""
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
    """The text as `size` parallel streams, continued from step to step: truncated backpropagation with carried state.

    Args:
        tokens: the split; without conditions, since streams cross documents.
        length: symbols per step.
        size: number of streams.
    """

    def __init__(self, tokens: Tokens, length: int, size: int, rank: int = 0, world: int = 1) -> None:
        if tokens.given:
            raise UserError(
                "carried state crosses documents, whose conditions differ; leave out --train.carry or the conditions"
            )
        self.tokens, self.length, self.size, self.rank = tokens, length, size, rank
        self.each = len(tokens.symbols) // (size * world)
        if self.each < 2:
            raise UserError(
                f"{len(tokens.symbols)} symbols are too few for {size} streams; lower --train.batch or give more text"
            )
        self.per_epoch = -(-self.each // length)

    def batch(self, step: int) -> Batch:
        """The next `length` symbols of every stream; the state is reset at the start of an epoch."""
        index = step % self.per_epoch
        first = index * self.length
        stop = min(first + self.length, self.each)
        starts = (np.arange(self.size) + self.rank * self.size) * self.each
        x = np.stack([np.asarray(self.tokens.symbols[s + first : s + stop], dtype=np.int64) for s in starts])
        mask = np.ones(x.shape, dtype=np.bool_)
        if index == 0:  # position 0 means the start of a document; elsewhere it is only context
            mask[:, 0] = np.isin(starts, self.tokens.bounds)
        return Batch(x, mask, {}, index == 0, f"symbols {first}–{stop} of each stream", x.size)
