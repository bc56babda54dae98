"""Seriatim: deep autoregressive models p(x | c) = ∏ p(x_t | x_<t, c), one way of working for all of them.

A *model* gives exact likelihoods and parameters position by position; a *walk* is where a batch of sequences stands.
Everything here is imported when it is first asked for, so that `import seriatim` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from seriatim import coding as coding
    from seriatim import conditioning as conditioning
    from seriatim import heads as heads
    from seriatim import layers as layers
    from seriatim import models as models
    from seriatim import symbols as symbols
    from seriatim import testing as testing
    from seriatim.api import load as load
    from seriatim.api import train as train
    from seriatim.audio.model import AudioModel as AudioModel
    from seriatim.audio.options import AudioOptions as AudioOptions
    from seriatim.audio.options import QuantiserOptions as QuantiserOptions
    from seriatim.audio.options import TrackOptions as TrackOptions
    from seriatim.data.options import DataOptions as DataOptions
    from seriatim.errors import UserError as UserError
    from seriatim.image.model import ImageModel as ImageModel
    from seriatim.image.options import CodeOptions as CodeOptions
    from seriatim.image.options import ImageOptions as ImageOptions
    from seriatim.models.base import Model as Model
    from seriatim.models.plugins import register as register
    from seriatim.models.sequence import SequenceModel as SequenceModel
    from seriatim.series.forecast import Forecast as Forecast
    from seriatim.series.forecast import Forecasts as Forecasts
    from seriatim.series.model import SeriesModel as SeriesModel
    from seriatim.series.options import SeriesOptions as SeriesOptions
    from seriatim.text.model import TextModel as TextModel
    from seriatim.text.options import SourceOptions as SourceOptions
    from seriatim.text.options import TextOptions as TextOptions
    from seriatim.text.options import TokenOptions as TokenOptions
    from seriatim.text.samples import Sample as Sample
    from seriatim.training.observers import Evaluation as Evaluation
    from seriatim.training.observers import Step as Step
    from seriatim.training.options import TrainOptions as TrainOptions
    from seriatim.trajectory.model import TrajectoryModel as TrajectoryModel
    from seriatim.trajectory.options import TrajectoryOptions as TrajectoryOptions
    from seriatim.video.model import VideoModel as VideoModel
    from seriatim.video.options import VideoOptions as VideoOptions
    from seriatim.walks.beams import Beams as Beams
    from seriatim.walks.steer import Steer as Steer
    from seriatim.walks.walk import Walk as Walk
    from seriatim.walks.walk import roll as roll

_NAMES = {
    "AudioModel": "seriatim.audio.model",
    "AudioOptions": "seriatim.audio.options",
    "Beams": "seriatim.walks.beams",
    "CodeOptions": "seriatim.image.options",
    "DataOptions": "seriatim.data.options",
    "Evaluation": "seriatim.training.observers",
    "Forecast": "seriatim.series.forecast",
    "Forecasts": "seriatim.series.forecast",
    "ImageModel": "seriatim.image.model",
    "ImageOptions": "seriatim.image.options",
    "Model": "seriatim.models.base",
    "QuantiserOptions": "seriatim.audio.options",
    "Sample": "seriatim.text.samples",
    "SequenceModel": "seriatim.models.sequence",
    "SeriesModel": "seriatim.series.model",
    "SeriesOptions": "seriatim.series.options",
    "SourceOptions": "seriatim.text.options",
    "Steer": "seriatim.walks.steer",
    "Step": "seriatim.training.observers",
    "TextModel": "seriatim.text.model",
    "TextOptions": "seriatim.text.options",
    "TokenOptions": "seriatim.text.options",
    "TrackOptions": "seriatim.audio.options",
    "TrainOptions": "seriatim.training.options",
    "TrajectoryModel": "seriatim.trajectory.model",
    "TrajectoryOptions": "seriatim.trajectory.options",
    "VideoModel": "seriatim.video.model",
    "VideoOptions": "seriatim.video.options",
    "UserError": "seriatim.errors",
    "Walk": "seriatim.walks.walk",
    "load": "seriatim.api",
    "register": "seriatim.models.plugins",
    "roll": "seriatim.walks.walk",
    "train": "seriatim.api",
}
_MODULES = {
    "coding": "seriatim.coding",
    "conditioning": "seriatim.conditioning",
    "heads": "seriatim.heads",
    "layers": "seriatim.layers",
    "models": "seriatim.models",
    "symbols": "seriatim.symbols",
    "testing": "seriatim.testing",
}
__all__ = [
    "AudioModel",
    "AudioOptions",
    "Beams",
    "CodeOptions",
    "DataOptions",
    "Evaluation",
    "Forecast",
    "Forecasts",
    "ImageModel",
    "ImageOptions",
    "Model",
    "QuantiserOptions",
    "Sample",
    "SequenceModel",
    "SeriesModel",
    "SeriesOptions",
    "SourceOptions",
    "Steer",
    "Step",
    "TextModel",
    "TextOptions",
    "TokenOptions",
    "TrackOptions",
    "TrainOptions",
    "TrajectoryModel",
    "TrajectoryOptions",
    "UserError",
    "VideoModel",
    "VideoOptions",
    "Walk",
    "coding",
    "conditioning",
    "heads",
    "layers",
    "load",
    "models",
    "register",
    "roll",
    "symbols",
    "testing",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name not in _NAMES:
        raise AttributeError(f"module 'seriatim' has no attribute {name!r}")
    return getattr(import_module(_NAMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
