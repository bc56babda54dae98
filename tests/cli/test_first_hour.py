"""What new users stumbled over in their first hour, said in one line each."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from seriatim.audio.data.opening import open_recordings
from seriatim.cli import main
from seriatim.cli.train import _finish
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.image.data.opening import open_gallery
from seriatim.image.options import ImageOptions
from seriatim.text.data.opening import open_corpus
from seriatim.text.options import TextOptions
from tiny_text import records_file, text_file

SMALL = ["--model", "rnn", "--net.width", "8", "--net.layers", "1", "--net.context", "12", "--train.samples", "0"]


def train(*words: object) -> int:
    return main(["train", *map(str, words), *SMALL, "--steps", "2"])


def test_a_taken_folder_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = text_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert train(data) == 0
    assert "is taken" not in capsys.readouterr().err
    assert train(data) == 0
    assert f"runs/{data.stem}-rnn is taken; this run is written to runs/{data.stem}-rnn-2" in capsys.readouterr().err


@pytest.mark.parametrize(("typed", "meant"), [("--step", "--steps"), ("--stpes", "--steps"), ("--modle", "--model")])
def test_the_nearest_option_is_a_short_one(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "x.txt", typed, "2"]) == 2
    said = capsys.readouterr().err
    assert "Unknown option" in said
    assert f"Did you mean {meant}?" in said


@pytest.mark.parametrize("step", [0, 20])
def test_a_model_that_never_became_better_is_said_to_be_untrained(
    step: int, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = SimpleNamespace(about={"step": step, "validation_bits_per_dim": 3.0}, family="gru", kind="text")
    assert _finish(Path("run"), cast(Any, trained)) == 0
    assert ("its samples are noise; train longer" in capsys.readouterr().err) == (step == 0)


def test_an_early_stop_can_be_gone_beyond(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run = text_file(tmp_path), tmp_path / "run"
    words = [str(data), "--out", str(run), "--lr", "5", "--train.patience", "1", "--train.evaluate-every", "1"]
    assert main(["train", *words, *SMALL, "--steps", "40", "--train.spike", "1000"]) == 0
    assert "no improvement for 1 evaluations: stopped at step" in capsys.readouterr().err
    assert main(["train", "--out", str(run), "--resume"]) == 0
    assert "stopped early at step" in (said := capsys.readouterr().err)
    assert "--resume --train.patience 0 goes on to the end" in said
    assert main(["train", "--out", str(run), "--resume", "--train.patience", "0"]) == 0
    assert "step 40/40" in capsys.readouterr().err


def test_labels_that_may_be_given_are_named_and_lacking_ones_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, run = records_file(tmp_path), tmp_path / "run"
    assert train(data, "--text.given", "genre", "--out", run) == 0
    assert "In training, genre counts as missing for" in capsys.readouterr().err
    assert main(["sample", str(run), "--max-length", "3"]) == 0
    assert "drawn without genre, which may be given, e.g. --given genre=" in capsys.readouterr().err
    assert main(["sample", str(run), "--max-length", "3", "--given", "genre=high"]) == 0
    assert "drawn without" not in capsys.readouterr().err


def test_pairs_with_few_sources_are_for_labels(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(
        "text,mood\n" + "".join(f"a text of its own {i},{'ab'[i % 2]}\n" for i in range(60))
    )
    with pytest.raises(UserError, match=r"the 60 pairs have 2 different sources, .* for a label use --text\.given"):
        open_corpus(tmp_path / "x.csv", TextOptions(source="mood"))


def test_what_a_chosen_size_does_is_said(tmp_path: Path) -> None:
    for i in range(30):
        size = (8, 8) if i % 2 else (12, 8)
        Image.fromarray(np.full((*size, 3), 8 * i, np.uint8)).save(tmp_path / f"{i}.png")
    noted = open_gallery(tmp_path, ImageOptions(size=(8, 8)), DataOptions()).note
    assert "30 of 30 pictures are cropped and resized to 8 × 8 where they have another size." in noted


def test_what_evaluation_does_to_files_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(30):
        Image.fromarray(np.full((6, 6, 3), 8 * i, np.uint8)).save(tmp_path / f"{i}.png")
    run, other = tmp_path / "run", tmp_path / "other"
    sizes = ["--net.filters", "4", "--net.layers", "1", "--net.first", "3", "--train.samples", "0", "--steps", "1"]
    assert main(["train", str(tmp_path), "--kind", "image", "--out", str(run), *sizes]) == 0
    other.mkdir()
    Image.fromarray(np.full((12, 6, 3), 9, np.uint8)).save(other / "a.png")
    capsys.readouterr()
    for command in ("evaluate", "score"):
        assert main([command, str(run), str(other)]) == 0
        assert f"{other}: 1 of 1 pictures are cropped and resized to 6 × 6" in capsys.readouterr().err


def test_who_chooses_a_column_is_not_told_of_plain_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "x.csv"
    data.write_text("review,mood\n" + "".join(f"a text of its own {i},{'ab'[i % 2]}\n" for i in range(60)))
    assert train(data, "--out", tmp_path / "plain") == 0
    assert "a table read as plain text; --text.field NAME reads a column: review, mood" in capsys.readouterr().err
    assert train(data, "--out", tmp_path / "column", "--text.field", "review", "--text.given", "mood") == 0
    assert "plain text" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["nofile.png", "no/folder"])
def test_a_path_that_is_not_there_is_said_to_be_none(name: str) -> None:
    with pytest.raises(UserError, match=f"'{name}': no such file or folder: check the path"):
        open_gallery(name)
    with pytest.raises(UserError, match=f"'{name}': no such file or folder: check the path"):
        open_recordings(name)
