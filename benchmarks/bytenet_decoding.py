"""What ByteNet's decoding costs: linear in the length, against running its receptive field again, and at its limit.

    python benchmarks/bytenet_decoding.py [--width 128] [--rounds 3]

Six sets of five blocks (receptive field 373 symbols), 200 symbols, on an encoder of as many blocks. One thread and CPU
time, so that other programs on the machine matter little. Three tables:

- milliseconds to write 50 to 800 symbols for a source of as many, batch 1, and the exponent of the length that fits
  (least squares on logarithms); beside it a Transformer of as many weights, whose attention grows with the length;
- a step at batch 32 against a pass over the 373 symbols that the next one depends on (of which only the last column of
  the output layer is worked out), which is what a decoder without memory has to do;
- a step at batch 1 against the time to read all of the decoder's weights once (limits.py).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from limits import reading
from seriatim.conditioning import TextConfig, TextEncoder
from seriatim.models import ByteNet, ByteNetConfig, Conditional, Model, Transformer, TransformerConfig
from seriatim.walks.walk import Walk
from turns import alone

SYMBOLS, LENGTHS = 200, (50, 100, 200, 400, 800)


def writer(model: Model, length: int, batch: int = 1) -> Callable[[], object]:
    """Encode a source of that many symbols and write as many greedily."""
    source = torch.randint(SYMBOLS, (batch, length))

    def write() -> None:
        with torch.inference_mode():
            walk = Walk(stepper, batch, model.condition({"source": source}, batch), length)
            for _ in range(length):
                dist: Any = walk.dist
                walk.push(dist.logits.argmax(-1))

    stepper = model.packed()
    return write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    wide = 2 * arguments.width
    config = ByteNetConfig(SYMBOLS, arguments.width, sets=6, memory=wide)
    inner = ByteNet(config)
    encoder = TextEncoder(SYMBOLS, TextConfig("bytenet", wide, layers=6))
    bytenet: Any = Conditional(inner, {"source": encoder}).eval()
    weights = sum(p.numel() for p in inner.parameters())
    layers = 6
    sizes = TransformerConfig(SYMBOLS, wide, layers=layers, heads=8, memory=wide, context=2 * max(LENGTHS))
    other = Transformer(sizes)
    reader = TextEncoder(SYMBOLS, TextConfig("transformer", wide, layers=layers, heads=8))
    transformer: Any = Conditional(other, {"source": reader}).eval()
    more = sum(p.numel() for p in other.parameters())
    print(
        f"torch {torch.__version__}, one thread; ByteNet's decoder {weights:,} weights, looks back over {config.past}"
    )
    print(f"symbols; Transformer's {more:,}")

    print("\n| symbols written, batch 1 | ByteNet (ms) | Transformer (ms) |\n|---:|---:|---:|")
    taken: dict[str, list[float]] = {"ByteNet": [], "Transformer": []}
    for length in LENGTHS:
        for name, model in (("ByteNet", bytenet), ("Transformer", transformer)):
            taken[name].append(1000 * alone(writer(model, length), arguments.rounds))
        print(f"| {length} | {taken['ByteNet'][-1]:,.0f} | {taken['Transformer'][-1]:,.0f} |")
    slopes = {name: np.polyfit(np.log(LENGTHS), np.log(ms), 1)[0] for name, ms in taken.items()}
    print(f"| exponent of the length | **{slopes['ByteNet']:.3f}** | {slopes['Transformer']:.3f} |")

    with torch.inference_mode():
        memory = bytenet.condition({"source": torch.randint(SYMBOLS, (32, config.past))}, 32)
        x = torch.randint(SYMBOLS, (32, config.past))
        *stack, last = inner.net.layers.values()

        def again() -> None:
            frames = inner.embedding(x)[0]
            for layer in stack:
                frames = layer(frames, memory)[0]
            last(frames[:, -1:])

        pass_ = alone(again, arguments.rounds)
        steps, stepper = 100, bytenet.packed()

        def step(batch: int) -> float:
            context = memory.select(torch.arange(batch))

            def walk() -> None:
                state, prev = stepper.start(batch, context, steps), torch.zeros(batch, dtype=torch.long)
                for _ in range(steps):
                    y, state = stepper.step(prev, state)
                    prev = y.argmax(-1)

            return alone(walk, arguments.rounds) / steps

        together, single = step(32), step(1)
    print("\n| batch 32 | milliseconds a symbol |\n|---|---:|")
    print(f"| running the receptive field again | {1000 * pass_:,.1f} |\n| a step | {1000 * together:.2f} |")
    print(f"| faster by | **{pass_ / together:,.0f}** |")
    limit = 4 * weights / reading(4 * weights)[0]
    print("\n| batch 1 | microseconds a symbol |\n|---|---:|")
    print(f"| reading {weights:,} weights | {1e6 * limit:,.0f} |\n| a step | {1e6 * single:,.0f} |")
    print(f"| share of the limit | **{100 * limit / single:.0f} %** |")


if __name__ == "__main__":
    main()
