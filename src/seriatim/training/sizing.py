"""What a run takes, before its first step, and the defaults that follow from its data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from seriatim.data.batches import Batches
from seriatim.errors import UserError
from seriatim.models import Model
from seriatim.models.likelihood import to_given
from seriatim.training.options import TrainOptions

EPOCH = 2
"""Steps that an epoch should have at least: small sets have small batches."""
LEAST = 50, 200
"""Steps that a run takes at least: 50 of large items, 200 of small ones."""
WORK = 2**24
"""Symbols that decide between the two."""
TENTH = 10
"""Evaluations of a run, unless the user says how often."""
LOAD = 2**17
"""Symbols of a step, above which the batch is smaller."""
FEW = 12
"""Passes over the training data above which training stops early."""
PATIENCE = 4, 80
"""Evaluations without improvement after which it then stops, and the least steps that they cover."""
_TRIED = 16  # items, of which the longest is measured
_COPIES = 4  # a weight, its gradient and two moments
_WORK = 2  # backward takes about as much again as forward has saved
_SHARE = 0.5  # of the free memory that a default batch may take


def free_memory(device: torch.device) -> int | None:
    """Bytes that this process can still take on a device, at most what its container allows; None if unknown."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type != "cpu":
        return None
    found: list[int] = []
    with suppress(OSError, ValueError, IndexError):
        line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
        found.append(int(line.split()[1]) * 1024)
    for most, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        with suppress(OSError, ValueError):
            found.append(max(0, int(Path(most).read_text()) - int(Path(used).read_text())))
    return min(found) if found else None


def weights_memory(model: Model, options: TrainOptions) -> int:
    """Bytes of a model's weights in training; the model may be on the meta device."""
    copies = _COPIES + (1 if options.ema else 0)
    return copies * sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())


def item_memory(model: Model, batches: Batches) -> int:
    """Bytes that one item of a batch takes in a training step, from what a forward pass of it keeps for backward."""
    some = (batches.batch(i) for i in range(min(_TRIED, max(1, batches.per_epoch))))
    batch, device = max(some, key=lambda each: each.x.size), model.device  # items may be of several lengths
    x = model.symbols(batch.x[:1])
    given = to_given({name: value[:1] for name, value in batch.given.items()}, device)
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.random.fork_rng(devices=[]), saved_tensors_hooks(pack, lambda tensor: tensor):
        model.train()
        model.log_probs(x, given)
    return _WORK * sum(kept.values())


def check_weights(model: Model, options: TrainOptions, free: int | None) -> None:
    """Refuse a model whose weights alone are beyond the memory there is.

    Raises:
        UserError: with both sizes.
    """
    need = weights_memory(model, options)
    if free is not None and need > free:
        count = sum(parameter.numel() for parameter in model.parameters())
        raise UserError(
            f"the model has {count:,} parameters, which take {in_words(need)} in training, and {in_words(free)} are "
            "free; give smaller sizes (--net.…)"
        )


@dataclasses.dataclass(frozen=True)
class Sizing:
    """The settled options of a run and what it takes.

    Attributes:
        options: with steps, batch and patience set.
        memory: bytes of a training step, about.
        passes: over the training data.
        steps: of the optimiser.
    """

    options: TrainOptions
    memory: int
    passes: float
    steps: int

    def __str__(self) -> str:
        stops = f", at most: {self.options.patience} evaluations without improvement end it"
        return (
            f"{self.steps:,} steps of {self.options.batch}, about {self.passes:.3g} passes over the training data"
            f"{stops if self.options.patience else ''}; about {in_words(self.memory)} of memory a step."
        )


def settle(
    options: TrainOptions, usual: int, batches: Callable[[int], Batches], model: Model, free: int | None
) -> Sizing:
    """Set what the user has left open, from the number of items, their size and the memory there is.

    Args:
        options: of the user.
        usual: the batch of a large set of small items.
        batches: size of a batch -> batches.
        model: the model to train.
        free: bytes of memory.

    Raises:
        UserError: if the memory is too small for one step.
    """
    one = batches(1)
    weights, each = weights_memory(model, options), item_memory(model, one)
    items, symbols = one.per_epoch, one.batch(0).x.size
    batch = options.batch
    if batch is None:
        most = usual if free is None else int((_SHARE * free - weights) / max(each, 1))
        batch = _power(min(usual, most, -(-items // EPOCH), LOAD // symbols))
    need = weights + batch * each
    if free is not None and need > free:
        less = "--train.batch, " if batch > 1 else ""
        raise UserError(
            f"a step of {batch} takes about {in_words(need)} of memory, and {in_words(free)} are free; give a smaller "
            f"{less}size of the data (--image.size, --audio.length, --net.context) or of the model (--net.…)"
        )
    per_epoch = batches(batch).per_epoch
    if options.steps is None and options.epochs is None:
        floor = min(max(WORK // (symbols * batch), LEAST[0]), LEAST[1])
        options = dataclasses.replace(options, steps=options.total(per_epoch, floor))
    total = options.total(per_epoch)
    passes = total * batch * options.accumulate / max(items, 1)
    patience = options.patience
    if patience is None:
        every = options.evaluate_every or max(1, total // TENTH)
        patience = max(PATIENCE[0], -(-PATIENCE[1] // every)) if passes > FEW else 0
    return Sizing(dataclasses.replace(options, batch=batch, patience=patience), need, passes, total)


def _power(number: int) -> int:
    """The largest power of two that is not larger, at least 1."""
    return 2 ** int(math.log2(max(1, number)))


def in_words(size: int) -> str:
    """Bytes for people."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
