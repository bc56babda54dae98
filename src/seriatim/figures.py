"""How surprising held-out data is to a model, in the units that people compare."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

_BLOCK = 256  # symbols over which a standard error takes its terms as one


@final
@dataclass(frozen=True)
class Figures:
    """The exact likelihood of some text.

    Attributes:
        nats: −log p of all of it, the `<end>` of each document included.
        tokens: how many symbols, each `<end>` included.
        characters: of the text itself.
        bytes: of the text in UTF-8.
        documents: how many.
        relative_error: standard error of the mean over its value, from blocks of 256 symbols taken as independent.
    """

    nats: float
    tokens: int
    characters: int
    bytes: int
    documents: int
    relative_error: float

    @property
    def nats_per_token(self) -> float:
        """Mean surprise of a symbol."""
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        """exp of the mean surprise of a symbol."""
        return math.exp(min(self.nats_per_token, 700))

    @property
    def bits_per_char(self) -> float:
        """Comparable between tokenizers."""
        return self.nats / math.log(2) / max(self.characters, 1)

    @property
    def bits_per_byte(self) -> float:
        """What a perfect coder would need: 8 is no compression."""
        return self.nats / math.log(2) / max(self.bytes, 1)

    def to_json(self) -> dict[str, float | int]:
        """Everything, the unit in each key."""
        return {
            "nats_per_token": self.nats_per_token,
            "nats_per_token_standard_error": self.nats_per_token * self.relative_error,
            "perplexity": self.perplexity,
            "bits_per_char": self.bits_per_char,
            "bits_per_char_standard_error": self.bits_per_char * self.relative_error,
            "bits_per_byte": self.bits_per_byte,
            "bits_per_byte_standard_error": self.bits_per_byte * self.relative_error,
            "nats": self.nats,
            "tokens": self.tokens,
            "characters": self.characters,
            "bytes": self.bytes,
            "documents": self.documents,
        }


@final
@dataclass(frozen=True)
class ImageFigures:
    """The exact likelihood of some pictures.

    Attributes:
        nats_per_image: mean of −log p.
        standard_error: of that mean, over pictures taken as independent; not a number for a single one.
        images: how many.
        dims: sub-pixels of a picture.
    """

    nats_per_image: float
    standard_error: float
    images: int
    dims: int

    @classmethod
    def of(cls, nats: NDArray[np.float64], dims: int) -> ImageFigures:
        """From −log p of each picture."""
        spread = float(nats.std(ddof=1) / math.sqrt(len(nats))) if len(nats) > 1 else math.nan
        return cls(float(nats.mean()), spread, len(nats), dims)

    @property
    def bits_per_dim(self) -> float:
        """Bits a sub-pixel: what the papers print."""
        return self.nats_per_image / (self.dims * math.log(2))

    def to_json(self) -> dict[str, float | int]:
        """Everything, the unit in each key."""
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
    """What an auto-encoder says of some pictures.

    Attributes:
        given_code: −log p(picture | its code), which is no likelihood of the picture.
        code_nats: mean of −log p(code) under the prior; None where that is not trained yet.
        bound: an upper bound on −log p(picture), the sum of both; None likewise.
    """

    given_code: ImageFigures
    code_nats: float | None
    bound: ImageFigures | None

    def to_json(self) -> dict[str, float | int]:
        """Everything, the unit in each key."""
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


@final
@dataclass(frozen=True)
class SoundFigures:
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


def relative_error(terms: Sequence[NDArray[np.float64]], block: int | None = _BLOCK) -> float:
    """Standard error of Σ nats / Σ symbols as a share of it, by the ratio estimator over blocks; None: over terms."""
    blocks = [
        part
        for x in terms
        for part in ([x] if block is None else np.array_split(x, max(1, len(x) // block)))
        if len(part)
    ]
    if len(blocks) < 2:
        return math.nan
    nats = np.array([block.sum() for block in blocks])
    counts = np.array([len(block) for block in blocks])
    mean = nats.sum() / counts.sum()
    away = ((nats - mean * counts) ** 2).sum() * len(blocks) / (len(blocks) - 1)
    return float(math.sqrt(away) / abs(nats.sum())) if nats.sum() else math.nan
