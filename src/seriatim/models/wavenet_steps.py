"""Steps of a WaveNet: with folded weights, and compiled.

Shapes: B rows, L layers, R residual channels, G gate channels, S skip channels, k taps.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seriatim.causal import Conv, GatedStack, Pointwise, Serial, Slow
from seriatim.causal.gated import Rings
from seriatim.context import EMPTY, Context
from seriatim.kernels.gates import halves
from seriatim.models.compiled import array, check_rows, mixture_of
from seriatim.models.sequence import Position, SequenceModel
from seriatim.tree import State
from seriatim.walks.walk import Carry

_AHEAD = 256  # clocks for which ring slots are computed at a time


class Standing(NamedTuple):
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


class Packed:
    """Steps of a WaveNet with folded weights: four small operations per layer and one pass over the weights.

    The present taps and the residual maps go layer by layer. What does not depend on the previous sample, the past taps
    of all layers, is one batched product, and so are the skips.
    """

    carries, backend = True, "eager"

    def __init__(self, model: SequenceModel) -> None:
        self.model, self.head = model, model.head
        parts = cast(Serial, model.net).layers
        names = list(parts)  # the net's state has a part for each
        self.place = names.index("stack")
        self.first = (names.index("first"), cast(Conv, parts["first"])) if "first" in parts else None
        self.stack = stack = cast(GatedStack, parts["stack"])
        out: Any = cast(Pointwise, parts["out"]).module
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
        return Standing(self.model.start(batch, context, length), None)

    def read(self, x: Tensor, context: Context, carry: Carry) -> tuple[Tensor, Carry]:
        """As the model's."""
        parameters, after = self.model.read(x, context, Carry(carry.prev, carry.state.own))
        return parameters, Carry(after.prev, Standing(after.state, None))

    def conditioned(self, state: Standing, context: Context) -> Standing:
        """As the model's."""
        return Standing(cast(Any, self.model).conditioned(state.own, context), None)

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
        return y, Standing(Position(state.own.clock + 1, tuple(states)), conditions)

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


@final
class Native(Packed):
    """The whole step in one compiled call, and runs of steps with their draws."""

    backend = "native"
    heats: bool  # a softmax; a mixture's temperature is a matter of its whole table

    def __init__(self, model: SequenceModel) -> None:
        super().__init__(model)
        from seriatim.kernels.native import wavenet  # imports numba

        self._kernels, stack, head, levels = wavenet, self.stack, model.head, model.config.levels
        sizes = np.array(stack.rings)
        self._layers = np.stack([np.array(stack.dilations), sizes.cumsum() - sizes, sizes], 1)
        none = self.skip.new_zeros
        linear: Any = getattr(model.embedding, "linear", None)
        conv = None if self.first is None else self.first[1].conv
        (hidden, hidden_bias), (out, out_bias) = self.out
        self._weights = wavenet.Weights(
            table=array(none(0, stack.width) if self.table is None else self.table),
            values=array(none(1, stack.width) if linear is None else linear.weight.t()),
            offset=array(none(stack.width) if linear is None else linear.bias.clone()),
            first=array(none(0, stack.width, stack.width) if conv is None else conv.weight.permute(2, 1, 0).flip(0)),
            first_bias=array(none(stack.width) if conv is None else cast(Tensor, conv.bias).clone()),
            past=array(torch.stack(self.past)),
            present=array(torch.stack(self.present)),
            residual=array(torch.stack(self.residual) if self.residual else none(0, stack.gates, stack.width)),
            skip=array(self.skip.view(len(sizes), stack.gates, -1)),
            skip_bias=array(self.skip_bias),
            hidden=array(hidden.t()),
            hidden_bias=array(hidden_bias),
            out=array(out.t()),
            out_bias=array(out_bias),
        )
        self._mixture, self.heats = mixture_of(head, levels)
        self._levels = levels

    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) or (B, 2) -> the head's parameters (B, width)."""
        before, rings, conditions, bias = self._ready(prev, state)
        room, past = self._kernels.room(self._weights, len(before)), self._past(state, rings)
        self._draw(before, past, bias, room, np.empty((len(before), 0, before.shape[1])), 1.0)
        after = self._after(torch.from_numpy(before)[:, None], state, rings, conditions)
        return torch.from_numpy(room.parameters), after

    def run(self, prev: Tensor, state: State, noise: Tensor, heat: float) -> tuple[Tensor, State]:
        """As many positions as noise (B, T, P) has numbers for: in one call while the conditions stay the same."""
        drawn, total, room = list[Tensor](), noise.shape[1], self._kernels.room(self._weights, len(prev))
        states = list(state.own.net)
        old: Rings = states[self.place]
        # a copy, once for all: should this stop halfway, the state before is as it was
        copy = old.frames.transpose(0, 1).clone(memory_format=torch.contiguous_format).transpose(0, 1)
        states[self.place] = old._replace(frames=copy)
        state = Standing(state.own._replace(net=tuple(states)), state.conditions)
        while (done := sum(each.shape[1] for each in drawn)) < total:
            before, rings, conditions, bias = self._ready(prev, state)
            count = min(total - done, self._steady(rings))
            u = noise[:, done : done + count].contiguous().numpy()
            x = torch.from_numpy(self._draw(before, self._past(state, rings), bias, room, u, float(heat)))
            drawn.append(x)
            state = self._after(torch.cat([torch.from_numpy(before)[:, None], x[:, :-1]], 1), state, rings, conditions)
            prev = x[:, -1]
        x = torch.cat(drawn, 1)
        return x[..., 0] if self.head.parts == 1 else x, state

    def _draw(
        self, before: NDArray[Any], past: Any, bias: NDArray[Any], room: Any, noise: NDArray[Any], heat: float
    ) -> NDArray[Any]:
        """As many positions as noise (B, T, P) has numbers for; without any, a step."""
        out = np.empty(noise.shape, np.int64)
        self._kernels.run(
            *(self._weights, self._layers, before, self._levels, past, bias),
            *(room, noise, heat, self._mixture, out),
        )
        return out

    def _ready(self, prev: Tensor, state: Standing) -> tuple[NDArray[Any], Rings, Tensor, NDArray[Any]]:
        """The symbols before (B, P), the rings, and what the conditions add to the gates: a tensor and an array."""
        if state.own.clock == 0:
            prev = torch.full_like(prev, int(self.model.first))
        rings: Rings = state.own.net[self.place]
        with torch.no_grad():
            conditions = self._conditions(rings, state.conditions)
            if not rings.frames.transpose(0, 1).is_contiguous():  # after a prompt, or a selection of rows
                rings = rings._replace(frames=rings.frames.transpose(0, 1).contiguous().transpose(0, 1))
        check_rows(len(prev), len(conditions))
        before = array(prev.reshape(len(prev), self.head.parts))
        if before.size and not 0 <= before.min() <= before.max() <= self._levels:
            raise IndexError(f"a symbol is not in 0 … {self._levels - 1}")
        return before, rings, conditions, array(conditions.transpose(0, 1))

    def _steady(self, rings: Rings) -> int:
        """How many positions the conditions stay as they are."""
        _, field, hop, offset = rings.fixed.nest
        steady = [1 << 30, *[each - rings.clock % each for each in self.hops]]
        return min(steady if field is None else [*steady, hop - (rings.clock + offset) % hop])

    def _after(self, read: Tensor, state: Standing, rings: Rings, conditions: Tensor) -> Standing:
        """The state after the symbols read (B, T, P)."""
        states, count = list(state.own.net), read.shape[1]
        states[self.place] = Rings(rings.frames, rings.clock + count, rings.fixed, ())
        if self.hops or self.first is not None:
            x = read[..., 0] if self.head.parts == 1 else read
            with torch.no_grad():
                frames = self.model.embedding(x)[0] if self.table is None else self.table[x]
                if self.first is not None:
                    at, first = self.first
                    frames, states[at] = first(frames, EMPTY, states[at])
                states[self.place] = self.stack.advance(frames, EMPTY, rings)
        return Standing(Position(state.own.clock + count, tuple(states)), conditions)

    def _past(self, state: Standing, rings: Rings) -> Any:
        """What the kernels read of the past, and overwrite: the rings, and a copy of the frames before them."""
        recent, phase = self.skip.new_empty(0, rings.frames.shape[0], self.stack.width), 0
        if self.first is not None:
            ring = state.own.net[self.first[0]]
            recent, phase = ring.frames.transpose(0, 1).clone(memory_format=torch.contiguous_format), ring.clock
        frames = rings.frames.detach().transpose(0, 1).numpy()
        return self._kernels.Past(frames, recent.detach().numpy(), rings.clock, phase)
