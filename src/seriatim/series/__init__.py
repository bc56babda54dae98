"""Series of real values: readers of tables, training, and the model that forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seriatim.data.options import DataOptions
from seriatim.modality import Encoding, Modality
from seriatim.series.holding import NAMES, holds
from seriatim.series.options import SeriesOptions

if TYPE_CHECKING:
    from seriatim.data.fetch import NamedSet
    from seriatim.series.data.panel import Divided
    from seriatim.series.model import SeriesModel
    from seriatim.series.task import SeriesTask
    from seriatim.symbols import Symbols


def _sets() -> Mapping[str, NamedSet]:
    from seriatim.series.data.sets import SETS

    return SETS


def _open(data: object, options: Mapping[str, Any], division: DataOptions) -> Divided:
    from seriatim.series.data.opening import open_series

    return open_series(data, options["series"], division)


def _open_set(name: str, options: Mapping[str, Any], division: DataOptions) -> Divided:
    from seriatim.series.data.opening import open_set

    return open_set(name, options["series"], division)


def _folds(data: Divided, k: int, options: Mapping[str, Any]) -> Sequence[Divided]:  # noqa: ARG001
    from seriatim.series.data.opening import fold

    return fold(data, k)


def _codecs() -> Mapping[str, type[Symbols]]:
    from seriatim.series.calendar import Calendar
    from seriatim.series.choices import Choices
    from seriatim.series.codec import SeriesCodec
    from seriatim.series.known import Known
    from seriatim.series.scaling import WindowScale

    own = {"series": SeriesCodec, "window-scale": WindowScale, "choices": Choices}
    return {**own, "calendar": Calendar, "known": Known}


def _encoders() -> Mapping[type[Any], Encoding]:
    from seriatim.series.encoders import ENCODINGS

    return ENCODINGS


def _task() -> type[SeriesTask]:
    from seriatim.series.task import SeriesTask

    return SeriesTask


def _model() -> type[SeriesModel]:
    from seriatim.series.model import SeriesModel

    return SeriesModel


MODALITY = Modality(
    name="series",
    words="series",
    family="lstm",
    training={"lr": 2e-3, "weight_decay": 0.01, "ema": 0.99},
    options={"series": SeriesOptions},
    holds=holds,
    names=NAMES,
    sets=_sets,
    open=_open,
    open_set=_open_set,
    folds=_folds,
    figures=("nats_per_value",),
    codecs=_codecs,
    encoders=_encoders,
    follows={"parts": "parts"},
    refuses=("carry", "truncate", "prompt", "smoothing"),
    task=_task,
    model=_model,
    next="forecast",
)
