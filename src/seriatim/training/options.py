"""Options for training. No torch here: `--help` reads these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from seriatim.config import Options, bounded
from seriatim.errors import UserError


@final
@dataclass(frozen=True)
class TrainOptions(Options):
    """How a model is trained. The defaults suit a small model on a small machine.

    Example:
        >>> TrainOptions(epochs=2).total(per_epoch=150)
        300
        >>> TrainOptions().total(per_epoch=150)
        1500
    """

    steps: int | None = None
    """Optimiser steps; short: --steps. Default: as many as `epochs` takes, but 200 (50 of large
    pictures) to 5000."""
    epochs: float | None = None
    """Passes over the training data; short: --epochs. Default: 10, within the bounds of `steps`."""
    batch: int | None = None
    """Sequences, pictures or excerpts per batch; short: --batch. Default: 32 (4 excerpts of audio), fewer if a pass
    would have less than 2 steps or a step would take more than half of the memory."""
    accumulate: int = 1
    """Batches whose gradients are accumulated in a step."""
    optimiser: Literal["adamw", "muon"] = "adamw"
    """adamw for everything, or muon for hidden matrices and convolutions and adamw for the rest. Some families have
    muon as their default: `seriatim models NAME`."""
    lr: float = 2e-3
    """Peak learning rate of adamw; short: --lr. Some families have another default: `seriatim models NAME`."""
    muon_lr: float = 0.02
    """Peak learning rate of muon."""
    schedule: Literal["cosine", "constant", "decay"] = "cosine"
    """Learning rate after the warm-up: a cosine down to `final`, constant, or multiplied by `decay` each step."""
    warmup: int | None = None
    """Warm-up steps. Default: a twentieth of all steps, at most 100."""
    final: float = 0.1
    """Where the cosine ends, as a fraction of `lr`."""
    decay: float = 0.99999
    """Factor per step of the schedule `decay`."""
    beta1: float = 0.9
    """AdamW's decay of the first moment."""
    beta2: float = 0.99
    """AdamW's decay of the second moment."""
    weight_decay: float = 0.1
    """Weight decay of matrices; vectors do not decay."""
    clip: float = 1.0
    """Largest gradient norm; 0 for no clipping."""
    ema: float = 0.0
    """Decay of the weights' moving average, which is then evaluated and saved; 0 for none."""
    smoothing: float = 0.0
    """Label smoothing: the probability spread evenly over all symbols."""
    carry: bool = False
    """Carry the state from batch to batch (truncated backpropagation); recurrent models only."""
    drop_given: float | None = None
    """Probability of hiding a condition, so that the model also works without it. Default: 0.1, or 0 for a source."""
    truncate: int | None = None
    """Train on the first n symbols of each document only. Default: on all."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16 is mixed precision; weights stay in float32."""
    checkpointing: bool = False
    """Gradient checkpointing: keep the inputs of blocks only and compute the rest again in the backward pass; less
    memory, more time."""
    compile: bool = False
    """Compile the model with torch.compile."""
    device: str = "auto"
    """cpu, cuda, mps, or auto for the fastest available; short: --device."""
    seed: int = 0
    """Seed of the weights, the order of the data and dropout; short: --seed."""
    evaluate_every: int | None = None
    """Steps between evaluations. Default: a tenth of all steps."""
    evaluate_symbols: int = 50_000
    """Validation symbols per evaluation, spread evenly over the split; 0 for all."""
    patience: int | None = None
    """Stop after n evaluations without improvement; 0 for never. Default: 4 for more than 12 passes, else 0."""
    spike: float = 10.0
    """Stop if the loss is n deviations above its running mean for 3 steps; 0 for never."""
    samples: int = 2
    """Samples written after each evaluation."""
    prompt: str = ""
    """The prompt of those samples."""
    tensorboard: bool = False
    """Also log for TensorBoard, under RUN/tensorboard."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("accumulate", 1, 2**16),
            ("lr", 1e-30, 100),
            ("muon_lr", 1e-30, 100),
            ("final", 0, 1),
            ("decay", 0, 1),
            ("beta1", 0, 0.99999),
            ("beta2", 0, 0.999999),
            ("weight_decay", 0, 100),
            ("clip", 0, 1e9),
            ("ema", 0, 0.9999999),
            ("smoothing", 0, 0.999),
            ("spike", 0, 10**6),
            ("samples", 0, 1000),
            ("evaluate_symbols", 0, 2**40),
            ("seed", 0, 2**63 - 1),
        ):
            bounded(f"--train.{name}", getattr(self, name), low, high)
        if self.drop_given is not None:
            bounded("--train.drop_given", self.drop_given, 0, 1)
        for name, low, high in (
            ("steps", 1, 2**40),
            ("warmup", 0, 2**40),
            ("evaluate_every", 1, 2**40),
            ("truncate", 1, 2**40),
            ("batch", 1, 2**20),
            ("patience", 0, 10**6),
        ):
            value = getattr(self, name)
            if value is not None:
                bounded(f"--train.{name}", value, low, high)
        if self.epochs is not None:
            bounded("--train.epochs", self.epochs, 1e-6, 1e6)
            if self.steps is not None:
                raise UserError("--train.epochs and --train.steps are both given; give one of them")

    def total(self, per_epoch: int, least: int = 200) -> int:
        """The number of steps, given the steps per epoch and the least that are taken if nothing is said."""
        if self.steps is not None:
            return self.steps
        if self.epochs is not None:
            return max(1, round(self.epochs * per_epoch))
        return min(5000, max(least, 10 * per_epoch))
