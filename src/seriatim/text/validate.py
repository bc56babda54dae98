"""Fast validation during training, always on the same text."""

from __future__ import annotations

from typing import final

import numpy as np
import torch

from seriatim.models import Model
from seriatim.models.likelihood import pad, to_given
from seriatim.text.data.tokens import Tokens

_BATCH = 32


@final
class Validation:
    """Nats/token over pieces of the validation text, the same ones every time.

    A piece is as long as in training (eight times as long with carried state); the symbol before it is seen but not
    counted, as in training. `seriatim evaluate` computes the exact figure over all of the text.

    Args:
        model: the model, whose `config` gives the length of a piece.
        tokens: the validation split.
        symbols: approximate number of symbols, in pieces spread evenly over the text; 0 for all.
        whole: evaluate whole documents, however long.
    """

    def __init__(self, model: Model, tokens: Tokens, symbols: int, whole: bool = False) -> None:
        self.model, self.tokens = model, tokens
        length = model.crop * (1 if model.horizon is not None else 8)
        if whole:
            length = max(1, int(np.diff(tokens.bounds).max()))
        pieces = [
            (d, start, min(start + length, stop))
            for d, (begin, stop) in enumerate(zip(tokens.bounds[:-1], tokens.bounds[1:], strict=True))
            for start in range(begin, stop, length)
        ]
        usual = len(tokens.symbols) / len(pieces) if whole else length
        wanted = len(pieces) if symbols == 0 else max(1, int(symbols / usual))
        if wanted < len(pieces):
            pieces = [pieces[int(i)] for i in np.linspace(0, len(pieces) - 1, wanted)]
        self.pieces = sorted(pieces, key=lambda piece: piece[2] - piece[1])

    @torch.no_grad()
    def __call__(self) -> float:
        """Mean −log p per symbol, in nats."""
        nats, count = 0.0, 0
        for first in range(0, len(self.pieces), _BATCH):
            some = self.pieces[first : first + _BATCH]
            begins = self.tokens.bounds[[d for d, _, _ in some]]
            seen = [start - int(start > begin) for (_, start, _), begin in zip(some, begins, strict=True)]
            rows = [self.tokens.symbols[at:stop] for at, (_, _, stop) in zip(seen, some, strict=True)]
            x = self.model.symbols(pad(rows))
            given = {name: values[[d for d, _, _ in some]] for name, values in self.tokens.given.items()}
            terms = self.model.log_probs(x, to_given(given, self.model.device)).cpu().double().numpy()
            for row, at, (_, start, stop) in zip(terms, seen, some, strict=True):
                nats -= float(row[start - at : stop - at].sum())
                count += int(stop - start)
        return nats / count
