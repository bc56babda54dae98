"""metrics.jsonl, the curve and the progress line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seriatim.drawing.curves import draw_curve
from seriatim.errors import UserError
from seriatim.training.meter import Meter
from seriatim.training.observers import Evaluation, Log, Step, read
from seriatim.training.unit import NATS_PER_TOKEN


def test_a_log_is_cut_back_to_the_step_that_is_resumed_from(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    log = Log(path)
    for step in (1, 2, 3, 4):
        log.write({"step": step, "x": step / 3})
    log.close()
    log = Log(path, resume_from=2)
    log.write({"step": 3, "x": 7})
    log.close()
    assert [row["x"] for row in read(path)] == [1 / 3, 2 / 3, 7]


@pytest.mark.parametrize("tail", ['{"step": 2, "x"', '{"step": 2}', "\x00\x00\n", "\xff\n", '{"x": 1}\n', "[2]\n"])
def test_a_last_line_that_was_cut_off_is_left_out(tail: str, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n' + tail, encoding="latin-1")
    log = Log(path, resume_from=5)
    log.write({"step": 6})
    log.close()
    assert path.read_text() == '{"step": 1}\n{"step": 6}\n'


def test_a_new_run_begins_a_new_log(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("old\n")
    Log(path).close()
    assert path.read_text() == ""


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(tmp_path / "metrics.jsonl")

    class Full:
        def write(self, text: str) -> None:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(log, "_file", Full())
        with pytest.raises(UserError, match="No space left on device; free some space and --resume"):
            log.write({"step": 1})
    log.close()


def test_the_curve_is_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "metrics.jsonl"
    assert not draw_curve(read(path), tmp_path / "curve.png", "nats_per_token", "nats/token")
    rows = [{"step": i, "train_nats_per_token": 3 / i, "validation_nats_per_token": 4 / i} for i in range(1, 20)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert draw_curve(read(path), tmp_path / "curve.png", "nats_per_token", "nats/token")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert (tmp_path / "curve.png").stat().st_size > 5000


def test_without_a_terminal_there_are_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    meter = Meter(10)
    for step in range(1, 11):
        meter.on_step(Step(step, 10, 1.5, NATS_PER_TOKEN, 1e-3, 100))
    meter.on_evaluation(Evaluation(10, 1.25, NATS_PER_TOKEN, True))
    meter.say("done [bold]")
    meter.close()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[1:] == ["step 10 · validation 1.2500 nats/token · best so far", "done [bold]"]
    assert said.err.startswith("step 10/10 · 1.500 nats/token")
    quiet = Meter(10, quiet=True)
    quiet.on_step(Step(10, 10, 1.0, NATS_PER_TOKEN, 1e-3, 1))
    quiet.say("nothing")
    assert capsys.readouterr().err == ""
