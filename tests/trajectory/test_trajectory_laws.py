"""Models of trajectories obey the laws of models; and the stop: lengths have the distribution that is scored."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seriatim.context import Context
from seriatim.models import FAMILIES
from seriatim.runs import building
from seriatim.testing import laws, stored
from seriatim.trajectory.codec import FixedScale, TrajectoryCodec
from seriatim.trajectory.model import TrajectoryModel

stats = pytest.importorskip("scipy.stats")

pytestmark = pytest.mark.usefixtures("float64")

Floats = NDArray[np.float64]

NETS: dict[str, dict[str, Any]] = {
    "rnn": {"layers": 1},
    "lstm": {"layers": 1},
    "gru": {"layers": 2, "lags": (1, 3)},
    "mlp": {"layers": 2, "lags": (1, 2)},
    "transformer": {"layers": 1, "heads": 2},
    "wavenet": {"layers": 1, "dilations": 2},
    "bytenet": {"layers": 1, "dilations": 2, "linear": False, "width": 8},
}
HEADS: dict[str, dict[str, Any]] = {
    "pen": {"parts": 2, "head": "bivariate", "mixtures": 2, "marks": 3},
    "channels": {"parts": 2, "head": "normal", "chain": 3, "marks": 2},
}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("net", NETS)
def test_every_net_over_trajectories_obeys_the_laws(net: str, head: str) -> None:
    entry = FAMILIES[net].of("trajectory")
    config = entry.config(**{"width": 4, "dropout": 0.2, "vector": 2, **HEADS[head], **NETS[net]})
    torch.manual_seed(0)
    unit = torch.cat([torch.zeros(2, 1, 2), torch.randn(2, 2, 2)], 1)  # of the category: 0
    given = Context(vector=torch.randn(2, 2), scale=unit)
    report = laws(entry.model(config), length=5, given=given, long=0)
    held = {"step law", "carry law", "packed law", "row law", "seed law", "sight law", "condition law", "gradient law"}
    assert held <= set(report.held)


@pytest.mark.parametrize("net", NETS)
def test_sizes_of_every_net_come_back_from_json(net: str) -> None:
    entry = FAMILIES[net].of("trajectory")
    stored.config_law(entry.model(entry.config(**{"width": 4, **HEADS["pen"], **NETS[net]})))


# ------------------------------------------------------------------ the stop

GRID = np.arange(-9.0, 9.01, 0.3)  # the trapezoidal rule, exact to many digits for smooth densities that vanish
LONGEST = 3


def tiny(seed: int = 7) -> TrajectoryModel:
    """One value, "go on" or "end", and weights that make the end depend on the values strongly."""
    scale = FixedScale([0.0, 0.2])
    entry = FAMILIES["gru"].of("trajectory")
    config = entry.config(parts=1, head="normal", marks=2, width=8, layers=1)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = building.build("gru", config, {"scale": scale})
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.normal_(std=0.1 if "linear" in name else 0.8)
                if "out.module" in name:  # go on, end, mean, scale: two as likely, no density too narrow for the grid
                    parameter[1] = parameter[0] + 2 * (parameter[1] - parameter[0])
                    parameter[3] *= 0.1
                if name.endswith("out.module.bias"):
                    parameter.copy_(torch.tensor([0.0, 0.0, 0.0, 0.7]))
    return TrajectoryModel(model, {"x": TrajectoryCodec(("value",), LONGEST), "scale": scale}, "gru")


def density(model: TrajectoryModel, points: Floats, ended: bool) -> Floats:
    """p of beginnings (N, T), with the end after them or without; the model's own, without what wraps it."""
    n, t = points.shape
    x = np.zeros((n, t + ended, 2))
    x[:, :t, 1] = points
    if ended:
        x[:, t, 0] = 1.0
    scale = torch.tensor(model.codecs["scale"].encode(None)).expand(n, 2, 2)
    inner: Any = model.model
    with torch.no_grad():
        return inner.model.log_prob(torch.tensor(x), Context(scale=scale)).exp().numpy()


def mass(model: TrajectoryModel, points: int, ended: bool) -> float:
    """∫ p over all values: of trajectories of that many points, or of all that have more than one fewer."""
    grid = np.array(list(product(GRID, repeat=points))).reshape(len(GRID) ** points, points)
    return float(density(model, grid, ended).sum() * (GRID[1] - GRID[0]) ** points)


@pytest.fixture(scope="module")
def model() -> TrajectoryModel:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return tiny()
    finally:
        torch.set_default_dtype(before)


@pytest.fixture(scope="module")
def probabilities(model: TrajectoryModel) -> Sequence[float]:
    """Of ending after 0, 1 and 2 points; of going on to a third."""
    return [*(mass(model, k, True) for k in range(LONGEST)), mass(model, LONGEST, False)]


def test_to_end_or_to_go_on_has_probability_one(model: TrajectoryModel, probabilities: Sequence[float]) -> None:
    assert sum(probabilities) == pytest.approx(1, abs=1e-6)
    assert min(probabilities) > 0.05
    for k in range(1, LONGEST):  # and of those that begin: those that go on, and those that end
        assert mass(model, k, False) == pytest.approx(mass(model, k, True) + mass(model, k + 1, False), abs=1e-6)


def test_drawn_lengths_have_the_distribution_that_is_scored(
    model: TrajectoryModel, probabilities: Sequence[float]
) -> None:
    n = 2000
    found = model.draw(n, seed=11, longest=LONGEST)
    lengths = np.array([len(x) for x in found.points])
    assert [bool(end) for end in found.ended] == [length < LONGEST for length in lengths]
    counts = np.bincount(lengths, minlength=LONGEST + 1)
    expected = n * np.array(probabilities) / sum(probabilities)
    assert stats.chisquare(counts, expected).pvalue > 0.001
    # the value of those that end after it: its mean and its deviation, by quadrature
    p = density(model, GRID[:, None], True)
    mean = (p * GRID).sum() / p.sum()
    variance = (p * (GRID - mean) ** 2).sum() / p.sum()
    alone = np.array([float(x[0, 0]) for x in found.points if len(x) == 1])
    assert alone.mean() == pytest.approx(mean, abs=4 * np.sqrt(variance / len(alone)))
    assert alone.var() == pytest.approx(variance, rel=0.25)
    everyone = density(model, GRID[:, None], False)
    assert abs(mean - (everyone * GRID).sum() / everyone.sum()) > 8 * np.sqrt(variance / len(alone))  # the end depends


def test_log_prob_is_the_density_that_was_integrated(model: TrajectoryModel) -> None:
    x = [np.array([[0.3], [-1.2]]), np.array([[2.0]])]
    expected = [density(model, each.T, True)[0] for each in x]
    assert np.allclose(np.exp(model.log_prob(x)), expected, rtol=1e-12)


def test_what_comes_after_the_end_costs_nothing_and_changes_nothing(model: TrajectoryModel) -> None:
    scale = torch.tensor(model.codecs["scale"].encode(None)).expand(1, 2, 2)
    x = torch.tensor([[[0.0, 0.4], [1.0, 0.0], [0.0, 3.0], [1.0, 0.0]]])
    other = torch.tensor([[[0.0, 0.4], [1.0, 7.0], [0.0, -5.0], [0.0, 1.0]]]).requires_grad_()
    inner: Any = model.model
    both = [inner.model.log_probs(each, Context(scale=scale))[0] for each in (x, other)]
    assert torch.equal(both[0][:2], both[1][:2].detach())
    (gradient,) = torch.autograd.grad(both[1][:2].sum(), other)
    assert gradient[0, 0, 1] != 0
    assert not gradient[0, 1:].any()  # nor does the value next to the end matter
    # the end itself costs what it costs, with no density
    with torch.no_grad():
        logits = inner.model(x, Context(scale=scale))[0, 1, :2]
    assert float(both[0][1].detach()) == pytest.approx(float(logits[1] - np.logaddexp(*logits.tolist())), abs=1e-12)


def test_drawing_stops_at_the_end(model: TrajectoryModel) -> None:
    """A row that has ended leaves; those that go on are what they are alone."""
    found = model.draw(40, seed=list(range(40)), longest=6)
    assert len({len(x) for x in found.points}) > 3
    for seed in (0, 7, 23):
        alone = model.draw(1, seed=[seed], longest=6)
        assert alone.ended == [found.ended[seed]]
        assert np.allclose(alone.points[0], found.points[seed], atol=1e-12)


def test_a_sample_taken_up_from_its_own_beginning_ends_as_it_did(model: TrajectoryModel) -> None:
    """A position has noise of its own, wherever drawing began."""
    found = [x for x in model.sample(60, seed=list(range(60)), longest=6) if len(x) > 1]
    assert len(found) > 10
    taken_up = 0
    for seed in range(60):
        (x,) = model.sample(1, seed=seed, longest=6)
        for known in range(1, len(x) - 1):
            (again,) = model.complete(x[:known], seed=seed, longest=6)
            assert again.shape == x.shape
            assert np.allclose(again, x, atol=1e-9)
            taken_up += 1
    assert taken_up > 10


def test_the_values_of_a_drawn_end_are_zero(model: TrajectoryModel) -> None:
    inner: Any = model.model
    with torch.no_grad():
        scale = torch.tensor(model.codecs["scale"].encode(None)).expand(400, 2, 2)
        parameters = inner.model(torch.zeros(400, 1, 2), Context(scale=scale))[:, 0]
        drawn = inner.model.head(parameters).draw(torch.rand(400, 2, generator=torch.Generator().manual_seed(1)))
    ended = drawn[:, 0] == 1
    assert 50 < int(ended.sum()) < 350
    assert not drawn[ended, 1].any()
    assert drawn[~ended, 1].all()


@pytest.mark.parametrize("linear", [True, False])
def test_an_untrained_model_ends_as_often_as_the_first_batch_does(linear: bool) -> None:
    """Two trajectories of 3 and 1 points, the second padded: 4 points and 2 ends, and one more of each."""
    entry = FAMILIES["gru"].of("trajectory")
    net = entry.model(entry.config(width=4, linear=linear))
    x = torch.zeros(2, 5, 2)
    x[0, 3, 0] = x[1, 1, 0] = 1.0
    net.initialise(x)
    (bias,) = (p for name, p in net.named_parameters() if name.endswith("out.module.bias"))
    assert bias[:2].exp().tolist() == pytest.approx([5 / 8, 3 / 8])
