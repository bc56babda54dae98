"""Labels with times beside the sound: phonemes, words, digits, notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NamedTuple, Self, final

import numpy as np
from numpy.typing import NDArray

from seriatim.audio.quantiser import FASTEST
from seriatim.errors import UserError, nearest
from seriatim.symbols import reading

Columns = NDArray[np.float32]


class Span(NamedTuple):
    """A stretch of sound that has a label."""

    begin: float
    """In seconds."""
    end: float
    label: str


@final
class Spans:
    """What is being said in each stretch of `hop` samples, and how far into it: (K, 2).

    A column's first number is that of the label at the column's middle, −1 where there is none; its second, from 0 to
    1, says which part of the span has passed there. Without the second a network would have to find out by itself how
    long ago a label began.

    Args:
        values: the labels.
        rate: samples a second.
        hop: samples of a column.
        lasting: how many columns each label usually lasts.
    """

    kind: ClassVar = "spans"

    def __init__(self, values: Sequence[str], rate: int, hop: int, lasting: Iterable[float]) -> None:
        if not values:
            raise UserError("spans: there is no label to learn from")
        self.values, self.hop = tuple(values), reading.whole(hop, "hop", 1, 1 << 15)
        self.rate = reading.whole(rate, "rate", 1, FASTEST)
        self.lasting = tuple(float(each) for each in lasting)
        self._index = {value: i for i, value in enumerate(self.values)}
        if len(self.lasting) != len(self.values) or not all(0 < each < 1 << 24 for each in self.lasting):
            raise UserError(f"lasting: wanted {len(self.values)} numbers of columns above 0, one for each label")

    @classmethod
    def train(cls, values: Sequence[str], rate: int, hop: int, columns: Iterable[Columns]) -> Self:
        """Learn how long each label usually lasts from columns that `columns_of` has made."""
        length, count = np.zeros(len(values)), np.zeros(len(values))
        for each in columns:
            number, phase = each[:, 0].astype(np.int64), each[:, 1]
            begins = np.ones(len(number), bool)
            begins[1:] = (number[1:] != number[:-1]) | (phase[1:] < phase[:-1])
            said = number >= 0
            length += np.bincount(number[said], minlength=len(values))
            count += np.bincount(number[said & begins], minlength=len(values))
        return cls(values, rate, hop, np.where(count > 0, length / np.maximum(count, 1), 1.0).tolist())

    @property
    def size(self) -> int:
        """How many labels there are."""
        return len(self.values)

    def encode(self, raw: Sequence[Span], /) -> Columns:
        """The columns of spans, to the end of the last one."""
        last = max((span.end for span in raw), default=0.0)
        return columns_of(raw, self._index, self.rate, self.hop, round(last * self.rate))

    def spoken(self, line: str) -> list[Span]:
        """Spans of a line such as "silence 3 7:0.5": labels one after the other, each as long as usual, or as said.

        Raises:
            UserError: naming the word that is no label, or whose time is none.
        """
        spans: list[Span] = []
        at = 0.0
        for word in line.split():
            label, colon, time = word.rpartition(":")
            if word in self._index or not colon:
                label, seconds = word, None
            else:
                seconds = _seconds(time, word)
            if label not in self._index:
                raise UserError(f"{label!r} is no label of this model; {nearest(label, self.values)}")
            lasts = self.lasting[self._index[label]] * self.hop / self.rate if seconds is None else seconds
            spans.append(Span(at, at + lasts, label))
            at += lasts
        if not spans:
            raise UserError("a line without a label; give labels with spaces between them")
        return spans

    def decode(self, x: NDArray[Any], /) -> list[str | None]:
        """The label of each column (K, 2), None where there is none."""
        return [self.values[int(i)] if i >= 0 else None for i in np.asarray(x)[:, 0]]

    def to_json(self) -> dict[str, Any]:
        """Labels, rate, hop, and how long they last."""
        own = {name: getattr(self, name) for name in ("rate", "hop")}
        return {"kind": self.kind, "values": list(self.values), **own, "lasting": list(self.lasting)}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The reverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("values", "rate", "hop", "lasting"))
        values, lasting = reading.strings(fields["values"], "values"), reading.numbers(fields["lasting"], "lasting")
        return cls(values, fields["rate"], fields["hop"], lasting)


def columns_of(spans: Sequence[Span], number: dict[str, int], rate: int, hop: int, samples: int) -> Columns:
    """(ceil(samples / hop), 2): see `Spans`."""
    columns = np.zeros((-(-samples // hop), 2), np.float32)
    columns[:, 0] = -1
    middles = (np.arange(len(columns)) * hop + (hop - 1) / 2) / rate
    for span in spans:
        if span.label not in number:
            raise UserError(f"{span.label!r} is no label of this model; {nearest(span.label, number)}")
        inside = (middles >= span.begin) & (middles < span.end)
        columns[inside, 0] = number[span.label]
        columns[inside, 1] = (middles[inside] - span.begin) / (span.end - span.begin)
    return columns


def _seconds(time: str, word: str) -> float:
    try:
        seconds = float(time)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 3600:
        raise UserError(f"{word!r}: {time!r} is no time; write LABEL:SECONDS, or LABEL alone")
    return seconds
