"""Steps of models whose sub-pixels go through raster convolutions one after another: eager, and compiled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seriatim.heads import Head
from seriatim.models.compiled import array, check_rows, flat, mixture_of
from seriatim.models.grid import GridStepper, Place, place, row_of, scaled
from seriatim.raster.grid import Lane, Memory
from seriatim.tree import Fixed, State

Line = tuple[str, int, int, int]
"""An operation of `seriatim.kernels.native.pixels`, its convolution, and the registers it reads and writes."""


def convolve(lane: int, of: int, to: int) -> list[Line]:
    """The lines of a convolution that reads one register and writes another."""
    return [("PUT", lane, of, 0), ("READ", lane, 0, to)]


@final
class Chain:
    """The sub-pixels of a row, each through a program of convolutions, and their draws: one compiled call.

    Args:
        lanes: the convolutions; the first one reads the levels.
        program: its lines; the head's parameters are left in register 0.
        head: of the model.
        levels: of a sub-pixel.
        width: pixels of a row.
    """

    def __init__(self, lanes: Sequence[Lane], program: Sequence[Line], head: Head, levels: int, width: int) -> None:
        from seriatim.kernels.native import pixels  # imports numba

        self._kernels, self._levels, self._width = pixels, levels, width
        colours = len(lanes[0].out)
        taps = [tap for lane in lanes for tap in lane.taps]
        sizes = np.array([tap.numel() for tap in taps])
        self._weights = pixels.Weights(
            program=np.array([(getattr(pixels, name), *rest) for name, *rest in program]),
            taps=array(torch.cat([tap.reshape(-1) for tap in taps])),
            at=(sizes.cumsum() - sizes).reshape(len(lanes), colours),
            sides=np.array([lane.side for lane in lanes]),
            into=np.array([[0, *[end for _, end in lane.into]] for lane in lanes]),
            out=np.array([[0, *[end for _, end in lane.out]] for lane in lanes]),
        )
        self._mixture, self.heats = mixture_of(head, levels)
        self._widest = max(int(np.diff(bounds).max()) for bounds in (self._weights.into, self._weights.out))
        self._longest = int(((self._weights.sides + 1) * self._weights.into[:, -1]).max())

    def step(self, memories: Sequence[Memory], start: int) -> tuple[Tensor, list[Memory]]:
        """The head's parameters (B, ·) of sub-pixel `start` of the row."""
        pictures = len(memories[0].row)
        none = np.empty((pictures, 0))
        registers, after, width = self._run(memories, start, none, 1.0, none.astype(np.int64))
        return torch.from_numpy(registers[0, : pictures * width]).view(pictures, width), after

    def draw(self, memories: Sequence[Memory], start: int, noise: Tensor, heat: float) -> tuple[Tensor, list[Memory]]:
        """As many sub-pixels from `start` on as noise (B, n) has numbers for; the last is not in the row yet."""
        out = np.empty(tuple(noise.shape), np.int64)
        _, after, _ = self._run(memories, start, array(noise), heat, out)
        return torch.from_numpy(out), after

    def _run(
        self, memories: Sequence[Memory], start: int, noise: NDArray[Any], heat: float, out: NDArray[Any]
    ) -> tuple[NDArray[Any], list[Memory], int]:
        pictures = len(memories[0].row)
        for each in memories:
            check_rows(pictures, len(each.base))
        rows, bases = flat([each.row for each in memories]), flat([each.base for each in memories])
        row_sizes, base_sizes = ([x.numel() for x in each] for each in zip(*[m[1:] for m in memories], strict=True))
        past = self._kernels.Past(
            rows=rows.detach().numpy(),
            of_rows=np.cumsum([0, *row_sizes[:-1]]),
            bases=bases.detach().numpy(),
            of_bases=np.cumsum([0, *base_sizes[:-1]]),
            columns=np.array([each.base.shape[1] for each in memories]),
            width=self._width,
        )
        real = self._weights.taps.dtype
        room = self._kernels.Room(
            np.empty((3, pictures * self._widest), real), np.empty(pictures * self._longest, real)
        )
        width = self._kernels.run(
            *(self._weights, past, start, self._levels, room, noise, float(heat), self._mixture, out)
        )
        parts = zip(memories, rows.split(row_sizes), bases.split(base_sizes), strict=True)
        after = [Memory(each.past, row.view_as(each.row), base.view_as(each.base)) for each, row, base in parts]
        return room.registers, after, width


class RasterState(NamedTuple):
    """A batch of pictures in progress: sub-pixels drawn, the convolutions' states, and what conditions add."""

    clock: int
    memories: tuple[Memory, ...]
    looks: Fixed


class RowStepper(GridStepper, ABC):
    """What steppers share that go through a row sub-pixel by sub-pixel.

    Attributes:
        config: of the model.
        lanes: the convolutions; the first one reads the levels.
        dtype: of the weights.
    """

    config: Any
    lanes: list[Lane]
    dtype: torch.dtype

    @abstractmethod
    def next_row(self, state: Any, row: int) -> Any:
        """Begin a row: what the finished ones add to it."""

    def keep(self, state: Any, start: int, values: Tensor) -> None:
        """Values (B, n) have been drawn from sub-pixel `start` of the row on. Default: the convolutions know."""

    @final
    def enter(self, prev: Tensor, state: Any) -> tuple[Place, Any]:
        """Put the last level into its place; at the end of a row, begin the next one."""
        colours = self.config.channels
        at = place(state.clock, self.config.width, colours)
        if state.clock:
            last = place(state.clock - 1, self.config.width, colours)
            value = scaled(prev, self.config.levels, self.dtype)[:, None]
            self.lanes[0].put(value, state.memories[0], last.column, last.colour)
            self.keep(state, last.column * colours + last.colour, value)
        return at, self.next_row(state, at.row) if at.begins else state


class RasterStepper(RowStepper):
    """What steppers share whose rows need nothing but their convolutions' own `above`."""

    @abstractmethod
    def looks(self, nest: State) -> list[Tensor | None]:
        """What conditions add to each convolution."""

    def begin(self, batch: int, nest: State) -> RasterState:
        """An empty picture, given what conditions add."""
        lanes = zip(self.lanes, self.looks(nest), strict=True)
        memories = [lane.start(batch, self.config.width, row_of(look, 0)) for lane, look in lanes]
        return RasterState(0, tuple(memories), Fixed(nest))

    def next_row(self, state: Any, row: int) -> Any:
        """The convolutions' own kernels over the rows above."""
        lanes = zip(self.lanes, state.memories, self.looks(state.looks.nest), strict=True)
        return state._replace(memories=tuple(lane.above(memory, row_of(look, row)) for lane, memory, look in lanes))


class CompiledRows(RowStepper):
    """Mixed into a stepper: the sub-pixels of a row, with their draws, in one compiled call."""

    backend = "native"
    chain: Chain

    @property
    def heats(self) -> bool:
        """Whether it knows temperatures."""
        return self.chain.heats

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) -> the head's parameters (B, ·)."""
        at, state = self.enter(prev, state)
        parameters, memories = self.chain.step(state.memories, at.column * self.config.channels + at.colour)
        return parameters, state._replace(clock=state.clock + 1, memories=tuple(memories))

    @torch.no_grad()
    def run(self, prev: Tensor, state: State, noise: Tensor, heat: float) -> tuple[Tensor, State]:
        """As many sub-pixels as noise (B, T, 1) has numbers for, a row at a time."""
        drawn, done, size = list[Tensor](), 0, self.config.width * self.config.channels
        while done < noise.shape[1]:
            at, state = self.enter(prev, state)
            start = at.column * self.config.channels + at.colour
            count = min(noise.shape[1] - done, size - start)
            x, memories = self.chain.draw(state.memories, start, noise[:, done : done + count, 0], heat)
            self.keep(state, start, scaled(x[:, :-1], self.config.levels, self.dtype))
            state = state._replace(clock=state.clock + count, memories=tuple(memories))
            prev, done = x[:, -1], done + count
            drawn.append(x)
        return torch.cat(drawn, 1), state
