"""What `--help` looks like."""

from __future__ import annotations

import pytest

from seriatim.cli import main
from seriatim.cli.help import unwrapped


def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(words.split()) == 0
    return capsys.readouterr().out


def test_a_paragraph_is_one_line_and_examples_stay_apart() -> None:
    text = "First\n    second.\n\n    Examples:\n\n      one\n      two\n\n    Third\n    fourth."
    assert unwrapped(text) == "First second.\n\nExamples:\n\n  one\n  two\n\nThird fourth."


@pytest.mark.parametrize("command", ["train", "sample", "evaluate", "complete", "reconstruct", "classify", "score"])
def test_help_is_wrapped_to_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    text = shown(capsys, monkeypatch, f"{command} --help")
    rows = [line[2:-2] for line in text.splitlines() if line.startswith("│")]
    lefts = {len(row) - len(row.lstrip()) for row in rows}
    assert max(map(len, text.splitlines())) <= 80
    assert len(lefts) <= 4, "names start at one of two columns, and descriptions go on at one for each panel"
    for empty in ("[default: False]", "[default: ()]", "[default: []]", '[default: ""]'):
        assert empty not in text


def test_the_examples_of_train_have_a_line_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = shown(capsys, monkeypatch, "train --help").splitlines()
    assert "  seriatim train novel.txt" in lines
    assert "  seriatim train --out runs/novel-lstm --resume" in lines
