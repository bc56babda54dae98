"""The way of one batch from `train()` to its first loss: through its own wing, and of the others only their records."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

RECORD = {"", ".holding", ".languages", ".options"}
WINGS = ("text", "image", "audio")
SIZES = {
    "text": {"width": 16, "layers": 1, "heads": 2, "context": 16},
    "image": {"filters": 8, "layers": 2, "first": 3},
    "audio": {"dilations": 3, "cycles": 1},
}
SCRIPT = """
import json, sys
import seriatim
data, net, out = sys.argv[1:]
seriatim.train(data, net=json.loads(net), out=out, steps=1, batch=2, samples=0, device="cpu", quiet=True)
print(json.dumps([name for name in sys.modules if name.startswith("seriatim.")]))
"""


def data_of(kind: str, place: Path) -> Path:
    random = np.random.default_rng(0)
    if kind == "text":
        (place / "novel.txt").write_text("the cat sat on the mat and saw him. " * 100)
        return place / "novel.txt"
    for i in range(30):
        if kind == "image":
            Image.fromarray(random.integers(0, 256, (6, 5), dtype=np.uint8)).save(place / f"{i}.png")
        else:
            soundfile.write(place / f"{i}.wav", random.integers(-2000, 2000, 600).astype(np.int16), 8000)
    return place


@pytest.mark.parametrize("kind", WINGS)
def test_a_batch_passes_its_own_wing_alone(kind: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    words = [sys.executable, "-c", SCRIPT, str(data_of(kind, tmp_path / "data")), json.dumps(SIZES[kind])]
    said = subprocess.run([*words, str(tmp_path / "run")], capture_output=True, text=True, check=True)
    loaded = json.loads(said.stdout.splitlines()[-1])
    for other in set(WINGS) - {kind}:
        of_it = {
            name.removeprefix(f"seriatim.{other}") for name in loaded if f"{name}.".startswith(f"seriatim.{other}.")
        }
        assert of_it <= RECORD, f"{kind} loads {of_it - RECORD} of {other}"
    assert f"seriatim.{kind}.task" in loaded
