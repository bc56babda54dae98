"""Cross-validation, and a small search over learning rate and size."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, final

import numpy as np

from seriatim import config as configs
from seriatim.errors import Interrupted, UserError, tell
from seriatim.models import family
from seriatim.runs.files import write_json, write_text
from seriatim.runs.folder import LOCK, writing
from seriatim.runs.trained import Trained
from seriatim.training.loop import DivergedError
from seriatim.training.plan import Data, Plan, folds
from seriatim.training.run import CONFIG, Means, Session, going_on, plan_of, resume, start
from seriatim.training.settings import read, text_of
from seriatim.training.unit import Unit

STUDY = "study.toml"
_MOST = 1000  # runs of a study


@final
@dataclass(frozen=True)
class Study:
    """Several runs for one question, saved as `study.toml` so that it can be resumed.

    Attributes:
        kind: "folds" or "search".
        count: number of folds or trials.
        plan: the plan that each run varies.
    """

    kind: Literal["folds", "search"]
    count: int
    plan: Plan

    def __post_init__(self) -> None:
        if not 2 <= self.count <= _MOST:
            raise UserError(f"--{self.kind} is {self.count}; give at least 2, at most {_MOST:,}")

    def begin(self, folder: Path) -> None:
        """Save `study.toml`.

        Raises:
            UserError: if the folder is not empty.
        """
        if folder.exists() and any(each.name != LOCK for each in folder.iterdir()):
            raise UserError(f"{folder} is not empty; continue with --resume, or choose another --out")
        asked = {self.kind: self.count}
        write_text(folder / STUDY, text_of(dataclasses.replace(self.plan.settings(), **asked)))

    @classmethod
    def under_way(cls, folder: Path) -> Study | None:
        """The study in a folder; None if there is none, or only its last run remains."""
        path = folder / STUDY
        if not path.is_file() or (folder / CONFIG).is_file():
            return None
        settings = read(path)
        if (settings.folds is None) == (settings.search is None):
            raise UserError(f"{path} must have either folds or search; start a new run in another folder")
        plan = Plan.of(settings, str(path))
        return cls("search", settings.search, plan) if settings.search else cls("folds", settings.folds or 0, plan)


@contextmanager
def _place(study: Study, folder: Path, begin: bool) -> Generator[None]:
    """The folder of a study; of a new one that fails before its first run is saved, nothing is left."""
    with writing(folder):
        if begin:
            study.begin(folder)
        try:
            yield
        except UserError:
            if begin and next(folder.rglob(CONFIG), None) is None:
                (folder / STUDY).unlink()
            raise


def cross_validate(study: Study, folder: Path, means: Means | None = None, begin: bool = False) -> dict[str, float]:
    """Train k times, holding out a different part each time; the test split is not used.

    Writes `folds.json` and runs `fold-1` … `fold-k`; existing runs are resumed.

    Args:
        study: how many, and the plan.
        folder: of all runs.
        means: of each run.
        begin: whether the study is a new one.

    Returns:
        Mean and standard deviation over the folds of the figures on the held-out part.

    Raises:
        UserError: if it is impossible; a new study leaves nothing behind then.
        Interrupted: after Ctrl-C, with everything saved.
    """
    with _place(study, folder, begin):
        return _cross_validated(study, folder, means or Means())


def _cross_validated(study: Study, folder: Path, means: Means) -> dict[str, float]:
    rows: list[dict[str, Any]] = []
    for i, data in enumerate(folds(study.plan, _data(study.plan, means), study.count)):
        if not means.quiet:
            tell(f"fold {i + 1} of {study.count}")
        plan = dataclasses.replace(study.plan, fold=(i, study.count))
        of_fold = dataclasses.replace(means, data=data)
        rows.append(_exact(_one(study, plan, folder, f"fold-{i + 1}", of_fold), plan, data))
    keys = _keys(rows[0], study.plan)
    summary = {
        f"{key}_{word}": f([row[key] for row in rows])
        for key in keys
        for word, f in (("mean", statistics.fmean), ("standard_deviation", statistics.stdev))
    }
    write_json(folder / "folds.json", {**summary, "folds": rows})
    each = [f"{summary[f'{key}_mean']:.4f} ± {summary[f'{key}_standard_deviation']:.4f} {_words(key)}" for key in keys]
    print(f"{study.count} folds: {', '.join(each)}")
    return summary


def search(study: Study, folder: Path, means: Means | None = None, begin: bool = False) -> Plan:
    """Try settings for a quarter of the steps each and return the plan of the best one on the validation split.

    The first trial is the plan itself; the others draw a learning rate within a factor of 4 and 1/2 to 3/2 of its
    width. Writes `search.jsonl` and a run per trial under `search/`; existing runs are resumed.

    For arguments see `cross_validate`.

    Raises:
        UserError: if there is no validation split, or every trial has diverged.
        Interrupted: after Ctrl-C, with everything saved.
    """
    with _place(study, folder, begin):
        return _searched(study, folder, means or Means())


def _searched(study: Study, folder: Path, means: Means) -> Plan:
    plan = study.plan
    data = _data(plan, means)
    means = dataclasses.replace(means, data=data)
    if "validation" not in data.splits:
        raise UserError("--search needs a validation split, but there is none; give --data.validation")
    steps = max(1, Session(plan, folder / "search" / "plan", means).prepare(resume=False).total // 4)
    random = np.random.default_rng(plan.train.seed)
    rows: list[tuple[float, Plan]] = []
    with (folder / "search.jsonl").open("w", encoding="utf-8") as log:
        for trial in range(1, study.count + 1):
            chosen = plan if trial == 1 else _variant(plan, random)
            options = dataclasses.replace(chosen.train, steps=steps, epochs=None, samples=0)
            short = dataclasses.replace(chosen, train=options)
            row: dict[str, Any] = {"trial": trial, "lr": options.lr, **_widths(chosen)}
            try:
                trained = _one(study, short, folder, f"search/trial-{trial}", dataclasses.replace(means, quiet=True))
                figures = _exact(trained, plan, data)
                key = _keys(figures, plan)[0]
                row[f"validation_{key}"] = figures[key]
                rows.append((figures[key], chosen))
                found = f"{figures[key]:.4f} {_words(key)}"
            except DivergedError:
                found = "diverged"
            log.write(json.dumps(row) + "\n")
            log.flush()
            if not means.quiet:
                sizes = ", ".join(f"{name} {value}" for name, value in _widths(chosen).items())
                tell(f"trial {trial}/{study.count}: lr {options.lr:.2e}, {sizes}: {found}")
    if not rows:
        raise UserError(f"all {study.count} trials diverged; lower --train.lr (now {plan.train.lr})")
    return min(rows, key=lambda row: row[0])[1]


def _data(plan: Plan, means: Means) -> Data:
    return plan.open() if means.data is None else means.data


def _one(study: Study, plan: Plan, folder: Path, name: str, means: Means) -> Trained:
    """One of the study's runs, started or resumed."""
    place = folder / name
    try:
        if (place / "train" / "state.json").is_file():
            return resume(place, *plan_of(place), means)
        return start(plan, place, means)
    except Interrupted:
        raise Interrupted(f"stopped and saved in {name}; {going_on(study.plan, folder)}") from None


def _exact(model: Trained, plan: Plan, data: Data) -> dict[str, Any]:
    """The figures on the whole validation split, of what counts in training."""
    cut = {} if plan.train.truncate is None else {"truncate": plan.train.truncate}
    return cast(Any, model).evaluate(data.splits["validation"], **cut).to_json()


def _keys(figures: Mapping[str, Any], plan: Plan) -> list[str]:
    """The keys of what is told, of those there are; with conditions they end with what is given."""
    wanted = plan.modality.figures
    told = [key for key in figures if not key.endswith("_standard_error")]
    return [found for name in wanted if (found := next((key for key in told if key.startswith(name)), None))]


def _words(key: str) -> str:
    return Unit(key, 1).words


_WIDTHS = ("width", "filters", "residual", "gate", "skip")


def _widths(plan: Plan) -> dict[str, int]:
    """{field: channels} of the family's config: what a search varies together."""
    fields = {f.name: f.default for f in dataclasses.fields(family(plan.family).of(plan.kind).config)}
    names = [name for name in _WIDTHS if name in fields and name not in plan.modality.follows]
    return {name: int(plan.net.get(name, fields[name])) for name in names}


def _variant(plan: Plan, random: np.random.Generator) -> Plan:
    kind = family(plan.family).of(plan.kind).config
    default = {f.name: f.default for f in dataclasses.fields(kind)}
    heads = int(plan.net.get("heads", default.get("heads", 1)))
    grain = 2 * heads if "heads" in configs.fields(kind) else 8
    share = float(random.choice([0.5, 0.75, 1.0, 1.25, 1.5]))
    sizes = {name: max(grain, round(value * share / grain) * grain) for name, value in _widths(plan).items()}
    train, factor = plan.train, math.exp(random.uniform(-math.log(4), math.log(4)))
    rates = {"lr": train.lr * factor}
    if train.optimiser == "muon":
        rates["muon_lr"] = train.muon_lr * factor
    return dataclasses.replace(plan, net={**plan.net, **sizes}, train=dataclasses.replace(train, **rates))
