"""CSV and Parquet: a document per row, columns as text, conditions and sources."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from seriatim.data.bad import Bad
from seriatim.data.options import WHOLE, DataOptions
from seriatim.errors import UserError
from seriatim.modality import Certainty
from seriatim.text.data.opening import open_corpus
from seriatim.text.data.tables import csv_rows
from seriatim.text.holding import holds
from seriatim.text.options import TextOptions

ROWS = [{"poem": f'line {i}, "quoted"\nand a second; é', "by": "ab"[i % 2], "year": 1900 + i} for i in range(30)]


def csv_file(path: Path, delimiter: str = ",", heading: str = "poem") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow([heading, "by", "year"])
        writer.writerows([row["poem"], row["by"], row["year"]] for row in ROWS)
    return path


def parquet_file(path: Path) -> Path:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.Table.from_pylist(ROWS), path)
    return path


@pytest.mark.parametrize("kind", [",", ";", "\t", "parquet"])
def test_a_row_is_a_document_with_its_conditions(kind: str, tmp_path: Path) -> None:
    path = parquet_file(tmp_path / "x.parquet") if kind == "parquet" else csv_file(tmp_path / "x.csv", kind)
    options = TextOptions(field="poem", given=("by", "year"))
    documents = open_corpus(path, options, WHOLE).splits["train"]
    assert [document.text() for document in documents] == [row["poem"] for row in ROWS]
    assert [dict(document.given) for document in documents] == [
        {"by": row["by"], "year": float(str(row["year"]))} for row in ROWS
    ]


def test_the_column_text_is_found_and_others_are_chosen(tmp_path: Path) -> None:
    named, other = csv_file(tmp_path / "a.csv", heading="text"), csv_file(tmp_path / "b.csv")
    assert holds(named)[:2] == (Certainty.YES, "a table with the column text")
    assert len(open_corpus(named, None, WHOLE).splits["train"]) == 30
    assert holds(other).certainty == Certainty.MAYBE
    assert "--text.field NAME reads a column" in holds(other).reason
    assert len(open_corpus(other, None, DataOptions(validation=0, test=0)).splits["train"]) == 1  # as one text
    with pytest.raises(UserError, match=r"x\.csv:2: no field 'verse'; the fields are poem, by, year"):
        open_corpus(csv_file(tmp_path / "x.csv"), TextOptions(field="verse"))


def test_a_column_of_sources_makes_a_table_of_pairs(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "x.csv")
    with pytest.raises(UserError, match=r"x\.csv:2: no field 'text'; the fields are poem, by, year"):
        open_corpus(path, TextOptions(source="by"), WHOLE)


def test_the_limit_of_cells_is_not_left_raised_between_rows(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    rows = csv_rows(csv_file(tmp_path / "x.csv"), TextOptions(field="poem"), "x.csv", Bad(False))
    next(rows)
    assert csv.field_size_limit() == limit


def test_a_source_may_be_a_column(tmp_path: Path) -> None:
    corpus = open_corpus(csv_file(tmp_path / "x.csv"), TextOptions(field="poem", source="by"), WHOLE)
    assert [document.given["source"] for document in corpus.splits["train"]] == [row["by"] for row in ROWS]


def test_empty_cells_are_missing_and_long_ones_are_read(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    (tmp_path / "x.csv").write_text("text,by\n" + "a" * 300_000 + ",\nb,2\n")
    documents = open_corpus(tmp_path / "x.csv", TextOptions(given=("by",)), WHOLE).splits["train"]
    assert [len(document.text()) for document in documents] == [300_000, 1]
    assert [document.given["by"] for document in documents] == [None, 2.0]
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", b"text,by\na,b,c\n", r"x\.csv:2: 3 cells under 2 headings"),
        ("x.csv", b'text,by\n"a', r"x\.csv: not CSV"),
        ("x.csv", b"text,by\n", r"contains no text"),
        ("x.parquet", b"PAR1 and nothing else", r"x\.parquet: not a Parquet file"),
        ("x.parquet", b"", r"x\.parquet: not a Parquet file"),
    ],
)
def test_what_is_wrong_is_named(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    with pytest.raises(UserError, match=said):
        open_corpus(tmp_path / name)
