"""Sampling films: frame after frame with carried state, against running everything again for every pixel.

    OMP_NUM_THREADS=1 python benchmarks/video_sampling.py [--filters 8 32 64] [--batch 16] [--memory]

Ten frames of 32 × 32, two levels, given ten, with untrained weights (speed does not depend on them). Against:
the whole network over all frames, run again for every pixel; and the decoder alone, run again over the current frame
for every pixel, its map given. Both are measured on some pixels and multiplied, which is said. Then the multiple of one
parallel pass of the decoder over the same frames. `--memory`: the process's memory after 20, 100 and 500 frames of one
film of 32 × 32. CPU time, one thread.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import torch

from seriatim import VideoModel
from seriatim.models import Nested, VPNConfig, vpn
from seriatim.symbols.levels import Levels

GIVEN, DRAWN, SIDE, TRIED = 10, 10, 32, 4


def spent(work: Callable[[], object], times: int = 1) -> float:
    """CPU seconds of a call, the least of several."""
    found: list[float] = []
    for _ in range(times):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def compare(filters: int, batch: int, decoder: str) -> None:
    torch.manual_seed(0)
    config = VPNConfig(SIDE, SIDE, 1, 2, filters=filters, decoder=decoder)  # pyright: ignore[reportArgumentType]
    model = vpn(config).eval()
    assert isinstance(model, Nested)
    per, x = model.per_frame, torch.randint(2, (batch, GIVEN + DRAWN, SIDE, SIDE, 1))
    prompt = x[:, :GIVEN].flatten(1)
    with torch.inference_mode():
        cached = spent(lambda: model.sample(batch, length=(GIVEN + DRAWN) * per, prompt=prompt, seed=0))
        field, _ = model.outer(model.shown(x))
        inside = model.of_inner(model.condition({}, batch), field[:, -1:])
        one = spent(lambda: model.inner(x[:, -1], inside), 5)
        again = spent(lambda: [model.inner(x[:, -1], inside) for _ in range(TRIED)], 2) / TRIED * per * DRAWN
        # the film so far has from 11 to 20 frames: 15.5 on average
        whole = [spent(lambda t=t: model(x[:, :t]), 2) for t in (GIVEN + 1, GIVEN + DRAWN)]
    naive = sum(whole) / 2 * per * DRAWN
    print(
        f"{decoder:14s} 2c = {2 * filters:3d}, batch {batch:2d}: {cached:7.2f} s; whole network again {naive:9.0f} s "
        f"({naive / cached:6.0f} times), decoder again {again:8.1f} s ({again / cached:5.1f} times); "
        f"{cached / (one * DRAWN):5.2f} passes of the decoder",
        flush=True,
    )


def memory() -> None:
    model = VideoModel(vpn(VPNConfig(SIDE, SIDE, 1, 2, filters=8)), {"x": Levels(SIDE, SIDE, 1, 2)})
    for frames in (20, 100, 500):
        start = time.process_time()
        model.sample(1, frames=frames, seed=0)
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        took = (time.process_time() - start) / frames
        print(f"{frames:4d} frames: {took:.2f} s a frame, at most {most:.0f} MiB so far", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--filters", type=int, nargs="+", default=[8, 32, 64])
    parser.add_argument("--batch", type=int, nargs="+", default=[16])
    parser.add_argument("--decoders", nargs="+", default=["multiplicative", "gated-pixelcnn"])
    parser.add_argument("--memory", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.memory:
        memory()
        return
    for filters in asked.filters:
        for decoder in asked.decoders:
            for batch in asked.batch:
                compare(filters, batch, decoder)


if __name__ == "__main__":
    main()
