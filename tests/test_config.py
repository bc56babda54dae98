"""Options are read strictly from JSON, leniently from words, and checked before memory is taken."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from seriatim import config
from seriatim.errors import UserError, nearest
from seriatim.models import FAMILIES, RecurrentConfig, TransformerConfig


@dataclass(frozen=True)
class Sample:
    size: int
    rate: float = 0.5
    name: str = "a"
    tied: bool = False
    hidden: int | None = None
    kind: Literal["sgd", "adam"] = "sgd"
    sizes: tuple[int, ...] = (1, 2)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("some", [False, True], ids=["default", "some"])
def test_every_family_s_config_round_trips(name: str, some: bool) -> None:
    needed: dict[str, dict[str, Any]] = {"text": {"symbols": 7}, "series": {"lags": (1, 7)}}
    sizes = {} if FAMILIES[name].linear else needed.get(FAMILIES[name].data, {"levels": 7})
    if some:
        given = {"vector": 3, "tied": True, "dropout": 0.1, "start": 2, "field": 4, "height": 9}
        sizes |= {key: value for key, value in given.items() if key in config.fields(FAMILIES[name].config)}
    made = FAMILIES[name].config(**sizes)
    assert config.read(FAMILIES[name].config, json.loads(json.dumps(dataclasses.asdict(made))), "here") == made


def test_lists_become_tuples() -> None:
    made = Sample(3, sizes=(4, 5), kind="adam", hidden=2)
    assert config.read(Sample, json.loads(json.dumps(dataclasses.asdict(made))), "here") == made


BAD = {
    "unknown-key": ({"size": 1, "widht": 2}, "unknown key 'widht'"),
    "text-for-a-number": ({"size": "1"}, "size is '1'; expected a whole number"),
    "number-with-a-point": ({"size": 1.0}, "size is '1.0'; expected a whole number"),
    "true-for-a-number": ({"size": True}, "size is 'True'; expected a whole number"),
    "one-for-true": ({"size": 1, "tied": 1}, "tied is '1'; expected true or false"),
    "none": ({"size": None}, "size is 'None'"),
    "not-finite": ({"size": 1, "rate": math.inf}, "rate is 'inf'; expected a number"),
    "not-a-number": ({"size": 1, "rate": math.nan}, "rate is 'nan'; expected a number"),
    "too-large-for-a-float": ({"size": 1, "rate": 10**400}, "rate is '1000"),
    "no-choice": ({"size": 1, "kind": "rmsprop"}, "kind is 'rmsprop'; expected sgd or adam"),
    "list-of-words": ({"size": 1, "sizes": ["a"]}, "a list"),
    "object": ({"size": {"a": 1}}, "size is"),
    "missing": ({}, "lacks a key; it may be one of size"),
}


@pytest.mark.parametrize(("document", "message"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_named(document: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        config.read(Sample, document, "model.json")
    assert message in str(caught.value)
    assert "model.json" in str(caught.value)


def test_a_whole_number_is_a_number() -> None:
    assert config.read(Sample, {"size": 1, "rate": 2}, "here").rate == 2


WORDS = {
    "size": [("12", 12), ("1_000", 1000), ("-3", -3)],
    "rate": [("1e-3", 1e-3), ("2", 2.0)],
    "name": [("true", "true"), ("12", "12")],
    "tied": [("true", True), ("no", False), ("ON", True), ("0", False)],
    "hidden": [("none", None), ("5", 5)],
    "kind": [("adam", "adam")],
    "sizes": [("3,4,5", (3, 4, 5)), ("7", (7,)), ("", ())],
}


@pytest.mark.parametrize(("key", "word", "value"), [(k, w, v) for k, pairs in WORDS.items() for w, v in pairs])
def test_words_are_parsed(key: str, word: str, value: object) -> None:
    got = config.parse(Sample, {key: word}, "model")[key]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("key", "word"),
    [("size", "1.5"), ("size", "9" * 400), ("rate", "9" * 400), ("size", "a"), ("size", "none"), ("rate", "inf"),
     ("rate", "nan"), ("tied", "maybe"), ("kind", "rmsprop"), ("sizes", "1,b"), ("hidden", "x")],
)  # fmt: skip
def test_words_that_mean_nothing_are_refused(key: str, word: str) -> None:
    with pytest.raises(UserError, match=f"--model.{key} is '{word}'"):
        config.parse(Sample, {key: word}, "model")


def test_dashes_are_underlines_and_a_typing_error_is_answered_with_the_nearest() -> None:
    assert config.parse(TransformerConfig, {"key-heads": "2"}, "model") == {"key_heads": 2}
    with pytest.raises(UserError, match=r"--model\.widht is not an option here; did you mean 'width'"):
        config.parse(TransformerConfig, {"widht": "2"}, "model")


def test_nearest() -> None:
    assert nearest("lstn", ["lstm", "gru"]) == "did you mean 'lstm'?"
    assert nearest("zzz", ["lstm", "gru"]) == "known: gru, lstm"
    assert nearest("zzz", []) == "known: none"


IMPOSSIBLE: list[tuple[type[Any], dict[str, Any], str]] = [
    (cls, sizes, word)
    for cls in (RecurrentConfig, TransformerConfig)
    for sizes, word in [
        ({"symbols": 1}, "symbols"), ({"symbols": 2**40}, "symbols"), ({"width": 0}, "width"),
        ({"width": 2**40}, "width"), ({"layers": 0}, "layers"), ({"layers": 10**9}, "layers"),
        ({"dropout": 1.0}, "dropout"), ({"dropout": -0.1}, "dropout"), ({"vector": -1}, "vector"),
        ({"start": 5}, "start"), ({"start": -1}, "start"), ({"context": 0}, "context"), ({"context": 2**40}, "context"),
    ]
] + [
    (RecurrentConfig, {"embedding": 0}, "embedding"),
    (RecurrentConfig, {"embedding": 3, "tied": True}, "tied"),
    (TransformerConfig, {"heads": 0}, "heads"),
    (TransformerConfig, {"heads": 3}, "heads"),
    (TransformerConfig, {"heads": 128}, "two channels a head"),
    (TransformerConfig, {"key_heads": 3}, "key_heads"),
    (TransformerConfig, {"key_heads": 0}, "key_heads"),
    (TransformerConfig, {"hidden": 0}, "hidden"),
    (TransformerConfig, {"rotary": 0.5}, "rotary"),
    (TransformerConfig, {"epsilon": 0.0}, "epsilon"),
]  # fmt: skip


@pytest.mark.parametrize(("cls", "sizes", "word"), IMPOSSIBLE, ids=lambda v: getattr(v, "__name__", str(v)))
def test_impossible_sizes_are_user_errors(cls: type[Any], sizes: dict[str, Any], word: str) -> None:
    with pytest.raises(UserError, match=word):
        cls(**{"symbols": 5, **sizes})
