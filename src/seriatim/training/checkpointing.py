"""Gradient checkpointing: blocks keep their inputs only, and compute the rest again in the backward pass.

Chen et al. (2016), Training deep nets with sublinear memory cost.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from seriatim.errors import UserError
from seriatim.models import Model


def enable(model: Model) -> None:
    """Let the model's stages compute their activations again; only in training mode, and where gradients are taken.

    Raises:
        UserError: if the model has none.
    """
    if not model.recomputable_modules():
        raise UserError("--train.checkpointing is for models of blocks, and this one has none; leave it out")
    for stage in model.recomputable_modules():
        _wrap(stage)


def disable(model: Model) -> None:
    """The reverse of `enable`."""
    for stage in model.recomputable_modules():
        vars(stage).pop("forward", None)


def _wrap(stage: nn.Module) -> None:
    plain = stage.forward

    def again(*args: Any, **options: Any) -> Any:
        if stage.training and torch.is_grad_enabled():
            return checkpoint(plain, *args, use_reentrant=False, **options)
        return plain(*args, **options)

    stage.forward = again
