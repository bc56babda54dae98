"""Frames in a chain, and pixels in each: pieces and the whole, prompts at every cut, conditions, what sees what."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from seriatim import tree
from seriatim.context import EMPTY, Context
from seriatim.models import FAMILIES, Nested, VPNConfig, vpn
from seriatim.testing import exact
from seriatim.walks.walk import Walk

FRAMES = 5
GREY: dict[str, Any] = {"height": 2, "width": 3, "levels": 3, "filters": 4, "encoder_blocks": 1, "decoder_blocks": 1}
GREY |= {"frames": FRAMES, "first": 3, "mixtures": 2, "vector": 2, "field": 2}
WHOLE = {"decoder": "pixelcnn++", "head": "logistic", "channels": 3}  # a position is a pixel of three colours
KINDS: dict[str, dict[str, Any]] = {
    "grey": {},
    "rgb": {"channels": 3},
    "pixelcnn++": WHOLE,
    "baseline": {"decoder": "none"},
}


@pytest.fixture(autouse=True)
def _exactly(float64: None) -> None:
    torch.manual_seed(0)


def made(**sizes: Any) -> Nested:
    return exact(vpn(VPNConfig(**GREY | sizes)))


def films(model: Nested, n: int = 2, frames: int = FRAMES) -> Tensor:
    """Levels (n, frames, H, W, C)."""
    c = model.config
    return torch.randint(c.levels, (n, frames, c.height, c.width, c.channels))


def conditions(model: Nested, n: int = 2, frames: int = FRAMES) -> Context:
    c = model.config
    return Context(vector=torch.randn(n, c.vector), field=torch.randn(n, frames, c.field), hop=model.per_frame)


def flat(x: Tensor, model: Nested) -> Tensor:
    """Films as a walk's positions."""
    return x.flatten(1) if model.head.parts == 1 else x.flatten(1, -2)


def largest(a: Tensor, b: Tensor) -> float:
    assert a.shape == b.shape
    return float((a - b).detach().abs().max()) if a.numel() else 0.0


# ------------------------------------------------------------------ in pieces


@pytest.mark.parametrize("kind", KINDS)
def test_a_film_in_pieces_is_the_film(kind: str) -> None:
    model = made(**KINDS[kind])
    x, given = films(model), conditions(model)
    whole = model(x, given)
    for cut in range(1, FRAMES):
        one, film = model.frames(x[:, :cut], given, model.film(2, given))
        two, film = model.frames(x[:, cut:], given, film, cut)
        assert film is not None
        assert largest(torch.cat([one, two], 1), whole) < 1e-12
    film, parts = model.film(2, given), list[Tensor]()
    for t in range(FRAMES):
        part, film = model.frames(x[:, t : t + 1], given, film, t)
        parts.append(part)
    assert largest(torch.cat(parts, 1), whole) < 1e-12


def test_gradients_go_back_through_all_pieces() -> None:
    model = made()
    x, given = films(model), conditions(model)
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def slopes(loss: Tensor) -> list[Tensor]:
        return list(torch.autograd.grad(loss, weights))

    wanted = slopes(model(x, given)[:, -1].square().sum())  # of the last frame alone: it reads all others
    for cut in range(1, FRAMES):
        _, film = model.frames(x[:, :cut], given, model.film(2, given))
        last, _ = model.frames(x[:, cut:], given, film, cut)
        found = slopes(last[:, -1].square().sum())
        assert all(largest(a, b) < 1e-9 * (1 + float(b.abs().max())) for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_may_end_anywhere(kind: str) -> None:
    model = made(**KINDS[kind])
    x, given = films(model, frames=4), conditions(model)
    whole, symbols = model(x, given).flatten(1, -2), flat(x, model)
    assert whole.shape[1] == symbols.shape[1] == 4 * model.per_frame
    packed, n = model.packed(), model.per_frame
    for cut in range(4 * n + 1):
        walk = Walk(packed, 2, given, 4 * n)
        assert largest(walk.feed(symbols[:, :cut]), whole[:, :cut]) < 1e-9
        assert largest(walk.feed(symbols[:, cut:]), whole[:, cut:]) < 1e-9
    for first in (1, n - 1, n, n + 1):  # then symbol by symbol, and whole frames again
        walk = Walk(packed, 2, given, 4 * n)
        walk.feed(symbols[:, :first])
        for at in range(first, first + n + 1):
            _ = walk.whole
            walk.take(symbols[:, at])
        rest = walk.feed(symbols[:, first + n + 1 :])
        assert largest(rest, whole[:, first + n + 1 :]) < 1e-9


def test_forks_of_a_film_go_their_own_ways() -> None:
    model = made()
    x, given = films(model, 2, 3), conditions(model)
    n, symbols = model.per_frame, flat(x, model)
    for cut in (0, 2, n, n + 2):
        walk = Walk(model.packed(), 2, given, 3 * n)
        walk.feed(symbols[:, :cut])
        other = walk.fork()
        other.feed((symbols[:, cut:] + 1) % model.config.levels)
        assert largest(walk.feed(symbols[:, cut:]), model(x, given).flatten(1, -2)[:, cut:]) < 1e-9


@pytest.mark.parametrize("kind", KINDS)
def test_memory_does_not_grow_with_the_film(kind: str) -> None:
    model = made(**KINDS[kind])
    n = model.per_frame
    given, symbols = conditions(model, frames=8), flat(films(model, frames=8), model)

    def held(frames: int) -> list[int]:
        walk = Walk(model.packed(), 2, given, 8 * n)
        walk.feed(symbols[:, : frames * n])
        for at in range(frames * n, frames * n + 2):  # two positions of the next frame
            _ = walk.whole
            walk.take(symbols[:, at])
        return [leaf.numel() for leaf in tree.leaves(walk._state)]

    assert held(6) == held(2)


def test_films_may_be_longer_than_in_training() -> None:
    model, long = made(), made(frames=9)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), long.parameters(), strict=True))
    x, given = films(model, frames=9), conditions(model, frames=9)
    assert torch.equal(model(x, given), long(x, given))
    drawn = model.sample(n=2, context=given, length=9 * model.per_frame)
    assert torch.equal(drawn, long.sample(n=2, context=given, length=9 * model.per_frame))


# ------------------------------------------------------------------ conditions


def test_each_frame_reads_its_own_action() -> None:
    model = made()
    x, given = films(model), conditions(model)
    assert given.field is not None
    whole = model(x, given)
    for t in range(FRAMES):
        field = given.field.clone()
        field[:, t] += 1
        other = model(x, Context(vector=given.vector, field=field, hop=given.hop))
        moved = [largest(other[:, s], whole[:, s]) > 1e-9 for s in range(FRAMES)]
        assert moved == [s >= t for s in range(FRAMES)]


def test_a_column_may_last_several_frames() -> None:
    model, n = made(), made().per_frame
    x, given = films(model, frames=4), conditions(model, frames=2)
    assert given.field is not None
    rows = given.field.repeat_interleave(2, 1)
    slow = Context(vector=given.vector, field=given.field, hop=2 * n)
    assert torch.equal(model(x, slow), model(x, Context(vector=given.vector, field=rows, hop=n)))
    later = Context(vector=given.vector, field=given.field, hop=2 * n, offset=n)  # its first frame is past
    assert torch.equal(model(x[:, :3], later), model(x[:, :3], Context(vector=given.vector, field=rows[:, 1:], hop=n)))


def test_conditions_that_end_too_soon_or_have_a_wrong_hop_are_refused() -> None:
    model = made()
    x, given = films(model), conditions(model, frames=FRAMES - 1)
    with pytest.raises(ValueError, match=r"frame 4, but context\.field has 4 columns; give one a frame"):
        model(x, given)
    film = model.film(2, given)
    _, film = model.frames(x[:, :3], given, film)
    with pytest.raises(ValueError, match="frame 4, but"):
        model.frames(x[:, 3:], given, film, 3)
    walk = Walk(model.packed(), 2, given)
    walk.feed(flat(x[:, :4], model))
    with pytest.raises(ValueError, match="frame 4, but"):
        _ = walk.dist
    assert given.field is not None
    for hop, offset in ((1, 0), (model.per_frame - 1, 0), (model.per_frame, 1)):
        wrong = Context(vector=given.vector, field=given.field, hop=hop, offset=offset)
        with pytest.raises(ValueError, match=f"a column of context.field lasts {hop} positions from {-offset} on"):
            model(x[:, :2], wrong)
    with pytest.raises(ValueError, match=r"reads context\.vector, but there is none"):
        model(x, Context(field=torch.zeros(2, FRAMES, 2), hop=model.per_frame))
    with pytest.raises(ValueError, match=r"reads context\.field, but there is none"):
        model(x, Context(vector=torch.zeros(2, 2)))


# ------------------------------------------------------------------ what sees what


def moved(model: Nested, x: Tensor, at: int) -> list[bool]:
    """Which of a film's positions have other parameters if position `at` has another symbol."""
    other = x.flatten(1).clone()
    other[:, at] = (other[:, at] + 1) % model.config.levels
    before, after = (model(each, EMPTY).flatten(1, -2) for each in (x, other.view_as(x)))
    return ((before - after).abs() > 1e-12).any(-1).any(0).tolist()


def test_a_pixel_knows_nothing_of_later_frames_nor_of_its_own_frame_s_later_pixels() -> None:
    model = made(vector=0, field=0)
    x, n = films(model, frames=3), model.per_frame
    for at in range(3 * n):
        later = moved(model, x, at)
        assert not any(later[: at + 1])
        assert at == 3 * n - 1 or any(later[at + 1 :])
    last = moved(model, x, n - 1)  # the last pixel of the first frame …
    assert not any(last[:n])
    assert all(last[n : 2 * n])  # … reaches all pixels of the next, its first one too
    first = moved(model, x, n)  # the first pixel of the second frame does not reach its own parameters
    assert first[: n + 1] == [False] * (n + 1)
    assert first[n + 1]


def test_the_baseline_s_pixels_are_independent_inside_a_frame() -> None:
    model = made(decoder="none", vector=0, field=0)
    x, n = films(model, frames=3), model.per_frame
    for at in range(2 * n):
        frame = at // n
        later = moved(model, x, at)
        assert not any(later[: (frame + 1) * n])
        assert any(later[(frame + 1) * n :])
    table = model.head(model(x)).log_table()
    assert largest(model.log_prob(x), table.gather(-1, x[..., None]).flatten(1).sum(1)) < 1e-9


def test_a_film_of_no_condition_at_all_adds_up_to_one() -> None:
    model = made(height=1, width=2, levels=2, vector=0, field=0)
    cells = torch.cartesian_prod(*[torch.arange(2)] * 6)
    whole = model.log_prob(cells.view(-1, 3, 1, 2, 1)).detach().exp().sum()
    assert math.isclose(float(whole), 1.0, abs_tol=1e-12)
    assert FAMILIES["vpn"].data == "video"
