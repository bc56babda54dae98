"""Drawing one position after another: the core of sampling from any model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast, final

import torch
from torch import Tensor

from seriatim.heads import Event, Head
from seriatim.walks.noise import Noise
from seriatim.walks.steer import Steer, Tally
from seriatim.walks.walk import Walk

ROWS = 256
"""Rows that are drawn together on the CPU: more need more memory, and gain hardly any time."""

TOGETHER = 160
"""Symbols of each row that a native stepper draws in one call: 10 ms of sound at 16 kHz."""

_PARALLEL = 8  # times as many on a device that works on them side by side


def portions(n: int, device: torch.device, each: int = 1) -> Iterator[slice]:
    """n rows in portions to be drawn one after another, so that memory does not grow with n.

    A row follows from its own seed, so that the portions together are what all rows at once would be.

    Args:
        n: how many.
        device: where they are drawn.
        each: rows of a walk that each of them takes.

    Example:
        >>> list(portions(600, torch.device("cpu")))
        [slice(0, 256, None), slice(256, 512, None), slice(512, 600, None)]
    """
    size = max(1, ROWS * (1 if device.type == "cpu" else _PARALLEL) // each)
    return (slice(first, min(first + size, n)) for first in range(0, n, size))


def runs(walk: Walk, steer: Steer | None) -> bool:
    """Whether many positions may be drawn in one call: by compiled steps, steered by nothing that they do not know."""
    if not walk.runs or steer is None or steer.neutral:
        return walk.runs
    return cast(Any, walk.stepper).heats and steer.plain


@final
class Draws:
    """Draws the positions of a walk in turn, each row from its own seed.

    Args:
        walk: of n rows; at its start, or after reading the prompt.
        head: the model's head.
        seeds: (n,) one per row.
        steer: temperature and filters. Default: none, the model's own distribution.
        prompt: (n, T[, P]) positions that the walk has read.
    """

    def __init__(
        self, walk: Walk, head: Head, seeds: Tensor, steer: Steer | None = None, prompt: Tensor | None = None
    ) -> None:
        self.walk, self.parts = walk, head.parts
        self.steer = None if steer is None or steer.neutral else steer
        if self.steer is not None:
            self.steer.check(head)
        self.noise, self.tally = Noise(seeds), Tally(self.steer, head, len(seeds), seeds.device)
        self.symbols = 0 if prompt is None else prompt.shape[1] * self.parts  # known or drawn so far
        if prompt is not None:
            self.tally.add(prompt)

    def position(self) -> Tensor:
        """The next position (n,) or (n, P); all parts at once if they may be drawn together."""
        if self.steer is None and self.parts > 1 and (whole := cast(Event, self.walk.whole)).noise == 1:
            x = whole.draw(self.noise.run(self.symbols, self.parts))
            self.walk.take(x)
            self.symbols += self.parts
            return x
        drawn = [self._symbol() for _ in range(self.parts)]
        return drawn[0] if self.parts == 1 else torch.stack(drawn, 1)  # in a float type if one of them is

    @property
    def together(self) -> int:
        """Positions that `run` draws in one call: many from a native stepper, else 1."""
        return max(1, TOGETHER // self.parts) if runs(self.walk, self.steer) else 1

    def run(self, count: int) -> Tensor:
        """The next positions (n, count) or (n, count, P)."""
        most, drawn = self.together, list[Tensor]()
        if count == 0:
            parts = () if self.parts == 1 else (self.parts,)
            return self.walk.stepper.head.blank(self.walk.batch, 0, *parts, like=torch.empty(0))
        if most == 1:
            return torch.stack([self.position() for _ in range(count)], 1)
        for first in range(0, count, most):
            now = min(most, count - first)
            noise = self.noise.run(self.symbols, now * self.parts).view(-1, now, self.parts)
            drawn.append(self.walk.run(noise, 1.0 if self.steer is None else self.steer.temperature))
            self.symbols += now * self.parts
        return torch.cat(drawn, 1)

    def force(self, x: Tensor) -> None:
        """The next position is known: x (n,) or (n, P)."""
        for part in [x] if self.parts == 1 else x.unbind(-1):
            self.tally.add(part)
            self.walk.push(part)
            self.symbols += 1

    def select(self, rows: Tensor) -> None:
        """Keep the given rows, as where others have ended."""
        self.walk.select(rows)
        self.noise.select(rows)
        self.tally.select(rows)

    def _symbol(self) -> Tensor:
        dist = self.walk.dist
        if self.steer is not None:
            dist = self.steer.of(dist, self.tally.counts)
        x = dist.draw(self.noise(self.symbols, dist.noise))
        self.tally.add(x)
        self.walk.push(x)
        self.symbols += 1
        return x
