"""Do recipes hold together? What recipe models write, next to recipes of the test split.

    OMP_NUM_THREADS=1 python benchmarks/recipe_words.py LABEL=RUN … [-n 500] [--temperatures 1.0 0.5] [--draw odd.png]

Runs of `seriatim train recipes --train.truncate 200`. A recipe is "Recipe for TITLE | DIRECTIONS", its first 200
symbols.

- title kept: the share of the title's words of four letters or more that the directions name again; and of the titles
  of other recipes of the same kind, which is what chance gives;
- new pairs: the share of neighbouring words of the directions that stand side by side nowhere in the training split;
- new triples: the same of three words;
- again: the share of sequences of three words that stood in the same recipe before.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch

import seriatim
from seriatim.text.data.opening import open_corpus
from seriatim.text.model import TextModel

WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[^\sa-z]")
LONG = 4
Figures = dict[str, tuple[float, float]]


def words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def grams(text: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return list(zip(*(text[i:] for i in range(n)), strict=False))


def halves(text: str) -> tuple[set[str], list[str]] | None:
    """The title's long words, and the directions."""
    title, bar, directions = text.lower().partition("|")
    title = title.partition("recipe for")[2]
    long = {word for word in words(title) if len(word) >= LONG}
    told = words(directions)
    return (long, told) if bar and long and len(told) > 10 else None


def figures(texts: Iterable[str], known: dict[int, set[tuple[str, ...]]]) -> tuple[int, Figures]:
    """How many have a title and directions; means over these, with standard errors."""
    read = [found for text in texts if (found := halves(text)) is not None]
    others = [read[(i + 1) % len(read)][0] for i in range(len(read))]

    def share(title: set[str], told: list[str]) -> float:
        return len(title & set(told)) / len(title)

    def again(told: list[str]) -> float:
        three = grams(told, 3)
        return 1 - len(set(three)) / len(three)

    def new(told: list[str], n: int) -> float:
        every = grams(told, n)
        return sum(gram not in known[n] for gram in every) / len(every)

    columns = {
        "title kept": [share(title, told) for title, told in read],
        "another's title": [share(title, told) for title, (_, told) in zip(others, read, strict=True)],
        "new pairs": [new(told, 2) for _, told in read],
        "new triples": [new(told, 3) for _, told in read],
        "again": [again(told) for _, told in read],
    }
    count = len(read)
    means = {name: (float(np.mean(x)), float(np.std(x, ddof=1) / np.sqrt(count))) for name, x in columns.items()}
    return count, means


def draw(found: dict[str, Figures], picture: Path) -> None:
    """Bars with two standard errors."""
    from matplotlib.figure import Figure

    shown = ["title kept", "new pairs", "new triples"]
    figure = Figure(figsize=(8.0, 3.0), dpi=100)
    for axes, name in zip(figure.subplots(1, len(shown)), shown, strict=True):
        labels, pairs = list(found), [each[name] for each in found.values()]
        axes.barh(labels, [100 * mean for mean, _ in pairs], xerr=[200 * error for _, error in pairs], capsize=2)
        if name == "title kept":
            chance = [100 * each["another's title"][0] for each in found.values()]
            axes.plot(chance, labels, "|", color="black", markersize=14, label="another's title")
            axes.legend(fontsize=7)
        else:
            axes.set_yticklabels([])
        axes.invert_yaxis()
        axes.set_title(f"{name}, %", fontsize=9)
        axes.tick_params(labelsize=8)
    figure.tight_layout()
    figure.savefig(picture)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="LABEL=RUN")
    parser.add_argument("-n", type=int, default=500)
    parser.add_argument("--temperatures", type=float, nargs="+", default=[1.0])
    parser.add_argument("--draw", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    corpus = open_corpus("recipes")
    learned = [words(document.text()) for document in corpus.splits["train"]]
    known = {n: set(chain.from_iterable(grams(text, n) for text in learned)) for n in (2, 3)}
    found, counts = dict[str, Figures](), dict[str, int]()
    for label, _, run in (run.partition("=") for run in asked.runs):
        model = seriatim.load(run)
        assert isinstance(model, TextModel)
        if "test recipes" not in found:  # as the models read them
            ids = [model.tokenizer.encode(document.text())[:200] for document in corpus.splits["test"]]
            counts["test recipes"], found["test recipes"] = figures(
                [model.tokenizer.decode(x) for x in ids[: asked.n]], known
            )
        for temperature in asked.temperatures:
            drawn = model.sample("recipe for", asked.n, max_length=200, seed=1, temperature=temperature)
            name = f"{label}, temperature {temperature:g}"
            counts[name], found[name] = figures([sample.text for sample in drawn], known)
    names = list(found["test recipes"])
    print(f"| of {asked.n} each, % | recipes read | {' | '.join(names)} |")
    print("|---|---:|" + "---:|" * len(names))
    for label, each in found.items():
        print(
            f"| {label} | {counts[label]} | "
            + " | ".join(f"{100 * mean:.1f} ± {100 * error:.1f}" for mean, error in each.values()),
            "|",
        )
    if asked.draw is not None:
        draw(found, asked.draw)


if __name__ == "__main__":
    main()
