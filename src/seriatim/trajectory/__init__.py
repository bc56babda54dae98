"""Trajectories: drawings and labelled series, which end by themselves; readers, training, and their model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seriatim.data.options import DataOptions
from seriatim.modality import Encoding, Modality
from seriatim.trajectory.holding import NAMES, holds
from seriatim.trajectory.options import TrajectoryOptions

if TYPE_CHECKING:
    from seriatim.data.fetch import NamedSet
    from seriatim.symbols import Symbols
    from seriatim.trajectory.data.trajectories import TrajectorySet
    from seriatim.trajectory.model import TrajectoryModel
    from seriatim.trajectory.task import TrajectoryTask


def _sets() -> Mapping[str, NamedSet]:
    from seriatim.trajectory.data.sets import SETS

    return SETS


def _open(data: object, options: Mapping[str, Any], division: DataOptions) -> TrajectorySet:
    from seriatim.trajectory.data.opening import open_trajectories

    return open_trajectories(data, options["trajectory"], division)


def _open_set(name: str, options: Mapping[str, Any], division: DataOptions) -> TrajectorySet:
    from seriatim.trajectory.data.opening import open_set

    return open_set(name, options["trajectory"], division)


def _folds(data: TrajectorySet, k: int, options: Mapping[str, Any]) -> Sequence[TrajectorySet]:  # noqa: ARG001
    from seriatim.trajectory.data.opening import fold

    return fold(data, k)


def _codecs() -> Mapping[str, type[Symbols]]:
    from seriatim.trajectory.codec import FixedScale, TrajectoryCodec

    return {"trajectory": TrajectoryCodec, "fixed-scale": FixedScale}


def _encoders() -> Mapping[type[Any], Encoding]:
    from seriatim.trajectory.encoders import ENCODINGS

    return ENCODINGS


def _task() -> type[TrajectoryTask]:
    from seriatim.trajectory.task import TrajectoryTask

    return TrajectoryTask


def _model() -> type[TrajectoryModel]:
    from seriatim.trajectory.model import TrajectoryModel

    return TrajectoryModel


MODALITY = Modality(
    name="trajectory",
    words="trajectories",
    family="lstm",
    training={"lr": 2e-3, "weight_decay": 0.01, "ema": 0.99},
    options={"trajectory": TrajectoryOptions},
    holds=holds,
    names=NAMES,
    sets=_sets,
    open=_open,
    open_set=_open_set,
    folds=_folds,
    figures=("nats_per_step",),
    codecs=_codecs,
    encoders=_encoders,
    follows={"parts": "parts", "marks": "marks"},
    refuses=("carry", "truncate", "prompt", "smoothing"),
    task=_task,
    model=_model,
)
