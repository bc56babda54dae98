"""A model composed of public layers: trained, used and opened again with its maker's net, and by nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

import seriatim
from seriatim.cli import main
from seriatim.errors import Interrupted, UserError
from seriatim.heads import CategoricalHead
from seriatim.layers import Conv, Embedding, Pointwise, Recurrent, Serial, Values
from seriatim.models import SequenceModel
from seriatim.training.loop import Loop

TEXTS = ["to be or not to be, that is the question. " * 4, "whether 'tis nobler in the mind to suffer. " * 4] * 12
QUICK: dict[str, Any] = {"steps": 4, "batch": 4, "samples": 1, "quiet": True, "device": "cpu", "evaluate_every": 2}


def composed(codecs: Any, width: int = 12) -> SequenceModel:
    size = codecs["x"].size
    net = Serial(Recurrent("gru", width, width), Pointwise(nn.Linear(width, size)))
    return SequenceModel(Embedding(size, width), net, CategoricalHead(size), start=codecs["x"].end)


def test_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps, evaluations = list[seriatim.Step](), list[seriatim.Evaluation]()
    model = seriatim.train(
        TEXTS, composed, out=tmp_path / "run", on_step=steps.append, on_evaluation=evaluations.append, **QUICK
    )
    assert isinstance(model, seriatim.TextModel)
    assert model.family == "custom"
    assert [step.step for step in steps] == [1, 2, 3, 4]
    assert next((each.step, each.best) for each in evaluations) == (0, True)
    assert all(0 < step.loss < 10 and step.lr > 0 for step in steps)
    assert len(model.sample("to be", max_length=9)) == 1
    again = seriatim.load(tmp_path / "run", "cpu", model=composed(model.codecs))
    assert isinstance(again, seriatim.TextModel)
    assert again.log_prob(TEXTS[0]) == model.log_prob(TEXTS[0])
    assert str(again.sample("to", seed=3)[0]) == str(model.sample("to", seed=3)[0])
    model.save(tmp_path / "copy")
    copy = seriatim.TextModel.load(tmp_path / "copy", model=composed(model.codecs))
    assert copy.log_prob(TEXTS[1]) == model.log_prob(TEXTS[1])
    with pytest.raises(UserError, match="has shape"):
        seriatim.load(tmp_path / "run", "cpu", model=composed(model.codecs, width=13))
    with pytest.raises(UserError, match="is built by its maker's Python code"):
        seriatim.load(tmp_path / "run", "cpu")
    for command in ("sample", "evaluate", "inspect"):
        assert main([command, str(tmp_path / "run")]) == 2
        said = capsys.readouterr().err
        assert "Python code" in said
        assert said.count("\n") == 1
    assert main(["train", "--out", str(tmp_path / "run"), "--resume"]) == 2
    assert "in Python" in capsys.readouterr().err


def test_a_stopped_run_goes_on_with_the_same_net_and_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = seriatim.train(TEXTS, composed_at(0), out=tmp_path / "whole", **QUICK)
    advance = Loop._advance

    def stopping(self: Loop) -> int:
        if self.step == 2:
            self._halt(2)
        return advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_advance", stopping)
        with pytest.raises(Interrupted, match=r"seriatim\.train"):
            seriatim.train(TEXTS, composed_at(0), out=tmp_path / "halves", **QUICK)
    again = seriatim.train(TEXTS, composed_at(1), out=tmp_path / "halves", resuming=True, quiet=True)
    assert again.log_prob(TEXTS) == whole.log_prob(TEXTS)  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(UserError, match="has changed since this run began"):
        seriatim.train(TEXTS[1:], composed_at(1), out=tmp_path / "halves", resuming=True, quiet=True)


def composed_at(seed: int) -> Any:
    import torch

    def make(codecs: Any) -> SequenceModel:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return composed(codecs)

    return make


def test_audio(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = [random.integers(-3000, 3000, 300 + i).astype(np.int16) for i in range(20)]

    def make(codecs: Any) -> SequenceModel:
        levels = codecs["x"].levels
        net = Serial(Conv(8, 8, kernel=3), Pointwise(nn.ReLU()), Pointwise(nn.Linear(8, levels)))
        return SequenceModel(Values(levels, 8), net, CategoricalHead(levels), start=levels)

    groups = {"audio": seriatim.AudioOptions(rate=8000, length=100), "quantiser": seriatim.QuantiserOptions(levels=16)}
    model = seriatim.train(x, make, out=tmp_path / "run", **groups, **QUICK)
    assert isinstance(model, seriatim.AudioModel)
    assert model.past == 3
    assert model.sample(0.01).shape == (1, 80)
    again = seriatim.load(tmp_path / "run", "cpu", model=make(model.codecs))
    assert isinstance(again, seriatim.AudioModel)
    assert np.array_equal(again.log_prob(x), model.log_prob(x))


def test_a_model_that_does_not_fit_the_data(tmp_path: Path) -> None:
    small = SequenceModel(Embedding(5, 4), Pointwise(nn.Linear(4, 5)), CategoricalHead(5), start=0)
    with pytest.raises(UserError, match="the model's head has 5 symbols and the codec of the data"):
        seriatim.train(TEXTS, small, out=tmp_path / "run", **QUICK)
    with pytest.raises(UserError, match=r"sizes .* are for families"):
        seriatim.train(TEXTS, composed, out=tmp_path / "run", net={"width": 3}, **QUICK)
    assert not (tmp_path / "run").exists()
