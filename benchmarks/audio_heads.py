"""What WaveNet's output layer costs: a softmax over 256 or 65,536 levels, or a mixture of logistics for 16 bits.

    python benchmarks/audio_heads.py [--threads 1] [--positions 4096] [--skip 256]

The last linear map from `skip` channels and the distribution, over so many positions: processor time of log p, forward
and backward; the most memory that is taken on the way; and of one draw at batch 1.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from seriatim.heads import CategoricalHead, Head, MixtureHead
from seriatim.walks.noise import row_seeds, uniform
from turns import alone


def peak(work: Callable[[], object]) -> float:
    """MiB that are held at the most, counted from every allocation and release."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        work()
    held, most = 0, 0
    for event in sorted(seen.profiler.kineto_results.events(), key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--positions", type=int, default=4096)
    parser.add_argument("--skip", type=int, default=256)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    heads: dict[str, tuple[Head, int]] = {
        "softmax, 256 levels": (CategoricalHead(256), 256),
        "10 logistics, 256 levels": (MixtureHead(256, 1, 10), 256),
        "10 logistics, 65,536 levels": (MixtureHead(65536, 1, 10), 65536),
        "softmax, 65,536 levels": (CategoricalHead(65536), 65536),
    }
    print(f"{arguments.threads} thread(s), torch {torch.__version__}, {arguments.positions:,} positions")
    print("| head | weights | log p and its gradient (CPU-ms) | memory (MiB) | a draw (CPU-µs) |")
    print("|---|---:|---:|---:|---:|")
    for name, (head, levels) in heads.items():
        layer = nn.Linear(arguments.skip, head.width)
        h = torch.randn(arguments.positions, arguments.skip, requires_grad=True)
        x = torch.randint(levels, (arguments.positions,))
        one, u = torch.randn(1, arguments.skip), uniform(row_seeds(0, 1, h.device), 0, head(layer(h[:1])).noise)

        def learn(layer: nn.Linear = layer, head: Head = head, h: torch.Tensor = h, x: torch.Tensor = x) -> None:
            (-head(layer(h)).log_prob(x).mean()).backward()
            layer.zero_grad()  # and so what is taken is given back, and nothing else
            h.grad = None

        def draws(layer: nn.Linear = layer, head: Head = head, one: torch.Tensor = one, u: torch.Tensor = u) -> None:
            with torch.inference_mode():
                for _ in range(50):
                    head(layer(one)).draw(u)

        weights = sum(p.numel() for p in layer.parameters())
        took, drawn = alone(learn, 3), alone(draws, 3) / 50
        print(f"| {name} | {weights:,} | {1e3 * took:.1f} | {peak(learn):.0f} | {1e6 * drawn:.0f} |", flush=True)


if __name__ == "__main__":
    main()
