"""CPU seconds of a PixelCNN++ training step, and whether its memory stays flat.

    python benchmarks/image_training.py [--threads 1] [--batch 16] [--steps 6]

2 resnets, 40 filters, 3×32×32, as in the figure that is known of a PyTorch port (1.17 s on another processor). For
16 pictures the step is 67 GFLOP of matrix work (PyTorch's counter), so the pace of a matrix product, which is printed,
says what it takes at the least.
"""

from __future__ import annotations

import argparse
import resource
import time

import torch

from seriatim.models import PixelCNNpp, PixelCNNppConfig
from seriatim.training.optim import adamw
from seriatim.training.options import TrainOptions


def multiply(size: int = 1024, rounds: int = 5) -> float:
    """Floating-point operations a second that a matrix product reaches here."""
    a, b, best = torch.randn(size, size), torch.randn(size, size), 0.0
    for _ in range(rounds):
        start = time.process_time()
        torch.mm(a, b)
        best = max(best, 2 * size**3 / (time.process_time() - start))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=6)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    model = PixelCNNpp(PixelCNNppConfig())
    x = torch.randint(256, (arguments.batch, 32, 32, 3))
    model.initialise(x)
    optimiser = adamw(model, TrainOptions())
    speed = multiply() / 1e9
    print(f"{arguments.threads} thread(s), torch {torch.__version__}; a matrix product runs at {speed:.0f} GFLOP/s")
    print("| step | CPU s | most memory so far (MiB) |")
    print("|---:|---:|---:|")
    for step in range(1, arguments.steps + 1):
        start = time.process_time()
        optimiser.zero_grad()
        (-model.log_probs(x).mean()).backward()
        optimiser.step()
        spent = time.process_time() - start
        print(f"| {step} | {spent:.2f} | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} |", flush=True)


if __name__ == "__main__":
    main()
