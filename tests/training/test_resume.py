"""A run that was stopped and taken up equals one that was not, bit for bit."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import torch

from seriatim.cli import main
from seriatim.errors import Interrupted, UserError
from seriatim.runs import files
from seriatim.text.model import TextModel
from seriatim.text.options import TextOptions
from seriatim.training.loop import Loop
from seriatim.training.run import Means, Plan, plan_of, resume, start
from tiny_text import metrics, plan, records_file, tensors, text_file

QUIET = Means(quiet=True)

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "transformer": ("transformer", {"net": {"dropout": 0.2}, "ema": 0.9, "accumulate": 2}),
    "carried": ("rnn", {"net": {"dropout": 0.2, "layers": 2}, "ema": 0.8, "carry": True}),
    "carried lstm": ("lstm", {"net": {"dropout": 0.2}, "carry": True, "schedule": "constant"}),
    "conditions": ("gru", {"net": {"dropout": 0.1}, "drop_given": 0.5, "smoothing": 0.1}),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("data")
    text_file(place)
    records_file(place)
    return place


def plan_for(case: str, folder: Path) -> Plan:
    family, options = CASES[case]
    if case == "conditions":
        made = plan(folder / "poems.jsonl", family, steps=13, evaluate_every=5, **options)
        return made.changed(TextOptions(given=("genre", "year")))
    return plan(folder / "words.txt", family, steps=13, evaluate_every=5, **options)


def same(one: Path, other: Path) -> None:
    """Two runs have the same tensors, figures and counters."""
    for place, name in ((".", "model"), ("train", "state")):
        a, b = tensors(one / place, name), tensors(other / place, name)
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a)
        assert files.open_pair(one / place, name)[0] == files.open_pair(other / place, name)[0]
    assert metrics(one) == metrics(other)


def stop_at(step: int, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process gets a signal in the middle of that step."""
    advance = Loop._advance

    def signalled(self: Loop) -> tuple[float, int]:
        if self.step == step:
            os.kill(os.getpid(), number)
        return advance(self)

    monkeypatch.setattr(Loop, "_advance", signalled)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("case", CASES)
def test_a_signal_saves_and_resuming_is_bit_for_bit(
    case: str, number: int, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = plan_for(case, folder)
    start(chosen, tmp_path / "whole", QUIET)
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        stop_at(7, number, patch)
        with pytest.raises(
            Interrupted, match=r"stopped and saved at step 8; go on with: seriatim train --out .* --resume"
        ):
            start(chosen, tmp_path / "cut", QUIET)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    assert files.open_pair(tmp_path / "cut" / "train", "state")[0]["step"] == 8
    resume(tmp_path / "cut", *plan_of(tmp_path / "cut"), QUIET)
    same(tmp_path / "whole", tmp_path / "cut")


def test_a_crash_loses_only_the_steps_since_the_last_save(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = plan_for("transformer", folder)
    start(chosen, tmp_path / "whole", QUIET)
    advance = Loop._advance

    def crash(self: Loop) -> tuple[float, int]:
        if self.step == 8:
            raise KeyError("a crash")
        return advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_advance", crash)
        with pytest.raises(KeyError):
            start(chosen, tmp_path / "cut", QUIET)
    assert files.open_pair(tmp_path / "cut" / "train", "state")[0]["step"] == 5
    resume(tmp_path / "cut", *plan_of(tmp_path / "cut"), QUIET)
    same(tmp_path / "whole", tmp_path / "cut")


SLOW = """
import sys, time
import torch
torch.set_num_threads(1)
from seriatim.training.loop import Loop
advance = Loop._advance
def slow(self):
    time.sleep(0.03)
    return advance(self)
Loop._advance = slow
from seriatim.cli import main
sys.exit(main(sys.argv[1:]))
"""
OPTIONS = [
    "--net.width",
    "16",
    "--net.layers",
    "1",
    "--net.heads",
    "2",
    "--net.context",
    "12",
    "--net.dropout",
    "0.2",
    "--train.batch",
    "4",
    "--train.samples",
    "0",
    "--train.accumulate",
    "2",
    "--train.ema",
    "0.9",
    "--train.evaluate-every",
    "10",
    "--train.device",
    "cpu",
    "--threads",
    "1",
    "--train.steps",
    "60",
]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
def test_a_real_process_is_stopped_and_taken_up(
    number: int, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "a run's folder"
    command = ["train", str(folder / "words.txt"), *OPTIONS]
    assert main([*command, "--out", str(tmp_path / "whole"), "--quiet"]) == 0
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, *command, "--out", str(run)], stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while time.monotonic() < until and not ((run / "metrics.jsonl").is_file() and len(metrics(run)) > 13):
        time.sleep(0.02)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    again = ["train", "--out", str(run), "--resume"]
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "Traceback" not in said
        pasted = shlex.split(said.strip().splitlines()[-1].partition("go on with: ")[2])
        assert pasted == ["seriatim", *again]
    else:
        assert process.returncode == -signal.SIGKILL
    assert 10 <= files.open_pair(run / "train", "state")[0]["step"] < 60
    capsys.readouterr()
    assert main(again) == 0
    assert "best validation" in capsys.readouterr().err
    a, b = files.open_pair(run, "model")[0], files.open_pair(tmp_path / "whole", "model")[0]
    assert a == b
    same(run, tmp_path / "whole")


@pytest.mark.parametrize("stays", [True, False], ids=["nohup", "hang-up"])
def test_a_terminal_that_hangs_up_saves_unless_hang_ups_are_ignored(stays: bool, folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    ignoring = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n" if stays else ""
    command = ["train", str(folder / "words.txt"), *OPTIONS, "--out", str(run)]
    process = subprocess.Popen([sys.executable, "-c", ignoring + SLOW, *command], stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while time.monotonic() < until and not ((run / "metrics.jsonl").is_file() and len(metrics(run)) > 5):
        time.sleep(0.02)
    assert process.stderr is not None
    process.stderr.close()  # nobody reads what it says any more
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=60) == (0 if stays else 130)
    step = files.open_pair(run / "train", "state")[0]["step"]
    assert step == 60 if stays else 0 < step < 60


# ------------------------------------------------------------------ what cannot be taken up


@pytest.fixture(scope="module")
def finished(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "run"
    start(plan_for("transformer", folder), place, QUIET)
    return place


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    import shutil

    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_finished_run_stays_as_it_is(copy: Path, finished: Path) -> None:
    resume(copy, *plan_of(copy), QUIET)
    same(copy, finished)


def test_more_steps_go_on_from_there(copy: Path) -> None:
    assert main(["train", "--out", str(copy), "--resume", "--train.steps", "16", "--quiet"]) == 0
    assert metrics(copy)[-1]["step"] == 16
    assert isinstance(TextModel.load(copy), TextModel)


def test_data_that_has_changed_is_refused(tmp_path: Path) -> None:
    path = text_file(tmp_path)
    start(plan(path, steps=2), tmp_path / "run", QUIET)
    path.write_text(path.read_text().replace("cat", "dog", 1))
    with pytest.raises(UserError, match="has changed"):
        resume(tmp_path / "run", *plan_of(tmp_path / "run"), QUIET)


@pytest.mark.parametrize(
    "text", ["", "[]", "model = 1", "a" * 2**21, "x = [" + "[" * 100_000, "[data]\npath = 3", "folds = 'x'", "\xff"]
)
def test_a_damaged_plan_is_refused(text: str, copy: Path) -> None:
    (copy / "config.toml").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"config\.toml"):
        plan_of(copy)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("train.lr", 'train = {lr = "fast"}'),
        ("colour", "train = {colour = 1}"),
        ("tokens", "tokens = []"),
        ("net", "net = 3"),
        ("fold", 'fold = "x"'),
        ("fold", "fold = [5, 5]"),
        ("image", "image = {size = [8]}"),
    ],
)
def test_a_plan_with_wrong_values_is_refused(key: str, wrong: str, copy: Path) -> None:
    path, name = copy / "config.toml", wrong.split(" ")[0]
    document = {k: v for k, v in tomllib.loads(path.read_text()).items() if k != name}
    path.write_text(f"{wrong}\n{tomli_w.dumps(document)}")
    with pytest.raises(UserError, match=r"config\.toml"):
        plan_of(copy)


@pytest.mark.parametrize("damage", ["gone", "cut", "flipped"])
def test_a_damaged_state_is_refused(damage: str, copy: Path) -> None:
    (path,) = (copy / "train").glob("state-*.safetensors")
    whole = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(whole[:-100])
    else:
        whole[-5] ^= 1
        path.write_bytes(whole)
    with pytest.raises(UserError, match=path.name):
        resume(copy, *plan_of(copy), QUIET)


def test_a_state_of_another_model_is_refused(copy: Path, folder: Path, tmp_path: Path) -> None:
    import shutil

    start(plan(folder / "words.txt", "gru", steps=1), tmp_path / "other", QUIET)
    shutil.rmtree(copy / "train")
    shutil.copytree(tmp_path / "other" / "train", copy / "train")
    with pytest.raises(UserError):
        resume(copy, *plan_of(copy), QUIET)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--net.width", "32"], "--net"),
        (["--tokens.kind", "bpe"], "--tokens"),
        (["--data.limit", "3"], "--data"),
        (["--model", "lstm"], "--model"),
        (["--folds", "3"], "--folds"),
        (["--train.lr", "1"], "--train.lr"),
        (["--train.lr=1"], "--train.lr"),
        (["other.txt"], "other.txt"),
    ],
)
def test_what_resuming_would_ignore_is_refused(
    words: list[str], said: str, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--out", str(finished), "--resume", *words]) == 2
    assert said in capsys.readouterr().err


DAMAGE: list[tuple[str, Any]] = [
    ("step", -1), ("step", 1e30), ("row_sums", []), ("row_sums", [1, "a"]), ("epoch_sums", [0, 0, float("nan")]),
    ("usual", [1.0]), ("usual", 7), ("usual", [1, 0, float("inf")]), ("since_best", True), ("best", []),
]  # fmt: skip


def test_a_state_that_says_what_no_run_does_is_refused(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    start(plan(folder / "words.txt", "rnn", steps=1), run, QUIET)
    state = run / "train" / "state.json"
    document = json.loads(state.read_text())
    for key, value in DAMAGE:
        state.write_text(json.dumps({**document, key: value}))
        with pytest.raises(UserError, match="does not fit this model"):
            resume(run, *plan_of(run), QUIET)
