"""What a model sees, and what its parts cost: held to finite differences and to counts by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seriatim.causal import Conv, Embedding, Pointwise, Serial
from seriatim.cli import main
from seriatim.context import EMPTY
from seriatim.errors import UserError
from seriatim.heads import CategoricalHead
from seriatim.instruments.cost import costs_of, parts_of
from seriatim.instruments.held import HeldPictures, HeldSequences
from seriatim.instruments.sight import Sight, sight_of
from seriatim.models import (
    LSTM,
    PixelCNN,
    PixelCNNConfig,
    PixelCNNpp,
    PixelCNNppConfig,
    RecurrentConfig,
    Transformer,
    TransformerConfig,
    multiscale_sound,
)
from seriatim.models.scales import SoundScalesConfig
from seriatim.models.sequence import SequenceModel
from seriatim.testing import wake
from tiny_text import plan, text_file


def held(count: int = 3, length: int = 12, symbols: int = 5) -> HeldSequences:
    random = np.random.default_rng(0)
    return HeldSequences([random.integers(0, symbols, length) for _ in range(count)], {}, "tokens", "bits/token")


def log_prob(model: SequenceModel, frames: Tensor, x: Tensor) -> Tensor:
    """log p of the last symbol of each row, from the frames that stand for those before it."""
    parameters = model.net(frames, EMPTY, None)[0]
    return model.head.log_prob(parameters, x)[:, -1]


def test_strengths_are_finite_differences() -> None:
    model = LSTM(RecurrentConfig(symbols=5, width=6)).double().eval()
    wake(model, 0)
    data = held(length=6)
    last = [np.array([False] * 5 + [True])] * 3
    data = HeldSequences(data.x, {}, "tokens", "bits/token", last)
    found = sight_of(model, data)  # the last of six looks back on five
    assert (found.count, found.strength.shape, found.seen.all()) == (3, (5,), True)
    x = torch.from_numpy(np.stack(data.x))
    with torch.no_grad():
        frames = cast(Embedding, model.embedding)(torch.cat([torch.zeros(3, 1, dtype=torch.long), x[:, :-1]], 1))[0]
        spread = frames[:, 1:].flatten(0, 1).std(0, correction=0)
        wanted = np.zeros(5)
        for back in range(1, 6):
            squares = torch.zeros(3, dtype=torch.float64)
            for c in range(frames.shape[2]):
                moved = frames.clone()
                moved[:, 6 - back, c] += 1e-6
                slope = (log_prob(model, moved, x) - log_prob(model, frames, x)) / 1e-6
                squares += (slope * spread[c]) ** 2
            wanted[back - 1] = squares.sqrt().mean()
    np.testing.assert_allclose(found.strength, wanted, rtol=1e-4, atol=1e-9)


def test_what_cannot_be_seen_has_no_strength() -> None:
    net = Serial(Conv(4, 6, kernel=2, dilation=3), Pointwise(nn.Linear(6, 5)))
    model = SequenceModel(Embedding(5, 4), net, CategoricalHead(5), start=0).double().eval()
    wake(model, 0)
    found = sight_of(model, held())
    assert found.seen.tolist() == [True, False, False, True]  # kernel 2, dilation 3, and the shift
    assert (found.strength > 0).tolist() == found.seen.tolist()
    assert found.blind == 2
    with pytest.raises(UserError, match="more than 1 each are needed"):
        sight_of(model, held(length=1))
    assert json.loads(json.dumps(found.to_json()))["blind"] == 2


def test_short_and_long_sequences_count_where_they_reach() -> None:
    """A weight for each step back: of every lag, the mean over those that have it."""
    model = LSTM(RecurrentConfig(symbols=5, width=6)).double().eval()
    wake(model, 0)
    random = np.random.default_rng(3)
    x = [random.integers(0, 5, length) for length in (3, 9, 5)]
    together = sight_of(model, HeldSequences(x, {}, "tokens", "bits/token"), limit=1000)
    assert together.count == 2 + 8 + 4
    assert len(together.strength) == 8
    assert 0 < together.strength[7] < together.strength[0]
    # lag 8 has one pair alone: the first and the last of the longest
    alone = HeldSequences([x[1]], {}, "tokens", "bits/token", [np.arange(9) == 8])
    ratio = together.strength[7] / sight_of(model, alone).strength[7]
    assert 0.5 < ratio < 2  # the spread of other symbols, not a third of it for the two that do not reach


def test_real_numbers_have_units_of_their_own() -> None:
    from seriatim.models import FAMILIES
    from seriatim.models.real_config import RealConfig

    torch.manual_seed(0)
    model = FAMILIES["lstm"].of("series").model(RealConfig(width=4, layers=1)).double().eval()
    wake(model, 0)
    random = np.random.default_rng(0)
    x = random.normal(size=(2, 20))
    scales = [1.0, 1e6]

    def strengths(rows: list[int]) -> np.ndarray[Any, Any]:
        unit = np.array([[[0.0, math.log(scales[row])]] for row in rows])
        some = [x[row] * scales[row] for row in rows]
        given = {"scale": unit}
        return sight_of(scaled(model), HeldSequences(some, given, "steps", "bits/step"), limit=1000).strength

    def scaled(inner: Any) -> Any:
        from seriatim.conditioning import ScaleEncoder
        from seriatim.models import Conditional

        return Conditional(inner, {"scale": ScaleEncoder(1)}).double().eval()

    both, first, second = strengths([0, 1]), strengths([0]), strengths([1])
    np.testing.assert_allclose(both, (first + second) / 2, rtol=1e-6)


def test_pixels() -> None:
    model = PixelCNN(PixelCNNConfig(7, 5, channels=3, levels=8, filters=6, blocks=1)).double().eval()
    wake(model, 0)
    x = torch.randint(8, (4, 7, 5, 3), generator=torch.Generator().manual_seed(0))
    found = sight_of(model, HeldPictures(x, EMPTY, 15))
    assert found.place == (3, 2)
    assert int(found.past.sum()) == 3 * 5 + 2
    seen = model.sees((7, 5, 3))[(3 * 5 + 2) * 3 :][:3].any(0).view(7, 5, 3).any(2).numpy()
    assert found.seen.tolist() == seen.tolist()
    assert (found.strength > 0).tolist() == seen.tolist()
    assert found.blind == 17 - int((seen & found.past).sum())
    still = x.clone()
    still[:, 2, 3] = 4  # a pixel that never varies
    assert sight_of(model, HeldPictures(still, EMPTY, 15)).strength[2, 3] == 0
    step, squares = 1e-6, torch.zeros(4, dtype=torch.float64)
    with torch.no_grad():
        for c in range(3):
            values = x.double()
            values[:, 2, 3, c] += step
            slope = model.head.log_prob(model(values), x) - model.head.log_prob(model(x.double()), x)
            squares += (slope[:, 3, 2].sum(-1) / step * x[:, 2, 3, c].double().std(correction=0)) ** 2
    assert found.strength[2, 3] == pytest.approx(float(squares.sqrt().mean()), rel=1e-4)


def test_figures_of_a_curve() -> None:
    found = Sight(np.array([1.0, 2.0, 4.0, 1.0]), np.ones(4, bool), "samples", 1)
    assert found.middle == 3  # 7 of 8 nats are within three, 3 within two
    assert found.blind == 0


def test_a_model_of_another_make_is_refused() -> None:
    sizes: dict[str, Any] = {"levels": 5, "residual": 4, "gate": 4, "skip": 4, "dilations": 2, "cycles": 1}
    cascade = multiscale_sound(SoundScalesConfig(scales=2, factor=2, look_ahead=1, **sizes))
    with pytest.raises(UserError, match="does not read its elements through one embedding"):
        sight_of(cascade, held())


# ------------------------------------------------------------------ cost


def test_multiplications_of_an_lstm_by_hand() -> None:
    batch, steps, symbols, channels, width = 3, 7, 11, 5, 6
    model = LSTM(RecurrentConfig(symbols=symbols, width=width, embedding=channels, layers=2)).eval()
    parts = {part.name: part for part in parts_of(model, torch.randint(symbols, (batch, steps)), EMPTY)}
    assert [*parts] == ["embedding", "recurrent", "out", "rest"]
    first, second = 4 * width * (channels + width), 4 * width * (width + width)
    assert parts["recurrent"].multiplications == batch * steps * (first + second)
    assert parts["recurrent"].layers == 2
    assert parts["recurrent"].parameters == first + second + 2 * 2 * 4 * width  # two biases a layer
    assert parts["out"].multiplications == batch * steps * width * symbols
    assert parts["embedding"][2:4] == (symbols * channels, 0)
    assert parts["rest"][2:4] == (0, 0)
    assert all(part.seconds > 0 for part in parts.values() if part.name != "rest")


def test_multiplications_of_a_transformer_by_hand() -> None:
    batch, steps, width, hidden = 2, 9, 8, 20
    config = TransformerConfig(symbols=7, width=width, layers=3, heads=2, context=16, hidden=hidden)
    parts = {part.name: part for part in parts_of(Transformer(config).eval(), torch.randint(7, (batch, steps)), EMPTY)}
    products = 4 * width * width + 3 * width * hidden  # query, key, value, out; gate, up, down
    attention = 2 * steps * width  # scores and sums
    assert parts["blocks"].multiplications == 3 * batch * steps * (products + attention)
    assert parts["blocks"].layers == 3


def test_what_is_never_called_as_a_whole_is_opened_and_a_tied_table_counts_once() -> None:
    model = PixelCNNpp(
        PixelCNNppConfig(8, 8, channels=1, levels=8, filters=4, resnets=1, mixtures=2, dropout=0.0)
    ).eval()
    parts = parts_of(model, torch.randint(8, (2, 8, 8)), EMPTY)
    whole, rest = sum(part.multiplications for part in parts), parts[-1]
    assert rest.multiplications < 0.2 * whole
    assert sum(part.parameters for part in parts) == sum(p.numel() for p in model.parameters())
    tied = LSTM(RecurrentConfig(symbols=5, width=6, tied=True)).eval()
    parts = parts_of(tied, torch.randint(5, (2, 7)), EMPTY)
    assert parts[-1].parameters == 0
    assert sum(part.parameters for part in parts) == sum(p.numel() for p in tied.parameters())


@pytest.mark.parametrize("family", [LSTM, Transformer])
def test_parts_add_up(family: Any) -> None:
    own: dict[str, Any] = {"heads": 2} if family is Transformer else {}
    model = family({LSTM: RecurrentConfig, Transformer: TransformerConfig}[family](symbols=5, width=8, **own)).eval()
    parts, positions = costs_of(model, held(length=20))
    assert sum(part.parameters for part in parts) == sum(p.numel() for p in model.parameters())
    assert positions == 3 * 20
    assert not any(math.isnan(part.seconds) for part in parts)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    from seriatim.training.run import Means, start

    monkeypatch.chdir(tmp_path)
    start(plan(text_file(tmp_path), steps=3, lr=1e-2, evaluate_every=3), tmp_path / "run", Means(quiet=True))
    assert main(["inspect", "run", "--sight"]) == 0
    out, err = capsys.readouterr()
    assert "half of it comes from the last" in out
    assert out.splitlines()[-1].split()[:2] == ["rest", "0"]
    assert (tmp_path / "sight.png").read_bytes().startswith(b"\x89PNG")
    assert "sight.png" in err
    assert main(["inspect", "run", "--sight", "--json", "-o", "other.png"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [part["name"] for part in found["parts"]][-1] == "rest"
    assert len(found["strength_nats"]) == len(found["seen"])
    assert main(["inspect", "run", "--sight", "--horizon"]) == 2
    assert "give one" in capsys.readouterr().err
