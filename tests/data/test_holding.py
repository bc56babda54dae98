"""What a path, a name or a Python object holds: each wing is asked once, and a doubt is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

import seriatim
from seriatim.cli import main
from seriatim.errors import UserError
from seriatim.modality import HOMES, Certainty, kind_of, modalities, modality


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)


def recording(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(50, np.int16), 8000)


def kind(data: object) -> tuple[str, Certainty]:
    record, verdict = kind_of(data)
    return record.name, verdict.certainty


def test_every_name_is_of_one_kind_and_every_record_is_its_own() -> None:
    assert [record.name for record in modalities()] == list(HOMES)
    names = [name for record in modalities() for name in record.names]
    assert len(set(names)) == len(names)
    groups = [group for record in modalities() for group in record.options]
    assert len(set(groups)) == len(groups)
    for record in modalities():
        assert sorted(record.sets()) == sorted(record.names)
        assert record.model().kind == record.name
        assert all(kind(name) == (record.name, Certainty.YES) for name in record.names)


def test_files_and_folders(tmp_path: Path) -> None:
    for i in range(3):
        picture(tmp_path / "photos" / f"{i}.png")
        recording(tmp_path / "voices" / f"{i}.wav")
    (tmp_path / "photos" / "notes.txt").write_text("holidays")
    (tmp_path / "novel").write_text("no ending")
    (tmp_path / "table.csv").write_text("name,text\na,the cat\nb,sat on\n")
    assert kind(tmp_path / "photos") == ("image", Certainty.YES)
    assert kind(tmp_path / "voices") == ("audio", Certainty.YES)
    assert kind(str(tmp_path / "photos" / "0.png")) == ("image", Certainty.YES)
    assert kind(tmp_path / "novel") == ("text", Certainty.YES)
    assert kind(tmp_path / "table.csv") == ("text", Certainty.YES)  # it has a column text
    assert kind("-") == ("text", Certainty.YES)
    _, verdict = kind_of(tmp_path / "voices")
    assert (verdict.files, verdict.bytes) == (3, sum(f.stat().st_size for f in (tmp_path / "voices").iterdir()))


def test_python_objects() -> None:
    pixels, samples = np.zeros((3, 4, 4), np.uint8), [np.zeros(9, np.int16)] * 3
    assert kind(["a", "b"]) == ("text", Certainty.YES)
    assert kind({"x": ["a", "b"], "mood": [1, 2]}) == ("text", Certainty.YES)
    assert kind(pixels) == kind({"x": pixels, "label": ["a"] * 3}) == ("image", Certainty.YES)
    assert kind(samples) == kind(np.zeros((3, 9), np.int16)) == ("audio", Certainty.YES)
    films = np.zeros((2, 3, 4, 4, 1), np.uint8)
    assert kind(films) == kind({"x": [*films], "label": ["a"] * 2}) == ("video", Certainty.YES)
    assert kind(np.zeros(3)) == kind([np.zeros((4, 2)), np.zeros((5, 2))]) == ("series", Certainty.YES)
    for nothing in (
        3,
        None,
        [],
        [1, 2],
        np.zeros(3, int),
        np.zeros((2, 2, 2)),
        np.zeros((2, 2, 2, 2, 2)),
        np.zeros((2, 2, 2, 2, 2, 2), np.uint8),
        {"y": ["a"]},
        b"bytes",
    ):
        with pytest.raises(UserError, match="cannot be trained on"):
            kind_of(nothing)


def test_what_nobody_reads_is_told(tmp_path: Path) -> None:
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.7\n" * 9)
    (tmp_path / "empty").mkdir()
    (tmp_path / "some.xyz").write_bytes(b"\0\1\2")
    for path in (tmp_path / "some.xyz", tmp_path / "empty"):
        with pytest.raises(UserError, match="holds no data that can be read; give text, pictures, audio"):
            kind_of(path)
    (tmp_path / "draw.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n" * 9)
    for name, words in (
        ("paper.pdf", r"holds documents that are not read \(\.pdf\): save their text"),
        ("draw.eps", "holds vector graphics"),
    ):
        with pytest.raises(UserError, match=words):
            kind_of(tmp_path / name)
        (tmp_path / f"of-{name}").mkdir()
        for i in range(12):
            (tmp_path / f"of-{name}" / f"{i}-{name}").write_bytes((tmp_path / name).read_bytes())
    with pytest.raises(UserError, match=r"holds vector graphics \(12 × \.eps\): save them as PNG"):
        kind_of(tmp_path / "of-draw.eps")
    (tmp_path / "of-paper.pdf" / "LICENSE.txt").write_text("You may look. " * 99)
    others = r"1 file of text, and documents that are not read \(12 × \.pdf\): .*; to read .* give --kind text"
    with pytest.raises(UserError, match=others):
        kind_of(tmp_path / "of-paper.pdf")
    with pytest.raises(UserError, match="does not exist"):
        kind_of(tmp_path / "none.txt")
    with pytest.raises(UserError, match="did you mean 'mnist'"):
        kind_of("mnits")
    with pytest.raises(UserError, match="'spreadsheet' is no kind of data; known: audio, image, series, text"):
        modality("spreadsheet")


def test_a_doubt_is_told_with_how_to_choose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for i in range(2):
        picture(tmp_path / "both" / f"{i}.png")
        recording(tmp_path / "both" / f"{i}.wav")
    with pytest.raises(UserError, match=r"image: 2 files of images; audio: 2 files of audio\); choose with --kind"):
        kind_of("both")
    assert main(["train", "both"]) == 2
    assert "choose with --kind, e.g. --kind image" in capsys.readouterr().err
    assert main(["train", "both", "--model", "wavenet"]) == 2
    assert "choose with --kind, e.g. --kind audio" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"e\.g\. --kind audio"):
        seriatim.train("both", "wavenet")
    (tmp_path / "table.csv").write_text("a,the cat\nb,sat on\n" * 300)
    quick = ["--train.steps", "1", "--train.samples", "0", "--net.width", "8", "--net.heads", "2", "--net.context", "8"]
    assert main(["train", "table.csv", *quick, "--out", "run"]) == 0
    said = capsys.readouterr().err
    assert "table.csv: read as text (a table read as plain text; --text.field NAME reads a column: a, the cat)" in said
    assert main(["train", "table.csv", "--kind", "image"]) == 2
    assert "table.csv" in capsys.readouterr().err
    assert main(["train", "table.csv", "--kind", "film"]) == 2
    assert "'film' is no kind of data" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        ("text", {"x": ["a", 3]}, "text 1 is a int"),
        ("text", {"y": ["a"]}, "no column is named text"),
        ("image", np.zeros((2, 4, 4)), "'x' is float64 of shape"),
        ("image", {"x": np.zeros((2, 4, 4), np.uint8), "label": ["a"]}, "1 values of 'label' for 2 pictures"),
        ("image", {"x": np.zeros((2, 4, 4), np.uint8), "lable": ["a"] * 2}, "unknown key 'lable' for pictures"),
        ("audio", [np.zeros(9, np.int16)], "need a sample rate"),
    ],
)
def test_objects_that_do_not_fit(kind: str, data: Any, message: str) -> None:
    from seriatim.training.plan import Plan

    with pytest.raises(UserError, match=message):
        Plan("(in memory)", kind).open(data)


def test_a_data_frame(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"text": [f"rose {i}" for i in range(60)], "mood": ["up"] * 30 + [None] * 30, "n": range(60)}
    )
    options = seriatim.TextOptions(given=("mood", "n"))
    quick = {"steps": 2, "samples": 0, "quiet": True, "device": "cpu", "net": {"width": 8, "layers": 1}}
    model = seriatim.train(frame, "gru", out=tmp_path / "run", text=options, **quick)
    assert {name: codec.kind for name, codec in model.conditions.items()} == {"mood": "labels", "n": "numbers"}
    assert kind(frame["text"]) == ("text", Certainty.YES)
    with pytest.raises(UserError, match="no column is named 'moood'; did you mean 'mood'"):
        seriatim.train(frame, text=seriatim.TextOptions(given=("moood",)), out=tmp_path / "other", **quick)


NUMBERS = {
    "csv": "1,2\n3,4\n",
    "heading": "height,width\n1.5,2e-3\n-3,4\n",
    "names": "name,a,b,c\nx,1,2,3\ny,4,5,6\n",
    "gaps": "a,b,c,d\n1,,3,4\n5,6,7,8\n",
    "spaces": "1  2 3\n 4 5 6\n",
    "tabs": "x\ty\n1\t2\n",
    "semicolons": "x;y\n1,5;2\n3,5;4\n",
    "long": "a,b\n" + "123,456\n" * 2000,
    "one-column": "1\n2\n3\n",
    "times": "day,sold\n2026-01-01,3\n2026-01-02,\n",
    "long-table": "id,day,sold\na,2026-01-01,3\nb,2026-01-01,4\n",
    "compact": "date,co2\n19580329,316.1\n19580405,317.3\n",
    "slashes": "Date,Close\n1/4/1999,1229.22998\n1/5/1999,1228.1\n",
    "quoted": '"YEAR","SUN"\n1700,5\n1701,11\n',
}
PROSE = {
    "prose": "In 1984 there were 3 of us.\nIn 2001, none.\n",
    "texts": "name,text\na,the cat\n",
    "names-and-ages": "name,age\nAnna,31\nOtto,42\n",
    "diary": "day,words\n2026-01-01,It rained all day and nobody came to see us at all.\n",
    "one-line": "1,2,3",
    "code": "x = [1, 2]\ny = [3, 4]\n",
    "empty": "",
}


@pytest.mark.parametrize("name", [*NUMBERS, *PROSE])
def test_a_table_of_numbers_is_series(name: str, tmp_path: Path) -> None:
    for ending in ("txt", "csv", "dat"):
        path = tmp_path / f"x.{ending}"
        path.write_text((NUMBERS | PROSE)[name])
        if name in PROSE:
            assert kind(path)[0] == "text"
            continue
        record, verdict = kind_of(path)
        assert (record.name, verdict.certainty) == ("series", Certainty.YES)
        assert "number" in verdict.reason


def test_captions_and_pictures_are_asked_about(tmp_path: Path) -> None:
    for i in range(3):
        picture(tmp_path / f"{i}.png")
        (tmp_path / f"{i}.txt").write_text("a cat")
    with pytest.raises(UserError, match=r"text: 3 files of text; image: 3 files of images\); choose with --kind"):
        kind_of(tmp_path)
