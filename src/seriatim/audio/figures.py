"""How surprising held-out recordings are to a model, in the units that people compare."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class AudioFigures:
    """The exact likelihood of some recordings.

    Attributes:
        nats: −log p of all of them.
        samples: how many, those of left and right counted apart.
        recordings: how many.
        seconds: how long they are together.
        quantiser: what the samples were rounded to: figures under different ones do not compare.
        relative_error: standard error of nats a sample over its value, recordings taken as independent.
        given_features: whether the model knew features of each recording: then this is no likelihood of it.
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
        """Bits a sample of one channel: what a perfect coder would need."""
        return self.nats / math.log(2) / max(self.samples, 1)

    def to_json(self) -> dict[str, float | int | str]:
        """Everything, the unit in each key."""
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
