"""Law 6: what is coded comes back, in about as many bits as the likelihood says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from registry import MODELS, ModelCase
from seriatim.coding import RangeDecoder, RangeEncoder
from seriatim.coding.models import decode, encode
from seriatim.testing.stored import coding_law

EACH = pytest.mark.parametrize("case", MODELS.values(), ids=MODELS)


@EACH
@pytest.mark.usefixtures("float64")
def test_every_model_codes_and_decodes(case: ModelCase) -> None:
    coding_law(case.model(), case.x(), case.given())


@EACH
@pytest.mark.usefixtures("float64")
def test_unlikely_symbols_cost_what_they_are_worth(case: ModelCase) -> None:
    model, conditions = case.model(), case.given()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    x = case.x()
    data = encode(model, x, conditions)
    assert torch.equal(decode(model, data, x.shape, conditions), x)
    bits = -model.log_prob(x, conditions).sum().item() / math.log(2)
    assert 8 * len(data) <= 1.001 * bits + 64


@pytest.mark.usefixtures("float64")
def test_the_coding_is_the_model_s() -> None:
    case = MODELS["lstm"]
    model, other, x = case.model(), case.model(), case.x()
    data = encode(model, x)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.5)
    assert not torch.equal(decode(other, data, x.shape), x)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_counts_code_any_symbols(data: st.DataObject) -> None:
    levels = data.draw(st.integers(2, 300))
    weights = np.array(data.draw(st.lists(st.integers(1, 10**6), min_size=levels, max_size=levels)), dtype=np.int64)
    table = np.concatenate([[0], np.floor(weights.cumsum() / weights.sum() * (2**32 - 2 * levels)).astype(np.int64)])
    table += 2 * np.arange(levels + 1)
    table[-1] = 2**32

    def count(x: np.ndarray) -> np.ndarray:
        return table[x + 1]

    symbols = np.array(data.draw(st.lists(st.integers(0, levels - 1), min_size=1, max_size=40)), dtype=np.int64)
    encoder = RangeEncoder()
    encoder.put(symbols, count, levels)
    encoder.put(symbols[:1], count, levels)
    decoder = RangeDecoder(encoder.finish())
    assert decoder.get(len(symbols), count, levels).tolist() == symbols.tolist()
    assert decoder.get(1, count, levels).tolist() == symbols[:1].tolist()


def test_nothing_is_nothing_and_half_a_word_is_refused() -> None:
    model = MODELS["lstm"].model()
    assert decode(model, encode(model, torch.zeros(2, 0, dtype=torch.long)), (2, 0)).shape == (2, 0)
    with pytest.raises(ValueError, match="whole number of 32-bit words"):
        RangeDecoder(b"abc")
