"""Training on series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast, final

import numpy as np

from seriatim.data.batches import Batch, Batches
from seriatim.errors import UserError
from seriatim.models import family
from seriatim.models.real_config import COUNTS
from seriatim.runs.checkpoint import CUSTOM
from seriatim.series.codec import SeriesCodec
from seriatim.series.data.panel import Divided, Panel
from seriatim.series.data.windows import Windows
from seriatim.series.frequency import in_words, usual_lags
from seriatim.series.learning import codecs
from seriatim.series.linear import linear_codecs, sizes, whole
from seriatim.series.model import SeriesModel
from seriatim.series.options import SeriesOptions
from seriatim.series.pictures import save_forecasts
from seriatim.symbols import Symbols
from seriatim.training.plan import IN_MEMORY, Plan
from seriatim.training.task import Task, conditions_in_words
from seriatim.training.unit import Unit, nats_per_value

_SHOWN = 6  # series drawn after an evaluation
_PATHS = 100  # of each
_HORIZONS = 7  # that a training window counts, at most


@final
class SeriesTask(Task):
    """Training on series: windows with a past that is given, and fan charts of what follows."""

    usual_batch = 64

    def __init__(self, plan: Plan, folder: Path, divided: Divided) -> None:
        super().__init__(plan, folder, divided)
        self.divided, self.options = divided, plan.group(SeriesOptions)
        self.train: Panel = divided.splits["train"]

    @property
    def linear(self) -> bool:
        """Whether the family is fitted to the whole series at once."""
        return self.plan.family != CUSTOM and family(self.plan.family).of(self.plan.kind).linear

    @property
    def codec(self) -> SeriesCodec:
        """Steps <-> positions."""
        return cast(SeriesCodec, self.codecs["x"])

    def summary(self) -> str:
        """The series, how long they are, what is known of them, and what a window is."""
        train, codec = self.train, self.codec
        steps = [each.steps for each in train.items]
        longest = in_words(train.frequency, max(steps))
        length = longest if min(steps) == max(steps) else f"{min(steps):,} to {longest}"
        kinds = f"{len(train.items):,} series" if len(train.items) > 1 else "1 series"
        each = f" of {len(codec.channels)} channels" if len(codec.channels) > 1 else ""
        sides = ", ".join(f"{panel.counted:,} {side}" for side, panel in self.divided.splits.items())
        own = "the data" if self.plan.data == IN_MEMORY or self.plan.named else Path(self.plan.data).name
        seen = conditions_in_words({k: c for k, c in self.codecs.items() if k != "scale"}, {"": own})
        block = f", {codec.block} at a position" if codec.block > 1 else ""
        turned = f" ({codec.rotation})" if codec.rotation != "none" else ""
        reads = "what precedes it, at most " if self.linear else ""
        reads += in_words(train.frequency, codec.past)
        window = f"a window reads {reads} and predicts {codec.horizon:,}{block}{turned}"
        return f"{kinds}{each}, {length} to train on; steps that count: {sides}; {window}; {seen}"

    def learn(self) -> dict[str, Symbols]:
        """The codecs of values, scale, calendar, what is known ahead, and labels."""
        if self.linear:
            return linear_codecs(self.train, self.options, self.plan.family)
        counted = self.plan.net.get("head") in COUNTS
        if counted:
            self._check_counts()
        mode = "mean" if counted and self.options.scale == "standard" else self.options.scale
        return codecs(self.train, self.options, mode)

    def _check_counts(self) -> None:
        """Refuse densities of counts for what is none."""
        for each in self.train.items:
            there = each.values[~np.isnan(each.values)]
            if (there < 0).any() or (there != np.rint(there)).any():
                raise UserError(
                    f"--net.head {self.plan.net['head']} is for counts, and series {each.name!r:.40} has other values; "
                    "choose another head, such as student"
                )

    def sizes(self) -> dict[str, Any]:
        """The lags that suit the season; of a linear family, its orders."""
        codec = self.codec
        if self.linear:
            return sizes(self.plan.family, self.train, codec.season, [*self.plan.net])
        if codec.block > 1:
            return {"lags": tuple(range(1, min(codec.past // codec.block, 28) + 1))}
        return {"lags": usual_lags(codec.season, codec.past)}

    def counts(self) -> None:
        """None: real values have no frequencies."""
        return

    def batches(self, size: int | None = None) -> Batches:
        """Windows of the training split."""
        known = {each.name for each in self.train.items}
        if "series" in self.codecs and not known & set(cast(Any, self.codecs["series"]).values):
            raise UserError("none of these series is known to the model; train a new one")
        return Windows(self.train, self.codecs, self.size(size), self.plan.train.seed, self._window())

    def whole(self) -> Batch:
        """The training series from their first steps on; what the model conditions on is given."""
        return whole(self.train, self.codecs, getattr(self.model.config, "conditioned", 0))

    def _window(self) -> int:
        """Steps of a training window that count: as many horizons as are half as long as its past, at least one."""
        codec = self.codec
        return codec.horizon * max(1, min(_HORIZONS, round(codec.past / codec.horizon / 2)))

    def validation(self) -> Callable[[], float] | None:
        """Windows of the validation split, a horizon each, the same every time."""
        held = self.divided.splits.get("validation")
        if held is None:
            return None
        windows = SeriesModel(self.model, self.codecs).windows(held)
        most = self.plan.train.evaluate_symbols
        if most and len(windows) * self.codec.horizon > most:
            some = np.linspace(0, len(windows) - 1, max(1, most // self.codec.horizon)).astype(int)
            windows = [windows[i] for i in dict.fromkeys(some.tolist())]
        if all(np.isnan(each.values[each.first :]).any(1).all() for each in held.items):
            raise UserError("no step of the validation split can be judged; give --data.validation more, or 0")

        def validate() -> float:
            terms = np.concatenate(SeriesModel(self.model, self.codecs).terms(held, windows))
            return -float(np.nansum(terms)) / max(int(np.count_nonzero(~np.isnan(terms))), 1)

        return validate

    def unit(self) -> Unit:
        """Nats per value."""
        return nats_per_value(self.codec.parts)

    def show(self, step: int) -> None:
        """Draw what the model expects after the last training step of some series, and what came."""
        model = SeriesModel(self.model, self.codecs)
        held = self.divided.splits.get("validation", self.train)
        some = Panel(held.items[:_SHOWN], held.channels, held.frequency, held.known)
        origins = [max(1, (each.first or each.steps - self.codec.horizon)) for each in some.items]
        found = model.forecast_at(some, origins, self.codec.horizon, _PATHS, seed=step)
        save_forecasts(found, some, origins, self.folder / "samples" / f"step-{step:06d}.png")
