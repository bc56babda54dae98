"""Samples per second of training WaveNet, beside a textbook's network of the same size, in one run.

    python benchmarks/audio_training.py [--threads 1] [--samples 4096] [--rounds 3] [--layers 30]

30 layers (3 cycles of dilations 1 … 512), 64 residual, 64 gate, 256 skip channels, 256 levels; batch 1, forward,
backward and Adam (fused, for both), float32. Every one of the samples is predicted and counts, the first from silence
before it, which is what the model's likelihood is: nothing is read that is not predicted. The textbook has `nn.Conv1d`
for each gate, padded by zeros on the left, a 1×1 for the residual and one for the skip, and autograd. The limit is the
matrix products alone, forward and backward, of the same shapes. By processor time; rounds alternate, and the best of
each counts.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seriatim.models import WaveNet, WaveNetConfig
from turns import fastest


class Textbook(nn.Module):
    """WaveNet as one writes it down."""

    def __init__(self, config: WaveNetConfig) -> None:
        super().__init__()
        r, g, s = config.residual, config.gate, config.skip
        self.dilations = [2**i for i in range(config.dilations)] * config.cycles
        self.first = nn.Embedding(config.levels + 1, r)
        self.filters = nn.ModuleList(nn.Conv1d(r, g, 2, dilation=d) for d in self.dilations)
        self.gates = nn.ModuleList(nn.Conv1d(r, g, 2, dilation=d) for d in self.dilations)
        self.residual = nn.ModuleList(nn.Conv1d(g, r, 1) for _ in self.dilations)
        self.skip = nn.ModuleList(nn.Conv1d(g, s, 1) for _ in self.dilations)
        self.last = nn.Sequential(nn.ReLU(), nn.Conv1d(s, s, 1), nn.ReLU(), nn.Conv1d(s, config.levels, 1))

    def forward(self, x: Tensor) -> Tensor:
        before = F.pad(x, (1, 0), value=self.first.num_embeddings - 1)[:, :-1]
        h, skips = self.first(before).transpose(1, 2), torch.zeros(())
        for d, filters, gates, residual, skip in zip(
            self.dilations, self.filters, self.gates, self.residual, self.skip, strict=True
        ):
            padded = F.pad(h, (d, 0))
            z = filters(padded).tanh() * gates(padded).sigmoid()
            skips, h = skips + skip(z), h + residual(z)
        return F.cross_entropy(self.last(skips), x)


def trainer(model: nn.Module, loss: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[], object]:
    optimiser = torch.optim.Adam(model.parameters(), 1e-3, fused=True)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        loss(x).backward()
        optimiser.step()

    return step


def products(config: WaveNetConfig, count: int) -> Callable[[], object]:
    """Forward, and the gradients of inputs and weights, of every matrix product."""
    layers = config.dilations * config.cycles
    shapes = [(config.residual, 2 * config.gate)] * 2 * layers + [(config.gate, config.residual)] * (layers - 1)
    shapes += [(layers * config.gate, config.skip), (config.skip, config.skip), (config.skip, config.levels)]
    held = {s: (torch.randn(count, s[0]), torch.randn(s), torch.randn(count, s[1])) for s in set(shapes)}

    @torch.no_grad()
    def work() -> None:
        for shape in shapes:
            x, weight, slope = held[shape]
            torch.mm(x, weight)
            torch.mm(slope, weight.t())
            torch.mm(x.t(), slope)

    return work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--samples", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--layers", type=int, default=30, help="a multiple of 10")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    config = WaveNetConfig(cycles=arguments.layers // 10)
    ours, theirs = WaveNet(config), Textbook(config)
    x = torch.randint(config.levels, (1, arguments.samples))
    contestants = {
        "Seriatim": trainer(ours, lambda x: -ours.log_probs(x).mean(), x),
        "textbook": trainer(theirs, theirs, x),
        "limit: matrix products alone": products(config, arguments.samples),
    }
    seconds = fastest(contestants, arguments.rounds)
    print(f"{arguments.threads} thread(s), torch {torch.__version__}, {arguments.samples:,} samples, batch 1")
    print(f"| {'':30s} | samples/s | Seriatim is faster by |")
    print(f"|{'-' * 32}|----------:|----------------------:|")
    for name, value in seconds.items():
        print(f"| {name:30s} | {arguments.samples / value:9,.0f} | {value / seconds['Seriatim']:21.2f} |", flush=True)


if __name__ == "__main__":
    main()
