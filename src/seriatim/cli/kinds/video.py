"""The commands for films."""

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
    words,
)
from seriatim.cli.groups import Conditions
from seriatim.cli.requests import Drawing, Judging
from seriatim.errors import UserError, tell
from seriatim.symbols.lacking import Lacking, given_key, given_words, together
from seriatim.video.conditions import LABEL
from seriatim.video.data.films import Clip

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seriatim.data.arrays import UInt8
    from seriatim.video.data.films import Films
    from seriatim.video.model import VideoModel
    from seriatim.video.options import VideoOptions

_SAMPLED = (
    *("number", "given", "guidance", "seed", "temperature", "top-k", "top-p", "min-p", "typical", "frames"),
    *("given-frames", "prompt-file", "output", "columns", "device", "threads"),
)
_SHARED = ("json", "device", "threads", "limit", "given-frames")
_ITEMS = "films"
ADVICE = {"label": "give the folder whose subfolders are the labels", "action": "evaluate the run's own data"}
_TOGETHER = 32  # films that are classified together
_BY_FRAME = 24  # frames whose figures are printed each
_SHOWN = 8  # films of a run's own data that are continued unless -n says otherwise


def evaluate(model: VideoModel, asked: Judging) -> None:
    """Nats per frame and bits/dim of held-out clips, frame by frame."""
    only("a model of films", (*_SHARED, "split"))
    part, name = films_of(model, asked, *asked.data)
    clips, given = _clips(model, part, asked), asked.given_frames
    if given is not None and not 0 <= given < model.frames:
        raise UserError(f"--given-frames is {given}; expected 0 to {model.frames - 1}, of a clip's frames")
    say_lacking(model.lacking(part), _ITEMS, ADVICE)
    with progressing(len(clips) * model.frames, "evaluating") as progress:
        figures = model.evaluate(part, given_frames=given, clips=clips, progress=progress)
    if asked.as_json:
        print_json({"data": name, **figures.to_json()})
        return
    given = figures.given_frames
    first = f", the first {given} given" if given else ""
    say(f"{name}: {figures.clips:,} clips of {model.frames} frames{first}, of {figures.films:,} films")
    end = given_words(figures.given)
    kind = "" if figures.likelihood else "cross-entropy of grey targets (not a likelihood), "
    spread = "" if math.isnan(figures.standard_error) else f" ± {figures.standard_error:.3f}"
    say(f"  {kind}nats/frame{end} {figures.nats_per_frame:z.3f}{spread}")
    if figures.likelihood:
        scale = figures.dims * math.log(2)
        spread = "" if math.isnan(figures.standard_error) else f" ± {figures.standard_error / scale:.5f}"
        say(f"  bits/dim{end}   {figures.bits_per_dim:z.5f}{spread}")
    for first in range(0, min(len(figures.by_frame), _BY_FRAME), 8):
        each = figures.by_frame[first : min(first + 8, _BY_FRAME)]
        say(f"  frames {given + first:>3} on  {'  '.join(f'{value:z8.2f}' for value in each)}")


def score(model: VideoModel, asked: Judging) -> None:
    """Bits of each film, highest bits/dim first; and a picture of where the surprise is."""
    only("a model of films", (*_SHARED, "surprise"))
    model.judged("score")
    given, dims = asked.given_frames or 0, math.prod(model.shape)
    if given < 0:
        raise UserError(f"--given-frames is {given}; give 0 or more")
    rows: list[tuple[str, float, int]] = []
    lacking: list[Lacking] = []
    surprise = asked.surprise
    if surprise is not None:
        from seriatim.drawing.films import check_suffix

        check_suffix(surprise)
    for file in asked.data:
        part, _ = films_of(model, asked, file)
        lacking += model.lacking(part)
        kept = [i for i, length in enumerate(part.lengths) if length > given]
        if not kept:
            raise UserError(f"{file}: no film has more than the {given} frames that are given; give fewer")
        with progressing(sum(part.lengths[i] for i in kept), "scoring") as progress:
            own = model.given_of(part, [Clip(i, 0) for i in kept], max(part.lengths))
            terms = model.log_probs([part.x[i] for i in kept], own, progress=progress)
        names = full_names(file, [part.names[i] for i in kept])
        rows += [
            (n, 0.0 - each[given:].sum() / math.log(2), len(each) - given) for n, each in zip(names, terms, strict=True)
        ]
        if surprise is not None:
            _surprise(model, part.x[kept[0]], terms[0], given, surprise, names[0], part.rates)
            surprise = None
    say_lacking(together(lacking), _ITEMS, ADVICE)
    names = [*model.conditions]
    for name, bits, frames in sorted(rows, key=lambda row: -row[1] / row[2]):
        if asked.as_json:
            end = given_key(names)
            print(
                json.dumps(
                    {
                        "name": name,
                        f"bits{end}": bits,
                        f"bits_per_dim{end}": bits / frames / dims,
                        f"nats_per_frame{end}": bits / frames * math.log(2),
                        "frames": frames,
                    }
                )
            )
        else:
            say(f"{bits / frames / dims:z8.4f} bits/dim{given_words(names)} {bits:z12.1f} bits  {name}")


def _surprise(
    model: VideoModel,
    film: UInt8,
    log_p: NDArray[np.float64],
    given: int,
    path: Path,
    name: str,
    rates: Sequence[float],
) -> None:
    """Write the film, and below it how many bits each pixel costs."""
    import numpy as np

    from seriatim.drawing.films import heat, save_films

    bits = -log_p / math.log(2) / model.shape[-1]
    colour = film if film.shape[-1] == 3 else np.repeat(film, 3, -1)
    most = float(np.quantile(bits, 0.999))
    save_films(np.stack([colour, heat(bits, most)]), path, [given, given], rates[0] if rates else 0.0, columns=1)
    tell(f"{path}: {name} and its surprise; the brightest pixels cost {most:.2f} bits/dim or more")


def sample(model: VideoModel, asked: Drawing) -> list[str]:
    """Write films as an animation, a film or a sheet: new ones, or what may follow given frames.

    Returns the conditions that came with given frames.
    """
    import numpy as np

    from seriatim.drawing.films import check_suffix, save_compared, save_films
    from seriatim.drawing.sheets import fits
    from seriatim.walks.noise import own_seeds

    only("a model of films", _SAMPLED)
    path = asked.output.output
    if path is not None:
        check_suffix(path)
    if asked.output.columns < 1:
        raise UserError(f"--columns is {asked.output.columns}; give 1 or more")
    real, rate, own = _begun(model, asked)
    n = asked.n
    if real is not None and asked.prompt.prompt_file is None:
        n = len(real)
    known = 0 if real is None else asked.extent.given_frames or real.shape[1]
    usual = model.frames if known < model.frames else known + model.frames
    frames = usual if asked.extent.frames is None else asked.extent.frames
    if frames <= known:
        raise UserError(f"--frames is {frames}; give more than the {known} that are given")
    fits(n * min(frames, 20), model.shape, "fewer (-n)")
    given = {**own, **given_values(model, asked.prompt.conditions, frames)}
    if "action" in own and given["action"] is own["action"] and frames > model.frames:
        raise UserError(
            f"--frames is {frames}, and the run's own actions are those of {model.frames} frames; give fewer, or "
            "--given action=FILE"
        )
    seeds = own_seeds(asked.seeds, n, _ITEMS)
    begun = None if real is None else real[:, :known] if len(real) == n else np.repeat(real[:, :known], n, 0)
    with progressing(n * (frames - known), "drawing") as progress:
        drawn = model.sample(
            n, frames=frames, begun=begun, given=given, seed=seeds, progress=progress, **asked.steering.options()
        )
    beside = real is not None and len(real) == n and real.shape[1] >= frames and known < frames
    marks = [known] * n if known else []
    if path is None and beside and real is not None:
        save_compared(real[:, :frames], drawn, known, Path("samples"), rate)
        written = "samples.png and samples.gif"
    elif path is None:
        save_films(drawn, Path("samples.png"), marks, rate, asked.output.columns, seeds)
        save_films(drawn, Path("samples.gif"), marks, rate, asked.output.columns, seeds)
        written = "samples.png and samples.gif"
    else:
        save_films(drawn, path, marks, rate, asked.output.columns, seeds)
        written = str(path)
    first = f", the first {known} given" if known else ""
    above = ", below the real ones" if path is None and beside else ""
    tell(f"{written}: {n} film{'s' * (n != 1)} of {frames} frames{first}{above}{seeds_in_words(seeds)}")
    if not model.likelihood:
        tell("this model draws pixels black or white; its cross-entropy is no likelihood of grey ones")
    return [*own]


def _begun(model: VideoModel, asked: Drawing) -> tuple[UInt8 | None, float, dict[str, Any]]:
    """Real films that samples begin as, their frames per second, and their conditions; none if none are wanted."""
    import numpy as np

    from seriatim.video.task import spread

    count, file = asked.extent.given_frames, asked.prompt.prompt_file
    if count is None and file is None:
        return None, 0.0, {}
    if count is not None and count < 1:
        raise UserError(f"--given-frames is {count}; give 1 or more, or leave it out to draw films from nothing")
    request = Judging(asked.run, (), Conditions(), False)
    if file is not None:
        part, _ = films_of(model, request, str(file))
        if len(part.lengths) != 1:
            raise UserError(f"{file} holds {len(part.lengths)} films; give one")
        if count is not None and count > part.lengths[0]:
            raise UserError(f"{file} has {part.lengths[0]} frames; give at most as many --given-frames")
        rate = part.rates[0] if part.rates else 0.0
        x = part.x[0][None]
        return (x if count is None else x[:, :count]), rate, {}
    part, name = films_of(model, request)
    clips = part.clips(model.frames, model.frames)
    counted = any(word.startswith(("-n", "--number")) for word in words.get())
    chosen = spread(clips, asked.n if counted else _SHOWN)
    if counted and asked.n > len(chosen):
        raise UserError(f"{name} has {len(clips)} clips of {model.frames} frames; give fewer (-n)")
    if count is not None and count >= model.frames:
        raise UserError(
            f"--given-frames is {count}, and clips have {model.frames} frames; give fewer, or --prompt-file"
        )
    rate = part.rates[0] if part.rates else 0.0
    x = np.stack([part.x[clip.film][clip.start : clip.start + model.frames] for clip in chosen])
    x = model.shown(x)  # as the model sees them
    return x, rate, model.given_of(part, chosen)


def given_values(model: VideoModel, given: Mapping[str, str], frames: int) -> dict[str, Any]:
    """Parse NAME=VALUE: a label, or a file of actions."""
    from seriatim.video.actions import Actions
    from seriatim.video.data.actions import read_actions

    return {
        name: read_actions(Path(value), "the film", frames) if isinstance(model.codecs.get(name), Actions) else value
        for name, value in given.items()
    }


def accuracy(model: VideoModel, asked: Judging, prior: Mapping[str, float] | None) -> tuple[float, int, str]:
    """The accuracy, the number of films whose label the model knows, and the name of the data."""
    from seriatim.video.task import spread

    part, name = films_of(model, dataclasses.replace(asked, limit=None))
    whole = [Clip(i, 0) for i in range(len(part.lengths))]
    known = model.given_of(part, whole, max(part.lengths)).get(LABEL, [])
    rows = classifiable(name, part.labels, known, _ITEMS)
    say_lacking([each for each in model.lacking(part) if each.name == LABEL], f"{_ITEMS}, which are left out", {})
    some = part.taken(rows if asked.limit is None else spread(rows, asked.limit))
    names, best = model.labels(), _posterior(model, some, prior).argmax(1)
    right = [names[int(guess)] == label for guess, label in zip(best, some.labels or (), strict=True)]
    return sum(right) / len(right), len(right), name


def posteriors(
    model: VideoModel, asked: Judging, file: str, prior: Mapping[str, float] | None
) -> tuple[list[str], NDArray[np.float64], list[Lacking]]:
    """The names of a file's films, the posterior of their labels, and what else they lack."""
    part, _ = films_of(model, asked, file)
    without = [each for each in model.lacking(part) if each.name != LABEL]
    return full_names(file, part.names), _posterior(model, part, prior), without


def _posterior(model: VideoModel, part: Films, prior: Mapping[str, float] | None) -> NDArray[np.float64]:
    """Of every whole film, that of the labels, given its actions."""
    import numpy as np

    found: list[NDArray[np.float64]] = []
    with progressing(len(part.lengths), "classifying") as progress:
        for first in range(0, len(part.lengths), _TOGETHER):
            some = part.taken(range(first, min(first + _TOGETHER, len(part.lengths))))
            given = model.given_of(some, [Clip(i, 0) for i in range(len(some.lengths))], max(some.lengths))
            other = {name: value for name, value in given.items() if name != LABEL}
            found.append(model.posterior([*some.x], prior, given=other))
            progress(first + len(some.lengths))
    return np.concatenate(found)


def facts(model: VideoModel) -> dict[str, object]:
    """Facts of `seriatim inspect --json`."""
    height, width, channels = model.shape
    return {
        "height": height,
        "width": width,
        "channels": channels,
        "levels": model.levels.levels,
        "frames": model.frames,
        "likelihood": model.likelihood,
        **_sight(model),
    }


def lines(model: VideoModel) -> list[str]:
    """Lines of `seriatim inspect`."""
    height, width, channels = model.shape
    colours = "grey" if channels == 1 else f"{channels} colours"
    figures = "" if model.likelihood else "; cross-entropies of grey targets, no likelihoods"
    shape = f"films        {height} × {width}, {colours}, {model.levels.levels} levels, clips of {model.frames} frames"
    return [shape + figures, *[f"{key.replace('_', ' ')}: {seen}" for key, seen in _sight(model).items()]]


def _sight(model: VideoModel) -> dict[str, object]:
    """How much of its own frame, and of the frames before, a sub-pixel in the middle sees."""
    height, width, channels = model.shape
    nested = model.nested
    small = min(height, 16), min(width, 16)
    colours = channels if len(nested.inner.canvas) == 3 else 1
    relation = nested.inner.relation((*small, *nested.inner.canvas[2:]))
    n = small[0] * small[1] * colours
    middle = (small[0] // 2 * small[1] + small[1] // 2) * colours
    own = int(relation[middle, :n].sum())
    before = (relation[middle, n:].float() @ nested.outer.pixels(0, *small).float() > 0).sum()
    where = f"row {small[0] // 2}, column {small[1] // 2} of {small[0]} × {small[1]}"
    return {
        "sees_of_its_frame": f"{own} of {middle} positions before it ({where})",
        "sees_of_the_frame_before": f"{int(before)} of {small[0] * small[1]} pixels, and of all earlier frames",
    }


def options_of(model: VideoModel, run: Path) -> VideoOptions:
    """How the run's own films were read, at the model's size."""
    from seriatim.training.run import plan_of
    from seriatim.video.options import VideoOptions

    try:
        base = plan_of(run)[0].group(VideoOptions)
    except UserError:  # a checkpoint without its plan
        base = VideoOptions(levels=min(model.levels.levels, 256), frames=model.frames)
    height, width, channels = model.shape
    colour = {1: "grey", 3: "rgb"}.get(channels, "auto")
    return dataclasses.replace(base, size=(height, width), colour=colour, labels=None, actions=None)


def films_of(model: VideoModel, asked: Judging, data: str | None = None) -> tuple[Films, str]:
    """A split of the run's own data, or all films of a file, a folder or a named data set; and its name."""
    from seriatim.data.options import DataOptions
    from seriatim.video.data.folder import read_path
    from seriatim.video.data.opening import open_reel
    from seriatim.video.holding import NAMES

    whole = limited(asked.limit)
    if data is None:
        data, reel = training_data(asked.run)
        part, name = chosen_split(reel.splits, asked.split, data)
    elif Path(data).exists() or data not in NAMES:
        part, note = read_path(Path(data), options_of(model, asked.run), whole)
        say_note(note, data)
        name = data
    else:
        reel = open_reel(data, options_of(model, asked.run), DataOptions())
        part, name = chosen_split(reel.splits, asked.split, data)
    count = len(part.lengths) if asked.limit is None else min(asked.limit, len(part.lengths))
    return (part if count == len(part.lengths) else part.taken(range(count))), name


def _clips(model: VideoModel, part: Films, asked: Judging) -> list[Clip]:
    """The clips of a split that are judged."""
    clips = part.clips(model.frames, model.frames)
    if not clips:
        longest = max(part.lengths)
        raise UserError(f"a clip has {model.frames} frames, and the longest film {longest}; give longer ones")
    return clips if asked.limit is None else clips[: asked.limit]
