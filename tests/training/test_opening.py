"""What is said before the first step, for every kind of data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import seriatim
from seriatim.drawing.sheets import named, save_grid
from seriatim.symbols import Labels, Numbers, Vectors
from seriatim.training.task import conditions_in_words
from tiny_audio import noise, save

SIZES = {
    "text": {"width": 8, "layers": 1, "context": 8},
    "image": {"filters": 4, "layers": 1, "first": 3},
    "audio": {"residual": 4, "gate": 4, "skip": 4, "cycles": 1, "dilations": 2},
}


def said(
    kind: str, source: Any, place: Path, capsys: pytest.CaptureFixture[str], **options: Any
) -> tuple[list[str], Any]:
    """The first two lines, and the model."""
    family = "gru" if kind == "text" else None
    options = {"steps": 1, "samples": 0, "device": "cpu", "batch": 2, **options}
    model = seriatim.train(source, family, kind=kind, out=place / "run", net=SIZES[kind], **options)
    return capsys.readouterr().err.splitlines()[:2], model


def end(model: Any, place: Path, suits: str = " (dropout 0.1 for these data)") -> str:
    size = sum(p.numel() for p in model.model.parameters())
    threads = torch.get_num_threads()
    return f"{model.family}: {size:,} parameters{suits}, on cpu, {threads} thread; run: {place / 'run'}"


def test_texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.jsonl"
    records = [{"text": f"{i:03d}", "genre": "ab"[i % 2], "year": i} for i in range(40)]
    path.write_text("\n".join(map(json.dumps, records)))
    lines, model = said("text", path, tmp_path, capsys, text=seriatim.TextOptions(given=("genre", "year")))
    assert lines[0] == (
        f"{path}: documents: 32 train (96 characters), 4 validation (12 characters), 4 test (12 characters); "
        f"128 training symbols, {model.tokenizer.size} in the vocabulary (characters); conditions: genre (2: a, b; "
        "from the fields of the records), year (a number; from the fields of the records)."
    )
    assert lines[1] == end(model, tmp_path)


def test_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(30):
        path = tmp_path / "photos" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 5), 8 * i, np.uint8)).save(path)
    lines, model = said("image", tmp_path / "photos", tmp_path, capsys)
    assert lines[0] == (
        f"{tmp_path / 'photos'}: pictures: 24 train, 3 validation, 3 test; 4 × 5, grey, 256 levels; conditions: label "
        "(2: a, b; from subfolders)."
    )
    assert lines[1] == end(model, tmp_path, " (mixtures 10 for these data)")


def test_recordings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(30):
        save(tmp_path / "voices" / ("odd" if i == 0 else "all") / f"{i}.wav", noise(i, 800))
    options = {"audio": seriatim.AudioOptions(length=100), "data": seriatim.DataOptions(test=0, validation=0.9)}
    lines, model = said("audio", tmp_path / "voices", tmp_path, capsys, **options)
    assert lines[0].startswith(
        f"{tmp_path / 'voices'}: recordings: 3 train (0.3 s), 27 validation (2.7 s); 8000 Hz, mono, 256 levels of "
        "μ-law; conditions: label (1: all; from subfolders). In validation, label counts as missing for 1 of 27 "
        "recordings; unknown: 'odd' (1); the model knows 'all'."
    )
    assert lines[1] == end(model, tmp_path)


def test_conditions_in_words() -> None:
    codecs = {
        "x": Labels(["never"]),
        "kind": Labels([f"k{i}" for i in range(9)]),
        "year": Numbers(2000, 1),
        "v": Vectors(np.zeros(3), np.ones(3)),
        "odd": Labels(["\x1b[31m"]),
    }
    assert conditions_in_words(codecs, {"kind": "labels.csv"}) == (
        "conditions: kind (9: k0, k1, k2, k3, k4, …; from labels.csv), year (a number), v (3 numbers), "
        "odd (1: \\x1b[31m)."
    )
    assert conditions_in_words({"x": Labels(["never"])}, {}) == "conditions: none."


def test_a_sheet_names_its_columns(tmp_path: Path) -> None:
    x = np.full((6, 28, 28, 1), 200, np.uint8)
    save_grid(x, tmp_path / "plain.png", 3)
    save_grid(x, tmp_path / "named.png", 3, ["cat", "a name that is far too long for the room there is", "\x07"])
    plain, sheet = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("plain", "named"))
    strip = sheet[: len(sheet) - len(plain)]
    assert np.array_equal(sheet[len(strip) :], plain)
    step = 29 * (plain.shape[1] // 86)
    dark = [int((strip[:, i * step : (i + 1) * step] < 128).sum()) for i in range(3)]
    assert dark[1] > dark[0] > dark[2] > 0
    assert (strip[:, step - 1] == 255).all()  # a name keeps to its column
    tiny = named(Image.new("RGB", (8, 8)), ["cat", "dog"], 4)
    assert (np.asarray(tiny)[:8] == 255).all()
