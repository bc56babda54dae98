"""Families from other packages: registered in Python, or announced by an entry point of the group `seriatim.families`.

An entry point names a module, `mingru = my_package.mingru`; importing the module registers the key. Only the module of
the key that is asked for is imported, so a broken package hurts nobody else. The current folder is not searched: a
`.dist-info` that lies there must not run.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from seriatim.errors import UserError
from seriatim.modality import modality
from seriatim.models.registry import FAMILIES, Family, built_in

if TYPE_CHECKING:
    from seriatim.models.base import Model

M = TypeVar("M", bound="type[Model]")

GROUP = "seriatim.families"
"""The group of entry points that announce families."""

RESERVED = ("custom",)
"""Keys that no family may have."""

_registered: dict[str, Family] = {}


def register(key: str, *, config: type[Any], data: str, paper: str = "", year: int | None = None) -> Callable[[M], M]:
    """Make a family of a model's class, so that the command line, `train` and `load` know it by its key.

    Args:
        key: what `--model` and `model.json` call it.
        config: a frozen dataclass of its sizes. It must have the fields that follow from the data: for text `symbols`
            and `start`, for images `height`, `width`, `channels` and `levels`, for audio `levels`, `channels` and
            `spread`. Fields `vector`, `field` and `memory` are set if there are conditions. Optional: `context`, the
            symbols of a training crop (Default: 128), and `horizon`, how far the model can look back at all
            (Default: None, without limit).
        data: the kind of data, a key of `seriatim.modality.HOMES`.
        paper: the reference.
        year: of the paper.

    Returns:
        A decorator that leaves the class, which is called as `model(config)`, as it is.

    Raises:
        UserError: if the key is built in or taken by another class, or if the config lacks a field.

    Example:
        >>> from dataclasses import dataclass
        >>> from torch import nn
        >>> from seriatim import heads, layers, models
        >>> @dataclass(frozen=True)
        ... class BagConfig:
        ...     symbols: int
        ...     width: int = 16
        ...     start: int = 0
        >>> @register("bag", config=BagConfig, data="text", paper="none: the next symbol from the last four", year=2026)
        ... class Bag(models.SequenceModel):
        ...     def __init__(self, config):
        ...         out = layers.Pointwise(nn.Linear(config.width, config.symbols))
        ...         net = layers.Serial(layers.Conv(config.width, config.width, kernel=4), out)
        ...         embedding = layers.Embedding(config.symbols, config.width)
        ...         super().__init__(embedding, net, heads.CategoricalHead(config.symbols), start=config.start)
        ...         self.config = config
        >>> family("bag")
        Family('none: the next symbol from the last four', 2026, 'text')
    """
    if not dataclasses.is_dataclass(config):
        raise UserError(f"the config of family {key!r} is {config!r}; a frozen dataclass is expected")
    fields = {field.name for field in dataclasses.fields(config)}
    lacking = [name for name in modality(data).follows if name not in fields]
    if lacking:
        raise UserError(f"the config of family {key!r} lacks the field {lacking[0]!r}, which follows from {data} data")

    def add(cls: M) -> M:
        if key in FAMILIES or key in RESERVED:
            raise UserError(f"the family {key!r} is built in, and {_name(cls)} cannot replace it; choose another key")
        other = _registered.get(key)
        if other is not None and _name(other.model) != _name(cls):
            raise UserError(f"the family {key!r} is claimed by {_name(other.model)} and by {_name(cls)}; remove one")
        _registered[key] = Family(cls, config, paper, year, data)
        return cls

    return add


def registered(key: str) -> Family | None:
    """A family that has been registered, or that an installed package announces; None if there is none.

    Raises:
        UserError: if two packages claim the key, or the package cannot be imported.
    """
    if key in _registered:
        return _registered[key]
    found = [(package, entry) for package, entry in _announced() if entry.name == key]
    if not found:
        return None
    packages = sorted({package for package, _ in found})
    if len(packages) > 1:
        raise UserError(f"the family {key!r} is claimed by the packages {' and '.join(packages)}; uninstall one")
    package, entry = found[0]
    try:
        with _installed_only():
            entry.load()
    except Exception as error:  # whatever a package of others does at import
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"the family {key!r} of the package {package} cannot be imported ({reason[:200]})") from error
    if key not in _registered:
        raise UserError(f"the package {package} announces the family {key!r}, but {entry.value} does not register it")
    return _registered[key]


def known() -> dict[str, str]:
    """{key: where it comes from} of the families that are not built in; nothing is imported."""
    there = {key: _name(family.model).split(".")[0] for key, family in _registered.items()}
    return {**{entry.name: package for package, entry in _announced() if entry.name not in FAMILIES}, **there}


def families() -> list[Family]:
    """The families that are built in or registered; those that are only announced are not imported."""
    return [*FAMILIES.values(), *_registered.values()]


def _announced() -> Iterator[tuple[str, metadata.EntryPoint]]:
    """(package, entry point) of every installed package but those of the current folder."""
    here = Path.cwd()
    places = [place for place in sys.path if place and Path(place).resolve() != here]
    for distribution in metadata.distributions(path=places):
        for entry in distribution.entry_points:
            if entry.group == GROUP:
                yield str(distribution.metadata["Name"]), entry


@contextmanager
def _installed_only() -> Generator[None]:
    """Imports that do not look into the current folder, which `python -m` puts first."""
    before, here = list(sys.path), os.path.realpath(Path.cwd())
    first = [place for place in before[:1] if place and os.path.realpath(place) != here]
    sys.path[:] = [*first, *(place for place in before[1:] if place)]
    try:
        yield
    finally:
        sys.path[:] = before


def _name(made: Any) -> str:
    return f"{getattr(made, '__module__', '?')}.{getattr(made, '__qualname__', made)}"


def family(name: str) -> Family:
    """The family of that name: built in, registered, or announced by an installed package.

    Raises:
        UserError: if it does not exist, or its package cannot be imported.

    Example:
        >>> family("wavenet").year
        2016
        >>> family("wavnet")
        Traceback (most recent call last):
            ...
        seriatim.errors.UserError: 'wavnet' is not a model family; did you mean 'wavenet'?
    """
    found = None if name in FAMILIES else registered(name)
    return built_in(name, known()) if found is None else found
