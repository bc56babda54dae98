"""Every causal layer obeys the laws of `Causal`."""

from __future__ import annotations

import pytest
import torch

from registry import LAYERS, TIME, LayerCase
from seriatim.causal import Residual
from seriatim.context import EMPTY
from seriatim.testing import gradient_law, layers

pytestmark = pytest.mark.usefixtures("float64")
EACH = pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS)
READING_FRAMES = {name: case for name, case in LAYERS.items() if not case.symbols}
HAVE_FIELDS = ("inject-field", "inject", "gated-field", "gated-conditions", "gated-slow-conditions")
FIELDS = {name: case for name, case in LAYERS.items() if name in HAVE_FIELDS}

CUTS = {
    "none": [],
    "ones": list(range(1, TIME)),
    "one-then-rest": [1],
    "rest-then-one": [TIME - 1],
    "uneven": [2, 3, 4, 8],
    "empty-chunks": [0, 0, 4, 4, 5, TIME, TIME],
}


@EACH
@pytest.mark.parametrize("length", [None, 2, TIME], ids=["unknown", "grows", "exact"])
@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
def test_chunk_law(case: LayerCase, cuts: list[int], length: int | None) -> None:
    layers.chunk_law(case.layer(), case.x(), case.context(), cuts, length)


@EACH
@pytest.mark.parametrize("seed", range(4))
def test_chunk_law_at_random_cuts(case: LayerCase, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    cuts = torch.randint(TIME + 1, (4,), generator=generator).sort().values.tolist()
    layers.chunk_law(case.layer(), case.x(), case.context(), cuts)


@EACH
@pytest.mark.parametrize("cuts", [CUTS["uneven"], CUTS["ones"]], ids=["uneven", "ones"])
def test_chunk_gradient_law(case: LayerCase, cuts: list[int]) -> None:
    layers.chunk_gradient_law(case.layer(), case.x(), case.context(), cuts)


@pytest.mark.parametrize("case", READING_FRAMES.values(), ids=READING_FRAMES)
def test_sight_law(case: LayerCase) -> None:
    layers.sight_law(case.layer(), case.x(), case.context())


@EACH
def test_rows_are_independent(case: LayerCase) -> None:
    layers.row_law(case.layer(), case.x(), case.context())


@EACH
def test_a_fork_does_not_alias(case: LayerCase) -> None:
    layers.fork_law(case.layer(), case.x(), case.context())


@EACH
def test_gradient_reaches_every_parameter(case: LayerCase) -> None:
    layer, x = case.layer(), case.x()
    weights = torch.randn_like(layer(x, case.context())[0])
    gradient_law(lambda: (weights * layer(x, case.context())[0]).sum(), layer.named_parameters())


@pytest.mark.parametrize("case", FIELDS.values(), ids=FIELDS)
def test_a_field_is_seen_from_its_position_on(case: LayerCase) -> None:
    layers.field_law(case.layer(), case.x(), case.context())


@EACH
def test_a_zero_branch_is_the_identity(case: LayerCase) -> None:
    layer = case.layer()
    for residual in [module for module in layer.modules() if isinstance(module, Residual)]:
        layers.zero_branch_law(residual, torch.randn(2, TIME, 4), case.context().select(torch.tensor([0, 1])))


@pytest.mark.parametrize("name", ["inject-vector", "inject-field", "cross-attention", "gated-vector", "gated-field"])
def test_a_condition_that_is_missing_is_an_error_not_a_silence(name: str) -> None:
    layer = LAYERS[name].layer()
    with pytest.raises(ValueError, match="there is none"):
        layer(LAYERS[name].x(), EMPTY)
    with pytest.raises(ValueError, match="there is none"):
        layer.start(3, EMPTY)


def test_a_row_whose_memory_is_empty_gets_zeros() -> None:
    case = LAYERS["cross-attention-mask"]
    context = case.context()
    assert context.mask is not None
    mask = context.mask.clone()
    mask[0] = False
    empty = type(context)(memory=context.memory, mask=mask)
    y, _ = case.layer()(case.x(), empty)
    assert torch.equal(y[0], torch.zeros_like(y[0]))
    assert bool((y[1:] != 0).any())


def test_slots_that_a_mask_rules_out_do_not_matter() -> None:
    case = LAYERS["cross-attention-mask"]
    context = case.context()
    assert context.memory is not None
    assert context.mask is not None
    memory = torch.where(context.mask[..., None], context.memory, 1e3)
    changed = type(context)(memory=memory, mask=context.mask)
    layer = case.layer()
    torch.testing.assert_close(layer(case.x(), changed)[0], layer(case.x(), context)[0])
