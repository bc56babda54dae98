"""Likelihood figures of images, in the usual units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray


@final
@dataclass(frozen=True)
class ImageFigures:
    """The exact likelihood of some pictures.

    Attributes:
        nats_per_image: mean of −log p.
        standard_error: standard error of that mean over independent pictures; NaN for a single one.
        images: number of pictures.
        dims: sub-pixels per picture.

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

    @classmethod
    def of(cls, nats: NDArray[np.float64], dims: int) -> ImageFigures:
        """The figures of −log p of each picture."""
        spread = float(nats.std(ddof=1) / math.sqrt(len(nats))) if len(nats) > 1 else math.nan
        return cls(float(nats.mean()), spread, len(nats), dims)

    @property
    def bits_per_dim(self) -> float:
        """Bits per sub-pixel, as reported in papers."""
        return self.nats_per_image / (self.dims * math.log(2))

    def to_json(self) -> dict[str, float | int]:
        """All figures, with the unit in each key."""
        return {
            "bits_per_dim": self.bits_per_dim,
            "bits_per_dim_standard_error": self.standard_error / (self.dims * math.log(2)),
            "nats_per_dim": self.nats_per_image / self.dims,
            "nats_per_image": self.nats_per_image,
            "nats_per_image_standard_error": self.standard_error,
            "images": self.images,
            "dims": self.dims,
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
