"""Defaults that follow from the data, and memory that is known before the first step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from seriatim.cli import main
from seriatim.data.batches import Batch, Batches
from seriatim.errors import UserError
from seriatim.models import LSTM, GatedPixelCNNConfig, RecurrentConfig, WaveNetConfig
from seriatim.runs import building
from seriatim.runs.hollow import hollow
from seriatim.training import sizing
from seriatim.training.options import TrainOptions
from seriatim.training.sizing import Sizing, free_memory, item_memory, settle, weights_memory
from tiny_text import text_file


class Items(Batches):
    """A given number of items of a given length."""

    def __init__(self, items: int, size: int, length: int = 50) -> None:
        self.size, self.per_epoch, self.length = size, max(1, items // size), length

    def batch(self, step: int) -> Batch:
        x = np.ones((self.size, self.length), dtype=np.int64)
        return Batch(x, np.ones(x.shape, dtype=np.bool_), {}, True, "here")


def settled(items: int, free: int | None = None, **options: object) -> Sizing:
    model = LSTM(RecurrentConfig(symbols=10, width=8, layers=1))
    return settle(TrainOptions(**options), 32, lambda size: Items(items, size), model, free)  # pyright: ignore


@pytest.mark.parametrize(
    ("items", "batch", "steps", "passes", "patience"),
    [
        (10_000, 32, 3120, 9.984, 0),  # 312 steps a pass, ten passes
        (640, 32, 200, 10.0, 0),
        (100, 32, 200, 64.0, 4),
        (47, 16, 200, 68.09, 4),  # two steps a pass at least: 24 pictures, and powers of two
        (1, 1, 200, 200.0, 4),
    ],
)
def test_small_sets_have_small_batches_and_stop_early(
    items: int, batch: int, steps: int, passes: float, patience: int
) -> None:
    found = settled(items)
    assert (found.options.batch, found.steps, found.options.patience) == (batch, steps, patience)
    assert found.passes == pytest.approx(passes, rel=1e-3)
    assert f"{steps:,} steps of {batch}, about {passes:.3g} passes" in str(found)


@pytest.mark.parametrize(
    ("length", "batch", "steps"),
    [
        (50, 32, 200),
        (3072, 32, 170),  # a picture of 32 × 32 × 3: 2²⁴ symbols are 170 steps
        (12_288, 8, 170),  # 64 × 64 × 3: 2¹⁷ symbols are ten of them
        (2**18, 1, 640),  # ten passes over 64 items
    ],
)
def test_large_items_have_small_batches_and_fewer_steps_at_least(length: int, batch: int, steps: int) -> None:
    model = LSTM(RecurrentConfig(symbols=10, width=2, layers=1))
    found = settle(TrainOptions(), 32, lambda size: Items(64, size, length), model, None)
    assert (found.options.batch, found.options.steps) == (batch, steps)


def test_what_the_user_chose_stays() -> None:
    found = settled(47, batch=5, patience=0, steps=30)
    assert (found.options.batch, found.options.patience, found.steps) == (5, 0, 30)


def test_a_batch_takes_half_of_the_memory_and_an_item_all_of_it_at_most() -> None:
    model = LSTM(RecurrentConfig(symbols=10, width=8, layers=1))
    weights, each = weights_memory(model, TrainOptions()), item_memory(model, Items(1, 1))
    assert weights == 16 * sum(parameter.numel() for parameter in model.parameters())  # 4 numbers of 4 bytes
    assert settled(10_000, free=2 * (weights + 9 * each)).options.batch == 8
    assert settled(10_000, free=weights + each).options.batch == 1
    with pytest.raises(UserError, match=r"a step of 1 takes about .* of memory, and .* are free"):
        settled(10_000, free=weights + each - 1)
    with pytest.raises(UserError, match="a step of 32 takes"):
        settled(10_000, free=weights + 31 * each, batch=32)


def test_an_items_memory_is_what_backward_needs_of_it() -> None:
    """Of y = x W + b with a softmax: the table of log-probabilities among it, weights and batch not."""
    model = LSTM(RecurrentConfig(symbols=1000, width=8, layers=1))
    one = item_memory(model, Items(1, 1))
    assert 2 * 50 * 1000 * 4 <= one < 4 * 2 * 50 * 1000 * 4


def test_a_hollow_model_has_the_sizes_and_no_memory() -> None:
    real = LSTM(RecurrentConfig(symbols=10, width=8, layers=1))
    empty = hollow(lambda: LSTM(RecurrentConfig(symbols=10, width=8, layers=1)))
    assert all(parameter.is_meta for parameter in empty.parameters())
    assert weights_memory(empty, TrainOptions(ema=0.9)) == weights_memory(real, TrainOptions()) // 4 * 5


def test_a_model_beyond_the_memory_is_refused_before_it_is_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = text_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["train", str(text), "--net.width", "65536", "--net.layers", "64", "--net.heads", "64"]) == 2
    said = capsys.readouterr().err
    assert "parameters, which take" in said
    assert "give smaller sizes" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_the_free_memory_is_below_that_of_the_machine() -> None:
    free = free_memory(torch.device("cpu"))
    assert free is None or 0 < free < 2**45
    assert sizing.in_words(3 * 2**30) == "3.0 GiB"
    assert sizing.in_words(5 * 2**20) == "5 MiB"


@pytest.mark.parametrize(
    ("side", "levels", "small", "sizes"),
    [
        (28, 256, False, {}),
        (28, 256, True, {"mixtures": 10}),
        (28, 2, True, {}),
        (64, 256, False, {"filters": 32, "layers": 6, "mixtures": 10}),
        (64, 2, False, {"filters": 32, "layers": 6}),
    ],
)
def test_a_gated_pixelcnn_suits_its_pictures(side: int, levels: int, small: bool, sizes: dict[str, int]) -> None:
    follows = {"height": side, "width": side, "channels": 3, "levels": levels}
    assert building.suited(GatedPixelCNNConfig, follows, small) == sizes


def test_a_wavenet_of_little_sound_is_small() -> None:
    assert building.suited(WaveNetConfig, {"levels": 256, "channels": 1}, small=False) == {}
    assert building.suited(WaveNetConfig, {"levels": 256, "channels": 1}, small=True) == {
        **{"residual": 32, "gate": 32, "skip": 128, "dilations": 9, "cycles": 2},
        "dropout": 0.1,
    }
