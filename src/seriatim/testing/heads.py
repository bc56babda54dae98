"""The laws of distributions, `Dist`, `Discrete` and `Event`, one function each; `head_laws` calls all that apply.

They take a distribution as it is, in float64. SciPy is needed where a density is integrated or draws are counted.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor

from seriatim.heads import Counting, Discrete, Dist, Event, Head
from seriatim.testing.base import hold, same
from seriatim.testing.statistics import chi_square, integral, kolmogorov
from seriatim.walks.noise import uniform

LIMIT = 4096
"""Most symbols, or tuples of symbols, that a law goes through one by one."""

COUNTS = -1
"""Stands for the number of symbols of a part that counts: there is no last one."""

_FEW = 6


def symbols(dist: Discrete) -> Tensor:
    """(levels, *batch_shape): every symbol for every element."""
    shape = (dist.levels, *[1] * len(dist.batch_shape))
    return torch.arange(dist.levels).view(shape).expand(dist.levels, *dist.batch_shape)


def uniforms(shape: torch.Size, seed: int) -> Tensor:
    """Numbers in (0, 1) of any shape."""
    return uniform(torch.tensor([seed]), 0, shape.numel())[0].view(shape)


def shape_of(dist: Dist | Event) -> torch.Size:
    """The batch's shape."""
    return dist.given(0, torch.zeros(0)).batch_shape if isinstance(dist, Event) else dist.batch_shape


def parts_of(dist: Dist | Event) -> list[Dist]:
    """The distributions of an event's parts, each given zeros before it; of anything else, itself."""
    if not isinstance(dist, Event):
        return [dist]
    kind = torch.get_default_dtype() if dist.real else torch.long
    return [dist.given(i, torch.zeros(*shape_of(dist), i, dtype=kind)) for i in range(dist.parts)]


def levels_of(head: Head) -> tuple[int, ...]:
    """How many symbols each part of a position has, by the head's distribution; 0: a density, `COUNTS`: counts."""
    weight = next(head.parameters(), torch.empty(0))
    dtype = weight.dtype if weight.is_floating_point() else torch.get_default_dtype()
    with torch.no_grad():
        parts = parts_of(head(torch.zeros(1, head.width, dtype=dtype, device=weight.device)))
    return tuple(
        part.levels if isinstance(part, Discrete) else COUNTS if isinstance(part, Counting) else 0 for part in parts
    )


def random_symbols(levels: Sequence[int], shape: Sequence[int], seed: int = 0) -> Tensor:
    """(*shape) or (*shape, P) symbols of each part; normal numbers for a part that has a density, few for counts."""
    generator = torch.Generator().manual_seed(seed)

    def part(k: int) -> Tensor:
        if k == COUNTS:
            return torch.randint(_FEW, tuple(shape), generator=generator).to(torch.get_default_dtype())
        return torch.randint(k, tuple(shape), generator=generator) if k else torch.randn(*shape, generator=generator)

    parts = [part(k) for k in levels]
    return parts[0] if len(parts) == 1 else torch.stack(parts, -1)


def shape_law(dist: Dist | Event, shape: torch.Size) -> None:
    """Shape law: `batch_shape`, log-probabilities and draws have the shape of the parameters without their last axis.

    Raises:
        AssertionError: naming the shape.
    """
    parts = dist.parts if isinstance(dist, Event) else 1
    tail = () if parts == 1 else (parts,)
    hold(shape_of(dist) == shape, "shape law", f"batch_shape is {tuple(shape_of(dist))}; expected {tuple(shape)}")
    x = dist.draw(uniforms(torch.Size((*shape, noise_of(dist))), 0))
    hold(x.shape == (*shape, *tail), "shape law", f"draws have shape {tuple(x.shape)}; expected {(*shape, *tail)}")
    found = dist.log_prob(x).shape
    hold(found == shape, "shape law", f"log_prob has shape {tuple(found)}; expected {tuple(shape)}")


def noise_of(dist: Dist | Event) -> int:
    """How many uniforms a draw eats, an event's parts together."""
    return sum(part.noise for part in parts_of(dist))


def table_law(dist: Discrete) -> None:
    """Table law: Σ_x p(x) = 1 by every method that tells p: `log_table`, `log_mass`, `log_prob`.

    Raises:
        AssertionError: naming the method.
    """
    table = dist.log_table().exp().sum(-1)
    one = torch.ones_like(table)
    hold(table.shape == dist.batch_shape, "table law", f"log_table has batch shape {tuple(table.shape)}")
    same(table, one, law="table law", when=" (the sum of log_table)")
    for method in (dist.log_mass, dist.log_prob):
        total = torch.stack([method(x) for x in symbols(dist)]).exp().sum(0)
        same(total, one, law="table law", when=f" (the sum of {method.__name__})")


def density_law(dist: Dist) -> None:
    """Density law: ∫ p(x) dx = 1 for each element, to 1e-6; Σ p(x) = 1 over counts.

    Raises:
        AssertionError: naming the element.
        ImportError: without SciPy.
    """
    shape = dist.batch_shape
    if isinstance(dist, Counting):
        total = torch.stack([dist.log_prob(torch.full(shape, float(k))) for k in range(_last(dist))]).exp().sum(0)
        hold(bool((total - 1).abs().max() < 1e-6), "density law", f"the counts sum to {total.flatten().tolist()}")
        return

    def p(i: int, x: float) -> float:
        return float(dist.log_prob(torch.full(shape, x)).detach().flatten()[i].exp())

    for i in range(shape.numel()):
        total = integral(partial(p, i), -math.inf, math.inf, "density law")
        hold(abs(total - 1) < 1e-6, "density law", f"element {i} integrates to {total:.9g}")


def _last(dist: Counting) -> int:
    """A count that nothing exceeds."""
    return 2 + int((dist.mean + 60 * dist.variance.sqrt()).max())


def event_law(event: Event, levels: Sequence[int]) -> None:
    """Event law: Σ over all P-tuples of discrete parts = 1; with real numbers, what is scored is the chain of parts.

    Of real numbers, each part is a density for itself given what was drawn before it (density law), and the whole is
    their product.

    Raises:
        AssertionError: naming the element.
        ImportError: without SciPy, for densities.
    """
    shape = shape_of(event)
    if event.real:
        drawn = event.draw(uniforms(torch.Size((*shape, noise_of(event))), 9))
        for x in (drawn, random_symbols(levels, shape)):
            same(event.log_prob(x), Event.log_prob(event, x), law="event law", when=" (the product of the parts)")
        for i in range(event.parts):
            part = event.given(i, drawn[..., :i])
            if not isinstance(part, Discrete) and not bool((part.log_prob(drawn[..., i]) == 0).any()):  # not ended
                density_law(part)
        return
    terms = [event.log_prob(torch.tensor(x).expand(*shape, len(x))) for x in itertools.product(*map(range, levels))]
    total = torch.stack(terms).exp().sum(0)
    same(total, torch.ones_like(total), law="event law", when=" (the sum over all tuples)")


def handwritten_law(dist: Discrete | Event, x: Tensor, u: Tensor, inverse: bool | None = True) -> list[str]:
    """Handwritten law: every default method that a class writes by hand gives what the default gives.

    Args:
        dist: its class may have `log_prob`, `log_table`, `cdf`, `draw` of its own.
        x: (*batch_shape) or (*batch_shape, P) symbols.
        u: (*batch_shape, noise) uniforms.
        inverse: True if a draw must be the inverse cdf; False if it equals the default in distribution only, by χ²;
            None leaves draws to the draw law.

    Returns:
        The methods that were written by hand.

    Raises:
        AssertionError: naming the method.
        ImportError: without SciPy, if draws are compared in distribution.
    """
    base: Any = Discrete if isinstance(dist, Discrete) else Event
    arguments: dict[str, list[tuple[Any, ...]]] = {"log_prob": [(x,)], "draw": [(u,)], "log_table": [()]}
    if isinstance(dist, Discrete):
        arguments["cdf"] = [(x,), (torch.full_like(x, -1),), (torch.full_like(x, dist.levels - 1),), (x * 0,)]
    mine = [cls for cls in type(dist).__mro__ if cls not in base.__mro__]
    written = sorted(
        {name for cls in mine for name in vars(cls) if callable(vars(base).get(name))} - {"log_mass", "heated"}
    )
    written = [name for name in written if not name.startswith("_") and name != "given"]
    for name in written:
        hold(name in arguments, "handwritten law", f"{type(dist).__name__} overrides {name}, which is final")
        if name == "draw" and not inverse:
            if inverse is not None:
                drawn_alike(dist, 2000)
            continue
        for given in arguments[name]:
            mine_says, default_says = getattr(dist, name)(*given), getattr(base, name)(dist, *given)
            same(mine_says, default_says, law="handwritten law", when=f" ({name} of {type(dist).__name__})")
    return written


def drawn_alike(dist: Discrete | Event, n: int) -> None:
    """Check that each element's draws are distributed as the table says, or the chain of an event's tables (χ²)."""
    shape = shape_of(dist)
    if isinstance(dist, Discrete):
        tuples = [(k,) for k in range(dist.levels)]
        table = dist.log_table()
    else:
        tuples = list(itertools.product(*[range(cast(Discrete, part).levels) for part in parts_of(dist)]))
        table = torch.stack([Event.log_prob(dist, torch.tensor(t).expand(*shape, len(t))) for t in tuples], -1)
    eaten = torch.Size((*shape, noise_of(dist)))
    draws = [dist.draw(uniforms(eaten, seed)) for seed in range(n)]
    for x, p in zip(torch.stack(draws).view(n, shape.numel(), -1).unbind(1), table.exp().flatten(0, -2), strict=True):
        chi_square(_counted(x, tuples, "handwritten law"), p, "handwritten law")


def _counted(x: Tensor, tuples: Sequence[tuple[int, ...]], law: str) -> Tensor:
    """How often each tuple is a row of x (n, P)."""
    place = {t: i for i, t in enumerate(tuples)}
    rows = [tuple(row) for row in x.tolist()]
    stray = next((row for row in rows if row not in place), None)
    hold(stray is None, law, f"{stray} was drawn, which is no symbol of the distribution")
    return torch.bincount(torch.tensor([place[row] for row in rows]), minlength=len(tuples))


def counts_law(dist: Discrete, bits: int) -> None:
    """Counts law: C(−1) = 0 < C(0) < … < C(K−1) = 2^bits; each interval is as wide as p says, to 2K + 3 and rounding.

    Raises:
        AssertionError: naming what is wrong with the counts.
    """
    before = dist.count(torch.full(dist.batch_shape, -1), bits)
    hold((before == 0).all(), "counts law", f"C(-1) is not 0 with {bits} bits")
    counts = torch.stack([dist.count(x, bits) for x in symbols(dist)], -1)
    hold(counts.dtype == torch.int64, "counts law", f"counts are {counts.dtype}; expected int64")
    widths = counts.diff(dim=-1, prepend=torch.zeros_like(counts[..., :1]))
    hold((widths >= 1).all(), "counts law", f"with {bits} bits an interval is empty: this symbol could not be coded")
    hold((counts[..., -1] == 2**bits).all(), "counts law", f"C of the last symbol is not 2^{bits}")
    table = dist.log_table()
    off = (widths - table.double().exp() * 2**bits).abs()
    rounding = 32 * torch.finfo(table.dtype).eps * 2**bits
    fault = f"with {bits} bits an interval is {float(off.max()):.4g} counts from what its probability says"
    hold((off <= 2 * dist.levels + 3 + rounding).all(), "counts law", fault)


def draw_law(dist: Dist | Event, seed: int = 0) -> None:
    """Draw law: what is drawn has the distribution that is scored: by χ² over symbols or tuples, by KS for a density.

    Args:
        dist: n equal elements (n,); of an event, discrete parts with few tuples, which are counted all at once: a part
            that ignores the one before it shows.
        seed: of the uniforms.

    An event with real numbers is tried part by part, given one beginning, and its draws against the chain.

    Raises:
        AssertionError: if it has not, at a p-value of 1e-4.
        ImportError: without SciPy.
    """
    (n,) = shape_of(dist)
    x = dist.draw(uniforms(torch.Size((n, noise_of(dist))), seed))
    if isinstance(dist, Event) and dist.real:
        for i in range(dist.parts):  # each given one beginning
            part = dist.given(i, x[:1, :i].expand(n, i))
            if isinstance(part, Discrete) or not bool((part.log_prob(x[:1, i].expand(n)) == 0).all()):  # not ended
                draw_law(part, seed + 1 + i)
        own = _slices(dist, uniforms(torch.Size((n, noise_of(dist))), seed), x)
        same(own, x, law="draw law", when=" (part by part, each given what was drawn before it)")
    elif isinstance(dist, Event):
        tuples = list(itertools.product(*[range(cast(Discrete, part).levels) for part in parts_of(dist)]))
        log_p = torch.stack([dist.log_prob(torch.tensor(t).expand(n, len(t)))[0] for t in tuples])
        chi_square(_counted(x, tuples, "draw law"), log_p.exp())
    elif isinstance(dist, Counting):
        counts = torch.bincount(x.long(), minlength=_last(dist))
        every = torch.arange(len(counts), dtype=x.dtype)
        p = torch.stack([dist.log_prob(torch.full((n,), float(k)))[0] for k in every]).exp()
        chi_square(counts, p, "draw law")
    elif isinstance(dist, Discrete):
        chi_square(_counted(x[:, None], [(k,) for k in range(dist.levels)], "draw law"), dist.log_table()[0].exp())
    else:
        _follows_density(dist, x)


def _slices(dist: Event, u: Tensor, x: Tensor) -> Tensor:
    """Every part drawn again from its own uniforms, given the parts before it in x."""
    each, used = list[Tensor](), 0
    for i in range(dist.parts):
        part = dist.given(i, x[..., :i])
        each.append(part.draw(u[..., used : used + part.noise]))
        used += part.noise
    return torch.stack(each, -1)


def _follows_density(dist: Dist, x: Tensor) -> None:
    """KS at twenty quantiles of the draws."""
    n = len(x)
    edges = [n // 20 * (i + 1) for i in range(19)]
    points = [-math.inf, *x.sort().values[edges].tolist(), math.inf]

    def p(v: float) -> float:
        return float(dist.log_prob(torch.full((n,), v)).detach()[0].exp())

    inside = [integral(p, a, b, "draw law") for a, b in itertools.pairwise(points)]
    counts = torch.tensor([b - a for a, b in itertools.pairwise([0, *edges, n])])
    kolmogorov(torch.tensor(inside).cumsum(0), counts.cumsum(0) / n, n)
