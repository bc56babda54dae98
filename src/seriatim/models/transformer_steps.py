"""Steps of a Transformer: with folded weights, and compiled.

Shapes: B rows, L layers, W channels, H query heads and G key heads of D channels, F feed-forward channels, K symbols.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, cast, final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from seriatim.causal import CrossAttention, Embedding, Pointwise, Serial
from seriatim.causal.attention import Cache, extend, rotary_table
from seriatim.context import spread
from seriatim.models.compiled import Compiled, array, check_rows
from seriatim.models.sequence import Folded, Position, SequenceModel, columns
from seriatim.tree import State


class Held(NamedTuple):
    """A block's state."""

    attention: Cache
    memory: State


class _Cross(NamedTuple):
    """Folded weights of a cross-attention layer."""

    layer: CrossAttention
    query: Tensor
    out: Tensor


class _Layer(NamedTuple):
    """Folded weights of a block."""

    qkv: Tensor
    out: Tensor
    cross: _Cross | None
    gate_up: Tensor
    down: Tensor


class Packed(Folded):
    """Steps of a Transformer with folded weights: 14 small operations per layer and one pass over the weights."""

    def __init__(self, model: SequenceModel) -> None:
        config = model.config
        super().__init__(model)
        self.config = config
        self.channels = config.width // config.heads
        parts = cast(Serial, model.net).layers
        names = list(parts)  # the net's state has a part for each
        self.inject = names.index("inject") if config.vector else None
        self.blocks = names.index("blocks")
        with torch.no_grad():
            self.layers = [self._fold(block) for block in cast(Serial, parts["blocks"]).layers.values()]
            norm = cast(nn.RMSNorm, cast(Pointwise, parts["norm"]).module)
            out = cast(nn.Linear, cast(Pointwise, parts["out"]).module)
            gain = math.sqrt(config.width)
            self.out = columns(out.weight * norm.weight * gain)
            self.floor = out.weight.new_tensor(math.sqrt(config.width * config.epsilon))
            self.symbols = cast(Embedding, model.embedding).table.weight.clone()
        self._turns: tuple[Tensor, Tensor] = (self.symbols.new_zeros(0, 0), self.symbols.new_zeros(0, 0))

    def _fold(self, block: Any) -> _Layer:
        a, c, f = block.attention, block.memory, block.feed_forward
        query = a.query.weight / math.sqrt(self.channels)
        gain = math.sqrt(self.config.width)
        qkv = torch.cat([query, a.key.weight, a.value.weight]) * (block.attention_norm.weight * gain)
        gate_up = torch.cat([f.gate.weight, f.up.weight]) * (block.feed_forward_norm.weight * gain)
        cross = None
        if c is not None and block.memory_norm is not None:
            query = c.query.weight * (block.memory_norm.weight * gain)
            cross = _Cross(c, columns(query), columns(c.out.weight))
        return _Layer(columns(qkv), columns(a.out.weight), cross, columns(gate_up), columns(f.down.weight))

    def _unit(self, x: Tensor) -> Tensor:
        """x / √(|x|² + width · ε): a norm without its gain and √width, which are folded into the matrices."""
        return x / torch.hypot(torch.linalg.vector_norm(x, dim=1, keepdim=True), self.floor)

    def _table(self, stop: int) -> tuple[Tensor, Tensor]:
        """cos, and sin with the sign of the half-split rotation, for positions up to `stop`."""
        turns = self._turns
        if turns[0].shape[0] < stop:  # what this makes is returned, whatever another thread stores meanwhile
            cos, sin = rotary_table(0, max(2 * stop, 256), self.channels, self.config.rotary, self.symbols)
            half = self.channels // 2
            self._turns = turns = cos, torch.cat([-sin[:, :half], sin[:, half:]], 1)
        return turns

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) -> logits (B, K)."""
        if state.clock == 0:
            prev = torch.full_like(prev, self.first)
        c = self.config
        batch, heads, groups, channels = prev.shape[0], c.heads, c.groups, self.channels
        states = list(state.net)
        x = self.symbols[prev]
        if self.inject is not None:
            injected = states[self.inject]
            x = x + spread(injected.fixed.nest[0], batch)
            states[self.inject] = injected._replace(clock=injected.clock + 1)
        held: list[Held] = list(states[self.blocks])
        clock = held[0].attention.clock
        cos_all, sin_all = self._table(clock + 1)
        cos, sin = cos_all[clock], sin_all[clock]
        for i, layer in enumerate(self.layers):
            cache, memory = held[i]
            qkv = torch.mm(self._unit(x), layer.qkv).view(batch, heads + 2 * groups, channels)
            qk = qkv[:, : heads + groups]
            qk = torch.addcmul(qk * cos, qk.roll(channels // 2, -1), sin)
            cache = extend(cache, qk[:, heads:, None], qkv[:, heads + groups :, None])
            k, v = cache.k.narrow(2, 0, clock + 1), cache.v.narrow(2, 0, clock + 1)
            # a group's heads take the place of positions: each sees the whole cache, and queries are already scaled
            q = qk[:, :heads].reshape(batch, groups, heads // groups, channels)
            y = F.scaled_dot_product_attention(q, k, v, scale=1.0).reshape(batch, heads * channels)
            x = torch.addmm(x, y, layer.out)
            if layer.cross is not None:
                q = torch.mm(self._unit(x), layer.cross.query)
                y = layer.cross.layer.attend(q[:, None], *memory.nest)
                x = torch.addmm(x, y[:, 0], layer.cross.out)
            gate, up = torch.mm(self._unit(x), layer.gate_up).chunk(2, 1)
            x = torch.addmm(x, F.silu(gate).mul_(up), layer.down)
            held[i] = Held(cache, memory)
        states[self.blocks] = tuple(held)
        return torch.mm(self._unit(x), self.out), Position(state.clock + 1, tuple(states))


@final
class Native(Compiled, Packed):
    """The whole step in one compiled call, and runs of steps with their draws.

    The caches of all layers lie in one array, of which the state's tensors are views; where they are not, after a
    prompt or a selection of rows, they are copied into a new one once.
    """

    def __init__(self, model: SequenceModel) -> None:
        super().__init__(model)
        from seriatim.kernels.native import transformer  # imports numba

        self._kernels, layers = transformer, self.layers
        crosses = [layer.cross for layer in layers if layer.cross is not None]
        none, scale = self.symbols.new_zeros(0, 1, 1), 1 / math.sqrt(self.channels)
        self._weights = transformer.Weights(
            table=array(self.symbols),
            qkv=_stacked([layer.qkv for layer in layers]),
            out=_stacked([layer.out for layer in layers]),
            cross_query=_stacked([each.query * scale for each in crosses]) if crosses else array(none),
            cross_out=_stacked([each.out for each in crosses]) if crosses else array(none),
            gate_up=_stacked([layer.gate_up for layer in layers]),
            down=_stacked([layer.down for layer in layers]),
            last=array(self.out),
        )
        self._source: tuple[Any, Any] = (None, None)  # a memory, and its arrays
        self.layers = []  # what is in the arrays is not kept twice

    def draw(
        self, prev: NDArray[Any], state: Position, noise: NDArray[Any], heat: float, out: NDArray[Any]
    ) -> tuple[Any, Position]:
        """As many positions as `out` (B, n) has, at least one, and the state after them."""
        rows, count, states = len(prev), max(1, out.shape[1]), list(state.net)
        added = self.symbols.new_zeros(rows, self.symbols.shape[1])
        if self.inject is not None:
            injected = states[self.inject]
            added = added + spread(injected.fixed.nest[0], rows)
            states[self.inject] = injected._replace(clock=injected.clock + count)
        held: list[Held] = list(states[self.blocks])
        clock = held[0].attention.clock
        caches = _caches([each.attention for each in held], clock + count)
        cos, sin = self._table(clock + count)
        check_rows(rows, len(added))
        past = self._kernels.Past(caches.detach().numpy(), clock, array(cos), array(sin), *self._memory(held, rows))
        room = self._kernels.room(self._weights, rows, max(caches.shape[4], past.keys.shape[3]))
        self._kernels.run(self._weights, prev, array(added), past, float(self.floor), room, noise, heat, out)
        states[self.blocks] = tuple(
            Held(Cache(k, v, clock + count), each.memory) for (k, v), each in zip(caches, held, strict=True)
        )
        return room, Position(state.clock + count, tuple(states))

    def _memory(self, held: list[Held], rows: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Keys and values (L, M, H, S, D) of the source, and which slots are there (M, S)."""
        if not self._weights.cross_query.shape[0]:
            none = np.zeros((0, 1, 1, 1, 1), self._weights.table.dtype)
            return none, none, np.zeros((1, 1), np.bool_)
        source, found = self._source
        if source is not held[0].memory:  # the memory of a walk stays the same one from step to step
            keys, values, masks = zip(*[each.memory.nest for each in held], strict=True)
            k, v = _stacked(keys), _stacked(values)
            mask = np.ones((k.shape[1], k.shape[3]), np.bool_) if masks[0] is None else array(masks[0][:, 0, 0])
            found = k, v, np.broadcast_to(mask, (k.shape[1], k.shape[3])).copy()
            self._source = held[0].memory, found
        memories = found[0].shape[1]
        if rows and (not memories or rows % memories):  # each source is for equally many rows, the beams
            check_rows(rows, memories)
        return found


def _stacked(tensors: Sequence[Tensor]) -> NDArray[Any]:
    return array(torch.stack([each.contiguous() for each in tensors]))


def _caches(parts: list[Cache], room: int) -> Tensor:
    """(L, 2, B, G, capacity, D) with what is filled of every layer's, and place for `room` positions."""
    first, clock = parts[0].k, parts[0].clock
    batch, groups, capacity, channels = first.shape
    shape, size = (len(parts), 2, batch, groups, capacity, channels), first.numel()
    tensors, storage = [x for each in parts for x in (each.k, each.v)], first.untyped_storage().data_ptr()
    if room <= capacity and all(
        x.untyped_storage().data_ptr() == storage
        and x.shape == first.shape
        and x.is_contiguous()
        and x.storage_offset() == first.storage_offset() + i * size
        for i, x in enumerate(tensors)
    ):
        steps = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
        return first.as_strided(shape, steps, first.storage_offset())
    if room > capacity:
        shape = (*shape[:4], max(room, 2 * capacity), channels)
    made = first.new_zeros(shape)
    for x, place in zip(tensors, made.flatten(0, 1), strict=True):
        place[:, :, :clock] = x[:, :, :clock]
    return made
