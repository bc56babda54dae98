"""The parts that plain loops are made of, one number or one position after the other, from the papers' equations.

Nothing here is shared with the library: weights come from a model's `state_dict`, by name, and nothing else does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from seriatim.context import Context

Loop = Callable[[Tensor], Tensor]


class Named:
    """The tensors of a model whose names begin alike, in float64: `w["bias"]`, `w.of("layers.0")`."""

    def __init__(self, tensors: Mapping[str, Tensor], begin: str = "") -> None:
        self.tensors, self.begin = tensors, begin

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[self.begin + name]

    def __contains__(self, name: str) -> bool:
        return any(each.startswith(self.begin + name) for each in self.tensors)

    def of(self, name: str) -> Named:
        return Named(self.tensors, f"{self.begin}{name}.")

    def affine(self, name: str, x: Tensor) -> Tensor:
        """W x + b, without b where there is none."""
        y = self[f"{name}.weight"] @ x
        return y + self[f"{name}.bias"] if f"{name}.bias" in self else y


def named(model: nn.Module) -> Named:
    return Named({name: value.detach().double() for name, value in model.state_dict().items()})


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + (-x).exp())


def elu(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, x.exp() - 1)


def layer_norm(w: Named, x: Tensor) -> Tensor:
    """Ba et al. (2016), with PyTorch's ε."""
    mean = x.sum() / len(x)
    variance = ((x - mean) ** 2).sum() / len(x)
    return (x - mean) / (variance + 1e-5).sqrt() * w["weight"] + w["bias"]


def rms_norm(scale: Tensor, x: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Zhang and Sennrich (2019)."""
    return x / ((x * x).sum() / len(x) + epsilon).sqrt() * scale


def attend(q: Tensor, keys: Sequence[Tensor], values: Sequence[Tensor]) -> Tensor:
    """Vaswani et al. (2017), equation 1, of one query and one head."""
    if not keys:
        return torch.zeros(0)
    scores = [float(q @ k) / math.sqrt(len(q)) for k in keys]
    largest = max(scores)
    weights = [math.exp(score - largest) for score in scores]
    return torch.stack([w / sum(weights) * v for w, v in zip(weights, values, strict=True)]).sum(0)


def turned(x: Tensor, t: int, base: float) -> Tensor:
    """Su et al. (2021), equation 34, pairs (i, i + D/2) as in Llama."""
    half, y = len(x) // 2, x.clone()
    for i in range(half):
        angle = t * base ** (-2 * i / len(x))
        y[i] = x[i] * math.cos(angle) - x[i + half] * math.sin(angle)
        y[i + half] = x[i + half] * math.cos(angle) + x[i] * math.sin(angle)
    return y


def self_attention(w: Named, frames: Sequence[Tensor], heads: int, key_heads: int, base: float) -> list[Tensor]:
    """Each head of each position over the positions up to it; several heads share a key (Ainslie et al., 2023)."""
    parts: dict[str, list[tuple[Tensor, ...]]] = {"query": [], "key": [], "value": []}
    for t, frame in enumerate(frames):
        for name, count in (("query", heads), ("key", key_heads), ("value", key_heads)):
            each = w.affine(name, frame).chunk(count)
            parts[name].append(each if name == "value" else tuple(turned(x, t, base) for x in each))
    y: list[Tensor] = []
    for t in range(len(frames)):
        answers: list[Tensor] = []
        for h in range(heads):
            g = h * key_heads // heads
            keys, values = ([each[g] for each in parts[name][: t + 1]] for name in ("key", "value"))
            answers.append(attend(parts["query"][t][h], keys, values))
        y.append(w.affine("out", torch.cat(answers)))
    return y


def cross_attention(w: Named, frame: Tensor, slots: Sequence[Tensor], heads: int) -> Tensor:
    """One position over the slots of a memory that are there; zeros if none are."""
    if not slots:
        return torch.zeros(len(frame))
    keys, values = ([w.affine(name, slot).chunk(heads) for slot in slots] for name in ("key", "value"))
    queries = w.affine("query", frame).chunk(heads)
    answers = [attend(q, [k[h] for k in keys], [v[h] for v in values]) for h, q in enumerate(queries)]
    return w.affine("out", torch.cat(answers))


def slots_of(memory: Tensor, mask: Tensor) -> list[Tensor]:
    """The slots (M, D) of a row that are real (M,)."""
    return [slot.double() for slot, real in zip(memory, mask.tolist(), strict=True) if real]


def cell(kind: str, w: Named, x: Tensor, h: Tensor, c: Tensor, layer: str = "l0") -> tuple[Tensor, Tensor]:
    """Elman (1990); Gers et al. (2000); Cho et al. (2014), with the reset gate after the product as in cuDNN.

    Names are PyTorch's.
    """
    into = (w[f"weight_ih_{layer}"] @ x + w[f"bias_ih_{layer}"]).chunk({"rnn": 1, "lstm": 4, "gru": 3}[kind])
    back = (w[f"weight_hh_{layer}"] @ h + w[f"bias_hh_{layer}"]).chunk(len(into))
    if kind == "rnn":
        return torch.tanh(into[0] + back[0]), c
    if kind == "lstm":
        write, keep, new, show = (a + b for a, b in zip(into, back, strict=True))
        c = sigmoid(keep) * c + sigmoid(write) * torch.tanh(new)
        return sigmoid(show) * torch.tanh(c), c
    reset, update = (sigmoid(a + b) for a, b in zip(into[:2], back[:2], strict=True))
    candidate = torch.tanh(into[2] + reset * back[2])
    return (1 - update) * candidate + update * h, c


def dilated(weight: Tensor, bias: Tensor, frames: Sequence[Tensor], t: int, dilation: int) -> Tensor:
    """A causal convolution (out, in, kernel), its last tap the present, at position t; zeros before the start."""
    y, kernel = bias.clone(), weight.shape[2]
    for j in range(kernel):
        at = t - (kernel - 1 - j) * dilation
        if at >= 0:
            y = y + weight[:, :, j] @ frames[at]
    return y


# ------------------------------------------------------------------ sound


def gated(w: Named, xs: list[Tensor], dilations: list[int], adds: Callable[[int, int], Tensor]) -> list[Tensor]:
    """van den Oord et al. (2016), equations 2 and 5; `adds(layer, t)`: what conditions add to the gates of a layer."""
    layers, gates = len(dilations), w["taps"].shape[3] // 2
    ys = [w["skip_bias"].clone() for _ in xs]
    for i, dilation in enumerate(dilations):
        taps, hs = w["taps"][i].flip(0).permute(2, 1, 0), list(xs)  # (2G, R, k), the present last
        for t in range(len(xs)):
            u = dilated(taps, w["bias"].view(layers, -1)[i], hs, t, dilation) + adds(i, t)
            z = torch.tanh(u[:gates]) * sigmoid(u[gates:])
            ys[t] = ys[t] + z @ w["skip"].view(layers, gates, -1)[i]
            if i < layers - 1:
                xs[t] = hs[t] + z @ w["residual"][i]
    return ys


def nothing(_layer: int, _t: int) -> Tensor:
    return torch.zeros(())


def numbers(w: Named, levels: int, sample: list[int] | None) -> Tensor:
    """A sample of one or two channels as numbers: linear, on the μ-law curve, and whether there is none."""
    if sample is None:
        return w["weight"][:, -1] + w["bias"]
    values = [2 * level / (levels - 1) - 1 for level in sample]
    curved = [math.copysign(math.log(1 + 255 * abs(v)) / math.log(256), v) for v in values]
    return w["weight"] @ torch.tensor([*values, *curved, 0.0]) + w["bias"]


def wavenet(w: Named, config: Any, symbols: list[Any], context: Context) -> list[Tensor]:
    """Its context stacks read whole blocks, and their answer to one block is held during the next (section 2.6)."""
    if config.head == "softmax":
        xs = [w["embedding.table.weight"][x] for x in [config.levels, *symbols[:-1]]]
    else:
        samples = [x if isinstance(x, list) else [x] for x in symbols[:-1]]
        xs = [numbers(w.of("embedding.linear"), config.levels, x) for x in [None, *samples]]
    if config.first > 1:
        first = w.of("net.layers.first.conv")
        xs = [dilated(first["weight"], first["bias"], xs, t, 1) for t in range(len(xs))]
    stack, fields = w.of("net.layers.stack"), [list[Tensor]() for _ in xs]
    if config.field:
        assert context.field is not None
        for t, parts in enumerate(fields):
            parts.append(context.field[0, (t + context.offset) // context.hop].double())
    for n, hop in enumerate(config.stacks):
        slow = stack.of(f"slow.{n}.net.layers")
        blocks = [torch.cat(xs[k * hop : (k + 1) * hop]) for k in range(len(xs) // hop)]
        pooled = [slow.affine("0.module", block) for block in blocks]
        cycle = [2**i for i in range(config.stack_dilations)]
        answers = [torch.zeros(config.stack_channels), *gated(slow.of("1"), pooled, cycle, nothing)]
        for t, parts in enumerate(fields):
            parts.append(answers[t // hop])

    def adds(layer: int, t: int) -> Tensor:
        total = torch.zeros(2 * config.gate)
        if context.vector is not None:
            total = (
                total + (context.vector[0].double() @ stack["vector"]).chunk(config.dilations * config.cycles)[layer]
            )
        return total + torch.cat(fields[t]) @ stack["field"][layer] if fields[t] else total

    ys = gated(stack, xs, [2**i for i in range(config.dilations)] * config.cycles, adds)
    out = w.of("net.layers.out.module")
    hidden = [out.affine("hidden", y.clamp_min(0)).clamp_min(0) for y in ys]
    return [out.affine("out", y) for y in hidden]


# ------------------------------------------------------------------ pictures

Map = dict[tuple[int, int], Tensor]
"""The channels at (row, column)."""


def map_of(x: Tensor) -> Map:
    """(H, W, C)."""
    return {(i, j): x[i, j] for i in range(x.shape[0]) for j in range(x.shape[1])}


def picture_of(cells: Map) -> Tensor:
    """(H, W, C)."""
    height, width = (1 + max(place[axis] for place in cells) for axis in (0, 1))
    return torch.stack([torch.stack([cells[i, j] for j in range(width)]) for i in range(height)])


def each(function: Callable[[Tensor], Tensor], cells: Map) -> Map:
    return {place: function(x) for place, x in cells.items()}


def added(*maps: Map) -> Map:
    return {place: torch.stack([cells[place] for cells in maps]).sum(0) for place in maps[0]}


def levels_scaled(x: Tensor, levels: int) -> Tensor:
    return 2 * x.double() / (levels - 1) - 1


def colours(width: int, count: int, copies: int = 1) -> list[int]:
    """The colour of each of `width` channels: as equal groups as can be, the first ones larger; then again."""
    sizes = [width // count + (c < width % count) for c in range(count)]
    return [c for _ in range(copies) for c, size in enumerate(sizes) for _ in range(size)]


def raster(w: Named, x: Map, inputs: Sequence[int], outputs: Sequence[int], *, own: bool = True) -> Map:
    """A masked convolution (van den Oord et al., 2016, section 3.4), tap by tap and colour by colour.

    Args:
        w: weight (O, I, rows, kernel), the last row the pixel's own; bias (O,).
        x: the map.
        inputs: the colour of each channel in.
        outputs: the colour of each channel out.
        own: mask B: a colour sees itself at its own pixel; otherwise mask A.
    """
    weight, side, rows = w["weight"].clone(), w["weight"].shape[3] // 2, w["weight"].shape[2] - 1
    for o, of in enumerate(outputs):
        for n, seen in enumerate(inputs):
            if seen > of or (seen == of and not own):
                weight[o, n, rows, side] = 0
    y: Map = {}
    for i, j in x:
        total = w["bias"].clone()
        for r in range(rows + 1):
            for k in range(weight.shape[3] if r < rows else side + 1):
                place = i - rows + r, j - side + k
                if place in x:
                    total = total + weight[:, :, r, k] @ x[place]
        y[i, j] = total
    return y


def looked(w: Named, vector: Tensor | None, field: Tensor | None, place: tuple[int, int]) -> Tensor | float:
    """What a vector (V,) and a field (H, W, F) add at a pixel."""
    total: Tensor | float = 0.0
    if vector is not None:
        total = total + w["vector.weight"] @ vector
    if field is not None:
        total = total + w["field.weight"] @ field[place]
    return total


def shifted(w: Named, x: Map, *, corner: bool = False, stride: int = 1, up: tuple[int, int] | None = None) -> Map:
    """A weight-normed convolution that reaches up and to both sides, or up and to the left (`corner`).

    Args:
        w: direction (O, I, rows, columns), or (I, O, …) going up; length (O,); bias (O,).
        x: the map.
        corner: whether the pixel's column is the kernel's last; otherwise it is the middle one.
        stride: 2 for half the size, rounded up.
        up: the size of a map of twice the size: a transposed convolution, of which what is beyond is cut off.
    """
    v = w["direction"].transpose(0, 1) if up else w["direction"]
    norms = torch.stack([(v[o] * v[o]).sum().sqrt() for o in range(len(v))])
    weight = v * (w["length"] / norms)[:, None, None, None]
    rows, columns = weight.shape[2:]
    y: Map = {}
    if up is not None:
        first = 0 if corner else columns // 2
        for i in range(up[0]):
            for j in range(up[1]):
                total = w["bias"].clone()
                for (a, b), value in x.items():
                    r, k = i - 2 * a, j + first - 2 * b
                    if 0 <= r < rows and 0 <= k < columns:
                        total = total + weight[:, :, r, k] @ value
                y[i, j] = total
        return y
    left = columns - 1 if corner else columns // 2
    for i, j in x:
        if i % stride or j % stride:
            continue
        total = w["bias"].clone()
        for r in range(rows):
            for k in range(columns):
                place = i - (rows - 1) + r, j - left + k
                if place in x:
                    total = total + weight[:, :, r, k] @ x[place]
        y[i // stride, j // stride] = total
    return y
