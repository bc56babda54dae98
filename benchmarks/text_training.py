"""Tokens per second of training, side by side with Hugging Face's GPT-2 of the same size, in one run.

    python benchmarks/text_training.py [--threads 1] [--steps 3] [--rounds 2] [--batch 16]
                                       [--precision both] [--compile]

6 layers, 6 heads, 384 channels, 65 symbols, pieces of 256, batch 16; forward, backward, clipping and AdamW; float32 and
bfloat16 autocast. Both models have the same width and depth: Seriatim's Transformer 10.7 M weights, GPT-2 10.8 M.
Rounds alternate; the best of each counts. Without bfloat16 instructions bfloat16 is emulated, and takes minutes a step.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import torch
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.utils import logging

from seriatim.models import Transformer, TransformerConfig
from seriatim.training.optim import adamw
from seriatim.training.options import TrainOptions
from turns import fastest

SYMBOLS, WIDTH, LAYERS, HEADS, CONTEXT = 65, 384, 6, 6, 256


def trainer(
    model: torch.nn.Module, loss: Callable[[torch.Tensor], torch.Tensor], half: bool, batch: int
) -> Callable[[], int]:
    optimiser = adamw(model, TrainOptions())
    x = torch.randint(SYMBOLS, (batch, CONTEXT))

    def step() -> int:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            value = loss(x)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        return x.numel()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--compile", action="store_true", help="both through torch.compile (needs a C++ compiler)")
    parser.add_argument("--precision", choices=["float32", "bfloat16", "both"], default="both")
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    print(f"{arguments.threads} thread(s), torch {torch.__version__}, batch {arguments.batch} × {CONTEXT}")
    print("|          | Seriatim tokens/s | GPT-2 tokens/s | Seriatim is faster by |")
    print("|----------|------------------:|---------------:|----------------------:|")
    halves = {"float32": (False,), "bfloat16": (True,), "both": (False, True)}[arguments.precision]
    for half in halves:
        ours = Transformer(TransformerConfig(SYMBOLS, WIDTH, LAYERS, HEADS, hidden=1024, context=CONTEXT))
        theirs = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=SYMBOLS,
                n_embd=WIDTH,
                n_layer=LAYERS,
                n_head=HEADS,
                n_positions=CONTEXT,
                resid_pdrop=0.0,
                embd_pdrop=0.0,
                attn_pdrop=0.0,
                bos_token_id=0,
                eos_token_id=0,
            )
        )
        losses: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
            "ours": lambda x, m=ours: -m.log_probs(x).mean(),
            "theirs": lambda x, m=theirs: m(input_ids=x, labels=x).loss,
        }
        if arguments.compile:
            losses = {name: torch.compile(loss) for name, loss in losses.items()}
        steps = {
            name: trainer(model, losses[name], half, arguments.batch)
            for name, model in (("ours", ours), ("theirs", theirs))
        }
        several = {name: lambda step=step: [step() for _ in range(arguments.steps)] for name, step in steps.items()}
        seconds = fastest(several, arguments.rounds, time.perf_counter)
        best = {name: arguments.steps * arguments.batch * CONTEXT / each for name, each in seconds.items()}
        kind = "bfloat16" if half else "float32"
        row = f"| {kind:8s} | {best['ours']:17,.0f} | {best['theirs']:14,.0f} | {best['ours'] / best['theirs']:21.2f} |"
        print(row, flush=True)


if __name__ == "__main__":
    main()
