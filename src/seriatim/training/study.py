"""Cross-validation, and a small search over learning rate and size."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
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

STUDY = "study.toml"


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
        if self.count < 2:
            raise UserError(f"--{self.kind} is {self.count}; give at least 2")
        if self.plan.modality.folds is None:
            raise UserError(f"--{self.kind} is for text only, but this is {self.plan.modality.words}; leave it out")

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


def cross_validate(study: Study, folder: Path, means: Means | None = None) -> dict[str, float]:
    """Train k times, holding out a different part each time; the test split is not used.

    Writes `folds.json` and runs `fold-1` … `fold-k`; existing runs are resumed.

    Returns:
        Mean and standard deviation over the folds of nats/token and bits/char on the held-out part.

    Raises:
        Interrupted: after Ctrl-C, with everything saved.
    """
    with writing(folder):
        return _cross_validated(study, folder, means or Means())


def _cross_validated(study: Study, folder: Path, means: Means) -> dict[str, float]:
    rows: list[dict[str, Any]] = []
    for i, data in enumerate(folds(study.plan.modality, _data(study.plan, means), study.count)):
        if not means.quiet:
            tell(f"fold {i + 1} of {study.count}")
        plan = dataclasses.replace(study.plan, fold=(i, study.count))
        of_fold = dataclasses.replace(means, data=data)
        rows.append(_exact(_one(study, plan, folder, f"fold-{i + 1}", of_fold), plan, data))
    nats, bits = (
        next(name for name in rows[0] if name.startswith(key) and not name.endswith("_standard_error"))
        for key in ("nats_per_token", "bits_per_char")  # of a model with conditions, given those
    )
    summary = {
        f"{key}_{word}": f([row[key] for row in rows])
        for key in (nats, bits)
        for word, f in (("mean", statistics.fmean), ("standard_deviation", statistics.stdev))
    }
    write_json(folder / "folds.json", {**summary, "folds": rows})
    print(
        f"{study.count} folds: {summary[f'{nats}_mean']:.4f} ± "
        f"{summary[f'{nats}_standard_deviation']:.4f} nats/token, {summary[f'{bits}_mean']:.4f} ± "
        f"{summary[f'{bits}_standard_deviation']:.4f} bits/char"
    )
    return summary


def search(study: Study, folder: Path, means: Means | None = None) -> Plan:
    """Try settings for a quarter of the steps each and return the plan of the best one on the validation split.

    The first trial is the plan itself; the others draw a learning rate within a factor of 4 and 1/2 to 3/2 of its
    width. Writes `search.jsonl` and a run per trial under `search/`; existing runs are resumed.

    Raises:
        UserError: if there is no validation split, or every trial has diverged.
        Interrupted: after Ctrl-C, with everything saved.
    """
    with writing(folder):
        return _searched(study, folder, means or Means())


def _searched(study: Study, folder: Path, means: Means) -> Plan:
    plan = study.plan
    data = _data(plan, means)
    means = dataclasses.replace(means, data=data)
    if "validation" not in data.splits:
        raise UserError("--search needs validation text, but there is none; give --data.validation")
    steps = max(1, Session(plan, folder / "search" / "plan", means).prepare(resume=False).total // 4)
    random = np.random.default_rng(plan.train.seed)
    rows: list[tuple[float, Plan]] = []
    with (folder / "search.jsonl").open("w", encoding="utf-8") as log:
        for trial in range(1, study.count + 1):
            chosen = plan if trial == 1 else _variant(plan, random)
            options = dataclasses.replace(chosen.train, steps=steps, epochs=None, samples=0)
            short = dataclasses.replace(chosen, train=options)
            row: dict[str, Any] = {"trial": trial, "lr": options.lr, "width": _width(chosen)}
            try:
                trained = _one(study, short, folder, f"search/trial-{trial}", dataclasses.replace(means, quiet=True))
                row["validation_bits_per_char"] = _exact(trained, plan, data)["bits_per_char"]
                rows.append((row["validation_bits_per_char"], chosen))
                found = f"{row['validation_bits_per_char']:.4f} bits/char"
            except DivergedError:
                row["validation_bits_per_char"], found = None, "diverged"
            log.write(json.dumps(row) + "\n")
            log.flush()
            if not means.quiet:
                words = f"trial {trial}/{study.count}: lr {options.lr:.2e}, width {row['width']}: {found}"
                tell(words)
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
    figures = cast(Any, model).evaluate(data.splits["validation"], truncate=plan.train.truncate)
    return figures.to_json()


def _width(plan: Plan) -> int:
    default = {f.name: f.default for f in dataclasses.fields(family(plan.family).config)}
    return int(plan.net.get("width", default["width"]))


def _variant(plan: Plan, random: np.random.Generator) -> Plan:
    kind = family(plan.family).config
    default = {f.name: f.default for f in dataclasses.fields(kind)}
    heads = int(plan.net.get("heads", default.get("heads", 1)))
    grain = 2 * heads if "heads" in configs.fields(kind) else 8
    wanted = _width(plan) * float(random.choice([0.5, 0.75, 1.0, 1.25, 1.5]))
    train, factor = plan.train, math.exp(random.uniform(-math.log(4), math.log(4)))
    rates = {"lr": train.lr * factor}
    if train.optimiser == "muon":
        rates["muon_lr"] = train.muon_lr * factor
    return dataclasses.replace(
        plan,
        net={**plan.net, "width": max(grain, round(wanted / grain) * grain)},
        train=dataclasses.replace(train, **rates),
    )
