"""States are nests of tuples; these are the operations on a nest.

A nest is a tensor, an `int` clock (shared by all rows), `None`, a `Fixed`, or a tuple (named or plain) of nests.
Every tensor in it has the batch as its first axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

from torch import Tensor

State = Any  # a nest; a precise type would need a cast at every use


class Fixed(NamedTuple):
    """A read-only part of a state, such as projected conditions or the cross-attention keys of a source sentence."""

    nest: State


def _rebuild(like: tuple[Any, ...], items: list[Any]) -> tuple[Any, ...]:
    """A tuple of `items` of the same type as `like`: NamedTuples take their fields one by one."""
    return cast(Any, type(like))(*items) if hasattr(like, "_fields") else tuple(items)


def map(f: Callable[..., Tensor], state: State, *others: State) -> State:
    """Apply `f` to every tensor (and to the matching ones in `others`); clocks are kept and must agree.

    Raises:
        ValueError: if the nests differ in shape or in their clocks.
    """
    if isinstance(state, Tensor):
        return f(state, *others)
    if isinstance(state, tuple):
        nest = cast("tuple[Any, ...]", state)
        if any(len(other) != len(nest) for other in others):
            raise ValueError("nests of different shapes")
        return _rebuild(nest, [map(f, *items) for items in zip(nest, *others, strict=True)])
    if any(other != state for other in others):
        raise ValueError(f"clocks differ: {[state, *others]}; all rows of a state share one clock")
    return state


def leaves(state: State) -> list[Tensor]:
    """All tensors of a nest, in order."""
    if isinstance(state, Tensor):
        return [state]
    if isinstance(state, tuple):
        return [leaf for item in cast("tuple[Any, ...]", state) for leaf in leaves(item)]
    return []


def detach(state: State) -> State:
    """The same values without gradient history, for truncated backpropagation."""
    return map(Tensor.detach, state)


def fork(state: State) -> State:
    """A copy that may be stepped independently. `Fixed` parts are shared, not copied."""
    if isinstance(state, Tensor):
        return state.clone()
    if isinstance(state, tuple) and not isinstance(state, Fixed):
        nest = cast("tuple[Any, ...]", state)
        return _rebuild(nest, [fork(item) for item in nest])
    return state


def select(state: State, rows: Tensor, fixed: bool | Tensor = True) -> State:
    """The given rows of every tensor. A tuple with a method `pick` selects its own rows, to copy less.

    Args:
        state: a nest.
        rows: indices, repeats allowed.
        fixed: which rows of the `Fixed` parts: True for the same ones, a tensor for others (the remaining sources,
            whose beams share them), False to leave them as they are.
    """
    if isinstance(state, Tensor):
        return state.index_select(0, rows)
    if (pick := getattr(state, "pick", None)) is not None:  # isinstance with a protocol takes ten times as long
        return pick(rows)
    if isinstance(state, Fixed) and fixed is not True:
        return state if fixed is False else select(state, fixed)
    if isinstance(state, tuple):
        nest = cast("tuple[Any, ...]", state)
        return _rebuild(nest, [select(item, rows, fixed) for item in nest])
    return state


def clocks(state: State) -> list[int]:
    """All clocks of a nest, in order."""
    if isinstance(state, tuple):
        return [clock for item in cast("tuple[Any, ...]", state) for clock in clocks(item)]
    return [state] if isinstance(state, int) else []


def rebuild(like: State, tensors: Sequence[Tensor], times: Sequence[int]) -> State:
    """A nest shaped like `like` with other tensors and clocks, in the order of `leaves` and `clocks`."""
    left, ticks = iter(tensors), iter(times)

    def build(nest: State) -> State:
        if isinstance(nest, Tensor):
            return next(left)
        if isinstance(nest, tuple):
            parts = cast("tuple[Any, ...]", nest)
            return _rebuild(parts, [build(item) for item in parts])
        return next(ticks) if isinstance(nest, int) else nest

    return build(like)
