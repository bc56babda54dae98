"""Texts in memory."""

from __future__ import annotations

import math
from typing import Any

import pytest

from seriatim.errors import UserError
from seriatim.text.data.memory import in_memory
from seriatim.text.options import TextOptions


def test_not_a_number_is_no_value() -> None:
    data = {"x": ["p", "q", "r"], "genre": ["folk", math.nan, None]}
    found = list(in_memory(data, TextOptions(given=("genre",))))
    assert [(each.text(), each.given["genre"]) for each in found] == [("p", "folk"), ("q", None), ("r", None)]


def test_a_key_that_would_not_be_read_is_refused() -> None:
    data: dict[str, Any] = {"x": ["p", "q"], "genre": ["folk", "jazz"]}
    with pytest.raises(UserError, match=r"'genre' is not read; give text=TextOptions\(given=\('genre',\)\)"):
        list(in_memory(data, TextOptions()))
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["p", "q"], "genre": ["folk", "jazz"]})
    assert [each.text() for each in in_memory(frame, TextOptions())] == ["p", "q"]  # has other columns, as files do
