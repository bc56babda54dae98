"""Models without random numbers: their sizes before any memory is taken, and weights that a file will overwrite."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from seriatim.models import Model

_DRAWS = {"normal_", "uniform_", "trunc_normal_", "orthogonal_"}


class _Undrawn(TorchFunctionMode):
    """Functions that fill a tensor with random numbers leave it as it is.

    On the meta device they would import a compiler, which takes longer than all the rest of opening a run.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if getattr(func, "__name__", "") in _DRAWS:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


@contextmanager
def undrawn() -> Generator[None]:
    """Build models whose weights will be overwritten: nothing random is drawn, nor the caller's generator advanced."""
    with torch.random.fork_rng(devices=[]), _Undrawn():
        yield


def hollow(build: Callable[[], Model]) -> Model:
    """A model on the meta device: names, shapes and types of its tensors, and no memory."""
    with torch.device("meta"), undrawn():
        return build()
