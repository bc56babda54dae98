"""Training on pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, final

import numpy as np
from numpy.typing import NDArray

from seriatim.conditioning import CodeConfig, MapConfig
from seriatim.data.batches import Batch, Batches
from seriatim.drawing.sheets import alike, save_grid
from seriatim.errors import UserError
from seriatim.image.canvas import positions
from seriatim.image.code_prior import fit_prior, prior_steps
from seriatim.image.conditions import LABEL, MAP, VECTOR
from seriatim.image.data.gallery import Gallery, Pictures
from seriatim.image.data.loaders import taken
from seriatim.image.data.pixels import ink
from seriatim.image.encoders import CODE
from seriatim.image.model import ImageModel
from seriatim.image.options import CodeOptions, ImageOptions
from seriatim.models import Model
from seriatim.symbols import Given, Labels, Symbols, Vectors, encode_given
from seriatim.symbols.levels import Levels
from seriatim.training.plan import IN_MEMORY, Plan
from seriatim.training.task import Task, conditions_in_words, missing_in_words, unheard_in_words
from seriatim.training.unit import Unit, bits_per_dim, given_code

_BATCH = 64
_LEAST = 256  # least pictures per evaluation, whatever `evaluate_symbols` is
_COLUMNS = 8
_COUNTED = 1024  # pictures per batch when counting levels
_SMALL = 512  # pictures


@final
class Deal(Batches):
    """Every picture once per epoch, in a random order.

    Args:
        pictures: the training split.
        codecs: of their levels and the conditions: labels, maps, vectors, and for an auto-encoder the pictures
            themselves.
        model: the model to train.
        size: pictures per batch.
        seed: of the order and the binarisation.
        anew: binarise grey pictures anew in each epoch.
        flip: mirror pictures and their maps left to right with probability ½.
    """

    def __init__(
        self,
        pictures: Pictures,
        codecs: Mapping[str, Symbols],
        model: Model,
        size: int,
        seed: int,
        anew: bool,
        flip: bool,
    ) -> None:
        self.pictures, self.codecs, self.model = pictures, codecs, model
        self.size, self.seed, self.anew, self.flip = size, seed, anew, flip
        self.labels = _labels(pictures, codecs)
        self.per_epoch = max(1, len(pictures.x) // size)
        self._order: tuple[int, NDArray[np.int64]] | None = None

    def batch(self, step: int) -> Batch:
        """The pictures from step · size on in the epoch's order."""
        epoch, index = divmod(step, self.per_epoch)
        if self._order is None or self._order[0] != epoch:
            order = np.random.default_rng([self.seed, epoch, 3]).permutation(len(self.pictures.x))
            self._order = epoch, order
        chosen = self._order[1][np.arange(index * self.size, (index + 1) * self.size) % len(self.pictures.x)]
        raw, maps = self.pictures.x[chosen], None if self.pictures.maps is None else self.pictures.maps[chosen]
        if self.flip:
            mirrored = np.random.default_rng([self.seed, step, 5]).random(self.size) < 0.5
            raw[mirrored] = raw[mirrored, :, ::-1]
            if maps is not None:
                maps[mirrored] = maps[mirrored, :, ::-1]
        if self.anew:
            raw = ink(raw, (self.seed, step, 4))
        levels = cast(Levels, self.codecs["x"]).encode(raw)
        x = positions(levels, self.model)
        shape = x.shape if self.model.head.parts == 1 else x.shape[:-1]
        given: dict[str, NDArray[Any]] = {CODE: levels} if CODE in self.codecs else {}
        if self.labels is not None:
            given[LABEL] = self.labels[chosen]
        if maps is not None:
            given[MAP] = cast(Levels, self.codecs[MAP]).encode(maps)
        if self.pictures.vectors is not None:
            given[VECTOR] = cast(Vectors, self.codecs[VECTOR]).encode(self.pictures.vectors[chosen])
        names = [self.pictures.names[int(i)] for i in chosen[:3]]
        return Batch(x, np.ones(shape, dtype=np.bool_), given, True, f"{', '.join(names)} …")


@final
class ImageTask(Task):
    """Training on pictures: levels, batches, bits/dim, sheets of samples."""

    def __init__(self, plan: Plan, folder: Path, gallery: Gallery) -> None:
        super().__init__(plan, folder, gallery)
        self.gallery = gallery
        self.options, self.code = plan.group(ImageOptions), plan.group(CodeOptions)
        for option in ("maps", "vectors"):
            if self.code.width and getattr(self.options, option) is not None:
                both = f"--image.{option} and --code.width are both given"
                raise UserError(f"{both}, but an auto-encoder takes no {option}; leave out one")

    def summary(self) -> str:
        """The pictures, their shape and levels, and the conditions."""
        splits, levels = self.gallery.splits, cast(Levels, self.codecs["x"])
        each = ", ".join(f"{len(pictures.x):,} {side}" for side, pictures in splits.items())
        ink = "" if self.options.binarise == "no" else ", binarised"
        shape = f"{levels.height} × {levels.width}, {'grey' if levels.channels == 1 else f'{levels.channels} colours'}"
        table, own = self.options.labels, "the data" if self.plan.named else "subfolders"
        labels = "the data" if self.plan.data == IN_MEMORY else own if table is None else Path(table).name
        origins = {LABEL: labels, MAP: str(self.options.maps or ""), VECTOR: str(self.options.vectors or "")}
        held = splits.get("validation")
        unheard = ""
        if CODE not in self.codecs:
            own = ImageModel(self.model, self.codecs)
            absent = missing_in_words(own.lacking(splits["train"]), "pictures")
            unheard = f"{absent} {unheard_in_words([] if held is None else own.lacking(held), 'pictures')}".strip()
        seen = conditions_in_words(self.codecs, {name: Path(where).name for name, where in origins.items()})
        return f"pictures: {each}; {shape}, {levels.levels} levels{ink}; {seen} {unheard}".strip()

    def learn(self) -> dict[str, Symbols]:
        """The codecs: levels of the pictures' shape, and those of the conditions."""
        train, options = self.gallery.splits["train"], self.options
        height, width, channels = train.x.shape[1:]
        codecs: dict[str, Symbols] = {"x": Levels(height, width, channels, options.alphabet)}
        if self.code.width:
            codecs[CODE] = codecs["x"]
        elif options.given and train.labels is not None:
            codecs[LABEL] = Labels.train(label for label in train.labels if label is not None)
        if train.maps is not None:
            codecs[MAP] = Levels(*train.maps.shape[1:])
        if train.vectors is not None:
            codecs[VECTOR] = Vectors.train(train.vectors)
        return codecs

    def encoders(self, config: Any) -> dict[str, Any]:  # noqa: ARG002
        """The sizes of the encoder of codes or maps."""
        code = self.code
        if code.width:
            return {CODE: CodeConfig(code.width, code.levels, code.filters)}
        return {MAP: MapConfig(self.options.map_filters)} if self.options.maps is not None else {}

    def finish(self, quiet: bool) -> None:
        """Train the prior over an auto-encoder's codes."""
        if CODE not in self.codecs:
            return
        splits = dict(self.gallery.splits)
        if self.options.binarise == "epoch":  # as the model sees them
            splits["train"] = replace(splits["train"], x=ink(splits["train"].x, (self.plan.train.seed, 0, 6)))
        fit_prior(self.folder, splits, str(self.model.device), self.plan.train.seed, self._total(), quiet)

    def _total(self) -> int:
        return self.plan.train.total(self.batches().per_epoch)

    def afterwards(self) -> str:
        """The prior of an auto-encoder."""
        if CODE not in self.codecs:
            return ""
        return f"afterwards a prior over its codes, to draw new pictures: {prior_steps(self._total()):,} steps"

    @property
    def small(self) -> bool:
        """Whether there are fewer than 512 pictures."""
        return len(self.gallery.splits["train"].x) < _SMALL

    def counts(self) -> NDArray[np.int64]:
        """(channels, levels): counts of each level in the training pictures."""
        x, codec = self.gallery.splits["train"].x, cast(Levels, self.codecs["x"])
        found = np.zeros((codec.channels, codec.levels), np.int64)
        for first in range(0, len(x), _COUNTED):
            part = x[first : first + _COUNTED]
            if self.options.binarise == "epoch":  # what the model sees is drawn, not a threshold
                part = ink(part, (self.plan.train.seed, first, 6))
            levels = codec.encode(part).reshape(-1, codec.channels)
            for channel, values in enumerate(levels.T):
                found[channel] += np.bincount(values, minlength=codec.levels)
        return found

    def batches(self, size: int | None = None) -> Batches:
        """The training split, in a new order each epoch."""
        train, plan = self.gallery.splits["train"], self.plan
        codec = cast(Levels, self.codecs["x"])
        if train.x.shape[1:] != codec.shape:
            raise UserError(f"the pictures are {train.x.shape[1:]} but the model's {codec.shape}; give --image.size")
        _check_conditions(train, self.codecs)
        anew = self.options.binarise == "epoch"
        return Deal(train, self.codecs, self.model, self.size(size), plan.train.seed, anew, self.options.flip)

    def validation(self) -> Callable[[], float] | None:
        """The same held-out pictures every time, spread evenly over the split."""
        held = self.gallery.splits.get("validation")
        if held is None:
            return None
        dims = int(np.prod(held.x.shape[1:]))
        most = self.plan.train.evaluate_symbols
        count = len(held.x) if most == 0 else min(len(held.x), max(_LEAST, most // dims))
        part = _spread(held, count)

        def validate() -> float:
            model = ImageModel(self.model, self.codecs)
            nats = -model.log_prob(part.x, model.given_of(part), _BATCH).mean()
            return float(nats) / dims * self.model.head.parts

        return validate

    def unit(self) -> Unit:
        """Bits/dim; for an auto-encoder, given the code."""
        return (given_code if CODE in self.codecs else bits_per_dim)(self.model.head.parts)

    def show(self, step: int) -> None:
        """Write a sheet of samples: a column per label; for other conditions, pictures and samples given theirs."""
        model = ImageModel(self.model, self.codecs)
        if model.code is not None:
            held = self.gallery.splits.get("validation", self.gallery.splits["train"]).x[:_COLUMNS]
            codes = model.code.encode(held)
            rows = [held] + [model.decode(codes, seed=step + i) for i in range(self.plan.train.samples)]
            self._save(np.concatenate(rows), step, len(held))
            return
        if MAP in model.codecs or VECTOR in model.codecs:
            part = _spread(self.gallery.splits.get("validation", self.gallery.splits["train"]), _COLUMNS)
            self._save(compared(model, part, self.plan.train.samples, step), step, len(part.x))
            return
        known = model.conditions.get(LABEL)
        columns = min(10, known.size) if known is not None else _COLUMNS
        n = self.plan.train.samples * columns
        names = [] if known is None else [known.decode(i) for i in range(columns)]
        given = None if known is None else {LABEL: names * self.plan.train.samples}
        self._save(model.sample(n, given=given, seed=step), step, columns, names)

    def _save(self, pictures: NDArray[np.uint8], step: int, columns: int, names: Sequence[str] = ()) -> None:
        if pictures.shape[-1] in (1, 3):
            save_grid(pictures, self.folder / "samples" / f"step-{step:06d}.png", columns, names)


def compared(model: ImageModel, pictures: Pictures, rows: int, seed: int) -> NDArray[np.uint8]:
    """Pictures of a sheet: maps if there are any, pictures, and `rows` rows of samples with the same conditions."""
    given: Given = model.given_of(pictures)
    drawn = [model.sample(len(pictures.x), given=given, seed=seed + row) for row in range(rows)]
    maps = [] if pictures.maps is None else [pictures.maps]
    return np.concatenate(alike([*maps, pictures.x, *drawn], pictures.x.shape[1:3]))


def _spread(pictures: Pictures, count: int) -> Pictures:
    """`count` pictures, or all if there are fewer, spread evenly over the split."""
    return taken(pictures, np.linspace(0, len(pictures.x) - 1, min(count, len(pictures.x))).astype(np.int64))


def _labels(pictures: Pictures, codecs: Mapping[str, Symbols]) -> NDArray[np.int64] | None:
    codec = codecs.get(LABEL)
    if not isinstance(codec, Labels) or pictures.labels is None:
        return None
    known = {label: encode_given(label, codec, LABEL) for label in set(pictures.labels)}
    return np.array([known[label] for label in pictures.labels], dtype=np.int64)


def _check_conditions(pictures: Pictures, codecs: Mapping[str, Symbols]) -> None:
    """Refuse maps and vectors that the model to start from does not take, and missing ones that it does."""
    for name, option, given in ((MAP, "maps", pictures.maps), (VECTOR, "vectors", pictures.vectors)):
        if (name in codecs) == (given is not None):
            continue
        if given is not None:
            raise UserError(f"--image.{option} was given, but the model to start from takes none; leave it out")
        raise UserError(f"the model to start from is conditioned on {option}; give --image.{option}")
    maps, vectors = codecs.get(MAP), codecs.get(VECTOR)
    if pictures.maps is not None and isinstance(maps, Levels) and pictures.maps.shape[1:] != maps.shape:
        raise UserError(
            f"the maps are {pictures.maps.shape[1:]} but the model's {maps.shape}; give --image.map-size, or "
            "--image.map-colour"
        )
    if pictures.vectors is not None and isinstance(vectors, Vectors) and pictures.vectors.shape[1] != vectors.size:
        raise UserError(
            f"the vectors have {pictures.vectors.shape[1]} numbers but the model's {vectors.size}; give others"
        )
