"""AR, ARMA and GARCH next to statsmodels and arch: the likelihood that each fit reaches, and how long it takes.

    python benchmarks/linear_models.py        # SERIATIM_DATA names the folder with the series

Both fit the same values in one run, on one thread. GARCH is also scored out of sample: fitted to the first 70 % of the
days, then one day ahead on the rest with the coefficients as they are. Prints a table in Markdown.
"""

from __future__ import annotations

import csv
import gzip
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seriatim.models import ARMA, GARCH, ARMAConfig, GARCHConfig
from seriatim.training.maximum import maximise


def timed(f: Callable[[], Any]) -> tuple[Any, float]:
    """The result, and CPU seconds."""
    start = time.process_time()
    return f(), time.process_time() - start


def column(path: Path, name: str) -> np.ndarray:
    """A column of numbers, NaN where it is empty."""
    read = gzip.open if path.suffix == ".gz" else open
    with read(path, "rt", newline="") as file:
        return np.array([float(row[name]) if row[name].strip() else np.nan for row in csv.DictReader(file)])


def arma(name: str, y: np.ndarray, orders: tuple[int, int, int, int, int]) -> str:
    """A row: our fit and that of statsmodels."""
    from statsmodels.tsa.arima.model import ARIMA

    p, q, season, seasonal_ar, seasonal_ma = orders
    model = ARMA(ARMAConfig(*orders)).double()
    centre, scale = float(np.nanmean(y)), float(np.nanstd(y))
    x = torch.from_numpy((y - centre) / scale)[None]
    ours, seconds = timed(lambda: maximise(model, x))
    count = int(np.isfinite(y).sum())
    ours -= count * np.log(scale)  # in the units of the data
    theirs, other = timed(
        lambda: ARIMA(y, order=(p, 0, q), seasonal_order=(seasonal_ar, 0, seasonal_ma, season), trend="c").fit()
    )
    label = f"ARMA({p}, {q})" + (f"({seasonal_ar}, {seasonal_ma})_{season}" if season else "")
    return f"| {name}, {count:,} values | {label} | {ours:.4f} | {theirs.llf:.4f} | {seconds:.2f} | {other:.2f} |"


def garch(name: str, y: np.ndarray, tails: Any, share: float = 0.7) -> list[str]:
    """Two rows: in sample, and one day ahead out of it."""
    from arch import arch_model

    cut = int(share * len(y))
    known, rest = torch.from_numpy(y[:cut])[None], torch.from_numpy(y)[None]
    model = GARCH(GARCHConfig(tails=tails)).double()
    model.set(omega=0.05, alpha=[0.1], beta=[0.85], freedom=8.0 if tails == "student" else None)
    ours, seconds = timed(lambda: maximise(model, known))
    distribution = "t" if tails == "student" else "normal"
    package = arch_model(y, dist=distribution, rescale=False)
    found, other = timed(lambda: package.fit(disp="off", last_obs=cut))
    with torch.no_grad():
        ahead = float(model.log_probs(rest)[0, cut:].sum())
    variance = found.forecast(start=cut - 1, horizon=1).variance.to_numpy()[:-1, 0]
    residuals = y[cut:] - found.params["mu"]
    parameters = [found.params["nu"]] if tails == "student" else []
    theirs = float(package.distribution.loglikelihood(parameters, residuals, variance, individual=True).sum())
    label = f"GARCH(1, 1), {tails}"
    return [
        f"| {name}, first {cut:,} days | {label} | {ours:.4f} | {found.loglikelihood:.4f} "
        f"| {seconds:.2f} | {other:.2f} |",
        f"| {name}, last {len(y) - cut:,} days, one ahead | {label} | {ahead:.4f} | {theirs:.4f} | | |",
    ]


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    place = Path(os.environ.get("SERIATIM_DATA", "data"))
    series, finance = place / "statsmodels-series", place / "arch-finance"
    print("| data | model | ours, nats | theirs, nats | ours, s | theirs, s |\n|---|---|---:|---:|---:|---:|")
    nile, sunspots = column(series / "nile.csv", "volume"), column(series / "sunspots.csv", "SUNACTIVITY")
    inflation = column(series / "macrodata.csv", "infl")
    with (series / "elnino.csv").open() as file:
        years = [row[1:] for row in csv.reader(file) if row[0].isdigit()]
    nino = np.array(years, dtype=float).ravel()
    print(arma("Nile", nile, (1, 1, 0, 0, 0)), flush=True)
    print(arma("sunspots", sunspots, (9, 0, 0, 0, 0)), flush=True)
    print(arma("inflation", inflation, (2, 2, 0, 0, 0)), flush=True)
    print(arma("El Niño", nino, (2, 0, 12, 1, 1)), flush=True)
    for name in ("sp500", "nasdaq"):
        prices = column(finance / f"{name}.csv.gz", "Adj Close")
        returns = 100 * np.diff(np.log(prices[np.isfinite(prices)]))
        for tails in ("normal", "student"):
            print("\n".join(garch(name, returns, tails)), flush=True)


if __name__ == "__main__":
    main()
