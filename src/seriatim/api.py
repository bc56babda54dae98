"""Training and loading in a line of Python each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seriatim import config as configs
from seriatim import modality
from seriatim.config import Options
from seriatim.data.options import DataOptions
from seriatim.errors import UserError, nearest
from seriatim.models import Model, family
from seriatim.runs import arguments, building, checkpoint
from seriatim.runs.arguments import takes
from seriatim.runs.opening import open_run, pick_device
from seriatim.runs.trained import Trained
from seriatim.training import run, study
from seriatim.training.observers import Calls, Evaluation, Step
from seriatim.training.options import TrainOptions
from seriatim.training.plan import IN_MEMORY, Plan, check_family, locate


@takes(
    model=arguments.instance((str, Model, Callable), "a family, a model, or a function of codecs that makes one"),
    kind=arguments.text, out=arguments.path, net=arguments.named, from_=arguments.path, folds=arguments.count,
    search=arguments.count, on_step=arguments.function, on_evaluation=arguments.function,
)  # fmt: skip
def train(
    data: object,
    model: str | run.Net | None = None,
    /,
    *,
    kind: str | None = None,
    out: str | Path | None = None,
    net: Mapping[str, Any] | None = None,
    from_: str | Path | None = None,
    folds: int | None = None,
    search: int | None = None,
    resuming: bool = False,
    quiet: bool = False,
    on_step: Callable[[Step], object] | None = None,
    on_evaluation: Callable[[Evaluation], object] | None = None,
    **options: Any,
) -> Trained:
    """Train a model on text, images, audio, series or trajectories.

    Args:
        data: a file, a folder, or the name of a data set; or Python objects: texts, a data frame of texts or numbers,
            8-bit pictures (N, H, W, C), 16-bit recordings, series (T[, C]) of floats, {"x": trajectories, "label": …}.
        model: a family, a key of `seriatim.models.FAMILIES`. Default: the kind's usual family. Or a model of your own,
            or a function that makes one from {"x": codec, …}; then it is saved under `custom`.
        kind: text, image, audio, series or trajectory. Default: what the data holds.
        out: the run's folder. Default: runs/DATA-MODEL.
        net: sizes of the model, such as {"width": 256, "layers": 6}.
        from_: a run whose weights and codecs to start from.
        folds: cross-validate k times and train no further; returns the last fold's model. The mean is in `folds.json`.
        search: try n settings of learning rate and width, judged on validation, then train the best.
        resuming: go on with the run in `out` as if it had never stopped. Give data in memory and a model of your own
            again; steps, epochs and device may change, all else is taken from the run.
        quiet: no progress.
        on_step: called after each step.
        on_evaluation: called after each evaluation.
        options: fields of `TrainOptions`, such as steps=500, lr=1e-3; and groups of options: data=DataOptions(…), and
            those of the kind at hand, such as tokens=TokenOptions(kind="words") or image=ImageOptions(size=(32,)).

    Returns:
        The best model on validation: a `TextModel`, `ImageModel`, `AudioModel`, `VideoModel`, … by the kind of data.

    Raises:
        UserError: on impossible options or bad data.
        seriatim.errors.Interrupted: after Ctrl-C, with everything saved.

    Example:
        >>> model = train(["to be", "or not to be"] * 20, "lstm", out="runs/hamlet", steps=2, quiet=True)
        >>> model
        <TextModel: lstm, 1,187,591 parameters, characters>
    """
    own = model if not isinstance(model, str) else None
    in_memory = data if not isinstance(data, str | Path) else None
    means = run.Means(net=own, quiet=quiet, observers=[Calls(on_step, on_evaluation)])
    if resuming:
        _alone({"kind": kind, "net": net, "from_": from_, "folds": folds, "search": search})
        return _resume(model if isinstance(model, str) else None, in_memory, out, options, means)
    likely = family(model).data if isinstance(model, str) else None
    record = modality.modality(kind) if kind is not None else modality.kind_of(data, likely)[0]
    groups, division, chosen = _sorted(options, record)
    if from_ is not None:
        _brought(record, net, groups)
    begun = None if from_ is None or own is not None else run.open_model(Path(from_), "cpu").family
    name = checkpoint.CUSTOM if own is not None else str(model or begun or record.family)
    if own is None:
        check_family(name, record, modality.shown(data), "--model" if from_ is None else "--from")
    usual = {} if own is not None else {**record.training, **family(name).of(record.name).training(net or {})}
    source = locate(data) if isinstance(data, str | Path) else IN_MEMORY
    plan = Plan(
        data=source,
        kind=record.name,
        family=name,
        net=dict(net or {}),
        options={group: value.located(source) for group, value in groups.items()},
        division=division,
        train=TrainOptions(**{**usual, **chosen}),
        begin=None if from_ is None else str(from_),
    )
    means = dataclasses.replace(means, data=None if in_memory is None else plan.open(in_memory))
    folder = run.default_folder(plan) if out is None else Path(out)
    return _trained(plan, folder, means, folds, search)


def _alone(others: Mapping[str, object]) -> None:
    for name, value in others.items():
        if value is not None:
            raise UserError(
                f"{name}= is given with resuming=True, which takes everything but steps, epochs and device from the "
                "run; leave it out"
            )


def _resume(
    family: str | None, data: object, out: str | Path | None, options: Mapping[str, Any], means: run.Means
) -> Trained:
    if out is None:
        raise UserError("resuming=True needs the run's folder; give out=")
    plan, fingerprint = run.plan_of(Path(out))
    if family not in (None, plan.family):
        raise UserError(f"{out} holds a {plan.family}, not a {family}; leave out the model")
    groups, division, chosen = _sorted(options, plan.modality)
    _alone({**groups, "data": None if division == DataOptions() else division})
    plan = plan.continued(chosen)
    opened = None if data is None else plan.open(data)
    return run.resume(Path(out), plan, fingerprint, dataclasses.replace(means, data=opened))


def _brought(record: modality.Modality, net: Mapping[str, Any] | None, groups: Mapping[str, Options]) -> None:
    """Refuse what `from_` would ignore."""
    sizes = (net or {}).keys() - building.CHANGEABLE
    for name in ("net", *record.learned):
        if bool(sizes) if name == "net" else groups.get(name) is not None:
            raise UserError(f"{name}= is given with from_, whose run brings its own; leave it out")


def _trained(plan: Plan, folder: Path, means: run.Means, folds: int | None, search: int | None) -> Trained:
    if folds is not None and search is not None:
        raise UserError("folds and search are both given; search first, then cross-validate what it found")
    if plan.family == checkpoint.CUSTOM and (folds is not None or search is not None):
        raise UserError("folds and search are for families, not for a model of your own; leave them out")
    if folds is not None:
        question = study.Study("folds", folds, plan)
        study.cross_validate(question, folder, means, begin=True)
        return open_run(folder / f"fold-{folds}", run.pick_device(plan.train.device))
    if search is not None:
        question = study.Study("search", search, plan)
        plan = study.search(question, folder, means, begin=True)
    return run.start(plan, folder, means)


def _sorted(
    options: Mapping[str, Any], record: modality.Modality
) -> tuple[dict[str, Options], DataOptions, dict[str, Any]]:
    """Groups of the kind of data, how to divide, and fields of `TrainOptions`.

    Raises:
        UserError: for a name that is none of these.
    """
    fields = {field.name for field in dataclasses.fields(TrainOptions)}
    groups: dict[str, Options] = {}
    division, chosen = DataOptions(), dict[str, Any]()
    for name, value in options.items():
        if name == "data" and isinstance(value, DataOptions):
            division = value
        elif name == "data" or name in record.options:
            wanted = DataOptions if name == "data" else record.options[name]
            if type(value) is not wanted:
                raise UserError(f"{name}={value!r:.60} is not a group of options; give {wanted.__name__}(…)")
            groups[name] = value
        elif name in fields:
            chosen[name] = value
        elif any(name in each.options for each in modality.modalities()):
            raise UserError(f"{name}=… does not apply to {record.words}; leave it out")
        else:
            raise UserError(f"{name}=… is not an option of train; {nearest(name, [*fields, *record.options, 'data'])}")
    configs.check(TrainOptions, chosen)
    return groups, division, chosen


@takes(run=arguments.path, device=arguments.text, model=arguments.instance(Model, "a seriatim.Model"))
def load(run: str | Path, device: str = "auto", model: Model | None = None) -> Trained:
    """Open a run's directory.

    Args:
        run: the directory.
        device: cpu, cuda, mps, or auto: the fastest there is.
        model: of a run saved under `custom`: a model of the same shapes, which takes the tensors.

    Returns:
        A `TextModel`, `ImageModel`, `AudioModel`, `SeriesModel`, `TrajectoryModel` or
            `VideoModel`, in evaluation mode.

    Raises:
        UserError: if it is missing, damaged or not what it says.
    """
    return open_run(run, pick_device(device), model)
