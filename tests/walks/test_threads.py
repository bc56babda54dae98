"""Threads: one while samples are drawn, and as before afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import seriatim
from seriatim.audio.options import AudioOptions
from seriatim.cli import main
from seriatim.heads import Head
from seriatim.image.task import ImageTask
from seriatim.training.run import Means, start
from seriatim.walks.threads import one_thread
from tiny_pictures import folder_of, plan

QUIET = Means(quiet=True)


def test_samples_of_a_run_under_way_are_drawn_by_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, seen = torch.get_num_threads(), list[int]()
    torch.set_num_threads(2)
    try:
        monkeypatch.setattr(ImageTask, "show", lambda *_: seen.append(torch.get_num_threads()))
        start(plan(folder_of(tmp_path), steps=2, evaluate_every=1), tmp_path / "run", QUIET)
        assert seen == [1, 1]
        assert torch.get_num_threads() == 2
        with pytest.raises(ZeroDivisionError), one_thread():
            _ = 1 / 0
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def _seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of threads each time that a head gives its distribution."""
    seen, call = list[int](), Head.__call__

    def counted(head: Head, parameters: torch.Tensor) -> object:
        seen.append(torch.get_num_threads())
        return call(head, parameters)

    monkeypatch.setattr(Head, "__call__", counted)
    return seen


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    place = tmp_path_factory.mktemp("runs")
    options: dict[str, Any] = {"steps": 1, "quiet": True, "device": "cpu", "batch": 2}
    noise = np.random.default_rng(0)
    data: dict[str, Any] = {
        "text": [f"to be {i}" for i in range(40)],
        "image": noise.integers(0, 256, (12, 4, 4, 1), np.uint8),
        "audio": list(noise.integers(-99, 99, (12, 400), np.int16)),
    }
    nets: dict[str, Any] = {
        "text": {"width": 8},
        "image": {"filters": 4, "layers": 1},
        "audio": {"residual": 4, "gate": 4, "skip": 4, "cycles": 1, "dilations": 2},
    }
    families, own = {"text": "gru"}, {"audio": {"audio": AudioOptions(rate=8000, length=64)}}
    return {
        kind: seriatim.train(x, families.get(kind), out=place / kind, net=nets[kind], **own.get(kind, {}), **options)
        for kind, x in data.items()
    } | {"place": place}


@pytest.mark.parametrize("draw", [
    lambda runs: runs["text"].sample("to", max_length=3),
    lambda runs: list(runs["text"].stream("to", max_length=3)),
    lambda runs: runs["text"].search("to", beams=2, max_length=3),
    lambda runs: runs["image"].sample(2),
    lambda runs: runs["image"].complete(np.zeros((4, 4, 1), np.uint8), np.eye(4) > 0, particles=2),
    lambda runs: runs["audio"].sample(0.001),
    lambda runs: list(runs["audio"].blocks(0.001)),
])  # fmt: skip
def test_what_draws_does_so_on_one_thread(
    draw: Callable[[Any], object], runs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, seen = torch.get_num_threads(), _seen(monkeypatch)
    torch.set_num_threads(2)
    try:
        draw(runs)
        assert set(seen) == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_threads_that_a_user_asks_for_are_used(runs: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    before, seen = torch.get_num_threads(), _seen(monkeypatch)
    try:
        run = str(runs["place"] / "text")
        assert main(["sample", run, "--max-length", "3", "--threads", "2"]) == 0
        assert set(seen) == {2}
        seen.clear()
        assert main(["sample", run, "--max-length", "3"]) == 0  # of that command only
        assert set(seen) == {1}
    finally:
        torch.set_num_threads(before)
