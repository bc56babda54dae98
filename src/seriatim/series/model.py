"""A trained model of series: likelihoods, forecasts, figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, final

import numpy as np
import torch
from numpy.typing import NDArray

from seriatim.data.options import WHOLE
from seriatim.errors import UserError
from seriatim.models.likelihood import relative_error, to_given
from seriatim.runs import arguments
from seriatim.runs.arguments import takes
from seriatim.runs.trained import STEER, Trained
from seriatim.series.choices import Choices
from seriatim.series.codec import SeriesCodec
from seriatim.series.data.panel import SERIES, Panel, Series
from seriatim.series.data.windows import KNOWN, SCALE, Cutter, Window, tiled, times_between
from seriatim.series.figures import SeriesFigures
from seriatim.series.filling import Filled, fill
from seriatim.series.forecast import Forecast, Forecasts
from seriatim.series.known import Known
from seriatim.series.options import SeriesOptions
from seriatim.series.rolling import Rolling, rolling
from seriatim.symbols import Labels, Symbols
from seriatim.walks.draws import Draws
from seriatim.walks.noise import own_seeds, seed_of
from seriatim.walks.steer import Steer, steer_of
from seriatim.walks.threads import one_thread

Floats = NDArray[np.float64]
Progress = Callable[[int], None]

_ROWS = 4096  # paths that are drawn together
_TOGETHER = 64  # windows read together
_LONGEST = 1 << 20  # steps of a forecast
_MOST = 1 << 28  # values of all paths


@final
class SeriesModel(Trained):
    """A model of series with the codecs of its values and conditions.

    Returned by `seriatim.train` and `seriatim.load`. Series are given as a table (a path, or a pandas DataFrame), or as
    arrays (T,) or (T, C) of floats, NaN where a value is missing.

    Example:
        >>> import seriatim
        >>> x = np.sin(np.arange(200) * 0.5) + 0.1 * np.random.default_rng(0).normal(size=200)
        >>> options = {"quiet": True, "device": "cpu", "out": "runs/wave", "net": {"width": 8}}
        >>> model = seriatim.train(x, "mlp", steps=1, series=seriatim.SeriesOptions(past=20, horizon=5), **options)
        >>> model.forecast(x, horizon=7, paths=10, seed=1)[0].median.shape
        (7, 1)
        >>> model.evaluate(x).values
        180
    """

    kind = "series"
    data_codec = SeriesCodec

    @property
    def codec(self) -> SeriesCodec:
        """Steps <-> positions."""
        return cast(SeriesCodec, self.codecs["x"])

    @property
    def known(self) -> tuple[str, ...]:
        """The columns that it is told ahead."""
        codec = self.codecs.get(KNOWN)
        return codec.names if isinstance(codec, Known) else ()

    @property
    def conditions(self) -> dict[str, Symbols]:
        """{condition: its codec}, without the unit of a window, which follows from its past."""
        return {name: codec for name, codec in super().conditions.items() if name != SCALE}

    # ------------------------------------------------------------------ data

    def panel(self, data: object, options: SeriesOptions | None = None) -> Panel:
        """Series as this model reads them.

        Args:
            data: a path, a data frame, arrays, or a `Panel`.
            options: which columns are what. Default: as in training, as far as the model knows.

        Raises:
            UserError: if they are not of its frequency or channels, or lack what it is told ahead.
        """
        from seriatim.series.data.opening import open_series

        if isinstance(data, Panel):
            return self._checked(data)
        several = len(self.codec.channels) > 1
        frequency = self.codec.frequency
        usual = SeriesOptions(joint=several, known=self.known, values=self.codec.channels if several else (),
                              frequency=frequency if frequency == "rows" else None)  # fmt: skip
        if several and not isinstance(data, str | Path) and not hasattr(data, "columns"):
            usual = SeriesOptions(joint=True)
        return self._checked(open_series(data, replace(options or usual, origins=None), WHOLE).splits["train"])

    def _checked(self, panel: Panel) -> Panel:
        codec = self.codec
        if len(panel.channels) != len(codec.channels):
            raise UserError(
                f"the series have {len(panel.channels)} channels, and the model has {len(codec.channels)}: "
                f"{', '.join(codec.channels)[:80]}; give the same columns"
            )
        if panel.frequency != codec.frequency:
            raise UserError(
                f"the series have the frequency {panel.frequency}, and the model {codec.frequency}; give such series, "
                f"or read them with --series.frequency {codec.frequency}"
            )
        if missing := [name for name in self.known if name not in panel.known]:
            raise UserError(f"the model is told {missing[0]!r} ahead, which the series do not have; add the column")
        return panel

    def unknown(self, panel: Panel) -> list[str]:
        """The series that it was not trained on, where it tells series apart."""
        codec = cast("Labels | Choices | None", self.codecs.get(SERIES))
        return [] if codec is None else [each.name for each in panel.items if each.name not in codec.values]

    # ------------------------------------------------------------------ likelihood

    @takes(progress=arguments.function)
    def log_probs(self, data: object, progress: Progress | None = None) -> list[Floats]:
        """log p of every position of each series in nats, given what precedes it; NaN for what is given or missing.

        A series is read in windows of a horizon, each after its past, which scales it and is not counted there. What
        precedes the first window counts nowhere. With blocks, a position is a block.

        Args:
            data: series, as in `panel`.
            progress: called with the number of windows read.
        """
        panel = self.panel(data)
        windows = self.windows(panel)
        block = self.codec.block
        found = [np.full(-(-each.steps // block), np.nan) for each in panel.items]
        for window, terms in zip(windows, self.terms(panel, windows, progress), strict=True):
            at = window.at // block
            found[window.owner][at : at + len(terms)] = terms
        return found

    def log_prob(self, data: object, progress: Progress | None = None) -> Floats:
        """log p of each series in nats, given its beginning. For arguments see `log_probs`."""
        return np.array([np.nansum(terms) for terms in self.log_probs(data, progress)])

    def windows(self, panel: Panel) -> list[Window]:
        """The windows of a horizon in which series are judged."""
        return tiled(panel, self.codec.past, self.codec.horizon, self.codec.block)

    @torch.no_grad()
    def terms(self, panel: Panel, windows: Sequence[Window], progress: Progress | None = None) -> list[Floats]:
        """log p of the positions of each window; NaN where a value is missing."""
        cutter, found = Cutter(panel, self.codecs), list[Floats]()
        skipped = cutter.past // self.codec.block
        for first in range(0, len(windows), _TOGETHER):
            some = windows[first : first + _TOGETHER]
            batch = cutter.batch(some)
            terms = self.model.log_probs(self.model.symbols(batch.x), to_given(batch.given, self.model.device))
            values = np.where(batch.mask, terms.double().cpu().numpy(), np.nan)
            found += [
                row[skipped : skipped + each.steps // self.codec.block] for row, each in zip(values, some, strict=True)
            ]
            if progress is not None:
                progress(first + len(some))
        return found

    @takes(progress=arguments.function)
    def evaluate(self, data: object, progress: Progress | None = None) -> SeriesFigures:
        """The exact likelihood of series, in the user's units.

        Args:
            data: series, as in `panel`; of a split, what counts in it.
            progress: called with the number of windows read.

        Raises:
            UserError: if no value counts.
        """
        panel = self.panel(data)
        windows = self.windows(panel)
        terms = [row[~np.isnan(row)] for row in self.terms(panel, windows, progress)]
        terms = [row for row in terms if len(row)]
        if not terms:
            raise UserError("no value can be judged: the series are shorter than what must be given; give longer ones")
        nats, count = -float(sum(row.sum() for row in terms)), sum(map(len, terms)) * self.codec.parts
        codec, error = self.codec, relative_error(terms, None)
        return SeriesFigures(nats, count, len({w.owner for w in windows}), codec.past, codec.horizon, error)

    def rolling(
        self, data: object, horizon: int | None = None, origins: int = 10, paths: int = 200, seed: int = 0,
        season: int | None = None, progress: Progress | None = None,
    ) -> Rolling:  # fmt: skip
        """Forecast the end of series from rolling origins, beside a seasonal naive. See `series.rolling.rolling`."""
        panel = self.panel(data)
        steps = self._horizon(horizon, panel)

        def draw(windows: list[Window]) -> list[Floats]:
            return self.paths(panel, windows, steps, paths, seed, progress)

        return rolling(draw, panel, steps, origins, season or self.codec.season)

    @takes(n=arguments.count, particles=arguments.count, progress=arguments.function)
    def complete(
        self, data: object, n: int = 100, particles: int = 50, seed: int = 0, progress: Progress | None = None
    ) -> list[Filled]:
        """Draw what may have been in the gaps of series, given what is before and after. See `series.filling.fill`."""
        return fill(self.model, self.codecs, self.panel(data), n, particles, seed, progress)

    # ------------------------------------------------------------------ forecasts

    @takes(horizon=arguments.count, paths=arguments.count, seed=arguments.seeds, steer=STEER,
           progress=arguments.function)  # fmt: skip
    def forecast(
        self,
        data: object,
        horizon: int | None = None,
        paths: int = 200,
        *,
        seed: int = 0,
        steer: Steer | None = None,
        options: SeriesOptions | None = None,
        progress: Progress | None = None,
        **steering: Any,
    ) -> Forecasts:
        """Draw what may follow the last value of each series.

        Args:
            data: series, as in `panel`; columns known ahead must go on for the horizon.
            horizon: steps. Default: those of training.
            paths: sample paths of each series.
            seed: the same seed gives the same path of a series, whatever else is drawn.
            steer: temperature; or pass it as an option: temperature=0.8.
            options: which columns are what. Default: as in training.
            progress: called with the number of series done.
            steering: fields of `seriatim.Steer`.

        Raises:
            UserError: if the series are too short, or what is known ahead ends too soon.
        """
        panel = self.panel(data, options)
        steps = self._horizon(horizon, panel)
        for each in panel.items:
            self._ahead(each, steps)
        chosen = steer_of(steer, steering)
        return self.forecast_at(panel, [each.steps for each in panel.items], steps, paths, seed, progress, chosen)

    def forecast_at(
        self,
        panel: Panel,
        origins: Sequence[int],
        horizon: int,
        paths: int = 200,
        seed: int = 0,
        progress: Progress | None = None,
        steer: Steer | None = None,
    ) -> Forecasts:
        """Draw what may follow the first `origins[i]` steps of series i, of which nothing later is seen."""
        windows = [Window(owner, at, horizon) for owner, at in enumerate(origins)]
        found = self.paths(panel, windows, horizon, paths, seed, progress, steer)

        def times(each: Series, at: int) -> NDArray[Any] | None:
            return None if each.times is None else times_between(each, panel.frequency, at, at + horizon)

        each = zip(panel.items, origins, found, strict=True)
        return Forecasts([Forecast(item.name, x, times(item, at), self.codec.channels) for item, at, x in each])

    def _horizon(self, horizon: int | None, panel: Panel) -> int:
        steps = self.codec.horizon if horizon is None else horizon
        longest = max(each.steps for each in panel.items)
        if not 1 <= steps <= _LONGEST:
            raise UserError(f"horizon is {steps}; give 1 or more steps, at most {_LONGEST:,}")
        if steps > longest:
            raise UserError(f"horizon is {steps:,}, and the longest series has {longest:,} steps; give a shorter one")
        return steps

    def _ahead(self, item: Series, horizon: int) -> None:
        """Refuse a series whose columns known ahead end too soon."""
        if not self.known:
            return
        held = np.zeros((0, 1)) if item.known is None else item.known[item.steps : item.steps + horizon]
        there = ~np.isnan(held).any(1)
        if len(held) < horizon or not there.all():
            ends = int(np.flatnonzero(~there)[0]) if not there.all() else len(held)
            raise UserError(
                f"series {item.name!r:.40}: {', '.join(self.known)} must be known for {horizon:,} steps after the last "
                f"value, and {ends:,} are; add rows with these columns and no value, or give --horizon {ends}"
            )

    @torch.no_grad()
    def paths(
        self,
        panel: Panel,
        windows: Sequence[Window],
        horizon: int,
        paths: int = 200,
        seed: int = 0,
        progress: Progress | None = None,
        steer: Steer | None = None,
    ) -> list[Floats]:
        """(N, H, C) of each window: N paths of what may follow the steps before it, of which nothing later is seen.

        Raises:
            UserError: if there is nothing before a window, or too much is asked for.
        """
        if paths < 1 or paths * horizon * len(windows) > _MOST:
            raise UserError(
                f"{paths:,} paths of {horizon:,} steps for {len(windows):,} windows are asked for; give 1 or more, at "
                f"most {_MOST:,} values"
            )
        for each in windows:
            values = panel.items[each.owner].values[: each.at]
            if np.count_nonzero(~np.isnan(values).any(1)) < 2:
                name = panel.items[each.owner].name
                raise UserError(f"series {name!r:.40} has fewer than two values before the forecast; give more")
        cutter, codec, found = Cutter(panel, self.codecs), self.codec, list[Floats]()
        size = max(1, _ROWS // paths)
        with one_thread():
            for first in range(0, len(windows), size):
                some = [Window(each.owner, each.at, horizon) for each in windows[first : first + size]]
                names = [f"{panel.items[each.owner].name}:{each.at}" for each in some]
                seeds = [own for name in names for own in own_seeds(seed_of(seed, name), paths, "paths")]
                x = self._drawn(cutter, some, horizon, paths, seeds, steer)
                values = codec.decode(x.double().cpu().numpy())[:, :horizon]
                found += [part.astype(np.float64) for part in values.reshape(len(some), paths, *values.shape[1:])]
                if progress is not None:
                    progress(first + len(some))
        return found

    def _drawn(
        self, cutter: Cutter, windows: Sequence[Window], horizon: int, paths: int, seeds: list[int], steer: Steer | None
    ) -> torch.Tensor:
        """(W · N, T'[, P]): what the model draws after the past of each window."""
        codec, device = self.codec, self.model.device
        batch = cutter.batch(windows)
        known = codec.past // codec.block
        positions = -(-horizon // codec.block)
        # what is in the windows themselves is not looked at
        prompt = self.model.symbols(batch.x[:, :known])
        context = self.model.condition(to_given(batch.given, device), len(windows))
        walk = self.model.walk(len(windows), context, known + positions)
        walk.feed(prompt)
        each = torch.arange(len(windows), device=device)
        walk.select(each.repeat_interleave(paths), each)  # the paths of a window share its conditions
        draws = Draws(walk, self.model.head, torch.tensor(seeds, dtype=torch.long, device=device), steer)
        return torch.stack([draws.position() for _ in range(positions)], 1)
