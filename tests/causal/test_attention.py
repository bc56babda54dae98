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
from textbook import Loop, cross_attention, named, self_attention, slots_of


def row_by_row(one: Callable[[Tensor], list[Tensor]]) -> Loop:
    return lambda x: torch.stack([torch.stack(one(row)) for row in x])


@pytest.mark.parametrize("key_heads", [1, 2, 4])
def test_it_is_the_textbook_s(key_heads: int) -> None:
    layer = wake(Attention(16, 4, key_heads, rotary=100.0))
    loop = row_by_row(lambda x: self_attention(named(layer), list(x), 4, key_heads, 100.0))
    equals(layer, loop, torch.randn(2, 6, 16))


def test_a_memory_is_attended_to_as_in_the_textbook() -> None:
    layer = wake(CrossAttention(8, 6, 2))
    memory, mask = torch.randn(3, 3, 6), torch.tensor([[True, False, True], [True, True, True], [False] * 3])
    slots = iter([slots_of(*each) for each in zip(memory, mask, strict=True)])

    def one(x: Tensor) -> list[Tensor]:
        mine = next(slots)
        return [cross_attention(named(layer), frame, mine, 2) for frame in x]

    equals(layer, row_by_row(one), torch.randn(3, 4, 8), given=Context(memory=memory, mask=mask))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_far_positions_differ_in_half_precision(dtype: torch.dtype) -> None:
    cos, sin = rotary_table(2048, 2052, 2, 10000.0, torch.zeros(1, dtype=dtype))
    for i, t in enumerate(range(2048, 2052)):
        assert float(cos[i, 0]) == pytest.approx(math.cos(t), abs=4e-3)
        assert float(sin[i, 0]) == pytest.approx(math.sin(t), abs=4e-3)
