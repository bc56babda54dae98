"""Sound as it is drawn, block by block in the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seriatim.audio.arrangement import Arrangement
from seriatim.context import Context
from seriatim.models import Model
from seriatim.walks.backend import Backend
from seriatim.walks.draws import Draws
from seriatim.walks.steer import Steer
from seriatim.walks.threads import one_thread

_TIMES = 4096  # positions whose times are looked up at a time


@final
class Stream:
    """The samples of several recordings after a common beginning, drawn only as they are asked for.

    A model whose order is not that of time draws some samples ahead; they wait for those before them. Of a prompt, what
    the model visits before its first own sample is read as one chunk; what it visits later is forced.

    Args:
        model: of audio.
        context: the conditions, a row for each recording.
        seeds: (n,) one per recording.
        steer: temperature and filters.
        prompt: (T[, P]) symbols of the beginning.
        length: samples in total, the prompt included.
        backend: what carries out the steps.
    """

    def __init__(
        self,
        model: Model,
        context: Context,
        seeds: Tensor,
        steer: Steer,
        prompt: NDArray[np.int64] | None,
        length: int,
        backend: Backend = "auto",
    ) -> None:
        self.schedule, self.length, rows = Arrangement.of(model).schedule, length, len(seeds)
        self.begun = 0 if prompt is None else len(prompt)
        order = self.schedule.segment(0, self.begun, length)
        late = np.flatnonzero(order >= self.begun)
        self.place = int(late[0]) if len(late) else self.begun
        self.known: Tensor | None = None
        with one_thread(), torch.inference_mode():
            together = steer.plain
            walk = model.walk(rows, context, length, steer.guidance, backend=backend, together=together)
            read = None
            if prompt is not None and self.begun:
                self.known = torch.from_numpy(prompt).to(model.device)[None].expand(rows, *prompt.shape)
                if self.place:
                    read = self.known[:, torch.from_numpy(order[: self.place]).to(model.device)]
                    walk.feed(read)
            self.draws = Draws(walk, model.head, seeds, steer, read)
        self.waiting = dict[int, Tensor]()  # drawn ahead of their time

    def blocks(self, size: int) -> Iterator[NDArray[np.int64]]:
        """(n, size[, P]) symbols at a time, the last block maybe shorter."""
        for first in range(self.begun, self.length, size):
            stop = min(first + size, self.length)
            with one_thread(), torch.inference_mode():
                drawn = self._in_order(first, stop) if self.schedule.factor > 1 else self.draws.run(stop - first)
                drawn = drawn.cpu().numpy()
            yield drawn

    def _in_order(self, first: int, stop: int) -> Tensor:
        """Samples of a model whose order is not that of time."""
        row: list[Tensor] = []
        for time in range(first, stop):
            while time not in self.waiting:
                self._position()
            row.append(self.waiting.pop(time))
        return torch.stack(row, 1)

    def _position(self) -> None:
        """The next position: of the prompt, or drawn."""
        time = self._time()
        self.place += 1
        if time < self.begun:
            assert self.known is not None
            self.draws.force(self.known[:, time])
        else:
            self.waiting[time] = self.draws.position()

    _times: tuple[int, list[int]] = (0, [])

    def _time(self) -> int:
        if self.schedule.factor == 1:
            return self.place
        first, times = self._times
        if not first <= self.place < first + len(times):
            stop = min(self.place + _TIMES, self.length)
            times = cast("list[int]", self.schedule.segment(self.place, stop, self.length).tolist())
            first, self._times = self.place, (self.place, times)
        return times[self.place - first]
