"""What is saved is what is loaded, to the last bit; a save that is broken off leaves a whole checkpoint."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from checkpoints import TINY, bits, codecs, make, tensor_file, tensors, write
from seriatim.errors import UserError
from seriatim.models import FAMILIES, Conditional, GridModel, Model
from seriatim.runs import checkpoint, files

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]


def test_every_family_is_tried() -> None:
    assert set(TINY) == set(FAMILIES)


def shape_of(model: Model) -> tuple[int, ...]:
    """Of what it takes, the batch aside."""
    inner = model.model if isinstance(model, Conditional) else model
    positions = inner.canvas if isinstance(inner, GridModel) else (6,)
    return positions if model.head.parts == 1 else (*positions, model.head.parts)


@pytest.mark.parametrize("conditions", [False, True], ids=["plain", "conditional"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("family", TINY)
def test_a_round_trip_is_exact(tmp_path: Path, family: str, dtype: torch.dtype, conditions: bool) -> None:
    model, note = make(family, conditions, dtype), {"steps": 3, "note": "é"}
    write(tmp_path, model, family, conditions, about=note)
    before = torch.get_default_dtype(), torch.get_rng_state()
    loaded = checkpoint.load(tmp_path)
    assert (loaded.family, loaded.modality, loaded.about) == (family, FAMILIES[family].data, note)
    assert type(loaded.model) is type(model)
    assert loaded.model.config == model.config
    assert not loaded.model.training
    assert bits(loaded.model) == bits(model)
    assert {t.dtype for t in tensors(loaded.model).values()} == {dtype}
    known = codecs(conditions, family)
    assert [(k, c.to_json()) for k, c in loaded.codecs.items()] == [(k, c.to_json()) for k, c in known.items()]
    assert torch.get_default_dtype() == before[0]
    x = model.symbols(torch.randint(2, (2, *shape_of(model))))
    assert torch.equal(loaded.model(x, {}), model(x, {}))


@pytest.mark.parametrize("family", ["lstm", "transformer"])
def test_tied_weights_are_stored_once_and_tied_again(tmp_path: Path, family: str) -> None:
    write(tmp_path, make(family), family)
    with safe_open(tensor_file(tmp_path), "pt") as file:
        assert not [name for name in file.keys() if name.endswith("module.weight") and "norm" not in name and  # noqa: SIM118
                    file.get_slice(name).get_shape() == [codecs(False)["x"].size, TINY[family]["width"]]]  # fmt: skip
    model: Any = checkpoint.load(tmp_path).model
    out = model.net.layers["out"].module
    assert out.weight is model.embedding.table.weight


def test_json_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "plan.json"
    files.write_json(path, {"a": 1})

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [each.name for each in path.parent.iterdir()] == ["plan.json"]


def test_what_is_saved_does_not_follow_the_model(tmp_path: Path) -> None:
    """PEERS: a "best" checkpoint that keeps references equals the last."""
    model = make("gru")
    saved = bits(model)
    write(tmp_path / "best", model, "gru")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert bits(checkpoint.load(tmp_path / "best").model) == saved


def test_a_save_leaves_one_generation_for_readers_and_nothing_older(tmp_path: Path) -> None:
    (tmp_path / "notes-of-mine.safetensors").write_bytes(b"mine")
    names: list[str] = []
    for seed in range(3):
        write(tmp_path, make("lstm", seed=seed))
        names.append(json.loads((tmp_path / "model.json").read_text())["tensors"]["file"])
        assert {path.name for path in tmp_path.iterdir()} == {"model.json", "notes-of-mine.safetensors", *names[-2:]}
    files.tidy(tmp_path, "model")
    assert {path.name for path in tmp_path.iterdir()} == {"model.json", "notes-of-mine.safetensors", names[-1]}
    assert bits(checkpoint.load(tmp_path).model) == bits(make("lstm", seed=2))


def test_saving_the_same_again_keeps_it(tmp_path: Path) -> None:
    for _ in range(2):
        write(tmp_path, make("lstm"))
        assert bits(checkpoint.load(tmp_path).model) == bits(make("lstm"))


class Killed(BaseException):
    """The process ends here."""


def operations(monkeypatch: pytest.MonkeyPatch, before: Callable[[int, str, tuple[Any, ...]], None]) -> None:
    """Call `before(number, name, arguments)` before each file operation of a save."""
    count = iter(range(10**6))

    def watch(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def watched(*args: Any, **options: Any) -> Any:
            before(next(count), name, args)
            return real(*args, **options)

        monkeypatch.setattr(owner, name, watched)

    for name in ("replace", "rename", "unlink", "remove", "fsync", "mkdir"):
        watch(os, name)
    watch(files, "save_file")
    watch(Path, "write_text")


def count_operations(folder: Path) -> int:
    seen: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        operations(patch, lambda i, name, args: seen.append(i))
        write(folder, make("lstm", seed=1))
    return len(seen)


def test_a_save_broken_off_anywhere_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    old, new = make("lstm", seed=0), make("lstm", seed=1)
    write(tmp_path / "count", old)
    total = count_operations(tmp_path / "count")
    assert total >= 6
    outcomes = []
    for n in range(total):
        folder = tmp_path / str(n)
        write(folder, old)

        def stop(i: int, name: str, args: tuple[Any, ...], n: int = n) -> None:
            if i == n:
                raise Killed

        with pytest.MonkeyPatch.context() as patch:
            operations(patch, stop)
            with pytest.raises(Killed):
                write(folder, new)
        found = bits(checkpoint.load(folder).model)
        assert found in (bits(old), bits(new))
        outcomes.append(found == bits(new))
        write(folder, new)  # and the next save works, and clears away what was left
        files.tidy(folder, "model")
        assert bits(checkpoint.load(folder).model) == bits(new)
        assert len(list(folder.iterdir())) == 2
    assert outcomes == sorted(outcomes)
    assert not outcomes[0]
    assert outcomes[-1]


def test_a_full_disk_is_a_user_error_and_the_old_checkpoint_stays(tmp_path: Path) -> None:
    old, new = make("lstm", seed=0), make("lstm", seed=1)
    write(tmp_path / "count", old)
    failures = 0
    for n in range(count_operations(tmp_path / "count")):
        folder = tmp_path / str(n)
        write(folder, old)

        def full(i: int, name: str, args: tuple[Any, ...], n: int = n) -> None:
            if i == n:
                if name == "save_file":
                    Path(args[1]).write_bytes(b"half")  # what had gone through before the disk was full
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with pytest.MonkeyPatch.context() as patch:
            operations(patch, full)
            try:
                write(folder, new)
                possible = [bits(new)]
            except UserError as error:
                assert "No space left" in str(error)  # noqa: PT017
                possible = [bits(old), bits(new)]
                failures += 1
        assert bits(checkpoint.load(folder).model) in possible
        assert not list(folder.glob(".*"))
    assert failures >= 5


def test_a_folder_that_cannot_be_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot save"):
        write(tmp_path / "file" / "run", make("lstm"))


def test_opening_a_run_loads_no_compiler_and_draws_nothing(tmp_path: Path) -> None:
    for name in TINY:
        write(tmp_path / name, make(name), name)
    code = (
        "import pathlib, sys, torch\n"
        "from seriatim.runs import checkpoint\n"
        "before = torch.get_rng_state()\n"
        "for run in pathlib.Path(sys.argv[1]).iterdir():\n"
        "    checkpoint.load(run)\n"
        "assert torch.equal(before, torch.get_rng_state())\n"
        "print({'torch._dynamo', 'sympy'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("family", TINY)
def test_what_a_model_sees_can_be_told_in_every_type(family: str, dtype: torch.dtype) -> None:
    model = make(family, dtype=dtype)
    if isinstance(model, GridModel):
        assert torch.equal(model.sees(model.canvas), make(family).sees(model.canvas))  # pyright: ignore
