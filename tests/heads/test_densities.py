"""Densities and counts against SciPy, far outliers, constant series, temperatures."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from registry import HEADS, HeadCase
from seriatim.errors import UserError
from seriatim.heads import (
    Bivariate,
    DensityMixture,
    Dist,
    Event,
    Gaussian,
    GaussianHead,
    Laplace,
    MarkedHead,
    NegativeBinomial,
    Poisson,
    ScaledHead,
    Student,
)
from seriatim.testing.heads import uniforms
from seriatim.walks.steer import Steer

X = np.array([-1e6, -30.0, -2.5, -0.1, 0.0, 0.4, 3.0, 1e6])
COUNTS = np.array([0, 1, 2, 7, 40, 300])


def full(value: float, n: int) -> Tensor:
    return torch.full((n,), value, dtype=torch.float64)


def mixture(kind: Any) -> DensityMixture:
    logits = torch.tensor([0.2, 0.8], dtype=torch.float64).log().expand(len(X), 2)
    centres, scales = torch.tensor([-1.0, 2.0]).double(), torch.tensor([0.5, 1.5]).double()
    return DensityMixture(logits, centres.expand(len(X), 2), scales.expand(len(X), 2), kind)


def theirs(component: Any) -> Any:
    return np.logaddexp(math.log(0.2) + component.logpdf(X, -1.0, 0.5), math.log(0.8) + component.logpdf(X, 2.0, 1.5))


N = len(X)
DENSITIES: dict[str, tuple[Callable[[], Dist], Callable[[], Any]]] = {
    "gaussian": (lambda: Gaussian(full(0.3, N), full(2.0, N)), lambda: stats.norm.logpdf(X, 0.3, 2.0)),
    # SciPy has −∞ beyond 1,500 scales
    "laplace": (lambda: Laplace(full(0.3, N), full(2.0, N)), lambda: -np.abs(X - 0.3) / 2 - math.log(4)),
    "student": (lambda: Student(full(3.5, N), full(0.3, N), full(2.0, N)), lambda: stats.t.logpdf(X, 3.5, 0.3, 2.0)),
    "cauchy": (lambda: Student(full(1.0, N), full(0.0, N), full(1.0, N)), lambda: stats.cauchy.logpdf(X)),
    "normals": (lambda: mixture("normal"), lambda: theirs(stats.norm)),
    "logistics": (lambda: mixture("logistic"), lambda: theirs(stats.logistic)),
}


@pytest.mark.parametrize("name", DENSITIES)
def test_densities_are_those_of_scipy(name: str) -> None:
    ours, expected = DENSITIES[name]
    np.testing.assert_allclose(ours().log_prob(torch.from_numpy(X)).numpy(), expected(), rtol=1e-11)


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (lambda n: Poisson(full(3.7, n)), stats.poisson(3.7)),
        (lambda n: Poisson(full(2500.0, n)), stats.poisson(2500.0)),
        (lambda n: NegativeBinomial(full(3.7, n), full(0.5, n)), stats.nbinom(2, 2 / 5.7)),
        (lambda n: NegativeBinomial(full(900.0, n), full(4.0, n)), stats.nbinom(0.25, 0.25 / 900.25)),
    ],
    ids=["poisson", "poisson-large", "negative-binomial", "negative-binomial-wide"],
)
def test_counts_are_those_of_scipy(ours: Callable[[int], Dist], expected: Any) -> None:
    got = ours(len(COUNTS)).log_prob(torch.from_numpy(COUNTS).double())
    np.testing.assert_allclose(got.numpy(), expected.logpmf(COUNTS), rtol=1e-9)
    u = np.array([1e-12, 0.01, 0.3, 0.5, 0.77, 0.999, 1 - 1e-6])
    drawn = ours(len(u)).draw(torch.from_numpy(u)[:, None])
    np.testing.assert_array_equal(drawn.numpy(), expected.ppf(u))
    assert bool((ours(3).log_prob(torch.tensor([-1.0, 0.5, math.inf]).double()) == -math.inf).all())


def test_a_bivariate_normal_is_scipys() -> None:
    rng = np.random.default_rng(0)
    points, rho = rng.normal(size=(20, 2)) * 3, 0.7
    covariance = [[4.0, 2 * 0.5 * rho], [2 * 0.5 * rho, 0.25]]

    def each(*values: float) -> Tensor:
        return torch.tensor(values, dtype=torch.float64).expand(20, len(values))

    dist = Bivariate(each(0.0), each(1.0, -1.0)[..., None], each(2.0, 0.5)[..., None], each(rho))
    expected = stats.multivariate_normal([1.0, -1.0], covariance).logpdf(points)
    np.testing.assert_allclose(dist.log_prob(torch.from_numpy(points)).numpy(), expected, rtol=1e-11)


REAL = {name: case for name, case in HEADS.items() if min(case.levels) <= 0 and not name.startswith("toy")}
EACH = pytest.mark.parametrize("case", REAL.values(), ids=REAL)
LEARNED = {name: case for name, case in REAL.items() if not name.startswith("moments")}  # those are as they are


@pytest.mark.parametrize("case", LEARNED.values(), ids=LEARNED)
@pytest.mark.parametrize("raw", [-1e4, -30.0, 0.0, 30.0, 1e4])
@pytest.mark.parametrize("value", [0.0, 1e6])
def test_outliers_and_extreme_parameters_are_finite_in_float32(case: HeadCase, raw: float, value: float) -> None:
    head = case.make()
    parameters = torch.full((1, head.width), raw)
    if isinstance(head, ScaledHead) or isinstance(getattr(head, "inner", None), ScaledHead) or "scaled" in vars(head):
        parameters[..., -max(2, 2 * (head.parts - isinstance(head, MarkedHead))) :] = 0.0
    parameters = parameters.clamp(-80, 1e4).requires_grad_()
    x = torch.full((1, head.parts), value)
    if isinstance(head, MarkedHead):
        x[..., 0] = 0.0
    terms = head.log_prob(parameters, x if head.parts > 1 else x[:, 0])
    terms.sum().backward()
    assert torch.isfinite(terms).all()
    assert parameters.grad is not None
    assert torch.isfinite(parameters.grad).all()


def test_a_constant_series_costs_no_less_than_the_floor_allows() -> None:
    dist = GaussianHead(floor=1e-3)(torch.tensor([[5.0, -1e4]]))
    assert dist.log_prob(torch.tensor([5.0])).item() == pytest.approx(-math.log(1e-3) - 0.5 * math.log(2 * math.pi))


@EACH
def test_what_is_missing_counts_nothing_and_passes_no_gradient(case: HeadCase) -> None:
    head = case.make()
    parameters = case.parameters(3).requires_grad_()
    x = head(parameters).draw(uniforms(torch.Size((3, 4 * head.parts)), 1))
    gone = x.detach().clone()
    gone.view(3, -1)[1, -1] = math.nan
    terms = head.log_prob(parameters, gone)
    assert terms[1] == 0
    torch.testing.assert_close(terms[[0, 2]], head(parameters).log_prob(x)[[0, 2]])
    terms.sum().backward()
    assert parameters.grad is not None
    assert bool((parameters.grad[1] == 0).all())
    assert torch.isfinite(parameters.grad).all()


def test_after_the_end_nothing_is_left_to_say() -> None:
    head = MarkedHead(ScaledHead(GaussianHead()), categories=2)
    parameters = torch.tensor([[0.3, -0.2, 1.0, 2.0, 5.0, 0.1]], dtype=torch.float64)
    stop = torch.tensor([[0.3, -0.2]], dtype=torch.float64).log_softmax(-1)[0, 1]
    for value in (0.0, 123.0):
        assert head(parameters).log_prob(torch.tensor([[1.0, value]]).double()).item() == pytest.approx(stop.item())
    event = head(parameters)
    assert event.draw(torch.tensor([[0.999, 0.3]], dtype=torch.float64)).tolist() == [[1.0, 0.0]]
    assert event.draw(torch.tensor([[0.001, 0.3]], dtype=torch.float64))[0, 1] != 0


# ------------------------------------------------------------------ temperature


@pytest.mark.parametrize("name", DENSITIES)
def test_the_temperature_multiplies_the_variance(name: str) -> None:
    dist = DENSITIES[name][0]()
    u = uniforms(torch.Size((N, dist.noise)), 3)
    if isinstance(dist, DensityMixture):  # one component alone
        dist = DensityMixture(dist.logits[..., :1], dist.centres[..., :1], dist.scales[..., :1], dist.kind)
    middle = dist.heated(0).draw(u)
    torch.testing.assert_close(dist.heated(4).draw(u) - middle, 2 * (dist.draw(u) - middle))
    torch.testing.assert_close(Steer(temperature=4).of(dist).draw(u), dist.heated(4).draw(u))


def test_no_temperature_at_all_takes_the_likeliest_component() -> None:
    assert mixture("normal").heated(0).draw(uniforms(torch.Size((N, 2)), 3)).tolist() == [2.0] * N


def test_counts_have_no_temperature() -> None:
    dist = Poisson(torch.ones(2))
    assert dist.heated(1) is dist
    with pytest.raises(UserError, match=r"temperature is 0\.5; Poisson has none: leave it out"):
        dist.heated(0.5)


@pytest.mark.parametrize(
    "steer", [Steer(top_k=3), Steer(top_p=0.5), Steer(min_p=0.1), Steer(repetition=2.0), Steer(bias={0: 1.0})]
)
def test_what_steers_probabilities_is_refused_for_real_numbers(steer: Steer) -> None:
    with pytest.raises(UserError, match=r"steers probabilities of symbols, and this model draws real numbers; leave"):
        steer.check(GaussianHead())


@EACH
def test_heated_events_are_heated_in_every_part(case: HeadCase) -> None:
    dist = case.make()(case.parameters(3))
    if -1 in case.levels:
        with pytest.raises(UserError, match="has none: leave it out"):
            dist.heated(0.5)
        return
    hot = dist.heated(1.0)
    u = uniforms(torch.Size((3, 4 * len(case.levels))), 5)
    torch.testing.assert_close(hot.draw(u), dist.draw(u))
    if isinstance(dist, Event):
        assert type(dist.heated(0.5)) is type(dist)
