"""Likelihood figures of images, in the usual units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from seriatim.symbols.lacking import Lacking, given_key


@final
@dataclass(frozen=True)
class ImageFigures:
    """The exact likelihood of some pictures.

    Attributes:
        nats_per_image: mean of −log p.
        standard_error: standard error of that mean over independent pictures; NaN for a single one.
        images: number of pictures.
        dims: sub-pixels per picture.
        given: the model's conditions: then these are figures of p(picture | conditions).
        lacking: pictures that lack one of them, by condition.

    Example:
        >>> import numpy as np
        >>> figures = ImageFigures.of(np.array([60.0, 64.0]), dims=64)
        >>> figures.nats_per_image, round(figures.bits_per_dim, 2)
        (62.0, 1.4)
    """

    nats_per_image: float
    standard_error: float
    images: int
    dims: int
    given: tuple[str, ...] = ()
    lacking: tuple[Lacking, ...] = ()

    @classmethod
    def of(cls, nats: NDArray[np.float64], dims: int) -> ImageFigures:
        """The figures of −log p of each picture."""
        spread = float(nats.std(ddof=1) / math.sqrt(len(nats))) if len(nats) > 1 else math.nan
        return cls(float(nats.mean()), spread, len(nats), dims)

    @property
    def bits_per_dim(self) -> float:
        """Bits per sub-pixel, as reported in papers."""
        return self.nats_per_image / (self.dims * math.log(2))

    def conditioned(self, given: Sequence[str], lacking: Sequence[Lacking]) -> ImageFigures:
        """The same figures, of a model with conditions."""
        return replace(self, given=tuple(given), lacking=tuple(lacking))

    def to_json(self) -> dict[str, Any]:
        """All figures, with the unit in each key, and which pictures lack a condition."""
        given = given_key(self.given)
        return {
            f"bits_per_dim{given}": self.bits_per_dim,
            f"bits_per_dim{given}_standard_error": self.standard_error / (self.dims * math.log(2)),
            f"nats_per_dim{given}": self.nats_per_image / self.dims,
            f"nats_per_image{given}": self.nats_per_image,
            f"nats_per_image{given}_standard_error": self.standard_error,
            "images": self.images,
            "dims": self.dims,
            **({"conditions": {each.name: each.to_json() for each in self.lacking}} if self.lacking else {}),
        }


@final
@dataclass(frozen=True)
class CodeFigures:
    """The figures of an auto-encoder on some pictures.

    Attributes:
        given_code: −log p(picture | its code), which is not a likelihood of the picture.
        code_nats: mean of −log p(code) under the prior; None until the prior is trained.
        bound: upper bound on −log p(picture), the sum of both; None until the prior is trained.
    """

    given_code: ImageFigures
    code_nats: float | None
    bound: ImageFigures | None

    def to_json(self) -> dict[str, float | int]:
        """All figures, with the unit in each key."""
        values: dict[str, float | int] = {}
        for figures, name in ((self.given_code, "given_code"), (self.bound, "bound")):
            if figures is not None:
                each = figures.to_json()
                values |= {f"{key}_{name}": each[key] for key in ("bits_per_dim", "nats_per_image")}
                errors = ("bits_per_dim", "nats_per_image")
                values |= {f"{key}_{name}_standard_error": each[f"{key}_standard_error"] for key in errors}
        if self.code_nats is not None:
            values["nats_per_code"] = self.code_nats
        return {**values, "images": self.given_code.images, "dims": self.given_code.dims}
