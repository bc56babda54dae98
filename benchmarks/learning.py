"""How fast models learn from their beginnings, with AdamW and with Muon.

    python benchmarks/learning.py [--out learning.jsonl] [--sets begin nano curves] [--label NAME] [--draw PICTURE]

begin: 400 steps of batch 8 on tinyshakespeare with AdamW, default learning rate, 50,000 validation symbols; seeds 0-2.
nano: the preset nanogpt-cpu, 1,000 and 2,000 steps, the whole validation split in windows of 64 that move on by 32;
seeds 0-2.
curves: six families on data of their own with their default optimisers, seed 0, by CPU time of the steps. --label marks
the code they were made with, so that two checkouts can be put side by side:
PYTHONPATH=OTHER/src python benchmarks/learning.py --sets curves --label before.

One thread. A result is a line of OUT; what is there is not run again, so an interrupted benchmark goes on. About an
hour and a half on one core.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

import seriatim
from seriatim.text.data.opening import open_corpus
from seriatim.text.options import TokenOptions
from seriatim.training.presets import PRESETS

SEEDS = 0, 1, 2
SMALL: dict[str, dict[str, Any]] = {
    "gru": {"width": 96, "layers": 2},
    "lstm": {"width": 96, "layers": 2},
    "bytenet": {"width": 48, "sets": 1},
    "transformer": {"width": 96, "layers": 2},
}
OTHERS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "gated-pixelcnn": ("fashion-mnist", {"filters": 24, "layers": 5}, {"batch": 8, "steps": 600}),
    "wavenet": (
        "spoken-digits",
        {"residual": 32, "gate": 32, "skip": 64, "dilations": 8, "cycles": 2},
        {"batch": 4, "steps": 400},
    ),
}

Job = dict[str, Any]


def jobs(sets: list[str], label: str) -> Iterator[Job]:
    for seed in SEEDS:
        for family in SMALL:
            if "begin" in sets:
                yield {"set": "begin", "family": family, "optimiser": "adamw", "steps": 400, "seed": seed}
        for optimiser, steps in (("muon", 1000), ("muon", 2000), ("adamw", 2000)):
            if "nano" in sets:
                yield {"set": "nano", "family": "transformer", "optimiser": optimiser, "steps": steps, "seed": seed}
    if "curves" in sets:
        yield from ({"set": "curves", "label": label, "family": family} for family in (*SMALL, *OTHERS))


def measure(job: Job, folder: Path) -> dict[str, Any]:
    """One run: its evaluations, and the CPU time of a step."""
    times, curve = [time.process_time()], list[tuple[int, float]]()

    def on_step(_: object) -> None:
        times.append(time.process_time())

    def on_evaluation(event: Any) -> None:
        curve.append((event.step, event.value))

    common: Job = {"out": folder, "device": "cpu", "quiet": True, "samples": 0}
    common |= {"on_step": on_step, "on_evaluation": on_evaluation}
    final = None
    if job["set"] == "nano":
        preset = PRESETS["nanogpt-cpu"]
        train = {**preset.train, "optimiser": job["optimiser"], "steps": job["steps"], "seed": job["seed"]}
        if job["optimiser"] == "adamw":
            train["lr"] = 1e-3  # the best of 1e-3, 2e-3 and 4e-3 after 500 steps: 1.836, 1.842 and 1.864
        tokens = TokenOptions(**preset.options["tokens"])
        model = seriatim.train("tinyshakespeare", "transformer", net=preset.net, tokens=tokens, **train, **common)
        held = list(open_corpus("tinyshakespeare").splits["validation"])
        final = model.evaluate(held, window=64, stride=32).nats_per_token
    else:
        data, net, train = OTHERS.get(job["family"]) or ("tinyshakespeare", SMALL[job["family"]], {})
        train = {"batch": 8, "steps": 400, **train}
        if job["set"] == "begin":
            train |= {"optimiser": job["optimiser"], "seed": job["seed"]}
        seriatim.train(data, job["family"], net=net, evaluate_every=max(1, train["steps"] // 10), **train, **common)
    each = statistics.median(b - a for a, b in pairwise(times))
    return {"job": job, "curve": curve, "final": final, "seconds_per_step": each}


def table(rows: list[dict[str, Any]]) -> None:
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        job, value = row["job"], row["final"] or row["curve"][-1][1]
        what = ", ".join(str(job[key]) for key in ("set", "label", "family", "optimiser", "steps") if key in job)
        found[what].append((value, row["seconds_per_step"]))
    print("| what | mean at the end | seeds | CPU ms a step |\n|---|---:|---|---:|")
    for what, some in sorted(found.items()):
        values = [value for value, _ in some]
        pace = statistics.median(seconds for _, seconds in some) * 1000
        print(f"| {what} | {statistics.mean(values):.4f} | "
              f"{', '.join(f'{v:.4f}' for v in values)} | {pace:.1f} |")  # fmt: skip


def draw(rows: list[dict[str, Any]], picture: Path) -> None:
    """Small multiples: a family each, a line for each label."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.4), dpi=90)
    FigureCanvasAgg(figure)
    families = [*SMALL, *OTHERS]
    for number, family in enumerate(families):
        axes = figure.add_subplot(2, 3, number + 1)
        for row in rows:
            if row["job"]["set"] == "curves" and row["job"]["family"] == family:
                seconds = [step * row["seconds_per_step"] for step, _ in row["curve"]]
                axes.plot(seconds, [value for _, value in row["curve"]], marker=".", label=row["job"]["label"])
        axes.set_title(family, fontsize=10)
        axes.set_xlabel("CPU seconds", fontsize=8)
        axes.set_ylabel(
            "nats/token" if family in SMALL else "bits/dim" if "pixel" in family else "bits/sample", fontsize=8
        )
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(picture)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("learning.jsonl"))
    parser.add_argument("--sets", nargs="*", default=["begin", "nano", "curves"])
    parser.add_argument("--label", default="after")
    parser.add_argument("--draw", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [json.loads(line) for line in arguments.out.read_text().splitlines()] if arguments.out.exists() else []
    done = [row["job"] for row in rows]
    for job in jobs(arguments.sets, arguments.label):
        if job not in done:
            with tempfile.TemporaryDirectory() as folder:
                rows.append(measure(job, Path(folder) / "run"))
            with arguments.out.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
            print(job, rows[-1]["final"] or rows[-1]["curve"][-1][1], flush=True)
    table(rows)
    if arguments.draw is not None:
        draw(rows, arguments.draw)


if __name__ == "__main__":
    main()
