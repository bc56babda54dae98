"""Number of CPU threads: on a busy machine two can take forty times as long as one over small matrices."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar

import torch

_LONG = 1.0  # seconds of work that need no second measurement
_CHOSEN: ContextVar[int] = ContextVar("chosen", default=1)


def choose(count: int) -> None:
    """Use this number of threads, also where one is usual."""
    torch.set_num_threads(count)
    _CHOSEN.set(count)


@contextmanager
def one_thread() -> Generator[None]:
    """Use one thread inside this context, or in a function decorated with it: a sampling step is soon done.

    Or as many as were chosen with `choose`.
    """
    before, count = torch.get_num_threads(), _CHOSEN.get()
    if count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def timed(work: Callable[[], object], counts: Iterable[int]) -> dict[int, float]:
    """{number of threads: seconds of `work`}; the number in use is as before afterwards."""
    before, found = torch.get_num_threads(), dict[int, float]()
    try:
        for count in counts:
            torch.set_num_threads(count)
            times: list[float] = []
            while len(times) < 3 and (not times or times[0] < _LONG):
                began = time.perf_counter()
                work()
                times.append(time.perf_counter() - began)
            found[count] = min(times)  # the first is slow where it is short
    finally:
        torch.set_num_threads(before)
    return found
