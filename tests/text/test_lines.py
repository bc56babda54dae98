"""Copies stand on one side of the division, and a list that is cut by position is said to be one."""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path

import pytest

from seriatim.text.data import split
from seriatim.text.data.corpus import Document, Measure
from seriatim.text.data.opening import open_corpus
from seriatim.text.options import TextOptions

FORMS = {
    "final newline": lambda text: text + "\n",
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "NFD": lambda text: unicodedata.normalize("NFD", text),
    "case": str.upper,
    "runs of spaces": lambda text: text.replace(" ", "   "),
}
NAMES = [f"{a}{b}{c}a" for a in "ABCDEFGHIJKLMNOPRSTV" for b in "aeiou" for c in "lmnrst"]  # 600 distinct ones


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_copies_that_differ_in_form_only_are_on_one_side(form) -> None:
    texts = [f"Café number {i}\nhas a second line" for i in range(24)]
    pool = [Document.of(f"{i}", text) for i, text in enumerate(texts)]
    pool += [Document.of(f"{i}", form(text)) for i, text in enumerate(texts)]
    splits = split.divide(pool, 0.2, 0.2)
    sides = {side: {document.name for document in part} for side, part in splits.items()}
    assert sum(map(len, sides.values())) == 24
    assert {side: len(part) for side, part in splits.items()} == {"train": 28, "validation": 10, "test": 10}


def test_sources_that_differ_in_form_only_are_on_one_side() -> None:
    pool = [Document.of(f"{i}", f"target {i} {j}", {"source": f"Word {i}" if j else f"word  {i} "})
            for i in range(30) for j in range(2)]  # fmt: skip
    splits = split.divide(pool, 0.2, 0.2)
    assert sum(len({document.name for document in part}) for part in splits.values()) == 30


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_a_key_does_not_depend_on_the_blocks(size: int) -> None:
    text = "Ein  Wort\r\nund noch\teines \n\n  Ende "
    blocks = [text[i : i + size] for i in range(0, len(text), size)]
    assert Measure.of(blocks).key == Measure.of(["ein wort und noch eines ende"]).key
    assert Measure.of(blocks).key != Measure.of(["ein wortund noch eines ende"]).key


def test_a_text_without_spaces_is_not_held_in_memory_as_one_word() -> None:
    one = Measure.of(["字" * 5000] * 40)
    assert one.key == Measure.of(["字" * 5000] * 40).key != Measure.of(["字" * 5000] * 39).key


def _corpus(folder: Path, lines: list[str], **options: str):
    path = folder / "names.txt"
    path.write_text("\n".join(lines) + "\n")
    return open_corpus(path, TextOptions(**options))


def test_a_sorted_list_is_said_to_be_one(tmp_path: Path) -> None:
    corpus = _corpus(tmp_path, sorted(NAMES))
    last = corpus.splits["train"][-1].text().split()[-1]
    assert corpus.note == (
        f"The lines are sorted, so training ends at {last!r} and the rest comes after it: to hold out whole lines at "
        "random, give --text.separator '\\n'."
    )
    assert _corpus(tmp_path, sorted(NAMES), separator="\\n").note == ""


def test_a_shuffled_list_and_repeated_lines_are_said(tmp_path: Path) -> None:
    shuffled = random.Random(0).sample(NAMES, len(NAMES))
    assert _corpus(tmp_path, shuffled).note.startswith("It looks like a list of short lines, cut here by position:")
    note = _corpus(tmp_path, [f"the same {i % 10} lines come again and again" for i in range(300)]).note
    assert note.startswith("30 of 30 lines of the test split are also in training; 30 of 30 lines of the validation")


def test_prose_and_short_files_are_not_remarked_on(tmp_path: Path) -> None:
    prose = [f"This is line {i} of a longer text, and it says something of its own." for i in range(300)]
    assert _corpus(tmp_path, prose).note == ""
    assert _corpus(tmp_path, sorted(NAMES)[:40]).note == ""
    assert _corpus(tmp_path, [line for name in sorted(NAMES) for line in (name, "")]).note == ""  # a poem's short lines
