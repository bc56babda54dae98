"""Items that lack a condition, counted by hand."""

from __future__ import annotations

import math

import pytest

from seriatim.errors import UserError
from seriatim.symbols import Labels, Numbers
from seriatim.symbols.label import is_missing, label_of
from seriatim.symbols.lacking import Lacking, given_key, given_words, heard, together


def test_what_is_missing_and_what_is_unknown_are_counted() -> None:
    values, lacking = heard("genre", Labels(["folk", "jazz"]), ["folk", "rock", None, "rock", "jazz", "pop", "folk"])
    assert values == ["folk", None, None, None, "jazz", None, "folk"]
    assert (lacking.items, lacking.missing, dict(lacking.unknown)) == (7, 4, {"rock": 2, "pop": 1})
    values, lacking = heard("year", Numbers(2000.0, 10.0), [1990, "2010", "long ago", None, True])
    assert values == [1990, "2010", None, None, None]
    assert (lacking.missing, dict(lacking.unknown)) == (3, {"long ago": 1, "True": 1})


def test_a_sentence_ends() -> None:
    many = Lacking("kind", 9000, 1234, {f"k{i}" * 50: 1 for i in range(1000)}, [f"known {i}" for i in range(1000)])
    said = many.sentence("pictures")
    assert said.startswith("kind counts as missing for 1,234 of 9,000 pictures; unknown: 'k0k0")
    assert said.count(" and 995 more") == 2
    assert len(said) < 800
    escapes = Lacking("kind", 1, 1, {"\x1b[31mred": 1}).sentence("pictures")
    assert "\x1b" not in escapes


def test_counts_add_up() -> None:
    parts = [
        Lacking("a", 3, 2, {"x": 1, "y": 1}, ("k",)),
        Lacking("b", 3, 0),
        Lacking("a", 4, 2, {"y": 2}, ("k",)),
    ]
    assert together(parts) == [Lacking("a", 7, 4, {"y": 3, "x": 1}, ("k",)), Lacking("b", 3, 0)]


def test_the_unit_says_what_is_given() -> None:
    assert given_key([]) == given_words([]) == ""
    assert given_key(["label", "vector"]) == "_given_label_vector"
    assert given_words(["label", "vector"]) == " given label, vector"


def test_not_a_number_is_no_label() -> None:
    pandas = pytest.importorskip("pandas")
    for nothing in (None, math.nan, pandas.NA, pandas.NaT, ""):
        assert label_of(nothing) is None
    assert [label_of(value) for value in ("a", 3, 0, False)] == ["a", "3", "0", "False"]
    assert not is_missing(0.0)
    with pytest.raises(UserError, match=r"an array of shape \(2,\); expected one value"):
        label_of(pandas.Series([1, 2]).to_numpy())
