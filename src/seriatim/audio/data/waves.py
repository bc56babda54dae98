"""Audio as arrays: conversion to 16 bits, memory limits, trimming, and the report of conversions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError

Samples = NDArray[np.int16]

MOST = 8 << 30
"""Most memory for the recordings of a data set, in bytes."""

_WINDOW = 0.01  # seconds per window of loudness when trimming


@dataclass
class Report:
    """Conversions of files while reading."""

    remarks: Counter[str] = field(default_factory=Counter[str])
    """{remark: number of files}."""
    clipped: int = 0
    """Number of clipped samples."""
    trimmed: float = 0.0
    """Seconds trimmed."""
    touched: int = 0
    """Number of trimmed files."""

    def sentences(self, files: int) -> list[str]:
        """A sentence per conversion, for `files` files in total."""
        found = [f"{count} of {files} recordings {what}." for what, count in sorted(self.remarks.items()) if count]
        if self.clipped:
            found.append(f"{self.clipped:,} samples are clipped.")
        if self.touched:
            found.append(f"{self.trimmed:.1f} s of silence are trimmed from {self.touched} of {files} recordings.")
        return found


def check_room(size: int, name: str) -> None:
    """Refuse audio that would not fit into memory, before allocating it."""
    if size > MOST:
        raise UserError(
            f"{name}: takes {size / 2**30:.1f} GiB of memory, more than the limit of {MOST / 2**30:g}: give a "
            "smaller --audio.rate, --audio.seconds or --data.limit"
        )


def to_int16(x: NDArray[np.floating[Any]]) -> tuple[Samples, int]:
    """Convert fractions of full scale to 16 bits; returns also the number of values beyond ±1, which are clipped.

    A 16-bit value v, read as the fraction v / 32768, is converted back to v.
    """
    return np.rint(x * 32768).clip(-32768, 32767).astype(np.int16), int(np.count_nonzero(np.abs(x) > 1))


def trimmed(x: Samples, rate: int, decibels: float, report: Report) -> Samples:
    """Trim windows of 10 ms at both ends that are more than `decibels` below the loudest one.

    Loudness is the mean square over both channels. A recording of digital silence is not trimmed.
    """
    if not len(x):
        return x
    width = max(1, round(_WINDOW * rate))
    power = np.square(x.astype(np.float32)).reshape(len(x), -1).mean(axis=1)
    starts = np.arange(0, len(x), width)
    loudness = np.add.reduceat(power, starts) / np.diff(starts, append=len(x))
    if not loudness.any():
        report.remarks["are silent and not trimmed"] += 1
        return x
    kept = np.flatnonzero(loudness >= loudness.max() * 10 ** (-decibels / 10))
    first, stop = int(starts[kept[0]]), min(int(starts[kept[-1]]) + width, len(x))
    if first or stop < len(x):
        report.touched += 1
        report.trimmed += (len(x) - (stop - first)) / rate
    return x[first:stop].copy()  # not a view, which would keep all of it in memory
