"""The table of named data sets of films; `video.data.opening` makes them."""

from __future__ import annotations

from dataclasses import dataclass

from seriatim.data.fetch import NamedSet
from seriatim.data.mnist import FILES


@dataclass(frozen=True, kw_only=True)
class VideoSet(NamedSet):
    """A named data set of films that are made of pictures when they are asked for."""

    counts: tuple[int, int, int]
    """Films of the splits train, validation and test."""
    shortest: int
    """Frames of a film, unless clips are longer."""


SETS: dict[str, VideoSet] = {
    "moving-mnist": VideoSet(
        title="Moving MNIST: 12,000 films of two bouncing handwritten digits, 20 frames of 64 × 64, grey",
        licence="CC BY-SA 3.0, as MNIST is commonly given",
        attribution="Y. LeCun, C. Cortes, C. Burges (digits); N. Srivastava, E. Mansimov, R. Salakhutdinov (films)",
        files=(FILES[0], FILES[2]),
        counts=(10_000, 1_000, 1_000),
        shortest=20,
        note="Made of MNIST by the published generator, drawn by --data.seed: these are not the films of the published "
        "test file. Training films have the first 55,000 training digits, validation the last 5,000, the test those of "
        "the official test.",
    ),
}
"""Every named data set of films."""
