"""Parts that several commands share."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, cast, final

from cyclopts import Parameter

from seriatim.errors import UserError, tell, visible

if TYPE_CHECKING:
    from seriatim.models import Model
    from seriatim.runs.trained import Trained
    from seriatim.symbols.lacking import Lacking
    from seriatim.training.plan import Plan

words: ContextVar[tuple[str, ...]] = ContextVar("words", default=())
"""The command line as it was typed."""

Data = Annotated[str, Parameter(allow_leading_hyphen=True)]
"""A file, a folder, the name of a data set, or - for standard input."""

T = TypeVar("T")
INSPECTED = ("horizon", "sight", "recall", "split", "limit", "output", "json", "device", "threads")
"""Options of every measurement of `seriatim inspect`."""

_PROBED = 256  # positions read to time a model
_THREADS = 1024  # with very many, the operating system ends the program
_UNSEEN = re.compile(
    "[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)  # what JSON leaves as it is and terminals obey


@dataclass(frozen=True)
class Machine:
    """Where a model runs."""

    device: str = "auto"
    """cpu, cuda, mps, or auto for the fastest available."""
    threads: int | None = None
    """CPU threads. Default: one for sampling, else one or all, whichever is faster."""


@dataclass(frozen=True)
class Drawer(Machine):
    """Where and how to draw."""

    backend: Literal["auto", "eager", "native"] = "auto"
    """Of text, pictures and audio. eager: PyTorch; native: compiled kernels (needs the extra native); auto: native if
    it supports the model and is faster."""


def typed(group: str) -> set[str]:
    """The options of a group that were typed, such as {"lr"} for `--train.lr 1e-3`, whatever their value.

    Raises:
        UserError: if the group was given as a whole, which cyclopts would read as JSON.
    """
    prefix = f"--{group}."
    if any(word.split("=")[0] == f"--{group}" for word in words.get()):
        raise UserError(f"--{group} is not an option by itself; write {prefix}NAME VALUE")
    found = {word[len(prefix) :].split("=")[0] for word in words.get() if word.startswith(prefix)}
    return {name.replace("-", "_") for name in found}


def set_threads(threads: int | None, sampling: bool = False) -> None:
    """Set the number of torch's threads; None keeps its default.

    Args:
        threads: as typed.
        sampling: whether samples are drawn by as many, too, instead of one.

    Raises:
        UserError: if it is less than one, or more than any machine has.
    """
    if threads is None:
        return
    if not 1 <= threads <= _THREADS:
        raise UserError(f"--threads is {threads}; give 1 or more, at most {_THREADS}")
    import torch

    from seriatim.walks.threads import choose

    if sampling:
        choose(threads)
    else:
        torch.set_num_threads(threads)


def opened(
    run: Path, machine: Machine, kind: str | None = None, threads: int | None = None, measured: bool = False
) -> Any:
    """Open the model of a run.

    Args:
        run: its directory.
        machine: the device and the number of threads.
        kind: the kind of data that the command is for.
        threads: how many, unless the user chose.
        measured: use one thread or all, whichever is faster, unless the user chose.

    Raises:
        UserError: if the model is of another kind.
    """
    set_threads(threads if machine.threads is None else machine.threads, sampling=True)
    from seriatim.modality import modality
    from seriatim.runs.opening import open_run, pick_device

    model: Trained = open_run(run, pick_device(machine.device))
    if isinstance(machine, Drawer) and machine.backend != "auto":
        if not hasattr(model, "backend"):
            words = modality(model.kind).words
            raise UserError(f"--backend is for text, pictures and audio, and this is a model of {words}; leave it out")
        cast(Any, model).backend = machine.backend
        model.model.prepare(machine.backend)  # or say why not, before anything is drawn
    if kind is not None and model.kind != kind:
        held, wanted = modality(model.kind).words, modality(kind).words
        raise UserError(f"{run} is a model of {held}, but this command is for models of {wanted}; give another run")
    if model.about.get("step") == 0:
        tell(f"{run}: untrained: no evaluation was better than at step 0")
    if measured and machine.threads is None:
        _fastest(model.model)
    return model


def say_note(note: str, data: str) -> None:
    """How the user's own files were read, if anything was done to them or left out.

    That conditions of other files are lying there is of no interest where some files are judged.
    """
    told = [sentence for sentence in re.split(r"(?<=\.) ", note) if "belong to no" not in sentence]
    if any(told):
        tell(f"{data}: {' '.join(told)}")


def _fastest(model: Model) -> None:
    """Use one thread or all, whichever is faster for this model; models that read a source keep all."""
    import torch

    from seriatim.models import GridModel
    from seriatim.walks.threads import timed

    count, inner = torch.get_num_threads(), model.bare
    if count == 1 or model.device.type != "cpu" or getattr(inner.config, "memory", 0):
        return
    shape = inner.canvas if isinstance(inner, GridModel) else (min(inner.crop, _PROBED),)
    x = model.blank(2, *shape, *([model.head.parts] if model.head.parts > 1 else []))

    def read() -> None:
        with torch.no_grad():
            model.log_probs(x)

    each = timed(read, (count, 1))
    torch.set_num_threads(min(each, key=lambda threads: each[threads]))


def only(kind: str, allowed: Sequence[str] = ()) -> None:
    """Refuse options that do not apply.

    Args:
        kind: what the options are for, in words, for the message.
        allowed: the options that apply, without dashes.

    Raises:
        UserError: naming the first other option.
    """
    for word in words.get():
        name = word.split("=")[0]
        if name.startswith("--") and name[2:].split(".")[0] not in allowed:
            raise UserError(f"{name} does not apply to {kind}; leave it out")


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
    """The number after the = of an assignment.

    Raises:
        UserError: if it is not a number.
    """
    try:
        return float(word)
    except ValueError:
        raise UserError(f"{option} {word!r} is not a number; write {option} {name}") from None


def chosen_split(splits: Mapping[str, T], split: str | None, data: str) -> tuple[T, str]:
    """A split and its name for display. Default: the test split, or else the validation split.

    Raises:
        UserError: if there is no such split.
    """
    if split is None:
        split = next((s for s in ("test", "validation", "train") if s in splits), "test")
    if split not in splits:
        raise UserError(f"{data} has no split {split!r}; it has {', '.join(splits)}")
    return splits[split], f"{data}, {split} split"


def training_data(run: Path, once: Callable[[Plan], Plan] | None = None) -> tuple[str, Any]:
    """The name of a run's training data, and the data, read again; a warning is printed if it has changed.

    once: changes the plan for data that is evaluated and not trained on.
    """
    from seriatim.training.plan import STANDARD_INPUT
    from seriatim.training.run import plan_of

    plan, mark = plan_of(run)
    if plan.data == STANDARD_INPUT:
        raise UserError(f"{run} was trained on standard input; give data to evaluate on, or - for standard input again")
    evaluated = plan if once is None else once(plan)
    data = evaluated.open()
    if mark and evaluated == plan and data.fingerprint != mark:
        tell(f"{plan.data} has changed since this run was trained: some of the evaluated data may have been trained on")
    return plan.data, data


def limited(limit: int | None) -> Any:
    """The division of data to evaluate or score: undivided, limited to n items.

    Raises:
        UserError: if it is less than one.
    """
    from seriatim.data.options import WHOLE

    if limit is not None and limit < 1:
        raise UserError(f"--limit is {limit}; give 1 or more")
    return dataclasses.replace(WHOLE, limit=limit)


def seeds_in_words(seeds: Sequence[int], most: int = 8) -> str:
    """The seeds of several samples for the line that reports them; of more than `most`, only where to find them."""
    if len(seeds) < 2:
        return ""
    return f", seeds {', '.join(map(str, seeds))}" if len(seeds) <= most else ", seeds in the text of the PNG"


def full_names(data: str, names: Sequence[str]) -> list[str]:
    """The names of a file's or folder's items, led by its path as it was given, so that no two are alike."""
    path = Path(data)
    if path.is_dir():
        return [f"{data.rstrip('/')}/{name}" for name in names]
    if not path.exists():
        return list(names)
    return [f"{data}{name.removeprefix(path.name)}" if name.startswith(path.name) else data for name in names]


def classifiable(name: str, labels: Sequence[str | None] | None, known: Sequence[str | None], items: str) -> list[int]:
    """The rows whose label the model knows.

    Args:
        name: of the data.
        labels: of its items; None if it has none.
        known: those of them that the model knows, None for the others.
        items: what they are.

    Raises:
        UserError: if there is none.
    """
    if labels is None:
        raise UserError(f"{name} has no labels; give {items} as files to classify them")
    rows = [i for i, label in enumerate(known) if label is not None]
    if not rows:
        raise UserError(f"{name} has none of the model's labels; give {items} as files to classify them")
    return rows


def say_lacking(lacking: Iterable[Lacking], items: str, advice: Mapping[str, str]) -> None:
    """Say which items lack a condition that the model takes.

    Args:
        lacking: by condition.
        items: what they are called, in the plural.
        advice: {condition: what to do if none has it}; under "" for all others.
    """
    for each in lacking:
        if each.missing:
            none = each.missing == each.items and not each.unknown
            more = f"; {advice.get(each.name, advice.get('', ''))}" if none else ""
            tell(f"{each.sentence(items)}{more}".rstrip("; "))


@final
class Screen:
    """Standard output for texts of a model, which may have learned anything: on a terminal, control characters are
    escaped; a file or another program gets them as they are."""

    def __init__(self) -> None:
        self._guarded = sys.stdout.isatty()

    def write(self, text: str) -> None:
        """Write a piece of text."""
        sys.stdout.write(visible(text) if self._guarded else text)

    def flush(self) -> None:
        """Show what has been written."""
        sys.stdout.flush()


def say(*lines: str) -> None:
    """Print lines that quote names and labels of others: control characters in them are escaped."""
    for line in lines:
        print(visible(line))


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON object; NaN becomes null."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: clean(each) for key, each in cast("dict[str, Any]", value).items()}
        if isinstance(value, list | tuple):
            return [clean(each) for each in cast("list[Any]", value)]
        return None if isinstance(value, float) and value != value else value

    text = json.dumps(clean(document), indent=1, ensure_ascii=False)
    print(_UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


@contextmanager
def progressing(total: int, word: str) -> Generator[Callable[[int], None]]:
    """Show a progress bar on a terminal; yields a function to call with the amount done of `total`."""
    from seriatim.data.progress import Bar

    with Bar(word, total) as bar:
        yield bar.to
