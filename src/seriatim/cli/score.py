"""seriatim score."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seriatim.cli.common import NOTHING, Beside, Data, like_training, open_run, undivided
from seriatim.cli.kinds import audio as sounds
from seriatim.cli.kinds import image as pictures
from seriatim.cli.kinds import text as texts
from seriatim.errors import UserError
from seriatim.text.data.corpus import SOURCE, sources_of
from seriatim.text.options import TextOptions


def score(
    run: Path,
    /,
    *files: Data,
    beside: Annotated[Beside, Parameter(name="*")] = NOTHING,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    device: str = "auto",
    threads: int | None = None,
    reading: Annotated[TextOptions | None, Parameter(name="--data")] = None,
) -> None:
    """Bits of each document, picture or recording, the most surprising (bits/char, bits/dim, bits/sample) first.

    Parameters
    ----------
    run
        The directory that `seriatim train` has written.
    files
        Texts, folders or JSONL, `-` for standard input; pictures, recordings, or folders of them.
    as_json
        One JSON object a line.
    device
        cpu, cuda, mps or auto.
    threads
        Processor threads.
    """
    if not files:
        raise UserError("nothing is given to score; give files, folders, or - for standard input")
    beside.each(files)
    from seriatim.audio.model import AudioModel
    from seriatim.text.data.opening import open_corpus
    from seriatim.text.data.tokens import tokenize
    from seriatim.text.model import TextModel

    model = open_run(run, device, threads)
    if isinstance(model, AudioModel):
        sounds.score(model, run, files, beside, as_json)
        return
    if not isinstance(model, TextModel):
        pictures.score(model, run, files, beside, as_json)
        return
    beside.only("text")
    undivided("what is scored")
    whole = {"validation": 0.0, "test": 0.0}
    each = [(file, dataclasses.replace(like_training(run, file, reading), **whole)) for file in files]
    documents = [d for file, options in each for d in open_corpus(file, options).splits["train"]]
    tokens = tokenize(documents, model.tokenizer, model.conditions, strict_given=False)
    model.check(tokens)
    if SOURCE in model.conditions:
        texts.say_unseen(model, sources_of(documents))
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
