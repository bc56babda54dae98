"""Training runs: what they learn, what they leave behind, when they stop."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
import torch

from seriatim import api
from seriatim.data.batches import Batch, Batches
from seriatim.errors import UserError
from seriatim.runs import files
from seriatim.text.model import TextModel
from seriatim.text.options import TextOptions, TokenOptions
from seriatim.text.tokenizers import Policy
from seriatim.training import run
from seriatim.training.loop import DivergedError, Hooks, Loop
from seriatim.training.loss import Loss
from seriatim.training.options import TrainOptions
from seriatim.training.run import Means, default_folder, plan_of, resume, start
from tiny_text import metrics, plan, records_file, tensors, text_file, text_model, words

QUIET = Means(quiet=True)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_file(tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize("family", ["transformer", "lstm", "gru", "rnn"])
def test_the_loss_falls_on_text_that_repeats(family: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("the cat sat. " * 200)
    model = start(plan(path, family, steps=60, lr=2e-2, batch=8, evaluate_every=20), tmp_path / "run", QUIET)
    losses = [row["train_nats_per_token"] for row in metrics(tmp_path / "run") if "train_nats_per_token" in row]
    assert losses[-1] < 0.5 * losses[0]
    assert model.evaluate(model_documents(path)).nats_per_token < 1.0


def model_documents(path: Path) -> list[Any]:
    from seriatim.text.data.opening import open_corpus

    return list(open_corpus(path).splits["validation"])


@pytest.mark.parametrize(("pause", "times"), [(10.0, 1), (0.0, 3)])
def test_the_curve_is_drawn_now_and_then_and_in_the_end(
    pause: float, times: int, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = list[int]()
    monkeypatch.setattr(run, "_CURVES", pause)
    monkeypatch.setattr(run, "draw_curve", lambda rows, *_: drawn.append(rows[-1]["step"]))
    start(plan(data, steps=6, evaluate_every=2), tmp_path / "run", QUIET)
    assert len(drawn) == times
    assert drawn[-1] == 6


@pytest.mark.parametrize("pause", [10.0, 0.0])
def test_a_curve_that_cannot_be_drawn_costs_no_run(
    pause: float, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no fonts")

    monkeypatch.setattr(run, "_CURVES", pause)
    monkeypatch.setattr(run, "draw_curve", broken)
    start(plan(data, steps=4, evaluate_every=2), tmp_path / "run", QUIET)
    assert metrics(tmp_path / "run")[-1]["step"] == 4
    assert "curve.png was not drawn: no fonts" in capsys.readouterr().err


def test_what_a_run_leaves_behind(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    start(plan(data, samples=2, prompt="the", evaluate_every=3), folder, QUIET)
    assert {path.name for path in folder.iterdir()} >= {"model.json", "metrics.jsonl", "curve.png", "samples", "train"}
    assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    pages = sorted((folder / "samples").iterdir())
    assert [page.name for page in pages] == ["step-000003.txt", "step-000006.txt"]
    first, second = pages[0].read_text().split("\n" + "-" * 72 + "\n")
    assert first.startswith("the")
    assert second.startswith("the")
    rows = metrics(folder)
    assert [row["step"] for row in rows if "validation_nats_per_token" in row] == [0, 3, 6]
    assert all(math.isfinite(row["train_nats_per_token"]) for row in rows if "train_nats_per_token" in row)
    assert len(list(folder.glob("model-*.safetensors"))) == 1
    assert len(list((folder / "train").glob("state-*.safetensors"))) == 1
    assert not list(folder.rglob("*.tmp"))


def test_a_row_of_metrics_is_the_mean_of_all_steps_since_the_last(data: Path, tmp_path: Path) -> None:
    losses: dict[int, list[float]] = {}
    for every in (10, 30):  # a row after each step, after each third
        start(plan(data, steps=30, evaluate_every=every), tmp_path / str(every), QUIET)
        rows = metrics(tmp_path / str(every))
        losses[every] = [row["train_nats_per_token"] for row in rows if "train_nats_per_token" in row]
    assert len(losses[30]) == 10
    for i, mean in enumerate(losses[30]):
        three = losses[10][3 * i : 3 * i + 3]
        assert mean == pytest.approx(sum(three) / 3, rel=0.01)  # batches differ by a few symbols


def test_the_same_plan_gives_the_same_run(data: Path, tmp_path: Path) -> None:
    one = plan(data, net={"dropout": 0.2}, ema=0.9, evaluate_every=3)
    for name in ("a", "b"):
        torch.manual_seed(hash(name) % 1000)  # the caller's generator does not matter
        start(one, tmp_path / name, QUIET)
    assert metrics(tmp_path / "a") == metrics(tmp_path / "b")
    a, b = tensors(tmp_path / "a", "model"), tensors(tmp_path / "b", "model")
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_training_leaves_the_callers_generator_alone(data: Path, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    start(plan(data, steps=2), tmp_path / "run", QUIET)
    assert torch.equal(before, torch.get_rng_state())


def test_the_best_model_is_kept_and_is_a_copy(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = iter([9.0, 2.0, 1.0, 3.0, 4.0, 5.0, 6.0])  # the first is of step 0
    seen: list[dict[str, torch.Tensor]] = []

    def validate(self: Any) -> float:
        seen.append({name: t.clone() for name, t in files.tensors_of(self.model).items()})
        return next(figures)

    monkeypatch.setattr("seriatim.text.validate.Validation.__call__", validate)
    model = start(plan(data, evaluate_every=1), tmp_path / "run", QUIET)
    kept = files.tensors_of(model.model)
    assert model.about["step"] == 2
    assert model.about["validation_nats_per_token"] == 1.0
    assert all(torch.equal(kept[name], seen[2][name]) for name in kept)
    assert any(not torch.equal(kept[name], seen[6][name]) for name in kept)


def test_early_stopping(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = iter([9.0, 3.0, 2.0, 2.5, 2.5, 9.0])  # the first is of step 0
    monkeypatch.setattr("seriatim.text.validate.Validation.__call__", lambda self: next(figures))
    folder = tmp_path / "run"
    api.train(data, out=folder, quiet=True, patience=2, steps=50, evaluate_every=1, samples=0, batch=2)
    assert metrics(folder)[-1]["step"] == 4
    api.train(data, out=folder, quiet=True, resuming=True)  # what has stopped stays stopped
    assert metrics(folder)[-1]["step"] == 4


def test_the_average_is_what_is_kept(data: Path, tmp_path: Path) -> None:
    start(plan(data, ema=0.9, evaluate_every=6), tmp_path / "run", QUIET)
    kept, state = tensors(tmp_path / "run", "model"), tensors(tmp_path / "run" / "train", "state")
    assert all(torch.equal(kept[name], state[f"average.{name}"]) for name in kept)
    assert any(not torch.equal(kept[name], state[f"model.{name}"]) for name in kept)


def test_an_existing_run_is_refused(data: Path, tmp_path: Path) -> None:
    start(plan(data, steps=1), tmp_path / "run", QUIET)
    before = tensors(tmp_path / "run", "model")
    with pytest.raises(UserError, match="already holds a run"):
        start(plan(data, steps=1, seed=5), tmp_path / "run", QUIET)
    after = tensors(tmp_path / "run", "model")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_bfloat16_trains(data: Path, tmp_path: Path) -> None:
    start(plan(data, steps=30, lr=1e-2, precision="bfloat16", evaluate_every=15), tmp_path / "run", QUIET)
    losses = [row["train_nats_per_token"] for row in metrics(tmp_path / "run") if "train_nats_per_token" in row]
    assert losses[-1] < losses[0]
    assert {t.dtype for t in tensors(tmp_path / "run", "model").values()} == {torch.float32}


def test_the_vocabulary_is_the_training_splits_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("abc abc\n" * 200 + "xyz xyz\n" * 50)
    model = start(plan(path, steps=1), tmp_path / "run", QUIET)
    names = {model.tokenizer.symbol(i) for i in range(model.tokenizer.size)}
    assert "a" in names
    assert "x" not in names
    assert math.isfinite(model.evaluate(model_documents(path)).nats)


def test_truncated_documents_and_the_padded_figure(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    path.write_text("".join(json.dumps({"text": words(3 + i % 5, i)}) + "\n" for i in range(60)))
    start(plan(path, "lstm", steps=30, truncate=8, batch=4, evaluate_every=30), tmp_path / "run", QUIET)
    epochs = [row for row in metrics(tmp_path / "run") if "epoch" in row]
    assert epochs
    assert all(0 < row["epoch_padded_nats_per_token"] <= row["epoch_nats_per_token"] for row in epochs)


def test_conditions_are_learned(tmp_path: Path) -> None:
    path = records_file(tmp_path)
    text = TextOptions(given=("genre", "year"))
    chosen = plan(path, "gru", steps=60, lr=2e-2, batch=8, net={"layers": 1}, drop_given=0.2, evaluate_every=60)
    model = start(chosen.changed(text), tmp_path / "run", QUIET)
    assert {name: codec.kind for name, codec in model.conditions.items()} == {"genre": "labels", "year": "numbers"}
    right, wrong = (model.log_prob("ababab 3", {"genre": genre})[0] for genre in ("high", "low"))
    assert right > wrong + 1
    assert math.isfinite(model.log_prob("ababab 3")[0])


def test_carried_state_is_for_recurrent_models(data: Path, tmp_path: Path) -> None:
    for options, family in (({"carry": True}, "transformer"), ({"carry": True, "accumulate": 2}, "rnn")):
        with pytest.raises(UserError, match=r"--train\.carry"):
            start(plan(data, family, **options), tmp_path / "run", QUIET)
    start(plan(data, "rnn", carry=True), tmp_path / "run", QUIET)


def test_a_text_shorter_than_a_piece_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("a few\nwords\nonly\nhere\n")
    with pytest.raises(UserError, match=r"--net\.context"):
        start(plan(path, net={"context": 500}), tmp_path / "run", QUIET)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("name", "value"), [("symbols", 3), ("vector", 3), ("start", 1)])
def test_what_follows_from_the_data_cannot_be_chosen(name: str, value: int, data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"--net.{name}"):
        start(plan(data, net={name: value}), tmp_path / "run", QUIET)


def test_words_and_subwords_train_too(data: Path, tmp_path: Path) -> None:
    for tokens in (
        TokenOptions(kind="words", casing="lower"),
        TokenOptions(kind="bpe", size=300),
        TokenOptions("bytes"),
    ):
        model = start(plan(data, "lstm", steps=1, tokens=tokens), tmp_path / tokens.kind, QUIET)
        assert model.tokenizer.kind == tokens.kind


def test_starting_from_another_run(data: Path, tmp_path: Path) -> None:
    first = start(plan(data), tmp_path / "a", QUIET)
    plan_b = dataclasses.replace(plan(data, steps=1, lr=1e-30), begin=str(tmp_path / "a"), net={})
    second = start(plan_b, tmp_path / "b", QUIET)
    a, b = files.tensors_of(first.model), files.tensors_of(second.model)
    assert all(torch.allclose(a[name], b[name], rtol=0, atol=1e-10) for name in a)


def test_the_default_folder_is_free(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_folder(plan(data)) == Path("runs/words-transformer")
    Path("runs/words-transformer").mkdir(parents=True)
    assert default_folder(plan(data)) == Path("runs/words-transformer-2")
    assert default_folder(plan(Path("-"))) == Path("runs/stdin-transformer")


# ------------------------------------------------------------------ the loss and its care


def test_label_smoothing_is_its_formula() -> None:
    model = text_model("gru").model
    x = torch.randint(0, model.config.symbols, (2, 5))
    mask = torch.ones(2, 5, dtype=torch.bool)
    mask[1, 3:] = False
    loss, nats, _ = Loss(model, 0.3)(x, mask, {}, None)
    table = model.head(model(x)).log_table()
    k = table.shape[-1]
    target = torch.nn.functional.one_hot(x, k) * 0.7 + 0.3 / k
    slow = -(target * table).sum(-1)[mask].mean()
    assert torch.allclose(loss, slow)
    assert torch.allclose(nats, -model.log_probs(x)[mask].mean())
    plain, same, _ = Loss(model, 0.0)(x, mask, {}, None)
    assert plain.item() == same.item() == nats.item()


def a_loop(folder: Path, **options: Any) -> Loop:
    class Same(Batches):
        per_epoch = 10

        def batch(self, step: int) -> Batch:
            return Batch(np.ones((2, 4), dtype=np.int64), np.ones((2, 4), dtype=np.bool_), {}, True, "here")

    nothing = Hooks(None, lambda about: None, lambda step: None)
    return Loop(text_model("gru").model, Same(), TrainOptions(steps=500, **options), folder, nothing, quiet=True)


def test_a_spike_stops_after_three_high_steps(tmp_path: Path) -> None:
    loop, batch = a_loop(tmp_path), Batch(np.ones((1, 1), int), np.ones((1, 1), bool), {}, True, "poem 7")
    for step in range(200):
        loop.step = step
        loop._watch(2.0 + 0.01 * (step % 3), batch)
    loop._watch(9.0, batch)
    loop._watch(9.0, batch)
    loop._watch(2.0, batch)  # two high steps are forgiven
    loop._watch(9.0, batch)
    loop._watch(9.0, batch)
    with pytest.raises(
        DivergedError, match=r"from about 2\.\d+ to 9\.000 nats/token at step 200 \(poem 7\); lower --train.lr"
    ):
        loop._watch(9.0, batch)


def test_no_spike_is_seen_early_or_when_switched_off(tmp_path: Path) -> None:
    batch = Batch(np.ones((1, 1), int), np.ones((1, 1), bool), {}, True, "here")
    for loop, steps in ((a_loop(tmp_path), 90), (a_loop(tmp_path, spike=0), 400)):
        for step in range(steps):
            loop.step = step
            loop._watch(2.0 if step < steps // 2 else 50.0, batch)


def test_a_slow_rise_is_no_spike(tmp_path: Path) -> None:
    loop, batch = a_loop(tmp_path), Batch(np.ones((1, 1), int), np.ones((1, 1), bool), {}, True, "here")
    for step in range(400):
        loop.step = step
        loop._watch(2.0 + step / 400, batch)


def test_a_loss_that_is_no_number_stops_with_step_batch_and_advice(data: Path, tmp_path: Path) -> None:
    hot = plan(data, "rnn", steps=60, lr=100.0, clip=0.0, warmup=0, evaluate_every=100, spike=0, weight_decay=100.0)
    with pytest.raises(DivergedError) as caught:
        start(hot, tmp_path / "run", QUIET)
    said = str(caught.value)
    assert "\n" not in said
    assert "at step" in said
    assert "words.txt" in said
    assert "--train.lr" in said
    assert isinstance(TextModel.load(tmp_path / "run"), TextModel)  # what was saved is whole


def test_a_gradient_that_is_no_number_stops_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = a_loop(tmp_path)
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *_: torch.tensor(math.nan))
    with pytest.raises(DivergedError, match=r"gradient's norm is nan at step 1 \(here\)"):
        loop._advance()


def test_compiling_wraps_the_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrapped: list[Any] = []
    monkeypatch.setattr(torch, "compile", lambda module: wrapped.append(module) or module)
    loop = a_loop(tmp_path, compile=True)
    assert wrapped == [loop.module]


def test_accumulated_parts_of_unequal_length_weigh_as_one_batch(tmp_path: Path) -> None:
    """The mean is over all symbols of a step: a mean of the parts' means would favour the shorter part's."""
    x = np.random.default_rng(0).integers(1, 8, (4, 9))
    mask = np.arange(9)[None] < np.array([9, 8, 2, 1])[:, None]

    class Parts(Batches):
        per_epoch = 10

        def __init__(self, rows: int) -> None:
            self.rows = rows

        def batch(self, step: int) -> Batch:
            at = slice(step * self.rows % 4, step * self.rows % 4 + self.rows)
            return Batch(x[at], mask[at], {}, True, "here")

    results: list[list[torch.Tensor]] = []
    for rows, accumulate in ((4, 1), (2, 2)):
        model = text_model("gru").model.double()
        options = TrainOptions(steps=3, accumulate=accumulate, samples=0)
        loop = Loop(
            model,
            Parts(rows),
            options,
            tmp_path / str(rows),
            Hooks(None, lambda about: None, lambda step: None),
            quiet=True,
        )
        loop.run()
        results.append([parameter.detach() for parameter in model.parameters()])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_an_unknown_size_is_refused_from_python_too(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"net has the unknown key 'widht'; did you mean 'width'"):
        start(plan(data, net={"widht": 8}), tmp_path / "run", QUIET)
    assert not (tmp_path / "run").exists()


def test_a_run_killed_before_its_first_save_can_be_resumed(data: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    start(plan(data), whole, QUIET)
    killed.mkdir()
    shutil.copy(whole / "config.toml", killed)
    resume(killed, *plan_of(killed), QUIET)
    assert all(torch.equal(t, tensors(killed, "model")[name]) for name, t in tensors(whole, "model").items())
    assert metrics(killed) == metrics(whole)


def test_tokenizer_options_are_the_policys() -> None:
    """They are written twice so that --help needs no tokenizers; here they are held together."""
    options, policy = get_type_hints(TokenOptions), get_type_hints(Policy)
    assert policy.keys() <= options.keys()
    for name in policy.keys() - {"punctuation", "language"}:
        assert options[name] == policy[name]
        assert getattr(TokenOptions(), name) == getattr(Policy(), name)
    assert get_args(options["punctuation"])[0] == policy["punctuation"]


def test_what_is_almost_certain_may_rise_a_little(tmp_path: Path) -> None:
    loop, batch = a_loop(tmp_path), Batch(np.ones((1, 1), int), np.ones((1, 1), bool), {}, True, "here")
    for step in range(400):
        loop.step = step
        loop._watch(1e-4 if step < 300 else 0.05, batch)  # 0.05 nats are less than 10 times 0.02
    for _ in range(2):
        loop._watch(1.0, batch)
    with pytest.raises(DivergedError):
        loop._watch(1.0, batch)
