"""seriatim inspect."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seriatim.cli.common import open_model, print_json


def inspect(run: Path, /, *, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> None:
    """What a run holds: family, sizes, parameters, how far it looks back, tokenizer, conditions.

    Parameters
    ----------
    run
        The directory that `seriatim train` has written.
    as_json
        One JSON object on standard output.
    """
    model = open_model(run, "cpu")
    parameters = sum(p.numel() for p in model.model.parameters())
    size = sum(p.numel() * p.element_size() for p in model.model.parameters())
    document = {
        "family": model.family,
        "parameters": parameters,
        "bytes": size,
        "looks_back_symbols": model.horizon,
        "tokenizer": model.tokenizer.kind,
        "symbols": model.tokenizer.size,
        "lossless": model.tokenizer.lossless,
        "conditions": {name: codec.kind for name, codec in model.conditions.items()},
        "config": dataclasses.asdict(model.model.config),
        "about": model.about,
    }
    if as_json:
        print_json(document)
        return
    back = "all of the past, in a state" if model.horizon is None else f"{model.horizon} symbols"
    print(f"{model.family}, {parameters:,} parameters ({size / 2**20:.1f} MiB)")
    print(f"  looks back   {back}")
    print(f"  tokenizer    {model.tokenizer.kind}, {model.tokenizer.size} symbols")
    for name, codec in model.conditions.items():
        print(f"  condition    {name} ({codec.kind})")
    for name, value in dataclasses.asdict(model.model.config).items():
        print(f"  {name:12s} {value}")
    for name, value in model.about.items():
        print(f"  {name:12s} {value}")
