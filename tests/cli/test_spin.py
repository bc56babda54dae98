"""Threads of the commands: a short spin, and the faster number for evaluation."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from checkpoints import TINY, make
from seriatim.cli.common import _fastest
from seriatim.walks import threads

CODE = """
import os, sys
sys.argv = ["seriatim", "--version"]
from seriatim.cli import run
try:
    run()
except SystemExit:
    pass
print(os.environ.get("GOMP_SPINCOUNT"), "torch" in sys.modules)
"""


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [({}, "2000 False"), ({"GOMP_SPINCOUNT": "7"}, "7 False"), ({"OMP_WAIT_POLICY": "active"}, "None False")],
)
def test_the_spin_is_short_unless_the_user_chose_before_torch_is_loaded(chosen: dict[str, str], expected: str) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP", "GOMP"))}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env={**clean, **chosen}, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == expected


@pytest.mark.parametrize("conditions", [False, True])
@pytest.mark.parametrize("family", TINY)
def test_evaluation_uses_the_faster_number(family: str, conditions: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    monkeypatch.setattr(threads, "timed", lambda work, counts: (work(), dict(zip(counts, (2.0, 1.0), strict=True)))[1])
    try:
        _fastest(make(family, conditions))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
