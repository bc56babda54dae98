"""Series as symbols: values in the user's units, or blocks of them, turned by an orthonormal transform."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.series.frequency import usual_season
from seriatim.symbols import reading

Floats = NDArray[np.float64]

_LONGEST = 2**20  # steps of a window
_WIDEST = 2**10  # values at a position


@final
class SeriesCodec:
    """Steps of a series <-> positions of a model.

    One value a step is (T,), several channels are (T, C). With a block of n, n steps are one position (T / n, n),
    turned by an orthonormal transform if that is asked for: densities stay what they are, as its determinant is 1.
    The discrete cosine transform goes from slow to fast waves, Haar's wavelets from halves to halves of halves.

    Args:
        channels: the name of each value of a step; one for series that are modelled one by one.
        frequency: of the steps, as in pandas; "rows" without times.
        past: steps that a window reads first.
        horizon: steps that follow them.
        block: steps at one position.
        rotation: none, dct or haar.
        season: steps in a season. Default: by the frequency.

    Raises:
        UserError: if they do not fit each other.

    Example:
        >>> codec = SeriesCodec(["load"], "h", past=8, horizon=4, block=2, rotation="dct")
        >>> codec.encode(np.array([[1.0], [3.0]])).round(3).tolist()  # √2 times the mean, and half the difference
        [[2.828, -1.414]]
        >>> codec.decode(codec.encode(np.array([[1.0], [3.0]]))).round(3).tolist()
        [[1.0], [3.0]]
    """

    kind: ClassVar = "series"

    def __init__(
        self,
        channels: Sequence[str],
        frequency: str,
        past: int,
        horizon: int,
        block: int = 1,
        rotation: str = "none",
        season: int | None = None,
    ) -> None:
        self.channels, self.frequency, self.rotation = tuple(channels), frequency, rotation
        self.past = reading.whole(past, "past", 1, _LONGEST)
        self.horizon = reading.whole(horizon, "horizon", 1, _LONGEST)
        self.block = reading.whole(block, "block", 1, _WIDEST)
        usual = usual_season(frequency)  # which refuses an unknown frequency
        self.season = reading.whole(usual if season is None else season, "season", 1, _LONGEST)
        if not 1 <= len(self.channels) <= _WIDEST or (block > 1 and len(self.channels) > 1):
            raise UserError(f"{len(self.channels)} channels in blocks of {block}; expected one channel, or blocks of 1")
        if past % block or horizon % block:
            raise UserError(f"past {past} and horizon {horizon} are no multiples of the block {block}")
        if rotation not in ("none", *_ROTATIONS):
            raise UserError(f"rotation: {rotation!r:.40}; expected none, {' or '.join(_ROTATIONS)}")

    @property
    def size(self) -> int:
        """1: a real number."""
        return 1

    @property
    def parts(self) -> int:
        """Values at one position."""
        return self.block * len(self.channels)

    @property
    def matrix(self) -> Floats | None:
        """(n, n) orthonormal rows that turn a block; None if none does."""
        return None if self.rotation == "none" else _ROTATIONS[self.rotation](self.block)

    def encode(self, raw: NDArray[Any], /) -> Floats:
        """Values (T, C), NaN where missing -> (T,), (T, C), or (T / n, n) where one missing value empties its block.

        Raises:
            UserError: if T is no multiple of the block.
        """
        values = np.asarray(raw, np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.channels):
            raise UserError(f"values of shape {values.shape}; expected (steps, {len(self.channels)})")
        if self.block == 1:
            return values[:, 0] if len(self.channels) == 1 else values
        if len(values) % self.block:
            raise UserError(f"{len(values)} steps are no multiple of a block of {self.block}")
        blocks = values.reshape(-1, self.block)
        return blocks if self.matrix is None else blocks @ self.matrix.T

    def decode(self, x: NDArray[Any], /) -> Floats:
        """Positions (..., T'[, P]) -> values (..., T, C)."""
        wide = np.asarray(x, np.float64)
        if self.block > 1:
            turned = wide if self.matrix is None else wide @ self.matrix
            return turned.reshape(*turned.shape[:-2], -1, 1)
        return wide[..., None] if len(self.channels) == 1 else wide

    def to_json(self) -> dict[str, Any]:
        """Everything that `from_json` needs."""
        return {
            "kind": self.kind,
            "channels": list(self.channels),
            "frequency": self.frequency,
            "past": self.past,
            "horizon": self.horizon,
            "block": self.block,
            "rotation": self.rotation,
            "season": self.season,
        }

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        keys = ("channels", "frequency", "past", "horizon", "block", "rotation", "season")
        fields = reading.document(document, cls.kind, keys)
        frequency, rotation = (reading.text(fields[name], name) for name in ("frequency", "rotation"))
        steps = (reading.whole(fields[name], name, 1, _LONGEST) for name in ("past", "horizon", "block", "season"))
        past, horizon, block, season = steps
        return cls(reading.strings(fields["channels"], "channels"), frequency, past, horizon, block, rotation, season)


@cache
def _dct(n: int) -> Floats:
    """The orthonormal discrete cosine transform of type II: row k is the k-th frequency."""
    k, t = np.arange(n)[:, None], np.arange(n)
    rows = np.cos(np.pi * (t + 0.5) * k / n) * np.sqrt(2 / n)
    rows[0] /= np.sqrt(2)
    return rows


@cache
def _haar(n: int) -> Floats:
    """Haar's orthonormal wavelets for any length: the mean, then the difference of the halves, of their halves, …"""
    rows, parts = [np.full(n, 1 / np.sqrt(n))], [(0, n)]
    while parts:
        begin, end = parts.pop(0)
        if end - begin < 2:
            continue
        middle = (begin + end + 1) // 2
        left, right, row = middle - begin, end - middle, np.zeros(n)
        row[begin:middle] = np.sqrt(right / (left * (left + right)))
        row[middle:end] = -np.sqrt(left / (right * (left + right)))
        rows.append(row)
        parts += [(begin, middle), (middle, end)]
    return np.stack(rows)


_ROTATIONS = {"dct": _dct, "haar": _haar}
