"""Audio as symbols: each sample quantised to a number of levels, evenly spaced or finer near zero."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, Final, Literal, Self, cast, final, get_args

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.symbols import reading

QuantiserKind = Literal["mulaw", "linear", "pcm16"]

FULL: Final = 32768
"""A 16-bit sample, −32768 to 32767, divided by this is from −1 to below 1."""

_KEYS: Final = ("quantiser", "levels", "rate", "channels")
FASTEST: Final = 768_000
"""Highest sample rate, in hertz."""


@final
class Quantiser:
    """Audio of one sample rate, each sample quantised to `levels` levels.

    - `mulaw` (ITU-T G.711's curve, as in van den Oord et al. 2016): with μ = levels − 1, which is 255 for 256
      levels, and f = sign(x) · ln(1 + μ|x|) / ln(1 + μ), a sample x is on level floor((f + 1)/2 · μ + ½). Level k
      decodes to the x whose f is 2k/μ − 1.
    - `linear`: levels of equal width, x on floor((x + 1)/2 · levels) and 1 on the last; each decodes to its centre.
    - `pcm16`: 65,536 levels, one for each 16-bit value: lossless for 16-bit files.

    Likelihoods under different quantisers are not comparable: report `name` with every figure.

    Args:
        rate: sample rate in hertz, at most 768,000.
        channels: 1, or 2 for left and right, which are the last axis.
        quantiser: spacing of the levels.
        levels: number of levels, 2 to 65,536. Default: 256, or 65,536 for `pcm16`.

    Example:
        >>> import numpy as np
        >>> codec = Quantiser(rate=8000, quantiser="mulaw", levels=256)
        >>> x = codec.encode(np.array([-1.0, 0.0, 0.01, 1.0]))
        >>> x.tolist(), codec.name
        ([0, 128, 157, 255], '256 levels of μ-law')
    """

    kind: ClassVar = "quantiser"

    def __init__(
        self, rate: int, channels: int = 1, quantiser: QuantiserKind = "mulaw", levels: int | None = None
    ) -> None:
        if quantiser not in get_args(QuantiserKind):
            raise UserError(f"quantiser: expected {', '.join(get_args(QuantiserKind))}, got {quantiser!r:.40}")
        usual = 65536 if quantiser == "pcm16" else 256
        self.rate = reading.whole(rate, "rate", 1, FASTEST)
        self.channels = reading.whole(channels, "channels", 1, 2)
        self.quantiser: QuantiserKind = quantiser
        self.levels = reading.whole(usual if levels is None else levels, "levels", 2, 65536)
        if quantiser == "pcm16" and self.levels != 65536:
            raise UserError(f"levels: pcm16 has 65536, got {levels}; give quantiser linear for fewer")

    @property
    def size(self) -> int:
        """Number of levels."""
        return self.levels

    @property
    def spread(self) -> float:
        """The fraction of the range that most levels of typical audio occupy: 1 for μ-law, else a tenth."""
        return 1.0 if self.quantiser == "mulaw" else 0.1

    @property
    def name(self) -> str:
        """The quantiser in words, to report with figures: "256 levels of μ-law"."""
        if self.quantiser == "pcm16":
            return "16 bits"
        return f"{self.levels} {'linear levels' if self.quantiser == 'linear' else 'levels of μ-law'}"

    def encode(self, raw: NDArray[Any], /) -> NDArray[np.int64]:
        """Levels of samples (...), or (..., 2) for two channels: int16, or float32 or float64 from −1 to 1.

        Raises:
            UserError: for other types and shapes, and for NaN or values beyond ±1: nothing is clipped silently.
        """
        samples: NDArray[Any] = np.asarray(raw)
        if self.channels == 2 and samples.shape[-1:] != (2,):
            raise UserError(f"audio: shape {samples.shape}; expected (…, samples, 2): put channels last")
        if samples.dtype == np.int16:
            return self._of_int16[samples.astype(np.int64) + FULL]
        if samples.dtype.kind != "f" or samples.dtype.itemsize not in (4, 8):
            raise UserError(f"audio: samples of type {samples.dtype}; expected int16, float32 or float64")
        inside = np.abs(samples) <= 1  # false for NaN
        if not inside.all():
            raise UserError(
                f"audio: {samples.size - np.count_nonzero(inside):,} of {samples.size:,} samples are beyond ±1 or "
                "NaN: scale or clip them first"
            )
        return self._levels_of(samples.astype(np.float64))

    def decode(self, x: Any, /) -> NDArray[np.float32]:
        """Samples from −1 to 1 of levels of any shape."""
        return self._shown[self._checked(x)]

    def to_int16(self, x: Any, /) -> NDArray[np.int16]:
        """Samples in 16 bits of levels of any shape, to write or play.

        The value nearest to `decode` *on the same level*, so that a file is encoded to the same levels again; with more
        than 600 levels of μ-law, the finest levels contain no 16-bit value, and the nearest value is taken.
        """
        return self._written[self._checked(x)]

    def to_json(self) -> dict[str, Any]:
        """Quantiser, levels, rate and channels."""
        return {"kind": self.kind, **{name: getattr(self, name) for name in _KEYS}}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
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
            raise UserError(f"levels: values of type {levels.dtype}; expected whole numbers")
        if levels.size and (levels.min() < 0 or levels.max() >= self.levels):
            raise UserError(f"levels: values from {levels.min()} to {levels.max()}: expected 0 to {self.levels - 1}")
        return levels

    @cached_property
    def _exact(self) -> NDArray[np.float64]:
        """(levels,) the decoded value of each level."""
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
        """(65536,) the level of each 16-bit value, from −32768 on."""
        return self._levels_of(np.arange(-FULL, FULL) / FULL)

    @cached_property
    def _written(self) -> NDArray[np.int16]:
        nearest = np.rint(self._exact * FULL).clip(-FULL, FULL - 1).astype(np.int64)
        first = np.searchsorted(self._of_int16, np.arange(self.levels)) - FULL
        last = np.searchsorted(self._of_int16, np.arange(self.levels), side="right") - FULL - 1
        return np.where(first <= last, nearest.clip(first, last), nearest).astype(np.int16)
