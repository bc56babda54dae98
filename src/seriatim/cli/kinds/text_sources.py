"""The commands for text with sources: beam search, and comparison with references."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seriatim.cli.common import only, progressing
from seriatim.cli.groups import BEAMS, LENGTH_NORM, Reading, Search
from seriatim.cli.requests import Drawing
from seriatim.data.decoding import BLOCK
from seriatim.errors import UserError, tell
from seriatim.text.data.corpus import SOURCE
from seriatim.text.options import unescape

if TYPE_CHECKING:
    from seriatim.text.data.corpus import Document
    from seriatim.text.model import TextModel
    from seriatim.text.samples import Sample

_SEARCHED = (
    *("source", "source-file", "beams", "best", "length-norm", "coverage", "no-repeat", "attention", "prompt"),
    *("prompt-file", "given", "max-length", "min-length", "stop", "output", "json", "device", "threads"),
)


def sources_of(model: TextModel, source: Sequence[str], file: Path | None) -> list[str] | None:
    """The sources that were typed, or those of a file, one per line.

    Raises:
        UserError: if the model has no source, or the file is missing, empty or not text.
    """
    from seriatim.data import scratch
    from seriatim.text.data.pairs import lines

    if not source and file is None:
        return None
    if SOURCE not in model.given_codecs:
        raise UserError("--source is for models trained on pairs, which this one was not; leave it out")
    if source and file is not None:
        raise UserError("--source and --source-file are both given; give one of them")
    if file is None:
        return [each.strip() for each in source]  # as in training
    name = "standard input" if str(file) == "-" else str(file)
    if str(file) == "-":
        file = scratch.keep(iter(lambda: sys.stdin.buffer.read(BLOCK), b""), name)
    if not file.is_file():
        raise UserError(f"{file} is not a file; expected a text file with a source per line; check the path")
    found = [line.strip() for line in lines(file, "utf-8", name)]
    if not found:
        raise UserError(f"{name} is empty; expected a source per line; give another")
    return found


def width_of(search: Search, sources: Sequence[str] | None) -> int:
    """The beam width; 0 to draw samples instead.

    Raises:
        UserError: for options of a beam search without one.
    """
    width = (BEAMS if sources is not None else 0) if search.beams is None else search.beams
    if width:
        return width
    given = [("best", search.best != 1), ("length-norm", search.length_norm != LENGTH_NORM)]
    given += [("coverage", bool(search.coverage)), ("no-repeat", bool(search.no_repeat))]
    given += [("attention", search.attention is not None)]
    for name, changed in given:
        if changed:
            raise UserError(f"--{name} is for a beam search; give --beams, or leave it out")
    return 0


def find(model: TextModel, asked: Drawing, width: int, sources: list[str] | None) -> None:
    """Write the most likely text for each source, one line per line read; a blank line for a blank source."""
    only("a beam search", _SEARCHED)
    from seriatim.walks.beams import Beams

    search, extent = asked.search, asked.extent
    if asked.n != 1:
        raise UserError(
            f"-n {asked.n} asks for samples, but --beams finds the best text; give --best {asked.n}, or --beams 0"
        )
    prompts = asked.prompt.texts()
    inputs = prompts if sources is None else sources
    _check_attention(search, sources)
    if sources is not None and len(prompts) not in (1, len(sources)):
        raise UserError(f"{len(prompts)} prompts for {len(sources)} sources; give one, or one per source")
    options: dict[str, Any] = {
        "beams": Beams(width, search.best, search.length_norm, search.coverage, search.no_repeat, extent.min_length),
        "max_length": extent.max_length,
        "stop": [unescape(s) for s in extent.stop],
    }
    wanted = list(range(len(inputs))) if sources is None else not_blank(model, sources)
    found: list[list[Sample]] = [[] for _ in inputs]
    if wanted:
        some = [prompts[i if len(prompts) > 1 else 0] for i in wanted]
        with progressing(len(wanted), "writing") as progress:
            where = {} if sources is None else {"source": [sources[i] for i in wanted]}
            every = model.search(some, given=asked.prompt.conditions, progress=progress, **where, **options)
        for i, results in zip(wanted, every, strict=True):
            found[i] = results
    if none := sum(not found[i] for i in wanted):
        tell(f"no text that the options allow was found for {none:,} of {len(inputs):,}")
    lines = [
        line
        for number, (text, results) in enumerate(zip(inputs, found, strict=True), start=1)
        for line in _lines(number, text, results, asked, sources is not None)
    ]
    if search.attention is not None and sources is not None and found[0]:
        from seriatim.drawing.attention import save_attention

        best = found[0][0]
        seen = model.attention(sources[0], best.text, dict(asked.prompt.conditions), ended=best.ended == "end")
        save_attention(*seen, search.attention)
    deliver(lines, to_file(asked))


def _lines(number: int, text: str, results: Sequence[Sample], asked: Drawing, sourced: bool) -> list[str]:
    """The lines of the results for one source or prompt."""
    if asked.output.as_json:
        key = "source" if sourced else "prompt"
        return [json.dumps({key: text, "results": [_record(r) for r in results]}, ensure_ascii=False)]
    if asked.search.best > 1:
        return [f"{number}\t{r.score:.4f}\t{one_line(r.text)}" for r in results]
    return [one_line(results[0].text) if results else ""]


def _check_attention(search: Search, sources: Sequence[str] | None) -> None:
    """Refuse an attention picture that cannot be drawn, before anything is computed."""
    from PIL import Image

    picture = search.attention
    if picture is None:
        return
    if sources is None or len(sources) != 1:
        raise UserError("--attention is for a single source; give one --source")
    writable(picture)
    if picture.suffix.lower() not in Image.registered_extensions():
        raise UserError(f"{picture}: the suffix {picture.suffix!r} is not a picture format; write to .png")


def to_file(asked: Drawing) -> Path | None:
    """The output file for text; None for the terminal."""
    path = asked.output.output
    return None if path is None or str(path) == "-" else path


def deliver(lines: Sequence[str], output: Path | None) -> None:
    """Write lines to a file, or to the terminal."""
    if output is None:
        print("\n".join(lines))
        return
    output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    tell(f"{output}: {len(lines):,} lines")


def not_blank(model: TextModel, sources: Sequence[str]) -> list[int]:
    """The numbers of the sources that are not blank; warn about blank ones and unseen symbols."""
    asked = [i for i, source in enumerate(sources) if source.strip()]
    say_unseen(model, sources)
    if blank := len(sources) - len(asked):
        tell(f"{blank:,} of {len(sources):,} sources are blank, and get a blank line")
    return asked


def writable(path: Path) -> None:
    """Refuse a path that cannot be written, before anything is computed.

    Raises:
        UserError: if it is a folder, or its folder does not exist.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder; expected a file; add a file name")
    if not path.parent.is_dir():
        raise UserError(f"{path}: the folder {path.parent} does not exist; create it, or write elsewhere")


def say_unseen(model: TextModel, sources: Iterable[str]) -> None:
    """Warn if sources have characters or words that are not in the training text."""
    from seriatim.text.tokenizers import Tokenizer

    codec = model.given_codecs[SOURCE]
    assert isinstance(codec, Tokenizer)
    if strange := sum(map(codec.unseen, sources)):
        tell(f"{strange:,} symbols of the sources are not in the vocabulary of the training text")


def one_line(text: str) -> str:
    """A text without line breaks: one line out per line in."""
    return " ".join(text.splitlines())


def _record(sample: Sample) -> dict[str, Any]:
    return {
        "text": sample.text,
        "log_prob_nats": sample.log_prob,
        "score": sample.score,
        "ended": sample.ended,
    }


def compare(model: TextModel, documents: Sequence[Document], how: Reading) -> dict[str, Any]:
    """Compare beam-search results for the sources of documents with the documents: BLEU, chrF, exact matches.

    Raises:
        UserError: without sources, or without sacrebleu.
    """
    if SOURCE not in model.given_codecs:
        raise UserError("--bleu is for models trained on pairs, which this one was not; leave it out")
    from seriatim.text.conditions import of_documents
    from seriatim.walks.beams import Beams

    try:
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF
    except ImportError:
        raise UserError("--bleu needs sacrebleu, which is not installed: pip install 'seriatim[text]'") from None
    beams = Beams(how.beams, length_norm=how.length_norm)
    references = [_flat(document.text()) for document in documents]
    with progressing(len(documents), "writing") as progress:
        found = model.search(given=of_documents(model.given_codecs, documents), progress=progress, beams=beams)
    written = [_flat(results[0].text) if results else "" for results in found]
    scores: dict[str, Any] = {}
    for key, metric in (("bleu", BLEU()), ("chrf", CHRF())):
        score: Any = metric.corpus_score(written, [references])
        scores |= {key: float(score.score), f"{key}_signature": str(metric.get_signature())}
    right = sum(a == b for a, b in zip(written, references, strict=True))
    return {**scores, "exact_percent": 100 * right / len(references)}


def _flat(text: str) -> str:
    return " ".join(text.split())
