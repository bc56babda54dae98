"""Many samples are drawn in portions: the same samples, and no more memory than a portion takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from checkpoints import TINY, codecs
from seriatim.audio.model import AudioModel
from seriatim.cli import main
from seriatim.errors import UserError
from seriatim.image.model import ImageModel
from seriatim.models import family
from seriatim.runs import building
from seriatim.runs.trained import Trained
from seriatim.symbols import Labels
from seriatim.text.model import TextModel
from seriatim.walks import draws
from seriatim.walks.draws import portions
from seriatim.walks.walk import Walk

MODELS: dict[str, type[Trained]] = {"gru": TextModel, "gated-pixelcnn": ImageModel, "wavenet": AudioModel}


def test_portions_cover_every_row_once() -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert [range(600)[part] for part in portions(600, cpu)] == [range(256), range(256, 512), range(512, 600)]
    assert list(portions(600, gpu)) == [slice(0, 600)]
    assert list(portions(3, cpu, each=200)) == [slice(0, 1), slice(1, 2), slice(2, 3)]  # a row has its particles
    assert list(portions(2, cpu, each=1000)) == [slice(0, 1), slice(1, 2)]
    assert list(portions(0, cpu)) == []


def model_of(name: str) -> Any:
    """A model with random weights, conditioned on a label."""
    known = codecs(False, name) | {"label": Labels(["a", "b"])}
    config = family(name).config(**building.follows(family(name).data, known["x"]), **TINY[name])
    with torch.random.fork_rng():
        torch.manual_seed(2)
        model = building.build(name, config, {"label": known["label"]})
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_()
    return MODELS[name](model, known, name)


LABELS = ["a", "b", "b", "a", "b"]
DRAWN: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "texts": ("gru", lambda m: [s.text for s in m.sample("ba", 5, given={"label": LABELS}, max_length=9, seed=3)]),
    "texts of prompts": ("gru", lambda m: [s.seed for s in m.sample(["b", "", "na"], 2, max_length=4, seed=3)]),
    "pictures": ("gated-pixelcnn", lambda m: m.sample(5, given={"label": LABELS}, seed=[4, 3, 2, 1, 0]).tolist()),
    "completions": (
        "gated-pixelcnn",
        lambda m: m.complete(
            np.zeros(m.shape, np.uint8), np.eye(*m.shape[:2]) > 0, 5, particles=2, given={"label": "a"}, seed=1
        ).tolist(),
    ),
    "recordings": ("wavenet", lambda m: m.sample(0.002, 5, given={"label": LABELS}, seed=3).tolist()),
    "continued recordings": (
        "wavenet",
        lambda m: m.sample(0.001, 5, prompt=np.zeros((6, 2), np.int16), given={"label": {"a": 0.5, "b": 0.5}}).tolist(),
    ),
}


@pytest.mark.parametrize("what", DRAWN)
def test_portions_are_what_all_rows_at_once_would_be(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, draw = DRAWN[what]
    model, seen, begin = model_of(name), list[int](), Walk.__init__

    def counted(walk: Walk, stepper: Any, batch: int, *rest: Any) -> None:
        seen.append(batch)
        begin(walk, stepper, batch, *rest)

    monkeypatch.setattr(Walk, "__init__", counted)
    whole = draw(model)
    assert len(seen) == 1
    assert seen[0] >= 5
    assert any(one != whole[0] for one in whole)
    seen.clear()
    monkeypatch.setattr(draws, "ROWS", 2)
    assert draw(model) == whole
    assert len(seen) >= 3
    assert max(seen) <= 2


def test_progress_counts_the_symbols_of_all_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = model_of("gated-pixelcnn"), list[int]()
    monkeypatch.setattr(draws, "ROWS", 2)
    model.sample(3, progress=seen.append)
    total = int(np.prod(model.shape))  # of one picture
    assert seen == [2 * i // 3 for i in range(1, total + 1)] + [(2 * total + i) // 3 for i in range(1, total + 1)]


BEYOND = 1_000_001


@pytest.mark.parametrize("name", MODELS)
def test_more_than_a_million_samples_are_refused_before_any_is_drawn(name: str) -> None:
    model = model_of(name)
    with pytest.raises(UserError, match=r"1,000,001 .* are asked for; expected at most 1,000,000"):
        model.sample(n=BEYOND)


def test_lengths_that_no_sample_has_are_refused() -> None:
    with pytest.raises(UserError, match="max-length is 1,000,001; expected at most 1,000,000"):
        model_of("gru").sample(max_length=BEYOND)
    with pytest.raises(UserError, match="seconds is 90000; give more than 0, at most 86,400"):
        model_of("wavenet").sample(90_000.0)
    image = model_of("gated-pixelcnn")
    with pytest.raises(UserError, match="at most 10000 particles"):
        image.complete(np.zeros(image.shape, np.uint8), np.eye(*image.shape[:2]) > 0, particles=10**9)


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        ("gru", ["-n", "1000000000"], "1,000,000,000 samples are asked for; expected at most 1,000,000"),
        ("gru", ["-n", "0"], "-n is 0; give 1 or more"),
        ("gated-pixelcnn", ["-n", "1000000000"], "1,000,000,000 pictures of 4 × 3 are too many for a sheet"),
        ("gated-pixelcnn", ["-n", "1000000000", "--singles"], "1,000,000,000 pictures are asked for"),
        ("wavenet", ["-n", "1000000000"], "1,000,000,000 recordings are asked for"),
        ("wavenet", ["--seconds", "1e9"], "seconds is 1e+09; give more than 0, at most 86,400"),
    ],
)
def test_the_command_refuses_in_one_line_and_writes_nothing(
    name: str, words: list[str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    model_of(name).save(tmp_path / "run")
    assert main(["sample", "run", *words]) == 2
    said = capsys.readouterr().err
    assert expected in said
    assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_files_of_several_portions_are_all_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in MODELS:
        model_of(name).save(tmp_path / name)

    def everything() -> dict[str, bytes]:
        assert main(["sample", "gru", "-n", "5", "--max-length", "4", "-o", "texts"]) == 0
        assert main(["sample", "gated-pixelcnn", "-n", "5", "--singles", "-o", "singles"]) == 0
        assert main(["sample", "wavenet", "-n", "5", "--seconds", "0.005", "-o", "x.flac"]) == 0
        files = [tmp_path / "texts", *sorted((tmp_path / "singles").iterdir()), *sorted(tmp_path.glob("x-*.flac"))]
        assert len(files) == 11
        return {path.name: path.read_bytes() for path in files}

    whole = everything()
    monkeypatch.setattr(draws, "ROWS", 2)
    assert everything() == whole
    assert whole["texts"].count(b"---") >= 10
