"""A model of films: figures by hand, films of any length, sampling, completing, and cross-entropies."""

from __future__ import annotations

import json
import math
from itertools import product
from typing import Any, cast

import numpy as np
import pytest
import torch

import seriatim
from every_codec import from_json
from seriatim.errors import UserError
from seriatim.models import VPNConfig, vpn
from seriatim.symbols.levels import Levels
from seriatim.testing import wake
from seriatim.video import likelihood
from seriatim.video.actions import Actions
from seriatim.video.data.arrays import read_arrays
from seriatim.video.data.films import Clip, Films
from seriatim.video.model import VideoModel
from tiny_reels import FRAMES, NET, OPTIONS, SIZE, action, arrays, moving, reading

LENGTHS = (9, 3, 5, 8, 4)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> VideoModel:
    """With labels and actions."""
    out = tmp_path_factory.mktemp("made") / "run"
    options = {**OPTIONS, "steps": 40, "lr": 0.02}
    return cast(VideoModel, seriatim.train(arrays(24), out=out, video=reading(), net=NET, **options))


@pytest.fixture(scope="module")
def greys(tmp_path_factory: pytest.TempPathFactory) -> VideoModel:
    """Trained on the cross-entropy of grey values."""
    data, out = {"x": arrays(12)["x"]}, tmp_path_factory.mktemp("greys") / "run"
    net = {**NET, "head": "bernoulli"}
    return cast(VideoModel, seriatim.train(data, out=out, video=reading(levels=256), net=net, **OPTIONS, steps=4))


def split(count: int = 7, **changed: Any) -> Films:
    """Films of several lengths, read as they are in training."""
    division = seriatim.DataOptions()
    return read_arrays({**arrays(count, LENGTHS), **changed}, reading(), division)


def conditions(lengths: tuple[int, ...], labels: list[str | None] | None = None) -> dict[str, Any]:
    chosen = labels or [("across" if i % 2 else "down") for i in range(len(lengths))]
    return {"label": chosen, "action": [action(i, n) for i, n in enumerate(lengths)]}


# ------------------------------------------------------------------ labels by Bayes' rule


def test_the_posterior_of_a_label_follows_bayes_rule_given_the_actions(model: VideoModel) -> None:
    x = [moving(i, n) for i, n in enumerate(LENGTHS)]
    moves, done = {"action": conditions(LENGTHS)["action"]}, list[int]()
    found = model.posterior(x, {"across": 1, "down": 4}, given=moves, progress=done.append)
    names = model.labels()
    each = np.stack([model.log_prob(x, {"label": name, **moves}) for name in names], 1)
    joint = np.exp(each - each.max(1, keepdims=True)) * [4 if name == "down" else 1 for name in names]
    np.testing.assert_allclose(found, joint / joint.sum(1, keepdims=True), rtol=1e-5)
    assert done[-1] == len(x)
    without = model.posterior(x, {"across": 1, "down": 4})
    assert np.abs(without - found).max() > 1e-4
    with pytest.raises(UserError, match="leave it out of given"):
        model.posterior(x, given={"label": "down"})


# ------------------------------------------------------------------ figures


@pytest.mark.parametrize("known", [0, 2])
def test_figures_are_those_of_the_films_counted_by_hand(model: VideoModel, known: int) -> None:
    part, n = split(), FRAMES
    figures = model.evaluate(part, given_frames=known, batch=3)
    owners, rows = list[int](), list[np.ndarray[Any, Any]]()
    for i, film in enumerate(part.x):
        for at in range(0, len(film) - n + 1, n):
            given = {"label": (part.labels or ())[i], "action": (part.actions or [])[i][at : at + n]}
            rows.append(-model.log_probs(film[None, at : at + n], given)[0].sum((1, 2))[known:])
            owners.append(i)
    nats = np.array(rows)
    assert (figures.clips, figures.films) == (len(rows), len(set(owners))) == (8, 5)  # two are too short
    assert figures.nats_per_frame == pytest.approx(nats.mean(), rel=1e-5)
    assert figures.bits_per_dim == pytest.approx(nats.mean() / math.log(2) / math.prod(SIZE), rel=1e-5)
    assert figures.by_frame == pytest.approx(nats.mean(0), rel=1e-5)

    def ratio(value: np.ndarray[Any, Any]) -> float:
        """The error of a mean as that of a ratio of two sums over films."""
        films = sorted(set(owners))
        sums = np.array([value[[o == film for o in owners]].sum() for film in films])
        counts = np.array([owners.count(film) for film in films])
        return float(np.std(sums - sums.sum() / counts.sum() * counts, ddof=1) / len(films) ** 0.5 / counts.mean())

    assert figures.standard_error == pytest.approx(ratio(nats.mean(1)), rel=1e-4)
    assert figures.by_frame_errors == pytest.approx([ratio(column) for column in nats.T], rel=1e-4)
    document = figures.to_json()
    assert document["nats_per_frame_given_label_action"] == figures.nats_per_frame
    assert document["given_frames"] == known
    assert json.loads(json.dumps(document)) == document


def test_one_film_has_no_standard_error(model: VideoModel) -> None:
    part = split().taken([0])
    figures = model.evaluate(part)
    assert (figures.clips, figures.films) == (2, 1)
    assert math.isnan(figures.standard_error)
    assert all(map(math.isnan, figures.by_frame_errors))
    some = model.evaluate(split(), clips=[Clip(0, 1), Clip(3, 2)])
    assert (some.clips, some.films) == (2, 2)


def test_arrays_are_judged_as_a_split_is(model: VideoModel) -> None:
    part = split().taken([4, 6])  # of 4 and 3 … frames
    x = [film[:3] for film in part.x]
    given = {"label": list(part.labels or ()), "action": [each[:3] for each in part.actions or []]}
    figures = model.evaluate(x, given, given_frames=1)
    nats = -model.log_prob(x, given, given_frames=1) / 2
    assert figures.nats_per_frame == pytest.approx(nats.mean(), rel=1e-6)
    assert figures.standard_error == pytest.approx(abs(nats[0] - nats[1]) / 2, rel=1e-5)
    for arguments, message in (
        (([*x, x[0][:2]],), "clips of 2 to 3 frames; expected one length: cut them"),
        ((x, None, 3), "given_frames is 3, and a clip has 3 frames; give 0 to 2"),
        ((x, None, -1), "given_frames is -1, and a clip has 3 frames; give 0 to 2"),
        ((part, {"label": "down"}), "given is for arrays of films"),
    ):
        with pytest.raises(UserError, match=message):
            model.evaluate(*arguments)
    with pytest.raises(UserError, match="no film has the 4 frames of a clip"):
        model.evaluate(split().taken([1]))


def test_films_of_several_lengths_and_long_ones_in_pieces(model: VideoModel, monkeypatch: pytest.MonkeyPatch) -> None:
    x = [moving(i, n) for i, n in enumerate(LENGTHS)]
    given, told = conditions(LENGTHS), list[int]()
    together = model.log_probs(x, given, batch=2, progress=told.append)
    assert [each.shape for each in together] == [(n, *SIZE) for n in LENGTHS]
    assert told[-1] >= sum(LENGTHS)
    for i, film in enumerate(x):
        alone = model.log_probs(film[None], {name: value[i] for name, value in given.items()})[0]
        assert np.abs(together[i] - alone).max() < 1e-4
        assert model.log_prob(film[None], {name: value[i] for name, value in given.items()}, given_frames=2) == (
            pytest.approx(alone[2:].sum(), rel=1e-5)
        )
    for most in (1, 3 * 20 * 2):  # a frame at once; two of three films
        monkeypatch.setattr(likelihood, "_AT_ONCE", most)
        pieces = model.log_probs(x, given, batch=3)
        assert all(np.abs(a - b).max() < 1e-4 for a, b in zip(pieces, together, strict=True))
    with pytest.raises(UserError, match="given_frames is -1; give 0 or more"):
        model.log_prob(x, given, given_frames=-1)


def test_actions_may_go_on_after_a_film_and_not_end_before(model: VideoModel) -> None:
    x = [moving(i, n) for i, n in enumerate((3, 3))]
    own = model.log_prob(x, {"action": [action(0, 3), action(1, 3)]})
    more = [np.concatenate([action(i, 3), action(i + 7, 2 * i)]) for i in range(2)]
    assert np.array_equal(model.log_prob(x, {"action": more}), own)
    assert not np.allclose(model.log_prob(x), own)
    for value, message in (
        (action(0, 2), "film 0 has 3 frames and actions for 2; give one row per frame"),
        ([action(0, 3)], "1 actions of action for 2 films"),
        (action(0, 3)[:, :1], r"actions: shape \(3, 1\) of float32; expected \(frames, 2\) numbers"),
        (action(0, 3) * np.nan, "not finite"),
    ):
        with pytest.raises(UserError, match=message):
            model.log_prob(x, {"action": value})


def test_labels_that_the_model_does_not_know_count_as_missing(model: VideoModel) -> None:
    labels = ["down", "sideways", "across", None, "down", "sideways"]
    part = split(6, label=labels)
    figures = model.evaluate(part)
    known = model.evaluate(split(6, label=[label if label != "sideways" else None for label in labels]))
    assert figures.nats_per_frame == known.nats_per_frame
    assert figures.nats_per_frame != model.evaluate(split(6)).nats_per_frame
    counts = {"label": {"items": 6, "missing": 3, "unknown": {"sideways": 2}}}
    assert figures.to_json()["conditions"] == counts
    nothing = model.evaluate(read_arrays(arrays(6)["x"], reading(), seriatim.DataOptions()))
    assert {each.name: each.missing for each in nothing.lacking} == {"label": 6, "action": 6}
    with pytest.raises(UserError, match="'sideways' is unknown; known: across, down"):
        model.log_prob(part.x, {"label": "sideways"})


# ------------------------------------------------------------------ drawing


def test_a_film_depends_on_its_own_seed_alone(model: VideoModel) -> None:
    given = {"label": ["down", "across", None], "action": [action(i, 6) for i in range(3)]}
    told = list[int]()
    whole = model.sample(3, frames=6, given=given, seed=[4, 5, 6], progress=told.append)
    assert whole.shape == (3, 6, *SIZE, 1)
    assert told == [3, 6, 9, 12, 15, 18]
    for i in range(3):
        own = {name: value[i] for name, value in given.items()}
        assert np.array_equal(model.sample(1, frames=6, given=own, seed=[4 + i]), whole[i : i + 1])
    assert not np.array_equal(model.sample(1, frames=6, seed=[9]), model.sample(1, frames=6, seed=[8]))
    short = model.sample(1, frames=3, seed=4, given={"label": "down", "action": action(0, 6)})
    assert np.array_equal(short[0], whole[0, :3])  # a longer film only goes on
    assert model.sample(1).shape[1] == FRAMES


def test_films_go_on_from_what_they_begin_with(model: VideoModel) -> None:
    begun = np.stack([moving(i, 3) for i in (0, 1)])
    drawn = model.sample(2, frames=9, begun=begun, seed=3)
    assert np.array_equal(drawn[:, :3], model.shown(begun))
    same = model.sample(2, frames=9, begun=drawn[:, :5], seed=3)  # the noise of a frame is its own
    assert np.array_equal(same, drawn)
    assert np.array_equal(model.sample(2, frames=9, begun=begun[0], seed=3)[0], drawn[0])
    assert model.sample(1, begun=moving(0, 6)).shape[1] == 7  # at least one more
    for arguments, message in (
        ({"frames": 3, "begun": begun}, "frames is 3; give more than the 3 begun with"),
        ({"begun": begun[:1]}, r"begun has shape \(1, 3, 4, 5, 1\); expected \(T, H, W, C\), or 2 of them"),
        ({"begun": begun[..., :4, :]}, r"expected 8-bit \(T, \*\(4, 5, 1\)\)"),
        ({"repetition": 2.0}, "are for text"),
        ({"given": {"lable": "down"}}, "'label'"),
    ):
        with pytest.raises(UserError, match=message):
            model.sample(2, **cast("dict[str, Any]", arguments))


def test_guidance_exaggerates_a_label(model: VideoModel) -> None:
    def log_odds(guidance: float) -> float:
        drawn = model.sample(24, given={"label": "down"}, guidance=guidance, seed=1)
        down, across = (model.log_prob(drawn, {"label": label}).mean() for label in ("down", "across"))
        return float(down - across)

    assert np.array_equal(
        model.sample(2, given={"label": "down"}, guidance=1.0), model.sample(2, given={"label": "down"})
    )
    assert log_odds(0.0) < log_odds(1.0) < log_odds(3.0)


# ------------------------------------------------------------------ completing


def test_known_pixels_are_kept(model: VideoModel) -> None:
    film, mask = moving(3, 5), np.zeros((5, *SIZE), bool)
    mask[:, :, 2:] = True
    given = {"label": "across", "action": action(3, 5)}
    drawn = model.complete(film, mask, 3, given=given, seed=2)
    assert drawn.shape == (3, 5, *SIZE, 1)
    assert (drawn[:, mask] == model.shown(film)[mask]).all()
    assert len({x.tobytes() for x in drawn}) == 3
    assert np.array_equal(model.complete(film, mask[0], 3, given=given, seed=2), drawn)  # the same for all frames
    assert np.array_equal(model.complete(film, mask, 2, given=given, seed=[11, 2])[1:], drawn[:1])
    mask[:] = np.arange(5)[:, None, None] < 2
    first = model.complete(film, mask, 2, given=given, seed=7)
    assert np.array_equal(first, model.sample(2, frames=5, begun=film[:2], given=given, seed=7))
    for wrong in (mask[:, :3], mask.astype(int), mask[..., None]):
        with pytest.raises(UserError, match="give booleans like it"):
            model.complete(film, wrong)
    with pytest.raises(UserError, match="n is 0 and particles 1; give 1 or more of each"):
        model.complete(film, mask, 0)
    with pytest.raises(UserError, match="cannot be guided"):
        model.complete(film, mask, given=given, guidance=2.0)


def test_particles_near_the_exact_posterior() -> None:
    config = VPNConfig(frames=2, height=1, width=2, levels=2, filters=6, encoder_blocks=1, decoder_blocks=1, first=3)
    net = wake(vpn(config).double(), seed=6)
    with torch.no_grad():  # so that pixels hang on each other
        for parameter in net.parameters():
            parameter.mul_(4)
    model = VideoModel(net, {"x": Levels(1, 2, 1, 2)})
    films = np.array([*product([0, 255], repeat=4)], np.uint8).reshape(16, 2, 1, 2, 1)
    p = np.exp(model.log_prob(films))
    assert p.sum() == pytest.approx(1)
    known = np.array([[[True, False]], [[False, True]]])
    alike = (films[:, known] == films[7][known]).all((1, 2))
    posterior = np.where(alike, p, 0) / p[alike].sum()
    count = 500

    def found(particles: int) -> np.ndarray[Any, Any]:
        drawn = model.complete(films[7], known, count, particles=particles, seed=1)
        return np.array([(drawn == film).all((1, 2, 3, 4)).sum() for film in films]) / count

    def away(share: np.ndarray[Any, Any]) -> float:
        return float(np.abs(share - posterior).max())

    error = math.sqrt(0.25 / count)
    many, one = found(32), found(1)
    assert many[~alike].sum() == one[~alike].sum() == 0
    assert away(many) < 3 * error
    assert away(one) > 20 * error  # drawn without what is known later


# ------------------------------------------------------------------ cross-entropies


def test_a_cross_entropy_is_no_likelihood_and_named_so(greys: VideoModel) -> None:
    x = np.stack([moving(i) for i in range(3)])
    assert not greys.likelihood
    for refused in (greys.log_prob, greys.log_probs):
        with pytest.raises(UserError, match=r"log_probs needs a likelihood, .* none; evaluate gives it under its own"):
            refused(x)
    mask = np.zeros(SIZE, bool)
    with pytest.raises(UserError, match="weighing particles by the known pixels needs a likelihood"):
        greys.complete(x[0], mask, particles=2)
    assert set(np.unique(greys.complete(x[0], mask))) <= {0, 255}
    figures = greys.evaluate(x)
    with torch.no_grad():
        logits = greys.nested(torch.from_numpy(x.astype(np.int64)))[..., 0].double().numpy()
    share, white = x / 255, 1 / (1 + np.exp(-logits))
    by_hand = -(share * np.log(white) + (1 - share) * np.log(1 - white)).sum((2, 3, 4)).mean(0)
    assert figures.by_frame == pytest.approx(by_hand, rel=1e-4)
    document = figures.to_json()
    assert document["cross_entropy_nats_per_frame"] == pytest.approx(by_hand.mean(), rel=1e-4)
    assert not [key for key in document if key.startswith(("nats", "bits"))]
    assert "validation_cross_entropy_nats_per_frame" in greys.about


def test_one_film_alone_or_another_size_is_refused(model: VideoModel) -> None:
    for x, message in (
        (moving(0), r"one film of shape \(4, 4, 5, 1\); expected several, \(N, T, H, W, C\): give film\[None\]"),
        ([], "there are no films"),
        ([moving(0)[:, :3]], r"film 0 is uint8 of shape \(4, 3, 5, 1\)"),
        ([moving(0), moving(1).astype(int)], "film 1 is int64"),
        ([moving(0)[:0]], "film 0"),
    ):
        with pytest.raises(UserError, match=message):
            model.log_prob(x)
    assert model.log_prob(moving(0)[None], batch=1).shape == (1,)
    with pytest.raises(UserError, match="batch is 0; give 1 or more"):
        model.log_prob(moving(0)[None], batch=0)


def test_actions_are_standardised_and_kept_as_json() -> None:
    rows = [action(i, n) for i, n in enumerate(LENGTHS)]
    codec = Actions.train([np.concatenate([each, np.full((len(each), 1), 7, np.float32)], 1) for each in rows])
    whole = np.concatenate(rows).astype(np.float64)
    again = from_json(json.loads(json.dumps(codec.to_json())))
    assert again.to_json() == codec.to_json()
    raw = np.concatenate([rows[0], np.full((len(rows[0]), 1), 7, np.float32)], 1)
    wanted = (rows[0] - whole.mean(0)) / whole.std(0)
    assert np.abs(again.encode(raw)[:, :2] - wanted).max() < 1e-5
    assert np.array_equal(again.encode(raw)[:, 2], np.zeros(len(raw)))  # what never changes is 0
    assert np.abs(again.decode(again.encode(raw)) - raw).max() < 1e-5
    assert again.size == 3
