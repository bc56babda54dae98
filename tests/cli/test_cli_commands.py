"""Every command, used as it is meant: what it prints, what it writes."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from seriatim.cli import main
from seriatim.models import FAMILIES
from seriatim.text.model import TextModel
from seriatim.text.options import TextOptions
from seriatim.training.run import Means, start
from seriatim.walks.noise import own_seeds
from tiny_text import plan, records_file, text_file

QUIET = Means(quiet=True)

COMMANDS = [
    "train",
    "sample",
    "evaluate",
    "score",
    "explore",
    "inspect",
    "export",
    "models",
    "demo",
    "data",
    "complete",
    "classify",
    "reconstruct",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("run")
    start(plan(text_file(place), steps=20, lr=1e-2, evaluate_every=20), place / "run", QUIET)
    return place / "run"


@pytest.fixture(scope="module")
def conditioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("conditioned")
    chosen = plan(records_file(place), "gru", text=TextOptions(given=("genre", "year")), steps=5)
    start(chosen, place / "run", QUIET)
    return place / "run"


def out(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main([str(word) for word in words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("words", [[], *([c] for c in COMMANDS), *(["data", c] for c in ("list", "info", "fetch"))])
def test_every_command_has_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    said = out(capsys, *words, "--help")
    assert said.startswith(f"Usage: seriatim{''.join(' ' + word for word in words)}")
    assert "--no-" not in said.replace("--no-repeat ", "")
    assert "--empty-" not in said


def test_help_keeps_what_looks_like_a_tag(capsys: pytest.CaptureFixture[str]) -> None:
    assert "<unk>" in out(capsys, "train", "--help")
    assert "Options apply in this order" in out(capsys, "sample", "--help")


def test_the_list_of_commands_says_what_each_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    said = out(capsys, "--help")
    for command in COMMANDS:
        (line,) = (line for line in said.splitlines() if line.startswith(f"│ {command} "))
        assert len(line.strip("│ ").split()) > 3


def test_help_brings_no_torch() -> None:
    code = (
        "import sys; from seriatim.cli import main\n"
        "for words in ([], ['train'], ['sample'], ['demo'], ['data', 'list']): main([*words, '--help'])\n"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0


def test_train_says_where_it_is_and_what_is_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, folder = text_file(tmp_path), tmp_path / "a run"
    words = (
        "--net.width 8 --net.layers 1 --net.heads 2 --net.context=12 --train.steps=3 --train.batch 2 --train.device cpu"
    )
    assert main(["train", str(data), "--out", str(folder), *words.split()]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert f"next: seriatim sample '{folder}'" in said.err
    assert "best validation" in said.err
    assert TextModel.load(folder).model.config.width == 8


def test_train_from_a_run_and_from_hugging_face(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = text_file(tmp_path)
    assert "model.safetensors" in out(capsys, "export", run, tmp_path / "hf")
    for i, source in enumerate((run, tmp_path / "hf")):
        more = ["--train.steps", "1", "--train.samples", "0", "--quiet"]
        assert main(["train", str(data), "--from", str(source), "--out", str(tmp_path / f"{i}"), *more]) == 0
    assert main(["train", str(data), "--from", str(run), "--net.width", "64"]) == 2
    again = ["--from", str(run), "--net.dropout", "0.5", "--train.steps", "1", "--train.samples", "0", "--quiet"]
    assert main(["train", str(data), *again, "--out", str(tmp_path / "drops")]) == 0
    assert TextModel.load(tmp_path / "drops").model.config.dropout == 0.5


def test_sample(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = out(capsys, "sample", run, "--max-length", 20, "--prompt", "the ", "--seed", 4)
    assert one.startswith("the ")
    assert out(capsys, "sample", run, "--max-length", 20, "--prompt", "the ", "--seed", 4, "--stream") == one
    several = out(
        capsys, "sample", run, "-n", 2, "--max-length", 9, "--prompt", "a", "--prompt", "on\\n", "--log-probs"
    )
    assert several.count("--- sample") == 4
    assert several.count(" nats in ") == 4
    assert "on\n" in several
    rows = [json.loads(line) for line in out(capsys, "sample", run, "-n", 3, "--max-length", 9, "--json").splitlines()]
    assert len(rows) == 3
    assert set(rows[0]) == {"text", "prompt", "ended", "seed", "symbols", "log_probs_nats", "log_prob_nats"}
    assert rows[0]["log_prob_nats"] == pytest.approx(sum(rows[0]["log_probs_nats"]))
    assert out(capsys, "sample", run, "--max-length", 5, "-o", tmp_path / "s.txt") == ""
    assert (tmp_path / "s.txt").read_text() == out(capsys, "sample", run, "--max-length", 5)
    (tmp_path / "prompt.txt").write_text("sat on")
    assert out(capsys, "sample", run, "--prompt-file", tmp_path / "prompt.txt", "--max-length", 3).startswith("sat on")
    (tmp_path / "prompt.txt").write_bytes(b"\xef\xbb\xbfsat\r\non")  # as Windows writes it
    windows = out(capsys, "sample", run, "--prompt-file", tmp_path / "prompt.txt", "--max-length", 3, "--json")
    assert json.loads(windows)["prompt"] == "sat\non"


def test_a_session_continues_what_is_typed(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = "the cat\n\non\\ta\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    said = out(capsys, "sample", run, "--interactive", "--max-length", 8, "--seed", 4)
    model = TextModel.load(run)
    first, second, third = own_seeds(4, 3)
    one = str(model.sample("the cat", max_length=8, seed=first)[0])
    two = str(model.sample(one, max_length=8, seed=second, slide=True)[0])
    three = str(model.sample("on\ta", max_length=8, seed=third)[0])
    assert said == f"{one}\n{two}\n{three}\n"
    for wrong in ("--json", "-n=2", "--stream", "--prompt=a"):
        assert main(["sample", str(run), "--interactive", wrong]) == 2
    assert capsys.readouterr().err.count(" apply to an interactive session") == 4


def test_a_line_at_fault_does_not_end_a_session(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a\udc80\nthe\n"))
    assert main(["sample", str(run), "--interactive", "--max-length", "2"]) == 0
    said = capsys.readouterr()
    assert "surrogate" in said.err
    assert said.out.splitlines()[1].startswith("the")


def test_sample_with_every_option(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = "--temperature 0.7 --top-k 9 --top-p 0.9 --min-p 0.01 --typical 0.9 --repetition 1.1 --presence 0.1 "
    words += "--frequency 0.1 --bias a=1 --forbid <unk> --forbid t --seed 1 --seed 2 -n 2 --stop on --min-length 2"
    said = out(capsys, "sample", run, "--max-length", 40, *words.split())
    assert "t" not in "".join(line for line in said.splitlines() if not line.startswith("---"))


def test_conditions_are_given_by_name(conditioned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["sample", conditioned, "--json"], ["explore", conditioned]):
        texts = {out(capsys, *command, "--given", f"genre={g}", "--given", "year=1903") for g in ("low", "high")}
        assert len(texts) == 2
    assert out(capsys, "sample", conditioned, "--max-length", 5)
    assert "genre (labels: " in out(capsys, "inspect", conditioned)


def test_evaluate(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(out(capsys, "evaluate", run, "--json"))
    assert found["data"].endswith("test split")
    assert found["perplexity"] == pytest.approx(math.exp(found["nats_per_token"]))
    for key in ("nats_per_token", "bits_per_char", "bits_per_byte"):
        assert found[key] > 0
        assert f"{key}_standard_error" in found
    text = out(capsys, "evaluate", run)
    assert f"bits/char    {found['bits_per_char']:.4f}" in text
    assert json.loads(out(capsys, "evaluate", run, "--split", "validation", "--json"))["bits_per_char"] > 0
    (tmp_path / "own.txt").write_text("the cat sat on a mat")
    own = json.loads(out(capsys, "evaluate", run, tmp_path / "own.txt", "--json"))
    assert (own["documents"], own["characters"], own["bytes"], own["tokens"]) == (1, 20, 20, 21)
    assert own["nats_per_token_standard_error"] is None
    model = TextModel.load(run)
    assert own["nats"] == pytest.approx(-model.log_prob("the cat sat on a mat")[0], rel=1e-6)


class Piped:
    """Standard input that is a pipe."""

    def __init__(self, text: str) -> None:
        self.buffer = io.BytesIO(text.encode())


def test_evaluate_says_that_the_data_has_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = text_file(tmp_path)
    start(plan(file, steps=1), tmp_path / "run", QUIET)
    assert main(["evaluate", str(tmp_path / "run")]) == 0
    assert "has changed" not in capsys.readouterr().err
    file.write_text(file.read_text() + "one more line\n")
    assert main(["evaluate", str(tmp_path / "run")]) == 0
    assert "has changed since this run was trained" in capsys.readouterr().err


def test_score_puts_the_surprising_first(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {"likely.txt": "the cat sat on a mat ", "unlikely.txt": "mmmmm nnnnnn ttttttt"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    rows = [json.loads(line) for line in out(capsys, "score", run, tmp_path, "--json").splitlines()]
    assert [row["name"] for row in rows] == [str(tmp_path / name) for name in ("unlikely.txt", "likely.txt")]
    wanted = -TextModel.load(run).log_prob(texts["likely.txt"])[0] / math.log(2)
    assert rows[1]["bits"] == pytest.approx(wanted, rel=1e-6)
    assert rows[1]["bits_per_char"] == pytest.approx(wanted / len(texts["likely.txt"]), rel=1e-6)
    monkeypatch.setattr(sys, "stdin", Piped(texts["likely.txt"]))
    (row,) = [json.loads(line) for line in out(capsys, "score", run, "-", "--json").splitlines()]
    assert row["bits"] == pytest.approx(wanted, rel=1e-6)
    assert "bits/char" in out(capsys, "score", run, tmp_path / "likely.txt", tmp_path / "unlikely.txt")
    (row,) = [
        json.loads(line)
        for line in out(capsys, "score", run, tmp_path / "likely.txt", "--symbols", "--json").splitlines()
    ]
    assert "".join(each["text"] for each in row["symbols"]) == (tmp_path / "likely.txt").read_text()
    assert row["symbols"][-1]["symbol"] == "<end>"
    assert row["bits"] == pytest.approx(-sum(each["log_prob_nats"] for each in row["symbols"]) / math.log(2))
    lines = out(capsys, "score", run, tmp_path / "likely.txt", "--symbols").splitlines()
    assert len(lines) == 1 + len(row["symbols"])
    assert lines[1].split() == [f"{row['symbols'][0]['log_prob_nats']:.4f}", "nats", row["symbols"][0]["symbol"]]
    same = [tmp_path / place / "same.txt" for place in ("a", "b")]
    for path in same:
        path.parent.mkdir()
        path.write_text("the cat")
    rows = [json.loads(line) for line in out(capsys, "score", run, *same, "--json").splitlines()]
    assert sorted(row["name"] for row in rows) == sorted(map(str, same))


def test_nothing_is_less_than_zero_bits(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sure.txt").write_text("the cat")
    for term in (0.0, 1e-12):  # −log p of what is certain, and a rounding away from it
        monkeypatch.setattr(TextModel, "log_probs", lambda *_, term=term: [np.full(8, term)])
        said = out(capsys, "score", run, tmp_path / "sure.txt") + out(capsys, "evaluate", run, tmp_path / "sure.txt")
        assert " 0.0000" in said
        assert "-0.0" not in said


def test_training_on_standard_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = text_file(tmp_path).read_text()
    words = [
        "--net.width",
        "8",
        "--net.layers",
        "1",
        "--net.context",
        "12",
        "--train.steps",
        "2",
        "--train.samples",
        "0",
        "--quiet",
    ]
    for again in ([], ["--resume"]):
        monkeypatch.setattr(sys, "stdin", Piped(text))
        command = ["train", *(again or ["-", "--model", "rnn", *words]), "--out", str(tmp_path / "run")]
        assert main(command) == 0
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "run")]) == 2
    assert "standard input" in capsys.readouterr().err


def test_explore_inspect_models_and_data(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = out(capsys, "explore", run, "--prompt", "the c", "--top", 3, "--temperature", 1, "--temperature", "0.2")
    assert said.count(" % ") == 6
    held = json.loads(out(capsys, "inspect", run, "--json"))
    model = TextModel.load(run)
    assert held["parameters"] == sum(p.numel() for p in model.model.parameters())
    assert held["looks_back_symbols"] == 12
    assert f"{held['parameters']:,} parameters" in out(capsys, "inspect", run)
    assert set(json.loads(out(capsys, "models", "--json"))) >= {"rnn", "lstm", "gru", "transformer"}
    assert json.loads(out(capsys, "models", "lstm", "--json"))["text"]["width"] == 256
    assert "--net.heads" in out(capsys, "models", "transformer")
    assert "transformer" in out(capsys, "models")
    for family in FAMILIES:
        sizes = [line for line in out(capsys, "models", family).splitlines() if line.startswith("  --net.")]
        assert sizes
        for line in sizes:  # inherited ones too
            assert not line[len("  --net.") :].split(maxsplit=1)[1].startswith("["), line
    listed = json.loads(out(capsys, "data", "list", "--json"))
    assert listed["pydoc"]["at_hand"] is True
    assert "pydoc" in out(capsys, "data", "list")
    assert json.loads(out(capsys, "data", "info", "tinyshakespeare", "--json"))["files"][0]["bytes"] == 1_115_394
    assert "sha256" in out(capsys, "data", "info", "tinyshakespeare")


def test_search_and_folds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = text_file(tmp_path)
    words = [
        "--model",
        "rnn",
        "--net.width",
        "8",
        "--net.layers",
        "1",
        "--net.context",
        "12",
        "--train.steps",
        "4",
        "--train.samples",
        "0",
    ]
    said = out(capsys, "train", data, "--folds", 2, "--out", tmp_path / "folds", *words)
    assert said.startswith("2 folds: ")
    assert out(capsys, "train", "--out", tmp_path / "folds", "--resume") == said
    assert main(["train", str(data), "--search", "2", "--out", str(tmp_path / "search"), *words]) == 0
    assert "trial 2/2: lr" in capsys.readouterr().err
    assert out(capsys, "evaluate", tmp_path / "search")
    assert out(capsys, "evaluate", tmp_path / "folds" / "fold-2", "--split", "validation")
    config, other = tmp_path / "folds" / "fold-2" / "config.toml", tmp_path / "other.txt"
    other.write_text(data.read_text())
    for name, words in (("same", []), ("else", [other])):
        assert main([str(word) for word in ("train", *words, "--config", config, "--out", tmp_path / name)]) == 0
        divided = "fold = [" in (tmp_path / name / "config.toml").read_text()
        assert divided == (name == "same")
        assert ("is of fold 2 of 2; this run is not divided so" in capsys.readouterr().err) != divided


def test_a_reader_who_has_enough_is_no_error(run: Path) -> None:
    command = (
        f"{sys.executable} -m seriatim sample '{run}' -n 60 --max-length 100 | head -c 20; exit ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout) == 20


def test_text_is_written_as_utf_8_in_any_locale(run: Path) -> None:
    import os

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "seriatim",
            "sample",
            str(run),
            "--bias",
            "<unk>=9",
            "--prompt",
            "the",
            "--max-length",
            "3",
        ],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.decode().startswith("the")
