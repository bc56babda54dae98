"""Every law that applies, called at once: for a layer and for a head. (`whole.laws` is that for a model.)"""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from seriatim.causal import Causal
from seriatim.context import EMPTY, Context
from seriatim.heads import Discrete, Dist, Event, Head
from seriatim.testing import heads as of_heads
from seriatim.testing import layers as of_layers
from seriatim.testing.base import (
    Report,
    cast_given,
    exact,
    gradient_law,
    isolated,
    on_cpu,
    random_like,
    rows_of,
    same,
)
from seriatim.testing.heads import LIMIT
from seriatim.testing.long import LENGTH, long_chunk_law


def layer_laws(
    layer: Causal,
    reads: int | Tensor,
    *,
    context: Context = EMPTY,
    steps: int = 9,
    rows: int = 3,
    long: int = LENGTH,
    skip: Collection[str] = (),
) -> Report:
    """Hold a layer to every law of `Causal` that applies. The layer itself is not changed.

    A copy in float64 with woken weights is checked, and the long chunk law in float32. A layer of a few channels takes
    about a second.

    Args:
        layer: any `Causal`.
        reads: how many channels its frames have; or its input, (rows, steps) symbols or (rows, steps, C) frames.
        context: what it looks at, `rows` rows, a field of at least `steps` frames.
        steps: frames, more than its reach if that is to be seen.
        rows: of the batch; with a context, as many as it has.
        long: frames of the long chunk law; 0 leaves it out.
        skip: names of laws to leave out.

    Returns:
        What holds and what was skipped.

    Raises:
        AssertionError: one line that names the first law that is broken, and the place.

    >>> from seriatim.layers import Conv
    >>> print(layer_laws(Conv(3, 4, kernel=2, dilation=2), 3))
    held: chunk law, chunk gradient law, sight law, row law, fork law, gradient law, long chunk law
    skipped: field law (the context has no field)
    """
    report = Report.without(skip)
    with isolated():
        one, context = exact(layer), cast_given(context, torch.float64)
        rows = rows_of(context) or rows
        x = random_like(torch.empty(rows, steps, reads), 1) if isinstance(reads, int) else on_cpu(reads, torch.float64)
        check_layer(report, one, x, context)
        report.check("field law", of_layers.field_law, one, x, context, unless=_no_field(one, x, context))
    short = "" if long else "long=0"
    report.check("long chunk law", partial(long_chunk_law, context=context), layer, reads, long, unless=short)
    return report.finish()


def check_layer(report: Report, layer: Causal, x: Tensor, context: Context, prefix: str = "") -> None:
    """The laws that hold for any layer, each under its name after the prefix; in float64, isolated by the caller."""
    reads_symbols = "" if x.is_floating_point() else "it reads symbols, which have no gradients"
    cuts = [*of_layers.usual_cuts(x.shape[1]).values(), *_random_cuts(x.shape[1], 4)]

    def loss() -> Tensor:
        y = layer(x, context)[0]
        return (random_like(y) * y).sum()

    report.each(f"{prefix}chunk law", of_layers.chunk_law, [(layer, x, context, each) for each in cuts])
    report.each(f"{prefix}chunk gradient law", of_layers.chunk_gradient_law, [(layer, x, context, cuts[-1])])
    report.check(f"{prefix}sight law", of_layers.sight_law, layer, x, context, unless=reads_symbols)
    report.check(f"{prefix}row law", of_layers.row_law, layer, x, context)
    report.check(f"{prefix}fork law", of_layers.fork_law, layer, x, context)
    report.check(f"{prefix}gradient law", gradient_law, loss, layer.named_parameters())


def _no_field(layer: Causal, x: Tensor, context: Context) -> str:
    """Why the field law does not apply; nothing if it does."""
    if context.field is None:
        return "the context has no field"
    changed = layer(x, replace(context, field=context.field + 1))[0]
    return "the layer does not read the field" if torch.equal(changed, layer(x, context)[0]) else ""


def _random_cuts(steps: int, times: int) -> list[list[int]]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(steps + 1, (4,), generator=generator).sort().values.tolist() for _ in range(times)]


def head_laws(head: Head, *, scale: float = 1.5, draws: int = 6000, skip: Collection[str] = ()) -> Report:
    """Hold a head to every law of distributions that applies. The head itself is not changed.

    A copy in float64 is given random parameters. SciPy is needed: where a density is integrated, and where draws are
    counted. Laws that go through all symbols are skipped if there are more than 4,096.

    Args:
        head: any `Head`.
        scale: standard deviation of the parameters.
        draws: how many the draw law counts.
        skip: names of laws to leave out.

    Returns:
        What holds and what was skipped.

    Raises:
        AssertionError: one line that names the first law that is broken.
        ImportError: without SciPy; `pip install 'seriatim[testing]'`, or skip the laws that need it.

    >>> from seriatim.heads import CategoricalHead
    >>> print(head_laws(CategoricalHead(5)))
    held: shape law, table law, counts law, handwritten law, row law, gradient law, draw law
    skipped: density law (no part has a density)
    skipped: event law (one symbol at a position)
    """
    report = Report.without(skip)
    with isolated():
        check_head(report, copy.deepcopy(head).to("cpu", torch.float64).eval(), scale, draws)
    return report.finish()


def check_head(report: Report, head: Head, scale: float, draws: int, prefix: str = "") -> None:
    """The laws of a head, each under its name after the prefix; float64 and isolation are the caller's."""

    def dist(*shape: int) -> Dist | Event:
        return head(scale * random_like(torch.empty(*shape, head.width), 4))

    levels = of_heads.levels_of(head)
    few = dist(4)
    tables = [part for part in of_heads.parts_of(few) if isinstance(part, Discrete)]
    densities = [part for part in of_heads.parts_of(few) if not isinstance(part, Discrete)]
    every = math.prod(levels) if min(levels) > 0 else 0
    long = f"{max(levels):,} symbols" if max(levels) > LIMIT else ""
    many = f"{every:,} tuples of symbols" if every > LIMIT else ""
    continuous = "a part has a density, or counts" if densities else ""

    shapes = [(), (3,), (2, 3)]
    report.each(f"{prefix}shape law", of_heads.shape_law, [(dist(*shape), torch.Size(shape)) for shape in shapes])
    no_table = long if tables else "no part is discrete"
    report.each(f"{prefix}table law", of_heads.table_law, [(part,) for part in tables], unless=no_table)
    counted = [(part, bits) for part in tables for bits in (16, 24, 48) if 2**bits > 2 * part.levels]
    report.each(f"{prefix}counts law", of_heads.counts_law, counted, unless=no_table)
    no_density = "" if densities else "no part has a density"
    report.each(f"{prefix}density law", of_heads.density_law, [(part,) for part in densities], unless=no_density)
    events = [(few, levels)] if isinstance(few, Event) else []
    no_event = ("" if densities else many) if events else "one symbol at a position"
    report.each(f"{prefix}event law", of_heads.event_law, events, unless=no_event)
    by_hand = continuous or (many if events else long)
    report.check(f"{prefix}handwritten law", _handwritten, few, levels, unless=by_hand)
    report.check(f"{prefix}row law", _rows, head, levels, scale)
    report.check(f"{prefix}gradient law", _gradients, head, levels, scale)
    equal = head(scale * random_like(torch.empty(1, head.width), 4).expand(draws, -1))
    report.check(f"{prefix}draw law", of_heads.draw_law, equal, unless="" if densities else many)


def _handwritten(dist: Dist | Event, levels: Sequence[int]) -> None:
    """Draws are left to the draw law: whether one is the inverse cdf is the head's own affair."""
    x = of_heads.random_symbols(levels, of_heads.shape_of(dist))
    u = of_heads.uniforms(torch.Size((*of_heads.shape_of(dist), of_heads.noise_of(dist))), 0)
    if isinstance(dist, Discrete | Event):
        of_heads.handwritten_law(dist, x, u, inverse=None)


def _rows(head: Head, levels: Sequence[int], scale: float) -> None:
    """Row law: the scores and draws of an element do not depend on the others."""
    parameters = scale * random_like(torch.empty(5, head.width), 6)
    x, whole = of_heads.random_symbols(levels, (5,)), head(parameters)
    u = of_heads.uniforms(torch.Size((5, of_heads.noise_of(whole))), 7)
    scores, drawn = whole.log_prob(x), whole.draw(u)
    for i in range(5):
        one = head(parameters[i : i + 1])
        same(one.log_prob(x[i : i + 1]), scores[i : i + 1], law="row law", when=f" (the score of element {i} alone)")
        same(one.draw(u[i : i + 1]), drawn[i : i + 1], law="row law", when=f" (the draw of element {i} alone)")


def _gradients(head: Head, levels: Sequence[int], scale: float) -> None:
    """Gradient law: of the head's own weights, and of the parameters that it is given."""
    parameters = (scale * random_like(torch.empty(200, head.width), 8)).requires_grad_()
    x = of_heads.random_symbols(levels, (200,))

    def loss() -> Tensor:
        return head(parameters).log_prob(x).sum()

    gradient_law(loss, [*head.named_parameters(), ("parameters", parameters)])
