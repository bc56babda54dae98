"""Recordings in memory, as users give them to a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seriatim.audio.conditions import each
from seriatim.audio.data.recordings import VECTOR, Takes
from seriatim.audio.data.waves import to_int16
from seriatim.audio.encoders import AlignedCodec
from seriatim.audio.quantiser import Quantiser
from seriatim.data.arrays import Int16
from seriatim.errors import UserError
from seriatim.symbols import Given, Labels, Symbols
from seriatim.symbols.given import checked
from seriatim.symbols.label import label_of


def recording(value: Any, channels: int) -> NDArray[Any]:
    """One recording as an array (T,) or (T, 2).

    Raises:
        UserError: if it is something else.
    """
    x: NDArray[Any] = np.asarray(value)
    if x.dtype.kind not in "iuf" or x.ndim == 0:
        raise UserError(f"a recording is a {type(value).__name__}; expected an array of samples")
    if x.shape != ((len(x),) if channels == 1 else (len(x), 2)):
        expected = "(samples,)" if channels == 1 else "(samples, 2)"
        raise UserError(f"a recording of shape {x.shape}; expected {expected}; put channels last")
    return x


def several(value: Any, channels: int) -> list[NDArray[Any]]:
    """Recordings as a list.

    Raises:
        UserError: if it is one recording alone, or something else.
    """
    if isinstance(value, str | bytes) or not hasattr(value, "__len__"):
        raise UserError(f"recordings is a {type(value).__name__}; expected a list of arrays of samples")
    values = list(value)
    alone = getattr(value, "shape", ()) == (len(values), 2) and channels == 2
    if alone or (values and np.ndim(values[0]) == 0):
        raise UserError("recordings is one recording; expected a list of them: give [recording]")
    return [recording(one, channels) for one in values]


def beginning(value: Any, codec: Quantiser) -> Int16:
    """A prompt in the 16 bits that samples have; fractions of full scale are converted.

    Raises:
        UserError: for other types, and for values beyond full scale.
    """
    x = recording(value, codec.channels)
    codec.encode(x)
    return x if x.dtype == np.int16 else to_int16(x)[0]


def with_conditions(value: Any, given: Given, codecs: Mapping[str, Symbols]) -> Takes:
    """Arrays with their labels and vectors; recordings that have theirs already as they are.

    Args:
        value: recordings.
        given: conditions by name.
        codecs: of the model.

    Raises:
        UserError: naming a condition that cannot be given here.
    """
    if isinstance(value, Takes):
        if given:
            raise UserError("given is for arrays, and these recordings have their own conditions; leave it out")
        return value
    codec = codecs["x"]
    assert isinstance(codec, Quantiser)
    x = several(value, codec.channels)
    checked({name: each for name, each in codecs.items() if name != "x"}, given)
    if aligned := [name for name in given if isinstance(codecs[name], AlignedCodec)]:
        raise UserError(f"{aligned[0]!r} cannot be given here; use log_prob")
    values = {name: each(name, one, len(x)) for name, one in given.items()}
    labels = {name: tuple(map(label_of, some)) for name, some in values.items() if isinstance(codecs[name], Labels)}
    vectors = np.stack(values[VECTOR]) if VECTOR in values else None
    return Takes(x, labels, [f"recording {i}" for i in range(len(x))], vectors=vectors)
