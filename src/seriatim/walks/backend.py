"""What carries out the steps of a walk: PyTorch operations, or compiled kernels, which draw many positions at once."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor

from seriatim.kernels.native.kept import any_kept
from seriatim.tree import State
from seriatim.walks.walk import Stepper

Backend: TypeAlias = Literal["auto", "eager", "native"]
"""eager: PyTorch. native: kernels compiled by numba. auto: native where it is installed, covers the model and pays."""


class Uncovered(Exception):  # noqa: N818 (not a user error)
    """There are no native steps for a model; says why."""


@runtime_checkable
class Runner(Stepper, Protocol):
    """A stepper that draws many positions in one call; its `backend` is "native"."""

    heats: bool  # whether it knows temperatures

    def run(self, prev: Tensor, state: State, noise: Tensor, heat: float) -> tuple[Tensor, State]:
        """Steps and draws.

        Args:
            prev: (B,) or (B, P) the last position; ignored at clock 0.
            state: before it is read.
            noise: (B, T, P) float64 uniforms, one per symbol.
            heat: temperature; 1 is the model itself, 0 takes the most probable symbol.

        Returns:
            (B, T) or (B, T, P), and the state before the last position is read.
        """
        ...


_CACHED, _COMPILED = 4_000, 40_000  # from this many positions on it pays to load kernels, or to compile them
_ROWS, _ROWS_OF = 8, {"pixels": 32}  # that kernels work on; PyTorch's matrix products are faster with more


def installed() -> bool:
    """Whether numba is."""
    return importlib.util.find_spec("numba") is not None


def pays(kernels: str, positions: int, rows: int, together: bool = True) -> bool:
    """Whether native steps are faster for a number of positions.

    Args:
        kernels: the module of `seriatim.kernels.native` that has the model's; "" if there is none.
        positions: all rows together.
        rows: that are drawn together.
        together: whether many symbols may be drawn in one call. Else only a single row gains.
    """
    most = _ROWS_OF.get(kernels, _ROWS) if together else 1
    if not kernels or rows > most or positions < _CACHED or not installed():
        return False
    return positions >= _COMPILED or any_kept(kernels)


def usable(make: Callable[[], Stepper], like: Tensor) -> Stepper:
    """The native steps of a model whose parameters have this tensor's device and dtype.

    Raises:
        Uncovered: if there cannot be any.
    """
    if not installed():
        raise Uncovered("native steps need numba; pip install 'seriatim[native]'")
    if like.device.type != "cpu":
        raise Uncovered(f"native steps are for the CPU, and the model is on {like.device.type}")
    if like.dtype not in (torch.float32, torch.float64):
        raise Uncovered(f"native steps are for float32 and float64, and the weights are {like.dtype}")
    try:
        importlib.import_module("numba")
    except Exception as error:  # it is often behind Python and NumPy, and says so in its own ways
        raise Uncovered(f"numba does not load: {error}") from None
    return make()
