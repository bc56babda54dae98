"""AR, ARMA, ARCH and GARCH: statsmodels' and arch's likelihoods, fits, sampled moments, missing values, long series."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from seriatim.causal.kalman import from_partial, to_partial
from seriatim.causal.scan import linear_scan
from seriatim.errors import UserError
from seriatim.models import ARMA, GARCH, ARMAConfig, GARCHConfig
from seriatim.training.maximum import maximise
from seriatim.walks.noise import row_seeds
from seriatim.walks.particles import fill_in
from seriatim.walks.walk import Walk

arima = pytest.importorskip("statsmodels.tsa.arima.model")
arch = pytest.importorskip("arch")


def series(n: int = 120, gaps: tuple[int, ...] = ()) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    y = 0.2 * np.cumsum(rng.normal(size=n)) + rng.normal(size=n) + 3
    y[list(gaps)] = np.nan
    return y


def returns(n: int = 500) -> NDArray[np.float64]:
    """Values whose variance follows GARCH(1, 1), with heavy tails."""
    rng = np.random.default_rng(3)
    y, variance = np.zeros(n), 1.0
    for t in range(n):
        y[t] = math.sqrt(variance) * rng.standard_t(6) * math.sqrt(4 / 6)
        variance = 0.05 + 0.15 * y[t] ** 2 + 0.8 * variance
    return y + 0.1


def rows(y: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(y)[None]


ORDERS = [(1, 0, 0, 0, 0), (3, 0, 0, 0, 0), (0, 1, 0, 0, 0), (2, 1, 0, 0, 0), (1, 1, 4, 1, 1), (0, 0, 4, 1, 0)]


def theirs(y: NDArray[np.float64], orders: tuple[int, ...]) -> tuple[Any, Mapping[str, float]]:
    p, q, season, seasonal_ar, seasonal_ma = orders
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = arima.ARIMA(y, order=(p, 0, q), seasonal_order=(seasonal_ar, 0, seasonal_ma, season), trend="c")
        found = model.fit()
    return found, dict(zip(model.param_names, found.params, strict=True))


def ours(orders: tuple[int, ...], of: Mapping[str, float]) -> ARMA:
    p, q, season, seasonal_ar, seasonal_ma = orders
    model = ARMA(ARMAConfig(p, q, season, seasonal_ar, seasonal_ma)).double()
    model.set(
        [of[f"ar.L{i + 1}"] for i in range(p)],
        [of[f"ma.L{i + 1}"] for i in range(q)],
        [of[f"ar.S.L{season * (i + 1)}"] for i in range(seasonal_ar)],
        [of[f"ma.S.L{season * (i + 1)}"] for i in range(seasonal_ma)],
        deviation=math.sqrt(of["sigma2"]),
        mean=of["const"],
    )
    return model


@pytest.mark.parametrize("orders", ORDERS, ids=str)
@pytest.mark.parametrize("gaps", [(), (0, 5, 6, 40, 77)], ids=["whole", "gaps"])
def test_an_arma_likelihood_is_that_of_statsmodels(orders: tuple[int, ...], gaps: tuple[int, ...]) -> None:
    y = series(gaps=gaps)
    found, of = theirs(y, orders)
    terms = ours(orders, of).log_probs(rows(y))[0].detach().numpy()
    np.testing.assert_allclose(terms, np.where(np.isnan(y), 0, found.llf_obs), atol=1e-9)
    assert terms.sum() == pytest.approx(found.llf, abs=1e-8)


@pytest.mark.parametrize("orders", [(2, 1, 0, 0, 0), (1, 0, 4, 1, 0)], ids=str)
@pytest.mark.parametrize("gaps", [(), (5, 6, 40)], ids=["whole", "gaps"])
def test_an_arma_fit_is_no_worse_than_that_of_statsmodels(orders: tuple[int, ...], gaps: tuple[int, ...]) -> None:
    rng, y = np.random.default_rng(0), np.zeros(400)
    shocks = rng.normal(size=400)
    for t in range(4, 400):
        y[t] = 0.6 * y[t - 1] - 0.3 * y[t - 4] + shocks[t] + 0.4 * shocks[t - 1]
    y[list(gaps)] = np.nan
    found, of = theirs(y, orders)
    model = ARMA(ARMAConfig(*orders)).double()
    assert maximise(model, rows(y)) >= found.llf - 1e-6 * len(y)
    for one, other in zip(model.process.lags(), ours(orders, of).process.lags(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=0)


@pytest.mark.parametrize("tails", ["normal", "student"])
@pytest.mark.parametrize("orders", [(1, 0), (3, 0), (1, 1), (2, 2)], ids=str)
def test_a_garch_likelihood_is_that_of_arch(orders: tuple[int, int], tails: Any) -> None:
    y, (p, q) = returns(), orders
    model = arch.arch_model(y, vol="GARCH", p=p, q=q, dist="t" if tails == "student" else "normal", rescale=False)
    alpha, beta = [0.3 / (i + 2) for i in range(p)], [0.5 / max(1, q)] * q
    freedom = [7.5] if tails == "student" else []
    fixed = model.fix([0.05, 0.1, *alpha, *beta, *freedom])
    backcast = model.volatility.backcast(model.resids(model.starting_values()))
    own = GARCH(GARCHConfig(p, q, tails, "fitted")).double()
    own.set(omega=0.1, alpha=alpha, beta=beta, mean=0.05, freedom=freedom[0] if freedom else None, first=backcast)
    assert own.log_prob(rows(y)).item() == pytest.approx(fixed.loglikelihood, abs=1e-8)


@pytest.mark.parametrize("tails", ["normal", "student"])
def test_a_garch_fit_is_no_worse_than_that_of_arch(tails: Any) -> None:
    y = returns(1500)
    model = arch.arch_model(y, dist="t" if tails == "student" else "normal", rescale=False)
    found = model.fit(disp="off", tol=1e-10)
    own = GARCH(GARCHConfig(tails=tails, first="fitted")).double()
    assert own.process.log_first is not None
    own.process.log_first.requires_grad_(False)
    backcast = model.volatility.backcast(model.resids(model.starting_values()))
    own.set(omega=0.1, alpha=[0.1], beta=[0.8], freedom=8.0 if tails == "student" else None, first=backcast)
    assert maximise(own, rows(y)) >= found.loglikelihood - 1e-6 * len(y)
    coefficients = torch.cat([each.reshape(-1) for each in own.process.coefficients()]).detach().numpy()
    np.testing.assert_allclose(coefficients, found.params[["omega", "alpha[1]", "beta[1]"]], atol=1e-3)


def test_a_missing_return_counts_as_its_expectation() -> None:
    own = GARCH(GARCHConfig()).double()
    own.set(omega=0.2, alpha=[0.3], beta=[0.5], mean=1.0)
    deviations = own(torch.tensor([[3.0, math.nan, 1.0, 0.0]]).double())[0, :, 1].exp().square()
    first = 0.2 / (1 - 0.8)
    second = 0.2 + 0.3 * 4 + 0.5 * first
    third = 0.2 + 0.8 * second
    expected = torch.tensor([first, second, third, 0.2 + 0.3 * 0 + 0.5 * third]).double()
    torch.testing.assert_close(deviations, expected)


def test_an_ar_is_its_textbook_loop() -> None:
    model = ARMA(ARMAConfig(ar=2)).double()
    model.set([0.5, 0.3], deviation=2.0, mean=1.0)
    y = series(50)
    terms = model.log_probs(rows(y))[0, 2:].detach().numpy()
    mean = 1 + 0.5 * (y[1:-1] - 1) + 0.3 * (y[:-2] - 1)
    np.testing.assert_allclose(
        terms, -0.5 * ((y[2:] - mean) / 2) ** 2 - math.log(2 * math.sqrt(2 * math.pi)), atol=1e-12
    )


def test_samples_have_the_moments_of_the_process() -> None:
    model = ARMA(ARMAConfig(ar=1, ma=1)).double()
    model.set([0.7], [0.4], deviation=1.5, mean=10.0)
    x = model.sample(n=4000, length=6, seed=1)
    variance = 1.5**2 * (1 + 2 * 0.7 * 0.4 + 0.4**2) / (1 - 0.7**2)
    for t in range(6):  # stationary from the first value on
        assert x[:, t].mean().item() == pytest.approx(10.0, abs=5 * math.sqrt(variance / 4000))
        assert x[:, t].var().item() == pytest.approx(variance, rel=0.12)
    first = 1.5**2 * (1 + 0.7 * 0.4) * (0.7 + 0.4) / (1 - 0.7**2)
    assert torch.cov(x[:, 2:4].T)[0, 1].item() == pytest.approx(first, rel=0.12)


def test_particles_fill_a_gap_as_the_smoother_would() -> None:
    """Given both neighbours, a value of an AR(1) is normal about φ (x_0 + x_2) / (1 + φ²), variance σ² / (1 + φ²)."""
    model, results, particles = ARMA(ARMAConfig(ar=1)).double(), 1500, 40
    model.set([0.8], deviation=1.0)
    known, mask = torch.tensor([2.0, 0.0, -1.0]).double(), torch.tensor([True, False, True])
    seeds = row_seeds(7, results * particles)
    filled = fill_in(Walk(model, results * particles, length=3), known, mask, seeds, particles)
    assert bool((filled[:, [0, 2]] == known[[0, 2]]).all())
    mean, variance = 0.8 * (2.0 - 1.0) / (1 + 0.8**2), 1 / (1 + 0.8**2)
    assert filled[:, 1].mean().item() == pytest.approx(mean, abs=5 * math.sqrt(variance / results))
    assert filled[:, 1].var().item() == pytest.approx(variance, rel=0.2)
    alone = fill_in(Walk(model, results, length=3), known, mask, seeds[:results])  # one particle does not look ahead
    assert alone[:, 1].mean().item() == pytest.approx(0.8 * 2.0, abs=5 / math.sqrt(results))


@pytest.mark.parametrize("gaps", [(), (700, 701, 1500)], ids=["whole", "gaps"])
def test_the_scan_equals_steps_over_a_long_series(gaps: tuple[int, ...]) -> None:
    y = rows(series(2000, gaps))
    for model in (ARMA(ARMAConfig(2, 2)).double(), GARCH(GARCHConfig(2, 2)).double()):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(torch.linspace(-0.4, 0.6, parameter.numel()).view(parameter.shape))
        state, prev, found = model.start(1), y[:, 0], list[Tensor]()
        for t in range(2000):
            parameters, state = model.step(prev, state)
            prev = y[:, t]
            found.append(parameters)
        torch.testing.assert_close(torch.stack(found, 1), model(y).detach(), atol=1e-11, rtol=1e-11)


def test_a_scan_is_its_loop() -> None:
    torch.manual_seed(0)
    move, x, h = 0.4 * torch.randn(3, 3).double(), torch.randn(2, 11, 3).double(), torch.randn(2, 3).double()
    found = linear_scan(move, x, h)
    for t in range(11):
        h = h @ move.T + x[:, t]
        torch.testing.assert_close(found[:, t], h)
    assert linear_scan(move, x[:, :0], h).shape == (2, 0, 3)


def test_partial_autocorrelations_there_and_back() -> None:
    partial = torch.tensor([0.5, -0.3, 0.9, 0.1]).double()
    torch.testing.assert_close(to_partial(from_partial(partial)), partial)
    with pytest.raises(ValueError, match="not those of a stationary process"):
        to_partial(torch.tensor([1.5, 0.2]).double())


def test_what_cannot_be_fitted_and_wrong_orders_are_refused() -> None:
    with pytest.raises(UserError, match="no value to fit to"):
        maximise(ARMA(ARMAConfig()).double(), torch.full((1, 5), math.nan).double())
    with pytest.raises(UserError, match="season is 0; seasonal lags and differences need one of at least 2"):
        ARMAConfig(seasonal_ar=1)
    with pytest.raises(ValueError, match="2 coefficients for ar; expected 1"):
        ARMA(ARMAConfig()).set([0.5, 0.2], deviation=1.0)
    with pytest.raises(ValueError, match="with a sum below 1"):
        GARCH(GARCHConfig()).set(omega=1.0, alpha=[0.5], beta=[0.5])
