"""Which backend is taken, and where kernels are kept."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pooch
import pytest
import torch

from seriatim import tree
from seriatim.context import Context
from seriatim.errors import UserError
from seriatim.kernels.native import kept
from seriatim.models import LSTM, RecurrentConfig, WaveNet, WaveNetConfig
from seriatim.walks import backend
from seriatim.walks.draws import Draws
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
    monkeypatch.setattr(backend, "any_kept", lambda _: False)
    assert [model.prepare("auto", n).backend for n in (10, 39_999, 40_000)] == ["eager", "eager", "native"]
    assert model.prepare("auto", 40_000, rows=9).backend == "eager"
    monkeypatch.setattr(backend, "any_kept", lambda _: True)
    assert [model.prepare("auto", n).backend for n in (3_999, 4_000)] == ["eager", "native"]


def test_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "numba" else find(name))
    model = wavenet()
    assert model.prepare("auto", 1 << 30).backend == "eager"
    with pytest.raises(
        UserError, match=r"need numba; pip install 'seriatim\[native\]'; take the backend eager, or auto"
    ):
        model.prepare("native")


def test_half_precision_stays_eager() -> None:
    pytest.importorskip("numba")
    model = wavenet().bfloat16()
    assert model.prepare("auto", 1 << 30).backend == "eager"
    with pytest.raises(UserError, match="float32 and float64"):
        model.prepare("native")


def test_numba_is_not_imported_for_a_short_job() -> None:
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


@pytest.mark.parametrize("temperature", [0.3, 1e-40, 0.0])
def test_a_temperature_is_heeded_by_every_head(temperature: float) -> None:
    pytest.importorskip("numba")
    steer = Steer(temperature=temperature)
    for sizes in ({}, {"head": "logistic", "mixtures": 3}):
        model = wavenet(**sizes)
        drawn = [model.sample(2, length=200, seed=4, steer=steer, backend=each) for each in ("eager", "native")]
        assert torch.equal(*drawn)


def test_a_field_that_ends_in_a_run_leaves_the_walk_as_it_was() -> None:
    pytest.importorskip("numba")
    model = wavenet(field=2)
    context = Context(field=torch.randn(1, 4, 2), hop=5)
    walk = model.walk(1, context, stepper=model.prepare("native"))
    draws = Draws(walk, model.head, torch.tensor([1]))
    first = draws.run(10)
    before = [leaf.clone() for leaf in tree.leaves(walk._state)]
    with pytest.raises(ValueError, match="field that holds 20"):
        draws.run(30)
    assert walk.clock == 10
    assert all(map(torch.equal, before, tree.leaves(walk._state)))
    eager = model.sample(1, context, length=10, seed=1)
    assert torch.equal(first, eager)


@pytest.mark.parametrize("offset", [0, 3])
def test_a_run_keeps_to_the_columns_of_a_field(offset: int) -> None:
    pytest.importorskip("numba")
    model = wavenet(field=2)
    context = Context(field=3 * torch.randn(2, 9, 2), hop=5, offset=offset)
    drawn = [model.sample(2, context, length=40, seed=1, backend=each) for each in ("eager", "native")]
    assert torch.equal(*drawn)


def test_a_run_refuses_what_it_cannot_draw() -> None:
    pytest.importorskip("numba")
    model = wavenet()
    walk = model.walk(2, model.condition({}, 2), stepper=model.prepare("native"))
    with pytest.raises(ValueError, match=r"noise has shape \(5, 4, 1\); expected \(2, positions, 1\)"):
        walk.run(torch.rand(5, 4, 1, dtype=torch.float64))
    assert walk.run(torch.rand(2, 0, 1, dtype=torch.float64)).shape == (2, 0)
    _ = walk.dist
    with pytest.raises(ValueError, match="cannot run"):
        walk.run(torch.rand(2, 4, 1, dtype=torch.float64))
    walk.push(torch.tensor([3, 500]))
    with pytest.raises(IndexError, match="not in 0 … 31"):
        _ = walk.dist
    assert model.sample(0, length=5, backend="native").shape == (0, 5)


def test_threads_may_share_steps() -> None:
    pytest.importorskip("numba")
    model = LSTM(RecurrentConfig(symbols=9, width=24)).eval()
    stepper, wanted = model.prepare("native"), [model.sample(length=4000, seed=i) for i in range(2)]

    def draw(seed: int) -> torch.Tensor:
        walk = model.walk(1, model.condition({}, 1), stepper=stepper)
        return Draws(walk, model.head, torch.tensor([seed])).run(4000)

    draw(0)  # compiled once
    with ThreadPoolExecutor(2) as pool:
        assert all(map(torch.equal, pool.map(draw, range(2)), wanted))


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


def test_what_was_compiled_is_found(own: Path) -> None:
    pytest.importorskip("numba")
    place = kept.folder()
    assert place is not None
    assert place.is_relative_to(own)
    assert not kept.any_kept("wavenet")
    (place / "native_x").mkdir()
    (place / "native_x" / "wavenet.run-1.py311.1.nbc").touch()
    assert kept.any_kept("wavenet")


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


def test_others_kernels_go_where_they_went(own: Path) -> None:
    pytest.importorskip("numba")
    from numba.core import config

    before = vars(config)["CACHE_DIR"]
    from seriatim.kernels.native.compiling import kernel

    @kernel
    def thrice(x: float) -> float:
        return 3 * x

    assert thrice(4.0) == 12.0
    assert any(own.rglob("*thrice*.nbi"))
    assert vars(config)["CACHE_DIR"] == before


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_a_folder_below_one_that_others_may_write_to_is_not_used(own: Path) -> None:
    own.mkdir()
    own.chmod(0o777)
    assert kept.folder() is None
    own.chmod(0o1777)  # as /tmp: entries belong to whoever made them
    assert kept.folder() is not None


def nowhere(_: str) -> Path:
    raise RuntimeError("could not determine the home directory")


@pytest.mark.parametrize("os_cache", [nowhere, lambda _: Path("~/.cache/seriatim")], ids=["raises", "tilde"])
def test_without_a_home(os_cache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SERIATIM_CACHE", raising=False)
    monkeypatch.setattr(pooch, "os_cache", os_cache)  # as versions of platformdirs do where a user has no entry
    assert kept.folder() is None
    assert not kept.any_kept("wavenet")
    assert wavenet().prepare("auto", 5_000).backend == "eager"


def test_a_numba_that_does_not_load_is_like_none(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")

    def broken(name: str) -> Any:
        raise ImportError(f"{name} needs NumPy 2.3 or less")

    monkeypatch.setattr(importlib, "import_module", broken)
    assert wavenet().prepare("auto", 1 << 30).backend == "eager"
    with pytest.raises(UserError, match="numba does not load: numba needs NumPy"):
        wavenet().prepare("native")


def test_an_unknown_backend_is_refused() -> None:
    code = (  # without the type checks that tests add
        "from seriatim.models import WaveNet, WaveNetConfig; from seriatim.errors import UserError\n"
        f"model = WaveNet(WaveNetConfig(levels=8, **{SIZES}))\n"
        "try: model.prepare('nativ')\n"
        "except UserError as error: print(error)"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert told == "backend is 'nativ'; expected auto, eager or native\n"
