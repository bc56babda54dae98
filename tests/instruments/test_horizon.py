"""The memory horizon: what the last k elements tell, held to windowed reading and to pictures that begin lower."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from seriatim.cli import main
from seriatim.conditioning import FieldEncoder, LabelEncoder
from seriatim.context import EMPTY, Context
from seriatim.errors import UserError
from seriatim.instruments import rows
from seriatim.instruments.held import HeldPictures, HeldSequences
from seriatim.instruments.horizon import Horizon, Place, cost, drawn_places, horizon_of, predicted, spans_to
from seriatim.models import (
    LSTM,
    Conditional,
    GatedPixelCNN,
    GatedPixelCNNConfig,
    Model,
    PixelCNNpp,
    PixelCNNppConfig,
    PixelSNAIL,
    PixelSNAILConfig,
    RecurrentConfig,
    Transformer,
    TransformerConfig,
    WaveNet,
    WaveNetConfig,
    likelihood,
)
from seriatim.models.grid import GridModel
from seriatim.testing import wake
from tiny_text import plan, text_file

WAVE = WaveNetConfig(levels=5, residual=4, gate=4, skip=6, dilations=3, cycles=1, field=3)


def awake(model: Model) -> Model:
    wake(model.double(), 0)
    return model.eval()


def sequences(count: int = 4, symbols: int = 5, shortest: int = 9) -> list[np.ndarray[Any, Any]]:
    random = np.random.default_rng(0)
    return [random.integers(0, symbols, shortest + 7 * i) for i in range(count)]


def held(x: Sequence[np.ndarray[Any, Any]], given: dict[str, Any] | None = None) -> HeldSequences:
    return HeldSequences(x, given or {}, "symbols", "bits/symbol")


MODELS: dict[str, Model] = {
    "lstm": LSTM(RecurrentConfig(symbols=5, width=6)),
    "transformer": Transformer(TransformerConfig(symbols=5, width=8, layers=2, heads=2, context=16)),
    "labelled": Conditional(LSTM(RecurrentConfig(symbols=5, width=6, vector=3)), {"genre": LabelEncoder(2, 3)}),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("k", [1, 2, 8])
def test_the_last_k_are_what_windows_of_k_and_one_read(name: str, k: int) -> None:
    model, x = awake(MODELS[name]), sequences()
    given = {"genre": np.array([0, 1, 1, 0])} if name == "labelled" else {}
    places = [Place(row, at) for row, each in enumerate(x) for at in range(len(each))]
    done = list[int]()
    found = predicted(model, held(x, given), places, k, done.append)
    wanted = likelihood.log_probs(model, x, given, window=k + 1, stride=1)
    np.testing.assert_allclose(found, -np.concatenate(wanted), atol=1e-12)
    assert done[-1] == cost(places, k) == sum(min(k, at) + 1 for _, at in places)


def test_conditions_along_a_sequence_are_cut_with_it() -> None:
    model = awake(Conditional(WaveNet(WAVE), {"pitch": FieldEncoder(3, hop=4)}))
    x, random = sequences(), np.random.default_rng(1)
    pitch = random.normal(size=(4, 9, 3)).astype(np.float32)
    places, k = [Place(0, 3), Place(2, 17), Place(3, 29), Place(3, 6)], 5
    found = predicted(model, held(x, {"pitch": pitch.astype(np.float64)}), places, k)
    columns = np.repeat(pitch.astype(np.float64), 4, 1)
    for nats, (row, at) in zip(found, places, strict=True):
        start = max(0, at - k)
        own = Context(field=torch.from_numpy(columns[row : row + 1, start : at + 1]))
        alone = model.model.log_probs(torch.from_numpy(x[row][None, start : at + 1]), own)
        assert nats == pytest.approx(-alone[0, -1].item(), abs=1e-12)


def test_a_batch_that_would_be_too_large_is_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = awake(MODELS["lstm"]), sequences()
    places = drawn_places(held(x), 20)
    whole = predicted(model, held(x), places, 4)
    monkeypatch.setattr("seriatim.instruments.horizon._TOGETHER", 60)
    np.testing.assert_allclose(predicted(model, held(x), places, 4), whole, atol=1e-12)


def by_hand(model: Model, x: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Nats of every symbol, each sequence read whole by itself."""
    with torch.no_grad():
        each = [model(torch.from_numpy(one)[None])[0].log_softmax(-1) for one in x]
    return -np.concatenate([p[range(len(one)), one].numpy() for p, one in zip(each, x, strict=True)])


@pytest.mark.parametrize("family", ["lstm", "transformer"])
def test_given_all_by_hand(family: str) -> None:
    model, x, told = awake(MODELS[family]), sequences(), list[int]()
    totals = list[int]()
    found = horizon_of(model, held(x), 1000, begins=lambda total: totals.append(total) or told.append)
    if family == "lstm":  # a state: all of the past
        np.testing.assert_allclose(found.whole, by_hand(model, x), atol=1e-12)
    else:  # windows of 16 that move on by 8, as in `evaluate`
        wanted = likelihood.log_probs(model, x, window=16, stride=8)
        np.testing.assert_allclose(found.whole, -np.concatenate(wanted), atol=1e-12)
    assert told == sorted(told)
    assert told[-1] <= totals[0]


def test_one_prediction_has_no_verdict() -> None:
    found = horizon_of(awake(MODELS["lstm"]), held(sequences()), 1)
    assert found.enough is None
    assert math.isnan(found.errors[0])


def test_given_all_is_the_likelihood_and_reading_ends_where_nothing_changes() -> None:
    model, x = awake(WaveNet(WaveNetConfig(levels=5, residual=4, gate=4, skip=6, dilations=2, cycles=1))), sequences()
    assert model.past == 4
    found = horizon_of(model, held(x), 1000)
    assert found.spans == (1, 2, 4)  # not beyond what it sees
    np.testing.assert_allclose(found.whole, by_hand(model, x), atol=1e-12)
    told = list[int]()
    blind = awake(LSTM(RecurrentConfig(symbols=5, width=6)))
    with torch.no_grad():
        for weight in blind.net.parameters():
            weight.zero_()  # it predicts the same always
    found = horizon_of(blind, held(x), 50, begins=lambda total: told.append)
    assert found.spans == (1,)
    assert found.enough == 1
    assert found.bits == pytest.approx([math.log2(5)] * 2)
    assert len(told) == 2  # given all, and given the last


def test_figures_by_hand() -> None:
    nats = np.array([[3.0, 1.0], [5.0, 2.0], [4.0, 3.0]]) * math.log(2)
    found = Horizon((1, 2), "symbols", "bits/token", nats, np.array([1.0, 2.0, 2.0]) * math.log(2))
    assert found.bits == pytest.approx([4, 2, 5 / 3])
    assert found.errors == pytest.approx([1 / 3**0.5, 1 / 3**0.5, (1 / 3) ** 0.5 / 3**0.5])
    assert found.more == pytest.approx([7 / 3, 1 / 3, 0])
    assert found.more_errors == pytest.approx([(1 / 3) ** 0.5 / 3**0.5, (1 / 3) ** 0.5 / 3**0.5, 0])
    assert found.enough == 2  # 1/3 is one standard error
    assert Horizon((1,), "symbols", "bits/token", nats[:, :1], nats[:, 1]).enough is None
    assert json.loads(json.dumps(found.to_json()))["given_last"] == [1, 2, None]
    assert spans_to(9) == (1, 2, 4, 8)
    assert spans_to(10**9)[-1] == 1 << 14


def test_places_are_spread_over_what_counts() -> None:
    counted = [np.zeros(5, bool), np.arange(100) % 2 == 1, np.ones(50, bool)]
    some = HeldSequences([np.zeros(len(each)) for each in counted], {}, "symbols", "bits/symbol", counted)
    places = drawn_places(some, 20)
    assert len(places) == 20
    assert all(counted[row][at] for row, at in places)
    assert sum(row == 2 for row, _ in places) == 10
    assert drawn_places(some, 20) == places != drawn_places(some, 20, seed=1)
    assert len(set(drawn_places(some, 1000))) == 100
    assert {at for row, at in drawn_places(some, 1000, first=40) if row == 2} == {*range(40, 50)}
    with pytest.raises(UserError, match="nothing to predict"):
        drawn_places(held([]), 4)
    with pytest.raises(UserError, match="more than 1 each are needed"):
        drawn_places(held([np.zeros(1)]), 4, first=1)
    with pytest.raises(UserError, match="limit is 0"):
        drawn_places(some, 0)


GRIDS: dict[str, Model] = {
    "gated": GatedPixelCNN(GatedPixelCNNConfig(7, 5, channels=3, levels=4, filters=6, layers=2, field=2, vector=2)),
    "pixelcnn++": PixelCNNpp(
        PixelCNNppConfig(8, 4, channels=3, levels=8, filters=4, resnets=1, mixtures=2, field=2, dropout=0.0)
    ),
    "pixelsnail": PixelSNAIL(PixelSNAILConfig(6, 4, channels=1, levels=4, filters=8, blocks=1, dropout=0.0)),
}


@pytest.mark.parametrize("name", ["gated", "pixelsnail"])
def test_rows_above_are_those_of_a_picture_that_begins_lower(name: str) -> None:
    model = awake(GRIDS[name])
    c = model.config
    x = torch.randint(c.levels, (3, c.height, c.width, c.channels), generator=torch.Generator().manual_seed(0))
    x = x if len(cast(GridModel, model).canvas) == 3 else x[..., 0]
    given = EMPTY
    if name == "gated":
        field = torch.randn(3, c.height, c.width, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        given = Context(vector=torch.ones(3, 2, dtype=torch.float64), field=field)
    found, whole = rows.rows_predicted(model, x, given, (0, 2))
    lower = range(c.height // 2, c.height)
    for i, r in enumerate((0, 2)):
        wanted = np.zeros(3)
        for row in lower:
            s = row - r
            own = given if given.field is None else Context(vector=given.vector, field=given.field[:, s : row + 1])
            terms = model.log_probs(x[:, s : row + 1], own)  # a picture of r + 1 rows
            wanted -= terms[:, -1].flatten(1).sum(1).detach().numpy() / len(lower)
        np.testing.assert_allclose(found[:, i], wanted, atol=1e-10)
    terms = model.log_probs(x, given).detach().numpy()[:, c.height // 2 :]
    np.testing.assert_allclose(whole, -terms.reshape(3, -1).sum(1) / len(lower), atol=1e-10)


@pytest.mark.parametrize("height", [1, 2, 7, 28])
def test_every_row_of_the_lower_half_is_told_once_for_each_span(height: int) -> None:
    spans = rows.row_spans(height)
    told = sorted(pair for pairs in rows.moves(height, spans).values() for pair in pairs)
    assert told == sorted((i, row) for i in range(len(spans)) for row in range(height // 2, height))


def test_pictures_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    model = awake(GRIDS["pixelcnn++"])
    x = torch.randint(8, (5, 8, 4, 3), generator=torch.Generator().manual_seed(0))
    given, done = Context(field=torch.zeros(5, 8, 4, 2, dtype=torch.float64)), list[int]()
    found = rows.horizon_of(model, HeldPictures(x, given, 12))
    assert found.spans == (0, 1, 2, 4)
    monkeypatch.setattr(rows, "_TOGETHER", 2 * model.head.width * 12 * 8)
    parts = rows.horizon_of(model, HeldPictures(x, given, 12), lambda total: lambda count: done.append(total - count))
    np.testing.assert_allclose(parts.nats, found.nats, atol=1e-12)
    assert done[-1] == 0
    assert done == sorted(done, reverse=True)
    assert found.bits[-1] == pytest.approx(
        -model.log_probs(x, given)[:, 4:].sum().item() / (5 * 4 * 12) / math.log(2), abs=1e-10
    )


# ------------------------------------------------------------------ the command


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from seriatim.training.run import Means, start

    place = tmp_path_factory.mktemp("made")
    start(plan(text_file(place), steps=20, lr=1e-2, evaluate_every=20), place / "run", Means(quiet=True))
    return place


def test_the_command(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(here)
    assert main(["inspect", "run", "--horizon", "--json", "--limit", "30"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["predictions"], found["unit"], found["given_last"][0]) == (30, "bits/token", 1)
    assert "at most" in err
    assert (here / "horizon.png").read_bytes().startswith(b"\x89PNG")
    assert main(["inspect", "run", "novel.txt", "--horizon", "--limit", "30", "-o", "own.png"]) == 2
    assert "novel.txt" in capsys.readouterr().err
    (here / "own.txt").write_text("abc def.\n" * 30)
    assert main(["inspect", "run", "own.txt", "--horizon", "--limit", "30", "-o", "own.png"]) == 0
    out, _ = capsys.readouterr()
    assert out.startswith("own.txt: 30 predictions, bits/token given the last k tokens")
    assert (here / "own.png").exists()
