"""Sound as arrays: 16 bits, room in memory, silence at the ends, and the report of what was done."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError

Samples = NDArray[np.int16]

MOST = 8 << 30
"""Bytes that the recordings of a data set may take in memory."""

_WINDOW = 0.01  # seconds whose loudness is taken together when silence is looked for


@dataclass
class Report:
    """What was done to files on the way in."""

    remarks: Counter[str] = field(default_factory=Counter[str])
    """{what: to how many files}."""
    clipped: int = 0
    """Samples that lay beyond full scale."""
    trimmed: float = 0.0
    """Seconds of silence that were left out."""
    touched: int = 0
    """Files that were trimmed."""

    def sentences(self, files: int) -> list[str]:
        """One for each thing that was done to some of so many files."""
        found = [f"{count} of {files} recordings {what}." for what, count in sorted(self.remarks.items()) if count]
        if self.clipped:
            found.append(f"{self.clipped:,} samples are clipped.")
        if self.touched:
            found.append(f"{self.trimmed:.1f} s of silence are trimmed off {self.touched} of {files} recordings.")
        return found


def check_room(size: int, name: str) -> None:
    """Refuse sound that would not fit into memory, before it is taken."""
    if size > MOST:
        raise UserError(
            f"{name}: takes {size / 2**30:.1f} GiB of memory, more than the {MOST / 2**30:g} that are allowed: give a "
            "smaller --audio.rate, --audio.seconds or --data.limit"
        )


def to_int16(x: NDArray[np.floating[Any]]) -> tuple[Samples, int]:
    """Fractions of full scale in 16 bits, and how many of them lay beyond ±1 and are clipped.

    A fraction v / 32768, which is how 16 bits are read, becomes v again.
    """
    return np.rint(x * 32768).clip(-32768, 32767).astype(np.int16), int(np.count_nonzero(np.abs(x) > 1))


def trimmed(x: Samples, rate: int, decibels: float, report: Report) -> Samples:
    """A recording without the windows of 10 ms at its ends that are quieter than its loudest one by so many decibels.

    Loudness is the mean square, over both channels. A recording of digital silence is kept whole.
    """
    if not len(x):
        return x
    width = max(1, round(_WINDOW * rate))
    power = np.square(x.astype(np.float32)).reshape(len(x), -1).mean(axis=1)
    starts = np.arange(0, len(x), width)
    loudness = np.add.reduceat(power, starts) / np.diff(starts, append=len(x))
    if not loudness.any():
        report.remarks["are silent and kept whole, not trimmed"] += 1
        return x
    kept = np.flatnonzero(loudness >= loudness.max() * 10 ** (-decibels / 10))
    first, stop = int(starts[kept[0]]), min(int(starts[kept[-1]]) + width, len(x))
    if first or stop < len(x):
        report.touched += 1
        report.trimmed += (len(x) - (stop - first)) / rate
    return x[first:stop].copy()  # not a view, which would keep the whole in memory
