"""Runs of several families on the same text in one table: how good they are, how fast they train and write.

    python benchmarks/text_families.py RUN RUN … [--batch 16] [--rounds 3]

For each run: weights, bits a character (a byte, of bytes) of the test split (validation, where there is no test), with
its standard error; symbols a second of CPU time in training (forward, backward, clipping, AdamW, pieces as long as in
its training) and in writing, batch 1 and 32. One thread; the best round of each counts.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import seriatim
from seriatim.cli.common import chosen_split
from seriatim.text.model import TextModel
from seriatim.training.optim import adamw
from seriatim.training.options import TrainOptions
from seriatim.training.run import plan_of
from seriatim.walks.walk import Walk
from turns import alone

TOKENS = 100


def rate(work: Callable[[], int], rounds: int) -> float:
    """Symbols a second of CPU time."""
    return work() / alone(work, rounds)


def training(model: Any, batch: int) -> Callable[[], int]:
    optimiser = adamw(model, TrainOptions())
    x = torch.randint(model.head.width, (batch, model.config.context))

    def step() -> int:
        model.train()
        optimiser.zero_grad(set_to_none=True)
        (-model.log_probs(x).mean()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        return x.numel()

    return step


def writing(model: Any, batch: int) -> Callable[[], int]:
    stepper = model.packed()
    count = min(TOKENS, model.config.horizon or TOKENS)

    def write() -> int:
        with torch.inference_mode():
            walk, u = Walk(stepper, batch, length=count), torch.rand(batch, 1, dtype=torch.float64)
            for _ in range(count):
                dist: Any = walk.dist
                walk.push(dist.draw(u))
        return batch * count

    return write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| run | family | weights | bits/char | trains (symbols/s) | writes, batch 1 (symbols/s) | batch 32 |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for run in arguments.runs:
        text = seriatim.load(run, "cpu")
        assert isinstance(text, TextModel)
        plan = plan_of(run)[0]
        corpus: Any = plan.open()
        figures = text.evaluate(chosen_split(corpus.splits, None, plan.data)[0])
        weights = sum(p.numel() for p in text.model.parameters())
        paces = [rate(writing(text.model, batch), arguments.rounds) for batch in (1, 32)]
        learns = rate(training(text.model, arguments.batch), arguments.rounds)
        error = figures.bits_per_char * figures.relative_error
        print(
            f"| {run.name} | {text.family} | {weights:,} | {figures.bits_per_char:.4f} ± {error:.4f} | {learns:,.0f} "
            f"| {paces[0]:,.0f} | {paces[1]:,.0f} |"
        )


if __name__ == "__main__":
    main()
