"""JSON from a stranger: one UserError that names the bad key, whatever it is."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from every_codec import from_json
from seriatim.audio.features import Energy, LogMel
from seriatim.audio.quantiser import Quantiser
from seriatim.audio.spans import Spans
from seriatim.audio.tracks import Track
from seriatim.errors import UserError
from seriatim.symbols import Labels, Numbers
from seriatim.symbols.levels import Levels
from seriatim.text.tokenizers import TOKENIZERS
from seriatim.video.actions import Actions
from trained_tokenizers import SIZES, trained

DOCUMENTS = {kind: trained(kind, TOKENIZERS[kind].usual).to_json() for kind in SIZES}
DOCUMENTS |= {"labels": Labels(["a", "b"]).to_json(), "numbers": Numbers(0.0, 1.0).to_json()}
DOCUMENTS["levels"] = Levels(2, 3, 1, 4).to_json()
DOCUMENTS["log-mel"] = LogMel(8000, 40, bands=2).to_json()
DOCUMENTS["energy"] = Energy(40).to_json()
DOCUMENTS["track"] = Track(40, [0, 1], [1, 2]).to_json()
DOCUMENTS["spans"] = Spans(["a", "b"], 8000, 40, [1, 2.5]).to_json()
DOCUMENTS["actions"] = Actions([0, 1], [1, 2]).to_json()
DOCUMENTS["quantiser"] = Quantiser(8000, 2, "linear", 100).to_json()
KEYS = [(kind, key) for kind, document in DOCUMENTS.items() for key in document]
UNIGRAM = DOCUMENTS["unigram"]
FAULTS: list[tuple[str, str, Any, str]] = [
    ("bytes", "kind", "os.system", "kind: 'os.system'"),
    ("bytes", "kind", 3, "kind: expected a string"),
    ("words", "policy", {"casing": "keep"}, "policy: missing key"),
    ("words", "policy", {**DOCUMENTS["words"]["policy"], "casing": "loud"}, "policy.casing"),
    ("words", "policy", {**DOCUMENTS["words"]["policy"], "casing": ["keep"]}, "policy.casing"),
    ("words", "policy", {**DOCUMENTS["words"]["policy"], "extra": "keep"}, "policy: unexpected key 'extra'"),
    ("bpe", "policy", {**DOCUMENTS["bpe"]["policy"], "unknown": "unk"}, "policy.unknown"),
    ("words", "pieces", ["a", "b", "a"], r"pieces\[2\]"),
    ("words", "pieces", ["a", ""], r"pieces\[1\]"),
    ("words", "pieces", ["a", "\n"], r"pieces\[1\].*reserved"),
    ("words", "pieces", ["a", 1], r"pieces\[1\]"),
    ("words", "pieces", ["\ud800"], r"pieces\[0\].*surrogate"),
    ("characters", "pieces", ["ab"], r"pieces\[0\]"),
    ("bpe", "merges", [["a", "b"], ["a", "b"]], r"merges\[1\].*twice"),
    ("bpe", "merges", [["ab", "c"]], r"merges\[0\]"),
    ("bpe", "merges", [["a", " "]], r"merges\[0\]"),
    ("bpe", "merges", [["a"]], r"merges\[0\]"),
    ("bpe", "merges", ["a b"], r"merges\[0\]"),
    ("unigram", "pieces", ["a"], "missing|scores"),
    ("unigram", "pieces", UNIGRAM["pieces"][:-1], "scores: expected"),
    ("unigram", "pieces", ["日", *UNIGRAM["pieces"][1:]], r"pieces\[0\]"),
    ("unigram", "pieces", ["~~~~", *UNIGRAM["pieces"][:-1]], "pieces: .*missing"),
    ("unigram", "scores", [math.nan, *UNIGRAM["scores"][1:]], r"scores\[0\].*finite"),
    ("unigram", "scores", [True, *UNIGRAM["scores"][1:]], r"scores\[0\]"),
    ("numbers", "mean", math.inf, "mean.*finite"),
    ("numbers", "mean", 10**400, "mean.*finite"),
    ("numbers", "mean", "1", "mean: expected a number"),
    ("numbers", "std", 0.0, "deviations above 0"),
    ("labels", "values", [], "labels: empty"),
    ("levels", "height", 0, "height: expected a whole number from 1 to 4096, got 0"),
    ("levels", "width", 4097, "width: expected a whole number from 1 to 4096, got 4097"),
    ("levels", "width", 8.0, "width: expected a whole number"),
    ("levels", "channels", True, "channels: expected a whole number"),
    ("levels", "channels", "3", "channels: expected a whole number from 1 to 64, got '3'"),
    ("levels", "levels", 1, "levels: expected a whole number from 2 to 65536, got 1"),
    ("levels", "levels", 10**400, "levels: expected a whole number"),
    ("levels", "levels", [4], "levels: expected a whole number from 2 to 65536, got list"),
    ("labels", "values", ["a", "a"], r"values\[1\]"),
    ("log-mel", "high", 4001, "high: bands from 0 to 4001 Hz"),
    ("log-mel", "bands", 10**9, "bands: expected a whole number from 1 to 256"),
    ("log-mel", "bands", 3, "log-mel: 2 means; expected 3"),
    ("log-mel", "window", 10**9, "window: expected a whole number from 1 to 32768"),
    ("log-mel", "std", [1, math.nan], r"std\[1\].*finite"),
    ("energy", "mean", [0, 0], "energy: 2 means and 1 deviations"),
    ("energy", "std", [0], "energy: expected finite means, and finite deviations above 0"),
    ("energy", "window", 41, "window: 41 samples cannot be centred on 40"),
    ("track", "std", [1], "track: 2 means and 1 deviations"),
    ("track", "hop", 0, "hop"),
    ("actions", "mean", [0], "actions: 1 means and 2 deviations"),
    ("actions", "std", [1, 0], "actions: expected finite means, and finite deviations above 0"),
    ("actions", "mean", [0, math.inf], r"mean\[1\].*finite"),
    ("actions", "std", "1", "std"),
    ("spans", "hop", 0, "hop"),
    ("spans", "rate", 10**9, "rate: expected a whole number from 1 to 768000"),
    ("spans", "values", ["a"], "lasting: expected 1 durations above 0"),
    ("spans", "lasting", [1, -1], "lasting: expected 2 durations above 0"),
    ("spans", "values", [], "spans: there is no label"),
    ("quantiser", "rate", 0, "rate: expected a whole number from 1 to 768000, got 0"),
    ("quantiser", "channels", 3, "channels: expected a whole number from 1 to 2, got 3"),
    ("quantiser", "quantiser", "loud", "quantiser: expected mulaw, linear, pcm16, got 'loud'"),
    ("quantiser", "quantiser", "pcm16", "levels: pcm16 has 65536, got 100"),
    ("quantiser", "quantiser", None, "quantiser: expected a string"),
    ("quantiser", "levels", None, "levels: expected a whole number from 2 to 65536"),
    ("quantiser", "levels", 1, "levels: expected a whole number from 2 to 65536, got 1"),
]


@pytest.mark.parametrize(("kind", "key", "value", "message"), FAULTS)
def test_a_fault_is_named(kind: str, key: str, value: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        from_json({**DOCUMENTS[kind], key: value})


@pytest.mark.parametrize(("kind", "key"), KEYS)
def test_a_missing_key_is_named(kind: str, key: str) -> None:
    document = copy.copy(DOCUMENTS[kind])
    del document[key]
    with pytest.raises(UserError, match=f"missing key '{key}'"):
        from_json(document)


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_an_unexpected_key_is_named(kind: str) -> None:
    with pytest.raises(UserError, match="unexpected key 'polcy'"):
        from_json({**DOCUMENTS[kind], "polcy": 1})


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(value=ANYTHING, place=st.sampled_from(KEYS))
def test_anything_else_is_a_user_error_or_a_codec(value: object, place: tuple[str, str]) -> None:
    kind, key = place
    try:
        codec = from_json({**DOCUMENTS[kind], key: value})
    except UserError as error:
        message = str(error)
    else:
        message = json.dumps(codec.to_json(), allow_nan=False)
    assert "\n" not in message


@given(ANYTHING)
def test_no_document_at_all(value: object) -> None:
    with pytest.raises(UserError):
        from_json(value)
