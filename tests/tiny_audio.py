"""A few short recordings of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 8000


def noise(seed: int, samples: int = 400, channels: int = 1) -> NDArray[np.int16]:
    """16 bits, no two of different seeds the same."""
    x = np.random.default_rng(seed).integers(-20000, 20000, (samples, channels)).astype(np.int16)
    return x[:, 0] if channels == 1 else x


def tone(hertz: float, seconds: float, rate: int = RATE, level: float = 0.5) -> NDArray[np.float64]:
    """A sine."""
    return level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def save(path: Path, x: NDArray[Any], rate: int = RATE, **options: Any) -> Path:
    """One file; the ending says which kind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, x, rate, **options)
    return path


def folder_of(place: Path, count: int = 30) -> Path:
    """Recordings of 200 to 780 samples in two subfolders, which are their labels."""
    for number in range(count):
        save(place / "sounds" / ("low", "high")[number % 2] / f"{number:02d}.wav", noise(number, 200 + 20 * number))
    return place / "sounds"
