"""The commands' names. Each command's module imports torch only when it is called: `--help` answers at once."""

from __future__ import annotations

from contextvars import ContextVar

from cyclopts import App, Parameter

import seriatim

words: ContextVar[tuple[str, ...]] = ContextVar("words", default=())
"""The command line as it was typed."""

app = App(
    name="seriatim",
    help="Deep autoregressive models: train, sample, and exact likelihoods.",
    version=seriatim.__version__,
    version_flags=["--version"],
    help_format="plaintext",  # as Markdown, <unk> would be a tag and disappear
    default_parameter=Parameter(negative="", json_dict=False, json_list=False),
)

for name in ("train", "sample", "evaluate", "score", "explore", "inspect", "export", "models", "demo"):
    app.command(f"seriatim.cli.{name}:{name}", name=name)

data = App(name="data", help="Named data sets: list, info, fetch.")
for name in ("list", "info", "fetch"):
    data.command(f"seriatim.cli.data:{name}_", name=name)
app.command(data)


def typed(group: str) -> set[str]:
    """The options of a group that were typed, such as {"lr"} for `--train.lr 1e-3`, whatever their value."""
    prefix = f"--{group}."
    found = {word[len(prefix) :].split("=")[0] for word in words.get() if word.startswith(prefix)}
    return {name.removeprefix("no-").replace("-", "_") for name in found}
