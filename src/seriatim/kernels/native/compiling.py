"""Compilation by numba, of a function without the type checks that tests add."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config

from seriatim.kernels.native.kept import folder

F = TypeVar("F", bound=Callable[..., Any])

_FLAGS = {"contract"}  # a · b + c may be one operation; nothing is reordered


def kernel(function: F) -> F:
    """Compile at the first call, or load what was compiled before."""
    place = folder()
    with _kept_in(place):
        options: dict[str, Any] = {"error_model": "numpy", "fastmath": _FLAGS, "nogil": True}
        return cast(F, numba.njit(cache=place is not None, **options)(inspect.unwrap(function)))


def part(function: F) -> F:
    """Compile into the kernels that call it."""
    options: dict[str, Any] = {"error_model": "numpy", "fastmath": _FLAGS}
    return cast(F, numba.njit(**options)(inspect.unwrap(function)))


def summing(function: F) -> F:
    """Like `part`, for a sum whose terms may be added in any order: vector instructions add eight at once."""
    options: dict[str, Any] = {"error_model": "numpy", "fastmath": _FLAGS | {"reassoc"}}
    return cast(F, numba.njit(**options)(inspect.unwrap(function)))


@contextmanager
def _kept_in(place: Path | None) -> Generator[None]:
    """numba asks for its folder when a function is declared."""
    settings: Any = config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = str(place or "")
    try:
        yield
    finally:
        settings.CACHE_DIR = before
