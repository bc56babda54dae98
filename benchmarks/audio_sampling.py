"""Samples per second of WaveNet's sampling, beside what people do now, on the same weights, in one run.

    python benchmarks/audio_sampling.py [--threads 1] [--samples 500] [--rounds 3] [--batches 1,64] [--layers 30]

30 layers (3 cycles of dilations 1 … 512), 64 residual, 64 gate, 256 skip channels, 256 levels (van den Oord et al.,
2016). Beside it: running the whole receptive field again for every sample, timed on a few passes; and the textbook's
queues (Paine et al., 2016, Fast WaveNet generation algorithm), a deque of past activations a layer. All draw from the
softmax. Two limits, both measured in this run: to read all weights once a sample (limits.py), and the matrix products
alone, of the same shapes, without anything between them. Rounds alternate between the contestants, and the best round
of each counts, by processor time, which other programs disturb less than the clock on the wall.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from limits import reading
from seriatim.causal import GatedStack
from seriatim.models import WaveNet, WaveNetConfig
from turns import fastest


def parts(model: WaveNet) -> tuple[Tensor, GatedStack, list[torch.nn.Linear]]:
    """The table of levels, the gated layers and the two last ones."""
    table = model.embedding(torch.arange(model.config.levels + 1)[None])[0][0].detach()
    stack = next(module for module in model.modules() if isinstance(module, GatedStack))
    out = model.net.layers["out"].module
    return table, stack, [out.hidden, out.out]


class Queues:
    """The textbook: for each layer a queue of what stood there, two taps, two gates, a residual and a skip map."""

    def __init__(self, model: WaveNet) -> None:
        self.table, self.stack, self.last = parts(model)
        layers = len(self.stack.dilations)
        self.bias = self.stack.bias.view(layers, -1).detach()
        self.skip = self.stack.skip.view(layers, -1, self.stack.skip.shape[1]).detach()

    @torch.inference_mode()
    def sample(self, batch: int, count: int) -> Tensor:
        s = self.stack
        queues = [deque([torch.zeros(batch, s.width)] * d) for d in s.dilations]
        x, drawn = torch.full((batch,), len(self.table) - 1), []
        for _ in range(count):
            h, skips = self.table[x], s.skip_bias
            for i, queue in enumerate(queues):
                past = queue.popleft()
                queue.append(h)
                f, g = (h @ s.taps[i, 0] + past @ s.taps[i, 1] + self.bias[i]).chunk(2, 1)
                z = f.tanh() * g.sigmoid()
                skips = skips + z @ self.skip[i]
                if i + 1 < len(queues):
                    h = h + z @ s.residual[i]
            y = self.last[1](self.last[0](skips.relu()).relu())
            x = torch.multinomial(y.softmax(-1), 1)[:, 0]
            drawn.append(x)
        return torch.stack(drawn, 1)


def products(model: WaveNet, batch: int) -> Callable[[], object]:
    """The matrix products of one step, and nothing else."""
    _, stack, last = parts(model)
    count, width, gates = len(stack.dilations), stack.width, stack.gates
    taken, past = torch.randn(count, batch, width), stack.taps[:, 1].detach().contiguous()
    h, z, every = torch.randn(batch, width), torch.randn(batch, gates), torch.randn(batch, count * gates)
    present = [(w.contiguous(), w.t().contiguous()) for w in stack.taps[:, 0].detach()]
    residual = [(w.contiguous(), w.t().contiguous()) for w in stack.residual.detach()]
    skip, skip_t = stack.skip.detach(), stack.skip.detach().t().contiguous()
    y = torch.randn(batch, skip.shape[1])

    def work() -> None:
        torch.bmm(taken, past)
        if batch == 1:
            for _, weight in present:
                torch.mv(weight, h[0])
            for _, weight in residual:
                torch.mv(weight, z[0])
            torch.mv(skip_t, every[0])
            for layer in last:
                torch.mv(layer.weight, y[0])
            return
        for weight, _ in present:
            torch.mm(h, weight)
        for weight, _ in residual:
            torch.mm(z, weight)
        torch.mm(every, skip)
        for layer in last:
            torch.mm(y, layer.weight.t())

    return work


def race(model: WaveNet, batch: int, count: int, rounds: int) -> None:
    past, queues, alone = model.config.past, Queues(model), products(model, batch)
    x = torch.randint(model.config.levels, (batch, past))

    @torch.inference_mode()
    def again() -> Tensor:
        return F.softmax(model(x)[:, -1], -1)

    def alone_often() -> None:
        with torch.inference_mode():
            for _ in range(count):
                alone()

    seconds = fastest(
        {
            "Seriatim": lambda: model.sample(batch, length=count),
            "queues": lambda: queues.sample(batch, count),
            "products": alone_often,
        },
        rounds,
    ) | fastest({"again": again}, 1)  # which takes as long as all the rest
    weights = sum(p.numel() for p in model.parameters()) - model.embedding(torch.zeros(1, 1).long())[0].numel()
    rates = {name: batch * (1 if name == "again" else count) / value for name, value in seconds.items()}
    rates["limit"] = batch * reading(4 * weights)[0] / (4 * weights)
    names = {
        "Seriatim": "Seriatim",
        "queues": "textbook queues",
        "again": f"the receptive field ({past:,}) again",
        "products": "limit: matrix products alone",
        "limit": f"limit: {weights / 1e6:.2f} M weights read once",
    }
    print(f"\n| batch {batch:3d} {'':28s} | samples/s | Seriatim is faster by |")
    print(f"|{'-' * 40}|----------:|----------------------:|")
    for key, name in names.items():
        print(f"| {name:38s} | {rates[key]:9,.0f} | {rates['Seriatim'] / rates[key]:21.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", default="1,64")
    parser.add_argument("--layers", type=int, default=30, help="a multiple of 10")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    print(f"{arguments.threads} thread(s), torch {torch.__version__}, {arguments.layers} layers")
    model = WaveNet(WaveNetConfig(cycles=arguments.layers // 10)).eval()
    for batch in map(int, arguments.batches.split(",")):
        race(model, batch, arguments.samples, arguments.rounds)


if __name__ == "__main__":
    main()
