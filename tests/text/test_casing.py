from __future__ import annotations

import sys

import pytest
from hypothesis import given

from seriatim.text.tokenizers.casing import CAP, ESCAPE, UPPER, Restorer, before_space, mark
from seriatim.text.tokenizers.script import is_word
from trained_tokenizers import is_mark, texts


def restored(marked: str) -> str:
    return Restorer().push(marked)


@given(texts())
def test_marks_are_undone_exactly(text: str) -> None:
    assert restored(mark(text)) == text
    assert restored(before_space(mark(text))) == text


@given(texts())
def test_restoring_piece_by_piece_is_restoring_at_once(text: str) -> None:
    restorer = Restorer()
    assert "".join(map(restorer.push, mark(text))) == text


def test_every_character_comes_back_alone_and_in_a_word() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if character != character.lower() or character != character.upper():
            for text in (character, f"A{character}", f"{character}a", f"{character}A"):
                assert restored(mark(text)) == text


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("HE", f"{UPPER}he"),
        ("Dr. I’m", f"{CAP}dr. {CAP}i’m"),
        ("U.S.A.", f"{UPPER}u.s.a."),
        ("O’NEILL'S end", f"{UPPER}o’neill's end"),
        ("COVID19", f"{UPPER}covid19"),
        ("JavaScript, eBay", "JavaScript, eBay"),
        ("ÉCOLE", f"{UPPER}école"),
        ("E\u0301COLE", f"{UPPER}e\u0301cole"),
        ("Straße", f"{CAP}straße"),
        ("STRAßE", f"{UPPER}straße"),
        ("İstanbul", "İstanbul"),
        ("ǅ", "ǅ"),
        ("Ǆ", f"{CAP}ǆ"),
        ("ΟΔΟΣ", f"{UPPER}οδοσ"),
        ("Οδος", f"{CAP}οδος"),
        (f"{CAP}He", f"{ESCAPE}{CAP}{CAP}he"),
    ],
)
def test_what_is_marked(text: str, marked: str) -> None:
    assert mark(text) == marked
    assert restored(marked) == text


def test_marks_without_a_run_have_no_effect() -> None:
    assert restored(f"{CAP}{UPPER}  a{CAP}, b{UPPER}") == "  a, b"


def test_words_are_made_of_all_combining_marks_of_unicode() -> None:
    for character in map(chr, range(sys.maxunicode + 1)):
        assert is_word(character) == (character.isalnum() or character == "_" or is_mark(character))
