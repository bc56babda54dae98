"""log_prob and evaluate against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from seriatim.errors import UserError
from seriatim.models.likelihood import relative_error
from seriatim.symbols import Labels, Numbers
from seriatim.text.data.corpus import Document
from seriatim.text.figures import TextFigures
from seriatim.text.model import TextModel
from tiny_text import text_model

TEXTS = ["abc hij.\nabc", "é", "a", "gfedcba " * 9]


@pytest.fixture(scope="module", params=["transformer", "gru"])
def model(request: pytest.FixtureRequest) -> TextModel:
    return (
        text_model(request.param, unknown="bytes", alphabet="abcdefg hij.\n", context=200)
        if (request.param == "transformer")
        else text_model(request.param, unknown="bytes")
    )


def brute(model: TextModel, text: str) -> float:
    """−log p of a document, symbol after symbol."""
    symbols = [*model.tokenizer.encode(text).tolist(), model.tokenizer.end]
    nats = 0.0
    for t, symbol in enumerate(symbols):
        with torch.no_grad():
            parameters = model.model(torch.tensor([symbols[: t + 1]]))
        nats -= float(model.model.head(parameters).log_table()[0, -1, symbol])
    return nats


def documents(texts: list[str]) -> list[Document]:
    return [Document.of(f"{i}", text) for i, text in enumerate(texts)]


def test_log_prob_is_that_of_each_text_with_its_end(model: TextModel) -> None:
    assert model.log_prob(TEXTS) == pytest.approx([-brute(model, text) for text in TEXTS], rel=1e-5)
    assert model.log_prob("a") == pytest.approx([-brute(model, "a")], rel=1e-5)


def test_each_symbol_has_its_text_and_its_log_prob(model: TextModel) -> None:
    for text in TEXTS:
        ids = [*model.tokenizer.encode(text).tolist(), model.tokenizer.end]
        with torch.no_grad():
            table = model.model.head(model.model(torch.tensor([ids]))).log_table()[0]
        each = model.token_log_probs(text)
        assert [one.symbol for one in each] == [model.tokenizer.symbol(i) for i in ids]
        assert [one.log_prob for one in each] == pytest.approx(
            [table[t, i].item() for t, i in enumerate(ids)], rel=1e-5
        )
        assert "".join(one.text for one in each) == text
    assert [(one.symbol, one.text) for one in model.token_log_probs("aé")] == [
        ("a", "a"), ("<0xC3>", ""), ("<0xA9>", "é"), ("<end>", "")
    ]  # fmt: skip


def test_each_word_has_its_space() -> None:
    model = text_model("gru", alphabet="one two three", kind="words")
    each = model.token_log_probs("one two")
    assert [(one.symbol, one.text) for one in each] == [("one", "one"), ("two", " two"), ("<end>", "")]


def test_evaluate_is_the_sum(model: TextModel) -> None:
    figures = model.evaluate(documents(TEXTS))
    nats = sum(brute(model, text) for text in TEXTS)
    symbols = sum(len(model.tokenizer.encode(text)) + 1 for text in TEXTS)
    characters, size = sum(map(len, TEXTS)), sum(len(text.encode()) for text in TEXTS)
    assert size == characters + 1
    assert figures.nats == pytest.approx(nats, rel=1e-5)
    assert (figures.tokens, figures.characters, figures.bytes, figures.documents) == (symbols, characters, size, 4)
    found = figures.to_json()
    assert found["nats_per_token"] == pytest.approx(nats / symbols, rel=1e-5)
    assert found["perplexity"] == pytest.approx(math.exp(nats / symbols), rel=1e-5)
    assert found["bits_per_char"] == pytest.approx(nats / math.log(2) / characters, rel=1e-5)
    assert found["bits_per_byte"] == pytest.approx(nats / math.log(2) / size, rel=1e-5)


def test_windows_of_a_transformer_look_back_at_least_half() -> None:
    model = text_model("transformer", unknown="bytes")
    text = "abcdefg hij." * 4
    symbols = [*model.tokenizer.encode(text).tolist(), model.tokenizer.end]
    terms, start = [], 0
    while len(terms) < len(symbols):
        with torch.no_grad():
            row = model.model.log_probs(torch.tensor([symbols[start : start + 12]]))[0].tolist()
        terms += row[len(terms) - start :]
        start += 6
    assert model.log_prob(text) == pytest.approx([sum(terms)], rel=1e-5)


def test_truncated_documents_count_what_is_read_only() -> None:
    model = text_model("gru")
    figures = model.evaluate(documents(["abcdefg", "ab"]), truncate=3)
    assert (figures.tokens, figures.characters, figures.bytes) == (3 + 3, 3 + 2, 3 + 2)
    symbols = model.tokenizer.encode("abc")
    with torch.no_grad():
        cut = model.model.log_probs(torch.from_numpy(symbols)[None]).sum().item()
    assert figures.nats == pytest.approx(-cut + brute(model, "ab"), rel=1e-5)
    with pytest.raises(UserError, match="truncate is 0"):
        model.evaluate(documents(["a"]), truncate=0)


@pytest.mark.parametrize("options", [{"window": 0}, {"stride": 3}, {"window": 5, "stride": 6}, {"window": -1}])
def test_impossible_windows_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(UserError):
        text_model("gru").evaluate(documents(["abc"]), **options)
    with pytest.raises(UserError):
        text_model("transformer").evaluate(documents(["abc"]), **{"window": 99, **options})


def test_the_standard_error_of_known_series() -> None:
    assert relative_error([np.full(2560, 1.5)]) == 0
    # 1 and 5 nats: s = 2√2, s/√2 = 2, and the mean is 3; with unequal lengths, 3 nats a symbol miss 1 and 4 by 2 and 2
    assert relative_error([np.array([1.0]), np.array([5.0])], None) == pytest.approx(2 / 3)
    assert relative_error([np.array([1.0]), np.array([4.0, 4.0])], None) == pytest.approx(math.sqrt(8 * 2) / 9)
    random = np.random.default_rng(0)
    terms = random.normal(2.0, 0.5, 256 * 400)
    assert relative_error([terms]) == pytest.approx(0.5 / 2 / math.sqrt(len(terms)), rel=0.15)
    assert math.isnan(relative_error([np.ones(10)]))
    figures = TextFigures(2.0, 1, 1, 1, 1, math.nan)
    assert math.isnan(figures.to_json()["nats_per_token_standard_error"])


def test_perplexity_of_the_hopeless_is_finite() -> None:
    assert math.isfinite(TextFigures(1e9, 1, 1, 1, 1, 0.0).perplexity)


def test_a_text_with_nothing_in_it_still_has_an_end() -> None:
    model = text_model("gru")
    assert model.log_prob("") == pytest.approx([-brute(model, "")], rel=1e-5)


def test_values_that_the_model_does_not_know_are_counted() -> None:
    model = text_model(conditions={"genre": Labels(["folk", "jazz"]), "year": Numbers(2000.0, 10.0)})
    known = [{"genre": "folk", "year": 1990.0}, {"genre": None, "year": 2010.0}]
    strange = [{"genre": "rock", "year": 1990.0}, {"genre": "folk", "year": "then"}]
    figures = model.evaluate([Document.of(f"{i}", "abc", given) for i, given in enumerate(known + strange)])
    assert [(each.name, each.missing, dict(each.unknown)) for each in figures.lacking] == [
        ("genre", 2, {"rock": 1}),
        ("year", 1, {"then": 1}),
    ]
    # log p given what is known, text by text
    nats = model.log_prob(["abc"] * 4, {"genre": ["folk", None, None, "folk"], "year": [1990, 2010, 1990, None]})
    found = figures.to_json()
    assert found["nats_per_token_given_genre_year"] == pytest.approx(-sum(nats) / 16, rel=1e-6)
    assert found["conditions"]["genre"] == {"items": 4, "missing": 2, "unknown": {"rock": 1}}
    assert "nats_per_token" not in found
