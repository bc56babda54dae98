"""Cross-validation, and a small search over learning rate and size."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np

from seriatim import config as configs
from seriatim.data import folds, open_corpus
from seriatim.errors import UserError
from seriatim.models import family
from seriatim.text import TextModel
from seriatim.train.run import Plan, start


def _exact(model: TextModel, plan: Plan, documents: Any) -> dict[str, Any]:
    return model.evaluate(documents, truncate=plan.train.truncate).to_json()


def cross_validate(plan: Plan, folder: Path, k: int, quiet: bool = False) -> dict[str, float]:
    """Train k times, each time holding out another part; the test split is never touched.

    Writes `folds.json` and a run under `fold-1` … `fold-k`.

    Returns:
        Mean and standard deviation over the folds of nats/token and bits/char on the part held out.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; choose another --out")
    if k < 2:
        raise UserError(f"--folds is {k}; give at least 2")
    rows: list[dict[str, Any]] = []
    for i, corpus in enumerate(folds(open_corpus(plan.data, plan.text), k)):
        if not quiet:
            print(f"fold {i + 1} of {k}", file=sys.stderr)
        trained = start(plan, folder / f"fold-{i + 1}", corpus, quiet)
        rows.append(_exact(trained, plan, corpus.splits["validation"]))
    summary = {
        f"{key}_{word}": f([row[key] for row in rows])
        for key in ("nats_per_token", "bits_per_char")
        for word, f in (("mean", statistics.fmean), ("standard_deviation", statistics.stdev))
    }
    (folder / "folds.json").write_text(json.dumps({**summary, "folds": rows}, indent=1), encoding="utf-8")
    print(
        f"{k} folds: {summary['nats_per_token_mean']:.4f} ± {summary['nats_per_token_standard_deviation']:.4f} "
        f"nats/token, {summary['bits_per_char_mean']:.4f} ± {summary['bits_per_char_standard_deviation']:.4f} bits/char"
    )
    return summary


def search(plan: Plan, folder: Path, trials: int, quiet: bool = False) -> Plan:
    """Try settings for a quarter of the steps each and return the plan of the best, judged on validation only.

    The first trial is the plan itself; the others draw a learning rate within a factor of 4 and a width of 1/2 to 3/2.
    Writes `search.jsonl` and a run a trial under `search/`.
    """
    if trials < 2:
        raise UserError(f"--search is {trials}; give at least 2")
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; choose another --out")
    corpus = open_corpus(plan.data, plan.text)
    if "validation" not in corpus.splits:
        raise UserError("a search is judged on validation text, and there is none; give --data.validation")
    random = np.random.default_rng(plan.train.seed)
    rows: list[tuple[float, Plan]] = []
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "search.jsonl").open("w", encoding="utf-8") as log:
        for trial in range(trials):
            chosen = plan if trial == 0 else _variant(plan, random)
            short = dataclasses.replace(chosen, train=_quarter(chosen))
            trained = start(short, folder / "search" / f"trial-{trial + 1}", corpus, quiet=True)
            figure = float(trained.about["validation_nats_per_token"])
            bits = _exact(trained, plan, corpus.splits["validation"])["bits_per_char"]
            width = trained.model.config.width
            row = {"trial": trial + 1, "lr": chosen.train.lr, "width": width, "validation_bits_per_char": bits}
            log.write(json.dumps({**row, "validation_nats_per_token": figure}) + "\n")
            log.flush()
            rows.append((bits, chosen))
            if not quiet:
                print(
                    f"trial {trial + 1}/{trials}: lr {chosen.train.lr:.2e}, width {width}: {bits:.4f} bits/char",
                    file=sys.stderr,
                )
    return min(rows, key=lambda row: row[0])[1]


def _quarter(plan: Plan) -> Any:
    options = plan.train
    if options.steps is not None:
        return dataclasses.replace(options, steps=max(1, options.steps // 4), samples=0)
    return dataclasses.replace(options, epochs=(options.epochs or 10) / 4, samples=0)


def _variant(plan: Plan, random: np.random.Generator) -> Plan:
    kind = family(plan.family).config
    default = {f.name: f.default for f in dataclasses.fields(kind)}
    heads = int(plan.net.get("heads", default.get("heads", 1)))
    width = int(plan.net.get("width", default["width"]))
    grain = 2 * heads if "heads" in configs.fields(kind) else 8
    wanted = width * float(random.choice([0.5, 0.75, 1.0, 1.25, 1.5]))
    lr = plan.train.lr * math.exp(random.uniform(-math.log(4), math.log(4)))
    return dataclasses.replace(
        plan,
        net={**plan.net, "width": max(grain, round(wanted / grain) * grain)},
        train=dataclasses.replace(plan.train, lr=lr),
    )
