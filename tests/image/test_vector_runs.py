"""Models of pictures given vectors: from a table or from files they learn them, and say what they were not given."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from checkpoints import edit
from seriatim.cli import main
from seriatim.errors import UserError
from seriatim.image.data.opening import open_gallery
from seriatim.image.model import ImageModel
from seriatim.symbols import Vectors
from seriatim.training.run import Means, plan_of, resume, start
from tiny_pictures import folder_of, picture, plan, reading, same_tensors, stopped_at

QUIET = Means(quiet=True)


def vector_of(number: int) -> NDArray[np.float32]:
    """(3,): how bright the picture is above and below, and a number that never varies."""
    x = picture(number).astype(np.float32)
    return np.array([x[: len(x) // 2].mean(), x[len(x) // 2 :].mean(), 7], np.float32)


def name_of(number: int) -> str:
    return f"{'down' if number % 2 == 0 else 'across'}/{number:03d}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("vectors")
    shutil.move(folder_of(place), place / "photos")
    rows = ["path,above,below,constant"]
    for file in sorted((place / "photos").rglob("*.png")):
        name = file.relative_to(place / "photos")
        values = vector_of(int(file.stem))
        rows.append(f"{name},{','.join(str(float(value)) for value in values)}")
        (place / "vectors" / name).parent.mkdir(parents=True, exist_ok=True)
        np.save((place / "vectors" / name).with_suffix(".npy"), values)
    (place / "table.csv").write_text("\n".join(rows) + "\nelsewhere.png,1,2,3\n")
    image = {"vectors": str(place / "table.csv"), "levels": 4, "given": False}
    start(plan(place / "photos", image=image, steps=150, evaluate_every=75, lr=0.02), place / "run", QUIET)
    return place


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    return made


def test_the_vector_is_a_condition_that_is_learned(made: Path) -> None:
    model = ImageModel.load(made / "run")
    codec = model.codecs["vector"]
    assert isinstance(codec, Vectors)
    assert codec.size == 3
    assert codec.scale.std[2] == 1
    held = np.stack([picture(number) for number in range(100, 160)])
    own = np.stack([vector_of(number) for number in range(100, 160)])
    nats = {
        name: -model.log_prob(held, {"vector": vector})
        for name, vector in (("own", own), ("others", np.roll(own, 7, 0)), ("none", None))
    }
    assert nats["own"].mean() < nats["none"].mean() - 0.3
    assert nats["own"].mean() < nats["others"].mean() - 0.3
    one = model.log_prob(held[:3], {"vector": own[0]})
    assert np.allclose(one[0], -nats["own"][0], rtol=1e-5)


def test_a_table_and_files_say_the_same(made: Path) -> None:
    options, division = reading(made / "run")
    table = open_gallery(made / "photos", options, division).splits["train"]
    files = open_gallery(made / "photos", dataclasses.replace(options, vectors=str(made / "vectors")), division)
    assert table.vectors is not None
    assert np.array_equal(table.vectors, files.splits["train"].vectors)
    for name, vector in zip(table.names, table.vectors, strict=True):
        assert np.array_equal(vector, vector_of(int(Path(name).stem)))
    few = open_gallery(made / "photos", options, dataclasses.replace(division, limit=20)).splits["train"]
    assert few.vectors is not None
    assert all(np.array_equal(v, vector_of(int(Path(n).stem))) for n, v in zip(few.names, few.vectors, strict=True))


def test_a_run_that_was_stopped_equals_one_that_was_not(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made / "vectors", tmp_path / "vectors")
    whole = plan(made / "photos", image={"vectors": str(tmp_path / "vectors"), "levels": 4})
    start(whole, tmp_path / "whole", QUIET)
    with stopped_at(6, monkeypatch):
        start(whole, tmp_path / "halves", QUIET)
    shutil.copytree(tmp_path / "halves", tmp_path / "later")
    resume(tmp_path / "halves", *plan_of(tmp_path / "halves"), QUIET)
    held = same_tensors(tmp_path / "whole", tmp_path / "halves", "model")
    assert any("given_vector" in key for key in held)
    assert any("given_label" in key for key in held)
    np.save(tmp_path / "vectors" / f"{name_of(0)}.npy", vector_of(1))
    with pytest.raises(UserError, match="has changed since this run began"):
        resume(tmp_path / "later", *plan_of(tmp_path / "later"), QUIET)


def test_what_is_drawn_depends_on_the_vector_that_is_given(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = ImageModel.load(here / "run")
    vectors = np.stack([vector_of(number) for number in range(60)])
    drawn = model.sample(60, given={"vector": vectors}).astype(np.float64)
    half = drawn.shape[1] // 2
    for i, part in enumerate((drawn[:, :half], drawn[:, half:])):
        assert np.corrcoef(part.mean((1, 2, 3)), vectors[:, i])[0, 1] > 0.3
    assert np.array_equal(model.sample(1, given={"vector": vectors[0].tolist()})[0], drawn[0])
    assert main(["sample", "run", "-n", "2", "--given", "vector=250,250,7", "-o", "bright.png"]) == 0
    assert main(["sample", "run", "-n", "2", "--given", f"vector=vectors/{name_of(2)}.npy", "-o", "own.png"]) == 0
    assert main(["complete", "run", f"photos/{name_of(0)}.png", "--given", "vector=1,2,3", "-n", "1"]) == 0
    assert main(["inspect", "run"]) == 0
    capsys.readouterr()
    for value, named in (("1,2", "3 numbers"), ("a,b", "not a vector"), ("no.npy", "no.npy"), ("1,2,inf", "finite")):
        assert main(["sample", "run", "--given", f"vector={value}", "-o", "x.png"]) == 2
        said = capsys.readouterr()
        assert said.err.count("\n") == 1
        assert named in said.err
        assert not (here / "x.png").exists()


def test_vectors_of_ones_own_pictures(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("evaluate run photos --json", "score run photos --json"):
        assert main(command.split()) == 0
        bare = capsys.readouterr()
        assert bare.err == "vector counts as missing for 60 of 60 pictures; give --vectors, one per picture\n"
        outs: list[str] = []
        for vectors in ("table.csv", "vectors"):
            assert main([*command.split(), "--vectors", vectors]) == 0
            full = capsys.readouterr()
            assert full.err == ""
            assert full.out != bare.out
            outs.append(full.out)
        assert outs[0] == outs[1]


def test_one_line_says_what_is_wrong(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (here / "table.csv").read_text().splitlines()
    for name, changed in {
        "few": lines[:5],
        "ragged": [*lines[:3], lines[3] + ",9", *lines[4:]],
        "words": [*lines[:3], lines[3].rsplit(",", 1)[0] + ",x", *lines[4:]],
        "twice": [*lines, lines[1]],
        "inf": [*lines[:3], lines[3].rsplit(",", 1)[0] + ",inf", *lines[4:]],
    }.items():
        (here / f"{name}.csv").write_text("\n".join(changed))
    for name, value in (("wide", np.zeros((2, 3))), ("text", np.array(["a"])), ("other", np.zeros(4))):
        shutil.copytree(here / "vectors", here / name, dirs_exist_ok=True)
        np.save(here / name / f"{name_of(3)}.npy", value)
    shutil.copytree(here / "vectors", here / "torn", dirs_exist_ok=True)
    (here / "torn" / f"{name_of(3)}.npy").write_bytes(b"\x93NUMPY")
    start(plan(here / "photos", steps=1), here / "bare", QUIET)
    train = "train photos --out new --image.levels 4 "
    for words, named in (
        (f"{train}--image.vectors few.csv", "no vector for 56 of 60 pictures"),
        (f"{train}--image.vectors ragged.csv", "ragged.csv:4: 4 numbers; expected 3"),
        (f"{train}--image.vectors words.csv", "words.csv:4"),
        (f"{train}--image.vectors twice.csv", "remove one of the rows"),
        (f"{train}--image.vectors inf.csv", "not finite"),
        (f"{train}--image.vectors nowhere.csv", "nowhere.csv: no such file; --image.vectors"),
        (f"{train}--image.vectors photos", "no vector for 60 of 60 pictures"),
        (f"{train}--image.vectors wide", "shape (2, 3)"),
        (f"{train}--image.vectors text", "not an array of numbers"),
        (f"{train}--image.vectors torn", "not an NPY file of numbers, or damaged"),
        (f"{train}--image.vectors other", "4 numbers, but"),
        (f"{train}--image.vectors vectors --code.width 3", "--code.width"),
        (f"{train}--image.vectors vectors --from bare", "takes none"),
        (f"{train}--from run", "give --image.vectors"),
        ("train digits --image.vectors vectors --out new", "digits is not a folder"),
        ("evaluate run --vectors vectors", "--vectors was given without pictures"),
        ("classify bare --vectors vectors", "--vectors was given without pictures"),
        ("score bare photos --vectors vectors", "this model is not conditioned on vectors"),
    ):
        assert main(words.split()) == 2, words
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1, said.err
        assert named in said.err, (words, said.err)
        assert not (here / "new" / "model.json").exists()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda codec: codec.update(mean=[0.0] * 4, std=[1.0] * 4), "shape"),
        (lambda codec: codec.update(mean=[0.0] * 4), "as many of both"),
        (lambda codec: codec.update(std=[1.0, 0.0, 1.0]), "deviations above 0"),
        (lambda codec: codec.update(std=[1.0, "1", 1.0]), r"std\[1\]"),
        (lambda codec: codec.update(mean=[], std=[]), "0 means and 0 deviations"),
        (lambda codec: codec.update(mean=3), "mean"),
        (lambda codec: codec.pop("std"), "std"),
    ],
)
def test_a_tampered_codec_is_refused(
    made: Path, tmp_path: Path, change: Callable[[dict[str, object]], object], word: str
) -> None:
    shutil.copytree(made / "run", tmp_path / "bad")
    edit(tmp_path / "bad", lambda document: change(document["codecs"]["vector"]))
    with pytest.raises(UserError, match=word):
        ImageModel.load(tmp_path / "bad")
