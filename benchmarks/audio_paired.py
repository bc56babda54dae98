"""How much lower is one run than another, recording by recording?

    OMP_NUM_THREADS=1 python benchmarks/audio_paired.py RUN OTHER OTHER … [--split test]

For each other run: its bits/sample minus those of the first on the same recordings, each given what the run is
conditioned on; the standard error is over recordings, each with the weight of its samples; and in how many it is lower.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import seriatim
from seriatim.audio.model import AudioModel
from seriatim.training.run import plan_of


def bits(run: Path, split: str) -> NDArray[np.float64]:
    """(N, 2): bits and samples of each recording."""
    data: Any = plan_of(run)[0].open()
    takes, model = data.splits[split], seriatim.load(run, "cpu")
    assert isinstance(model, AudioModel)
    found = model.log_probs(takes.x, model.given_of(takes))
    return np.array([[-each.sum() / math.log(2), len(each)] for each in found])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--split", default="test")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    first = bits(asked.runs[0], asked.split)
    print("| | bits/sample | minus the first | lower in |\n|---|---:|---:|---:|")
    for run in asked.runs:
        own = first if run == asked.runs[0] else bits(run, asked.split)
        assert np.array_equal(own[:, 1], first[:, 1]), f"{run} has other recordings than {asked.runs[0]}"
        more, samples = own[:, 0] - first[:, 0], own[:, 1]
        mean = more.sum() / samples.sum()
        error = math.sqrt(((more - mean * samples) ** 2).sum()) / samples.sum()
        share = 100 * np.mean(more < 0)
        print(
            f"| {run} | {own[:, 0].sum() / samples.sum():.4f} | {mean:+.4f} ± {error:.4f} | {share:.0f} % |", flush=True
        )


if __name__ == "__main__":
    main()
