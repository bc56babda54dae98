"""The codes of an auto-encoder and their likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from seriatim.conditioning import CodeEncoder
from seriatim.errors import UserError
from seriatim.models import Conditional, Model
from seriatim.symbols.levels import Levels
from seriatim.walks.draws import portions
from seriatim.walks.noise import offspring


@final
class Codes:
    """The codes of an auto-encoder's pictures: `width` numbers between −1 and 1.

    Args:
        encoder: the model's encoder.
        levels: the codec of its pictures.
        prior: the model of the codes' symbols; None until it is trained.

    Example:
        >>> import numpy as np
        >>> from seriatim.conditioning.image import CodeConfig, CodeEncoder
        >>> encoder = CodeEncoder((4, 4, 1), levels=256, config=CodeConfig(width=2, filters=4))
        >>> codes = Codes(encoder.eval(), Levels(4, 4, 1), prior=None)
        >>> pictures = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 1), np.uint8)
        >>> codes.encode(pictures).shape
        (3, 2)
    """

    def __init__(self, encoder: CodeEncoder, levels: Levels, prior: Model | None) -> None:
        self.encoder, self.levels, self.width = encoder, levels, encoder.config.width
        self.prior = prior

    @classmethod
    def of(cls, model: Model, levels: Levels, trained: bool) -> Codes | None:
        """The codes of a model, if it is an auto-encoder; `trained`: whether its prior is."""
        if not isinstance(model, Conditional):
            return None
        found = [encoder for encoder in model.encoders.values() if isinstance(encoder, CodeEncoder)]
        return cls(found[0], levels, model.prior if trained else None) if found else None

    @torch.no_grad()
    def encode(self, pictures: NDArray[np.uint8], batch: int = 256) -> NDArray[np.float32]:
        """The codes (N, width) of pictures (N, H, W, C).

        Raises:
            UserError: for pictures of another shape.
        """
        if pictures.ndim != 4:
            raise UserError(f"pictures of shape {pictures.shape}; expected (N, height, width, channels)")
        parts: list[NDArray[np.float32]] = []
        for first in range(0, len(pictures), batch):
            x = torch.from_numpy(self.levels.encode(pictures[first : first + batch]))
            parts.append(self.encoder.encode(x.to(self.encoder.null.device)).float().cpu().numpy())
        return np.concatenate(parts)

    def symbols(self, codes: NDArray[np.float32]) -> NDArray[np.int64]:
        """(N, width): the level of each number of each code."""
        return self.encoder.symbols(torch.from_numpy(codes)).numpy()

    @torch.no_grad()
    def log_prob(self, symbols: NDArray[np.int64]) -> NDArray[np.float64]:
        """log p of codes (N, width), in nats, under the prior.

        Raises:
            UserError: if the prior is not trained yet.
        """
        prior = self._trained()
        codes = torch.from_numpy(symbols).to(prior.device)
        return torch.cat([prior.log_prob(part).double().cpu() for part in codes.split(4096)]).numpy()

    def draw(self, seeds: Sequence[int]) -> NDArray[np.float32]:
        """Draw codes (n, width) from the prior, one for each seed.

        Raises:
            UserError: if the prior is not trained yet.
        """
        own = [offspring(seed, 1, lane=2)[0] for seed in seeds]  # independent of the noise of the picture
        prior = self._trained()
        parts: list[NDArray[np.float32]] = []
        for part in portions(len(own), prior.device):
            symbols = prior.sample(len(own[part]), length=self.width, seed=own[part])
            parts.append(self.encoder.values(symbols).float().cpu().numpy())
        return np.concatenate(parts)

    def _trained(self) -> Model:
        if self.prior is None:
            raise UserError("the prior over codes is trained at the end of a run; finish it with --resume")
        return self.prior
