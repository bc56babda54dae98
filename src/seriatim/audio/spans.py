"""Time-aligned labels: phonemes, words, digits, notes."""

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
    """A labelled time span."""

    begin: float
    """In seconds."""
    end: float
    label: str


@final
class Spans:
    """Time-aligned labels, a frame per `hop` samples: (K, 2).

    The first number of a frame is the label at the frame's centre, −1 for none; the second is the elapsed fraction of
    its span, from 0 to 1. Without it a network would have to remember when the label began.

    Args:
        values: the labels.
        rate: sample rate in hertz.
        hop: samples per frame.
        lasting: usual duration of each label in frames.

    Example:
        >>> codec = Spans(["a", "b"], rate=1000, hop=100, lasting=[2, 2])
        >>> frames = codec.encode([Span(0.0, 0.2, "a"), Span(0.3, 0.4, "b")])
        >>> codec.decode(frames)
        ['a', 'a', None, 'b']
        >>> codec.spoken("b a:0.5")
        [Span(begin=0.0, end=0.2, label='b'), Span(begin=0.2, end=0.7, label='a')]
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
            raise UserError(f"lasting: expected {len(self.values)} durations above 0, one per label")

    @classmethod
    def train(cls, values: Sequence[str], rate: int, hop: int, columns: Iterable[Columns]) -> Self:
        """Learn the usual duration of each label from the frames of `columns_of`."""
        length, count = np.zeros(len(values)), np.zeros(len(values))
        for each in columns:
            number, phase = each[:, 0].astype(np.int64), each[:, 1]
            begins = np.ones(len(number), bool)
            begins[1:] = (number[1:] != number[:-1]) | (phase[1:] < phase[:-1])
            spoken = number >= 0
            length += np.bincount(number[spoken], minlength=len(values))
            count += np.bincount(number[spoken & begins], minlength=len(values))
        return cls(values, rate, hop, np.where(count > 0, length / np.maximum(count, 1), 1.0).tolist())

    @property
    def size(self) -> int:
        """Number of labels."""
        return len(self.values)

    def encode(self, raw: Sequence[Span], /) -> Columns:
        """The frames of spans, to the end of the last one."""
        last = max((span.end for span in raw), default=0.0)
        return columns_of(raw, self._index, self.rate, self.hop, round(last * self.rate))

    def spoken(self, line: str) -> list[Span]:
        """Spans of a line such as "silence 3 7:0.5": consecutive labels, each with its usual or a given duration.

        Raises:
            UserError: naming a word that is not a label, or whose duration is invalid.
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
                raise UserError(f"{label!r} is not a label of this model; {nearest(label, self.values)}")
            lasts = self.lasting[self._index[label]] * self.hop / self.rate if seconds is None else seconds
            spans.append(Span(at, at + lasts, label))
            at += lasts
        if not spans:
            raise UserError("a line without labels; give labels separated by spaces")
        return spans

    def decode(self, x: NDArray[Any], /) -> list[str | None]:
        """The label of each frame (K, 2), None for none."""
        return [self.values[int(i)] if i >= 0 else None for i in np.asarray(x)[:, 0]]

    def to_json(self) -> dict[str, Any]:
        """Labels, rate, hop and usual durations."""
        own = {name: getattr(self, name) for name in ("rate", "hop")}
        return {"kind": self.kind, "values": list(self.values), **own, "lasting": list(self.lasting)}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
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
            raise UserError(f"{span.label!r} is not a label of this model; {nearest(span.label, number)}")
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
        raise UserError(f"{word!r}: {time!r} is not a duration; write LABEL:SECONDS, or LABEL alone")
    return seconds
