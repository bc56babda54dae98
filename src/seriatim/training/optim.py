"""The optimiser, its learning rate, and the moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from seriatim.causal.stacks import Stack, stacks_of
from seriatim.errors import UserError
from seriatim.models import Model
from seriatim.training.muon import Muon
from seriatim.training.options import TrainOptions


@final
class Optimiser:
    """One or two optimisers, each with parameters of its own, as one.

    Args:
        parts: the optimisers.
    """

    def __init__(self, parts: Sequence[torch.optim.Optimizer]) -> None:
        self.parts = tuple(parts)
        self.groups: list[dict[str, Any]] = [group for part in parts for group in part.param_groups]
        for group in self.groups:
            group["peak"] = group["lr"]
        self._part = {p: part for part in parts for group in part.param_groups for p in group["params"]}

    def zero_grad(self) -> None:
        """Drop all gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Move all parameters."""
        for part in self.parts:
            part.step()

    def state(self, parameter: nn.Parameter) -> dict[str, Tensor]:
        """What is kept for a parameter; nothing before its first step."""
        return {key: torch.as_tensor(value) for key, value in self._part[parameter].state.get(parameter, {}).items()}

    def restore(self, parameter: nn.Parameter, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state`.

        Raises:
            KeyError: if it is that of another optimiser.
        """
        part = self._part[parameter]
        keys = ("momentum",) if isinstance(part, Muon) else ("step", "exp_avg", "exp_avg_sq")
        part.state[parameter] = {key: state[key] for key in keys}


def optimiser_of(model: Model, options: TrainOptions) -> Optimiser:
    """The optimiser that `options` name: AdamW for all parameters, or Muon for the matrices inside.

    Raises:
        UserError: for Muon, if most of the weights are no such matrices.
    """
    if options.optimiser == "adamw":
        if options.muon_lr != TrainOptions.muon_lr:
            raise UserError(
                f"--train.muon-lr {options.muon_lr} is for --train.optimiser muon, and this is adamw; give both, or "
                "leave it out"
            )
        return Optimiser([adamw(model, options)])
    inside = hidden(model)
    outer = _outer(model)
    others = [p for p in model.parameters() if p.dim() >= 2 and p not in inside and p not in outer]
    if sum(p.numel() for p in inside) <= sum(p.numel() for p in others):
        raise UserError(
            "--train.optimiser is muon, which is for hidden matrices, and most of this model's weights are none (a "
            "weight-normed direction is not one); use adamw"
        )
    muon = Muon(inside, options.muon_lr, options.weight_decay)
    return Optimiser([muon] if len(inside) == len(list(model.parameters())) else [adamw(model, options, inside), muon])


def hidden(model: Model) -> dict[nn.Parameter, Stack]:
    """The parameters that hold matrices, without those of output layers and without tables of embeddings."""
    excluded = _outer(model)
    return {parameter: stack for parameter, stack in stacks_of(model).items() if parameter not in excluded}


def _outer(model: Model) -> set[nn.Parameter]:
    layers = [*model.outputs(), model.head, *(each for each in model.modules() if isinstance(each, nn.Embedding))]
    return {parameter for each in layers for parameter in each.parameters()}


def adamw(model: nn.Module, options: TrainOptions, without: Container[nn.Parameter] = ()) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter, 2019) with weight decay of matrices only, not of biases, norms and vectors."""
    parameters = [p for p in model.parameters() if p not in without]
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": options.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    some = [group for group in groups if group["params"]]
    return torch.optim.AdamW(some, lr=options.lr, betas=(options.beta1, options.beta2), fused=True)  # 5 times faster


def learning_rate(step: int, total: int, options: TrainOptions, peak: float | None = None) -> float:
    """The learning rate of a step: a function of the step alone, so a resumed run needs no scheduler state.

    Args:
        step: the step, from 0.
        total: number of steps.
        options: schedule and warm-up.
        peak: the highest rate. Default: `options.lr`.
    """
    peak = options.lr if peak is None else peak
    warmup = min(100, total // 20) if options.warmup is None else options.warmup
    if step < warmup:
        return peak * (step + 1) / warmup
    if options.schedule == "constant":
        return peak
    if options.schedule == "decay":
        return peak * options.decay ** (step - warmup)
    way = min(1.0, (step - warmup) / max(1, total - warmup))
    return peak * (options.final + (1 - options.final) * 0.5 * (1 + math.cos(math.pi * way)))


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
