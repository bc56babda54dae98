"""Every family of pictures against a plain loop from its paper's equations, pixel by pixel and tap by tap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from registry import MODELS
from seriatim.models import FAMILIES, Model
from seriatim.testing import equals
from textbook import (
    Map,
    Named,
    added,
    attend,
    colours,
    each,
    elu,
    levels_scaled,
    looked,
    map_of,
    named,
    picture_of,
    raster,
    shifted,
    sigmoid,
)

Picture = Callable[[Named, Any, Tensor, Tensor | None, Tensor | None], Tensor]
"""(weights, config, levels (H, W, C), vector, field (H, W, F)) -> parameters (H, W, C, ·), or (H, W, ·)."""


def relu(x: Tensor) -> Tensor:
    return x.clamp_min(0)


def read(config: Any, x: Tensor) -> Map:
    return map_of(levels_scaled(x, config.levels))


def looks(w: Named, x: Map, vector: Tensor | None, field: Tensor | None) -> Map:
    return {place: value + looked(w, vector, field, place) for place, value in x.items()}


def ended(w: Named, config: Any, h: Map, wide: list[int], count: int, width: int) -> Tensor:
    """`count` layers of 1 × 1 after ReLUs; the channels of the last are the parameters, colour after colour."""
    c = config.channels
    outer = colours(config.outer, c)
    for n in range(count):
        into, to = wide if n == 0 else outer, colours(c * width, c) if n == count - 1 else outer
        h = raster(w.of(f"last.{n}"), each(relu, h), into, to)
    return picture_of(h).unflatten(-1, (c, width))


# ------------------------------------------------------------------ sub-pixel by sub-pixel


def pixelcnn(w: Named, config: Any, x: Tensor, vector: Tensor | None, field: Tensor | None) -> Tensor:
    """van den Oord, Kalchbrenner and Kavukcuoglu (2016), figure 5 and table 1."""
    c = config.channels
    wide, narrow = colours(2 * config.filters, c), colours(config.filters, c)
    h = raster(w.of("first"), read(config, x), range(c), wide, own=False)
    for n in range(config.blocks):
        block = w.of(f"blocks.{n}")
        y = raster(block.of("reduce"), each(relu, h), wide, narrow)
        y = looks(block.of("look"), raster(block.of("conv"), each(relu, y), narrow, narrow), vector, field)
        h = added(h, raster(block.of("expand"), each(relu, y), narrow, wide))
    return ended(w, config, h, wide, 3, config.levels)


def gate(x: Tensor) -> Tensor:
    a, b = x.chunk(2)
    return torch.tanh(a) * sigmoid(b)


def rows_above(weight: Tensor, bias: Tensor, v: Map) -> Map:
    """An unmasked kernel over the own row and those above."""
    side, rows = weight.shape[3] // 2, weight.shape[2] - 1
    y: Map = {}
    for i, j in v:
        y[i, j] = bias.clone()
        for r in range(rows + 1):
            for k in range(weight.shape[3]):
                if (i - rows + r, j - side + k) in v:
                    y[i, j] = y[i, j] + weight[:, :, r, k] @ v[i - rows + r, j - side + k]
    return y


def gated_pixelcnn(w: Named, config: Any, x: Tensor, vector: Tensor | None, field: Tensor | None) -> Tensor:
    """van den Oord et al. (2016), Conditional image generation with PixelCNN decoders, figure 2 and equation 4."""
    c, p = config.channels, config.filters
    v = h = read(config, x)
    for n in range(config.layers):
        layer, into = w.of(f"layers.{n}"), range(c) if n == 0 else colours(p, c)
        above = rows_above(layer["rows.weight"], layer["rows.bias"], v)
        none = torch.zeros(2 * p)
        linked = {(i, j): layer.affine("link", above[i - 1, j] if i else none) for i, j in above}
        along = raster(layer.of("along"), h, into, colours(p, c, 2), own=n > 0)
        beside = looks(layer.of("look"), added(along, linked), vector, field)
        y = raster(layer.of("out"), each(gate, beside), colours(p, c), colours(p, c))
        h = y if n == 0 else added(h, y)
        if n < config.layers - 1:
            v = each(gate, looks(layer.of("rows_look"), above, vector, field))
    width = 3 * config.mixtures if config.mixtures else config.levels
    return ended(w, config, h, colours(p, c), 2, width)


def cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Equation 3 of Pixel recurrent neural networks: o, f, i and the candidate g."""
    o, f, i, g = gates.chunk(4)
    c = sigmoid(f) * c + sigmoid(i) * torch.tanh(g)
    return sigmoid(o) * torch.tanh(c), c


def row_lstm(w: Named, adds: Map) -> Map:
    """Section 3.1: a cell's past are the cells above."""
    weight = w["0.state"]
    f = weight.shape[1] // 4
    none, side = torch.zeros(f), weight.shape[0] // f // 2
    h, c = dict[tuple[int, int], Tensor](), dict[tuple[int, int], Tensor]()
    for i, j in sorted(adds):
        near = torch.cat([h.get((i - 1, j + k), none) for k in range(-side, side + 1)])
        h[i, j], c[i, j] = cell(adds[i, j] + near @ weight, c.get((i - 1, j), none))
    return h


def diagonal(weight: Tensor, adds: Map, beside: int) -> Map:
    """Section 3.2: a cell reads the states above and beside, and takes its cell state from beside."""
    none, h, c = torch.zeros(weight.shape[1] // 4), dict[tuple[int, int], Tensor](), dict[tuple[int, int], Tensor]()
    for i, j in sorted(adds, key=lambda place: (place[0], -beside * place[1])):
        near = torch.cat([h.get((i - 1, j), none), h.get((i, j + beside), none)])
        h[i, j], c[i, j] = cell(adds[i, j] + near @ weight, c.get((i, j + beside), none))
    return h


def pixelrnn(directions: int) -> Picture:
    def whole(w: Named, config: Any, x: Tensor, vector: Tensor | None, field: Tensor | None) -> Tensor:
        c, f = config.channels, config.filters
        wide, narrow = colours(2 * f, c), colours(f, c)
        h = raster(w.of("first"), read(config, x), range(c), wide, own=False)
        for n in range(config.layers):
            gates, adds = w.of(f"gates.{n}"), list[Map]()
            for d in range(directions):
                y = raster(gates.of(f"{d}.input"), h, wide, colours(f, c, 4))
                adds.append(looks(gates.of(f"{d}.look"), y, vector, field))
            if directions == 1:
                states = row_lstm(gates, adds[0])
            else:
                left, right = diagonal(gates["0.state"], adds[0], -1), diagonal(gates["1.state"], adds[1], 1)
                states = {(i, j): left[i, j] + (right[i - 1, j] if i else torch.zeros(f)) for i, j in left}
            h = added(h, raster(w.of(f"expand.{n}"), states, narrow, wide))
        return ended(w, config, h, wide, 3, config.levels)

    return whole


# ------------------------------------------------------------------ pixel by pixel


def both(x: Tensor) -> Tensor:
    return elu(torch.cat([x, -x]))


def side_by_side(*maps: Map) -> Map:
    return {place: torch.cat([cells[place] for cells in maps]) for place in maps[0]}


def resnet(w: Named, x: Map, vector: Tensor | None, field: Tensor | None, *across: Map, corner: bool = False) -> Map:
    """Salimans et al. (2017): a gated residual block with a shortcut, as in their code."""
    y = shifted(w.of("first"), each(both, x), corner=corner)
    if across:
        y = added(y, shifted(w.of("shortcut"), each(both, side_by_side(*across))))
    y = looks(w.of("look"), shifted(w.of("second"), each(both, y), corner=corner), vector, field)
    halves = {place: value.chunk(2) for place, value in y.items()}
    return {place: x[place] + a * sigmoid(b) for place, (a, b) in halves.items()}


def one_down(x: Map) -> Map:
    return {(i, j): x[i - 1, j] if i else torch.zeros_like(x[i, j]) for i, j in x}


def one_right(x: Map) -> Map:
    return {(i, j): x[i, j - 1] if j else torch.zeros_like(x[i, j]) for i, j in x}


def inside(config: Any, x: Tensor) -> tuple[Map, Map]:
    """The picture as numbers, and with a channel of ones."""
    values = read(config, x)
    return values, each(lambda value: torch.cat([value, torch.ones(1)]), values)


def halved(field: Tensor | None) -> Tensor | None:
    """Each two by two pixels' mean, of those that there are."""
    if field is None:
        return None
    rows = [torch.stack([part.flatten(0, 1).mean(0) for part in row.split(2, 1)]) for row in field.split(2, 0)]
    return torch.stack(rows)


def pixelcnn_pp(w: Named, config: Any, x: Tensor, vector: Tensor | None, field: Tensor | None) -> Tensor:
    """Salimans et al. (2017), figure 2 and section 2.3."""
    _, x_1 = inside(config, x)
    u = one_down(shifted(w.of("rows"), x_1))
    ul = added(one_down(shifted(w.of("above"), x_1)), one_right(shifted(w.of("left"), x_1)))
    fields = [field]
    for _ in range(config.sizes - 1):
        fields.append(halved(fields[-1]))
    us, uls = [u], [ul]
    for size in range(config.sizes):
        for n in range(config.resnets):
            pair = w.of(f"downs.{size}.{n}")
            u = resnet(pair.of("rows"), u, vector, fields[size])
            ul = resnet(pair.of("corner"), ul, vector, fields[size], u, corner=True)
            us.append(u)
            uls.append(ul)
        if size < config.sizes - 1:
            u = shifted(w.of(f"shrink.{size}.rows"), u, stride=2)
            ul = shifted(w.of(f"shrink.{size}.corner"), ul, corner=True, stride=2)
            us.append(u)
            uls.append(ul)
    u, ul = us.pop(), uls.pop()
    for size in reversed(range(config.sizes)):
        for n in range(config.resnets + (size < config.sizes - 1)):
            pair = w.of(f"ups.{size}.{n}")
            u = resnet(pair.of("rows"), u, vector, fields[size], us.pop())
            ul = resnet(pair.of("corner"), ul, vector, fields[size], u, uls.pop(), corner=True)
        if size:
            to = picture_of(us[-1]).shape[:2]
            u = shifted(w.of(f"grow.{size - 1}.rows"), u, up=(to[0], to[1]))
            ul = shifted(w.of(f"grow.{size - 1}.corner"), ul, corner=True, up=(to[0], to[1]))
    return picture_of(shifted(w.of("out"), each(elu, ul)))


def pixelsnail(w: Named, config: Any, x: Tensor, vector: Tensor | None, field: Tensor | None) -> Tensor:
    """Chen et al. (2018), figure 2: attention to earlier pixels alone."""
    values, x_1 = inside(config, x)
    places = {(i, j): torch.tensor([i / config.height - 0.5, j / config.width - 0.5]) for i, j in values}
    m = added(one_down(shifted(w.of("above"), x_1)), one_right(shifted(w.of("left"), x_1)))
    for n in range(config.blocks):
        stage = w.of(f"stages.{n}")
        for r in range(config.resnets):
            m = resnet(stage.of(f"near.{r}"), m, vector, field, corner=True)
        content = resnet(stage.of("content"), side_by_side(values, m, places), vector, field)
        content = shifted(stage.of("content_out"), content)
        query = shifted(stage.of("query_out"), resnet(stage.of("query"), side_by_side(m, places), vector, field))
        wide, found, past = config.heads * config.keys, dict[tuple[int, int], Tensor](), list[tuple[int, int]]()
        for place in sorted(values):
            found[place] = torch.zeros(config.values)
            if past:
                keys = [content[at][:wide].chunk(config.heads) for at in past]
                held = [content[at][wide:].chunk(config.heads) for at in past]
                queries = query[place].chunk(config.heads)
                answers = [attend(q, [k[h] for k in keys], [v[h] for v in held]) for h, q in enumerate(queries)]
                found[place] = torch.cat(answers)
            past.append(place)
        m = resnet(stage.of("join"), m, vector, field, found)
    return picture_of(shifted(w.of("out"), each(elu, m)))


# ------------------------------------------------------------------ scale by scale


def three_by_three(w: Named, x: Map) -> Map:
    y: Map = {}
    for i, j in x:
        near = [(r, k) for r in range(3) for k in range(3) if (i - 1 + r, j - 1 + k) in x]
        taps = [w["weight"][:, :, r, k] @ x[i - 1 + r, j - 1 + k] for r, k in near]
        y[i, j] = w["bias"] + torch.stack(taps).sum(0)
    return y


def enlarged(w: Named, small: Map, factor: int, height: int, width: int) -> Map:
    y = each(elu, three_by_three(w.of("before"), small))
    up, f = w.of("up"), factor  # kernel and stride are the factor: each large pixel has one small one
    grown = {
        (i, j): up["weight"][:, :, i % f, j % f].T @ y[i // f, j // f] + up["bias"]
        for i in range(height)
        for j in range(width)
    }
    return three_by_three(w.of("after"), each(elu, grown))


def drawing_order(config: Any, height: int, width: int, scales: int) -> list[tuple[int, int]]:
    """The pixels of the smaller scale, in its own order, and then the others row by row."""
    pixels = [(i, j) for i in range(height) for j in range(width)]
    if scales == 1:
        return pixels
    f = config.factor
    below = drawing_order(config, -(-height // f), -(-width // f), scales - 1)
    first = [(f * i, f * j) for i, j in below]
    return first + [place for place in pixels if place not in first]


def cascade(w: Named, model: Any, x: Tensor, vector: Tensor | None, field: Tensor | None, scales: int) -> Map:
    """van den Oord, Kalchbrenner and Kavukcuoglu (2016), section 3.6: {pixel: parameters (C, ·)}."""
    config, f = model.config, model.config.factor
    below, above = x[::f, ::f], config.larger
    few = None if field is None else field[::f, ::f]
    if scales == 2:
        lower = map_of(LOOPS[config.smallest](w.of("small"), model.small.config, below, vector, few))
    else:
        lower = cascade(w.of("small"), model.small, below, vector, few, scales - 1)
    more = picture_of(enlarged(w.of("enlarge"), read(config, below), f, x.shape[0], x.shape[1]))
    more = more if field is None else torch.cat([more, field], -1)
    upper = map_of(LOOPS[above](w.of("large"), model.large.config, x, vector, more))
    return {**upper, **{(f * i, f * j): value for (i, j), value in lower.items()}}


LOOPS: dict[str, Picture] = {
    "pixelcnn": pixelcnn,
    "gated-pixelcnn": gated_pixelcnn,
    "row-lstm": pixelrnn(1),
    "diagonal-bilstm": pixelrnn(2),
    "pixelcnn++": pixelcnn_pp,
    "pixelsnail": pixelsnail,
}
CASES = [name for name, case in MODELS.items() if case.family in LOOPS]
SCALES = [name for name, case in MODELS.items() if case.family == "multiscale" and case.at is not None]


def conditions(given: Any, row: int) -> tuple[Tensor | None, Tensor | None]:
    vector, field = given.vector, given.field
    return None if vector is None else vector[row].double(), None if field is None else field[row].double()


def test_every_family_has_a_loop() -> None:
    assert {name for name, family in FAMILIES.items() if family.data == "image"} == {*LOOPS, "multiscale"}


@pytest.mark.parametrize("name", CASES)
def test_a_family_is_its_textbook_s(name: str) -> None:
    case = MODELS[name]
    model: Model = case.model()
    w = named(model)
    given: Any = case.given()

    def loop(x: Tensor) -> Tensor:
        x = x if x.dim() == 4 else x[..., None]
        whole = LOOPS[str(case.family)]
        return torch.stack([whole(w, model.config, one, *conditions(given, i)) for i, one in enumerate(x)])

    equals(model, loop, case.x(2), given=given.select(torch.tensor([0, 1])))


@pytest.mark.parametrize("name", SCALES)
def test_scales_are_their_families_one_on_the_other(name: str) -> None:
    case = MODELS[name]
    model: Any = case.model()
    w, given, c = named(model), case.given(), model.config
    order = drawing_order(c, c.height, c.width, c.scales)

    def loop(x: Tensor) -> Tensor:
        rows: list[Tensor] = []
        for i, one in enumerate(x):
            picture = torch.zeros(c.height, c.width, c.channels, dtype=torch.long)
            for place, value in zip(order, one.view(-1, c.channels), strict=True):
                picture[place] = value
            found = cascade(w, model, picture, *conditions(given, i), c.scales)
            rows.append(torch.cat([found[place] for place in order]))
        return torch.stack(rows)

    equals(model, loop, case.x(2), given=given.select(torch.tensor([0, 1])))
