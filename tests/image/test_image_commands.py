"""The commands on a run of pictures: what they write, and what they refuse in one line."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import seriatim
from seriatim.cli import main
from seriatim.cli.groups import Conditions
from seriatim.cli.kinds.image import pictures_of
from seriatim.cli.requests import Judging
from seriatim.data.progress import Bar
from seriatim.drawing.sheets import grid
from seriatim.image.model import ImageModel
from seriatim.training.run import Means, plan_of, start
from tiny_pictures import SIZE, folder_of, picture, plan

QUIET = Means(quiet=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made")
    shutil.move(folder_of(place), place / "pictures")
    start(plan(place / "pictures", steps=40, evaluate_every=20, lr=0.01), place / "run", QUIET)
    (place / "novel.txt").write_text("It was a dark night. " * 200)
    (place / "hollow").mkdir()
    (place / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    return place


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    return made


def test_sheets_singles_and_animations(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "run", "-n", "6", "--columns", "3", "--given", "label=down", "-o", "sheet.png"]) == 0
    with Image.open("sheet.png") as sheet:
        rows, columns = 2 * (SIZE[0] + 1) - 1, 3 * (SIZE[1] + 1) - 1
        assert sheet.width % columns == 0
        assert sheet.size == (sheet.width, rows * sheet.width // columns)
    assert main(["sample", "run", "-n", "3", "--singles", "-o", "many", "--seed", "4"]) == 0
    names = sorted(path.name for path in (here / "many").iterdir())
    assert names == ["00000.png", "00001.png", "00002.png"]
    with Image.open(here / "many" / "00001.png") as one:
        assert one.size == SIZE[::-1]
        seed = getattr(one, "text", {})["seeds"]
        pixels = np.asarray(one)
    assert main(["sample", "run", "--singles", "-o", "again", "--seed", seed]) == 0
    with Image.open(here / "again" / "00000.png") as alone:
        assert np.array_equal(np.asarray(alone), pixels)
    with Image.open("sheet.png") as sheet:
        assert len(set(getattr(sheet, "text", {})["seeds"].split())) == 6
    assert f"many: 3 pictures, seeds 4, {seed}, " in capsys.readouterr().err
    assert main(["sample", "run", "-n", "6", "-o", "sheet.png"]) == 0
    assert main(["sample", "run", "-n", "2", "-o", "film.gif"]) == 0
    with Image.open("film.gif") as film:
        assert getattr(film, "n_frames", 1) > 10
        first, last = np.asarray(film.convert("L")), None
        film.seek(film.n_frames - 1)  # pyright: ignore[reportAttributeAccessIssue]
        last = np.asarray(film.convert("L"))
    assert first.std() < last.std()  # it begins all grey
    assert "sheet.png: 6 pictures" in capsys.readouterr().err


def test_evaluate_score_inspect(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "run", "pictures", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["images"] == 60
    assert whole["dims"] == math.prod(SIZE)
    nats = whole["nats_per_image_given_label"]
    assert whole["bits_per_dim_given_label"] == pytest.approx(nats / math.log(2) / whole["dims"])
    assert main(["score", "run", "pictures/down/000.png", "pictures/across", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 31
    assert [row["bits_given_label"] for row in rows] == sorted((row["bits_given_label"] for row in rows), reverse=True)
    assert main(["inspect", "run", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["height"], facts["width"], facts["channels"], facts["levels"]) == (*SIZE, 1, 4)
    assert facts["sees_of_the_past"].startswith("17 of 17")


def test_classify(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "run", "pictures/down/000.png", "pictures/across/001.png", "--json", "--top", "1"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 2
    assert all(len(row["posterior"]) == 1 and 0.5 <= max(row["posterior"].values()) <= 1 for row in rows)
    assert main(["classify", "run", "--split", "train", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["pictures"] == 48
    assert whole["accuracy"] > 0.8
    assert main(["classify", "run", "pictures/down/000.png", "--prior", "across=1"]) == 0
    assert "across 1.0000" in capsys.readouterr().out


def test_complete(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(
            [
                "complete",
                "run",
                "pictures/down/000.png",
                "-n",
                "3",
                "--given",
                "label=down",
                "--columns",
                "5",
                "-o",
                "half.png",
            ]
        )
        == 0
    )
    with Image.open("half.png") as sheet:
        scale = sheet.width // (5 * (SIZE[1] + 1) - 1)
        x = np.asarray(sheet)[scale // 2 :: scale, scale // 2 :: scale]
    each = [x[:, i * (SIZE[1] + 1) :][:, : SIZE[1]] for i in range(5)]
    for one in each[1:]:
        assert np.array_equal(one[: SIZE[0] // 2], each[0][: SIZE[0] // 2])
    assert (each[1][SIZE[0] // 2 :] == 128).all()
    mask = np.zeros(SIZE, np.uint8)
    mask[:, 3:] = 255
    Image.fromarray(mask).save("mask.png")
    assert (
        main(
            [
                "complete",
                "run",
                "pictures/down/000.png",
                "--known",
                "mask.png",
                "--particles",
                "4",
                "-n",
                "2",
                "-o",
                "masked.png",
            ]
        )
        == 0
    )
    assert "2 completions" in capsys.readouterr().err


def test_ink_is_drawn_and_a_label_unseen_in_training_counts_as_not_said(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start(plan(here / "pictures", image={"binarise": "epoch", "levels": 256}, steps=2), tmp_path / "run", QUIET)
    shutil.copytree(here / "pictures", tmp_path / "own")
    shutil.move(tmp_path / "own" / "across", tmp_path / "own" / "sideways")
    assert main(["evaluate", str(tmp_path / "run"), str(tmp_path / "own"), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["images"] == 60
    counts = {"items": 60, "missing": 30, "unknown": {"sideways": 30}}
    assert json.loads(said.out)["conditions"] == {"label": counts}
    missing = "label counts as missing for 30 of 60 pictures; unknown: 'sideways' (30)"
    assert said.err == f"{missing}; the model knows 'across', 'down'\n"
    shutil.rmtree(tmp_path / "own" / "down")
    assert main(["evaluate", str(tmp_path / "run"), str(tmp_path / "own")]) == 0  # one folder: no labels at all
    said = capsys.readouterr()
    assert said.err == (
        "label counts as missing for 30 of 30 pictures; give the folder whose subfolders are the labels\n"
    )
    assert "bits/dim given label " in said.out
    shutil.copytree(here / "pictures" / "down", tmp_path / "own" / "down")
    model = seriatim.load(tmp_path / "run", "cpu")
    assert isinstance(model, ImageModel)
    for data, split in ((None, "train"), (str(tmp_path / "own"), None)):
        found, _ = pictures_of(model, Judging(tmp_path / "run", (), Conditions(), False, split=split), data)
        assert set(np.unique(found.x)) == {0, 255}
    given = model.given_of(found)["label"]
    assert set(given) == {"down", None}
    assert given.count(None) == 30


def test_pictures_are_read_as_the_run_read_its_own(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = {"size": (3, 2), "crop": "none", "resample": "nearest", "levels": 256}
    start(plan(here / "pictures", image=image, steps=2), tmp_path / "run", QUIET)
    model, own = ImageModel.load(tmp_path / "run"), picture(0)
    wanted = np.asarray(Image.fromarray(own[..., 0]).resize((2, 3), Image.Resampling.NEAREST))[..., None]
    run, file = str(tmp_path / "run"), "pictures/down/000.png"
    assert main(["score", run, file, "--json"]) == 0
    bits = json.loads(capsys.readouterr().out)["bits_given_label"]
    assert bits == pytest.approx(-float(model.log_prob(wanted[None])[0]) / math.log(2), rel=1e-5)
    assert main(["classify", run, file, "--top", "2", "--json"]) == 0
    posterior = json.loads(capsys.readouterr().out)["posterior"]
    assert posterior["down"] == pytest.approx(model.posterior(wanted[None])[0, model.labels().index("down")], rel=1e-4)
    found, _ = pictures_of(model, Judging(tmp_path / "run", (), Conditions(), False), "pictures/down")
    assert np.array_equal(found.x[0], wanted)
    assert main(["complete", run, file, "-n", "1", "-o", str(tmp_path / "x.png")]) == 0
    with Image.open(tmp_path / "x.png") as sheet:
        scale = sheet.height // 3
        assert np.array_equal(np.asarray(sheet)[scale // 2 :: scale, scale // 2 :: scale][:3, :2], wanted[..., 0])


@pytest.mark.parametrize(
    ("words", "word"),
    [
        ("evaluate run pictures", "evaluating"),
        ("score run pictures", "scoring"),
        ("classify run pictures", "classifying"),
        ("classify run --split train", "classifying"),
        ("sample run -n 1 -o one.png", "drawing"),
    ],
)
def test_a_bar_on_a_terminal_and_nowhere_else(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str, word: str
) -> None:
    updates: list[float] = []
    to = Bar.to

    def watching(self: Bar, done: int, words: str | None = None) -> None:
        updates.append(done / self.total)
        to(self, done, words)

    monkeypatch.setattr(Bar, "to", watching)
    assert main(words.split()) == 0
    plain = capsys.readouterr()
    assert word not in plain.err
    assert updates[-1] == 1
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # Rich's word for a terminal
    monkeypatch.setenv("TERM", "xterm")
    assert main(words.split()) == 0
    shown = capsys.readouterr()
    assert word in shown.err
    assert word not in shown.out
    assert shown.out == plain.out


def test_a_run_on_a_named_data_set_stays_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small = [
        "--data.limit",
        "40",
        "--net.filters",
        "4",
        "--net.layers",
        "1",
        "--train.batch",
        "4",
        "--quiet",
        "--train.steps",
    ]
    assert main(["train", "digits", "--out", "run", *small, "2"]) == 0
    assert main(["evaluate", "run", "--json"]) == 0
    before = capsys.readouterr().out
    assert json.loads(before)["data"] == "digits, test split"
    folder_of(tmp_path).rename("digits")
    assert main(["evaluate", "run", "--json"]) == 0
    assert capsys.readouterr().out == before
    assert main(["classify", "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pictures"] == 40
    assert main(["train", "--out", "run", "--resume", "--train.steps", "3", "--quiet"]) == 0
    assert main(["train", "digits", "--out", "run", "--resume", "--train.steps", "4", "--quiet"]) == 0
    assert plan_of(Path("run"))[0].data == "digits"
    assert main(["train", "digits", "--out", "own", *small, "1"]) == 0  # now it is the folder …
    assert plan_of(Path("own"))[0].data == str(tmp_path / "digits")
    Path("digits").rename("elsewhere")
    capsys.readouterr()
    assert main(["evaluate", "own"]) == 2  # … and stays the folder
    assert str(tmp_path / "digits") in capsys.readouterr().err


WRONG = [
    ("complete run pictures/down/000.png --known middle", "upper"),
    ("complete run pictures/down/000.png --particles 0", "1 or more"),
    ("complete run pictures/down/000.png -o x", "suffix"),
    ("complete run nothing.png", "nothing.png"),
    ("classify run --prior up=1", "up"),
    ("classify run --prior down=no", "LABEL=WEIGHT"),
    ("classify run --prior down=0", "prior"),
    ("classify run --top 0", "top"),
    ("classify run nothing.png", "nothing.png"),
    ("classify run pictures --limit 3", "--limit"),
    ("sample run --prompt x", "--prompt"),
    ("sample run --max-length 9", "--max-length"),
    ("sample run --given label=sideways", "sideways"),
    ("sample run --given lable=down", "'label'"),
    ("sample run -n 0", "1 or more"),
    ("sample run -n 2 --seed 1 --seed 2 --seed 3", "3 seeds"),
    ("sample run --columns 0", "--columns"),
    ("sample run -o sheet", "suffix"),
    ("sample run -o sheet.xyz", "xyz"),
    ("sample run --temperature -1", "temperature"),
    ("evaluate run --split tset", "tset"),
    ("evaluate run --window 5", "--window"),
    ("evaluate run novel.txt", "novel.txt"),
    ("evaluate run hollow", "hollow"),
    ("score run broken.png", "broken.png"),
    ("score run nothing.png", "nothing.png"),
    ("explore run --prompt x", "models of text"),
    ("train pictures --model lstm --out new", "--model"),
    ("train pictures --tokens.kind bytes --out new", "--tokens.kind"),
    ("train novel.txt --image.levels 4 --out new", "--image.levels"),
    ("train novel.txt --model pixelcnn --out new", "novel.txt"),
    ("train pictures --image.levels 1 --out new", "levels"),
    ("train pictures --net.filterz 4 --out new", "'filters'"),
    ("train pictures --net.height 4 --out new", "--net.height"),
    ("train pictures --net.kernel 4 --out new", "kernel is 4; expected an odd number"),
    ("train pictures --folds 1 --out new", "--folds is 1"),
    ("train hollow --model pixelcnn --out new", "hollow"),
    ("train broken.png --out new", "broken.png"),
    ("train pictures --from run --model pixelcnn --out new", "gated-pixelcnn"),
]


@pytest.mark.parametrize(("words", "named"), WRONG, ids=[words for words, _ in WRONG])
def test_one_line_says_what_is_wrong(here: Path, capsys: pytest.CaptureFixture[str], words: str, named: str) -> None:
    assert main(words.split()) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    assert named in said.err
    assert "Traceback" not in said.err
    assert not (here / "new" / "model.json").exists()


def test_a_grid_keeps_every_pixel() -> None:
    x = np.random.default_rng(0).integers(0, 256, (5, 3, 4, 3), dtype=np.uint8)
    sheet = grid(x, columns=2)
    assert sheet.shape == (3 * 4 - 1, 2 * 5 - 1, 3)
    assert np.array_equal(sheet[4:7, 5:9], x[3])
    assert (sheet[8:, 5:] == 128).all()
