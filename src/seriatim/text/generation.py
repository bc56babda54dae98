"""Sampling of sequences that end with `<end>`, from prompts of unequal length, past a model's context."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, final

import torch
from torch import Tensor

from seriatim.context import EMPTY
from seriatim.errors import UserError
from seriatim.heads import Categorical, Discrete
from seriatim.models import Model
from seriatim.models.base import ContextLike
from seriatim.models.likelihood import pad, window_start
from seriatim.walks.backend import Backend
from seriatim.walks.draws import runs
from seriatim.walks.noise import Noise
from seriatim.walks.steer import Steer, Tally
from seriatim.walks.threads import one_thread
from seriatim.walks.walk import Walk

_TOGETHER = 16  # symbols of each row that compiled steps draw in one call


class Draw(NamedTuple):
    """One symbol: its row, its value, and its unsteered log-probability under the model in nats."""

    row: int
    symbol: int
    log_prob: float


@final
class Generation:
    """Active rows, each until `<end>`, until it is dropped or has `longest` new symbols.

    All rows share a clock: as many symbols as all prompts have are read as one chunk; the rest of longer prompts is
    forced symbol by symbol while shorter ones are already drawn. A row depends on its prompt and its seed only.

    Args:
        model: the model.
        prompts: the prompt of each row; may be empty.
        seeds: (rows,) seeds of the noise.
        steer: temperature and filters.
        end: the symbol that ends a sequence.
        longest: most new symbols.
        shortest: fewest new symbols before `<end>`.
        given: conditions, one per row.
        score: whether to compute log-probabilities (otherwise 0).
        backend: what carries out the steps.
    """

    def __init__(
        self,
        model: Model,
        prompts: Sequence[Any],
        seeds: Tensor,
        steer: Steer,
        *,
        end: int,
        longest: int,
        shortest: int = 0,
        given: ContextLike = EMPTY,
        score: bool = False,
        backend: Backend = "eager",
    ) -> None:
        self.steer, self.end, self.longest, self.shortest, self.score = steer, end, longest, shortest, score
        if score and steer.guidance != 1:
            raise UserError("guided samples have no likelihood; leave out --guidance, or --json and --log-probs")
        rows = len(prompts) if steer.guidance == 1 else 2 * len(prompts)
        together = steer.plain and not score
        self.model, self.stepper = model, model.prepare(backend, len(prompts) * longest, rows, together)
        self.horizon: int | None = model.horizon
        self.context = model.condition(given, len(prompts))
        self.noise = Noise(seeds)
        device = model.device
        self.lengths = torch.tensor([len(p) for p in prompts], device=device)
        self.known = model.symbols(pad(prompts))
        self.rows = list(range(len(prompts)))  # the active rows
        self.history = self.known[:, : int(self.lengths.min())]
        self.tally = Tally(steer, model.head, len(prompts), device)
        self.tally.add(self.history)
        self._dropped: set[int] = set()
        self._walk, self._begin = self._enter()

    def drop(self, row: int) -> None:
        """End a row from outside (at a stop string)."""
        self._dropped.add(row)

    def __iter__(self) -> Iterator[list[Draw]]:
        """The draws of each step; forced symbols are not draws."""
        while self.rows and self.longest:
            if (count := self._together()) > 1:
                yield from self._run(count)
            else:
                yield self._step()
            self._leave()

    @one_thread()
    @torch.inference_mode()
    def _enter(self) -> tuple[Walk, int]:
        """A walk that has read the history, or for a long one the window of the next position."""
        clock = self.history.shape[1]
        begin = window_start(clock, self.horizon)
        most = int(self.lengths.max()) + self.longest
        length = most if self.horizon is None else min(self.horizon, most)
        walk = self.model.walk(len(self.rows), self.context, length, self.steer.guidance, self.stepper)
        if clock > begin:
            walk.feed(self.history[:, begin:])
        return walk, begin

    @one_thread()
    @torch.inference_mode()
    def _step(self) -> list[Draw]:
        clock = self.history.shape[1]
        if self.horizon is not None and clock - self._begin >= self.horizon:
            self._walk, self._begin = self._enter()
        dist = self._walk.dist
        assert isinstance(dist, Discrete)
        steered = self.steer.apply(self._allowed(dist, clock), self.tally.counts)
        x = steered.draw(self.noise(clock, steered.noise))
        forced = clock < self.lengths
        if clock < self.known.shape[1]:
            x = torch.where(forced, self.known[:, clock], x)
        self._walk.push(x)
        self.history = torch.cat([self.history, x[:, None]], 1)
        self.tally.add(x)
        scores = dist.log_prob(x).tolist() if self.score else [0.0] * len(self.rows)
        free = (~forced).tolist()
        return [
            Draw(row, symbol, score)
            for row, symbol, score, drawn in zip(self.rows, x.tolist(), scores, free, strict=True)
            if drawn
        ]

    def _together(self) -> int:
        """How many symbols may be drawn in one call, which no row's prompt, end or window interrupts."""
        if self.score or not runs(self._walk, self.steer):
            return 1
        clock = self.history.shape[1]
        new = clock - self.lengths
        if int(new.min()) < self.shortest:  # negative: a prompt is still being read
            return 1
        rest = [_TOGETHER, self.longest - int(new.max())]
        return min(rest if self.horizon is None else [*rest, self.horizon - (clock - self._begin)])

    def _run(self, count: int) -> Iterator[list[Draw]]:
        """The draws of `count` steps. What a row draws after its end is left out."""
        clock = self.history.shape[1]
        with one_thread(), torch.inference_mode():
            x = self._walk.run(self.noise.run(clock, count)[..., None], self.steer.temperature)
            self.history = torch.cat([self.history, x], 1)
        for symbols in x.T.tolist():
            rows = [(row, symbol) for row, symbol in zip(self.rows, symbols, strict=True) if row not in self._dropped]
            if not rows:
                return
            yield [Draw(row, symbol, 0.0) for row, symbol in rows]
            self._dropped |= {row for row, symbol in rows if symbol == self.end}

    def _allowed(self, dist: Discrete, clock: int) -> Discrete:
        if not self.shortest:
            return dist
        early = clock - self.lengths < self.shortest
        if not bool(early.any()):
            return dist
        # raw logits if there are any: rows that are long enough stay bit for bit what they are alone
        table = (dist.logits if isinstance(dist, Categorical) else dist.log_table()).clone()
        table[early, self.end] = -torch.inf
        return Categorical(table)

    @torch.inference_mode()
    def _leave(self) -> None:
        clock = self.history.shape[1]
        last = self.history[:, -1].tolist()
        lengths = self.lengths.tolist()
        stay = [
            i
            for i, row in enumerate(self.rows)
            if row not in self._dropped
            and not (clock > lengths[i] and last[i] == self.end)
            and clock - lengths[i] < self.longest
        ]
        if len(stay) == len(self.rows):
            return
        self.rows = [self.rows[i] for i in stay]
        if not stay:
            return
        keep = torch.tensor(stay, device=self.lengths.device)
        self._walk.select(keep)
        self.noise.select(keep)
        self.context = self.context.select(keep)
        self.lengths, self.known, self.history = self.lengths[keep], self.known[keep], self.history[keep]
        self.tally.select(keep)
