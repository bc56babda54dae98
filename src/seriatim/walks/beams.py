"""Beam search: the most probable sequences, for several sources at a time.

A beam keeps the `width` most probable prefixes of each source and extends them symbol by symbol; those that end are set
aside. With width 1 it is greedy search; with a width as large as the number of strings it is exact. The beams of one
source are adjacent rows of one walk and share the source's projections.

Every symbol lowers log p, which puts long sequences at a disadvantage. Hypotheses of n symbols are ranked by
log p / ((5 + n) / 6)^α (Wu et al., 2016, Google's neural machine translation system).

Shapes: S sources, W width, K symbols, T length so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from seriatim.config import bounded
from seriatim.errors import UserError
from seriatim.heads import Discrete
from seriatim.walks.threads import one_thread
from seriatim.walks.walk import Walk

Stop = Callable[[int, Sequence[int]], bool]


@final
@dataclass(frozen=True)
class Beams:
    """Options of beam search.

    Attributes:
        width: prefixes kept per source.
        best: results per source; at most the width.
        length_norm: α; 0 ranks by log p itself.
        coverage: β, weight of the term that rewards attending to the whole source (Wu et al., 2016); 0 is off.
        no_repeat: no sequence of this many symbols occurs twice; 0 is off.
        shortest: minimum number of symbols before the end.

    Example:
        >>> options = Beams(width=4, best=2)
        >>> round(options.rank(-6.0, symbols=7), 3)
        -3.959
    """

    width: int = 5
    best: int = 1
    length_norm: float = 0.6
    coverage: float = 0.0
    no_repeat: int = 0
    shortest: int = 0

    def __post_init__(self) -> None:
        bounded("beams", self.width, 1, 10_000)
        bounded("best, which is at most the number of beams,", self.best, 1, self.width)
        bounded("length-norm", self.length_norm, 0, 10)
        bounded("coverage", self.coverage, 0, 10)
        bounded("no-repeat", self.no_repeat, 0, 1000)
        bounded("min-length", self.shortest, 0, 2**30)

    def rank(self, log_prob: float, symbols: int) -> float:
        """The score that hypotheses are ordered by."""
        return log_prob / ((5 + symbols) / 6) ** self.length_norm


class Hypothesis(NamedTuple):
    """A result: its symbols after the prefix, their log p in nats, its score, and why it ended."""

    symbols: tuple[int, ...]
    log_prob: float
    score: float
    ended: str  # "end", "stop" or "length"


class _Candidate(NamedTuple):
    """A prefix extended by one symbol: its log p, the row of the source it extends, the symbol."""

    score: float
    row: int
    symbol: int


class _Source:
    """The state of the search for one source."""

    def __init__(self, number: int, prefix: Sequence[int], longest: int, options: Beams) -> None:
        self.number, self.prefix, self.longest, self.options = number, list(prefix), longest, options
        self.finished: list[Hypothesis] = []
        self.wanted = options.width if options.coverage else options.best

    def sift(
        self, candidates: Iterator[_Candidate], past: Int[Tensor, "W T"], end: int, stop: Stop | None
    ) -> list[_Candidate]:
        """The candidates to continue with; those that have ended are set aside.

        Args:
            candidates: most probable first, twice the width of them, so that enough continue even if every second one
                ends.
            past: the symbols of each of the source's rows, its prefix included.
            end: the symbol that ends a sequence.
            stop: whether a sequence is over although it has not ended.
        """
        alive: list[_Candidate] = []
        width, free = self.options.width, past.shape[1] >= len(self.prefix)
        for rank, each in enumerate(candidates):
            if each.score == -torch.inf or len(alive) == width:
                break
            why = "end" if free and each.symbol == end else ""
            if free and stop is not None and not why:
                why = "stop" if stop(self.number, self._symbols(each, past)) else ""
            if not why:
                alive.append(each)
            elif rank < width:  # those that end further down are no better than those that continue
                self._finish(each, past, why)
        return alive

    def over(self, alive: list[_Candidate], past: Int[Tensor, "W T"]) -> bool:
        """Whether the search can stop: no further or no better hypothesis is possible.

        Until as many have ended as the width, a better one must be impossible at any length; from then on, at the
        current length.
        """
        new = past.shape[1] + 1 - len(self.prefix)
        if new < 1:
            return False
        if alive and new >= self.longest:
            for each in alive:
                self._finish(each, past, "length")
            return True
        if not alive:
            return True
        if len(self.finished) < self.wanted:
            return False
        reached = sorted((h.score for h in self.finished), reverse=True)[self.options.best - 1]
        length = self.longest if len(self.finished) < self.options.width else new
        return self.options.rank(alive[0].score, length) <= reached  # log p never rises

    def _symbols(self, each: _Candidate, past: Int[Tensor, "W T"]) -> list[int]:
        return [*past[each.row, len(self.prefix) :].tolist(), each.symbol]

    def _finish(self, each: _Candidate, past: Int[Tensor, "W T"], why: str) -> None:
        symbols = self._symbols(each, past)
        self.finished.append(Hypothesis(tuple(symbols), each.score, self.options.rank(each.score, len(symbols)), why))

    def results(self) -> list[Hypothesis]:
        """The best first; all of them if coverage is still to be added."""
        return sorted(self.finished, key=order)[: self.wanted]


def order(hypothesis: Hypothesis) -> tuple[bool, float, tuple[int, ...]]:
    """Sort key: best first, and those that have ended before those that have not."""
    return hypothesis.ended == "length", -hypothesis.score, hypothesis.symbols


@one_thread()
@torch.inference_mode()
def beam_search(
    walk: Walk,
    options: Beams,
    *,
    end: int,
    prefixes: Sequence[Sequence[int]],
    longest: Sequence[int],
    stop: Stop | None = None,
) -> list[list[Hypothesis]]:
    """The most probable sequences for each source, best first.

    Args:
        walk: at its start, of S · W rows; those of one source are adjacent, and its conditions may have S rows.
        options: width and the rest.
        end: the symbol that ends a sequence.
        prefixes: for each source, the symbols its sequences must begin with.
        longest: for each source, the maximum number of symbols after the prefix.
        stop: (source, symbols after the prefix) -> whether a sequence is over although it has not ended.

    Returns:
        `best` hypotheses per source, fewer if there are not as many; those that did not end come last. With `coverage`,
            which the caller adds, as many as the width.

    Raises:
        ValueError: if the walk does not have S · W rows.

    Example:
        >>> from seriatim.models import LSTM, RecurrentConfig
        >>> walk = Walk(LSTM(RecurrentConfig(symbols=4, width=8)), batch=2 * 3)
        >>> found = beam_search(walk, Beams(width=3), end=0, prefixes=[[], [1]], longest=[5, 5])
        >>> [len(hypotheses) for hypotheses in found], found[1][0].symbols[0]
        ([1, 1], 0)
    """
    width, count = options.width, len(prefixes)
    if walk.stepper.head.real:
        raise UserError("a beam search compares symbols, and this model draws real numbers; sample instead")
    if walk.batch != count * width or len(longest) != count or min(longest, default=1) < 1:
        raise ValueError(
            f"{walk.batch} rows for {count} sources and {width} beams, of lengths {list(longest)}; "
            f"expected {count * width} rows and a length from 1 for each source"
        )
    every = [_Source(i, *each, options) for i, each in enumerate(zip(prefixes, longest, strict=True))]
    under_way = list(every)
    scores = torch.full((count, width), -torch.inf, dtype=torch.float64)
    scores[:, 0] = 0  # at the start all beams are identical
    history = torch.zeros(count * width, 0, dtype=torch.long)
    while under_way:
        dist = walk.dist
        assert isinstance(dist, Discrete)
        scores, history = scores.to(dist.device), history.to(dist.device)
        log_p = _allowed(dist.log_table(), history, under_way, options, end)
        going: list[tuple[int, list[_Candidate]]] = []
        for i, (source, best) in enumerate(zip(under_way, _best(scores, log_p), strict=True)):
            own = history[i * width : (i + 1) * width]
            alive = source.sift(best, own, end, stop)
            if not source.over(alive, own):
                # if fewer continue than there are rows, the rest repeat one with probability 0
                going.append((i, alive + [alive[0]._replace(score=-torch.inf)] * (width - len(alive))))
        if not going:
            break
        rows = torch.tensor([i * width + each.row for i, alive in going for each in alive], device=history.device)
        pushed = torch.tensor([each.symbol for _, alive in going for each in alive], device=history.device)
        scores = scores.new_tensor([[each.score for each in alive] for _, alive in going])
        if len(going) < len(under_way):
            walk.select(rows, torch.tensor([i for i, _ in going], device=history.device))
        elif not torch.equal(rows, torch.arange(len(rows), device=rows.device)):
            walk.select(rows, False)
        walk.push(pushed)
        history = torch.cat([history[rows], pushed[:, None]], 1)
        under_way = [under_way[i] for i, _ in going]
    return [source.results() for source in every]


def _best(scores: Float[Tensor, "S W"], log_p: Float[Tensor, "R K"]) -> Iterator[Any]:
    """For each source, the 2 W most probable extensions, best first.

    Takes the top symbols of each row first, so that the sums are taken over few candidates and not over a table.
    """
    count, width = scores.shape
    few = log_p.topk(min(2 * width, log_p.shape[1]))
    total = few.values.double().view(count, width, -1) + scores[..., None]
    symbols, each = few.indices.view(count, -1), total.shape[2]
    best = total.flatten(1).topk(min(2 * width, width * each))
    chosen = symbols.gather(1, best.indices)
    for row, places, names in zip(best.values.tolist(), best.indices.tolist(), chosen.tolist(), strict=True):
        yield (_Candidate(score, at // each, x) for score, at, x in zip(row, places, names, strict=True))


def _allowed(
    log_p: Float[Tensor, "R K"], history: Int[Tensor, "R T"], sources: Sequence[_Source], options: Beams, end: int
) -> Float[Tensor, "R K"]:
    """log p, −inf for symbols that may not come next; within a prefix, only its next symbol, at no cost. In place."""
    width, time = options.width, history.shape[1]
    if options.no_repeat and time >= options.no_repeat - 1:
        log_p.masked_fill_(_repeats(history, options.no_repeat, log_p.shape[1]), -torch.inf)
    for i, source in enumerate(sources):
        rows, new = slice(i * width, (i + 1) * width), time - len(source.prefix)
        if new < 0:
            log_p[rows] = -torch.inf
            log_p[rows, source.prefix[time]] = 0
        elif new < options.shortest:
            log_p[rows, end] = -torch.inf
    return log_p


def _repeats(history: Int[Tensor, "R T"], n: int, symbols: int) -> Bool[Tensor, "R K"]:
    """Which symbols would repeat a sequence of n symbols that the row already contains."""
    banned = torch.zeros(len(history), symbols, dtype=torch.bool, device=history.device)
    if history.shape[1] < n:
        return banned
    grams = history.unfold(1, n, 1)  # (R, T − n + 1, n)
    last = history[:, history.shape[1] - n + 1 :]
    same = (grams[..., : n - 1] == last[:, None]).all(-1)
    row, place = same.nonzero(as_tuple=True)
    banned[row, grams[row, place, n - 1]] = True
    return banned
