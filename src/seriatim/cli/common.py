"""What several commands share."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from cyclopts import Parameter

from seriatim.errors import UserError
from seriatim.text.options import TextOptions

if TYPE_CHECKING:
    from seriatim.image.options import ImageOptions
    from seriatim.runs.opening import Trained
    from seriatim.text.model import TextModel


words: ContextVar[tuple[str, ...]] = ContextVar("words", default=())
"""The command line as it was typed."""


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


Data = Annotated[str, Parameter(allow_leading_hyphen=True)]
"""A file, a folder, the name of a data set, or - for standard input."""


def set_threads(threads: int | None) -> None:
    """Let torch use so many threads; None leaves its choice.

    Raises:
        UserError: for less than one.
    """
    if threads is None:
        return
    if threads < 1:
        raise UserError(f"--threads is {threads}; give 1 or more")
    import torch

    torch.set_num_threads(threads)


def open_run(run: Path, device: str, threads: int | None = None) -> Trained:
    """Load a run for use, whatever it is a model of."""
    set_threads(threads)
    from seriatim.runs import opening
    from seriatim.training.run import pick_device

    return opening.open_run(run, pick_device(device))


def open_model(run: Path, device: str, threads: int | None = None) -> TextModel:
    """Load a run of text for use."""
    set_threads(threads)
    from seriatim.text.model import TextModel
    from seriatim.training.run import pick_device

    return TextModel.load(run, pick_device(device))


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


@dataclasses.dataclass(frozen=True)
class Beside:
    """Where the conditions of pictures or recordings of one's own are: options of several commands."""

    maps: Path | None = None
    """Of a run with --image.maps, and pictures of your own: the folder with a map for each."""
    vectors: Path | None = None
    """Likewise of --image.vectors or --audio.vectors: a CSV of paths and numbers, or a folder of NPY files."""
    spans: Path | None = None
    """Of a run with --audio.spans: the folder with a CSV of begin,end,label for each recording, or the CSV of one."""
    series: Path | None = None
    """Likewise of one with --audio.track: the folder with an NPY or CSV for each, or the file of a single one."""
    labels: Path | None = None
    """Of recordings, a CSV file with a path and labels in each row; without it the subfolders are the labels."""

    def only(self, kind: str, *allowed: str) -> None:
        """Refuse those that mean nothing for a model of this kind.

        Raises:
            UserError: naming the first.
        """
        for name, path in vars(self).items():
            if path is not None and name not in allowed:
                raise UserError(f"--{name} means nothing for a model of {kind}; leave it out")

    def refuse(self, what: str) -> None:
        """Refuse them all where nothing is given that they belong to.

        Raises:
            UserError: naming the first.
        """
        for name, path in vars(self).items():
            if path is not None:
                raise UserError(f"--{name} was given, but no {what}; the run knows the {name} of its own, leave it out")

    def each(self, files: Sequence[str]) -> None:
        """Refuse one file that would be taken for the partner of several.

        Raises:
            UserError: naming the first.
        """
        for name in ("maps", "spans", "track"):
            path = getattr(self, name)
            if path is not None and len(files) > 1 and path.is_file():
                raise UserError(f"--{name} {path} is one file for {len(files)}; give a folder with one for each")


NOTHING: Final = Beside()


def undivided(what: str) -> None:
    """Refuse options that divide text among train, validation and test where all of it is read.

    Raises:
        UserError: naming the first.
    """
    for option in ("validation", "test", "seed"):
        if option in typed("data"):
            raise UserError(f"--data.{option} divides text for training, and {what} is looked at whole; leave it out")


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


T = TypeVar("T")


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


def training_data(run: Path, once: Callable[[ImageOptions], ImageOptions] | None = None) -> tuple[str, Any]:
    """The name of what a run was trained on, and it itself, read again; said if it has changed since.

    once: how options of pictures change that are looked at and not trained on.
    """
    from seriatim.training.run import plan_of

    plan, mark = plan_of(run)
    if plan.data == "-":
        raise UserError(f"{run} was trained on standard input; give the text to evaluate on, or - for that again")
    image = plan.image if once is None else once(plan.image)
    data = dataclasses.replace(plan, image=image).open()
    if image == plan.image and data.fingerprint != mark:
        print(
            f"{plan.data} has changed since this run was trained: some of what is looked at may have been trained on",
            file=sys.stderr,
        )
    return plan.data, data


def print_json(document: dict[str, Any]) -> None:
    """One JSON object on standard output; what is not a number is null."""

    def clean(value: Any) -> Any:
        return None if isinstance(value, float) and value != value else value

    json.dump({key: clean(value) for key, value in document.items()}, sys.stdout, indent=1, ensure_ascii=False)
    print()


def like_training(run: Path, data: str, reading: TextOptions | None) -> TextOptions:
    """How the run's own data was read (field, conditions, encoding) as far as it fits, changed by what was typed."""
    from seriatim.text.data.opening import fitting
    from seriatim.training.run import plan_of

    try:
        plan = plan_of(run)[0]
        base = fitting(plan.text, plan.data, data)
    except UserError:  # a checkpoint without its training directory
        base = TextOptions()
    explicit = {name: getattr(reading, name) for name in typed("data") if reading is not None}
    if base.source is not None and Path(base.source).is_absolute():  # a file, which belongs to the run's own data alone
        base = dataclasses.replace(base, source=None)
    return dataclasses.replace(base, limit=None, **explicit)
