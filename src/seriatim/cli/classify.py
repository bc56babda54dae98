"""seriatim classify."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from seriatim.cli.common import Data, Machine, assignments, number, opened, print_json, say, say_lacking
from seriatim.cli.groups import FLAT, Conditions, Json
from seriatim.cli.kinds import commands
from seriatim.cli.requests import Judging
from seriatim.errors import UserError
from seriatim.modality import modality


def classify(
    run: Path,
    /,
    *files: Data,
    maps: Path | None = None,
    vectors: Path | None = None,
    prior: list[str] | None = None,
    split: str | None = None,
    limit: int | None = None,
    top: int = 3,
    as_json: Json = False,
    machine: Annotated[Machine, FLAT] = Machine(),  # noqa: B008 (frozen)
) -> None:
    """Classify pictures, films, drawings or labelled series by Bayes' rule: log p(x | label) + log p(label).

    With files: the most likely labels of each and their posterior. Without: the accuracy on the run's own data.

    Parameters
    ----------
    run
        Directory written by `seriatim train`, of a model conditioned on labels.
    files
        Pictures, films, drawings or series, or folders of these.
    maps
        For runs with --image.maps: the folder with a map per picture.
    vectors
        For runs with --image.vectors: a CSV file of paths and numbers, or a folder of .npy files.
    prior
        LABEL=WEIGHT, the label's prior probability up to a factor; labels left out get 0. Default: uniform. Repeatable.
    split
        Without files: train, validation or test. Default: test.
    limit
        Without files: classify n items, spread evenly over the split. Default: all.
    top
        Labels to print per item.
    as_json
        One JSON object (with files: one per line).
    """
    from seriatim.symbols.lacking import Lacking, together

    if top < 1 or (limit is not None and limit < 1):
        raise UserError(f"--top is {top} and --limit {limit}; give 1 or more")
    if files and (split is not None or limit is not None):
        raise UserError("--split and --limit are for the run's own data, but files are given; leave them out")
    model = opened(run, machine, measured=True)
    kind, record = commands(model.kind), modality(model.kind)
    if not hasattr(kind, "posteriors"):
        raise UserError(
            f"{run} is a model of {record.words}; this command is for models of pictures, films and trajectories"
        )
    weights = None
    if prior is not None:
        weights = {k: number(v, "--prior", "LABEL=WEIGHT") for k, v in assignments(prior, "--prior").items()}
    names = model.labels()
    asked = Judging(run, files, Conditions(maps, vectors), as_json, split=split, limit=limit)
    if not files:
        right, count, data = kind.accuracy(model, asked, weights)
        if as_json:
            print_json({"data": data, record.words: count, "accuracy": right})
        else:
            say(f"{data}: {100 * right:.2f} % of {count:,} {record.words} are classified correctly")
        return
    lacking: list[Lacking] = []
    for file in files:
        found, posterior, without = kind.posteriors(model, asked, file, weights)
        lacking += without
        for name, p in zip(found, posterior, strict=True):
            best = p.argsort()[::-1][: min(top, len(names))]
            if as_json:
                print(json.dumps({"name": name, "posterior": {names[i]: float(p[i]) for i in best}}))
            else:
                say(f"{name}  " + "  ".join(f"{names[i]} {p[i]:.4f}" for i in best))
    say_lacking(together(lacking), record.words, kind.ADVICE)
