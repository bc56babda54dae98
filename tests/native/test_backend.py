"""Which backend is taken, and where kernels are kept."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from seriatim import tree
from seriatim.errors import UserError
from seriatim.kernels.native import kept
from seriatim.models import WaveNet, WaveNetConfig
from seriatim.walks import backend
from seriatim.walks.steer import Steer

SIZES: dict[str, Any] = {"residual": 8, "gate": 6, "skip": 10, "dilations": 4, "cycles": 2}


def wavenet(**sizes: Any) -> WaveNet:
    torch.manual_seed(0)
    model = WaveNet(WaveNetConfig(**{"levels": 32, **SIZES, **sizes})).eval()
    with torch.no_grad():
        for each in model.parameters():
            each.add_(0.2 * torch.randn_like(each))
    return model


def test_auto_waits_for_a_job_that_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    model = wavenet()
    monkeypatch.setattr(backend, "any_kept", lambda: False)
    assert [model.prepare("auto", n).backend for n in (10, 39_999, 40_000)] == ["eager", "eager", "native"]
    assert model.prepare("auto", 40_000, rows=9).backend == "eager"
    monkeypatch.setattr(backend, "any_kept", lambda: True)
    assert [model.prepare("auto", n).backend for n in (3_999, 4_000)] == ["eager", "native"]


def test_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "numba" else find(name))
    model = wavenet()
    assert model.prepare("auto", 1 << 30).backend == "eager"
    with pytest.raises(UserError, match=r"need numba; pip install 'seriatim\[native\]'; give --backend eager, or auto"):
        model.prepare("native")


def test_half_precision_stays_eager() -> None:
    pytest.importorskip("numba")
    model = wavenet().bfloat16()
    assert model.prepare("auto", 1 << 30).backend == "eager"
    with pytest.raises(UserError, match="float32 and float64"):
        model.prepare("native")


def test_numba_is_not_imported_numba_for_a_short_job() -> None:
    code = (
        "import sys, torch; from seriatim.models import WaveNet, WaveNetConfig; "
        f"WaveNet(WaveNetConfig(levels=8, **{SIZES})).sample(length=20, backend='auto'); "
        "assert not any(name.partition('.')[0] == 'numba' for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("temperature", [1.0, 0.6, 0.0])
@pytest.mark.parametrize("rows", [1, 6])
def test_the_same_seed_draws_the_same_symbols(temperature: float, rows: int) -> None:
    pytest.importorskip("numba")
    model, steer = wavenet(), Steer(temperature=temperature)
    prompt = torch.randint(32, (rows, 11))
    drawn = [
        model.sample(rows, length=500, seed=4, steer=steer, prompt=prompt, backend=each) for each in ("eager", "native")
    ]
    assert torch.equal(*drawn)


def test_steering_that_kernels_do_not_know_is_drawn_symbol_by_symbol() -> None:
    pytest.importorskip("numba")
    model, steer = wavenet(), Steer(top_k=3, repetition=1.2)
    drawn = [model.sample(2, length=100, seed=4, steer=steer, backend=each) for each in ("eager", "native")]
    assert torch.equal(*drawn)


def test_a_walk_does_not_go_beyond_its_length() -> None:
    pytest.importorskip("numba")
    model = wavenet()
    walk = model.walk(1, model.condition({}, 1), 5, stepper=model.prepare("native"))
    with pytest.raises(ValueError, match="0 \\+ 6 positions in a walk of 5"):
        walk.run(torch.full((1, 6, 1), 0.5, dtype=torch.float64))


def test_native_memory_does_not_grow() -> None:
    pytest.importorskip("numba")
    model = wavenet(stacks=(3,), stack_dilations=2)
    stepper: Any = model.prepare("native")
    noise, state = torch.rand(2, 50, 1, dtype=torch.float64), stepper.start(2)
    sizes, prev = set[int](), torch.zeros(2, dtype=torch.long)
    for _ in range(10):
        x, state = stepper.run(prev, state, noise, 1.0)
        prev = x[:, -1]
        sizes.add(sum(leaf.numel() for leaf in tree.leaves(state)))
    assert len(sizes) == 1


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SERIATIM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_kernels_are_kept_and_cleared(own: Path) -> None:
    pytest.importorskip("numba")
    place = kept.folder()
    assert place is not None
    assert place.is_relative_to(own)
    assert not kept.any_kept()
    (place / "native_x").mkdir()
    (place / "native_x" / "wavenet.run.1.nbc").touch()
    assert kept.any_kept()
    assert kept.clear() == 1
    assert not kept.any_kept()
    assert kept.clear() == 0


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_a_folder_that_others_may_write_to_is_not_used(own: Path) -> None:
    place = kept.folder()
    assert place is not None
    place.chmod(0o777)
    assert kept.folder() is None


def test_without_a_place_to_write_kernels_are_compiled_anew(own: Path) -> None:
    pytest.importorskip("numba")
    own.write_text("a file where the folder would be")
    assert kept.folder() is None
    from seriatim.kernels.native.compiling import kernel

    @kernel
    def twice(x: float) -> float:
        return 2 * x

    assert twice(4.0) == 8.0
    from numba.core import config

    assert str(own) not in str(vars(config)["CACHE_DIR"])  # others' kernels go where they went
