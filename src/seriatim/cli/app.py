"""The commands' names. Each command's module imports torch only when it is called: `--help` answers at once."""

from __future__ import annotations

from contextvars import ContextVar

from cyclopts import App

import seriatim

words: ContextVar[tuple[str, ...]] = ContextVar("words", default=())
"""The command line as it was typed."""

app = App(
    name="seriatim",
    help="Deep autoregressive models: train, sample, and exact likelihoods.",
    version=seriatim.__version__,
    version_flags=["--version"],
)

for name, summary in {
    "train": "Train a model on text of your own or on a named data set.",
    "sample": "Write text with a trained model.",
    "evaluate": "Exact likelihood on held-out text.",
    "score": "Bits of each document, the most surprising first.",
    "explore": "What the model expects next.",
    "inspect": "What a run holds.",
    "export": "Write a model in another program's format.",
    "models": "The model families, or the sizes of one.",
    "demo": "Train, evaluate and sample on text that comes with Python.",
}.items():
    app.command(f"seriatim.cli.{name}:{name}", name=name, help=summary)

data = App(name="data", help="Named data sets: list, info, fetch.")
for name, summary in {
    "list": "The named data sets, and whether each is at hand.",
    "info": "Where a data set comes from, its licence, its files and their hashes.",
    "fetch": "Download a data set into the cache, checking its hash.",
}.items():
    data.command(f"seriatim.cli.data:{name}_", name=name, help=summary)
app.command(data)


def typed(group: str) -> set[str]:
    """The options of a group that were typed, such as {"lr"} for `--train.lr 1e-3`, whatever their value."""
    prefix = f"--{group}."
    found = {word[len(prefix) :].split("=")[0] for word in words.get() if word.startswith(prefix)}
    return {name.removeprefix("no-").replace("-", "_") for name in found}
