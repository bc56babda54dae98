"""The commands on a run of films: what they write, and what they refuse in one line."""

from __future__ import annotations

import json
import math
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from seriatim.cli import main
from seriatim.context import Context
from seriatim.video.model import VideoModel
from tiny_reels import FRAMES, SIZE, action, folder_of, moving
from tiny_text import metrics

av = pytest.importorskip("av")
DIMS = math.prod(SIZE)
SMALL = "--video.frames 4 --net.filters 6 --net.encoder-blocks 1 --net.decoder-blocks 1 --net.first 3"
SMALL += " --train.batch 4 --train.device cpu --threads 1 --train.samples 0 --train.evaluate-every 1000"
TRAIN = f"{SMALL} --video.levels 4"
LABELS = "label counts as missing for 1 of 1 films; give the folder whose subfolders are the labels\n"
ACTIONS = "action counts as missing for {0} of {0} films; evaluate the run's own data\n"


def gif(path: Path, x: np.ndarray[Any, Any]) -> None:
    first, *others = (Image.fromarray(frame[..., 0]) for frame in x)
    first.save(path, save_all=True, append_images=others, duration=50)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made")
    films, actions = folder_of(place, frames=8)
    words = f"train {films} --video.actions {actions} {TRAIN} --out {place / 'run'} --train.steps 30 --quiet"
    assert main(words.split()) == 0
    others = "--net.head bernoulli --train.steps 1 --quiet --video.given=false"
    assert main(f"train {films} {SMALL} {others} --out {place / 'greys'}".split()) == 0
    (place / "hollow").mkdir()
    (place / "novel.txt").write_text("It was a dark night. " * 200)
    (place / "empty.gif").write_bytes(b"")
    (place / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(40))
    gif(place / "film.gif", moving(3, 6))
    gif(place / "short.gif", moving(3, 2))
    Image.fromarray(moving(3, 1)[0, ..., 0]).save(place / "still.gif")
    mask = np.zeros(SIZE, np.uint8)
    mask[:, 3:] = 255
    Image.fromarray(mask).save(place / "mask.png")
    np.save(place / "six.npy", action(3, 6))
    return place


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    return made


def said(capsys: pytest.CaptureFixture[str], words: str) -> tuple[str, str]:
    """What a command that succeeds prints, and what it says."""
    capsys.readouterr()
    assert main(words.split()) == 0
    out, err = capsys.readouterr()
    return out, err


def frames_of(path: str) -> list[np.ndarray[Any, Any]]:
    """The frames of an animation."""
    with Image.open(path) as film:
        found = list[np.ndarray[Any, Any]]()
        for i in range(getattr(film, "n_frames", 1)):
            film.seek(i)
            found.append(np.asarray(film.convert("RGB")))
    return found


def test_evaluate(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, "evaluate run --json")
    whole = json.loads(out)
    assert (whole["clips"], whole["films"], whole["dims"], whole["given_frames"]) == (4, 2, DIMS, 0)
    assert err == ""
    nats = whole["nats_per_frame_given_label_action"]
    assert whole["bits_per_dim_given_label_action"] == pytest.approx(nats / math.log(2) / DIMS)
    assert len(whole["nats_by_frame_given_label_action"]) == FRAMES
    text, _ = said(capsys, "evaluate run")
    assert text.splitlines()[0] == f"{here / 'films'}, test split: 4 clips of 4 frames, of 2 films"
    assert f"nats/frame given label, action {nats:.3f} ± " in text
    assert text.splitlines()[-1].split()[:3] == ["frames", "0", "on"]
    out, err = said(capsys, "evaluate run films --given-frames 3 --limit 5 --json")
    some = json.loads(out)
    assert (some["clips"], some["films"], some["given_frames"]) == (5, 3, 3)
    assert err == ACTIONS.format(5)
    assert len(some["nats_by_frame_given_label_action"]) == 1
    text, _ = said(capsys, "evaluate greys film.gif")
    assert "cross-entropy of grey targets (not a likelihood), nats/frame" in text
    assert "bits/dim" not in text


def test_classify(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = VideoModel.load(here / "run")
    out, err = said(capsys, "classify run film.gif --prior across=3 --prior down=1 --json")
    (row,) = (json.loads(line) for line in out.splitlines())
    assert row["name"] == "film.gif"
    across, down = (float(model.log_prob(moving(3, 6)[None], {"label": label})[0]) for label in ("across", "down"))
    odds = 3 * math.exp(across - down)  # Bayes' rule for two labels
    assert row["posterior"]["across"] == pytest.approx(odds / (1 + odds), abs=1e-4)
    assert row["posterior"]["down"] == pytest.approx(1 / (1 + odds), abs=1e-4)
    assert err == ACTIONS.format(1)
    text, _ = said(capsys, "classify run --split train --limit 6")
    assert text == f"{here / 'films'}, train split: 100.00 % of 6 films are classified correctly\n"
    out, _ = said(capsys, "classify run --json")
    assert json.loads(out) == {"data": f"{here / 'films'}, test split", "films": 2, "accuracy": 1.0}


def test_score_and_where_the_surprise_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, "score run film.gif films --json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert len(rows) == 21
    bits = [row["bits_per_dim_given_label_action"] for row in rows]
    assert bits == sorted(bits, reverse=True)
    assert "action counts as missing for 21 of 21 films" in err
    (own,) = (row for row in rows if row["name"] == "film.gif")
    model = VideoModel.load(here / "run")
    wanted = -model.log_probs(moving(3, 6)[None])[0]
    assert own["frames"] == 6
    assert own["bits_given_label_action"] == pytest.approx(wanted.sum() / math.log(2), rel=1e-4)
    assert own["nats_per_frame_given_label_action"] == pytest.approx(wanted.sum() / 6, rel=1e-4)
    text, err = said(capsys, "score run film.gif --given-frames 2 --surprise out.png")
    assert float(text.split()[-3]) == pytest.approx(wanted[2:].sum() / math.log(2), abs=0.06)
    assert err.startswith("out.png: film.gif and its surprise; the brightest pixels cost ")
    assert err.endswith(LABELS + ACTIONS.format(1))
    with Image.open("out.png") as sheet:
        rows_, columns = 2 * (SIZE[0] + 5) - 1, 6 * (SIZE[1] + 5) - 1
        assert sheet.width * rows_ == sheet.height * columns
        assert sheet.mode == "RGB"


def test_sample_as_an_animation_a_film_and_a_sheet(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = said(capsys, "sample run -n 2 --frames 7 --given label=down -o a.gif")
    assert err.splitlines() == [f"a.gif: 2 films of 7 frames, seeds {err.split('seeds ')[1].strip()}"]
    assert len(frames_of("a.gif")) == 7
    _, err = said(capsys, "sample run --given label=down --given action=six.npy --frames 6 -o a.mp4")
    assert err == "a.mp4: 1 film of 6 frames\n"
    with av.open("a.mp4") as film:
        assert len(list(film.decode(video=0))) == 6
    _, err = said(capsys, "sample run -n 2 --seed 5 --seed 6 -o a.png")
    assert "drawn without label, which may be given, e.g. --given label=across" in err
    with Image.open("a.png") as sheet:
        assert getattr(sheet, "text", {})["seeds"] == "5 6"
        first = np.asarray(sheet)
    said(capsys, "sample run -n 2 --seed 5 --seed 6")
    with Image.open("samples.png") as sheet:
        assert np.array_equal(np.asarray(sheet), first)
    assert len(frames_of("samples.gif")) == FRAMES
    _, err = said(capsys, "sample greys -o greys.png")
    assert "its cross-entropy is no likelihood of grey ones" in err


def test_sample_what_may_follow(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = said(capsys, "sample run --given-frames 2")
    assert "samples.png and samples.gif: 4 films of 4 frames, the first 2 given, below the real ones" in err
    with Image.open("samples.png") as sheet:
        x = np.asarray(sheet)
    scale = x.shape[1] // (FRAMES * (SIZE[1] + 5) - 1)
    x = x[scale // 2 :: scale, scale // 2 :: scale]
    cells = [
        [x[(SIZE[0] + 5) * i :, (SIZE[1] + 5) * j :][: SIZE[0] + 4, : SIZE[1] + 4] for j in range(FRAMES)]
        for i in range(8)
    ]
    blue = (60, 120, 220)
    for i in range(0, 8, 2):
        assert all(tuple(cell[0, 0]) == blue for cell in cells[i])  # real frames
        assert [tuple(cell[0, 0]) == blue for cell in cells[i + 1]] == [True, True, False, False]
        assert all(np.array_equal(a, b) for a, b in zip(cells[i][:2], cells[i + 1][:2], strict=True))
    _, err = said(capsys, "sample run --prompt-file film.gif --given-frames 3 --frames 5 -n 2 -o p.png")
    assert err.startswith("p.png: 2 films of 5 frames, the first 3 given, seeds 0, ")
    _, err = said(capsys, "sample run --prompt-file film.gif -o p.gif")
    assert err.startswith("p.gif: 1 film of 10 frames, the first 6 given\n"), "as many more as a clip has"
    assert len(frames_of("p.gif")) == 10
    _, err = said(capsys, "sample run --given-frames 2 -n 1")
    assert ": 1 film of 4 frames, the first 2 given" in err
    assert "drawn without label" not in err, "it has its own"


def test_complete(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut = "film.gif: the first 4 of its 6 frames, as many as a clip has\n"
    unheard = "pixels before a known one were drawn without it; --particles takes it into account\n"
    _, err = said(capsys, "complete run film.gif -n 2 -o upper.gif --given label=across")
    assert err.startswith(f"{cut}{unheard}upper.gif: the film, its known part, and 2 completions, seeds 0, ")
    film = frames_of("upper.gif")
    assert len(film) == FRAMES
    scale = film[0].shape[0] // SIZE[0]
    shown = VideoModel.load(here / "run").shown(moving(3, FRAMES))
    for t, frame in enumerate(film):
        small = frame[scale // 2 :: scale, scale // 2 :: scale, 0]
        each = [small[:, i * (SIZE[1] + 1) :][:, : SIZE[1]] for i in range(4)]
        assert np.array_equal(each[0], shown[t, ..., 0])
        assert all(np.array_equal(one[:2], each[0][:2]) for one in each)
        assert (each[1][2:] == 128).all()
    _, err = said(capsys, "complete run film.gif --known 2 -n 1 -o two.png")
    assert err == f"{cut}two.png: the film, its known part, and 1 completion\n"  # no pixel comes before a known one
    _, err = said(capsys, "complete run short.gif --known mask.png --particles 3 -n 2")
    assert err.startswith("completions.gif: the film, its known part, and 2 completions, seeds")


def test_inspect(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = json.loads(said(capsys, "inspect run --json")[0])
    assert [facts[key] for key in ("height", "width", "channels", "levels", "frames")] == [*SIZE, 1, 4, FRAMES]
    assert facts["likelihood"] is True
    x = torch.from_numpy(moving(3, 1) // 64).long()[None].repeat(13, 1, 1, 1, 1)
    flat = x.view(13, DIMS)
    flat[range(12), range(12)] = 3 - flat[12, :12]  # each position another one; the last row is as it was
    given = Context(vector=torch.zeros(13, 32), field=torch.zeros(13, 1, 2), hop=DIMS)
    with torch.no_grad():
        middle = VideoModel.load(here / "run").nested(x, given)[:, 0, 2, 2, 0]
    seen = int((middle[:12] != middle[12]).any(-1).sum())
    assert 8 < seen < 12  # there is a blind spot
    assert facts["sees_of_its_frame"] == f"{seen} of 12 positions before it (row 2, column 2 of 4 × 5)"
    assert facts["sees_of_the_frame_before"] == "20 of 20 pixels, and of all earlier frames"
    text, _ = said(capsys, "inspect greys")
    assert "  films        4 × 5, grey, 256 levels, clips of 4 frames; cross-entropies of grey targets" in text
    assert f"sees of its frame: {seen} of 12 positions" in text


SLOW = """
import sys, time
import torch
torch.set_num_threads(1)
from seriatim.training.loop import Loop
advance = Loop._advance
def slow(self):
    time.sleep(0.05)
    return advance(self)
Loop._advance = slow
from seriatim.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_ctrl_c_saves_and_resume_goes_on(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    words = f"train {here / 'films'} {TRAIN} --train.steps 200 --out {run}".split()
    process = subprocess.Popen([sys.executable, "-c", SLOW, *words], stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while time.monotonic() < until and not ((run / "metrics.jsonl").is_file() and len(metrics(run)) > 3):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "go on with: seriatim train --out" in err
    step = json.loads((run / "train" / "state.json").read_text())["step"]
    assert 0 < step < 200
    said(capsys, f"train --out {run} --resume --train.steps {step + 2} --quiet")
    assert json.loads((run / "train" / "state.json").read_text())["step"] == step + 2


WRONG = [
    ("evaluate run --split tset", "tset"),
    ("evaluate run --window 5", "--window"),
    ("evaluate run nothing", "nothing: no such film: check the path"),
    ("evaluate run hollow", "hollow: no files"),
    ("evaluate run novel.txt", "novel.txt"),
    ("evaluate run empty.gif", "empty.gif: an empty file: replace or remove it"),
    ("evaluate run broken.mp4", "broken.mp4"),
    ("evaluate run short.gif", "a clip has 4 frames, and the longest film 2"),
    ("evaluate run --given-frames 4", "--given-frames is 4; expected 0 to 3"),
    ("evaluate run --given-frames -1", "--given-frames is -1; expected 0 to 3"),
    ("evaluate run --limit 0", "--limit"),
    ("score run film.gif --given-frames -1", "--given-frames is -1; give 0 or more"),
    ("score run film.gif --given-frames 6", "no film has more than the 6 frames"),
    ("score run film.gif --surprise out.xyz", "out.xyz"),
    ("score greys film.gif", "score needs a likelihood"),
    ("sample run --frames 0", "--frames is 0; give more than the 0 that are given"),
    ("sample run --frames -3", "--frames is -3"),
    ("sample run --given-frames 0", "--given-frames is 0; give 1 or more"),
    ("sample run --given-frames 4", "--given-frames is 4, and clips have 4 frames"),
    ("sample run --given-frames 2 --frames 2", "--frames is 2; give more than the 2"),
    ("sample run --given-frames 2 --frames 6", "the run's own actions are those of 4 frames"),
    ("sample run --given-frames 2 -n 9", "give fewer (-n)"),
    ("sample run --prompt-file film.gif --given-frames 7", "film.gif has 6 frames"),
    ("sample run --prompt-file films", "films holds 20 films; give one"),
    ("sample run --prompt-file nothing.gif", "nothing.gif"),
    ("sample run --prompt hello", "--prompt"),
    ("sample run --given label=sideways", "sideways"),
    ("sample run --given action=six.npy", "6 rows of actions, but the film has 4 frames"),
    ("sample run --given action=nothing.npy", "nothing.npy"),
    ("sample run --given lable=down", "'label'"),
    ("sample run -n 0", "n is 0"),
    ("sample run --columns 0", "--columns is 0"),
    ("sample run -o film.xyz", "film.xyz: films are written to .gif, .mp4"),
    ("sample run -o film", "film: films are written to"),
    ("sample run --temperature -1", "temperature"),
    ("sample run --repetition 2", "--repetition"),
    ("complete run film.gif --known 0", "--known is 0, of 4 frames to complete"),
    ("complete run film.gif --known 4", "--known is 4, of 4 frames to complete"),
    ("complete run film.gif --known middle", "upper"),
    ("complete run film.gif --columns 0", "--columns is 0"),
    ("complete run film.gif --particles 0", "particles 0"),
    ("complete run film.gif -n 0", "n is 0"),
    ("complete run film.gif -o c.xyz", "c.xyz"),
    ("complete run films", "films holds 20 films; give one"),
    ("complete run empty.gif", "empty.gif"),
    ("complete greys film.gif --particles 4", "needs a likelihood"),
    ("classify greys films", "label"),
    ("classify run nothing.gif", "nothing.gif"),
    ("classify run films --limit 2", "--split and --limit are for the run's own data"),
    ("classify run --prior sideways=1", "'sideways' is not a label"),
    ("explore run", "models of text"),
    ("train films --video.frames 9 --out new", "a clip has 9 frames, and the longest of 20 films only 8"),
    ("train films --video.given-frames 4 --video.frames 4 --out new", "--video.given-frames is 4"),
    ("train films --video.actions nothing --out new", "nothing"),
    ("train films --video.levels 1 --out new", "--video.levels"),
    ("train films --video.size 0 --out new", "--video.size is 0"),
    ("train films --model lstm --out new", "lstm is for text"),
    ("train films --net.filterz 4 --video.frames 4 --out new", "'filters'"),
    ("train films --net.height 4 --video.frames 4 --out new", "--net.height"),
    ("train films --net.decoder pixelcnn --video.frames 4 --out new", "decoder"),
    ("train films --image.levels 4 --out new", "--image.levels"),
    ("train films --train.carry --video.frames 4 --out new", "--train.carry"),
    ("train broken.mp4 --out new", "broken.mp4"),
    ("train empty.gif --out new", "empty.gif"),
    ("train hollow --model vpn --out new", "hollow"),
]


@pytest.mark.parametrize(("words", "named"), WRONG, ids=[words for words, _ in WRONG])
def test_one_line_says_what_is_wrong(here: Path, capsys: pytest.CaptureFixture[str], words: str, named: str) -> None:
    assert main(words.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert named in err
    assert "Traceback" not in err
    assert not (here / "new" / "model.json").exists()


def test_other_films_are_not_gone_on_with(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(here / "films", tmp_path / "films")
    said(capsys, f"train {tmp_path / 'films'} {TRAIN} --train.steps 1 --quiet --out {tmp_path / 'run'}")
    (tmp_path / "films" / "down" / "00.mkv").unlink()
    assert main(f"train --resume --train.steps 2 --out {tmp_path / 'run'}".split()) == 2
    err = capsys.readouterr().err
    assert "has changed" in err
    assert err.count("\n") == 1
