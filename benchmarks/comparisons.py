"""Families beside each other: equal weights, the best of three learning rates each, one curve over CPU time.

    OMP_NUM_THREADS=1 python benchmarks/comparisons.py [--folder comparisons] [--sections characters bytes …]
        [--minutes 8] [--seeds 0] [--contestants NAME …] [--rates 0.5 1 2] [--table] [--draw curves.png]

Of each contestant: the CPU time of a step (a pilot of 32); three learning rates, half, one and two times the family's
default (or --rates), at a quarter of the time each, by the last validation figure; then the best rate for the whole
time, as many steps as fit at the pace of those before. So a contestant takes 1.75 times --minutes; with further
--seeds, once --minutes for each, at the rate that the first seed found. The curve of the last run has validation
figures by step and by CPU time of the steps, from which equal steps and equal time are both read; the test figure is
that of `seriatim evaluate`. Weights are equal within 6 %, which is checked.

A run is a folder in FOLDER, a result a line of FOLDER/results.jsonl. What is there is not run again, and a run that was
interrupted goes on. --table prints what there is and trains nothing; --draw draws the curves of the first seed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

import seriatim
from seriatim import AudioOptions, DataOptions, ImageOptions, SourceOptions, TokenOptions
from seriatim.cli import main as command
from seriatim.image.data.opening import open_gallery
from seriatim.models import FAMILIES

PILOT, EVALUATIONS, APART = 32, 12, 0.06
EXAMPLES = Path(__file__).parent.parent / "examples"
Row = dict[str, Any]


@dataclass(frozen=True)
class Section:
    """Contestants on one data set."""

    data: str
    figure: str
    """Key of `seriatim evaluate --json`."""
    contestants: dict[str, tuple[str, dict[str, Any]]]
    train: dict[str, Any]
    evaluate: tuple[str, ...] = ()
    own: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """Of a contestant: other options of training."""
    minutes: float = 8.0
    equal: bool = True
    """Whether weights are to be equal."""


TEXT: dict[str, tuple[str, dict[str, Any]]] = {
    "LSTM": ("lstm", {"width": 216, "layers": 2, "context": 128}),
    "GRU": ("gru", {"width": 246, "layers": 2, "context": 128}),
    "Transformer": ("transformer", {"width": 128, "layers": 4, "heads": 4, "context": 128}),
    "ByteNet": ("bytenet", {"width": 70, "sets": 2}),
}
PAIRS: dict[str, tuple[str, dict[str, Any]]] = {
    "Transformer": ("transformer", {"width": 128, "layers": 3, "dropout": 0.15, "tied": True}),
    "LSTM with attention": ("lstm", {"width": 172, "layers": 2, "heads": 4, "dropout": 0.2, "tied": True}),
    "ByteNet": ("bytenet", {"width": 80, "sets": 2, "dropout": 0.15, "tied": True}),
}
LETTERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Transformer": ("transformer", {"width": 128, "layers": 3, "dropout": 0.1}),
    "LSTM with attention": ("lstm", {"width": 160, "layers": 2, "heads": 4, "dropout": 0.1}),
    "ByteNet": ("bytenet", {"width": 64, "sets": 2, "dropout": 0.1}),
}
DATES_FILE = "dates.tsv"
"""Made in FOLDER by examples/dates.py."""
DATES: dict[str, tuple[str, dict[str, Any]]] = {
    "Transformer": ("transformer", {"width": 64, "layers": 2}),
    "LSTM with attention": ("lstm", {"width": 84, "layers": 2, "heads": 4}),
    "ByteNet": ("bytenet", {"width": 39, "sets": 2}),
}
WAVE: dict[str, Any] = {"residual": 48, "gate": 48, "skip": 128, "dilations": 9, "cycles": 2}
EMA = {"ema": 0.99}
FEW: dict[str, Any] = {"data": DataOptions(validation=0.01, test=0.0)}
"""600 pictures: validating on 6,000 would take longer than learning."""
TEST = {"fashion.npy": "fashion-mnist", "mnist.npy": "mnist"}
"""Files of a set's training pictures, made in FOLDER; 2,000 of its test pictures are evaluated, spread over all."""
SECTIONS: dict[str, Section] = {
    "characters": Section("tinyshakespeare", "nats_per_token", TEXT, {"batch": 16, **EMA}),
    "bytes": Section("enwiki", "bits_per_byte", TEXT, {"batch": 16, **EMA, "tokens": TokenOptions(kind="bytes")}),
    "truncation": Section(  # for the memory horizon: seriatim inspect FOLDER/truncation-…/whole-0-2 --horizon
        "tinyshakespeare",
        "nats_per_token",
        {
            "LSTM, 64": ("lstm", {"width": 216, "layers": 2, "context": 64}),
            "LSTM, 256": ("lstm", {"width": 216, "layers": 2, "context": 256}),
            "LSTM, 64, carried": ("lstm", {"width": 216, "layers": 2, "context": 64}),
        },
        {"batch": 32, **EMA},
        own={"LSTM, 256": {"batch": 8}, "LSTM, 64, carried": {"carry": True}},
    ),
    "recipes": Section(
        "recipes",
        "nats_per_token",
        {
            "LSTM": ("lstm", {"width": 128, "embedding": 100, "layers": 1}),
            "Transformer": ("transformer", {"width": 112, "layers": 1, "heads": 4}),
        },
        {"batch": 32, "truncate": 200, "tokens": TokenOptions(kind="words", casing="lower", size=10_000)},
        minutes=6.0,
    ),
    "multi30k": Section(
        "multi30k-en-de",
        "nats_per_token",
        PAIRS,
        {
            "batch": 64,
            "smoothing": 0.1,
            "ema": 0.999,
            "tokens": TokenOptions(kind="bpe", size=5000),
            "source": SourceOptions(shared=True),
        },
        ("--bleu",),
        minutes=20.0,
        equal=False,  # tables weigh most, and ByteNet has a decoder and an encoder of its own make
    ),
    "pronunciation": Section("pronunciation", "nats_per_token", LETTERS, {"batch": 64, "ema": 0.998}, ("--bleu",)),
    "dates": Section(DATES_FILE, "nats_per_token", DATES, {"batch": 64, "ema": 0.99}, ("--bleu",), minutes=2.0),
    "fashion": Section(
        "fashion.npy",
        "bits_per_dim",
        {
            "Gated PixelCNN": ("gated-pixelcnn", {"filters": 48, "layers": 6}),
            "PixelCNN++": ("pixelcnn++", {"filters": 18, "resnets": 2, "dropout": 0.0}),
            "PixelSNAIL": ("pixelsnail", {"filters": 37, "blocks": 3, "dropout": 0.0}),
            "three scales": ("multiscale", {"scales": 3, "filters": 27, "layers": 5}),
        },
        {"batch": 16, "ema": 0.998, **FEW},
        minutes=12.0,
    ),
    "binarised": Section(
        "mnist.npy",
        "nats_per_image",
        {
            "Row LSTM": ("row-lstm", {"filters": 26, "layers": 4}),
            "Diagonal BiLSTM": ("diagonal-bilstm", {"filters": 27, "layers": 4}),
            "Gated PixelCNN": ("gated-pixelcnn", {"filters": 25, "layers": 8}),
            "PixelCNN": ("pixelcnn", {"filters": 34, "blocks": 8}),
        },
        {"batch": 16, "ema": 0.998, "image": ImageOptions(binarise="epoch"), **FEW},
    ),
    "heads": Section(
        "fashion.npy",
        "bits_per_dim",
        {
            "256-way softmax": ("gated-pixelcnn", {"filters": 40, "layers": 6, "mixtures": 0}),
            "10 logistics": ("gated-pixelcnn", {"filters": 48, "layers": 6, "mixtures": 10, "kind": "logistic"}),
            "10 normals": ("gated-pixelcnn", {"filters": 48, "layers": 6, "mixtures": 10, "kind": "normal"}),
        },
        {"batch": 16, "ema": 0.998, **FEW},
        equal=False,  # the softmax's last map is itself what is compared
    ),
    "wavenet": Section(
        "spoken-digits",
        "bits_per_sample",
        {
            "without conditions": ("wavenet", WAVE),
            "with a context stack": (
                "wavenet",
                {**WAVE, "residual": 37, "gate": 37, "stacks": (128,), "stack_dilations": 6, "stack_channels": 16},
            ),
            "given speaker and digit": ("wavenet", {**WAVE, "residual": 39, "gate": 39}),
        },
        {"batch": 4, "audio": AudioOptions(length=8192, given=False)},
        own={"given speaker and digit": {"audio": AudioOptions(length=8192)}},
        minutes=12.0,
    ),
}


def trained(
    section: Section, name: str, out: Path, seed: int, steps: int, rate: float, evaluations: int = 1
) -> tuple[Any, list[float]]:
    """A run from where it stands: the model, and the CPU seconds of the steps made now."""
    family, net = section.contestants[name]
    data: Any = np.load(section.data) if section.data.endswith(".npy") else section.data
    times, took = [time.process_time()], list[float]()

    def on_step(_: object) -> None:
        times.append(time.process_time())
        took.append(times[-1] - times[-2])

    def on_evaluation(_: object) -> None:
        times.append(time.process_time())  # an evaluation is no step

    common: dict[str, Any] = {"out": out, "quiet": True, "on_step": on_step, "on_evaluation": on_evaluation}
    if (out / "train" / "state.json").exists():
        return seriatim.train(data, resuming=True, **common), took
    shutil.rmtree(out, ignore_errors=True)
    usual = FAMILIES[family].training(net)
    rates = {"lr": usual.get("lr", 2e-3) * rate}
    if usual.get("optimiser") == "muon":
        rates["muon_lr"] = usual.get("muon_lr", 0.02) * rate
    options = {**section.train, **section.own.get(name, {}), **rates}
    model = seriatim.train(
        data, family, net=net, steps=steps, seed=seed, device="cpu", samples=0, patience=0,
        evaluate_every=max(1, steps // evaluations), **options, **common,
    )  # fmt: skip
    return model, took


def curve_of(out: Path) -> list[list[float]]:
    """Validation figures of a run by step."""
    rows = map(json.loads, (out / "metrics.jsonl").read_text().splitlines())
    return [[row["step"], row[key]] for row in rows for key in row if key.startswith("validation_")]


def figures(section: Section, out: Path) -> Row:
    """What `seriatim evaluate` finds."""
    held = io.StringIO()
    with contextlib.redirect_stdout(held):
        name = TEST.get(Path(section.data).name)
        where = [] if name is None else [name, "--limit", "2000"]
        if command(["evaluate", str(out), *where, "--json", "--threads", "1", *section.evaluate]):
            raise SystemExit(f"{out}: seriatim evaluate failed")
    return json.loads(held.getvalue())


def contest(
    section: Section, label: str, name: str, minutes: float, asked: argparse.Namespace, rows: list[Row]
) -> None:
    """What is missing of a contestant."""
    at, seeds, rates = asked.folder, asked.seeds, asked.rates
    seed = seeds[0]  # pace and rate are those that the first seed found

    def known(kind: str, rate: float = 1.0) -> Row | None:
        wanted = {"section": label, "contestant": name, "minutes": minutes, "seed": seed, "kind": kind, "rate": rate}
        return next((row for row in rows if all(row[key] == value for key, value in wanted.items())), None)

    def note(kind: str, rate: float, found: Row) -> Row:
        row = {"section": label, "contestant": name, "minutes": minutes, "seed": seed, "kind": kind, "rate": rate}
        rows.append(row | found)
        with (at / "results.jsonl").open("a") as file:
            file.write(json.dumps(rows[-1]) + "\n")
        return rows[-1]

    place = at / f"{label}-{name.replace(' ', '-').replace(',', '')}-{minutes:g}"
    pilot = known("pilot")
    if pilot is None:
        shutil.rmtree(place / "pilot", ignore_errors=True)
        model, took = trained(section, name, place / "pilot", seed, PILOT, 1.0)
        weights = sum(p.numel() for p in model.model.parameters())
        pilot = note("pilot", 1.0, {"pace": statistics.median(took[PILOT // 4 :]), "weights": weights})
    steps = max(1, round(15 * minutes / pilot["pace"]))
    for rate in rates:
        if known("rate", rate) is None:
            out = place / f"rate-{seed}-{rate:g}"
            _, took = trained(section, name, out, seed, steps, rate)
            pace = statistics.mean(took or [pilot["pace"]])
            note("rate", rate, {"steps": steps, "pace": pace, "found": curve_of(out)[-1][1]})
    tried = [row for rate in rates if (row := known("rate", rate))]
    best = min(tried, key=lambda row: row["found"])["rate"]
    steps = max(1, round(60 * minutes / statistics.mean(row["pace"] for row in tried)))
    for seed in seeds:
        if known("whole", best) is None:
            out = place / f"whole-{seed}-{best:g}"
            _, took = trained(section, name, out, seed, steps, best, EVALUATIONS)
            found = {"curve": curve_of(out), "figures": figures(section, out), "weights": pilot["weights"]}
            note("whole", best, {"steps": steps, "pace": statistics.mean(took or [pilot["pace"]]), **found})


def table(label: str, section: Section, rows: list[Row]) -> None:
    """What is there: weights, rates, test figures, and validation at equal steps and at equal time."""
    wholes = [row for row in rows if row["section"] == label and row["kind"] == "whole"]
    if not wholes:
        return
    print(f"\n## {label}: {Path(section.data).name}, {section.figure}\n")
    print("| | seed | weights | rate (of the default) | steps | CPU ms a step | CPU minutes | test | others |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---|")
    for row in wholes:
        key = next(k for k in row["figures"] if k.startswith(section.figure) and not k.endswith("error"))
        error = row["figures"].get(f"{key}_standard_error")
        spread = "" if error is None else f" ± {error:.4f}"
        others = [f"{k} {row['figures'][k]:.2f}" for k in ("bleu", "chrf", "exact_percent") if k in row["figures"]]
        print(
            f"| {row['contestant']} | {row['seed']} | {row['weights']:,} | {row['rate']:g} | {row['steps']:,} | "
            f"{1e3 * row['pace']:.0f} | {row['steps'] * row['pace'] / 60:.1f} | {row['figures'][key]:.4f}{spread} | "
            f"{', '.join(others)} |"
        )
    fewest = min(row["steps"] for row in wholes)
    marks = [(i + 1) / 4 for i in range(4)]
    print("\n| validation after | " + " | ".join(f"{m * fewest:,.0f} steps" for m in marks), end=" | ")
    least = min(row["steps"] * row["pace"] for row in wholes)
    print(" | ".join(f"{m * least / 60:.1f} min" for m in marks), "|")
    print("|---|" + "---:|" * 8)
    for row in wholes:
        by_step = [_at(row["curve"], m * fewest) for m in marks]
        by_time = [_at(row["curve"], m * least / row["pace"]) for m in marks]
        print(f"| {row['contestant']}, seed {row['seed']} | " + " | ".join(f"{x:.4f}" for x in by_step + by_time), "|")


def draw(rows: list[Row], picture: Path) -> None:
    """Validation figures by step and by CPU time, a row of charts a section."""
    from matplotlib.figure import Figure

    wholes = [row for row in rows if row["kind"] == "whole"]
    first = {(row["section"], row["contestant"]): row for row in reversed(wholes)}
    labels = list(dict.fromkeys(row["section"] for row in wholes))
    figure = Figure(figsize=(8.0, 3.2 * len(labels)), dpi=100)
    for label, pair in zip(labels, figure.subplots(len(labels), 2, squeeze=False), strict=True):
        for axes, unit in zip(pair, ("steps", "CPU minutes"), strict=True):
            for (section, name), row in reversed(first.items()):
                if section == label:
                    width = 1.0 if unit == "steps" else row["pace"] / 60
                    steps, found = zip(*row["curve"][1:], strict=True)
                    axes.plot([width * step for step in steps], found, marker="o", markersize=2.5, label=name)
            axes.set(xlabel=unit, title=f"{label}, {SECTIONS[label].figure.replace('_', ' ')}, validation")
            axes.title.set_fontsize(8)
            axes.grid(alpha=0.3)
        pair[1].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(picture)


def _at(curve: list[list[float]], step: float) -> float:
    """A curve between its points; NaN beyond them."""
    for (a, x), (b, y) in pairwise(curve):
        if a <= step <= b + 0.5:
            return x + (y - x) * min(1.0, (step - a) / (b - a))
    return math.nan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("comparisons"))
    parser.add_argument("--sections", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--contestants", nargs="+")
    parser.add_argument("--minutes", type=float, help="CPU time of the whole run. Default: that of the section")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--rates", type=float, nargs="+", default=[0.5, 1.0, 2.0], help="shares of the default rate")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--draw", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.folder.mkdir(parents=True, exist_ok=True)
    file = asked.folder / "results.jsonl"
    rows: list[Row] = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    for label in asked.sections:
        section = SECTIONS[label]
        if section.data in TEST:
            path = asked.folder / section.data
            if not path.exists():
                splits = open_gallery(TEST[section.data]).splits
                np.save(path, np.concatenate([splits[side].x for side in ("train", "validation") if side in splits]))
            section = replace(section, data=str(path))
        if section.data == DATES_FILE:
            made = asked.folder / DATES_FILE
            subprocess.run([sys.executable, EXAMPLES / "dates.py", made], check=True)
            section = replace(section, data=str(made))
        minutes = section.minutes if asked.minutes is None else asked.minutes
        if not asked.table:
            for name in asked.contestants or section.contestants:
                contest(section, label, name, minutes, asked, rows)
                print(f"{label}, {name}: done", flush=True)
            sizes = {r["contestant"]: r["weights"] for r in rows if r["section"] == label and r["kind"] == "pilot"}
            if section.equal and max(sizes.values()) > (1 + APART) * min(sizes.values()):
                print(f"weights differ by more than {APART:.0%}: {sizes}")
        table(label, section, rows)
    if asked.draw is not None:
        draw([row for row in rows if row["section"] in asked.sections], asked.draw)


if __name__ == "__main__":
    main()
