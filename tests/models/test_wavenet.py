"""What is WaveNet's own: how far it sees, what its conditions reach, how it reads sound, what it refuses."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from seriatim import tree
from seriatim.conditioning import MapConfig, TrackConfig, TrackEncoder
from seriatim.context import Context
from seriatim.errors import UserError
from seriatim.models import Conditional, WaveNet, WaveNetConfig
from seriatim.runs.building import build
from seriatim.symbols.levels import Levels
from seriatim.testing import same, wake
from seriatim.testing.base import SEEN
from seriatim.testing.models import step_law
from seriatim.walks.walk import Walk

pytestmark = pytest.mark.usefixtures("float64")
TINY: dict[str, Any] = {"residual": 3, "gate": 4, "skip": 9, "stack_channels": 3}


def model(levels: int = 5, **sizes: Any) -> WaveNet:
    torch.manual_seed(1)  # and of what the test draws next: a rectifier may sleep for what chance brings
    made = wake(WaveNet(WaveNetConfig(levels, **TINY | sizes)))
    assert isinstance(made, WaveNet)
    return made


def test_the_paper_s_receptive_field() -> None:
    assert WaveNetConfig().past == 3070
    assert WaveNetConfig(first=2).past == 3071
    assert WaveNetConfig(kernel=3).past == 6139


@pytest.mark.parametrize(
    "sizes",
    [
        {"dilations": 3, "cycles": 2},
        {"dilations": 3, "cycles": 1, "kernel": 3, "first": 4},
        {"dilations": 2, "cycles": 1, "stacks": (4, 7), "stack_dilations": 2},
        {"dilations": 4, "cycles": 1, "stacks": (2,), "stack_dilations": 1},
    ],
    ids=["stack", "kernel-3-first", "context-stacks", "context-stack-nearer-than-the-stack"],
)
def test_the_receptive_field_is_what_gradients_reach(sizes: dict[str, Any]) -> None:
    made = model(**sizes)
    past = made.config.past
    assert made.net.reach == past - 1
    count, furthest = past + 16, 0
    frames = torch.randn(1, count, 3, requires_grad=True)  # what the net reads at t is sample t − 1
    y, _ = made.net(frames)
    for t in range(count - 8, count):
        (slope,) = torch.autograd.grad(y[0, t].square().sum(), frames, retain_graph=True)
        seen = (slope[0].abs().amax(-1) > 0).nonzero()
        furthest = max(furthest, t - int(seen[0, 0]) + 1)
    assert furthest == past


@pytest.mark.parametrize("hop", [1, 3])
@pytest.mark.parametrize("stacks", [(), (2,)])
def test_an_impulse_in_a_series_is_felt_at_its_own_sample_and_not_before(hop: int, stacks: tuple[int, ...]) -> None:
    made = model(dilations=2, cycles=1, field=2, stacks=stacks, stack_dilations=1)
    x = torch.randint(5, (1, 12))
    context = Context(field=torch.randn(1, -(-12 // hop), 2), hop=hop)
    assert context.field is not None
    before = made(x, context)
    for column in range(context.field.shape[1]):
        field = context.field.clone()
        field[0, column, 0] += 1
        changed = (made(x, replace(context, field=field)) - before).abs().amax(-1)[0] > SEEN
        assert not changed[: column * hop].any()
        assert bool(changed[column * hop : (column + 1) * hop].all())


def test_many_levels_are_read_by_their_height() -> None:
    made = model(300, dilations=2, cycles=1)
    x = torch.randint(300, (2, 6))
    step_law(made.packed(), made, x, (6,), Context(), 6)
    assert made(x).shape == (2, 6, 300)


def test_no_sample_is_told_from_silence() -> None:
    made = model(3, head="logistic", mixtures=2, dilations=1, cycles=1)
    nothing, middle = (made.embedding(torch.tensor([[k]]))[0] for k in (3, 1))
    assert not torch.equal(nothing, middle)


def test_a_walk_goes_on_behind_a_prompt_and_a_choice_of_rows_beyond_its_rings() -> None:
    made = model(dilations=2, cycles=2, kernel=3, stacks=(3,), stack_dilations=1)
    x = torch.randint(5, (3, 40))
    walk = Walk(made.packed(), 3)
    walk.feed(x[:, :13])
    order = torch.tensor([2, 0])
    walk.select(order)
    rows = []
    for t in range(13, 40):
        rows.append(walk.dist.log_prob(x[order, t]))
        walk.push(x[order, t])
    same(torch.stack(rows, 1), made.log_probs(x)[order, 13:])


def test_memory_does_not_grow_with_what_is_read() -> None:
    made = model(dilations=2, cycles=1, stacks=(2,), stack_dilations=1)
    stepper, sizes = made.packed(), set()
    state = stepper.start(2)
    for _ in range(20):
        _, state = stepper.step(torch.zeros(2, dtype=torch.long), state)
        sizes.add(sum(leaf.numel() for leaf in tree.leaves(state)))
    assert len(sizes) == 1


def test_a_series_that_ends_too_soon_is_an_error() -> None:
    made = model(dilations=1, cycles=1, field=2)
    context = Context(field=torch.randn(1, 2, 2), hop=2)
    with pytest.raises(ValueError, match="field that holds"):
        made(torch.zeros(1, 5, dtype=torch.long), context)
    with pytest.raises(ValueError, match="field that holds 4"):
        made.sample(1, context, length=5)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"channels": 2}, "head is softmax"),
        ({"channels": 3, "head": "logistic"}, "channels is 3"),
        ({"kernel": 1}, "kernel is 1"),
        ({"stacks": (0,)}, "stacks, a block is 0"),
        ({"dilations": 16, "cycles": 256, "kernel": 3}, "past, the receptive field in samples, is 33553921"),
        ({"stacks": (8,) * 17}, "stacks, their number is 17"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        WaveNetConfig(**sizes)


@pytest.mark.parametrize("up", [(), (2,), (3,), (4, 3)])
def test_a_series_gets_as_many_columns_as_it_has_frames_times_what_was_wanted(up: tuple[int, ...]) -> None:
    encoder = TrackEncoder(2, 24, TrackConfig(3, up))
    context = encoder(torch.randn(2, 5, 2))
    times = math.prod(up)
    assert context.field is not None
    assert context.field.shape == (2, 5 * times, 3)
    assert context.hop * times == 24


def test_no_series_lasts_as_long_as_one_likes() -> None:
    encoder = TrackEncoder(2, 24, TrackConfig(3, (2,)))
    context = encoder(encoder.missing(2))
    same(context.columns(1000), encoder.frames.null.expand(2, 1000, 3))
    half = encoder(torch.cat([encoder.missing(1).expand(1, 4, 2), torch.randn(1, 4, 2)]))
    assert half.field is not None
    same(half.field[0], encoder.frames.null.expand(8, 3))


def test_a_batch_of_which_no_series_is_said_is_learned_from() -> None:
    """Its column lasts for ever, which must not be taken as so many positions."""
    encoder = TrackEncoder(2, 6, TrackConfig(5, (2,)))
    made = Conditional(model(3, dilations=1, cycles=2, field=5), {"melody": encoder})
    x = torch.randint(3, (2, 7))
    made.log_prob(x, {"melody": encoder.missing(2)}).sum().backward()
    slope = encoder.frames.null.grad
    made.zero_grad()
    missing = torch.full((2, 2, 2), math.nan)
    missing[0] = 0.5
    made.log_prob(x, {"melody": missing})[1].backward()
    alone = encoder.frames.null.grad
    made.zero_grad()
    made.log_prob(x[1:], {"melody": encoder.missing(1)}).sum().backward()
    same(alone, encoder.frames.null.grad)
    assert slope is not None
    assert slope.abs().sum() > 0


def test_a_series_whose_rate_cannot_be_had_is_refused() -> None:
    with pytest.raises(UserError, match="does not divide the samples of a column = 10"):
        TrackEncoder(2, 10, TrackConfig(3, (4,)))


def test_guidance_weighs_a_series_against_none() -> None:
    inner = model(3, dilations=1, cycles=2, field=5)
    encoders = {"melody": TrackEncoder(2, 6, TrackConfig(3, (2,))), "pedal": TrackEncoder(1, 4, TrackConfig(2))}
    made = wake(Conditional(inner, encoders))
    assert isinstance(made, Conditional)
    given = {"melody": torch.randn(2, 3, 2), "pedal": torch.randn(2, 4, 1)}
    context = made.condition(given, 2)
    walk = made.walk(2, context, 16, guidance=2.0)
    plain = [made.walk(2, each, 16) for each in (context, made.null(2))]
    for _ in range(16):
        said, missing = (each.dist.log_prob(torch.ones(2).long()) for each in plain)
        zero = [each.dist.log_prob(torch.zeros(2).long()) for each in plain]
        guided = [walk.dist.log_prob(torch.full((2,), k)) for k in (0, 1)]
        same(guided[1] - guided[0], 2 * (said - zero[0]) - (missing - zero[1]))
        for each in (walk, *plain):
            each.push(torch.ones(2).long())


def test_a_picture_is_no_condition_of_sound() -> None:
    with pytest.raises(UserError, match="models of audio take no pictures as conditions; choose one of pixelcnn"):
        build("wavenet", WaveNetConfig(**TINY), {"cover": Levels(4, 4, 1, 3)}, {"cover": MapConfig(3)})


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("hop", [1, 2, 3])
def test_a_field_that_comes_piece_by_piece_is_the_whole_one(packed: bool, hop: int) -> None:
    made = model(dilations=2, cycles=2, field=2, vector=2, stacks=(2,), stack_dilations=1)
    x, vector = torch.randint(5, (2, 12)), torch.randn(2, 2)
    field = torch.randn(2, 12 // hop, 2)
    whole = made(x, Context(vector, field, hop=hop))
    stepper: Any = made.packed() if packed else made
    state, prev, rows = stepper.start(2, Context(vector, torch.zeros(2, 1, 2))), x[:, 0], []
    for t in range(12):
        if t % hop == 0:
            state = stepper.conditioned(state, Context(field=field[:, t // hop : t // hop + 1], hop=hop))
        elif t == 7:  # in the middle of a column
            state = stepper.conditioned(state, Context(field=field[:, t // hop :], hop=hop, offset=t % hop))
        parameters, state = stepper.step(prev, state)
        rows.append(parameters)
        prev = x[:, t]
    same(torch.stack(rows, 1), whole)
