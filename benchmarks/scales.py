"""Does a slow scale that runs ahead help? Counting lines by a WaveNet, one with a context stack, a cascade of two.

    python benchmarks/scales.py [--minutes 60] [--seeds 1] [--folder scales] [--factor 8] [--length 8192] [--batch 4]

The channels are chosen so that weights are equal within 5 %. Every contestant trains for the same CPU time on one
thread (--minutes); the number of steps follows from the time of a few, measured first. Counting lines
(`spoken-counting`) without conditions: only who hears that a digit follows a digit can know what comes. Bits per sample
of held-out lines with standard errors over lines; and by the time since a digit began, in the silence between, as
differences from the first.

A run is a folder in FOLDER, a result a line of FOLDER/results.jsonl; what is there is not run again, and a run that was
interrupted goes on where it was last saved.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import shutil
import statistics
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

import seriatim
from seriatim.audio.data.opening import open_set
from seriatim.audio.data.recordings import Takes
from seriatim.audio.model import AudioModel
from seriatim.data.options import DataOptions
from seriatim.models import SoundScalesConfig, WaveNet, WaveNetConfig, multiscale_sound

DATA = "spoken-counting"
SINGLE: dict[str, Any] = {"residual": 48, "gate": 48, "skip": 128, "dilations": 9, "cycles": 2}
CONTESTANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "one WaveNet": ("wavenet", SINGLE),
    "with a context stack": (
        "wavenet",
        {**SINGLE, "stacks": (128,), "stack_dilations": 6, "stack_channels": 16},
    ),
    "a cascade of two": (
        "multiscale",
        {**SINGLE, "scales": 2, "factor": 8, "look_ahead": 4, "skip": 96, "dilations": 8},
    ),
}
LENGTH, BATCH, PILOT = 8192, 4, 8
EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, math.inf)  # seconds since a digit began

Job = dict[str, Any]


def weights(family: str, net: dict[str, Any]) -> int:
    """Parameters of a model of these sizes."""
    model = WaveNet(WaveNetConfig(**net)) if family == "wavenet" else multiscale_sound(SoundScalesConfig(**net))
    return sum(p.numel() for p in model.parameters())


def fitted(factor: int) -> dict[str, tuple[str, dict[str, Any]]]:
    """The contestants, with as many channels as bring their weights nearest to those of the first."""
    wanted, found = weights("wavenet", SINGLE), dict[str, tuple[str, dict[str, Any]]]()
    for name, (family, usual) in CONTESTANTS.items():
        net = {**usual, "factor": factor} if family == "multiscale" else usual
        each = {r: weights(family, {**net, "residual": r, "gate": r}) for r in range(16, 65)}
        r = min(each, key=lambda r: abs(each[r] - wanted))
        if abs(each[r] / wanted - 1) > 0.05:
            raise SystemExit(f"{name}: {each[r]:,} weights, expected {wanted:,} within 5 %")
        found[name] = family, {**net, "residual": r, "gate": r}
    return found


def trained(
    family: str, net: dict[str, Any], out: Path, steps: int, seed: int, length: int, batch: int
) -> tuple[Any, list[float]]:
    """The model after `steps`, going on with what is in `out`; and the CPU seconds of the steps made now."""
    times, took = [time.process_time()], list[float]()

    def on_step(_: object) -> None:
        took.append(time.process_time() - times[-1])

    def before(_: object) -> None:
        times.append(time.process_time())  # an evaluation is no step

    def both(step: object) -> None:
        on_step(step)
        before(step)

    if (out / "train" / "state.json").exists():
        model = seriatim.train(DATA, out=out, resuming=True, quiet=True, on_step=both, on_evaluation=before)
        return model, took
    shutil.rmtree(out, ignore_errors=True)
    model = seriatim.train(
        DATA, family, out=out, net=net, steps=steps, seed=seed, batch=batch, device="cpu", quiet=True, samples=0,
        evaluate_every=max(1, steps // 8), evaluate_symbols=100_000, patience=0,
        audio=seriatim.AudioOptions(length=length, given=False), on_step=both, on_evaluation=before,
    )  # fmt: skip
    return model, took


def held_out(split: str) -> Takes:
    return open_set(DATA, seriatim.AudioOptions(given=False), DataOptions()).splits[split]


def kinds(takes: Takes, rate: int) -> Iterator[np.ndarray[Any, Any]]:
    """Of each line, the number of each sample's row of the table."""
    for x, marks in zip(takes.x, takes.marks, strict=True):
        kind = np.full(len(x), len(EDGES) - 1)
        for begin, end in marks:
            kind[begin:end] = np.searchsorted(EDGES, np.arange(end - begin) / rate, side="right") - 1
        yield kind


def measured(model: AudioModel, takes: Takes) -> dict[str, Any]:
    """Bits of each line in each row of the table, how many samples those are, and the pace of drawing."""
    rows = len(EDGES)
    bits, counts = list[list[float]](), list[list[int]]()
    for terms, kind in zip(model.log_probs(takes.x), kinds(takes, model.rate), strict=True):
        bits.append(np.bincount(kind, -terms / math.log(2), minlength=rows).tolist())
        counts.append(np.bincount(kind, minlength=rows).tolist())
    model.sample(0.02)
    start = time.process_time()
    model.sample(0.2)
    return {"bits": bits, "counts": counts, "samples_per_second": 0.2 * model.rate / (time.process_time() - start)}


def with_error(bits: np.ndarray[Any, Any], counts: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Σ bits / Σ counts, and its standard error over lines."""
    mean = float(bits.sum() / max(1, counts.sum()))
    away = bits - mean * counts
    spread = (away**2).sum() * len(away) / max(1, len(away) - 1)
    return mean, math.sqrt(spread) / max(1, float(counts.sum()))


def tables(results: list[dict[str, Any]]) -> None:
    print("| | seed | weights | looks back (ms) | steps | CPU minutes | draws samples/s | bits/sample |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for row in results:
        mean, error = with_error(np.array(row["bits"]).sum(1), np.array(row["counts"]).sum(1))
        print(
            f"| {row['job']['name']} | {row['job']['seed']} | {row['weights']:,} | {row['past_ms']:.0f} | "
            f"{row['steps']:,} | {row['cpu_minutes']:.1f} | {row['samples_per_second']:,.0f} | "
            f"{mean:.4f} ± {error:.4f} |"
        )
    names = [f"{1e3 * a:.0f} to {1e3 * b:.0f} ms of a digit" for a, b in pairwise(EDGES[:-1])]
    names += [f"beyond {1e3 * EDGES[-2]:.0f} ms", "silence", "all"]
    for seed in sorted({row["job"]["seed"] for row in results}):
        some = [row for row in results if row["job"]["seed"] == seed]
        others = " | ".join(f"{row['job']['name']} − first" for row in some[1:])
        print(f"\nseed {seed}, bits/sample\n\n| | samples | {some[0]['job']['name']} | {others} |")
        print(f"|---|{'---:|' * (len(some) + 1)}")
        counts = np.array(some[0]["counts"])
        for number, name in enumerate(names):
            chosen = slice(None) if name == "all" else slice(number, number + 1)
            count = counts[:, chosen].sum(1)
            first = np.array(some[0]["bits"])[:, chosen].sum(1)
            cells = ["{:.4f} ± {:.4f}".format(*with_error(first, count))]
            for row in some[1:]:
                cells.append(
                    "{:+.4f} ± {:.4f}".format(*with_error(np.array(row["bits"])[:, chosen].sum(1) - first, count))
                )
            print(f"| {name} | {count.sum():,} | {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="of CPU time for the steps of each contestant")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("scales"))
    parser.add_argument("--split", default="test")
    parser.add_argument("--factor", type=int, default=8, help="of the cascade")
    parser.add_argument("--lines", type=int, default=None, help="evaluate only the first N lines")
    parser.add_argument("--length", type=int, default=LENGTH, help="samples that count of a training excerpt")
    parser.add_argument("--batch", type=int, default=BATCH, help="excerpts")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.folder.mkdir(parents=True, exist_ok=True)
    file = asked.folder / "results.jsonl"
    results = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    takes = held_out(asked.split)
    if asked.lines is not None:
        some = slice(asked.lines)
        takes = dataclasses.replace(
            takes, x=takes.x[some], labels={}, names=takes.names[some], tracks={}, marks=takes.marks[some]
        )
    jobs: list[Job] = []
    for seed in range(asked.seeds):
        for name, (family, net) in fitted(asked.factor).items():
            job: Job = {"name": name, "seed": seed, "minutes": asked.minutes, "net": json.loads(json.dumps(net))}
            job |= {"split": asked.split, "lines": asked.lines, "length": asked.length, "batch": asked.batch}
            jobs.append(job)
            if any(row["job"] == job for row in results):
                continue
            size, own = (asked.length, asked.batch), f"-{asked.factor}" if family == "multiscale" else ""
            shape = f"{asked.minutes:g}-{asked.length}-{asked.batch}{own}"
            place = asked.folder / f"{name.replace(' ', '-')}-{seed}-{shape}"
            note = asked.folder / f"{place.name}.json"  # steps, and the CPU time of those before an interruption
            if not note.exists():
                _, took = trained(family, net, asked.folder / "pilot", PILOT, seed, *size)
                shutil.rmtree(asked.folder / "pilot")
                pace = statistics.median(took[2:])
                note.write_text(json.dumps({"steps": max(1, round(60 * asked.minutes / pace)), "pace": pace}))
            planned = json.loads(note.read_text())
            model, took = trained(family, net, place, planned["steps"], seed, *size)
            pace = statistics.mean(took) if took else planned["pace"]
            result: Job = {"job": job, "weights": sum(p.numel() for p in model.model.parameters())}
            result |= {"steps": planned["steps"], "cpu_minutes": pace * planned["steps"] / 60}
            result |= {"past_ms": 1e3 * model.past / model.rate, **measured(model, takes)}
            results.append(result)
            with file.open("a") as out:
                out.write(json.dumps(result) + "\n")
            print(f"{name}, seed {seed}: done", flush=True)
    tables([row for row in results if row["job"] in jobs])


if __name__ == "__main__":
    main()
