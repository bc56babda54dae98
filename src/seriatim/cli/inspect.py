"""seriatim inspect."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from seriatim.cli.common import Data, Machine, opened, print_json, progressing, say
from seriatim.cli.groups import FLAT, Conditions, Json
from seriatim.cli.kinds import commands
from seriatim.cli.requests import Judging
from seriatim.errors import UserError, tell
from seriatim.modality import modality

if TYPE_CHECKING:
    from collections.abc import Callable

    from seriatim.runs.trained import Trained
    from seriatim.symbols import Symbols

_LONGEST = 600  # characters of a note, which anybody may have written
_SHOWN = 12  # labels of a condition


def inspect(
    run: Path,
    data: Data | None = None,
    /,
    *,
    horizon: bool = False,
    split: str | None = None,
    limit: int | None = None,
    output: Annotated[Path | None, Parameter(name=["-o", "--output"])] = None,
    as_json: Json = False,
    machine: Annotated[Machine, FLAT] = Machine(),  # noqa: B008 (frozen)
) -> None:
    """Describe a run: family, sizes, parameters, receptive field, tokenizer or levels, conditions.

    Parameters
    ----------
    run
        Directory written by `seriatim train`.
    data
        Data for --horizon. Default: the run's own.
    horizon
        Measure how far back the model looks: held-out bits when only the last 1, 2, 4, … elements are given.
    split
        For --horizon, of the run's own data: train, validation or test. Default: test.
    limit
        For --horizon: how many elements are predicted (400), or how many pictures are read (100).
    output
        For --horizon: the chart (needs the extra plot). Default: horizon.png.
    as_json
        One JSON object on standard output.
    """
    if not horizon and (data is not None or split is not None or limit is not None or output is not None):
        raise UserError("data, --split, --limit and --output are for --horizon; give it too, or leave them out")
    model = opened(run, machine, measured=True) if horizon else opened(run, Machine("cpu"))
    if horizon:
        given = () if data is None else (data,)
        _horizon(model, Judging(run, given, Conditions(), as_json, split=split, limit=limit), output)
        return
    _describe(model, as_json)


def _describe(model: Trained, as_json: bool) -> None:
    """What a model is."""
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


def _horizon(model: Trained, asked: Judging, output: Path | None) -> None:
    """How far back a model looks."""
    from seriatim.drawing.horizon import draw_horizon

    kind, path = commands(model.kind), Path("horizon.png") if output is None else output
    if not hasattr(kind, "horizon"):
        words = modality(model.kind).words
        raise UserError(f"{asked.run} is a model of {words}; --horizon is for text, pairs, audio, series and pictures")
    if path.suffix != ".png":
        raise UserError(f"{path}: charts are written to .png; give such a name")
    if asked.limit is not None and asked.limit < 1:
        raise UserError(f"--limit is {asked.limit}; give 1 or more")
    with ExitStack() as stack:

        def begins(total: int) -> Callable[[int], None]:
            tell(f"at most {total:,} {'passes' if model.kind == 'image' else 'positions'} to read; --limit N for fewer")
            return stack.enter_context(progressing(total, "reading"))

        found, name = kind.horizon(model, asked, begins)
    if draw_horizon(found, path, f"{model.family}: {name}"):
        tell(f"{path}: {found.unit} against what is given")
    else:
        tell("no chart: it needs matplotlib; pip install 'seriatim[plot]'")
    if asked.as_json:
        print_json({"data": name, **found.to_json()})
        return
    told = f"{found.unit} given the last k {found.words}, and above those given all"
    say(f"{name}: {len(found.whole):,} predictions, {told}")
    rows = [*map(str, found.spans), "all"]
    for k, bits, error, more, spread in zip(rows, found.bits, found.errors, found.more, found.more_errors, strict=True):
        beyond = "" if k == "all" else f"   {more:+z9.4f} ± {spread:.4f}"
        say(f"  {k:>6s}  {bits:z9.4f} ± {error:.4f}{beyond}")
    if found.enough is None:
        say(f"  what is before the last {found.spans[-1]:,} still tells something")
    else:
        say(f"  what is before the last {found.enough:,} tells no more, within two standard errors")


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
