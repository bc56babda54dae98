"""Who remembers across a gap? Letters recalled, against the length of the gap, by how far back training reaches.

    OMP_NUM_THREADS=1 python benchmarks/recall.py FOLDER [--steps 2000] [--gaps 1 2 4 …] [--contestants NAME …]
        [--draw recall.png]

Four of eight letters, gaps of 1, 2, 4 … 64, or those asked for, as `seriatim data recall` makes them (4,000 documents
of each); weights equal within 10 %; the same number of steps for all, 32 pieces each. "crops of 16": trained on pieces
of at most 16 symbols, each from a fresh state, so that gradients reach no further; "carried": pieces of 16 with the
state carried from one to the next (truncated backpropagation: the state goes on, the gradient does not); "whole": whole
documents. The table has the share of held-out letters that the model holds most likely after the true ones before;
chance is 12.5.

A run that is there is not trained again; one that was interrupted goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

import seriatim
from seriatim.data.options import DataOptions
from seriatim.text.data.opening import open_corpus
from seriatim.text.data.tokens import tokenize
from seriatim.text.model import TextModel
from seriatim.text.options import TextOptions
from seriatim.text.recall import recalled, records

GAPS, SYMBOLS, COUNT = [1, 2, 4, 8, 16, 32, 64], 4, 4000
SHORT, WHOLE = 16, 80
WIDTHS = {"rnn": 168, "lstm": 104, "gru": 116, "transformer": 64, "bytenet": 26}
CONTESTANTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "RNN, whole": ("rnn", {"context": WHOLE}, {}),
    "stable RNN (0.9), whole": ("rnn", {"context": WHOLE, "stable": 0.9}, {}),
    "LSTM, whole": ("lstm", {"context": WHOLE}, {}),
    "LSTM, crops of 16": ("lstm", {"context": SHORT}, {}),
    "LSTM, 16, carried": ("lstm", {"context": SHORT}, {"carry": True}),
    "GRU, whole": ("gru", {"context": WHOLE}, {}),
    "Transformer, whole": ("transformer", {"context": WHOLE, "layers": 2, "heads": 4}, {}),
    "Transformer, 16": ("transformer", {"context": SHORT, "layers": 2, "heads": 4}, {}),
    "ByteNet, whole": ("bytenet", {"sets": 2, "context": WHOLE}, {}),
}


def trained(name: str, data: Path, out: Path, steps: int, seed: int) -> TextModel:
    family, net, train = CONTESTANTS[name]
    net = {"width": WIDTHS[family], **net}
    if family in ("rnn", "lstm", "gru"):
        net["layers"] = 1
    common: dict[str, Any] = {"out": out, "quiet": True}
    if not (out / "done").exists():
        if (out / "train").exists():
            seriatim.train(data, resuming=True, **common)
        else:
            seriatim.train(
                data, family, net=net, steps=steps, batch=32, seed=seed, samples=0, device="cpu", patience=0,
                evaluate_every=max(1, steps // 10), **train, **common,
            )  # fmt: skip
        (out / "done").touch()
    model = seriatim.load(out)
    assert isinstance(model, TextModel)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--gaps", type=int, nargs="+", default=GAPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--contestants", nargs="+", choices=list(CONTESTANTS), default=list(CONTESTANTS))
    parser.add_argument("--draw", type=Path, help="draw what there is")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if max(asked.gaps) + 2 * SYMBOLS > WHOLE:
        parser.error(f"a gap of {max(asked.gaps)} does not fit into {WHOLE} symbols")
    folder = asked.folder if asked.gaps == GAPS else asked.folder / f"gaps-{'-'.join(map(str, asked.gaps))}"
    folder.mkdir(parents=True, exist_ok=True)
    task = folder / "task.ndjson"
    if not task.exists():
        task.write_text("".join(f"{line}\n" for line in records(SYMBOLS, asked.gaps, COUNT)))
    held = list(open_corpus(str(task), TextOptions(), DataOptions()).splits["test"])
    print("| | weights | CPU minutes | " + " | ".join(map(str, asked.gaps)) + " |")
    print("|---|---:|---:|" + "---:|" * len(asked.gaps))
    curves: dict[str, list[tuple[int, float, float]]] = {}
    for name in asked.contestants:
        place = folder / f"{name.replace(' ', '-').replace(',', '')}-{asked.steps}-{asked.seed}"
        result = place / "recall.json"
        if not result.exists():
            start = time.process_time()
            model = trained(name, task, place, asked.steps, asked.seed)
            minutes = (time.process_time() - start) / 60
            found = recalled(model, held, tokenize(held, model.tokenizer))
            weights = sum(p.numel() for p in model.model.parameters())
            rows = [(each.gap, each.accuracy, each.error) for each in found]
            result.write_text(json.dumps({"weights": weights, "minutes": minutes, "rows": rows}))
        row = json.loads(result.read_text())
        curves[name] = row["rows"]
        shares = " | ".join(f"{100 * accuracy:.1f}" for _, accuracy, _ in row["rows"])
        print(f"| {name} | {row['weights']:,} | {row['minutes']:.1f} | {shares} |", flush=True)
    if asked.draw is not None:
        draw(curves, asked.draw)


def draw(curves: dict[str, list[tuple[int, float, float]]], picture: Path) -> None:
    """A line for each contestant."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 4.2), dpi=100)
    axes = figure.add_subplot()
    for name, curve in curves.items():
        axes.plot(
            [gap for gap, _, _ in curve], [100 * share for _, share, _ in curve], marker="o", markersize=3, label=name
        )
    axes.axhline(12.5, color="0.5", linestyle="--", linewidth=1)
    axes.set_xscale("log", base=2)
    gaps = [gap for gap, _, _ in next(iter(curves.values()))]
    axes.set_xticks(gaps, list(map(str, gaps)))
    axes.set(xlabel="gap", ylabel="letters recalled, %", ylim=(0, 103))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, bbox_to_anchor=(1.01, 1), loc="upper left")
    figure.tight_layout()
    figure.savefig(picture)


if __name__ == "__main__":
    main()
