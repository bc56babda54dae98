"""States are nests, and these are the few things one does with a nest."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from seriatim import tree
from seriatim.tree import Fixed, State


class Cell(NamedTuple):
    h: Tensor
    c: Tensor | None


def nest(rows: int = 3, clock: int = 4) -> State:
    base = torch.arange(rows * 2.0).view(rows, 2)
    return (Cell(base, None), (Fixed((base + 10, None)), clock), (), base + 20)


def flat(state: State) -> list[list[float]]:
    return [leaf.flatten().tolist() for leaf in tree.leaves(state)]


def test_map_keeps_the_kinds_and_the_clocks() -> None:
    state = nest()
    doubled = tree.map(lambda x: 2 * x, state)
    assert isinstance(doubled[0], Cell)
    assert doubled[0].c is None
    assert isinstance(doubled[1][0], Fixed)
    assert tree.clocks(doubled) == tree.clocks(state) == [4]
    assert flat(doubled) == [[2 * v for v in leaf] for leaf in flat(state)]


def test_map_over_several() -> None:
    total = tree.map(lambda a, b: a + b, nest(), nest())
    assert flat(total) == [[2 * v for v in leaf] for leaf in flat(nest())]


def test_different_clocks_or_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="clocks differ"):
        tree.map(torch.add, nest(clock=4), nest(clock=5))
    with pytest.raises(ValueError, match="different shapes"):
        tree.map(lambda a, b: a + b, (torch.zeros(1),), (torch.zeros(1), torch.zeros(1)))


def test_detach_cuts_the_history() -> None:
    weight = torch.ones(2, requires_grad=True)
    state = tree.map(lambda x: x * weight, nest())
    assert all(leaf.requires_grad for leaf in tree.leaves(state))
    assert not any(leaf.requires_grad for leaf in tree.leaves(tree.detach(state)))
    assert flat(tree.detach(state)) == flat(state)


def test_fork_copies_all_but_what_is_fixed() -> None:
    state = nest()
    copy = tree.fork(state)
    assert flat(copy) == flat(state)
    assert copy[1][0] is state[1][0]
    copy[0].h.add_(1)
    copy[3].add_(1)
    assert flat(state) == flat(nest())


def test_select_takes_rows_everywhere() -> None:
    rows = torch.tensor([2, 0, 0, 1])
    picked = tree.select(nest(), rows)
    for leaf, original in zip(tree.leaves(picked), tree.leaves(nest()), strict=True):
        assert torch.equal(leaf, original[rows])
    assert tree.clocks(picked) == [4]


def test_select_may_leave_what_is_fixed() -> None:
    state, rows = nest(), torch.tensor([1, 1, 0])
    picked = tree.select(state, rows, fixed=False)
    assert picked[1][0] is state[1][0]
    assert torch.equal(picked[0].h, state[0].h[rows])


def test_rebuild_is_the_reverse_of_leaves_and_clocks() -> None:
    state = nest()
    other = [leaf + 1 for leaf in tree.leaves(state)]
    built = tree.rebuild(state, other, [9])
    assert tree.clocks(built) == [9]
    assert all(a is b for a, b in zip(tree.leaves(built), other, strict=True))
    assert isinstance(built[0], Cell)
    assert isinstance(built[1][0], Fixed)
    again = tree.rebuild(built, tree.leaves(state), tree.clocks(state))
    assert flat(again) == flat(state)
    assert tree.clocks(again) == [4]
