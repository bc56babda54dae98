"""The demo: its figures of pictures, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from seriatim.cli import demo, main


def test_the_digits_get_a_figure_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.setattr(demo, "_steps", lambda *_: 1)
    demo._digits(tmp_path / "digits", 1.0, [1])
    said = capsys.readouterr().out
    assert "bits/dim given label over 180 pictures; 4.09 bits/dim is uniform" in said
    assert (tmp_path / "digits" / "samples" / "demo.png").is_file()


def test_a_demo_takes_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--seconds", "-1", "--out", str(tmp_path / "demo")]) == 2
    assert capsys.readouterr().err == "seriatim: --seconds is -1; give 1 or more\n"
    assert not (tmp_path / "demo").exists()
