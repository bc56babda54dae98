"""`config.toml`: a run's plan, which --config repeats and typed options override."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from seriatim.cli import main
from seriatim.errors import UserError
from seriatim.modality import modalities
from seriatim.runs import files
from seriatim.training.plan import Plan
from seriatim.training.run import plan_of
from seriatim.training.settings import Settings, read, text_of
from tiny_text import metrics, text_file

QUICK = [
    "--net.width",
    "8",
    "--net.layers",
    "1",
    "--net.context",
    "8",
    "--train.samples",
    "0",
    "--quiet",
    "--threads",
    "1",
    "--device",
    "cpu",
]


@pytest.mark.parametrize("kind", [record.name for record in modalities()])
def test_a_plan_comes_back_from_its_file(kind: str, tmp_path: Path) -> None:
    record = next(each for each in modalities() if each.name == kind)
    made = Plan("data", kind, record.family, {"layers": 2}, begin="runs/a", fold=(1, 3))
    (tmp_path / "config.toml").write_text(text_of(made.settings()))
    assert Plan.of(read(tmp_path / "config.toml"), "config.toml") == made
    document = tomllib.loads((tmp_path / "config.toml").read_text())
    assert document["data"]["path"] == "data"
    assert set(record.options) <= set(document) | {"code", "track"}


def test_a_runs_settings_repeat_it_bit_for_bit_and_what_is_typed_overrides_them(tmp_path: Path) -> None:
    text = text_file(tmp_path)
    first = [
        "train",
        str(text),
        "--model",
        "lstm",
        *QUICK,
        "--steps",
        "4",
        "--batch",
        "2",
        "--lr",
        "1e-2",
        "--seed",
        "3",
    ]
    assert main([*first, "--out", str(tmp_path / "a")]) == 0
    plan = plan_of(tmp_path / "a")[0]
    assert (plan.train.steps, plan.train.batch, plan.train.lr, plan.train.seed) == (4, 2, 1e-2, 3)
    config = str(tmp_path / "a" / "config.toml")
    assert main(["train", "--config", config, "--out", str(tmp_path / "b"), "--quiet", "--threads", "1"]) == 0
    one, other = (files.open_pair(tmp_path / name, "model")[0] for name in "ab")
    assert one == other
    assert metrics(tmp_path / "a") == metrics(tmp_path / "b")
    again = ["train", "--config", config, "--steps", "2", "--model", "gru", "--out", str(tmp_path / "c"), "--quiet"]
    assert main([*again, "--net.width", "8", "--net.layers", "1", "--net.context", "8"]) == 0
    changed = plan_of(tmp_path / "c")[0]
    assert (changed.train.steps, changed.family, changed.train.seed) == (2, "gru", 3)
    assert changed.net == {"width": 8, "layers": 1, "context": 8}  # not the other family's sizes


def test_a_file_of_ones_own_needs_only_what_differs(tmp_path: Path) -> None:
    text = text_file(tmp_path)
    (tmp_path / "mine.toml").write_text(
        f'model = "gru"\n[data]\npath = "{text}"\n[net]\nwidth = 8\nlayers = 1\ncontext = 8\n'
        "[train]\nsteps = 2\nevaluate-every = 1\nsamples = 0\n[tokens]\ncasing = 'lower'\n"
    )
    assert main(["train", "--config", str(tmp_path / "mine.toml"), "--out", str(tmp_path / "run"), "--quiet"]) == 0
    plan = plan_of(tmp_path / "run")[0]
    assert (plan.family, plan.train.lr, plan.train.evaluate_every) == ("gru", 4e-3, 1)  # the family's own rate
    assert plan.options["tokens"].casing == "lower"  # pyright: ignore


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[train]\nstepz = 3", "train has the unknown key 'stepz'; did you mean 'steps'"),
        ("[train]\nlr = 'fast'", "lr is 'fast'; expected a number"),
        ("[train]\nlr = -1", "--train.lr is -1"),
        ("model = 3", "model is '3'; expected a word"),
        ("train = 3", "train must be a table"),
        ("[model]\na = 1", "model must not be a table"),
        ("colour = 'red'", "unknown key 'colour'"),
        ("kind = 'film'", "kind is 'film'"),
        ("[data]\npath = 3", "data.path is '3'"),
        ("fold = [3, 3]", "fold is '\\[3, 3\\]'"),
        ("a = ", "is not TOML"),
        ("a = [" + "[" * 9000, "is not TOML"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(UserError, match=said):
        read(tmp_path / "x.toml")


def test_nothing_is_written_for_what_is_left_open() -> None:
    assert text_of(Settings()) == ""
    assert text_of(Settings(model="lstm", folds=3)) == 'model = "lstm"\nfolds = 3\n'
