"""WaveNet's stack of gated, dilated convolutions (van den Oord et al., 2016), its conditions and context stacks.

Shapes: B batch, T time, L layers, R residual channels, G gate channels, S skip channels, k taps, F channels of all
fields concatenated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, final

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.causal.base import Causal, through
from seriatim.causal.slow import Slow
from seriatim.causal.stacks import Stack, Stacked
from seriatim.context import EMPTY, Context, joined
from seriatim.kernels.gates import Sizes, Weights, gate, halves, run
from seriatim.tree import Fixed, State


class Rings(NamedTuple):
    """The past of every layer.

    `frames` (B, Σ rings, R): each layer has (k − 1) · d slots, and the slot that the clock points at holds its oldest
    frame. All rows of a slot are adjacent in memory, since they are read and written together. `fixed`: the vector's
    contribution (B, L, 2G), and the field as given with its hop and offset.
    """

    frames: Tensor
    clock: int
    fixed: Fixed
    slow: tuple[State, ...]


@final
class GatedStack(Causal, Stacked):
    """Σ over layers of a linear map of tanh(W_f ∗ h) · σ(W_g ∗ h), with h residual from layer to layer.

    The residual maps have no bias (the next layer's gate has one).

    Conditions enter every gate: a vector by a linear map, broadcast over time; a field by a linear map at its own rate,
    each column of which then covers `hop` positions. As the map is linear, this is exact for a field whose columns are
    repeated. The outputs of `slow`, which read the same input, are concatenated to the field.

    The weights of all layers form one tensor per kind, so that an optimiser handles few tensors and sampling can use
    them together.

    Args:
        width: R.
        gates: G.
        outputs: S.
        dilations: one for each layer.
        kernel: k.
        vector: channels of `context.vector`; 0 if it is not used.
        field: channels of `context.field`; 0 if it is not used.
        slow: context stacks.

    Example:
        >>> stack = GatedStack(width=4, gates=4, outputs=6, dilations=[1, 2, 4, 8], vector=2)
        >>> stack.reach
        15
        >>> stack(torch.zeros(1, 20, 4), Context(vector=torch.ones(1, 2)))[0].shape
        torch.Size([1, 20, 6])
    """

    def __init__(
        self,
        width: int,
        gates: int,
        outputs: int,
        dilations: Sequence[int],
        kernel: int = 2,
        vector: int = 0,
        field: int = 0,
        slow: Sequence[Slow] = (),
    ) -> None:
        super().__init__()
        self.width, self.gates, self.kernel, self.dilations = width, gates, kernel, tuple(dilations)
        layers, several = len(self.dilations), len(self.dilations) - 1
        self.taps = _uniform((layers, kernel, width, 2 * gates), kernel * width)
        self.bias = nn.Parameter(torch.zeros(layers * 2 * gates))
        self.residual = _uniform((several, gates, width), gates)
        self.skip = _uniform((layers * gates, outputs), layers * gates)
        self.skip_bias = nn.Parameter(torch.zeros(outputs))
        self.slow = nn.ModuleList(slow)
        self.field_width, joint = field, field + sum(each.width for each in slow)
        # from zero: random labels would tilt every gate, and the first epochs would go into undoing that
        self.vector = nn.Parameter(torch.zeros(vector, layers * 2 * gates)) if vector else None
        self.field = _uniform((layers, joint, 2 * gates), joint) if joint else None
        if self.field is not None:
            with torch.no_grad():
                self.field[:, field:] = 0  # likewise for untrained context stacks
        self.rings = tuple((kernel - 1) * d for d in self.dilations)  # frames per layer

    @property
    def reach(self) -> int | None:
        """(k − 1) · Σ dilations, or more with a context stack, which enters after the first layer's taps."""
        own = (self.kernel - 1) * sum(self.dilations)
        furthest = own
        for each in self._slow():
            if each.reach is None:
                return None
            furthest = max(furthest, own - (self.kernel - 1) * self.dilations[0] + each.reach)
        return furthest

    def sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """Layer by layer; fields enter after the taps of the first layer."""
        later = self.field_sight(steps)
        seen = through(later, self._taps(steps, self.dilations[0]))
        for each in self._slow():
            seen = seen | through(later, each.sight(steps))
        return seen

    def field_sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """[t, s]: whether frame t depends on what the field holds at position s."""
        seen = torch.eye(steps, dtype=torch.bool)
        for dilation in self.dilations[1:]:
            seen = through(self._taps(steps, dilation), seen)
        return seen

    def _taps(self, steps: int, dilation: int) -> Tensor:
        lags = torch.arange(steps)[:, None] - torch.arange(steps)
        return (lags >= 0) & (lags <= (self.kernel - 1) * dilation) & (lags % dilation == 0)

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        """Rings of zeros, and the vector's contribution."""
        frames = self.taps.new_zeros(sum(self.rings), batch, self.width).transpose(0, 1)
        if self.field_width and context.field is None:
            raise ValueError("this model reads context.field, but there is none")
        field = context.field if self.field_width else None
        kept = Fixed((self._vector(context), field, context.hop, context.offset))
        return Rings(frames, 0, kept, tuple(each.start(batch, context, length) for each in self._slow()))

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, R) -> (B, T, S)."""
        if x.shape[1] == 0:
            return x.new_zeros(x.shape[0], 0, len(self.skip_bias)), state
        length = x.shape[1]
        if state is not None and not torch.is_grad_enabled():
            if length == 1:
                return self._step(x, context, state)
            vector, field, hop, offset = state.fixed.nest
            outer = Context(field=field, hop=hop, offset=offset).window(state.clock, state.clock + length)
        else:
            vector, outer = self._vector(context), context
        fields = [outer.window(0, length)] if self.field_width else []
        if self.field_width and outer.field is None:
            raise ValueError("this model reads context.field, but there is none")
        slow: list[State] = []
        for i, each in enumerate(self._slow()):
            before = None if state is None else state.slow[i]
            columns, after = each.columns(x, context, before)
            fields.append(Context(field=columns, hop=each.hop, offset=0 if before is None else before.clock % each.hop))
            slow.append(after)
        together = joined(fields, length) if fields else EMPTY
        bias = self.bias.view(1, len(self.dilations), -1)
        bias = bias if vector is None else bias + vector
        past = () if state is None else self._unrolled(state)
        y, past = self._run(x, past, together, bias)
        return y + self.skip_bias.to(y.dtype), None if state is None else self._rolled(past, state, length, tuple(slow))

    def _run(
        self, x: Tensor, past: tuple[Tensor, ...], context: Context, bias: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """`gates.run` in the precision of autocast, which does not apply to in-place operations by itself."""
        field = context.field
        weights = Weights(self.taps, bias, self.field, self.residual, self.skip)
        kind = x.device.type
        if torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
            x, past = x.to(dtype), tuple(each.to(dtype) for each in past)
            field = None if field is None else field.to(dtype)
            weights = weights.to(dtype)
        sizes = Sizes(self.dilations, context.hop, context.offset, torch.is_grad_enabled())
        with torch.autocast(kind, enabled=False):
            return run(x, past, field, weights, sizes)

    def _step(self, x: Tensor, context: Context, state: Rings) -> tuple[Tensor, State]:
        """One frame: the past taps of all layers at once, then layer by layer."""
        batch, layers = x.shape[0], len(self.dilations)
        at = self.slots(state.clock, 1)[0]
        taps, u = halves(self.taps, 2, 1), self.conditions(state).transpose(0, 1)
        for j, slots in enumerate(at, 1):
            u = torch.baddbmm(u, state.frames.index_select(1, slots).transpose(0, 1), taps[:, j])
        z, h, inputs = x.new_empty(batch, layers * self.gates), x[:, 0], list[Tensor]()
        for i in range(layers):
            inputs.append(h)
            s = torch.addmm(u[i], h, taps[i, 0]).sigmoid_()
            here = gate(s, z[:, i * self.gates : (i + 1) * self.gates])
            if i < layers - 1:
                h = torch.addmm(h, here, self.residual[i], alpha=-1)
        state.frames.index_copy_(1, at[-1], torch.stack(inputs, 1))
        y = torch.addmm(self.skip_bias, z, self.skip, alpha=-1)
        return y[:, None], self.advance(x, context, state)

    def advance(self, x: Tensor, context: Context, state: Rings) -> Rings:
        """The state some frames later, except for the rings: the context stacks read the frames x (B, T, R)."""
        slow = tuple(each.columns(x, context, s)[1] for each, s in zip(self._slow(), state.slow, strict=True))
        return state._replace(clock=state.clock + x.shape[1], slow=slow)

    def conditions(self, state: Rings) -> Tensor:
        """(B, L, 2G): the biases plus what the conditions add at the clock, scaled by `halves`."""
        vector, field, hop, offset = state.fixed.nest
        bias = self.bias.view(1, len(self.dilations), -1).expand(state.frames.shape[0], -1, -1)
        fields: list[Tensor] = []
        if self.field_width:
            column = (offset + state.clock) // hop
            if column >= field.shape[1]:
                raise ValueError(f"position {state.clock} of a field that holds {field.shape[1] * hop - offset}")
            fields.append(field[:, column])
        fields += [each.held for each in state.slow]
        if vector is not None:
            bias = bias + vector
        if fields and self.field is not None:
            bias = bias + torch.matmul(torch.cat(fields, 1), self.field).transpose(0, 1)
        return halves(bias, 2, 1)

    def conditioned(self, state: Rings, context: Context) -> Rings:
        """The state with another field, whose positions begin at the clock; the vector stays."""
        fixed = Fixed((state.fixed.nest[0], context.field, context.hop, context.offset - state.clock))
        return state._replace(fixed=fixed)

    def slots(self, clock: int, count: int) -> Tensor:
        """(count, k − 1, L): slots in `frames` of the layers' past taps at `count` successive clocks, nearest first.

        A layer's last one is its oldest frame, which the current frame replaces.
        """
        clocks = torch.arange(clock, clock + count)[:, None, None]
        back = torch.arange(1, self.kernel)[:, None] * torch.tensor(self.dilations)
        sizes = torch.tensor(self.rings)
        return ((clocks - back) % sizes + sizes.cumsum(0) - sizes).to(self.taps.device)

    def _unrolled(self, state: Rings) -> tuple[Tensor, ...]:
        """Each layer's past, oldest frame first."""
        each = zip(state.frames.split(self.rings, 1), self.rings, strict=True)
        return tuple(ring.roll(-(state.clock % size), 1) for ring, size in each)

    def _rolled(self, past: tuple[Tensor, ...], state: Rings, length: int, slow: tuple[State, ...]) -> Rings:
        clock = state.clock + length
        rings = [each.roll(clock % size, 1) for each, size in zip(past, self.rings, strict=True)]
        return Rings(torch.cat(rings, 1), clock, state.fixed, slow)

    def stacks(self) -> Mapping[str, Stack]:
        """Layer by layer, and of what enters a gate its two halves each."""
        layers, k, r, g = len(self.dilations), self.kernel, self.width, self.gates
        said = {
            "taps": Stack((layers, k, r, 2, g), (0, 3, 4, 1, 2), lead=2),
            "residual": Stack((layers - 1, g, r), (0, 2, 1)),
            "skip": Stack((layers, g, len(self.skip_bias)), (0, 2, 1)),
        }
        if self.vector is not None:
            said["vector"] = Stack((len(self.vector), 2 * layers, g), (1, 2, 0))
        if self.field is not None:
            said["field"] = Stack((layers, self.field.shape[1], 2, g), (0, 2, 3, 1), lead=2)
        return said

    def _slow(self) -> list[Slow]:
        return [each for each in self.slow if isinstance(each, Slow)]

    def _vector(self, context: Context) -> Tensor | None:
        if self.vector is None:
            return None
        if context.vector is None:
            raise ValueError("this model reads context.vector, but there is none")
        return (context.vector @ self.vector).view(context.vector.shape[0], len(self.dilations), -1)


def _uniform(shape: tuple[int, ...], fan: int) -> nn.Parameter:
    """A weight initialised as in `nn.Linear`."""
    bound = 1 / math.sqrt(fan)
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
