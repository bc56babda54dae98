"""WaveNet: audio sample by sample, with dilated causal convolutions.

The idea: convolutions with taps 1, 2, 4, … samples apart see thousands of samples back in a few dozen layers, and
training needs no recurrence. Each layer is gated, tanh · σ, and residual, and contributes to the output directly (a
skip). A vector (a speaker, a genre) and a slower track (a melody, spectral frames) enter every gate; context stacks
read a longer past at a slower rate and condition the main stack as a track does.

Deviations from the paper: a track is repeated to the sample rate (and computed at its own rate, which is exact);
learned upsampling is up to the encoder. A context stack pools whole blocks by a linear map, its output during a block
depends on the previous blocks, and its layers are those of the main stack, but narrower. Instead of a softmax the head
may be a mixture of discretised logistics or normals (Salimans et al., 2017; van den Oord et al., 2017, Parallel
WaveNet), for 16 bits and for two channels, where the right channel's means depend on the left.

Reference: van den Oord et al. (2016), WaveNet: A generative model for raw audio.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast, final

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.causal import Causal, Conv, Embedding, GatedStack, Pointwise, Serial, Slow, Values
from seriatim.causal.gated import Rings
from seriatim.config import bounded
from seriatim.context import EMPTY, Context
from seriatim.errors import UserError
from seriatim.heads import CategoricalHead, Head, MixtureHead
from seriatim.kernels.gates import halves
from seriatim.models.sequence import Position, SequenceModel
from seriatim.tree import State
from seriatim.walks.walk import Carry, Stepper

_AHEAD = 256  # clocks for which ring slots are computed at a time
_WIDEST = 4096  # maximum levels of a softmax
_TABLE = 256  # maximum levels with an embedding each; beyond, levels enter by their value


@final
@dataclass(frozen=True)
class WaveNetConfig:
    """Sizes of a WaveNet.

    Attributes:
        levels: number of levels of a sample.
        channels: 1, or 2 for stereo.
        head: distribution of a sample: "softmax" (one channel), or a mixture of "logistic" or "normal" components.
        mixtures: components of a mixture.
        spread: magnitude that most samples stay within, as a share of full scale; the unit of a mixture's means.
        residual: channels between layers.
        gate: channels inside a layer.
        skip: channels of the sum over all layers, and of the layer after it.
        kernel: taps of a layer.
        dilations: layers per cycle, with taps 1, 2, 4, … samples apart.
        cycles: repetitions of the sequence of dilations.
        first: taps of a convolution before the layers; 1 for none.
        stacks: context stacks, given by the samples per block of each, such as 16,128.
        stack_dilations: layers of a context stack, with taps 1, 2, 4, … blocks apart.
        stack_channels: channels of a context stack.
        dropout: dropout rate of the sum over all layers.
        vector: channels of the global condition.
        field: channels of the local condition.

    Example:
        >>> WaveNetConfig(cycles=3, dilations=10).past  # at 16 kHz 0.19 s
        3070
    """

    levels: int = 256
    channels: int = 1
    head: Literal["softmax", "logistic", "normal"] = "softmax"
    mixtures: int = 10
    spread: float = 1.0
    residual: int = 64
    gate: int = 64
    skip: int = 256
    kernel: int = 2
    dilations: int = 10
    cycles: int = 3
    first: int = 1
    stacks: tuple[int, ...] = ()
    stack_dilations: int = 6
    stack_channels: int = 32
    dropout: float = 0.0
    vector: int = 0
    field: int = 0

    def __post_init__(self) -> None:
        bounded("levels", self.levels, 2, 2**16)
        bounded("channels", self.channels, 1, 2)
        bounded("mixtures", self.mixtures, 1, 1000)
        bounded("spread", self.spread, 1e-4, 1)
        for name in ("residual", "gate", "skip", "stack_channels"):
            bounded(name, getattr(self, name), 1, 2**14)
        bounded("kernel", self.kernel, 2, 64)
        bounded("dilations", self.dilations, 1, 16)
        bounded("cycles", self.cycles, 1, 256)
        bounded("first", self.first, 1, 2**12)
        bounded("stacks, their number", len(self.stacks), 0, 16)
        for hop in self.stacks:
            bounded("stacks, a block", hop, 1, 2**16)
        bounded("stack_dilations", self.stack_dilations, 1, 16)
        bounded("dropout", self.dropout, 0, 0.99)
        bounded("vector", self.vector, 0, 2**16)
        bounded("field", self.field, 0, 2**16)
        bounded("past, the receptive field in samples,", self.past, 1, 2**24)
        if self.head == "softmax" and (self.channels > 1 or self.levels > _WIDEST):
            what = f"one channel of at most {_WIDEST} levels, not {self.channels} of {self.levels}"
            raise UserError(f"head is softmax, for {what}; give --net.head logistic, or normal")

    @staticmethod
    def suited(follows: Mapping[str, float], small: bool) -> dict[str, int]:  # noqa: ARG004
        """Sizes for less than a minute of sound: a sixth of the parameters, and a third of the past."""
        return {"residual": 32, "gate": 32, "skip": 128, "dilations": 9, "cycles": 2} if small else {}

    @property
    def horizon(self) -> None:
        """None: sequences may have any length."""
        return

    @property
    def past(self) -> int:
        """The receptive field: how many samples before t can affect p(x_t)."""
        own = (self.kernel - 1) * (2**self.dilations - 1) * self.cycles
        slow = (self.kernel - 1) * (2**self.stack_dilations - 1)
        behind_taps = own - (self.kernel - 1)  # where a field enters the first layer
        return self.first + max([own, *[behind_taps + (2 + slow) * hop - 1 for hop in self.stacks]])


@final
class WaveNet(SequenceModel):
    """Dilated causal convolutions over audio samples.

    Example:
        >>> model = WaveNet(WaveNetConfig(levels=16, residual=8, gate=8, skip=8, dilations=3, cycles=1))
        >>> model.log_prob(torch.randint(16, (2, 20))).shape, model.sample(n=2, length=20).shape
        (torch.Size([2]), torch.Size([2, 20]))
        >>> sizes = {"residual": 8, "gate": 8, "skip": 8, "dilations": 3, "cycles": 1}
        >>> stereo = WaveNet(WaveNetConfig(levels=65536, channels=2, head="logistic", **sizes))
        >>> stereo.sample(n=1, length=20).shape
        torch.Size([1, 20, 2])
    """

    def __init__(self, config: WaveNetConfig) -> None:
        c, width = config, config.residual
        embedding: Causal
        if c.head == "softmax" and c.levels <= _TABLE:
            embedding = Embedding(c.levels + 1, width, scale=1.0)
        else:
            embedding = Values(c.levels, width, c.channels)
        head: Head = (
            CategoricalHead(c.levels)
            if c.head == "softmax"
            else MixtureHead(c.levels, c.channels, c.mixtures, c.head, c.spread)
        )
        cycle = [2**i for i in range(c.dilations)]
        stack = GatedStack(
            width, c.gate, c.skip, cycle * c.cycles, c.kernel, c.vector, c.field, [_slow(c, hop) for hop in c.stacks]
        )
        parts: dict[str, Causal] = {"first": Conv(width, width, c.first)} if c.first > 1 else {}
        parts |= {"stack": stack, "out": Pointwise(_Out(c.skip, head.width, c.dropout))}
        super().__init__(embedding, Serial(**parts), head, start=c.levels)
        self.config = config

    def outputs(self) -> list[nn.Module]:
        """The last of the two layers at the end."""
        return [cast(_Out, cast(Pointwise, cast(Serial, self.net).layers["out"]).module).out]

    def conditioned(self, state: Position, context: Context) -> Position:
        """The state with another field, whose positions begin with the next one: of a stream that brings its own.

        Args:
            state: of `start`, `step` or a carry.
            context: the field; the vector stays.
        """
        at, stack = self._stack
        nets = list(state.net)
        nets[at] = stack.conditioned(nets[at], context)
        return state._replace(net=tuple(nets))

    def field_sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """[t, s]: whether sample t depends on what the field holds at sample s."""
        return self._stack[1].field_sight(steps)

    @property
    def _stack(self) -> tuple[int, GatedStack]:
        """The stack, and its place among the parts of the net."""
        parts = cast(Serial, self.net).layers
        return list(parts).index("stack"), cast(GatedStack, parts["stack"])

    def packed(self) -> Stepper:
        """All past taps of all layers in one product, the present ones layer by layer, all skips in one product."""
        return _Packed(self)


@final
class _Out(nn.Module):
    """The two layers after the sum over all skips."""

    def __init__(self, skip: int, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.hidden, self.out = nn.Linear(skip, skip), nn.Linear(skip, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.hidden(self.dropout(x).relu()).relu())


def _slow(config: WaveNetConfig, hop: int) -> Slow:
    """A context stack: blocks pooled by a linear map, then one cycle of gated layers."""
    width = config.stack_channels
    pool = Pointwise(nn.Linear(hop * config.residual, width))
    cycle = [2**i for i in range(config.stack_dilations)]
    return Slow(Serial(pool, GatedStack(width, width, width, cycle, config.kernel)), hop, config.residual, width)


class _Standing(NamedTuple):
    """The model's own state, and the layers' biases including the current contribution of the conditions (B, L, 2G)."""

    own: Position
    conditions: Tensor | None  # None: not computed yet


class _Room(NamedTuple):
    """Buffers for a step of a given number of rows, allocated once: allocation costs as much as computation."""

    taken: Tensor  # (L, B, R) past frames
    u: Tensor  # (L, B, 2G)
    inputs: Tensor  # (L, B, R)
    z: Tensor  # (B, L · G)
    layers: list[tuple[Tensor, ...]]  # for each: views of u, of its two halves, of z and of the next layer's input


@final
class _Packed:
    """Steps of a WaveNet with folded weights: four small operations per layer and one pass over the weights.

    The present taps and the residual maps go layer by layer. What does not depend on the previous sample, the past taps
    of all layers, is one batched product, and so are the skips.
    """

    carries = True

    def __init__(self, model: WaveNet) -> None:
        self.model, self.head = model, model.head
        parts = cast(Serial, model.net).layers
        names = list(parts)  # the net's state has a part for each
        self.place = names.index("stack")
        self.first = (names.index("first"), cast(Conv, parts["first"])) if "first" in parts else None
        self.stack = stack = cast(GatedStack, parts["stack"])
        out = cast(_Out, cast(Pointwise, parts["out"]).module)
        self.hops = [each.hop for each in stack.slow if isinstance(each, Slow)]
        self._rooms: dict[int, _Room] = {}
        self._slots: tuple[int, tuple[Tensor, ...]] = (-_AHEAD, ())  # first clock, and the slots of each tap
        with torch.no_grad():
            taps, residual = halves(stack.taps, 2, 1), -stack.residual
            self.past = [each.contiguous() for each in taps[:, 1:].unbind(1)]
            # a product with one row is fastest as (out, in), with several rows as (in, out)
            self.present, self.residual = taps[:, 0].contiguous().unbind(), residual.unbind()
            self.present_t, self.residual_t = _turned(taps[:, 0]), _turned(residual)
            self.skip, self.skip_t, self.skip_bias = -stack.skip, -stack.skip.t().contiguous(), stack.skip_bias.clone()
            self.out = [(each.weight.clone(), each.bias.clone()) for each in (out.hidden, out.out)]
            self.table: Tensor | None = None
            if model.head.parts == 1:
                self.table = model.embedding(torch.arange(model.config.levels + 1, device=model.device)[None])[0][0]

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        """As the model's."""
        return _Standing(self.model.start(batch, context, length), None)

    def read(self, x: Tensor, context: Context, carry: Carry) -> tuple[Tensor, Carry]:
        """As the model's."""
        parameters, after = self.model.read(x, context, Carry(carry.prev, carry.state.own))
        return parameters, Carry(after.prev, _Standing(after.state, None))

    def conditioned(self, state: _Standing, context: Context) -> _Standing:
        """As the model's."""
        return _Standing(self.model.conditioned(state.own, context), None)

    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) or (B, 2) -> the head's parameters (B, width)."""
        if torch.is_grad_enabled():  # a walk has disabled gradients already
            with torch.no_grad():
                return self.step(prev, state)
        if state.own.clock == 0:
            prev = torch.full_like(prev, self.model.first)
        states = list(state.own.net)
        rings: Rings = states[self.place]
        batch = prev.shape[0]
        room = self._rooms.get(batch) or self._room(batch)
        x = self._frame(prev, states, room.inputs[0])
        conditions, slots = self._conditions(rings, state.conditions), self._places(rings.clock)
        frames = rings.frames.transpose(0, 1)
        if not frames.is_contiguous():  # after a prompt, or a selection of rows
            frames = frames.contiguous()
            rings = rings._replace(frames=frames.transpose(0, 1))
        u: Tensor = conditions.transpose(0, 1)
        for tap, at in zip(self.past, slots, strict=True):
            torch.index_select(frames, 0, at, out=room.taken)
            u = torch.baddbmm(u, room.taken, tap, out=room.u)
        y = self._one(room) if batch == 1 else self._several(room)
        frames.index_copy_(0, slots[-1], room.inputs)
        alone = Rings(rings.frames, rings.clock + 1, rings.fixed, ())
        states[self.place] = self.stack.advance(x, EMPTY, rings) if self.hops else alone
        return y, _Standing(Position(state.own.clock + 1, tuple(states)), conditions)

    def _one(self, room: _Room) -> Tensor:
        """One row: matrix-vector products, which are dispatched faster."""
        addmv, addcmul, h = torch.addmv, torch.addcmul, room.inputs[0, 0]
        for (u, filters, gates, z, following), present, residual in zip(
            room.layers, self.present_t, self.residual_t, strict=False
        ):
            u.addmv_(present, h).sigmoid_()
            addcmul(gates, filters, gates, value=-2, out=z)
            h = addmv(h, residual, z, out=following)
        u, filters, gates, z, _ = room.layers[-1]
        u.addmv_(self.present_t[-1], h).sigmoid_()
        addcmul(gates, filters, gates, value=-2, out=z)
        y = addmv(self.skip_bias, self.skip_t, room.z[0])
        for weight, bias in self.out:
            y = addmv(bias, weight, y.relu_())
        return y[None]

    def _several(self, room: _Room) -> Tensor:
        """Rows times matrices."""
        addmm, addcmul, h = torch.addmm, torch.addcmul, room.inputs[0]
        for (u, filters, gates, z, following), present, residual in zip(
            room.layers, self.present, self.residual, strict=False
        ):
            u.addmm_(h, present).sigmoid_()
            addcmul(gates, filters, gates, value=-2, out=z)
            h = addmm(h, z, residual, out=following)
        u, filters, gates, z, _ = room.layers[-1]
        u.addmm_(h, self.present[-1]).sigmoid_()
        addcmul(gates, filters, gates, value=-2, out=z)
        y = addmm(self.skip_bias, room.z, self.skip)
        for weight, bias in self.out:
            y = addmm(bias, y.relu_(), weight.t())
        return y

    def _frame(self, prev: Tensor, states: list[State], out: Tensor) -> Tensor:
        """The frame that the layers read (B, 1, R), also written to `out` (B, R)."""
        if self.table is not None and self.first is None:
            return torch.index_select(self.table, 0, prev, out=out)[:, None]
        x = self.model.embedding(prev[:, None])[0] if self.table is None else self.table[prev][:, None]
        if self.first is not None:
            at, first = self.first
            x, states[at] = first(x, EMPTY, states[at])
        out.copy_(x[:, 0])
        return x

    def _conditions(self, rings: Rings, before: Tensor | None) -> Tensor:
        """(B, L, 2G): biases including the conditions, recomputed where a column begins."""
        _, field, hop, offset = rings.fixed.nest
        clock = rings.clock
        begins = field is not None and (clock + offset) % hop == 0
        if before is not None and not begins and all(clock % each for each in self.hops):
            return before
        return self.stack.conditions(rings)

    def _places(self, clock: int) -> list[Tensor]:
        """For each past tap, the slots (L,) of the frames it reads; the last tap's slots are then overwritten."""
        begin, taps = self._slots
        if not begin <= clock < begin + _AHEAD:
            begin, taps = clock, self.stack.slots(clock, _AHEAD).unbind(1)
            self._slots = begin, taps
        return [each.select(0, clock - begin) for each in taps]

    def _room(self, batch: int) -> _Room:
        stack, count = self.stack, len(self.stack.rings)
        with torch.inference_mode(False):
            new = self.skip.new_empty
            u, inputs = new(count, batch, 2 * stack.gates), new(count, batch, stack.width)
            z, taken = new(batch, count * stack.gates), torch.empty_like(inputs)
            layers: list[tuple[Tensor, ...]] = []
            for i, part in enumerate(z.split(stack.gates, 1)):
                views = (u[i], *u[i].chunk(2, -1), part, inputs[(i + 1) % count])
                layers.append(tuple(view[0] for view in views) if batch == 1 else views)
        self._rooms[batch] = _Room(taken, u, inputs, z, layers)
        return self._rooms[batch]


def _turned(weights: Tensor) -> tuple[Tensor, ...]:
    """(L, in, out) -> L tensors (out, in)."""
    return weights.transpose(1, 2).contiguous().unbind()
