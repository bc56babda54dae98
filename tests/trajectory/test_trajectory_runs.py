"""Runs on trajectories at the command line: every kind of file, likelihoods, labels, samples, completions, resuming."""

from __future__ import annotations

import json
import os
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from seriatim.cli import main
from seriatim.data.options import WHOLE
from seriatim.training.loop import Loop
from seriatim.trajectory.data.opening import open_trajectories
from seriatim.trajectory.data.trajectories import PEN
from seriatim.trajectory.model import TrajectoryModel
from seriatim.trajectory.options import TrajectoryOptions
from seriatim.trajectory.writing import save
from tiny_text import metrics, tensors

Captured = pytest.CaptureFixture[str]

NET = "--net.width 8 --net.layers 1 --threads 1 --quiet --train.samples 0"


def command(words: str) -> int:
    return main(shlex.split(words))


# ------------------------------------------------------------------ files


def shape(i: int) -> list[list[list[int]]]:
    """Strokes: squares, and lines from corner to corner; 40 different ones."""
    side = 20 + 4 * i
    return [[[0, side, side, 0, 0], [0, 0, side, side, 0]]] if i % 2 else [[[0, side], [0, side - i]]]


def word(i: int) -> str:
    return "square" if i % 2 else "line"


def ndjson(folder: Path) -> str:
    lines = [json.dumps({"word": word(i), "drawing": shape(i)}) for i in range(40)]
    (folder / "shapes.ndjson").write_text("\n".join(lines) + "\n")
    return "shapes.ndjson"


def svgs(folder: Path) -> str:
    for i in range(40):
        (folder / "svg" / word(i)).mkdir(parents=True, exist_ok=True)
        xs, ys = shape(i)[0]
        points = " L".join(f"{x} {y * (10 + i) / 50}" for x, y in zip(xs, ys, strict=True))
        text = f'<svg xmlns="http://www.w3.org/2000/svg"><path d="M{points}"/></svg>'
        (folder / "svg" / word(i) / f"{i}.svg").write_text(text)
    return "svg"


def points(folder: Path) -> str:
    rows = ["drawing,label,stroke,x,y"]
    for i in range(40):
        rows += [f"{i},{word(i)},0,{x},{y * (10 + i) / 50}" for x, y in zip(*shape(i)[0], strict=True)]
    (folder / "points.csv").write_text("\n".join(rows) + "\n")
    return "points.csv"


def stroke3(folder: Path) -> str:
    found: dict[str, Any] = {}
    for name, rows in (("train", range(32)), ("valid", range(32, 36)), ("test", range(36, 40))):
        found[name] = np.empty(len(rows), dtype=object)
        found[name][:] = [np.array([[0, 0, 0], [i, 5, 0], [3, -i, 1]], np.int16) for i in rows]
    np.savez(folder / "strokes.npz", **found)
    return "strokes.npz"


def values(i: int) -> np.ndarray[Any, Any]:
    """Two channels: of lines rising, of squares constant; 3 to 7 points."""
    random = np.random.default_rng(i)
    return np.round(random.normal(size=(3 + i % 5, 2)) * 0.1 + np.arange(3 + i % 5)[:, None] * (1 - i % 2), 3)


def ts(folder: Path) -> str:
    lines = ["@problemName shapes", "@univariate false", "@dimensions 2", "@classLabel true line square", "@data"]
    for i in range(40):
        lines.append(":".join([*(",".join(map(str, channel)) for channel in values(i).T.tolist()), word(i)]))
    (folder / "shapes.ts").write_text("\n".join(lines) + "\n")
    return "shapes.ts"


def long(folder: Path) -> str:
    rows = ["gesture,what,x,y"]
    for i in range(40):
        rows += [f"g{i},{word(i)},{x},{y}" for x, y in values(i).tolist()]
    (folder / "long.csv").write_text("\n".join(rows) + "\n")
    return "long.csv --trajectory.id gesture --trajectory.label what"


FILES: dict[str, tuple[Callable[[Path], str], bool, bool]] = {
    "ndjson": (ndjson, True, True),
    "svg": (svgs, True, True),
    "points": (points, True, True),
    "stroke3": (stroke3, True, False),
    "ts": (ts, False, True),
    "long": (long, False, True),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file, and the runs "pen" and "plain"."""
    folder = tmp_path_factory.mktemp("trajectories")
    for write, *_ in FILES.values():
        write(folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        pens = f"train shapes.ndjson --kind trajectory --model gru {NET} --net.mixtures 2 --steps 12 --train.lr 0.03"
        assert command(f"{pens} --out pen") == 0
        assert command(f"train shapes.ts --model gru {NET} --steps 12 --train.lr 0.03 --out plain") == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture(autouse=True)
def inside(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_trained_on(name: str, tmp_path: Path, capsys: Captured) -> None:
    write, drawn, labelled = FILES[name]
    words = write(tmp_path).split(" ", 1)
    options = f"--kind trajectory --model gru {NET} --steps 1 {' '.join(words[1:])}".replace("--quiet", "")
    assert command(f"train {tmp_path / words[0]} {options} --out {tmp_path / 'run'}") == 0
    said = capsys.readouterr().err
    assert f"{'drawings' if drawn else 'trajectories of 2 channels'}: 32 train, 4 validation, 4 test" in said
    model = TrajectoryModel.load(tmp_path / "run")
    assert model.codec.drawn is drawn
    assert [list(c.values) for c in model.label_codecs.values()] == [["line", "square"]] * labelled
    assert model.codec.grid == (1.0 if drawn else 0.0)
    assert command(f"evaluate {tmp_path / 'run'} --json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["trajectories"] == 4
    assert command(f"evaluate {tmp_path / 'run'} {tmp_path / words[0]} --json") == 0
    assert json.loads(capsys.readouterr().out)["trajectories"] == 40  # read as the run's own data


@pytest.mark.parametrize("heading", ["label", "class", "word"])
@pytest.mark.parametrize("words", [("a", "b"), ("0", "1")])
def test_a_table_s_labels_are_in_the_column_of_that_name(heading: str, words: tuple[str, str], tmp_path: Path) -> None:
    """As `--trajectory.label` says of its default; numbers are labels there, too, and no channel."""
    rows = [f"id,{heading},x,y", *(f"g{i},{words[i % 2]},{i},{k}" for i in range(10) for k in range(2 + i % 2))]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    found = open_trajectories(tmp_path / "a.csv", TrajectoryOptions(id="id"), WHOLE)
    assert found.channels == ("x", "y")
    assert list(found.splits["train"].labels or ()) == [words[i % 2] for i in range(10)]


# ------------------------------------------------------------------ likelihoods and labels


def by_hand(path: str, run: str) -> tuple[list[Any], list[str], TrajectoryModel]:
    """The drawings or series of the file itself, their labels, and the model."""
    model = TrajectoryModel.load(run)
    if path.endswith(".ts"):
        return [values(i) for i in range(40)], [word(i) for i in range(40)], model
    x = []
    for i in range(40):
        xy = np.array(shape(i)[0], float).T
        lift = np.zeros(len(xy))
        lift[-1] = 1
        x.append(np.column_stack([np.diff(xy, axis=0, prepend=xy[:1]), lift]))
    return x, [word(i) for i in range(40)], model


@pytest.mark.parametrize(("path", "run"), [("shapes.ndjson", "pen"), ("shapes.ts", "plain")])
def test_evaluate_and_score_are_the_model_s_own(path: str, run: str, capsys: Captured) -> None:
    x, labels, model = by_hand(path, run)
    nats = -model.log_prob(x, {"label": labels})
    steps = [len(each) + 1 for each in x]
    assert command(f"evaluate {run} {path} --json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["nats_per_step_given_label"] == pytest.approx(nats.sum() / sum(steps), abs=1e-4)
    assert document["nats_per_trajectory_given_label"] == pytest.approx(nats.mean(), abs=1e-4)
    assert document["steps"] == sum(steps)
    assert command(f"evaluate {run} {path}") == 0
    said = capsys.readouterr().out
    assert f"40 trajectories, {sum(steps)} steps: points and ends" in said
    assert ("uniform noise of width 1" in said) is (run == "pen")
    assert command(f"score {run} {path} --json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    per = [row["nats_per_step_given_label"] for row in rows]
    assert per == sorted(per, reverse=True)
    assert sorted(row["nats_given_label"] for row in rows) == pytest.approx(sorted(nats), abs=1e-3)


@pytest.mark.parametrize(("path", "run"), [("shapes.ndjson", "pen"), ("shapes.ts", "plain")])
def test_classify(path: str, run: str, capsys: Captured) -> None:
    x, _, model = by_hand(path, run)
    joint = np.stack([model.log_prob(x, {"label": name}) for name in ("line", "square")], 1)
    posterior = np.exp(joint - np.logaddexp(*joint.T)[:, None])
    assert command(f"classify {run} {path} --json") == 0
    rows = [json.loads(line)["posterior"] for line in capsys.readouterr().out.splitlines()]
    assert [row["square"] for row in rows] == pytest.approx(posterior[:, 1].tolist(), abs=1e-4)
    assert command(f"classify {run} --split train --json") == 0
    document = json.loads(capsys.readouterr().out)
    train = open_trajectories(path).splits["train"]
    joint = np.stack([model.log_prob(train.x, {"label": name}) for name in ("line", "square")], 1)
    right = [("line", "square")[int(b > a)] == label for (a, b), label in zip(joint, train.labels or (), strict=True)]
    assert document["accuracy"] == pytest.approx(np.mean(right))
    assert command(f"classify {run} {path} --prior line=1 --top 1") == 0
    assert all(line.endswith("  line 1.0000") for line in capsys.readouterr().out.splitlines())


# ------------------------------------------------------------------ samples


def format_of(path: Path) -> str | None:
    with Image.open(path) as picture:
        return picture.format


def test_samples_of_drawings(tmp_path: Path, capsys: Captured) -> None:
    for suffix in ("png", "svg", "gif", "ndjson", "csv"):
        assert command(f"sample pen -n 5 --given label=square -o {tmp_path / 'a'}.{suffix}") == 0
        assert f"a.{suffix}: 5 drawings of " in capsys.readouterr().err
    assert format_of(tmp_path / "a.png") == "PNG"
    assert format_of(tmp_path / "a.gif") == "GIF"
    assert (tmp_path / "a.svg").read_text().startswith("<svg")
    rows = [json.loads(line) for line in (tmp_path / "a.ndjson").read_text().splitlines()]
    model = TrajectoryModel.load("pen")
    found = model.sample(5, given={"label": "square"}, seed=0)
    assert {row["word"] for row in rows} == {"square"}
    drawn = [len(x) for x in found if len(x)]  # nothing can be said of one without points
    assert [sum(len(stroke[0]) for stroke in row["drawing"]) for row in rows] == drawn


def test_samples_of_series(tmp_path: Path, capsys: Captured) -> None:
    assert command(f"sample plain -n 3 --given label=line -o {tmp_path / 'a.csv'} --seed 2") == 0
    assert "a.csv and " in capsys.readouterr().err
    assert format_of(tmp_path / "a.png") == "PNG"
    drawn = [x for x in TrajectoryModel.load("plain").sample(3, given={"label": "line"}, seed=2) if len(x)]
    read = open_trajectories(tmp_path / "a.csv", TrajectoryOptions(id="id", label="label"), WHOLE)
    assert read.channels == ("channel 1", "channel 2")
    assert list(read.splits["train"].labels or ()) == ["line"] * len(drawn)
    assert all(np.array_equal(*pair) for pair in zip(read.splits["train"].x, drawn, strict=True))
    assert drawn


def moves(i: int) -> np.ndarray[Any, Any]:
    """The first move begins at the drawing's corner, as readers have it."""
    return np.array([[0, i, 0], [5, -i, 1], [2, 3, 0], [0.25, 1, 0], [1, -1, 1]])


@pytest.mark.parametrize("suffix", ["ndjson", "csv"])
def test_drawings_that_are_written_are_read_again(suffix: str, tmp_path: Path) -> None:
    x = [moves(i) for i in range(1, 9)]
    save(x, tmp_path / f"a.{suffix}", PEN, [word(i) for i in range(8)])
    if suffix == "csv":  # tables are scaled to 255, and these are 8 wide, and rounded to whole numbers
        found = open_trajectories(tmp_path / "a.csv", TrajectoryOptions(size=2**15, simplify=0)).splits
    else:
        found = open_trajectories(tmp_path / "a.ndjson").splits
    parts = [(each, label) for part in found.values() for each, label in zip(part.x, part.labels or (), strict=True)]
    assert len(parts) == 8
    for each, label in parts:
        scale = 1.0 if suffix == "ndjson" else np.abs(each[:, 0]).max() / 5
        (i,) = (i for i, other in enumerate(x) if np.allclose(each / [scale, scale, 1], other, atol=0.01))
        assert label == word(i)


@pytest.mark.parametrize("suffix", ["ndjson", "csv"])
def test_what_was_drawn_can_be_trained_on(suffix: str, tmp_path: Path, capsys: Captured) -> None:
    """Also if a drawing has ended before its first point: it is refused, or left out with a word, not written."""
    assert command(f"sample pen -n 60 --given label=line --temperature 2 -o {tmp_path / 'a'}.{suffix}") == 0
    assert " drawings of 0 to " in capsys.readouterr().err
    words = f"train {tmp_path / 'a'}.{suffix} --kind trajectory --model gru {NET} --steps 1"
    assert command(f"{words} --out {tmp_path / 'run'}") == 0


# ------------------------------------------------------------------ completions


def test_complete(tmp_path: Path, capsys: Captured) -> None:
    for known, kept in (("0.5", [1, 2]), ("3", [2, 3]), ("0", [0, 0])):  # of lines of 2 points, and squares of 5
        out = tmp_path / "a.csv"
        assert command(f"complete pen shapes.ndjson --known {known} -n 2 -o {out}") == 0
        said = capsys.readouterr().err
        assert "the first 8 of 40 trajectories are completed" in said
        assert "of each of 8, 2 completions, seed 0" in said
        drawings: dict[int, list[list[float]]] = {}
        for row in out.read_text().splitlines()[1:]:
            number, _, _, x, y = row.split(",")
            drawings.setdefault(int(number), []).append([float(x), float(y)])
        for i in range(8):
            whole = np.array(shape(i)[0]).T.tolist()
            count = kept[i % 2]
            for j in (0, 1):
                assert drawings.get(2 * i + j, [])[:count] == whole[:count]
    for suffix in ("png", "svg", "gif", "ndjson"):
        assert command(f"complete pen shapes.ndjson --known 3 -n 1 -o {tmp_path / 'b'}.{suffix}") == 0
    assert command(f"complete plain shapes.ts --known 2 -n 2 -o {tmp_path / 'c.csv'} --given label=line") == 0
    rows = [row.split(",") for row in (tmp_path / "c.csv").read_text().splitlines()[1:]]
    begun = [[float(cell) for cell in row[2:]] for row in rows if row[0] == "1"]
    assert begun[:2] == values(0)[:2].tolist()


def test_inspect(capsys: Captured) -> None:
    assert command("inspect pen") == 0
    assert "trajectory   drawings, at most 5 points in training, and an end; values on a grid of 1" in (
        capsys.readouterr().out
    )
    assert command("inspect plain --json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["drawings"], found["channels"], found["longest"]) == (False, ["channel 1", "channel 2"], 7)


# ------------------------------------------------------------------ resuming


def test_a_run_that_was_stopped_and_taken_up_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = (
        f"--model lstm {NET} --steps 9 --train.evaluate-every 4 --train.batch 5 --net.mixtures 2 --net.dropout 0.2"
    )
    words = f"train shapes.ndjson --kind trajectory {options}"
    assert command(f"{words} --out {tmp_path / 'whole'}") == 0
    advance = Loop._advance

    def signalled(self: Loop) -> tuple[float, int]:
        if self.step == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_advance", signalled)
        assert command(f"{words} --out {tmp_path / 'cut'}") != 0
    assert command(f"train --out {tmp_path / 'cut'} --resume --quiet --threads 1") == 0
    for where, name in ((".", "model"), ("train", "state")):
        one, other = tensors(tmp_path / "whole" / where, name), tensors(tmp_path / "cut" / where, name)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)
    assert metrics(tmp_path / "whole") == metrics(tmp_path / "cut")


# ------------------------------------------------------------------ refusals

BAD: dict[str, tuple[str, str]] = {
    "empty": ("train empty.ndjson --kind trajectory --out no", "no drawings"),
    "missing": ("train nothing.ndjson --kind trajectory --out no", "no such file"),
    "empty to score": ("score pen empty.ndjson", "no drawings"),
    "splits": ("train splits --kind trajectory --out no", "look like splits"),
    "mixed": ("train mixed --kind trajectory --out no", "give files of one kind"),
    "one drawing": ("train one.ndjson --kind trajectory --out no", "too few"),
    "other channels": ("evaluate pen shapes.ts", "the model dx, dy, lift"),
    "suffix": ("sample pen -o a.txt", "drawings are written to .png, .svg, .gif, .ndjson, .csv, not to .txt"),
    "suffix of series": ("sample plain -o a.svg", "series are written to .csv, .png, not to .svg"),
    "forecast": ("forecast pen", "is a model of trajectories"),
    "no labels": ("classify bare", "not conditioned on 'label'"),
    "no labels, a file": ("classify bare strokes.npz", "not conditioned on 'label'"),
    "max-length": ("sample pen --max-length 0", " is 0"),
    "known": ("complete pen shapes.ndjson --known -1", "--known is -1"),
    "known word": ("complete pen shapes.ndjson --known upper", "--known 'upper' is not a number"),
    "known nan": ("complete pen shapes.ndjson --known nan", "--known"),
    "known inf": ("complete pen shapes.ndjson --known inf", "--known"),
    "column": ("train long.csv --kind trajectory --trajectory.id gestur --out no", "did you mean 'gesture'"),
}


@pytest.fixture(scope="module")
def bad(place: Path) -> None:
    (place / "empty.ndjson").write_text("")
    (place / "one.ndjson").write_text('{"drawing": [[[0, 1], [0, 1]]]}\n')
    for side in ("train", "test"):
        (place / "splits" / side).mkdir(parents=True)
        ndjson(place / "splits" / side)
    (place / "mixed").mkdir()
    ndjson(place / "mixed")
    ts(place / "mixed")
    words = f"train {place / 'strokes.npz'} --model gru {NET} --net.mixtures 2 --steps 1 --out {place / 'bare'}"
    assert command(words) == 0


@pytest.mark.parametrize("name", BAD)
def test_wrong_requests_are_one_line(name: str, bad: None, capsys: Captured) -> None:
    words, message = BAD[name]
    capsys.readouterr()
    assert command(words) == 2
    captured = capsys.readouterr()
    assert message in captured.err.splitlines()[-1]
    assert "Traceback" not in captured.err
    assert not captured.out
    assert not Path("no").exists() or not list(Path("no").glob("model*"))
