"""Cross-validation and search for pictures and sound, as for text."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seriatim.audio.data.folds import folds as audio_folds
from seriatim.audio.data.opening import open_recordings
from seriatim.audio.files import save
from seriatim.audio.options import AudioOptions
from seriatim.cli import main
from seriatim.errors import UserError
from seriatim.image.data.folds import folds as image_folds
from seriatim.image.data.opening import open_gallery
from seriatim.image.options import ImageOptions

SMALL = ["--steps", "4", "--batch", "2", "--quiet", "--train.samples", "0", "--device", "cpu", "--threads", "1"]
NETS = {
    "pictures": ["--model", "pixelcnn", "--net.filters", "8", "--net.blocks", "1"],
    "voices": [
        "--net.dilations",
        "2",
        "--net.cycles",
        "1",
        "--net.residual",
        "8",
        "--net.gate",
        "8",
        "--net.skip",
        "8",
        "--audio.length",
        "64",
    ],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place, chance = tmp_path_factory.mktemp("folds"), np.random.default_rng(0)
    for i in range(30):
        for kind in ("pictures", "voices"):
            (place / kind / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        pixels = chance.integers(0, 255, (4, 4), dtype=np.uint8)
        Image.fromarray(pixels).save(place / "pictures" / "ab"[i % 2] / f"{i:02d}.png")
        if i % 5 == 0:  # a copy, which must stay with its original
            Image.fromarray(pixels).save(place / "pictures" / "ab"[i % 2] / f"{i:02d}-copy.png")
        x = (3000 * np.sin(np.arange(400) * (0.1 + i / 100))).astype(np.int16)
        save(x, place / "voices" / "ab"[i % 2] / f"{i:02d}.wav", 8000)
    return place


def test_each_picture_validates_once_with_its_copies_and_its_label(made: Path) -> None:
    gallery = open_gallery(made / "pictures", ImageOptions())
    parts = image_folds(gallery, 3, ImageOptions())
    pool = [name for side in ("train", "validation") for name in gallery.splits[side].names]
    held = [name for part in parts for name in part.splits["validation"].names]
    assert sorted(held) == sorted(pool)
    for part in parts:
        train, validation = part.splits["train"], part.splits["validation"]
        assert sorted([*train.names, *validation.names]) == sorted(pool)
        assert not {x.tobytes() for x in train.x} & {x.tobytes() for x in validation.x}
        assert [name[0] for name in validation.names] == list(validation.labels or ())
        assert part.splits["test"] is gallery.splits["test"]
    assert len({part.fingerprint for part in parts}) == 3


def test_pictures_that_are_binarised_anew_validate_on_fixed_ones(made: Path) -> None:
    options = ImageOptions(binarise="epoch")
    for part in image_folds(open_gallery(made / "pictures", options), 3, options):
        assert set(np.unique(part.splits["validation"].x)) == {0, 255}
        assert len(np.unique(part.splits["train"].x)) > 2


def test_each_recording_validates_once(made: Path) -> None:
    found = open_recordings(made / "voices")
    parts = audio_folds(found, 4, AudioOptions())
    pool = [name for side in ("train", "validation") for name in found.splits[side].names]
    assert sorted(name for part in parts for name in part.splits["validation"].names) == sorted(pool)
    for part in parts:
        assert not {*part.splits["train"].names} & {*part.splits["validation"].names}
        assert [name[0] for name in part.splits["train"].names] == list(part.splits["train"].labels["label"])


def test_each_stretch_of_a_recording_validates_once(made: Path, tmp_path: Path) -> None:
    x = np.arange(1000, dtype=np.int16)
    save(x, tmp_path / "a" / "one.wav", 8000)
    options = AudioOptions(split="time")
    parts = audio_folds(open_recordings(tmp_path / "a", options), 3, options)
    assert [part.splits["validation"].x[0].tolist() for part in parts] == [
        list(range(300)), list(range(300, 600)), list(range(600, 900)),
    ]  # fmt: skip
    assert [[len(each) for each in part.splits["train"].x] for part in parts] == [[600], [300, 300], [600]]
    assert all(part.splits["test"].x[0].tolist() == list(range(900, 1000)) for part in parts)


@pytest.mark.parametrize(("kind", "unit"), [("pictures", "bits_per_dim"), ("voices", "bits_per_sample")])
def test_the_commands_cross_validate_and_search(
    kind: str, unit: str, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", str(made / kind), *NETS[kind], *SMALL]
    assert main([*words, "--folds", "2", "--out", str(tmp_path / "folds")]) == 0
    said = capsys.readouterr().out
    assert said.startswith("2 folds: ")
    found = json.loads((tmp_path / "folds" / "folds.json").read_text())
    key = f"{unit}_given_label"
    each = [fold[key] for fold in found["folds"]]
    assert found[f"{key}_mean"] == pytest.approx(statistics.fmean(each))
    assert f"{statistics.fmean(each):.4f} ± {statistics.stdev(each):.4f}" in said
    assert main([*words, "--search", "2", "--out", str(tmp_path / "search")]) == 0
    rows = [json.loads(line) for line in (tmp_path / "search" / "search.jsonl").read_text().splitlines()]
    widths = {"pictures": ["filters"], "voices": ["residual", "gate", "skip"]}[kind]
    assert all(rows[1][name] % 8 == 0 for name in widths)
    assert all(row[f"validation_{key}"] > 0 for row in rows)
    assert rows[0]["lr"] != rows[1]["lr"]


def test_too_many_folds_are_refused(made: Path) -> None:
    with pytest.raises(UserError, match="27 distinct items are too few for 28 folds"):
        image_folds(open_gallery(made / "pictures"), 28, ImageOptions())
    with pytest.raises(UserError, match="1 folds are too few"):
        audio_folds(open_recordings(made / "voices"), 1, AudioOptions())
