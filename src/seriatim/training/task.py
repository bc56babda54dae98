"""What a run does with one kind of data; the loop around it is the same for all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seriatim.data.batches import Batches
from seriatim.models import Model
from seriatim.symbols import Symbols
from seriatim.training.plan import Data, Plan
from seriatim.training.unit import Unit


class Task(ABC):
    """One kind of data: how it becomes symbols, batches and figures, and what is shown of a model of it.

    Attributes:
        fingerprint: of the data.
        note: licence and caveats.
        codecs: {"x": …, condition: …}, learned by `learn` or read from a run.
        model: of this run, once there is one.
    """

    codecs: Mapping[str, Symbols]
    model: Model

    def __init__(self, plan: Plan, folder: Path, data: Data) -> None:
        self.plan, self.folder = plan, folder
        self.fingerprint, self.note = data.fingerprint, data.note

    @abstractmethod
    def learn(self) -> dict[str, Symbols]:
        """The codecs that the training split asks for."""

    def encoders(self, config: Any) -> dict[str, Any]:  # noqa: ARG002
        """What `building.build` must know of conditions besides their codecs, for a config. Default: nothing."""
        return {}

    def summary(self) -> str:
        """How much data there is, and how it is divided, for the user's eyes."""
        return ""

    def sizes(self) -> dict[str, Any]:
        """Fields of the config that the data suggests, where nobody says otherwise. Default: none."""
        return {}

    def finish(self, quiet: bool) -> None:  # noqa: ARG002
        """What is left to do with the run's best model once it is trained. Default: nothing."""
        return

    @abstractmethod
    def counts(self) -> NDArray[np.int64]:
        """(P, K): how often each of K symbols occurs in the training split, apart for each of P channels of x."""

    @abstractmethod
    def batches(self) -> Batches:
        """What the model learns from.

        Raises:
            UserError: if the options do not fit the data or the model.
        """

    @abstractmethod
    def validation(self) -> Callable[[], float] | None:
        """() -> nats a position on held-out data; None without any."""

    @abstractmethod
    def unit(self) -> Unit:
        """What its figures are counted in."""

    @abstractmethod
    def show(self, step: int) -> None:
        """Write samples of the model into the run."""
