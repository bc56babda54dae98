"""seriatim evaluate."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from seriatim.cli.common import (
    NOTHING,
    Beside,
    Data,
    chosen_split,
    like_training,
    open_run,
    print_json,
    training_data,
    undivided,
)
from seriatim.cli.kinds import audio as sounds
from seriatim.cli.kinds import image as pictures
from seriatim.cli.kinds import text as texts
from seriatim.errors import UserError
from seriatim.text.data.corpus import SOURCE, sources_of
from seriatim.text.options import TextOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seriatim.text.data.corpus import Document


def evaluate(
    run: Path,
    data: Data | None = None,
    /,
    *,
    split: str | None = None,
    beside: Annotated[Beside, Parameter(name="*")] = NOTHING,
    bleu: bool = False,
    beams: int = texts.BEAMS,
    length_norm: float = texts.LENGTH_NORM,
    window: int | None = None,
    stride: int | None = None,
    truncate: int | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    device: str = "auto",
    threads: int | None = None,
    reading: Annotated[TextOptions | None, Parameter(name="--data")] = None,
) -> None:
    """Exact likelihood on held-out data, with standard errors.

    Of text: nats/token, perplexity, bits/char and bits/byte; each document's end counts as a symbol, and standard
    errors come from blocks of 256 symbols. Of pictures: bits/dim and nats/image. Of
    sound: bits/sample, with the quantiser, standard errors over recordings.

    Parameters
    ----------
    run
        The directory that `seriatim train` has written.
    data
        What to evaluate on; by default what the run was trained on. A file or folder of your own is evaluated whole.
    split
        train, validation or test; by default the test split (validation, if there is none).
    bleu
        Of a model trained on pairs, also write the likeliest text for each source, and compare it with the reference:
        BLEU, chrF (sacrebleu's), and how many are exactly alike.
    beams
        Width of that search; 1 is greedy.
    length_norm
        And how it ranks texts of unequal length, as of `seriatim sample`.
    window
        Symbols looked at together; by default as many as the model looks back over, or all with carried state.
    stride
        How far the window moves on; by default half a window, so that every symbol has half a window before it.
    truncate
        Look at the first so many symbols of a document; by default as in training.
    as_json
        One JSON object on standard output.
    device
        cpu, cuda, mps or auto.
    threads
        Processor threads.
    """
    from seriatim.audio.model import AudioModel
    from seriatim.text.model import TextModel
    from seriatim.training.run import plan_of

    model = open_run(run, device, threads)
    if isinstance(model, AudioModel):
        sounds.evaluate(model, run, data, split, beside, as_json)
        return
    if not isinstance(model, TextModel):
        pictures.evaluate(model, run, data, split, beside, as_json)
        return
    beside.only("text")
    documents, name = _documents(run, data, split, reading)
    if truncate is None and data is None:
        truncate = plan_of(run)[0].train.truncate
    if not bleu and (beams != texts.BEAMS or length_norm != texts.LENGTH_NORM):
        raise UserError("--beams and --length-norm are for the search of --bleu; give it too, or leave them out")
    if SOURCE in model.conditions:
        texts.say_unseen(model, sources_of(documents))
    figures = model.evaluate(documents, window=window, stride=stride, truncate=truncate)
    lossless = model.tokenizer.lossless
    compared = texts.compare(model, documents, {"beams": beams, "length_norm": length_norm}) if bleu else {}
    if as_json:
        print_json({"data": name, "lossless": lossless, **figures.to_json(), **compared})
        return
    values = figures.to_json()
    print(f"{name}: {figures.documents} documents, {figures.tokens:,} tokens, {figures.characters:,} characters")
    for key in ("nats_per_token", "perplexity", "bits_per_char", "bits_per_byte"):
        error = values.get(f"{key}_standard_error")
        spread = "" if error is None or error != error else f" ± {error:.4f}"
        print(f"  {key.replace('_', ' ').replace(' per ', '/'):12s} {values[key]:.4f}{spread}")
    for key, words in (("bleu", "BLEU"), ("chrf", "chrF")) if compared else ():
        print(f"  {words:12s} {compared[key]:.2f} ({compared[f'{key}_signature']})")
    if compared:
        print(f"  exactly      {compared['exact_percent']:.2f} % are the reference")
    if not lossless:
        print("  what the tokenizer replaces or leaves out costs no bits: mind that where bits/char are compared")


def _documents(
    run: Path, data: str | None, split: str | None, reading: TextOptions | None
) -> tuple[Sequence[Document], str]:
    from seriatim.data.named import names
    from seriatim.text.data.opening import open_corpus

    if data is None:
        if reading is not None:
            raise UserError("--data says how to read DATA, and none is given; give it, or leave out --data")
        data, corpus = training_data(run)
    else:
        options = like_training(run, data, reading)
        if split is None and (Path(data).exists() or data == "-" or data not in names("text")):
            undivided("standard input" if data == "-" else data)
            whole = open_corpus(data, dataclasses.replace(options, validation=0.0, test=0.0))
            return whole.splits["train"], data
        corpus = open_corpus(data, options)
    return chosen_split(corpus.splits, split, data)
