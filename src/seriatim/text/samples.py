"""Samples of text, finished and in progress."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.runs import arguments
from seriatim.text.stopping import StopStrings
from seriatim.text.tokenizers import TextStream, Tokenizer
from seriatim.walks.beams import Hypothesis
from seriatim.walks.noise import MOST, Seed


@final
@dataclass(frozen=True)
class Sample:
    """A text drawn from a model.

    Attributes:
        text: the prompt and its continuation, without the stop string.
        prompt: the prompt as the tokenizer reads it.
        symbols: the new symbols, including `<end>`.
        log_probs: of the new symbols under the model, in nats; empty unless requested.
        ended: why it stopped: "end" (of the document), "stop" (a stop string) or "length".
        log_prob: total of the new symbols, in nats; NaN unless from a beam search.
        score: the beam search's ranking score.
        seed: draws this sample again, alone; None from a beam search.

    Example:
        >>> sample = Sample("to be", prompt="to", symbols=(3, 4, 5), log_probs=(), ended="length")
        >>> print(sample, len(sample.symbols), sample.ended)
        to be 3 length
    """

    text: str
    prompt: str
    symbols: tuple[int, ...]
    log_probs: tuple[float, ...]
    ended: str
    log_prob: float = math.nan
    score: float = math.nan
    seed: int | None = None

    def __str__(self) -> str:
        return self.text


@final
@dataclass(frozen=True)
class Request:
    """Options of sampling besides prompts, steering and conditions."""

    max_length: int = 500
    min_length: int = 0
    stop: str | Sequence[str] = ()
    seed: Seed = 0
    log_probs: bool = False
    slide: bool = False

    def __post_init__(self) -> None:
        arguments.count("max_length", self.max_length)
        arguments.count("min_length", self.min_length)
        arguments.texts("stop", self.stop)
        arguments.seeds("seed", self.seed)
        if self.max_length > MOST:
            raise UserError(
                f"max-length is {self.max_length:,}; expected at most {MOST:,}: continue a text with --prompt-file"
            )
        if self.max_length < 1 or not 0 <= self.min_length <= self.max_length:
            raise UserError(
                f"min-length {self.min_length} and max-length {self.max_length} do not fit; expected 0 <= min <= max "
                "and 1 <= max"
            )


@final
@dataclass
class Row:
    """A sample in progress."""

    stream: TextStream
    stops: StopStrings
    prompt: str
    seed: int | None = None
    text: list[str] = field(default_factory=list[str])
    symbols: list[int] = field(default_factory=list[int])
    log_probs: list[float] = field(default_factory=list[float])
    ended: str = "length"

    @classmethod
    def begin(cls, tokenizer: Tokenizer, ids: NDArray[np.int64], stops: Sequence[str], seed: int | None = None) -> Row:
        """A row with only its prompt."""
        stream = tokenizer.stream()
        prompt = "".join(stream.push(int(i)) for i in ids)
        return cls(stream, StopStrings(stops), prompt, seed, [prompt])

    def finished(self) -> Sample:
        """The row as a sample."""
        text, symbols, log_probs = "".join(self.text), tuple(self.symbols), tuple(self.log_probs)
        return Sample(text, self.prompt, symbols, log_probs, self.ended, seed=self.seed)


def _written(tokenizer: Tokenizer, prefix: NDArray[np.int64], symbols: Sequence[int], stops: Sequence[str]) -> Row:
    """The row of a prefix and further symbols: the first of them is written with its space."""
    row = Row.begin(tokenizer, prefix, stops)
    row.text += [row.stops.push(row.stream.push(symbol)) for symbol in symbols]
    return row


def stopped(tokenizer: Tokenizer, prefix: NDArray[np.int64], symbols: Sequence[int], stops: Sequence[str]) -> bool:
    """Whether the symbols after a prefix contain a stop string."""
    return _written(tokenizer, prefix, symbols, stops).stops.found


def found(tokenizer: Tokenizer, prefix: NDArray[np.int64], hypothesis: Hypothesis, stops: Sequence[str]) -> Sample:
    """The result of a beam search as a sample."""
    h, row = hypothesis, _written(tokenizer, prefix, hypothesis.symbols, stops)
    if not row.stops.found:
        row.text.append(row.stops.push(row.stream.flush()) + row.stops.flush())
    ended = "stop" if row.stops.found else h.ended  # also at the end, which settles the last text
    return Sample("".join(row.text), row.prompt, h.symbols, (), ended, h.log_prob, h.score)
