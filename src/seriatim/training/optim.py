"""The optimiser, its learning rate, and the moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor, nn

from seriatim.training.options import TrainOptions


def adamw(model: nn.Module, options: TrainOptions) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter, 2019) with weight decay of matrices only, not of biases, norms and vectors."""
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [
        {"params": matrices, "weight_decay": options.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    some = [group for group in groups if group["params"]]
    return torch.optim.AdamW(some, lr=options.lr, betas=(options.beta1, options.beta2), fused=True)  # 5 times faster


def learning_rate(step: int, total: int, options: TrainOptions) -> float:
    """The learning rate of a step: a function of the step alone, so a resumed run needs no scheduler state."""
    warmup = min(100, total // 20) if options.warmup is None else options.warmup
    if step < warmup:
        return options.lr * (step + 1) / warmup
    if options.schedule == "constant":
        return options.lr
    if options.schedule == "decay":
        return options.lr * options.decay ** (step - warmup)
    way = min(1.0, (step - warmup) / max(1, total - warmup))
    return options.lr * (options.final + (1 - options.final) * 0.5 * (1 + math.cos(math.pi * way)))


@final
class Average:
    """The exponential moving average of a model's tensors, in separate copies.

    Early on, the decay is (1 + n) / (10 + n), so that the initial weights are soon forgotten.
    """

    def __init__(self, tensors: Mapping[str, Tensor], decay: float) -> None:
        self.decay, self.updates = decay, 0
        self.values = {name: tensor.detach().clone() for name, tensor in tensors.items()}

    @torch.no_grad()
    def update(self, tensors: Mapping[str, Tensor]) -> None:
        """Move towards the current values."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, value in self.values.items():
            value.lerp_(tensors[name].to(value.dtype), 1 - decay)
