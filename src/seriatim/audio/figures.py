"""Likelihood figures of audio, in the usual units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

from seriatim.symbols.lacking import Lacking, given_key


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
        given: the model's conditions: then these are figures of p(recording | conditions). "features" of the
            recordings themselves among them: then this is not a likelihood.
        lacking: recordings that lack one of them, by condition.

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
    given: tuple[str, ...] = ()
    lacking: tuple[Lacking, ...] = ()

    @property
    def bits_per_sample(self) -> float:
        """Bits per sample of one channel, which a perfect coder would need."""
        return self.nats / math.log(2) / max(self.samples, 1)

    def to_json(self) -> dict[str, Any]:
        """All figures, with the unit in each key, and which recordings lack a condition."""
        key = f"bits_per_sample{given_key(self.given)}"
        return {
            key: self.bits_per_sample,
            f"{key}_standard_error": self.bits_per_sample * self.relative_error,
            "quantiser": self.quantiser,
            "nats": self.nats,
            "samples": self.samples,
            "recordings": self.recordings,
            "seconds": self.seconds,
            **({"conditions": {each.name: each.to_json() for each in self.lacking}} if self.lacking else {}),
        }
