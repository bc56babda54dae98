"""The likelihood of what is longer than a model looks back over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from registry import LABELS, conditional
from seriatim.errors import UserError
from seriatim.models import FAMILIES, Model, likelihood
from seriatim.models.likelihood import Window, default_stride, log_probs, windows
from seriatim.testing import wake

pytestmark = pytest.mark.usefixtures("float64")
SYMBOLS, HORIZON = 5, 6
SIZES: dict[str, dict[str, Any]] = {
    "lstm": {"width": 5, "layers": 2},
    "gru": {"width": 4, "layers": 1},
    "transformer": {"width": 8, "layers": 2, "heads": 2, "hidden": 6, "context": HORIZON},
}


def model_of(family: str) -> Model:
    torch.manual_seed(0)
    model = wake(FAMILIES[family].model(FAMILIES[family].config(symbols=SYMBOLS, **SIZES[family])))
    assert isinstance(model, Model)
    return model


def sequences(lengths: list[int]) -> list[np.ndarray[Any, Any]]:
    random = np.random.default_rng(0)
    return [random.integers(0, SYMBOLS, length) for length in lengths]


LENGTHS = [7, 0, 1, 30, 6, 13, 2, 6]


@given(length=st.integers(0, 80), window=st.integers(1, 20), data=st.data())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_windows_count_each_position_once_with_enough_before_it(length: int, window: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, window))
    all_windows = list(windows(length, window, stride))
    fresh = [t for w in all_windows for t in range(w.fresh, w.stop)]
    assert fresh == list(range(length))
    for w in all_windows:
        assert w.stop - w.start <= window
        assert w.start <= w.fresh
        for t in range(w.fresh, w.stop):
            assert t - w.start >= min(t, window - stride), "a symbol has less before it than the stride promises"


def test_windows_by_hand() -> None:
    assert list(windows(0, 4, 2)) == [Window(0, 0, 0)]
    assert list(windows(4, 4, 2)) == [Window(0, 4, 0)]
    assert list(windows(5, 4, 2)) == [Window(0, 4, 0), Window(2, 5, 4)]
    assert list(windows(9, 4, 4)) == [Window(0, 4, 0), Window(4, 8, 4), Window(8, 9, 8)]
    assert default_stride(7) == 4


def brute(model: Model, x: np.ndarray[Any, Any], window: int, stride: int) -> list[float]:
    """Position by position, each in the first window that holds it."""
    terms = []
    model = model.requires_grad_(False)
    for t in range(len(x)):
        begin = 0
        while t - begin >= window:
            begin += stride
        row = torch.from_numpy(x[begin : t + 1])[None]
        terms.append(float(model(row)[0, -1].log_softmax(-1)[x[t]]))
    return terms


@pytest.mark.parametrize(("window", "stride"), [(None, None), (6, 1), (6, 6), (4, 3), (1, 1)], ids=str)
@pytest.mark.parametrize("batch", [1, 3, 100])
def test_in_windows_it_is_what_brute_force_gives(window: int | None, stride: int | None, batch: int) -> None:
    model, texts = model_of("transformer"), sequences(LENGTHS)
    got = log_probs(model, texts, window=window, stride=stride, batch=batch)
    used = HORIZON if window is None else window
    for x, terms in zip(texts, got, strict=True):
        assert terms.dtype == np.float64
        expected = brute(model, x, used, default_stride(used) if stride is None else stride)
        np.testing.assert_allclose(terms, expected, rtol=1e-10)


@pytest.mark.parametrize("family", ["lstm", "gru"])
@pytest.mark.parametrize("chunk", [1, 4, 1024])
@pytest.mark.parametrize("batch", [1, 3, 100])
def test_with_carried_state_it_is_the_parallel_pass(
    monkeypatch: pytest.MonkeyPatch, family: str, chunk: int, batch: int
) -> None:
    monkeypatch.setattr(likelihood, "_CHUNK", chunk)
    model, texts = model_of(family), sequences(LENGTHS)
    got = log_probs(model, texts, batch=batch)
    for x, terms in zip(texts, got, strict=True):
        expected = model.log_probs(torch.from_numpy(x)[None]).detach()[0].numpy()
        np.testing.assert_allclose(terms, expected, rtol=1e-10)


def test_a_model_without_horizon_may_be_read_in_windows() -> None:
    model, texts = model_of("lstm"), sequences(LENGTHS)
    for x, terms in zip(texts, log_probs(model, texts, window=5, stride=2), strict=True):
        np.testing.assert_allclose(terms, brute(model, x, 5, 2), rtol=1e-10)


@pytest.mark.parametrize("window", [None, 4])
@pytest.mark.parametrize("batch", [1, 2, 100])
def test_conditions_stay_with_their_sequences(window: int | None, batch: int) -> None:
    torch.manual_seed(0)
    model = wake(conditional(SYMBOLS))
    assert isinstance(model, Model)
    texts = sequences([9, 3, 0, 12, 5])
    given = {"genre": np.array([0, 2, -1, 1, LABELS - 1]), "year": np.array([0.5, np.nan, 1.0, -2.0, 0.0])}
    got = log_probs(model, texts, given, window=window, batch=batch)
    for i, x in enumerate(texts):
        row = {name: values[i : i + 1] for name, values in given.items()}
        (alone,) = log_probs(model, [x], row, window=window)
        np.testing.assert_allclose(got[i], alone, rtol=1e-10)
        if len(x):
            (other,) = log_probs(model, [x], {**row, "year": np.array([3.0])}, window=window)
            assert not np.allclose(alone, other)


def test_nothing_at_all() -> None:
    assert log_probs(model_of("lstm"), []) == []
    assert log_probs(model_of("transformer"), []) == []
    for family in SIZES:
        (terms,) = log_probs(model_of(family), sequences([0]))
        assert terms.shape == (0,)


@pytest.mark.parametrize(
    ("window", "stride", "message"),
    [
        (None, 3, "stride"),
        (4, 5, "stride"),
        (4, 0, "stride"),
        (HORIZON + 2, None, "window"),
        (0, None, "stride|window"),
    ],
)
def test_what_does_not_fit_is_a_user_error(window: int | None, stride: int | None, message: str) -> None:
    family = "transformer" if window is not None else "lstm"
    with pytest.raises(UserError, match=message):
        log_probs(model_of(family), sequences([10]), window=window, stride=stride)
