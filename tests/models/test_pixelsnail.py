"""PixelSNAIL's attention against a plain one, and what its config refuses."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seriatim.errors import UserError
from seriatim.models import PixelSNAIL, PixelSNAILConfig
from seriatim.models.pixelsnail import _attended
from seriatim.testing import same


def plainly(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """One head, a pixel at a time."""
    rows = [torch.zeros_like(v[:, 0])]
    for t in range(1, q.shape[1]):
        score = torch.einsum("bd,bsd->bs", q[:, t], k[:, :t]) / q.shape[-1] ** 0.5
        weight = score.exp() / score.exp().sum(1, keepdim=True)
        rows.append(torch.einsum("bs,bsd->bd", weight, v[:, :t]))
    return torch.stack(rows, 1)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("keys", "values", "heads"), [(3, 5, 1), (5, 3, 1), (4, 4, 1), (2, 6, 3), (6, 2, 2)])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_a_pixel_attends_to_earlier_ones_alone(keys: int, values: int, heads: int, n: int) -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, n, heads, channels, requires_grad=True) for channels in (keys, keys, values))
    found = _attended(*(x.flatten(2) for x in (q, k, v)), heads)
    same(found, torch.cat([plainly(q[:, :, i], k[:, :, i], v[:, :, i]) for i in range(heads)], -1))
    assert torch.equal(found[:, 0], torch.zeros(2, heads * values))
    for slope in torch.autograd.grad(found.square().sum(), (q, k, v)):
        assert bool(slope.isfinite().all())


def test_places_are_shares_of_the_canvas_whatever_the_picture() -> None:
    model = PixelSNAIL(PixelSNAILConfig(4, 8, 1, filters=4))
    whole = model.background(4, 8)
    assert whole[0, 0].tolist() == [-0.5, -0.5]
    assert whole[3, 4].tolist() == [0.25, 0.0]
    assert torch.equal(model.background(2, 3), whole[:2, :3])


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"height": 512}, "height × width is 262144"),
        ({"blocks": 0}, "blocks"),
        ({"blocks": 200, "resnets": 200}, "blocks × resnets is 40000"),
        ({"keys": 0}, "keys"),
        ({"values": 10**6}, "values"),
        ({"heads": 3}, "heads is 3"),
        ({"heads": 0}, "heads is 0"),
        ({"filters": 2**20}, "filters"),
        ({"dropout": 1.0}, "dropout"),
        ({"field": -1}, "field"),
    ],
)
def test_sizes_out_of_bounds_are_refused(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        PixelSNAILConfig(width=512 if "height" in sizes else 32, **sizes)
