"""seriatim classify."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from seriatim.cli.common import (
    Data,
    Machine,
    assignments,
    full_names,
    number,
    opened,
    print_json,
    progressing,
    say,
    say_lacking,
)
from seriatim.cli.groups import FLAT, Conditions, Json
from seriatim.cli.requests import Judging
from seriatim.errors import UserError


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
    """Classify pictures by Bayes' rule: log p(picture | label) + log p(label).

    With files: the most likely labels of each and their posterior. Without: the accuracy on the run's own data.

    Parameters
    ----------
    run
        Directory written by `seriatim train`, of a model conditioned on labels.
    files
        Pictures, or folders of pictures.
    maps
        For runs with --image.maps: the folder with a map per picture.
    vectors
        For runs with --image.vectors: a CSV file of paths and numbers, or a folder of .npy files.
    prior
        LABEL=WEIGHT, the label's prior probability up to a factor; labels left out get 0. Default: uniform. Repeatable.
    split
        Without files: train, validation or test. Default: test.
    limit
        Without files: classify n pictures, spread evenly over the split. Default: all.
    top
        Labels to print per picture.
    as_json
        One JSON object (with files: one per line).
    """
    from seriatim.cli.kinds import image as pictures
    from seriatim.symbols.lacking import Lacking, together

    if top < 1 or (limit is not None and limit < 1):
        raise UserError(f"--top is {top} and --limit {limit}; give 1 or more")
    if files and (split is not None or limit is not None):
        raise UserError("--split and --limit are for the run's own data, but files are given; leave them out")
    model = opened(run, machine, "image", measured=True)
    weights = None
    if prior is not None:
        weights = {k: number(v, "--prior", "LABEL=WEIGHT") for k, v in assignments(prior, "--prior").items()}
    names = model.labels()
    asked = Judging(run, files, Conditions(maps, vectors), as_json, split=split, limit=limit)
    if not files:
        right, count, data = pictures.accuracy(model, asked, weights)
        if as_json:
            print_json({"data": data, "pictures": count, "accuracy": right})
        else:
            say(f"{data}: {100 * right:.2f} % of {count:,} pictures are classified correctly")
        return
    lacking: list[Lacking] = []
    for file in files:
        found, _ = pictures.pictures_of(model, asked, file)
        lacking += [each for each in model.lacking(found) if each.name != pictures.LABEL]
        with progressing(len(found.x), "classifying") as progress:
            given = pictures.other_conditions(model, found)
            posterior = model.posterior(found.x, weights, given=given, progress=progress)
        for name, p in zip(full_names(file, found.names), posterior, strict=True):
            best = p.argsort()[::-1][: min(top, len(names))]
            if as_json:
                print(json.dumps({"name": name, "posterior": {names[i]: float(p[i]) for i in best}}))
            else:
                say(f"{name}  " + "  ".join(f"{names[i]} {p[i]:.4f}" for i in best))
    say_lacking(together(lacking), "pictures", pictures.ADVICE)
