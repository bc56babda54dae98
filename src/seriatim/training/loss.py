"""The loss of a batch, as a module: a compiler or DDP sees all of it."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn

from seriatim.heads import Discrete
from seriatim.models import Model
from seriatim.models.base import ContextLike
from seriatim.walks.walk import Carry


@final
class Loss(nn.Module):
    """Masked mean of −log p (nats per symbol).

    Args:
        model: p(x | c).
        smoothing: the probability spread evenly over all symbols.
    """

    def __init__(self, model: Model, smoothing: float) -> None:
        super().__init__()
        self.model, self.smoothing = model, smoothing

    def forward(
        self, x: Tensor, mask: Tensor, given: ContextLike, carry: Carry | None, first: int = 0
    ) -> tuple[Tensor, Tensor, Any]:
        """Loss to minimise, nats per symbol without smoothing, next state; before position `first` nothing counts."""
        after = None
        if carry is None:
            parameters = self.model(x, given)
        else:
            parameters, after = self.model(x, given, carry)
        if first:
            parameters, x, mask = parameters[:, first:], x[:, first:], mask[:, first:]
        dist = self.model.head(parameters) if self.smoothing else None
        count = mask.sum()
        # both terms of smoothed labels from one table: a softmax over thousands of symbols is a tenth of a step
        table = dist.log_table() if isinstance(dist, Discrete) else None
        if table is None:
            terms = self.model.head.log_prob(parameters, x)
        else:  # a symbol that says that there is none is masked
            terms = table.gather(-1, x[..., None].clamp_max(table.shape[-1] - 1))[..., 0]
        nats = -(torch.where(mask, terms, 0.0)).sum() / count
        loss = nats
        if table is not None:
            even = -torch.where(mask, table.mean(-1), 0.0).sum() / count
            loss = (1 - self.smoothing) * nats + self.smoothing * even
        return loss, nats.detach(), after
