"""Daily returns: does a deep model beat GARCH(1, 1) with Student's t?

    python benchmarks/returns.py FOLDER [--sets sp500,nasdaq]

One-step log-likelihood in nats per value of the test split (the last tenth), each family with its default settings and
the weights that are best on validation (the tenth before). The difference to GARCH is paired by day; ± is its standard
error over blocks of 20 days. The package arch fits the same model to the same training days.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from arch import arch_model
from scipy import stats

import seriatim
from seriatim.series.data.opening import open_set
from seriatim.series.options import SeriesOptions

LINEAR = ("garch", "arch", "ar")
FAMILIES = (*LINEAR, "lstm", "gru", "transformer", "wavenet", "mlp")
BLOCK = 20  # days


def paired(away: np.ndarray) -> tuple[float, float]:
    """Mean, and its standard error over blocks."""
    blocks = np.array([part.mean() for part in np.array_split(away, max(2, len(away) // BLOCK))])
    return float(away.mean()), float(blocks.std(ddof=1) / np.sqrt(len(blocks)))


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--sets", default="sp500,nasdaq")
    asked = arguments.parse_args()
    torch.set_num_threads(1)
    for name in asked.sets.split(","):
        data = open_set(name, SeriesOptions(), seriatim.DataOptions())
        test, train = data.splits["test"], data.splits["train"].items[0]
        first, values = test.items[0].first, test.items[0].values[:, 0]
        rows: dict[str, np.ndarray] = {}
        for family in FAMILIES:
            began = time.process_time()
            # a deep model reads at least the 64 days before a day, a linear one all of them
            options = SeriesOptions(horizon=16, past=None if family in LINEAR else 64)
            model = seriatim.train(
                name, family, out=asked.folder / f"{name}-{family}", series=options, quiet=True, device="cpu", samples=0
            )
            rows[family] = -model.log_probs(test)[0][first:]
            mean, error = paired(rows[family] - rows["garch"])
            count = sum(p.numel() for p in model.model.parameters())
            print(
                f"{name} {family}: {rows[family].mean():.4f} nats/value, less GARCH {mean:+.4f} ± {error:.4f}, "
                f"{count:,} weights, {time.process_time() - began:.0f} s",
                flush=True,
            )
        fitted = arch_model(values[: train.steps], dist="t", rescale=False).fit(disp="off")
        fixed = arch_model(values, dist="t", rescale=False).fix(fitted.params.to_numpy())
        sigma = np.asarray(fixed.conditional_volatility)
        nu, mu = float(fitted.params["nu"]), float(fitted.params["mu"])
        width = sigma * np.sqrt((nu - 2) / nu)
        own = -stats.t.logpdf(values, nu, mu, width)[first:]
        mean, error = paired(own - rows["garch"])
        print(
            f"{name} arch's GARCH(1, 1): {own.mean():.4f} nats/value, less ours {mean:+.4f} ± {error:.4f}", flush=True
        )


if __name__ == "__main__":
    main()
