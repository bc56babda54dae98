"""Causal self-attention with rotary positions, grouped queries and a cache; and cross-attention to a memory.

Vaswani et al. (2017); rotary positions as in Su et al. (2021), in Llama's half-split layout; grouped queries as in
Ainslie et al. (2023). Shapes: B batch, T new frames, S frames seen so far, H heads, G key heads, D channels per head.
"""

from __future__ import annotations

import math
from typing import NamedTuple, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seriatim.causal.base import Causal
from seriatim.context import EMPTY, Context
from seriatim.tree import Fixed, State


class Cache(NamedTuple):
    """Keys and values (B, G, capacity, D), of which the first `clock` are filled."""

    k: Tensor
    v: Tensor
    clock: int

    def pick(self, rows: Tensor) -> Cache:
        """The given rows of the filled part; reserved room is not copied."""
        return Cache(
            self.k.narrow(2, 0, self.clock).index_select(0, rows),
            self.v.narrow(2, 0, self.clock).index_select(0, rows),
            self.clock,
        )


class Position(NamedTuple):
    """A clock alone: the state of a layer that has no other past."""

    clock: int


def rotary_table(start: int, stop: int, channels: int, base: float, like: Tensor) -> tuple[Tensor, Tensor]:
    """cos and sin (T, channels) at positions start..stop-1, with identical halves, in the dtype of `like`.

    Angles are computed in float64 where there is one: in float32 that of position 8,192 is 5e-5 off, and what attention
    averages there changes by a thousandth; in half precision position 2,049 equals position 2,048.
    """
    exact = torch.float32 if like.device.type == "mps" else torch.float64
    frequency = base ** -(torch.arange(0, channels, 2, device=like.device, dtype=exact) / channels)
    angle = torch.arange(start, stop, device=like.device, dtype=exact)[:, None] * frequency
    cos, sin = angle.cos().to(like.dtype), angle.sin().to(like.dtype)
    return torch.cat([cos, cos], 1), torch.cat([sin, sin], 1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the pairs (x_i, x_(i + D/2)) of x (..., T, D) by their angles."""
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


def extend(cache: Cache, k: Tensor, v: Tensor) -> Cache:
    """Append new keys and values (B, G, T, D) to the cache.

    Without gradients they are written in place; a full cache doubles its capacity. With gradients, by `cat`.
    """
    start, stop = cache.clock, cache.clock + k.shape[2]
    if torch.is_grad_enabled():
        return Cache(torch.cat([cache.k[:, :, :start], k], 2), torch.cat([cache.v[:, :, :start], v], 2), stop)
    if stop > cache.k.shape[2]:
        room = list(cache.k.shape)
        room[2] = max(stop, 2 * room[2])
        old, cache = cache, Cache(cache.k.new_empty(room), cache.v.new_empty(room), start)
        cache.k[:, :, :start], cache.v[:, :, :start] = old.k[:, :, :start], old.v[:, :, :start]
    cache.k.narrow(2, start, k.shape[2]).copy_(k)  # one operation; indexing with three slices is three
    cache.v.narrow(2, start, k.shape[2]).copy_(v)
    return Cache(cache.k, cache.v, stop)


@final
class Attention(Causal):
    """Each frame attends to itself and to all frames before it.

    Args:
        width: channels in and out.
        heads: query heads H, a divisor of `width`.
        key_heads: key and value heads G, a divisor of H.
        rotary: base of the rotary frequencies.
        dropout: dropout rate of the attention weights.

    Example:
        >>> layer, x = Attention(width=8, heads=4, key_heads=2), torch.randn(1, 5, 8)
        >>> y, _ = layer(x)
        >>> with torch.no_grad():
        ...     prompt, state = layer(x[:, :4], EMPTY, layer.start(1, length=5))
        ...     last, state = layer(x[:, 4:], EMPTY, state)
        >>> torch.allclose(y[:, 4:], last, atol=1e-6)
        True
    """

    def __init__(self, width: int, heads: int, key_heads: int, rotary: float = 10000.0, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.key_heads, self.channels = heads, key_heads, width // heads
        self.rotary, self.dropout = rotary, dropout
        self.query = nn.Linear(width, heads * self.channels, bias=False)
        self.key = nn.Linear(width, key_heads * self.channels, bias=False)
        self.value = nn.Linear(width, key_heads * self.channels, bias=False)
        self.out = nn.Linear(heads * self.channels, width, bias=False)

    @property
    def reach(self) -> None:
        """All of the past."""
        return

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """An empty cache with room for `length` frames; it grows if more come. Default: 64."""
        weight = self.key.weight
        shape = (batch, self.key_heads, 64 if length is None else length, self.channels)
        return Cache(weight.new_empty(shape), weight.new_empty(shape), 0)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:  # noqa: ARG002
        """(B, T, C) -> (B, T, C)."""
        batch, length = x.shape[:2]
        clock = 0 if state is None else state.clock
        q = self.query(x).view(batch, length, self.heads, self.channels).transpose(1, 2)
        k = self.key(x).view(batch, length, self.key_heads, self.channels).transpose(1, 2)
        v = self.value(x).view(batch, length, self.key_heads, self.channels).transpose(1, 2)
        cos, sin = rotary_table(clock, clock + length, self.channels, self.rotary, q)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if state is not None:
            state = extend(state, k, v)
            k, v = state.k[:, :, : state.clock], state.v[:, :, : state.clock]
        mask = None
        if clock and length > 1:  # a chunk after a past: row i sees the past and the chunk up to i
            ones = torch.ones(length, clock + length, dtype=torch.bool, device=x.device)
            mask = ones.tril(clock)
        y = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask,
            is_causal=mask is None and length > 1,
            dropout_p=self.dropout if self.training else 0.0,
            enable_gqa=self.key_heads != self.heads,
        )
        return self.out(y.transpose(1, 2).flatten(2)), state


@final
class CrossAttention(Causal):
    """Each frame attends to `context.memory` (B, M, memory_width), whose keys `start` projects once for a whole walk.

    Slots masked out by `context.mask` get no weight; a row with no slot left gets zeros. If there are fewer memories
    than rows, each belongs to equally many adjacent rows, the beams of one source; these are treated as frames of one
    row, so they share its keys.

    Args:
        width: channels in and out.
        memory_width: channels of the memory.
        heads: attention heads, a divisor of `width`.
        dropout: dropout rate of the attention weights.

    Example:
        >>> layer = CrossAttention(width=8, memory_width=6, heads=2)
        >>> source = Context(memory=torch.randn(1, 3, 6), mask=torch.tensor([[True, True, False]]))
        >>> layer(torch.randn(1, 5, 8), source)[0].shape
        torch.Size([1, 5, 8])
        >>> layer.weights(torch.randn(1, 5, 8), source)[0, 0, :, 2].tolist()  # the slot that is masked
        [0.0, 0.0, 0.0, 0.0, 0.0]
    """

    def __init__(self, width: int, memory_width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.channels, self.dropout = heads, width // heads, dropout
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(memory_width, width, bias=False)
        self.value = nn.Linear(memory_width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    @property
    def reach(self) -> int:
        """0: no other frame, only the memory."""
        return 0

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """The memory's keys, values and mask."""
        return Fixed(self._project(context))

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, C) -> (B, T, C)."""
        ready = state is not None and not torch.is_grad_enabled()
        k, v, mask = state.nest if state is not None and ready else self._project(context)
        return self.out(self.attend(self.query(x), k, v, mask)), state

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        """Queries (B, T, C) attend to what `start` projected -> (B, T, C), before the output projection."""
        shape = q.shape
        q = q.reshape(k.shape[0], -1, self.heads, self.channels).transpose(1, 2)
        dropout = self.dropout if self.training else 0.0
        if mask is None:
            y = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
        else:  # softmax over an empty set is NaN: let a fully masked row see everything, then zero it
            some = mask.any(-1, keepdim=True)
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask | ~some, dropout_p=dropout) * some
        return y.transpose(1, 2).reshape(shape)

    @torch.no_grad()
    def weights(self, x: Tensor, context: Context) -> Tensor:
        """(B, H, T, M): attention of each frame of x (B, T, C) to each slot of the memory; sums to 1 over the slots.

        `forward` computes it inside a fused kernel; this is for inspection.
        """
        k, _, mask = self._project(context)
        q = self.query(x).view(*x.shape[:2], self.heads, self.channels).transpose(1, 2)
        scores = q @ k.transpose(2, 3) / math.sqrt(self.channels)
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        return scores.softmax(-1).nan_to_num()

    def _project(self, context: Context) -> tuple[Tensor, Tensor, Tensor | None]:
        memory = context.memory
        if memory is None:
            raise ValueError("this model reads context.memory, but there is none")
        batch, slots = memory.shape[:2]
        k = self.key(memory).view(batch, slots, self.heads, self.channels).transpose(1, 2)
        v = self.value(memory).view(batch, slots, self.heads, self.channels).transpose(1, 2)
        mask = None if context.mask is None else context.mask[:, None, None, :]
        return k, v, mask
