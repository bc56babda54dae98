"""What float32 makes of 8,192 positions: our layers and families against chunks of themselves and against float64."""

from __future__ import annotations

import pytest
import torch

from faults import MovingMean, Sine
from registry import LAYERS, MODELS, WIDTH, LayerCase
from seriatim.causal import Causal
from seriatim.models import Model, Transformer, TransformerConfig
from seriatim.testing import layer_laws, long_carry_law, long_chunk_law
from seriatim.testing.base import random_like
from seriatim.testing.long import LENGTH

FRAMES = {name: case for name, case in LAYERS.items() if not case.symbols}
SEQUENCES = ("rnn", "lstm", "gru", "bytenet", "wavenet")


@pytest.mark.parametrize("case", FRAMES.values(), ids=FRAMES)
def test_a_layer_in_float32_over_8192_frames(case: LayerCase) -> None:
    frames = random_like(torch.empty(1, LENGTH, *case.size, WIDTH)) if case.size else WIDTH
    long_chunk_law(case.make(), frames, context=case.context())


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_family_in_float32_over_8192_symbols(name: str) -> None:
    long_carry_law(MODELS[name].make(3))


def test_a_transformer_in_float32_up_to_its_horizon() -> None:
    model: Model = Transformer(TransformerConfig(3, width=8, layers=1, heads=2, context=2048))
    long_carry_law(model, model.config.horizon)


FAULTS: dict[str, tuple[Causal, str]] = {
    "sums that go on": (MovingMean(carried=True), "chunks"),
    "sums that begin anew": (MovingMean(carried=False), "chunks"),
    "the same however it is cut": (Sine(), "float64"),
}


@pytest.mark.parametrize(("layer", "against"), FAULTS.values(), ids=FAULTS)
def test_what_holds_for_nine_frames_and_not_for_8192(layer: Causal, against: str) -> None:
    assert "chunk law" in layer_laws(layer, WIDTH, long=0).held
    with pytest.raises(AssertionError, match=f"^long chunk law: position .* between the whole and {against};"):
        long_chunk_law(layer, WIDTH)
