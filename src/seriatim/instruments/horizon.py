"""The memory horizon: held-out bits when only the last k elements are given.

The idea: a model may see all of the past and use little of it. An element that is predicted from the last k elements
alone costs more bits than from all; from the k on where it no longer does, the model has no use for what lies further
back. For a state, the k elements are read from the state at the beginning of a sequence; for a window, they are
the window.

After J. Miller and M. Hardt (2019), Stable recurrent models, who truncate what recurrent models read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seriatim.context import Context
from seriatim.errors import UserError
from seriatim.instruments.held import HeldSequences
from seriatim.models import Model
from seriatim.models.likelihood import log_probs, pad, to_given

LIMIT = 400
"""Elements that are predicted unless the user says otherwise."""

_SAME = 1e-4  # nats or bits that make no difference
_FURTHEST = 1 << 14  # elements given, at most
_TOGETHER = 1 << 23  # numbers of a batch's parameters, at most

Floats = NDArray[np.float64]
Begins = Callable[[int], Callable[[int], None]]


class Place(NamedTuple):
    """An element to be predicted: which sequence, and where in it."""

    row: int
    at: int


@final
@dataclass(frozen=True, eq=False)
class Horizon:
    """What the last k elements tell.

    Example:
        >>> nats, whole = np.array([[2.0, 1.0], [4.0, 2.6]]) * math.log(2), np.array([1.0, 2.5]) * math.log(2)
        >>> found = Horizon((1, 4), "symbols", "bits/symbol", nats, whole)
        >>> np.round(found.bits, 3).tolist(), np.round(found.more, 3).tolist(), found.enough
        ([3.0, 1.8, 1.75], [1.25, 0.05, 0.0], 4)
    """

    spans: tuple[int, ...]
    """k, ascending."""
    words: str
    """What is given, in the plural."""
    unit: str
    """Of the figures."""
    nats: Floats
    """(n, spans) of everything that is predicted, given the last k; n are independent of each other."""
    whole: Floats
    """(n,) given all that the model is usually given."""

    @property
    def bits(self) -> list[float]:
        """Bits per element for every k, and given all."""
        return [float(x) for x in self._every().mean(0)]

    @property
    def errors(self) -> list[float]:
        """Their standard errors, over elements."""
        return _errors(self._every())

    @property
    def more(self) -> list[float]:
        """Bits above those given all, on the same elements."""
        return [float(x) for x in self._more().mean(0)]

    @property
    def more_errors(self) -> list[float]:
        """Standard errors of these differences, over elements."""
        return _errors(self._more())

    @property
    def enough(self) -> int | None:
        """The least k from which on no difference is above two standard errors; None if there is none."""
        far = [i for i in range(len(self.spans)) if self.more[i] > 2 * self.more_errors[i] + _SAME]
        first = far[-1] + 1 if far else 0
        return self.spans[first] if first < len(self.spans) else None

    def to_json(self) -> dict[str, Any]:
        """Figures for `--json`."""
        return {
            "predictions": len(self.whole),
            "counted": self.words,
            "unit": self.unit,
            "given_last": [*self.spans, None],
            "bits": self.bits,
            "bits_standard_error": self.errors,
            "bits_more_than_given_all": self.more,
            "bits_more_than_given_all_standard_error": self.more_errors,
            "enough": self.enough,
        }

    def _every(self) -> Floats:
        return np.column_stack([self.nats, self.whole]) / math.log(2)

    def _more(self) -> Floats:
        return self._every() - self.whole[:, None] / math.log(2)


def _errors(x: Floats) -> list[float]:
    n = len(x)
    return [float(each) for each in x.std(0, ddof=1) / math.sqrt(n)] if n > 1 else [math.nan] * x.shape[1]


def spans_to(longest: int) -> tuple[int, ...]:
    """1, 2, 4, … up to `longest`, which is at least 1, and not beyond 16,384."""
    return tuple(1 << i for i in range(min(longest, _FURTHEST).bit_length()))


def drawn_places(counted: Sequence[NDArray[np.bool_]], limit: int, seed: int = 0) -> list[Place]:
    """Elements to predict, one at random in each of `limit` equal parts of all; or all if there are no more.

    Args:
        counted: (L,) of each sequence, which elements count.
        limit: how many.
        seed: of the choice.

    Raises:
        UserError: if there is none.

    Example:
        >>> drawn_places([np.array([False, True]), np.array([True])], limit=5)
        [Place(row=0, at=1), Place(row=1, at=0)]
    """
    if limit < 1:
        raise UserError(f"limit is {limit}; give 1 or more")
    rows = np.repeat(np.arange(len(counted)), [len(each) for each in counted])
    where = np.concatenate([np.arange(len(each)) for each in counted]) if counted else rows
    some = np.flatnonzero(np.concatenate(counted)) if counted else rows
    if not len(some):
        raise UserError("there is nothing to predict in this data; give longer files")
    edges = np.linspace(0, len(some), min(limit, len(some)) + 1)
    chosen = some[(edges[:-1] + np.random.default_rng(seed).random(len(edges) - 1) * np.diff(edges)).astype(int)]
    return [Place(int(row), int(at)) for row, at in zip(rows[chosen], where[chosen], strict=True)]


def cost(places: Sequence[Place], spans: Sequence[int]) -> int:
    """Elements that are read to predict those at `places` from each number of `spans` before them."""
    return sum(min(k, place.at) + 1 for k in spans for place in places)


def horizon_of(
    model: Model, held: HeldSequences, limit: int = LIMIT, seed: int = 0, begins: Begins | None = None
) -> Horizon:
    """Bits of held-out elements given the last 1, 2, 4, … of their sequence, and given all.

    Args:
        model: of sequences, in evaluation mode.
        held: the sequences.
        limit: how many elements are predicted, drawn from all.
        seed: of those.
        begins: called with the number of elements to be read; it returns what is called with the number read so far.

    Raises:
        UserError: if there is none, or the model does not visit them in the order of time.
    """
    if model.ends:
        raise UserError("this model does not go through a sequence in the order of time, so it has no last elements")
    places = drawn_places(held.counted, limit, seed)
    furthest = max(place.at for place in places)
    back = model.past if model.horizon is None else model.horizon
    spans = spans_to(max(1, furthest if back is None else min(back, furthest)))
    progress = begins and begins(cost(places, spans))
    last = {row: max(place.at for place in places if place.row == row) for row in {place.row for place in places}}
    own = {name: value[[*last]] for name, value in held.given.items()}
    terms = dict(zip(last, log_probs(model, [held.x[row][: at + 1] for row, at in last.items()], own), strict=True))
    whole, found = np.array([-terms[place.row][place.at] for place in places]), list[Floats]()
    for k in spans:
        done = cost(places, spans[: len(found)])
        found.append(predicted(model, held, places, k, progress and _offset(progress, done)))
        if np.abs(found[-1] - whole).max() < _SAME:
            break  # more of the past changes nothing
    return Horizon(spans[: len(found)], held.words, held.unit, np.stack(found, 1), whole)


def _offset(progress: Callable[[int], None], done: int) -> Callable[[int], None]:
    """The same progress, offset by `done`."""
    return lambda count: progress(done + count)


@torch.no_grad()
def predicted(
    model: Model,
    held: HeldSequences,
    places: Sequence[Place],
    k: int,
    progress: Callable[[int], None] | None = None,
) -> Floats:
    """(n,) nats of the elements at `places`, given the last k before them, or all if there are fewer.

    Args:
        model: of sequences, in evaluation mode.
        held: the sequences. Conditions along them are cut with them.
        places: what is predicted.
        k: how many are given.
        progress: called now and then with the number of elements read; `cost` tells their total.
    """
    found, size, done = np.zeros(len(places)), max(1, _TOGETHER // ((k + 1) * model.head.width)), 0
    for first in range(0, len(places), size):
        some = places[first : first + size]
        window = windows_of(model, held, some, k)
        parameters = model(window.x, window.context)[window.rows, window.last]
        terms = model.head.log_prob(parameters[:, None], window.x[window.rows, window.last][:, None])[:, 0]
        found[first : first + size] = -terms.double().cpu().numpy()
        done += cost(some, [k])
        if progress is not None:
            progress(done)
    return found


class Windows(NamedTuple):
    """Elements to be predicted, each with the last k before it, from the beginning of a row on."""

    x: Tensor
    """(n, up to k + 1) symbols."""
    context: Context
    rows: Tensor
    """0 … n − 1."""
    last: Tensor
    """(n,) where in its row each is."""


def windows_of(model: Model, held: HeldSequences, places: Sequence[Place], k: int) -> Windows:
    """The last k elements before each of `places`, or all if there are fewer, and itself."""
    cuts = [(place.row, max(0, place.at - k), place.at + 1) for place in places]
    x = model.symbols(pad([held.x[row][start:stop] for row, start, stop in cuts]))
    rows = [place.row for place in places]
    own = to_given({name: value[rows] for name, value in held.given.items()}, model.device)
    context = model.condition(own, len(rows))
    if context.field is not None:
        context = _cut(context, [(start, stop) for _, start, stop in cuts])
    last = torch.tensor([stop - start - 1 for _, start, stop in cuts], device=x.device)
    return Windows(x, context, torch.arange(len(rows), device=x.device), last)


def _cut(context: Context, cuts: Sequence[tuple[int, int]]) -> Context:
    """Each row's own part of the field, a column for every position; shorter ones are padded at the end."""
    assert context.field is not None
    longest, rows = max(stop - start for start, stop in cuts), list[Tensor]()
    for i, (start, stop) in enumerate(cuts):
        own = Context(field=context.field[i : i + 1], hop=context.hop, offset=context.offset)
        columns = own.window(start, stop).columns(stop - start)
        rows.append(torch.nn.functional.pad(columns, (0, 0, 0, longest - columns.shape[1])))
    return replace(context, field=torch.cat(rows), hop=1, offset=0)
