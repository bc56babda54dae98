"""Differenced processes and autoregressions on chosen lags, held to statsmodels, SciPy and plain loops."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats
from statsmodels.tsa.arima.model import ARIMA

from seriatim.causal.regression import Regression
from seriatim.context import Context
from seriatim.errors import UserError
from seriatim.models import ARMA, ARMAConfig
from seriatim.training.maximum import maximise

Floats = NDArray[np.float64]


def wandering(n: int = 120) -> Floats:
    """A random walk with a season of 12."""
    random = np.random.default_rng(0)
    return np.cumsum(random.normal(size=n)) + 50 + np.tile(np.arange(12.0), n // 12)


def rows(*each: Floats) -> torch.Tensor:
    return torch.tensor(np.stack(each))


@pytest.mark.parametrize(("d", "seasonal"), [(1, 0), (2, 0), (0, 1), (1, 1)])
def test_a_differenced_likelihood_is_that_of_statsmodels_on_differences(d: int, seasonal: int) -> None:
    x = wandering()
    model = ARMA(ARMAConfig(1, 1, 12, difference=d, seasonal_difference=seasonal)).double()
    model.set(ar=[0.4], ma=[0.3], deviation=1.3, mean=0.2)
    y = np.diff(x, d)
    y = y[12:] - y[:-12] if seasonal else y
    first = d + 12 * seasonal
    ours = model.log_probs(rows(x))[0].detach().numpy()[first:]
    theirs = ARIMA(y, order=(1, 0, 1), trend="c").loglikeobs([0.2, 0.4, 0.3, 1.69])
    assert ours == pytest.approx(theirs, abs=1e-9)
    assert model.config.conditioned == first


def test_a_differenced_model_forecasts_from_where_the_series_is() -> None:
    model = ARMA(ARMAConfig(0, 0, difference=1, constant=False)).double()  # a random walk
    model.set(deviation=0.1)
    x = np.linspace(1000, 1010, 30)
    drawn = model.sample(n=4000, length=40, prompt=rows(x).repeat(4000, 1), seed=0)[:, 30:].numpy()
    assert drawn.mean(0) == pytest.approx(np.full(10, 1010), abs=0.02)
    assert drawn.std(0) == pytest.approx(0.1 * np.sqrt(np.arange(1, 11)), rel=0.06)


def test_a_missing_value_counts_as_the_last_one_in_a_sum() -> None:
    model = ARMA(ARMAConfig(0, 0, difference=1, constant=False)).double()
    model.set(deviation=2.0)
    x = rows(np.array([5.0, 7.0, np.nan, np.nan, 8.0]))
    found = model.log_probs(x)[0].tolist()
    assert found[1] == pytest.approx(stats.norm.logpdf(7, 5, 2))
    assert found[2:4] == [0, 0]
    assert found[4] == pytest.approx(stats.norm.logpdf(8, 7, 2))


@pytest.mark.parametrize("tails", ["normal", "student"])
def test_chosen_lags_are_their_textbook_loop(tails: Any) -> None:
    x, lags, weights = wandering(48), (1, 3, 12), [0.5, -0.2, 0.4]
    x[20] = np.nan
    model = ARMA(ARMAConfig(lags=lags, tails=tails)).double()
    process = cast(Regression, model.process)
    with torch.no_grad():
        process.weight.copy_(torch.tensor([weights], dtype=torch.float64))
        density = [0.3, 1.0] if tails == "normal" else [1.5, 0.3, 1.0]
        process.density.copy_(torch.tensor([density], dtype=torch.float64))
    centre, unit = 52.0, math.exp(0.7)
    found = model.log_probs(rows(x), Context(scale=torch.tensor([[[centre, 0.7]]], dtype=torch.float64)))[0].tolist()
    width = math.log1p(math.exp(1.0)) + 1e-3
    freedom = 2 + math.log1p(math.exp(1.5)) + 1e-3
    for t in range(len(x)):
        z = [(x[t - lag] - centre) / unit if t >= lag and not np.isnan(x[t - lag]) else 0.0 for lag in lags]
        mean = centre + unit * (0.3 + float(np.dot(weights, z)))
        law = stats.norm(mean, unit * width) if tails == "normal" else stats.t(freedom, mean, unit * width)
        assert found[t] == pytest.approx(0.0 if np.isnan(x[t]) else law.logpdf(x[t]), abs=1e-9)


@pytest.mark.parametrize("ridge", [0.0, 50.0])
def test_a_normal_fit_of_chosen_lags_is_a_ridge_regression(ridge: float) -> None:
    random = np.random.default_rng(1)
    series = [np.zeros(300), np.zeros(300)]
    for x, phi in zip(series, (0.8, -0.5), strict=True):
        for t in range(2, 300):
            x[t] = 1.0 + phi * x[t - 1] + 0.1 * x[t - 2] + random.normal()
    model = ARMA(ARMAConfig(lags=(1, 2), ridge=ridge, vector=2)).double()
    context = Context(vector=torch.eye(2).double())
    mask = torch.ones(2, 300, dtype=torch.bool)
    mask[:, :2] = False
    model.calibrate(rows(*series), context)
    log_p = maximise(model, rows(*series), context, mask)
    expected = 0.0
    for i, x in enumerate(series):
        columns = np.stack([x[1:-1], x[:-2], np.ones(298)], 1)
        weights = np.linalg.solve(columns.T @ columns + np.diag([ridge, ridge, 0]), columns.T @ x[2:])
        assert cast(Regression, model.process).weight[i].tolist() == pytest.approx(weights[:2], abs=1e-5)
        rest = x[2:] - columns @ weights
        variance = (rest @ rest + ridge * weights[:2] @ weights[:2]) / 298  # where the penalised likelihood is largest
        expected += stats.norm.logpdf(rest, 0, math.sqrt(variance)).sum()
    assert log_p == pytest.approx(expected, abs=1e-5)


def test_each_series_has_its_own_coefficients_and_an_unknown_one_the_mean_of_all() -> None:
    layer = Regression((1,), 1, rows=2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0], [3.0]]))
    weights, _ = layer.coefficients(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]))
    assert weights[:, 0].tolist() == [1, 3, 2]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"lags": (1, 1)}, "give each lag once"),
        ({"lags": (0,)}, "a lag is 0"),
        ({"lags": (1,), "ma": 1}, "ma is 1, which does not go with chosen lags"),
        ({"lags": (1,), "difference": 1}, "difference is 1"),
        ({"tails": "student"}, "needs chosen lags"),
        ({"ridge": 1.0}, "ridge is for chosen lags"),
        ({"seasonal_difference": 1}, "season is 0"),
        ({"difference": 5}, "difference is 5"),
    ],
)
def test_orders_that_do_not_go_together_are_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        replace(ARMAConfig(), **fields)
