"""How wide a WaveNet this machine generates as fast as it plays, from Python alone, one recording at a time.

    python benchmarks/audio_realtime.py [--threads 1] [--seconds 0.5] [--layers 10,20,30]

For each number of layers (cycles of dilations 1 … 512) and of channels: samples per second of `AudioModel.blocks`, by
the clock on the wall, which is what a listener waits for; residual and gate channels are as given, the skip channels
twice as many, 256 levels of μ-law. Real time is 8,000 and 16,000 samples per second.
"""

from __future__ import annotations

import argparse
import time

import torch

from seriatim.audio.model import AudioModel
from seriatim.audio.quantiser import Quantiser
from seriatim.models import WaveNet, WaveNetConfig

WIDTHS = (8, 16, 24, 32, 48, 64, 96, 128)


def pace(layers: int, width: int, seconds: float) -> float:
    """Samples a second, the better of two goes after a short one."""
    config = WaveNetConfig(residual=width, gate=width, skip=2 * width, cycles=layers // 10)
    model, best = AudioModel(WaveNet(config), {"x": Quantiser(8000)}), 0.0
    for duration in (0.05, seconds, seconds):
        start = time.perf_counter()
        count = sum(block.shape[1] for block in model.blocks(duration))
        best = max(best, count / (time.perf_counter() - start))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.5, help="of sound at 8 kHz, each")
    parser.add_argument("--layers", default="10,20,30")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    print(f"{arguments.threads} thread(s), torch {torch.__version__}; samples/s, batch 1, wall time")
    print("| layers | " + " | ".join(f"{width} channels" for width in WIDTHS) + " |")
    print("|---:|" + "---:|" * len(WIDTHS))
    for layers in map(int, arguments.layers.split(",")):
        rates = [pace(layers, width, arguments.seconds) for width in WIDTHS]
        print(f"| {layers} | " + " | ".join(f"{rate:,.0f}" for rate in rates) + " |", flush=True)


if __name__ == "__main__":
    main()
