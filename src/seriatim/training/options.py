"""What can be chosen about training. No torch here: `--help` reads these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from seriatim.config import Options, bounded
from seriatim.errors import UserError


@final
@dataclass(frozen=True)
class TrainOptions(Options):
    """How a model is trained. The defaults suit a small model on a small machine."""

    steps: int | None = None
    """Optimiser steps; none: as many as `epochs` take, at least 200 and at most 5000."""
    epochs: float | None = None
    """Passes over the training text; none: 10, within the bounds of `steps`."""
    batch: int = 32
    """Pieces of text a step (per accumulated part)."""
    accumulate: int = 1
    """Parts that a step's gradient is summed from."""
    lr: float = 2e-3
    """Peak learning rate."""
    schedule: Literal["cosine", "constant", "decay"] = "cosine"
    """After the warm-up: a cosine down to `final`, constant, or times `decay` each step."""
    warmup: int | None = None
    """Steps over which the learning rate rises; none: a twentieth of all, at most 100."""
    final: float = 0.1
    """What the cosine ends at, as a share of `lr`."""
    decay: float = 0.99999
    """Factor a step, for the schedule `decay`."""
    beta1: float = 0.9
    """AdamW's first moment."""
    beta2: float = 0.99
    """AdamW's second moment."""
    weight_decay: float = 0.1
    """Of matrices; vectors do not decay."""
    clip: float = 1.0
    """Largest norm of the gradient; 0: none."""
    ema: float = 0.0
    """Decay of the weights' moving average, which is then what is evaluated and saved; 0: none."""
    smoothing: float = 0.0
    """Label smoothing: the share of the target spread over all symbols."""
    carry: bool = False
    """Read the text as streams with carried state (truncated backpropagation); recurrent models only."""
    drop_given: float | None = None
    """How often a condition is hidden in training, so that the model also knows what to do without it; none: 0.1, and
    0 of the source of a text."""
    truncate: int | None = None
    """Learn from the first so many symbols of a document only."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Bfloat16 computes in half precision where that is safe; weights stay in float32."""
    compile: bool = False
    """Compile the model with torch.compile."""
    device: str = "auto"
    """Cpu, cuda, mps, or auto: the fastest there is."""
    seed: int = 0
    """Of the weights, the order of the text and dropout."""
    evaluate_every: int | None = None
    """Steps between evaluations; none: a tenth of all."""
    evaluate_symbols: int = 50_000
    """How many symbols of the validation text an evaluation looks at, spread evenly; 0: all."""
    patience: int = 0
    """Stop after so many evaluations without a better one; 0: never."""
    spike: float = 10.0
    """Stop when the loss is so many of its usual deviations above its usual level for 3 steps; 0: never."""
    samples: int = 2
    """Samples written after each evaluation."""
    prompt: str = ""
    """What those samples begin with."""
    tensorboard: bool = False
    """Also log for TensorBoard, under RUN/tensorboard."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("batch", 1, 2**20),
            ("accumulate", 1, 2**16),
            ("lr", 0, 100),
            ("final", 0, 1),
            ("decay", 0, 1),
            ("beta1", 0, 0.99999),
            ("beta2", 0, 0.999999),
            ("weight_decay", 0, 100),
            ("clip", 0, 1e9),
            ("ema", 0, 0.9999999),
            ("smoothing", 0, 0.999),
            ("patience", 0, 10**6),
            ("spike", 0, 10**6),
            ("samples", 0, 1000),
            ("evaluate_symbols", 0, 2**40),
            ("seed", 0, 2**63 - 1),
        ):
            bounded(f"--train.{name}", getattr(self, name), low, high)
        if self.drop_given is not None:
            bounded("--train.drop_given", self.drop_given, 0, 1)
        for name in ("steps", "warmup", "evaluate_every", "truncate"):
            value = getattr(self, name)
            if value is not None:
                bounded(f"--train.{name}", value, 0 if name == "warmup" else 1, 2**40)
        if self.epochs is not None:
            bounded("--train.epochs", self.epochs, 1e-6, 1e6)
            if self.steps is not None:
                raise UserError("--train.epochs and --train.steps are both given; give one of them")

    def total(self, per_epoch: int) -> int:
        """How many steps to train, given the steps of an epoch."""
        if self.steps is not None:
            return self.steps
        if self.epochs is not None:
            return max(1, round(self.epochs * per_epoch))
        return min(5000, max(200, 10 * per_epoch))
