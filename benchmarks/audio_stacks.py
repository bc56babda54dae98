"""Where in a spoken digit two runs on counting lines differ: does a longer past help just after a digit begins?

    python benchmarks/audio_stacks.py RUN OTHER [--split test]

Bits per sample of both in the time since the digit began, and in the silence between; the standard error of the
difference is over lines. Also samples per second when drawing, which is what the longer past costs.
"""

from __future__ import annotations

import argparse
import math
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

import seriatim
from seriatim.audio.model import AudioModel
from seriatim.training.run import plan_of

EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, math.inf)  # seconds since a digit began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs=2)
    parser.add_argument("--split", default="test")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data: Any = plan_of(arguments.runs[0])[0].open()
    takes = data.splits[arguments.split]
    bits: list[list[np.ndarray[Any, Any]]] = []
    for run in arguments.runs:
        model = seriatim.load(run, "cpu")
        assert isinstance(model, AudioModel)
        bits.append([-x / math.log(2) for x in model.log_probs(takes.x, model.given_of(takes))])
        model.sample(0.02)
        start = time.process_time()
        model.sample(0.25)
        pace = 0.25 * model.rate / (time.process_time() - start)
        weights = sum(p.numel() for p in model.model.parameters())
        seen = f"{model.past:,} samples ({1e3 * model.past / model.rate:.0f} ms)"
        print(f"{run}: looks back over {seen}, {weights:,} weights, draws {pace:,.0f} samples/s")
    rate = data.rate
    names = [f"{1e3 * a:.0f} to {1e3 * b:.0f} ms of a digit" for a, b in pairwise(EDGES[:-1])]
    names += [f"beyond {1e3 * EDGES[-2]:.0f} ms", "silence", "all"]
    print(f"\n{len(takes.x)} lines, {takes.samples / rate:.0f} s; bits/sample")
    print("| | samples | first | second | first − second |\n|---|---:|---:|---:|---:|")
    for number, name in enumerate(names):
        totals, counts = np.zeros((2, len(takes.x))), np.zeros(len(takes.x))
        for i, marks in enumerate(takes.marks):
            kind = np.full(len(takes.x[i]), len(names) - 2)
            for begin, end in marks:
                since = np.arange(end - begin) / rate
                kind[begin:end] = np.searchsorted(EDGES, since, side="right") - 1
            chosen = np.ones(len(kind), bool) if name == "all" else kind == number
            counts[i] = chosen.sum()
            totals[:, i] = [run[i][chosen].sum() for run in bits]
        means = totals.sum(1) / counts.sum()
        away = totals[0] - totals[1] - (means[0] - means[1]) * counts
        error = math.sqrt((away**2).sum() * len(away) / (len(away) - 1)) / counts.sum()
        difference = f"{means[0] - means[1]:+.4f} ± {error:.4f}"
        print(f"| {name} | {counts.sum():,.0f} | {means[0]:.4f} | {means[1]:.4f} | {difference} |")


if __name__ == "__main__":
    main()
