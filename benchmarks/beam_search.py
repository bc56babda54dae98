"""Beam search side by side with Hugging Face's `generate`, in one run.

    python benchmarks/beam_search.py [--batch 32] [--beams 5] [--tokens 20] [--rounds 3]

A Transformer of 3 + 3 layers, 128 wide, 4 heads, 5,000 symbols, on sources of 15; beside it a Marian model (Hugging
Face's translation architecture) of the same sizes. Weights are random, and as many symbols are written by both: no end
comes before the last. One thread, CPU time, the best of so many alternating rounds.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
import torch
from transformers import MarianConfig, MarianMTModel
from transformers.utils import logging

from seriatim.conditioning import TextConfig, TextEncoder
from seriatim.models import Conditional, Transformer, TransformerConfig
from seriatim.text.search import search
from seriatim.walks.beams import Beams
from turns import fastest

SYMBOLS, WIDTH, LAYERS, HEADS, SOURCE = 5000, 128, 3, 4, 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--beams", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = TransformerConfig(SYMBOLS, WIDTH, LAYERS, HEADS, memory=WIDTH, context=2 * arguments.tokens)
    encoder = TextEncoder(SYMBOLS, TextConfig("transformer", WIDTH, LAYERS, HEADS))
    ours = Conditional(Transformer(config), {"source": encoder}).eval()
    sizes = {
        side + name: value
        for side in ("encoder_", "decoder_")
        for name, value in (("layers", LAYERS), ("attention_heads", HEADS), ("ffn_dim", 352))
    }
    marian: Any = MarianMTModel(
        MarianConfig(
            vocab_size=SYMBOLS, d_model=WIDTH, pad_token_id=0, eos_token_id=0, decoder_start_token_id=0, **sizes
        )
    ).eval()
    source = torch.randint(1, SYMBOLS, (arguments.batch, SOURCE))

    def here() -> None:
        count = arguments.tokens
        search(
            ours,
            lambda rows: {"source": source[list(rows)]},
            [np.zeros(0, np.int64)] * arguments.batch,
            Beams(arguments.beams, shortest=count - 1),
            end=0,
            longest=[count] * arguments.batch,
            sizes=[SOURCE] * arguments.batch,
        )

    def there() -> None:
        with torch.inference_mode():
            marian.generate(
                source, num_beams=arguments.beams, max_new_tokens=arguments.tokens, min_new_tokens=arguments.tokens
            )

    best = fastest({"Seriatim": here, "Hugging Face, Marian": there}, arguments.rounds)
    weights = [sum(p.numel() for p in model.parameters()) for model in (ours, marian)]
    print(f"batch {arguments.batch}, {arguments.beams} beams, {arguments.tokens} symbols, torch {torch.__version__}")
    print("| | weights | sentences/s | Seriatim is faster by |\n|---|---:|---:|---:|")
    for (name, seconds), count in zip(best.items(), weights, strict=True):
        factor = "" if name == "Seriatim" else f"{seconds / best['Seriatim']:.2f}"
        print(f"| {name} | {count:,} | {arguments.batch / seconds:,.1f} | {factor} |")


if __name__ == "__main__":
    main()
