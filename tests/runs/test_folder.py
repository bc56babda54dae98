"""A run's directory as a place to write: no links, one writer, nothing left behind, readers while it trains."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from checkpoints import make, write
from seriatim.cli import main
from seriatim.errors import UserError
from seriatim.runs import checkpoint, files
from seriatim.runs.folder import refuse_links, writing
from seriatim.training.run import Means, plan_of, resume, start
from tiny_text import plan, text_file

QUIET = Means(quiet=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    start(plan(text_file(folder), steps=2, samples=1), folder / "run", QUIET)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "metrics.jsonl",
        "curve.png",
        "samples",
        ".model.json.tmp",
        "train/.state.json.tmp",
        "model.json",
        "train",
        ".lock",
    ],
)
def test_a_run_with_a_link_in_it_is_not_written(name: str, made: Path, tmp_path: Path) -> None:
    run, outside = shutil.copytree(made / "run", tmp_path / "run"), tmp_path / "outside"
    target = run / name
    shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
    if name in ("samples", "train"):
        shutil.copytree(made / "run" / name, outside)
    else:
        outside.write_text("mine")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and run not in path.parents}
    target.symlink_to(outside)
    code = main(["train", "--out", str(run), "--resume", "--train.steps", "4", "--quiet"])
    assert code == 2
    assert {path: path.read_bytes() for path in before} == before
    with pytest.raises(UserError, match="is a link"):
        refuse_links(run)


def test_a_pipe_in_a_run_is_refused_and_not_read(made: Path, tmp_path: Path) -> None:
    run = shutil.copytree(made / "run", tmp_path / "run")
    (run / "metrics.jsonl").unlink()
    os.mkfifo(run / "metrics.jsonl")
    with pytest.raises(UserError, match="neither a file nor a folder"):
        resume(run, *plan_of(run), QUIET)


def test_links_that_come_later_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    for name in (".a.json.tmp", "a.json"):
        (tmp_path / name).symlink_to(outside)
    files.write_json(tmp_path / "a.json", {"b": 1})
    (tmp_path / ".model.safetensors.tmp").symlink_to(outside)
    files.commit(tmp_path, "model", {"a": torch.ones(2)}, {})
    (tmp_path / "log").symlink_to(outside)
    with pytest.raises(OSError, match="symbolic"), open(tmp_path / "log", "a", opener=files.no_follow):
        pass
    assert outside.read_text() == "mine"
    assert not (tmp_path / "a.json").is_symlink()


def test_a_run_has_one_writer(made: Path, tmp_path: Path) -> None:
    run = shutil.copytree(made / "run", tmp_path / "run")
    with writing(run):
        with pytest.raises(UserError, match="another process is writing"):
            resume(run, *plan_of(run), QUIET)
        with pytest.raises(UserError, match="another process is writing"):
            start(plan(made / "words.txt"), run, QUIET)
    resume(run, *plan_of(run), QUIET)


def test_a_killed_writer_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys\n"
        "from seriatim.runs.folder import writing\n"
        "with writing(pathlib.Path(sys.argv[1])):\n"
        "    pathlib.Path(sys.argv[1], 'config.toml').touch()\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], check=False)
    assert done.returncode == -9
    assert (tmp_path / "run" / ".lock").exists()
    with writing(tmp_path / "run"):
        pass


def test_nothing_is_left_of_a_run_that_could_not_begin(tmp_path: Path) -> None:
    text = text_file(tmp_path)
    with pytest.raises(UserError):
        start(plan(text, net={"context": 10**6}), tmp_path / "a" / "b" / "run", QUIET)
    assert not (tmp_path / "a").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note").touch()
    with pytest.raises(UserError):
        start(plan(text, net={"context": 10**6}), tmp_path / "mine" / "run", QUIET)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["note"]


def test_a_train_folder_without_a_plan_is_no_dead_end(tmp_path: Path) -> None:
    (tmp_path / "run" / "train" / "tokens").mkdir(parents=True)
    with pytest.raises(UserError, match="train without --resume"):
        plan_of(tmp_path / "run")
    start(plan(text_file(tmp_path), steps=1), tmp_path / "run", QUIET)


def test_a_name_that_is_no_text_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    with open(path, "w") as file:  # noqa: PTH123
        file.write("a text " * 100)
    os.chdir(tmp_path)
    assert main(["train", os.fsdecode(path), "--out", "run"]) == 2
    assert "is not UTF-8; rename the file" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_files_are_as_readable_as_the_users_others(made: Path) -> None:
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (made / "run").rglob("*") if path.is_file()}
    (made / "other").touch()
    assert modes == {stat.S_IMODE((made / "other").stat().st_mode)}


def test_a_run_is_read_while_it_is_written(tmp_path: Path) -> None:
    models = [make("lstm", seed=seed) for seed in range(2)]
    write(tmp_path / "run", models[0])
    stop, failed = threading.Event(), list[Exception]()

    def read() -> None:
        while not stop.is_set():
            try:
                checkpoint.load(tmp_path / "run")
            except Exception as error:
                failed.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    for step in range(150):
        write(tmp_path / "run", models[step % 2], about={"step": step})
    stop.set()
    thread.join()
    assert failed == []


def test_what_is_read_again_is_the_new_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, make("lstm", seed=0))
    real, calls = files._document, list[int]()

    def overtaken(folder: Path, name: str) -> dict[str, object]:
        document = real(folder, name)
        if not calls:  # the writer replaces everything between the two reads
            calls.append(1)
            write(folder, make("lstm", seed=1))
            files.tidy(folder, "model")
        return document

    monkeypatch.setattr(files, "_document", overtaken)
    assert checkpoint.load(tmp_path).model.config == make("lstm").config
