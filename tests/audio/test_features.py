"""Features of sound: each column tells of its own samples, in units that are said, whatever the block size."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from every_codec import from_json
from seriatim.audio import features as module
from seriatim.audio.features import Energy, Feature, LogMel
from seriatim.audio.tracks import Track
from seriatim.context import Context
from seriatim.errors import UserError

EXAMPLES = settings(max_examples=40, deadline=None, derandomize=True)
FLOOR = math.log(1e-9)
FEATURES: list[Feature] = [
    Energy(10), Energy(7, 7), LogMel(8000, 10, bands=4), LogMel(8000, 16, 64, bands=5, low=100, high=3000),
]  # fmt: skip


def impulse(at: int, samples: int = 100) -> np.ndarray:
    x = np.zeros(samples)
    x[at] = 1
    return x


@given(hop=st.integers(1, 12), at=st.integers(0, 99))
@EXAMPLES
def test_an_impulse_is_in_its_own_column(hop: int, at: int) -> None:
    columns = Energy(hop, hop).encode(impulse(at))
    assert columns.shape == (-(-100 // hop), 1)
    assert np.flatnonzero(columns[:, 0] > FLOOR + 1).tolist() == [at // hop]
    field = Context(field=torch.from_numpy(columns)[None], hop=hop).columns(100)[0, :, 0]
    loud = torch.nonzero(field > FLOOR + 1).ravel().tolist()
    assert at in loud
    assert loud == [t for t in range(100) if t // hop == at // hop]


@pytest.mark.parametrize("feature", FEATURES)
def test_a_window_is_centred_on_its_column(feature: Feature) -> None:
    """What is like itself mirrored gives columns like themselves mirrored."""
    hop = feature.hop
    x = np.random.default_rng(0).uniform(-0.5, 0.5, 9 * hop)
    assert np.allclose(feature.encode(x)[::-1], feature.encode(x[::-1]), atol=1e-4)
    near = feature.encode(impulse(4 * hop + hop // 2, 9 * hop))  # within half a sample of the middle of column 4
    assert near[4].max() == near.max()
    reach = (feature.window // hop + 1) // 2
    assert (near[[i for i in range(9) if abs(i - 4) > reach]] <= FLOOR + 1e-3).all()


@pytest.mark.parametrize("feature", FEATURES)
def test_block_by_block(feature: Feature, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, 333)
    whole = feature.encode(x)
    assert whole.dtype == np.float32
    assert whole.shape == (-(-333 // feature.hop), feature.size)
    monkeypatch.setattr(module, "_BLOCK", 3 * feature.window)
    assert np.allclose(feature.encode(x), whole, atol=1e-6)
    for samples in (0, 1, feature.hop, feature.hop + 1):
        assert feature.encode(x[:samples]).shape == (-(-samples // feature.hop), feature.size)
    assert np.allclose(feature.encode(x[: 5 * feature.hop + 400]), whole, atol=1e-6)


@pytest.mark.parametrize("feature", FEATURES)
def test_any_kind_of_samples(feature: Feature) -> None:
    x = np.random.default_rng(0).integers(-32768, 32767, 100).astype(np.int16)
    assert np.array_equal(feature.encode(x), feature.encode(x / 32768))
    assert np.allclose(feature.encode(x), feature.encode((x / 32768).astype(np.float32)), atol=1e-5)
    assert np.allclose(feature.encode(np.stack([x, -x], 1)), FLOOR)
    for wrong in (np.zeros(5, np.int64), np.zeros((2, 2, 2)), np.zeros(())):
        with pytest.raises(UserError, match="of int16 or float"):
            feature.encode(wrong)


def test_energy_is_the_logarithm_of_the_mean_square() -> None:
    x = np.concatenate([np.full(10, 0.5), np.zeros(10), np.full(10, -1.0)])
    assert np.allclose(Energy(10, 10).encode(x)[:, 0], [math.log(0.25), FLOOR, 0], atol=1e-6)


def test_log_mel_by_hand() -> None:
    """A discrete Fourier transform, mel bands and the window written out."""
    rate, hop, window, bands = 1000, 8, 24, 3
    x = np.random.default_rng(0).uniform(-1, 1, 40)
    mels = [2595 * math.log10(1 + 500 / 700) * i / (bands + 1) for i in range(bands + 2)]
    edges = [700 * (10 ** (mel / 2595) - 1) for mel in mels]
    hann = [math.sin(math.pi * (i + 0.5) / window) ** 2 for i in range(window)]
    scale = sum(h * h for h in hann) * window / 2
    for k in range(5):
        first = k * hop - (window - hop) // 2
        piece = [x[first + i] * hann[i] if 0 <= first + i < len(x) else 0.0 for i in range(window)]
        power = [0.0] * bands
        for j in range(window // 2 + 1):
            angles = [2 * math.pi * i * j / window for i in range(window)]
            total = sum(p * complex(math.cos(a), -math.sin(a)) for p, a in zip(piece, angles, strict=True))
            f = j * rate / window
            for b in range(bands):
                low, middle, high = edges[b : b + 3]
                weight = max(0.0, min((f - low) / (middle - low), (high - f) / (high - middle)))
                power[b] += weight * abs(total) ** 2 / scale
        wanted = [math.log(p + 1e-9) for p in power]
        assert np.allclose(LogMel(rate, hop, window, bands).encode(x)[k], wanted, atol=1e-5)


@pytest.mark.parametrize("window", [240, 480, 1000])
@pytest.mark.parametrize("hertz", [300, 1000, 2500])
def test_a_sine_has_the_power_of_its_mean_square(window: int, hertz: int) -> None:
    x = np.sin(2 * np.pi * hertz * np.arange(8000) / 8000)
    feature = LogMel(8000, 80, window, 20)
    columns = np.exp(feature.encode(x))[20:-20]
    assert np.allclose(columns.sum(1), 0.5, rtol=0.02)
    centres = 700 * (10 ** (np.arange(1, 21) / 21 * math.log10(1 + 4000 / 700)) - 1)
    assert set(columns.argmax(1).tolist()) == {int(np.abs(centres - hertz).argmin())}


@pytest.mark.parametrize("feature", FEATURES)
def test_standardised(feature: Feature) -> None:
    random = np.random.default_rng(0)
    recordings = [random.uniform(-1, 1, n) * random.uniform(0.1, 1) for n in (300, 50, 1, 0, 777)]
    fitted = feature.fitted(iter(recordings))
    columns = np.concatenate([fitted.encode(x) for x in recordings])
    assert np.allclose(columns.mean(0), 0, atol=1e-4)
    assert np.allclose(columns.std(0), 1, atol=1e-4)
    assert np.allclose(fitted.decode(columns), np.concatenate([feature.encode(x) for x in recordings]), atol=1e-4)
    silent = feature.fitted([np.zeros(100)])
    assert np.abs(silent.encode(np.zeros(100))).max() < 1e-6
    with pytest.raises(UserError, match="no numbers to learn from"):
        feature.fitted([])


@pytest.mark.parametrize("feature", FEATURES)
def test_json_and_back(feature: Feature) -> None:
    fitted: Any = feature.fitted([np.random.default_rng(0).uniform(-1, 1, 500)])
    document = json.loads(json.dumps(fitted.to_json()))
    again: Any = from_json(document)
    assert again.to_json() == document
    x = np.random.default_rng(1).uniform(-1, 1, 300)
    assert np.array_equal(again.encode(x), fitted.encode(x))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Energy(0), "hop: expected a whole number from 1"),
        (lambda: Energy(10, 15), "window: 15 samples cannot be centred on 10"),
        (lambda: Energy(10, 8), "window"),
        (lambda: Energy(10, mean=[0, 1]), "energy: 2 means and 1 deviations"),
        (lambda: Energy(10, std=[0]), "energy: expected finite means, and finite deviations above 0"),
        (lambda: LogMel(8000, 80, bands=0), "bands"),
        (lambda: LogMel(8000, 80, low=5000), "high: bands from 5000 to 4000 Hz"),
        (lambda: LogMel(8000, 80, high=4001), "high"),
        (lambda: LogMel(8000, 80, bands=200), "has no frequency of a window of 240 samples"),
        (lambda: Track(10, [], []), "track: 0 means and 0 deviations"),
        (lambda: Track(10, [1.0], [0.0]), "deviations above 0"),
        (lambda: Track.train(10, [np.zeros((0, 2))]), "no numbers to learn from"),
    ],
)
def test_bounds(make: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()


def test_series_are_standardised() -> None:
    values = [np.array([[1.0, 5], [2, 5]]), np.array([[3.0, 5]])]
    series = Track.train(80, values)
    assert (series.size, series.hop) == (2, 80)
    columns = np.concatenate([series.encode(value) for value in values])
    assert np.allclose(columns, [[-(1.5**0.5), 0], [0, 0], [1.5**0.5, 0]])
    assert np.allclose(series.decode(columns), np.concatenate(values))
    assert from_json(json.loads(json.dumps(series.to_json()))).to_json() == series.to_json()
    for wrong, message in ((np.zeros((3, 1)), "exp"), (np.zeros(2), "exp"), (np.full((1, 2), np.nan), "not finite")):
        with pytest.raises(UserError, match=message):
            series.encode(wrong)
