"""Threads: one while samples are drawn, and as before afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from seriatim.image.task import ImageTask
from seriatim.training.run import Means, start
from seriatim.walks.threads import one_thread
from tiny_pictures import folder_of, plan

QUIET = Means(quiet=True)


def test_samples_of_a_run_under_way_are_drawn_by_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, seen = torch.get_num_threads(), list[int]()
    torch.set_num_threads(2)
    try:
        monkeypatch.setattr(ImageTask, "show", lambda *_: seen.append(torch.get_num_threads()))
        start(plan(folder_of(tmp_path), steps=2, evaluate_every=1), tmp_path / "run", QUIET)
        assert seen == [1, 1]
        assert torch.get_num_threads() == 2
        with pytest.raises(ZeroDivisionError), one_thread():
            _ = 1 / 0
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
