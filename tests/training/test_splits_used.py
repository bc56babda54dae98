"""What is learned comes from the training split alone, and what is judged is all of the held-out one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seriatim.audio.data.recordings import Recordings, Takes
from seriatim.audio.task import AudioTask
from seriatim.cli import main
from seriatim.image.data.gallery import Gallery, Pictures
from seriatim.image.task import Deal, ImageTask
from seriatim.models import family
from seriatim.runs import building
from seriatim.symbols import Labels, Symbols
from seriatim.text.data.corpus import Corpus, Document
from seriatim.text.data.tokens import tokenize
from seriatim.text.options import TextOptions
from seriatim.text.task import TextTask
from seriatim.text.validate import Validation
from seriatim.training.plan import Plan
from seriatim.training.run import Means, start
from tiny_audio import RATE, noise
from tiny_pictures import NET, SIZE, picture
from tiny_pictures import plan as picture_plan
from tiny_text import plan as text_plan
from tiny_text import text_model


def pictures(numbers: range, labels: str) -> Pictures:
    x = np.stack([picture(i) for i in numbers])
    return Pictures(x, tuple(labels), [f"{i}" for i in numbers])


def image_task(train: Pictures, validation: Pictures, place: Path) -> ImageTask:
    gallery = Gallery("g", {"train": train, "validation": validation}, "0")
    task = ImageTask(picture_plan("g", "gated-pixelcnn", {"levels": 256}), place, gallery)
    task.codecs = task.learn()
    config = family("gated-pixelcnn").config(height=SIZE[0], width=SIZE[1], channels=1, **NET["gated-pixelcnn"])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        conditions = {name: codec for name, codec in task.codecs.items() if name != "x"}
        task.model = building.build("gated-pixelcnn", config, conditions, {}).eval()
    return task


def test_labels_are_the_training_splits_alone(tmp_path: Path) -> None:
    task = image_task(pictures(range(4), "abab"), pictures(range(4, 6), "zb"), tmp_path)
    assert task.learn()["label"].to_json()["values"] == ["a", "b"]

    def takes(first: int, labels: str) -> Takes:
        x = [noise(first + i) for i in range(len(labels))]
        return Takes(x, {"who": tuple(labels)}, [f"{first + i}" for i in range(len(labels))])

    recordings = Recordings("r", RATE, 1, {"train": takes(0, "abab"), "validation": takes(9, "za")}, "0")
    codecs: dict[str, Symbols] = AudioTask(Plan("r", "audio", "wavenet"), tmp_path, recordings).learn()
    assert codecs["who"].to_json()["values"] == ["a", "b"]

    def documents(labels: str) -> list[Document]:
        return [Document.of(f"{i}", "abc", {"genre": label}) for i, label in enumerate(labels)]

    corpus = Corpus("c", {"train": documents("abab"), "validation": documents("za"), "test": documents("y")}, "0")
    made = TextTask(text_plan(Path("c"), "gru", text=TextOptions(given=("genre",))), tmp_path, corpus)
    assert made.learn()["genre"].to_json()["values"] == ["a", "b"]


def test_the_last_batch_of_held_out_pictures_counts_though_it_is_not_full(tmp_path: Path) -> None:
    held = pictures(range(100, 170), "ab" * 35)  # 64 and 6
    task = image_task(pictures(range(8), "abababab"), held, tmp_path)
    validate = task.validation()
    assert validate is not None
    symbols = torch.from_numpy(held.x.astype(np.int64))
    with torch.no_grad():
        table = task.model(symbols, {"label": torch.tensor([0, 1] * 35)}).double().log_softmax(-1)
    nats = -table.gather(-1, symbols[..., None])
    assert validate() == pytest.approx(float(nats.mean()), rel=1e-5)
    few = -float(table[:64].gather(-1, symbols[:64][..., None]).mean())
    assert abs(few - float(nats.mean())) > 1e-4  # the last six are not like the others


def test_the_last_batch_of_held_out_text_counts_though_it_is_not_full() -> None:
    model = text_model("gru")
    documents = [Document.of(f"{i}", "abcdefg hij."[: 1 + i % 11]) for i in range(41)]  # 32 pieces and 9
    tokens = tokenize(documents, model.tokenizer)
    figures = model.evaluate(documents)  # exact: each is shorter than a piece
    assert Validation(model.model, tokens, 0)() == pytest.approx(figures.nats_per_token, rel=1e-5)


def test_pictures_come_in_another_order_each_epoch(tmp_path: Path) -> None:
    train = pictures(range(20), "ab" * 10)
    task = image_task(train, pictures(range(30, 34), "abab"), tmp_path)
    deal = Deal(train, {"x": task.codecs["x"], "label": Labels(["a", "b"])}, task.model, 5, 0, anew=False, flip=False)
    own = [x.tobytes() for x in train.x[..., 0].astype(np.int64)]
    epochs: list[list[int]] = []
    for epoch in range(4):
        rows = [row for i in range(4) for row in deal.batch(4 * epoch + i).x]
        epochs.append([own.index(np.ascontiguousarray(row.reshape(SIZE)).tobytes()) for row in rows])
    assert all(sorted(order) == list(range(20)) for order in epochs)
    assert len({tuple(order) for order in epochs}) == 4
    assert epochs[0] != list(range(20))


def test_a_runs_own_data_is_evaluated_as_it_was_truncated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text("\n".join(json.dumps({"text": "abcdefgh" + "jk"[i % 2] * i}) for i in range(40)))
    start(text_plan(path, "gru", truncate=5, steps=1), tmp_path / "run", Means(quiet=True))

    def figures(*words: Any) -> dict[str, Any]:
        assert main(["evaluate", str(tmp_path / "run"), *map(str, words), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    own = figures()
    assert (own["documents"], own["tokens"]) == (4, 4 * 5)
    whole = figures(path)
    assert (whole["documents"], whole["tokens"]) == (40, sum(8 + i + 1 for i in range(40)))
    assert figures("--truncate", 3)["tokens"] == 4 * 3
    assert math.isclose(own["nats"], own["nats_per_token"] * 20)
