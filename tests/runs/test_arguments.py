"""What people pass by mistake is refused in our words: which argument, what was given, what is expected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seriatim
from seriatim.audio.data.waves import to_int16
from seriatim.audio.model import AudioModel
from seriatim.errors import UserError
from seriatim.image.model import ImageModel
from seriatim.runs import arguments
from seriatim.runs.arguments import takes
from seriatim.text.model import TextModel
from seriatim.walks.steer import Steer

TEXTS = [f"to be or not to be {i}" for i in range(40)]
PICTURES = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 1), np.uint8)
RECORDINGS = [np.random.default_rng(i).normal(0, 1000, 200).astype(np.int16) for i in range(20)]
FLOATS = (RECORDINGS[0] / 32768).astype(np.float32)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    place = tmp_path_factory.mktemp("models")

    def made(name: str, *data: Any, **options: Any) -> Any:
        return seriatim.train(*data, out=place / name, quiet=True, steps=1, samples=0, device="cpu", **options)

    sizes = {"residual": 8, "gate": 8, "skip": 8, "cycles": 1, "dilations": 3}
    audio = seriatim.AudioOptions(rate=8000, length=100)
    return {
        "t": made("t", TEXTS, "gru", net={"width": 16}),
        "i": made("i", {"x": PICTURES, "label": ["a", "b"] * 20}, net={"filters": 8, "layers": 1}),
        "a": made("a", {"x": RECORDINGS, "who": ["a", "b"] * 10}, net=sizes, audio=audio),
    }


MISTAKES: dict[str, tuple[Callable[[TextModel, ImageModel, AudioModel], object], str]] = {
    "text-of-number": (lambda t, i, a: t.log_prob(5), "texts is 5; expected a string"),
    "texts-of-numbers": (lambda t, i, a: t.log_prob([5]), r"texts\[0\] is 5; expected a string"),
    "text-of-bytes": (lambda t, i, a: t.log_prob(b"a"), "texts is b'a'; expected a string"),
    "given-is-a-list": (lambda t, i, a: t.log_prob("a", ["x"]), "given is a list; expected values by name"),
    "prompt-of-numbers": (lambda t, i, a: t.sample([0, 0]), r"prompt\[0\] is 0; expected a string"),
    "half-a-sample": (lambda t, i, a: t.sample("a", n=2.5), "n is 2.5; expected a whole number"),
    "half-a-symbol": (lambda t, i, a: t.sample(max_length=2.5), "max_length is 2.5; expected a whole number"),
    "stop-is-a-number": (lambda t, i, a: t.sample(stop=5), "stop is 5; expected a string"),
    "seed-is-a-word": (lambda t, i, a: t.sample(seed="a"), "seed is 'a'; expected a whole number"),
    "beams": (lambda t, i, a: t.search("a", beams="x"), "beams is 'x'; expected a beam width"),
    "stream": (lambda t, i, a: t.stream(5), "prompt is 5; expected a string"),
    "evaluate-a-number": (lambda t, i, a: t.evaluate([5]), r"documents\[0\] is 5; expected a string"),
    "save nowhere": (lambda t, i, a: t.save(""), "folder is ''; expected a path"),
    "train nowhere": (lambda t, i, a: seriatim.train(["a"], out=""), "out is ''; expected a path"),
    "save": (lambda t, i, a: t.save(5), "folder is 5; expected a path"),
    "steer": (lambda t, i, a: t.sample(steer=0.8), "steer is 0.8; expected a seriatim.Steer"),
    "one-picture": (lambda t, i, a: i.log_prob(PICTURES[0]), r"one picture of shape \(4, 4, 1\); .*picture\[None\]"),
    "one-to-classify": (lambda t, i, a: i.posterior(PICTURES[0]), "one picture of shape"),
    "one-to-evaluate": (lambda t, i, a: i.evaluate(PICTURES[0]), "one picture of shape"),
    "a-file": (lambda t, i, a: i.log_prob("x.png"), "expected uint8"),
    "no-batch": (lambda t, i, a: i.log_prob(PICTURES, batch=0), "batch is 0; give 1 or more"),
    "n-is-a-word": (lambda t, i, a: i.sample("3"), "n is '3'; expected a whole number"),
    "too-many-labels": (
        lambda t, i, a: i.log_prob(PICTURES[:2], {"label": np.array(["a", "b", "a"])}),
        "3 values of label; expected 2",
    ),
    "no-mask": (lambda t, i, a: i.complete(PICTURES[0], None), r"the mask is \(\)"),
    "several-to-complete": (
        lambda t, i, a: i.complete(PICTURES[:2], np.ones((4, 4), bool)),
        r"the picture is \(2, 4, 4, 1\)",
    ),
    "prior": (lambda t, i, a: i.posterior(PICTURES, [1, 2]), "prior is a list; expected values by name"),
    "one-recording": (lambda t, i, a: a.log_prob(RECORDINGS[0]), r"one recording; .*give \[recording\]"),
    "one-to-name": (lambda t, i, a: a.posterior(RECORDINGS[0], "who"), "one recording"),
    "one-to-force": (lambda t, i, a: a.forced(RECORDINGS[0]), "one recording"),
    "one-to-judge": (lambda t, i, a: a.evaluate(RECORDINGS[0]), "one recording"),
    "a-recording-of-a-name": (lambda t, i, a: a.log_prob("x.wav"), "recordings is a str; expected a list of arrays"),
    "a-prompt-of-numbers": (lambda t, i, a: a.sample(0.005, prompt=[0, 0]), "samples of type int64; expected int16"),
    "a-prompt-of-one": (lambda t, i, a: a.sample(0.005, prompt=5), "a recording is a int; expected an array"),
    "a-loud-prompt": (lambda t, i, a: a.sample(0.005, prompt=FLOATS * 100), "samples are beyond ±1"),
    "seconds": (lambda t, i, a: a.sample("x"), "seconds is 'x'; expected a number"),
    "block": (lambda t, i, a: a.blocks(0.005, block="x"), "block is 'x'; expected a number"),
    "load": (lambda t, i, a: seriatim.load(3), "run is 3; expected a path"),
    "load-a-function": (lambda t, i, a: seriatim.load("x", model=dict), "model is a type; expected a seriatim.Model"),
    "device": (lambda t, i, a: seriatim.load("x", 5), "device is 5; expected a string"),
    "laws": (lambda t, i, a: seriatim.testing.laws("lstm"), "model is 'lstm'; expected a seriatim.Model"),
    "net": (lambda t, i, a: seriatim.train(TEXTS, "gru", net=16), "net is 16; expected values by name"),
    "folds": (lambda t, i, a: seriatim.train(TEXTS, "gru", folds=2.5), "folds is 2.5; expected a whole number"),
    "on-step": (lambda t, i, a: seriatim.train(TEXTS, "gru", on_step=5), "on_step is 5; expected a function"),
    "kind": (lambda t, i, a: seriatim.train(TEXTS, kind=5), "kind is 5; expected a string"),
    "family": (lambda t, i, a: seriatim.train(TEXTS, 5), "model is 5; expected a family"),
    "stepz": (lambda t, i, a: seriatim.train(TEXTS, stepz=3), "stepz=… is not an option.*'steps'"),
    "tokens": (lambda t, i, a: seriatim.train(TEXTS, tokens="words"), r"tokens='words' .*TokenOptions\("),
    "data": (lambda t, i, a: seriatim.train(TEXTS, data=5), r"data=5 is not .*DataOptions\("),
    "one-to-learn": (lambda t, i, a: seriatim.train(PICTURES[0]), r"one picture, or 4 .*x\[None\]"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(mistake: str, models: dict[str, Any], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    call, words = MISTAKES[mistake]
    with pytest.raises(UserError, match=words) as raised:
        call(models["t"], models["i"], models["a"])
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_prompt_in_fractions_of_full_scale_is_converted(models: dict[str, Any]) -> None:
    x = models["a"].sample(0.005, prompt=FLOATS, seed=1)
    assert x.dtype == np.int16
    assert np.array_equal(x, models["a"].sample(0.005, prompt=to_int16(FLOATS)[0], seed=1))
    assert np.array_equal(x[0, :200], RECORDINGS[0])


def test_what_a_model_evaluates_in_memory(models: dict[str, Any]) -> None:
    text, image, audio = models["t"], models["i"], models["a"]
    assert text.evaluate(["to be", "or"]).nats == pytest.approx(-sum(text.log_prob(["to be", "or"])), rel=1e-6)
    labels = ["a", "b", "c"]
    figures = image.evaluate(PICTURES[:3], given={"label": np.array(labels)})
    nats = -image.log_prob(PICTURES[:3], {"label": ["a", "b", None]})
    assert figures.nats_per_image == pytest.approx(nats.mean())
    assert dict(figures.lacking[0].unknown) == {"c": 1}
    found = audio.evaluate(RECORDINGS[:3], given={"who": labels})
    assert found.nats == pytest.approx(-audio.log_prob(RECORDINGS[:3], {"who": ["a", "b", None]}).sum())
    assert dict(found.lacking[0].unknown) == {"c": 1}
    one = audio.sample(0.005, given={"who": np.array(["a"])}, seed=1)
    assert np.array_equal(one, audio.sample(0.005, given={"who": "a"}, seed=1))


def test_what_is_right_passes() -> None:
    @takes(n=arguments.count, x=arguments.number, s=arguments.seeds, f=arguments.function, steer=arguments.named)
    def call(n: int, x: float = 1.0, s: Any = 0, f: Any = None, steer: Any = None) -> int:
        return n

    for seeds in (1, np.int64(1), [1, 2], (np.int32(1),), np.arange(3), range(3)):
        assert call(np.int32(2), np.float32(0.5), seeds) == 2
    assert call(2, f=None, steer=None) == 2
    for wrong in (True, "2", 2.0, None):
        with pytest.raises(UserError, match=r"n is .*; expected a whole number"):
            call(wrong)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="'m'"):
        call(2, m=3)  # pyright: ignore[reportCallIssue]
    check = arguments.instance(Steer, "a Steer")
    with pytest.raises(UserError, match=r"s is an array of shape \(2,\); expected a Steer"):
        check("s", np.zeros(2))
