"""Training on films: it learns, it resumes bit for bit, it knows labels and actions, and its figures are right."""

from __future__ import annotations

import json
import math
import os
import signal
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image

import seriatim
from seriatim.data.options import DataOptions
from seriatim.errors import Interrupted, UserError
from seriatim.training.observers import Step
from seriatim.training.run import Means, Session, plan_of
from seriatim.video.data.opening import open_reel
from seriatim.video.model import VideoModel
from seriatim.video.options import VideoOptions
from seriatim.video.task import Clips, VideoTask, spread
from tiny_pictures import same_tensors
from tiny_reels import FRAMES, NET, OPTIONS, SIZE, action, arrays, folder_of, label, moving, reading
from tiny_text import metrics

av = pytest.importorskip("av")
DIMS = math.prod(SIZE)
QUIET = Means(quiet=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("films")
    folder_of(found)
    return found


def train(films: Any, out: Path, video: VideoOptions | None = None, net: Any = None, **options: Any) -> VideoModel:
    chosen = {**OPTIONS, **options}
    found = seriatim.train(films, out=out, video=video or reading(), net={**NET, **(net or {})}, **chosen)
    return cast(VideoModel, found)


def own(place: Path, **options: Any) -> VideoOptions:
    """The folder's films with their actions."""
    return reading(actions=str(place / "actions"), **options)


@pytest.fixture(scope="module")
def run(place: Path) -> Path:
    out = place / "run"
    train(place / "films", out, own(place, given_frames=1), steps=60, evaluate_every=30, lr=0.02, samples=1)
    return out


def test_it_learns_and_leaves_sheets_animations_and_figures(run: Path, place: Path) -> None:
    held = [row["validation_bits_per_dim"] for row in metrics(run) if "validation_bits_per_dim" in row]
    assert len(held) == 3  # at 0, 30 and 60
    assert 1 <= held[-1] < 1.5 < 1.7 < held[0] < 2.1  # 1 of the 2 bits/dim is noise
    model = VideoModel.load(run)
    assert model.about["validation_bits_per_dim"] == min(held)
    part = open_reel(place / "films", own(place)).splits["validation"]
    figures = model.evaluate(part, given_frames=1)
    assert figures.bits_per_dim == pytest.approx(min(held), rel=1e-6)
    assert len(figures.by_frame) == FRAMES - 1
    assert model.labels() == ["across", "down"]
    with Image.open(run / "samples" / "step-000060.png") as sheet:
        rows, columns = 2 * len(part.lengths) * (SIZE[0] + 5) - 1, FRAMES * (SIZE[1] + 5) - 1
        scale = sheet.width // columns
        assert sheet.size == (columns * scale, rows * scale)
    with Image.open(run / "samples" / "step-000060.gif") as film:
        assert getattr(film, "n_frames", 1) == FRAMES
    assert sorted(path.name for path in (run / "samples").glob("*.png")) == [
        f"step-{step:06d}.png" for step in (30, 60)
    ]


PIXELS = {"decoder": "pixelcnn++", "head": "logistic", "mixtures": 2}
CASES: dict[str, dict[str, Any]] = {
    "grey": {"ema": 0.9},
    "no decoder": {"net": {"decoder": "none"}, "accumulate": 2},
    "pixels": {"net": PIXELS, "colours": 3, "optimiser": "adamw"},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_run_that_was_stopped_equals_one_that_was_not(tmp_path: Path, case: dict[str, Any]) -> None:
    options = {key: value for key, value in case.items() if key != "colours"}
    data = arrays(12, colours=case.get("colours", 1))

    def stop(step: Step) -> None:
        if step.step == 5:  # inside an epoch
            os.kill(os.getpid(), signal.SIGINT)

    train(data, tmp_path / "whole", steps=7, evaluate_every=3, **options)
    with pytest.raises(Interrupted, match="stopped and saved at step 5"):
        train(data, tmp_path / "halves", steps=7, evaluate_every=3, on_step=stop, **options)
    steps = list[int]()
    seriatim.train(data, out=tmp_path / "halves", resuming=True, quiet=True, on_step=lambda at: steps.append(at.step))
    assert steps == [6, 7]
    for folder, name in ((".", "model"), ("train", "state")):
        same_tensors(tmp_path / "whole" / folder, tmp_path / "halves" / folder, name)
    assert metrics(tmp_path / "whole") == metrics(tmp_path / "halves")


def test_other_films_than_before_are_not_gone_on_with(tmp_path: Path) -> None:
    data = arrays(12)
    train(data, tmp_path / "run", steps=1)
    data["action"][3] = data["action"][3] + 1
    with pytest.raises(UserError, match="has changed"):
        seriatim.train(data, out=tmp_path / "run", resuming=True, steps=2)


# ------------------------------------------------------------------ batches


def prepared(data: Any, out: Path, **options: Any) -> VideoTask:
    video = reading(**options)
    train(data, out, video, steps=1)
    session = Session(plan_of(out)[0], out.parent / "again", Means(open_reel(data, video), quiet=True))
    session.prepare(resume=False)
    return cast(VideoTask, session.task)


def test_every_clip_comes_once_an_epoch_with_its_own_conditions(tmp_path: Path) -> None:
    data = arrays(14, lengths=(7, 4, 9))
    task = prepared(data, tmp_path / "run", frames=3, stride=2, given_frames=1)
    clips = cast(Clips, task.batches(1))
    films = clips.films
    wanted = sorted((i, at) for i, n in enumerate(films.lengths) for at in range(0, n - 2, 2))
    found, order = list[tuple[int, int]](), list[list[tuple[int, int]]]()
    for epoch in range(2):
        order.append([])
        for step in range(clips.per_epoch):
            batch = clips.batch(epoch * clips.per_epoch + step)
            name, _, at = batch.origin.removesuffix(" …").partition(" from frame ")
            film, start = int(name.removeprefix("film ")), int(at)
            own, row = data["x"][film][start : start + 3], films.names.index(name)
            assert np.array_equal(batch.x[0], np.digitize(own, [64, 128, 192]))
            assert batch.given["label"].tolist() == [["across", "down"].index(label(film))]
            scale = cast(Any, task.codecs["action"]).scale
            rows = (data["action"][film][start : start + 3] - scale.mean) / scale.std
            assert np.abs(batch.given["action"][0] - rows).max() < 1e-5
            order[-1].append((row, start))
        assert sorted(order[-1]) == wanted
        found += order[-1]
    assert order[0] != order[1]
    later = clips.per_epoch + 3
    assert cast(Clips, task.batches(1)).batch(later).origin == clips.batch(later).origin  # whatever was read before


@pytest.mark.parametrize("decoder", ["multiplicative", "pixelcnn++"])
def test_frames_that_are_given_do_not_count(tmp_path: Path, decoder: str) -> None:
    net = {**PIXELS, "decoder": decoder}
    data, video = {"x": arrays(12)["x"]}, reading(given_frames=3)
    train(data, tmp_path / "run", video, net=net, steps=1, optimiser="adamw")
    session = Session(plan_of(tmp_path / "run")[0], tmp_path / "again", Means(open_reel(data, video), quiet=True))
    session.prepare(resume=False)
    batch = session.task.batches(2).batch(0)
    assert batch.mask.shape[:2] == batch.x.shape[:2] == (2, FRAMES)
    assert batch.mask[:, 3:].all()
    assert not batch.mask[:, :3].any()
    assert "of which the first 3 are given" in session.task.summary()


def test_validation_reads_clips_spread_over_the_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {"x": [moving(i, 8) for i in range(44)]}
    judged = list[list[tuple[int, int]]]()
    evaluate = VideoModel.evaluate

    def watched(self: VideoModel, x: Any, **options: Any) -> Any:
        judged.append([*options["clips"]])
        return evaluate(self, x, **options)

    monkeypatch.setattr(VideoModel, "evaluate", watched)
    division = DataOptions(validation=0.6, test=0.1)
    train(data, tmp_path / "few", reading(frames=3), steps=1, evaluate_symbols=1, data=division)
    train(data, tmp_path / "all", reading(frames=3), steps=1, evaluate_symbols=0, data=division)
    few, every = judged[0], judged[-1]
    films = len(open_reel(data, reading(frames=3), division).splits["validation"].lengths)
    assert every == [(film, start) for film in range(films) for start in (0, 3)]
    assert few == spread(cast(Any, every), 32)
    assert len(few) == 32 < len(every)
    assert (few[0], few[-1]) == (every[0], every[-1])


# ------------------------------------------------------------------ kinds of runs


def test_colours_and_two_levels(tmp_path: Path) -> None:
    model = train({"x": arrays(12, colours=3)["x"]}, tmp_path / "run", steps=2, samples=1)
    assert model.shape == (*SIZE, 3)
    assert not model.conditions
    assert model.sample(2).shape == (2, FRAMES, *SIZE, 3)
    with Image.open(tmp_path / "run" / "samples" / "step-000002.png") as sheet:
        assert sheet.mode == "RGB"
    model = train(np.stack(arrays(12)["x"]), tmp_path / "two", reading(levels=2), steps=2)
    assert set(np.unique(model.sample(2))) <= {0, 255}
    part = open_reel(np.stack(arrays(12)["x"]), reading(levels=2)).splits["validation"]
    best = min(
        row["validation_nats_per_frame"] for row in metrics(tmp_path / "two") if "validation_nats_per_frame" in row
    )
    assert model.evaluate(part).nats_per_frame == pytest.approx(best, rel=1e-6)


def test_a_mixture_is_the_usual_head_of_many_levels(tmp_path: Path) -> None:
    data = {"x": arrays(12)["x"]}
    assert train(data, tmp_path / "many", reading(levels=256), steps=1).nested.config.head == "logistic"
    assert train(data, tmp_path / "few", reading(levels=4), steps=1).nested.config.head == "softmax"


def test_films_are_cross_validated(tmp_path: Path) -> None:
    train(arrays(12), tmp_path / "run", steps=2, folds=3)
    document = json.loads((tmp_path / "run" / "folds.json").read_text())
    values = [seriatim.load(tmp_path / "run" / f"fold-{i}", "cpu") for i in (1, 2, 3)]
    each = [model.about["validation_bits_per_dim"] for model in values]
    assert len(set(each)) == 3
    assert document["bits_per_dim_given_label_action_mean"] == pytest.approx(np.mean(each), rel=1e-6)


def test_folds_of_cross_entropies_are_told_by_their_own_name(tmp_path: Path) -> None:
    x = [moving(i) for i in range(12)]
    net = {**NET, "head": "bernoulli"}
    seriatim.train(x, out=tmp_path / "run", video=reading(given_frames=2), net=net, folds=2, steps=1, **OPTIONS)
    told = json.loads((tmp_path / "run" / "folds.json").read_text())
    assert "cross_entropy_nats_per_frame_mean" in told
    assert not [key for key in told if key.startswith(("nats", "bits"))]
    assert [fold["given_frames"] for fold in told["folds"]] == [2, 2], "given frames are not counted here either"


def test_a_pixelcnn_pp_decoder_has_an_optimiser_that_suits_it(tmp_path: Path) -> None:
    net = {"filters": 3, "encoder_blocks": 1, "decoder": "pixelcnn++", "decoder_blocks": 1, "head": "logistic"}
    seriatim.train([moving(i) for i in range(12)], out=tmp_path / "run", video=reading(), net=net, steps=1, **OPTIONS)
    assert plan_of(tmp_path / "run")[0].train.optimiser == "adamw"


def test_a_model_that_is_trained_on_begins_another_run(run: Path, place: Path, tmp_path: Path) -> None:
    model = seriatim.train(
        place / "films",
        out=tmp_path / "on",
        from_=run,
        video=own(place),
        **{**OPTIONS, "steps": 1, "lr": 1e-9, "optimiser": "adamw"},
    )
    assert isinstance(model, VideoModel)
    x, given = np.stack([moving(50)]), {"label": "down", "action": action(50)}
    wanted = VideoModel.load(run).log_prob(x, given)
    assert model.log_prob(x, given) == pytest.approx(wanted, rel=1e-4)
    for video, message in (
        (reading(), "conditioned on actions; give --video.actions"),
        (own(place, size=(3, 3)), r"the frames are \(3, 3, 1\) but the model's \(4, 5, 1\); give --video.size"),
    ):
        with pytest.raises(UserError, match=message):
            seriatim.train(place / "films", out=tmp_path / "x", from_=run, video=video, **OPTIONS, steps=1)


def test_saved_and_loaded_it_is_the_same_model(tmp_path: Path) -> None:
    data = arrays(12)
    model = train(data, tmp_path / "run", steps=3)
    again = seriatim.load(tmp_path / "run", "cpu")
    assert isinstance(again, VideoModel)
    x, given = np.stack(data["x"][:3]), {"label": ["down", None, "across"], "action": data["action"][:3]}
    assert np.array_equal(model.log_prob(x, given), again.log_prob(x, given))
    assert np.array_equal(model.sample(2, seed=4), again.sample(2, seed=4))
    assert {name: codec.to_json() for name, codec in model.codecs.items()} == {
        name: codec.to_json() for name, codec in again.codecs.items()
    }
    assert all(torch.equal(a, b) for a, b in zip(model.model.parameters(), again.model.parameters(), strict=True))
