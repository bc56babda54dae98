"""The commands for trajectories: drawings and labelled series."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seriatim.cli.common import (
    chosen_split,
    classifiable,
    full_names,
    limited,
    only,
    print_json,
    progressing,
    say,
    say_lacking,
    say_note,
    seeds_in_words,
    training_data,
)
from seriatim.cli.groups import Conditions
from seriatim.cli.requests import Drawing, Judging
from seriatim.errors import UserError, tell
from seriatim.symbols.lacking import Lacking, given_key, given_words, together
from seriatim.trajectory.data.trajectories import LABEL
from seriatim.trajectory.data.trajectories import together as joined

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seriatim.trajectory.data.trajectories import Trajectories
    from seriatim.trajectory.model import TrajectoryModel
    from seriatim.trajectory.options import TrajectoryOptions

_SHARED = ("json", "device", "threads", "limit")
_SAMPLED = ("number", "given", "seed", "temperature", "max-length", "output", "columns", "device", "threads")
_ITEMS = "trajectories"
ADVICE = {LABEL: "give the folder whose subfolders are the labels, or a file that names them"}
_MOST = 1 << 20  # points that are known
_SEEDS = 8  # that are told
_SHOWN = 8  # of a file, that are completed


def evaluate(model: TrajectoryModel, asked: Judging) -> None:
    """Nats per step and per trajectory of held-out ones."""
    only("a model of trajectories", (*_SHARED, "split"))
    part, name = part_of(model, asked, *asked.data)
    say_lacking(model.lacking(part), _ITEMS, ADVICE)
    with progressing(part.points, "evaluating") as progress:
        figures = model.evaluate(part, progress=progress)
    if asked.as_json:
        print_json({"data": name, **figures.to_json()})
        return
    end = given_words(figures.given)
    spread = abs(figures.nats_per_step) * figures.relative_error
    error = "" if math.isnan(spread) else f" ± {spread:.4f}"
    bound = ", a bound" if figures.grid == 1 else ""
    noise = f" (values with uniform noise of width {figures.grid:g}{bound})" if figures.grid else ""
    say(f"{name}: {figures.trajectories:,} trajectories, {figures.steps:,} steps: points and ends")
    say(f"  nats/step{end}       {figures.nats_per_step:z.4f}{error}{noise}")
    say(f"  nats/trajectory{end} {figures.nats_per_trajectory:z.3f}")


def score(model: TrajectoryModel, asked: Judging) -> None:
    """Nats of each trajectory, highest nats/step first."""
    only("a model of trajectories", _SHARED)
    rows: list[tuple[str, float, int]] = []
    lacking: list[Lacking] = []
    for file in asked.data:
        part, _ = part_of(model, asked, file)
        lacking += model.lacking(part)
        with progressing(part.points, "scoring") as progress:
            terms = model.log_probs(part.x, model.given_of(part), progress=progress)
        each = [(0.0 - float(row.sum()), len(row)) for row in terms]
        rows += [(name, *pair) for name, pair in zip(full_names(file, part.names), each, strict=True)]
    say_lacking(together(lacking), _ITEMS, ADVICE)
    names = [*model.conditions]
    for name, nats, steps in sorted(rows, key=lambda row: -row[1] / row[2]):
        if asked.as_json:
            end = given_key(names)
            print(json.dumps({"name": name, f"nats{end}": nats, f"nats_per_step{end}": nats / steps, "steps": steps}))
        else:
            say(f"{nats / steps:z9.4f} nats/step{given_words(names)} {nats:z10.2f} nats  {name}")


def sample(model: TrajectoryModel, asked: Drawing) -> None:
    """Write drawings as a sheet, an animation of the pen or strokes; series as a table with a chart."""
    from seriatim.trajectory.writing import check_suffix, save
    from seriatim.walks.noise import own_seeds
    from seriatim.walks.steer import Steer

    only("a model of trajectories", _SAMPLED)
    drawn = model.codec.drawn
    path = asked.output.output or Path("samples.png" if drawn else "samples.csv")
    check_suffix(path, drawn)
    if asked.output.columns < 1:
        raise UserError(f"--columns is {asked.output.columns}; give 1 or more")
    given = asked.prompt.conditions
    seeds = own_seeds(asked.seeds, asked.n, _ITEMS)
    longest = 2 * model.codec.longest if asked.extent.max_length is None else asked.extent.max_length
    steer = Steer(temperature=asked.steering.temperature)
    with progressing(longest, "drawing") as progress:
        found = model.draw(asked.n, given, seeds, None, longest, steer, progress)
    labels = [given[LABEL]] * asked.n if LABEL in given else []
    files = save(found.points, path, model.codec.channels, labels, asked.output.columns, seeds=seeds)
    kept = path.suffix.lower() in (".png", ".svg") and drawn  # which hold the seeds
    shown = seeds_in_words(seeds) if kept or asked.n <= _SEEDS else f", the first seed {seeds[0]}"
    tell(f"{' and '.join(map(str, files))}: {_counted(found.points, model)}{shown}")
    if path.suffix.lower() in (".csv", ".ndjson") and (none := sum(not len(x) for x in found.points)):
        tell(f"{none:,} ended before the first point and are left out of the file")
    _say_unended(found.ended, longest)


def _counted(x: Sequence[Any], model: TrajectoryModel) -> str:
    """How many, and how long they are."""
    words = "drawing" if model.codec.drawn else "series"
    lengths = [len(each) for each in x]
    span = f"{min(lengths):,}" if min(lengths) == max(lengths) else f"{min(lengths):,} to {max(lengths):,}"
    return f"{len(x):,} {words}{'s' * (len(x) > 1 and model.codec.drawn)} of {span} points"


def _say_unended(ended: Sequence[bool], longest: int) -> None:
    if not all(ended):
        tell(f"{ended.count(False):,} had not ended after {longest:,} points; --max-length allows for more")


def complete(
    model: TrajectoryModel,
    run: Path,
    file: str,
    known: float,
    n: int,
    given: Mapping[str, str],
    seed: int,
    output: Path | None,
    temperature: float,
) -> None:
    """Go on with the beginnings of trajectories: a sheet with a row for each, or a table."""
    from seriatim.trajectory.writing import check_suffix, save
    from seriatim.walks.noise import seed_of
    from seriatim.walks.steer import Steer

    only("a model of trajectories", ("known", "number", "given", "seed", "output", "temperature", "device", "threads"))
    path = output or Path("completions.png")
    check_suffix(path, model.codec.drawn)
    if not 0 <= known < _MOST or (known > 1 and known != int(known)):
        raise UserError(f"--known is {known:g}; give the share of points that is known, from 0 to 1, or their number")
    part, name = part_of(model, Judging(run, (), Conditions(), False), file)
    if len(part.x) > _SHOWN:
        tell(f"{name}: the first {_SHOWN} of {len(part.x):,} trajectories are completed")
        part = part.taken(range(_SHOWN))
    if known > 1 and all(known >= len(x) for x in part.x):
        longest = max(len(x) for x in part.x)
        raise UserError(
            f"--known is {known:g}, and the longest has {longest:,} points; give fewer, or a share, e.g. 0.5"
        )
    rows: list[NDArray[np.float64]] = []
    marks: list[int] = []
    labels: list[str | None] = []
    ended: list[bool] = []
    longest = 2 * model.codec.longest
    with progressing(len(part.x), "completing") as progress:
        for i, x in enumerate(part.x):
            count = int(known) if known > 1 else round(known * len(x))
            count = min(count, len(x))
            own = {name: values[i] for name, values in model.given_of(part).items()} | dict(given)
            begun = x[:count] if count else None
            steer, most = Steer(temperature=temperature), max(longest, 2 * len(x))
            found = model.draw(n, own, seed_of(seed, str(i)), begun, most, steer)
            rows += [x, *found.points]
            marks += [count] * (n + 1)
            labels += [own.get(LABEL)] * (n + 1)
            ended += found.ended
            progress(i + 1)
    if path.suffix.lower() in (".csv", ".ndjson"):  # of what can be read again, the completions alone
        kept = [i for i in range(len(rows)) if i % (n + 1)]
        rows, marks, labels = [rows[i] for i in kept], [marks[i] for i in kept], [labels[i] for i in kept]
    shown = labels if any(labels) else []
    files = save(rows, path, model.codec.channels, shown, columns=n + 1, known=marks)
    if LABEL in model.label_codecs and None in labels:
        tell(f"completed without {LABEL}, which may be given, e.g. --given {LABEL}={model.labels()[0]}")
    itself = "" if path.suffix.lower() in (".csv", ".ndjson") else "itself and "
    tell(f"{' and '.join(map(str, files))}: of each of {len(part.x):,}, {itself}{n:,} completions, seed {seed}")
    _say_unended(ended, longest)


def accuracy(model: TrajectoryModel, asked: Judging, prior: Mapping[str, float] | None) -> tuple[float, int, str]:
    """The accuracy, the number of trajectories whose label the model knows, and the name of the data."""
    part, name = part_of(model, dataclasses.replace(asked, limit=None))
    known = model.given_of(part).get(LABEL, [])
    rows = classifiable(name, part.labels, known, _ITEMS)
    say_lacking(model.lacking(part), f"{_ITEMS}, which are left out", {})
    some = part.taken(rows)
    some = some if asked.limit is None else some.spread(asked.limit)
    names, count = model.labels(), len(some.x)
    with progressing(count, "classifying") as progress:
        best = model.posterior(some.x, prior, progress=progress).argmax(1)
    right = [names[int(guess)] == label for guess, label in zip(best, some.labels or (), strict=True)]
    return sum(right) / count, count, name


def posteriors(
    model: TrajectoryModel, asked: Judging, file: str, prior: Mapping[str, float] | None
) -> tuple[list[str], NDArray[np.float64], list[Lacking]]:
    """The names of a file's trajectories, the posterior of their labels, and what else they lack."""
    part, _ = part_of(model, asked, file)
    with progressing(len(part.x), "classifying") as progress:
        found = model.posterior(part.x, prior, progress=progress)
    return full_names(file, part.names), found, []


def facts(model: TrajectoryModel) -> dict[str, object]:
    """Facts of `seriatim inspect --json`."""
    codec = model.codec
    return {"drawings": codec.drawn, "channels": list(codec.channels), "longest": codec.longest, "grid": codec.grid}


def lines(model: TrajectoryModel) -> list[str]:
    """Lines of `seriatim inspect`."""
    codec = model.codec
    what = "drawings" if codec.drawn else f"series of {', '.join(codec.channels[:5])}"
    grid = f"; values on a grid of {codec.grid:g}" if codec.grid else ""
    return [f"trajectory   {what}, at most {codec.longest:,} points in training, and an end{grid}"]


def _listed(names: Sequence[str]) -> str:
    """The first few names."""
    return ", ".join(names[:5]) + (f", … ({len(names)})" if len(names) > 5 else "")


def options_of(run: Path) -> TrajectoryOptions:
    """How the run's own data was read; longer trajectories are not left out."""
    from seriatim.training.run import plan_of
    from seriatim.trajectory.options import TrajectoryOptions

    try:
        base = plan_of(run)[0].group(TrajectoryOptions)
    except UserError:  # a checkpoint without its plan
        base = TrajectoryOptions()
    return dataclasses.replace(base, longest=None)


def part_of(model: TrajectoryModel, asked: Judging, data: str | None = None) -> tuple[Trajectories, str]:
    """A split of the run's own data, or all of a file, a folder or a named data set; and its name."""
    from seriatim.data.options import DataOptions
    from seriatim.trajectory.data.opening import open_set, open_trajectories
    from seriatim.trajectory.holding import NAMES

    whole = limited(asked.limit)
    if data is None:
        data, held = training_data(asked.run)
        part, name = chosen_split(held.splits, asked.split, data)
        channels = held.channels
    elif data == "-":
        raise UserError("- is standard input, which is for text only; give trajectories as a file")
    elif Path(data).exists() or data not in NAMES:
        held = open_trajectories(data, options_of(asked.run), whole)
        say_note(held.note, data)
        channels, name = held.channels, data
        part = joined([*held.splits.values()])
    else:
        held = open_set(data, dataclasses.replace(options_of(asked.run), id=None, label=None, values=()), DataOptions())
        part, name = chosen_split(held.splits, asked.split, data)
        channels = held.channels
    if len(channels) != len(model.codec.channels) or held.drawn != model.codec.drawn:
        own, given = (_listed(names) for names in (model.codec.channels, channels))
        raise UserError(f"{name} has the channels {given}, and the model {own}; give the same")
    return (part if asked.limit is None else part.taken(range(min(asked.limit, len(part.x))))), name
