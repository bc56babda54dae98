"""Options for films. No torch here: `--help` reads these."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Self, final

from seriatim.config import Options, absolute, bounded, filled
from seriatim.data.fitting import WIDEST, Colour, Crop, Fitting, Resample
from seriatim.errors import UserError

FRAMES = 20
"""Frames of a clip unless the user says otherwise."""


@final
@dataclass(frozen=True)
class VideoOptions(Options):
    """How films are read, and cut into clips.

    Example:
        >>> VideoOptions(size=(24, 32), frames=8, given_frames=3).sides
        (24, 32)
    """

    size: tuple[int, ...] = ()
    """Height and width of a frame, or one number for both. Default: the size of the files, at most 32 a side; of
    several sizes, squares of the median of the shorter sides."""
    crop: Crop = "centre"
    """If the aspect ratio differs: crop the centre before resizing, or (none) resize only, which distorts."""
    resample: Resample = "smooth"
    """Interpolation: antialiased bilinear (smooth), bilinear over the four nearest pixels (plain), or nearest."""
    colour: Colour = "auto"
    """Colour of the frames; auto is grey if all of them are."""
    levels: int = 256
    """Levels per colour value, 2 to 256. With 2, a value is white from 128 on."""
    rate: float = 0.0
    """Frames per second: at each of these times, the frame on show. Default: each frame once, as in the file."""
    frames: int = FRAMES
    """Frames of a clip, which is what a model is trained on and judged by."""
    stride: int = 0
    """Frames between the beginnings of clips of one film. Default: as many as a clip has, so that none overlap."""
    given_frames: int = 0
    """First frames of each clip that are given and not counted, in training and in every figure."""
    labels: str | None = None
    """CSV file with a path within the folder and its label in each row; takes precedence over subfolders."""
    given: bool = True
    """Condition on labels, if there are any; --video.given=false turns it off."""
    actions: str | None = None
    """Condition on a vector per frame (e.g. an action): a folder with a .npy or .csv file per film, a row per frame."""

    def __post_init__(self) -> None:
        for name in ("labels", "actions"):
            filled(f"--video.{name}", getattr(self, name))
        if len(self.size) > 2 or not all(1 <= side <= WIDEST for side in self.size):
            given = " ".join(map(str, self.size))
            raise UserError(
                f"--video.size is {given}; expected height and width, or one number for both, from 1 to {WIDEST}: "
                "give e.g. --video.size 32, or --video.size 24 --video.size 32"
            )
        bounded("--video.levels", self.levels, 2, 256)
        bounded("--video.frames", self.frames, 1, 2**16)
        bounded("--video.stride", self.stride, 0, 2**24)
        if self.rate != 0:
            bounded("--video.rate", self.rate, 1e-3, 1e4)
        bounded("--video.given-frames", self.given_frames, 0, self.frames - 1)
        if self.labels is not None and not self.given:
            raise UserError("--video.labels was given, but --video.given=false turns labels off: leave out one")

    def located(self, data: str) -> Self:  # noqa: ARG002
        """The same options with absolute paths of labels and actions."""
        paths = {name: getattr(self, name) for name in ("labels", "actions")}
        return dataclasses.replace(self, **{name: path and absolute(path) for name, path in paths.items()})

    @property
    def fitting(self) -> Fitting:
        """How frames are cropped and resized."""
        return Fitting(self.crop, self.resample)

    @property
    def sides(self) -> tuple[int, int] | None:
        """Height and width of the frames; None for those of the files."""
        return (self.size[0], self.size[-1]) if self.size else None

    @property
    def step(self) -> int:
        """Frames between the beginnings of clips."""
        return self.stride or self.frames
