"""The windows of series that a training step sees: a past that is given, and steps that count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast, final

import numpy as np
from numpy.typing import NDArray

from seriatim.data.batches import Batch, Batches
from seriatim.errors import UserError
from seriatim.series.calendar import Calendar
from seriatim.series.choices import Choices
from seriatim.series.codec import SeriesCodec
from seriatim.series.data.panel import SERIES, Panel, Series
from seriatim.series.data.times import grid
from seriatim.series.known import Known
from seriatim.series.scaling import Running, WindowScale
from seriatim.symbols import Labels, Symbols

SCALE, CALENDAR, KNOWN = "scale", "calendar", "known"
"""The conditions of a window, besides labels."""

_LEAST = 2  # steps before a window, or there is nothing to scale it by


class Window(NamedTuple):
    """A window of a series: `past` steps before `at` are given, `steps` from there on count."""

    owner: int
    at: int
    steps: int


@final
class Cutter:
    """Cuts windows out of a panel, with their conditions.

    Before a series begins, and after it has ended, its values are missing.

    Args:
        panel: the series.
        codecs: of the values ("x") and of the conditions.
        past: steps before a window, a multiple of the block.
    """

    def __init__(self, panel: Panel, codecs: Mapping[str, Symbols], past: int | None = None) -> None:
        self.panel, self.codec = panel, cast(SeriesCodec, codecs["x"])
        self.past = self.codec.past if past is None else past
        self.unit = cast("WindowScale | None", codecs.get(SCALE))
        self.calendar, self.known = (
            cast("Calendar | None", codecs.get(CALENDAR)),
            cast("Known | None", codecs.get(KNOWN)),
        )
        labels = {name: codec for name, codec in codecs.items() if isinstance(codec, Labels | Choices)}
        self.labels = {name: {value: i for i, value in enumerate(codec.values)} for name, codec in labels.items()}
        self._running: dict[int, Running] = {}
        self._calendars: dict[int, tuple[int, NDArray[np.float32]]] = {}  # the first step, and those from it on

    def batch(self, windows: Sequence[Window]) -> Batch:
        """Windows of any number of steps as the rows of a batch; shorter ones end in missing values."""
        block, past = self.codec.block, self.past
        steps = max(window.steps for window in windows)
        steps = -(-steps // block) * block
        x = np.stack([self.codec.encode(self._values(each.owner, each.at - past, each.at + steps)) for each in windows])
        mask = np.zeros(x.shape[:2], np.bool_)
        mask[:, past // block :] = True
        for row, each in enumerate(windows):
            mask[row, (past + each.steps) // block :] = False
        missing = np.isnan(x) if x.ndim == 2 else np.isnan(x).any(-1)
        given: dict[str, NDArray[Any]] = {}
        if self.unit is not None:
            given[SCALE] = np.stack([self.scale(each) for each in windows])
        for name, values in self._along(windows, steps).items():
            given[name] = values
        for name in self.labels:
            given[name] = np.array([self._label(each.owner, name) for each in windows], np.int64)
        names = list(dict.fromkeys(self.panel.items[each.owner].name for each in windows))
        origin = f"{', '.join(names[:3])}{' …' if len(names) > 3 else ''}, steps {windows[0].at:,} …"
        return Batch(x, mask & ~missing, given, True, origin)

    def scale(self, window: Window) -> NDArray[np.float64]:
        """(P, 2): the unit of a window."""
        assert self.unit is not None
        if window.owner not in self._running:
            self._running[window.owner] = Running(self.panel.items[window.owner].values, self.unit.mode)
        return self.unit.of(self._running[window.owner].scale(window.at, self.unit.past), self.codec.matrix)

    def _values(self, owner: int, start: int, stop: int) -> NDArray[np.float64]:
        """The steps start … stop − 1, missing beyond both ends."""
        values = self.panel.items[owner].values
        return _slice(values, start, stop, np.nan)

    def _along(self, windows: Sequence[Window], steps: int) -> dict[str, NDArray[np.float32]]:
        """The conditions along time, at every position."""
        block, found = self.codec.block, dict[str, NDArray[np.float32]]()
        for name, codec in ((CALENDAR, self.calendar), (KNOWN, self.known)):
            if codec is None:
                continue
            rows = [self._field(each.owner, name, each.at - self.past, each.at + steps) for each in windows]
            found[name] = np.stack(rows)[:, :: block if name == CALENDAR else 1]
        return found

    def _field(self, owner: int, name: str, start: int, stop: int) -> NDArray[np.float32]:
        item = self.panel.items[owner]
        if name == CALENDAR:
            return self._calendar(item, start, stop)
        assert self.known is not None
        held = np.full((0, len(self.known.names)), np.nan) if item.known is None else item.known
        return self.known.encode(_slice(held, start, stop, np.nan))

    def _calendar(self, item: Series, start: int, stop: int) -> NDArray[np.float32]:
        """The calendar of the steps start … stop − 1; series of the same times share it."""
        assert self.calendar is not None
        assert item.times is not None
        key = id(item.times)
        first, held = self._calendars.get(key, (0, np.zeros((0, self.calendar.size), np.float32)))
        if not (first <= start and stop <= first + len(held)):
            first, last = min(start, -self.past), max(stop, item.steps)
            held = self.calendar.encode(times_between(item, self.panel.frequency, first, last))
            self._calendars[key] = first, held
        return held[start - first : stop - first]

    def _label(self, owner: int, name: str) -> int:
        """The number of a series' label, −1 for one that is missing or unknown."""
        item = self.panel.items[owner]
        return self.labels[name].get(item.name if name == SERIES else str(item.labels.get(name)), -1)


def times_between(item: Series, frequency: str, start: int, stop: int) -> NDArray[Any]:
    """The times of the steps start … stop − 1; beyond both ends they go on as the frequency says."""
    assert item.times is not None
    times = item.times
    if stop > len(times):
        times = np.concatenate([times, grid(times[-1], stop - len(times) + 1, frequency)[1:]])
    if start >= 0:
        return times[start:stop]
    # what is before the first step is missing anyway; a step of the usual length is near enough for its calendar
    step = times[1] - times[0] if len(times) > 1 else np.timedelta64(1, "D")
    return np.concatenate([times[0] + step * np.arange(start, 0), times[: max(stop, 0)]])


def _slice(values: NDArray[np.float64], start: int, stop: int, fill: float) -> NDArray[np.float64]:
    """Rows start … stop − 1, filled beyond both ends."""
    inside = values[max(start, 0) : max(stop, 0)]
    before = min(max(-start, 0), stop - start)
    after = stop - start - before - len(inside)
    return np.pad(inside, ((before, after), (0, 0)), constant_values=fill)


@final
class Windows(Batches):
    """Windows of a training split: every step counts about once a pass, at cuts that vary.

    Args:
        panel: the split.
        codecs: as for `Cutter`.
        size: windows in a batch.
        seed: of the order and the cuts.
        steps: that count in a window.

    Raises:
        UserError: if every series is too short for a window.
    """

    def __init__(self, panel: Panel, codecs: Mapping[str, Symbols], size: int, seed: int, steps: int) -> None:
        self.cutter, self.size, self.seed, self.steps = Cutter(panel, codecs), size, seed, steps
        self.firsts = [first_of(each, self.cutter.past) for each in panel.items]
        if all(each.steps <= first for each, first in zip(panel.items, self.firsts, strict=True)):
            raise UserError("the series are too short for a window; give longer ones, or a shorter --series.past")
        self.per_epoch = max(1, len(self._of(0)) // size)
        self._held: tuple[int, list[Window]] | None = None

    def _of(self, epoch: int) -> list[Window]:
        """The windows of a pass in its order."""
        random = np.random.default_rng([self.seed, epoch])
        found: list[Window] = []
        for owner, (each, first) in enumerate(zip(self.cutter.panel.items, self.firsts, strict=True)):
            if each.steps <= first:
                continue
            # one after another from a random one on, as many in every pass; the last is a whole one
            room = max(1, each.steps - first - self.steps + 1)
            begin, count = int(random.integers(room)), max(1, round((each.steps - first) / self.steps))
            starts = [first + (begin + k * self.steps) % room for k in range(count)]
            found += [Window(owner, at, min(self.steps, each.steps - at)) for at in starts]
        order = random.permutation(len(found))
        return [found[i] for i in order]

    def batch(self, step: int) -> Batch:
        """The windows from step · size on in the pass's order."""
        epoch, index = divmod(step, self.per_epoch)
        if self._held is None or self._held[0] != epoch:
            self._held = epoch, self._of(epoch)
        windows = self._held[1]
        chosen = [windows[(index * self.size + i) % len(windows)] for i in range(self.size)]
        return self.cutter.batch(chosen)


def first_of(item: Series, past: int) -> int:
    """The first step that can count: after a window's past, or half of what there is of a short series."""
    return max(item.first, min(past, max(_LEAST, item.steps // 2)))


def tiled(panel: Panel, past: int, steps: int, block: int = 1) -> list[Window]:
    """Windows one after another that count each step of a split once, but for those that nothing precedes.

    Blocks count from the first step of what is split, or of a series that is not.
    """
    found: list[Window] = []
    for owner, each in enumerate(panel.items):
        first = max(each.first, _LEAST) if each.first else -(-first_of(each, past) // block) * block
        for at in range(first, each.steps, steps):
            found.append(Window(owner, at, min(steps, each.steps - at)))
    return found
