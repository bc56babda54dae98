"""Labels and numbers that condition a text."""

from __future__ import annotations

from typing import Any

import pytest

from seriatim.errors import UserError
from seriatim.symbols import Labels, Numbers
from seriatim.text.data.corpus import Document
from seriatim.text.model import TextModel
from seriatim.text.task import _condition_codecs
from tiny_text import text_model


@pytest.fixture(scope="module", params=["transformer", "gru"])
def model(request: pytest.FixtureRequest) -> TextModel:
    return text_model(
        request.param, conditions={"genre": Labels(["haiku", "ode"]), "year": Numbers(1900.0, 10.0)}, context=40
    )


def test_every_condition_changes_the_likelihood(model: TextModel) -> None:
    values = [
        None, {"genre": "haiku"}, {"genre": "ode"}, {"year": 1900}, {"year": "1910"}, {"genre": "ode", "year": 1900},
    ]  # fmt: skip
    assert len({round(model.log_prob("abc", given)[0], 6) for given in values}) == len(values)


def test_a_missing_value_is_the_null_row(model: TextModel) -> None:
    assert model.log_prob("abc") == model.log_prob("abc", {"genre": None, "year": None})
    told = Document.of("a", "abc", {"genre": "ode", "year": 1900})
    figures = model.evaluate([Document.of("b", "abc"), told])
    both = model.log_prob("abc") + model.log_prob("abc", {"genre": "ode", "year": 1900})
    assert figures.nats == pytest.approx(-sum(both), rel=1e-6)


def test_a_value_unknown_in_held_out_text_counts_as_missing(model: TextModel) -> None:
    unknown = model.evaluate([Document.of("a", "abc", {"genre": "limerick"})])
    assert unknown.nats == pytest.approx(-model.log_prob("abc")[0], rel=1e-6)


def test_sampling_obeys_the_condition_in_any_batch(model: TextModel) -> None:
    options = {"max_length": 12, "seed": 3, "log_probs": True}
    one = model.sample("a", 1, given={"genre": "ode"}, **options)[0]
    assert model.sample("a", 3, given={"genre": "ode"}, **options)[0].text == one.text
    other = model.sample("a", 1, given={"genre": "haiku"}, **options)[0]
    assert one.log_probs != other.log_probs
    assert "".join(model.stream("a", given={"genre": "ode"}, max_length=12, seed=3)) == one.text


def test_expect_obeys_the_condition(model: TextModel) -> None:
    assert model.expect("a", given={"genre": "ode"}) != model.expect("a", given={"genre": "haiku"})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"genre": "haikus"}, r"--given genre: .*'haikus' is unknown; did you mean 'haiku'\?"),
        ({"gender": "ode"}, r"'gender' is not a condition of this model; did you mean 'genre'\?"),
        ({"year": "last"}, "--given year: number: 'last'"),
        ({"year": "nan"}, "not finite"),
    ],
)
def test_unknown_conditions_are_one_line_with_the_nearest(model: TextModel, given: dict[str, str], words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        model.sample(given=given, max_length=2)
    assert "\n" not in str(caught.value)


def test_a_word_among_numbers_is_named() -> None:
    def codecs(values: list[Any]) -> Any:
        return _condition_codecs([Document.of(f"{i}", "a", {"n": value}) for i, value in enumerate(values)], ("n",))[
            "n"
        ]

    with pytest.raises(UserError, match="'n' is a number in 59 of 60 training records and 'a' in another; correct it"):
        codecs([*range(30), "a", *range(29)])
    assert codecs([*range(30), None, *range(29)]).kind == "numbers"
    assert codecs([1, 2, 3, "none", 1, 2, 3, 1]).kind == "labels"
    assert codecs([str(i) for i in range(60)]).kind == "labels"
