"""What `seriatim.train` refuses in one line, and what a resumed run may change."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import seriatim
from seriatim.errors import UserError

TEXTS = ["to be or not to be, that is the question"] * 20
TINY: dict[str, Any] = {"net": {"width": 4, "layers": 1, "context": 8}, "samples": 0, "quiet": True}


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("api") / "run"
    seriatim.train(TEXTS, "gru", out=run, steps=2, **TINY)
    return run


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"net": {"width": 8}}, "net= is given with from_"),
        ({"net": {"dropout": 0.1, "width": 8}}, "net= is given with from_"),
        ({"tokens": seriatim.TokenOptions(kind="bytes")}, "tokens= is given with from_"),
        ({"folds": 2, "search": 2}, "folds and search are both given"),
    ],
)
def test_from_brings_its_own(begun: Path, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        seriatim.train(TEXTS, "gru", out=tmp_path / "new", from_=begun, steps=1, quiet=True, **options)
    assert not (tmp_path / "new").exists()


def test_from_takes_another_dropout_and_the_same_weights(begun: Path, tmp_path: Path) -> None:
    before = seriatim.load(begun).model
    model = seriatim.train(
        TEXTS, out=tmp_path / "new", from_=begun, steps=1, lr=1e-30, samples=0, quiet=True, net={"dropout": 0.5}
    )
    assert model.model.config == dataclasses.replace(before.config, dropout=0.5)
    for name, value in before.state_dict().items():
        torch.testing.assert_close(model.model.state_dict()[name], value)


def test_from_brings_its_family(begun: Path, tmp_path: Path) -> None:
    model = seriatim.train(TEXTS, out=tmp_path / "new", from_=begun, steps=1, samples=0, quiet=True)
    assert model.family == "gru"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 9.0}, "--train.lr was 0.004 in this run"),
        ({"net": {"width": 8}}, "net= is given with resuming=True"),
        ({"kind": "image"}, "kind= is given with resuming=True"),
        ({"tokens": seriatim.TokenOptions(kind="bytes")}, "tokens= is given with resuming=True"),
        ({"stps": 15}, "stps=… is not an option of train"),
        ({"model": "lstm"}, "holds a gru, not a lstm"),
        ({"out": None}, "needs the run's folder"),
    ],
)
def test_a_resumed_run_is_what_it_was(begun: Path, options: dict[str, Any], message: str) -> None:
    family = options.pop("model", "gru")
    with pytest.raises(UserError, match=message):
        seriatim.train(TEXTS, family, **{"out": begun, "resuming": True, "quiet": True, **options})


def test_a_resumed_run_may_go_on_for_longer(tmp_path: Path) -> None:
    seriatim.train(TEXTS, "gru", out=tmp_path / "run", steps=2, **TINY)
    steps: list[int] = []
    seriatim.train(
        TEXTS, out=tmp_path / "run", resuming=True, steps=4, quiet=True, on_step=lambda step: steps.append(step.step)
    )
    assert steps == [3, 4]


@pytest.mark.parametrize("model", [nn.Linear(2, 2), lambda codecs: None])  # pyright: ignore[reportUnknownLambdaType]
def test_what_is_no_model(tmp_path: Path, model: Any) -> None:
    with pytest.raises(UserError, match=r"expected a family, a seriatim\.Model or a function of codecs"):
        seriatim.train(TEXTS, model, out=tmp_path / "run", steps=1, quiet=True)


@pytest.mark.parametrize("study", ["folds", "search"])
def test_studies_are_for_families(tmp_path: Path, study: str) -> None:
    with pytest.raises(UserError, match="not for a model of your own"):
        seriatim.train(TEXTS, nn.Linear(2, 2), out=tmp_path / "run", quiet=True, **{study: 2})  # pyright: ignore[reportArgumentType]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("data", [3, [], {"pictures": []}])
def test_data_that_is_none(tmp_path: Path, data: object) -> None:
    with pytest.raises(UserError, match="cannot be trained on; give texts"):
        seriatim.train(data, out=tmp_path / "run", quiet=True)
