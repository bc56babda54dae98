"""Softmax against discretised mixtures on the same network, data and steps: when does each know that levels are near?

    python benchmarks/image_heads.py [--steps 2400] [--threads 1] [--picture heads.png]

A Gated PixelCNN learns Fashion-MNIST, 28 × 28 and 256 levels, with each head, each in a process of its own, so that its
peak of memory is its own; the learning rate rises and stays, so that every point of the curve is of one kind. After an
eighth, a quarter, a half and all of the steps, over 500 test pictures (bits/dim), and over test pixels whose true level
v lies between 16 and 239:

- near: the probability that the model gives to v and the four levels on either side together;
- rough: the mean of |log p(k) − (log p(k−1) + log p(k+1))/2| over the sixteen levels around v, nats. A head that knows
  that 201 lies beside 202 is smooth there; one that must learn each level by itself is not.

--picture draws what each head expects of three pixels in the end.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seriatim.heads import Discrete
from seriatim.image.data.opening import open_gallery
from seriatim.models import GatedPixelCNN, GatedPixelCNNConfig

HEADS: dict[str, dict[str, Any]] = {
    "softmax": {},
    "10 logistics": {"mixtures": 10},
    "10 normals": {"mixtures": 10, "kind": "normal"},
}
LOG2 = float(np.log(2))


def data() -> tuple[Tensor, Tensor]:
    """Training and test pictures (N, 28, 28, 1)."""
    splits = open_gallery("fashion-mnist").splits
    train, test = (torch.from_numpy(splits[side].x).long() for side in ("train", "test"))
    return train, test[:: len(test) // 500][:500]


def marks(steps: int) -> list[int]:
    """After which steps is measured."""
    return sorted({max(1, steps // part) for part in (8, 4, 2, 1)})


def learn(name: str, steps: int, threads: int, answer: Any) -> None:
    """Train one head and send its figures."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    train, test = data()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = GatedPixelCNN(GatedPixelCNNConfig(filters=48, layers=6, **HEADS[name]))
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1.0, (step + 1) / 100))
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(1))
    started, taken, peak, marked = time.process_time(), 0.0, 0.0, marks(steps)
    for step in range(1, steps + 1):
        x = train[order[torch.arange(16 * step - 16, 16 * step) % len(order)]]
        optimiser.zero_grad()
        (-model.log_probs(x).mean()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step in marked:
            taken += time.process_time() - started
            peak = peak or (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            model.eval()
            with torch.no_grad():
                bits = -torch.cat([model.log_probs(x).double() for x in test.split(50)]).mean() / LOG2
                near, rough, rows = neighbours(model, test[:40])
            model.train()
            weights = sum(p.numel() for p in model.parameters())
            answer.put((name, step, weights, float(bits), taken, peak, near, rough, rows))
            started = time.process_time()


def neighbours(model: GatedPixelCNN, x: Tensor) -> tuple[float, float, Any]:
    """Mass near the true level, roughness around it, and the tables of a few pixels with their true levels."""
    tables, truths = [], []
    for part in x.split(10):
        dist = model.head(model(part))
        assert isinstance(dist, Discrete)
        middle = (part >= 16) & (part < 240)
        tables.append(dist.log_table()[middle].double())
        truths.append(part[middle])
    table, truth = torch.cat(tables), torch.cat(truths)
    at = truth[:, None] + torch.arange(-4, 5)
    near = table.gather(1, at).exp().sum(1).mean()
    bend = (table[:, 1:-1] - (table[:, :-2] + table[:, 2:]) / 2).abs()  # of levels 1 … 254
    rough = bend.gather(1, truth[:, None] + torch.arange(-8, 8) - 1).mean()
    some = torch.linspace(0, len(truth) - 1, 9).long()[[2, 4, 6]]
    return float(near), float(rough), (table[some].exp().numpy(), truth[some].numpy())


def draw(found: dict[str, Any], path: Path) -> None:
    """What each head expects of three pixels."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(found), 3, figsize=(9, 4.2), sharex=True, sharey="col", squeeze=False)
    for row, (name, (tables, truths)) in zip(axes, found.items(), strict=True):
        for axis, table, truth in zip(row, tables, truths, strict=True):
            axis.fill_between(np.arange(256), table, step="mid", linewidth=0)
            axis.axvline(truth, color="tab:red", linewidth=0.8)
            axis.tick_params(labelsize=7)
        row[0].set_ylabel(name, fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    print(f"{arguments.threads} thread(s), torch {torch.__version__}, batch 16, {arguments.steps} steps")
    print("| head | weights | memory at peak (MiB) | steps | CPU-minutes | test (bits/dim) | near | rough (nats) |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    spawn, found = multiprocessing.get_context("spawn"), dict[str, Any]()
    for name in HEADS:
        answer = spawn.Queue()
        process = spawn.Process(target=learn, args=(name, arguments.steps, arguments.threads, answer))
        process.start()
        for _ in marks(arguments.steps):
            _, step, weights, bits, seconds, peak, near, rough, found[name] = answer.get()
            print(
                f"| {name} | {weights:,} | {peak:.0f} | {step:,} | {seconds / 60:.1f} | {bits:.3f} | {near:.3f} | "
                f"{rough:.4f} |",
                flush=True,
            )
        process.join()
    if arguments.picture is not None:
        draw(found, arguments.picture)


if __name__ == "__main__":
    main()
