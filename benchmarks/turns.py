"""What the benchmarks share: contestants take turns, so that what disturbs one disturbs all; the best turn counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


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
