"""Loaders of the named data sets: from files to splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from seriatim.trajectory.data.stroke3 import read_stroke3
from seriatim.trajectory.data.trajectories import PEN, Trajectories
from seriatim.trajectory.data.ts import read_ts

Loaded = tuple[tuple[str, ...], dict[str, Trajectories]]
"""The channels and the splits."""


def stroke3(files: Sequence[Path]) -> Loaded:
    """Stroke-3 files with their own splits; of several, the file is the label."""
    splits: dict[str, Trajectories] = {}
    for file in files:
        for side, drawings in read_stroke3(file).items():
            names = [f"{file.name}:{side}:{i + 1}" for i in range(len(drawings))]
            word = file.stem.removeprefix("short_").removesuffix(".full")
            label = [word] * len(drawings) if len(files) > 1 else None
            before = splits.get(side, Trajectories([], [], None if label is None else []))
            labels = None if label is None else [*(before.labels or ()), *label]
            splits[side] = Trajectories([*before.x, *drawings], [*before.names, *names], labels)
    return PEN, splits


def ts(files: Sequence[Path]) -> Loaded:
    """The training and the test part of a set in the .ts format."""
    splits: dict[str, Trajectories] = {}
    channels = 0
    for side, file in zip(("train", "test"), files, strict=True):
        x, labels = read_ts(file)
        channels = x[0].shape[1]
        splits[side] = Trajectories(x, [f"{file.name}:{i + 1}" for i in range(len(x))], labels)
    return tuple(f"channel {i + 1}" for i in range(channels)), splits


LAYOUTS: Mapping[str, Callable[[Sequence[Path]], Loaded]] = {"stroke3": stroke3, "ts": ts}
"""{layout: loader}."""
