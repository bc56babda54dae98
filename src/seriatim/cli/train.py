"""seriatim train."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, cast

from cyclopts import Parameter

from seriatim import config as configs
from seriatim.cli.common import Data, set_threads, typed
from seriatim.cli.groups import FLAT
from seriatim.config import Options
from seriatim.data.options import DataOptions
from seriatim.errors import UserError, nearest
from seriatim.modality import Certainty, Modality, kind_of, modalities, modality
from seriatim.training.options import TrainOptions
from seriatim.training.presets import PRESETS, Preset

if TYPE_CHECKING:
    from seriatim.runs.trained import Trained
    from seriatim.training.plan import Plan
    from seriatim.training.study import Study

G = TypeVar("G", bound=Options)

_GROUPS: Final = {name: kind for each in modalities() for name, kind in each.options.items()}

if TYPE_CHECKING:

    @dataclass(frozen=True)
    class Groups:
        """The options of all kinds of data, a field for each group."""

else:
    # a wing's options are on the command line because its record names them
    fields = {name: Annotated[kind | None, Parameter(name=f"--{name}")] for name, kind in _GROUPS.items()}
    namespace = {"__annotations__": fields, "__module__": __name__, **dict.fromkeys(fields)}
    Groups = dataclass(frozen=True)(type("Groups", (), namespace))


@dataclass(frozen=True)
class Run:
    """Which run, and how it is gone about."""

    out: Path | None = None
    """Where the run is kept. Default: runs/DATA-MODEL."""
    resume: bool = False
    """Go on with the run in --out as if it had never stopped."""
    begin: Annotated[Path | None, Parameter(name="--from")] = None
    """A run, or a Hugging Face Llama directory, whose weights to start from."""
    folds: int | None = None
    """Train k times for k-fold cross-validation, and report the mean."""
    search: int | None = None
    """Try n settings of learning rate and size, judged on validation only, then train the best."""
    threads: int | None = None
    """Processor threads; one is often fastest on a busy machine."""
    quiet: bool = False
    """Show no progress."""


def train(
    data: Data | None = None,
    /,
    *,
    model: str | None = None,
    preset: str | None = None,
    kind: str | None = None,
    run: Annotated[Run, FLAT] = Run(),
    net: dict[str, str] | None = None,
    training: Annotated[TrainOptions | None, Parameter(name="--train")] = None,
    division: Annotated[DataOptions | None, Parameter(name="--data")] = None,
    groups: Annotated[Groups, FLAT] = Groups(),  # noqa: B008
) -> int:
    """Train a model on text, pictures or audio of your own, or on a named data set.

    Examples: `seriatim train novel.txt` · `seriatim train photos/ --image.size 32` · `seriatim train voices/` ·
    `seriatim train poems.jsonl --text.field poem --text.given genre,year` · `seriatim train pairs.tsv` ·
    `seriatim train train.de --text.source train.en` ·
    `seriatim train tinyshakespeare --preset nanogpt-cpu` · `seriatim train --out runs/novel-lstm --resume`

    Parameters
    ----------
    data
        A text file, a folder of texts, of pictures or of recordings, JSONL, `-` for standard input, or a name that
        `seriatim data list` shows.
    model
        The family, as `seriatim models` lists them. Default: a transformer for text, a gated-pixelcnn for pictures, a
        wavenet for audio.
    preset
        A setting with a name, such as nanogpt-cpu or book-lstm; other options change it.
    kind
        text, image or audio, where the data could be more than one. Default: found out from the files.
    net
        Sizes of the model, such as --net.width 256 --net.layers 6; `seriatim models NAME` lists them.
    """
    set_threads(run.threads)
    if run.resume:
        others = {"model": model, "preset": preset, "kind": kind, "from": run.begin, "folds": run.folds}
        _alone({**others, "search": run.search, "net": net, **{g: typed(g) for g in (*_GROUPS, "data")}})
        return _resume(data, run, training)
    if data is None:
        raise UserError("no data is given; give a file, a folder or a name that `seriatim data list` shows")
    if run.folds is not None and run.search is not None:
        raise UserError("--folds and --search are both given; search first, then cross-validate what it found")
    typed_in = _Typed(model, _preset(preset), net or {}, groups, training, division, run.begin)
    plan = _plan(data, _kind(data, kind), typed_in)
    from seriatim.training import run as runs
    from seriatim.training.study import Study

    folder = runs.default_folder(plan) if run.out is None else run.out
    if run.folds is not None or run.search is not None:
        asked = ("search", run.search) if run.search is not None else ("folds", run.folds)
        study = Study(cast(Any, asked[0]), asked[1] or 0, plan)
        study.begin(folder)
        return _study(study, folder, run.quiet)
    return _finish(folder, runs.start(plan, folder, runs.Means(quiet=run.quiet)))


@dataclass(frozen=True)
class _Typed:
    """What decides a plan, as it was typed."""

    model: str | None
    preset: Preset | None
    net: dict[str, str]
    groups: Any
    training: TrainOptions | None
    division: DataOptions | None
    begin: Path | None


def _preset(name: str | None) -> Preset | None:
    if name is None:
        return None
    if name not in PRESETS:
        raise UserError(f"{name!r} is not a preset; {nearest(name, PRESETS)}")
    return PRESETS[name]


def _kind(data: str, kind: str | None) -> Modality:
    """The kind of data that was named, or that the data holds; a doubt is said."""
    if kind is not None:
        return modality(kind)
    record, verdict = kind_of(data)
    if verdict.certainty is Certainty.MAYBE:
        print(f"{data}: taken for {record.words} ({verdict.reason}); --kind chooses another kind", file=sys.stderr)
    return record


def _merged(options: G | None, kind: type[G], base: dict[str, Any], group: str) -> G:
    """The preset's values, under what was typed."""
    names = {field.name for field in dataclasses.fields(kind)}
    explicit = {} if options is None else {name: getattr(options, name) for name in typed(group) & names}
    clash = {"steps": "epochs", "epochs": "steps"}  # one typed replaces the other preset
    return kind(**{**{k: v for k, v in base.items() if clash.get(k) not in explicit}, **explicit})


def _plan(data: str, record: Modality, given: _Typed) -> Plan:
    from seriatim.models import family
    from seriatim.training.plan import Plan, check_family, locate

    if given.begin is not None and (given.net or typed("tokens") or typed("code")):
        raise UserError("--from brings its own sizes and tokenizer; leave out --net, --tokens and --code")
    base = given.preset or Preset("", record.family)
    if family(base.family).data != record.name:
        raise UserError(f"{data} holds {record.words}, and the preset is for {base.family}; leave out --preset")
    name = given.model or base.family
    if given.model is not None:
        check_family(given.model, record, data)
    elif given.begin is not None:
        from seriatim.training.run import open_model

        name = open_model(given.begin, "cpu").family
    for group in _GROUPS.keys() - record.options.keys():
        for option in typed(group):
            raise UserError(f"--{group}.{option.replace('_', '-')} means nothing for {name}; leave it out")
    if given.begin is not None and "code" in base.options:
        raise UserError("--from brings its own code or none; leave out the preset of an auto-encoder")
    inherited = base.net if name == base.family else {}
    source = locate(data)
    chosen = {
        group: _merged(getattr(given.groups, group), kind, base.options.get(group, {}), group).located(source)
        for group, kind in record.options.items()
    }
    return Plan(
        data=source,
        kind=record.name,
        family=name,
        net={**inherited, **configs.parse(family(name).config, given.net, "net")},
        options=chosen,
        division=given.division or DataOptions(),
        train=_merged(given.training, TrainOptions, {**record.training, **base.train}, "train"),
        begin=None if given.begin is None else str(given.begin),
    )


def _alone(others: dict[str, object]) -> None:
    """Refuse what would be ignored with --resume."""
    for option, value in others.items():
        if value:
            raise UserError(
                f"--{option} is given with --resume, which takes everything but steps, epochs and device from the "
                "run; leave it out"
            )


def _study(study: Study, folder: Path, quiet: bool) -> int:
    from seriatim.training import run as runs
    from seriatim.training import study as studies

    means = runs.Means(quiet=quiet)
    if study.kind == "folds":
        studies.cross_validate(study, folder, means)
        return 0
    return _finish(folder, runs.start(studies.search(study, folder, means), folder, means))


def _resume(data: str | None, run: Run, training: TrainOptions | None) -> int:
    if run.out is None:
        raise UserError("--resume needs to know the run; give --out RUN")
    from seriatim.training import run as runs
    from seriatim.training.plan import locate
    from seriatim.training.study import Study

    study = Study.under_way(run.out)
    if study is not None:
        _alone({f"train.{name}": True for name in typed("train")})
        return _study(study, run.out, run.quiet)
    plan, fingerprint = runs.plan_of(run.out)
    if data is not None and plan.data not in (data, locate(data)):
        raise UserError(
            f"{run.out} was trained on {plan.data}, not on {data}; leave the data out, or train anew elsewhere"
        )
    changed = {name: getattr(training, name) for name in typed("train") if training is not None}
    for name, value in changed.items():
        if name not in ("steps", "epochs", "device") and value != getattr(plan.train, name):
            raise UserError(
                f"--train.{name} was {getattr(plan.train, name)} in this run, and resuming changes nothing but steps, "
                "epochs and device; leave it out, or train anew with --from"
            )
    longer = {**({"epochs": None} if "steps" in changed else {}), **({"steps": None} if "epochs" in changed else {})}
    plan = dataclasses.replace(plan, train=dataclasses.replace(plan.train, **{**longer, **changed}))
    return _finish(run.out, runs.resume(run.out, plan, fingerprint, runs.Means(quiet=run.quiet)))


def _finish(folder: Path, trained: Trained) -> int:
    from seriatim.training.unit import Unit

    figures = [(Unit(key, 1).words, value) for key, value in trained.about.items() if key.startswith("validation_")]
    best = "".join(
        f", best validation {value:.4f} {words.removeprefix('validation ')} at step {trained.about['step']}"
        for words, value in figures
    )
    print(f"{folder}: {trained.family}{best}", file=sys.stderr)
    run = shlex.quote(str(folder))
    print(f"next: seriatim sample {run}   or   seriatim evaluate {run}", file=sys.stderr)
    return 0
