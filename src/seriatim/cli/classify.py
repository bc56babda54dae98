"""seriatim classify."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seriatim.cli.common import Beside, Data, assignments, open_run, print_json
from seriatim.cli.kinds import image as pictures
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
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    device: str = "auto",
    threads: int | None = None,
) -> None:
    """Which label explains a picture best, by Bayes' rule: log p(picture | label) + log p(label).

    With files: the likeliest labels of each and their posterior. Without: the accuracy on the data of the run.

    Parameters
    ----------
    run
        The directory that `seriatim train` has written; its model is conditioned on labels.
    files
        Pictures or folders of them.
    maps
        Of a run with --image.maps: the folder with a map for each of the files.
    vectors
        Likewise of a run with --image.vectors: a CSV file with paths and numbers, or a folder of .npy files.
    prior
        LABEL=WEIGHT, the label's share before a picture is seen; may be given several times, and labels that are
        left out then have none. By default all have the same.
    split
        Without files: train, validation or test; by default the test split.
    limit
        Without files: look at so many pictures, spread evenly over the split.
    top
        How many labels to print for each picture.
    as_json
        One JSON object (of files: one a line).
    device
        cpu, cuda, mps or auto.
    threads
        Processor threads.
    """
    if top < 1 or (limit is not None and limit < 1):
        raise UserError(f"top is {top} and limit {limit}; give 1 or more")
    if files and (split is not None or limit is not None):
        raise UserError("--split and --limit are for the data of the run, and files are given; leave them out")
    from seriatim.image.model import ImageModel

    model = open_run(run, device, threads)
    if not isinstance(model, ImageModel):
        raise UserError(f"{run} is no model of pictures; classify is for such that know labels")
    weights = None if prior is None else {k: _number(v) for k, v in assignments(prior, "--prior").items()}
    names = model.labels()
    beside = Beside(maps, vectors)
    if not files:
        beside.refuse("pictures")
        right, count, data = pictures.accuracy(model, run, split, limit, weights)
        if as_json:
            print_json({"data": data, "pictures": count, "accuracy": right})
        else:
            print(f"{data}: {100 * right:.2f} % of {count:,} pictures have their own label as the likeliest")
        return
    for i, file in enumerate(files):
        found, _ = pictures.pictures_of(model, run, file, None, beside)
        if i == 0:
            pictures.say_unsaid(model, found)
        with pictures.progressing(len(found.x), "classifying") as progress:
            posterior = model.posterior(found.x, weights, given=pictures.besides(model, found), progress=progress)
        for name, p in zip(found.names, posterior, strict=True):
            best = p.argsort()[::-1][: min(top, len(names))]
            if as_json:
                print(json.dumps({"name": name, "posterior": {names[i]: float(p[i]) for i in best}}))
            else:
                print(f"{name}  " + "  ".join(f"{names[i]} {p[i]:.4f}" for i in best))


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise UserError(f"--prior {word!r} is not a number; write --prior LABEL=WEIGHT") from None
