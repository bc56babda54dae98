"""Multi-scale models of sound: every k-th sample runs ahead, and the samples between are drawn with it in sight.

The idea: a model that steps from sample to sample hears a second as thousands of steps, and what is seconds away is far
from its mind. Every k-th sample is a sequence k times as short, of which a WaveNet hears k times as much. It draws
those, a few ahead of the others; a fast WaveNet draws the samples between and sees the slow ones to come as a track.
Scales can be chained.

The slow samples are samples of the sound and are counted once: the fast model passes over them, and log p of the chain
is exact, Σ_j log p(s_j | s_<j) + Σ_t log p(x_t | x_<t, s up to L blocks ahead), t over the other samples. Positions are
samples in drawing order (`Schedule`), which leaves the order of time by a bounded number of samples; so sound can be
drawn as a stream. Where a sound has ended there are no slow samples to see, and the fast model is told so. A row that
is shorter than others is filled up with the symbol `levels`, which says that there is no sample.

Deviations from the paper, which does this with pictures: there the whole small picture comes first, and its pixels are
predicted again.

Reference: van den Oord, Kalchbrenner, Kavukcuoglu (2016), Pixel recurrent neural networks, section 3.6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol, cast, final

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.causal import Values
from seriatim.config import bounded
from seriatim.context import EMPTY, Context, joined
from seriatim.models.base import ContextLike, Model
from seriatim.models.registry import FAMILIES
from seriatim.models.schedule import Schedule
from seriatim.tree import Fixed, State
from seriatim.walks.walk import Carry, Stepper

_OWN = ("scales", "factor", "look_ahead", "up", "field")  # not sizes of one scale's WaveNet


@final
@dataclass(frozen=True)
class SoundScalesConfig:
    """Sizes of a multi-scale model of sound: those of the scales, and those of the WaveNet that each of them is.

    Attributes:
        scales: number of scales, that of all samples included.
        factor: k: a scale has every k-th sample of the next.
        look_ahead: how many samples of a scale the next one sees ahead. 0 is the order of time.
        up: channels of what the next scale sees.
        levels: number of levels of a sample.
        channels: 1, or 2 for stereo.
        head: distribution of a sample: "softmax" (one channel), or a mixture of "logistic" or "normal" components.
        mixtures: components of a mixture.
        spread: magnitude that most samples stay within, as a share of full scale; the unit of a mixture's means.
        residual: channels between layers.
        gate: channels inside a layer.
        skip: channels of the sum over all layers, and of the layer after it.
        kernel: taps of a layer.
        dilations: layers per cycle, with taps 1, 2, 4, … samples of the scale apart.
        cycles: repetitions of the sequence of dilations.
        first: taps of a convolution before the layers; 1 for none.
        stacks: context stacks of every scale, given by the samples of the scale per block of each.
        stack_dilations: layers of a context stack, with taps 1, 2, 4, … blocks apart.
        stack_channels: channels of a context stack.
        dropout: dropout rate of the sum over all layers.
        vector: channels of the global condition.
        field: channels of the local condition.

    Example:
        >>> SoundScalesConfig(factor=4, dilations=9, cycles=2).past  # 1023 samples of the slow scale
        4092
    """

    scales: int = 2
    factor: int = 4
    look_ahead: int = 4
    up: int = 32
    levels: int = 256
    channels: int = 1
    head: Literal["softmax", "logistic", "normal"] = "softmax"
    mixtures: int = 10
    spread: float = 1.0
    residual: int = 64
    gate: int = 64
    skip: int = 256
    kernel: int = 2
    dilations: int = 9
    cycles: int = 2
    first: int = 1
    stacks: tuple[int, ...] = ()
    stack_dilations: int = 6
    stack_channels: int = 32
    dropout: float = 0.0
    vector: int = 0
    field: int = 0

    def __post_init__(self) -> None:
        bounded("scales", self.scales, 2, 8)
        bounded("factor", self.factor, 2, 256)
        bounded("look_ahead", self.look_ahead, 0, 4096)
        bounded("up", self.up, 1, 2**14)
        bounded("field", self.field, 0, 2**16)
        self.net(0)  # checks the sizes of a scale
        bounded("factor^(scales − 1)", self.factor ** (self.scales - 1), 2, 2**14)
        bounded("samples ahead", self.schedule.ahead, 0, 2**18)
        bounded("past, the receptive field in samples,", self.past, 1, 2**24)

    @staticmethod
    def suited(follows: Mapping[str, float], small: bool) -> dict[str, int]:  # noqa: ARG004
        """Sizes for less than a minute of sound."""
        return {"residual": 32, "gate": 32, "skip": 128, "dilations": 8} if small else {}

    def net(self, field: int) -> Any:
        """The config of a scale's WaveNet, with so many channels of local condition."""
        entry = FAMILIES["wavenet"].config
        sizes = {name: value for name, value in vars(self).items() if name not in _OWN}
        return entry(**sizes, field=field)

    @property
    def schedule(self) -> Schedule:
        """The order of drawing."""
        found = Schedule()
        for _ in range(self.scales - 1):
            found = Schedule(self.factor, self.look_ahead, found)
        return found

    @property
    def horizon(self) -> None:
        """None: sequences may have any length."""
        return

    @property
    def past(self) -> int:
        """The receptive field: how many samples before t, of all that come before t, can affect p(x_t)."""
        own = self.net(0).past
        found = own
        for _ in range(self.scales - 1):
            found = max(self.factor * found, own + self.factor)
        return found


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
        frames = F.elu(self.each(x)[0])
        return F.elu(self.together(frames.unfold(1, self.count + 1, 1).flatten(2)))


class Scale(Protocol):
    """A fast model, or its packed form: its field may be set as it comes about."""

    def conditioned(self, state: State, context: Context) -> State:
        """The state with another field from the next position on."""
        ...


@final
class SoundCascade(Model):
    """Two models of one sound: `slow` for every `factor`-th sample, `fast` for those between.

    Args:
        config: of the whole.
        slow: of every k-th sample as a sequence; may itself be a `SoundCascade`.
        fast: of all samples, with a field of `config.up + config.field` channels and a head like that of `slow`.

    Raises:
        ValueError: if the heads differ.

    Example:
        >>> from seriatim.models import multiscale_sound
        >>> sizes = {"residual": 4, "gate": 4, "skip": 8, "dilations": 3, "cycles": 1, "up": 3}
        >>> model = multiscale_sound(SoundScalesConfig(factor=2, look_ahead=1, levels=8, **sizes))
        >>> model.schedule.order(7).tolist()  # which sample is at each position
        [0, 2, 1, 4, 3, 6, 5]
        >>> model.log_prob(torch.randint(8, (2, 7))).shape, model.sample(n=2, length=7).shape
        (torch.Size([2]), torch.Size([2, 7]))
    """

    carries = True

    def __init__(self, config: SoundScalesConfig, slow: Model, fast: Model) -> None:
        super().__init__()
        self.config, self.slow, self.fast = config, slow, fast
        if type(slow.head) is not type(fast.head) or slow.head.width != fast.head.width:
            raise ValueError("slow and fast have different heads; expected equal ones")
        self.head = fast.head
        self.head.none = config.levels
        self.ahead = Ahead(config.levels, config.channels, config.up, config.look_ahead)
        below = slow.schedule if isinstance(slow, SoundCascade) else None
        self.schedule = Schedule(config.factor, config.look_ahead, below)

    def forward(self, x: Tensor, context: ContextLike = EMPTY, carry: Carry | None = None) -> Any:
        """x (B, N[, P]) in drawing order -> parameters (B, N, width): a sound of N samples, or, with a carry, a part.

        With a carry the conditions and the length are those that `start` was given; without a length there is no end.
        """
        context = self.condition(context, x.shape[0])
        if carry is not None:
            return _Steps(self, self.slow, self.fast).read(x, context, carry)
        length, k = x.shape[1], self.config.factor
        if not length:
            return next(self.parameters()).new_zeros(x.shape[0], 0, self.head.width)
        order = self.schedule.order(length)
        times = torch.from_numpy(order).to(x.device)
        wave = x[:, times.argsort()]
        below = wave[:, ::k]
        arranged = below[:, torch.from_numpy(self.schedule.below.order(below.shape[1])).to(x.device)]
        lower = self.slow(arranged, slower(context, k))
        columns = self.ahead(F.pad(below, (0, 0) * (x.dim() - 2) + (0, self.ahead.count), value=self.ahead.levels))
        upper = self.fast(wave, self.of_fast(Context(field=columns, hop=k), context, length))
        number = np.where(order % k == 0, (order % k == 0).cumsum() - 1, lower.shape[1] + order)
        return torch.cat([lower, upper], 1)[:, torch.from_numpy(number).to(x.device)]

    def of_fast(self, seen: Context, context: Context, length: int) -> Context:
        """The fast model's conditions over `length` samples: what it sees of the slow one, and the model's own."""
        both = seen if context.field is None else joined([seen, context], length)
        return replace(both, vector=context.vector)

    def start(self, batch: int, context: ContextLike = EMPTY, length: int | None = None) -> State:
        """Nothing is drawn. `length`: where the sound ends, which its order depends on; None: nowhere."""
        return _Steps(self, self.slow, self.fast).start(batch, self.condition(context, batch), length)

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """A step of the scale whose turn it is."""
        return _Steps(self, self.slow, self.fast).step(prev, state)

    def packed(self) -> Stepper:
        """Both models packed: 1 + 1/k steps of a packed WaveNet per sample."""
        return _Steps(self, self.slow.packed(), self.fast.packed())

    def outputs(self) -> list[nn.Module]:
        """Those of all scales."""
        return [*self.slow.outputs(), *self.fast.outputs()]

    def sees(self, shape: Sequence[int]) -> Bool[Tensor, "N N"]:
        """What each scale sees; the fast one also sees slow samples where its field enters."""
        (length,) = shape
        k = self.config.factor
        order = torch.from_numpy(self.schedule.order(length))
        seen = self.fast.sees((length,))
        block, slow = torch.arange(length) // k, torch.arange(-(-length // k))
        columns = (slow >= block[:, None]) & (slow <= block[:, None] + self.config.look_ahead)
        field = cast(Any, self.fast).field_sight(length)
        seen[:, ::k] |= (field.float() @ columns.float()) > 0
        seen[::k] = False
        arranged = torch.from_numpy(self.schedule.below.order(len(slow))).argsort()
        seen[::k, ::k] = self.slow.sees((len(slow),))[arranged][:, arranged]
        return seen[order][:, order]


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


class _Stream(NamedTuple):
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
class _Steps:
    """Steps of a cascade, by steps of its two models or of their packed forms."""

    carries = True

    def __init__(self, model: SoundCascade, slow: Stepper, fast: Stepper) -> None:
        self.model, self.head, self.slow, self.fast = model, model.head, slow, fast
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
        fixed = Fixed((context.vector, context.field, context.hop, context.offset))
        return _Stream(0, -1 if length is None else length, 0, slow, fast, none, none.clone(), held, fixed)

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) or (B, P) -> the head's parameters (B, width)."""
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
        state: _Stream = carry.state
        state = self._stored(carry.prev, state._replace(held=state.held.clone()))
        stop, k = state.clock + x.shape[1], self.factor
        times = self.schedule.segment(state.clock, stop, None if state.end < 0 else state.end)
        slow, fast = (torch.from_numpy(np.flatnonzero(each)).to(x.device) for each in (times % k == 0, times % k > 0))
        numbers = torch.from_numpy(times).to(x.device)
        block = state.passed // k
        known = self._from(state, block, max(1, self.room - self.model.config.look_ahead))
        rows = list[Tensor]()
        if len(slow):
            own, done = slower(self._given(state), k), state.clock - self._between(state)
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

    def _between_read(self, x: Tensor, times: Tensor, known: Tensor, state: _Stream) -> tuple[Tensor, _Stream]:
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

    def _stored(self, prev: Tensor, state: _Stream) -> _Stream:
        """The state with the sample of the position before."""
        if state.clock == 0:
            return state
        time = self._time(state.clock - 1, state.end)
        if time % self.factor:
            return state._replace(last=prev)
        state.held[:, time // self.factor % self.room] = prev
        return state._replace(before=prev)

    def _from(self, state: _Stream, block: int, count: int) -> Tensor:
        """(B, count + L[, P]) the slow samples from a block on, without those beyond the end."""
        wanted = count + self.model.config.look_ahead
        at = torch.arange(block, block + wanted, device=state.held.device) % self.room
        found = state.held.index_select(1, at)
        there = wanted if state.end < 0 else -(-state.end // self.factor) - block
        if there < wanted:
            found[:, max(0, there) :] = self.model.ahead.levels
        return found

    def _seeing(self, fast: State, state: _Stream, seen: Tensor, first: int, stop: int) -> State:
        return cast(Scale, self.fast).conditioned(fast, self._seen(state, seen, first, stop))

    def _seen(self, state: _Stream, seen: Tensor, first: int, stop: int) -> Context:
        """The fast model's conditions at the samples first … stop − 1, given the slow samples from there on."""
        columns, given = Context(field=self.model.ahead(seen), hop=self.factor, offset=first % self.factor), EMPTY
        if state.context.nest[1] is not None:
            given = self._given(state)
            assert given.field is not None
            stop = min(stop, given.field.shape[1] * given.hop - given.offset)  # the last block may go beyond the end
            given = given.window(first, stop)
        return self.model.of_fast(columns, replace(given, vector=state.context.nest[0]), stop - first)

    def _given(self, state: _Stream) -> Context:
        vector, field, hop, offset = state.context.nest
        return Context(vector=vector, field=field, hop=hop, offset=offset)

    def _between(self, state: _Stream) -> int:
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
