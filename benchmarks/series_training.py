"""Training at DeepAR's size, and sample paths, next to GluonTS.

    python benchmarks/series_training.py [--peer PYTHON] [--steps N]

2 LSTM layers of 40, 64 windows of 168 + 168 hours, 14 series of ETT_1H, one thread. GluonTS pins an older pandas, so it
has an environment of its own: --peer is its Python. Seconds of CPU time a step, after the first ones; of 200 paths of
168 steps for 14 series; and of drawing them by running the network again on all that precedes each step (14 rows and
every eighth step, times what is left out).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

import seriatim
from seriatim.data import named
from seriatim.data.options import WHOLE
from seriatim.series.data.opening import open_set
from seriatim.series.options import SeriesOptions

PAST, HORIZON, BATCH, PATHS = 168, 168, 64, 200
PEER = """
import json, sys, time
import numpy as np, pandas as pd, torch
torch.set_num_threads(1)
from gluonts.dataset.pandas import PandasDataset
from gluonts.torch.model.deepar import DeepAREstimator
import lightning.pytorch as pl
steps, files = int(sys.argv[1]), sys.argv[2:]
frames = [pd.read_csv(f, index_col=0, parse_dates=True) for f in files]
data = PandasDataset({f"{i}{c}": frame[c].astype("float32") for i, frame in enumerate(frames) for c in frame}, freq="h")
class Clock(pl.Callback):
    def __init__(self): self.times = []
    def on_train_batch_end(self, *a, **k): self.times.append(time.process_time())
clock = Clock()
estimator = DeepAREstimator(freq="h", prediction_length=168, context_length=168, num_layers=2, hidden_size=40,
    batch_size=64, num_batches_per_epoch=steps, num_parallel_samples=200,
    trainer_kwargs=dict(max_epochs=1, callbacks=[clock], enable_progress_bar=False, logger=False, accelerator="cpu"))
predictor = estimator.train(data)
began = time.process_time()
found = list(predictor.predict(data))
took = time.process_time() - began
some = clock.times[len(clock.times) // 4:]
weights = sum(p.numel() for p in predictor.prediction_net.parameters())
print(json.dumps({"step": (some[-1] - some[0]) / (len(some) - 1), "paths": took, "weights": weights}))
"""


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--peer", type=Path)
    arguments.add_argument("--steps", type=int, default=40)
    asked = arguments.parse_args()
    torch.set_num_threads(1)
    panel = open_set("ett-1h", SeriesOptions(), WHOLE).splits["train"]
    times: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        model = seriatim.train(
            panel, "lstm", kind="series", out=Path(folder) / "run", series=SeriesOptions(past=PAST, horizon=HORIZON),
            net={"width": 40, "layers": 2}, data=seriatim.DataOptions(0.0, 0.0), steps=asked.steps, batch=BATCH,
            samples=0, quiet=True, device="cpu", on_step=lambda _: times.append(time.process_time()),
            evaluate_every=asked.steps,
        )  # fmt: skip
    some = times[len(times) // 4 : -1]
    step = (some[-1] - some[0]) / (len(some) - 1)
    began = time.process_time()
    model.forecast(panel, HORIZON, PATHS, seed=0)
    paths = time.process_time() - began
    began = time.process_time()
    model.forecast(panel, HORIZON // 2, PATHS, seed=0)
    half = time.process_time() - began
    count = sum(p.numel() for p in model.model.parameters())
    print(
        f"seriatim: {step:.3f} s a step, {count:,} weights; paths for 14 series: {paths:.1f} s of 168 steps, "
        f"{half:.1f} s of 84"
    )
    print(f"running the network again on everything before each step: {rerun(model, panel):.0f} s")
    if asked.peer:
        files = [str(file) for file in named.fetch("ett-1h")]
        command = [str(asked.peer), "-W", "ignore", "-c", PEER, str(asked.steps), *files]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr[-2000:])
        found = json.loads(done.stdout.splitlines()[-1])
        print(
            f"GluonTS: {found['step']:.3f} s a step, {found['weights']:,} weights; paths for 14 series: "
            f"{found['paths']:.1f} s of 168 steps; ours trains {found['step'] / step:.1f} and draws "
            f"{found['paths'] / paths:.1f} times as fast"
        )


def rerun(model: seriatim.SeriesModel, panel: object) -> float:
    """Seconds of CPU time that 14 · 200 paths of 168 steps would take without a state, from a run of 14 paths."""
    from seriatim.models.likelihood import to_given
    from seriatim.series.data.windows import Cutter, Window

    cutter = Cutter(model.panel(panel), model.codecs)
    batch = cutter.batch([Window(i, each.steps, HORIZON) for i, each in enumerate(cutter.panel.items)])
    x, given = model.model.symbols(batch.x).nan_to_num(0.0), to_given(batch.given, model.model.device)
    context = model.model.condition(given, len(x))
    began = time.process_time()
    with torch.no_grad():
        for t in range(PAST, PAST + HORIZON, 8):
            model.model.model(x[:, : t + 1], context.window(0, t + 1))  # pyright: ignore
    return (time.process_time() - began) * 8 * PATHS


if __name__ == "__main__":
    main()
