"""The commands for pictures."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seriatim.cli.common import (
    INSPECTED,
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
from seriatim.image.conditions import LABEL, MAP, VECTOR
from seriatim.symbols.lacking import Lacking, given_key, given_words, together

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seriatim.image.data.gallery import Pictures
    from seriatim.image.model import ImageModel
    from seriatim.image.options import ImageOptions
    from seriatim.instruments.held import HeldPictures
    from seriatim.symbols import Given
    from seriatim.training.plan import Plan

_SAMPLED = (
    *("number", "given", "guidance", "seed", "temperature", "top-k", "top-p", "min-p", "typical"),
    *("output", "columns", "singles", "device", "threads", "backend"),
)
_READ = 100  # pictures that the instruments read unless the user says otherwise
_SHARED = ("json", "device", "threads", "limit")
_CONDITIONS = ("maps", "vectors")
ADVICE = {
    MAP: "give --maps FOLDER, a map per picture",
    VECTOR: "give --vectors, one per picture",
    LABEL: "give the folder whose subfolders are the labels",
}
"""What to do about pictures without a condition."""
_WORDS = {
    "bits_per_dim": "bits/dim    ",
    "nats_per_image": "nats/image  ",
    "bits_per_dim_given_code": "bits/dim, given the picture's own code (not a likelihood)",
    "nats_per_code": "nats/code under the prior",
    "bits_per_dim_bound": "bits/dim at most (a bound: code plus picture)",
    "nats_per_image_bound": "nats/image at most",
}


def evaluate(model: ImageModel, asked: Judging) -> None:
    """Bits/dim of held-out pictures."""
    only("a model of pictures", (*_SHARED, "split", *_CONDITIONS))
    pictures, name = pictures_of(model, asked, *asked.data)
    say_lacking(model.lacking(pictures), "pictures", ADVICE)
    with progressing(len(pictures.x), "evaluating") as progress:
        figures = model.evaluate(pictures, progress=progress)
    values = figures.to_json()
    if asked.as_json:
        print_json({"data": name, **values})
        return
    say(f"{name}: {values['images']:,} pictures of {values['dims']:,} values")
    names = () if model.code is not None else tuple(model.conditions)
    for key, words in _WORDS.items():
        if (given := f"{key}{given_key(names)}") in values:
            error = values.get(f"{given}_standard_error", math.nan)
            spread = "" if math.isnan(error) else f" ± {error:.4f}"
            say(f"  {f'{words.rstrip()}{given_words(names)}' if names else words} {values[given]:z.4f}{spread}")


def score(model: ImageModel, asked: Judging) -> None:
    """Bits of each picture, highest bits/dim first; for an auto-encoder an upper bound."""
    only("a model of pictures", (*_SHARED, *_CONDITIONS))
    most = "" if model.code is None else " at most"
    rows: list[tuple[str, float]] = []
    lacking: list[Lacking] = []
    dims = math.prod(model.shape)
    for file in asked.data:
        pictures, _ = pictures_of(model, asked, file)
        lacking += [] if model.code is not None else model.lacking(pictures)
        with progressing(len(pictures.x), "scoring") as progress:
            if model.code is None:
                log_p = model.log_prob(pictures.x, model.given_of(pictures), progress=progress)
            else:
                log_p = model.bound(pictures.x, progress=progress)
        bits = 0.0 - log_p / math.log(2)  # no -0.0
        rows += zip(full_names(file, pictures.names), bits.tolist(), strict=True)
    say_lacking(together(lacking), "pictures", ADVICE)
    names = () if model.code is not None else tuple(model.conditions)
    for name, bits in sorted(rows, key=lambda row: -row[1]):
        if asked.as_json:
            kind = given_key(names) if model.code is None else "_bound"
            print(json.dumps({"name": name, f"bits{kind}": bits, f"bits_per_dim{kind}": bits / dims, "dims": dims}))
        else:
            say(f"{bits / dims:z8.4f} bits/dim{given_words(names)} {bits:z12.1f} bits{most}  {name}")


def held_out(model: ImageModel, asked: Judging) -> tuple[HeldPictures, str]:
    """Held-out pictures for the instruments, `asked.limit` of them, spread over all; and the name of the data."""
    import numpy as np

    from seriatim.image.data.loaders import taken
    from seriatim.instruments.held import HeldPictures

    only("a model of pictures", (*INSPECTED, *_CONDITIONS))
    if model.code is not None or model.grid.order is not None:
        raise UserError("this model does not draw pictures row by row; the instruments are for those that do")
    found, name = pictures_of(model, dataclasses.replace(asked, limit=None), *asked.data)
    count = min(_READ if asked.limit is None else asked.limit, len(found.x))
    some = taken(found, np.linspace(0, len(found.x) - 1, count).astype(int))
    say_lacking(model.lacking(some), "pictures", ADVICE)
    return HeldPictures(*model.read(some), math.prod(model.shape[1:])), name


def sample(model: ImageModel, asked: Drawing) -> None:
    """Write a sheet of pictures, single files, or an animation of the sampling."""
    from seriatim.drawing.sheets import fits, grid, magnification, save, save_animation
    from seriatim.walks.noise import own_seeds

    conditions = asked.prompt.conditions
    only("a model of pictures", _SAMPLED)
    output, n = asked.output, asked.n
    path = Path("samples.png") if output.output is None else output.output
    if not path.suffix and not output.singles:
        raise UserError(f"{path} has no suffix; write to .png, or to .gif for an animation")
    if output.columns < 1:
        raise UserError(f"--columns is {output.columns}; give 1 or more")
    if not output.singles:
        fits(n, model.shape, "fewer (-n), or --singles")
    given = conditions_of(model, asked.run, conditions)
    if asked.steering.guidance != 1 and not given and model.code is None:
        tell("no condition is given, so --guidance has no effect; use --given")
    seeds = own_seeds(asked.seeds, n, "pictures")
    if output.singles:
        _singles(model, path if not path.suffix else path.with_suffix(""), seeds, given, asked)
        return
    with progressing(math.prod(model.shape), "drawing") as progress:
        pictures = model.sample(n, given=given, seed=seeds, progress=progress, **asked.steering.options())
    if path.suffix.lower() in (".gif", ".webp", ".apng"):
        save_animation(pictures, path, output.columns, order=model.path)
    else:
        sheet = grid(pictures, output.columns)
        save(sheet, path, magnification(sheet.shape[1]), seeds)
    tell(f"{path}: {n} pictures{seeds_in_words(seeds)}")


def _singles(model: ImageModel, folder: Path, seeds: Sequence[int], given: Given, asked: Drawing) -> None:
    """Write each picture to its own file."""
    from seriatim.drawing.sheets import save
    from seriatim.walks.draws import portions

    symbols = math.prod(model.shape)
    with progressing(len(seeds) * symbols, "drawing") as progress:
        for part in portions(len(seeds), model.model.device):
            own, before = seeds[part], part.start * symbols

            def told(done: int, before: int = before, size: int = len(own)) -> None:
                progress(before + size * done)

            pictures = model.sample(len(own), given=given, seed=own, progress=told, **asked.steering.options())
            for i, picture in enumerate(pictures, start=part.start):
                save(picture, folder / f"{i:05d}.png", seeds=seeds[i : i + 1])
    tell(f"{folder}: {len(seeds)} pictures{seeds_in_words(seeds)}")


def facts(model: ImageModel) -> dict[str, object]:
    """Facts of `seriatim inspect --json`."""
    height, width, channels = model.shape
    return {
        "height": height,
        "width": width,
        "channels": channels,
        "levels": model.levels.levels,
        **_sight(model),
    }


def lines(model: ImageModel) -> list[str]:
    """Lines of `seriatim inspect`."""
    found = [f"sees         {seen}" for seen in _sight(model).values()]
    if model.code is not None:
        levels = model.code.encoder.config.levels
        found.append(f"code         {model.code.width} numbers of {levels} levels, and their prior")
    return found


def _sight(model: ImageModel) -> dict[str, object]:
    """How many of the earlier sub-pixels one in the middle sees; the rest is the blind spot."""
    canvas = model.grid.canvas
    if len(canvas) == 1:  # a multi-scale model has its own order and one size
        if canvas[0] > 1024:  # all pairs of sub-pixels are checked: more would be slow
            return {}
        middle = canvas[0] // 2
        return {"sees_of_the_past": f"{int(model.grid.sees(canvas)[middle].sum())} of {middle} (in sampling order)"}
    height, width, channels = model.shape
    colours = channels if len(canvas) == 3 else 1
    side = 28 if colours == 1 else 14
    small = min(height, side), min(width, side)
    sees = model.grid.sees((*small, *canvas[2:]))
    middle = (small[0] // 2 * small[1] + small[1] // 2) * colours
    where = f"row {small[0] // 2}, column {small[1] // 2} of {small[0]} × {small[1]}"
    return {"sees_of_the_past": f"{int(sees[middle].sum())} of {middle} ({where})"}


def conditions_of(model: ImageModel, run: Path, given: Mapping[str, str]) -> Given:
    """Parse NAME=VALUE: a label, a picture file for a map, or a vector."""
    from seriatim.data.vectors import parse_vector
    from seriatim.image.data.opening import read_picture
    from seriatim.symbols import Vectors
    from seriatim.symbols.levels import Levels

    found: dict[str, Any] = {}
    for name, value in given.items():
        codec = model.codecs.get(name)
        if isinstance(codec, Levels) and name != "x":
            found[name] = read_picture(Path(value), *codec.shape, options_of(model, run).fitting)
        else:
            found[name] = parse_vector(value) if isinstance(codec, Vectors) else value
    return found


def options_of(model: ImageModel, run: Path) -> ImageOptions:
    """How the run's own pictures were read, at the model's size."""
    from seriatim.image.options import ImageOptions
    from seriatim.training.run import plan_of

    try:
        base = plan_of(run)[0].group(ImageOptions)
    except UserError:  # a checkpoint without its training folder
        base = ImageOptions(levels=min(model.levels.levels, 256))
    height, width, channels = model.shape
    colour = {1: "grey", 3: "rgb"}.get(channels, "auto")
    usual = ImageOptions()  # options of the run's own data only
    none = {name: getattr(usual, name) for name in ("maps", "map_size", "map_colour", "map_filters", "vectors")}
    return dataclasses.replace(_inked_once(base), size=(height, width), colour=colour, labels=None, **none)


def _with(options: ImageOptions, model: ImageModel, conditions: Conditions) -> ImageOptions:
    """The options with maps of the model's size and colour, and with vectors."""
    from seriatim.symbols.levels import Levels

    maps, vectors = conditions.maps, conditions.vectors
    if vectors is not None:
        if VECTOR not in model.codecs:
            raise UserError("--vectors is given, but this model is not conditioned on vectors; leave it out")
        options = dataclasses.replace(options, vectors=str(vectors))
    if maps is None:
        return options
    codec = model.codecs.get(MAP)
    if not isinstance(codec, Levels):
        raise UserError("--maps is given, but this model is not conditioned on maps; leave it out")
    colour = "grey" if codec.channels == 1 else "rgb"
    return dataclasses.replace(options, maps=str(maps), map_size=(codec.height, codec.width), map_colour=colour)


def _inked_once(options: ImageOptions) -> ImageOptions:
    """Binarise once for scoring, even if training binarises anew each epoch."""
    return dataclasses.replace(options, binarise="fixed") if options.binarise == "epoch" else options


def _planned_once(plan: Plan) -> Plan:
    from seriatim.image.options import ImageOptions

    return plan.changed(_inked_once(plan.group(ImageOptions)))


def accuracy(model: ImageModel, asked: Judging, prior: Mapping[str, float] | None) -> tuple[float, int, str]:
    """The accuracy, the number of pictures whose label the model knows, and the name of the data."""
    import numpy as np

    from seriatim.image.data.loaders import taken

    found, name = pictures_of(model, dataclasses.replace(asked, limit=None))
    known = model.given_of(found).get(LABEL, [])
    rows = classifiable(name, found.labels, known, "pictures")
    say_lacking([each for each in model.lacking(found) if each.name == LABEL], "pictures, which are left out", {})
    found = taken(found, rows)
    count = len(found.x) if asked.limit is None else min(asked.limit, len(found.x))
    chosen = np.linspace(0, len(found.x) - 1, count).astype(int)
    names, some = model.labels(LABEL), taken(found, chosen)
    with progressing(count, "classifying") as progress:
        best = model.posterior(some.x, prior, given=_other_conditions(model, some), progress=progress).argmax(1)
    right = [names[int(guess)] == label for guess, label in zip(best, some.labels or (), strict=True)]
    return sum(right) / count, count, name


def posteriors(
    model: ImageModel, asked: Judging, file: str, prior: Mapping[str, float] | None
) -> tuple[list[str], NDArray[np.float64], list[Lacking]]:
    """The names of a file's pictures, the posterior of their labels, and what else they lack."""
    found, _ = pictures_of(model, asked, file)
    with progressing(len(found.x), "classifying") as progress:
        posterior = model.posterior(found.x, prior, given=_other_conditions(model, found), progress=progress)
    without = [each for each in model.lacking(found) if each.name != LABEL]
    return full_names(file, found.names), posterior, without


def _other_conditions(model: ImageModel, pictures: Pictures) -> Given:
    """The conditions of pictures other than the label to infer."""
    return {name: value for name, value in model.given_of(pictures).items() if name != LABEL}


def pictures_of(model: ImageModel, asked: Judging, data: str | None = None) -> tuple[Pictures, str]:
    """Pictures from a path, a named data set or the run's own data, at the model's size; and their name."""
    from seriatim.data.options import DataOptions
    from seriatim.image.data.loaders import taken
    from seriatim.image.data.opening import open_gallery
    from seriatim.image.holding import NAMES

    whole = limited(asked.limit)
    if data is None:
        asked.conditions.refuse("pictures")
        data, gallery = training_data(asked.run, _planned_once)
        pictures, name = chosen_split(gallery.splits, asked.split, data)
        return (pictures if asked.limit is None else taken(pictures, range(len(pictures.x))[: asked.limit])), name
    options = _with(options_of(model, asked.run), model, asked.conditions)
    if Path(data).exists() or data not in NAMES:
        gallery = open_gallery(data, options, whole)
        say_note(gallery.note, data)
        return gallery.splits["train"], data
    return chosen_split(open_gallery(data, options, DataOptions(limit=asked.limit)).splits, asked.split, data)
