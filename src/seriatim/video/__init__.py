"""Films: readers, training, and the model of frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seriatim.data.options import DataOptions
from seriatim.modality import Encoding, Modality
from seriatim.video.holding import NAMES, holds
from seriatim.video.options import VideoOptions

if TYPE_CHECKING:
    from seriatim.data.fetch import NamedSet
    from seriatim.symbols import Symbols
    from seriatim.video.data.films import Reel
    from seriatim.video.model import VideoModel
    from seriatim.video.task import VideoTask


def _sets() -> Mapping[str, NamedSet]:
    from seriatim.video.data.sets import SETS

    return SETS


def _open(data: object, options: Mapping[str, Any], division: DataOptions) -> Reel:
    from seriatim.video.data.opening import open_reel

    return open_reel(data, options["video"], division)


def _open_set(name: str, options: Mapping[str, Any], division: DataOptions) -> Reel:
    from seriatim.video.data.opening import open_set

    return open_set(name, options["video"], division)


def _folds(data: Reel, k: int, options: Mapping[str, Any]) -> Sequence[Reel]:  # noqa: ARG001
    from seriatim.video.data.folds import folds

    return folds(data, k)


def _codecs() -> Mapping[str, type[Symbols]]:
    from seriatim.symbols.levels import Levels
    from seriatim.video.actions import Actions

    return {"levels": Levels, "actions": Actions}


def _encoders() -> Mapping[type[Any], Encoding]:
    from seriatim.video.encoders import ENCODINGS

    return ENCODINGS


def _task() -> type[VideoTask]:
    from seriatim.video.task import VideoTask

    return VideoTask


def _model() -> type[VideoModel]:
    from seriatim.video.model import VideoModel

    return VideoModel


MODALITY = Modality(
    name="video",
    words="films",
    family="vpn",
    options={"video": VideoOptions},
    holds=holds,
    names=NAMES,
    sets=_sets,
    open=_open,
    open_set=_open_set,
    folds=_folds,
    figures=("nats_per_frame", "cross_entropy_nats_per_frame", "bits_per_dim"),
    codecs=_codecs,
    encoders=_encoders,
    follows={name: name for name in ("height", "width", "channels", "levels")},
    refuses=("carry", "truncate", "prompt"),
    task=_task,
    model=_model,
)
