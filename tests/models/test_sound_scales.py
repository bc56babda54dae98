"""A multi-scale model of sound: its order, a plain loop of it, what has an end and what has none."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from registry import MODELS, ROWS
from seriatim import tree
from seriatim.context import Context
from seriatim.errors import UserError
from seriatim.models import Model, SoundCascade, SoundScalesConfig, WaveNet, WaveNetConfig, multiscale_sound
from seriatim.models.schedule import Schedule
from seriatim.models.sound_steps import slower
from seriatim.testing import equals, laws, same, wake
from seriatim.testing.models import step_law
from seriatim.walks.walk import Walk
from textbook import Named, elu, named, numbers, wavenet

pytestmark = pytest.mark.usefixtures("float64")
CASES = [name for name in MODELS if name.startswith("sound-scales")]
TINY: dict[str, Any] = {"residual": 3, "gate": 4, "skip": 9, "up": 3, "factor": 2, "look_ahead": 1}


def made(levels: int = 3, **sizes: Any) -> SoundCascade:
    torch.manual_seed(0)
    return wake(multiscale_sound(SoundScalesConfig(levels=levels, **TINY | {"dilations": 2, "cycles": 1} | sizes)))


# ------------------------------------------------------------------ order


def by_hand(length: int, factor: int, ahead: int, scales: int) -> list[int]:
    """Block by block: slow samples until all that the block sees are there, then the samples between."""
    if scales == 1:
        return list(range(length))
    slow = by_hand(-(-length // factor), factor, ahead, scales - 1)
    found, visited = list[int](), 0
    for block in range(-(-length // factor)):
        while not set(range(min(block + ahead + 1, len(slow)))) <= set(slow[:visited]):
            found.append(slow[visited] * factor)
            visited += 1
        found += range(block * factor + 1, min((block + 1) * factor, length))
    return found


def test_the_order_of_two_and_three_scales_written_out() -> None:
    assert Schedule(3, 1).order(8).tolist() == [0, 3, 1, 2, 6, 4, 5, 7]
    assert Schedule(2, 1, Schedule(2, 1)).order(12).tolist() == [0, 4, 2, 1, 3, 8, 6, 5, 7, 10, 9, 11]
    assert Schedule(2, 0, Schedule(2, 0)).order(5).tolist() == [0, 1, 2, 3, 4], "without looking ahead"


@pytest.mark.parametrize(("factor", "ahead", "scales"), [(2, 1, 2), (3, 4, 2), (2, 2, 3), (3, 0, 3), (2, 3, 4)])
def test_the_order_is_that_of_the_loop_and_any_part_of_it_is_found_alone(factor: int, ahead: int, scales: int) -> None:
    schedule = Schedule()
    for _ in range(scales - 1):
        schedule = Schedule(factor, ahead, schedule)
    for length in [*range(40), 150]:
        expected = by_hand(length, factor, ahead, scales)
        assert schedule.order(length).tolist() == expected
        for first in {0, length // 3, max(0, length - 2)}:
            for stop in {first, (first + length) // 2, length}:
                assert schedule.segment(first, stop, length).tolist() == expected[first:stop]
        place = np.argsort(expected)
        before = [max((u for u in expected[: place[t]] if u > t), default=t) - t for t in range(length)]
        assert max(before, default=0) <= schedule.ahead
    assert max(before) == schedule.ahead, "the bound is reached"
    endless = schedule.times(0, 10**6 + 5)
    assert schedule.times(10**6 - 7, 10**6 + 5).tolist() == endless[10**6 - 7 :].tolist()
    assert sorted(endless.tolist())[: 10**6 - schedule.ahead] == list(range(10**6 - schedule.ahead))


# ------------------------------------------------------------------ a plain loop


def cascade(w: Named, config: Any, sound: list[Any], context: Context, scales: int) -> list[Tensor]:
    """Parameters of every sample of one row in the order of time, by lists: {every k-th: slow, others: fast}."""
    k, ahead, length = config.factor, config.look_ahead, len(sound)
    if scales == 1:
        return wavenet(w, config.net(config.field), sound, context)
    few = sound[::k]
    field = context.field
    below = context
    if field is not None:  # a column for every sample of the slow scale
        columns = [field[0, (k * j + context.offset) // context.hop] for j in range(len(few))]
        below = replace(context, field=torch.stack(columns)[None], hop=1, offset=0)
    lower = cascade(w.of("slow"), config, few, below, scales - 1)
    each = w.of("ahead.each.linear")
    seen: list[Tensor] = []
    for t in range(length):
        frames: list[Tensor] = []
        for j in range(t // k, t // k + ahead + 1):
            value = few[j] if j < len(few) else None
            value = [value] if isinstance(value, int) else value
            frames.append(elu(numbers(each, config.levels, value)))
        together = elu(w.of("ahead").affine("together", torch.stack(frames, 1).flatten()))
        own = [] if field is None else [field[0, (t + context.offset) // context.hop].double()]
        seen.append(torch.cat([together, *own]))
    around = replace(context, field=torch.stack(seen)[None], hop=1, offset=0)
    upper = wavenet(w.of("fast"), config.net(len(seen[0])), sound, around)
    return [lower[t // k] if t % k == 0 else upper[t] for t in range(length)]


@pytest.mark.parametrize("name", CASES)
def test_it_is_its_textbook_s(name: str) -> None:
    case = MODELS[name]
    model: Any = case.model()
    w, given, c = named(model), case.given(), model.config
    order = by_hand(case.shape[0], c.factor, c.look_ahead, c.scales)

    def loop(x: Tensor) -> Tensor:
        rows: list[Tensor] = []
        for i, row in enumerate(x.tolist()):
            sound = [row[order.index(t)] for t in range(len(row))]
            found = cascade(w, c, sound, given.select(torch.tensor([i])), c.scales)
            rows.append(torch.stack([found[t] for t in order]))
        return torch.stack(rows)

    equals(model, loop, case.x(), given=given)


# ------------------------------------------------------------------ ends


def test_without_an_end_it_draws_the_beginning_of_a_longer_sound() -> None:
    model = made(scales=3)
    x = torch.randint(3, (2, 40))
    far = model(x)
    for stepper in (model, model.packed()):
        state, prev, rows = stepper.start(2), x[:, 0], list[Tensor]()
        for t in range(30):
            parameters, state = stepper.step(prev, state)
            rows.append(parameters)
            prev = x[:, t]
        same(torch.stack(rows, 1), far[:, :30])
    assert not torch.allclose(model(x[:, :30]), far[:, :30]), "an end within sight is seen"


def test_a_package_of_laws_holds_it() -> None:
    """With the end within sight and far away; `laws` is what a user calls."""
    report = laws(made(scales=3), length=6, long=300)
    assert {"step law", "packed law", "carry law", "feed law", "sight law", "long carry law"} <= set(report.held)
    assert made().ends
    assert not made(look_ahead=0).ends


def test_memory_does_not_grow_with_what_is_drawn() -> None:
    stepper, sizes = made(scales=3).packed(), set[int]()
    state = stepper.start(2)
    for _ in range(50):
        _, state = stepper.step(torch.zeros(2, dtype=torch.long), state)
        sizes.add(sum(leaf.numel() for leaf in tree.leaves(state)))
    assert max(sizes) <= 2 * min(sizes)
    assert len(sizes) <= 3, "a column for the first block, and one for each later one"


@pytest.mark.parametrize("scales", [2, 3])
@pytest.mark.parametrize("short", [1, 2, 5, 8, 11])
def test_a_shorter_row_is_what_it_is_alone(short: int, scales: int) -> None:
    """Filled up with "no sample", it has the likelihood of itself, and what comes after does not count."""
    model = made(scales=scales)
    x = torch.randint(3, (2, 12))
    x[1, short:] = 3
    order = model.schedule.order(12)
    terms = model.log_probs(x[:, order])
    alone = x[1:, :short][:, model.schedule.order(short)]
    found, at = model.log_probs(alone), order[order < short]
    assert at.tolist() == model.schedule.order(short).tolist()
    same(terms[1:, order < short], found)
    assert not terms[1, order >= short].any()
    same(terms[:1], model.log_probs(x[:1, order]))
    filled = x.clone()
    filled[1, short:] = 0
    if short in (2, 8):  # of the others no block looks beyond their end
        other = model.log_probs(filled[:, order])[1, order < short]
        assert not torch.allclose(other, found[0]), "zeros would be taken for samples to come"


def test_a_prompt_is_read_as_one_chunk_and_gone_on_with_in_any_place() -> None:
    model = made(scales=3, factor=3, look_ahead=2)
    x, whole = torch.randint(3, (2, 70)), None
    whole = model.log_probs(x)
    packed = model.packed()
    for fed in range(1, 69, 3):
        walk = Walk(packed, 2, Context(), 70)
        walk.feed(x[:, :fed])
        rows = list[Tensor]()
        for t in range(fed, 70):
            rows.append(walk.dist.log_prob(x[:, t]))
            walk.push(x[:, t])
        same(torch.stack(rows, 1), whole[:, fed:])


# ------------------------------------------------------------------ conditions


def test_a_field_that_changes_between_slow_samples_is_felt_at_its_own_time() -> None:
    model = made(field=2, factor=3, look_ahead=1)
    x, order = torch.randint(3, (1, 12)), model.schedule.order(12)
    field = torch.randn(1, 12, 2)
    before = model(x, Context(field=field))
    for t in range(12):
        moved = field.clone()
        moved[0, t] += 1
        changed = ((model(x, Context(field=moved)) - before).abs() > 1e-9).any(-1)[0]
        assert changed[order == t].all()
        assert not changed[order < t].any(), "no sample hears a condition that comes after it"


def test_missing_fields_last_for_ever_for_every_scale() -> None:
    context = Context(field=torch.randn(1, 1, 2), hop=2**40 * 3 * 5 * 7)
    assert slower(context, 11).hop * 11 >= context.hop
    assert slower(context, 4).hop * 4 == context.hop
    model = made(field=2, factor=11)
    x = torch.randint(3, (1, 25))
    same(model(x, context), model(x, replace(context, field=context.field.expand(1, 25, 2), hop=1)))  # pyright: ignore[reportOptionalMemberAccess]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"scales": 1}, "scales is 1"),
        ({"factor": 1}, "factor is 1"),
        ({"look_ahead": -1}, "look_ahead is -1"),
        ({"factor": 256, "scales": 3}, "factor.* is 65536"),
        ({"channels": 2}, "head is softmax"),
        ({"kernel": 1}, "kernel is 1"),
        ({"factor": 128, "look_ahead": 4096}, "samples ahead is 524287"),
        ({"dilations": 16, "cycles": 64, "factor": 16}, "past"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        SoundScalesConfig(**sizes)


def test_scales_of_different_heads_are_refused() -> None:
    config = SoundScalesConfig(levels=3, **TINY | {"dilations": 2, "cycles": 1})
    slow = WaveNet(WaveNetConfig(4, residual=3, gate=4, skip=9, dilations=2, cycles=1))
    fast = WaveNet(WaveNetConfig(3, residual=3, gate=4, skip=9, dilations=2, cycles=1, field=3))
    with pytest.raises(ValueError, match="different heads"):
        SoundCascade(config, slow, fast)


@pytest.mark.parametrize("scales", [2, 3])
def test_the_receptive_field_bounds_what_is_felt(scales: int) -> None:
    """A change further back than `past` changes nothing; one as far back as the slowest scale reaches does."""
    model = made(scales=scales, look_ahead=2)
    past, factor = model.config.past, 2 ** (scales - 1)
    own = model.config.net(0).past
    assert past == factor * own
    count = past + 6 * factor
    order = model.schedule.order(count)
    seen = torch.zeros(count, count, dtype=torch.bool)
    seen[torch.from_numpy(order)[:, None], torch.from_numpy(order)] = model.sees((count,))
    far = [t - int(row.nonzero()[0, 0]) for t, row in enumerate(seen) if row.any() and t >= past]
    assert max(far) == past


def test_untrained_it_predicts_the_marginal() -> None:
    torch.manual_seed(0)
    model = multiscale_sound(SoundScalesConfig(levels=8, **TINY | {"dilations": 3, "cycles": 1, "residual": 16}))
    weights = torch.tensor([8.0, 4, 2, 1, 1, 1, 1, 2])
    x = torch.multinomial(weights, 4 * 200, replacement=True).view(4, 200)
    mask = torch.ones(4, 200, dtype=torch.bool)
    mask[0, 100:], x[0, 100:] = False, 8  # a shorter row
    order = model.schedule.order(200)
    counts = torch.bincount(x[mask], minlength=8)
    model.initialise(x[:, order], counts=counts[None], mask=mask[:, order])
    share = counts / counts.sum()
    entropy = -float((share * share.log()).sum())
    with torch.no_grad():
        found = -float(model.log_probs(x[:, order])[mask[:, order]].mean())
    assert found == pytest.approx(entropy, abs=0.03)
    assert entropy < math.log(8) - 0.2
    each = F.softmax(model(x[:, order])[0, 50:60], -1)
    assert (each - share).abs().max() < 0.12


def test_step_law_at_every_number_of_scales_and_rows() -> None:
    for scales in (2, 3, 4):
        model: Model = made(scales=scales, factor=2, look_ahead=2, vector=2)
        x = torch.randint(3, (ROWS, 37))
        step_law(model.packed(), model, x, (37,), Context(vector=torch.randn(ROWS, 2)), 37)
        step_law(model.packed(), model, x[:1], (37,), Context(vector=torch.randn(1, 2)), 37)
