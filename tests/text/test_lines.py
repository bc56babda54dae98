"""Copies stand on one side of the division, and a list that is cut by position is said to be one."""

from __future__ import annotations

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


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_each_line_of_a_list_is_a_document(end: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes((end.join(sorted(NAMES)) + end).encode(encoding))
    corpus = open_corpus(path)
    assert sorted(document.text() for part in corpus.splits.values() for document in part) == sorted(NAMES)
    assert {side: len(part) for side, part in corpus.splits.items()} == {"train": 480, "validation": 60, "test": 60}
    assert corpus.note == (
        "It is a list, so each line is a document; --text.separator '\\n\\n' would cut it at empty lines instead."
    )
    assert open_corpus(path, TextOptions(separator=end)).note == ""


def test_a_table_without_a_column_of_texts_is_a_list_too(tmp_path: Path) -> None:
    path = tmp_path / "towns.csv"
    path.write_text("\n".join(["town,country", *(f"{name},X" for name in NAMES)]))
    assert sum(map(len, open_corpus(path).splits.values())) == len(NAMES) + 1


def test_a_sorted_list_without_a_file_is_said_to_be_cut_by_position() -> None:
    text = "\n".join(sorted(NAMES))
    note = open_corpus({"x": [text]}).note
    assert note.startswith("The lines are sorted, so training ends at 'Puta' and the rest comes after it: to hold out")


def test_repeated_lines_are_said(tmp_path: Path) -> None:
    note = _corpus(tmp_path, [f"the same {i % 10} lines come again and again" for i in range(300)]).note
    assert note.startswith("30 of 30 lines of the test split are also in training; 30 of 30 lines of the validation")


@pytest.mark.parametrize(
    "line",
    ["{i}.5", "{i:060d}ACGT", "{i} is a line of more than three words", ""],
    ids=["numbers", "long", "words", "empty"],
)
def test_other_lines_are_one_text(line: str, tmp_path: Path) -> None:
    lines = [line.format(i=i) if i % 9 == 0 else NAMES[i] for i in range(300)]
    assert len(_corpus(tmp_path, lines).splits["train"]) == 1


def test_prose_and_short_files_are_not_remarked_on(tmp_path: Path) -> None:
    prose = [f"This is line {i} of a longer text, and it says something of its own." for i in range(300)]
    assert _corpus(tmp_path, prose).note == ""
    assert _corpus(tmp_path, sorted(NAMES)[:40]).note == ""
    assert _corpus(tmp_path, [line for name in sorted(NAMES) for line in (name, "")]).note == ""  # a poem's short lines
