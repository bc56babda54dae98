"""What a model sees of the past, and how strongly it does on real data.

What it can see is what it declares (`sees`, which the laws hold to the truth). How strongly: by how many nats log p of
an element would change, to first order, if a past element varied as it does in the data: √Σ (g σ)², with g the
gradient with respect to the numbers that stand for that element, and σ their standard deviations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seriatim.errors import UserError
from seriatim.instruments.held import HeldPictures, HeldSequences
from seriatim.instruments.horizon import Windows, drawn_places, windows_of
from seriatim.models import Conditional, Model
from seriatim.models.grid import GridModel
from seriatim.models.sequence import SequenceModel

_FURTHEST = 1024  # elements back
_PLACES = 64
_TOGETHER = 1 << 20  # numbers of a batch's parameters, at most

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Sight:
    """What a model sees.

    Example:
        >>> found = Sight(np.array([3.0, 0.0, 1.0]), np.array([True, False, True]), "samples", 5)
        >>> found.blind, found.middle
        (1, 1)
    """

    strength: Floats
    """(L,) nats for the element 1, 2, … back; or (H, W) for each pixel."""
    seen: NDArray[np.bool_]
    """Like it: what it can see at all."""
    words: str
    """What is seen, in the plural."""
    count: int
    """Elements over which strengths are averaged."""
    place: tuple[int, int] | None = None
    """Of pictures: the row and column of the pixel that looks."""

    @property
    def past(self) -> NDArray[np.bool_]:
        """Like it: what comes before."""
        found = np.ones(self.strength.shape, bool)
        if self.place is not None:
            row, column = self.place
            found[row, column:] = False
            found[row + 1 :] = False
        return found

    @property
    def blind(self) -> int:
        """How many elements of the past it cannot see."""
        return int((self.past & ~self.seen).sum())

    @property
    def middle(self) -> int | None:
        """Of sequences: so far back lies half of the summed strength."""
        if self.place is not None:
            return None
        total = np.cumsum(self.strength)
        return int(np.searchsorted(total, total[-1] / 2)) + 1

    def to_json(self) -> dict[str, Any]:
        """Figures for `--json`."""
        found: dict[str, Any] = {"predictions": self.count, "counted": self.words, "blind": self.blind}
        found |= {"strength_nats": self.strength.tolist(), "seen": self.seen.tolist()}
        return found | ({"half_within": self.middle} if self.place is None else {"place": [*self.place]})


def sight_of(model: Model, held: HeldSequences | HeldPictures, seed: int = 0) -> Sight:
    """What a model sees of held-out data.

    Args:
        model: in evaluation mode.
        held: the data.
        seed: of the elements that look.

    Raises:
        UserError: if the model reads its elements in another way than through one embedding.
    """
    return _pictures(model, held) if isinstance(held, HeldPictures) else _sequences(model, held, seed)


def _sequences(model: Model, held: HeldSequences, seed: int) -> Sight:
    inner = model.model if isinstance(model, Conditional) else model
    if not isinstance(inner, SequenceModel):
        name = type(inner).__name__
        raise UserError(f"a {name} does not read its elements through one embedding; --sight is for models that do")
    back = model.past if model.horizon is None else model.horizon
    usual = max(1, int(np.median([len(x) for x in held.x])) - 1)
    length = min(_FURTHEST, usual, *([] if back is None else [max(1, back)]))
    whole = [mask & (np.arange(len(mask)) >= length) for mask in held.counted]
    places = drawn_places(whole if any(mask.any() for mask in whole) else held.counted, _PLACES, seed)
    size, found = max(1, _TOGETHER // ((length + 1) * model.head.width)), list[Floats]()
    for first in range(0, len(places), size):
        found.append(_slopes(model, inner, windows_of(model, held, places[first : first + size], length)))
    longest = max(each.shape[1] for each in found)
    total = sum(np.pad(each, ((0, 0), (0, longest - each.shape[1]))).sum(0) for each in found)
    seen = model.sees((longest + 1,))[longest, :longest].flip(0).cpu().numpy()
    return Sight(cast(Floats, total) / len(places), seen, held.words, len(places))


def _slopes(model: Model, inner: SequenceModel, windows: Windows) -> Floats:
    """(n, k) nats of the element 1, 2, … back, of each row; 0 where there is none."""
    leaves: list[Tensor] = []

    def cut(_: object, __: object, out: Any) -> Any:
        leaves.append(out[0].detach().requires_grad_())
        return leaves[0], out[1]

    handle = inner.embedding.register_forward_hook(cast(Callable[..., Any], cut))
    try:
        with torch.enable_grad():
            parameters = model(windows.x, windows.context)[windows.rows, windows.last]
    finally:
        handle.remove()
    at = windows.x[windows.rows, windows.last]
    with torch.enable_grad():
        total = model.head.log_prob(parameters[:, None], at[:, None]).sum()
        (slope,) = torch.autograd.grad(total, leaves[0])
    read = leaves[0].detach()[:, 1:]  # frame j stands for element j − 1
    spread = read.flatten(0, 1).std(0)
    nats = (slope[:, 1:] * spread).square().sum(-1).sqrt().double().cpu().numpy()
    found = np.zeros_like(nats)
    for row, last in enumerate(windows.last.tolist()):
        found[row, :last] = nats[row, :last][::-1]
    return found


def _pictures(model: Model, held: HeldPictures) -> Sight:
    _, height, width = held.x.shape[:3]
    row, column = height // 2, width // 2
    dtype, total = next(model.parameters()).dtype, np.zeros((height, width))
    size = max(1, _TOGETHER // (model.head.width * held.dims * height))
    spread = float(held.x.double().std())
    for first in range(0, len(held.x), size):
        part = torch.arange(first, min(first + size, len(held.x)), device=held.x.device)
        x = held.x[part]
        values = x.to(dtype).requires_grad_()
        with torch.enable_grad():
            terms = model.head.log_prob(model(values, held.context.select(part)), x)
            (slope,) = torch.autograd.grad(terms[:, row, column].sum(), values)
        nats = (slope * spread).flatten(3).square().sum(-1).sqrt() if slope.dim() > 3 else (slope * spread).abs()
        total += nats.double().sum(0).cpu().numpy()
    canvas = tuple(held.x.shape[1 : 1 + len(canvas_of(model))])
    colours = canvas[2] if len(canvas) == 3 else 1
    middle = (row * width + column) * colours
    seen = model.sees(canvas)[middle].view(height * width, colours).any(1).view(height, width).cpu().numpy()
    return Sight(total / len(held.x), seen, "pixels", len(held.x), (row, column))


def canvas_of(model: Model) -> tuple[int, ...]:
    """The shape of the positions of a model of pictures."""
    return cast(GridModel, model.model if isinstance(model, Conditional) else model).canvas
