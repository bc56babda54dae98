"""Likelihood figures of films, in the usual units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from seriatim.symbols.lacking import Lacking, given_key

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class VideoFigures:
    """The exact likelihood of the frames of some clips, or the cross-entropy of grey targets, which is none.

    Attributes:
        nats_per_frame: mean of −log p of a frame, given all before it.
        standard_error: of that mean, over films, which are independent; NaN for a single one.
        by_frame: (T,) the same for each frame of a clip that counts; the first is frame `given_frames`.
        by_frame_errors: (T,) their standard errors over films.
        clips: number of clips.
        films: number of films that they are from.
        dims: sub-pixels per frame.
        given_frames: frames of each clip that are given and not counted.
        likelihood: False for cross-entropies.
        given: the model's conditions.
        lacking: films that lack one of them, by condition.

    Example:
        >>> figures = VideoFigures.of(np.array([[60.0, 64.0], [62.0, 70.0]]), [0, 1], dims=64, given_frames=3)
        >>> figures.nats_per_frame, figures.by_frame, figures.standard_error
        (64.0, (61.0, 67.0), 2.0)
    """

    nats_per_frame: float
    standard_error: float
    by_frame: tuple[float, ...]
    by_frame_errors: tuple[float, ...]
    clips: int
    films: int
    dims: int
    given_frames: int
    likelihood: bool = True
    given: tuple[str, ...] = ()
    lacking: tuple[Lacking, ...] = ()

    @classmethod
    def of(
        cls,
        nats: Floats,
        films: Sequence[int],
        dims: int,
        given_frames: int = 0,
        likelihood: bool = True,
        given: Sequence[str] = (),
        lacking: Sequence[Lacking] = (),
    ) -> VideoFigures:
        """The figures of −log p (N, T) of the counted frames of N clips, from the films of these numbers."""
        known = sorted(set(films))
        owner = np.array([known.index(film) for film in films])
        sizes = np.bincount(owner)
        mean, each = nats.mean(), nats.mean(0)

        def error(away: Floats) -> Floats:
            """Standard errors of means from clips' (N, M) distances from them: clips of a film go together."""
            if len(known) < 2:
                return np.full(away.shape[1], math.nan)
            sums = np.zeros((len(known), away.shape[1]))
            np.add.at(sums, owner, away)
            return np.asarray(np.sqrt((sums**2).sum(0) * len(known) / (len(known) - 1)) / sizes.sum())

        whole, own = error(nats.mean(1, keepdims=True) - mean).item(), error(nats - each)
        return cls(
            float(mean),
            whole,
            tuple(each.tolist()),
            tuple(own.tolist()),
            len(nats),
            len(known),
            dims,
            given_frames,
            likelihood,
            tuple(given),
            tuple(lacking),
        )

    @property
    def bits_per_dim(self) -> float:
        """Bits per sub-pixel."""
        return self.nats_per_frame / (self.dims * math.log(2))

    def to_json(self) -> dict[str, Any]:
        """All figures, with the unit in each key, and which films lack a condition."""
        kind, given = "" if self.likelihood else "cross_entropy_", given_key(self.given)
        bits = {
            f"bits_per_dim{given}": self.bits_per_dim,
            f"bits_per_dim{given}_standard_error": self.standard_error / (self.dims * math.log(2)),
        }
        return {
            f"{kind}nats_per_frame{given}": self.nats_per_frame,
            f"{kind}nats_per_frame{given}_standard_error": self.standard_error,
            **(bits if self.likelihood else {}),
            f"{kind}nats_by_frame{given}": list(self.by_frame),
            f"{kind}nats_by_frame{given}_standard_error": list(self.by_frame_errors),
            "given_frames": self.given_frames,
            "clips": self.clips,
            "films": self.films,
            "dims": self.dims,
            **({"conditions": {each.name: each.to_json() for each in self.lacking}} if self.lacking else {}),
        }
