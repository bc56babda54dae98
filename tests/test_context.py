"""What a model may look at besides x, and windows of it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from torch.utils import _pytree as pytree

from seriatim.conditioning.track import TrackConfig, TrackEncoder
from seriatim.context import EMPTY, Context


def numbered(columns: int, hop: int, offset: int) -> Context:
    """A field whose columns are their own numbers."""
    return Context(field=torch.arange(float(columns)).view(1, columns, 1), hop=hop, offset=offset)


@given(
    columns=st.integers(1, 6),
    hop=st.integers(1, 4),
    offset=st.integers(0, 3),
    cuts=st.tuples(*[st.integers(0, 24)] * 4),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_windows_of_windows_hold_what_the_whole_holds(
    columns: int, hop: int, offset: int, cuts: tuple[int, ...]
) -> None:
    offset %= hop
    context = numbered(columns, hop, offset)
    held = columns * hop - offset
    brute = [(t + offset) // hop for t in range(held)]
    assert context.columns(held).flatten().tolist() == brute
    a, b, c, d = sorted(min(cut, held) for cut in cuts)
    outer = context.window(a, d)
    assert outer.columns(d - a).flatten().tolist() == brute[a:d]
    inner = outer.window(b - a, c - a)
    assert inner.columns(c - b).flatten().tolist() == brute[b:c]
    assert 0 <= inner.offset < hop


def test_a_window_beyond_the_end_raises() -> None:
    context = numbered(3, hop=2, offset=1)
    assert context.window(0, 5).field is not None
    for start, stop in ((0, 6), (5, 7), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match=f"positions {start}..{stop} of a field that holds 5"):
            context.window(start, stop)
    with pytest.raises(ValueError, match="6 positions of a field that holds 5"):
        context.columns(6)


def test_a_model_that_reads_a_field_needs_one() -> None:
    with pytest.raises(ValueError, match="there is none"):
        EMPTY.columns(3)


def test_windows_leave_what_is_global_alone() -> None:
    context = Context(vector=torch.ones(2, 3), memory=torch.ones(2, 4, 1))
    assert context.window(3, 9) is context
    with_field = Context(vector=torch.ones(2, 3), field=torch.ones(2, 5, 1))
    assert with_field.window(1, 2).vector is with_field.vector


def test_select_takes_rows_of_everything() -> None:
    rows = torch.tensor([1, 1, 0])
    context = Context(
        vector=torch.rand(2, 3), field=torch.rand(2, 4, 1), memory=torch.rand(2, 5, 2),
        mask=torch.rand(2, 5) < 0.5, hop=3, offset=1,
    )  # fmt: skip
    picked = context.select(rows)
    for name, value in vars(context).items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(getattr(picked, name), value[rows]), name
        else:
            assert getattr(picked, name) == value, name


def test_empty() -> None:
    assert EMPTY.empty
    assert Context(hop=3).empty
    for name, shape in {"vector": (1, 2), "field": (1, 2, 3), "memory": (1, 2, 3)}.items():
        assert not Context(**{name: torch.zeros(shape)}).empty
    assert not Context(mask=torch.ones(1, 2, dtype=torch.bool)).empty


def test_it_is_a_pytree() -> None:
    context = Context(vector=torch.ones(2, 3), field=torch.ones(2, 4, 1), hop=2, offset=1)
    doubled = pytree.tree_map(lambda x: None if x is None else 2 * x, context)
    assert (doubled.hop, doubled.offset) == (2, 1)
    assert doubled.mask is None
    for name in ("vector", "field"):
        assert torch.equal(getattr(doubled, name), 2 * getattr(context, name))


def test_shapes_of_a_functions_arguments_agree_while_annotations_are_executed() -> None:
    frames = TrackEncoder(channels=2, hop=4, config=TrackConfig(filters=3)).frames
    frames(torch.zeros(2, 5, 2), torch.ones(2, 5, dtype=torch.bool))
    with pytest.raises(TypeCheckError, match="there"):
        frames(torch.zeros(2, 5, 2), torch.ones(2, 4, dtype=torch.bool))


def test_rows_that_do_not_agree_are_refused_while_annotations_are_executed() -> None:
    with pytest.raises(TypeCheckError):
        Context(vector=torch.ones(2, 3), memory=torch.ones(3, 4, 1))
    with pytest.raises(TypeCheckError):
        Context(memory=torch.ones(2, 4, 1), mask=torch.ones(2, 5, dtype=torch.bool))
