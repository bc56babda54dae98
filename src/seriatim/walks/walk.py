"""A walk is a batch of sequences in progress: it gives the distribution of the next symbol and takes the symbol.

Sampling, scoring, forcing, completion, search and coding are walks that choose the symbol in different ways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, Protocol, cast, runtime_checkable

import torch
from torch import Tensor

from seriatim import tree
from seriatim.context import EMPTY, Context
from seriatim.heads import Categorical, Discrete, Dist, Event, Head
from seriatim.tree import State
from seriatim.walks.threads import one_thread

_Arguments = ParamSpec("_Arguments")


def drawing(function: Callable[_Arguments, Tensor]) -> Callable[_Arguments, Tensor]:
    """Run on one thread under inference mode, which saves a fifth of a small step, and return an ordinary tensor."""

    @wraps(function)
    def drawn(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> Tensor:
        with one_thread(), torch.inference_mode():
            x = function(*args, **kwargs)
        return x.clone()

    return drawn


class Carry(NamedTuple):
    """The position in a sequence: its last symbol (or event) and the state before that symbol was read."""

    prev: Tensor
    state: State


@runtime_checkable
class Stepper(Protocol):
    """Anything that can be walked: a model, or its weights folded and fused for sampling.

    Example:
        >>> from seriatim.models import LSTM, RecurrentConfig
        >>> model = LSTM(RecurrentConfig(symbols=4, width=8))
        >>> isinstance(model, Stepper), isinstance(model.packed(), Stepper)
        (True, True)
    """

    head: Head
    carries: bool  # whether `read` is supported; grids only step
    backend: str  # "eager" or "native"

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        """The state before the first symbol."""
        ...

    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) or (B, P), ignored at clock 0 -> parameters of the next position (B, width)."""
        ...

    def read(self, x: Tensor, context: Context, carry: Carry) -> tuple[Tensor, Carry]:
        """Several positions at once -> their parameters, and the carry after them."""
        ...


class Walk:
    """A batch of sequences in progress, symbol by symbol (positions × parts as one stream of scalars).

    Args:
        stepper: a model, or the result of its `packed()`.
        batch: number of rows. They share one clock; a row that has ended leaves by `select`.
        context: the conditions.
        length: number of positions, if known.

    Example:
        >>> from seriatim.models import LSTM, RecurrentConfig
        >>> walk = Walk(LSTM(RecurrentConfig(symbols=4, width=8)), batch=2)
        >>> walk.push(torch.tensor([3, 1]))  # a known symbol of each row
        >>> walk.push(walk.dist.sample())
        >>> other = walk.fork()
        >>> walk.push(torch.tensor([0, 0]))
        >>> walk.clock, other.clock
        (3, 2)
    """

    def __init__(self, stepper: Stepper, batch: int, context: Context = EMPTY, length: int | None = None) -> None:
        self.stepper, self.batch, self.context, self.length = stepper, batch, context, length
        self.clock = 0  # positions finished
        with torch.inference_mode():
            self._state = stepper.start(batch, context, length)
        self._prev: Tensor | None = None  # the last finished position
        self._parameters: Tensor | None = None  # of the current position, once asked for
        self._part: list[Tensor] = []  # symbols of the current position

    @property
    @torch.no_grad()  # a head may have weights
    def dist(self) -> Dist:
        """The distribution of the next symbol of each row. Asking twice steps once."""
        dist = self._whole()
        if isinstance(dist, Event):
            assert self._parameters is not None
            none = self.stepper.head.blank(self.batch, 0, like=self._parameters)
            return dist.given(len(self._part), torch.stack(self._part, -1) if self._part else none)
        return dist

    @property
    def whole(self) -> Dist | Event:
        """The distribution of the whole current position, all its symbols together."""
        return self._whole()

    @torch.no_grad()
    def _whole(self) -> Dist | Event:
        if self._parameters is None:
            if self.length is not None and self.clock >= self.length:
                raise ValueError(f"the walk has reached its length of {self.length} positions")
            with torch.inference_mode():
                self._parameters, self._state = self.stepper.step(self._last(), self._state)
        return self.stepper.head(self._parameters)

    def take(self, x: Tensor) -> None:
        """Take a whole position (B,) or (B, P) of every row.

        Raises:
            ValueError: in the middle of a position.
        """
        if self._part:
            raise ValueError("a position is half finished; push its remaining symbols one by one")
        if self._parameters is None:
            _ = self.whole  # step before taking the position
        self._prev, self._parameters = x, None
        self.clock += 1

    def push(self, x: Tensor) -> None:
        """Take the next symbol (B,) of every row."""
        if self._parameters is None:
            _ = self._whole()  # step before taking the symbol
            assert self._parameters is not None
        # a category next to a density is held in the float type
        self._part.append(x.to(self._parameters.dtype) if self.stepper.head.real else x)
        parts = self.stepper.head.parts
        if len(self._part) == parts:
            self._prev = self._part[0] if parts == 1 else torch.stack(self._part, -1)
            self._part, self._parameters = [], None
            self.clock += 1

    def feed(self, x: Tensor) -> Tensor:
        """Read whole positions x (B, T) or (B, T, P) as one chunk; returns their parameters (B, T, width).

        Raises:
            ValueError: in the middle of a position, or beyond the walk's length.
        """
        count = x.shape[1]
        if self._part:
            raise ValueError("a position is half finished; feed takes whole positions")
        if self.length is not None and self.clock + count > self.length:
            raise ValueError(f"{self.clock} + {count} positions in a walk of {self.length}")
        if self._parameters is None and self._prev is not None and count and self.stepper.carries:
            return self._read(x, self._prev)
        if self.clock == 0 and self._parameters is None and count and self.stepper.carries:
            return self._read(x, torch.zeros_like(x[:, 0]))
        rows: list[Tensor] = []
        for t in range(count):
            _ = self._whole()
            assert self._parameters is not None
            rows.append(self._parameters)
            for symbol in x[:, t].unbind(-1) if self.stepper.head.parts > 1 else [x[:, t]]:
                Walk.push(self, symbol)  # not self.push: a subclass has already transformed x
        return torch.stack(rows, 1) if rows else torch.zeros(self.batch, 0, self.stepper.head.width)

    @property
    def runs(self) -> bool:
        """Whether `run` is possible now: the stepper draws by itself, and no position has been begun."""
        return self.stepper.backend == "native" and self._parameters is None and not self._part

    def run(self, noise: Tensor, heat: float = 1.0) -> Tensor:
        """Draw positions in one call of a stepper that can: see `seriatim.walks.backend.Runner`.

        Args:
            noise: (B, T, P) float64 uniforms, one per symbol.
            heat: temperature.

        Returns:
            (B, T) or (B, T, P).

        Raises:
            ValueError: if the walk cannot (see `runs`), for noise of another shape, and beyond the walk's length.
        """
        count, prev, parts = noise.shape[1], self._last(), self.stepper.head.parts
        if not self.runs:
            raise ValueError("this walk cannot run: its steps are eager or guided, or a position has been begun")
        if noise.shape != (self.batch, count, parts):
            raise ValueError(f"noise has shape {tuple(noise.shape)}; expected ({self.batch}, positions, {parts})")
        if self.length is not None and self.clock + count > self.length:
            raise ValueError(f"{self.clock} + {count} positions in a walk of {self.length}")
        if not noise.numel():
            return prev.new_zeros(self.batch, count, *prev.shape[1:])
        with torch.inference_mode():
            x, self._state = cast(Any, self.stepper).run(prev, self._state, noise, heat)
        self._prev = x[:, -1]
        self.clock += count
        return x

    def select(self, rows: Tensor, fixed: bool | Tensor = True) -> None:
        """Keep the given rows, in that order, repeats allowed: beams, particles, rows that leave.

        Args:
            rows: indices.
            fixed: which rows of the conditions to keep: True for the same ones; a tensor for others, where several rows
                share one; False for all.
        """
        self._state = tree.select(self._state, rows, fixed)
        if fixed is not False:
            self.context = self.context.select(rows if fixed is True else fixed)
        self.batch = len(rows)
        self._prev = None if self._prev is None else self._prev[rows]
        self._parameters = None if self._parameters is None else self._parameters.index_select(0, rows)
        self._part = [part[rows] for part in self._part]

    def fork(self) -> Walk:
        """A second walk from here; the two are independent."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._state = tree.fork(self._state)
        other._part = list(self._part)
        return other

    @torch.inference_mode()
    def _read(self, x: Tensor, prev: Tensor) -> Tensor:
        context = self.context.window(self.clock, self.clock + x.shape[1])
        parameters, carry = self.stepper.read(x, context, Carry(prev, self._state))
        self._prev, self._state = carry
        self.clock += x.shape[1]
        return parameters

    def _last(self) -> Tensor:
        """The last finished position; before the first, anything of its shape."""
        if self._prev is not None:
            return self._prev
        head = self.stepper.head
        shape = (self.batch,) if head.parts == 1 else (self.batch, head.parts)
        return head.blank(*shape, like=self._floats())

    def _floats(self) -> Tensor:
        """A floating tensor of the state, for its type and device."""
        tensors = tree.leaves(self._state)
        device = tensors[0].device if tensors else None
        return next((each for each in tensors if each.is_floating_point()), torch.empty(0, device=device))


class Guided(Walk):
    """A walk that follows the condition more than the model does (classifier-free guidance).

    log p is taken as strength · log p(x_t | x_<t, c) + (1 − strength) · log p(x_t | x_<t), normalised; a strength above
    1 exaggerates the condition. Samples have no known likelihood: the steps do not multiply to a p(x | c).

    Reference: Ho and Salimans (2021), Classifier-free diffusion guidance, here applied to each symbol.

    Args:
        stepper: as for a `Walk`.
        batch: number of rows.
        context: the conditions.
        null: a context of the same shape with every condition missing.
        strength: 1 is the model itself.
        length: number of positions, if known.

    Example:
        >>> from seriatim.conditioning import LabelEncoder
        >>> from seriatim.models import LSTM, Conditional, RecurrentConfig
        >>> model = Conditional(LSTM(RecurrentConfig(symbols=4, width=8, vector=2)), {"genre": LabelEncoder(3, 2)})
        >>> given = model.condition({"genre": torch.tensor([1])}, 1)
        >>> plain = Walk(model.packed(), 1, given)
        >>> guided = Guided(model.packed(), 1, given, model.null(1), strength=1.0)  # 1 is the model itself
        >>> torch.allclose(guided.dist.log_table(), plain.dist.log_table(), atol=1e-6)
        True
    """

    def __init__(
        self,
        stepper: Stepper,
        batch: int,
        context: Context,
        null: Context,
        strength: float,
        length: int | None = None,
    ) -> None:
        super().__init__(stepper, 2 * batch, context.stacked(null), length)
        self.strength = strength

    @property
    def dist(self) -> Dist:
        """The guided distribution of the next symbol of each row."""
        dist = super().dist
        if not isinstance(dist, Discrete):
            raise ValueError(f"{type(dist).__name__} is a density; guidance needs probabilities of symbols")
        given, missing = dist.log_table().chunk(2)
        more = given - missing.clamp_min(-1e4)  # impossible without the condition: dominates, but finite
        return Categorical(torch.where(given == -torch.inf, given, given + (self.strength - 1) * more))

    @property
    def runs(self) -> bool:
        """No: two walks are contrasted at every symbol."""
        return False

    @property
    def whole(self) -> Dist | Event:
        """Not available: there is no guided distribution of several symbols at once.

        Raises:
            ValueError: always; go symbol by symbol.
        """
        raise ValueError("a guided walk goes symbol by symbol; use dist and push")

    def take(self, x: Tensor) -> None:  # noqa: ARG002
        """Not available, as `whole`."""
        raise ValueError("a guided walk goes symbol by symbol; use dist and push")

    def push(self, x: Tensor) -> None:
        """Take the next symbol (B,) of every row."""
        super().push(torch.cat([x, x]))

    def feed(self, x: Tensor) -> Tensor:
        """Read whole positions; returns the conditional parameters."""
        return super().feed(torch.cat([x, x]))[: len(x)]

    def select(self, rows: Tensor, fixed: bool | Tensor = True) -> None:
        """Keep the given rows, in that order."""
        super().select(torch.cat([rows, rows + self.batch // 2]), fixed)


def roll(walk: Walk, pick: Callable[[int, Dist], Tensor], symbols: int) -> Iterator[Tensor]:
    """Walk on by `symbols` symbols; `pick(index, distribution)` chooses each one (B,).

    Example:
        >>> from seriatim.models import LSTM, RecurrentConfig
        >>> walk = Walk(LSTM(RecurrentConfig(symbols=4, width=8)), batch=2)
        >>> torch.stack(list(roll(walk, lambda i, dist: dist.sample(), symbols=5)), 1).shape
        torch.Size([2, 5])
    """
    for i in range(symbols):
        x = pick(i, walk.dist)
        walk.push(x)
        yield x
