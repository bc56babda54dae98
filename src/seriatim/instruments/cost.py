"""What each part of a model costs: parameters, multiplications and time of one pass."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from seriatim.causal import Parallel, Serial
from seriatim.context import Context
from seriatim.instruments.held import HeldPictures, HeldSequences
from seriatim.instruments.horizon import Place, windows_of
from seriatim.instruments.sight import canvas_of
from seriatim.models import Model

_CONTAINERS = (nn.ModuleDict, nn.ModuleList, nn.Sequential, Serial, Parallel)
_ROOMS = {"net", "layers", "model"}  # names that say nothing
_TIMES = 3
_ROWS, _LENGTH = 8, 512


class Part(NamedTuple):
    """A part of a model: layers of one kind are one part."""

    name: str
    layers: int
    """How many."""
    parameters: int
    multiplications: int
    """Of one pass, in products and convolutions, each with its addition."""
    seconds: float
    """Of one pass; NaN for what is never called as a whole."""


def costs_of(model: Model, held: HeldSequences | HeldPictures) -> tuple[list[Part], int]:
    """The parts of a model, and how many positions of held-out data they have read."""
    if isinstance(held, HeldPictures):
        some = torch.arange(min(_ROWS, len(held.x)), device=held.x.device)
        x = held.x[some]
        return parts_of(model, x, held.context.select(some)), math.prod(x.shape[: 1 + len(canvas_of(model))])
    length = _LENGTH if model.horizon is None else min(_LENGTH, model.horizon)
    some = [row for row, x in enumerate(held.x) if len(x)][:_ROWS]
    places = [Place(row, min(length, len(held.x[row])) - 1) for row in some]
    windows = windows_of(model, held, places, [length] * len(places))
    return parts_of(model, windows.x, windows.context), math.prod(windows.x.shape[:2])


@torch.no_grad()
def parts_of(model: Model, x: Tensor, context: Context) -> list[Part]:
    """What the parts of a model cost in one pass over x, in the order in which they are defined; and the rest.

    Args:
        model: in evaluation mode.
        x: (B, *S) symbols.
        context: their conditions, encoded.
    """
    inner = model.bare
    called = _called(inner, x, context)
    named = list({module: (path, module) for path, module in reversed([*_parts(inner, called)])}.values())[::-1]
    whole, each = _times(inner, [module for _, module in named], x, context)
    with FlopCounterMode(display=False, custom_mapping=_COUNTED) as counter:
        inner(x, context)
    counts, root = counter.get_flop_counts(), type(inner).__name__
    work = {name: sum(found.values()) // 2 for name, found in counts.items()}
    parts, met = dict[str, Part](), set[int]()
    for (path, module), seconds in zip(named, each, strict=True):
        name = _name(path, module)
        had = parts.get(name, Part(name, 0, 0, 0, 0.0))
        fresh = {id(p): p.numel() for p in module.parameters() if id(p) not in met}  # a tied table counts once
        met |= set(fresh)
        size = sum(fresh.values())
        found = had.layers + 1, had.parameters + size, had.multiplications + work.get(f"{root}.{path}", 0)
        parts[name] = Part(name, *found, had.seconds + seconds)
    found = [*parts.values()]
    known = sum(part.seconds for part in found if not math.isnan(part.seconds))
    size = sum(p.numel() for p in model.parameters()) - sum(part.parameters for part in found)
    left = work.get("Global", 0) - sum(part.multiplications for part in found)
    return [*found, Part("rest", 0, size, left, whole - known)]


def _called(model: nn.Module, x: Tensor, context: Context) -> set[nn.Module]:
    """The modules that are called as a whole."""
    found = set[nn.Module]()
    with ExitStack() as stack:
        for module in model.modules():
            stack.callback(module.register_forward_pre_hook(lambda each, _: found.add(each)).remove)
        model(x, context)
    return found


def _parts(module: nn.Module, called: set[nn.Module], path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The modules that make up one, by their paths; containers, and what is never called as a whole, are opened."""
    for name, child in module.named_children():
        own = f"{path}.{name}" if path else name
        inside = isinstance(child, _CONTAINERS) or (child not in called and any(True for _ in child.children()))
        if inside:
            yield from _parts(child, called, own)
        elif next(child.parameters(), None) is not None:
            yield own, child


def _name(path: str, module: nn.Module) -> str:
    """A path without numbers, so that layers of one kind have one name; or the kind, if the path says nothing.

    Example:
        >>> some = nn.Linear(1, 1)
        >>> _name("net.layers.blocks.layers.3", some), _name("net.layers.recurrent_1", some), _name("layers.0", some)
        ('blocks', 'recurrent', 'Linear')
    """
    words = [word for word in path.split(".") if word not in _ROOMS and not word.isdigit()]
    return ".".join(re.sub(r"_\d+$", "", word) for word in words) or type(module).__name__


def _times(model: nn.Module, modules: list[nn.Module], x: Tensor, context: Context) -> tuple[float, list[float]]:
    """Seconds of a pass, the least of several, and of each module in it; NaN for one that is never called."""
    spent: dict[nn.Module, float] = {}
    began: dict[nn.Module, float] = {}

    def before(module: nn.Module, _: object) -> None:
        began[module] = _now(x)

    def after(module: nn.Module, _: object, __: object) -> None:
        spent[module] = spent.get(module, 0.0) + _now(x) - began[module]

    best, found = math.inf, [math.nan] * len(modules)
    with ExitStack() as stack:
        for module in modules:
            stack.callback(module.register_forward_pre_hook(before).remove)
            stack.callback(module.register_forward_hook(after).remove)
        for _ in range(_TIMES):
            spent.clear()
            start = _now(x)
            model(x, context)
            took = _now(x) - start
            if took < best:
                best, found = took, [spent.get(module, math.nan) for module in modules]
    return best, found


def _now(x: Tensor) -> float:
    """The time, when the device of x has done what it was told."""
    if x.is_cuda:
        torch.cuda.synchronize(x.device)
    return time.perf_counter()


def _lstm(x: tuple[int, ...], into: tuple[int, ...], back: tuple[int, ...], *_: object, **__: object) -> int:
    """Of the fused LSTM: x times its input weights, the state times its recurrent ones, at every step."""
    return 2 * math.prod(x[:2]) * (math.prod(into) + math.prod(back))


def _cudnn(x: tuple[int, ...], weights: list[tuple[int, ...]], *_: object, **__: object) -> int:
    """The same on a GPU."""
    return 2 * math.prod(x[:2]) * sum(math.prod(weight) for weight in weights if len(weight) == 2)


def _added(_: tuple[int, ...], a: tuple[int, ...], b: tuple[int, ...], *__: object, **___: object) -> int:
    """Of a product, or a batch of them, that is added in place."""
    return 2 * math.prod(a) * b[-1]


def _attention(query: tuple[int, ...], key: tuple[int, ...], *_: object, **__: object) -> int:
    """Of fused attention: scores and sums, as if nothing were masked."""
    batch, heads, steps, width = query
    return 4 * batch * heads * steps * key[2] * width


_COUNTED: dict[Any, Callable[..., Any]] = {
    torch.ops.aten.mkldnn_rnn_layer: _lstm,
    torch.ops.aten._cudnn_rnn: _cudnn,
    torch.ops.aten.addmm_: _added,
    torch.ops.aten.baddbmm_: _added,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
}
"""What PyTorch's counter does not know."""
