"""The commands for series."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seriatim.cli.common import INSPECTED, chosen_split, only, print_json, progressing, say, training_data, typed
from seriatim.cli.requests import Drawing, Judging
from seriatim.errors import UserError, tell

if TYPE_CHECKING:
    from seriatim.instruments.held import HeldSequences
    from seriatim.series.data.panel import Panel
    from seriatim.series.forecast import Forecasts
    from seriatim.series.model import SeriesModel
    from seriatim.series.options import SeriesOptions
    from seriatim.series.rolling import Rolling

_SHARED = ("json", "device", "threads", "limit", "series")
_ORIGINS = 20  # most, unless more are asked for
_LINES = 20  # most surprising values that are listed
_NAMED = 5
_READ = 400  # windows that the instruments read, spread over all


def evaluate(model: SeriesModel, asked: Judging) -> None:
    """Nats per value of held-out values, and forecasts from rolling origins beside a seasonal naive."""
    only("a model of series", (*_SHARED, "split", "horizon", "origins", "paths", "seed"))
    panel, name = panel_of(model, asked)
    say_unknown(model, panel)
    with progressing(len(model.windows(panel)), "evaluating") as progress:
        figures = model.evaluate(panel, progress=progress)
    ahead = asked.ahead
    horizon = ahead.horizon or model.codec.horizon
    fit = max((each.steps - each.first) // horizon for each in panel.items)
    origins = min(fit, _ORIGINS) if ahead.origins is None else ahead.origins
    found, why = None, f"the split is shorter than {horizon:,} steps; give --horizon"
    if origins:
        try:
            with progressing(origins * len(panel.items), "forecasting") as progress:
                found = model.rolling(panel, horizon, origins, ahead.paths, ahead.seed, progress=progress)
        except UserError as error:
            if ahead.origins is not None:
                raise
            why = str(error)
    if asked.as_json:
        print_json({"data": name, **figures.to_json(), **({} if found is None else {"rolling": found.to_json()})})
        return
    error = abs(figures.nats_per_value) * figures.relative_error
    spread = "" if math.isnan(error) else f" ± {error:.4f}"
    given = f"given the {figures.given:,} steps before each window of {figures.horizon:,}"
    say(f"{name}: {figures.values:,} values of {figures.series:,} series, {given}")
    say(f"  nats/value {figures.nats_per_value:z.4f}{spread}")
    if found is not None:
        say(*_table(found))
    elif ahead.origins is None:
        say(f"  no forecasts: {why}")


def _table(found: Rolling) -> list[str]:
    """Forecasters in rows."""
    heads = {"sql": "SQL", "mase": "MASE", "scaled_crps": "CRPS", "coverage_80": "in 80 %"}
    lines = [
        f"forecasts of {found.horizon:,} steps from {found.windows:,} origins, {found.series:,} series, "
        f"{found.paths:,} paths; in units of the mean seasonal difference before each",
        f"  {'':16s}" + "".join(f"{words:>9s}" for words in heads.values()),
    ]
    for name, row in found.rows.items():
        lines.append(f"  {name:16s}" + "".join(f"{row[key]:9.4f}" if key in row else f"{'':9s}" for key in heads))
    for name, (mean, error) in found.differences.items():
        lines.append(f"  SQL of the {name} less the model's: {mean:z.4f} ± {error:.4f}")
    return lines


def score(model: SeriesModel, asked: Judging) -> None:
    """The most surprising values, and a picture of all."""
    from seriatim.series.pictures import save_scores

    only("a model of series", _SHARED)
    most = _LINES if asked.limit is None else asked.limit
    if most < 1:
        raise UserError(f"--limit is {most}; give 1 or more")
    for file in asked.data:
        panel, name = panel_of(model, dataclasses.replace(asked, data=(file,), limit=None))
        say_unknown(model, panel)
        with progressing(len(model.windows(panel)), "scoring") as progress:
            terms = model.log_probs(panel, progress=progress)
        block = model.codec.block
        rows = [
            (-float(log_p), owner, at * block)
            for owner, each in enumerate(terms)
            for at, log_p in enumerate(each.tolist())
            if not math.isnan(log_p)
        ]
        rows.sort(key=lambda row: -row[0])
        for nats, owner, at in rows[:most]:
            item = panel.items[owner]
            when, values = _when(item.times, at), item.values[at : at + block].ravel().tolist()
            shown = values if len(values) > 1 else values[0]
            if asked.as_json:
                print(json.dumps({"series": item.name, "step": at, "time": when, "value": shown, "nats": nats}))
            else:
                words = ", ".join(f"{value:g}" for value in values[:4]) + (", …" if len(values) > 4 else "")
                say(f"{nats:z10.3f} nats  {item.name}  {when or f'step {at}'}  {words}")
        picture = asked.run / ("score.png" if len(asked.data) == 1 else f"score-{Path(file).stem}.png")
        if save_scores(panel, terms, block, picture):
            tell(f"{picture}: the values of {name}, and how surprising each is")


def _when(times: Any, at: int) -> str | None:
    return None if times is None else str(times[at].astype("datetime64[s]")).replace("T", " ").removesuffix(" 00:00:00")


def held_out(model: SeriesModel, asked: Judging) -> tuple[HeldSequences, str]:
    """Windows of held-out series for the instruments, and the name of the data."""
    import numpy as np

    from seriatim.instruments.held import HeldSequences
    from seriatim.series.data.windows import Cutter

    only("a model of series", INSPECTED)
    panel, name = panel_of(model, dataclasses.replace(asked, limit=None))
    say_unknown(model, panel)
    windows = model.windows(panel)
    if not windows:
        raise UserError(f"{name}: the series are shorter than what must be given; give longer ones")
    some = [windows[int(i)] for i in np.linspace(0, len(windows) - 1, min(_READ, len(windows))).astype(int)]
    batch, block = Cutter(panel, model.codecs).batch(some), model.codec.block
    words, unit = ("steps", "bits/step") if block == 1 else (f"blocks of {block} steps", "bits/block")
    return HeldSequences([*batch.x], batch.given, words, unit, [*batch.mask]), name


def sample(model: SeriesModel, asked: Drawing) -> None:
    """Paths of what may follow the run's own data."""
    only("a model of series", ("number", "seed", "temperature", "output", "device", "threads"))
    data, panel = own_of(asked.run)
    seed = asked.seeds if isinstance(asked.seeds, int) else asked.seeds[0]
    output = asked.output.output or Path("sample.csv")
    tell(f"paths that follow the end of {data}; seriatim forecast gives quantiles, and follows other files")
    forecast(
        model, panel, output, {"paths": asked.n, "seed": seed, "temperature": asked.steering.temperature}, (), True
    )


def forecast(
    model: SeriesModel,
    panel: Panel,
    output: Path,
    how: Mapping[str, Any],
    quantiles: Sequence[float],
    paths: bool,
    horizon: int | None = None,
) -> None:
    """Draw paths, write a table and a picture."""
    from seriatim.runs.files import write_text
    from seriatim.series.pictures import save_forecasts

    if output.suffix.lower() != ".csv":
        raise UserError(f"{output}: {output.suffix or 'no suffix'!r} is not a table; write to .csv")
    for level in quantiles:
        if not 0 <= level <= 1:
            raise UserError(f"--quantiles has {level:g}; give levels from 0 to 1, e.g. 0.1,0.5,0.9")
    say_unknown(model, panel)
    with progressing(len(panel.items), "forecasting") as progress:
        found = model.forecast(panel, horizon, progress=progress, **how)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_text(output, _csv(found, quantiles, paths))
    picture = output.with_suffix(".png")
    drawn = save_forecasts(found, panel, [each.steps for each in panel.items], picture)
    steps, count = found[0].paths.shape[1], found[0].paths.shape[0]
    begins = _when(found[0].times, 0)
    from seriatim.series.frequency import in_words

    span = f"{in_words(model.codec.frequency, steps)}{f' from {begins}' if begins else ''}"
    also = f", {picture}" if drawn else " (no picture: pip install 'seriatim[plot]')"
    tell(f"{output}{also}: {len(found):,} series, {span}, {count:,} paths, seed {how['seed']}")


def complete(model: SeriesModel, run: Path, file: Path, n: int, particles: int, seed: int, output: Path | None) -> None:
    """Fill gaps: a table with the mean and quantiles of every missing value."""
    import numpy as np

    from seriatim.cli.groups import Conditions
    from seriatim.runs.files import write_text
    from seriatim.series.filling import gaps

    only("a model of series", ("number", "particles", "seed", "output", "device", "threads"))
    path = Path("completed.csv") if output is None else output
    if path.suffix.lower() != ".csv":
        raise UserError(f"{path}: {path.suffix or 'no suffix'!r} is not a table; write to .csv")
    panel, name = panel_of(model, Judging(run, (str(file),), Conditions(), False))
    count = sum(1 for _ in gaps(panel))
    if not count:
        raise UserError(f"{name} has no gap with values before and after it; there is nothing to fill")
    with progressing(count, "filling") as progress:
        found = model.complete(panel, n, particles, seed, progress)
    rows = [
        ["series", "time", *([] if len(model.codec.channels) == 1 else ["channel"]), "mean", "q0.1", "q0.5", "q0.9"]
    ]
    for filled in found:
        item, gap = panel.items[filled.gap.owner], filled.gap
        for t in range(gap.start, gap.stop):
            for c, channel in enumerate(model.codec.channels):
                if math.isnan(item.values[t, c]):
                    own = filled.values[:, t - gap.start, c]
                    levels = np.quantile(own, (0.1, 0.5, 0.9)).tolist()
                    which = [item.name, _when(item.times, t) or str(t)]
                    which += [] if len(model.codec.channels) == 1 else [channel]
                    rows.append([*which, *(repr(value) for value in (float(own.mean()), *levels))])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_text(path, text.getvalue())
    worst = min(filled.effective for filled in found)
    tell(f"{path}: {count:,} gaps, {len(rows) - 1:,} values, {n:,} draws of each, seed {seed}")
    if particles > 1:
        few = "; more --particles would be closer" if worst < 0.1 * particles else ""
        tell(f"of {particles:,} particles at least {worst:.1f} counted{few}")


def _csv(found: Forecasts, quantiles: Sequence[float], paths: bool) -> str:
    """A table as text."""
    columns = found.columns(quantiles, paths)
    if "time" in columns:
        columns["time"] = [str(time.astype("datetime64[s]")).replace("T", " ") for time in columns["time"]]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def facts(model: SeriesModel) -> dict[str, object]:
    """Facts of `seriatim inspect --json`."""
    codec = model.codec
    return {
        "frequency": codec.frequency,
        "channels": list(codec.channels),
        "past_steps": codec.past,
        "horizon_steps": codec.horizon,
        "block_steps": codec.block,
        "rotation": codec.rotation,
    }


def lines(model: SeriesModel) -> list[str]:
    """Lines of `seriatim inspect`."""
    from seriatim.series.frequency import in_words

    codec = model.codec
    block = f", {codec.block} at a position" if codec.block > 1 else ""
    turned = f" ({codec.rotation})" if codec.rotation != "none" else ""
    return [
        f"series       {', '.join(codec.channels[:_NAMED])}; a step is {in_words(codec.frequency, 1)}",
        f"window       reads {codec.past:,} steps, predicts {codec.horizon:,}{block}{turned}",
    ]


def say_unknown(model: SeriesModel, panel: Panel) -> None:
    """Say which series the model has not seen, where it tells series apart."""
    unknown = model.unknown(panel)
    if unknown:
        names = ", ".join(unknown[:_NAMED]) + (", …" if len(unknown) > _NAMED else "")
        tell(f"{len(unknown):,} series are new to the model, which takes them for none of its own: {names}")


def options_of(model: SeriesModel, run: Path, given: SeriesOptions | None) -> SeriesOptions:
    """How the run's own data was read, at the model's frequency; what is typed overrides it."""
    from seriatim.series.options import SeriesOptions
    from seriatim.training.run import plan_of

    try:
        base = plan_of(run)[0].group(SeriesOptions)
    except UserError:  # a checkpoint without its plan
        base = SeriesOptions(joint=len(model.codec.channels) > 1, known=model.known)
    base = dataclasses.replace(base, frequency=model.codec.frequency, origins=None)
    own = {} if given is None else {name: getattr(given, name) for name in typed("series")}
    return dataclasses.replace(base, **own)


def own_of(run: Path) -> tuple[str, Panel]:
    """The name of the run's own data, and all of it: the last split ends where it does."""
    data, divided = training_data(run)
    return data, list(divided.splits.values())[-1]


def panel_of(model: SeriesModel, asked: Judging) -> tuple[Panel, str]:
    """A split of the run's own data, or all of a file or a named data set; and its name."""
    from seriatim.series.data.opening import open_set, read_panel
    from seriatim.series.holding import NAMES

    if asked.limit is not None and asked.limit < 1:
        raise UserError(f"--limit is {asked.limit}; give 1 or more")
    if not asked.data:
        data, divided = training_data(asked.run)
        panel, name = chosen_split(divided.splits, asked.split, data)
    else:
        (data,) = asked.data
        if data == "-":
            raise UserError("- is standard input, which is for text only; give a table as a file")
        options = options_of(model, asked.run, asked.series)
        if Path(data).exists() or data not in NAMES:
            (panel, note, _), name = read_panel(data, options), data
            tell(f"{data}: {note}")
        else:
            from seriatim.data.options import DataOptions

            panel, name = chosen_split(open_set(data, options, DataOptions()).splits, asked.split, data)
    if asked.limit is not None:
        panel = dataclasses.replace(panel, items=panel.items[: asked.limit])
    return panel, name
