"""The instruments on runs of every kind of data, with conditions, from files; and bad requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from seriatim.cli import main

pytest.importorskip("matplotlib")
pytest.importorskip("pandas")
QUIET = "--steps 8 --threads 1 --train.samples 0 --quiet --out"


def strict(text: str) -> Any:
    """JSON without NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place, random = tmp_path_factory.mktemp("kinds"), np.random.default_rng(0)
    for i in range(20):
        who = "ab"[i % 2]
        (place / "pictures" / who).mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (6, 5, 3), np.uint8)).save(place / "pictures" / who / f"{i}.png")
        (place / "sounds" / who).mkdir(parents=True, exist_ok=True)
        soundfile.write(place / "sounds" / who / f"{i}.wav", random.normal(0, 0.1, 900 + 40 * i), 8000)
    values = random.normal(size=(300, 2)).cumsum(0) * [1, 1e6]
    dates = np.datetime64("2020-01-01") + np.arange(300)
    rows = [f"{day},{a},{b}" for day, (a, b) in zip(dates, values, strict=True)]
    (place / "table.csv").write_text("\n".join(["day,small,big", *rows]))
    words = ["one", "two", "three four", "five"]
    lines = [f"{words[i % 4]} {i}\t{words[i // 4 % 4]} {i}" for i in range(60)]
    (place / "pairs.tsv").write_text("\n".join(lines))
    wave = "--net.residual 4 --net.gate 4 --net.skip 4 --net.dilations 3 --net.cycles 1 --batch 2"
    ahead = "--series.past 20 --series.horizon 5"
    for words_of in (
        f"train {place}/pictures --model gated-pixelcnn --net.filters 6 --net.layers 2 {QUIET} {place}/picture",
        f"train {place}/sounds --model wavenet {wave} --audio.features log-mel {QUIET} {place}/sound",
        f"train {place}/table.csv --model lstm --net.width 6 {ahead} {QUIET} {place}/series",
        f"train {place}/pairs.tsv --model lstm --net.width 8 --net.layers 1 --kind text {QUIET} {place}/pair",
    ):
        assert main(words_of.split()) == 0, words_of
    return place


@pytest.mark.parametrize(
    ("run", "unit", "counted"),
    [
        ("picture", "bits/dim", "rows above"),
        ("sound", "bits/sample", "samples"),
        ("series", "bits/step", "steps"),
        ("pair", "bits/token", "tokens"),
    ],
)
def test_every_kind(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, run: str, unit: str, counted: str
) -> None:
    monkeypatch.chdir(here)
    capsys.readouterr()
    assert main(f"inspect {run} --horizon --limit 12 --json".split()) == 0
    found = strict(capsys.readouterr().out)
    assert (found["unit"], found["counted"]) == (unit, counted)
    assert found["predictions"] == (2 if run == "picture" else 12)
    assert len(found["bits"]) == len(found["given_last"])
    assert main(f"inspect {run} --sight --limit 12 --json".split()) == 0
    found = strict(capsys.readouterr().out)
    assert sum(part["parameters"] for part in found["parts"]) == strict_parameters(run, capsys)
    assert np.max(found["strength_nats"]) > 0
    assert np.max(found["strength_nats"]) < 1e3
    assert main(f"inspect {run} --horizon --limit 1 --json".split()) == 0
    assert strict(capsys.readouterr().out)["predictions"] == 1


def strict_parameters(run: str, capsys: pytest.CaptureFixture[str]) -> int:
    assert main(f"inspect {run} --json".split()) == 0
    return int(strict(capsys.readouterr().out)["parameters"])


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("inspect sound --recall", "--recall is for models of text"),
        ("inspect sound sounds --horizon --split test", "--split is for the run's own data"),
        ("inspect sound --sight -o nowhere/sight.png", "the folder nowhere does not exist"),
        ("inspect picture --horizon --maps pictures", "--maps was given without pictures"),
        ("inspect nothing --sight", "nothing"),
        ("inspect pair pairs.tsv", "are for --horizon, --sight or --recall"),
        ("inspect pair --limit 3", "are for --horizon, --sight or --recall"),
        ("inspect pair --horizon --limit 0", "--limit is 0"),
        ("inspect pair --horizon -o horizon.txt", "horizon.txt: charts are written to .png"),
        ("inspect pair --horizon --split dev", "'dev'"),
        ("inspect sound --horizon --text.field x", "--text.field does not apply to a model of audio"),
        ("inspect series --sight --maps pictures", "--maps does not apply to a model of series"),
        ("inspect pair --vectors x.csv", "--vectors does not apply to a run's description"),
        ("data recall pairs.tsv/x.ndjson", "cannot be written"),
        ("data recall nowhere/x.ndjson", "cannot be written"),
        ("data recall x.ndjson --seed -1", "seed is -1"),
    ],
)
def test_one_line_says_what_is_wrong(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str, named: str
) -> None:
    monkeypatch.chdir(here)
    assert main(words.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("seriatim: ")
    assert "Traceback" not in err
    assert named in err.splitlines()[-1]


def test_documents_are_cut_as_in_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "long.ndjson"
    text.write_text("".join(f"{json.dumps({'text': 'ab' * 30 + str(i)})}\n" for i in range(40)))
    net = "--net.width 8 --net.layers 1 --tokens.kind characters"
    assert main(f"train {text} --model gru {net} --train.truncate 10 {QUIET} {tmp_path / 'cut'}".split()) == 0
    capsys.readouterr()
    chart = f"-o {tmp_path / 'cut.png'}"
    assert main(f"inspect {tmp_path / 'cut'} --horizon --json --limit 500 {chart}".split()) == 0
    assert max(strict(capsys.readouterr().out)["given_last"][:-1]) <= 8  # 9 before the tenth and last
    assert main(f"inspect {tmp_path / 'cut'} {text} --horizon --json --limit 500 {chart}".split()) == 0
    assert max(strict(capsys.readouterr().out)["given_last"][:-1]) == 32  # of other data, all of it
