"""Lines of one speaker counting from 0 to 9, concatenated from single recordings, with the time of each digit."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seriatim.audio.data.recordings import Aligned, Takes
from seriatim.audio.spans import Span, columns_of
from seriatim.data.deal import SIDES
from seriatim.errors import UserError

DIGITS = tuple("0123456789")
SILENCE = "silence"

_TEMPO = (0.06, 0.25)  # seconds: range of a line's usual pause
_UNEVEN = (0.6, 1.4)  # … and of each of its pauses, relative to the usual one
_FRAMES = 100  # labels per second


def counting_lines(takes: Takes, rate: int, seed: int, side: str) -> Takes:
    """Make as many lines as the takes allow: each take of a digit is in one line, drawn by (seed, side).

    Between takes, before the first and after the last there is digital silence of random length; the takes themselves
    are unchanged. The track `digit` gives the digit spoken at the middle of every 10 ms, and `marks` the begin and end
    of each digit.
    """
    held: defaultdict[tuple[str | None, str | None], list[int]] = defaultdict(list)
    for row, key in enumerate(zip(takes.labels["speaker"], takes.labels["digit"], strict=True)):
        held[key].append(row)
    random = np.random.default_rng([seed, SIDES.index(side), 8])
    chosen: list[tuple[str, NDArray[np.int64]]] = []
    for speaker in sorted({speaker for speaker in takes.labels["speaker"] if speaker}):
        count = min(len(held[speaker, digit]) for digit in DIGITS)
        drawn = np.array([random.permutation(held[speaker, digit])[:count] for digit in DIGITS], np.int64)
        chosen += [(speaker, drawn[:, i]) for i in range(count)]
    if not chosen:
        raise UserError(f"spoken-counting: no speaker of the {side} split has all ten digits: replace the data set")
    hop = max(1, round(rate / _FRAMES))
    x: list[NDArray[np.int16]] = []
    values: list[NDArray[np.float32]] = []
    number = {name: i for i, name in enumerate((*DIGITS, SILENCE))}
    marks: list[tuple[tuple[int, int], ...]] = []
    order = random.permutation(len(chosen))
    for i in order:
        parts = [takes.x[row] for row in chosen[i][1]]
        pauses = np.rint(random.uniform(*_TEMPO) * random.uniform(*_UNEVEN, 11) * rate).astype(np.int64)
        begins = np.cumsum(pauses[:10]) + np.cumsum([0, *map(len, parts[:-1])])
        line = np.zeros(sum(map(len, parts)) + int(pauses.sum()), np.int16)
        places = [(b, b + len(part)) for b, part in zip(begins.tolist(), parts, strict=True)]
        edges = [0, *(edge for place in places for edge in place), len(line)]  # alternately silence and digits
        names = [SILENCE, *(name for digit in DIGITS for name in (digit, SILENCE))]
        spans = [Span(a / rate, b / rate, name) for (a, b), name in zip(pairwise(edges), names, strict=True) if a < b]
        for (begin, end), part in zip(places, parts, strict=True):
            line[begin:end] = part
        x.append(line)
        values.append(columns_of(spans, number, rate, hop, len(line)))
        marks.append(tuple(places))
    speakers = tuple(chosen[i][0] for i in order)
    names = [f"{side}:{row} ({speaker})" for row, speaker in enumerate(speakers)]
    return Takes(x, {"speaker": speakers}, names, {"digit": Aligned(values, hop, (*DIGITS, SILENCE))}, marks=marks)
