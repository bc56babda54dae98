"""seriatim demo."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seriatim.cli.common import set_threads
from seriatim.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from seriatim.models import Model


def demo(*, out: Path = Path("demo"), seconds: int = 110, threads: int | None = None) -> None:
    """Train on English text that comes with Python and on scikit-learn's digits, evaluate and sample.

    Writes two runs with samples, learning curves and checkpoints.

    Parameters
    ----------
    out
        Output folder; an existing demo is kept, and the new one gets another name.
    seconds
        Approximate training time in total.
    threads
        CPU threads. Default: one or all, whichever is faster.
    """
    set_threads(threads)
    if seconds < 1:
        raise UserError(f"--seconds is {seconds}; give 1 or more")
    counts = _counts(threads)
    _text(_fresh(out, "text"), seconds / 2, counts)
    _digits(_fresh(out, "digits"), seconds / 2, counts)
    print(f"\nLook at {out}: samples, curve.png and metrics.jsonl of each run. Go on with your own data:")
    print("   seriatim train FILE      seriatim sample runs/…      seriatim evaluate runs/…")


def _fresh(out: Path, name: str) -> Path:
    folder, n = out / name, 2
    while folder.exists():
        folder, n = out / f"{name}-{n}", n + 1
    return folder


def _text(folder: Path, seconds: float, counts: Sequence[int]) -> None:
    import torch

    from seriatim.models import Transformer, TransformerConfig
    from seriatim.text.data.opening import open_corpus
    from seriatim.text.model import TextModel
    from seriatim.training import run
    from seriatim.training.options import TrainOptions
    from seriatim.training.plan import Plan
    from seriatim.walks.threads import one_thread

    print("1. Training on Python's help texts, character by character", flush=True)
    config = TransformerConfig(symbols=384, context=96)
    steps = _steps(seconds, lambda: Transformer(config), torch.zeros(16, 97, dtype=torch.long), counts)
    fixed = run.Means(fixed_threads=True)  # measured already
    train = TrainOptions(steps=steps, batch=16, lr=4e-3, evaluate_every=max(1, steps // 5))
    model = run.start(Plan("pydoc", net={"context": 96}, train=train), folder, fixed)
    assert isinstance(model, TextModel)
    print("\n2. Exact likelihood of held-out topics")
    began = time.perf_counter()
    figures = model.evaluate(open_corpus("pydoc").splits["test"])
    error = figures.bits_per_byte * figures.relative_error
    print(
        f"   {figures.bits_per_byte:.3f} ± {error:.3f} bits/byte, {figures.nats_per_token:.3f} nats/token over "
        f"{figures.tokens:,} characters ({time.perf_counter() - began:.1f} s); 8 bits/byte is uniform"
    )
    print("\n3. Samples at temperature 0.7\n")
    began = time.perf_counter()
    with one_thread():
        samples = model.sample(["The ", "Class "], max_length=300, temperature=0.7, seed=1)
    taken = time.perf_counter() - began
    for sample in samples:
        print("   " + str(sample).replace("\n", "\n   ") + "\n")
    drawn = sum(len(sample.symbols) for sample in samples)
    (folder / "samples" / "demo.txt").write_text("\n\n".join(map(str, samples)) + "\n", encoding="utf-8")
    print(f"   {drawn / taken:.0f} characters/s\n")


def _digits(folder: Path, seconds: float, counts: Sequence[int]) -> None:
    import numpy as np
    import torch

    from seriatim import config as configs
    from seriatim.drawing.sheets import save_grid
    from seriatim.image.data.opening import open_gallery
    from seriatim.image.figures import ImageFigures
    from seriatim.image.model import ImageModel
    from seriatim.image.options import ImageOptions
    from seriatim.models import GatedPixelCNN, GatedPixelCNNConfig
    from seriatim.training import run
    from seriatim.training.options import TrainOptions
    from seriatim.training.plan import Plan
    from seriatim.walks.threads import one_thread

    print("4. Training on digits, 8 × 8 pixels of 17 greys, conditioned on the digit", flush=True)
    net = {"filters": 48, "layers": 5, "first": 5}
    config = configs.read(GatedPixelCNNConfig, {"height": 8, "width": 8, "levels": 17, **net}, "net")
    steps = _steps(seconds, lambda: GatedPixelCNN(config), torch.zeros(32, 8, 8, 1, dtype=torch.long), counts)
    fixed = run.Means(fixed_threads=True)
    train = TrainOptions(steps=steps, batch=32, lr=3e-3, evaluate_every=max(1, steps // 5), ema=0.99, optimiser="muon")
    options = ImageOptions(levels=17)
    model = run.start(
        Plan("digits", "image", "gated-pixelcnn", net=net, options={"image": options}, train=train), folder, fixed
    )
    assert isinstance(model, ImageModel)
    held = open_gallery("digits", options).splits["test"]
    figures = model.evaluate(held)
    assert isinstance(figures, ImageFigures)
    error = figures.standard_error / (figures.dims * math.log(2))
    print("\n5. Exact likelihood of held-out digits")
    print(
        f"   {figures.bits_per_dim:.3f} ± {error:.3f} bits/dim given label over {figures.images} pictures; "
        f"{np.log2(17):.2f} bits/dim is uniform"
    )
    began = time.perf_counter()
    with one_thread():
        drawn = model.sample(40, given={"label": [str(i % 10) for i in range(40)]}, seed=1)
    taken = time.perf_counter() - began
    assert held.labels is not None
    each = [[i for i, label in enumerate(held.labels) if label == str(digit)] for digit in range(10)]
    real = held.x[[each[i % 10][i // 10] for i in range(40)]]
    sheet = folder / "samples" / "demo.png"
    gap = np.full((10, *drawn.shape[1:]), 128, np.uint8)
    save_grid(np.concatenate([drawn, gap, real]), sheet, columns=10)
    print(f"\n6. {sheet}: four samples of each digit ({40 / taken:.0f} pictures/s); below the gap, four real ones")


def _counts(threads: int | None) -> list[int]:
    """The numbers of threads to try."""
    import torch

    return sorted({1, torch.get_num_threads()}) if threads is None else [threads]


def _steps(seconds: float, make: Callable[[], Model], x: Tensor, counts: Sequence[int]) -> int:
    """The number of steps that fit into the time, from a short measurement.

    Also sets the fastest number of threads.
    """
    import torch

    from seriatim.walks.threads import timed

    with torch.random.fork_rng(devices=[]):
        model = make()

        def step() -> None:
            (-model.log_probs(x).mean()).backward()

        each = timed(step, counts)
    best = min(each, key=lambda count: each[count])
    torch.set_num_threads(best)
    return max(50, min(2000, int(seconds / (1.3 * each[best]))))
