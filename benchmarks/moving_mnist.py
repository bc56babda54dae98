"""Moving MNIST: the Video Pixel Network, without dilation, and without its decoder, at equal time.

    OMP_NUM_THREADS=1 python benchmarks/moving_mnist.py FOLDER [--minutes 8] [--seeds 0 1] [--measure binary grey]
        [--contestants whole "no decoder"] [--size 32] [--sheet FILE.png]

The contestants have (nearly) equal weights. Each is trained for the same CPU time on one thread: its seconds per step
are measured first, and the steps follow from them. Films are those of `moving-mnist` (`seriatim data info` tells how
they are made): 20 frames, two digits; 10 frames given and 10 predicted. `binary`: white from 128 on, exact nats/frame.
`grey`: the paper's measure, the cross-entropy of a Bernoulli with grey targets, which is no likelihood.

Writes a table to standard output: nats/frame of 300 test films with standard errors, paired differences from the whole
network, and validation by steps and by time. Sheets of predictions are left in the runs. A run that is there is not
trained again; one that was interrupted goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import seriatim
from seriatim import VideoModel, VideoOptions
from seriatim.data.options import DataOptions
from seriatim.drawing.films import save_compared, save_films
from seriatim.models import VPNConfig, vpn
from seriatim.training.optim import optimiser_of
from seriatim.training.options import TrainOptions
from seriatim.video.data.opening import open_set

CONTESTANTS: dict[str, dict[str, Any]] = {
    "whole": {},
    "no dilation": {"dilations": (1,)},
    "no decoder": {"decoder": "none"},
}
FILTERS, BATCH, GIVEN, TEST, SHEET = 8, 4, 10, 300, 6
SHOWN = (1, 4, 5)
MEASURES: dict[str, tuple[int, dict[str, Any]]] = {"binary": (2, {}), "grey": (256, {"head": "bernoulli"})}


def seconds_per_step(net: dict[str, Any], levels: int, size: int) -> float:
    """CPU time of a training step, the median of eight."""
    model = vpn(VPNConfig(size, size, 1, levels, filters=FILTERS, **net))
    optimiser = optimiser_of(model, TrainOptions(optimiser="muon"))
    x, spent = torch.randint(levels, (BATCH, 20, size, size, 1)), list[float]()
    for _ in range(10):
        start = time.process_time()
        optimiser.zero_grad()
        (-model.log_prob(x).mean() / x[0].numel()).backward()
        optimiser.step()
        spent.append(time.process_time() - start)
    return float(np.median(spent[2:]))


def trained(out: Path, net: dict[str, Any], options: VideoOptions, steps: int, seed: int) -> VideoModel:
    """The run of a contestant, from where it stands."""
    done = out / "done.json"
    if not done.exists():
        start = time.process_time()
        common: dict[str, Any] = {"out": out, "quiet": True, "device": "cpu"}
        if (out / "train").exists():
            seriatim.train("moving-mnist", resuming=True, **common)
        else:
            seriatim.train(
                "moving-mnist",
                "vpn",
                net={"filters": FILTERS, **net},
                video=options,
                steps=steps,
                batch=BATCH,
                seed=seed,
                evaluate_every=max(1, steps // 8),
                samples=0,
                **common,
            )
        done.write_text(json.dumps({"cpu_seconds": time.process_time() - start}))
    model = seriatim.load(out)
    assert isinstance(model, VideoModel)
    return model


def frames_of(model: VideoModel, films: Any) -> np.ndarray:
    """(N,) nats/frame of the predicted frames of each test film."""
    x = np.stack([films.x[i] for i in range(TEST)])
    terms = model.terms([*x], batch=BATCH)
    return -np.stack(terms)[:, GIVEN:].sum((2, 3)).mean(1)


def sheet(folder: Path, measure: str, seed: int, path: Path) -> None:
    """Of a few test films: the film, the whole network's continuation, and that of the one without a decoder."""
    rows: list[np.ndarray] = []
    for name in ("whole", "no-decoder"):
        model = seriatim.load(folder / f"{measure}-{name}-{seed}")
        assert isinstance(model, VideoModel)
        options = VideoOptions(size=(32,), levels=MEASURES[measure][0])
        films = open_set("moving-mnist", options, DataOptions()).splits["test"].x
        x = model.shown(np.stack([films[i] for i in SHOWN]))
        rows += [] if rows else [x]
        rows.append(model.sample(len(x), frames=20, begun=x[:, :GIVEN], seed=seed))
    together = np.stack(rows, 1).reshape(-1, *rows[0].shape[1:])
    save_films(together, path, [20, GIVEN, GIVEN] * len(SHOWN))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--measure", nargs="+", choices=list(MEASURES), default=["binary"])
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--sheet", type=Path, help="draw films of the first seed here and train nothing")
    parser.add_argument("--contestants", nargs="+", choices=list(CONTESTANTS), default=list(CONTESTANTS))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.sheet is not None:
        sheet(asked.folder, asked.measure[0], asked.seeds[0], asked.sheet)
        return
    asked.folder.mkdir(parents=True, exist_ok=True)
    for measure in asked.measure:
        levels, head = MEASURES[measure]
        options = VideoOptions(size=(asked.size,), levels=levels)
        reel = open_set("moving-mnist", options, DataOptions())
        films = reel.splits["test"]
        for seed in asked.seeds:
            base: np.ndarray | None = None
            for name, own in {each: CONTESTANTS[each] for each in asked.contestants}.items():
                net = {**own, **head}
                at = "" if asked.size == 32 else f"-{asked.size}"
                out = asked.folder / f"{measure}-{name.replace(' ', '-')}-{seed}{at}"
                plan = asked.folder / f"{out.name}.json"
                if not plan.exists():
                    each = seconds_per_step(net, levels, asked.size)
                    steps = max(8, round(asked.minutes * 60 / each))
                    plan.write_text(json.dumps({"steps": steps, "seconds_per_step": each}))
                sizes = json.loads(plan.read_text())
                model = trained(out, net, options, sizes["steps"], seed)
                found = asked.folder / f"{out.name}.npy"
                if not found.exists():
                    np.save(found, frames_of(model, films))
                    x = np.stack([films.x[i] for i in range(SHEET)])
                    x = model.shown(x)
                    drawn = model.sample(SHEET, frames=20, begun=x[:, :GIVEN], seed=seed)
                    save_compared(x, drawn, GIVEN, out / "predicted")
                nats = np.load(found)
                print(_line(f"{measure} seed {seed} {name:12s}", model, sizes, nats, base), flush=True)
                base = nats if base is None else base
                print("    " + _curve(out, sizes["seconds_per_step"]), flush=True)


def _line(title: str, model: VideoModel, sizes: dict[str, Any], nats: np.ndarray, base: np.ndarray | None) -> str:
    """A row of the table; `base`: the figures of the whole network on the same films."""
    weights = sum(p.numel() for p in model.model.parameters())
    error = nats.std(ddof=1) / np.sqrt(len(nats))
    line = f"{title} {weights:7,} weights, {sizes['steps']:5,} steps of {sizes['seconds_per_step']:.2f} s: "
    line += f"{nats.mean():7.2f} ± {error:.2f} nats/frame"
    if base is None:
        return line
    away = nats - base
    spread, share = away.std(ddof=1) / np.sqrt(len(away)), 100 * (1 - base.mean() / nats.mean())
    return f"{line}, {away.mean():+.2f} ± {spread:.2f}; the whole network is {share:.1f} % below"


def _curve(out: Path, each: float) -> str:
    """Validation, of all frames, by steps and by minutes."""
    rows = [json.loads(row) for row in (out / "metrics.jsonl").read_text().splitlines()]
    key = next(k for row in rows for k in row if k.startswith("validation"))
    curve = [(row["step"], row[key]) for row in rows if key in row]
    return "  ".join(f"{s} ({s * each / 60:.1f} min): {v:.1f}" for s, v in curve)


if __name__ == "__main__":
    main()
