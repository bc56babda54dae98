"""The memory horizon: held-out bits when only the last k elements are given.

The idea: a model may see all of the past and use little of it. An element that is predicted from the last k elements
alone costs more bits than from all; from the k on where it no longer does, the model has no use for what lies further
back. For a state, the k elements are read from the state at the beginning of a sequence; for a window, they are
the window.

After J. Miller and M. Hardt (2019), Stable recurrent models, who truncate what recurrent models read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seriatim.context import Context
from seriatim.data.progress import offset
from seriatim.errors import UserError
from seriatim.instruments.held import HeldSequences
from seriatim.models import Model
from seriatim.models.likelihood import log_probs, pad, to_given, window_start

LIMIT = 400
"""Elements that are predicted unless the user says otherwise."""

_SAME = 1e-4  # nats or bits that make no difference
_FURTHEST = 1 << 14  # elements given, at most
_ROWS = 8  # sequences whose conditions are encoded together, where these run along them
_TOGETHER = 1 << 23  # numbers of a batch's parameters, at most

Floats = NDArray[np.float64]
Progress = Callable[[int], None]
Begins = Callable[[int], Progress]


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
        """The least k from which on no difference is above two standard errors; None if there is none, or no error."""
        if len(self.whole) < 2:
            return None
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


def drawn_places(held: HeldSequences, limit: int, seed: int = 0, first: int = 0) -> list[Place]:
    """Elements to predict, one at random in each of `limit` equal parts of all; or all if there are no more.

    Args:
        held: the sequences.
        limit: how many.
        seed: of the choice.
        first: the first element of each sequence that may be chosen.

    Raises:
        UserError: if there is none.

    Example:
        >>> held = HeldSequences([np.array([7, 8]), np.array([9])], {}, "symbols", "bits/symbol")
        >>> drawn_places(held, limit=5, first=1)
        [Place(row=0, at=1)]
    """
    if limit < 1:
        raise UserError(f"limit is {limit}; give 1 or more")
    ends = np.cumsum([len(held.counted(row, first)) for row in range(len(held.x))])
    if not len(ends) or not ends[-1]:
        need = f"more than {first} each" if first else "one or more"
        raise UserError(f"there is nothing to predict in this data: {held.words} are too few, {need} are needed")
    edges = np.linspace(0, ends[-1], min(limit, int(ends[-1])) + 1)
    numbers = (edges[:-1] + np.random.default_rng(seed).random(len(edges) - 1) * np.diff(edges)).astype(int)
    places = list[Place]()
    for row in np.unique(rows := np.searchsorted(ends, numbers, side="right")):
        some = held.counted(int(row), first)
        places += [Place(int(row), int(some[n - ends[row] + len(some)])) for n in numbers[rows == row]]
    return places


def cost(places: Sequence[Place], k: int | Sequence[int]) -> int:
    """Elements that are read to predict those at `places` from k before each, or from its own number of them."""
    each = [k] * len(places) if isinstance(k, int) else k
    return sum(min(n, place.at) + 1 for n, place in zip(each, places, strict=True))


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
    places = drawn_places(held, limit, seed)
    furthest = max(place.at for place in places)
    back = model.past if model.horizon is None else model.horizon
    spans = spans_to(max(1, furthest if back is None else min(back, furthest)))
    usual = _usual(model, places)
    total = cost(places, usual) + sum(cost(places, k) for k in spans)
    progress = None if begins is None else begins(total)
    whole, done = _given_all(model, held, places, usual, progress), cost(places, usual)
    found = list[Floats]()
    for k in spans:
        found.append(predicted(model, held, places, k, progress and offset(progress, done)))
        done += cost(places, k)
        if np.abs(found[-1] - whole).max() < _SAME:
            break  # more of the past changes nothing
    return Horizon(spans[: len(found)], held.words, held.unit, np.stack(found, 1), whole)


def _usual(model: Model, places: Sequence[Place]) -> list[int]:
    """How much each element is usually given: all, what is seen of it, or what is in its window."""
    if model.horizon is not None:
        return [place.at - window_start(place.at, model.horizon) for place in places]
    back = model.past
    return [place.at if back is None else min(back, place.at) for place in places]


def _given_all(
    model: Model, held: HeldSequences, places: Sequence[Place], usual: Sequence[int], progress: Progress | None
) -> Floats:
    """Nats given all that the model is usually given; a state reads each sequence once, to its last element."""
    if model.horizon is not None or model.past is not None:
        return predicted(model, held, places, usual, progress)
    last = {row: max(place.at for place in places if place.row == row) for row in {place.row for place in places}}
    own = {name: value[[*last]] for name, value in held.given.items()}
    rows = [held.x[row][: at + 1] for row, at in last.items()]
    terms = dict(zip(last, log_probs(model, rows, own, progress=progress), strict=True))
    return np.array([-terms[place.row][place.at] for place in places])


@torch.no_grad()
def predicted(
    model: Model,
    held: HeldSequences,
    places: Sequence[Place],
    k: int | Sequence[int],
    progress: Progress | None = None,
) -> Floats:
    """(n,) nats of the elements at `places`, given the last k before them, or all if there are fewer.

    Args:
        model: of sequences, in evaluation mode.
        held: the sequences. Conditions along them are cut with them.
        places: what is predicted.
        k: how many are given; or of each, how many.
        progress: called now and then with the number of elements read; `cost` tells their total.
    """
    each, found, done = [k] * len(places) if isinstance(k, int) else k, np.zeros(len(places)), 0
    for part in portions(model, held, places, max(each)):
        some = places[part]
        window = windows_of(model, held, some, each[part])
        parameters = model(window.x, window.context)[window.rows, window.last]
        terms = model.head.log_prob(parameters[:, None], window.x[window.rows, window.last][:, None])[:, 0]
        found[part] = -terms.double().cpu().numpy()
        done += cost(some, each[part])
        if progress is not None:
            progress(done)
    return found


def portions(model: Model, held: HeldSequences, places: Sequence[Place], k: int) -> Iterator[slice]:
    """Places that are read together: no more than memory takes, and of few sequences if conditions run along them."""
    size = max(1, _TOGETHER // ((k + 1) * model.head.width))
    first = 0
    while first < len(places):
        last = min(first + size, len(places))
        if held.along:
            rows = [place.row for place in places[first:last]]
            last = first + next((i for i in range(len(rows)) if len({*rows[: i + 1]}) > _ROWS), len(rows))
        yield slice(first, last)
        first = last


class Windows(NamedTuple):
    """Elements to be predicted, each with the last k before it, from the beginning of a row on."""

    x: Tensor
    """(n, up to k + 1) symbols."""
    context: Context
    rows: Tensor
    """0 … n − 1."""
    last: Tensor
    """(n,) where in its row each is."""


def windows_of(model: Model, held: HeldSequences, places: Sequence[Place], ks: Sequence[int]) -> Windows:
    """The last k elements before each of `places`, its own k or all if there are fewer, and itself."""
    cuts = [(place.row, max(0, place.at - k), place.at + 1) for place, k in zip(places, ks, strict=True)]
    x = model.symbols(pad([held.x[row][start:stop] for row, start, stop in cuts]))
    rows = sorted({place.row for place in places})  # each is encoded once
    own = to_given({name: value[rows] for name, value in held.given.items()}, model.device)
    number = torch.tensor([rows.index(place.row) for place in places], device=x.device)
    whole = model.condition(own, len(rows))
    context = replace(whole, field=None).select(number)
    if whole.field is not None:
        field = _cut(whole, number.tolist(), [(start, stop) for _, start, stop in cuts])
        context = replace(context, field=field, hop=1, offset=0)
    last = torch.tensor([stop - start - 1 for _, start, stop in cuts], device=x.device)
    return Windows(x, context, torch.arange(len(cuts), device=x.device), last)


def _cut(context: Context, numbers: Sequence[int], cuts: Sequence[tuple[int, int]]) -> Tensor:
    """Parts of the field, a column for every position, each of its own row; shorter ones are padded at the end."""
    assert context.field is not None
    longest, rows = max(stop - start for start, stop in cuts), list[Tensor]()
    for i, (start, stop) in zip(numbers, cuts, strict=True):
        own = Context(field=context.field[i : i + 1], hop=context.hop, offset=context.offset)
        columns = own.window(start, stop).columns(stop - start)
        rows.append(torch.nn.functional.pad(columns, (0, 0, 0, longest - columns.shape[1])))
    return torch.cat(rows)
