"""Steps of a multi-scale model of sound: the slow model's and, past the slow samples, the fast one's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, cast, final, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seriatim.causal import Values
from seriatim.context import EMPTY, Context
from seriatim.heads import Head
from seriatim.models.schedule import Schedule
from seriatim.tree import Fixed, State
from seriatim.walks.walk import Carry, Stepper

_TABLE = 4096  # most levels of a table


@final
class Ahead(nn.Module):
    """What the fast model sees of the slow one: of each block its own slow sample and the next ones.

    Args:
        levels: number of levels of a sample; the level of that number says that there is no sample.
        channels: 1, or 2 for stereo.
        width: channels of what is seen.
        count: how many samples after the block's own.
    """

    def __init__(self, levels: int, channels: int, width: int, count: int) -> None:
        super().__init__()
        self.levels, self.count = levels, count
        self.each = Values(levels, width, channels)
        self.together = nn.Linear(width * (count + 1), width)

    def forward(self, x: Tensor) -> Tensor:
        """Slow samples (B, N + count[, P]) of N blocks and after -> (B, N, width)."""
        return self.blocks(self.frames(x))

    def frames(self, x: Tensor) -> Tensor:
        """Slow samples (B, N[, P]), each by itself -> (B, N, width)."""
        return F.elu(self.each(x)[0])

    def blocks(self, frames: Tensor) -> Tensor:
        """(B, N + count, width) -> (B, N, width)."""
        return F.elu(self.together(frames.unfold(1, self.count + 1, 1).flatten(2)))

    @torch.no_grad()
    def table(self) -> Tensor | None:
        """(levels + 1, width) the frame of every symbol; None where there are too many."""
        if self.each.parts > 1 or self.levels > _TABLE:
            return None
        return self.frames(torch.arange(self.levels + 1, device=self.together.weight.device)[None])[0]


@runtime_checkable
class Chain(Protocol):
    """Two models of one sound."""

    config: Any
    head: Head
    schedule: Schedule
    ahead: Ahead

    def of_fast(self, seen: Context, context: Context, length: int) -> Context:
        """The fast model's conditions."""
        ...

    def blank(self, *shape: int) -> Tensor:
        """Symbols of no meaning."""
        ...

    def parameters(self) -> Iterator[Tensor]:
        """Its tensors."""
        ...


class Scale(Protocol):
    """A fast model, or its packed form: its field may be set as it comes about."""

    def conditioned(self, state: State, context: Context) -> State:
        """The state with another field from the next position on."""
        ...


def slower(context: Context, factor: int) -> Context:
    """The conditions of every `factor`-th position: columns that change between two of those are passed over.

    Example:
        >>> field = torch.arange(6.0).view(1, 6, 1)
        >>> slower(Context(field=field, hop=3), 2).field[0, :, 0].tolist()  # at 0, 2, 4, …
        [0.0, 0.0, 1.0, 2.0, 2.0, 3.0, 4.0, 4.0, 5.0]
        >>> slower(Context(field=field, hop=4), 2).hop
        2
    """
    field, hop, offset = context.field, context.hop, context.offset
    if field is None:
        return context
    if hop % factor == 0 and offset % factor == 0:
        return replace(context, hop=hop // factor, offset=offset // factor)
    covered = field.shape[1] * hop - offset
    if field.shape[1] == 1:
        return replace(context, hop=-(-covered // factor), offset=0)
    at = (torch.arange(0, covered, factor, device=field.device) + offset) // hop
    return replace(context, field=field[:, at], hop=1, offset=0)


class Stream(NamedTuple):
    """A batch of sounds in progress.

    Attributes:
        clock: positions passed.
        end: samples in total; −1: without end.
        passed: samples that the fast model has passed, slow ones included.
        slow: the slow model's state.
        fast: the fast model's state.
        before: (B[, P]) the last sample of the slow model.
        last: (B[, P]) the last sample that the fast model has predicted.
        held: (B, R[, P]) slow samples from the fast model's block on; number j at place j mod R.
        context: the conditions.
    """

    clock: int
    end: int
    passed: int
    slow: State
    fast: State
    before: Tensor
    last: Tensor
    held: Tensor
    context: Fixed


@final
class Steps:
    """Steps of a cascade, by steps of its two models or of their packed forms.

    Args:
        model: the cascade.
        slow: its slow model, or the packed form.
        fast: its fast model, likewise.
        table: (levels + 1, width) the frames of slow samples. Default: computed each time.
    """

    carries, backend = True, "eager"

    def __init__(self, model: Chain, slow: Stepper, fast: Stepper, table: Tensor | None = None) -> None:
        self.model, self.head, self.slow, self.fast, self.table = model, model.head, slow, fast, table
        self.factor, self.schedule = model.config.factor, model.schedule
        self.room = model.config.look_ahead + self.schedule.below.ahead + 1
        self._places: tuple[int, int, list[int]] = (0, -1, [])  # first clock, end, and times from there on

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        """Nothing is drawn."""
        model, parts = self.model, () if self.head.parts == 1 else (self.head.parts,)
        new = next(model.parameters()).new_zeros(batch, 1, model.config.up + model.config.field)
        below = None if length is None else -(-length // self.factor)
        slow = self.slow.start(batch, slower(context, self.factor), below)
        fast = self.fast.start(batch, Context(vector=context.vector, field=new), length)
        none, held = model.blank(batch, *parts), model.blank(batch, self.room, *parts)
        return Stream(0, -1 if length is None else length, 0, slow, fast, none, none.clone(), held, context.fixed)

    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) or (B, P) -> the head's parameters (B, width)."""
        if torch.is_grad_enabled():  # a walk has disabled gradients already
            with torch.no_grad():
                return self.step(prev, state)
        state = self._stored(prev, state)
        time, k = self._time(state.clock, state.end), self.factor
        if time % k == 0:
            parameters, slow = self.slow.step(state.before, state.slow)
            return parameters, state._replace(clock=state.clock + 1, slow=slow)
        fast, prev = state.fast, state.last
        if time % k == 1:  # over the slow sample, which is known
            block = time // k
            fast = self._seeing(fast, state, self._from(state, block, 1), time - 1, time + k - 1)
            _, fast = self.fast.step(prev, fast)
            prev = state.held[:, block % self.room]
        parameters, fast = self.fast.step(prev, fast)
        return parameters, state._replace(clock=state.clock + 1, passed=time + 1, fast=fast)

    def read(self, x: Tensor, context: Context, carry: Carry) -> tuple[Tensor, Carry]:  # noqa: ARG002
        """x (B, N[, P]) continues what `carry` holds: the slow samples of it, then those between, each as one chunk."""
        if not x.shape[1]:
            return next(self.model.parameters()).new_zeros(x.shape[0], 0, self.head.width), carry
        state: Stream = carry.state
        state = self._stored(carry.prev, state._replace(held=state.held.clone()))
        stop, k = state.clock + x.shape[1], self.factor
        times = self.schedule.segment(state.clock, stop, None if state.end < 0 else state.end)
        slow, fast = (torch.from_numpy(np.flatnonzero(each)).to(x.device) for each in (times % k == 0, times % k > 0))
        numbers = torch.from_numpy(times).to(x.device)
        block = state.passed // k
        known = self._from(state, block, max(1, self.room - self.model.config.look_ahead))
        rows = list[Tensor]()
        if len(slow):
            own, done = slower(Context.of(state.context), k), state.clock - self._between(state)
            chunk = x[:, slow]
            lower, after = cast(Any, self.slow).read(
                chunk, own.window(done, done + len(slow)), Carry(state.before, state.slow)
            )
            rows.append(lower)
            state = state._replace(before=after.prev, slow=after.state)
            at = numbers[slow] // k - block
            room = max(known.shape[1], int(at.max()) + 1)
            known = F.pad(known, (0, 0) * (x.dim() - 2) + (0, room - known.shape[1]), value=self.model.ahead.levels)
            known = known.index_copy(1, at, chunk)
        if len(fast):
            upper, state = self._between_read(x[:, fast], numbers[fast], known, state)
            rows.append(upper)
        begin = state.passed // k
        kept = known[:, begin - block :][:, : self.room]
        at = torch.arange(begin, begin + kept.shape[1], device=x.device) % self.room
        state = state._replace(clock=stop, held=state.held.index_copy(1, at, kept))
        return torch.cat(rows, 1)[:, torch.cat([slow, fast]).argsort()], Carry(x[:, -1], state)

    def _between_read(self, x: Tensor, times: Tensor, known: Tensor, state: Stream) -> tuple[Tensor, Stream]:
        """The samples x (B, N[, P]) between slow ones, given those (B, M[, P]) from the fast model's block on."""
        k, first, last = self.factor, state.passed, int(times[-1])
        block, stop = first // k, last // k + 1
        wave = x.new_empty(x.shape[0], last + 1 - first, *x.shape[2:])
        over = torch.arange(-(-first // k) * k, last + 1, k, device=x.device)
        wave = wave.index_copy(1, times - first, x).index_copy(1, over - first, known[:, over // k - block])
        seen = known[:, : stop - block + self.model.config.look_ahead]
        missing = stop - block + self.model.config.look_ahead - seen.shape[1]
        seen = F.pad(seen, (0, 0) * (x.dim() - 2) + (0, missing), value=self.model.ahead.levels)
        own = self._seen(state, seen, first, stop * k)
        fast = cast(Any, self.fast)
        upper, after = fast.read(wave, own, Carry(state.last, fast.conditioned(state.fast, own)))
        return upper[:, times - first], state._replace(passed=last + 1, last=after.prev, fast=after.state)

    def _stored(self, prev: Tensor, state: Stream) -> Stream:
        """The state with the sample of the position before."""
        if state.clock == 0:
            return state
        time = self._time(state.clock - 1, state.end)
        if time % self.factor:
            return state._replace(last=prev)
        state.held[:, time // self.factor % self.room] = prev
        return state._replace(before=prev)

    def _from(self, state: Stream, block: int, count: int) -> Tensor:
        """(B, count + L[, P]) the slow samples from a block on, without those beyond the end."""
        wanted = count + self.model.config.look_ahead
        at = torch.arange(block, block + wanted, device=state.held.device) % self.room
        found = state.held.index_select(1, at)
        there = wanted if state.end < 0 else -(-state.end // self.factor) - block
        if there < wanted:
            found[:, max(0, there) :] = self.model.ahead.levels
        return found

    def _seeing(self, fast: State, state: Stream, seen: Tensor, first: int, stop: int) -> State:
        return cast(Scale, self.fast).conditioned(fast, self._seen(state, seen, first, stop))

    def _seen(self, state: Stream, seen: Tensor, first: int, stop: int) -> Context:
        """The fast model's conditions at the samples first … stop − 1, given the slow samples from there on."""
        ahead, given = self.model.ahead, Context.of(state.context)
        frames = ahead.frames(seen) if self.table is None else self.table[seen]
        columns = Context(field=ahead.blocks(frames), hop=self.factor, offset=first % self.factor)
        if given.field is not None:
            stop = min(stop, given.field.shape[1] * given.hop - given.offset)  # the last block may go beyond the end
            given = given.window(first, stop)
        return self.model.of_fast(columns, given, stop - first)

    def _between(self, state: Stream) -> int:
        """Positions passed that are not of the slow model."""
        return state.passed - -(-state.passed // self.factor)

    def _time(self, clock: int, end: int) -> int:
        """Of the position at the clock; many are computed at a time."""
        first, of, times = self._places
        if of != end or not first <= clock < first + len(times):
            most = clock + 256 if end < 0 else min(clock + 256, end)
            first, times = max(0, clock - 1), self.schedule.segment(max(0, clock - 1), most, None if end < 0 else end)
            self._places = first, end, cast("list[int]", times.tolist())
        return self._places[2][clock - first]
