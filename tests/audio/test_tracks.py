"""What runs beside sound as a condition of a run: labels with times, series, features of the sound itself."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from dividing import divided
from seriatim.audio.features import LogMel
from seriatim.audio.model import AudioModel
from seriatim.audio.options import AudioOptions, QuantiserOptions, TrackOptions
from seriatim.audio.spans import Span, Spans, columns_of
from seriatim.cli import main
from seriatim.conditioning import MARGIN, SpanEncoder, TrackConfig, TrackEncoder
from seriatim.errors import UserError
from seriatim.training.options import TrainOptions
from seriatim.training.plan import Plan
from seriatim.training.run import Means, start
from tiny_audio import RATE, save, tone
from tiny_pictures import check_stopping

QUIET = Means(quiet=True)

NET = {"residual": 8, "gate": 8, "skip": 16, "dilations": 3, "cycles": 2}
HOP = 40
NOTES = {"low": 250, "high": 1000}


def melody(number: int) -> tuple[NDArray[np.int16], list[Span]]:
    """Three notes of 30 to 49 ms, each low or high as the bits of the number say."""
    random = np.random.default_rng(number)
    parts, spans, at = [], [], 0.0
    for place in range(3):
        name, seconds = ("low", "high")[number >> place & 1], 0.03 + 0.001 * random.integers(20)
        parts.append(tone(NOTES[name], seconds))
        spans.append(Span(at, at + seconds, name))
        at += seconds
    x = np.concatenate(parts) + random.normal(0, 0.01, sum(map(len, parts)))
    return (x.clip(-1, 0.999) * 32768).astype(np.int16), spans


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 melodies, and for each its notes as spans and as a series (1 where high)."""
    place = tmp_path_factory.mktemp("songs")
    for folder in ("songs", "notes", "track"):
        (place / folder).mkdir()
    for number in range(40):
        x, spans = melody(number)
        save(place / "songs" / f"{number:02d}.wav", x)
        rows = "".join(f"{span.begin},{span.end},{span.label}\n" for span in spans)
        (place / "notes" / f"{number:02d}.csv").write_text(rows)
        columns = columns_of(spans, {"low": 0, "high": 1}, RATE, HOP, len(x))
        np.save(place / "track" / f"{number:02d}.npy", columns[:, 0])
    return place


def plan(place: Path, audio: dict[str, Any], **options: Any) -> Plan:
    train = {"steps": 6, "batch": 4, "evaluate_every": 2, "samples": 0, "device": "cpu", "lr": 0.01, **options}
    own, division = divided({"length": 200, **audio})
    track = TrackOptions(own.pop("track_filters", 8), tuple(map(int, filter(None, own.pop("up", "").split(",")))))
    groups = {"audio": AudioOptions(**own), "quantiser": QuantiserOptions(levels=32), "track": track}
    return Plan(str(place / "songs"), "audio", "wavenet", NET, groups, division, TrainOptions(**train))


@pytest.fixture(scope="module")
def sung(songs: Path) -> AudioModel:
    audio = {"spans": str(songs / "notes"), "hop": HOP}
    start(plan(songs, audio, steps=150, evaluate_every=75, ema=0.9, samples=1), songs / "spans", QUIET)
    return AudioModel.load(songs / "spans")


def test_columns_say_how_far_a_span_has_come() -> None:
    spans = [Span(0, 0.004, "a"), Span(0.004, 0.008, "a"), Span(0.009, 0.011, "b")]
    columns = columns_of(spans, {"a": 0, "b": 1}, 1000, 2, 12)
    assert columns[:, 0].tolist() == [0, 0, 0, 0, -1, 1]  # middles at ½, 2½, …, 8½ and 10½
    assert columns[:4, 1].tolist() == pytest.approx([0.125, 0.625, 0.125, 0.625])
    codec = Spans.train(["a", "b"], 1000, 2, [columns])
    assert codec.lasting == (2.0, 1.0), "the same label twice is two spans"


def test_a_line_is_spoken_as_long_as_its_labels_usually_last() -> None:
    codec = Spans(["a", "b:2"], 1000, 10, [5, 2])
    assert codec.spoken("a b:2 a:0.5") == [
        Span(0, 0.05, "a"), Span(0.05, pytest.approx(0.07), "b:2"), Span(pytest.approx(0.07), pytest.approx(0.57), "a"),
    ]  # fmt: skip
    columns = codec.encode(codec.spoken("a b:2"))
    assert codec.decode(columns) == ["a"] * 5 + ["b:2"] * 2
    for line, words in (("c", "'c' is not a label"), ("a:x", "'x' is not a d"), ("a:-1", "not a d"), (" ", "without")):
        with pytest.raises(UserError, match=words):
            codec.spoken(line)


@pytest.mark.parametrize("up", [(), (2, 2)])
def test_a_rows_field_does_not_know_of_longer_rows(up: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    encoders = [TrackEncoder(2, 8, TrackConfig(3, up)).double(), SpanEncoder(3, 8, TrackConfig(3, up)).double()]
    whole = torch.stack([torch.randint(0, 3, (2, 9)), torch.rand(2, 9)], -1).double()
    for encoder in encoders:
        alone = encoder(whole[:1, :5]).field
        beside = whole.clone()
        beside[0, 5:] = math.nan
        torch.testing.assert_close(encoder(beside).field[:1, : alone.shape[1]], alone)
        piece = encoder(whole[:, 3 : 5 + MARGIN]).field  # columns behind a piece make its last ones the whole's
        times = math.prod(up)
        torch.testing.assert_close(
            piece[:, times * MARGIN : times * 2 + times * MARGIN], encoder(whole).field[:, 7 * times :]
        )
        torch.testing.assert_close(
            encoder(whole[:, : 2 + MARGIN]).field[:, : 2 * times], encoder(whole).field[:, : 2 * times]
        )


def test_what_is_sung_follows_the_line(sung: AudioModel) -> None:
    assert sung.tracks.keys() == {"spans"}
    x = sung.sample(n=4, given={"spans": "high:0.1 low:0.1"}, seed=3, temperature=0.7)
    assert x.shape == (4, 1600)

    def power(part: NDArray[np.int16], hertz: float) -> float:
        wave = np.exp(-2j * np.pi * hertz * np.arange(part.shape[1]) / RATE)
        return float(np.abs(part.astype(float) @ wave).mean())

    assert power(x[:, 100:700], 1000) > 2 * power(x[:, 100:700], 250)
    assert power(x[:, 900:1500], 250) > 2 * power(x[:, 900:1500], 1000)
    held = [melody(number) for number in range(8)]
    recordings = [x for x, _ in held]
    own = sung.log_prob(recordings, {"spans": [tuple(spans) for _, spans in held]}).mean()
    others = sung.log_prob(recordings, {"spans": [tuple(spans) for _, spans in held[::-1]]}).mean()
    none = sung.log_prob(recordings).mean()
    assert own > none > others - 50
    assert own > others + 50


def test_rows_and_orders_do_not_matter(sung: AudioModel) -> None:
    held = [melody(number) for number in (3, 5)]
    long = (np.concatenate([held[0][0]] * 4), None)
    recordings = [held[0][0], long[0], held[1][0]]
    spans = [tuple(held[0][1]), None, tuple(held[1][1])]
    together = sung.log_prob(recordings, {"spans": spans})
    for x, given, found in zip(recordings, spans, together, strict=True):
        assert sung.log_prob([x], {"spans": [given]})[0] == pytest.approx(found, rel=1e-5)
    drawn = sung.sample(0.02, 2, given={"spans": ["high:0.1", "low:0.05"]}, seed=[1, 2])
    assert np.array_equal(sung.sample(0.02, given={"spans": "low:0.05"}, seed=[2])[0], drawn[1])


def test_no_more_is_drawn_than_is_said(sung: AudioModel) -> None:
    x, _ = melody(1)
    assert sung.samples(given={"spans": "high:0.1"}) == 800
    assert sung.samples(given={"spans": "high:0.1"}, prompt=x[:300]) == 800
    assert sung.samples() == RATE
    with pytest.raises(UserError, match=r"0\.2 seconds with the prompt .* time-aligned conditions last 0\.1"):
        sung.sample(0.2, given={"spans": "high:0.1"})
    with pytest.raises(UserError, match=r"the prompt lasts 0\.0625 seconds, .* that start with it 0\.05"):
        sung.sample(given={"spans": "high:0.05"}, prompt=x[:500])
    drawn = sung.sample(given={"spans": "high:0.1"}, prompt=x[:300])
    assert np.array_equal(drawn[0, :300], x[:300])
    assert drawn.shape == (1, 800)


@pytest.mark.parametrize(
    "audio",
    [
        {"track": "track", "hop": HOP, "up": "4"},
        {"features": "both", "bands": 6},
        {"features": "energy", "spans": "notes", "hop": HOP},
    ],
    ids=["track", "features", "features and spans"],
)
def test_a_run_that_was_stopped_equals_one_that_was_not(
    songs: Path, tmp_path: Path, audio: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    audio = {name: str(songs / value) if name in ("spans", "track") else value for name, value in audio.items()}
    check_stopping(plan(songs, audio), 3, tmp_path, monkeypatch)


def test_a_vocoder_says_that_it_knows_the_sound(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    start(plan(songs, {"features": "log-mel", "bands": 6}, samples=1, steps=2), tmp_path / "run", QUIET)
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert "validation_bits_per_sample_given_features" in lines[-1]
    model = AudioModel.load(tmp_path / "run")
    assert isinstance(model.tracks["log-mel"], LogMel)
    assert model.tracks["log-mel"].hop == 80
    x, _ = melody(2)
    save(tmp_path / "song.wav", x)
    assert main(shlex.split("sample run --given log-mel=song.wav -o again.wav --seed 4")) == 0
    again, _ = soundfile.read("again.wav", dtype="int16")
    assert len(again) == -(-len(x) // 80) * 80
    assert np.array_equal(again, model.sample(given={"log-mel": x}, seed=4)[0])
    capsys.readouterr()
    assert main(shlex.split("evaluate run")) == 0
    assert "not a likelihood" in capsys.readouterr().out
    assert main(shlex.split("evaluate run --json")) == 0
    assert "bits_per_sample_given_features" in json.loads(capsys.readouterr().out)
    assert main(shlex.split("score run song.wav")) == 0
    assert "not a likelihood" in capsys.readouterr().err
    own, none = model.log_prob([x], {"log-mel": x}), model.log_prob([x])
    assert own[0] != none[0]


def test_a_series_at_the_command_line(songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    start(plan(songs, {"track": str(songs / "track"), "hop": HOP}, steps=2), tmp_path / "run", QUIET)
    (tmp_path / "mine.csv").write_text("0\n1\n0\n")
    assert main(shlex.split("sample run --given track=mine.csv -o out.wav")) == 0
    assert soundfile.info("out.wav").frames == 3 * HOP


def test_recordings_of_ones_own_with_what_runs_beside_them(
    songs: Path, sung: AudioModel, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(songs)
    x, spans = melody(3)
    alone, blind = sung.log_prob([x], {"spans": spans})[0], sung.log_prob([x])[0]

    def said(words: str) -> tuple[dict[str, Any], str]:
        assert main(shlex.split(f"{words} --json")) == 0
        out, error = capsys.readouterr()
        return json.loads(out), error

    for path in ("notes", "notes/03.csv"):
        row, error = said(f"score spans songs/03.wav --spans {path}")
        assert row["bits_given_spans"] == pytest.approx(-alone / math.log(2))
        assert not error
    row, error = said("score spans songs/03.wav")
    assert row["bits_given_spans"] == pytest.approx(-blind / math.log(2))
    assert "spans counts as missing for 1 of 1 recordings; give --spans" in error
    whole, bare = said("evaluate spans songs --spans notes")[0], said("evaluate spans songs")[0]
    assert whole["bits_per_sample_given_spans"] < bare["bits_per_sample_given_spans"]
    for words, wanted in (
        ("score spans songs/03.wav songs/04.wav --spans notes/03.csv", "one file for 2"),
        ("score spans songs/03.wav --track series", "not conditioned on track"),
        ("score spans songs/03.wav --maps notes", "--maps does not apply to a model of audio"),
        ("evaluate spans --spans notes", "--spans was given without recordings"),
        ("evaluate spans songs --spans nowhere", "nowhere"),
    ):
        assert main(shlex.split(words)) == 2, words
        assert wanted in capsys.readouterr().err


def test_one_line_says_what_is_wrong(
    songs: Path, sung: AudioModel, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(songs)
    for words, wanted in (
        ("sample spans --given spans=lo", "'lo' is not a label of this model"),
        ("sample spans --given spans=none.csv", "none.csv"),
        ("sample spans --given spans=low:0.1 --seconds 3", "but the time-aligned conditions last 0.1; give fewer"),
        ("sample spans --given note=low", "'note' is not a condition"),
        ("train songs --audio.features log-mel --audio.hop 16", "give fewer bands"),
        ("train songs --audio.features log-mel --audio.bands 999", "--audio.bands is 999; expected 1 to 256"),
        ("train songs --audio.features energy --track.up 3", "does not divide the samples of a column = 80"),
    ):
        assert main(shlex.split(words)) == 2, words
        error = capsys.readouterr().err
        assert wanted in error, (words, error)
        assert "Traceback" not in error
    assert not (songs / "runs").exists()


def test_between_two_speakers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(20):
        save(tmp_path / "both" / ("ann", "bob")[number % 2] / f"{number}.wav", melody(number)[0])
    levels, train = {"quantiser": QuantiserOptions(levels=32)}, TrainOptions(steps=2, samples=0)
    made = Plan("both", "audio", "wavenet", NET, levels, train=train)
    start(made, tmp_path / "run", QUIET)
    model = AudioModel.load(tmp_path / "run")
    with torch.no_grad():
        ann, bob = (model._context({"label": name}, 1).vector for name in ("ann", "bob"))
        mixed = model._context({"label": {"ann": 0.25, "bob": 0.75}}, 1).vector
    assert ann is not None
    assert bob is not None
    torch.testing.assert_close(mixed, 0.25 * ann + 0.75 * bob)
    assert main(shlex.split("sample run --given label=ann:0.25,bob:0.75 --seconds 0.01 -o out.wav")) == 0
    drawn = model.sample(0.01, given={"label": {"ann": 0.25, "bob": 0.75}})[0]
    assert np.array_equal(soundfile.read("out.wav", dtype="int16")[0], drawn)
    for value, words in (("ann:0.5,bob:0.6", "add up to 1.1"), ("ann:x", "has no weight"), ("eve:1", "'eve'")):
        assert main(["sample", "run", "--given", f"label={value}"]) == 2
        assert words in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["table", "folder"])
def test_numbers_of_each_recording(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vectors").mkdir()
    rows = ["path,height,noise"]
    for number in range(30):
        x = tone(250 + 25 * number, 0.05, level=0.4) + np.random.default_rng(number).normal(0, 0.01, 400)
        save(tmp_path / "tones" / f"{number}.wav", x)
        rows.append(f"{number}.wav,{number},{number % 3}")
        np.save(tmp_path / "vectors" / f"{number}.npy", np.array([number, number % 3]))
    (tmp_path / "vectors.csv").write_text("\n".join(rows))
    beside = "vectors.csv" if kind == "table" else "vectors"
    net = " ".join(f"--net.{name} {value}" for name, value in NET.items())
    words = (
        f"train tones --audio.vectors {beside} --quantiser.levels 32 {net} --train.steps 3 --train.samples 1 --out run"
    )
    assert main(shlex.split(words)) == 0
    model = AudioModel.load("run")
    assert model.codecs["vector"].size == 2
    x = (tone(300, 0.02) * 32767).astype(np.int16)
    low, high = (model.log_prob([x], {"vector": np.array([value, 0.0])})[0] for value in (2, 28))
    assert low != high
    both = model.log_prob([x, x, x], {"vector": [np.array([2, 0.0]), None, np.array([28, 0.0])]})
    assert both == pytest.approx([low, model.log_prob([x])[0], high], rel=1e-6)
    assert main(shlex.split("sample run --given vector=5,1 --seconds 0.01 -o out.wav")) == 0
    assert main(shlex.split("evaluate run")) == 0
    capsys.readouterr()
    assert main(shlex.split("sample run --given vector=5 --seconds 0.01 -o out.wav")) == 2
    assert "expected 2 numbers" in capsys.readouterr().err
    (tmp_path / "vectors.csv").write_text("\n".join(rows[:-1]))
    (tmp_path / "vectors" / "29.npy").unlink()
    assert main(shlex.split(words.replace("--out run", "--out other"))) == 2
    wanted = "no vector for 1 of 30 recordings"
    assert wanted in capsys.readouterr().err


def test_prompts_and_features_are_read_as_the_run_read_its_own(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    audio = {"features": "log-mel", "bands": 6, "normalise": True, "seconds": 0.05, "trim": 40.0}
    start(plan(songs, audio, steps=1), tmp_path / "run", QUIET)
    model = AudioModel.load(tmp_path / "run")
    x = melody(2)[0] // 8
    full = np.rint(x / np.abs(x).max() * (1 - 1 / 32768) * 32768).astype(np.int16)
    save(tmp_path / "quiet.wav", np.stack([x, x], 1))
    changed = ("are scaled to full scale.", "had 2 channels and are mixed to mono.")
    said = f"quiet.wav: {' '.join(f'1 of 1 recordings {words}' for words in changed)}"
    assert main(shlex.split("sample run --given log-mel=quiet.wav -o again.wav --seed 4")) == 0
    assert said in capsys.readouterr().err
    again, _ = soundfile.read("again.wav", dtype="int16")
    assert np.array_equal(again, model.sample(given={"log-mel": full}, seed=4)[0])
    assert main(shlex.split("sample run --prompt-file quiet.wav --seconds 0.01 -o more.wav")) == 0
    assert said in capsys.readouterr().err
    more, _ = soundfile.read("more.wav", dtype="int16")
    assert np.array_equal(more[: len(x)], full)
