"""The commands. Their modules import torch only when they are called: `--help` answers at once."""

from __future__ import annotations

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
    inspect,
    models,
    reconstruct,
    sample,
    score,
    train,
)
from seriatim.errors import UserError


def whole_numbers(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:  # noqa: ARG001
    """Refuse 1.5 where a whole number is wanted, which cyclopts would round.

    Raises:
        UserError: naming the option.
    """
    for argument in arguments:
        if {int, float} & {argument.hint, *get_args(argument.hint)} != {int}:
            continue
        for token in argument.tokens:
            if "." in token.value:
                raise UserError(f"{argument.name} {token.value} is no whole number; give one")


app = App(
    name="seriatim",
    help="Deep autoregressive models: train, sample, and exact likelihoods.",
    version=seriatim.__version__,
    version_flags=["--version"],
    help_format="plaintext",  # as Markdown, <unk> would be a tag and disappear
    default_parameter=Parameter(negative=""),
    suppress_keyboard_interrupt=False,
    config=whole_numbers,
)
app.command(train.train)
app.command(sample.sample)
app.command(evaluate.evaluate)
app.command(score.score)
app.command(complete.complete)
app.command(classify.classify)
app.command(reconstruct.reconstruct)
app.command(explore.explore)
app.command(inspect.inspect)
app.command(export.export)
app.command(models.models)
app.command(demo.demo)

named = App(name="data", help="Named data sets: list, info, fetch.")
named.command(data.list_, name="list")
named.command(data.info_, name="info")
named.command(data.fetch_, name="fetch")
app.command(named)
