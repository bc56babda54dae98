"""Scales of windows, codecs, calendars and scores, against numbers worked out by hand or by another library."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import fft

from seriatim.errors import UserError
from seriatim.series.calendar import Calendar
from seriatim.series.choices import Choices
from seriatim.series.codec import SeriesCodec
from seriatim.series.figures import crps, naive_scale, quantile_loss
from seriatim.series.forecast import Forecast, Forecasts
from seriatim.series.known import Known
from seriatim.series.rolling import naive, repeated
from seriatim.series.scaling import Running, WindowScale

RANDOM = np.random.default_rng(0)


def test_the_scale_of_a_window_is_that_of_its_past() -> None:
    x = RANDOM.normal(1e6, 3.0, (200, 2))
    x[RANDOM.random(x.shape) < 0.2] = np.nan
    running = Running(x, "standard")
    for at in (5, 60, 200):
        past = x[max(0, at - 50) : at]
        floor = 0.1 * np.nanstd(x[:at], 0)
        wide = np.maximum(np.maximum(np.nanstd(past, 0), floor), 1e-4 * np.abs(np.nanmean(past, 0)))
        found = running.scale(at, 50)
        assert np.allclose(found[:, 0], np.nanmean(past, 0), rtol=1e-12)
        assert np.allclose(np.exp(found[:, 1]), wide, rtol=1e-6)
    assert np.allclose(np.exp(Running(x, "mean").scale(60, 50)[:, 1]), np.nanmean(np.abs(x[10:60]), 0))
    assert not Running(x, "none").scale(60, 50).any()


def test_a_scale_sees_nothing_of_its_window() -> None:
    x = RANDOM.normal(size=(100, 1))
    later = x.copy()
    later[60:] = 1e9
    for mode in ("standard", "mean"):
        assert np.array_equal(Running(x, mode).scale(60, 30), Running(later, mode).scale(60, 30))


def test_a_constant_past_has_a_floor() -> None:
    still = np.full((50, 1), 5.0)
    assert np.exp(Running(still, "standard").scale(50, 20)[0, 1]) == pytest.approx(5e-4)
    assert np.exp(Running(np.zeros((50, 1)), "standard").scale(50, 20)[0, 1]) == 1
    moved = np.concatenate([RANDOM.normal(size=(50, 1)), np.full((50, 1), 0.0)])
    deviation = moved.std()
    assert np.exp(Running(moved, "standard").scale(100, 20)[0, 1]) == pytest.approx(0.1 * deviation)


def test_blocks_are_turned_by_scipy_s_transform() -> None:
    codec = SeriesCodec(["load"], "h", past=24, horizon=24, block=24, rotation="dct")
    x = RANDOM.normal(size=(48, 1))
    turned = codec.encode(x)
    assert np.allclose(turned, fft.dct(x.reshape(2, 24), norm="ortho"))
    assert np.allclose(codec.decode(turned), x)
    assert np.allclose(codec.decode(np.stack([turned, 2 * turned])), np.stack([x, 2 * x]))
    missing = x.copy()
    missing[5] = np.nan
    assert np.isnan(codec.encode(missing)).all(1).tolist() == [True, False]
    matrix = codec.matrix
    assert matrix is not None
    assert np.linalg.det(matrix) == pytest.approx(1, abs=1e-9) or np.linalg.det(matrix) == pytest.approx(-1, abs=1e-9)


def test_blocks_are_turned_by_haar_s_wavelets() -> None:
    by_hand = {
        2: [[0.5**0.5, 0.5**0.5], [0.5**0.5, -(0.5**0.5)]],
        3: [[3**-0.5] * 3, [6**-0.5, 6**-0.5, -2 * 6**-0.5], [2**-0.5, -(2**-0.5), 0]],
        4: [[0.5] * 4, [0.5, 0.5, -0.5, -0.5], [2**-0.5, -(2**-0.5), 0, 0], [0, 0, 2**-0.5, -(2**-0.5)]],
    }
    for n, rows in by_hand.items():
        matrix = SeriesCodec(["load"], "h", past=12, horizon=12, block=n, rotation="haar").matrix
        assert matrix is not None
        assert np.allclose(matrix, rows)
    codec = SeriesCodec(["load"], "h", past=24, horizon=24, block=24, rotation="haar")
    assert codec.matrix is not None
    assert np.allclose(codec.matrix @ codec.matrix.T, np.eye(24))
    x = RANDOM.normal(size=(48, 1))
    assert np.allclose(codec.decode(codec.encode(x)), x)


def test_the_scale_of_a_block_is_that_of_its_turned_values() -> None:
    """If every value is m + s z, the turned ones are D m + s D z, whatever z."""
    codec = SeriesCodec(["load"], "h", past=8, horizon=4, block=4, rotation="dct")
    unit = WindowScale("standard", 8, [0.1, 0.2, 0.3, 0.4], [0.5, -0.5, 0.0, 0.25], block=4)
    past = RANDOM.normal(10, 3, (20, 1))
    window = Running(past, "standard").scale(20, 8)
    found = unit.of(window, codec.matrix)
    (place, log_scale), z = window[0], np.array([0.3, -1.0, 0.7, 2.0])
    turned = codec.encode((place + np.exp(log_scale) * z)[:, None])[0]
    plain = codec.encode(z[:, None])[0]
    standard = (plain - unit.location) / np.exp(unit.log_scale)
    assert np.allclose((turned - found[:, 0]) / np.exp(found[:, 1]), standard)


def test_a_calendar_knows_the_hour_the_weekday_and_the_day_of_the_year() -> None:
    calendar = Calendar({"day": 2, "week": 1, "year": 1})
    x = calendar.encode(np.array(["2024-07-01T06:00", "2024-12-30T00:00"], "datetime64[ns]"))  # Mondays of a leap year
    assert x.shape == (2, calendar.size) == (2, 8)
    six, monday = 2 * np.pi * 0.25, 2 * np.pi * 0.25 / 7
    day = 2 * np.pi * (182 + 0.25) / 366
    angles = [six, 2 * six, monday, day]
    assert np.allclose(x[0], [f(a) for a in angles for f in (np.sin, np.cos)], atol=1e-6)
    assert np.allclose(x[1, :6], [0, 1] * 3, atol=1e-6)


@pytest.mark.parametrize(
    "codec",
    [
        SeriesCodec(["a", "b"], "15min", 8, 4),
        SeriesCodec(["load"], "h", 48, 24, 24, "dct"),
        SeriesCodec(["load"], "h", 48, 24, 24, "haar"),
        Choices(["north", "south"]),
        WindowScale("standard", 8, [0.0], [0.1]),
        WindowScale("mean", 8, [0.0, 1.0], [0.1, 0.2], 2),
        Calendar({"week": 3}),
        Known(["price", "open"], [1.0, 2.0], [3.0, 4.0], 2),
    ],
    ids=lambda codec: codec.kind,
)
def test_codecs_are_json(codec: object) -> None:
    document = json.loads(json.dumps(codec.to_json()))  # pyright: ignore
    assert type(codec).from_json(document).to_json() == document  # pyright: ignore
    for key in document:
        with pytest.raises(UserError):
            type(codec).from_json({**document, key: "?" if key != "kind" else 3})  # pyright: ignore
        with pytest.raises(UserError):
            type(codec).from_json({name: value for name, value in document.items() if name != key})  # pyright: ignore


def test_what_is_known_ahead_is_standardised_and_folded_into_blocks() -> None:
    known = Known.train(["price"], [np.array([[1.0], [3.0], [np.nan]])], block=2)
    assert known.size == 2
    assert known.encode(np.array([[1.0], [3.0], [2.0], [np.nan]])).tolist() == [[-1, 1], [0, 0]]
    with pytest.raises(UserError, match="expected"):
        known.encode(np.zeros((3, 1)))


def test_the_crps_is_the_energy_form() -> None:
    paths, truth = RANDOM.normal(size=(7, 3)), RANDOM.normal(size=3)
    pairs = np.abs(paths[:, None] - paths[None]).mean((0, 1))
    assert np.allclose(crps(paths, truth), np.abs(paths - truth).mean(0) - pairs / 2)
    # of a standard normal at 0: 2 φ(0) − 1/√π (Gneiting and Raftery, 2007)
    many = np.sort(RANDOM.normal(size=200_000))[:, None]
    assert crps(many, np.zeros(1))[0] == pytest.approx(2 / np.sqrt(2 * np.pi) - 1 / np.sqrt(np.pi), abs=2e-3)


def test_quantile_losses_and_scales_by_hand() -> None:
    # at 0.1 a value 4 above costs 2 · 4 · 0.1, at 0.9 one 2 below costs 2 · 2 · 0.1
    assert quantile_loss(np.array([[1.0], [7.0]]), np.array([5.0]), (0.1, 0.9))[0] == pytest.approx((0.8 + 0.4) / 2)
    assert naive_scale(np.array([[0.0], [1.0], [3.0], [2.0]]), 2).tolist() == [2.0]  # |3 − 0|, |2 − 1|
    assert naive_scale(np.array([[0.0], [np.nan], [3.0], [2.0]]), 2).tolist() == [3.0]
    assert np.isnan(naive_scale(np.zeros((9, 1)), 2)[0])


def test_naive_forecasts_by_hand() -> None:
    past = np.array([1.0, 10.0, 3.0, 30.0, 5.0, np.nan])
    assert repeated(past, 3, 2).tolist() == [5, 30, 5]
    assert naive(past, 2, 2)[4].tolist() == [3, 20]
    assert naive(past[:3], 2, 7)[4].tolist() == [3, 3]


def test_forecasts_are_tables() -> None:
    pandas = pytest.importorskip("pandas")
    times = np.array(["2026-01-01", "2026-01-02"], "datetime64[ns]")
    found = Forecasts([Forecast("a", np.array([[[1.0], [2.0]], [[3.0], [6.0]]]), times, ("value",))])
    frame = found.to_frame((0.5,))
    assert frame.columns.tolist() == ["series", "time", "mean", "q0.5"]
    assert frame["mean"].tolist() == [2.0, 4.0]
    paths = found.to_frame(paths=True)
    assert paths[["path", "value"]].to_numpy().tolist() == [[1, 1], [2, 3], [1, 2], [2, 6]]
    assert isinstance(frame, pandas.DataFrame)
    with pytest.raises(UserError, match="levels from 0 to 1"):
        found.to_frame((1.5,))
    with pytest.raises(KeyError):
        found["b"]
