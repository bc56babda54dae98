"""The commands for text."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seriatim.cli.common import (
    INSPECTED,
    Screen,
    chosen_split,
    full_names,
    limited,
    only,
    print_json,
    progressing,
    say,
    say_lacking,
    training_data,
    typed,
)
from seriatim.cli.groups import BEAMS, COLUMNS, LENGTH_NORM
from seriatim.cli.kinds import text_sources as paired
from seriatim.cli.requests import Drawing, Judging
from seriatim.errors import UserError
from seriatim.symbols.lacking import given_key, given_words
from seriatim.text.data.corpus import SOURCE, sources_of
from seriatim.text.options import unescape

if TYPE_CHECKING:
    from seriatim.instruments.held import HeldSequences
    from seriatim.text.data.corpus import Document
    from seriatim.text.model import TextModel
    from seriatim.text.options import TextOptions
    from seriatim.text.recall import Recalled
    from seriatim.text.samples import Sample

_JUDGED = (
    *("json", "device", "threads", "limit", "split", "text", "window", "stride", "truncate"),
    *("bleu", "beams", "length-norm"),
)
_ADVICE = {"": "give data with it, and name it with --text.given"}
"""What to do about documents without a condition."""

# ------------------------------------------------------------------ samples


def sample(model: TextModel, asked: Drawing) -> None:
    """Write samples, or the most likely texts by beam search."""
    _check(asked)
    if asked.prompt.interactive:
        from seriatim.cli.kinds.text_interactive import interact

        interact(model, asked, _options(model, asked, {}))
        return
    sources = paired.sources_of(model, asked.prompt.source, asked.prompt.source_file)
    path = paired.to_file(asked)
    if path is not None:
        paired.writable(path)
    if asked.output.stream and sources is not None and len(sources) != 1:
        raise UserError(f"--stream shows one sample, but there are {len(sources)} sources; give one")
    width = paired.width_of(asked.search, sources)
    if width:
        paired.find(model, asked, width, sources)
        return
    prompts, named = _prompts(model, asked, sources)
    drawn_for = {} if sources is None else {SOURCE: [sources[i] for i in named]}
    options = _options(model, asked, drawn_for)
    if asked.output.stream:
        _stream(model, prompts[0], options, path)
        return
    samples = _drawn(model, prompts, asked, options)
    if sources is not None and asked.n == 1 and not asked.output.as_json:
        written = {i: paired.one_line(one.text) for i, one in zip(named, samples, strict=True)}
        paired.deliver([written.get(i, "") for i in range(len(sources))], path)
        return
    first = list(islice(samples, 1))  # errors show now, before a file is overwritten
    with _sink(path) as sink:
        for i, one in enumerate(chain(first, samples)):
            sink.write("".join(f"{line}\n" for line in _shown(i, one, asked, sources, named)))


def _drawn(model: TextModel, prompts: Sequence[str], asked: Drawing, options: dict[str, Any]) -> Iterator[Sample]:
    """The samples of all prompts, a portion at a time."""
    from seriatim.walks.draws import portions
    from seriatim.walks.noise import own_seeds

    if asked.n < 1:
        raise UserError(f"-n is {asked.n}; give 1 or more")
    total = len(prompts) * asked.n
    seeds = own_seeds(options["seed"], total, "samples")
    scored = asked.output.log_probs or asked.output.as_json
    for part in portions(total, model.model.device):
        numbers = range(total)[part]
        given = {name: [v[i] for i in numbers] if isinstance(v, list) else v for name, v in options["given"].items()}
        own: dict[str, Any] = {**options, "seed": seeds[part], "given": given}
        yield from model.sample([prompts[i // asked.n] for i in numbers], log_probs=scored, **own)


def _check(asked: Drawing) -> None:
    """Refuse options for other kinds of data and contradictory options."""
    output = asked.output
    if asked.extent.seconds is not None:
        raise UserError("--seconds is for audio, but this is a model of text; leave it out")
    if output.columns != COLUMNS or output.singles:
        raise UserError("--columns and --singles are for pictures, but this is a model of text; leave them out")
    several = asked.n != 1 or len(asked.prompt.prompt) > 1
    if output.stream and (several or output.as_json or output.log_probs):
        raise UserError(
            "--stream shows one sample as plain text; leave out -n, further prompts, --json and --log-probs"
        )


def _prompts(model: TextModel, asked: Drawing, sources: list[str] | None) -> tuple[list[str], list[int]]:
    """The prompts, and the number of each sample's source."""
    prompts = asked.prompt.texts()
    if sources is None:
        return prompts, []
    if len(prompts) not in (1, len(sources)):
        raise UserError(f"{len(prompts)} prompts for {len(sources)} sources; give one, or one per source")
    if SOURCE in asked.prompt.conditions:
        raise UserError("the source is given twice; give it once")
    if asked.output.log_probs and asked.n == 1:
        raise UserError("--log-probs would break the one line per source; give --json")
    prompts = prompts * (len(sources) if len(prompts) == 1 else 1)
    wanted = paired.not_blank(model, sources)
    return [prompts[i] for i in wanted], [i for i in wanted for _ in range(asked.n)]


def _options(model: TextModel, asked: Drawing, drawn_for: dict[str, list[str]]) -> dict[str, Any]:
    """Keyword arguments of `TextModel.sample` and `TextModel.stream`."""
    extent = asked.extent
    most = model.model.crop if SOURCE in model.conditions else 500
    return {
        "given": {**asked.prompt.conditions, **drawn_for},
        "max_length": most if extent.max_length is None else extent.max_length,
        "min_length": extent.min_length,
        "stop": [unescape(s) for s in extent.stop],
        "seed": asked.seeds,
        "slide": extent.slide,
        **asked.steering.options(),
        **asked.penalties.options(model.tokenizer.find),
    }


def _stream(model: TextModel, prompt: str, options: dict[str, Any], path: Path | None) -> None:
    """Show one sample while it is generated."""
    pieces = model.stream(prompt, **options)
    first = next(pieces, "")  # errors show now, before a file is overwritten
    with _sink(path) as sink:
        for piece in chain([first], pieces):
            sink.write(piece)
            sink.flush()
        sink.write("\n")


def _shown(i: int, one: Sample, asked: Drawing, sources: list[str] | None, named: Sequence[int]) -> list[str]:
    """The lines of one sample."""
    if asked.output.as_json:
        record = {
            **({} if sources is None else {"source": sources[named[i]]}),
            "text": one.text,
            "prompt": one.prompt,
            "ended": one.ended,
            "seed": one.seed,
            "symbols": one.symbols,
            "log_probs_nats": one.log_probs,
            "log_prob_nats": sum(one.log_probs),
        }
        return [json.dumps(record, ensure_ascii=False)]
    lines: list[str] = []
    if asked.n > 1 or len(asked.prompt.prompt) > 1 or len(named) > 1:
        whose = f"sample {i + 1}" if sources is None else f"source {named[i] + 1}, sample {i % asked.n + 1}"
        lines.append(f"--- {whose} ({one.ended}, seed {one.seed}) ---")
    lines.append(one.text)
    if asked.output.log_probs:
        lines.append(f"[{sum(one.log_probs):.3f} nats in {len(one.symbols)} symbols]")
    return lines


def _sink(path: Path | None) -> Any:
    """A file, or standard output, which stays open."""
    return contextlib.nullcontext(Screen()) if path is None else path.open("w", encoding="utf-8")


# ------------------------------------------------------------------ likelihood


def evaluate(model: TextModel, asked: Judging) -> None:
    """Nats per token and the derived figures."""
    only("a model of text", _JUDGED)
    how = asked.how
    documents, name = _documents(asked)
    truncate = _cut(asked) if how.truncate is None else how.truncate
    if not how.bleu and (how.beams != BEAMS or how.length_norm != LENGTH_NORM):
        raise UserError("--beams and --length-norm are for --bleu; give it too, or leave them out")
    if SOURCE in model.conditions:
        paired.say_unseen(model, sources_of(documents))
    figures = model.evaluate(documents, window=how.window, stride=how.stride, truncate=truncate)
    say_lacking(figures.lacking, "documents", _ADVICE)
    lossless = model.tokenizer.lossless
    compared = paired.compare(model, documents, how) if how.bleu else {}
    values = figures.to_json()
    if asked.as_json:
        print_json({"data": name, "lossless": lossless, **values, **compared})
        return
    say(f"{name}: {figures.documents} documents, {figures.tokens:,} tokens, {figures.characters:,} characters")
    given = given_key(figures.given)
    for key in ("nats_per_token", "perplexity", "bits_per_char", "bits_per_byte"):
        error = values.get(f"{key}{given}_standard_error")
        spread = "" if error is None or error != error else f" ± {error:.4f}"
        words = f"{key.replace('_', ' ').replace(' per ', '/'):12s}{given_words(figures.given)}"
        say(f"  {words} {values[f'{key}{given}']:z.4f}{spread}")
    for key, words in (("bleu", "BLEU"), ("chrf", "chrF")) if compared else ():
        say(f"  {words:12s} {compared[key]:.2f} ({compared[f'{key}_signature']})")
    if compared:
        say(f"  exact match  {compared['exact_percent']:.2f} %")
    if not lossless:
        say("  text that the tokenizer replaces or drops costs no bits: do not compare bits/char across tokenizers")


def score(model: TextModel, asked: Judging) -> None:
    """Bits of each document, highest bits/char first."""
    from seriatim.text.conditions import lacking
    from seriatim.text.data.opening import open_corpus
    from seriatim.text.data.tokens import tokenize
    from seriatim.text.figures import scored

    only("a model of text", ("json", "device", "threads", "limit", "text", "symbols"))
    division = limited(asked.limit)
    each = [(file, _read_as_training(asked, file)) for file in asked.data]
    documents: list[Document] = []
    names: list[str] = []
    for file, options in each:
        documents += (found := open_corpus(file, options, division).splits["train"])
        names += full_names(file, [document.name for document in found])
    tokens = tokenize(documents, model.tokenizer, model.given_codecs, strict_given=False)
    model.check(tokens)
    if SOURCE in model.conditions:
        paired.say_unseen(model, sources_of(documents))
    say_lacking(lacking(model.given_codecs, documents), "documents", _ADVICE)
    every = model.log_probs(tokens)
    bits = [0.0 - float(terms.sum()) / math.log(2) for terms in every]  # no -0.0
    rates = [each / max(int(count), 1) for each, count in zip(bits, tokens.characters, strict=True)]
    key, words = given_key([*model.conditions]), given_words([*model.conditions])
    for d in sorted(range(len(bits)), key=lambda d: -rates[d]):
        symbols = scored(model.tokenizer, tokens.document(d), every[d]) if asked.symbols else []
        if asked.as_json:
            record: dict[str, Any] = {"name": names[d], f"bits{key}": bits[d], f"bits_per_char{key}": rates[d]}
            record["characters"] = int(tokens.characters[d])
            if asked.symbols:
                record["symbols"] = [
                    {"symbol": each.symbol, "text": each.text, "log_prob_nats": each.log_prob} for each in symbols
                ]
            print(json.dumps(record))
            continue
        say(f"{rates[d]:z8.4f} bits/char{words} {bits[d]:z12.1f} bits  {names[d]}")
        for each in symbols:
            say(f"  {each.log_prob:10.4f} nats  {each.symbol}")


def _documents(asked: Judging) -> tuple[Sequence[Document], str]:
    from seriatim.data.options import DataOptions
    from seriatim.text.data.opening import open_corpus
    from seriatim.text.holding import NAMES

    whole = limited(asked.limit)
    if not asked.data:
        if asked.text is not None:
            raise UserError("--text.… is for reading DATA, but none is given; give it, or leave out --text.…")
        data, corpus = training_data(asked.run)
        documents, name = chosen_split(corpus.splits, asked.split, data)
        return documents[: asked.limit], name
    data = asked.data[0]
    options = _read_as_training(asked, data)
    if asked.split is None and (Path(data).exists() or data == "-" or data not in NAMES):
        return open_corpus(data, options, whole).splits["train"], data
    return chosen_split(open_corpus(data, options, DataOptions(limit=asked.limit)).splits, asked.split, data)


def _read_as_training(asked: Judging, data: str) -> TextOptions:
    """The run's own reading options (field, conditions, encoding) as far as they apply, overridden by typed ones."""
    from seriatim.text.data.opening import fitting
    from seriatim.text.options import TextOptions
    from seriatim.training.run import plan_of

    try:
        plan = plan_of(asked.run)[0]
        base = fitting(plan.group(TextOptions), plan.data, data)
    except UserError:  # a checkpoint without its training folder
        base = TextOptions()
    explicit = {name: getattr(asked.text, name) for name in typed("text") if asked.text is not None}
    if base.source is not None and Path(base.source).is_absolute():  # a file of the run's own data only
        base = dataclasses.replace(base, source=None)
    return dataclasses.replace(base, **explicit)


def held_out(model: TextModel, asked: Judging) -> tuple[HeldSequences, str]:
    """Held-out documents for the instruments, and the name of the data."""
    from seriatim.instruments.held import Each, HeldSequences
    from seriatim.text.conditions import lacking
    from seriatim.text.data.tokens import tokenize

    only("a model of text", (*INSPECTED, "text"))
    documents, name = _documents(dataclasses.replace(asked, limit=None))
    say_lacking(lacking(model.given_codecs, documents), "documents", _ADVICE)
    tokens = tokenize(documents, model.tokenizer, model.given_codecs, truncate=_cut(asked), strict_given=False)
    model.check(tokens)
    return HeldSequences(Each(tokens.documents, tokens.document), tokens.given, "tokens", "bits/token"), name


def _cut(asked: Judging) -> int | None:
    """How many symbols of each document of its own data a run was trained on; None: all."""
    from seriatim.training.run import plan_of

    return None if asked.data else plan_of(asked.run)[0].train.truncate


def recall(model: TextModel, asked: Judging) -> tuple[list[Recalled], str]:
    """What a model recalls across gaps, of documents of the recall task; and the name of the data."""
    from seriatim.text.conditions import lacking
    from seriatim.text.data.tokens import tokenize
    from seriatim.text.recall import recalled

    only("a model of text", (*INSPECTED, "text"))
    documents, name = _documents(asked)
    say_lacking(lacking(model.given_codecs, documents), "documents", _ADVICE)
    tokens = tokenize(documents, model.tokenizer, model.given_codecs, strict_given=False)
    model.check(tokens)
    with progressing(len(documents), "recalling") as progress:
        return recalled(model, documents, tokens, progress), name


# ------------------------------------------------------------------ what a model is


def facts(model: TextModel) -> dict[str, object]:
    """Facts of `seriatim inspect --json`."""
    return {
        "looks_back_symbols": model.horizon or model.model.past,
        "tokenizer": model.tokenizer.kind,
        "symbols": model.tokenizer.size,
        "lossless": model.tokenizer.lossless,
    }


def lines(model: TextModel) -> list[str]:
    """Lines of `seriatim inspect`."""
    from seriatim.runs.building import encoders_of

    past = model.horizon or model.model.past
    state = ", in a state" if past is None and model.model.carries else ""
    back = f"all of the past{state}" if past is None else f"{past} symbols"
    found = [f"looks back   {back}", f"tokenizer    {model.tokenizer.kind}, {model.tokenizer.size} symbols"]
    encoder, codec = encoders_of(model.model, model.kind).get(SOURCE), model.given_codecs.get(SOURCE)
    if encoder is not None and codec is not None:
        found.append(f"source       {codec.kind}, {codec.size} symbols, at most {encoder['longest']} per source")
        found.append(f"encoder      {encoder['encoder']}, {encoder['layers']} layers of {encoder['width']}")
    return found
