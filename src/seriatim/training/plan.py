"""Everything that determines a run, as saved in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast, final, runtime_checkable

from seriatim import config as configs
from seriatim.config import Options
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.modality import Modality, modality
from seriatim.models import family
from seriatim.training.options import TrainOptions
from seriatim.training.settings import Settings

G = TypeVar("G", bound=Options)

IN_MEMORY = "(in memory)"
"""The `data` of a plan for a Python object: it must be passed again to resume."""

STANDARD_INPUT = "-"


@runtime_checkable
class Data(Protocol):
    """Data in splits, with a fingerprint and a note."""

    @property
    def splits(self) -> Mapping[str, Any]:
        """Some of "train", "validation" and "test"; none is empty."""
        ...

    @property
    def fingerprint(self) -> str:
        """sha256 of the data and its division: a resumed run checks that it has not changed."""
        ...

    @property
    def note(self) -> str:
        """Licence, attribution and caveats, in sentences."""
        ...


@final
@dataclass(frozen=True)
class Plan:
    """Everything that determines a run.

    Attributes:
        data: the name of a data set, or a path; `locate` makes paths absolute, so that they never equal a name.
        kind: the kind of data, a key of `modality.HOMES`.
        family: a key of `seriatim.models.FAMILIES`, or `checkpoint.CUSTOM`.
        net: fields of the family's config, except those that follow from the data.
        options: {group: options} of the kind of data; missing groups have their defaults.
        division: how data is divided.
        train: training options.
        begin: a run whose weights and codecs to start from.
        fold: (i, k): train for the i-th of k folds of cross-validation, from 0.
    """

    data: str
    kind: str = "text"
    family: str = "transformer"
    net: Mapping[str, Any] = field(default_factory=dict[str, Any])
    options: Mapping[str, Options] = field(default_factory=dict[str, Options])
    division: DataOptions = field(default_factory=DataOptions)
    train: TrainOptions = field(default_factory=TrainOptions)
    begin: str | None = None
    fold: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        known = self.modality.options
        for group, options in self.options.items():
            if type(options) is not known.get(group):
                wanted = ", ".join(f"{name}: {kind.__name__}" for name, kind in known.items())
                raise UserError(f"{group}={type(options).__name__} is not an option of {self.kind}; expected {wanted}")
        object.__setattr__(self, "options", {name: self.options.get(name, kind()) for name, kind in known.items()})

    @property
    def modality(self) -> Modality:
        """The record of the kind of data."""
        return modality(self.kind)

    @property
    def named(self) -> bool:
        """Whether the data is a named data set, which it remains if a path of that name appears later."""
        return self.data in self.modality.names

    def group(self, kind: type[G]) -> G:
        """The group of options of this class."""
        return next(cast(G, options) for options in self.options.values() if type(options) is kind)

    def changed(self, options: Options) -> Plan:
        """The same plan with one group of options replaced."""
        groups = {name: options if type(old) is type(options) else old for name, old in self.options.items()}
        return dataclasses.replace(self, options=groups)

    def continued(self, train: Mapping[str, Any]) -> Plan:
        """The plan of a resumed run: other steps, epochs, patience or device.

        Raises:
            UserError: if another training option would change.
        """
        for name, value in train.items():
            if name not in ("steps", "epochs", "patience", "device") and value != getattr(self.train, name):
                raise UserError(
                    f"--train.{name} was {getattr(self.train, name)} in this run, and --resume can only change steps, "
                    "epochs, patience and device; leave it out, or start a new run with --from"
                )
        clash = {"steps": "epochs", "epochs": "steps"}
        unset = {clash[name]: None for name in train if name in clash}
        return dataclasses.replace(self, train=dataclasses.replace(self.train, **{**unset, **train}))

    def open(self, data: object = None) -> Data:
        """Open the data, divided as in this run; `data`: the Python object, if it is one.

        Raises:
            UserError: if it cannot be read.
        """
        if self.data == IN_MEMORY and data is None:
            raise UserError("this run was trained on data in memory; give the same data again, in Python")
        record = self.modality
        if self.named:
            found = record.open_set(self.data, self.options, self.division)
        else:
            found = record.open(self.data if data is None else data, self.options, self.division)
        if self.fold is None:
            return found
        return folds(self, found, self.fold[1])[self.fold[0]]

    def settings(self) -> Settings:
        """As `config.toml` holds it."""
        return Settings(
            data=self.data,
            model=self.family,
            kind=self.kind,
            begin=self.begin,
            fold=self.fold,
            net=self.net,
            train=dataclasses.asdict(self.train),
            division=dataclasses.asdict(self.division),
            options={name: dataclasses.asdict(group) for name, group in self.options.items()},
        )

    @classmethod
    def of(cls, settings: Settings, where: str) -> Plan:
        """The reverse of `settings`; what is left out has its default.

        Raises:
            UserError: naming what is missing or wrong.
        """
        for key in ("data", "model", "kind"):
            if getattr(settings, key) is None:
                name = "data.path" if key == "data" else key
                raise UserError(f"{where} lacks {name}, which every run has; start a new run")
        record = modality(str(settings.kind))
        for name in settings.options:
            if name not in record.options:
                raise UserError(f"{where}: [{name}] does not apply to {record.words}; leave it out")
        return cls(
            data=str(settings.data),
            kind=record.name,
            family=str(settings.model),
            net=settings.net,
            options={name: kind(**settings.options.get(name, {})) for name, kind in record.options.items()},
            division=DataOptions(**settings.division),
            train=TrainOptions(**settings.train),
            begin=settings.begin,
            fold=settings.fold,
        )


def folds(plan: Plan, data: Any, k: int) -> list[Any]:
    """Data divided for k-fold cross-validation.

    Raises:
        UserError: if there is too little of it.
    """
    return list(plan.modality.folds(data, k, plan.options))


def locate(data: str | Path) -> str:
    """The absolute form of an existing path, so that a run can be resumed from any folder; names are unchanged.

    Raises:
        UserError: if its bytes are no text, which no file of settings could hold.
    """
    try:
        str(data).encode()
    except UnicodeEncodeError:
        raise UserError(
            f"the name {str(data)!r} is not UTF-8; rename the file, or give it through standard input"
        ) from None
    return configs.absolute(str(data)) if str(data) else str(data)


def check_family(name: str, record: Modality, data: str, option: str = "--model") -> None:
    """Refuse a family for another kind of data.

    Raises:
        UserError: if it is one.
    """
    kinds = family(name).kinds
    if record.name not in kinds:
        words = " and ".join(modality(kind).words for kind in kinds)
        raise UserError(f"{data} holds {record.words}, but {name} is for {words}; leave out {option}")
