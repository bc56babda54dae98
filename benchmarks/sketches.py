"""Drawings: the lengths that are drawn against those of the test split, and sheets to look at.

    python benchmarks/sketches.py RUN [RUN …] --out sheets

Trains nothing: RUN is a run of `seriatim train kanji` or omniglot (docs/results.md has the commands). For each run:
nats per step and per drawing on the official test split, the mean and quantiles of the number of points of the test
drawings and of as many samples, the two-sample Kolmogorov-Smirnov distance with its p-value, how many samples had not
ended by themselves, and the time to draw them on one thread.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from scipy.stats import ks_2samp

import seriatim
from seriatim.cli.common import training_data
from seriatim.trajectory.model import TrajectoryModel
from seriatim.trajectory.writing import save

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def report(run: Path, out: Path) -> None:
    model = seriatim.load(run, "cpu")
    assert isinstance(model, TrajectoryModel)
    name, data = training_data(run)
    test = data.splits["test"]
    figures = model.evaluate(test)
    error = figures.nats_per_step * figures.relative_error
    print(f"{run}: {name}, {figures.trajectories:,} test drawings")
    print(f"  nats/step {figures.nats_per_step:.4f} ± {error:.4f}, nats/drawing {figures.nats_per_trajectory:.2f}")
    given = {} if test.labels is None else {"label": list(test.labels)}
    start = time.process_time()
    drawn = model.draw(len(test.x), given, seed=0)
    spent = time.process_time() - start
    real, ours = (np.array([len(x) for x in each]) for each in (test.x, drawn.points))
    for words, lengths in (("real", real), ("drawn", ours)):
        levels = " ".join(f"{int(level)}" for level in np.quantile(lengths, LEVELS))
        print(f"  {words:6s} mean {lengths.mean():.2f} points, quantiles (5, 25, 50, 75, 95 %) {levels}")
    found = ks_2samp(real, ours)
    print(f"  KS distance {found.statistic:.4f}, p {found.pvalue:.3f}; not ended: {drawn.ended.count(False)}")
    print(f"  {len(ours):,} drawings in {spent:.1f} s of CPU time")
    for temperature in (1.0, 0.5):
        path = out / f"{run.name}-{temperature:g}.png"
        own = {key: value[:48] for key, value in given.items()}
        some = model.sample(48, given=own, seed=1, temperature=temperature)
        save(some, path, model.codec.channels, columns=12)
        print(f"  {path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("sheets"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for run in asked.runs:
        report(run, asked.out)


if __name__ == "__main__":
    main()
