"""Training on sound: it learns, it resumes bit for bit, it knows its labels, and what it draws can be stopped."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

import seriatim
from checkpoints import edit
from dividing import divided
from seriatim.audio import task as audio_task
from seriatim.audio.data.opening import open_recordings
from seriatim.audio.model import AudioModel
from seriatim.audio.options import AudioOptions, QuantiserOptions
from seriatim.audio.quantiser import Quantiser
from seriatim.cli import main
from seriatim.errors import UserError
from seriatim.modality import kind_of
from seriatim.symbols.lacking import Lacking
from seriatim.training.options import TrainOptions
from seriatim.training.plan import Plan
from seriatim.training.run import Means, plan_of, resume, start
from tiny_audio import RATE, save, tone
from tiny_pictures import check_stopping, stopped_at

QUIET = Means(quiet=True)

NET = {"residual": 8, "gate": 8, "skip": 16, "dilations": 4, "cycles": 2}


def voice(number: int, channels: int = 1) -> NDArray[np.int16]:
    """Even numbers are low, odd ones high; a little noise, and no two are the same."""
    random = np.random.default_rng(number)
    x = tone(250 if number % 2 == 0 else 1000, 0.05 + 0.001 * (number % 40), level=0.3 + 0.01 * (number % 40))
    x = np.stack([x] * channels, 1) + random.normal(0, 0.01, (len(x), channels))
    x = (x.clip(-1, 0.999) * 32768).astype(np.int16)
    return x[:, 0] if channels == 1 else x


def voices(place: Path, count: int = 40, channels: int = 1) -> Path:
    """Recordings of 400 to 720 samples in two subfolders, which are their labels."""
    for number in range(count):
        save(place / ("low" if number % 2 == 0 else "high") / f"{number:02d}.wav", voice(number, channels))
    return place


def plan(data: Path | str, audio: dict[str, Any] | None = None, **options: Any) -> Plan:
    """A plan for a run of a second or two."""
    net = {**NET, **options.pop("net", {})}
    train = {"steps": 6, "batch": 4, "evaluate_every": 2, "samples": 0, "device": "cpu", "lr": 0.01, **options}
    own, division = divided({"length": 200, **(audio or {})})
    levels = QuantiserOptions(own.pop("quantiser", "mulaw"), own.pop("levels", 32))
    groups = {"audio": AudioOptions(**own), "quantiser": levels}
    return Plan(str(data), "audio", "wavenet", net, groups, division, TrainOptions(**train))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("quantiser")
    voices(place / "voices")
    start(plan(place / "voices", steps=200, evaluate_every=100, ema=0.9), place / "run", QUIET)
    return place


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    return made


def test_it_learns_and_knows_its_labels(made: Path) -> None:
    lines = [json.loads(line) for line in (made / "run" / "metrics.jsonl").read_text().splitlines()]
    figures = [line["validation_bits_per_sample"] for line in lines if "validation_bits_per_sample" in line]
    assert figures[-1] < 0.8 * math.log2(32)
    model = AudioModel.load(made / "run")
    assert (model.rate, model.channels, model.past) == (RATE, 1, 31)
    held = [voice(number) for number in range(100, 120)]
    p = model.posterior(held, "label")
    names = model.conditions["label"].values
    right = [names[int(i)] == ("low" if number % 2 == 0 else "high") for number, i in enumerate(p.argmax(1))]
    assert np.mean(right) > 0.8
    own = -model.log_prob(held, {"label": ["low", "high"] * 10})
    others = -model.log_prob(held, {"label": ["high", "low"] * 10})
    none = -model.log_prob(held)
    assert own.mean() < none.mean() < others.mean()


def test_figures_are_those_of_whole_recordings(made: Path) -> None:
    model = AudioModel.load(made / "run")
    long = np.concatenate([voice(number) for number in range(6)])  # longer than a chunk that is read at a time
    assert len(long) > 2048
    for x in (long, voice(3)):
        symbols = torch.from_numpy(model.codec.encode(x))[None]
        with torch.no_grad():
            whole = float(model.model.log_prob(symbols, {"label": torch.tensor([1])}))
        assert model.log_prob([x], {"label": "low"})[0] == pytest.approx(whole, rel=1e-5)
    from seriatim.audio.data.recordings import Takes

    takes = Takes([voice(0), voice(1), long], {"label": ("low", "unheard of", None)}, ["a", "b", "c"])
    figures = model.evaluate(takes)
    nats = -model.log_prob(takes.x, {"label": ["low", None, None]})
    assert figures.nats == pytest.approx(nats.sum(), rel=1e-9)
    assert figures.bits_per_sample == pytest.approx(nats.sum() / math.log(2) / takes.samples)
    # the standard error is over the recordings, which are independent, as blocks of one are not
    lengths = np.array([len(x) for x in takes.x])
    away = nats - nats.sum() / lengths.sum() * lengths
    error = math.sqrt(3 / 2 * (away**2).sum()) / lengths.sum() / math.log(2)
    assert figures.to_json()["bits_per_sample_given_label_standard_error"] == pytest.approx(error, rel=1e-9)
    assert figures.lacking == (Lacking("label", 3, 2, {"unheard of": 1}, ("high", "low")),)
    assert figures.to_json()["bits_per_sample_given_label"] == figures.bits_per_sample
    assert (figures.recordings, figures.quantiser) == (3, "32 levels of μ-law")
    assert figures.seconds == pytest.approx(takes.samples / RATE)


@pytest.mark.parametrize(
    "case",
    [
        {"ema": 0.9},
        {"audio": {"quantiser": "pcm16", "levels": None}, "net": {"head": "logistic", "mixtures": 3}},
        {"net": {"stacks": (8,), "stack_dilations": 2, "stack_channels": 4}, "accumulate": 2},
    ],
    ids=["ema", "16 bits", "stack"],
)
def test_a_run_that_was_stopped_equals_one_that_was_not(
    made: Path, tmp_path: Path, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    check_stopping(plan(made / "voices", **case), 3, tmp_path, monkeypatch)


def test_samples_of_a_run_under_way(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_task, "_SHOWN", 100)
    start(plan(made / "voices", samples=2, steps=1), tmp_path / "run", QUIET)
    place = tmp_path / "run" / "samples"
    kinds = ("free-running-1", "free-running-2", "teacher-forced", "recording")
    endings = (".wav", "-waveform.png", "-spectrogram.png")
    assert {path.name for path in place.iterdir()} == {f"step-000001-{k}{end}" for k in kinds for end in endings}
    first, rate = soundfile.read(place / "step-000001-free-running-1.wav")
    assert (len(first), rate) == (100, RATE)
    assert len(soundfile.read(place / "step-000001-teacher-forced.wav")[0]) == 100


def test_changed_recordings_are_not_gone_on_with(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(made / "voices", tmp_path / "voices")
    with stopped_at(3, monkeypatch):
        start(plan(tmp_path / "voices"), tmp_path / "run", QUIET)
    save(tmp_path / "voices" / "low" / "00.wav", voice(2))
    with pytest.raises(UserError, match="has changed since this run began"):
        resume(tmp_path / "run", *plan_of(tmp_path / "run"), QUIET)


def test_blocks_are_the_sample_and_can_be_stopped(made: Path) -> None:
    model = AudioModel.load(made / "run")
    whole = model.sample(0.02, 3, given={"label": "low"}, seed=4)
    assert whole.shape == (3, 160)
    assert whole.dtype == np.int16
    for block in (0.001, 0.0072, 1.0):
        parts = list(model.blocks(0.02, 3, given={"label": "low"}, seed=4, block=block))
        assert np.array_equal(np.concatenate(parts, 1), whole)
    assert {part.shape[1] for part in model.blocks(0.02)} == {80}
    one = model.sample(0.02, given={"label": "low"}, seed=4)
    assert np.array_equal(one[0], whole[0])
    first = next(model.blocks(60.0, seed=4))  # a minute: it is made only as it is asked for
    assert first.shape == (1, 80)
    again = model.sample(0.01, 3, given={"label": "low"}, seed=4, prompt=whole[0, :80])
    assert np.array_equal(again[:, :80], np.repeat(whole[:1, :80], 3, 0))
    assert np.array_equal(again[0], whole[0]), "going on from one's own beginning gives one's own end"
    assert not torch.is_inference_mode_enabled()


def test_what_is_drawn_is_like_its_label(made: Path) -> None:
    model = AudioModel.load(made / "run")

    def height(label: str) -> float:
        """Share of power above 600 Hz."""
        x = model.sample(0.06, 6, given={"label": label}, seed=1, temperature=0.7).astype(np.float64)
        power = (np.abs(np.fft.rfft(x - x.mean(1, keepdims=True))) ** 2).mean(0)
        return float(power[round(0.06 * 600) :].sum() / power.sum())

    assert height("high") > height("low") + 0.1


@pytest.mark.parametrize("head", ["logistic", "normal"])
def test_stereo_at_16_bits(tmp_path: Path, head: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = voices(tmp_path / "pairs", 20, channels=2)
    audio = {"channels": "stereo", "quantiser": "pcm16", "levels": None, "given": False}
    start(plan(data, audio, net={"head": head, "mixtures": 2}, steps=4), tmp_path / "run", QUIET)
    model = AudioModel.load(tmp_path / "run")
    assert (model.channels, model.codec.levels) == (2, 65536)
    x = voice(7, 2)
    symbols = torch.from_numpy(model.codec.encode(x))[None]
    with torch.no_grad():
        whole = float(model.model.log_prob(symbols))
    assert model.log_prob([x])[0] == pytest.approx(whole, rel=1e-5)
    # a sample is that of one channel
    assert model.evaluate([x]).bits_per_sample == pytest.approx(-whole / math.log(2) / (2 * len(x)), rel=1e-5)
    held = open_recordings(data, AudioOptions(channels="stereo", length=200)).splits["validation"]
    bits = -model.log_prob(held.x).sum() / math.log(2) / (2 * held.samples)
    assert model.about["validation_bits_per_sample"] == pytest.approx(bits, rel=1e-5)
    assert main(["score", str(tmp_path / "run"), str(data / "low" / "00.wav"), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    alone = -model.log_prob([voice(0, 2)])[0] / math.log(2)
    assert (row["bits_per_sample"], row["samples"]) == (pytest.approx(alone / (2 * 400), rel=1e-5), 800)
    drawn = model.sample(0.01, 2, prompt=x[:40], seed=3)
    assert drawn.shape == (2, 120, 2)
    assert np.array_equal(drawn[1, :40], x[:40])
    assert model.forced([x])[0].shape == x.shape
    with pytest.raises(UserError, match=r"\(samples, 2\)"):
        model.log_prob([x[:, 0]])


def test_the_command_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert kind_of("voices")[0].family == "wavenet"
    assert main(["evaluate", "run", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["quantiser"] == "32 levels of μ-law"
    assert main(["evaluate", "run"]) == 0
    assert f"{figures['bits_per_sample_given_label']:.4f}" in capsys.readouterr().out
    assert main(["score", "run", "voices/low/00.wav", "voices/high", "--json"]) == 0
    said = capsys.readouterr()
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert len(rows) == 21
    assert {row["name"] for row in rows} == {"voices/low/00.wav", *map(str, Path("voices/high").iterdir())}
    assert "label counts as missing for 21 of 21 recordings; score the folder" in said.err
    alone = next(row for row in rows if row["name"] == "voices/low/00.wav")
    Path("labels.csv").write_text("path,label\n00.wav,low\n")
    assert main(["score", "run", "voices/low/00.wav", "--labels", "labels.csv", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["bits_given_label"] < alone["bits_given_label"]
    assert not said.err
    rates = [row["bits_per_sample_given_label"] for row in rows]
    assert rates == sorted(rates, reverse=True)
    assert main(["inspect", "run"]) == 0
    assert "31 samples, 3.9 ms" in capsys.readouterr().out
    words = ["sample", "run", "--seconds", "0.03", "--given", "label=high", "--seed", "5"]
    assert main([*words, "-n", "2", "-o", "out/x.wav"]) == 0
    x, rate = soundfile.read("out/x-2.wav", dtype="int16")
    model = AudioModel.load("run")
    assert rate == RATE
    assert np.array_equal(x, model.sample(0.03, 2, given={"label": "high"}, seed=5)[1])
    own = capsys.readouterr().err.rpartition("seeds 5, ")[2]
    assert np.array_equal(x, model.sample(0.03, given={"label": "high"}, seed=int(own))[0])
    assert {"x-1-waveform.png", "x-2-spectrogram.png"} <= {path.name for path in Path("out").iterdir()}
    assert main([*words, "-o", "y.flac", "--prompt-file", "out/x-2.wav"]) == 0
    y, _ = soundfile.read("y.flac", dtype="int16")
    assert np.array_equal(y[: len(x)], x)
    assert len(y) == 2 * len(x)


def test_raw_samples_on_standard_output(here: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["sample", "run", "--seconds", "0.03", "--seed", "5", "-o", "-"]) == 0
    raw = capfdbinary.readouterr().out
    expected = AudioModel.load(here / "run").sample(0.03, seed=5)[0]
    assert np.array_equal(np.frombuffer(raw, "<i2"), expected)


def test_what_is_stopped_halfway_can_be_played(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = AudioModel.blocks

    def two(self: AudioModel, *arguments: Any, **options: Any) -> Any:
        for i, block in enumerate(held(self, *arguments, **options)):
            if i == 2:
                raise KeyboardInterrupt
            yield block

    monkeypatch.setattr(AudioModel, "blocks", two)
    assert main(["sample", "run", "--seconds", "1", "-o", "cut.wav"]) == 130
    x, _ = soundfile.read("cut.wav")
    assert len(x) == 160
    assert Path("cut-waveform.png").exists()


def test_one_line_says_what_is_wrong(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "empty").mkdir(exist_ok=True)
    (here / "torn.wav").write_bytes((here / "voices" / "low" / "00.wav").read_bytes()[:100])
    for words, named in (
        ("sample run --seconds 0", "seconds is 0"),
        ("sample run --given label=middle", "middle"),
        ("sample run --given singer=x", "singer"),
        ("sample run -o x.mp3", ".mp3"),
        ("sample run --prompt-file nothing.wav", "nothing.wav"),
        ("sample run --prompt hello", "--prompt does not apply to a model of audio"),
        ("sample run -n 2 -o -", "one recording"),
        ("sample run --columns 3", "--columns"),
        ("score run torn.wav", "torn.wav"),
        ("score run nothing.wav", "nothing.wav"),
        ("score run -", "- is standard input"),
        ("train voices --model wavenet --preset nanogpt-cpu --out new", "the preset is for transformer"),
        ("train voices --quantiser.kind pcm16 --out new", "give --net.head logistic"),
        ("train voices --track.up 4,x --out new", '--track.up: unable to convert "x"'),
        ("sample run --given label=low:0.5,low:0.5", "'low' is given twice"),
        ("sample run --given label=low:-1,high:2", "expected numbers from 0"),
        ("evaluate run empty", "empty"),
        ("evaluate run --window 5", "--window"),
        ("classify run voices/low/00.wav", "this command is for models of pictures"),
        ("complete run voices/low/00.wav", "this command is for models of pictures"),
        ("explore run", "model of"),
        ("export run there", "model of"),
        ("train voices --model lstm --out new", "voices holds audio, but lstm is for text"),
        ("train voices --image.levels 4 --out new", "--image.levels is for pictures"),
        ("train nowhere --net.residual 4 --out new", "is no file, folder or named data set"),
        ("train voices --audio.spans . --audio.hop 80 --out new", "no span file for 40 of 40"),
        ("train voices --quantiser.levels 1 --out new", "--quantiser.levels is 1"),
        ("train voices --net.levels 3 --out new", "follows from the data"),
        ("train voices --audio.channels stereo --out new", "softmax"),
        ("train voices --train.carry --out new", "--train.carry does not apply to audio"),
        ("train voices --folds 1 --out new", "--folds is 1"),
        ("train digits --model wavenet --out new", "digits holds pictures, but wavenet is for audio"),
        ("train tinyshakespeare --model wavenet --out new", "holds text, but wavenet is for audio"),
    ):
        assert main(words.split()) == 2, words
        said = capsys.readouterr()
        assert said.err.count("\n") == 1, (words, said.err)
        assert named in said.err, (words, said.err)
        assert not (here / "new" / "model.json").exists()
        assert not (here / "sample.wav").exists()


def test_a_tampered_codec_is_refused(made: Path, tmp_path: Path) -> None:
    for i, (change, word) in enumerate(
        (
            ({"levels": 33}, "config.levels is 32"),
            ({"levels": 10**9}, "levels"),
            ({"rate": 0}, "rate"),
            ({"quantiser": "alaw"}, "alaw"),
            ({"channels": 2}, "config.channels is 1"),
        )
    ):
        place = tmp_path / str(i)
        shutil.copytree(made / "run", place)
        edit(place, lambda document, change=change: document["codecs"]["x"].update(change))
        with pytest.raises(UserError, match=word):
            AudioModel.load(place)
    shutil.copytree(made / "run", tmp_path / "other")
    edit(tmp_path / "other", lambda document: document.update(modality="image"))
    with pytest.raises(UserError):
        seriatim.load(tmp_path / "other")


def test_python(made: Path, tmp_path: Path) -> None:
    model = seriatim.train(
        made / "voices", out=tmp_path / "run", net=NET, audio=AudioOptions(length=100),
        quantiser=QuantiserOptions(levels=16), steps=2, batch=2,
        samples=0, quiet=True, device="cpu",
    )  # fmt: skip
    assert isinstance(model, AudioModel)
    assert isinstance(model.codec, Quantiser)
    again = seriatim.load(tmp_path / "run", "cpu")
    assert isinstance(again, AudioModel)
    assert np.array_equal(again.sample(0.01, seed=1), model.sample(0.01, seed=1))
