"""seriatim inspect."""

from __future__ import annotations

import dataclasses
import math
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from seriatim.cli.common import Data, Machine, only, opened, print_json, progressing, say
from seriatim.cli.groups import FLAT, Conditions, Json
from seriatim.cli.kinds import commands
from seriatim.cli.requests import Judging
from seriatim.errors import UserError, tell
from seriatim.modality import modality
from seriatim.text.options import TextOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seriatim.instruments.held import HeldPictures, HeldSequences
    from seriatim.runs.trained import Trained
    from seriatim.symbols import Symbols
    from seriatim.text.recall import Recalled

    Held = HeldSequences | HeldPictures

_LONGEST = 600  # characters of a note, which anybody may have written
_SHOWN = 12  # labels of a condition


def inspect(
    run: Path,
    data: Data | None = None,
    /,
    *,
    horizon: bool = False,
    sight: bool = False,
    recall: bool = False,
    split: str | None = None,
    limit: int | None = None,
    output: Annotated[Path | None, Parameter(name=["-o", "--output"])] = None,
    conditions: Annotated[Conditions, FLAT] = Conditions(),  # noqa: B008 (frozen)
    as_json: Json = False,
    machine: Annotated[Machine, FLAT] = Machine(),  # noqa: B008
    text: Annotated[TextOptions | None, Parameter(name="--text")] = None,
) -> None:
    """Describe a run: family, sizes, parameters, receptive field, tokenizer or levels, conditions.

    Parameters
    ----------
    run
        Directory written by `seriatim train`.
    data
        Data for --horizon, --sight or --recall. Default: the run's own.
    horizon
        Measure how far back the model looks: held-out bits when only the last 1, 2, 4, … elements are given.
    sight
        Measure how strongly it sees which past elements, and what its parts cost.
    recall
        Measure how many letters it recalls across which gap, in documents that `seriatim data recall` makes.
    split
        Of the run's own data: train, validation or test. Default: test.
    limit
        How many elements are predicted (400, for --sight 64), or how many pictures (100) or, for --recall, documents
        are read.
    output
        The chart (needs the extra plot). Default: horizon.png, sight.png or recall.png.
    as_json
        One JSON object on standard output.
    """
    wanted = [word for word, on in (("horizon", horizon), ("sight", sight), ("recall", recall)) if on]
    if not wanted:
        if data is not None or split is not None or limit is not None or output is not None:
            raise UserError("data, --split, --limit and -o are for --horizon, --sight or --recall; give one of these")
        only("a run's description", ("json", "device", "threads"))
        _describe(opened(run, Machine("cpu") if machine == Machine() else machine), as_json)
        return
    if len(wanted) > 1:
        raise UserError(f"--{wanted[0]} and --{wanted[1]} are two measurements; give one")
    path = output or Path(f"{wanted[0]}.png")
    if path.suffix != ".png":
        raise UserError(f"{path}: charts are written to .png; give such a name")
    if not path.parent.is_dir():
        raise UserError(f"{path}: the folder {path.parent} does not exist; create it, or write elsewhere")
    if data is not None and split is not None:
        raise UserError("--split is for the run's own data, but data is given; leave it out")
    if limit is not None and limit < 1:
        raise UserError(f"--limit is {limit}; give 1 or more")
    model = opened(run, machine, measured=True)
    kind, given = commands(model.kind), () if data is None else (data,)
    asked = Judging(run, given, conditions, as_json, text, split, limit)
    words = modality(model.kind).words
    if recall:
        if not hasattr(kind, "recall"):
            raise UserError(f"{run} is a model of {words}; --recall is for models of text")
        found, name = kind.recall(model, asked)
        _recall(model, found, name, path, as_json)
        return
    if not hasattr(kind, "held_out"):
        raise UserError(f"{run} is a model of {words}; --{wanted[0]} is for text, pairs, audio, series and pictures")
    held, name = kind.held_out(model, asked)
    if horizon:
        _horizon(model, held, name, path, limit, as_json)
    else:
        _sight(model, held, name, path, limit, as_json)


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


def _horizon(model: Trained, held: Held, name: str, path: Path, limit: int | None, as_json: bool) -> None:
    """How far back a model looks."""
    from seriatim.drawing.instruments import draw_horizon
    from seriatim.instruments import rows
    from seriatim.instruments.held import HeldPictures
    from seriatim.instruments.horizon import LIMIT, horizon_of

    with ExitStack() as stack:

        def begins(total: int) -> Callable[[int], None]:
            tell(f"at most {total:,} {'passes' if model.kind == 'image' else 'positions'} to read; --limit N for fewer")
            return stack.enter_context(progressing(total, "reading"))

        if isinstance(held, HeldPictures):
            found = rows.horizon_of(model.model, held, begins)
        else:
            found = horizon_of(model.model, held, LIMIT if limit is None else limit, begins=begins)
    _say_drawn(draw_horizon(found, path, f"{model.family}: {name}"), path, f"{found.unit} against what is given")
    if as_json:
        print_json({"data": name, **found.to_json()})
        return
    told = f"{found.unit} given the last k {found.words}, and above those given all"
    say(f"{name}: {len(found.whole):,} predictions, {told}")
    columns = [*map(str, found.spans), "all"], found.bits, found.errors, found.more, found.more_errors
    for k, bits, error, more, spread in zip(*columns, strict=True):
        beyond = "" if k == "all" else f"   {more:+z9.4f} ± {spread:.4f}"
        say(f"  {k:>6s}  {bits:z9.4f} ± {error:.4f}{beyond}")
    if len(found.whole) < 2:
        return
    if found.enough is None:
        say(f"  what is before the last {found.spans[-1]:,} still tells something")
    else:
        say(f"  what is before the last {found.enough:,} tells no more, within two standard errors")
    best = min(range(len(found.spans)), key=lambda i: found.more[i])
    if found.more[best] < -2 * found.more_errors[best]:
        say(f"  given all it does worse than given the last {found.spans[best]:,}")


def _sight(model: Trained, held: Held, name: str, path: Path, limit: int | None, as_json: bool) -> None:
    """What a model sees and how strongly, and what its parts cost."""
    from seriatim.drawing.instruments import draw_sight
    from seriatim.instruments.cost import costs_of
    from seriatim.instruments.sight import PLACES, sight_of

    found = sight_of(model.model, held, PLACES if limit is None else limit)
    parts, positions = costs_of(model.model, held)
    _say_drawn(draw_sight(found, path, f"{model.family}: {name}"), path, "how strongly it sees what")
    if as_json:
        print_json({"data": name, **found.to_json(), "positions": positions, "parts": [p._asdict() for p in parts]})
        return
    say(f"{name}: how strongly {found.words} are seen, in nats to first order; {found.count:,} predictions")
    if found.place is None:
        back = [k for k in (1 << i for i in range(20)) if k <= len(found.strength)]
        say("  back      " + "".join(f"{k:>10,}" for k in back))
        say("  nats      " + "".join(f"{found.strength[k - 1]:10.2g}" for k in back))
        if found.middle is not None:
            say(f"  half of it comes from the last {found.middle:,} of {len(found.strength):,}")
    say(f"  of {int(found.past.sum()):,} {found.words} before, {found.blind:,} cannot be seen")
    say(f"one pass over {positions:,} positions:")
    say(f"  {'part':24s}{'layers':>8s}{'parameters':>14s}{'million multiplications':>26s}{'ms':>10s}")
    for part in parts:
        took = "-" if math.isnan(part.seconds) else f"{1e3 * part.seconds:.2f}"
        layers = part.layers or ""
        say(f"  {part.name:24s}{layers:>8}{part.parameters:14,}{part.multiplications / 1e6:26,.1f}{took:>10s}")


def _recall(model: Trained, found: Sequence[Recalled], name: str, path: Path, as_json: bool) -> None:
    """How much a model recalls across which gap."""
    from seriatim.drawing.instruments import draw_recall

    curve = [(each.gap, each.accuracy, each.error) for each in found]
    _say_drawn(draw_recall(curve, path, f"{model.family}: {name}"), path, "letters recalled against the gap")
    if as_json:
        rows = [{**each._asdict(), "accuracy": each.accuracy} for each in found]
        print_json({"data": name, "gaps": rows})
        return
    say(f"{name}: letters that are recalled across a gap, of {sum(each.asked for each in found):,}")
    for gap, accuracy, error in curve:
        say(f"  {gap:8,}  {100 * accuracy:6.2f} % ± {100 * error:.2f}")


def _say_drawn(drawn: bool, path: Path, what: str) -> None:
    tell(f"{path}: {what}" if drawn else "no chart: it needs matplotlib; pip install 'seriatim[plot]'")


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
