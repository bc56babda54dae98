"""seriatim train."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, cast

from cyclopts import Parameter

from seriatim import config as configs
from seriatim.cli.common import Data, set_threads, typed
from seriatim.cli.groups import FLAT
from seriatim.config import Options
from seriatim.data.options import DataOptions
from seriatim.errors import UserError, nearest, tell
from seriatim.modality import Certainty, Modality, kind_of, modalities, modality, named_by
from seriatim.training.options import TrainOptions
from seriatim.training.presets import PRESETS
from seriatim.training.settings import Settings, read

if TYPE_CHECKING:
    from seriatim.runs.trained import Trained
    from seriatim.training.plan import Plan
    from seriatim.training.run import Means
    from seriatim.training.study import Study

G = TypeVar("G", bound=Options)

_GROUPS: Final = {name: kind for each in modalities() for name, kind in each.options.items()}

if TYPE_CHECKING:

    @dataclass(frozen=True)
    class Groups:
        """The options of all kinds of data, one field per group."""

else:
    # a wing's options are on the command line because its record lists them
    fields = {name: Annotated[kind | None, Parameter(name=f"--{name}")] for name, kind in _GROUPS.items()}
    namespace = {"__annotations__": fields, "__module__": __name__, **dict.fromkeys(fields)}
    Groups = dataclass(frozen=True)(type("Groups", (), namespace))


@dataclass(frozen=True)
class Run:
    """The run, and how it is carried out."""

    out: Path | None = None
    """Folder of the run. Default: runs/DATA-MODEL."""
    resume: bool = False
    """Resume the run in --out exactly where it stopped."""
    config: Path | None = None
    """A TOML file of settings, such as another run's config.toml; options that are typed override it."""
    begin: Annotated[Path | None, Parameter(name="--from")] = None
    """Start from the weights of another run, or of a Hugging Face Llama directory."""
    folds: int | None = None
    """k-fold cross-validation: train k times and report the mean."""
    search: int | None = None
    """Random search over n learning rates and widths, judged on the validation split; then train the best."""
    threads: int | None = None
    """CPU threads. Default: one or all, whichever is faster; measured, and again when steps become slow."""
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
    """Train a model on your own text, pictures, audio, series or drawings, or on a named data set.

    Examples:

      seriatim train novel.txt
      seriatim train photos/ --image.size 32
      seriatim train clips/ --video.size 32
      seriatim train sales.csv
      seriatim train cats.ndjson
      seriatim train poems.jsonl --text.field poem --text.given genre,year
      seriatim train train.de --text.source train.en
      seriatim train novel.txt --model lstm --steps 2000 --batch 16 --lr 1e-3
      seriatim train tinyshakespeare --preset nanogpt-cpu
      seriatim train --config runs/novel-lstm/config.toml
      seriatim train --out runs/novel-lstm --resume

    Parameters
    ----------
    data
        A text file, JSONL, a TSV of pairs, texts, pictures, films, recordings, a table of numbers, drawings or labelled
        series (.ndjson, .svg, .npz, .ts), `-` for standard input, or a named data set; see `seriatim data list`.
    model
        The model family; see `seriatim models`. Default: transformer for text, gated-pixelcnn for pictures, vpn for
        films, wavenet for audio, lstm for series and trajectories.
    preset
        Named settings, e.g. nanogpt-cpu or book-lstm; other options override them.
    kind
        text, image, audio, video, series or trajectory. Default: determined from the files.
    net
        Sizes of the model, e.g. --net.width 256 --net.layers 6; see `seriatim models NAME`.
    """
    set_threads(run.threads)
    if run.resume:
        others = {"model": model, "preset": preset, "kind": kind, "from": run.begin, "config": run.config}
        _alone(
            {
                **others,
                "folds": run.folds,
                "search": run.search,
                "net": net,
                **{g: typed(g) for g in (*_GROUPS, "data")},
            }
        )
        return _resume(data, run, training)
    base = _base(preset, run.config)
    if base.fold is not None and (run.folds is not None or run.search is not None or _other(data, base)):
        tell(f"{run.config} is of fold {base.fold[0] + 1} of {base.fold[1]}; this run is not divided so")
        base = dataclasses.replace(base, fold=None)
    data = base.data if data is None else data
    if data is None:
        raise UserError("no data is given; give a file, a folder or a name that `seriatim data list` shows")
    folds, trials = run.folds, run.search
    if folds is None and trials is None:
        folds, trials = base.folds, base.search
    if run.folds is not None and run.search is not None:
        raise UserError("--folds and --search are both given; search first, then cross-validate what it found")
    typed_in = _Typed(model, preset, net or {}, groups, training, division, run.begin)
    plan = _plan(data, _kind(data, kind or base.kind, model or base.model), typed_in, base)
    from seriatim.training import run as runs
    from seriatim.training.study import Study

    folder = _free_folder(plan) if run.out is None else run.out
    if folds is not None or trials is not None:
        asked = ("search", trials) if trials is not None else ("folds", folds)
        study = Study(cast(Any, asked[0]), asked[1] or 0, plan)
        return _study(study, folder, run, begin=True)
    return _finish(folder, runs.start(plan, folder, _means(run)))


def _free_folder(plan: Plan) -> Path:
    """The usual folder, or the next that is free; that one is taken is said."""
    from seriatim.training import run as runs

    folder, usual = runs.default_folder(plan), runs.usual_folder(plan)
    if folder != usual:
        tell(f"{usual} is taken; this run is written to {folder}")
    return folder


@dataclass(frozen=True)
class _Typed:
    """The typed options that determine a plan."""

    model: str | None
    preset: str | None
    net: dict[str, str]
    groups: Any
    training: TrainOptions | None
    division: DataOptions | None
    begin: Path | None


def _base(preset: str | None, config: Path | None) -> Settings:
    """The settings that typed options override."""
    if preset is not None and config is not None:
        raise UserError("--preset and --config are both given; give one of them")
    if config is not None:
        return read(config)
    if preset is None:
        return Settings()
    if preset not in PRESETS:
        raise UserError(f"{preset!r} is not a preset; {nearest(preset, PRESETS)}")
    named = PRESETS[preset]
    return Settings(model=named.family, net=named.net, train=named.train, options=named.options)


def _other(data: str | None, base: Settings) -> bool:
    """Whether other data is given than the settings name."""
    from seriatim.training.plan import locate

    return data is not None and locate(data) != base.data


_TABULAR = ("text", "series", "trajectory")  # kinds that tables may hold
_TABLES = (".csv", ".tsv", ".tab", ".txt", ".dat", ".jsonl", ".ndjson")


def _kind(data: str, kind: str | None, model: str | None) -> Modality:
    """The kind of data that was named, or else that of the data; a doubtful choice is reported."""
    if kind is not None:
        return modality(kind)
    from seriatim.models import family

    spoken = named_by(group for group in _GROUPS if typed(group))
    if spoken is not None and spoken.name in _TABULAR and Path(data).suffix.lower() in _TABLES:
        return spoken  # a table may be of several kinds, and these options are for one
    record, verdict = kind_of(data, None if model is None else family(model).data)
    if verdict.certainty is Certainty.MAYBE and not any(map(typed, record.options)):  # who types --text.… knows
        tell(f"{data}: read as {record.words} ({verdict.reason}); use --kind for another kind")
    return record


def _merged(options: G | None, kind: type[G], base: Mapping[str, Any], group: str) -> G:
    """The preset's values, overridden by what was typed."""
    names = {field.name for field in dataclasses.fields(kind)}
    explicit = {} if options is None else {name: getattr(options, name) for name in typed(group) & names}
    clash = {"steps": "epochs", "epochs": "steps"}  # one that was typed replaces the preset's other
    return kind(**{**{k: v for k, v in base.items() if clash.get(k) not in explicit}, **explicit})


def _plan(data: str, record: Modality, given: _Typed, base: Settings) -> Plan:
    from seriatim.models import family
    from seriatim.runs.building import CHANGEABLE
    from seriatim.training.plan import Plan, check_family, locate

    begin = None if base.begin is None else Path(base.begin)
    begin = begin if given.begin is None else given.begin
    if begin is not None:
        brought = ["net", *record.learned]
        if given.net.keys() - CHANGEABLE or any(typed(group) for group in record.learned):
            but = f", but for --net.{' and --net.'.join(CHANGEABLE)}"
            raise UserError(
                f"--from brings its own {' and '.join(brought)}; leave out --{' and --'.join(brought)}{but}"
            )
        if kept := base.options.keys() & {*record.learned} if base.begin is None else None:
            option = "--preset" if given.preset else "--config"
            raise UserError(f"--from keeps the {' and '.join(kept)} of its run, or none; leave out {option}")
    source = locate(data)
    usual = base.model or record.family
    if usual != "custom" and record.name not in family(usual).kinds:
        where = "preset is" if given.preset else "file of settings is"
        option = "--preset" if given.preset else "--config"
        raise UserError(f"{data} holds {record.words}, but the {where} for {usual}; leave out {option}")
    name = given.model or usual
    if given.model is None and begin is not None:
        from seriatim.training.run import open_model

        name = open_model(begin, "cpu").family
    if name == "custom":
        raise UserError("a model of the family custom is composed in Python; train it there, or give --model")
    check_family(name, record, data, "--from" if given.model is None and begin is not None else "--model")
    for group in _GROUPS.keys() - record.options.keys():
        for option in typed(group):
            own = next((each.name for each in modalities() if group in each.options), None)
            raise UserError(
                f"--{group}.{option.replace('_', '-')} is for {modality(own).words if own else group}, and {data} was "
                f"taken for {record.words}; leave it out{f', or give --kind {own}' if own else ''}"
            )
        if group in base.options:
            raise UserError(f"[{group}] does not apply to {record.words}; leave it out of --config")
    chosen = {
        group: _merged(getattr(given.groups, group), kind, base.options.get(group, {}), group).located(source)
        for group, kind in record.options.items()
    }
    entry = family(name).of(record.name)
    sizes = base.net if name == usual and given.begin is None else {}
    net = {**sizes, **configs.parse(entry.config, given.net, "net")}
    training = {**record.training, **entry.training(net), **base.train}
    return Plan(
        data=source,
        kind=record.name,
        family=name,
        net=net,
        options=chosen,
        division=_merged(given.division, DataOptions, base.division, "data"),
        train=_merged(given.training, TrainOptions, training, "train"),
        begin=None if begin is None else str(begin),
        fold=base.fold,
    )


def _alone(others: dict[str, object]) -> None:
    """Refuse options that --resume would ignore."""
    for option, value in others.items():
        if value:
            raise UserError(
                f"--{option} is given with --resume, which takes everything but steps, epochs, patience and device "
                "from the run; leave it out"
            )


def _means(run: Run) -> Means:
    from seriatim.training.run import Means

    return Means(quiet=run.quiet, fixed_threads=run.threads is not None)


def _study(study: Study, folder: Path, run: Run, begin: bool = False) -> int:
    from seriatim.training import run as runs
    from seriatim.training import study as studies

    means = _means(run)
    if study.kind == "folds":
        studies.cross_validate(study, folder, means, begin)
        return 0
    return _finish(folder, runs.start(studies.search(study, folder, means, begin), folder, means))


def _resume(data: str | None, run: Run, training: TrainOptions | None) -> int:
    if run.out is None:
        raise UserError("--resume needs the run; give --out RUN")
    from seriatim.training import run as runs
    from seriatim.training.plan import locate
    from seriatim.training.study import Study

    study = Study.under_way(run.out)
    if study is not None:
        _alone({f"train.{name}": True for name in typed("train")})
        return _study(study, run.out, run)
    plan, fingerprint = runs.plan_of(run.out)
    if data is not None and plan.data not in (data, locate(data)):
        raise UserError(
            f"{run.out} was trained on {plan.data}, not on {data}; leave the data out, or train in another folder"
        )
    changed = {name: getattr(training, name) for name in typed("train") if training is not None}
    plan = plan.continued(changed)
    return _finish(run.out, runs.resume(run.out, plan, fingerprint, _means(run)))


def _finish(folder: Path, trained: Trained) -> int:
    from seriatim.training.unit import Unit

    step = trained.about.get("step")  # a run that was resumed may hold anything under these keys
    best = "".join(
        f", best validation {value:.4f} {Unit(key, 1).words.removeprefix('validation ')} at step {step}"
        for key, value in trained.about.items()
        if key.startswith("validation_") and isinstance(value, int | float) and isinstance(step, int)
    )
    tell(f"{folder}: {trained.family}{best}")
    if step == 0 and best:
        tell("no evaluation was better than the untrained model, which is kept: its samples are noise; train longer")
    run = shlex.quote(str(folder))
    tell(f"next: seriatim {modality(trained.kind).next} {run}   or   seriatim evaluate {run}")
    return 0
