"""Stop strings are found across the borders of symbols, and what may begin one is held back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seriatim.errors import UserError
from seriatim.text.stopping import StopStrings, stop_strings
from seriatim.text.tokenizers import Policy


def feed(stops: list[str], pieces: list[str]) -> tuple[str, bool]:
    looking, shown = StopStrings(stops), ""
    for piece in pieces:
        shown += looking.push(piece)
        if looking.found:
            return shown, True
    return shown + looking.flush(), False


@pytest.mark.parametrize(
    ("stops", "text", "wanted"),
    [
        (["112"], "1112", "1"),
        (["112"], "11112x", "11"),
        (["aab"], "aaab", "a"),
        (["abab"], "aababab", "a"),
        (["b", "abc"], "xabc", "xa"),
        (["abcd", "bc"], "abcd", "a"),
        (["\n\n"], "one\n\ntwo", "one"),
        (["é"], "caf" + "é", "caf"),
    ],
)
def test_symbol_by_symbol_a_stop_string_is_found_where_it_is(stops: list[str], text: str, wanted: str) -> None:
    assert feed(stops, list(text)) == (wanted, True)


def test_nothing_is_found_and_everything_is_shown_in_the_end() -> None:
    assert feed(["112"], ["1", "1", "11"]) == ("1111", False)
    assert feed([], ["a", "b"]) == ("ab", False)


def test_what_may_begin_a_stop_string_is_held_back() -> None:
    looking = StopStrings(["112", "13"])
    assert [looking.push(piece) for piece in ("0", "1", "1", "1")] == ["0", "", "", "1"]
    assert looking.push("3") == "1"
    assert looking.found


def test_after_a_stop_nothing_more_is_shown() -> None:
    looking = StopStrings(["b"])
    assert looking.push("abc") == "a"
    assert looking.push("more") == "" == looking.flush()


AS_WRITTEN = [
    (Policy(casing="lower"), "The", "the"),
    (Policy(casing="mark"), "The", "The"),
    (Policy(digits="zero"), "in 1984", "in 0000"),
    (Policy(spaces="collapse"), "a \t b", "a b"),
    (Policy(newlines="unix"), "\r\n\r\n", "\n\n"),
    (Policy(unicode="NFD"), "é", "e\u0301"),
    (Policy(unknown="unk"), "§", "§"),  # not <unk>, at which every sample would stop
]


@pytest.mark.parametrize(("policy", "given", "expected"), AS_WRITTEN)
def test_a_stop_string_is_read_as_the_prompt_is(policy: Policy, given: str, expected: str) -> None:
    assert stop_strings(given, policy) == stop_strings([given], policy) == [expected]


def test_an_empty_stop_string_is_refused() -> None:
    for stop in ("", [""], ["a", ""]):
        with pytest.raises(UserError, match="a stop string is empty"):
            stop_strings(stop, Policy())


@given(
    st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3),
    st.lists(st.text("ab", max_size=5), max_size=8),
)
def test_pieces_give_what_the_first_prefix_with_a_stop_gives(stops: list[str], pieces: list[str]) -> None:
    seen, wanted = "", None
    for piece in pieces:
        seen += piece
        hits = [seen.find(stop) for stop in stops if stop in seen]
        if hits:
            wanted = seen[: min(hits)]
            break
    assert feed(stops, pieces) == ((seen, False) if wanted is None else (wanted, True))
