"""Features of audio, a frame per `hop` samples: log-mel spectrum and log-energy.

Frame k describes the samples k · hop to (k + 1) · hop − 1, from a window centred on them; so it is frame k of a
`Context.field` with that hop. Windows extend past those samples: a feature of x is a condition that knows x, and
log p(x | feature(x)) is not a likelihood of x.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final, Self, final

import numpy as np
from numpy.typing import NDArray

from seriatim.audio.quantiser import FASTEST, FULL
from seriatim.errors import UserError
from seriatim.symbols import reading
from seriatim.symbols.scale import Scale

_FLOOR: Final = 1e-9  # power; a sine at full scale has 1/2, 16-bit noise about this
_BLOCK: Final = 1 << 20  # values of windows processed together
_WIDEST: Final = 1 << 15  # samples per window
Columns = NDArray[np.float32]


class Feature(ABC):
    """Features per frame, standardised with the training split's mean and standard deviation.

    Args:
        hop: samples per frame.
        window: samples per window, centred on the frame; hop plus an even number. Default: 3 · hop.
        mean: mean of each number.
        std: standard deviation of each number.
    """

    kind: ClassVar[str]
    hop: int
    window: int
    scale: Scale

    def _settle(self, hop: int, window: int | None, mean: Iterable[float] | None, std: Iterable[float] | None) -> None:
        self.hop = reading.whole(hop, "hop", 1, _WIDEST)
        self.window = reading.whole(3 * hop if window is None else window, "window", 1, _WIDEST)
        if self.window < hop or (self.window - hop) % 2:
            raise UserError(f"window: {self.window} samples cannot be centred on {hop}; give {hop} plus an even number")
        self.scale = Scale(
            np.zeros(self.size) if mean is None else [*mean], np.ones(self.size) if std is None else [*std], self.kind
        )
        if self.scale.size != self.size:
            raise UserError(f"{self.kind}: {self.scale.size} means; expected {self.size}, one per number")

    @property
    @abstractmethod
    def size(self) -> int:
        """Numbers per frame."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The arguments of the constructor."""

    @classmethod
    @abstractmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""

    @abstractmethod
    def _measure(self, windows: NDArray[np.float64]) -> NDArray[np.float64]:
        """(K, size) of (K, window) samples as fractions of full scale."""

    def encode(self, raw: NDArray[Any], /) -> Columns:
        """(ceil(T / hop), size) of samples (T,) or (T, 2) in int16, float32 or float64; two channels are averaged."""
        parts = [self.scale.apply(part) for part in self._parts(raw)]
        return np.concatenate([np.zeros((0, self.size)), *parts]).astype(np.float32)

    def decode(self, x: NDArray[Any], /) -> Columns:
        """The features before standardisation (natural logarithms of power); the audio cannot be recovered."""
        return self.scale.undo(x).astype(np.float32)

    def fitted(self, recordings: Iterable[NDArray[Any]]) -> Self:
        """The same feature with the mean and standard deviation of these recordings."""
        return self._like(Scale.of((part for raw in recordings for part in self._parts(raw)), self.kind))

    @abstractmethod
    def _like(self, scale: Scale) -> Self: ...

    def _parts(self, raw: NDArray[Any]) -> Iterator[NDArray[np.float64]]:
        x: NDArray[Any] = np.asarray(raw)
        if x.ndim not in (1, 2) or (x.dtype != np.int16 and x.dtype.kind != "f"):
            raise UserError(
                f"audio: shape {x.shape} of {x.dtype}; expected (samples,) or (samples, 2) of int16 or float"
            )
        columns, before = -(-len(x) // self.hop), (self.window - self.hop) // 2
        together = max(1, _BLOCK // self.window)
        for first in range(0, columns, together):
            count = min(together, columns - first)
            start, stop = first * self.hop - before, (first + count) * self.hop + before
            part = x[max(start, 0) : stop].astype(np.float64)
            part = part if x.ndim == 1 else part.mean(axis=1)
            part = np.pad(part, (max(-start, 0), stop - start - max(-start, 0) - len(part)))  # padded with silence
            windows = np.lib.stride_tricks.sliding_window_view(part, self.window)[:: self.hop]
            yield self._measure(windows / FULL if x.dtype == np.int16 else windows)

    def _settled(self) -> dict[str, Any]:
        return {"hop": self.hop, "window": self.window, **self.scale.to_json()}


@final
class LogMel(Feature):
    """Log-mel spectrum: the logarithm of the power in bands evenly spaced in HTK's mel, 2595 · log10(1 + f / 700).

    A band is a triangular filter, 1 at its centre and 0 at its neighbours' centres. The Hann window is scaled so that a
    sine at full scale has power ½, whatever the width.

    Args:
        rate: sample rate in hertz.
        hop: samples per frame.
        window: samples per window, centred on the frame; hop plus an even number. Default: 3 · hop.
        bands: number of bands, at most 256.
        low: lower edge of the first band in hertz.
        high: upper edge of the last band in hertz. Default: half the rate.
        mean: mean of each band, in natural logarithms of power.
        std: standard deviation of each band.

    Example:
        >>> import numpy as np
        >>> feature = LogMel(rate=8000, hop=80, bands=20)
        >>> feature.encode(np.zeros(8000, np.int16)).shape
        (100, 20)
    """

    kind: ClassVar[str] = "log-mel"

    def __init__(
        self,
        rate: int,
        hop: int,
        window: int | None = None,
        bands: int = 80,
        low: float = 0.0,
        high: float | None = None,
        mean: Iterable[float] | None = None,
        std: Iterable[float] | None = None,
    ) -> None:
        self.rate = reading.whole(rate, "rate", 1, FASTEST)
        self.bands = reading.whole(bands, "bands", 1, 256)
        self.low, self.high = reading.number(low, "low"), reading.number(rate / 2 if high is None else high, "high")
        if not 0 <= self.low < self.high <= rate / 2:
            raise UserError(f"high: bands from {self.low:g} to {self.high:g} Hz; give 0 <= low < high <= {rate / 2:g}")
        self._settle(hop, window, mean, std)
        edges = _hertz(np.linspace(_mel(self.low), _mel(self.high), bands + 2))
        f = np.fft.rfftfreq(self.window, 1 / rate)
        rising = (f - edges[:-2, None]) / np.diff(edges)[:-1, None]
        falling = (edges[2:, None] - f) / np.diff(edges)[1:, None]
        self._weights = np.minimum(rising, falling).clip(0)  # (bands, F)
        if not (narrow := self._weights.any(axis=1)).all():
            band = int(narrow.argmin())
            raise UserError(
                f"bands: band {band}, {edges[band]:.0f} to {edges[band + 2]:.0f} Hz, has no frequency of a window of "
                f"{self.window} samples; give fewer bands, or a wider window"
            )
        self._hann = np.sin(np.pi * (np.arange(self.window) + 0.5) / self.window) ** 2
        self._hann /= np.sqrt((self._hann**2).sum() * self.window / 2)  # Parseval: the sum over F is the mean square

    @property
    def size(self) -> int:
        """Numbers per frame: the bands."""
        return self.bands

    def to_json(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        own = {name: getattr(self, name) for name in ("rate", "bands", "low", "high")}
        return {"kind": self.kind, **own, **self._settled()}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("rate", "bands", "low", "high", "hop", "window", "mean", "std"))
        mean, std = (reading.numbers(fields[key], key) for key in ("mean", "std"))
        hop, window = (reading.whole(fields[key], key, 1, _WIDEST) for key in ("hop", "window"))
        low, high = (reading.number(fields[key], key) for key in ("low", "high"))
        return cls(fields["rate"], hop, window, fields["bands"], low, high, mean, std)

    def _measure(self, windows: NDArray[np.float64]) -> NDArray[np.float64]:
        power = np.abs(np.fft.rfft(windows * self._hann)) ** 2
        return np.log(power @ self._weights.T + _FLOOR)

    def _like(self, scale: Scale) -> Self:
        return type(self)(
            self.rate, self.hop, self.window, self.bands, self.low, self.high, scale.mean.tolist(), scale.std.tolist()
        )


@final
class Energy(Feature):
    """Log-energy: the logarithm of the mean square of the samples in a rectangular window.

    Example:
        >>> import numpy as np
        >>> feature = Energy(hop=100, window=100)
        >>> print(feature.encode(np.full(200, 0.1)).round(2))
        [[-4.61]
         [-4.61]]
    """

    kind: ClassVar[str] = "energy"

    def __init__(
        self,
        hop: int,
        window: int | None = None,
        mean: Iterable[float] | None = None,
        std: Iterable[float] | None = None,
    ) -> None:
        self._settle(hop, window, mean, std)

    @property
    def size(self) -> int:
        """Numbers per frame: 1."""
        return 1

    def to_json(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"kind": self.kind, **self._settled()}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("hop", "window", "mean", "std"))
        mean, std = (reading.numbers(fields[key], key) for key in ("mean", "std"))
        hop, window = (reading.whole(fields[key], key, 1, _WIDEST) for key in ("hop", "window"))
        return cls(hop, window, mean, std)

    def _measure(self, windows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.log((windows**2).mean(axis=1, keepdims=True) + _FLOOR)

    def _like(self, scale: Scale) -> Self:
        return type(self)(self.hop, self.window, scale.mean.tolist(), scale.std.tolist())


def _mel(hertz: float) -> float:
    return 2595 * float(np.log10(1 + hertz / 700))


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return 700 * (10 ** (mel / 2595) - 1)
