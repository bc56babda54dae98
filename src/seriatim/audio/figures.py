"""Likelihood figures of audio, in the usual units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class AudioFigures:
    """The exact likelihood of some recordings.

    Attributes:
        nats: total −log p.
        samples: number of samples, of all channels.
        recordings: number of recordings.
        seconds: total duration.
        quantiser: name of the quantiser; figures of different quantisers are not comparable.
        relative_error: standard error of nats per sample divided by its value, over independent recordings.
        given_features: whether the model knew features of the recordings; then this is not a likelihood.

    Example:
        >>> figures = AudioFigures(400.0, 200, 2, 0.025, "256 levels of μ-law", 0.1)
        >>> round(figures.bits_per_sample, 3)
        2.885
    """

    nats: float
    samples: int
    recordings: int
    seconds: float
    quantiser: str
    relative_error: float
    given_features: bool = False

    @property
    def bits_per_sample(self) -> float:
        """Bits per sample of one channel, which a perfect coder would need."""
        return self.nats / math.log(2) / max(self.samples, 1)

    def to_json(self) -> dict[str, float | int | str]:
        """All figures, with the unit in each key."""
        key = "bits_per_sample_given_features" if self.given_features else "bits_per_sample"
        return {
            key: self.bits_per_sample,
            f"{key}_standard_error": self.bits_per_sample * self.relative_error,
            "quantiser": self.quantiser,
            "nats": self.nats,
            "samples": self.samples,
            "recordings": self.recordings,
            "seconds": self.seconds,
        }
