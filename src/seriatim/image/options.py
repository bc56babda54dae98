"""Options for images. No torch here: `--help` reads these."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal, Self, final

from seriatim.config import Options, absolute, bounded, filled
from seriatim.data.fitting import WIDEST, Colour, Crop, Fitting, Resample
from seriatim.errors import UserError


@final
@dataclass(frozen=True)
class ImageOptions(Options):
    """How pictures are read.

    Example:
        >>> ImageOptions(size=(24, 32), levels=4).sides
        (24, 32)
        >>> ImageOptions(binarise="fixed").alphabet
        2
    """

    size: tuple[int, ...] = ()
    """Height and width, or one number for both. Default: the size of the files, at most 64 a side; of several
    sizes, squares of the median of the shorter sides."""
    crop: Crop = "centre"
    """If the aspect ratio differs: crop the centre before resizing, or (none) resize only, which distorts."""
    resample: Resample = "smooth"
    """Interpolation: antialiased bilinear (smooth), bilinear over the four nearest pixels (plain), or nearest."""
    colour: Colour = "auto"
    """Colour of the pictures; auto is grey if all of them are."""
    levels: int = 256
    """Levels per colour value, 2 to 256."""
    binarise: Literal["no", "fixed", "epoch"] = "no"
    """Binarise at random, grey being the probability of white: once (fixed), or anew in each training epoch (epoch)."""
    flip: bool = False
    """In training, mirror each picture (and its map) left to right with probability ½."""
    labels: str | None = None
    """CSV file with a path within the folder and its label in each row; takes precedence over subfolders."""
    given: bool = True
    """Condition on labels, if there are any; --image.given=false turns it off."""
    maps: str | None = None
    """Folder with a map per picture, with the same path up to the suffix: a sketch, a grey or a small version."""
    map_size: tuple[int, ...] = ()
    """Height and width of the maps. Default: the size of the files, which must agree."""
    map_colour: Colour = "auto"
    """Colour of the maps; auto is grey if all of them are."""
    map_filters: int = 32
    """Channels of the network that encodes the maps."""
    vectors: str | None = None
    """Condition on a vector per picture (e.g. an embedding): a CSV file of paths and numbers, or .npy files."""

    def __post_init__(self) -> None:
        for name in ("labels", "maps", "vectors"):
            filled(f"--image.{name}", getattr(self, name))
        for option, size in (("size", self.size), ("map-size", self.map_size)):
            if len(size) > 2 or not all(1 <= side <= WIDEST for side in size):
                given = " ".join(map(str, size))
                raise UserError(
                    f"--image.{option} is {given}; expected height and width, or one number for both, from 1 to "
                    f"{WIDEST}: give e.g. --image.{option} 32, or --image.{option} 24 --image.{option} 32"
                )
        for option, usual in (("size", ()), ("colour", "auto"), ("filters", 32)):
            if self.maps is None and getattr(self, f"map_{option}") != usual:
                raise UserError(
                    f"--image.map-{option} was given without maps: give --image.maps FOLDER, or leave it out"
                )
        if not 1 <= self.map_filters <= 2**12:
            raise UserError(f"--image.map-filters is {self.map_filters}; expected 1 to {2**12}: give e.g. 32")
        if not 2 <= self.levels <= 256:
            raise UserError(f"--image.levels is {self.levels}; expected 2 to 256: give e.g. 4")
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
            raise UserError("--image.labels was given, but --image.given=false turns labels off: leave out one")

    def located(self, data: str) -> Self:  # noqa: ARG002
        """The same options with absolute paths of labels, maps and vectors."""
        paths = {name: getattr(self, name) for name in ("labels", "maps", "vectors")}
        return dataclasses.replace(self, **{name: path and absolute(path) for name, path in paths.items()})

    @property
    def alphabet(self) -> int:
        """Number of values that a model sees: 2 for binarised pictures, else `levels`."""
        return self.levels if self.binarise == "no" else 2

    @property
    def fitting(self) -> Fitting:
        """How pictures are cropped and resized."""
        return Fitting(self.crop, self.resample)

    @property
    def sides(self) -> tuple[int, int] | None:
        """Height and width of the pictures; None for those of the files."""
        return (self.size[0], self.size[-1]) if self.size else None

    @property
    def map_sides(self) -> tuple[int, int] | None:
        """Height and width of the maps; None for those of the files."""
        return (self.map_size[0], self.map_size[-1]) if self.map_size else None


@final
@dataclass(frozen=True)
class CodeOptions(Options):
    """The code of an auto-encoder: a few numbers of the picture, as a condition of the model.

    Example:
        >>> CodeOptions(width=10).levels
        16
    """

    width: int = 0
    """Numbers per code, for an auto-encoder, which ignores labels; 0 for none."""
    levels: int = 16
    """Levels that each number is rounded to, so that a prior over codes can be learned."""
    filters: int = 32
    """Channels of the encoder."""

    def __post_init__(self) -> None:
        bounded("--code.width", self.width, 0, 2**12)
        bounded("--code.levels", self.levels, 2, 2**12)
        bounded("--code.filters", self.filters, 1, 2**12)
        if self.width == 0 and (self.levels, self.filters) != (16, 32):
            raise UserError("--code.levels and --code.filters mean nothing without --code.width; give it, e.g. 10")
