"""seriatim demo."""

from __future__ import annotations

import time
from pathlib import Path

from seriatim.cli.common import set_threads


def demo(*, out: Path = Path("demo"), seconds: int = 60, threads: int | None = None) -> None:
    """Train on English text that comes with Python, take the exact likelihood of held-out text, and write some.

    Leaves a run to look at: samples, the learning curve, the checkpoint.

    Parameters
    ----------
    out
        Where; a demo that is there already is replaced by a new one beside it.
    seconds
        About how long to train.
    threads
        Processor threads.
    """
    set_threads(threads)
    from seriatim.data import open_corpus
    from seriatim.training import run
    from seriatim.training.options import TokenOptions, TrainOptions

    folder, n = out / "text", 2
    while folder.exists():
        folder, n = out / f"text-{n}", n + 1
    print("1. Learning from Python's own help texts, character by character", flush=True)
    steps = _steps(seconds)
    train = TrainOptions(steps=steps, batch=16, lr=4e-3, evaluate_every=max(1, steps // 5))
    plan = run.Plan("pydoc", net={"context": 96}, tokens=TokenOptions(), train=train)
    model = run.start(plan, folder)
    print("\n2. The exact likelihood of topics it has never seen")
    began = time.perf_counter()
    corpus = open_corpus("pydoc")
    figures = model.evaluate(corpus.splits["test"])
    error = figures.bits_per_byte * figures.relative_error
    print(
        f"   {figures.bits_per_byte:.3f} ± {error:.3f} bits/byte, {figures.nats_per_token:.3f} nats/token over "
        f"{figures.tokens:,} characters ({time.perf_counter() - began:.1f} s); 8 bits/byte is no knowledge at all"
    )
    print("\n3. What it writes, at temperature 0.7\n")
    began = time.perf_counter()
    samples = model.sample(["The ", "Class "], max_length=300, temperature=0.7, seed=1)
    seconds_taken = time.perf_counter() - began
    for sample in samples:
        print("   " + str(sample).replace("\n", "\n   ") + "\n")
    drawn = sum(len(sample.symbols) for sample in samples)
    (folder / "samples" / "demo.txt").write_text("\n\n".join(map(str, samples)) + "\n", encoding="utf-8")
    print(f"   {drawn / seconds_taken:.0f} characters/s\n")
    print(f"Look at {folder}: samples/, curve.png, metrics.jsonl. Go on with your own text:")
    print("   seriatim train FILE      seriatim sample runs/…      seriatim evaluate runs/…")


def _steps(seconds: int) -> int:
    """How many steps fit: measured on this machine for a moment, so that a slow one is not kept busy."""
    import torch

    from seriatim.models import Transformer, TransformerConfig

    with torch.random.fork_rng(devices=[]):
        model = Transformer(TransformerConfig(symbols=384, context=96))
        x = torch.zeros(16, 97, dtype=torch.long)
        times = [time.perf_counter()]
        for _ in range(4):
            (-model.log_probs(x).mean()).backward()
            times.append(time.perf_counter())
        each = (times[-1] - times[1]) / 3  # the first is slow
    return max(50, min(2000, int(seconds / (1.3 * each))))
