"""Beam search: the likeliest sequences, several sources at a time.

A beam keeps the `width` likeliest beginnings of each source and lengthens them symbol by symbol; those that end are set
aside. With a width of one it is the greedy choice; with a width of as many as there are strings it finds the likeliest
of all. Beams of one source are rows of one walk that stand together, and share what was projected of the source.

Since every symbol lowers log p, long sequences are at a disadvantage that a reader may not want; what is ranked is
log p / ((5 + n) / 6)^α, n the number of symbols (Wu et al., 2016, Google's neural machine translation system).

Shapes: S sources, W width, K symbols, T length so far.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from seriatim.config import bounded
from seriatim.heads import Discrete
from seriatim.walk import Walk

Stop = Callable[[int, Sequence[int]], bool]


@final
@dataclass(frozen=True)
class Beams:
    """How to search.

    Attributes:
        width: how many beginnings are kept.
        best: how many results for each source; at most the width.
        length_norm: α; 0 ranks by log p itself.
        coverage: β, how much it counts that all of the source is attended to (Wu et al., 2016); 0: nothing.
        no_repeat: no sequence of so many symbols comes twice; 0: it may.
        shortest: symbols before the end may come.
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
        """What hypotheses are ordered by."""
        return log_prob / ((5 + symbols) / 6) ** self.length_norm


class Hypothesis(NamedTuple):
    """A result: its symbols behind the prefix, their log p in nats, its rank, and why it stopped."""

    symbols: tuple[int, ...]
    log_prob: float
    score: float
    ended: str  # "end", "stop" or "length"


class _Source:
    """Where the search for one source stands."""

    def __init__(self, number: int, prefix: Sequence[int], longest: int) -> None:
        self.number, self.prefix, self.longest = number, list(prefix), longest
        self.finished: list[Hypothesis] = []


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
    """The likeliest sequences for each source, the best first.

    Args:
        walk: at its start, of S · W rows; those of one source stand together, and its conditions may be S rows.
        options: width and the rest.
        end: the symbol that ends a sequence.
        prefixes: for each source the symbols that its sequences must begin with.
        longest: for each source how many symbols may come behind the prefix.
        stop: (source, symbols behind the prefix) -> whether a sequence is over though it has not ended.

    Returns:
        `best` hypotheses a source, fewer if there are not as many; those that did not end come last.

    Raises:
        ValueError: if the walk's rows are not S · W.
    """
    width, count = options.width, len(prefixes)
    if walk.batch != count * width or len(longest) != count:
        raise ValueError(f"{walk.batch} rows for {count} sources and {width} beams")
    under_way = [_Source(i, prefix, limit) for i, (prefix, limit) in enumerate(zip(prefixes, longest, strict=True))]
    every = list(under_way)
    scores: Tensor | None = None  # (S, W)
    history: Tensor | None = None  # (S · W, T)
    time = 0
    while under_way:
        dist = walk.dist
        assert isinstance(dist, Discrete)
        table = dist.log_table().double()
        if scores is None or history is None:
            scores = table.new_full((count, width), -torch.inf)
            scores[:, 0] = 0  # at the start all beams are alike
            history = torch.zeros(count * width, 0, dtype=torch.long, device=table.device)
        table = _allowed(table, history, under_way, options, end, time)
        total = (scores[..., None] + table.view(len(under_way), width, -1)).flatten(1)
        best = total.topk(min(2 * width, total.shape[1]))
        symbols = table.shape[1]
        found = zip(best.values.tolist(), (best.indices // symbols).tolist(), (best.indices % symbols).tolist())  # noqa: B905
        past = history.tolist() if stop is not None else []
        kept: list[list[tuple[float, int, int]]] = []
        written: list[tuple[_Source, Hypothesis, int]] = []  # of ended ones the row that their symbols stand in
        for place, (source, each) in enumerate(zip(under_way, found, strict=True)):
            alive: list[tuple[float, int, int]] = []
            for rank, (score, beam, symbol) in enumerate(zip(*each, strict=True)):
                if score == -torch.inf or len(alive) == width:
                    break
                row, new = place * width + beam, time + 1 - len(source.prefix)
                if new > 0:
                    why = "end" if symbol == end else ""
                    if not why and stop is not None and stop(source.number, [*past[row][len(source.prefix) :], symbol]):
                        why = "stop"
                    if why:
                        if rank < width:
                            over = Hypothesis((symbol,), score, options.rank(score, new), why)
                            written.append((source, over, row))
                        continue
                alive.append((score, beam, symbol))
            kept.append(alive)
        for source, over, row in written:
            before = history[row, len(source.prefix) :].tolist()
            source.finished.append(over._replace(symbols=(*before, *over.symbols)))
        stay = [i for i, source in enumerate(under_way) if not _over(source, kept[i], options, time + 1)]
        for i, source in enumerate(under_way):
            if i not in stay:
                source.finished += [
                    Hypothesis(
                        (*history[i * width + beam, len(source.prefix) :].tolist(), symbol),
                        score,
                        options.rank(score, max(1, time + 1 - len(source.prefix))),
                        "length",
                    )
                    for score, beam, symbol in kept[i]
                    if time + 1 - len(source.prefix) >= source.longest
                ]
        if not stay:
            break
        rows = [[i * width + beam for _, beam, _ in _filled(kept[i], width)] for i in stay]
        chosen = torch.tensor(rows, device=history.device).flatten()
        pushed = torch.tensor([[symbol for _, _, symbol in _filled(kept[i], width)] for i in stay]).to(history.device)
        scores = scores.new_tensor([[score for score, _, _ in _filled(kept[i], width)] for i in stay])
        if len(stay) < len(under_way):
            walk.select(chosen, torch.tensor(stay, device=history.device))
        elif rows != [list(range(i * width, (i + 1) * width)) for i in stay]:
            walk.select(chosen, False)
        under_way = [under_way[i] for i in stay]
        walk.push(pushed.flatten())
        history = torch.cat([history[chosen], pushed.flatten()[:, None]], 1)
        time += 1
    results = [sorted(source.finished, key=order) for source in every]
    return [each[: max(options.best, options.width if options.coverage else 0)] for each in results]


def order(hypothesis: Hypothesis) -> tuple[bool, float, tuple[int, ...]]:
    """The best first, behind all that ended those that did not."""
    return hypothesis.ended == "length", -hypothesis.score, hypothesis.symbols


def _filled(alive: list[tuple[float, int, int]], width: int) -> list[tuple[float, int, int]]:
    """As many as the width: where there are fewer, some that are impossible."""
    _, beam, symbol = alive[0]
    return alive + [(-torch.inf, beam, symbol)] * (width - len(alive))


def _over(source: _Source, alive: list[tuple[float, int, int]], options: Beams, time: int) -> bool:
    """Whether nothing more is to be had, or nothing better."""
    new = time - len(source.prefix)
    if new < 0 or (new == 0 and source.longest):
        return False
    if not alive or new >= source.longest or len(source.finished) >= options.width:
        return True
    if len(source.finished) < max(options.best, options.width if options.coverage else 0):
        return False
    reached = sorted((h.score for h in source.finished), reverse=True)[options.best - 1]
    return options.rank(alive[0][0], source.longest) <= reached  # what is alive can at best keep its log p


def _allowed(
    table: Float[Tensor, "R K"],
    history: Int[Tensor, "R T"],
    sources: Sequence[_Source],
    options: Beams,
    end: int,
    time: int,
) -> Float[Tensor, "R K"]:
    """log p of the symbols that may come; of a prefix the next one, for nothing."""
    width = options.width
    if options.no_repeat and time >= options.no_repeat - 1:
        table = table.masked_fill(_repeats(history, options.no_repeat, table.shape[1]), -torch.inf)
    for i, source in enumerate(sources):
        rows = slice(i * width, (i + 1) * width)
        if time < len(source.prefix):
            table[rows] = -torch.inf
            table[rows, source.prefix[time]] = 0
        elif time - len(source.prefix) < options.shortest:
            table[rows, end] = -torch.inf
    return table


def _repeats(history: Int[Tensor, "R T"], n: int, symbols: int) -> Bool[Tensor, "R K"]:
    """Which symbols would end a sequence of n symbols that a row has already."""
    banned = torch.zeros(len(history), symbols, dtype=torch.bool, device=history.device)
    if history.shape[1] < n:
        return banned
    grams = history.unfold(1, n, 1)  # (R, T − n + 1, n)
    last = history[:, history.shape[1] - n + 1 :]
    same = (grams[..., : n - 1] == last[:, None]).all(-1)
    row, place = same.nonzero(as_tuple=True)
    banned[row, grams[row, place, n - 1]] = True
    return banned
