"""Pairs from TSV, from two files line by line, from JSONL: read as they are, divided so that nothing leaks."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest

from dividing import divided
from seriatim.data.options import WHOLE, DataOptions
from seriatim.data.ragged import Ragged
from seriatim.errors import UserError
from seriatim.text.data.corpus import SOURCE, Corpus
from seriatim.text.data.opening import open_corpus
from seriatim.text.data.split import folds
from seriatim.text.data.tokens import tokenize
from seriatim.text.options import TextOptions
from seriatim.text.tokenizers import train_tokenizer


def read(path: Path, **options: object) -> Corpus:
    own, division = divided(options, validation=0.0, test=0.0)
    return open_corpus(path, TextOptions(**own), division)


def pairs(corpus: Corpus, split: str = "train") -> list[tuple[object, str]]:
    return [(document.given[SOURCE], document.text()) for document in corpus.splits[split]]


WANTED = [("one", "eins"), ("two", "zwei"), ("three", "drei")]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("one\teins\ntwo\tzwei\nthree\tdrei\n", {}),
        ("one\teins\tCC-BY 2.0\r\n\r\ntwo\tzwei\tx\r\nthree\tdrei\ty", {}),
        ("source\ttarget\none\teins\ntwo\tzwei\nthree\tdrei", {}),
        ("id\tde\ten\n1\teins\tone\n2\tzwei\ttwo\n3\tdrei\tthree", {"source": "en", "field": "de"}),
        ("1\teins\tone\n2\tzwei\ttwo\n3\tdrei\tthree", {"source": "3", "field": "2"}),
        ("target\tsource\neins\tone\nzwei\ttwo\ndrei\tthree", {}),
        ("id\tTarget\tSource\n1\teins\tone\n2\tzwei\ttwo\n3\tdrei\tthree", {}),
        ("eins\tone\n  \nzwei\ttwo\ndrei\tthree", {"source": "2"}),
        ("eins\tone\nzwei\ttwo\ndrei\tthree", {"field": "1"}),
        ("id\tq\ttext\n1\tone\teins\n2\ttwo\tzwei\n3\tthree\tdrei", {"source": "2", "field": "text"}),
    ],
)
def test_a_table(tmp_path: Path, text: str, options: dict[str, str]) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_bytes(text.encode())
    corpus = read(path, **options)
    assert corpus.paired
    assert pairs(corpus) == WANTED


def test_a_compressed_table_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv.gz"
    path.write_bytes(gzip.compress("fünf\tfive\nzwölf\ttwelve\n".encode("latin-1")))
    assert pairs(read(path, encoding="latin-1")) == [("fünf", "five"), ("zwölf", "twelve")]


def test_two_files_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "a.en").write_text("one\ntwo\nthree\n")
    (tmp_path / "a.de").write_text("eins\r\nzwei\r\ndrei")
    assert pairs(read(tmp_path / "a.de", source=str(tmp_path / "a.en"))) == WANTED


def test_fields_of_records(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"q": "one", "a": "eins"}\n{"a": "zwei", "q": "two"}\n{"q": "three", "a": "drei", "by": 1}\n')
    assert pairs(read(path, field="a", source="q")) == WANTED


def test_what_has_an_empty_side_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("one\teins\n\tzwei\nthree\t \nfour\tvier\n\n")
    corpus = read(path)
    assert pairs(corpus) == [("one", "eins"), ("four", "vier")]
    assert corpus.note == "2 of 4 pairs have an empty side and are left out."


@pytest.mark.parametrize(
    ("files", "options", "words"),
    [
        ({"x.tsv": "one\teins\ntwo zwei\n"}, {}, "x.tsv:2: 1 columns; expected 2"),
        ({"x.tsv": "a\tb\n1\t2\n"}, {"source": "c", "field": "b"}, "no column 'c' in the header, which has a, b"),
        ({"x.tsv": " \t \n\t\n"}, {}, "contains no text"),
        ({"x.tsv": ""}, {}, "contains no text"),
        ({"x.de": "eins\nzwei\n", "x.en": "one\n"}, {"source": "x.en"}, "x.de has 2 lines but .*x.en has 1"),
        ({"x.de": "eins\n"}, {"source": "x.en"}, "is not a file; expected one with as many lines as x.de"),
        ({"x.jsonl": '{"text": "eins", "q": 3}\n'}, {"source": "q"}, "the source 'q' is a number; expected a string"),
        ({"x.jsonl": '{"text": "eins"}\n'}, {"source": "q"}, "the source 'q' is missing"),
    ],
)
def test_one_line_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], options: dict[str, str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=words):
        read(Path(next(iter(files))), **options)


def test_pairs_that_share_a_sentence_are_on_one_side(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    random = np.random.default_rng(0)
    rows = [(f"s{random.integers(300)}", f"t{random.integers(300)}") for _ in range(200)]
    path.write_text("".join(f"{s}\t{t}\n" for s, t in rows))
    corpus = open_corpus(path, None, DataOptions(validation=0.2, test=0.2))
    sides = {side: set(pairs(corpus, side)) for side in ("train", "validation", "test")}
    assert sum(len(corpus.splits[side]) for side in sides) == len(rows)
    assert all(len(side) > 5 for side in sides.values())
    for one in sides:
        for other in sides.keys() - {one}:
            for column in (0, 1):
                assert not {p[column] for p in sides[one]} & {p[column] for p in sides[other]}


def test_sources_as_rows_of_unequal_length(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("ab\tx\nb\tyx\n")
    source, target = (train_tokenizer("characters", [text]) for text in ("ab", "xy"))
    tokens = tokenize(read(path).splits["train"], target, {SOURCE: source})
    found = tokens.given[SOURCE]
    assert isinstance(found, Ragged)
    a, b = source.encode("ab").tolist()
    assert found[[0, 1]].tolist() == [[a, b, source.end], [b, source.end, -1]]
    assert found[np.array([1])].tolist() == [[b, source.end]]
    none = Ragged([np.zeros(0, np.int64)] * 2)
    assert none[[0, 1]].tolist() == [[-1], [-1]]
    assert len(none) == 2


def test_few_targets_do_not_empty_the_splits(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{i}\t{'even' if i % 2 == 0 else 'odd'}\n" for i in range(300)))
    corpus = open_corpus(path, None, DataOptions(validation=0.1, test=0.1))
    sizes = {side: len(documents) for side, documents in corpus.splits.items()}
    assert sizes == {"train": 240, "validation": 30, "test": 30}
    assert {target for _, target in pairs(corpus, "test")} == {"even", "odd"}
    path.write_text("".join(f"{i % 100}\t{i}\n" for i in range(300)))  # three targets a source
    corpus = open_corpus(path, None, DataOptions(validation=0.1, test=0.1))
    assert {source for source, _ in pairs(corpus)}.isdisjoint(source for source, _ in pairs(corpus, "test"))
    assert len(corpus.splits["test"]) == 30, "a share counts pairs"


def test_folds_are_of_whole_pairs(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{i}\t{100 + i}\n" for i in range(15)))
    corpus = open_corpus(path, None, DataOptions(validation=0.2, test=0))
    parts = folds(corpus, 3)
    held = [pair for part in parts for pair in pairs(part, "validation")]
    assert sorted(held) == sorted((str(i), str(100 + i)) for i in range(15))
    for part in parts:
        assert set(pairs(part)).isdisjoint(pairs(part, "validation"))
    with pytest.raises(UserError, match="15 groups of pairs are too few for 20 folds"):
        folds(corpus, 20)


@pytest.mark.parametrize(
    ("text", "options", "wanted"),
    [
        ("german\ttext\neins\tone", {"source": "german"}, [("eins", "one")]),
        ("text\tgerman\none\teins", {"source": "german"}, [("eins", "one")]),
        ("target\tsource\none\teins", {"source": "source"}, [("eins", "one")]),
        ("source\ttarget\none\teins", {"source": "1"}, [("one", "eins")]),
        ("id\tsource\ttarget\n7\tone\teins", {"source": "source"}, [("one", "eins")]),
    ],
)
def test_a_heading_is_known_by_what_is_asked_of_it(
    tmp_path: Path, text: str, options: dict[str, str], wanted: list[tuple[str, str]]
) -> None:
    (tmp_path / "x.tsv").write_text(text)
    assert pairs(read(tmp_path / "x.tsv", **options)) == wanted


@pytest.mark.parametrize("source", ["²", "0", "c"])
def test_a_column_that_is_not_there(tmp_path: Path, source: str) -> None:
    (tmp_path / "x.tsv").write_text("a\tb\tc d\n1\t2\t3\n")
    with pytest.raises(UserError, match=f"no column '{source}' in the header"):
        read(tmp_path / "x.tsv", source=source)


def test_a_table_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"eins\tone\nzwei\ttwo\ndrei\tthree\n")))
    options = TextOptions(source="2", field="1")
    assert pairs(open_corpus("-", options, WHOLE)) == WANTED


def test_a_number_names_a_column_of_a_file_with_any_ending(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("eins\tone\nzwei\ttwo\ndrei\tthree\n")
    assert pairs(read(tmp_path / "pairs.txt", source="2", field="1")) == WANTED


def test_a_folder_of_tables(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("one\teins\ntwo\tzwei\n")
    (tmp_path / "b.tsv").write_text("three\tdrei\n")
    (tmp_path / "c.jsonl").write_text("{}\n")
    corpus = read(tmp_path)
    assert pairs(corpus) == WANTED
    assert corpus.note == "Left out: 1 × .jsonl."


def test_a_folder_of_records(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"source": "one", "text": "eins"}\n{"source": "two", "text": "zwei"}\n')
    (tmp_path / "b.ndjson").write_text('{"source": "three", "text": "drei"}\n')
    assert pairs(read(tmp_path, source="source")) == WANTED


def test_as_many_texts_as_tables_are_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("one\teins\ntwo\tzwei\nthree\tdrei\n")
    (tmp_path / "readme.txt").write_text("what this is")
    with pytest.raises(UserError, match=r"1 × \.tsv, 1 × \.txt: it is not clear which to read"):
        read(tmp_path)
    asked = read(tmp_path, source="1")
    assert pairs(asked) == WANTED
    assert asked.note == "Left out: 1 × .txt."
    (tmp_path / "b.tsv").write_text("\n")
    assert pairs(read(tmp_path)) == WANTED, "the kind of which there are more"


@pytest.mark.parametrize("options", [{"source": "1", "field": "1"}, {"source": "q", "field": "q"}])
def test_a_column_is_not_both(tmp_path: Path, options: dict[str, str]) -> None:
    (tmp_path / "a.tsv").write_text("q\ta\none\teins\n")
    with pytest.raises(UserError, match="is not clear"):
        read(tmp_path / "a.tsv", **options)
    (tmp_path / "a.jsonl").write_text('{"q": "one", "1": "a"}\n')
    with pytest.raises(UserError, match="are both"):
        read(tmp_path / "a.jsonl", **options)


def test_sources_of_one_file_are_not_for_a_folder(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    for name in ("a.txt", "b.txt", "../sources"):
        (tmp_path / "texts" / name).write_text("one\n")
    with pytest.raises(UserError, match=r"2 files of text, but --text\.source"):
        read(tmp_path / "texts", source=str(tmp_path / "sources"))


UNCLEAR = {
    "a-heading": "id\tmetric\timperial\n" + "".join(f"{i}\t{i} km\t{i} mi\n" for i in range(9)),
    "a-heading-of-two": "word\tcount\n" + "".join(f"w{i}\t{i}\n" for i in range(9)),
    "numbered-lines": "".join(f"{i}\ta{i}\tb{i}\n" for i in range(9)),
}
CLEAR = {
    "licences": "".join(f"go {i}\tva {i}\tCC BY {i}\n" for i in range(9)),
    "sums": "".join(f"{i}\t{i * i}\n" for i in range(9)),
    "few": "a\tb\n1\t2\n",
    "classes": "".join(f"{i % 2}\ta{i}\tb{i}\n" for i in range(9)),
}


@pytest.mark.parametrize("name", [*UNCLEAR, *CLEAR])
def test_columns_that_are_not_clear_are_asked_for(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.tsv"
    path.write_text((UNCLEAR | CLEAR)[name])
    whole = DataOptions(0, 0)
    if name in CLEAR:
        assert len(open_corpus(path, TextOptions(), whole).splits["train"]) == path.read_text().count("\n")
        return
    with pytest.raises(UserError, match=r"x\.tsv:1: it is not clear which of the columns .* give names, or numbers"):
        open_corpus(path, TextOptions(), whole)
    found = open_corpus(path, TextOptions(source="1", field="2"), whole).splits["train"]
    assert found[-1].given["source"] == path.read_text().splitlines()[-1].split("\t")[0]
