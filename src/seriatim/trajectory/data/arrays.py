"""Trajectories in memory: arrays of points and their labels."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.symbols.label import label_of
from seriatim.trajectory.data.trajectories import LABEL, PEN, Trajectories


def points_of(value: Any, where: str) -> NDArray[np.float64]:
    """One trajectory as an array (T, C).

    Raises:
        UserError: if it is something else.
    """
    x: NDArray[Any] = np.asarray(value)
    if x.dtype.kind not in "fiu" or x.ndim != 2 or not x.size:
        raise UserError(f"{where}: an array of {x.dtype} of shape {x.shape}; expected points (T, C), at least one")
    x = x.astype(np.float64)
    if not np.isfinite(x).all():
        raise UserError(f"{where}: a value is not finite; leave the point out, or fill it")
    return x


def read_arrays(spec: object) -> tuple[Trajectories, tuple[str, ...]]:
    """Trajectories and the names of their channels, from arrays (T, C) or {"x": arrays, "label": a label each}.

    Arrays of three columns whose third is only 0 and 1 and both are drawings: moves and the state of the pen.

    Raises:
        UserError: naming what does not fit.
    """
    given: dict[str, Any] = cast("dict[str, Any]", spec) if isinstance(spec, dict) else {"x": spec}
    for name in given:
        if name not in ("x", LABEL):
            raise UserError(f"{name!r} is none of x and {LABEL}; leave it out")
    found: Any = given.get("x", ())
    if not isinstance(found, list | tuple) or not found:
        raise UserError(f"trajectories are a {type(found).__name__}; expected a list of arrays of points (T, C)")
    each: list[Any] = [*cast("list[Any]", found)]
    x = [points_of(one, f"trajectory {i}") for i, one in enumerate(each)]
    widths = {one.shape[1] for one in x}
    if len(widths) > 1:
        raise UserError(f"trajectories have {min(widths)} to {max(widths)} channels; expected as many in all")
    labels = None
    if given.get(LABEL) is not None:
        if len(given[LABEL]) != len(x):
            raise UserError(f"{len(given[LABEL])} labels for {len(x)} trajectories; give one for each")
        labels = [label_of(value) for value in given[LABEL]]
    return Trajectories(x, [f"trajectory {i}" for i in range(len(x))], labels), channels_of(x)


def channels_of(x: list[NDArray[np.float64]]) -> tuple[str, ...]:
    """The names of the channels of arrays."""
    width = x[0].shape[1]
    if width == len(PEN):
        lifts = np.unique(np.concatenate([one[:, 2] for one in x]))
        if lifts.tolist() in ([0.0, 1.0], [1.0]):
            return PEN
    return tuple(f"channel {i + 1}" for i in range(width))
