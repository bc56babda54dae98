"""Every family of sequences against a plain loop from its paper's equations: no law knows what it should compute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from registry import MODELS
from seriatim.context import Context
from seriatim.models import FAMILIES
from seriatim.testing import equals
from textbook import (
    Named,
    cell,
    cross_attention,
    dilated,
    layer_norm,
    named,
    rms_norm,
    self_attention,
    sigmoid,
    slots_of,
    wavenet,
)

Row = Callable[[Named, Any, list[int], Context], list[Tensor]]
"""(weights, config, symbols, the conditions of one row) -> logits of each position."""


def read(w: Named, config: Any, symbols: list[int]) -> list[Tensor]:
    """Position t reads the symbol of position t − 1, the first one `start`."""
    return [w["embedding.table.weight"][x] for x in [config.start, *symbols[:-1]]]


def conditioned(w: Named, frames: list[Tensor], context: Context) -> list[Tensor]:
    if context.vector is None:
        return frames
    return [frame + w.affine("net.layers.inject.vector", context.vector[0]) for frame in frames]


def slots(context: Context) -> list[Tensor]:
    assert context.memory is not None
    assert context.mask is not None
    return slots_of(context.memory[0], context.mask[0])


def recurrent(kind: str) -> Row:
    def row(w: Named, config: Any, symbols: list[int], context: Context) -> list[Tensor]:
        states = [torch.zeros(config.width) for _ in range(config.layers)]
        cells, logits = [each.clone() for each in states], []
        for frame in conditioned(w, read(w, config, symbols), context):
            y = frame
            for i in range(config.layers):
                y, cells[i] = cell(kind, w.of(f"net.layers.recurrent_{i}.core"), y, states[i], cells[i])
                states[i] = y
                if i == 0 and config.memory:
                    branch = w.of("net.layers.attention.branch.layers")
                    query = rms_norm(branch["0.module.weight"], y)
                    y = y + cross_attention(branch.of("1"), query, slots(context), config.heads)
            logits.append(w.affine("net.layers.out.module", y))
        return logits

    return row


def transformer(w: Named, config: Any, symbols: list[int], context: Context) -> list[Tensor]:
    """Norms first (Xiong et al., 2020), SwiGLU (Shazeer, 2020), as in Llama."""
    xs = conditioned(w, read(w, config, symbols), context)
    for i in range(config.layers):
        block = w.of(f"net.layers.blocks.layers.{i}")
        before = [rms_norm(block["attention_norm.weight"], x) for x in xs]
        branch = self_attention(block.of("attention"), before, config.heads, config.groups, config.rotary)
        xs = [x + y for x, y in zip(xs, branch, strict=True)]
        if config.memory:
            before = [rms_norm(block["memory_norm.weight"], x) for x in xs]
            branch = [cross_attention(block.of("memory"), y, slots(context), config.heads) for y in before]
            xs = [x + y for x, y in zip(xs, branch, strict=True)]
        f = block.of("feed_forward")
        for t, x in enumerate(xs):
            y = rms_norm(block["feed_forward_norm.weight"], x)
            gate = f.affine("gate", y)
            xs[t] = x + f.affine("down", gate * sigmoid(gate) * f.affine("up", y))
    last = [rms_norm(w["net.layers.norm.module.weight"], x) for x in xs]
    return [w.affine("net.layers.out.module", x) for x in last]


def bytenet(w: Named, config: Any, symbols: list[int], context: Context) -> list[Tensor]:
    """Kalchbrenner et al. (2016): figure 3, and the multiplicative unit of section 3.6."""
    xs = read(w, config, symbols)
    if config.memory:  # column t of the source where symbol t is predicted
        assert context.memory is not None
        assert context.mask is not None
        for t, real in enumerate(context.mask[0, : len(xs)].tolist()):
            xs[t] = xs[t] + real * w.affine("net.layers.unfold.map", context.memory[0, t].double())
    xs = conditioned(w, xs, context)
    multiplicative = config.unit == "multiplicative" or (config.unit == "auto" and not config.memory)
    for i, dilation in enumerate([2**i for i in range(config.dilations)] * config.sets):
        block = w.of(f"net.layers.blocks.layers.{i}")
        conv = block.of("middle.conv.conv" if multiplicative else "middle.conv")
        hs = [block.affine("into", layer_norm(block.of("before"), x).clamp_min(0)) for x in xs]
        hs = [layer_norm(block.of("inside"), h).clamp_min(0) for h in hs]
        for t in range(len(xs)):
            y = dilated(conv["weight"], conv["bias"], hs, t, dilation)
            if multiplicative:
                g1, g2, g3, u = y.chunk(4)
                y = sigmoid(g1) * torch.tanh(sigmoid(g2) * hs[t] + sigmoid(g3) * torch.tanh(u))
            xs[t] = xs[t] + block.affine("back", layer_norm(block.of("after"), y).clamp_min(0))
    out = w.of("net.layers.out.module")
    hidden = [out.affine("hidden", layer_norm(out.of("norm"), x).clamp_min(0)).clamp_min(0) for x in xs]
    return [out.affine("out", x) for x in hidden]


LOOPS: dict[str, Row] = {
    "rnn": recurrent("rnn"),
    "lstm": recurrent("lstm"),
    "gru": recurrent("gru"),
    "transformer": transformer,
    "bytenet": bytenet,
    "wavenet": wavenet,
}
CASES = [name for name in MODELS if name.split("-")[0] in LOOPS]


def test_every_family_has_a_loop() -> None:
    assert {name for name, family in FAMILIES.items() if family.data in ("text", "audio")} == set(LOOPS)


@pytest.mark.parametrize("name", CASES)
def test_a_family_is_its_textbook_s(name: str) -> None:
    case = MODELS[name]
    model = case.model()
    row, w = LOOPS[name.split("-")[0]], named(model)
    given: Any = case.given()
    kept = {name: getattr(given, name) for name in ("vector", "field", "memory")}
    context = replace(given, **{name: value if value is None else value.double() for name, value in kept.items()})

    def loop(x: Tensor) -> Tensor:
        rows = [context.select(torch.tensor([i])) for i in range(len(x))]
        each = [row(w, model.config, symbols, one) for symbols, one in zip(x.tolist(), rows, strict=True)]
        return torch.stack([torch.stack(positions) for positions in each])

    equals(model, loop, case.x(), given=given)
