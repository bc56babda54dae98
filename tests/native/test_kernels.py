"""Native arithmetic and draws against scipy, NumPy in long double, and the distributions themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import special

pytest.importorskip("numba")

from seriatim.heads import CategoricalHead, MixtureHead
from seriatim.kernels.native import arithmetic, drawing
from seriatim.kernels.native.compiling import kernel

U = np.array([2.0**-53, 1e-12, 1e-3, 0.074, 0.076, 0.3, 0.5, 0.7, 0.924, 0.926, 0.999, 1 - 1e-12, 1 - 2.0**-53])


@kernel
def exponentials(x: Any, out: Any) -> None:
    for i in range(len(x)):
        out[i] = arithmetic.exp(x[i])


@kernel
def quantiles(u: Any, normal: int, out: Any) -> None:
    for i in range(len(u)):
        out[i] = drawing.quantile(u[i], normal)


@kernel
def categories(logits: Any, u: Any, heat: float, out: Any) -> None:
    for i in range(len(u)):
        out[i] = drawing.draw_category(logits[i], u[i], heat)


@kernel
def mixtures(parameters: Any, u: Any, mixture: Any, out: Any) -> None:
    for i in range(len(u)):
        drawing.draw_mixture(parameters[i], u[i], out[i], mixture)


@kernel
def product(y: Any, x: Any, w: Any) -> None:
    arithmetic.add_product(y, x, w)


@pytest.mark.parametrize(("kind", "limit", "most"), [(np.float32, 2.5e-7, 87.0), (np.float64, 1e-15, 700.0)])
def test_exp(kind: type, limit: float, most: float) -> None:
    x = np.concatenate([np.linspace(-most, most, 100_001), np.linspace(-1, 1, 10_001)]).astype(kind)
    out = np.empty_like(x)
    exponentials(x, out)
    assert np.abs(out / np.exp(x.astype(np.longdouble)) - 1).max() < limit
    ends = np.array([-1e30, -np.inf, 0.0], kind)
    exponentials(ends, out := np.empty_like(ends))
    assert out[2] == 1
    assert (out[:2] >= 0).all()
    assert (out[:2] < 2e-38).all()  # not zero, and of no weight


@pytest.mark.parametrize("normal", [0, 1])
def test_quantile(normal: int) -> None:
    out = np.empty_like(U)
    quantiles(U, normal, out)
    np.testing.assert_allclose(out, (special.ndtri if normal else special.logit)(U), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("heat", [1.0, 0.5, 0.0])
def test_categories_are_those_of_the_distribution(kind: torch.dtype, heat: float) -> None:
    random = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(4000, 50, generator=random, dtype=kind)
    logits[:, 7] = -torch.inf
    u = torch.rand(4000, 1, generator=random, dtype=torch.float64)
    wanted = logits.argmax(-1) if heat == 0 else CategoricalHead(50)(logits / heat).draw(u)
    out = np.empty(4000, np.int64)
    categories(logits.clone().numpy(), u[:, 0].numpy(), heat, out)
    assert (out == wanted.numpy()).mean() > (0.9994 if kind == torch.float32 else 0.9999)
    assert not (out == 7).any()


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("kind", ["logistic", "normal"])
def test_mixtures_are_those_of_the_distribution(kind: str, channels: int) -> None:
    head = MixtureHead(256, channels, 4, kind, spread=0.5)  # pyright: ignore[reportArgumentType]
    random = torch.Generator().manual_seed(0)
    parameters = torch.randn(3000, head.width, generator=random, dtype=torch.float64)
    parameters[:, 4 * (1 + channels) : 4 * (1 + 2 * channels)] -= 2  # narrower
    u = torch.rand(3000, channels, generator=random, dtype=torch.float64)
    dist = head(parameters)
    wanted = dist.draw(u).view(3000, channels).numpy()
    out = np.empty((3000, channels), np.int64)
    sizes = (256, 4, int(kind == "normal"), head.spread, head.floor, head.ceiling)
    mixtures(parameters.numpy(), u.numpy(), sizes, out)
    assert (out == wanted).mean() > 0.9999


@pytest.mark.parametrize("rows", [1, 3, 4, 7])
@pytest.mark.parametrize("inputs", [1, 7, 8, 19])
def test_products_of_any_size(rows: int, inputs: int) -> None:
    random = np.random.default_rng(0)
    y, x, w = random.normal(size=(rows, 5)), random.normal(size=(rows, inputs)), random.normal(size=(inputs, 5))
    wanted = y + x @ w
    product(y, x, w)
    np.testing.assert_allclose(y, wanted, rtol=1e-12, atol=1e-13)
