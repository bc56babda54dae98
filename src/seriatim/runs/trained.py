"""What every trained model has, whatever its kind of data."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, final

from seriatim.errors import UserError
from seriatim.modality import modality
from seriatim.models import Model
from seriatim.runs import arguments, checkpoint
from seriatim.runs.arguments import takes
from seriatim.runs.files import tidy
from seriatim.symbols import Labels, Symbols
from seriatim.walks.steer import Steer

STEER = arguments.instance(Steer, "a seriatim.Steer, or its fields as options such as temperature=0.8")
"""The check of an argument `steer`."""


class Trained(ABC):
    """A trained model with the codecs of its data and conditions.

    Args:
        model: p(x | c) over symbols.
        codecs: {"x": codec of the data, condition: its codec}.
        family: its key in `seriatim.models.FAMILIES`; "custom" if it has none.
        about: notes on its training, for people.

    Raises:
        UserError: if the codec of x is of another kind of data.
    """

    kind: ClassVar[str]
    """The kind of data, a key of `modality.HOMES`."""
    data_codec: ClassVar[type[Any]]
    """What the codec of x is."""

    def __init__(
        self,
        model: Model,
        codecs: Mapping[str, Symbols],
        family: str = checkpoint.CUSTOM,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(codecs.get("x"), self.data_codec):
            given = type(codecs.get("x")).__name__
            raise UserError(
                f"a model of {modality(self.kind).words} needs a {self.data_codec.__name__} as the codec of x, and "
                f"this one has a {given}"
            )
        self.model, self.codecs = model.eval(), dict(codecs)
        self.family, self.about = family, dict(about or {})

    def __repr__(self) -> str:
        size = sum(p.numel() for p in self.model.parameters())
        given = [*self.conditions]
        conditions = f", given {', '.join(given)}" if given else ""
        return f"<{type(self).__name__}: {self.family}, {size:,} parameters, {self.codecs['x'].kind}{conditions}>"

    @classmethod
    @takes(run=arguments.path, device=arguments.text, model=arguments.instance(Model, "a seriatim.Model"))
    def load(cls, run: str | Path, device: str = "cpu", model: Model | None = None) -> Self:
        """Open a run's directory.

        Args:
            run: the directory.
            device: cpu, cuda, mps.
            model: of a run saved under `custom`: a model of the same shapes, which takes the tensors.

        Raises:
            UserError: if it is missing, damaged or a model of another kind of data.
        """
        loaded = checkpoint.load(Path(run), device, model)
        if loaded.modality != cls.kind:
            held, wanted = modality(loaded.modality).words, modality(cls.kind).words
            raise UserError(f"{run} holds a model of {held}; expected one of {wanted}: use seriatim.load")
        return cls(loaded.model, loaded.codecs, loaded.family, loaded.about)

    @final
    @takes(folder=arguments.path)
    def save(self, folder: str | Path) -> None:
        """Write a run's directory that `seriatim.load` opens: safetensors and JSON.

        Raises:
            UserError: if it cannot be written; what was there before is untouched.
        """
        checkpoint.save(Path(folder), self.model, self.codecs, self.family, self.kind, self.about)
        tidy(Path(folder), "model")

    @property
    def conditions(self) -> dict[str, Symbols]:
        """{condition: its codec}."""
        return {name: codec for name, codec in self.codecs.items() if name != "x"}

    @property
    def label_codecs(self) -> dict[str, Labels]:
        """{condition: codec} of the conditions that are labels."""
        return {name: codec for name, codec in self.conditions.items() if isinstance(codec, Labels)}

    def labels(self, name: str) -> list[str]:
        """The values of a condition.

        Raises:
            UserError: if the model has no such condition.
        """
        known = self.label_codecs
        if name not in known:
            names = ", ".join(self.conditions)
            has = f"its conditions are {names}" if names else "it has no conditions"
            advice = f"train one on labelled {modality(self.kind).words}"
            raise UserError(f"this model is not conditioned on {name!r}; {has}: {advice}")
        return list(known[name].values)
