"""The table of named data sets of audio; `audio.data.loaders` reads their files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seriatim.data.fetch import File, NamedSet

_DIGITS = (
    File(
        "free-spoken-digit/free-spoken-digit-dataset.tar.xz",
        12_537_716,
        "75c9e3e47213526b5aab33bedc0e81bb769d87e36fc35bbb1c5f4f895ff792ec",
        None,
    ),
)
_LICENCE = "CC BY-SA 4.0"
_ATTRIBUTION = "Z. Jackson and the contributors of the Free Spoken Digit Dataset"
_SPLIT = (
    "The test is the official one, recordings 0 to 4 of each speaker and digit; 5 to 9 validate, as the official split "
    "has no validation, and 10 to 49 train."
)
_BY_HAND = (
    "download Jakobovski/free-spoken-digit-dataset from GitHub as a .tar.gz, keep its name and give its path instead"
)


@dataclass(frozen=True, kw_only=True)
class AudioSet(NamedSet):
    """A named data set of audio."""

    layout: Literal["digits", "counting"]


SETS: dict[str, AudioSet] = {
    "spoken-digits": AudioSet(
        title="Free Spoken Digit Dataset: 3,000 recordings of 6 speakers, 22 minutes, 8 kHz, 16 bits",
        licence=_LICENCE,
        attribution=_ATTRIBUTION,
        files=_DIGITS,
        layout="digits",
        note=f"Conditions: speaker, digit. {_SPLIT}",
        by_hand=_BY_HAND,
    ),
    "spoken-counting": AudioSet(
        title="Counting from 0 to 9, concatenated from the Free Spoken Digit Dataset: 300 lines of 6 speakers, 8 kHz",
        licence=_LICENCE,
        attribution=f"{_ATTRIBUTION}; the lines are made by this program",
        files=_DIGITS,
        layout="counting",
        note=(
            "Not recorded as such: each line is ten takes of one speaker, drawn by the seed, with digital silence "
            "between them; a line's takes are all from its own split, and each take is in one line. Conditions: "
            f"speaker; digit (the one being spoken, or silence, every 10 ms). {_SPLIT}"
        ),
        by_hand=_BY_HAND,
    ),
}
"""Every named data set of audio."""
