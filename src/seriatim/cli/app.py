"""The commands. Their modules import torch only when they run, so `--help` is fast."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from cyclopts import App, ArgumentCollection, Parameter

import seriatim
from seriatim.cli import (
    classify,
    complete,
    data,
    demo,
    evaluate,
    explore,
    export,
    forecast,
    hub,
    inspect,
    models,
    reconstruct,
    sample,
    score,
    train,
)
from seriatim.cli.help import Layout
from seriatim.errors import UserError, nearest


def checked(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:  # noqa: ARG001
    """Refuse what cyclopts accepts: an unknown option in place of data (- is standard input), 1.5 in place of a whole
    number, which it would round, and an empty path, which would be this folder.

    Raises:
        UserError: naming the option.
    """
    known = [name for argument in arguments for name in argument.names if name.startswith("-")]
    for argument in arguments:
        whole = {int, float} & {argument.hint, *get_args(argument.hint)} == {int}
        path = Path in (argument.hint, *get_args(argument.hint))
        for token in argument.tokens:
            if token.keyword is None and token.value.startswith("-") and token.value != "-":
                close = nearest(token.value.split("=")[0], known)
                raise UserError(f"unknown option {token.value}; {'see --help' if close.startswith('known') else close}")
            if (path or token.keyword is None) and not token.value:
                raise UserError(f"{argument.name} is empty; give {'a path' if path else 'one'}")
            if whole and "." in token.value:
                raise UserError(f"{argument.name} {token.value} is not a whole number; give one")


app = App(
    name="seriatim",
    help="Deep autoregressive models: train, sample, evaluate exact likelihoods.",
    version=seriatim.__version__,
    version_flags=["--version"],
    help_format="plaintext",  # as Markdown, <unk> would be a tag and disappear
    help_formatter=Layout(),
    default_parameter=Parameter(negative=""),
    suppress_keyboard_interrupt=False,
    config=checked,
)
app.command(train.train)
app.command(sample.sample)
app.command(evaluate.evaluate)
app.command(forecast.forecast)
app.command(score.score)
app.command(complete.complete)
app.command(classify.classify)
app.command(reconstruct.reconstruct)
app.command(explore.explore)
app.command(inspect.inspect)
app.command(export.export)
app.command(models.models)
app.command(demo.demo)

named = App(name="data", help="Named data sets: list, info, fetch; recall makes a task.")
named.command(data.list_, name="list")
named.command(data.info_, name="info")
named.command(data.fetch_, name="fetch")
named.command(data.recall_, name="recall")
app.command(named)

shared = App(name="hub", help="Models on the Hugging Face Hub: push, fetch.")
shared.command(hub.push, name="push")
shared.command(hub.fetch, name="fetch")
app.command(shared)
