"""Models of pictures given other pictures: they learn them, resume exactly, and say what they were not given."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from checkpoints import edit
from seriatim.cli import main
from seriatim.drawing.sheets import alike
from seriatim.errors import UserError
from seriatim.image.data.opening import open_gallery
from seriatim.image.model import ImageModel
from seriatim.symbols.levels import Levels
from seriatim.training.run import Means, plan_of, resume, start
from tiny_pictures import SIZE, folder_of, map_of, maps_of, picture, plan, reading, same_tensors, stopped_at

QUIET = Means(quiet=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("maps")
    shutil.move(folder_of(place), place / "photos")
    maps_of(place / "photos").rename(place / "maps")
    image = {"maps": str(place / "maps"), "levels": 4}
    options = {"steps": 250, "evaluate_every": 125, "lr": 0.01, "ema": 0.9}
    start(plan(place / "photos", image=image, **options), place / "run", QUIET)
    for number in (100, 101):
        Image.fromarray(map_of(number)).save(place / f"map-{number}.png")
    return place


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    return made


def test_the_map_is_a_condition_that_is_learned(made: Path) -> None:
    model = ImageModel.load(made / "run")
    codec = model.codecs["image"]
    assert isinstance(codec, Levels)
    assert (codec.shape, codec.levels) == ((3, 3, 3), 256)
    numbers = range(100, 140)
    held = np.stack([picture(number) for number in numbers])
    own, others = (np.stack([map_of(number + shift) for number in numbers]) for shift in (0, 2))
    labels = ["down" if number % 2 == 0 else "across" for number in numbers]
    nats = {
        name: -model.log_prob(held, {"label": labels, "image": maps})
        for name, maps in (("own", own), ("others", others), ("none", None))
    }
    assert nats["own"].mean() < nats["none"].mean() - 1
    assert nats["own"].mean() < nats["others"].mean() - 1
    assert (nats["own"] < nats["others"]).mean() > 0.7


def test_what_is_drawn_is_what_the_map_shows(tmp_path: Path) -> None:
    """Four quarters, light or dark; the map is one pixel for each."""
    random = np.random.default_rng(0)
    quarters = random.integers(0, 2, (120, 2, 2))
    for number, map_ in enumerate(quarters):
        light = np.kron(map_, np.ones((3, 3))) * 150 + random.integers(20, 80, (6, 6))
        for place, x in (("photos", light), ("maps", map_ * 255)):
            (tmp_path / place).mkdir(exist_ok=True)
            Image.fromarray(x.astype(np.uint8)).save(tmp_path / place / f"{number:03d}.png")
    image = {"maps": str(tmp_path / "maps"), "levels": 4}
    model = start(plan(tmp_path / "photos", image=image, steps=80, lr=0.02), tmp_path / "run", QUIET)
    assert isinstance(model, ImageModel)
    asked = np.array([[[i >> 3 & 1, i >> 2 & 1], [i >> 1 & 1, i & 1]] for i in range(16)], dtype=np.uint8)
    drawn = model.sample(16, given={"image": asked[..., None] * np.uint8(255)}, seed=0)
    means = drawn.reshape(16, 2, 3, 2, 3).mean((2, 4))
    assert ((means > 120) == asked).mean() > 0.95


def test_its_figures_are_those_of_the_pictures_with_their_own_maps(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ImageModel.load(here / "run")
    held = open_gallery(here / "photos", *reading(here / "run")).splits
    given = model.given_of(held["test"])
    assert set(given) == {"label", "image"}
    assert main(["evaluate", "run", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    nats = -model.log_prob(held["test"].x, given).mean()
    assert whole["nats_per_image_given_label_image"] == pytest.approx(nats, rel=1e-6)
    assert model.about["validation_bits_per_dim"] == pytest.approx(
        model.evaluate(held["validation"]).bits_per_dim, rel=1e-5
    )


def test_samples_show_maps_pictures_and_what_is_drawn(made: Path) -> None:
    with Image.open(made / "run" / "samples" / "step-000250.png") as sheet:
        assert sheet.mode == "RGB"
        columns, rows = (sheet.width // (6 * (SIZE[1] + 1) - 1)), 3
        scale = sheet.height // (rows * (SIZE[0] + 1) - 1)
        x = np.asarray(sheet)[scale // 2 :: scale, scale // 2 :: scale]
    assert columns >= 1
    gallery = open_gallery(made / "photos", *reading(made / "run"))
    held = gallery.splits["validation"]
    assert held.maps is not None
    maps, shown = alike([held.maps, held.x], SIZE)
    assert np.array_equal(x[: SIZE[0], : SIZE[1]], maps[0])
    assert np.array_equal(x[SIZE[0] + 1 : 2 * SIZE[0] + 1, : SIZE[1]], shown[0])


def test_kinds_of_pictures_in_one_size_and_colour() -> None:
    small = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    grey = np.arange(36, dtype=np.uint8).reshape(1, 4, 9, 1)
    wide, plain = alike([small, grey], (4, 6))
    assert wide.shape == plain.shape == (1, 4, 6, 3)
    assert np.array_equal(wide[0, :2, :3], np.broadcast_to(small[0, 0, 0], (2, 3, 3)))
    assert plain[0, 0, :, 0].tolist() == [0, 1, 3, 4, 6, 7]
    assert np.array_equal(plain[..., 0], plain[..., 2])


def test_a_run_that_was_stopped_equals_one_that_was_not(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made / "maps", tmp_path / "maps")
    whole = plan(made / "photos", image={"maps": str(tmp_path / "maps"), "levels": 4})
    start(whole, tmp_path / "whole", QUIET)
    with stopped_at(6, monkeypatch):
        start(whole, tmp_path / "halves", QUIET)
    shutil.copytree(tmp_path / "halves", tmp_path / "later")
    resume(tmp_path / "halves", *plan_of(tmp_path / "halves"), QUIET)
    for place, name in ((".", "model"), ("train", "state")):
        held = same_tensors(tmp_path / "whole" / place, tmp_path / "halves" / place, name)
        assert any("given_image" in key for key in held)
    Image.fromarray(map_of(7)).save(tmp_path / "maps" / "down" / "000.bmp")
    with pytest.raises(UserError, match="has changed since this run began"):
        resume(tmp_path / "later", *plan_of(tmp_path / "later"), QUIET)


def test_what_is_drawn_depends_on_the_picture_that_is_given(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (100, 101):
        words = ["sample", "run", "-n", "2", "--singles", "--given", f"image=map-{number}.png", "-o", f"from-{number}"]
        assert main(words) == 0
    assert main(["sample", "run", "-n", "2", "--singles", "-o", "from-none"]) == 0
    first, second, none = (
        np.asarray(Image.open(here / f"from-{name}" / "00001.png")) for name in ("100", "101", "none")
    )
    model = ImageModel.load(here / "run")
    assert np.array_equal(first, model.sample(2, given={"image": map_of(100)}, seed=0)[1, ..., 0])
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, none)
    assert main(["complete", "run", "photos/down/000.png", "--given", "image=map-100.png", "-n", "1"]) == 0
    capsys.readouterr()
    for value in ("nothing.png", "photos", "run/model.json"):
        assert main(["sample", "run", "--given", f"image={value}", "-o", "x.png"]) == 2
        said = capsys.readouterr()
        assert said.err.count("\n") == 1
        assert value in said.err
        assert not (here / "x.png").exists()


def test_maps_of_ones_own_pictures(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("evaluate run photos --json", "score run photos --json", "classify run photos --json"):
        assert main(command.split()) == 0
        bare = capsys.readouterr()
        assert bare.err == "image counts as missing for 60 of 60 pictures; give --maps FOLDER, a map per picture\n"
        assert main([*command.split(), "--maps", "maps"]) == 0
        full = capsys.readouterr()
        assert full.err == ""
        assert full.out != bare.out
        assert main([*command.split(), "--maps", "photos"]) == 0  # of another size and colour: fitted
        capsys.readouterr()
        assert main([*command.split(), "--maps", "maps/down"]) == 2
        assert "no map for 60 of 60 pictures" in capsys.readouterr().err
    model = ImageModel.load(here / "run")
    assert main(["score", "run", "photos/down/004.png", "--maps", "maps/down", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    log_p = model.log_prob(picture(4)[None], {"image": map_of(4)})
    assert row["bits_given_label_image"] == pytest.approx(-float(log_p[0]) / np.log(2), rel=1e-5)
    assert main(["classify", "run", "--split", "train", "--json"]) == 0
    held = open_gallery(here / "photos", *reading(here / "run")).splits["train"]
    guess = model.posterior(held.x, given={"image": held.maps}).argmax(1)
    right = np.mean([model.labels()[g] == label for g, label in zip(guess, held.labels or (), strict=True)])
    assert json.loads(capsys.readouterr().out)["accuracy"] == pytest.approx(right)


def test_one_line_says_what_is_wrong(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(here / "maps", here / "few", dirs_exist_ok=True)
    (here / "few" / "down" / "000.bmp").unlink()
    start(plan(here / "photos", steps=1), here / "bare", QUIET)
    for words, named in (
        ("train photos --image.maps few --out new", "no map for 1 of 60 pictures"),
        ("train photos --image.maps nowhere --out new", "nowhere is not a folder"),
        ("train photos --image.map-size 3 --out new", "--image.map-size"),
        ("train photos --image.map-filters 3 --out new", "--image.map-filters"),
        ("train photos --image.maps maps --image.map-filters 0 --out new", "--image.map-filters is 0"),
        ("train photos --image.maps maps --code.width 3 --out new", "--code.width"),
        ("train photos --image.maps maps --image.levels 4 --from bare --out new", "takes none"),
        ("train photos --image.levels 4 --from run --out new", "give --image.maps"),
        ("train photos --image.maps maps --image.map-size 2 --image.levels 4 --from run --out new", "--image.map-size"),
        ("train digits --image.maps maps --out new", "digits is not a folder"),
        ("evaluate run --maps maps", "--maps was given without pictures"),
        ("classify run --maps maps", "--maps was given without pictures"),
        ("score bare photos --maps maps", "this model is not conditioned on maps"),
    ):
        assert main(words.split()) == 2, words
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1, said.err
        assert named in said.err, words
        assert not (here / "new" / "model.json").exists()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda d: d.update(encoders={}), "encoders"),
        (lambda d: d["encoders"]["image"].update(kind="code", width=3, levels=4), "kind .code.; expected map"),
        (lambda d: d["encoders"]["image"].update(filters=10**9), "filters"),
        (lambda d: d["encoders"]["image"].update(filters=5), "shape"),
        (lambda d: d["encoders"]["image"].update(filters="32"), "filters"),
        (lambda d: d["codecs"]["image"].update(channels=1), "shape"),
        (lambda d: d["codecs"]["image"].update(height=10**9), "height"),
        (lambda d: d["codecs"].pop("image"), "encoders"),
    ],
)
def test_a_tampered_map_encoder_is_refused(
    made: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], word: str
) -> None:
    shutil.copytree(made / "run", tmp_path / "bad")
    edit(tmp_path / "bad", change)
    with pytest.raises(UserError, match=word):
        ImageModel.load(tmp_path / "bad")


@pytest.mark.parametrize("family", ["pixelcnn++", "pixelcnn", "multiscale", "row-lstm", "pixelsnail"])
def test_every_family_takes_maps(made: Path, tmp_path: Path, family: str) -> None:
    image = {"maps": str(made / "maps"), "levels": 4, "map_filters": 5}
    start(plan(made / "photos", family, image=image, steps=2, samples=0), tmp_path / "run", QUIET)
    model = ImageModel.load(tmp_path / "run")
    assert model.grid.config.field == 5
    held = np.stack([picture(number) for number in range(4)])
    some, none = (model.log_prob(held, {"image": maps}) for maps in (np.stack([map_of(n) for n in range(4)]), None))
    assert not np.allclose(some, none, rtol=1e-9)
    given = {"image": map_of(3)}
    assert np.array_equal(model.sample(2, given=given, seed=4)[0], model.sample(1, given=given, seed=4)[0])


def test_paths_are_kept_so_that_a_run_is_taken_up_from_anywhere(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--image.levels", "4", "--net.filters", "4", "--net.layers", "1", "--train.steps", "1", "--quiet"]
    assert main(["train", "photos", "--image.maps", "maps", "--out", str(tmp_path / "run"), *options]) == 0
    assert reading(tmp_path / "run")[0].maps == str(here / "maps")
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--out", "run", "--resume", "--train.steps", "2", "--quiet"]) == 0
    assert main(["evaluate", "run"]) == 0
