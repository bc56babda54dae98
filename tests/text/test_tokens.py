"""Documents become symbols, each document with its `<end>`."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from seriatim.data import decoding
from seriatim.errors import UserError
from seriatim.symbols import Labels, Numbers
from seriatim.symbols.given import encode_given
from seriatim.text.data import tokens
from seriatim.text.data.corpus import Document
from seriatim.text.data.files import file_document
from seriatim.text.data.tokens import tokenize
from seriatim.text.tokenizers import Policy, Tokenizer, train_tokenizer

TEXTS = ["abc", "", "cab a", "ü"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer("characters", TEXTS)


def documents(texts: list[str]) -> list[Document]:
    return [Document.of(f"d{i}", text) for i, text in enumerate(texts)]


def test_every_document_ends(tokenizer: Tokenizer) -> None:
    got = tokenize(documents(TEXTS), tokenizer)
    assert got.documents == len(TEXTS)
    for d, text in enumerate(TEXTS):
        symbols = got.document(d)
        assert symbols[-1] == tokenizer.end
        assert tokenizer.decode(symbols[:-1]) == text
        assert tokenizer.end not in symbols[:-1]
        assert (got.characters[d], got.bytes[d]) == (len(text), len(text.encode()))
    assert list(got.names) == ["d0", "d1", "d2", "d3"]
    assert got.symbols.dtype == np.uint16


@pytest.mark.parametrize("truncate", [1, 3, 4, 100])
def test_a_truncated_document_was_not_seen_to_end(tokenizer: Tokenizer, truncate: int) -> None:
    whole, cut = tokenize(documents(TEXTS), tokenizer), tokenize(documents(TEXTS), tokenizer, truncate=truncate)
    for d in range(whole.documents):
        assert cut.document(d).tolist() == whole.document(d)[:truncate].tolist()
    read = [text[:truncate] for text in TEXTS]  # a symbol is a character here
    assert cut.characters.tolist() == [len(text) for text in read]
    assert cut.bytes.tolist() == [len(text.encode()) for text in read]


def test_what_does_not_fit_into_memory_goes_to_a_file(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["abc" * 10, "cab", "a" * 40, ""] * 3
    expected = tokenize(documents(texts), tokenizer)
    monkeypatch.setattr(tokens, "_IN_MEMORY", 16)
    got = tokenize(documents(texts), tokenizer, folder=tmp_path / "new")
    assert isinstance(got.symbols, np.memmap)
    assert np.array_equal(got.symbols, expected.symbols)
    assert np.array_equal(got.bounds, expected.bounds)


def test_conditions_are_encoded_and_what_is_missing_is_marked(tokenizer: Tokenizer) -> None:
    codecs = {"genre": Labels(["ode", "sonnet"]), "year": Numbers(1900.0, 50.0)}
    docs = [
        Document.of("a", "a", {"genre": "sonnet", "year": 1950}),
        Document.of("b", "b", {"genre": None}),
        Document.of("c", "c", {"genre": "epic", "year": "1800"}),
    ]
    with pytest.raises(UserError, match="c: label 'epic' is unknown"):
        tokenize(docs, tokenizer, codecs)
    got = tokenize(docs, tokenizer, codecs, strict_given=False)
    assert got.given["genre"].tolist() == [1, -1, -1]
    assert got.given["genre"].dtype == np.int64
    assert got.given["year"].tolist()[::2] == [1.0, -2.0]
    assert math.isnan(got.given["year"][1])
    assert encode_given("sonnet", codecs["genre"], "here") == 1


LONG_LINES = {
    "prose": 'He said: "It\'s (by no means) WORKING, Dr. Smith-Jones!" ' * 40,
    "spaces": "one   two \t three    " * 60,
    "accents": "cafe\u0301 na\u0308ive RE\u0301SUME\u0301 " * 60,
    "one-word": "wordword" * 200,
    "chinese": "今天天气很好，我们去公园。" * 60,
}


@pytest.mark.parametrize("kind", ["words", "bpe", "characters"])
@pytest.mark.parametrize("line", LONG_LINES.values(), ids=LONG_LINES)
def test_a_line_longer_than_a_block_comes_back(
    kind: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "BLOCK", 37)
    (tmp_path / "line.txt").write_text(line, encoding="utf-8")
    document = file_document(tmp_path / "line.txt", "utf-8", "line.txt")
    assert len(list(document.blocks())) > 20
    cut = "separate" if kind == "words" else "keep"
    for form in ("keep", "NFC", "NFD"):
        codec = train_tokenizer(kind, document.blocks(), Policy(casing="mark", punctuation=cut, unicode=form))
        assert codec.decode(tokenize([document], codec).document(0)) == codec.normalise(line)


def test_no_documents(tokenizer: Tokenizer) -> None:
    with pytest.raises(UserError, match="no documents"):
        tokenize([], tokenizer)
