"""Runs of multi-scale models of sound: excerpts, likelihoods, streams, prompts, and what the commands say."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import seriatim
from seriatim.audio.arrangement import Arrangement
from seriatim.audio.data.excerpts import Excerpts, Stretches
from seriatim.audio.data.recordings import Takes
from seriatim.audio.model import AudioModel
from seriatim.audio.options import AudioOptions, QuantiserOptions, TrackOptions
from seriatim.audio.quantiser import Quantiser
from seriatim.cli import main
from seriatim.models import Conditional, SoundCascade, SoundScalesConfig, WaveNet, multiscale_sound
from seriatim.models.schedule import Schedule
from seriatim.testing import wake
from seriatim.training.options import TrainOptions
from seriatim.training.plan import Plan
from seriatim.training.run import Means, start
from seriatim.walks.noise import uniform
from tiny_audio import RATE, save, tone
from tiny_pictures import check_stopping

QUIET = Means(quiet=True)
NET: dict[str, Any] = {"residual": 8, "gate": 8, "skip": 16, "dilations": 3, "cycles": 1, "up": 6}
SCALES: dict[str, Any] = {"factor": 4, "look_ahead": 2}


def voice(number: int, channels: int = 1) -> NDArray[np.int16]:
    """Even numbers are low, odd ones high."""
    random = np.random.default_rng(number)
    x = tone(250 if number % 2 == 0 else 1000, 0.05 + 0.001 * (number % 40), level=0.3 + 0.01 * (number % 40))
    x = np.stack([x] * channels, 1) + random.normal(0, 0.01, (len(x), channels))
    x = (x.clip(-1, 0.999) * 32768).astype(np.int16)
    return x[:, 0] if channels == 1 else x


def voices(place: Path, channels: int = 1) -> Path:
    for number in range(40):
        save(place / ("low" if number % 2 == 0 else "high") / f"{number:02d}.wav", voice(number, channels))
    return place


def plan(data: Path, audio: dict[str, Any] | None = None, **options: Any) -> Plan:
    net = {**NET, **SCALES, **options.pop("net", {})}
    levels = options.pop("levels", QuantiserOptions("mulaw", 32))
    train = {"steps": 6, "batch": 4, "evaluate_every": 2, "samples": 0, "device": "cpu", "lr": 0.01, **options}
    groups = {"audio": AudioOptions(**{"length": 200, **(audio or {})}), "quantiser": levels, "track": TrackOptions(4)}
    return Plan(str(data), "audio", "multiscale", net, groups, train=TrainOptions(**train))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("scales")
    voices(place / "voices")
    start(plan(place / "voices", steps=150, evaluate_every=75, samples=1), place / "run", QUIET)
    return place


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    return made


def inner(model: AudioModel) -> SoundCascade:
    found = model.model.model if isinstance(model.model, Conditional) else model.model
    assert isinstance(found, SoundCascade)
    return found


def order_of(length: int, factor: int = 4, ahead: int = 2) -> list[int]:
    """Two scales: the slow samples up to `ahead` blocks after its own, then a block's others."""
    found, slow = list[int](), 0
    for block in range(-(-length // factor)):
        while slow * factor < length and slow <= block + ahead:
            found.append(slow * factor)
            slow += 1
        found += range(block * factor + 1, min(block * factor + factor, length))
    return found


# ------------------------------------------------------------------ excerpts


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([(2, 1, 2), (3, 2, 2), (2, 2, 3)]), st.integers(3, 30))
def test_behind_its_past_a_sample_is_predicted_as_in_the_whole_recording(
    seed: int, shape: tuple[int, int, int], length: int
) -> None:
    """All samples that count, of pieces from everywhere, near an end and far from it, in rows of unequal length."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        factor, ahead, scales = shape
        sizes = {"residual": 3, "gate": 4, "skip": 9, "dilations": 2, "cycles": 1, "up": 3}
        config = SoundScalesConfig(scales, factor, ahead, levels=16, **sizes)
        torch.manual_seed(seed)
        model, codec = wake(multiscale_sound(config)), Quantiser(RATE, 1, "mulaw", 16)
        random = np.random.default_rng(seed)
        xs = [random.integers(-30000, 30000, int(n)).astype(np.int16) for n in random.integers(1, 90, 4)]
        arrangement = Arrangement.of(model)
        batches = Excerpts(
            Takes(xs, {}, list("abcd")), {"x": codec}, length, config.past, 3, seed, arrangement=arrangement
        )
        whole = []
        for x in xs:
            symbols = torch.from_numpy(codec.encode(x))[None]
            order = model.schedule.order(len(x))
            whole.append(np.empty(len(x)))
            whole[-1][order] = model.log_probs(symbols[:, order])[0].detach().numpy()
        for step in range(batches.per_epoch):
            pieces = batches.pieces.of(step)
            owners, batch = batches.pieces.owners(pieces), batches.batch(step)
            terms = model.log_probs(torch.from_numpy(batch.x)).detach().numpy()
            back = model.schedule.order(batch.x.shape[1]).argsort()
            for piece, owner, row, mask in zip(pieces, owners, terms, batch.mask, strict=True):
                begin, stop = piece - batches.pieces.bounds[owner]
                assert row[back][mask[back]] == pytest.approx(whole[owner][begin:stop], rel=1e-9)
    finally:
        torch.set_default_dtype(before)


def test_rows_say_where_they_end_and_see_what_comes_after_them() -> None:
    x = np.arange(20, dtype=np.int16)
    arrangement = Arrangement(Schedule(4, 1), none=65536)
    stretches = Stretches(Takes([x, x[:9]], {}, ["a", "b"]), {"x": Quantiser(RATE, 1, "pcm16")}, arrangement)
    batch = stretches.batch([0, 1], [6, 3], [11, 9], past=5)
    # begins at multiples of 4: 0 and 0; the first goes on for 3 more samples, the second has ended
    order = order_of(14, 4, 1)
    assert (batch.x[0] - 32768).tolist() == order
    assert batch.mask[0].tolist() == [6 <= t < 11 for t in order]
    assert (batch.x[1] - 32768).tolist() == [t if t < 9 else 32768 for t in order]
    assert batch.mask[1].tolist() == [3 <= t < 9 for t in order]


# ------------------------------------------------------------------ likelihood


def test_figures_are_those_of_whole_recordings_one_by_one(made: Path) -> None:
    model = AudioModel.load(made / "run")
    long = np.concatenate([voice(number) for number in range(6)])  # longer than a chunk that is read at a time
    xs = [long, voice(3), voice(4)[:3], voice(5)[:130]]
    together = model.log_probs(xs, {"label": "low"})
    for x, found in zip(xs, together, strict=True):
        order = order_of(len(x))
        symbols = torch.from_numpy(model.codec.encode(x))[None][:, order]
        with torch.no_grad():
            terms = model.model.log_probs(symbols, {"label": torch.tensor([1])})[0].numpy()
        assert found[order] == pytest.approx(terms, rel=1e-3, abs=1e-4)
        assert found.sum() == pytest.approx(terms.sum(), rel=1e-5)
    figures = model.evaluate(xs, {"label": ["low"] * 4})
    assert figures.nats == pytest.approx(-sum(x.sum() for x in together), rel=1e-6)
    assert figures.bits_per_sample == pytest.approx(figures.nats / math.log(2) / sum(map(len, xs)))


def test_it_learns_and_knows_its_labels(made: Path) -> None:
    lines = [json.loads(line) for line in (made / "run" / "metrics.jsonl").read_text().splitlines()]
    figures = [line["validation_bits_per_sample"] for line in lines if "validation_bits_per_sample" in line]
    assert figures[-1] < 0.8 * math.log2(32)
    model = AudioModel.load(made / "run")
    assert inner(model).config.vector > 0
    held = [voice(number) for number in range(100, 120)]
    p = model.posterior(held, "label")
    names = model.conditions["label"].values
    right = [names[int(i)] == ("low" if number % 2 == 0 else "high") for number, i in enumerate(p.argmax(1))]
    assert np.mean(right) > 0.8
    assert len([*(made / "run" / "samples").glob("*.wav")]) >= 3
    assert model.forced([voice(0)])[0].shape == voice(0).shape


@pytest.mark.parametrize(
    "case",
    [{}, {"net": {"scales": 3, "factor": 2}, "accumulate": 2}, {"smoothing": 0.1}],
    ids=["two", "three", "smoothing"],
)
def test_a_run_that_was_stopped_equals_one_that_was_not(
    made: Path, tmp_path: Path, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    check_stopping(plan(made / "voices", **case), 3, tmp_path, monkeypatch)


def test_stereo_at_16_bits(tmp_path: Path) -> None:
    data = voices(tmp_path / "pairs", 2)
    audio, levels = {"channels": "stereo", "given": False}, QuantiserOptions("pcm16")
    start(plan(data, audio, levels=levels, net={"head": "logistic", "mixtures": 2}, steps=4), tmp_path / "run", QUIET)
    model, x = AudioModel.load(tmp_path / "run"), voice(7, 2)
    order = order_of(len(x))
    with torch.no_grad():
        whole = float(model.model.log_prob(torch.from_numpy(model.codec.encode(x))[None][:, order]))
    assert model.log_prob([x, x[:100]])[0] == pytest.approx(whole, rel=1e-5)
    drawn = model.sample(0.01, 2, prompt=x[:41], seed=3)
    assert drawn.shape == (2, 121, 2)
    assert np.array_equal(drawn[1, :41], x[:41])


def test_conditions_in_time_reach_every_scale(tmp_path: Path) -> None:
    data = voices(tmp_path / "voices")
    for path in data.rglob("*.wav"):
        place = tmp_path / "tracks" / path.relative_to(data).with_suffix(".npy")
        place.parent.mkdir(parents=True, exist_ok=True)
        np.save(place, np.full((-(-len(soundfile.read(path)[0]) // 10), 1), float(int(path.stem) % 2)))
    audio = {"track": str(tmp_path / "tracks"), "hop": 10}
    start(plan(data, audio, steps=3), tmp_path / "run", QUIET)
    model = AudioModel.load(tmp_path / "run")
    cascade = inner(model)
    assert isinstance(cascade.slow, WaveNet)
    assert (cascade.slow.config.vector, cascade.slow.config.field) == (32, 4)
    assert (cascade.fast.config.vector, cascade.fast.config.field) == (32, 4 + NET["up"])
    track = np.ones((20, 1), np.float32)
    whole = model.sample(given={"track": track, "label": "high"}, seed=2)
    assert whole.shape == (1, 200)
    parts = list(model.blocks(given={"track": track, "label": "high"}, seed=2, block=0.001))
    assert np.array_equal(np.concatenate(parts, 1), whole)
    one, other = (model.log_prob([whole[0]], {"track": value})[0] for value in (track, -9 * track))
    assert one != other


# ------------------------------------------------------------------ streams


def test_blocks_are_the_sample_in_the_order_of_time(made: Path) -> None:
    model = AudioModel.load(made / "run")
    whole = model.sample(0.02, 3, given={"label": "low"}, seed=4)
    assert whole.shape == (3, 160)
    for block in (0.001, 0.0072, 1.0):
        parts = list(model.blocks(0.02, 3, given={"label": "low"}, seed=4, block=block))
        assert np.array_equal(np.concatenate(parts, 1), whole)
    assert np.array_equal(model.sample(0.02, given={"label": "low"}, seed=4)[0], whole[0])
    given = {"label": torch.tensor([model.label_codecs["label"].values.index("low")])}
    positions = model.model.sample(1, model.model.condition(given, 1), length=160, seed=4)[0]
    symbols = np.empty(160, np.int64)
    symbols[order_of(160)] = positions.numpy()
    assert np.array_equal(model.codec.to_int16(symbols), whole[0])
    first = next(iter(model.blocks(3600.0, seed=4)))  # an hour: it is made only as it is asked for
    assert first.shape == (1, 80)
    guided = model.sample(0.01, 2, given={"label": "low"}, seed=1, guidance=1.5)
    assert guided.shape == (2, 80)


@pytest.mark.parametrize("begun", [1, 3, 79, 80, 81, 159])
def test_going_on_from_its_own_beginning_gives_its_own_end(made: Path, begun: int) -> None:
    """What is drawn ahead has the same noise; no sample of the prompt is drawn again."""
    model = AudioModel.load(made / "run")
    whole = model.sample(0.02, given={"label": "low"}, seed=4)[0]
    again = model.sample((160 - begun) / RATE, given={"label": "low"}, seed=4, prompt=whole[:begun])
    assert np.array_equal(again[0], whole)


@pytest.mark.parametrize("begun", [1, 82, 83, 84])
def test_a_prompt_is_forced_where_the_order_comes_to_it(made: Path, begun: int) -> None:
    """A walk by hand, position by position: what is known is taken, all else drawn with its own noise."""
    model = AudioModel.load(made / "run")
    x, order = voice(3)[:begun], order_of(begun + 40)
    known, walk = model.codec.encode(x), model.model.walk(1, model.model.condition({}, 1), begun + 40)
    symbols = np.empty(begun + 40, np.int64)
    for place, time in enumerate(order):
        drawn = walk.dist.draw(uniform(torch.tensor([9]), place, 1))
        symbols[time] = known[time] if time < begun else int(drawn)
        walk.push(torch.tensor([symbols[time]]))
    found = model.sample(40 / RATE, prompt=x, seed=9)[0]
    assert np.array_equal(found[begun:], model.codec.to_int16(symbols)[begun:])
    assert np.array_equal(found[:begun], x)


def test_a_prompt_fixes_its_own_samples_whatever_is_drawn(made: Path) -> None:
    model = AudioModel.load(made / "run")
    x = voice(3)[:83]
    drawn = model.sample(0.005, 4, prompt=x, seed=1)
    assert np.array_equal(drawn[:, :83], np.repeat(x[None], 4, 0))
    assert len({row.tobytes() for row in drawn}) == 4


# ------------------------------------------------------------------ commands


def test_the_command_line(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(tmp_path / "run")
    sizes = [f"--net.{name.replace('_', '-')}={value}" for name, value in (NET | SCALES).items()]
    words = ["train", "voices", "--model", "multiscale", "--out", run, "--steps", "2", "--train.samples", "0", *sizes]
    assert main([*words, "--device", "cpu", "--batch", "2", "--audio.length", "200", "--data.test", "0.1"]) == 0
    capsys.readouterr()
    model = AudioModel.load(tmp_path / "run")
    assert (inner(model).config.factor, inner(model).config.look_ahead, model.ahead) == (4, 2, 7)
    assert main(["inspect", run]) == 0
    said = capsys.readouterr().out
    assert "2: 1 sample in 4 (2000 Hz), all samples (8000 Hz); slow scales run ahead by up to 7 samples, 0.9 ms" in said
    assert main(["inspect", run, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["scales"], facts["draws_ahead_samples"], facts["draws_ahead_milliseconds"]) == (2, 7, 0.875)
    assert (facts["family"], facts["looks_back_samples"]) == ("multiscale", 32)  # 4 · (1 + 1 + 2 + 4)
    assert main(["evaluate", run]) == 0
    assert "bits/sample" in capsys.readouterr().out
    assert main(["sample", run, "--seconds", "0.03", "--seed", "5", "-o", "x.wav"]) == 0
    assert "exactly" not in capsys.readouterr().err
    x, _ = soundfile.read("x.wav", dtype="int16")
    assert np.array_equal(x, model.sample(0.03, seed=5)[0])
    assert main(["sample", run, "--seconds", "0.01", "-o", "y.wav", "--prompt-file", "x.wav"]) == 0
    said = capsys.readouterr().err
    assert "almost exactly: the slow scales draw up to 7 samples (0.9 ms) beyond its end" in said
    assert len(soundfile.read("y.wav")[0]) == 320


def test_without_looking_ahead_a_prompt_is_exact(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start(plan(here / "voices", net={"look_ahead": 0}, steps=2), tmp_path / "run", QUIET)
    model = AudioModel.load(tmp_path / "run")
    assert model.ahead == 0
    x = voice(0)
    assert model.log_prob([x, x[:9]]).shape == (2,)
    soundfile.write(tmp_path / "x.wav", x, RATE)
    words = ["sample", str(tmp_path / "run"), "--seconds", "0.01", "-o", str(tmp_path / "y.wav")]
    assert main([*words, "--prompt-file", str(tmp_path / "x.wav")]) == 0
    assert "exactly" not in capsys.readouterr().err


def test_sound_in_memory_and_its_defaults(tmp_path: Path) -> None:
    recordings = [voice(i) for i in range(30)]
    audio = seriatim.AudioOptions(rate=RATE, length=100)
    model = seriatim.train(
        recordings,
        "multiscale",
        out=tmp_path / "run",
        net=NET,
        steps=1,
        audio=audio,
        quiet=True,
        device="cpu",
        samples=0,
    )
    assert isinstance(model, AudioModel)
    assert inner(model).config.look_ahead == 4
    assert model.sample(0.002, n=2, seed=1).shape == (2, 16)
