"""Discretised mixtures against independent sums, integrals and formulas."""

from __future__ import annotations

import itertools
import math
from typing import Any, get_args

import pytest
import torch
from scipy import integrate, stats
from torch import Tensor

from seriatim.errors import UserError
from seriatim.heads import Event, Mixture, MixtureEvent, MixtureHead
from seriatim.heads.mixture import Kind
from seriatim.testing import heads, same
from seriatim.testing.statistics import chi_square

KINDS = pytest.mark.parametrize("kind", get_args(Kind))
DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
EDGES = (2.0**-53, 2.0**-40, 0.5, 1 - 2.0**-40, 1 - 2.0**-53)


def parameters(
    head: MixtureHead, *shape: int, narrow: float = 3.0, dtype: torch.dtype = torch.float64, seed: int = 0
) -> Tensor:
    """Components inside and a little outside of [−1, 1], most of them narrow: scales about e^−narrow."""
    generator = torch.Generator().manual_seed(seed)
    each = torch.randn(*shape, head.width, generator=generator, dtype=torch.float64)
    m, c = head.mixtures, head.parts
    each[..., m : m + c * m] *= 0.7
    each[..., m + c * m : m + 2 * c * m] -= narrow
    return each.to(dtype)


def one(kind: Kind, levels: int, weights: list[float], means: list[float], log_scales: list[float]) -> Mixture:
    """A mixture of one channel from plain numbers, batch shape ()."""
    head = MixtureHead(levels, mixtures=len(means), kind=kind)
    dist = head(torch.tensor([math.log(w) for w in weights] + means + log_scales, dtype=torch.float64))
    assert isinstance(dist, Mixture)
    return dist


@KINDS
@DTYPES
@pytest.mark.parametrize("levels", [2, 3, 4, 256, 65536])
@pytest.mark.parametrize("narrow", [0.0, 3.0, 9.0])
def test_total_mass_is_one(kind: Kind, dtype: torch.dtype, levels: int, narrow: float) -> None:
    head = MixtureHead(levels, mixtures=4, kind=kind)
    dist = head(parameters(head, 3, narrow=narrow, dtype=dtype))
    table = dist.log_table()
    assert table.dtype == dtype
    assert bool(table.isfinite().all())
    torch.testing.assert_close(
        table.double().exp().sum(-1),
        torch.ones(3, dtype=torch.float64),
        rtol=0,
        atol=1e-11 if dtype == torch.float64 else 2e-6,
    )


@KINDS
@pytest.mark.parametrize("levels", [2, 3, 4, 256, 65536])
def test_mass_is_the_integral_of_the_density(kind: Kind, levels: int) -> None:
    weights, means, log_scales = [0.2, 0.5, 0.3], [-0.97, 0.11, 1.2], [-3.0, -1.0, -4.5]
    dist = one(kind, levels, weights, means, log_scales)
    pdf: Any = stats.logistic.pdf if kind == "logistic" else stats.norm.pdf
    scales = [math.exp(s) for s in log_scales]

    def density(v: float) -> float:
        return sum(w * pdf(v, m, s) for w, m, s in zip(weights, means, scales, strict=True))

    for k in sorted({0, 1, levels // 3, levels // 2, levels - 2, levels - 1}):
        value, half = 2 * k / (levels - 1) - 1, 1 / (levels - 1)
        low = -20.0 if k == 0 else value - half
        high = 20.0 if k == levels - 1 else value + half
        points = [m + d * s for m, s in zip(means, scales, strict=True) for d in (-8, -3, 0, 3, 8)]
        cuts = [low, *sorted(p for p in points if low < p < high), high]
        parts = [integrate.quad(density, a, b, epsabs=0, epsrel=1e-11)[0] for a, b in itertools.pairwise(cuts)]
        assert float(dist.log_mass(torch.tensor(k)).exp()) == pytest.approx(sum(parts), rel=1e-8)


@KINDS
@pytest.mark.parametrize("half", [1e-12, 1e-8, 1e-5, 1e-4])
def test_bins_far_narrower_than_the_scale(kind: Kind, half: float) -> None:
    """The mass is then width × density · (1 + half²/6 · density''/density), here to all digits."""
    for z in (0.0, 0.3, -2.0, 6.0, -9.0):
        scale = 1 / (3 * half)  # in the middle of four levels, the bin of level 1 begins at −2/3
        dist = one(kind, 4, [1.0], [-1 / 3 - z * scale], [math.log(scale)])
        if kind == "normal":
            log_density, bend = stats.norm.logpdf(z), z**2 - 1
        else:
            log_density, bend = stats.logistic.logpdf(z), 1 - 6 * stats.logistic.pdf(z)
        exact = math.log(2 * half) + log_density + half**2 / 6 * bend
        assert float(dist.log_mass(torch.tensor(1))) == pytest.approx(exact, abs=3e-11)


@KINDS
def test_the_edges_are_those_of_the_index(kind: Kind) -> None:
    """Level 1 of 65,536 is no edge, near as it is; a mean far outside puts everything on an end."""
    for mean, end, beside in ((-3.0, 0, 1), (3.0, 65535, 65534)):
        dist = one(kind, 65536, [1.0], [mean], [-2.0])
        assert float(dist.log_mass(torch.tensor(end))) == pytest.approx(0, abs=1e-5)
        assert float(dist.log_mass(torch.tensor(beside))) < -8


@KINDS
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_joint_equals_chain(kind: Kind, channels: int) -> None:
    head = MixtureHead(256, channels, mixtures=5, kind=kind)
    event = head(parameters(head, 2, 4))
    u = heads.uniforms(torch.Size((2, 4, channels)), 1)
    for x in (event.draw(u), torch.randint(256, (2, 4, channels)), torch.full((2, 4, channels), 255)):
        same(event.log_prob(x), Event.log_prob(event, x))
    few = MixtureHead(256, channels, mixtures=5, kind=kind)(parameters(head, 2, 4, dtype=torch.float32))
    x = event.draw(u)
    assert few.log_prob(x).dtype == torch.float32
    torch.testing.assert_close(few.log_prob(x).double(), event.log_prob(x), rtol=1e-4, atol=1e-4)


@KINDS
@pytest.mark.parametrize("narrow", [0.0, 1.0, 5.0])
def test_all_colours_of_four_levels_sum_to_one(kind: Kind, narrow: float) -> None:
    head = MixtureHead(4, 3, mixtures=5, kind=kind)
    event = head(parameters(head, narrow=narrow))
    colours = torch.tensor(list(itertools.product(range(4), repeat=3)))
    total = torch.stack([event.log_prob(colour) for colour in colours]).exp().sum()
    same(total, torch.ones((), dtype=torch.float64))


@KINDS
@DTYPES
@pytest.mark.parametrize("levels", [2, 3, 256, 65536])
def test_gradients_are_finite_at_extremes(kind: Kind, dtype: torch.dtype, levels: int) -> None:
    """Means far outside, scales from none at all to all there is, certain and impossible components."""
    head = MixtureHead(levels, 3, mixtures=2, kind=kind)
    means = (-1e6, -30.0, -1.0, 0.0, 1.0, 1.001, 1e6)
    log_scales = (-1e4, -50.0, -18.0, -7.0, -3.0, 0.0, 5.0, 30.0, 61.0, 1e4)
    symbols = sorted({0, 1, levels // 2, levels - 1})
    for logits, coefficient in itertools.product(((0.0, 0.0), (1e4, -1e4)), (0.0, 1e3)):
        cases = list(itertools.product(means, log_scales, symbols))
        rows = [[*logits, *[m, 0.2] * 3, *[s, -2.0] * 3, *[coefficient, -coefficient] * 3] for m, s, _ in cases]
        given = torch.tensor(rows, dtype=dtype, requires_grad=True)
        x = torch.tensor([[k, levels - 1 - k, k] for _, _, k in cases])
        log_p = head(given).log_prob(x)
        assert bool(log_p.isfinite().all())
        assert float(log_p.detach().max()) < 1e-6
        (slope,) = torch.autograd.grad(log_p.sum(), given)
        assert bool(slope.isfinite().all())
        assert bool((slope[:, 2:8].abs().sum(-1) > 0).any())


@KINDS
@pytest.mark.parametrize("levels", [3, 256, 65536])
def test_gradients_are_those_of_differences(kind: Kind, levels: int) -> None:
    head = MixtureHead(levels, 2, mixtures=2, kind=kind)
    given = parameters(head, 6, narrow=1.0).requires_grad_()
    x = torch.randint(levels, (6, 2), generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(lambda p: head(p).log_prob(x), (given,), eps=1e-7, atol=1e-5, rtol=1e-5)


@KINDS
@DTYPES
def test_slopes_far_outside(kind: Kind, dtype: torch.dtype) -> None:
    """A far mean is pulled home: by 1 over the scale, logistic, and by the distance over its square, normal."""
    head = MixtureHead(256, mixtures=1, kind=kind)
    for mean in (-1e5, -1e3, -30.0, 30.0, 1e3, 1e5):
        given = torch.tensor([0.0, mean, math.log(0.01)], dtype=dtype, requires_grad=True)
        for k in (0, 100, 255):
            (slope,) = torch.autograd.grad(head(given).log_prob(torch.tensor(k)), given)
            away = 2 * k / 255 - 1 - mean
            pull = math.copysign(100.0, away) if kind == "logistic" else away * 1e4
            if k == (0 if mean < 0 else 255):  # this level has the tail that the mean is in
                pull = 0.0
            assert float(slope[1]) == pytest.approx(pull, rel=2e-3)


def two_colours(kind: Kind) -> MixtureEvent:
    """Two components, each certain of its own colour: all channels dark, or all bright, one as likely as the other."""
    head = MixtureHead(256, 3, mixtures=2, kind=kind)
    event = head(torch.tensor([0.0, 0.0, *[-0.5, 0.5] * 3, *[-5.0, -5.0] * 3, *[0.0, 0.0] * 3], dtype=torch.float64))
    assert isinstance(event, MixtureEvent)
    return event


@KINDS
def test_later_channels_have_posterior_weights(kind: Kind) -> None:
    event = two_colours(kind)
    dark, bright = torch.arange(128), torch.arange(128, 256)
    assert float(event.given(0, torch.zeros(0).long()).log_table()[dark].exp().sum()) == pytest.approx(0.5)
    for prefix in ([64], [64, 64]):  # the prior weights would give one half again
        table = event.given(len(prefix), torch.tensor(prefix)).log_table().exp()
        assert float(table[dark].sum()) == pytest.approx(1)
        assert float(table[bright].sum()) < 1e-6
    u = heads.uniforms(torch.Size((400, 3)), 0)
    drawn = MixtureHead(256, 3, mixtures=2, kind=kind)(
        torch.tensor([0.0, 0.0, *[-0.5, 0.5] * 3, *[-5.0, -5.0] * 3, *[0.0] * 6], dtype=torch.float64).expand(400, -1)
    ).draw(u)
    assert bool(((drawn < 128).sum(-1) % 3 == 0).all()), "a colour is half dark and half bright"
    assert 150 < int((drawn[:, 0] < 128).sum()) < 250


@KINDS
def test_posterior_weights_are_those_of_bayes(kind: Kind) -> None:
    head = MixtureHead(8, 2, mixtures=3, kind=kind)
    event = head(parameters(head, narrow=0.5))
    assert isinstance(event, MixtureEvent)
    joint = torch.stack([event.log_prob(torch.tensor([3, g])) for g in range(8)]).exp()
    same(event.given(1, torch.tensor([3])).log_table().exp(), joint / joint.sum())


@KINDS
@pytest.mark.parametrize(("sign", "red", "top"), [(1, 255, True), (1, 0, False), (-1, 255, False), (-1, 0, True)])
def test_a_coefficient_moves_the_next_channel(kind: Kind, sign: int, red: int, top: bool) -> None:
    """mean of G + tanh(coefficient) · R, in [−1, 1] units: with ±tanh(∞) it is the same colour, or the opposite one."""
    head = MixtureHead(256, 3, mixtures=1, kind=kind)
    # logit, three means, three log-scales, coefficients of (G, R), (B, R), (B, G)
    event = head(torch.tensor([0.0, 0, 0, 0, -5, -5, -5, 30.0 * sign, 0, math.atanh(0.5)], dtype=torch.float64))
    assert isinstance(event, MixtureEvent)
    assert int(event.given(1, torch.tensor([red])).log_table().argmax()) == (255 if top else 0)
    green = 255 if top else 0
    blue = event.given(2, torch.tensor([red, green])).centre
    same(blue, torch.tensor([127.5 + (0.5 if top else -0.5) * 127.5], dtype=torch.float64))


@KINDS
@DTYPES
@pytest.mark.parametrize("levels", [2, 3, 256, 65536])
def test_draws_are_in_range(kind: Kind, dtype: torch.dtype, levels: int) -> None:
    for mean, log_scale in itertools.product((-1e6, -1.0, 0.0, 1.0, 1e6), (-1e4, -7.0, 0.0, 61.0)):
        head = MixtureHead(levels, mixtures=3, kind=kind)
        given = torch.tensor([0.0, -800.0, 2.0, *[mean, 0.0, -mean], *[log_scale] * 3], dtype=dtype)
        u = torch.tensor(EDGES, dtype=torch.float64)[:, None]
        x = head(given.expand(len(EDGES), -1)).draw(u)
        assert x.dtype == torch.int64
        assert x.shape == (len(EDGES),)
        assert bool(((x >= 0) & (x < levels)).all())
        colours = MixtureHead(levels, 3, mixtures=1, kind=kind)
        given = torch.tensor([0.0, *[mean] * 3, *[log_scale] * 3, 9.0, -9.0, 0.3], dtype=dtype)
        x = colours(given.expand(len(EDGES), -1)).draw(u.expand(-1, 3))
        assert x.dtype == torch.int64
        assert x.shape == (len(EDGES), 3)
        assert bool(((x >= 0) & (x < levels)).all())


def test_no_draw_comes_from_a_component_without_weight() -> None:
    for weights in ([0.0, -1e4, -1e4], [-1e4, 0.0, -1e4], [-1e4, -1e4, 0.0]):
        head = MixtureHead(256, mixtures=3)
        given = torch.tensor([*weights, *[0.0 if w == 0 else -0.9 for w in weights], *[-9.0] * 3])
        x = head(given.expand(len(EDGES), -1)).draw(torch.tensor(EDGES, dtype=torch.float64)[:, None])
        assert bool(((x > 115) & (x < 140)).all())


@KINDS
def test_draws_on_the_border_of_two_components(kind: Kind) -> None:
    """Their quantile would be infinite; it is a far one of a component that has weight."""
    dist = one(kind, 256, [0.5, 0.5], [-0.5, 0.5], [-7.0, -7.0])
    assert abs(int(dist.draw(torch.tensor([0.5], dtype=torch.float64))) - 64) < 8
    head = MixtureHead(256, mixtures=4, kind=kind)
    given = parameters(head, 200)
    given[:, 3], given[:, 4:7], given[:, 7], given[:, 8:] = -1e4, 0.0, -0.9, -9.0
    u = head(given).logits.softmax(-1).cumsum(-1)[:, -1:]
    u, given = u[u[:, 0] < 1], given[u[:, 0] < 1]  # by rounding
    assert len(u) > 5
    assert bool((head(given).draw(u) > 115).all()), "the last component has no weight"


@KINDS
@DTYPES
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_a_whole_draw_is_distributed_as_the_chain(kind: Kind, dtype: torch.dtype, channels: int) -> None:
    """At 256 levels there are too many tuples to count: entropy, means and correlations agree with the chain's."""
    head, n = MixtureHead(256, channels, mixtures=10, kind=kind), 3000
    event = head(parameters(head, 1, dtype=dtype).expand(n, -1))
    u = heads.uniforms(torch.Size((n, channels)), 3)
    whole, chain = event.draw(u), Event.draw(event, u)
    assert torch.equal(whole[:, 0], chain[:, 0])
    assert len(whole.unique()) > 100
    a, b = event.log_prob(whole).double(), event.log_prob(chain).double()  # the same entropy
    assert float((a.mean() - b.mean()).abs()) < 4 * float((a.var() / n + b.var() / n).sqrt())
    both = torch.stack([whole, chain]).double()
    for i, j in itertools.product(range(channels), repeat=2):  # the same means and correlations
        products = both[..., i] * both[..., j] if i != j else both[..., i]
        assert float((products[0].mean() - products[1].mean()).abs()) < 4 * float((products.var(1) / n).sum().sqrt())


@KINDS
@pytest.mark.parametrize("levels", [5, 256])
def test_narrow_draws_have_the_density_that_is_scored(kind: Kind, levels: int) -> None:
    dist = one(kind, levels, [0.3, 0.5, 0.2], [-0.8, 0.1, 1.1], [-4.0, -3.0, -2.0])
    n = 20_000
    many = Mixture(*(t.expand(n, 3) for t in (dist.logits, dist.centre, dist.inverse)), levels, kind)
    x = many.draw(heads.uniforms(torch.Size((n, 1)), 5))
    chi_square(torch.bincount(x, minlength=levels), dist.log_table().exp())


@KINDS
def test_a_draw_rises_with_u_within_a_component(kind: Kind) -> None:
    dist = one(kind, 256, [1.0], [0.0], [-2.0])
    u = torch.linspace(0.001, 0.999, 500, dtype=torch.float64)[:, None]
    many = Mixture(*(t.expand(500, 1) for t in (dist.logits, dist.centre, dist.inverse)), 256, kind)
    same(many.draw(u), torch.searchsorted(dist.log_table().exp().cumsum(-1), u[:, 0]))


@KINDS
@DTYPES
@pytest.mark.parametrize("levels", [256, 65536])
def test_cdf_and_counts(kind: Kind, dtype: torch.dtype, levels: int) -> None:
    head = MixtureHead(levels, mixtures=4, kind=kind)
    given = parameters(head, dtype=dtype)
    given[-4:] = torch.tensor([-20.0, -6.0, 0.0, 100.0])
    every = torch.arange(-1, levels)
    dist = head(given)
    many = Mixture(
        *(t.expand(levels + 1, -1) for t in (dist.logits, dist.centre, dist.inverse)), levels=levels, kind=kind
    )
    sums = many.cdf(every)
    assert sums.dtype == torch.float64
    assert float(sums[0]) == 0
    assert float(sums[-1]) == 1
    torch.testing.assert_close(
        sums[1:], dist.log_table().double().exp().cumsum(0), rtol=0, atol=1e-10 if dtype == torch.float64 else 1e-5
    )
    for bits in (24, 48):
        counts = many.count(every, bits)
        assert int(counts[0]) == 0
        assert int(counts[-1]) == 2**bits
        assert bool((counts.diff() >= 1).all())


@KINDS
def test_the_floor_of_the_scale(kind: Kind) -> None:
    """−7 for up to 256 levels; as many levels above."""

    def at(levels: int, log_scale: float) -> Tensor:
        dist = one(kind, levels, [1.0], [2 * 1 / (levels - 1) - 1], [log_scale])
        return dist.inverse[0] * (levels - 1) / 2

    for levels in (2, 4, 256):
        same(at(levels, -100.0), torch.tensor(math.exp(7.0), dtype=torch.float64))
        same(at(levels, -6.9), torch.tensor(math.exp(6.9), dtype=torch.float64))
    for levels in (257, 65536):
        same(at(levels, -100.0) * 2 / (levels - 1), at(256, -100.0) * 2 / 255)
        assert float(at(levels, -7.001)) == pytest.approx(math.exp(7.001))
    certain = one(kind, 65536, [1.0], [2 * 1000 / 65535 - 1], [-100.0])
    assert float(certain.log_mass(torch.tensor(1000)).exp()) > 0.97


def test_width_and_layout() -> None:
    assert MixtureHead(256).width == 10 * 3
    assert MixtureHead(256, 3).width == 10 * 10
    assert MixtureHead(256, 4, mixtures=2).width == 2 * (1 + 8 + 6)
    assert (MixtureHead(256).parts, MixtureHead(256, 3).parts) == (1, 3)
    dist = MixtureHead(3, mixtures=2)(torch.tensor([[0.1, 0.2, -1.0, 1.0, 0.0, math.log(2)]]))
    assert isinstance(dist, Mixture)
    torch.testing.assert_close(dist.logits, torch.tensor([[0.1, 0.2]]))
    torch.testing.assert_close(dist.centre, torch.tensor([[0.0, 2.0]]))
    torch.testing.assert_close(dist.inverse, torch.tensor([[1.0, 0.5]]))


def test_half_precision_is_raised() -> None:
    head = MixtureHead(256, 3, mixtures=4)
    given = parameters(head, 5).bfloat16()
    x = torch.randint(256, (5, 3))
    log_p = head(given).log_prob(x)
    assert log_p.dtype == torch.float32
    assert torch.equal(log_p, head(given.float()).log_prob(x))


@pytest.mark.parametrize(
    "sizes", [{"levels": 1}, {"levels": 65537}, {"channels": 0}, {"mixtures": 0}, {"mixtures": 1001}], ids=str
)
def test_sizes_out_of_bounds_are_refused(sizes: dict[str, int]) -> None:
    (name,) = sizes
    with pytest.raises(UserError, match=f"{name} is {sizes[name]}"):
        MixtureHead(**{"levels": 256, **sizes})


def test_the_wrong_number_of_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="29 parameters; expected 30"):
        MixtureHead(256)(torch.zeros(2, 29))


def test_a_spread_is_a_unit() -> None:
    """Means and scales counted in tenths are those counted in wholes, taken by ten."""
    whole, tenth = MixtureHead(1000, 2, mixtures=3), MixtureHead(1000, 2, mixtures=3, spread=0.1)
    p = torch.randn(4, whole.width, dtype=torch.float64)
    x = torch.randint(1000, (4, 2))
    scaled = p.clone()
    scaled[:, 3:9] *= 0.1
    scaled[:, 9:15] += math.log(0.1)
    torch.testing.assert_close(tenth(p).log_prob(x), whole(scaled).log_prob(x))
    with pytest.raises(UserError, match="spread is 0"):
        MixtureHead(1000, spread=0)
