"""Training on trajectories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast, final

import numpy as np

from seriatim.data.batches import Batches
from seriatim.drawing.strokes import save_strokes
from seriatim.drawing.tracks import save_tracks
from seriatim.errors import UserError
from seriatim.symbols import Labels, Symbols
from seriatim.training.plan import IN_MEMORY, Plan
from seriatim.training.task import Task, conditions_in_words, missing_in_words, unheard_in_words
from seriatim.training.unit import Unit
from seriatim.trajectory.codec import FixedScale, TrajectoryCodec
from seriatim.trajectory.data.batches import SCALE, Whole
from seriatim.trajectory.data.trajectories import LABEL, Trajectories, TrajectorySet
from seriatim.trajectory.model import TrajectoryModel
from seriatim.trajectory.options import TrajectoryOptions

_SHOWN, _CHARTS = 16, 6  # drawings, and charts of series, after an evaluation
_ITEMS = "trajectories"
_SMALL = 20_000  # points to train on, below which dropout helps
_DRAWING = {"head": "bivariate", "mixtures": 20, "width": 256}
_LABELLED = {"lags": (1, 2)}


@final
class TrajectoryTask(Task):
    """Training on trajectories: whole ones, and sheets of samples that end by themselves."""

    usual_batch = 64

    def __init__(self, plan: Plan, folder: Path, data: TrajectorySet) -> None:
        super().__init__(plan, folder, data)
        self.data, self.options = data, plan.group(TrajectoryOptions)
        self.train: Trajectories = data.splits["train"]

    @property
    def codec(self) -> TrajectoryCodec:
        """Points <-> positions."""
        return cast(TrajectoryCodec, self.codecs["x"])

    def summary(self) -> str:
        """The trajectories, how long they are, and what is known of them."""
        codec, each = self.codec, [f"{len(part.x):,} {side}" for side, part in self.data.splits.items()]
        lengths = [len(x) for x in self.train.x]
        what = "drawings" if codec.drawn else f"trajectories of {len(codec.channels)} channels"
        grid = f"; uniform noise of width {codec.grid:g}, as values are on a grid" if codec.grid else ""
        own = "the data" if self.plan.data == IN_MEMORY or self.plan.named else Path(self.plan.data).name
        seen = conditions_in_words({k: c for k, c in self.codecs.items() if k != SCALE}, {"": own})
        model, held = TrajectoryModel(self.model, self.codecs), self.data.splits.get("validation")
        lacking = missing_in_words(model.lacking(self.train), _ITEMS)
        unheard = "" if held is None else unheard_in_words(model.lacking(held), _ITEMS)
        span = f"{min(lengths):,} to {max(lengths):,} points each, {sum(lengths):,} to train on"
        return f"{what}: {', '.join(each)}; {span}{grid}; {seen} {lacking} {unheard}".strip()

    def learn(self) -> dict[str, Symbols]:
        """The codecs of points, unit and labels."""
        grid = self._grid() if self.options.grid is None else self.options.grid
        mean = np.zeros(2) if self.data.drawn else np.concatenate(self.train.x).mean(0)
        origin = [float(value) for value in (np.rint(mean / grid) * grid if grid else mean)]
        x = TrajectoryCodec(self.data.channels, max(map(len, self.train.x)), grid, origin)
        found: dict[str, Symbols] = {"x": x, SCALE: FixedScale.train(self.train.x, x)}
        labels = [label for label in self.train.labels or () if label is not None]
        if len(set(labels)) > 1:
            found[LABEL] = Labels.train(labels)
        return found

    def _grid(self) -> float:
        """1 if all values of the training split are whole numbers, else 0: no grid."""
        values = (x[:, :2] if self.data.drawn else x for x in self.train.x)
        return float(all(np.array_equal(x, np.rint(x)) for x in values))

    def sizes(self) -> dict[str, Any]:
        """Of drawings, sketch-rnn's mixture and a wider net; of others, two lags."""
        usual = _DRAWING if self.codec.drawn else _LABELLED
        return {name: value for name, value in usual.items() if name not in self.plan.net}

    @property
    def small(self) -> bool:
        """Whether there are few points."""
        return self.train.points < _SMALL

    def counts(self) -> None:
        """None: real values have no frequencies."""
        return

    def batches(self, size: int | None = None) -> Batches:
        """Whole trajectories of the training split."""
        if self.data.channels != self.codec.channels:
            given, own = (", ".join(names)[:60] for names in (self.data.channels, self.codec.channels))
            raise UserError(f"the trajectories have the channels {given}, and the model {own}; give the same")
        options, seed = self.options, self.plan.train.seed
        return Whole(self.train, self.codecs, self.size(size), seed, options.stretch, options.jitter)

    def validation(self) -> Callable[[], float] | None:
        """The same held-out trajectories every time."""
        held = self.data.splits.get("validation")
        if held is None:
            return None
        most = self.plan.train.evaluate_symbols
        if most and held.points > most:
            held = held.spread(max(1, round(len(held.x) * most / held.points)))
        some = held

        def validate() -> float:
            model = TrajectoryModel(self.model, self.codecs)
            terms = model.log_probs(some.x, model.given_of(some))
            return -float(sum(x.sum() for x in terms)) / sum(map(len, terms))

        return validate

    def unit(self) -> Unit:
        """Nats per step: a point, or the end."""
        return Unit("nats_per_step", 1.0)

    def show(self, step: int) -> None:
        """A sheet of samples: of each label in turn, if there are labels."""
        model = TrajectoryModel(self.model, self.codecs)
        labels = model.labels() if LABEL in model.label_codecs else []
        count = _SHOWN if self.codec.drawn else _CHARTS
        given = {LABEL: [labels[i % len(labels)] for i in range(count)]} if labels else {}
        found = model.sample(count, given=given, seed=step)
        path = self.folder / "samples" / f"step-{step:06d}.png"
        if self.codec.drawn:
            save_strokes(found, path, names=given.get(LABEL, ()))
        else:
            save_tracks(found, path, self.codec.channels, names=given.get(LABEL, ()))
