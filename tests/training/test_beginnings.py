"""Untrained models predict the marginal: the frequencies of the symbols, whatever came before."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from registry import MODELS, ModelCase
from seriatim.conditioning import NumberEncoder
from seriatim.context import EMPTY
from seriatim.heads import CategoricalHead, MixtureHead
from seriatim.heads.base import entropy, frequencies
from seriatim.heads.fitting import quantiles, thinned
from seriatim.image.options import ImageOptions
from seriatim.layers import Conv, Embedding, Pointwise, Serial
from seriatim.models import (
    FAMILIES,
    Conditional,
    Model,
    SequenceModel,
    TransformerConfig,
    VPNConfig,
    WaveNet,
    WaveNetConfig,
    vpn,
)
from seriatim.models.base import quiet
from seriatim.training.plan import Plan
from seriatim.training.run import Means, Session, start
from tiny_text import metrics, plan, text_file
from toys import NormalHead

WITHIN = 0.05  # nats per symbol
TEXT = {name: {"symbols": 40} for name in ("rnn", "lstm", "gru", "transformer", "bytenet")}
PICTURES = [name for name, family in FAMILIES.items() if family.data == "image"]


def drawn(p: np.ndarray, *shape: int) -> Tensor:
    """Symbols with frequencies p, independent of each other."""
    return torch.from_numpy(np.random.default_rng(0).choice(len(p), size=shape, p=p))


def zipf(symbols: int, unseen: int) -> np.ndarray:
    """Frequencies that fall as 1/rank, after symbols that never occur."""
    p = np.concatenate([np.zeros(unseen), 1 / np.arange(1, symbols - unseen + 1)])
    return p / p.sum()


def spiked(levels: int) -> np.ndarray:
    """Four fifths black, a little white, the rest even: the levels of a digit."""
    p = np.full(levels, 0.1 / levels)
    p[0], p[-1] = p[0] + 0.8, p[-1] + 0.1
    return p


def counted(x: Tensor, levels: int) -> Tensor:
    return torch.bincount(x.flatten(), minlength=levels)[None]


def surprise(model: Model, x: Tensor, given: Any = EMPTY) -> float:
    """Nats per symbol, out of training."""
    model.eval()
    with torch.no_grad():
        return -float(model.log_probs(x, given).mean()) / model.head.parts


def by_hand(x: Tensor) -> float:
    """The entropy of the symbols' frequencies, by numpy."""
    p = np.unique(x.numpy(), return_counts=True)[1] / x.numel()
    return float(-(p * np.log(p)).sum())


def test_frequencies() -> None:
    assert frequencies(torch.tensor([[3, 0]])).tolist() == [[0.875, 0.125]]  # (3 + 1/2) / 4, (0 + 1/2) / 4
    # 257 symbols that never occur share one occurrence, not 257
    found = frequencies(torch.cat([torch.full((1, 63), 32), torch.zeros(1, 257)], 1))
    assert float(found[0, 63:].sum()) == pytest.approx(257 / 320 / 2017)
    assert float(found.sum()) == pytest.approx(1)


def test_entropy() -> None:
    counts = torch.tensor([[10**9, 10**9], [10**9, 0]])  # a fair coin, and one that always falls alike
    assert entropy(counts, parts=2) == pytest.approx(math.log(2), abs=1e-6)
    assert entropy(counts, parts=1) == pytest.approx(math.log(2) / 2, abs=1e-6)


def test_quantiles() -> None:
    p = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64)
    q = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0], dtype=torch.float64)
    assert quantiles(p, q).tolist() == [-0.5, 0.0, 0.5, 1.5, 2.5]


@pytest.mark.parametrize("sizes", [{}, {"dropout": 0.2}, {"width": 192}], ids=str)
@pytest.mark.parametrize("family", TEXT)
def test_a_family_of_text_begins_at_the_marginal(family: str, sizes: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = FAMILIES[family].model(FAMILIES[family].config(symbols=300, **sizes))
    x = drawn(zipf(300, 200), 16, 64)
    model.initialise(x[:8], counts=counted(x, 300))
    assert model.training
    assert surprise(model, x) == pytest.approx(by_hand(x), abs=WITHIN)


@pytest.mark.parametrize("family", ["rnn", "lstm", "gru", "bytenet"])
def test_with_tied_weights_too(family: str) -> None:
    torch.manual_seed(0)
    model = FAMILIES[family].model(FAMILIES[family].config(symbols=300, tied=True))
    table = model.get_parameter("embedding.table.weight").clone()
    x = drawn(zipf(300, 200), 16, 64)
    model.initialise(x, counts=counted(x, 300))
    assert surprise(model, x) == pytest.approx(by_hand(x), abs=WITHIN)
    assert torch.equal(model.get_parameter("embedding.table.weight"), table)


def test_a_tied_transformer_begins_uniform() -> None:
    """It has no bias, and a table that holds the marginal could not tell symbols apart."""
    torch.manual_seed(0)
    model = FAMILIES["transformer"].model(TransformerConfig(symbols=300, tied=True))
    x = drawn(zipf(300, 200), 16, 64)
    model.initialise(x, counts=counted(x, 300))
    assert surprise(model, x) == pytest.approx(math.log(300), abs=0.1)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("family", PICTURES)
def test_a_family_of_pictures_begins_at_the_marginal(family: str, channels: int) -> None:
    torch.manual_seed(0)
    sizes = {"filters": 12, "mixtures": 5} if family in ("pixelcnn++", "pixelsnail") else {"filters": 12}
    model = FAMILIES[family].model(FAMILIES[family].config(height=8, width=8, channels=channels, levels=64, **sizes))
    x = torch.stack(
        [drawn(np.roll(spiked(64), 9 * c), 32, 8, 8) for c in range(channels)], -1
    )  # each has its own black
    counts = torch.cat([counted(x[..., c], 64) for c in range(channels)])
    seen = x[..., 0] if model.head.parts == channels == 1 and x.dim() > 1 + len(model.canvas) else x
    if family == "multiscale":
        seen = x.flatten(1)[:, model.order]
    model.initialise(seen, counts=counts)
    even = sum(by_hand(x[..., c]) for c in range(channels)) / channels
    assert surprise(model, seen) < even + WITHIN


@pytest.mark.parametrize("decoder", ["multiplicative", "gated-pixelcnn", "pixelcnn++", "none"])
def test_a_model_of_films_begins_at_the_marginal(decoder: Any) -> None:
    torch.manual_seed(0)
    head: Any = "logistic" if decoder == "pixelcnn++" else "softmax"
    model = vpn(VPNConfig(8, 7, 1, 16, frames=4, filters=8, decoder=decoder, decoder_blocks=2, head=head))
    x = drawn(spiked(16), 6, 4, 8, 7, *(() if decoder == "pixelcnn++" else (1,)))
    counts = counted(x, 16)
    model.initialise(x, counts=counts)
    assert surprise(model, x) == pytest.approx(entropy(counts, 1), abs=WITHIN)


def test_channels_that_go_together_begin_below_their_marginals() -> None:
    """Grey pictures in three colours: a pixel has the entropy of one of them."""
    torch.manual_seed(0)
    config = FAMILIES["pixelcnn++"].config(height=8, width=8, levels=64, filters=8)
    model = FAMILIES["pixelcnn++"].model(config)
    x = drawn(spiked(64), 32, 8, 8, 1).expand(-1, -1, -1, 3)
    model.initialise(x, counts=counted(x[..., 0], 64).expand(3, -1))
    assert surprise(model, x) < 0.6 * by_hand(x)


def test_several_channels_are_fitted_to_the_whole_picture() -> None:
    """Not to every 32nd pixel, which of pictures 32 wide is their left border."""
    torch.manual_seed(0)
    model = FAMILIES["pixelcnn++"].model(FAMILIES["pixelcnn++"].config(height=32, width=32, levels=16, filters=4))
    x = drawn(np.full(16, 1 / 16), 128, 32, 32, 3)
    x[:, :, 0] = 0
    model.initialise(x, counts=torch.cat([counted(x[..., c], 16) for c in range(3)]))
    assert surprise(model, x[:4]) < math.log(16) + WITHIN


def test_padding_does_not_count() -> None:
    torch.manual_seed(0)
    model = FAMILIES["pixelcnn++"].model(FAMILIES["pixelcnn++"].config(height=8, width=8, levels=16, filters=4))
    x, mask = drawn(spiked(16), 64, 8, 8, 1).expand(-1, -1, -1, 3).clone(), torch.ones(64, 8, 8, dtype=torch.bool)
    mask[32:] = False
    x[32:] = torch.tensor([3, 9, 14])
    counts = counted(x[:32, ..., 0], 16).expand(3, -1)
    model.initialise(x, counts=counts, mask=mask)
    assert surprise(model, x[:32]) < 0.6 * by_hand(x[:32, ..., 0])
    model.initialise(x, counts=counts, mask=torch.zeros_like(mask))  # nothing to learn from: nothing is done


def test_numbers_of_any_size_leave_a_transformer_at_the_marginal() -> None:
    torch.manual_seed(2)
    inner = FAMILIES["transformer"].model(TransformerConfig(symbols=300, width=32, vector=16))
    model, x = Conditional(inner, {"year": NumberEncoder(16)}), drawn(zipf(300, 200), 16, 64)
    given = {"year": 9 * torch.randn(16)}
    model.initialise(x, given, counted(x, 300))
    assert surprise(model, x, given) == pytest.approx(by_hand(x), abs=WITHIN)


def test_frozen_parts_stay_frozen() -> None:
    model = FAMILIES["gru"].model(FAMILIES["gru"].config(symbols=50, dropout=0.2))
    model.embedding.eval()
    x = drawn(zipf(50, 10), 4, 16)
    model.initialise(x, counts=counted(x, 50))
    assert model.training
    assert not model.embedding.training


def test_quiet_halves_until_it_costs_little() -> None:
    weight = torch.tensor([8.0])
    quiet([weight], lambda: 1 + 0.01 * float(weight))  # of shares 1, 1/2, 1/4 the last costs 0.02
    assert weight.tolist() == [2.0]
    quiet([weight], lambda: float(weight != 0))  # whatever is left costs too much
    assert weight.tolist() == [0.0]
    quiet([], lambda: pytest.fail("nothing to measure"))


def test_no_scale_begins_below_its_floor() -> None:
    """There a mixture has no gradient."""
    head, x = MixtureHead(256, mixtures=4), drawn(np.bincount([0, 85, 170, 255], minlength=256) / 4, 1000)
    found = head.marginal(counted(x, 256), x[:, None])
    assert float(found.view(3, 4)[2].min()) >= head.floor


@pytest.mark.parametrize("most", [1, 3, 7, 100])
def test_thinned_levels_keep_all_counts(most: int) -> None:
    counts = torch.tensor([0, 4, 0, 1, 2, 0, 9, 1, 1, 5])
    levels, sums = thinned(counts, most)
    assert len(levels) == min(most, 7)
    assert int(sums.sum()) == 23
    assert bool((counts[levels] > 0).all())
    assert levels.tolist() == sorted(levels.tolist())


def test_ink_that_is_drawn_anew_is_counted_as_it_is_drawn(tmp_path: Path) -> None:
    """Grey of 0.4 is white four times in ten; a threshold would call it black."""
    for i in range(40):
        grey = np.full((8, 8), 102, np.uint8)
        grey[0, 0] = i  # copies would be left out
        Image.fromarray(grey).save(tmp_path / f"{i}.png")
    options = {"image": ImageOptions(size=(8,), levels=2, binarise="epoch")}
    made = Session(Plan(str(tmp_path), "image", "pixelcnn", options=options), tmp_path / "run", Means(quiet=True))
    made.task.codecs = made.task.learn()
    counts = made.task.counts()[0]
    assert counts[1] / counts.sum() == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("head", ["softmax", "logistic", "normal"])
def test_wavenet_begins_at_the_marginal(head: Any) -> None:
    torch.manual_seed(0)
    model = WaveNet(WaveNetConfig(head=head, residual=16, gate=16, skip=32, dilations=4, cycles=1))
    p = np.exp(-0.5 * ((np.arange(256) - 127.5) / 20) ** 2)
    x = drawn(p / p.sum(), 4, 500)
    model.initialise(x, counts=counted(x, 256))
    assert surprise(model, x) == pytest.approx(by_hand(x), abs=WITHIN)


@pytest.mark.parametrize("kind", ["logistic", "normal"])
@pytest.mark.parametrize(("levels", "spread"), [(2, 1.0), (256, 1.0), (256, 0.25), (4096, 0.1)])
def test_a_mixture_fits_levels_with_spikes(kind: Any, levels: int, spread: float) -> None:
    x = drawn(spiked(levels), 100_000)
    head = MixtureHead(levels, mixtures=5, kind=kind, spread=spread)
    found = head.marginal(counted(x, levels), x[:, None])
    assert -float(head(found.expand(len(x), -1)).log_prob(x).mean()) == pytest.approx(by_hand(x), abs=WITHIN)


def test_two_channels_of_sound() -> None:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"residual": 16, "gate": 16, "skip": 32, "dilations": 4, "cycles": 1}
    model = WaveNet(WaveNetConfig(levels=256, channels=2, head="logistic", **sizes))
    p = np.exp(-0.5 * ((np.arange(256) - 127.5) / 20) ** 2)
    left = drawn(p / p.sum(), 4, 500)
    x = torch.stack([left, (left + 3).clamp(max=255)], -1)
    model.initialise(x, counts=torch.cat([counted(x[..., c], 256) for c in range(2)]))
    assert surprise(model, x) < 0.7 * by_hand(left)


def test_a_mixture_of_levels_that_never_vary() -> None:
    head, x = MixtureHead(256, mixtures=3), torch.full((100,), 7)
    found = head.marginal(counted(x, 256), x[:, None])
    assert bool(found.isfinite().all())
    assert -float(head(found.expand(100, -1)).log_prob(x).mean()) < WITHIN


def test_a_composed_model_begins_at_the_marginal() -> None:
    torch.manual_seed(0)
    net = Serial(Conv(8, 8), Pointwise(nn.Sequential(nn.ReLU(), nn.Linear(8, 50))))
    model = SequenceModel(Embedding(50, 8, scale=1.0), net, CategoricalHead(50), start=0)
    x = drawn(zipf(50, 10), 16, 64)
    model.initialise(x, counts=counted(x, 50))
    assert surprise(model, x) == pytest.approx(by_hand(x), abs=WITHIN)


@pytest.mark.parametrize(
    "case",
    [case for case in MODELS.values() if min(case.levels) > 0 and (case.family is None or case.given() is not EMPTY)],
)
def test_whatever_the_condition(case: ModelCase) -> None:
    """The marginal over all labels, sources and maps; of a toy without known outputs nothing is asked."""
    torch.manual_seed(0)
    model, x = case.make(case.levels[0]), case.x(ROWS)
    if not model.outputs() or getattr(model.config, "tied", False):
        pytest.skip("its outputs are not known, or tied")
    colours = getattr(model.config, "channels", 1) if case.shape[-1:] != (7,) and model.head.parts == 1 else 1
    parts = [counted(x, case.levels[0])] * colours if len(case.levels) == 1 else []
    parts = parts or [counted(x[..., i], k) for i, k in enumerate(case.levels)]
    model.initialise(x, case.given(), torch.cat(parts))
    even = sum(entropy(part, 1) for part in parts) / len(parts)
    assert surprise(model, x, case.given()) < even + WITHIN


ROWS = 3


def test_a_head_that_does_not_know_changes_nothing() -> None:
    model = SequenceModel(Embedding(2, 4), Serial(Pointwise(nn.Linear(4, 1))), NormalHead(), start=0)
    before = {name: p.clone() for name, p in model.named_parameters()}
    model.initialise(torch.zeros(2, 3, dtype=torch.long), counts=torch.ones(1, 2, dtype=torch.long))
    assert all(torch.equal(before[name], p) for name, p in model.named_parameters())


def test_a_net_that_ends_in_nothing_has_no_known_outputs() -> None:
    assert (
        SequenceModel(Embedding(2, 4), Serial(Pointwise(nn.Sequential())), CategoricalHead(2), start=0).outputs() == []
    )


def test_a_run_resumed_at_step_0_shows_it_again(tmp_path: Path) -> None:
    data, once = text_file(tmp_path), tmp_path / "run"
    start(plan(data, steps=2, evaluate_every=2), once, Means(quiet=True))
    session = Session(plan(data, steps=2, evaluate_every=2), tmp_path / "cut", Means(quiet=True))
    loop = session.prepare(resume=False)
    session.keep({"step": 0})
    loop.save()  # and then the process is killed
    again = Session(plan(data, steps=2, evaluate_every=2), tmp_path / "cut", Means(quiet=True)).prepare(resume=True)
    again.run()
    assert metrics(tmp_path / "cut") == metrics(once)


def test_a_run_shows_where_it_begins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = text_file(tmp_path)
    start(plan(data, steps=2, evaluate_every=1), tmp_path / "run", Means())
    first = metrics(tmp_path / "run")[0]
    assert first["step"] == 0
    text = data.read_text()
    assert first["marginal_nats_per_token"] == pytest.approx(by_hand(torch.tensor([ord(c) for c in text])), abs=0.1)
    assert first["validation_nats_per_token"] == pytest.approx(first["marginal_nats_per_token"], abs=0.2)
    assert "step 0 · validation" in capsys.readouterr().err


def test_what_starts_from_a_run_begins_where_that_ended(tmp_path: Path) -> None:
    data = text_file(tmp_path)
    start(plan(data, steps=20, evaluate_every=20), tmp_path / "a", Means(quiet=True))
    ended = metrics(tmp_path / "a")[-1]["validation_nats_per_token"]
    again = dataclasses.replace(plan(data, steps=1), net={}, begin=str(tmp_path / "a"))
    start(again, tmp_path / "b", Means(quiet=True))
    first = metrics(tmp_path / "b")[0]
    assert first["validation_nats_per_token"] == pytest.approx(ended, abs=1e-6)
    assert "marginal_nats_per_token" not in first
