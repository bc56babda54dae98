"""Vectors: standardised number by number, and back."""

from __future__ import annotations

import numpy as np
import pytest

from every_codec import from_json
from seriatim.errors import UserError
from seriatim.symbols import Vectors


def test_each_number_is_standardised_by_itself() -> None:
    values = np.array([[1.0, 50, 4], [3.0, 10, 4]], np.float32)
    codec = Vectors.train(values)
    assert np.allclose(codec.encode(values), [[-1, 1, 0], [1, -1, 0]])
    assert np.allclose(codec.decode(codec.encode(values)), values)
    assert np.array_equal(codec.encode([1, 50, 4]), codec.encode(values)[0])
    again = from_json(codec.to_json())
    assert isinstance(again, Vectors)
    assert np.array_equal(again.encode(values), codec.encode(values))
    assert again.to_json() == codec.to_json()


def test_what_is_no_vector_is_refused() -> None:
    codec = Vectors([0.0, 0.0], [1.0, 1e-30])
    for raw, word in (([1.0], "2 numbers"), ("x", "not an array"), ([1, np.nan], "finite"), ([0, 1e30], "too far")):
        with pytest.raises(UserError, match=word):
            codec.encode(raw)
    with pytest.raises(UserError, match="too large"):
        Vectors.train(np.array([[1e300], [-1e300]]))
