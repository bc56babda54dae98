"""Moving MNIST: two handwritten digits that bounce in a square, after Srivastava et al. 2015.

N. Srivastava, E. Mansimov, R. Salakhutdinov: Unsupervised learning of video representations using LSTMs, ICML 2015.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any, final, overload

import numpy as np
from PIL import Image

from seriatim.data.fitting import Fitting
from seriatim.data.pixels import Pixels, fit, to_array

SIDE, DIGIT = 64, 28
"""Pixels of a frame's side, and of a digit's in such a frame."""
DIGITS = 2
"""Digits in a film."""
STEP = 0.1
"""What a digit moves in a frame, as a fraction of its range along a side."""


@final
class Bouncing(Sequence[Pixels]):
    """Films of two bouncing digits, each made when it is asked for.

    The generator follows the published one of the Toronto group (`data_handler.py` of unsupervised-videos):

    1.  Of each digit, its picture is drawn uniformly, with replacement; the position (x, y) of its upper left corner
        uniformly in [0, 1]², which is its range of places within the frame; its direction uniformly on the circle.
        Its speed is `STEP`.
    2.  In each frame, the first one included, the digit first moves by its velocity. A coordinate that reaches or
        passes 0 or 1 is set to it, and the velocity along it changes its sign.
    3.  Its corner is at ⌊x · (side - digit)⌋ pixels, likewise y. Where digits overlap, the larger value is shown.

    The paper's test set is a fixed file made by this generator; these films are others, drawn by a seed. In a frame of
    another side, digits are resized to `DIGIT` · side / `SIDE` pixels, rounded, and everything scales.

    A film is a function of (seed, split, index) and the digits: its eight random numbers are the words of a BLAKE2b
    hash of them, so that they depend on no library's generator.

    Args:
        digits: (N, 28, 28) to draw from.
        seed: of all films.
        split: its name, which makes its films differ from those of others.
        count: films.
        frames: of each.
        side: height and width of a frame.
        channels: 1, or 3 of the same values.
        how: how digits are resized.

    Example:
        >>> films = Bouncing(np.full((1, 28, 28), 255, np.uint8), seed=0, split="train", count=3, frames=5)
        >>> len(films), films[0].shape, bool((films[0] == films[0]).all()), bool((films[0] == films[1]).all())
        (3, (5, 64, 64, 1), True, False)
    """

    def __init__(
        self,
        digits: Pixels,
        seed: int,
        split: str,
        count: int,
        frames: int = 20,
        side: int = SIDE,
        channels: int = 1,
        how: Fitting = Fitting(),  # noqa: B008 (a tuple)
    ) -> None:
        self.digits, self.seed, self.split, self.size = digits, seed, split, count
        self.frames, self.side, self.channels, self.how = frames, side, channels, how
        self.digit = max(1, round(DIGIT * side / SIDE))

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, index: int) -> Pixels: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pixels]: ...
    def __getitem__(self, index: Any) -> Any:
        """(T, H, W, C) of a film, or a list of those of a slice."""
        if isinstance(index, slice):
            return [self._film(i) for i in range(*index.indices(self.size))]
        at = int(index)
        if not -self.size <= at < self.size:
            raise IndexError(f"film {at} of {self.size}")
        return self._film(at % self.size)

    def _film(self, index: int) -> Pixels:
        seeded = hashlib.blake2b(repr((self.seed, self.split, index)).encode(), digest_size=32 * DIGITS).digest()
        # 53 bits each, so that every number is exact and below 1
        draws = [(int.from_bytes(seeded[i : i + 8], "little") >> 11) * 2.0**-53 for i in range(0, len(seeded), 8)]
        film = np.zeros((self.frames, self.side, self.side), np.uint8)
        for i in range(0, len(draws), 4):
            which, x, y, direction = draws[i : i + 4]
            picture = self._digit(int(which * len(self.digits)))
            angle = 2 * math.pi * direction
            across = self._places(x, STEP * math.cos(angle))
            down = self._places(y, STEP * math.sin(angle))
            for frame, left, top in zip(film, across, down, strict=True):
                part = frame[top : top + self.digit, left : left + self.digit]
                np.maximum(part, picture, out=part)
        whole = film[..., None]
        return whole if self.channels == 1 else np.repeat(whole, self.channels, axis=-1)

    def _digit(self, index: int) -> Pixels:
        picture = self.digits[index]
        if picture.shape == (self.digit, self.digit):
            return picture
        return to_array(fit(Image.fromarray(picture), self.digit, self.digit, self.how))[..., 0]

    def _places(self, at: float, step: float) -> list[int]:
        """Where the digit is along one side in each frame, in pixels."""
        room, places = self.side - self.digit, list[int]()
        for _ in range(self.frames):
            at += step
            if at <= 0 or at >= 1:
                at, step = float(at >= 1), -step
            places.append(int(at * room))
        return places
