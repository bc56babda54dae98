"""The laws that hold for every tokenizer under every policy."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from every_codec import from_json
from seriatim.text.tokenizers import Policy, Tokenizer
from trained_tokenizers import SENTENCES, lossless_policies, lossy_policies, name_of, texts, trained

LOSSLESS = pytest.mark.parametrize("case", lossless_policies(), ids=name_of)
LOSSY = pytest.mark.parametrize("case", lossy_policies(), ids=name_of)
ANY = pytest.mark.parametrize("case", lossless_policies() + lossy_policies(), ids=name_of)
EXAMPLES = settings(max_examples=60, deadline=None)


@LOSSLESS
@given(text=texts())
@EXAMPLES
def test_a_lossless_tokenizer_gives_any_text_back(case: tuple[str, Policy], text: str) -> None:
    tokenizer = trained(*case)
    assert tokenizer.lossless
    assert tokenizer.decode(tokenizer.encode(text)) == text == tokenizer.normalise(text)


@pytest.mark.parametrize("case", [case for case in lossless_policies() if case[1].casing == "keep"], ids=name_of)
@given(text=texts(), cuts=st.lists(st.integers(0, 40), max_size=3))
@EXAMPLES
def test_the_blocks_of_a_text_give_the_text_back(case: tuple[str, Policy], text: str, cuts: list[int]) -> None:
    tokenizer = trained(*case)
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    blocks = [text[a:b] for a, b in pairwise(edges)]
    encoded = list(tokenizer.encode_blocks(blocks))
    assert [block for block, _ in encoded] == blocks
    assert tokenizer.decode(np.concatenate([ids for _, ids in encoded])) == text


@LOSSY
@given(text=texts())
@EXAMPLES
def test_a_lossy_tokenizer_gives_what_it_declares(case: tuple[str, Policy], text: str) -> None:
    tokenizer = trained(*case)
    assert not tokenizer.lossless
    assert tokenizer.decode(tokenizer.encode(text)) == tokenizer.normalise(text)


@ANY
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_a_stream_says_what_decode_says(case: tuple[str, Policy], data: st.DataObject) -> None:
    tokenizer = trained(*case)
    ids = data.draw(st.lists(st.integers(0, tokenizer.size - 1)))
    stream = tokenizer.stream()
    assert "".join(map(stream.push, ids)) + stream.flush() == tokenizer.decode(ids)


@ANY
@given(ids=st.lists(st.integers(0, 10**6)), cut=st.integers(0, 20))
@settings(max_examples=15, deadline=None)
def test_documents_decode_one_by_one(case: tuple[str, Policy], ids: list[int], cut: int) -> None:
    tokenizer = trained(*case)
    ids = [i % tokenizer.size for i in ids]
    joined = [*ids[:cut], tokenizer.end, *ids[cut:]]
    assert tokenizer.decode(joined) == tokenizer.decode(ids[:cut]) + tokenizer.decode(ids[cut:])


@ANY
def test_json_round_trip_is_exact(case: tuple[str, Policy]) -> None:
    tokenizer = trained(*case)
    written = json.dumps(tokenizer.to_json(), allow_nan=False)
    again = from_json(json.loads(written))
    assert isinstance(again, Tokenizer)
    assert type(again) is type(tokenizer)
    assert json.dumps(again.to_json()) == written
    assert [again.symbol(i) for i in range(again.size)] == [tokenizer.symbol(i) for i in range(tokenizer.size)]
    for sentence in SENTENCES:
        np.testing.assert_array_equal(again.encode(sentence), tokenizer.encode(sentence))


@ANY
def test_names_are_distinct_printable_and_found(case: tuple[str, Policy]) -> None:
    tokenizer = trained(*case)
    names = [tokenizer.symbol(i) for i in range(tokenizer.size)]
    assert names[0] == "<end>"
    assert all(name and name.isprintable() for name in names)
    assert [tokenizer.find(name) for name in names] == list(range(tokenizer.size))


@ANY
def test_symbols_are_int64_within_size(case: tuple[str, Policy]) -> None:
    tokenizer = trained(*case)
    for text in ("", *SENTENCES):
        ids = tokenizer.encode(text)
        assert ids.dtype == np.int64
        assert ids.ndim == 1
        assert not (ids == tokenizer.end).any()
        assert not ids.size or (ids.min() > 0 and ids.max() < tokenizer.size)
