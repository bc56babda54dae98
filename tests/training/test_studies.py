"""Cross-validation and search: many runs for one question."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from seriatim.errors import Interrupted, UserError
from seriatim.training.loop import DivergedError, Loop
from seriatim.training.run import Means, plan_of
from seriatim.training.study import Study, cross_validate, search
from tiny_text import metrics, plan, text_file, words

QUIET = Means(quiet=True)


def many(folder: Path, n: int = 30) -> Path:
    path = folder / "many.jsonl"
    path.write_text("".join(json.dumps({"text": f"{i} " + words(6, i)}) + "\n" for i in range(n)))
    return path


def begun(study: Study, folder: Path) -> Study:
    study.begin(folder)
    return study


def test_each_document_validates_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = many(tmp_path)
    study = begun(Study("folds", 3, plan(path, "rnn", steps=2)), tmp_path / "out")
    summary = cross_validate(study, tmp_path / "out", QUIET)
    written = json.loads((tmp_path / "out" / "folds.json").read_text())
    figures = [fold["bits_per_char"] for fold in written["folds"]]
    assert summary["bits_per_char_mean"] == written["bits_per_char_mean"] == pytest.approx(sum(figures) / 3)
    assert "3 folds" in capsys.readouterr().out
    pools = [
        {d.name: split for split, ds in plan_of(tmp_path / "out" / f"fold-{i}")[0].open().splits.items() for d in ds}
        for i in (1, 2, 3)
    ]
    for name in pools[0]:
        sides = sorted(pool[name] for pool in pools)
        assert sides in (["test"] * 3, ["train", "train", "validation"])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "study.toml", ".lock", "folds.json", "fold-1", "fold-2", "fold-3",
    }  # fmt: skip


def interrupt(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    advance = Loop._advance

    def signalled(self: Loop) -> tuple[float, int]:
        if self.folder.name == run and self.step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return advance(self)

    monkeypatch.setattr(Loop, "_advance", signalled)


@pytest.mark.parametrize("kind", ["folds", "search"])
def test_a_study_that_was_stopped_is_taken_up(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = plan(many(tmp_path), "rnn", steps=8, evaluate_every=8)
    work = cross_validate if kind == "folds" else search
    whole = work(begun(Study(kind, 2, chosen), tmp_path / "whole"), tmp_path / "whole", QUIET)
    out = tmp_path / "cut"
    with monkeypatch.context() as patch:
        interrupt("fold-2" if kind == "folds" else "trial-2", patch)
        with pytest.raises(Interrupted, match=rf"go on with: seriatim train --out {out} --resume"):
            work(begun(Study(kind, 2, chosen), out), out, QUIET)
    study = Study.under_way(out)
    assert study is not None
    assert study.plan == chosen
    assert work(study, out, QUIET) == whole


def test_a_search_tries_a_quarter_of_the_steps_and_takes_the_best(tmp_path: Path) -> None:
    chosen = plan(text_file(tmp_path), steps=20, evaluate_every=1000)
    out = tmp_path / "out"
    best = search(begun(Study("search", 3, chosen), out), out, QUIET)
    rows = [json.loads(line) for line in (out / "search.jsonl").read_text().splitlines()]
    assert [row["trial"] for row in rows] == [1, 2, 3]
    assert (rows[0]["lr"], rows[0]["width"]) == (chosen.train.lr, 16)
    winner = min(rows, key=lambda row: row["validation_bits_per_char"])
    assert (best.train.lr, best.net["width"]) == (winner["lr"], winner["width"])
    assert best.train.steps == 20
    for trial in (1, 2, 3):
        assert metrics(out / "search" / f"trial-{trial}")[-1]["step"] == 5


def test_without_steps_a_trial_is_a_quarter_of_the_bounded_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []

    def short(self: Loop) -> None:
        lengths.append(self.total)
        raise DivergedError("enough")

    monkeypatch.setattr(Loop, "run", short)
    chosen = plan(text_file(tmp_path), "rnn", steps=None)
    with pytest.raises(UserError, match="all 2 trials diverged"):
        search(begun(Study("search", 2, chosen), tmp_path / "out"), tmp_path / "out", QUIET)
    assert lengths[0] * 4 in range(200, 5001)


def test_a_trial_that_diverges_loses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Loop.run

    def broken(self: Loop) -> None:
        if self.folder.name == "trial-1":
            raise DivergedError("the loss is nan")
        run(self)

    monkeypatch.setattr(Loop, "run", broken)
    out = tmp_path / "out"
    best = search(begun(Study("search", 2, plan(text_file(tmp_path), steps=4, evaluate_every=4)), out), out, QUIET)
    rows = [json.loads(line) for line in (out / "search.jsonl").read_text().splitlines()]
    assert "validation_bits_per_char" not in rows[0]
    assert best.train.lr == rows[1]["lr"]


def test_a_study_that_is_impossible_leaves_nothing(tmp_path: Path) -> None:
    chosen = plan(many(tmp_path), "rnn", steps=2)
    wrong = plan(many(tmp_path), "rnn", net={"width": -1})
    out = tmp_path / "out"
    for study, said in (
        (Study("folds", 900, chosen), "leaves nothing|too few"),
        (Study("folds", 2, wrong), "width is -1"),
        (Study("search", 2, wrong), "width is -1"),
    ):
        with pytest.raises(UserError, match=said):
            (cross_validate if study.kind == "folds" else search)(study, out, QUIET, begin=True)
        assert not out.exists()
    with pytest.raises(UserError, match="--folds is 1000000; give at least 2, at most 1,000"):
        Study("folds", 1_000_000, chosen)


def test_what_is_impossible_is_refused(tmp_path: Path) -> None:
    chosen = plan(text_file(tmp_path))
    for kind in ("folds", "search"):
        with pytest.raises(UserError, match=f"--{kind} is 1"):
            Study(kind, 1, chosen)
    with pytest.raises(UserError, match="not empty"):
        Study("folds", 2, chosen).begin(tmp_path)
    (tmp_path / "study.toml").write_text('kind = "dream"')
    with pytest.raises(UserError, match="'dream'"):
        Study.under_way(tmp_path)
    assert Study.under_way(tmp_path / "nowhere") is None
