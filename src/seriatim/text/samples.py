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

    def __str__(self) -> str:
        return self.text


@final
@dataclass(frozen=True)
class Request:
    """Options of sampling besides prompts, steering and conditions."""

    max_length: int = 500
    min_length: int = 0
    stop: str | Sequence[str] = ()
    seed: int | Sequence[int] = 0
    log_probs: bool = False
    slide: bool = False

    def __post_init__(self) -> None:
        arguments.count("max_length", self.max_length)
        arguments.count("min_length", self.min_length)
        arguments.texts("stop", self.stop)
        arguments.seeds("seed", self.seed)
        if self.max_length < 1 or not 0 <= self.min_length <= self.max_length:
            raise UserError(
                f"min-length {self.min_length} and max-length {self.max_length} do not fit; expected 0 <= min <= max "
                "and 1 <= max"
            )
        seeds = [self.seed] if isinstance(self.seed, int) else self.seed
        wrong = [seed for seed in seeds if not -(2**63) <= seed < 2**63]
        if wrong:
            raise UserError(f"seed is {wrong[0]}; expected a whole number from -2^63 to 2^63 - 1")


@final
@dataclass
class Row:
    """A sample in progress."""

    stream: TextStream
    stops: StopStrings
    prompt: str
    text: list[str] = field(default_factory=list[str])
    symbols: list[int] = field(default_factory=list[int])
    log_probs: list[float] = field(default_factory=list[float])
    ended: str = "length"

    @classmethod
    def begin(cls, tokenizer: Tokenizer, ids: NDArray[np.int64], stops: Sequence[str]) -> Row:
        """A row with only its prompt."""
        stream = tokenizer.stream()
        prompt = "".join(stream.push(int(i)) for i in ids)
        return cls(stream, StopStrings(stops), prompt, [prompt])


def found(tokenizer: Tokenizer, prefix: NDArray[np.int64], hypothesis: Hypothesis, stops: Sequence[str]) -> Sample:
    """The result of a beam search as a sample."""
    row = Row.begin(tokenizer, prefix, stops)
    for symbol in hypothesis.symbols:
        row.text.append(row.stops.push(row.stream.push(symbol)))
    if not row.stops.found:
        row.text.append(row.stops.push(row.stream.flush()) + row.stops.flush())
    h = hypothesis
    return Sample("".join(row.text), row.prompt, h.symbols, (), h.ended, h.log_prob, h.score)
