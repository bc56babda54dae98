from __future__ import annotations

import math
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from every_codec import from_json
from seriatim.errors import UserError
from seriatim.symbols import Labels, Numbers


def test_labels_are_sorted_and_distinct() -> None:
    labels = Labels.train(iter(["sonnet", "haiku", "ode", "haiku"]))
    assert labels.values == ("haiku", "ode", "sonnet")
    assert labels.size == 3
    assert [labels.encode(value) for value in labels.values] == [0, 1, 2]
    assert [labels.decode(i) for i in range(3)] == list(labels.values)
    assert from_json(labels.to_json()).to_json() == labels.to_json()


def test_a_whole_number_is_the_label_of_its_digits() -> None:
    assert Labels.train([3, "1", 3]).encode("3") == 1


def test_labels_refuse() -> None:
    labels = Labels.train(["haiku", "ode"])
    with pytest.raises(UserError, match="did you mean 'haiku'"):
        labels.encode("haikus")
    with pytest.raises(UserError, match="known: haiku, ode"):
        labels.encode("xyz")
    for value in (None, 1.5, True, ["ode"], ""):
        with pytest.raises(UserError, match="label"):
            labels.encode(value)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="0 to 1"):
        labels.decode(2)
    with pytest.raises(UserError, match="labels: empty"):
        Labels.train([])


@given(st.lists(st.floats(-1e6, 1e6), min_size=2).filter(lambda v: pstdev(v) > 1e-3))
def test_numbers_are_standardised(values: list[float]) -> None:
    numbers = Numbers.train(values)
    assert numbers.scale.mean == pytest.approx(fmean(values), abs=1e-6)
    assert numbers.scale.std == pytest.approx(pstdev(values), rel=1e-6)
    for value in values:
        assert numbers.decode(numbers.encode(value)) == pytest.approx(value, abs=1e-6)
    assert from_json(numbers.to_json()).to_json() == numbers.to_json()


def test_numbers_read_text() -> None:
    numbers = Numbers.train(["1", 2, "3.0"])
    assert numbers.size == 1
    assert numbers.encode("2") == numbers.encode(2.0) == 0.0


@pytest.mark.parametrize("value", [None, "", "two", "nan", "-inf", math.nan, math.inf, True, [1.0], 10**400])
def test_numbers_refuse(value: object) -> None:
    with pytest.raises(UserError, match="number"):
        Numbers(0.0, 1.0).encode(value)  # type: ignore[arg-type]


def test_numbers_refuse_what_cannot_be_standardised() -> None:
    for values in ([], [3.0, 3.0], [1e308, -1e308]):
        with pytest.raises(UserError, match="numbers"):
            Numbers.train(values)
    with pytest.raises(UserError, match="too far"):
        Numbers(0.0, 1e-300).encode(1e300)
