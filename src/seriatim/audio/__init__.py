"""Audio: quantisers, readers, training, and the model of samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seriatim.audio.holding import NAMES, holds
from seriatim.audio.options import AudioOptions, QuantiserOptions, TrackOptions
from seriatim.data.options import DataOptions
from seriatim.modality import Encoding, Modality

if TYPE_CHECKING:
    from seriatim.audio.data.recordings import Recordings
    from seriatim.audio.model import AudioModel
    from seriatim.audio.task import AudioTask
    from seriatim.data.fetch import NamedSet
    from seriatim.symbols import Symbols


def _sets() -> Mapping[str, NamedSet]:
    from seriatim.audio.data.sets import SETS

    return SETS


def _open(data: object, options: Mapping[str, Any], division: DataOptions) -> Recordings:
    from seriatim.audio.data.opening import open_recordings

    return open_recordings(data, options["audio"], division)


def _open_set(name: str, options: Mapping[str, Any], division: DataOptions) -> Recordings:
    from seriatim.audio.data.opening import open_set

    return open_set(name, options["audio"], division)


def _folds(data: Recordings, k: int, options: Mapping[str, Any]) -> Sequence[Recordings]:
    from seriatim.audio.data.folds import folds

    return folds(data, k, options["audio"])


def _codecs() -> Mapping[str, type[Symbols]]:
    from seriatim.audio.features import Energy, LogMel
    from seriatim.audio.quantiser import Quantiser
    from seriatim.audio.spans import Spans
    from seriatim.audio.tracks import Track

    return {"quantiser": Quantiser, "log-mel": LogMel, "energy": Energy, "track": Track, "spans": Spans}


def _encoders() -> Mapping[type[Any], Encoding]:
    from seriatim.audio.encoders import ENCODINGS

    return ENCODINGS


def _task() -> type[AudioTask]:
    from seriatim.audio.task import AudioTask

    return AudioTask


def _model() -> type[AudioModel]:
    from seriatim.audio.model import AudioModel

    return AudioModel


MODALITY = Modality(
    name="audio",
    words="audio",
    family="wavenet",
    options={"audio": AudioOptions, "quantiser": QuantiserOptions, "track": TrackOptions},
    holds=holds,
    names=NAMES,
    sets=_sets,
    open=_open,
    open_set=_open_set,
    folds=_folds,
    figures=("bits_per_sample",),
    codecs=_codecs,
    encoders=_encoders,
    follows={name: name for name in ("levels", "channels", "spread")},
    refuses=("carry", "truncate", "prompt"),
    task=_task,
    model=_model,
)
