"""What an auto-encoder makes of pictures: codes, and how likely they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from seriatim.conditioning import CodeEncoder
from seriatim.errors import UserError
from seriatim.image.levels import Levels
from seriatim.models import Conditional, Model
from seriatim.walks.noise import row_seeds


@final
class Codes:
    """The codes of a model's pictures: `width` numbers between −1 and 1.

    Args:
        encoder: of the model.
        levels: the codec of its pictures.
        prior: of the codes' symbols; None as long as it is not trained.
    """

    def __init__(self, encoder: CodeEncoder, levels: Levels, prior: Model | None) -> None:
        self.encoder, self.levels, self.width = encoder, levels, encoder.config.width
        self.prior = prior

    @classmethod
    def of(cls, model: Model, levels: Levels, trained: bool) -> Codes | None:
        """Those of a model that has a code; `trained`: whether its prior is."""
        if not isinstance(model, Conditional):
            return None
        found = [encoder for encoder in model.encoders.values() if isinstance(encoder, CodeEncoder)]
        return cls(found[0], levels, model.prior if trained else None) if found else None

    @torch.no_grad()
    def encode(self, pictures: NDArray[np.uint8], batch: int = 256) -> NDArray[np.float32]:
        """The codes (N, width) of pictures (N, H, W, C).

        Raises:
            UserError: for another shape.
        """
        if pictures.ndim != 4:
            raise UserError(f"pictures of shape {pictures.shape}; (N, height, width, channels) is wanted")
        parts: list[NDArray[np.float32]] = []
        for first in range(0, len(pictures), batch):
            x = torch.from_numpy(self.levels.encode(pictures[first : first + batch]))
            parts.append(self.encoder.encode(x.to(self.encoder.null.device)).float().cpu().numpy())
        return np.concatenate(parts)

    def symbols(self, codes: NDArray[np.float32]) -> NDArray[np.int64]:
        """(N, width): which of its levels each number of each code is on."""
        return self.encoder.symbols(torch.from_numpy(codes)).numpy()

    @torch.no_grad()
    def log_prob(self, symbols: NDArray[np.int64]) -> NDArray[np.float64]:
        """log p of codes (N, width), in nats, under the prior.

        Raises:
            UserError: if it is not trained yet.
        """
        prior = self._trained()
        codes = torch.from_numpy(symbols).to(prior.device)
        return torch.cat([prior.log_prob(part).double().cpu() for part in codes.split(4096)]).numpy()

    def draw(self, n: int, seed: int | Sequence[int] = 0) -> NDArray[np.float32]:
        """Codes (n, width) from the prior.

        Raises:
            UserError: if it is not trained yet.
        """
        own = [int(row_seeds(int(s), 1)) for s in row_seeds(seed, n)]  # not the noise that the picture is drawn with
        symbols = self._trained().sample(n, length=self.width, seed=own)
        return self.encoder.values(symbols).float().cpu().numpy()

    def _trained(self) -> Model:
        if self.prior is None:
            raise UserError("the prior of this auto-encoder's codes is learned when its training ends; go on with it")
        return self.prior
