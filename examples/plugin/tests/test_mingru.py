"""What holds Seriatim's families holds this one: the laws, and a plain loop that it is equal to."""

from __future__ import annotations

import torch
from seriatim_mingru import MinGRU, MinGRUConfig, MinGRULayer
from torch import Tensor

from seriatim import testing
from seriatim.models import family


def loop(layer: MinGRULayer, x: Tensor) -> Tensor:
    """h_t = (1 − z_t) h_{t−1} + z_t h̃_t, position by position."""
    h, out = torch.zeros(len(x), layer.gate.out_features, dtype=x.dtype), []
    for frame in x.unbind(1):
        z = torch.sigmoid(frame @ layer.gate.weight.T + layer.gate.bias)
        h = (1 - z) * h + z * (frame @ layer.candidate.weight.T + layer.candidate.bias)
        out.append(h)
    return torch.stack(out, 1)


def test_the_key_leads_to_the_class() -> None:
    assert family("mingru").model is MinGRU
    assert family("mingru").data == "text"


def test_the_laws_hold() -> None:
    torch.manual_seed(0)
    testing.laws(MinGRU(MinGRUConfig(symbols=3, width=4, layers=2)))


def test_it_equals_a_plain_loop() -> None:
    torch.manual_seed(0)
    layer = MinGRULayer(3, 5).double()
    x = torch.randn(2, 19, 3, dtype=torch.float64)
    torch.testing.assert_close(layer(x)[0], loop(layer, x), rtol=1e-12, atol=1e-12)
    testing.long_chunk_law(MinGRULayer(3, 5), 3)
