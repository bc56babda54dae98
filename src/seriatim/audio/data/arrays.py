"""Recordings in memory: arrays and their labels."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seriatim.audio.data.labels import chosen
from seriatim.audio.data.recordings import Takes
from seriatim.audio.data.splits import drawn_rows, taken
from seriatim.audio.options import AudioOptions
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.symbols.label import label_of


def read_arrays(spec: object, options: AudioOptions, division: DataOptions) -> tuple[Takes, int, int]:
    """Recordings, rate and channels from arrays of samples, or from a mapping of them and their labels.

    Raises:
        UserError: if the rate is not given, or naming what does not match.
    """
    given: dict[str, Any] = cast("dict[str, Any]", spec) if isinstance(spec, dict) else {"x": spec}
    x: list[NDArray[Any]] = [np.ascontiguousarray(each) for each in given.get("x", ())]
    if options.rate is None:
        raise UserError("arrays of samples need a sample rate; give e.g. audio=AudioOptions(rate=8000)")
    shapes = {each.shape[1:] for each in x}
    if not x or len(shapes) > 1 or not shapes <= {(), (2,)} or any(each.dtype != np.int16 for each in x):
        raise UserError("expected recordings as int16 arrays (T,) or (T, 2), all with the same channels")
    for name, array in (("trim", options.trim), ("seconds", options.seconds)):
        if array is not None:
            raise UserError(f"--audio.{name} is for recordings from files; process the arrays instead")
    labels: dict[str, tuple[str | None, ...]] = {}
    for name in chosen([key for key in given if key != "x"], options, "the data"):
        if len(given[name]) != len(x):
            raise UserError(f"{len(given[name])} values of {name!r} for {len(x)} recordings; give one per recording")
        labels[name] = tuple(map(label_of, given[name]))
    takes = Takes(x, labels, [f"recording {i}" for i in range(len(x))])
    if division.limit is not None and division.limit < len(x):
        takes = taken(takes, drawn_rows(takes.names, division.limit, division.seed))
    return takes, options.rate, 1 if shapes == {()} else 2
