"""Training on pictures: it learns, it resumes bit for bit, it knows its labels, and its figures are right."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import seriatim
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.image.data.opening import open_gallery
from seriatim.image.model import ImageModel
from seriatim.image.options import ImageOptions
from seriatim.image.task import Deal, ImageTask
from seriatim.modality import kind_of
from seriatim.raster.shifted import Shifted
from seriatim.runs import building, files
from seriatim.training.plan import Plan
from seriatim.training.run import Means, Session, start
from tiny_pictures import SIZE, check_stopping, folder_of, map_of, maps_of, picture, plan

QUIET = Means(quiet=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    place = folder.parent / "run"
    start(plan(folder, steps=60, evaluate_every=30, lr=0.01), place, QUIET)
    return place


def tensors(place: Path, name: str) -> dict[str, torch.Tensor]:
    return files.load_tensors(files.open_pair(place, name)[1], "cpu")


CASES: dict[str, dict[str, Any]] = {
    "gated": {"ema": 0.9},
    "plain": {"family": "pixelcnn", "accumulate": 2},
    "diagonals": {"family": "diagonal-bilstm", "precision": "bfloat16"},
    "rows": {"family": "row-lstm"},
    "pixels": {"family": "pixelcnn++", "image": {"levels": 256}},
    "pixelsnail": {"family": "pixelsnail", "image": {"levels": 256}},
    "flipped": {"image": {"flip": True}},
    "ink anew": {"image": {"binarise": "epoch", "levels": 256}},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_run_that_was_stopped_equals_one_that_was_not(
    folder: Path, tmp_path: Path, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    check_stopping(plan(folder, **case), 6, tmp_path, monkeypatch)


def test_it_learns_and_leaves_pictures_and_figures(run: Path) -> None:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    held = [row["validation_bits_per_dim"] for row in rows if "validation_bits_per_dim" in row]
    assert held[-1] < held[0] < 2.2  # 4 levels: 2 bits/dim is no knowledge
    assert held[-1] < 1.7
    assert all("epoch_padded_bits_per_dim" not in row for row in rows)
    with Image.open(run / "samples" / "step-000060.png") as sheet:
        assert sheet.mode == "L"
        assert sheet.width > sheet.height
    assert (run / "curve.png").exists()
    model = seriatim.load(run, "cpu")
    assert isinstance(model, ImageModel)
    assert model.about["validation_bits_per_dim"] == min(held)


def test_bits_per_dim_are_those_of_the_model(run: Path, folder: Path) -> None:
    model = ImageModel.load(run)
    held = open_gallery(folder, ImageOptions(levels=4)).splits["test"]
    figures = model.evaluate(held, batch=3)
    x = torch.from_numpy(model.levels.encode(held.x))
    labels = torch.tensor([model.conditions["label"].encode(label) for label in held.labels or ()])
    with torch.no_grad():
        table = model.model(x, {"label": labels}).double().log_softmax(-1)
    nats = -table.gather(-1, x[..., None])[..., 0].sum((1, 2, 3))
    assert figures.images == len(held.x)
    assert figures.dims == math.prod(SIZE)
    assert figures.nats_per_image == pytest.approx(float(nats.mean()), rel=1e-5)
    assert figures.bits_per_dim == pytest.approx(float(nats.mean()) / math.log(2) / math.prod(SIZE), rel=1e-5)
    assert figures.standard_error == pytest.approx(float(nats.std()) / math.sqrt(len(nats)), rel=1e-4)


def test_the_label_is_learned_and_obeyed(run: Path) -> None:
    model = ImageModel.load(run)
    held = np.stack([picture(number) for number in range(100, 140)])
    down, across = (model.log_prob(held, {"label": label}) for label in ("down", "across"))
    truth = np.arange(100, 140) % 2 == 0
    assert ((down > across) == truth).mean() > 0.9
    drawn = model.sample(20, given={"label": "down"}, seed=3)
    drawn_across = model.sample(20, given={"label": "across"}, seed=3)
    assert drawn.shape == (20, *SIZE, 1)
    assert drawn.dtype == np.uint8

    def slopes(x: np.ndarray[Any, Any]) -> tuple[float, float]:
        return float(np.diff(x.astype(float), axis=1).mean()), float(np.diff(x.astype(float), axis=2).mean())

    assert slopes(drawn)[0] > slopes(drawn)[1]
    assert slopes(drawn_across)[0] < slopes(drawn_across)[1]


def test_a_picture_depends_on_its_own_seed_alone(run: Path) -> None:
    model = ImageModel.load(run)
    said: list[int] = []
    whole = model.sample(4, given={"label": ["down", "across", "down", None]}, seed=[4, 5, 6, 7], progress=said.append)
    assert said == list(range(1, math.prod(SIZE) + 1))
    assert np.array_equal(model.sample(1, given={"label": "across"}, seed=[5]), whole[1:2])
    assert np.array_equal(model.sample(1, seed=[7]), whole[3:])
    assert not np.array_equal(model.sample(1, seed=[8]), whole[3:])


def test_long_work_says_how_far_it_is(run: Path, folder: Path) -> None:
    model, held = ImageModel.load(run), open_gallery(folder, ImageOptions(levels=4)).splits["train"]
    said: list[int] = []
    figures = model.evaluate(held, batch=20, progress=said.append)
    assert said == [20, 40, 48]
    assert figures == model.evaluate(held, batch=20)
    said.clear()
    posterior = model.posterior(held.x, batch=20, progress=said.append)
    assert said == [10, 20, 24, 34, 44, 48]
    assert np.array_equal(posterior, model.posterior(held.x, batch=20))
    said.clear()
    model.posterior(held.x, {"down": 1}, batch=48, progress=said.append)
    assert said == [48]


def test_the_prior_counts(run: Path, folder: Path) -> None:
    model = ImageModel.load(run)
    x = open_gallery(folder, ImageOptions(levels=4)).splits["train"].x[:6]
    across, down = (model.log_prob(x, {"label": label}) for label in ("across", "down"))
    by_hand = [3 * math.exp(a - d) / (3 * math.exp(a - d) + 0.5) for a, d in zip(across, down, strict=True)]
    posterior = model.posterior(x, {"across": 3, "down": 0.5})
    assert model.labels() == ["across", "down"]
    assert posterior[:, 0] == pytest.approx(by_hand)
    assert posterior[:, 1] == pytest.approx([1 - p for p in by_hand])


def test_colour(tmp_path: Path) -> None:
    made = plan(folder_of(tmp_path, colours=3), "pixelcnn", image={"given": False, "levels": 256}, steps=4)
    model = start(made, tmp_path / "run", QUIET)
    assert isinstance(model, ImageModel)
    assert model.shape == (*SIZE, 3)
    assert not model.conditions
    assert model.sample(2).shape == (2, *SIZE, 3)
    with Image.open(tmp_path / "run" / "samples" / "step-000004.png") as sheet:
        assert sheet.mode == "RGB"


def test_a_position_of_several_colours_counts_each_of_them(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, colours=3)
    made = plan(folder, "pixelcnn++", image={"given": False, "levels": 256}, steps=30, evaluate_every=10)
    model = start(made, tmp_path / "run", QUIET)
    assert isinstance(model, ImageModel)
    held = open_gallery(folder, ImageOptions()).splits["validation"]
    figures = model.evaluate(held)
    assert figures.dims == 3 * math.prod(SIZE)
    assert figures.bits_per_dim == pytest.approx(model.about["validation_bits_per_dim"], rel=1e-5)
    assert figures.bits_per_dim < 8  # what 256 levels take without knowledge
    assert model.sample(2, seed=1).shape == (2, *SIZE, 3)


@pytest.mark.parametrize("family", ["pixelcnn++", "pixelsnail"])
def test_the_first_batch_calibrates_a_fresh_model_and_resuming_does_not(
    folder: Path, tmp_path: Path, family: str
) -> None:
    made = plan(folder, family, image={"levels": 256}, steps=1)
    session = Session(made, tmp_path / "run", QUIET)
    session.prepare(resume=False)
    inner = session.task.model
    first = session.task.batches().batch(0)
    seen: dict[str, torch.Tensor] = {}
    for name, module in inner.named_modules():
        if isinstance(module, Shifted):
            module.register_forward_hook(lambda _, __, y, name=name: seen.update({name: y}))
    with torch.no_grad():
        inner.eval()(torch.from_numpy(first.x), {k: torch.from_numpy(v) for k, v in first.given.items()})
    assert len(seen) == sum(isinstance(module, Shifted) for module in inner.modules()) > 10
    for name, y in seen.items():
        layer = dict(inner.named_modules())[name]
        assert isinstance(layer, Shifted)
        if layer in inner.outputs():  # it predicts the marginal
            continue
        assert y.mean((0, 1, 2)).abs().max() < 1e-4, name
        torch.testing.assert_close(y.std((0, 1, 2)), torch.full((y.shape[-1],), layer.scale), rtol=1e-3, atol=1e-4)


def test_every_picture_comes_once_an_epoch_and_ink_is_drawn_anew(folder: Path) -> None:
    options = ImageOptions(binarise="epoch")
    gallery = open_gallery(folder, options)
    task = ImageTask(plan(folder, batch=5).changed(options), folder, gallery)
    task.codecs = task.learn()
    codec = task.codecs["x"]
    assert isinstance(codec, seriatim.symbols.levels.Levels)
    assert codec.levels == 2
    train = gallery.splits["train"]
    model = building.build("pixelcnn", seriatim.models.PixelCNNConfig(*SIZE, levels=2, filters=4, blocks=1), {})
    named = dataclasses.replace(train, labels=tuple(train.names))
    codecs = {"x": codec, "label": seriatim.symbols.Labels.train(train.names)}
    deal = Deal(named, codecs, model, 5, 0, anew=True, flip=False)
    first = [deal.batch(step) for step in range(deal.per_epoch)]
    seen = np.concatenate([batch.given["label"] for batch in first])
    assert len(set(seen.tolist())) == len(seen) == deal.per_epoch * 5
    again = {int(n): x for b in (deal.batch(deal.per_epoch + s) for s in range(deal.per_epoch)) for n, x in zip(
        b.given["label"], b.x, strict=True)}  # fmt: skip
    both = [(x, again[int(n)]) for b in first for n, x in zip(b.given["label"], b.x, strict=True) if int(n) in again]
    assert len(both) > 20
    assert sum(not np.array_equal(a, b) for a, b in both) > 0.9 * len(both)
    assert np.array_equal(deal.batch(1).x, first[1].x)


def test_every_second_picture_is_mirrored_in_training_and_its_map_with_it(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    options = ImageOptions(flip=True, maps=str(maps_of(folder)))
    made = plan(folder, batch=16).changed(options)
    gallery = open_gallery(folder, options)
    plain = open_gallery(folder, dataclasses.replace(options, flip=False))
    assert all(np.array_equal(gallery.splits[side].x, part.x) for side, part in plain.splits.items())
    before = {side: (part.x.copy(), np.array(part.maps)) for side, part in plain.splits.items()}
    session = Session(made, tmp_path / "run", Means(gallery, quiet=True))
    session.prepare(resume=False)
    deal = session.task.batches()
    known = {picture(i).tobytes(): (i, False) for i in range(60)}
    known |= {picture(i)[:, ::-1].tobytes(): (i, True) for i in range(60)}
    seen = list[tuple[int, bool]]()
    for step in range(60):
        batch = deal.batch(step)
        for x, map_ in zip(batch.x, batch.given["image"], strict=True):
            number, mirrored = known[x.astype(np.uint8).tobytes()]
            assert np.array_equal(map_, map_of(number)[:, ::-1] if mirrored else map_of(number))
            seen.append((number, mirrored))
        again = deal.batch(step)
        assert np.array_equal(again.x, batch.x)
        assert np.array_equal(again.given["image"], batch.given["image"])
    assert 0.45 < np.mean([mirrored for _, mirrored in seen]) < 0.55  # 960 draws, 3 standard errors
    assert len({number for number, _ in seen}) * 1.9 < len(set(seen))  # not always the same ones
    for side, (x, maps) in before.items():
        assert np.array_equal(gallery.splits[side].x, x)
        assert np.array_equal(np.asarray(gallery.splits[side].maps), maps)


def test_text_with_a_name_stays_with_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = Plan("pydoc", division=DataOptions(limit=5))
    before = named.open().fingerprint
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pydoc").mkdir()
    (tmp_path / "pydoc" / "a.txt").write_text("words " * 500)
    assert named.open().fingerprint == before
    assert not Plan(str(tmp_path / "pydoc")).named
    assert Plan(str(tmp_path / "pydoc")).open().fingerprint != before
    folder_of(tmp_path).rename(tmp_path / "digits")
    assert Plan("digits", "image").open().fingerprint != Plan(str(tmp_path / "digits"), "image").open().fingerprint
    with pytest.raises(UserError, match="digits: only other files"):  # no name of a set of texts, so a folder
        Plan("digits").open()


def test_the_usual_family_and_what_does_not_fit(folder: Path, tmp_path: Path) -> None:
    assert kind_of(folder)[0].family == "gated-pixelcnn"
    assert kind_of("tinyshakespeare")[0].family == "transformer"
    (tmp_path / "words.txt").write_text("some words " * 50)
    for wrong, message in (
        (Plan(str(folder), "image", "lstm"), "holds pictures, but lstm is for text"),
        (Plan("tinyshakespeare", "text", "pixelcnn"), "holds text, but pixelcnn is for pictures"),
        (Plan(str(tmp_path / "words.txt"), "image", "pixelcnn"), "words.txt"),
        (plan(folder, carry=True), "--train.carry"),
        (plan(folder, truncate=5), "--train.truncate"),
    ):
        with pytest.raises(UserError, match=message):
            start(wrong, tmp_path / "run", QUIET)
        assert not (tmp_path / "run" / "model.json").exists()
