"""A few tiny films of one's own with labels and actions, and runs trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seriatim.video.options import VideoOptions
from tiny_films import write

SIZE = (4, 5)
FRAMES = 4
NET: dict[str, Any] = {"filters": 6, "encoder_blocks": 1, "decoder_blocks": 1, "first": 3}
OPTIONS: dict[str, Any] = {"batch": 4, "samples": 0, "device": "cpu", "quiet": True, "evaluate_every": 1000}

UInt8 = NDArray[np.uint8]


def moving(number: int, frames: int = FRAMES, colours: int = 1) -> UInt8:
    """(T, *SIZE, C): a bright line that moves down (even numbers) or across; no two are the same."""
    random = np.random.default_rng(number)
    x = random.integers(0, 127, (frames, *SIZE, colours))
    for t in range(frames):
        if number % 2 == 0:
            x[t, (t + number // 2) % SIZE[0]] += 128
        else:
            x[t, :, (t + number // 2) % SIZE[1]] += 128
    return x.astype(np.uint8)


def label(number: int) -> str:
    return "across" if number % 2 else "down"


def action(number: int, frames: int = FRAMES) -> NDArray[np.float32]:
    """(T, 2)."""
    return np.random.default_rng(1000 + number).normal(3, 2, (frames, 2)).astype(np.float32)


def arrays(count: int = 20, lengths: Sequence[int] = (FRAMES,), **options: Any) -> dict[str, Any]:
    """Films in memory, their lengths in turn."""
    each = [lengths[i % len(lengths)] for i in range(count)]
    return {
        "x": [moving(i, n, **options) for i, n in enumerate(each)],
        "label": [label(i) for i in range(count)],
        "action": [action(i, n) for i, n in enumerate(each)],
    }


def folder_of(place: Path, count: int = 20, frames: int = FRAMES) -> tuple[Path, Path]:
    """Films in two subfolders, which are their labels; and a folder of their actions."""
    films, actions = place / "films", place / "actions"
    for i in range(count):
        write(films / label(i) / f"{i:02d}.mkv", moving(i, frames))
        path = actions / label(i) / f"{i:02d}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, action(i, frames))
    return films, actions


def reading(**options: Any) -> VideoOptions:
    return VideoOptions(**{"frames": FRAMES, "levels": 4, **options})
