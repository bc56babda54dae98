"""The table of named data sets of trajectories; `trajectory.data.loaders` reads their files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seriatim.data.fetch import File, NamedSet

_SKETCHES = "https://raw.githubusercontent.com/hardmaru/sketch-rnn-datasets/7c854dee76090aa18c321c7af2cede815bbd475e"
_KANJI = File(
    "sketch-rnn/short_kanji.npz",
    1_439_856,
    "f6855ba03d58f44830499dd98e7cb99f46c970651f4f16f2d886398f34709914",
    f"{_SKETCHES}/kanji/short_kanji.npz",
)
_OMNIGLOT = File(
    "sketch-rnn/omniglot.npz",
    2_280_239,
    "bd5277621a8c577919491dfa729a59a8b5c216cff9e4fda9cef532db29f120c7",
    f"{_SKETCHES}/omniglot/omniglot.npz",
)
_VOWELS = (
    File(
        "japanese-vowels/JapaneseVowels_TRAIN.ts",
        487_971,
        "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
        None,
    ),
    File(
        "japanese-vowels/JapaneseVowels_TEST.ts",
        649_132,
        "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
        None,
    ),
)
_KANJI_LICENCE, _KANJI_BY = "CC BY-SA 3.0", "U. Apel, KanjiVG; simplified for sketch-rnn by D. Ha"
_OMNIGLOT_LICENCE, _OMNIGLOT_BY = "MIT", "B. Lake et al. (Science 2015); simplified for sketch-rnn by D. Ha"


@dataclass(frozen=True, kw_only=True)
class TrajectoryNamedSet(NamedSet):
    """A named data set of trajectories."""

    layout: Literal["stroke3", "ts"]


SETS: dict[str, TrajectoryNamedSet] = {
    "kanji": TrajectoryNamedSet(
        title="Kanji: 11,100 drawings in stroke-3 format",
        licence=_KANJI_LICENCE,
        attribution=_KANJI_BY,
        files=(_KANJI,),
        layout="stroke3",
        note="The official split.",
    ),
    "omniglot": TrajectoryNamedSet(
        title="Omniglot: 32,000 drawings of letters of 50 alphabets in stroke-3 format",
        licence=_OMNIGLOT_LICENCE,
        attribution=_OMNIGLOT_BY,
        files=(_OMNIGLOT,),
        layout="stroke3",
        note="The official split.",
    ),
    "kanji-omniglot": TrajectoryNamedSet(
        title="Kanji and Omniglot together, each with its name as the label",
        licence=f"{_KANJI_LICENCE}; {_OMNIGLOT_LICENCE}",
        attribution=f"{_KANJI_BY}; {_OMNIGLOT_BY}",
        files=(_KANJI, _OMNIGLOT),
        layout="stroke3",
        note="The official splits.",
    ),
    "japanese-vowels": TrajectoryNamedSet(
        title="Japanese vowels: 640 utterances of 7 to 29 frames, 12 coefficients each, by 9 speakers",
        licence="CC BY 4.0 (UCI)",
        attribution="M. Kudo, J. Toyama and M. Shimbo (1999)",
        files=_VOWELS,
        layout="ts",
        note="The official split; a tenth of the training part is held out for validation.",
        by_hand="copy aeon/datasets/data/JapaneseVowels of the Python package aeon to japanese-vowels/ under "
        "$SERIATIM_DATA",
    ),
}
