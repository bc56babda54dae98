"""On a GPU every family has the likelihoods, gradients and samples that it has on the CPU, and the commands work.

Skipped where there is none; CI has none.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import tiny_text
from registry import MODELS, ROWS, ModelCase
from seriatim.cli import main
from seriatim.context import Context
from tiny_text import tensors

if not torch.cuda.is_available():
    pytest.skip("no CUDA device", allow_module_level=True)
EACH = pytest.mark.parametrize("case", MODELS.values(), ids=MODELS)


def on_gpu(given: Any) -> Any:
    if isinstance(given, Context):
        moved = {f.name: getattr(given, f.name) for f in dataclasses.fields(given)}
        return Context(**{k: v.cuda() if isinstance(v, Tensor) else v for k, v in moved.items()})
    return {name: value.cuda() for name, value in given.items()}


def gradients(case: ModelCase, device: str) -> tuple[Tensor, dict[str, Tensor]]:
    model = case.model().to(device)
    given = case.given() if device == "cpu" else on_gpu(case.given())
    log_prob = model.log_prob(case.x().to(device), given)
    log_prob.sum().backward()
    return log_prob.detach().cpu(), {n: p.grad.cpu() for n, p in model.named_parameters() if p.grad is not None}


@EACH
@pytest.mark.usefixtures("float64")
def test_likelihood_and_gradients_are_those_of_the_cpu(case: ModelCase) -> None:
    (here, slopes), (there, others) = gradients(case, "cpu"), gradients(case, "cuda")
    torch.testing.assert_close(there, here, rtol=1e-9, atol=1e-9)
    assert slopes.keys() == others.keys()
    for name, slope in slopes.items():
        torch.testing.assert_close(others[name], slope, rtol=1e-7, atol=1e-9, msg=name)


@EACH
@pytest.mark.usefixtures("float64")
def test_a_seed_draws_what_it_draws_on_the_cpu(case: ModelCase) -> None:
    length = case.x()[0].numel() // len(case.levels)
    here = case.model().sample(ROWS, case.given(), length=length, seed=5)
    there = case.model().cuda().sample(ROWS, on_gpu(case.given()), length=length, seed=5)
    torch.testing.assert_close(there.cpu(), here, rtol=1e-9, atol=1e-9)


WORDS = [
    *("--net.width", "16", "--net.layers", "1", "--batch", "4"),
    *("--train.samples", "0", "--train.evaluate-every", "4"),
]
WAYS = {"float32": [], "bfloat16": ["--train.precision", "bfloat16"]}


@pytest.mark.parametrize("more", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("name", ["transformer", "lstm"])
def test_commands_on_a_text(name: str, more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run = tiny_text.text_file(tmp_path), str(tmp_path / "run")
    words = ["train", str(data), "--model", name, "--out", run, "--device", "cuda", *WORDS, "--steps", "8", *more]
    assert main(words) == 0
    assert "on cuda" in capsys.readouterr().err
    assert main(["train", "--out", run, "--resume", "--steps", "12", "--device", "cuda"]) == 0
    capsys.readouterr()
    figures = []
    for device in ("cpu", "cuda"):
        assert main(["evaluate", run, "--split", "validation", "--json", "--device", device]) == 0
        figures.append(json.loads(capsys.readouterr().out)["nats_per_token"])
    np.testing.assert_allclose(*figures, rtol=1e-5)
    assert main(["sample", run, "-n", "2", "--max-length", "20", "--device", "cuda"]) == 0


def test_a_stopped_run_goes_on_bit_for_bit_on_the_gpu(tmp_path: Path) -> None:
    data = tiny_text.text_file(tmp_path)
    for name, steps in (("whole", "8"), ("cut", "5")):
        words = ["train", str(data), "--model", "gru", "--out", str(tmp_path / name), "--device", "cuda", *WORDS]
        assert main([*words, "--steps", steps, "--train.schedule", "constant"]) == 0
    assert main(["train", "--out", str(tmp_path / "cut"), "--resume", "--steps", "8", "--device", "cuda"]) == 0
    one, other = (tensors(tmp_path / name, "model") for name in ("whole", "cut"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
