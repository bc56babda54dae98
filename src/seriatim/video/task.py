"""Training on films."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast, final

import numpy as np
from numpy.typing import NDArray

from seriatim.data.batches import Batch, Batches
from seriatim.drawing.films import save_compared
from seriatim.errors import UserError
from seriatim.models import Model
from seriatim.symbols import Labels, Symbols, encode_given
from seriatim.symbols.levels import Levels
from seriatim.training.plan import IN_MEMORY, Plan
from seriatim.training.task import Task, conditions_in_words, missing_in_words, unheard_in_words
from seriatim.training.unit import Unit, bits_per_dim
from seriatim.video.actions import Actions
from seriatim.video.canvas import nested_of, positions
from seriatim.video.conditions import ACTION, LABEL
from seriatim.video.data.films import Films, Reel
from seriatim.video.model import VideoModel
from seriatim.video.options import VideoOptions

T = TypeVar("T")

_COUNTED = 512  # films, at most, of which levels are counted: others are made or like these
_LEAST = 32  # least clips per evaluation, whatever `evaluate_symbols` is
_SMALL = 64  # films
_SHOWN = 4  # films of a sheet


@final
class Clips(Batches):
    """Every clip once per epoch, in a random order.

    Args:
        films: the training split.
        codecs: of their levels and the conditions.
        model: the model to train.
        size: clips per batch.
        seed: of the order.
        options: how films are cut.
    """

    def __init__(
        self,
        films: Films,
        codecs: Mapping[str, Symbols],
        model: Model,
        size: int,
        seed: int,
        options: VideoOptions,
    ) -> None:
        self.films, self.codecs, self.model = films, codecs, model
        self.size, self.seed, self.options = size, seed, options
        self.clips = films.clips(options.frames, options.step)
        self.per_epoch = max(1, len(self.clips) // size)
        self._labels = _labels(films, codecs)
        self._order: tuple[int, NDArray[np.int64]] | None = None

    def batch(self, step: int) -> Batch:
        """The clips from step · size on in the epoch's order."""
        epoch, index = divmod(step, self.per_epoch)
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, np.random.default_rng([self.seed, epoch, 3]).permutation(len(self.clips))
        rows = self._order[1][np.arange(index * self.size, (index + 1) * self.size) % len(self.clips)]
        chosen, frames = [self.clips[int(row)] for row in rows], self.options.frames
        raw = np.stack([self.films.x[clip.film][clip.start : clip.start + frames] for clip in chosen])
        x = positions(cast(Levels, self.codecs["x"]).encode(raw), self.model)
        mask = np.ones(x.shape if self.model.head.parts == 1 else x.shape[:-1], dtype=np.bool_)
        mask[:, : self.options.given_frames] = False
        given: dict[str, NDArray[Any]] = {}
        if self._labels is not None:
            given[LABEL] = self._labels[[clip.film for clip in chosen]]
        if ACTION in self.codecs and self.films.actions is not None:
            codec = cast(Actions, self.codecs[ACTION])
            own = [self.films.actions[clip.film][clip.start : clip.start + frames] for clip in chosen]
            given[ACTION] = np.stack([codec.encode(each) for each in own])
        names = [f"{self.films.names[clip.film]} from frame {clip.start}" for clip in chosen[:3]]
        return Batch(x, mask, given, True, f"{', '.join(names)} …")


@final
class VideoTask(Task):
    """Training on films: levels, batches, nats per frame or bits/dim, sheets of predicted frames."""

    usual_batch: ClassVar[int] = 8

    def __init__(self, plan: Plan, folder: Path, reel: Reel) -> None:
        super().__init__(plan, folder, reel)
        self.reel, self.options = reel, plan.group(VideoOptions)

    def summary(self) -> str:
        """The films and clips, their shape and levels, and the conditions."""
        options, levels = self.options, cast(Levels, self.codecs["x"])

        def amount(side: str, films: Films) -> str:
            clips = len(films.clips(options.frames, options.step if side == "train" else options.frames))
            return f"{clips:,} {side} of {len(films.lengths):,} film{'s' * (len(films.lengths) != 1)}"

        each = ", ".join(amount(side, films) for side, films in self.reel.splits.items())
        shape = f"{levels.height} × {levels.width}, {'grey' if levels.channels == 1 else f'{levels.channels} colours'}"
        table, own = options.labels, "the data" if self.plan.named else "subfolders"
        labels = "the data" if self.plan.data == IN_MEMORY else own if table is None else Path(table).name
        origins = {LABEL: labels, ACTION: Path(options.actions or "").name or labels}
        model, splits = VideoModel(self.model, self.codecs), self.reel.splits
        held = splits.get("validation")
        absent = missing_in_words(model.lacking(splits["train"]), "films")
        unheard = unheard_in_words([] if held is None else model.lacking(held), "films")
        first = f", of which the first {options.given_frames} are given" if options.given_frames else ""
        seen = conditions_in_words(self.codecs, origins)
        said = f"clips of {options.frames} frames{first}: {each}; {shape}, {levels.levels} levels; {seen}"
        return " ".join(part for part in (said, absent, unheard) if part)

    def learn(self) -> dict[str, Symbols]:
        """The codecs: levels of the frames' shape, and those of the conditions."""
        train = self.reel.splits["train"]
        codecs: dict[str, Symbols] = {"x": Levels(*self.reel.shape, self.options.levels)}
        if self.options.given and train.labels is not None:
            codecs[LABEL] = Labels.train(label for label in train.labels if label is not None)
        if train.actions is not None:
            codecs[ACTION] = Actions.train(train.actions)
        return codecs

    def sizes(self) -> dict[str, Any]:
        """A clip's frames."""
        return {"frames": self.options.frames}

    @property
    def small(self) -> bool:
        """Whether there are fewer than 64 films."""
        return len(self.reel.splits["train"].lengths) < _SMALL

    def counts(self) -> NDArray[np.int64]:
        """(channels, levels): counts of each level in the training films; of many films, in 512 of them."""
        films, codec = self.reel.splits["train"], cast(Levels, self.codecs["x"])
        found = np.zeros((codec.channels, codec.levels), np.int64)
        count = len(films.lengths)
        for i in np.linspace(0, count - 1, min(count, _COUNTED)).astype(int):
            levels = codec.encode(films.x[int(i)]).reshape(-1, codec.channels)
            for channel, values in enumerate(levels.T):
                found[channel] += np.bincount(values, minlength=codec.levels)
        return found

    def batches(self, size: int | None = None) -> Batches:
        """The training split, in a new order each epoch."""
        train, codec = self.reel.splits["train"], cast(Levels, self.codecs["x"])
        if self.reel.shape != codec.shape:
            raise UserError(f"the frames are {self.reel.shape} but the model's {codec.shape}; give --video.size")
        if (ACTION in self.codecs) != (train.actions is not None):
            if train.actions is not None:
                raise UserError("actions were given, but the model to start from takes none; leave them out")
            raise UserError("the model to start from is conditioned on actions; give --video.actions")
        return Clips(train, self.codecs, self.model, self.size(size), self.plan.train.seed, self.options)

    def validation(self) -> Callable[[], float] | None:
        """The same held-out clips every time, spread evenly over the split."""
        held = self.reel.splits.get("validation")
        if held is None:
            return None
        frames, given = self.options.frames, self.options.given_frames
        clips = held.clips(frames, frames)
        most = self.plan.train.evaluate_symbols
        dims = int(np.prod(self.reel.shape)) * (frames - given)
        count = len(clips) if most == 0 else min(len(clips), max(_LEAST, most // dims))
        some = spread(clips, count)

        def validate() -> float:
            model = VideoModel(self.model, self.codecs)
            figures = model.evaluate(held, clips=some)
            return figures.nats_per_frame / nested_of(self.model).per_frame

        return validate

    def unit(self) -> Unit:
        """Nats per frame of two levels, bits/dim of more; a cross-entropy by its own name."""
        nested = nested_of(self.model)
        if not self.model.head.likelihood:
            return Unit("cross_entropy_nats_per_frame", nested.per_frame)
        if cast(Levels, self.codecs["x"]).levels == 2:
            return Unit("nats_per_frame", nested.per_frame)
        return bits_per_dim(self.model.head.parts)

    def show(self, step: int) -> None:
        """Write held-out clips, and what the model makes of their beginnings: a sheet and an animation."""
        model = VideoModel(self.model, self.codecs)
        if model.shape[-1] not in (1, 3) or not self.plan.train.samples:
            return
        part = self.reel.splits.get("validation", self.reel.splits["train"])
        frames = self.options.frames
        clips = spread(part.clips(frames, frames), _SHOWN)
        real = np.stack([part.x[clip.film][clip.start : clip.start + frames] for clip in clips])
        real = model.shown(real)  # as the model sees them
        known = self.options.given_frames or frames // 2
        given = model.given_of(part, clips)
        begun = real[:, :known] if known else None
        drawn = model.sample(len(real), frames=frames, begun=begun, given=given, seed=step)
        save_compared(real, drawn, known, self.folder / "samples" / f"step-{step:06d}")


def spread(items: Sequence[T], count: int) -> list[T]:
    """`count` of the items, or all if there are fewer, spread evenly."""
    return [items[int(i)] for i in np.linspace(0, len(items) - 1, min(count, len(items))).astype(int)]


def _labels(films: Films, codecs: Mapping[str, Symbols]) -> NDArray[np.int64] | None:
    codec = codecs.get(LABEL)
    if not isinstance(codec, Labels) or films.labels is None:
        return None
    known = {label: encode_given(label, codec, LABEL) for label in set(films.labels)}
    return np.array([known[label] for label in films.labels], dtype=np.int64)
