"""seriatim score."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seriatim.cli import pictures
from seriatim.cli.common import Data, like_training, no_maps, open_run, undivided
from seriatim.data.corpus import TextOptions
from seriatim.errors import UserError


def score(
    run: Path,
    /,
    *files: Data,
    maps: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    device: str = "auto",
    threads: int | None = None,
    reading: Annotated[TextOptions | None, Parameter(name="--data")] = None,
) -> None:
    """Bits of each document or picture, the most surprising (bits/char, bits/dim) first.

    Parameters
    ----------
    run
        The directory that `seriatim train` has written.
    files
        Texts, folders or JSONL, `-` for standard input; pictures or folders of them.
    maps
        Of a run with --image.maps: the folder with a map for each picture.
    as_json
        One JSON object a line.
    device
        cpu, cuda, mps or auto.
    threads
        Processor threads.
    """
    if not files:
        raise UserError("nothing is given to score; give files, folders, or - for standard input")
    from seriatim.data import open_corpus
    from seriatim.data.tokens import tokenize
    from seriatim.text import TextModel

    model = open_run(run, device, threads)
    if not isinstance(model, TextModel):
        pictures.score(model, run, files, maps, as_json)
        return
    no_maps(maps)
    undivided("what is scored")
    options = dataclasses.replace(like_training(run, reading), validation=0.0, test=0.0)
    documents = [d for file in files for d in open_corpus(file, options).splits["train"]]
    tokens = tokenize(documents, model.tokenizer, model.conditions, strict_given=False)
    rows = [
        (name, -float(terms.sum()) / math.log(2), int(characters))
        for name, terms, characters in zip(tokens.names, model.token_log_probs(tokens), tokens.characters, strict=True)
    ]
    for name, bits, characters in sorted(rows, key=lambda row: -row[1] / max(row[2], 1)):
        rate = bits / max(characters, 1)
        if as_json:
            print(json.dumps({"name": name, "bits": bits, "bits_per_char": rate, "characters": characters}))
        else:
            print(f"{rate:8.4f} bits/char {bits:12.1f} bits  {name}")
