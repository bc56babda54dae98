"""What a model sees of the past, and how strongly it does on real data.

What it can see is what it declares (`sees`, which the laws hold to the truth). How strongly: by how many nats log p of
an element would change, to first order, if a past element varied as it does in the data: √Σ (g σ)², with g the
gradient with respect to the numbers that stand for that element, and σ their standard deviations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seriatim.errors import UserError
from seriatim.instruments.held import HeldPictures, HeldSequences
from seriatim.instruments.horizon import Place, Windows, drawn_places, portions, windows_of
from seriatim.models import Model
from seriatim.models.grid import GridModel
from seriatim.models.sequence import SequenceModel

PLACES = 64
"""Elements that look unless the user says otherwise."""

_FURTHEST = 1024  # elements back
_ASKED = 3072  # values of a picture whose sight is asked for: 32 × 32 × 3
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
        """Of sequences: so far back lies half of the summed strength; None if there is none."""
        if self.place is not None:
            return None
        total = np.cumsum(self.strength)
        if not total[-1] > 0:
            return None
        return int(np.searchsorted(total, total[-1] / 2)) + 1

    def to_json(self) -> dict[str, Any]:
        """Figures for `--json`."""
        found: dict[str, Any] = {"predictions": self.count, "counted": self.words, "blind": self.blind}
        found |= {"strength_nats": self.strength.tolist(), "seen": self.seen.tolist()}
        return found | ({"half_within": self.middle} if self.place is None else {"place": [*self.place]})


def sight_of(model: Model, held: HeldSequences | HeldPictures, limit: int = PLACES, seed: int = 0) -> Sight:
    """What a model sees of held-out data.

    Args:
        model: in evaluation mode.
        held: the data.
        limit: how many elements look, drawn from all; of pictures all do.
        seed: of those elements.

    Raises:
        UserError: if the model reads its elements in another way than through one embedding.
    """
    return _pictures(model, held) if isinstance(held, HeldPictures) else _sequences(model, held, limit, seed)


def _sequences(model: Model, held: HeldSequences, limit: int, seed: int) -> Sight:
    inner = model.bare
    if not isinstance(inner, SequenceModel):
        name = type(inner).__name__
        raise UserError(f"a {name} does not read its elements through one embedding; --sight is for models that do")
    back = model.past if model.horizon is None else model.horizon
    places = drawn_places(held, limit, seed, first=1)
    length = max(1, min(_FURTHEST, max(place.at for place in places), *([] if back is None else [back])))
    spread = None if model.head.real else _spread(model, inner, held, places, length)
    total, counts = np.zeros(length), np.zeros(length)
    for part in portions(model, held, places, length):
        windows = windows_of(model, held, places[part], [length] * len(places[part]))
        for row, last in zip(_slopes(model, inner, windows, spread), windows.last.tolist(), strict=True):
            total[:last] += row[:last][::-1]
            counts[:last] += 1
    known = int(np.count_nonzero(counts))
    seen = model.sees((known + 1,))[known, :known].flip(0).cpu().numpy()
    return Sight(total[:known] / counts[:known], seen, held.words, len(places))


@torch.no_grad()
def _spread(model: Model, inner: SequenceModel, held: HeldSequences, places: Sequence[Place], length: int) -> Tensor:
    """(C,) standard deviations of the numbers that stand for elements, over those that are read."""
    count, first, second = 0, torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for part in portions(model, held, places, length):
        windows = windows_of(model, held, places[part], [length] * len(places[part]))
        frames = inner.embedding(windows.x)[0].double()
        read = frames[torch.arange(frames.shape[1], device=frames.device) < windows.last[:, None]]
        count, first, second = count + len(read), first + read.sum(0), second + read.square().sum(0)
    return (second / count - (first / count).square()).clamp(min=0).sqrt()


def _slopes(model: Model, inner: SequenceModel, windows: Windows, spread: Tensor | None) -> Floats:
    """(n, k) nats of each element before the last of each row, in order.

    Without `spread`, of each row by the standard deviations in that row: real numbers have units of their own.
    """
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
    if spread is None:
        there = (torch.arange(read.shape[1], device=read.device) < windows.last[:, None])[..., None]
        count = there.sum(1, keepdim=True)
        mean = torch.where(there, read, 0.0).sum(1, keepdim=True) / count
        spread = (torch.where(there, (read - mean).square(), 0.0).sum(1, keepdim=True) / count).sqrt()
    return (slope[:, 1:] * spread).double().square().sum(-1).sqrt().cpu().numpy()


def _pictures(model: Model, held: HeldPictures) -> Sight:
    _, height, width = held.x.shape[:3]
    row, column = height // 2, width // 2
    dtype, total = next(model.parameters()).dtype, np.zeros((height, width))
    size = max(1, _TOGETHER // (model.head.width * held.dims * height))
    spread = held.x.double().std(0, correction=0)  # of each pixel and colour
    for first in range(0, len(held.x), size):
        part = torch.arange(first, min(first + size, len(held.x)), device=held.x.device)
        x = held.x[part]
        values = x.to(dtype).requires_grad_()
        with torch.enable_grad():
            terms = model.head.log_prob(model(values, held.context.select(part)), x)
            (slope,) = torch.autograd.grad(terms[:, row, column].sum(), values)
        nats = (slope.double() * spread).reshape(len(x), height, width, -1).square().sum(-1).sqrt()
        total += nats.sum(0).cpu().numpy()
    canvas = tuple(held.x.shape[1 : 1 + len(canvas_of(model))])
    colours = canvas[2] if len(canvas) == 3 else 1
    seen = total > 0  # a large picture has too many pairs of pixels to ask for
    if height * width * colours <= _ASKED:
        middle = (row * width + column) * colours
        own = model.sees(canvas)[middle : middle + colours].any(0)
        seen = own.view(height * width, colours).any(1).view(height, width).cpu().numpy()
    return Sight(total / len(held.x), seen, "pixels", len(held.x), (row, column))


def canvas_of(model: Model) -> tuple[int, ...]:
    """The shape of the positions of a model of pictures."""
    return cast(GridModel, model.bare).canvas
