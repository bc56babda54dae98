"""Runs on series: what a model sees, forecasts and their seeds, likelihoods, files, commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import seriatim
from seriatim.cli import main
from seriatim.data.batches import Batch
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.models.likelihood import to_given
from seriatim.series.data.opening import open_series
from seriatim.series.data.panel import Panel, Series
from seriatim.series.data.windows import Cutter, Window, Windows, tiled
from seriatim.series.learning import codecs
from seriatim.series.model import SeriesModel
from seriatim.series.options import SeriesOptions

pandas = pytest.importorskip("pandas")

RANDOM = np.random.default_rng(0)
QUICK: dict[str, Any] = {"steps": 3, "quiet": True, "device": "cpu", "samples": 0, "lr": 1e-2}


def waves(count: int = 2, steps: int = 160) -> list[np.ndarray]:
    t = np.arange(steps)
    return [10 * i + np.sin(2 * np.pi * t / 7) + 0.2 * RANDOM.normal(size=steps) for i in range(count)]


def trained(
    tmp_path: Path, data: object, family: str = "mlp", net: dict[str, Any] | None = None, **options: Any
) -> Any:
    series = SeriesOptions(**{"past": 14, "horizon": 7, "season": 7, **options})  # pyright: ignore
    sizes = {"width": 8, "layers": 1, **(net or {})}
    return seriatim.train(data, family, kind="series", out=tmp_path / "run", series=series, net=sizes, **QUICK)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SeriesModel:
    return trained(tmp_path_factory.mktemp("series"), waves(), "lstm")


FAMILIES = ["rnn", "lstm", "gru", "transformer", "wavenet", "bytenet", "mlp"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_trains_is_kept_and_forecasts(family: str, tmp_path: Path) -> None:
    data = waves()
    net = {"heads": 2} if family == "transformer" else {"dilations": 2} if family in ("wavenet", "bytenet") else {}
    made = trained(tmp_path, data, family, net)
    again = seriatim.load(tmp_path / "run", "cpu")
    assert isinstance(again, SeriesModel)
    assert np.array_equal(made.forecast(data, 9, 4, seed=1).paths, again.forecast(data, 9, 4, seed=1).paths)
    assert made.evaluate(data) == again.evaluate(data)
    assert np.isfinite(made.evaluate(data).nats_per_value)


def test_the_likelihood_of_a_window_is_the_model_s_own(model: SeriesModel) -> None:
    """log p of steps 14 to 20 of the first series, from its symbols, scale and label, without the cutter."""
    x = waves()[0]
    panel = Panel([Series("series-1", x[:35, None])], ("value",), "rows")
    past = x[:14]
    given = {
        "scale": torch.tensor([[[past.mean(), np.log(past.std())]]]).float(),
        "series": torch.tensor([0]),
    }
    with torch.no_grad():
        terms = model.model.log_probs(torch.tensor(x[None, :21]).float(), given)[0]
    own = model.log_probs(panel)[0]
    assert np.isnan(own[:14]).all()
    assert np.allclose(own[14:21], terms[14:].numpy(), atol=1e-5)


def test_forecasts_see_nothing_after_their_origin(model: SeriesModel) -> None:
    x = waves(1)[0]
    later = x.copy()
    later[100:] = 1e6
    one, two = (Panel([Series("series-1", each[:, None])], ("value",), "rows") for each in (x, later))
    found = [model.forecast_at(each, [100], 7, 5, seed=3).paths for each in (one, two)]
    assert np.array_equal(*found)


def test_a_seed_gives_the_same_paths_in_any_company(model: SeriesModel) -> None:
    data = waves()
    both = model.forecast(data, 9, 6, seed=5)
    alone = model.forecast(Panel([Series("series-2", data[1][:, None])], ("value",), "rows"), 9, 6, seed=5)
    assert np.allclose(both["series-2"].paths, alone[0].paths, atol=1e-5)
    fewer = model.forecast(data, 9, 3, seed=5)
    assert np.allclose(both.paths[:, :3], fewer.paths, atol=1e-5)
    assert not np.allclose(both.paths, model.forecast(data, 9, 6, seed=6).paths)
    twins = Panel([Series(name, data[0][:, None]) for name in ("a", "b")], ("value",), "rows")  # unknown both, so alike
    found = model.forecast(twins, 9, 6, seed=5)
    assert not np.allclose(found["a"].paths, found["b"].paths)


def test_paths_have_the_distribution_that_is_scored(tmp_path: Path) -> None:
    """The first step's paths: their mean log-density is minus the entropy, and quantiles of p(x) are uniform."""
    data = waves(1)
    made = trained(tmp_path, data, "mlp", {"head": "normal"})
    n = 4000
    paths = made.forecast(data, 1, n, seed=1)[0].paths[:, 0, 0]
    cutter = Cutter(made.panel(data), made.codecs)
    batch = cutter.batch([Window(0, len(data[0]), 7)])
    with torch.no_grad():
        parameters = made.model(made.model.symbols(batch.x), to_given(batch.given, torch.device("cpu")))
        dist = made.model.head(parameters[:, 14])
    spread, place = float(dist.inner.scale * dist.scale), float(dist.location + dist.scale * dist.inner.mean)
    assert paths.mean() == pytest.approx(place, abs=5 * spread / np.sqrt(n))
    assert paths.std() == pytest.approx(spread, rel=5 / np.sqrt(2 * n))


def test_temperature_narrows_the_fan(model: SeriesModel) -> None:
    data = waves()
    wide, narrow = model.forecast(data, 7, 50, seed=1), model.forecast(data, 7, 50, seed=1, temperature=0.1)
    assert narrow[0].paths[:, 0].std() < 0.5 * wide[0].paths[:, 0].std()
    with pytest.raises(UserError, match="top-k steers probabilities of symbols"):
        model.forecast(data, 7, 5, top_k=3)


def test_blocks_and_channels(tmp_path: Path) -> None:
    data = waves(1, 240)
    made = trained(tmp_path / "a", data, "mlp", {"head": "mixture"}, block=7, rotation="dct")
    assert made.forecast(data, 10, 3).paths.shape == (1, 3, 10, 1)  # the second block is cut
    figures = made.evaluate(data)
    assert figures.values == 7 * (len(data[0]) // 7 - 2)
    short = made.log_probs(data[0][:26])[0]  # shorter than twice its past: what counts begins with a whole block
    assert np.isnan(short).tolist() == [True, True, False, True]
    together = np.stack(waves(3), 1)
    joint = trained(tmp_path / "b", together, "gru", joint=True)
    assert joint.forecast(together, 5, 3).paths.shape == (1, 3, 5, 3)
    with pytest.raises(UserError, match="1 channels, and the model has 3"):
        joint.forecast(together[:, 0], 5, 3)


def test_turning_blocks_does_not_change_densities(tmp_path: Path) -> None:
    """A change of variables by an orthonormal matrix: log p of turned values is log p of the values."""
    data = waves(1, 240)
    made = trained(tmp_path, data, "mlp", {"head": "normal"}, block=7, rotation="dct")
    panel = made.panel(data)
    cutter, matrix = Cutter(panel, made.codecs), made.codec.matrix
    batch = cutter.batch([Window(0, 140, 7)])
    made.model.double()
    with torch.no_grad():
        given = {k: v.double() for k, v in to_given(batch.given, torch.device("cpu")).items()}
        parameters = made.model(torch.tensor(batch.x), given)[:, 2]
        draws = torch.rand(4000, 7, dtype=torch.float64).clamp(1e-9, 1 - 1e-9)
        event = made.model.head(parameters.expand(4000, -1))
        turned = event.draw(draws)
        values = turned.numpy() @ matrix
        assert np.allclose(np.linalg.norm(values, axis=1), np.linalg.norm(turned.numpy(), axis=1))
        # drawn values scored by the density have the entropy of the normal with their covariance, at most
        nats = -float(event.log_prob(turned).mean())
    _, log_det = np.linalg.slogdet(np.cov(values.T))
    assert nats <= 0.5 * (7 * np.log(2 * np.pi * np.e) + log_det) + 0.1


def test_missing_values_count_nothing_and_pass_no_gradient(tmp_path: Path) -> None:
    data = waves(1)[0]
    data[30:40], data[100] = np.nan, np.nan
    made = trained(tmp_path, data, "lstm")
    assert np.isfinite(made.forecast(data, 5, 3).paths).all()
    terms = made.log_probs(data)[0]
    assert np.isnan(terms[30:40]).all()
    assert np.isfinite(terms[40:100]).all()
    assert made.evaluate(data).values == 160 - 14 - 11


def test_counts(tmp_path: Path) -> None:
    data = RANDOM.poisson(5, 200).astype(float)
    made = trained(tmp_path / "a", data, "lstm", {"head": "negative-binomial"})
    paths = made.forecast(data, 5, 20).paths
    assert (paths == np.rint(paths)).all()
    assert (paths >= 0).all()
    with pytest.raises(UserError, match="is for counts, and series 'series-1' has other values"):
        trained(tmp_path / "b", data + 0.5, "lstm", {"head": "poisson"})


def test_what_is_known_ahead_is_read_and_must_not_end_too_soon(tmp_path: Path) -> None:
    promoted = (np.arange(200) % 5 == 0).astype(float)
    frame = pandas.DataFrame(
        {"day": pandas.date_range("2026-01-01", periods=200), "sold": 3 * promoted, "promoted": promoted}
    )
    frame.loc[190:, "sold"] = np.nan
    series = SeriesOptions(known=("promoted",), past=14, horizon=7)
    options = {**QUICK, "steps": 150}
    made = seriatim.train(frame, "mlp", out=tmp_path / "run", series=series, net={"width": 8}, **options)
    assert made.known == ("promoted",)
    median = made.forecast(frame, 10, 50)[0].median[:, 0]
    assert median[0] > 1.5 > median[1:5].max()  # step 190 is promoted, 191 to 194 are not
    with pytest.raises(UserError, match="must be known for 12 steps after the last value, and 10 are"):
        made.forecast(frame, 12, 5)
    with pytest.raises(UserError, match="no column 'promoted'"):
        made.forecast(frame[["day", "sold"]], 5, 5)


def test_series_that_only_the_future_has_are_told_apart(model: SeriesModel) -> None:
    panel = Panel([Series("new", waves(1)[0][:, None])], ("value",), "rows")
    assert model.unknown(panel) == ["new"]
    assert np.isfinite(model.forecast(panel, 5, 3).paths).all()


def test_windows_cover_every_step_and_follow_from_the_seed() -> None:
    divided = open_series(waves(2, 150), SeriesOptions(past=14, horizon=7))
    found = codecs(divided.splits["train"], SeriesOptions(past=14, horizon=7), "standard")
    windows, again = (Windows(divided.splits["train"], found, 4, 0, 7) for _ in range(2))
    counted = np.zeros((2, 120), int)
    for step in range(12 * windows.per_epoch):
        epoch = windows._of(step // windows.per_epoch)
        for each in epoch[(step % windows.per_epoch) * 4 :][:4]:
            assert each.at >= 14
            counted[each.owner, each.at : each.at + each.steps] += 1
    assert (counted[:, 14:] > 0).all()
    one, two = windows.batch(17), again.batch(17)
    assert np.array_equal(one.x, two.x)
    assert isinstance(one, Batch)
    assert one.first == 14


def test_tiles_count_each_step_of_a_split_once() -> None:
    divided = open_series(waves(2, 150), SeriesOptions(past=14, horizon=7))
    for side, panel in divided.splits.items():
        seen = [set[int]() for _ in panel.items]
        for each in tiled(panel, 14, 7):
            steps = set(range(each.at, each.at + each.steps))
            assert not steps & seen[each.owner]
            seen[each.owner] |= steps
        for item, steps in zip(panel.items, seen, strict=True):
            assert steps == set(range(item.first if side != "train" else 14, item.steps))


@pytest.fixture
def sales(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    days = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-09-01"))
    sold = RANDOM.poisson(20 + 10 * (np.arange(len(days)) % 7 > 4))
    rows = [f"{day},{count}" for i, (day, count) in enumerate(zip(days, sold, strict=True)) if not 60 <= i < 65]
    path = tmp_path / "sales.csv"
    path.write_text("date,sold\n" + "\n".join(rows) + "\n")
    return path


NET = ["--net.width", "8", "--net.layers", "1"]


def test_from_a_table_to_a_fan_chart(sales: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "sales.csv", "--steps", "4", *NET, "--out", "run"]) == 0
    said = capsys.readouterr().err
    assert "Columns: times: date; values: sold. 5 steps have no row and count as missing." in said
    assert "next: seriatim forecast run" in said
    assert main(["forecast", "run", "--horizon", "14", "--paths", "20", "-o", "out.csv"]) == 0
    said = capsys.readouterr().err
    assert "out.csv, out.png: 1 series, 14 days from 2024-09-01, 20 paths, seed 0" in said
    rows = Path("out.csv").read_text().splitlines()
    assert rows[0] == "series,time,mean,q0.1,q0.5,q0.9"
    assert rows[1].startswith("sold,2024-09-01 00:00:00,")
    assert len(rows) == 15
    assert Path("out.png").read_bytes().startswith(b"\x89PNG")
    assert main(["forecast", "run", "sales.csv", "--horizon", "14", "--paths", "20", "-o", "again.csv"]) == 0
    assert Path("again.csv").read_text() == Path("out.csv").read_text()
    assert main(["forecast", "run", "--origin", "2024-06-01", "--every-path", "--paths", "2", "-o", "past.csv"]) == 0
    assert Path("past.csv").read_text().splitlines()[1].startswith("sold,2024-06-01 00:00:00,1,")


def test_evaluate_score_inspect_sample(sales: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "sales.csv", "--steps", "2", *NET, "--out", "run", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "run", "--origins", "2", "--paths", "10"]) == 0
    said = capsys.readouterr().out
    assert "sales.csv, test split: 24 values of 1 series, given the 56 steps before each window of 7" in said
    assert "seasonal naive" in said
    assert main(["evaluate", "run", "--json", "--paths", "10"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["values"] == 24
    assert document["rolling"]["windows"] == 3
    assert set(document["rolling"]["forecasts"]) == {"model", "seasonal naive"}
    assert main(["score", "run", "sales.csv", "--limit", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert " nats  sold  2024-" in lines[0]
    assert Path("run/score.png").exists()
    assert main(["inspect", "run"]) == 0
    assert "a step is 1 day" in capsys.readouterr().out
    assert main(["sample", "run", "-n", "2", "-o", "paths.csv"]) == 0
    assert Path("paths.csv").read_text().splitlines()[0] == "series,time,path,value"


BAD: dict[str, tuple[list[str], str]] = {
    "missing": (["forecast", "run", "nothing.csv"], "nothing.csv"),
    "no-table": (["forecast", "run", "-o", "out.txt"], "is not a table; write to .csv"),
    "horizon": (["forecast", "run", "--horizon", "9999"], "horizon is 9,999, and the longest series has"),
    "zero": (["forecast", "run", "--horizon", "0"], "horizon is 0"),
    "quantiles": (["forecast", "run", "--quantiles", "0.1,2"], "--quantiles has 2"),
    "words": (["forecast", "run", "--quantiles", "low"], "--quantiles is 'low'"),
    "origin": (["forecast", "run", "--origin", "yesterday"], "--origin is 'yesterday', which is no time"),
    "before": (["forecast", "run", "--origin", "1999-01-01"], "0 of 244 steps"),
    "paths": (["forecast", "run", "--paths", "0"], "0 paths"),
    "top-k": (["sample", "run", "--top-k", "3"], "--top-k does not apply to a model of series"),
    "pictures": (["evaluate", "run", "--maps", "maps"], "--maps does not apply to a model of series"),
    "split": (["evaluate", "run", "--split", "third"], "no split 'third'"),
    "family": (["train", "sales.csv", "--model", "pixelcnn"], "holds series, but pixelcnn is for pictures"),
    "group": (["train", "sales.csv", "--image.size", "8"], "--image.size is for pictures"),
    "block": (["train", "sales.csv", "--series.past", "10", "--series.block", "7"], "no multiple of --series.block 7"),
    "refused": (["train", "sales.csv", "--train.smoothing", "0.1"], "--train.smoothing does not apply to series"),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_requests_are_one_line(name: str, sales: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "sales.csv", "--steps", "1", *NET, "--out", "run", "--quiet"]) == 0
    capsys.readouterr()
    words, message = BAD[name]
    assert main(words) == 2
    said = capsys.readouterr().err.splitlines()
    assert message in said[-1]
    assert not Path("forecast.csv").exists()


def test_a_resumed_run_is_the_same(sales: Path) -> None:
    common = [*NET, "--train.samples", "0", "--quiet", "--threads", "1"]
    assert main(["train", "sales.csv", "--steps", "6", *common, "--out", "whole"]) == 0
    assert main(["train", "sales.csv", "--steps", "6", *common, "--out", "half"]) == 0
    assert main(["train", "--config", "whole/config.toml", "--out", "copy", "--quiet", "--threads", "1"]) == 0
    whole, copy = (SeriesModel.load(folder).forecast("sales.csv", 5, 3).paths for folder in ("whole", "copy"))
    assert np.array_equal(whole, copy)


def test_folds_go_forward_in_time(tmp_path: Path) -> None:
    series = SeriesOptions(past=7, horizon=7)
    seriatim.train(waves(1)[0], "mlp", folds=3, out=tmp_path / "run", series=series, net={"width": 4}, **QUICK)
    found = json.loads((tmp_path / "run" / "folds.json").read_text())
    assert len(found["folds"]) == 3
    divided = open_series(waves(1)[0], series, DataOptions(0.1, 0.1))
    from seriatim.series.data.opening import fold

    ends = [
        (part.splits["train"].items[0].steps, part.splits["validation"].items[0].first) for part in fold(divided, 3)
    ]
    assert ends == [(36, 36), (72, 72), (108, 108)]  # of 144 steps without the test split


@pytest.mark.parametrize("family", ["ar", "arma", "arch", "garch"])
def test_linear_families_are_fitted_kept_and_forecast(family: str, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    x, shocks = np.zeros(300), random.normal(size=300)
    for t in range(2, 300):
        x[t] = 0.6 * x[t - 1] - 0.3 * x[t - 2] + shocks[t]
    x = 50 + 4 * x
    quick = {"quiet": True, "device": "cpu", "samples": 0, "out": tmp_path / "run"}
    made = seriatim.train(x, family, series=SeriesOptions(horizon=5), data=DataOptions(0, 0), **quick)
    again = seriatim.load(tmp_path / "run", "cpu")
    assert isinstance(again, SeriesModel)
    assert np.array_equal(made.forecast(x, 9, 4, seed=1).paths, again.forecast(x, 9, 4, seed=1).paths)
    assert made.evaluate(x) == again.evaluate(x)
    assert next(made.model.parameters()).dtype == torch.float64
    with pytest.raises(UserError, match="fitted to all data at once"):
        seriatim.train(x, family, series=SeriesOptions(horizon=5), steps=5, **{**quick, "out": tmp_path / "other"})
    if family != "ar":
        with pytest.raises(UserError, match="models one series, and there are several"):
            seriatim.train([x, x], family, **{**quick, "out": tmp_path / "other"})
    with pytest.raises(UserError, match="is constant"):
        seriatim.train(np.full(50, 3.0), family, **{**quick, "out": tmp_path / "other"})


def test_an_ar_on_several_series_has_coefficients_for_each(tmp_path: Path) -> None:
    """Two AR(1) in units of their own: each forecast goes towards its own mean at its own rate, shrunk a little."""
    random, each = np.random.default_rng(1), list[NDArray[np.float64]]()
    for place, phi in ((100.0, 0.9), (-3.0, -0.7)):
        x = np.zeros(600)
        for t in range(1, 600):
            x[t] = phi * x[t - 1] + random.normal()
        x[-1] = 5
        each.append(place + x)
    each[1] = each[1][100:]  # of unequal length
    made = seriatim.train(
        each, "ar", out=tmp_path / "run", series=SeriesOptions(horizon=3), data=DataOptions(0, 0), quiet=True,
        device="cpu", samples=0, net={"lags": (1,), "ridge": 0.0},
    )  # fmt: skip
    again = seriatim.load(tmp_path / "run", "cpu")
    assert isinstance(again, SeriesModel)
    assert isinstance(made, SeriesModel)
    found = again.forecast(each, 3, 4000, seed=1)
    for forecast, x, phi in zip(found, each, (0.9, -0.7), strict=True):
        path = x.mean() + (x[-1] - x.mean()) * phi ** np.arange(1, 4)
        spread = np.sqrt(np.cumsum(phi ** (2 * np.arange(3))))
        assert forecast.paths[:, :, 0].mean(0) == pytest.approx(path, abs=0.35)
        assert forecast.paths[:, :, 0].std(0) == pytest.approx(spread, rel=0.12)
    assert made.evaluate(each) == again.evaluate(each)
    assert again.unknown(again.panel(each)) == []
    columns = [each[0][:, None][:400, 0], each[1][:400]]
    assert again.forecast(columns, 3, 4000, seed=1)[0].paths.shape == (4000, 3, 1)


def test_an_ar_by_command_is_statsmodels_in_the_user_s_units(tmp_path: Path) -> None:
    """The likelihood of the whole series, and the forecast's mean and deviation."""
    arima = pytest.importorskip("statsmodels.tsa.arima.model")
    random = np.random.default_rng(2)
    x, shocks = np.zeros(200), random.normal(size=200)
    for t in range(2, 200):
        x[t] = 0.7 * x[t - 1] - 0.2 * x[t - 2] + shocks[t]
    x = 1000 + 30 * x
    x[50:55] = np.nan
    quick = {"quiet": True, "device": "cpu", "samples": 0, "out": tmp_path / "run"}
    made = seriatim.train(x, "ar", net={"ar": 2}, series=SeriesOptions(horizon=5), data=DataOptions(0, 0), **quick)
    fitted = arima.ARIMA(x, order=(2, 0, 0), trend="c").fit()
    row = json.loads((tmp_path / "run" / "metrics.jsonl").read_text())
    assert -row["train_nats_per_value"] * 195 == pytest.approx(fitted.llf, abs=195e-6)
    theirs, ours = fitted.get_forecast(6), made.forecast(x, 6, 20_000, seed=1)[0]
    assert np.allclose(ours.mean[:, 0], theirs.predicted_mean, atol=5 * 45 / np.sqrt(20_000))
    assert np.allclose(ours.paths.std(0)[:, 0], theirs.se_mean, rtol=0.03)


def test_gaps_are_filled_as_the_smoother_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An AR(2) with a gap: mean and deviation of the missing values given all others, by statsmodels' smoother."""
    sarimax = pytest.importorskip("statsmodels.tsa.statespace.sarimax")
    random = np.random.default_rng(3)
    x, shocks = np.zeros(120), random.normal(size=120)
    for t in range(2, 120):
        x[t] = 0.7 * x[t - 1] - 0.2 * x[t - 2] + shocks[t]
    x[60:64] = np.nan
    quick = {"quiet": True, "device": "cpu", "samples": 0, "out": tmp_path / "run"}
    made = seriatim.train(x, "ar", net={"ar": 2, "constant": False}, data=DataOptions(0, 0), **quick)
    (filled,) = made.complete(x, n=400, particles=100, seed=1)
    assert (filled.gap.start, filled.gap.stop) == (60, 64)
    assert 1 < filled.effective <= 100
    process, unit = made.model.model.process, made.codecs["scale"]
    with torch.no_grad():
        phi = process.lags()[0].numpy()
        variance = float(process.log_deviation.exp()) ** 2
    place, scale = unit.location[0], np.exp(unit.log_scale[0])
    smoother = sarimax.SARIMAX((x - place) / scale, order=(2, 0, 0)).smooth([*phi, variance])
    mean = smoother.smoothed_state[0, 60:64] * scale + place
    deviation = np.sqrt(smoother.smoothed_state_cov[0, 0, 60:64]) * scale
    assert np.allclose(filled.values[:, :, 0].mean(0), mean, atol=0.25 * deviation.max())
    assert np.allclose(filled.values[:, :, 0].std(0), deviation, rtol=0.2)


def test_gaps_by_command(sales: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "sales.csv", "--steps", "2", *NET, "--out", "run", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["complete", "run", "sales.csv", "-n", "10", "--particles", "5", "-o", "full.csv"]) == 0
    said = capsys.readouterr().err
    assert "full.csv: 1 gaps, 5 values, 10 draws of each, seed 0" in said
    assert "of 5 particles at least" in said
    rows = Path("full.csv").read_text().splitlines()
    assert rows[0] == "series,time,mean,q0.1,q0.5,q0.9"
    assert [row.split(",")[1] for row in rows[1:]] == [f"2024-03-0{day}" for day in range(1, 6)]
    whole = "date,sold\n" + "\n".join(f"2024-01-{day:02d},{day}" for day in range(1, 31))
    Path("whole.csv").write_text(whole)
    assert main(["complete", "run", "whole.csv"]) == 2
    assert "has no gap with values before and after it" in capsys.readouterr().err


def test_a_season_that_is_given_is_the_one_that_forecasts_are_judged_by(tmp_path: Path) -> None:
    """Rows have no season of their own; with one of 7 the naive of a wave of 7 is nearly right."""
    data = waves(1, 240)
    made = trained(tmp_path, data, "mlp")
    assert (made.codec.season, seriatim.load(tmp_path / "run", "cpu").codec.season) == (7, 7)  # pyright: ignore
    naive = made.rolling(data, 7, 5, paths=5).rows["seasonal naive"]
    assert naive["mase"] == pytest.approx(1, abs=0.35)  # in units of its own past errors
