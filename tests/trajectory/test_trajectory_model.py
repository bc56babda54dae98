"""Trajectories as symbols, as batches and as splits; and what a model of them answers, and refuses."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import seriatim
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.models import FAMILIES
from seriatim.runs import building
from seriatim.symbols import Labels, Symbols
from seriatim.trajectory.codec import FixedScale, TrajectoryCodec
from seriatim.trajectory.data.batches import Whole
from seriatim.trajectory.data.opening import fold, open_trajectories
from seriatim.trajectory.data.trajectories import LABEL, PEN, Trajectories
from seriatim.trajectory.model import TrajectoryModel
from seriatim.trajectory.options import TrajectoryOptions

Floats = NDArray[np.float64]

WORDS = ("line", "square")
SERIES = ("x", "y")


def drawing(random: np.random.Generator, points: int) -> Floats:
    """Moves in whole numbers; the pen is lifted at random, and at the end."""
    lift = random.random(points) < 0.3
    lift[-1] = True
    return np.column_stack([random.integers(-9, 10, (points, 2)), lift]).astype(np.float64)


def series(random: np.random.Generator, points: int) -> Floats:
    return random.normal(size=(points, 2)) * [2.0, 0.1] + [5.0, 0.0]


def several(make: Callable[..., Floats], count: int = 12, seed: int = 0) -> list[Floats]:
    """Of 2 to 8 points."""
    random = np.random.default_rng(seed)
    return [make(random, 2 + i % 7) for i in range(count)]


def codecs_of(x: list[Floats], channels: tuple[str, ...], grid: float, labelled: bool) -> dict[str, Symbols]:
    codec = TrajectoryCodec(channels, max(map(len, x)), grid)
    found: dict[str, Symbols] = {"x": codec, "scale": FixedScale.train(x, codec)}
    return {**found, LABEL: Labels(WORDS)} if labelled else found


def model_of(drawn: bool, seed: int = 1) -> TrajectoryModel:
    """Random weights, larger than at the start of training, that end after a few points."""
    head = {"head": "bivariate", "mixtures": 2} if drawn else {"head": "normal", "chain": 4}
    channels, grid = (PEN, 1.0) if drawn else (SERIES, 0.0)
    codecs = codecs_of(several(drawing if drawn else series), channels, grid, drawn)
    config = FAMILIES["gru"].of("trajectory").config(**head, parts=2, marks=3 if drawn else 2, width=8, layers=1)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        built = building.build("gru", config, {name: c for name, c in codecs.items() if name != "x"})
        with torch.no_grad():
            for name, parameter in built.named_parameters():
                parameter.normal_(std=0.1 if "linear" in name else 0.5)
                if name.endswith("deep.layers.out.module.bias"):
                    parameter[config.marks - 1] = -0.5  # the end is not too likely
    return TrajectoryModel(built, codecs, "gru")


@pytest.fixture(scope="module")
def pen() -> TrajectoryModel:
    return model_of(drawn=True)


@pytest.fixture(scope="module")
def plain() -> TrajectoryModel:
    return model_of(drawn=False)


# ------------------------------------------------------------------ symbols


def test_codecs_give_back_what_they_were_given() -> None:
    for x in several(drawing):
        codec = TrajectoryCodec(PEN, 8, 1.0)
        positions = codec.encode(x)
        assert positions[:-1, 0].tolist() == x[:, 2].tolist()
        assert positions[-1].tolist() == [2, 0, 0]
        assert np.array_equal(codec.decode(positions), x)
        assert np.array_equal(codec.decode(codec.noisy(positions)), x)
    for x in several(series):
        codec = TrajectoryCodec(SERIES, 8)
        positions = codec.encode(x)
        assert positions[:, 0].tolist() == [0.0] * len(x) + [1.0]
        assert np.array_equal(codec.decode(positions), x)
        quarters = TrajectoryCodec(SERIES, 8, 0.25)
        on = np.rint(4 * x) / 4
        assert np.array_equal(quarters.decode(quarters.noisy(quarters.encode(on))), on)
        with pytest.raises(UserError, match=r"multiples of 0\.25, and these are not"):
            quarters.encode(on + 0.1)
    again = TrajectoryCodec.from_json(TrajectoryCodec(SERIES, 8, 0.25).to_json())
    assert (again.channels, again.longest, again.grid, again.marks, again.parts) == (SERIES, 8, 0.25, 2, 2)


def test_positions_after_the_first_end_are_not_read() -> None:
    codec = TrajectoryCodec(PEN, 8, 1.0)
    x = np.array([[1, 2.4, -0.4], [2, 0, 0], [0, 9, 9], [2, 0, 0]])
    assert codec.decode(x).tolist() == [[2, 0, 1]]
    assert codec.decode(x[1:]).shape == (0, 3)


def test_noise_is_half_a_step_wide_and_follows_from_the_trajectory() -> None:
    codec = TrajectoryCodec(SERIES, 5000, 0.5)
    positions = codec.encode(np.zeros((4000, 2)))
    noisy = codec.noisy(positions)
    away = noisy[:-1, 1:]
    assert np.abs(away).max() <= 0.25
    assert np.abs(away).max() > 0.249
    assert away.mean() == pytest.approx(0, abs=5 * 0.5 / math.sqrt(12 * 8000))
    assert away.var() == pytest.approx(0.25 / 12, rel=0.05)
    assert np.array_equal(noisy[:, 0], positions[:, 0])
    assert noisy[-1].tolist() == [1, 0, 0]
    assert np.array_equal(noisy, codec.noisy(positions.copy()))
    other = codec.noisy(codec.encode(np.ones((4000, 2))))
    assert not np.allclose(other[:-1, 1:] - 1, away)
    assert np.array_equal(TrajectoryCodec(SERIES, 9).noisy(positions), positions)


def test_units_by_hand() -> None:
    x = [np.array([[1.0, 10.0], [3.0, 10.0]]), np.array([[5.0, 10.0]])]
    found = FixedScale.train(x, TrajectoryCodec(SERIES, 2))
    assert np.allclose(found.log_scale, [0, 0.5 * math.log(8 / 3), 0])  # a channel that never changes: 1
    assert np.allclose(FixedScale.train(x, TrajectoryCodec(SERIES, 2, 2.0)).log_scale[2], math.log(2))  # or the grid
    pens = FixedScale.train([np.array([[3.0, 0, 0], [0, 4.0, 1]])], TrajectoryCodec(PEN, 2))
    assert np.allclose(pens.encode(None), [[0, 0], [0, math.log(2.5)], [0, math.log(2.5)]])  # √(25 / 4)


# ------------------------------------------------------------------ likelihood


@pytest.mark.parametrize("drawn", [True, False])
def test_log_prob_does_not_depend_on_the_company(drawn: bool, request: pytest.FixtureRequest) -> None:
    model: TrajectoryModel = request.getfixturevalue("pen" if drawn else "plain")
    x = several(drawing if drawn else series)
    labels = [WORDS[i % 2] for i in range(len(x))]
    given: Any = {LABEL: labels} if drawn else {}
    whole = model.log_prob(x, given)
    turned = {name: values[::-1] for name, values in given.items()}
    assert np.allclose(model.log_prob(x[::-1], turned)[::-1], whole, atol=1e-4)
    assert np.allclose(model.log_prob(x, given, batch=1), whole, atol=1e-4)
    assert np.allclose(model.log_prob(x, given, batch=5), whole, atol=1e-4)
    alone = [model.log_prob([each], {name: v[i] for name, v in given.items()})[0] for i, each in enumerate(x)]
    assert np.allclose(alone, whole, atol=1e-4)
    assert [len(each) for each in model.log_probs(x, given)] == [len(each) + 1 for each in x]
    figures = model.evaluate(Trajectories(x, [""] * len(x), labels))
    assert figures.nats == pytest.approx(-whole.sum(), abs=1e-3)
    assert figures.steps == sum(map(len, x)) + len(x)


def test_the_posterior_is_bayes_by_hand(pen: TrajectoryModel) -> None:
    x = several(drawing, 4)
    each = np.stack([pen.log_prob(x, {LABEL: word}) for word in WORDS], 1)
    assert (np.abs(each[:, 0] - each[:, 1]) > 0.1).all()
    for prior, weights in ((None, (0.5, 0.5)), ({"line": 3.0, "square": 1.0}, (0.75, 0.25)), ({"square": 2.0}, (0, 1))):
        joint = np.exp(each) * weights
        assert np.allclose(pen.posterior(x, prior), joint / joint.sum(1, keepdims=True), atol=1e-5)


# ------------------------------------------------------------------ samples


def test_a_seed_gives_the_same_trajectory_in_any_batch(pen: TrajectoryModel) -> None:
    five = pen.sample(5, seed=[3, 1, 4, 15, 9], given={LABEL: "line"})
    assert len({len(x) for x in five}) > 1
    for x, seed in zip(five, [3, 1, 4, 15, 9], strict=True):
        (alone,) = pen.sample(1, seed=seed, given={LABEL: "line"})
        assert np.array_equal(alone, x)  # on a grid: to the last digit
    assert np.array_equal(pen.sample(1, seed=3)[0], pen.sample(4, seed=3)[0])
    assert any(not np.array_equal(*pair) for pair in zip(pen.sample(4, seed=3), pen.sample(4, seed=4), strict=True))


@pytest.mark.parametrize("drawn", [True, False])
def test_what_was_begun_is_kept(drawn: bool, request: pytest.FixtureRequest) -> None:
    model: TrajectoryModel = request.getfixturevalue("pen" if drawn else "plain")
    begun = several(drawing if drawn else series, 3)[2]
    found = model.sample(6, seed=2, begun=begun)
    assert all(np.array_equal(x[: len(begun)], begun) for x in found)
    again = model.complete(begun, 6, seed=2)
    assert all(np.array_equal(*pair) for pair in zip(found, again, strict=True))


def test_temperature_scales_the_variance(plain: TrajectoryModel) -> None:
    """The first channel of the first point is normal: at the temperature 1/4 its deviation is half."""
    firsts = []
    for temperature in (1.0, 0.25):
        found = plain.sample(500, seed=1, longest=1, temperature=temperature)
        firsts.append(np.array([x[0, 0] for x in found if len(x)]))
    assert min(map(len, firsts)) > 200
    assert firsts[1].std() == pytest.approx(0.5 * firsts[0].std(), rel=0.2)


def test_longest_cuts_and_says_so(pen: TrajectoryModel) -> None:
    free = pen.draw(20, seed=1, longest=500)
    assert all(free.ended)
    cut = pen.draw(20, seed=1, longest=2)
    for whole, short, ended in zip(free.points, cut.points, cut.ended, strict=True):
        assert np.array_equal(whole[:2], short)
        assert ended == (len(whole) < 2)
    assert cut.ended.count(True) > 2 < cut.ended.count(False)
    assert {type(ended) for ended in cut.ended} == {bool}  # as its annotation says


def test_usual_length_is_twice_the_longest(pen: TrajectoryModel) -> None:
    with torch.no_grad():
        endless = model_of(drawn=True)
        bias = dict(endless.model.named_parameters())["model.net.layers.net.layers.deep.layers.out.module.bias"]
        bias[2] = -100.0
    found = endless.draw(2, seed=0)
    assert [len(x) for x in found.points] == [2 * pen.codec.longest] * 2
    assert found.ended == [False, False]


SQUARE = np.array([[3.0, 0, 0], [0, 3, 0], [-3, 0, 0], [0, -3, 1]])
REFUSED: dict[str, tuple[Callable[[TrajectoryModel], object], str]] = {
    "top-k": (lambda m: m.sample(top_k=3), "top-k steers probabilities of symbols"),
    "guidance": (lambda m: m.sample(guidance=2.0, given={LABEL: "line"}), "guidance"),
    "label": (lambda m: m.sample(given={LABEL: "lne"}), "label 'lne' is unknown; did you mean 'line'"),
    "condition": (lambda m: m.log_prob([SQUARE], {"word": "line"}), "'word' is not a condition"),
    "channels": (lambda m: m.log_prob([SQUARE, SQUARE[:, :2]]), r"trajectory 1: .*\(4, 2\).*dx, dy, lift"),
    "off the grid": (lambda m: m.log_prob([SQUARE, SQUARE * [0.5, 0.5, 1]]), "trajectory 1: .* multiples of 1"),
    "a lift": (lambda m: m.log_prob([SQUARE * [1, 1, 2]]), "third column.*expected 0 or 1"),
    "not finite": (lambda m: m.log_prob([SQUARE * [np.nan, 1, 1]]), "trajectory 0: a value is not finite"),
    "empty list": (lambda m: m.log_prob([]), "(empty|no trajectories|at least one)"),
    "no points": (lambda m: m.log_prob([SQUARE[:0]]), "at least one"),
    "one alone": (lambda m: m.log_prob(SQUARE), r"give \[trajectory\]"),
    "n": (lambda m: m.sample(0), "n is 0; give 1 or more"),
    "n, no number": (lambda m: m.draw("3"), "n is '3'; expected a whole number"),
    "longest": (lambda m: m.sample(longest=0), "longest is 0"),
    "no longer than begun": (lambda m: m.sample(begun=SQUARE, longest=4), "longest is 4; give more than the 4 points"),
    "begun off the grid": (lambda m: m.sample(begun=[[0.5, 0, 1]]), "multiples of 1"),
    "seeds": (lambda m: m.sample(2, seed=[1]), "1 seeds for 2 trajectories; give one, or one per trajectory$"),
    "prior": (lambda m: m.posterior([SQUARE], {"circle": 1.0}), "'circle' is not a label"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_what_is_wrong(name: str, pen: TrajectoryModel) -> None:
    call, words = REFUSED[name]
    with pytest.raises(UserError, match=words) as caught:
        call(pen)
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------ batches


def test_every_trajectory_is_in_an_epoch_once_and_padding_does_not_count() -> None:
    x = several(drawing, 12)
    labels = [WORDS[i % 2] for i in range(12)]
    names = [str(i) for i in range(12)]
    codecs = codecs_of(x, PEN, 0.0, labelled=True)
    batches, again = (Whole(Trajectories(x, names, labels), codecs, 4, 5) for _ in range(2))
    assert batches.per_epoch == 3
    positions = [codecs["x"].encode(each) for each in x]
    for epoch in (0, 1):
        seen: list[int] = []
        for step in range(3 * epoch, 3 * epoch + 3):
            batch, same = batches.batch(step), again.batch(step)
            assert np.array_equal(batch.x, same.x)
            assert batch.x.shape[1] == batch.mask.sum(1).max()
            for row, mask, label in zip(batch.x, batch.mask, batch.given[LABEL], strict=True):
                length = int(mask.sum())
                assert mask[:length].all()
                assert not row[length:].any()
                (owner,) = (i for i, p in enumerate(positions) if np.array_equal(p, row[:length]))
                assert label == owner % 2
                seen.append(owner)
        assert sorted(seen) == list(range(12))
    orders = {tuple(Whole(Trajectories(x, names), codecs, 4, seed).batch(0).x[:, 0, 1]) for seed in range(4)}
    assert len(orders) > 1


def test_stretch_is_one_factor_for_each_direction_of_a_drawing() -> None:
    x = [np.column_stack([np.full((4, 2), [100.0, 200.0 + i]), [0, 0, 0, 1.0]]) for i in range(40)]
    whole = Whole(Trajectories(x, [""] * 40), codecs_of(x, PEN, 0.0, labelled=False), 40, 0, stretch=0.2)
    batch = whole.batch(3)
    assert np.array_equal(batch.x, whole.batch(3).x)
    assert not np.array_equal(batch.x, whole.batch(4).x)
    assert (batch.x[:, :, 0] == [0, 0, 0, 1, 2]).all()
    assert not batch.x[:, 4, 1:].any()
    first, second = batch.x[:, :4, 1] / 100, batch.x[:, :4, 2] / 219.5
    assert np.ptp(first, axis=1).max() < 1e-12
    for factors in (first[:, 0], second[:, 0]):
        assert 0.7 < factors.min() < 0.9
        assert 1.1 < factors.max() < 1.32
    assert ((first >= 0.8) & (first <= 1.2)).all()
    assert abs(np.corrcoef(first[:, 0], second[:, 0])[0, 1]) < 0.6


def test_jitter_is_in_units_of_each_channel() -> None:
    x = [np.tile([[-10.0, 0.0], [10.0, 0.2]], (50, 1)) for _ in range(8)]  # deviations 10 and 0.1
    codecs = codecs_of(x, SERIES, 0.0, labelled=False)
    batch = Whole(Trajectories(x, [""] * 8), codecs, 8, 0, stretch=0.5, jitter=0.3).batch(0)
    assert (batch.x[:, :-1, 0] == 0).all()
    assert (batch.x[:, -1] == [1, 0, 0]).all()
    away = batch.x[:, :-1, 1:] - x[0]
    assert away.std((0, 1)) == pytest.approx([3.0, 0.03], rel=0.1)
    assert away.mean((0, 1)) / [3.0, 0.03] == pytest.approx([0, 0], abs=5 / math.sqrt(800))
    still = Whole(Trajectories(x, [""] * 8), codecs, 8, 0, stretch=0.5).batch(0)  # no drawings: no stretch
    assert np.array_equal(still.x[0, :-1, 1:], x[0])


# ------------------------------------------------------------------ splits


def stroke3(path: Path, **splits: list[Floats]) -> Path:
    found: dict[str, Any] = {}
    for name, drawings in splits.items():
        found[name] = np.empty(len(drawings), dtype=object)
        found[name][:] = [each.astype(np.int16) for each in drawings]
    np.savez(path, **found)
    return path


def lengths(splits: Any) -> dict[str, int]:
    return {side: len(part.x) for side, part in splits.items()}


def test_official_splits_are_kept(tmp_path: Path) -> None:
    x = several(drawing, 20)
    path = stroke3(tmp_path / "a.npz", train=x[:10], valid=x[10:16], test=x[16:])
    found = open_trajectories(path)
    assert lengths(found.splits) == {"train": 10, "validation": 6, "test": 4}
    assert np.array_equal(found.splits["test"].x[1], x[17])
    short = open_trajectories(path, TrajectoryOptions(longest=5))  # of 2 to 8 points
    assert max(len(each) for part in short.splits.values() for each in part.x) == 5
    left = sum(len(each) > 5 for each in x[:10])
    assert f"{left} of 10 of train have more than 5 points: left out." in short.note
    with pytest.raises(UserError, match="nothing is left of train; give a larger"):
        open_trajectories(path, TrajectoryOptions(longest=1))
    dealt = open_trajectories(stroke3(tmp_path / "b.npz", train=x[:16], test=x[16:]), None, DataOptions(0.25))
    assert lengths(dealt.splits) == {"train": 12, "validation": 4, "test": 4}
    assert np.array_equal(dealt.splits["test"].x[1], x[17])


def test_a_split_beside_files_without_one_is_not_lost(tmp_path: Path) -> None:
    """Either all 30 drawings are there, or it is refused."""
    x = several(drawing, 20)
    stroke3(tmp_path / "a.npz", train=x[:10], valid=x[10:16], test=x[16:])
    lines = [f'{{"word": "b", "drawing": [[[0, {i}], [0, 5]]]}}' for i in range(1, 11)]
    (tmp_path / "b.ndjson").write_text("\n".join(lines))
    try:
        found = open_trajectories(tmp_path)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert sum(lengths(found.splits).values()) == 30


def test_a_file_without_a_training_split_is_refused(tmp_path: Path) -> None:
    path = stroke3(tmp_path / "a.npz", test=several(drawing, 5))
    assert lengths(open_trajectories(path).splits) == {"test": 5}  # to judge, it will do
    with pytest.raises(UserError, match="no training split; it has test"):
        seriatim.train(path, out=tmp_path / "run", quiet=True)


def test_values_far_from_zero_keep_their_digits() -> None:
    x = [np.array([[1.7e9], [1.7e9 + 0.25], [1.7e9 + 0.5]])]
    codec = TrajectoryCodec(["seconds"], 3, origin=[1.7e9])
    assert codec.encode(x[0])[:, 1].astype(np.float32).tolist() == [0.0, 0.25, 0.5, 0.0]
    assert np.array_equal(codec.decode(codec.encode(x[0])), x[0])
    assert np.allclose(FixedScale.train(x, codec).log_scale, [0, 0.5 * math.log(1 / 24)])  # of 0, 1/4, 1/2


def test_labels_can_be_left_out_and_are_in_the_fingerprint() -> None:
    x = several(series, 20)
    labels = [WORDS[i % 2] for i in range(20)]
    found = open_trajectories({"x": x, LABEL: labels})
    assert lengths(found.splits) == {"train": 16, "validation": 2, "test": 2}
    for part in found.splits.values():
        for each, label in zip(part.x, part.labels or (), strict=True):
            (owner,) = (i for i, other in enumerate(x) if np.array_equal(each, other))
            assert label == labels[owner]
    without = open_trajectories({"x": x, LABEL: labels}, TrajectoryOptions(given=False))
    assert all(part.labels is None for part in without.splits.values())
    marks = {found.fingerprint, without.fingerprint}
    marks.add(open_trajectories({"x": x, LABEL: ["square", *labels[1:]]}).fingerprint)
    marks.add(open_trajectories({"x": [x[0] + 1e-9, *x[1:]], LABEL: labels}).fingerprint)
    assert len(marks) == 4
    assert open_trajectories({"x": [each.copy() for each in x], LABEL: labels}).fingerprint == found.fingerprint


def test_folds_are_disjoint_and_copies_stay_together() -> None:
    x = several(series, 18)
    found = open_trajectories([*x, x[3].copy(), x[4].copy()], None, DataOptions(0.2, 0.2))
    test = {each.tobytes() for each in found.splits["test"].x}
    held: list[bytes] = []
    for part in fold(found, 3):
        sides = {side: [each.tobytes() for each in split.x] for side, split in part.splits.items()}
        assert set(sides["test"]) == test
        assert not set(sides["train"]) & set(sides["validation"])
        assert not (set(sides["train"]) | set(sides["validation"])) & test
        held += sides["validation"]
    pooled = [each.tobytes() for side in ("train", "validation") for each in found.splits[side].x]
    assert sorted(held) == sorted(pooled)
