"""What the package trains models of pictures on: pictures of one size in named splits.

Importing this does not import numpy: the command line answers at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from seriatim.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDEST = 4096
"""Rows and columns that a picture may have."""

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
"""What is a picture, in a folder or by itself."""

Crop = Literal["centre", "none"]
Colour = Literal["auto", "grey", "rgb"]
Resample = Literal["smooth", "plain", "nearest"]


class Fitting(NamedTuple):
    """How a picture comes to another size."""

    crop: Crop = "centre"
    resample: Resample = "smooth"


@dataclass(frozen=True)
class ImageOptions:
    """How pictures are read and divided."""

    size: tuple[int, ...] = ()
    """Height and width, or one number for both; as they are if it is left out, and then all must agree."""
    crop: Crop = "centre"
    """Where the wanted shape is another: cut out the centre and then resize, or (none) resize only, which distorts."""
    resample: Resample = "smooth"
    """A new value: the mean of all that it covers (smooth), between the four nearest (plain), or the nearest."""
    colour: Colour = "auto"
    """Grey or red, green and blue; auto is grey where all pictures are."""
    levels: int = 256
    """On how many levels a value may be, from 2 to 256."""
    binarise: Literal["no", "fixed", "epoch"] = "no"
    """Grey as the probability of ink: drawn once, or anew each epoch of the training (held-out pictures still once)."""
    flip: bool = False
    """Mirror pictures left to right in training, and their maps with them: each with probability ½, anew each time."""
    labels: str | None = None
    """A CSV file with a picture's path in the folder and its label in each row; it wins over subfolders."""
    given: bool = True
    """Condition on the labels where there are any."""
    maps: str | None = None
    """A folder with a partner for every picture, of the same path but for the ending: a sketch, a grey or small one."""
    map_size: tuple[int, ...] = ()
    """Height and width of the partners; as they are if it is left out, and then all must agree."""
    map_colour: Colour = "auto"
    """Grey or red, green and blue, of the partners; auto is grey where all of them are."""
    map_filters: int = 32
    """Channels of the network that reads the partners."""
    vectors: str | None = None
    """Numbers for every picture, such as another network's embedding: a CSV file with a picture's path and its numbers
    in each row, or a folder with a .npy file of the same path for each."""
    validation: float = 0.1
    """The share held out for validation; 0 for none."""
    test: float = 0.1
    """The share held out for the test; 0 for none."""
    seed: int = 0
    """Which pictures fall in which split, which `limit` takes, and where ink is drawn."""
    limit: int | None = None
    """Use so many pictures only, drawn by the seed (of a named data set: the first of each of its splits)."""

    def __post_init__(self) -> None:
        for option, size in (("size", self.size), ("map-size", self.map_size)):
            if len(size) > 2 or not all(1 <= side <= WIDEST for side in size):
                given = " ".join(map(str, size))
                raise UserError(
                    f"--image.{option} is {given}, but height and width (or one number for both) from 1 to {WIDEST} "
                    f"are wanted: give e.g. --image.{option} 32, or --image.{option} 24 --image.{option} 32"
                )
        for option, usual in (("size", ()), ("colour", "auto"), ("filters", 32)):
            if self.maps is None and getattr(self, f"map_{option}") != usual:
                raise UserError(
                    f"--image.map-{option} was given, but no maps: give --image.maps FOLDER, or leave it out"
                )
        if not 1 <= self.map_filters <= 2**12:
            raise UserError(f"--image.map-filters is {self.map_filters}, but 1 to {2**12} are wanted: give e.g. 32")
        if not 2 <= self.levels <= 256:
            raise UserError(f"--image.levels is {self.levels}, but 2 to 256 are wanted, for 8 bits: give e.g. 4")
        if self.binarise != "no" and self.levels not in (2, 256):
            raise UserError(
                f"--image.levels {self.levels} was given, but --image.binarise {self.binarise} means 2: "
                "leave out one of them"
            )
        if self.binarise != "no" and self.colour == "rgb":
            raise UserError(
                f"--image.colour rgb was given, but --image.binarise {self.binarise} is for grey pictures: "
                "leave out one of them, or give --image.colour grey"
            )
        if self.labels is not None and not self.given:
            raise UserError("--image.labels was given, but labels are not to be conditioned on: leave out one of them")
        for name, share in (("validation", self.validation), ("test", self.test)):
            if not 0 <= share < 1:
                raise UserError(f"--image.{name} is {share}, but a share from 0 to below 1 is wanted: give e.g. 0.1")
        if self.validation + self.test >= 1:
            raise UserError(
                f"--image.validation {self.validation} and --image.test {self.test} leave nothing to train on: "
                "give shares whose sum is below 1"
            )
        if self.seed < 0:
            raise UserError(f"--image.seed is {self.seed}, but a number from 0 is wanted: give e.g. 0")
        if self.limit is not None and self.limit < 1:
            raise UserError(f"--image.limit is {self.limit}, but a number of pictures is wanted: give 1 or more")

    @property
    def alphabet(self) -> int:
        """How many values a model sees: 2 where pictures are binarised, else `levels`."""
        return self.levels if self.binarise == "no" else 2

    @property
    def fitting(self) -> Fitting:
        """How pictures come to the wanted size."""
        return Fitting(self.crop, self.resample)

    @property
    def sides(self) -> tuple[int, int] | None:
        """The wanted height and width; None for as they are."""
        return (self.size[0], self.size[-1]) if self.size else None

    @property
    def map_sides(self) -> tuple[int, int] | None:
        """The wanted height and width of the maps; None for as they are."""
        return (self.map_size[0], self.map_size[-1]) if self.map_size else None


@dataclass(frozen=True, eq=False)
class Pictures:
    """One split."""

    x: NDArray[np.uint8]
    """(N, H, W, C) values of 8 bits; 0 and 255 only where ink was drawn."""
    labels: tuple[str, ...] | None
    """Of each, by name."""
    names: Sequence[str]
    """Where each came from, for messages."""
    maps: NDArray[np.uint8] | None = None
    """(N, h, w, c) the partner of each, which is its condition; not drawn as ink."""
    vectors: NDArray[np.float32] | None = None
    """(N, D) the numbers of each, which are its condition."""


@dataclass(frozen=True, eq=False)
class Gallery:
    """Pictures in splits, and what a later run must know about them."""

    name: str
    splits: Mapping[str, Pictures]
    """Some of "train", "validation" and "test"; none is empty."""
    fingerprint: str
    """sha256 over the pictures, their labels and the split: a resumed run checks that it has not changed."""
    note: str = ""
    """Licence, attribution and caveats, in sentences."""
