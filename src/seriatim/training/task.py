"""The part of training that depends on the kind of data; the loop is the same for all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
import torch
from numpy.typing import NDArray

from seriatim.data.batches import Batch, Batches
from seriatim.errors import UserError
from seriatim.models import Model
from seriatim.symbols import Labels, Numbers, Symbols, Vectors
from seriatim.symbols.lacking import Lacking
from seriatim.training.plan import Data, Plan
from seriatim.training.unit import Unit


class Task(ABC):
    """Training on one kind of data: codecs, batches, validation and samples.

    Attributes:
        fingerprint: of the data.
        note: licence and caveats.
        codecs: {"x": …, condition: …}, learned by `learn` or read from a run.
        model: of this run, once it exists.
        suits: the fields of the model's config that were chosen for these data.
    """

    codecs: Mapping[str, Symbols]
    model: Model
    usual_batch: ClassVar[int] = 32
    """The batch of a large set of small items."""

    def __init__(self, plan: Plan, folder: Path, data: Data) -> None:
        self.plan, self.folder = plan, folder
        self.fingerprint, self.note = data.fingerprint, data.note
        self.suits: Mapping[str, Any] = {}

    @abstractmethod
    def learn(self) -> dict[str, Symbols]:
        """Learn the codecs from the training split."""

    def encoders(self, config: Any) -> dict[str, Any]:  # noqa: ARG002
        """Settings of the conditions' encoders for `building.build`, given a config. Default: none."""
        return {}

    @abstractmethod
    def summary(self) -> str:
        """The amount of data, its division, and what a model sees of it, as sentences for display."""

    @final
    def opening(self) -> list[str]:
        """What is said before the first step: the data, the model, where it runs and where it is written."""
        # a named set's terms: data info
        note = "" if self.plan.named else self.note
        size, device = sum(p.numel() for p in self.model.parameters()), self.model.device
        count = torch.get_num_threads()
        threads = f", {count} thread{'s' * (count > 1)}" if device.type == "cpu" else ""
        suits = ", ".join(f"{name} {value}" for name, value in self.suits.items())
        suits = f" ({suits} for these data)" if suits else ""
        lines = [
            f"{self.plan.data}: {self.summary()} {note}".strip(),
            f"{self.plan.family}: {size:,} parameters{suits}, on {device}{threads}; run: {self.folder}",
        ]
        return [line for line in (*lines, self.afterwards()) if line]

    def afterwards(self) -> str:
        """What is trained after the model itself, for display. Default: nothing."""
        return ""

    def sizes(self) -> dict[str, Any]:
        """Fields of the config that follow from the data unless the user sets them. Default: none."""
        return {}

    @property
    def small(self) -> bool:
        """Whether there is so little to train on that dropout helps. Default: no."""
        return False

    def finish(self, quiet: bool) -> None:  # noqa: ARG002
        """Finish the run's best model after training. Default: nothing to do."""
        return

    @abstractmethod
    def counts(self) -> NDArray[np.int64] | None:
        """(P, K): counts of each of K symbols in the training split, for each of P channels of x; None for reals."""

    @abstractmethod
    def batches(self, size: int | None = None) -> Batches:
        """The training batches, of `size` items; None: of as many as the plan says, or the usual number.

        Raises:
            UserError: if the options do not fit the data or the model.
        """

    def whole(self) -> Batch:
        """All of the training split as one batch, for a family that is fitted to it at once."""
        raise UserError(f"{self.plan.family} is fitted to all data at once, which {self.plan.kind} does not do")

    @final
    def size(self, size: int | None) -> int:
        """The number of items of a batch."""
        return size or self.plan.train.batch or self.usual_batch

    @abstractmethod
    def validation(self) -> Callable[[], float] | None:
        """() -> nats per position on held-out data; None without any."""

    @abstractmethod
    def unit(self) -> Unit:
        """The unit of the figures."""

    @abstractmethod
    def show(self, step: int) -> None:
        """Write samples of the model into the run."""


_SHOWN = 5  # labels named


def conditions_in_words(codecs: Mapping[str, Symbols], origins: Mapping[str, str]) -> str:
    """The conditions of a model for display: "label (2: across, down; from subfolders)".

    Args:
        codecs: of x and the conditions.
        origins: {condition: where its values come from}; under "" for all others.
    """
    found: list[str] = []
    for name, codec in codecs.items():
        if name == "x":
            continue
        if isinstance(codec, Labels):
            more = ", …" if codec.size > _SHOWN else ""
            words = f"{codec.size:,}: {', '.join(f'{value!r:.40}'[1:-1] for value in codec.values[:_SHOWN])}{more}"
        elif isinstance(codec, Numbers):
            words = "a number"
        else:
            words = f"{codec.size:,} numbers" if isinstance(codec, Vectors) else f"{codec.kind}, {codec.size:,}"
        origin = origins.get(name, origins.get("", ""))
        found.append(f"{name} ({words}{f'; from {origin}' if origin else ''})")
    return f"conditions: {', '.join(found) or 'none'}."


def unheard_in_words(lacking: Sequence[Lacking], items: str) -> str:
    """What validation has and training has not, as sentences; empty if there is nothing."""
    return " ".join(f"In validation, {each.sentence(items)}." for each in lacking if each.unknown)


def missing_in_words(lacking: Sequence[Lacking], items: str) -> str:
    """Conditions that some of the training data lack, as sentences; empty if none does."""
    return " ".join(f"In training, {each.sentence(items)}." for each in lacking if each.missing)
