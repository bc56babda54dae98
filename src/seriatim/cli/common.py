"""What several commands share."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import Parameter

from seriatim.errors import UserError

if TYPE_CHECKING:
    from seriatim.cli.groups import Machine
    from seriatim.runs.trained import Trained
    from seriatim.training.plan import Plan

words: ContextVar[tuple[str, ...]] = ContextVar("words", default=())
"""The command line as it was typed."""

Data = Annotated[str, Parameter(allow_leading_hyphen=True)]
"""A file, a folder, the name of a data set, or - for standard input."""

T = TypeVar("T")


def typed(group: str) -> set[str]:
    """The options of a group that were typed, such as {"lr"} for `--train.lr 1e-3`, whatever their value.

    Raises:
        UserError: if the group was given as a whole, which cyclopts would take as JSON.
    """
    prefix = f"--{group}."
    if any(word.split("=")[0] == f"--{group}" for word in words.get()):
        raise UserError(f"--{group} is no option by itself; write {prefix}NAME VALUE")
    found = {word[len(prefix) :].split("=")[0] for word in words.get() if word.startswith(prefix)}
    return {name.replace("-", "_") for name in found}


def set_threads(threads: int | None) -> None:
    """Let torch use this many threads; None leaves its choice.

    Raises:
        UserError: for less than one.
    """
    if threads is None:
        return
    if threads < 1:
        raise UserError(f"--threads is {threads}; give 1 or more")
    import torch

    torch.set_num_threads(threads)


def opened(run: Path, machine: Machine, kind: str | None = None, threads: int | None = None) -> Any:
    """The model of a run.

    Args:
        run: its directory.
        machine: where it goes.
        kind: the kind of data that it must be a model of.
        threads: how many, where the user has not said.

    Raises:
        UserError: if it is of another kind.
    """
    set_threads(machine.threads or threads)
    from seriatim.modality import modality
    from seriatim.runs.opening import open_run, pick_device

    model: Trained = open_run(run, pick_device(machine.device))
    if kind is not None and model.kind != kind:
        held, wanted = modality(model.kind).words, modality(kind).words
        raise UserError(f"{run} is a model of {held}, and this command is for models of {wanted}")
    return model


def only(kind: str, allowed: Sequence[str] = ()) -> None:
    """Refuse options that mean nothing for a run of that kind.

    Args:
        kind: what the run is a model of, for the message.
        allowed: the options that do, without dashes.

    Raises:
        UserError: naming the first other one.
    """
    for word in words.get():
        name = word.split("=")[0]
        if name.startswith("--") and name[2:].split(".")[0] not in allowed:
            raise UserError(f"{name} means nothing for a model of {kind}; leave it out")


def assignments(pairs: Sequence[str], option: str) -> dict[str, str]:
    """NAME=VALUE words as a dictionary.

    Raises:
        UserError: for a word without =, or a name given twice.
    """
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UserError(f"{option} {pair!r} has no '='; write {option} NAME=VALUE")
        if name in values:
            raise UserError(f"{option} {name} is given twice; give it once")
        values[name] = value
    return values


def number(word: str, option: str, name: str) -> float:
    """A number that was typed after the = of an assignment.

    Raises:
        UserError: if it is none.
    """
    try:
        return float(word)
    except ValueError:
        raise UserError(f"{option} {word!r} is not a number; write {option} {name}") from None


def chosen_split(splits: Mapping[str, T], split: str | None, data: str) -> tuple[T, str]:
    """A split, by default the test split or else the validation split, and what to call it.

    Raises:
        UserError: if there is none of that name.
    """
    if split is None:
        split = next((s for s in ("test", "validation", "train") if s in splits), "test")
    if split not in splits:
        raise UserError(f"{data} has no split {split!r}; it has {', '.join(splits)}")
    return splits[split], f"{data}, {split} split"


def training_data(run: Path, once: Callable[[Plan], Plan] | None = None) -> tuple[str, Any]:
    """The name of what a run was trained on, and it itself, read again; said if it has changed since.

    once: how a plan changes whose data is looked at and not trained on.
    """
    from seriatim.training.plan import STANDARD_INPUT
    from seriatim.training.run import plan_of

    plan, mark = plan_of(run)
    if plan.data == STANDARD_INPUT:
        raise UserError(f"{run} was trained on standard input; give the text to evaluate on, or - for that again")
    looked_at = plan if once is None else once(plan)
    data = looked_at.open()
    if looked_at == plan and data.fingerprint != mark:
        print(
            f"{plan.data} has changed since this run was trained: some of what is looked at may have been trained on",
            file=sys.stderr,
        )
    return plan.data, data


def limited(limit: int | None) -> Any:
    """How data is divided that is evaluated or scored: not at all, and n items of it.

    Raises:
        UserError: for less than one.
    """
    from seriatim.data.options import WHOLE

    if limit is not None and limit < 1:
        raise UserError(f"--limit is {limit}; give 1 or more")
    return dataclasses.replace(WHOLE, limit=limit)


def print_json(document: dict[str, Any]) -> None:
    """One JSON object on standard output; what is not a number is null."""

    def clean(value: Any) -> Any:
        return None if isinstance(value, float) and value != value else value

    json.dump({key: clean(value) for key, value in document.items()}, sys.stdout, indent=1, ensure_ascii=False)
    print()


@contextmanager
def progressing(total: int, word: str) -> Generator[Callable[[int], None]]:
    """A bar on the terminal for what takes long, to be told what is done of `total`; silence elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(word, total=total)
        every, told = max(1, total // 100), 0

        def advance(done: int) -> None:
            nonlocal told
            if done >= told + every or done == total:
                bar.update(task, completed=done)
                told = done

        yield advance
