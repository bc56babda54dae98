"""The Video Pixel Network against plain loops in NumPy, from the equations of Kalchbrenner et al. (2016).

Nothing of the library is used but the names of the weights: frames, pixels, colours and kernels are loops.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seriatim.context import EMPTY, Context
from seriatim.heads import BernoulliHead
from seriatim.kernels.multiplicative import unit
from seriatim.models import FAMILIES, Nested, VPNConfig, vpn
from seriatim.testing import exact
from textbook import colours

Array = np.ndarray[Any, Any]
TAPS = [(r, k) for r in range(3) for k in range(3)]


class Weights:
    """Arrays by name: `w["bias"]`, `w.of("blocks.0")`."""

    def __init__(self, arrays: dict[str, Array], begin: str = "") -> None:
        self.arrays, self.begin = arrays, begin

    def __getitem__(self, name: str) -> Array:
        return self.arrays[self.begin + name]

    def __contains__(self, name: str) -> bool:
        return self.begin + name in self.arrays

    def of(self, name: str) -> Weights:
        return Weights(self.arrays, f"{self.begin}{name}.")

    def linear(self, name: str, x: Array) -> Array:
        """Over the last axis."""
        return x @ self[f"{name}.weight"].T + self[f"{name}.bias"]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def around(weight: Array, bias: Array | float, x: Array, dilation: int = 1) -> Array:
    """A 3 × 3 convolution (O, I, 3, 3) of a map (H, W, I); there are zeros around it."""
    height, width = x.shape[:2]
    y = np.zeros((height, width, len(weight))) + bias
    for i, j, (r, k) in itertools.product(range(height), range(width), TAPS):
        row, column = i + (r - 1) * dilation, j + (k - 1) * dilation
        if 0 <= row < height and 0 <= column < width:
            y[i, j] += weight[:, :, r, k] @ x[row, column]
    return y


def masked(w: Weights, x: Array, into: list[int], to: list[int], own: bool = True) -> Array:
    """A masked convolution (O, I, rows, kernel), the last row the pixel's own.

    Channel o, of colour to[o], sees a channel of its own pixel if its colour is earlier, or the same if `own`.
    """
    weight, (height, width) = w["weight"], x.shape[:2]
    up, side = weight.shape[2] - 1, weight.shape[3] // 2
    y = np.zeros((height, width, len(to))) + w["bias"]
    for i, j, o in itertools.product(range(height), range(width), range(len(to))):
        for r, k, n in itertools.product(range(up + 1), range(2 * side + 1), range(len(into))):
            row, column = i - up + r, j - side + k
            here = (row, column) == (i, j)
            seen = row < i or column < j or (here and (into[n] < to[o] or (own and into[n] == to[o])))
            if seen and row >= 0 and 0 <= column < width:
                y[i, j, o] += weight[o, n, r, k] * x[row, column, n]
    return y


def multiplicative(h: Array, y: Array) -> Array:
    """Equation 4: h' = g1 · tanh(g2 · h + g3 · u)."""
    c = h.shape[-1]
    first, second, third = (sigmoid(y[..., n * c : (n + 1) * c]) for n in range(3))
    return first * np.tanh(second * h + third * np.tanh(y[..., 3 * c :]))


def block(w: Weights, x: Array, dilation: int = 1) -> Array:
    """Figure 4: narrow, two multiplicative units, widen, and add the input."""
    h = w.linear("reduce", x)
    for n in range(2):
        conv = w.of(f"units.{n}")
        h = multiplicative(h, around(conv["weight"], conv["bias"], h, dilation))
    return x + w.linear("expand", h)


def maps(w: Weights, config: VPNConfig, frames: Array, vector: Array | None, actions: Array | None) -> list[Array]:
    """Section 3.1: the encoder of every frame, and a convolutional LSTM from frame to frame.

    Args:
        w: of the outer net.
        config: the sizes.
        frames: (T, H, W, C) numbers from −1 to 1.
        vector: (V,) or None.
        actions: (T, A), a row for each frame that is predicted, or None.
    """
    blank, found = np.zeros_like(frames[0]), list[Array]()
    hidden = cell = np.zeros((*blank.shape[:2], 2 * config.filters))
    for t in range(len(frames)):  # the map for frame t is of the frames before it
        mark = np.full((*blank.shape[:2], 1), float(t == 0))
        h = around(w["first.weight"], w["first.bias"], np.concatenate([blank if t == 0 else frames[t - 1], mark], -1))
        h = h if vector is None else h + w["vector.weight"] @ vector
        h = h if actions is None else h + w["field.weight"] @ actions[t]
        for n in range(config.encoder_blocks):
            h = block(w.of(f"blocks.{n}"), h, config.dilations[n % len(config.dilations)])
        gates = around(w["memory.inputs.weight"], w["memory.inputs.bias"], h)
        o, f, i, g = np.split(gates + around(w["memory.states.weight"], 0.0, hidden), 4, -1)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        hidden = sigmoid(o) * np.tanh(cell)
        found.append(hidden)
    return found


def looked(w: Weights, vector: Array | None, field: Array) -> Array:
    """What a vector and a map add."""
    return field @ w["field.weight"].T + (0.0 if vector is None else w["vector.weight"] @ vector)


def decoder(w: Weights, config: VPNConfig, frame: Array, vector: Array | None, field: Array) -> Array:
    """Section 3.2: masked multiplicative blocks over a frame (H, W, C) -> parameters (H, W, C · K)."""
    c, f = config.channels, config.filters
    wide, narrow, gates = colours(2 * f, c), colours(f, c), colours(f, c, 4)
    x = masked(w.of("first"), frame, [*range(c)], wide, own=False)
    for n in range(config.decoder_blocks):
        part = w.of(f"blocks.{n}")
        h = masked(part.of("reduce"), x, wide, narrow)
        h = multiplicative(h, masked(part.of("units.0"), h, narrow, gates) + looked(part.of("look"), vector, field))
        h = multiplicative(h, masked(part.of("units.1"), h, narrow, gates))
        x = x + masked(part.of("expand"), h, narrow, wide)
    x = masked(w.of("last.0"), np.maximum(x, 0), wide, wide)
    return masked(w.of("last.1"), np.maximum(x, 0), wide, colours(len(w["last.1.bias"]), c))


def baseline(w: Weights, config: VPNConfig, frame: Array, vector: Array | None, field: Array) -> Array:
    """Section 5: the decoder's blocks without masks, over the map alone."""
    x = looked(w.of("look"), vector, field)
    for n in range(config.decoder_blocks):
        x = block(w.of(f"blocks.{n}"), x)
    return w.linear("last.1", np.maximum(w.linear("last.0", np.maximum(x, 0)), 0))


def log_probs(model: Nested, x: Tensor, context: Context) -> Array:
    """log p of every sub-pixel of films (B, T, H, W, C), which is a softmax's, or a coin's."""
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    w, config, found = Weights(arrays), model.config, np.zeros(x.shape)
    vectors, fields = (None if each is None else each.numpy() for each in (context.vector, context.field))
    for b, film in enumerate(x.numpy()):
        vector, actions = (None if each is None else each[b] for each in (vectors, fields))
        frames = 2 * film / (config.levels - 1) - 1
        for t, field in enumerate(maps(w.of("outer"), config, frames, vector, actions)):
            inner = baseline if config.decoder == "none" else decoder
            parameters = inner(w.of("inner"), config, frames[t], vector, field).reshape(*film[t].shape, -1)
            for place in np.ndindex(film[t].shape):
                if config.head == "bernoulli":
                    p = sigmoid(parameters[place][0])
                    found[b, t][place] = math.log(p if film[t][place] else 1 - p)
                else:
                    powers = np.exp(parameters[place] - parameters[place].max())
                    found[b, t][place] = math.log(powers[film[t][place]] / powers.sum())
    return found


SIZES: dict[str, dict[str, Any]] = {
    "grey": {"frames": 3, "height": 4, "width": 3, "levels": 3, "filters": 4, "first": 5},
    "rgb, label and actions": {"frames": 3, "height": 2, "width": 3, "channels": 3, "levels": 3, "filters": 5},
    "dilated, black or white": {"frames": 2, "height": 5, "width": 4, "levels": 2, "filters": 3, "head": "bernoulli"},
    "baseline": {"frames": 3, "height": 3, "width": 4, "levels": 4, "filters": 3, "decoder": "none"},
    "baseline, rgb": {"frames": 2, "height": 2, "width": 3, "channels": 3, "levels": 3, "filters": 4},
}
SIZES["rgb, label and actions"] |= {"vector": 2, "field": 3, "decoder_blocks": 1, "first": 3}
SIZES["dilated, black or white"] |= {"encoder_blocks": 3, "dilations": (1, 3)}
SIZES["baseline, rgb"] |= {"decoder": "none", "vector": 2, "field": 1}
USUAL = {"encoder_blocks": 2, "dilations": (1, 2), "decoder_blocks": 2}


def test_every_family_of_films_has_a_loop() -> None:
    assert {name for name, family in FAMILIES.items() if family.data == "video"} == {"vpn"}


@pytest.mark.parametrize("name", SIZES)
@torch.no_grad()
def test_the_video_pixel_network_is_its_textbook_s(name: str) -> None:
    config = VPNConfig(**USUAL | SIZES[name])
    model, n = exact(vpn(config)), 2
    torch.manual_seed(1)
    vector = torch.randn(n, config.vector, dtype=torch.float64) if config.vector else None
    field = torch.randn(n, config.frames, config.field, dtype=torch.float64) if config.field else None
    context = EMPTY if vector is None else Context(vector=vector, field=field, hop=config.per_frame)
    x = torch.randint(config.levels, (n, config.frames, config.height, config.width, config.channels))
    found, wanted = model.log_probs(x, context).numpy(), log_probs(model, x, context)
    assert wanted.std() > 0.1  # not all alike
    assert np.abs(found - wanted).max() < 1e-9


# ------------------------------------------------------------------ the parts


@pytest.mark.parametrize("recorded", [False, True], ids=["without gradients", "with gradients"])
def test_the_multiplicative_unit_is_its_equation(recorded: bool) -> None:
    torch.manual_seed(0)
    h, y = (4 * torch.randn(*shape, dtype=torch.float64) for shape in ((2, 3, 4, 5), (2, 3, 4, 20)))
    g1, g2, g3, u = y.chunk(4, -1)
    wanted = g1.sigmoid() * (g2.sigmoid() * h + g3.sigmoid() * u.tanh()).tanh()
    with torch.set_grad_enabled(recorded):
        found = unit(h.requires_grad_(recorded), y.clone())
    assert found.requires_grad == recorded
    assert (found - wanted).abs().max() < 1e-14
    assert np.abs(multiplicative(h.detach().numpy(), y.numpy()) - wanted.detach().numpy()).max() < 1e-14


def test_the_multiplicative_unit_has_its_own_gradient_right() -> None:
    torch.manual_seed(0)
    h, y = (torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in ((2, 3, 2), (2, 3, 8)))
    assert torch.autograd.gradcheck(unit, (h, y))
    weight, kept = torch.randn(2, 3, 2, dtype=torch.float64), y.detach().clone()
    g1, g2, g3, u = y.chunk(4, -1)
    plain = g1.sigmoid() * (g2.sigmoid() * h + g3.sigmoid() * u.tanh()).tanh()
    wanted = torch.autograd.grad((weight * plain).sum(), (h, y))
    found = torch.autograd.grad((weight * unit(h, y)).sum(), (h, y))
    assert all((a - b).abs().max() < 1e-13 for a, b in zip(found, wanted, strict=True))
    assert torch.equal(y, kept)  # it is overwritten only where no gradient is wanted


def test_a_coin_s_cross_entropy_of_grey_targets() -> None:
    logits = torch.tensor([-3.0, -0.5, 0.0, 2.0], dtype=torch.float64)
    dist = BernoulliHead(256)(logits[:, None])
    for k in (0, 1, 100, 254, 255):
        v = k / 255
        for logit, found in zip(logits.tolist(), dist.log_prob(torch.full((4,), k)).tolist(), strict=True):
            p = 1 / (1 + math.exp(-logit))
            assert found == pytest.approx(v * math.log(p) + (1 - v) * math.log(1 - p), abs=1e-12)
    assert BernoulliHead(256).likelihood is False
    assert BernoulliHead(2).likelihood is True
    table = BernoulliHead(2)(logits[:, None]).log_table()
    assert torch.allclose(table, F.logsigmoid(torch.stack([-logits, logits], -1)))
    assert dist.log_mass(torch.tensor([0, 7, 255, 255])).isinf().tolist() == [False, True, False, False]
