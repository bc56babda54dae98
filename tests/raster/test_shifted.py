"""Calibration from a batch, also of channels that see nothing in it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from seriatim.image.options import ImageOptions
from seriatim.models import PixelCNNpp, PixelCNNppConfig
from seriatim.raster.shifted import Shifted, calibrating
from seriatim.training.options import TrainOptions
from seriatim.training.plan import Plan
from seriatim.training.run import Means, start


def test_a_channel_that_sees_no_spread_keeps_its_length() -> None:
    torch.manual_seed(0)
    layer = Shifted(3, 4, 2, 3, scale=0.5)
    x = torch.randn(8, 5, 5, 3)
    with calibrating(layer):
        seen = layer(x)
    assert torch.allclose(seen.std((0, 1, 2)), torch.full((4,), 0.5), rtol=1e-4)
    with calibrating(layer):
        constant = layer(torch.full((8, 5, 5, 3), 0.0))
    assert torch.equal(layer.length, torch.ones(4))
    assert torch.equal(constant, torch.zeros(8, 5, 5, 4))
    with calibrating(layer):
        single = layer(torch.randn(1, 1, 1, 3))
    assert torch.isfinite(single).all()
    assert torch.equal(layer.length, torch.ones(4))


@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_a_size_that_sees_nothing_begins_with_a_finite_loss(side: int) -> None:
    torch.manual_seed(0)
    model = PixelCNNpp(PixelCNNppConfig(height=side, width=side, filters=8, resnets=1, sizes=3, mixtures=3))
    x = torch.randint(256, (16, side, side, 3))
    model.initialise(x)
    nats = -model.eval().log_prob(x).mean().item() / (3 * side * side)
    assert nats < 1.5 * math.log(256)  # even colours: log 256 nats each; it was infinite


@pytest.mark.parametrize(("side", "sizes"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (32, 3)])
def test_small_pictures_have_fewer_sizes(side: int, sizes: int) -> None:
    assert PixelCNNppConfig.suited({"height": 32, "width": side}, False) == {"sizes": sizes}
    assert PixelCNNppConfig.suited({"height": side, "width": 32}, True) == {"sizes": sizes}


def test_pictures_of_four_by_four_train(tmp_path: Path) -> None:
    (tmp_path / "tiles").mkdir()
    random = np.random.default_rng(0)
    for i in range(24):
        Image.fromarray(random.integers(0, 256, (4, 4, 3), dtype=np.uint8)).save(tmp_path / "tiles" / f"{i}.png")
    train = TrainOptions(steps=3, batch=8, samples=0)
    net = {"filters": 4, "resnets": 1}
    made = Plan(str(tmp_path / "tiles"), "image", "pixelcnn++", net, {"image": ImageOptions()}, train=train)
    model = start(made, tmp_path / "run", Means(quiet=True))
    assert model.model.config.sizes == 2
    assert model.about["validation_bits_per_dim"] < 9  # even colours: 8 bits
