"""Sound as symbols: each sample on one of so many levels, spaced evenly or finer where it is quiet."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, Final, Literal, Self, cast, final, get_args

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.symbols import reading

QuantiserKind = Literal["mulaw", "linear", "pcm16"]

FULL: Final = 32768
"""A sample of 16 bits is a whole number from −32768 to 32767; divided by this it lies from −1 to below 1."""

_KEYS: Final = ("quantiser", "levels", "rate", "channels")
FASTEST: Final = 768_000
"""Samples a second that sound may have."""


@final
class Quantiser:
    """Sound of one rate, each sample on one of `levels` levels.

    - `mulaw` (ITU-T G.711's curve, as van den Oord et al. 2016 take it): with μ = levels − 1, which is 255 for 256
      levels, and f = sign(x) · ln(1 + μ|x|) / ln(1 + μ), a sample x is on level floor((f + 1)/2 · μ + ½). Level k
      stands for the x whose f is 2k/μ − 1.
    - `linear`: levels of equal width, x on floor((x + 1)/2 · levels) and 1 on the last; each stands for its centre.
    - `pcm16`: 65,536 levels, one for each value of 16 bits, which it stands for: nothing is lost of a 16-bit file.

    Likelihoods under different quantisers do not compare: `name` belongs beside every figure.

    Args:
        rate: samples a second, to 768,000.
        channels: 1, or 2 for left and right; two make the last axis of what is encoded.
        quantiser: how the levels are spaced.
        levels: from 2 to 65,536; None: 256, and 65,536 for `pcm16`, which has no other number.
    """

    kind: ClassVar = "quantiser"

    def __init__(
        self, rate: int, channels: int = 1, quantiser: QuantiserKind = "mulaw", levels: int | None = None
    ) -> None:
        if quantiser not in get_args(QuantiserKind):
            raise UserError(f"quantiser: wanted {', '.join(get_args(QuantiserKind))}, got {quantiser!r:.40}")
        usual = 65536 if quantiser == "pcm16" else 256
        self.rate = reading.whole(rate, "rate", 1, FASTEST)
        self.channels = reading.whole(channels, "channels", 1, 2)
        self.quantiser: QuantiserKind = quantiser
        self.levels = reading.whole(usual if levels is None else levels, "levels", 2, 65536)
        if quantiser == "pcm16" and self.levels != 65536:
            raise UserError(f"levels: pcm16 has 65536, got {levels}; give quantiser linear for fewer")

    @property
    def size(self) -> int:
        """How many levels there are."""
        return self.levels

    @property
    def spread(self) -> float:
        """What most levels of usual sound lie within, of the whole range as 1: of μ-law all, else a tenth."""
        return 1.0 if self.quantiser == "mulaw" else 0.1

    @property
    def name(self) -> str:
        """The quantiser in words, for beside a figure: "256 levels of μ-law"."""
        if self.quantiser == "pcm16":
            return "16 bits"
        return f"{self.levels} {'linear levels' if self.quantiser == 'linear' else 'levels of μ-law'}"

    def encode(self, raw: NDArray[Any], /) -> NDArray[np.int64]:
        """The levels of samples (...) or, of two channels, (..., 2): int16, or float32 and float64 from −1 to 1.

        Raises:
            UserError: for other types and shapes, and for values beyond ±1 or that are no numbers: nothing is clipped
                in silence.
        """
        samples: NDArray[Any] = np.asarray(raw)
        if self.channels == 2 and samples.shape[-1:] != (2,):
            raise UserError(f"sound: shape {samples.shape}, where (…, samples, 2) is wanted: left and right are last")
        if samples.dtype == np.int16:
            return self._of_int16[samples.astype(np.int64) + FULL]
        if samples.dtype.kind != "f" or samples.dtype.itemsize not in (4, 8):
            raise UserError(f"sound: samples of type {samples.dtype}, where int16, float32 or float64 is wanted")
        inside = np.abs(samples) <= 1  # false for what is no number
        if not inside.all():
            raise UserError(
                f"sound: {samples.size - np.count_nonzero(inside):,} of {samples.size:,} samples are beyond ±1 or no "
                "numbers: scale or clip them first"
            )
        return self._levels_of(samples.astype(np.float64))

    def decode(self, x: Any, /) -> NDArray[np.float32]:
        """What levels of any shape stand for, from −1 to 1."""
        return self._shown[self._checked(x)]

    def to_int16(self, x: Any, /) -> NDArray[np.int16]:
        """Levels of any shape in 16 bits, to be written or played.

        The value nearest to what `decode` says *among those on the level*, so that a file can be read again without
        change; of more than 600 levels of μ-law, the finest hold no value of 16 bits, and it is the nearest of all.
        """
        return self._written[self._checked(x)]

    def to_json(self) -> dict[str, Any]:
        """QuantiserKind, levels, rate and channels."""
        return {"kind": self.kind, **{name: getattr(self, name) for name in _KEYS}}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The reverse of `to_json`."""
        fields = reading.document(document, cls.kind, _KEYS)
        quantiser = cast(QuantiserKind, reading.text(fields["quantiser"], "quantiser"))
        levels = reading.whole(fields["levels"], "levels", 2, 65536)
        return cls(fields["rate"], fields["channels"], quantiser, levels)

    def _levels_of(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        if self.quantiser == "mulaw":
            mu = self.levels - 1
            f = np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu)
            return np.floor((f + 1) / 2 * mu + 0.5).astype(np.int64)
        return np.minimum(np.floor((x + 1) / 2 * self.levels), self.levels - 1).astype(np.int64)

    def _checked(self, x: Any) -> NDArray[Any]:
        levels: NDArray[Any] = np.asarray(x)
        if levels.dtype.kind not in "iu":
            raise UserError(f"levels: values of type {levels.dtype}, where whole numbers are wanted")
        if levels.size and (levels.min() < 0 or levels.max() >= self.levels):
            raise UserError(f"levels: values from {levels.min()} to {levels.max()}: wanted 0 to {self.levels - 1}")
        return levels

    @cached_property
    def _exact(self) -> NDArray[np.float64]:
        """(levels,) what each stands for."""
        k = np.arange(self.levels)
        if self.quantiser == "pcm16":
            return (k - FULL) / FULL
        if self.quantiser == "linear":
            return (2 * k + 1) / self.levels - 1
        mu = self.levels - 1
        f = 2 * k / mu - 1
        return np.sign(f) * np.expm1(np.abs(f) * np.log1p(mu)) / mu

    @cached_property
    def _shown(self) -> NDArray[np.float32]:
        return self._exact.clip(-1, 1).astype(np.float32)

    @cached_property
    def _of_int16(self) -> NDArray[np.int64]:
        """(65536,) the level of each value of 16 bits, from −32768 on."""
        return self._levels_of(np.arange(-FULL, FULL) / FULL)

    @cached_property
    def _written(self) -> NDArray[np.int16]:
        nearest = np.rint(self._exact * FULL).clip(-FULL, FULL - 1).astype(np.int64)
        first = np.searchsorted(self._of_int16, np.arange(self.levels)) - FULL
        last = np.searchsorted(self._of_int16, np.arange(self.levels), side="right") - FULL - 1
        return np.where(first <= last, nearest.clip(first, last), nearest).astype(np.int16)
