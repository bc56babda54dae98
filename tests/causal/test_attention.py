"""Attention against a textbook's loop over heads and positions, and rotary angles far from the start."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from seriatim.causal import Attention, CrossAttention
from seriatim.causal.attention import rotary_table
from seriatim.context import Context
from seriatim.testing import equals, wake


def turned(x: Tensor, t: int, base: float) -> Tensor:
    """Su et al. (2021), equation 34, pairs (i, i + D/2) as in Llama."""
    half, y = len(x) // 2, x.clone()
    for i in range(half):
        angle = t * base ** (-2 * i / len(x))
        y[i] = x[i] * math.cos(angle) - x[i + half] * math.sin(angle)
        y[i + half] = x[i + half] * math.cos(angle) + x[i] * math.sin(angle)
    return y


def heads(y: Tensor, count: int) -> Tensor:
    return y.unflatten(-1, (count, -1))


def textbook(layer: Attention) -> Callable[[Tensor], Tensor]:
    """Vaswani et al. (2017), equation 1, for each head, each position over those up to it; several heads share a key."""
    wq, wk, wv, wo = (each.weight.detach().double() for each in (layer.query, layer.key, layer.value, layer.out))

    def loop(x: Tensor) -> Tensor:
        y = torch.zeros(*x.shape[:2], len(wq))
        for row, frames in enumerate(x):
            q, k, v = heads(frames @ wq.T, layer.heads), heads(frames @ wk.T, layer.key_heads), frames @ wv.T
            v = heads(v, layer.key_heads)
            for t in range(len(frames)):
                answers: list[Tensor] = []
                for h in range(layer.heads):
                    g = h * layer.key_heads // layer.heads
                    query = turned(q[t, h], t, layer.rotary)
                    scores = [float(query @ turned(k[s, g], s, layer.rotary)) for s in range(t + 1)]
                    shares = (torch.tensor(scores) / math.sqrt(layer.channels)).softmax(0)
                    answers.append(shares @ v[: t + 1, g])
                y[row, t] = torch.cat(answers)
        return y @ wo.T

    return loop


@pytest.mark.parametrize("key_heads", [1, 2, 4])
def test_it_is_the_textbook_s(key_heads: int) -> None:
    layer = wake(Attention(16, 4, key_heads, rotary=100.0))
    assert isinstance(layer, Attention)
    equals(layer, textbook(layer), torch.randn(2, 6, 16))


def test_a_memory_is_attended_to_as_in_the_textbook() -> None:
    layer = wake(CrossAttention(8, 6, 2))
    assert isinstance(layer, CrossAttention)
    wq, wk, wv, wo = (each.weight.detach().double() for each in (layer.query, layer.key, layer.value, layer.out))
    memory, mask = torch.randn(2, 3, 6), torch.tensor([[True, True, False], [True, True, True]])

    def loop(x: Tensor) -> Tensor:
        y = torch.zeros(x.shape)
        for row in range(2):
            slots = memory[row][mask[row]].double()
            q, k, v = (heads(each, 2) for each in (x[row] @ wq.T, slots @ wk.T, slots @ wv.T))
            for t in range(x.shape[1]):
                shares = [(k[:, h] @ q[t, h] / 2).softmax(0) for h in range(2)]  # √4 channels
                y[row, t] = torch.cat([share @ v[:, h] for h, share in enumerate(shares)])
        return y @ wo.T

    equals(layer, loop, torch.randn(2, 4, 8), given=Context(memory=memory, mask=mask))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_far_positions_differ_in_half_precision(dtype: torch.dtype) -> None:
    cos, sin = rotary_table(2048, 2052, 2, 10000.0, torch.zeros(1, dtype=dtype))
    for i, t in enumerate(range(2048, 2052)):
        assert float(cos[i, 0]) == pytest.approx(math.cos(t), abs=4e-3)
        assert float(sin[i, 0]) == pytest.approx(math.sin(t), abs=4e-3)
