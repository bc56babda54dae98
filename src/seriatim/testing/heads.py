"""The laws of heads: `Dist`, `Discrete` and `Event`."""

from __future__ import annotations

import itertools
from typing import Any, cast

import torch
from scipy import integrate, stats
from torch import Tensor

from laws import same
from seriatim.heads import Discrete, Dist, Event
from seriatim.walks.noise import uniform

SURPRISE = 1e-4  # a p-value below it is a failure; the seeds are fixed, so it is met once and for all


def symbols(dist: Discrete) -> Tensor:
    """(levels, *batch_shape): every symbol for every element."""
    shape = (dist.levels, *[1] * len(dist.batch_shape))
    return torch.arange(dist.levels).view(shape).expand(dist.levels, *dist.batch_shape)


def uniforms(shape: torch.Size, seed: int) -> Tensor:
    """Numbers in (0, 1) of any shape."""
    return uniform(torch.tensor([seed]), 0, shape.numel())[0].view(shape)


def table_sums_to_one(dist: Discrete) -> None:
    """Σ_x p(x) = 1 by every method that tells p."""
    one = torch.ones(dist.batch_shape)
    same(dist.log_table().exp().sum(-1), one)
    for method in (dist.log_mass, dist.log_prob):
        same(torch.stack([method(x) for x in symbols(dist)]).exp().sum(0), one)


def density_integrates_to_one(dist: Dist) -> None:
    """∫ p(x) dx = 1 for each element."""
    shape = dist.batch_shape
    for i in range(shape.numel()):
        p = lambda x: float(dist.log_prob(torch.full(shape, x)).flatten()[i].exp())
        total, _ = integrate.quad(p, -float("inf"), float("inf"), limit=200)
        assert abs(total - 1) < 1e-6


def event_sums_to_one(event: Event, levels: tuple[int, ...]) -> None:
    """Σ over all P-tuples of discrete parts = 1."""
    shape = _shape_of(event)
    terms = [event.log_prob(torch.tensor(x).expand(*shape, len(x))) for x in itertools.product(*map(range, levels))]
    same(torch.stack(terms).exp().sum(0), torch.ones(shape))


def handwritten_equals_default(dist: Discrete | Event, x: Tensor, u: Tensor, inverse: bool = True) -> list[str]:
    """Every default method that a class writes by hand gives what the default gives. Returns which it checked.

    Without `inverse` a draw is not the inverse cdf, and equals the default in distribution only.
    """
    base: Any = Discrete if isinstance(dist, Discrete) else Event
    arguments: dict[str, list[tuple[Any, ...]]] = {"log_prob": [(x,)], "draw": [(u,)], "log_table": [()]}
    if isinstance(dist, Discrete):
        arguments["cdf"] = [(x,), (torch.full_like(x, -1),), (torch.full_like(x, dist.levels - 1),), (x * 0,)]
    mine = [cls for cls in type(dist).__mro__ if cls not in base.__mro__]
    written = sorted({name for cls in mine for name in vars(cls) if callable(vars(base).get(name))} - {"log_mass"})
    written = [name for name in written if not name.startswith("_") and name != "given"]
    for name in written:
        assert name in arguments, f"teach this law to call {name}"
        if name == "draw" and not inverse:
            drawn_alike(dist, 2000)
            continue
        for given in arguments[name]:
            same(getattr(dist, name)(*given), getattr(base, name)(dist, *given))
    return written


def drawn_alike(dist: Discrete | Event, n: int) -> None:
    """Every element's draws are distributed as the default's: as the table says, or the chain of tables."""
    if isinstance(dist, Discrete):
        shape, tuples = dist.batch_shape, [(k,) for k in range(dist.levels)]
        table = dist.log_table()
    else:
        chain = [cast(Discrete, dist.given(i, torch.zeros(*_shape_of(dist), i).long())) for i in range(dist.parts)]
        shape, tuples = _shape_of(dist), list(itertools.product(*[range(part.levels) for part in chain]))
        table = torch.stack([Event.log_prob(dist, torch.tensor(t).expand(*shape, len(t))) for t in tuples], -1)
    draws = [dist.draw(uniforms(torch.Size((*shape, len(tuples[0]))), seed)) for seed in range(n)]
    for x, p in zip(torch.stack(draws).view(n, shape.numel(), -1).unbind(1), table.exp().flatten(0, -2), strict=True):
        index = torch.tensor([tuples.index(tuple(row)) for row in x.tolist()])
        chi_square(torch.bincount(index, minlength=len(tuples)), p)


def _shape_of(event: Event) -> torch.Size:
    return event.given(0, torch.zeros(0)).batch_shape


def counts_law(dist: Discrete, bits: int) -> None:
    """C(−1) = 0 < C(0) < … < C(K−1) = 2^bits; an interval is as wide as p says, but for 2K + 3 counts and rounding."""
    before = dist.count(torch.full(dist.batch_shape, -1), bits)
    assert bool((before == 0).all())
    counts = torch.stack([dist.count(x, bits) for x in symbols(dist)], -1)
    assert counts.dtype == torch.int64
    widths = counts.diff(dim=-1, prepend=torch.zeros_like(counts[..., :1]))
    assert bool((widths >= 1).all()), "an interval is empty: this symbol could not be coded"
    assert bool((counts[..., -1] == 2**bits).all())
    table = dist.log_table()
    rounding = 32 * torch.finfo(table.dtype).eps * 2**bits
    assert bool(((widths - table.double().exp() * 2**bits).abs() <= 2 * dist.levels + 3 + rounding).all())


def draw_equals_density(dist: Dist, n: int, seed: int = 0) -> None:
    """What is drawn has the distribution that is scored. `dist` has n equal elements."""
    assert dist.batch_shape == (n,)
    x = dist.draw(uniforms(torch.Size((n, dist.noise)), seed))
    if isinstance(dist, Discrete):
        chi_square(torch.bincount(x, minlength=dist.levels), dist.log_table()[0].exp())
        return
    grid = x.sort().values
    inside = [
        integrate.quad(lambda v: float(dist.log_prob(torch.full((n,), v))[0].exp()), a, b)[0]
        for a, b in itertools.pairwise([-float("inf"), *grid[n // 20 :: n // 20].tolist(), float("inf")])
    ]
    edges = [n // 20 * (i + 1) for i in range(len(inside) - 1)]
    counts = torch.tensor([b - a for a, b in itertools.pairwise([0, *edges, n])])
    expected = torch.tensor(inside).cumsum(0)
    observed = counts.cumsum(0) / n
    assert float((expected - observed).abs().max()) < stats.kstwobign.ppf(1 - SURPRISE) / n**0.5


def event_draw_equals_density(event: Event, levels: tuple[int, ...], noise: int, n: int, seed: int = 0) -> None:
    """As `draw_equals_density`, over all P-tuples at once: a part that ignored the one before it would show."""
    x = event.draw(uniforms(torch.Size((n, noise)), seed))
    assert x.shape == (n, len(levels))
    tuples = list(itertools.product(*map(range, levels)))
    log_p = torch.stack([event.log_prob(torch.tensor(t).expand(n, len(t)))[0] for t in tuples])
    index = torch.tensor([tuples.index(tuple(row)) for row in x.tolist()])
    chi_square(torch.bincount(index, minlength=len(tuples)), log_p.exp())


def chi_square(observed: Tensor, p: Tensor) -> None:
    """Counts are those of p; what has no probability never came; what is rare (five expected) is taken together."""
    assert int(observed[p == 0].sum()) == 0
    expected = p * observed.sum() / p.sum()
    rare = expected < 5
    counts = torch.cat([observed[~rare], observed[rare].sum()[None]])
    wanted = torch.cat([expected[~rare], expected[rare].sum()[None]])
    if not bool(wanted[-1]):
        counts, wanted = counts[:-1], wanted[:-1]
    assert stats.chisquare(counts.numpy(), wanted.numpy()).pvalue > SURPRISE
