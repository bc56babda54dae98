"""ETT_1H of fev-bench: 14 hourly series, 20 windows of a week, one fit on what precedes the first of them.

    python benchmarks/series_ett.py FOLDER [--period earlier] [--seeds 0,1,2] [--models day-block,lstm,ar] [--steps N]

Settings were chosen with `--period earlier`, the 3,360 hours before those of the benchmark. SQL and MASE as the
benchmark has them; ± is the standard error of the difference to the naive one, paired over windows. With --together,
the last row pools the paths of all these models, as many of each.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import seriatim
from seriatim.data.options import WHOLE
from seriatim.series.data.opening import open_set
from seriatim.series.data.panel import Panel
from seriatim.series.data.windows import Window
from seriatim.series.figures import naive_scale
from seriatim.series.model import SeriesModel
from seriatim.series.options import SeriesOptions
from seriatim.series.rolling import naive, origins_of, quantile_loss, repeated, rolling

HORIZON, ORIGINS, PATHS = 168, 20, 200
HELD = HORIZON * ORIGINS
_BLOCK = SeriesOptions(past=336, horizon=168, block=24, rotation="dct")
_HOURLY = SeriesOptions(past=336, horizon=168)
_TRAIN = {"lr": 2e-3, "weight_decay": 0.01, "ema": 0.995, "final": 0.01, "warmup": 100, "batch": 64}
SETTINGS: dict[str, dict[str, Any]] = {
    "day-block": {
        "family": "mlp", "series": _BLOCK, "steps": 7200,
        "net": {"width": 64, "layers": 2, "head": "mixture", "lags": tuple(range(1, 15))},
    },
    "lstm": {
        "family": "lstm", "series": _HOURLY, "steps": 2000,
        "net": {"width": 40, "layers": 2, "head": "student"},
    },
    "ar": {"family": "ar", "series": _HOURLY, "steps": 0, "net": {}},
}  # fmt: skip


def panel(period: str) -> Panel:
    """All series up to the end of a period."""
    whole = open_set("ett-1h", SeriesOptions(), WHOLE).splits["train"]
    if period == "test":
        return whole
    items = [
        dataclasses.replace(each, values=each.values[:-HELD], times=None if each.times is None else each.times[:-HELD])
        for each in whole.items
    ]
    return dataclasses.replace(whole, items=items)


def before(whole: Panel) -> Panel:
    """What precedes the first window."""
    items = [
        dataclasses.replace(each, values=each.values[:-HELD], times=None if each.times is None else each.times[:-HELD])
        for each in whole.items
    ]
    return dataclasses.replace(whole, items=items)


def naives(whole: Panel) -> dict[str, dict[str, float]]:
    """Seasonal naives with empirical quantiles of the hours of the last days."""
    rows: dict[str, list[tuple[float, float]]] = {}
    for window in origins_of(whole, HORIZON, ORIGINS):
        values = whole.items[window.owner].values
        past, truth = values[: window.at, 0], values[window.at : window.at + HORIZON, 0]
        scale = naive_scale(past[:, None], 24)[0]
        mase = float(np.abs(truth - repeated(past, HORIZON, 24)).mean() / scale)
        for days in (10, 21, 28):
            loss = float(quantile_loss(naive(past, HORIZON, 24, days), truth).mean() / scale)
            rows.setdefault(f"naive, {days} days", []).append((loss, mase))
    return {name: {"sql": np.mean(each, 0)[0], "mase": np.mean(each, 0)[1]} for name, each in rows.items()}


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--period", choices=("earlier", "test"), default="test")
    arguments.add_argument("--seeds", default="0")
    arguments.add_argument("--models", default=",".join(SETTINGS))
    arguments.add_argument("--steps", type=int)
    arguments.add_argument("--net", default="{}", help="JSON that overrides sizes")
    arguments.add_argument("--together", action="store_true")
    arguments.add_argument("--train", default="{}", help="JSON that overrides training options")
    asked = arguments.parse_args()
    torch.set_num_threads(1)
    whole = panel(asked.period)
    for name, row in naives(whole).items():
        print(f"{name:22s} SQL {row['sql']:.4f} MASE {row['mase']:.4f}")
    held = dataclasses.replace(
        whole, items=[dataclasses.replace(each, first=each.steps - HELD) for each in whole.items]
    )
    models: list[SeriesModel] = []
    for name in asked.models.split(","):
        made = SETTINGS[name]
        for seed in map(int, asked.seeds.split(",")):
            began = time.process_time()
            steps = asked.steps or made["steps"]
            options = {**_TRAIN, "steps": steps, **json.loads(asked.train)} if steps else {}  # a linear model is fitted
            model = seriatim.train(
                before(whole), made["family"], kind="series", series=made["series"], quiet=True, device="cpu",
                out=asked.folder / f"{asked.period}-{name}-{seed}", data=seriatim.DataOptions(0.0, 0.0),
                net={**made["net"], **json.loads(asked.net)}, seed=seed, samples=0, **options,
            )  # fmt: skip
            trained = time.process_time() - began
            assert isinstance(model, SeriesModel)
            models.append(model)
            found = model.rolling(whole, HORIZON, ORIGINS, PATHS, seed)
            nats = model.evaluate(held).nats_per_value
            (mean, error), row = next(iter(found.differences.values())), found.rows["model"]
            print(
                f"{name} seed {seed}: SQL {row['sql']:.4f} MASE {row['mase']:.4f} coverage {row['coverage_80']:.3f} "
                f"nats/value {nats:.4f}; naive 28 days less it {mean:.4f} ± {error:.4f}; "
                f"{sum(p.numel() for p in model.model.parameters()):,} weights, {trained:.0f} s to train, "
                f"{time.process_time() - began - trained:.0f} s to forecast",
                flush=True,
            )
    if asked.together:

        def pooled(windows: list[Window]) -> list[np.ndarray]:
            each = PATHS // len(models)
            drawn = [model.paths(whole, windows, HORIZON, each, seed=0) for model in models]
            return [np.concatenate(paths) for paths in zip(*drawn, strict=True)]

        found = rolling(pooled, whole, HORIZON, ORIGINS, 24)
        (mean, error), row = next(iter(found.differences.values())), found.rows["model"]
        print(
            f"all {len(models)} together: SQL {row['sql']:.4f} MASE {row['mase']:.4f} "
            f"coverage {row['coverage_80']:.3f}; naive 28 days less it {mean:.4f} ± {error:.4f}"
        )


if __name__ == "__main__":
    main()
