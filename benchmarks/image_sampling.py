"""Sampling of pictures against running the whole network again for every pixel, on the same weights, in one run.

    python benchmarks/image_sampling.py [--threads 1] [--batch 16] [--rounds 2] [--only NAME]

To run the network again is timed on a few whole passes and multiplied by how many there would be: height × width, and
three times that for models of red, green and blue sub-pixels. Also said: sampling time as a multiple of one pass.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable

import torch

from seriatim.models import (
    DiagonalBiLSTM,
    GatedPixelCNN,
    GatedPixelCNNConfig,
    GridModel,
    PixelCNN,
    PixelCNNConfig,
    PixelCNNpp,
    PixelCNNppConfig,
    PixelRNNConfig,
    PixelSNAIL,
    PixelSNAILConfig,
    RowLSTM,
    RowLSTMConfig,
)
from turns import alone

MODELS: dict[str, Callable[[], GridModel]] = {
    "PixelCNN, 15 blocks, 128 channels, 28×28 grey": lambda: PixelCNN(PixelCNNConfig(filters=128, blocks=15)),
    "Gated PixelCNN, 10 layers, 128 channels, 28×28 grey": lambda: GatedPixelCNN(
        GatedPixelCNNConfig(filters=128, layers=10)
    ),
    "Gated PixelCNN, 6 layers, 96 channels, 32×32 RGB": lambda: GatedPixelCNN(
        GatedPixelCNNConfig(32, 32, 3, filters=96, layers=6)
    ),
    "Row LSTM, 7 layers, state of 128, 28×28 grey": lambda: RowLSTM(RowLSTMConfig(filters=128, layers=7)),
    "Diagonal BiLSTM, 7 layers, state of 128, 28×28 grey": lambda: DiagonalBiLSTM(
        PixelRNNConfig(filters=128, layers=7)
    ),
    "Diagonal BiLSTM, 4 layers, state of 48, 32×32 RGB": lambda: DiagonalBiLSTM(
        PixelRNNConfig(32, 32, 3, filters=48, layers=4)
    ),
    "PixelCNN++, 2 resnets, 40 filters, 32×32 RGB": lambda: PixelCNNpp(PixelCNNppConfig()),
    "PixelSNAIL, 4 blocks of 2 resnets, 64 filters, 32×32 RGB": lambda: PixelSNAIL(
        PixelSNAILConfig(filters=64, blocks=4, values=64)
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="", help="models whose name has this in it")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    print(f"{arguments.threads} thread(s), torch {torch.__version__}, batch {arguments.batch}")
    print("| model | weights | one pass (s) | again per pixel (s) | Seriatim (s) | faster by | passes |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, make in MODELS.items():
        if arguments.only not in name:
            continue
        model = make().eval()
        length, c = math.prod(model.canvas), model.config
        shape = (c.height, c.width, c.channels) if model.head.parts > 1 or len(model.canvas) == 3 else model.canvas
        x = torch.randint(c.levels, (arguments.batch, *shape))
        with torch.no_grad():
            model(x)
            once = alone(lambda m=model, x=x: m(x), 2 * arguments.rounds, time.perf_counter)
        drawn = alone(
            lambda m=model, n=length: m.sample(arguments.batch, length=n), arguments.rounds, time.perf_counter
        )
        weights = sum(p.numel() for p in model.parameters())
        print(
            f"| {name} | {weights / 1e6:.2f} M | {once:.2f} | {once * length:.0f} | {drawn:.2f} | "
            f"{once * length / drawn:.0f} | {drawn / once:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
