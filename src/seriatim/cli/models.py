"""seriatim models."""

from __future__ import annotations

import dataclasses
import inspect as python
import re
from typing import TYPE_CHECKING, Any

from seriatim import config as configs
from seriatim.cli.common import print_json
from seriatim.cli.groups import Json

if TYPE_CHECKING:
    from seriatim.models import Family


def models(name: str | None = None, /, *, as_json: Json = False) -> None:
    """List the model families, or the --net options of one.

    Parameters
    ----------
    name
        A model family.
    as_json
        One JSON object on standard output.
    """
    from seriatim.models import FAMILIES, family
    from seriatim.models.plugins import known

    if name is None:
        if as_json:
            ours = {k: {"year": f.year, "paper": f.paper, "data": list(f.kinds)} for k, f in FAMILIES.items()}
            print_json({**ours, **{key: {"package": package} for key, package in known().items()}})
            return
        for key, entry in FAMILIES.items():
            print(f"{key:15s} {entry.year}  {', '.join(entry.kinds):13s} {entry.paper}")
        for key, package in known().items():
            print(f"{key:15s} from the package {package}")
        print("\n`seriatim models NAME` lists the --net.… options")
        return
    entry = family(name)
    each = [entry.of(kind) for kind in entry.kinds]
    if as_json:
        every = {one.data: {f.name: _default(f) for f in _sizes(one)} for one in each}
        print_json(every[entry.data] if len(every) == 1 else every)
        return
    print(f"{name}: {entry.paper}" + ("" if entry.year is None else f" ({entry.year})"))
    for one in each:
        if len(each) > 1:
            print(f"for {one.data}:")
        _print(one)


def _default(field: dataclasses.Field[Any]) -> Any:
    return None if field.default is dataclasses.MISSING else field.default


def _sizes(entry: Family) -> list[dataclasses.Field[Any]]:
    """The fields of a family's config that a user may set."""
    from seriatim.modality import modality
    from seriatim.runs.building import PARTS

    follow = {*modality(entry.data).follows, *PARTS}
    return [f for f in dataclasses.fields(entry.config) if f.name not in follow]


def _print(entry: Family) -> None:
    """The options of a family for one kind of data."""
    from seriatim.modality import modality

    described: dict[str, str] = {}
    for kind in reversed(entry.config.__mro__):
        described |= dict(re.findall(r"^ {8}(\w+): (.+?)(?=^ {8}\w+: |\Z)", _attributes(kind), re.M | re.S))
    kinds = configs.fields(entry.config)
    for f in _sizes(entry):
        words = " ".join(described.get(f.name, "").split())
        print(f"  --net.{f.name:12s} {words} [{configs.wanted(kinds[f.name])}; default {f.default}]")
    for option, value in {**modality(entry.data).training, **entry.training({})}.items():
        print(f"  --train.{option.replace('_', '-'):10s} [default of this family: {value}]")


def _attributes(kind: type) -> str:
    """The Attributes section of a docstring."""
    return "    " + (python.getdoc(kind) or "").split("Attributes:")[-1].split("\nExample:")[0].replace("\n", "\n    ")
