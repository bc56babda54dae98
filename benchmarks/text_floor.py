"""What a step cannot do without: the matrix products and the attention alone, beside whole steps, in one run.

    python benchmarks/text_floor.py [--threads 1] [--rounds 3]

The same Transformer as in the other two benchmarks. Training: batch 16 × 256, float32. Sampling: batch 32, 200 tokens.
The products are PyTorch's own, of the same shapes and on matrices of their own, and the attention is PyTorch's own
kernel: a GPT-2 or a Llama of the same sizes needs the same. So the ratio of Hugging Face's whole step to them bounds
what any arrangement of the rest can gain on this processor. The best of each over alternating rounds.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.utils import logging

from seriatim import Steer
from seriatim.models import Transformer, TransformerConfig
from text_sampling import hugging_face
from text_training import trainer
from turns import fastest

SYMBOLS, WIDTH, LAYERS, HEADS, HIDDEN, CONTEXT = 65, 384, 6, 6, 1024, 256
SHAPES = [(WIDTH, 3 * WIDTH), (WIDTH, WIDTH), (WIDTH, 2 * HIDDEN), (HIDDEN, WIDTH)]  # (in, out) of one layer


def ours_and_theirs() -> tuple[Transformer, GPT2LMHeadModel]:
    ours = Transformer(TransformerConfig(SYMBOLS, WIDTH, LAYERS, HEADS, hidden=HIDDEN, context=CONTEXT))
    options = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "bos_token_id": 0, "eos_token_id": None}
    sizes = {"vocab_size": SYMBOLS, "n_embd": WIDTH, "n_layer": LAYERS, "n_head": HEADS, "n_positions": CONTEXT + 1}
    return ours, GPT2LMHeadModel(GPT2Config(**sizes, **options, pad_token_id=1))


def training(batch: int) -> dict[str, Callable[[], object]]:
    ours, theirs = ours_and_theirs()
    rows = batch * CONTEXT
    operands = [(torch.randn(rows, i), torch.randn(o, i), torch.randn(rows, o)) for i, o in SHAPES]
    q, k, v = (torch.randn(batch, HEADS, CONTEXT, WIDTH // HEADS, requires_grad=True) for _ in range(3))

    @torch.no_grad()
    def products() -> None:
        for _ in range(LAYERS):
            for x, weight, gradient in operands:
                torch.mm(x, weight.t())  # forward
                torch.mm(gradient, weight)  # the input's gradient
                torch.mm(gradient.t(), x)  # the weight's gradient

    def attention() -> None:
        for _ in range(LAYERS):
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            torch.autograd.grad(y, (q, k, v), y.detach())

    return {
        "Hugging Face GPT-2, whole step": trainer(theirs, lambda x: theirs(input_ids=x, labels=x).loss, False, batch),
        "Seriatim, whole step": trainer(ours, lambda x: -ours.log_probs(x).mean(), False, batch),
        "matrix products alone": products,
        "attention alone": attention,
    }


def sampling(batch: int, tokens: int) -> dict[str, Callable[[], object]]:
    ours, theirs = (model.eval() for model in ours_and_theirs())
    layers = [[torch.randn(i, o) for i, o in SHAPES] for _ in range(LAYERS)]
    inputs = [torch.randn(batch, i) for i, _ in SHAPES]
    caches = [torch.randn(2, batch, HEADS, tokens, WIDTH // HEADS) for _ in range(LAYERS)]
    q = torch.randn(batch, HEADS, 1, WIDTH // HEADS)

    def products() -> None:
        for _ in range(tokens):
            for weights in layers:
                for x, weight in zip(inputs, weights, strict=True):
                    torch.mm(x, weight)

    def attention() -> None:
        for position in range(1, tokens + 1):
            for k, v in caches:
                F.scaled_dot_product_attention(q, k.narrow(2, 0, position), v.narrow(2, 0, position))

    return {
        "Hugging Face GPT-2, whole": hugging_face(theirs, batch, tokens, None),
        "Seriatim, whole": lambda: ours.sample(batch, length=tokens, steer=Steer(top_k=40)),
        "matrix products alone": products,
        "attention alone": attention,
    }


def table(title: str, works: dict[str, Callable[[], object]], rounds: int, grad: bool) -> None:
    with torch.set_grad_enabled(grad):
        best = fastest(works, rounds, time.perf_counter)
    theirs, ours, products, attention = best.values()
    print(f"\n| {title:34s} |      s | share of Seriatim's |")
    print(f"|{'-' * 36}|-------:|--------------------:|")
    for name, seconds in best.items():
        print(f"| {name:34s} | {seconds:6.2f} | {100 * seconds / ours:17.0f} % |")
    bound = theirs / (products + attention)
    print(f"Seriatim is faster by {theirs / ours:.2f}; were the rest free, it would be by {bound:.2f}.", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    print(f"{arguments.threads} thread(s), torch {torch.__version__}")
    table("one training step, batch 16 × 256", training(16), arguments.rounds, True)
    table("sampling 200 tokens, batch 32", sampling(32, 200), arguments.rounds, False)


if __name__ == "__main__":
    main()
