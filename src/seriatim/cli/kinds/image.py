"""What the commands do with a run of pictures."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seriatim.cli.common import NOTHING, Beside, chosen_split, only, print_json, training_data
from seriatim.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from seriatim.image.data.gallery import Pictures
    from seriatim.image.model import Given, ImageModel
    from seriatim.image.options import ImageOptions

_SHARED = ("json", "device", "threads")
_BESIDE = ("maps", "vectors")
_WORDS = {
    "bits_per_dim": "bits/dim    ",
    "nats_per_image": "nats/image  ",
    "bits_per_dim_given_code": "bits/dim, given the picture's own code (no likelihood of it)",
    "nats_per_code": "nats/code under the prior",
    "bits_per_dim_bound": "bits/dim at most (a bound: the code's nats and the picture's)",
    "nats_per_image_bound": "nats/image at most",
}


def evaluate(model: ImageModel, run: Path, data: str | None, split: str | None, beside: Beside, as_json: bool) -> None:
    """bits/dim of held-out pictures."""
    only("pictures", (*_SHARED, "split", *_BESIDE))
    pictures, name = pictures_of(model, run, data, split, beside)
    say_unsaid(model, pictures)
    with progressing(len(pictures.x), "evaluating") as progress:
        figures = model.evaluate(pictures, progress=progress)
    values = figures.to_json()
    if as_json:
        print_json({"data": name, **values})
        return
    print(f"{name}: {values['images']:,} pictures of {values['dims']:,} values")
    for key, words in _WORDS.items():
        if key in values:
            error = values.get(f"{key}_standard_error", math.nan)
            spread = "" if math.isnan(error) else f" ± {error:.4f}"
            print(f"  {words} {values[key]:.4f}{spread}")


def score(model: ImageModel, run: Path, files: Sequence[str], beside: Beside, as_json: bool) -> None:
    """Bits of each picture, the most surprising first; of an auto-encoder a bound on them."""
    only("pictures", (*_SHARED, *_BESIDE))
    most = "" if model.code is None else " at most"
    rows: list[tuple[str, float]] = []
    dims = math.prod(model.shape)
    for i, file in enumerate(files):
        pictures, _ = pictures_of(model, run, file, None, beside)
        if i == 0:
            say_unsaid(model, pictures)
        with progressing(len(pictures.x), "scoring") as progress:
            if model.code is None:
                log_p = model.log_prob(pictures.x, model.given_of(pictures), progress=progress)
            else:
                log_p = model.bound(pictures.x, progress=progress)
        bits = -log_p / math.log(2)
        rows += zip(pictures.names, bits.tolist(), strict=True)
    for name, bits in sorted(rows, key=lambda row: -row[1]):
        if as_json:
            kind = "" if model.code is None else "_bound"
            print(json.dumps({"name": name, f"bits{kind}": bits, f"bits_per_dim{kind}": bits / dims, "dims": dims}))
        else:
            print(f"{bits / dims:8.4f} bits/dim {bits:12.1f} bits{most}  {name}")


def sample(
    model: ImageModel,
    run: Path,
    n: int,
    given: Mapping[str, str],
    seeds: int | list[int],
    output: Path | None,
    columns: int,
    singles: bool,
    steer: Mapping[str, Any],
) -> None:
    """A sheet of pictures, single files, or an animation of how they come about."""
    from seriatim.drawing.sheets import grid, magnification, save, save_animation

    path = Path("samples.png") if output is None else output
    if not path.suffix and not singles:
        raise UserError(f"{path} has no ending; write to .png, or to .gif for an animation")
    if columns < 1:
        raise UserError(f"--columns is {columns}; give 1 or more")
    conditions = conditions_of(model, run, given)
    if steer.get("guidance", 1.0) != 1 and not conditions and model.code is None:
        print("no condition is given, so there is nothing to be guided by: say --given", file=sys.stderr)
    with progressing(math.prod(model.shape), "drawing") as progress:
        pictures = model.sample(n, given=conditions, seed=seeds, progress=progress, **steer)
    if singles:
        folder = path if not path.suffix else path.with_suffix("")
        for i, picture in enumerate(pictures):
            save(picture, folder / f"{i:05d}.png")
        print(f"{folder}: {n} pictures", file=sys.stderr)
        return
    if path.suffix.lower() in (".gif", ".webp", ".apng"):
        save_animation(pictures, path, columns, order=model.path)
    else:
        sheet = grid(pictures, columns)
        save(sheet, path, magnification(sheet.shape[1]))
    print(f"{path}: {n} pictures", file=sys.stderr)


def conditions_of(model: ImageModel, run: Path, given: Mapping[str, str]) -> Given:
    """What was typed as NAME=VALUE: a label, a picture's file where the condition is a picture, or a vector."""
    from seriatim.data.vectors import parse_vector
    from seriatim.image.data.opening import read_picture
    from seriatim.image.levels import Levels
    from seriatim.symbols import Vectors

    found: dict[str, Any] = {}
    for name, value in given.items():
        codec = model.codecs.get(name)
        if isinstance(codec, Levels) and name != "x":
            found[name] = read_picture(Path(value), *codec.shape, options_of(model, run).fitting)
        else:
            found[name] = parse_vector(value) if isinstance(codec, Vectors) else value
    return found


def options_of(model: ImageModel, run: Path) -> ImageOptions:
    """How the run's own pictures were read, in the size that the model takes."""
    import dataclasses

    from seriatim.image.options import ImageOptions
    from seriatim.training.run import plan_of

    try:
        base = plan_of(run)[0].image
    except UserError:  # a checkpoint without its training directory
        base = ImageOptions(levels=min(model.levels.levels, 256))
    height, width, channels = model.shape
    colour = {1: "grey", 3: "rgb"}.get(channels, "auto")
    held = _drawn_once(base)
    usual = ImageOptions()  # what belongs to the run's own data and to no other
    none = {
        name: getattr(usual, name)
        for name in ("maps", "map_size", "map_colour", "map_filters", "vectors", "validation", "test")
    }
    return dataclasses.replace(held, size=(height, width), colour=colour, limit=None, labels=None, **none)


def _with(options: ImageOptions, model: ImageModel, beside: Beside) -> ImageOptions:
    """With maps of the size and colour that the model takes, and with vectors."""
    import dataclasses

    from seriatim.image.levels import Levels
    from seriatim.image.model import MAP, VECTOR

    maps, vectors = beside.maps, beside.vectors
    if vectors is not None:
        if VECTOR not in model.codecs:
            raise UserError("--vectors was given, but this model is not conditioned on vectors; leave it out")
        options = dataclasses.replace(options, vectors=str(vectors))
    if maps is None:
        return options
    codec = model.codecs.get(MAP)
    if not isinstance(codec, Levels):
        raise UserError("--maps was given, but this model is not conditioned on maps; leave it out")
    colour = "grey" if codec.channels == 1 else "rgb"
    return dataclasses.replace(options, maps=str(maps), map_size=(codec.height, codec.width), map_colour=colour)


def say_unsaid(model: ImageModel, pictures: Pictures) -> None:
    """Say it if pictures lack the maps or the vectors that the model is conditioned on."""
    from seriatim.image.model import MAP, VECTOR

    if MAP in model.codecs and pictures.maps is None:
        print(f"no maps are given, so {MAP} counts as not said; give --maps FOLDER with one for each", file=sys.stderr)
    if VECTOR in model.codecs and pictures.vectors is None:
        print(
            f"no vectors are given, so {VECTOR} counts as not said; give --vectors with one for each", file=sys.stderr
        )


def _drawn_once(options: ImageOptions) -> ImageOptions:
    """Ink that training draws anew each epoch is drawn once where pictures are scored."""
    import dataclasses

    return dataclasses.replace(options, binarise="fixed") if options.binarise == "epoch" else options


def accuracy(
    model: ImageModel, run: Path, split: str | None, limit: int | None, prior: Mapping[str, float] | None
) -> tuple[float, int, str]:
    """The share of pictures whose own label is the likeliest, how many there are, and which they are."""
    import numpy as np

    from seriatim.image.data.loaders import taken
    from seriatim.image.model import LABEL

    found, name = pictures_of(model, run, None, split)
    if found.labels is None:
        raise UserError(f"{name} has no labels; give pictures as files to see what they are taken for")
    count = len(found.x) if limit is None else min(limit, len(found.x))
    chosen = np.linspace(0, len(found.x) - 1, count).astype(int)
    names, some = model.labels(LABEL), taken(found, chosen)
    with progressing(count, "classifying") as progress:
        best = model.posterior(some.x, prior, given=besides(model, some), progress=progress).argmax(1)
    right = [names[int(guess)] == found.labels[int(i)] for i, guess in zip(chosen, best, strict=True)]
    return sum(right) / count, count, name


def besides(model: ImageModel, pictures: Pictures) -> Given:
    """What pictures are given besides the label that is asked for."""
    from seriatim.image.model import LABEL

    return {name: value for name, value in model.given_of(pictures).items() if name != LABEL}


def pictures_of(
    model: ImageModel, run: Path, data: str | None, split: str | None, beside: Beside = NOTHING
) -> tuple[Pictures, str]:
    """Pictures of a path, of a named data set or of the run's own data, in the model's size; and what they are."""
    import dataclasses

    from seriatim.image.data.opening import image_names, open_gallery

    if data is None:
        beside.refuse("pictures")
        data, gallery = training_data(run, _drawn_once)
    else:
        options = options_of(model, run)
        options = _with(options, model, beside)
        if Path(data).exists() or data not in image_names():
            whole = open_gallery(data, dataclasses.replace(options, validation=0.0, test=0.0))
            return whole.splits["train"], data
        gallery = open_gallery(data, options)
    return chosen_split(gallery.splits, split, data)


@contextmanager
def progressing(total: int, word: str) -> Generator[Callable[[int], None]]:
    """A bar on the terminal for what takes long, to be told what is done of `total`; silence elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(word, total=total)
        every, told = max(1, total // 100), 0

        def advance(done: int) -> None:
            nonlocal told
            if done >= told + every or done == total:
                bar.update(task, completed=done)
                told = done

        yield advance
