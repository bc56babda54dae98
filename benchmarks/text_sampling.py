"""Tokens per second of sampling, side by side with what people use now, in one run.

    OMP_NUM_THREADS=1 python benchmarks/text_sampling.py [--tokens 200] [--rounds 3]

The Transformer has 6 layers, 6 heads, 384 channels, context 256 and 65 symbols (nanoGPT's character model); beside it
Hugging Face `generate` on a Llama and a GPT-2 of the same sizes, with the dynamic and the static cache; top-k 40 on
all. The LSTM has 2 layers of 512; beside it `nn.LSTM` stepped one symbol at a time with the same draws. The limit is
the time to read all weights once a token, as the fastest reader of that many bytes on one thread does in this run
(limits.py). Rounds alternate between the contestants; the best round of each counts.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

from limits import reading
from seriatim import Steer
from seriatim.models import LSTM, RecurrentConfig, Transformer, TransformerConfig
from turns import fastest

SYMBOLS, WIDTH, LAYERS, HEADS, HIDDEN, CONTEXT = 65, 384, 6, 6, 1024, 256


def race(contestants: dict[str, Callable[[], int]], rounds: int) -> dict[str, float]:
    """Tokens a second of each."""
    tokens = {name: work() for name, work in contestants.items()}
    return {name: tokens[name] / seconds for name, seconds in fastest(contestants, rounds, time.perf_counter).items()}


def table(title: str, rates: dict[str, float], ours: str, weights: int, batch: int) -> None:
    speed, _ = reading(4 * weights)
    limit = batch * speed / (4 * weights)
    print(f"\n{title}: {weights / 1e6:.2f} M weights; reading them once a token, at {speed / 1e9:.1f} GB/s,")
    print(f"allows {limit:,.0f} tokens/s")
    print(f"| {'':34s} | tokens/s | share of the limit | Seriatim is faster by |")
    print(f"|{'-' * 36}|---------:|-------------------:|----------------------:|")
    for name, rate in rates.items():
        factor = "" if name == ours else f"{rates[ours] / rate:.2f}"
        print(f"| {name:34s} | {rate:8,.0f} | {100 * rate / limit:16.1f} % | {factor:>21s} |")


def hugging_face(model: torch.nn.Module, batch: int, tokens: int, cache: str | None) -> Callable[[], int]:
    prompt = torch.zeros(batch, 1, dtype=torch.long)

    def work() -> int:
        options = {} if cache is None else {"cache_implementation": cache}
        out = model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            do_sample=True,
            top_k=40,
            **options,
        )
        assert out.shape[1] == tokens + 1
        return batch * tokens

    return work


def transformers(batch: int, tokens: int, rounds: int) -> None:
    ours = Transformer(TransformerConfig(SYMBOLS, WIDTH, LAYERS, HEADS, hidden=HIDDEN, context=CONTEXT, start=0)).eval()
    special = {"bos_token_id": 0, "eos_token_id": None, "pad_token_id": 1}
    llama = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=SYMBOLS,
            hidden_size=WIDTH,
            intermediate_size=HIDDEN,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            max_position_embeddings=CONTEXT + 1,
            **special,
        )
    ).eval()
    gpt2 = GPT2LMHeadModel(
        GPT2Config(vocab_size=SYMBOLS, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, n_positions=CONTEXT + 1, **special)
    ).eval()
    steer = Steer(top_k=40)

    def sample() -> int:
        return ours.sample(batch, length=tokens, steer=steer).numel()

    contestants: dict[str, Callable[[], int]] = {"Seriatim": sample}
    for name, model in (("Llama", llama), ("GPT-2", gpt2)):
        contestants[f"Hugging Face {name}, dynamic cache"] = hugging_face(model, batch, tokens, None)
        contestants[f"Hugging Face {name}, static cache"] = hugging_face(model, batch, tokens, "static")
    weights = sum(p.numel() for p in ours.parameters())
    rates = race(contestants, rounds)
    table(f"Transformer, batch {batch}", rates, "Seriatim", weights, batch)


def lstms(tokens: int, rounds: int) -> None:
    ours = LSTM(RecurrentConfig(SYMBOLS, 512, 2)).eval()
    embedding, core = torch.nn.Embedding(SYMBOLS, 512), torch.nn.LSTM(512, 512, 2, batch_first=True)
    out = torch.nn.Linear(512, SYMBOLS)
    steer = Steer(top_k=40)

    @torch.no_grad()
    def stepped() -> int:
        x, state = torch.zeros(1, 1, dtype=torch.long), None
        for _ in range(tokens):
            y, state = core(embedding(x), state)
            logits = out(y[:, -1])
            least = logits.topk(40).values[:, -1:]
            x = torch.multinomial(logits.masked_fill(logits < least, -torch.inf).softmax(-1), 1)
        return tokens

    def sample() -> int:
        return ours.sample(1, length=tokens, steer=steer).numel()

    # what a step cannot do without: the first layer's input matrix can be folded into a table with a row a symbol
    weights = sum(p.numel() for p in core.parameters()) + out.weight.numel() - core.weight_ih_l0.numel()
    rates = race({"Seriatim": sample, "nn.LSTM stepped": stepped}, rounds)
    table("LSTM 2×512, batch 1", rates, "Seriatim", weights, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    logging.set_verbosity_error()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"one thread, torch {torch.__version__}")
    for batch in (1, 32):
        transformers(batch, arguments.tokens, arguments.rounds)
    lstms(5 * arguments.tokens, arguments.rounds)


if __name__ == "__main__":
    main()
