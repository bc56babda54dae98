"""What can be chosen about images. No torch here: `--help` reads these."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self, final

from seriatim.config import Options, absolute, bounded
from seriatim.errors import UserError

WIDEST = 4096
"""Rows and columns that a picture may have."""

Crop = Literal["centre", "none"]
Colour = Literal["auto", "grey", "rgb"]
Resample = Literal["smooth", "plain", "nearest"]


class Fitting(NamedTuple):
    """How a picture is brought to another size."""

    crop: Crop = "centre"
    resample: Resample = "smooth"


@final
@dataclass(frozen=True)
class ImageOptions(Options):
    """How pictures are read."""

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

    def located(self, data: str) -> Self:  # noqa: ARG002
        """With absolute paths of labels, maps and vectors."""
        paths = {name: getattr(self, name) for name in ("labels", "maps", "vectors")}
        return dataclasses.replace(self, **{name: path and absolute(path) for name, path in paths.items()})

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


@final
@dataclass(frozen=True)
class CodeOptions(Options):
    """Whether a picture is handed to the model as a code of itself: an auto-encoder."""

    width: int = 0
    """How many numbers a code has; 0: no auto-encoder. With a code, labels are not looked at."""
    levels: int = 16
    """On how many levels each of them is, so that a prior can be learned and new pictures drawn."""
    filters: int = 32
    """Channels of the encoder."""

    def __post_init__(self) -> None:
        bounded("--code.width", self.width, 0, 2**12)
        bounded("--code.levels", self.levels, 2, 2**12)
        bounded("--code.filters", self.filters, 1, 2**12)
        if self.width == 0 and (self.levels, self.filters) != (16, 32):
            raise UserError("--code.levels and --code.filters mean nothing without --code.width; give it, e.g. 10")
