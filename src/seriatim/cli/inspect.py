"""seriatim inspect."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seriatim.cli.common import Machine, opened, print_json, say
from seriatim.cli.groups import Json
from seriatim.cli.kinds import commands

if TYPE_CHECKING:
    from seriatim.symbols import Symbols

_LONGEST = 600  # characters of a note, which anybody may have written
_SHOWN = 12  # labels of a condition


def inspect(run: Path, /, *, as_json: Json = False) -> None:
    """Describe a run: family, sizes, parameters, receptive field, tokenizer or levels, conditions.

    Parameters
    ----------
    run
        Directory written by `seriatim train`.
    as_json
        One JSON object on standard output.
    """
    model = opened(run, Machine("cpu"))
    parameters = sum(p.numel() for p in model.model.parameters())
    size = sum(p.numel() * p.element_size() for p in model.model.parameters())
    kind = commands(model.kind)
    config = {} if model.model.config is None else dataclasses.asdict(model.model.config)
    labels = {name: _labels(codec) for name, codec in model.codecs.items()}
    document = {
        "family": model.family,
        "parameters": parameters,
        "bytes": size,
        **kind.facts(model),
        "conditions": {name: codec.kind for name, codec in model.conditions.items()},
        "labels": {name: values for name, values in labels.items() if values is not None},
        "config": config,
        "about": model.about,
    }
    if as_json:
        print_json(document)
        return
    say(f"{model.family}, {parameters:,} parameters ({size / 2**20:.1f} MiB)")
    for line in kind.lines(model):
        say(f"  {line}")
    for name, codec in model.conditions.items():
        say(f"  condition    {name} ({codec.kind}{_known(codec)})")
    for name, value in config.items():
        say(f"  {name:12s} {value}")
    for name, value in model.about.items():
        if value != "":
            say(f"  {name[:_LONGEST]:12s} {str(value)[:_LONGEST]}")


def _labels(codec: Symbols) -> list[str] | None:
    """The labels of a condition, if it has any."""
    values: Any = getattr(codec, "values", None)
    return None if values is None else list(values)


def _known(codec: Symbols) -> str:
    """The first few labels of a condition, for display."""
    values = _labels(codec)
    if values is None:
        return ""
    more = f", … {len(values)} in total" if len(values) > _SHOWN else ""
    return f": {', '.join(values[:_SHOWN])}{more}"
