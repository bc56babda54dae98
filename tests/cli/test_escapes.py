"""What others have written reaches the terminal without its control characters, and a message ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from checkpoints import make, write
from seriatim.cli import main
from seriatim.cli.common import Screen
from seriatim.errors import visible

HOSTILE = "a\x1b[2J\x9b31m\u202eb\x07\r"


def quiet(text: str) -> bool:
    return all(c.isprintable() or c == "\n" for c in text)


def test_letters_and_line_ends_stay() -> None:
    assert visible("caf\u00e9 日本\n\tok") == "caf\u00e9 日本\n\tok"
    assert visible(HOSTILE) == "a\\x1b[2J\\x9b31m\\u202eb\\x07\\r"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write(tmp_path / "run", make("lstm", conditions=True), "lstm", conditions=True, about={"note": HOSTILE, HOSTILE: 1})
    path = tmp_path / "run" / "model.json"
    document = json.loads(path.read_text())
    for codec in document["codecs"].values():
        if "values" in codec:
            codec["values"][0] = HOSTILE
    path.write_text(json.dumps(document))
    return tmp_path / "run"


@pytest.mark.parametrize("json_too", [[], ["--json"]])
def test_a_run_is_described_without_control_characters(
    json_too: list[str], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(run), *json_too]) == 0
    said = capsys.readouterr().out
    assert quiet(said)
    assert "[2J" in said
    if json_too:
        assert json.loads(said)["about"]["note"] == HOSTILE


def test_a_message_quotes_without_control_characters_and_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (
        ["train", f"{HOSTILE}.txt"],
        ["inspect", HOSTILE],
        ["train", "x" * 5000],
        ["sample", "r", "--" + "y" * 5000],
    ):
        assert main(words) == 2
        said = capsys.readouterr().err
        assert quiet(said)
        assert said.count("\n") == 1
        assert len(said) < 700


def test_texts_of_a_model_are_escaped_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Screen().write(HOSTILE)
    assert capsys.readouterr().out == HOSTILE
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    Screen().write(HOSTILE + "\n")
    assert capsys.readouterr().out == visible(HOSTILE) + "\n"


@pytest.mark.parametrize("about", [{"validation_nats_per_token": []}, {"validation_nats_per_token": 1.0, "step": "x"}])
def test_notes_that_are_no_figures_do_not_end_a_resumed_run(
    about: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words.txt").write_text("".join(f"the cat {i} sat on the mat\n" for i in range(99)))
    run, small = tmp_path / "run", ["--steps", "1", "--quiet", "--batch", "2", "--device", "cpu"]
    words = ["train", str(tmp_path / "words.txt"), "--model", "rnn", "--net.width", "8", "--out", str(run), *small]
    assert main(words) == 0
    document = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps({**document, "about": about}))
    capsys.readouterr()
    assert main(["train", "--out", str(run), "--resume", "--quiet"]) == 0
    assert capsys.readouterr().err.splitlines()[0] == f"{run}: rnn"


def test_a_long_note_is_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "run", make("lstm"), "lstm", about={"note": "a" * 100_000, "b" * 100_000: 1})
    assert main(["inspect", str(tmp_path / "run")]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) < 700
