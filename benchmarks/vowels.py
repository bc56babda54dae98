"""Who speaks? Japanese vowels by Bayes' rule, beside one Gaussian a speaker.

    python benchmarks/vowels.py FOLDER [--seeds 3] [--folds 5]

Trains p(series | speaker), with its end, on the 270 training utterances and classifies the 370 test utterances by
Bayes' rule; for each seed the accuracy, and nats per series given the speaker. The last row multiplies the likelihoods
of the seeds (their geometric mean). Beside them: a normal density with a full covariance for each speaker over frames
in any order, whose nats per series leave out the end.

With --folds the settings below are compared by folds of the training part alone; this is how the first was chosen.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

import seriatim
from seriatim.trajectory.data.opening import open_set
from seriatim.trajectory.data.trajectories import Trajectories
from seriatim.trajectory.model import TrajectoryModel

BASE = {"width": 64, "layers": 1, "head": "normal", "chain": 16, "lags": (1,), "dropout": 0.1}
SETTINGS = {
    "mlp 64, lr 0.016": ("mlp", BASE, 0.016, 1200),
    "mlp 2 × 128, lr 0.016": ("mlp", {**BASE, "width": 128, "layers": 2}, 0.016, 1200),
    "mlp 2 × 128, lr 0.008": ("mlp", {**BASE, "width": 128, "layers": 2}, 0.008, 1200),
    "mlp 2 × 128, lr 0.008, 2,400 steps": ("mlp", {**BASE, "width": 128, "layers": 2}, 0.008, 2400),
}
JITTER = 0.3


def gaussians(train: Trajectories, test: Trajectories, labels: list[str]) -> np.ndarray:
    """(N, labels): log density of all frames of each series under each speaker's normal distribution."""
    assert train.labels is not None
    scores = np.zeros((len(test.x), len(labels)))
    for i, label in enumerate(labels):
        frames = np.concatenate([x for x, own in zip(train.x, train.labels, strict=True) if own == label])
        mean, covariance = frames.mean(0), np.cov(frames.T)
        inverse, size = np.linalg.inv(covariance), np.linalg.slogdet(2 * np.pi * covariance)[1]
        for row, x in enumerate(test.x):
            away = x - mean
            scores[row, i] = -0.5 * (np.einsum("ti,ij,tj->t", away, inverse, away) + size).sum()
    return scores


def log_likelihoods(
    name: str, train: Trajectories, test: Trajectories, seed: int, out: Path
) -> tuple[np.ndarray, list]:
    """(N, labels): log p of each test series given each speaker, after training."""
    family, net, lr, steps = SETTINGS[name]
    data = {"x": list(train.x), "label": list(train.labels or ())}
    model = seriatim.train(
        data, family, kind="trajectory", out=out, net=net, lr=lr, steps=steps, seed=seed, quiet=True, device="cpu",
        samples=0, data=seriatim.DataOptions(validation=0, test=0),
        trajectory=seriatim.TrajectoryOptions(jitter=JITTER),
    )  # fmt: skip
    assert isinstance(model, TrajectoryModel)
    labels = model.labels()
    return np.stack([model.log_prob(test.x, {"label": label}) for label in labels], 1), labels


def figures(scores: np.ndarray, labels: list[str], test: Trajectories) -> tuple[float, float]:
    """Accuracy, and nats per series given its own speaker."""
    own = np.array([labels.index(label) for label in test.labels or ()])
    return float((scores.argmax(1) == own).mean()), float(-scores[np.arange(len(own)), own].mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    splits = open_set("japanese-vowels", seriatim.TrajectoryOptions(), seriatim.DataOptions(validation=0)).splits
    train, test = splits["train"], splits["test"]
    if asked.folds:
        at = np.random.default_rng(0).permutation(len(train.x)) % asked.folds
        for name in SETTINGS:
            rows = []
            for k in range(asked.folds):
                before, after = (train.taken(np.flatnonzero(chosen).tolist()) for chosen in (at != k, at == k))
                out = asked.folder / f"fold-{k}-{list(SETTINGS).index(name)}"
                rows.append(figures(*log_likelihoods(name, before, after, 0, out), after))
            print(f"{name}: {asked.folds} folds, accuracy {np.mean(rows, 0)[0]:.4f}, {np.mean(rows, 0)[1]:.1f} nats")
        return
    labels = sorted(set(train.labels or ()))
    own = np.array([labels.index(label) for label in test.labels or ()])
    plain = gaussians(train, test, labels)
    right, nats = figures(plain, labels, test)
    print(f"one Gaussian a speaker: {100 * right:.2f} %, {nats:.1f} nats/series (without the end)")
    name, total = next(iter(SETTINGS)), np.zeros((len(test.x), len(labels)))
    for seed in range(asked.seeds):
        start = time.process_time()
        scores, labels = log_likelihoods(name, train, test, seed, asked.folder / f"seed-{seed}")
        right, nats = figures(scores, labels, test)
        spent = time.process_time() - start
        away = (scores.argmax(1) == own).astype(float) - (plain.argmax(1) == own)
        error = away.std(ddof=1) / np.sqrt(len(own))
        print(
            f"{name}, seed {seed}: {100 * right:.2f} %, {nats:.1f} nats/series, {spent:.0f} s; "
            f"ahead by {100 * away.mean():.2f} ± {100 * error:.2f} %",
            flush=True,
        )
        total += scores / asked.seeds
    right, nats = figures(total, labels, test)
    print(f"{name}, {asked.seeds} seeds together: {100 * right:.2f} %, {nats:.1f} nats/series")


if __name__ == "__main__":
    main()
