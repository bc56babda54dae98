"""The number of threads is measured, measured again when steps become slow, and given back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from seriatim.training import pace
from seriatim.training.pace import Pace
from seriatim.training.run import Means, start
from seriatim.walks import threads
from tiny_text import plan, text_file


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch):
    """A machine of two cores, on which work takes as long as `cost` says."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    clock, cost = [0.0], {1: 3.0, 2: 2.0}

    class Clock:
        @staticmethod
        def perf_counter() -> float:
            return clock[0]

    def work() -> None:
        clock[0] += cost[torch.get_num_threads()]

    monkeypatch.setattr(threads, "time", Clock)
    monkeypatch.setattr(pace, "time", Clock)
    yield work, cost, clock
    torch.set_num_threads(before)


def test_the_faster_number_is_used_and_the_callers_comes_back(two) -> None:
    work, cost, _ = two
    said: list[str] = []
    with Pace(work, said.append, 100):
        assert torch.get_num_threads() == 2
    cost[2] = 30.0
    with Pace(work, said.append, 100):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    assert said == [
        "a step takes 2 s with 2 threads, 3 s with 1 thread: training with 2 threads; --threads N chooses",
        "a step takes 30 s with 2 threads, 3 s with 1 thread: training with 1 thread; --threads N chooses",
    ]


def test_slow_steps_are_measured_again_but_not_at_once_and_not_for_a_few(two) -> None:
    work, cost, clock = two
    said: list[str] = []
    with Pace(work, said.append, 100) as chosen:
        for _ in range(20):
            chosen.after(2.0)
        cost[2] = 50.0  # a neighbour comes
        for _ in range(9):
            chosen.after(50.0)
        assert torch.get_num_threads() == 2
        chosen.after(50.0)  # the tenth in a row, but measured a moment ago
        assert torch.get_num_threads() == 2
        clock[0] += 61.0
        chosen.after(50.0)
        assert torch.get_num_threads() == 1
    assert len(said) == 2


def test_few_steps_and_a_single_thread_are_not_measured(two) -> None:
    work, _, clock = two
    with Pace(work, lambda line: None, 49):
        pass
    torch.set_num_threads(1)
    with Pace(work, lambda line: None, 1000):
        pass
    assert clock[0] == 0.0


def test_short_work_is_timed_three_times_and_long_work_once(two) -> None:
    work, cost, _ = two
    calls: list[int] = []

    def counted() -> None:
        calls.append(torch.get_num_threads())
        work()

    cost.update({1: 0.5, 2: 4.0})
    assert threads.timed(counted, (2, 1)) == {2: 4.0, 1: 0.5}
    assert calls == [2, 1, 1, 1]


def test_a_measurement_changes_nothing_of_a_run(tmp_path: Path) -> None:
    text, before = text_file(tmp_path), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        chosen = plan(text, "lstm", steps=55, batch=2, evaluate_every=50)
        measured = start(chosen, tmp_path / "measured", Means(quiet=True))
        assert torch.get_num_threads() == 2
        fixed = start(chosen, tmp_path / "fixed", Means(quiet=True, fixed_threads=True))
    finally:
        torch.set_num_threads(before)
    for one, other in zip(measured.model.parameters(), fixed.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)  # sums in another order
