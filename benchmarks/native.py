"""Compiled steps beside PyTorch's, beside what people use now, and beside the machine's limit.

    OMP_NUM_THREADS=1 python benchmarks/native.py [--rounds 4] [--only wavenet recurrent …] [--batches 1 8]

Sequences: symbols a second, all rows together, of whole samples drawn by `model.sample`, each with its own noise; the
same seed for both backends, and how many symbols they agree on (until the first that falls on the other side of a
rounding, after which the texts differ). The limit is to read all weights that a step needs once (limits.py), shared by
the rows. The peers: for WaveNet the textbook's queues (audio_sampling.py), for the LSTM `nn.LSTM` stepped, for the
Transformer Hugging Face's Llama of the same sizes with its dynamic cache, if transformers is installed.

Pictures: seconds for a batch, and in units of one parallel pass over the same pictures.

One thread, processor time; contestants take turns, the best round counts. Compilation is not counted; it is told first.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from audio_sampling import Queues
from limits import reading
from seriatim.models import (
    GRU,
    LSTM,
    RNN,
    ByteNet,
    ByteNetConfig,
    GatedPixelCNN,
    GatedPixelCNNConfig,
    Model,
    PixelCNN,
    PixelCNNConfig,
    RecurrentConfig,
    Transformer,
    TransformerConfig,
    WaveNet,
    WaveNetConfig,
)
from turns import fastest

SYMBOLS = 65
Work = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """A model to sample from."""

    model: Model
    length: int
    read: int
    """Weights that a step needs."""
    peer: Callable[[int, int], tuple[str, Work]] | None = None
    """(rows, length) -> its name and its work."""


def counted(*parts: Any) -> int:
    return sum(p.numel() for part in parts for p in part.parameters())


def woken(model: Model) -> Model:
    """With weights that are not those of an untrained model, whose branches are zero."""
    torch.manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.02 * torch.randn_like(p))
    return model.eval()


def wavenet(layers: int, width: int) -> Case:
    sizes = {"residual": width, "gate": width, "skip": 4 * width, "dilations": 10, "cycles": layers // 10}
    model: Any = woken(WaveNet(WaveNetConfig(**sizes)))
    length = min(8000, 240_000_000 // (layers * width * width))

    def queues(rows: int, count: int) -> tuple[str, Work]:
        textbook, shorter = Queues(model), count // 8
        return f"queues ({shorter} samples)", lambda: textbook.sample(rows, shorter)

    return Case(model, length, counted(model) - counted(model.embedding), queues)


def stepped(model: Any, rows: int, count: int) -> tuple[str, Work]:
    """`nn.LSTM`, symbol by symbol."""
    c = model.config
    embedding, core = torch.nn.Embedding(SYMBOLS, c.width), torch.nn.LSTM(c.width, c.width, c.layers, batch_first=True)
    out = torch.nn.Linear(c.width, SYMBOLS)

    @torch.inference_mode()
    def work() -> None:
        x, state = torch.zeros(rows, 1, dtype=torch.long), None
        for _ in range(count // 8):
            y, state = core(embedding(x), state)
            x = torch.multinomial(out(y[:, -1]).softmax(-1), 1)

    return f"nn.LSTM ({count // 8} symbols)", work


def recurrent(family: type[Any], width: int) -> Case:
    model: Any = woken(family(RecurrentConfig(SYMBOLS, width, 2)))
    first = next(part for name, part in model.net.layers.items() if name == "recurrent_0")
    read = counted(model) - counted(model.embedding) - first.weights().into.numel()
    peer = (lambda rows, count: stepped(model, rows, count)) if family is LSTM else None
    return Case(model, 4000 if width < 256 else 1000, read, peer)


def llama(config: TransformerConfig, rows: int, count: int) -> tuple[str, Work]:
    """Hugging Face's, of the same sizes."""
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    sizes = {
        "hidden_size": config.width,
        "intermediate_size": config.feed_forward,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
    }
    special = {"bos_token_id": 0, "eos_token_id": None, "pad_token_id": 1}
    most = config.context + 1
    other = LlamaForCausalLM(LlamaConfig(vocab_size=SYMBOLS, max_position_embeddings=most, **sizes, **special)).eval()
    prompt = torch.zeros(rows, 1, dtype=torch.long)

    options = {"max_new_tokens": count, "min_new_tokens": count, "do_sample": True, "top_k": 0}

    def work() -> None:
        other.generate(prompt, attention_mask=torch.ones_like(prompt), **options)

    return "Hugging Face Llama", work


def transformer() -> Case:
    config = TransformerConfig(SYMBOLS, 384, 6, 6, hidden=1024, context=256)
    model: Any = woken(Transformer(config))
    there = importlib.util.find_spec("transformers") is not None
    peer = (lambda rows, count: llama(config, rows, count)) if there else None
    return Case(model, 250, counted(model) - counted(model.embedding), peer)


def bytenet() -> Case:
    model: Any = woken(ByteNet(ByteNetConfig(SYMBOLS, 128, sets=6)))
    return Case(model, 250, counted(model) - counted(model.embedding))


SEQUENCES: dict[str, dict[str, Callable[[], Case]]] = {
    "wavenet": {
        "WaveNet 30 × 64": lambda: wavenet(30, 64),
        "WaveNet 20 × 32": lambda: wavenet(20, 32),
        "WaveNet 10 × 32": lambda: wavenet(10, 32),
        "WaveNet 30 × 128": lambda: wavenet(30, 128),
    },
    "recurrent": {
        "LSTM 2 × 512": lambda: recurrent(LSTM, 512),
        "LSTM 2 × 128": lambda: recurrent(LSTM, 128),
        "GRU 2 × 512": lambda: recurrent(GRU, 512),
        "GRU 2 × 128": lambda: recurrent(GRU, 128),
        "RNN 2 × 512": lambda: recurrent(RNN, 512),
    },
    "transformer": {"Transformer 6 × 384": transformer},
    "bytenet": {"ByteNet 30 × 128": bytenet},
}
PICTURES: dict[str, Callable[[], Model]] = {
    "PixelCNN 15 × 128": lambda: PixelCNN(PixelCNNConfig()),
    "Gated PixelCNN 8 × 64": lambda: GatedPixelCNN(GatedPixelCNNConfig()),
    "Gated PixelCNN 10 × 128": lambda: GatedPixelCNN(GatedPixelCNNConfig(filters=128, layers=10)),
    "Gated PixelCNN 6 × 32, 10 logistics, 32 × 32 RGB": lambda: GatedPixelCNN(
        GatedPixelCNNConfig(height=32, width=32, channels=3, filters=32, layers=6, mixtures=10)
    ),
}


def alike(x: torch.Tensor, y: torch.Tensor) -> int:
    """Symbols of all rows until the first of each that differs."""
    return int((x == y).long().cumprod(1).sum())


def compiled(model: Model, length: int) -> float:
    """Seconds that the first native sample takes."""
    start = time.perf_counter()
    model.sample(1, length=length, seed=1, backend="native")
    return time.perf_counter() - start


def sequences(name: str, case: Case, batches: list[int], rounds: int) -> None:
    model, n = case.model, case.length
    took = compiled(model, 2)
    for rows in batches:
        drawn = [model.sample(rows, length=n, seed=1, backend=each) for each in ("eager", "native")]
        same = alike(*drawn)
        works: dict[str, Work] = {
            "eager": lambda: model.sample(rows, length=n, seed=1),  # noqa: B023
            "native": lambda: model.sample(rows, length=n, seed=1, backend="native"),  # noqa: B023
        }
        said, counts = "", {"eager": n, "native": n}
        if case.peer is not None:
            said, works["peer"] = case.peer(rows, n)
            counts["peer"] = int(said.split("(")[1].split()[0]) if "(" in said else n
        rates = {key: rows * counts[key] / seconds for key, seconds in fastest(works, rounds).items()}
        limit = rows * reading(4 * case.read)[0] / (4 * case.read)
        peer = f"{rates['peer']:,.0f} | {rates['native'] / rates['peer']:.1f}" if said else " | "
        times, share = rates["native"] / rates["eager"], 100 * rates["native"] / limit
        print(
            f"| {name} | {rows} | {case.read / 1e6:.2f} M | {rates['eager']:,.0f} | {rates['native']:,.0f} | "
            f"**{times:.1f}** | {peer} | {limit:,.0f} | {share:.0f} % | {same:,} of {rows * n:,} | {took:.1f} |",
            flush=True,
        )


def pictures(name: str, model: Any, batches: list[int], rounds: int) -> None:
    woken(model)
    c = model.config
    n = c.height * c.width * c.channels
    compiled(model, 2)
    for rows in batches:
        x = torch.randint(c.levels, (rows, c.height, c.width, c.channels))

        @torch.inference_mode()
        def whole() -> None:
            model(x)  # noqa: B023

        found = fastest(
            {
                "eager": lambda: model.sample(rows, length=n, seed=1),  # noqa: B023
                "native": lambda: model.sample(rows, length=n, seed=1, backend="native"),  # noqa: B023
                "pass": whole,
            },
            rounds,
        )
        drawn = [model.sample(rows, length=n, seed=1, backend=each) for each in ("eager", "native")]
        same = alike(*drawn)
        times, passes = found["eager"] / found["native"], found["native"] / found["pass"]
        print(
            f"| {name} | {rows} | {found['eager']:.3f} | {found['native']:.3f} | **{times:.1f}** | "
            f"{found['pass']:.3f} | {passes:.2f} | {same:,} of {rows * n:,} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--only", nargs="+", choices=[*SEQUENCES, "pictures"], default=[*SEQUENCES, "pictures"])
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, one thread\n")
    columns = "rows, weights read, eager (symbols/s), native, times, peer, times, limit, share, alike, first (s)"
    if asked.only != ["pictures"]:
        print(f"| | {' | '.join(columns.split(', '))} |\n|---|{'---:|' * 11}")
    for group in asked.only:
        for name, make in SEQUENCES.get(group, {}).items():
            sequences(name, make(), asked.batches, asked.rounds)
    if "pictures" in asked.only:
        print("\n| | rows | eager (s) | native | times | a pass (s) | passes | alike |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|")
        for name, make in PICTURES.items():
            pictures(name, make(), asked.batches, asked.rounds)


if __name__ == "__main__":
    main()
