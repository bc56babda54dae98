"""What the benchmarks share: contestants take turns, so that what disturbs one disturbs all; the best turn counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch


def fastest(
    contestants: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.process_time
) -> dict[str, float]:
    """Seconds of each, the least of so many rounds after one to warm up; of the processor unless `clock` says else."""
    best = dict.fromkeys(contestants, float("inf"))
    for turn in range(rounds + 1):
        for name, work in contestants.items():
            start = clock()
            work()
            if turn:
                best[name] = min(best[name], clock() - start)
    return best


def alone(work: Callable[[], object], rounds: int, clock: Callable[[], float] = time.process_time) -> float:
    """Likewise, of one that has nobody to take turns with."""
    return fastest({"": work}, rounds, clock)[""]


def bandwidth(clock: Callable[[], float] = time.process_time) -> float:
    """Bytes a second at which weights can be read: the faster of a sum and a row times a matrix, over 128 MiB."""
    matrices, x = [torch.randn(512, 2048) for _ in range(32)], torch.randn(1, 512)
    size = sum(m.numel() * m.element_size() for m in matrices)
    ways = {"sum": lambda: [m.sum() for m in matrices], "product": lambda: [torch.mm(x, m) for m in matrices]}
    return size / min(fastest(ways, 10, clock).values())
