"""Whatever a user does wrong is one line, exit code 2, and nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seriatim.cli import main
from seriatim.runs import checkpoint, files
from seriatim.text.model import TextModel
from seriatim.training.run import Means, start
from tiny_text import plan, records_file, tensors, text_file

QUIET = Means(quiet=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, a text and records."""
    place = tmp_path_factory.mktemp("made")
    start(plan(text_file(place), steps=2), place / "run", QUIET)
    records_file(place)
    (place / "bytes.txt").write_bytes("caf\u00e9 au lait ".encode("latin-1") * 50)
    (place / "binary.txt").write_bytes(bytes(range(256)) * 20)
    (place / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (place / "empty.txt").write_bytes(b"")
    (place / "blank.txt").write_text(" \n\n ")
    (place / "short.txt").write_text("one\ntwo\nthree\n")
    (place / "bad.jsonl").write_text('{"text": "a"}\n{"text": \n')
    (place / "nofield.jsonl").write_text('{"poem": "a"}\n')
    (place / "hollow").mkdir()
    return place


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    return made


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that refuses a command."""
    assert main(list(words)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("seriatim: ")
    assert said.err.count("\n") == 1, said.err
    assert said.err.endswith("\n")
    assert "Traceback" not in said.err
    return said.err


WRONG = [
    # data
    ("train", "nothing.txt", "'nothing.txt'"),
    ("train", "tinyshakespear", "did you mean 'tinyshakespeare'"),
    ("train", "empty.txt", "empty.txt"),
    ("train", "blank.txt", "contains no text"),
    ("train", "binary.txt", "binary.txt: no text, but a binary file; expected text: give another file"),
    ("train", "picture.txt", "PNG"),
    ("train", "bytes.txt", "byte 3 "),
    ("train", "words.txt --net.context 9000", "--net.context"),
    ("train", "short.txt", "too little text"),
    ("train", "hollow", "hollow"),
    ("train", "bad.jsonl", "bad.jsonl:2"),
    ("train", "nofield.jsonl", "poem"),
    ("train", "poems.jsonl --text.given gender", "'gender'"),
    ("train", "words.txt --text.given genre", "plain text"),
    ("train", "words.txt --text.encoding utf-99", "utf-99"),
    ("train", "poems.jsonl --text.given=", "--text.given is empty"),
    ("train", "poems.jsonl --text.field=", "--text.field is empty"),
    ("train", "words.txt --data.validation 1.5", "--data.validation"),
    ("train", "words.txt --data.validation 0.5 --data.test 0.5", "nothing to train on"),
    ("train", "words.txt --data.limit 0", "--data.limit"),
    ("train", "pydoc --data.limit 3 --data.test 0.3", "--data.test"),
    ("train", "", "no data"),
    # options
    ("train", "words.txt --modle lstm", "--model"),
    ("train", "words.txt --model lstmm", "'lstm'"),
    ("train", "words.txt --preset nanogpt", "nanogpt-gpu"),
    ("train", "words.txt --net.widht 3", "'width'"),
    ("train", "words.txt --net.width wide", "--net.width"),
    ("train", "words.txt --net 3", "--net"),
    ("train", "words.txt --net.width 30 --net.heads 4", "heads"),
    ("train", "words.txt --net.width 100000000", "width"),
    ("train", "words.txt --net.dropout 2", "dropout"),
    ("train", "words.txt --model rnn --net.rotary 2", "--net.rotary"),
    ("train", "words.txt --train.lrr 1", "--train.lr"),
    ("train", "words.txt --train.lr fast", "--train.lr"),
    ("train", "words.txt --train.lr nan", "--train.lr"),
    ("train", "words.txt --train.steps 0", "--train.steps"),
    ("train", "words.txt --train.steps 3 --train.epochs 1", "--train.epochs"),
    ("train", "words.txt --train.schedule linear", "--train.schedule"),
    ("train", "words.txt --train.carry", "--train.carry"),
    ("train", 'words.txt --train {"lr":1}', "--train.NAME"),
    ("train", "words.txt --train.device cuda:99x", "device"),
    ("train", "words.txt --tokens.kind wordz", "--tokens.kind"),
    ("train", "words.txt --tokens.kind bpe --tokens.size 3", "size"),
    ("train", "words.txt --tokens.min-count 0", "min_count"),
    ("train", "words.txt --threads 0", "--threads"),
    ("train", "words.txt --folds 1", "--folds"),
    ("train", "words.txt --folds 0", "--folds is 0"),
    ("train", "words.txt --search 0", "--search is 0"),
    ("train", "words.txt --search 1", "--search"),
    ("train", "words.txt --folds 2 --search 2", "--search"),
    ("train", "words.txt --from nowhere", "nowhere"),
    ("train", "words.txt --out run", "--resume"),
    ("train", "--resume", "--out"),
    ("train", "--resume --out nowhere", "nowhere"),
    ("train", "words.txt extra", "extra"),
    # runs
    ("sample", "", "RUN"),
    ("sample", "nowhere", "nowhere does not exist"),
    ("sample", "hollow", "hollow"),
    ("sample", "words.txt", "words.txt"),
    ("evaluate", "nowhere", "nowhere"),
    ("score", "nowhere words.txt", "nowhere"),
    ("evaluate", "run words.txt --data.validation 0.2", "Unknown option: --data.validation"),
    ("evaluate", "run words.txt --limit 0", "--limit is 0"),
    ("evaluate", "run words.txt --maps run", "--maps"),
    ("score", "run words.txt --data.validation 0.1", "unknown option --data.validation"),
    ("score", "run words.txt --data.limit 3", "--limit"),
    ("evaluate", "run words.txt --data.limit 3", "--limit"),
    ("evaluate", "run --data.limit 3", "--limit"),
    ("score", "run words.txt --limit 0", "--limit is 0"),
    ("score", "run words.txt --maps run", "--maps"),
    ("explore", "nowhere", "nowhere"),
    ("inspect", "nowhere", "nowhere"),
    ("export", "nowhere out", "nowhere"),
    ("export", "run hollow/../run", "not empty"),
    ("export", "run out --format onnx", "--format"),
    # sampling
    ("sample", "run --temprature 1", "--temperature"),
    ("sample", "run --temperature -1", "temperature"),
    ("sample", "run --temperature nan", "temperature"),
    ("sample", "run --top-k -1", "top-k"),
    ("sample", "run --top-k some", "--top-k"),
    ("sample", "run --top-p 0", "top-p"),
    ("sample", "run --top-p 2", "top-p"),
    ("sample", "run --min-p 2", "min-p"),
    ("sample", "run --typical 0", "typical"),
    ("sample", "run --repetition 0", "repetition"),
    ("sample", "run --bias a", "--bias"),
    ("sample", "run --bias a=much", "--bias"),
    ("sample", "run --bias zz=1", "'zz'"),
    ("sample", "run --forbid <unq>", "<unk>"),
    ("sample", "run --seed 99999999999999999999", "seed"),
    ("sample", "run --seed 1 --seed 2", "2 seeds for 1"),
    ("sample", "run -n 0", "1 or more"),
    ("sample", "run --max-length 0", "max-length"),
    ("sample", "run --min-length 600", "min-length"),
    ("sample", "run --given genre=ode", "'genre'"),
    ("sample", "run --given genre", "NAME=VALUE"),
    ("sample", "run --prompt the-cat-sat-on-the-mat", "context is 12"),
    ("sample", "run --seed -1", "seed is -1"),
    ("sample", "run --stop=", "a stop string is empty"),
    ("sample", "run --prompt a --prompt-file words.txt", "--prompt-file"),
    ("sample", "run --prompt-file nothing.txt", "nothing.txt"),
    ("sample", "run --prompt-file hollow", "hollow"),
    ("sample", "run --prompt-file bytes.txt", "byte 3"),
    ("sample", "run --prompt \udcff", "surrogate"),
    ("sample", "run --stream -n 2", "--stream"),
    ("sample", "run --device tpu", "tpu"),
    ("sample", "run -o nowhere/out.txt", "nowhere"),
    # the rest
    ("evaluate", "run --split tset", "tset"),
    ("evaluate", "run nothing.txt", "nothing.txt"),
    ("evaluate", "run --window 0", "window"),
    ("evaluate", "run --window 500", "window 500"),
    ("evaluate", "run --stride 99", "stride"),
    ("evaluate", "run --truncate 0", "truncate"),
    ("evaluate", "run empty.txt", "empty.txt"),
    ("evaluate", "run --data.limit 3", "--data"),
    ("score", "run", "no data is given"),
    ("score", "run binary.txt", "binary.txt"),
    ("explore", "run --top 0", "top"),
    ("explore", "run --temperature -2", "temperature"),
    ("models", "lstmm", "'lstm'"),
    ("data", "info enwik", "'enwiki'"),
    ("data", "fetch nothing", "'nothing'"),
    ("data", "lst", "list"),
    ("sampel", "run", "sample"),
    ("--verion", "", "--verion"),
    ("train", "--modle lstm words.txt", "--model"),
    ("score", "run --jsn words.txt", "--json"),
    ("evaluate", "run --jsn", "--json"),
]


@pytest.mark.parametrize(("command", "words", "said"), WRONG, ids=lambda x: str(x).encode("ascii", "replace").decode())
def test_one_line_says_what_is_wrong(
    command: str, words: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.relative_to(here) for path in here.rglob("*"))
    assert said in refused(capsys, command, *words.split())
    assert sorted(path.relative_to(here) for path in here.rglob("*")) == before


# ------------------------------------------------------------------ damaged runs


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


DAMAGE: dict[str, Callable[[dict[str, Any]], None]] = {
    "a class name": lambda d: d.update(family="seriatim.models.LSTM"),
    "another family": lambda d: d.update(family="lstm"),
    "an unknown key": lambda d: d.update(script="x"),
    "a path": lambda d: d["tensors"].update(file="../../etc/passwd"),
    "another version": lambda d: d.update(version=99),
    "another format": lambda d: d.update(format="pickle"),
    "a wrong size": lambda d: d["config"].update(width=32),
    "a huge size": lambda d: d["config"].update(width=2**60),
    "a wrong type": lambda d: d["config"].update(width="16"),
    "a wrong hash": lambda d: d["tensors"].update(sha256="0" * 64),
    "another tokenizer": lambda d: d["codecs"].update(x={"kind": "bytes"}),
    "no tokenizer": lambda d: d["codecs"].clear(),
    "another modality": lambda d: d.update(modality="audio"),
}


@pytest.mark.parametrize("command", ["sample", "inspect"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_model_json(
    damage: str, command: str, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(made / "run", tmp_path / "run")
    edit(run / "model.json", DAMAGE[damage])
    refused(capsys, command, str(run))


@pytest.mark.parametrize("damage", ["gone", "cut", "flipped", "empty", "link"])
def test_damaged_tensors(damage: str, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = shutil.copytree(made / "run", tmp_path / "run")
    (path,) = run.glob("model-*.safetensors")
    whole = bytearray(path.read_bytes())
    if damage in ("gone", "link"):
        path.rename(tmp_path / "moved")
        if damage == "link":
            path.symlink_to(tmp_path / "moved")
    elif damage == "flipped":
        whole[len(whole) // 2] ^= 1
        path.write_bytes(whole)
    else:
        path.write_bytes(whole[: len(whole) // 2] if damage == "cut" else b"")
    assert path.name in refused(capsys, "sample", str(run))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, "\xff\xfe"])
def test_a_model_json_that_is_none(text: str, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = shutil.copytree(made / "run", tmp_path / "run")
    (run / "model.json").write_text(text, encoding="latin-1")
    assert "model.json" in refused(capsys, "evaluate", str(run))


# ------------------------------------------------------------------ a disk that is full, a folder that is read only


@pytest.mark.parametrize("at", range(1, 5))
def test_a_full_disk_in_the_middle_of_a_save_loses_nothing(
    at: int, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shutil.copytree(made / "run", tmp_path / "run")
    before, state = tensors(run, "model"), tensors(run / "train", "state")
    calls, sync = 0, os.fsync

    def full(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls >= at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        patch.chdir(made)
        assert main(["train", "--out", str(run), "--resume", "--train.steps", "4", "--quiet"]) == 2
    assert "No space left on device" in capsys.readouterr().err
    after = tensors(run, "model")
    if at < 3:  # before the new model was in place
        assert all(torch.equal(before[name], after[name]) for name in before)
    assert isinstance(TextModel.load(run), TextModel)
    assert tensors(run / "train", "state").keys() == state.keys()
    assert not list(run.rglob("*.tmp"))
    monkeypatch.chdir(made)
    assert main(["train", "--out", str(run), "--resume", "--quiet"]) == 0  # with space again, it goes on


def test_a_full_disk_while_tensors_are_written(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors import SafetensorError

    from seriatim.errors import UserError

    run = shutil.copytree(made / "run", tmp_path / "run")

    def full(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half of it")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(files, "save_file", full)
    held = TextModel.load(run)
    with pytest.raises(UserError, match=r"No space left.*untouched"):
        checkpoint.save(run, held.model, {"x": held.tokenizer}, family_name="transformer", modality="text")
    assert isinstance(TextModel.load(run), TextModel)
    assert not list(run.glob(".*.tmp"))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_folder(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o500)
    try:
        refused(capsys, "train", "words.txt", "--out", str(tmp_path / "run"), "--train.steps", "1")
        refused(capsys, "sample", "run", "-o", str(tmp_path / "out.txt"))
        refused(capsys, "export", "run", str(tmp_path / "hf"))
    finally:
        tmp_path.chmod(0o700)


def test_a_file_where_a_folder_is_wanted(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--net.context", "12", "--train.steps", "1"]
    assert "words.txt" in refused(capsys, "train", "words.txt", "--out", "words.txt/run", *words)
    assert "words.txt" in refused(capsys, "export", "run", "words.txt/hf")


def test_a_wrong_command_does_not_empty_a_file(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("mine")
    refused(capsys, "sample", "run", "--stream", "--temperature", "-1", "-o", str(path))
    refused(capsys, "sample", "run", "--temperature", "-1", "-o", str(path))
    assert path.read_text() == "mine"


def test_not_enough_memory_is_a_line(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"),
        RuntimeError("CUDA out of memory."),
        MemoryError(),
    ):

        def fail(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(TextModel, "sample", fail)
        assert "memory" in refused(capsys, "sample", "run")
    monkeypatch.setattr(TextModel, "sample", lambda *_, **__: [][0])
    with pytest.raises(IndexError):  # a fault of ours is not hidden
        main(["sample", "run"])


def test_ctrl_c_while_sampling(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TextModel, "sample", stop)
    assert main(["sample", "run"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_word_too_many_is_named_and_switches_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "digits", "--image.given", "false"]) == 2
    assert "--image.given=false" in capsys.readouterr().err
    assert main(["models", "lstm", "gru"]) == 2
    assert "'gru'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", ""], "DATA is empty"),
        (["train", "words.txt", "--out", ""], "--out is empty; give a path"),
        (["train", "words.txt", "--out="], "--out is empty; give a path"),
        (["train", "words.txt", "--from", ""], "--from is empty"),
        (["train", "--config", ""], "--config is empty"),
        (["train", "words.txt", "--train.lr", "0"], "--train.lr is 0.0; expected a value from 1e-30 to 100"),
        (["train", "words.txt", "--seed", "-1"], "--train.seed is -1"),
        (["train", "words.txt", "--folds", "1000000"], "--folds is 1000000; give at least 2, at most 1,000"),
        (["train", "words.txt", "--threads", "0"], "--threads is 0; give 1 or more"),
        (["train", "pictures", "--kind", "image", "--image.vectors", ""], "--image.vectors is empty"),
        (["train", "words.txt", "--kind", "audio", "--audio.track", ""], "--audio.track is empty"),
        (["sample", ""], "RUN is empty"),
        (["sample", "run", "-o", ""], "-o is empty"),
        (["sample", "run", "--threads", "0"], "--threads is 0"),
        (["evaluate", "run", "--threads", "100000"], "--threads is 100000; give 1 or more, at most 1024"),
        (["complete", "run", ""], "FILE is empty"),
        (["export", "run", ""], "OUT is empty"),
        (["demo", "--out", ""], "--out is empty"),
        (["data", "info", ""], "NAME is empty; give one"),
    ],
)
def test_what_is_empty_or_nothing_is_refused_and_leaves_nothing(
    words: list[str], said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(here.rglob("*"))
    assert said in refused(capsys, *words)
    assert sorted(here.rglob("*")) == before
