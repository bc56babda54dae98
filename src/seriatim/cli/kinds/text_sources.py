"""What the commands do with a text's source: search for the likeliest text, and compare with references."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seriatim.cli.common import only, progressing
from seriatim.cli.groups import BEAMS, LENGTH_NORM, Reading, Search, unescape
from seriatim.cli.requests import Drawing
from seriatim.data.decoding import BLOCK
from seriatim.errors import UserError
from seriatim.text.data.corpus import SOURCE

if TYPE_CHECKING:
    from seriatim.text.data.corpus import Document
    from seriatim.text.model import TextModel
    from seriatim.text.samples import Sample

_SEARCHED = (
    *("source", "source-file", "beams", "best", "length-norm", "coverage", "no-repeat", "attention", "prompt"),
    *("prompt-file", "given", "max-length", "min-length", "stop", "output", "json", "device", "threads"),
)


def sources_of(model: TextModel, source: Sequence[str], file: Path | None) -> list[str] | None:
    """The sources that were typed, or those of a file, a line each.

    Raises:
        UserError: if the model reads none, or the file is missing, empty or no text.
    """
    from seriatim.data import scratch
    from seriatim.text.data.pairs import lines

    if not source and file is None:
        return None
    if SOURCE not in model.given_codecs:
        raise UserError("--source is for a model that was trained on pairs, and this one was not; leave it out")
    if source and file is not None:
        raise UserError("--source and --source-file are both given; give one of them")
    if file is None:
        return [each.strip() for each in source]  # as sources of training are
    name = "standard input" if str(file) == "-" else str(file)
    if str(file) == "-":
        file = scratch.keep(iter(lambda: sys.stdin.buffer.read(BLOCK), b""), name)
    if not file.is_file():
        raise UserError(f"{file} is no file, where a text file with a source on each line is wanted; check the path")
    found = [line.strip() for line in lines(file, "utf-8", name)]
    if not found:
        raise UserError(f"{name} is empty, where a source on each line is wanted; give another")
    return found


def width_of(search: Search, sources: Sequence[str] | None) -> int:
    """How wide to search; 0: draw samples instead.

    Raises:
        UserError: for options of a search where there is none.
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
    """The likeliest text for each source, a line written for each line read; a blank one for a blank one."""
    only("text that is searched for", _SEARCHED)
    from seriatim.walks.beams import Beams

    search, extent = asked.search, asked.extent
    if asked.n != 1:
        raise UserError(
            f"-n {asked.n} asks for samples, and a search finds the likeliest; give --best {asked.n}, or --beams 0"
        )
    prompts = asked.prompt.texts()
    inputs = prompts if sources is None else sources
    _check_attention(search, sources)
    if sources is not None and len(prompts) not in (1, len(sources)):
        raise UserError(f"{len(prompts)} prompts for {len(sources)} sources; give one, or one for each")
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
        print(f"for {none:,} of {len(inputs):,} there is no text that the options allow", file=sys.stderr)
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
    """What is written of the results for one source, or of one prompt."""
    if asked.output.as_json:
        key = "source" if sourced else "prompt"
        return [json.dumps({key: text, "results": [_record(r) for r in results]}, ensure_ascii=False)]
    if asked.search.best > 1:
        return [f"{number}\t{r.score:.4f}\t{one_line(r.text)}" for r in results]
    return [one_line(results[0].text) if results else ""]


def _check_attention(search: Search, sources: Sequence[str] | None) -> None:
    """Refuse a picture of attention that could not be drawn, before anything is computed."""
    from PIL import Image

    picture = search.attention
    if picture is None:
        return
    if sources is None or len(sources) != 1:
        raise UserError("--attention shows where a model looks in one source; give one --source")
    writable(picture)
    if picture.suffix.lower() not in Image.registered_extensions():
        raise UserError(f"{picture}: the ending {picture.suffix!r} is no picture format; write to .png")


def to_file(asked: Drawing) -> Path | None:
    """The file that text goes to; None for the terminal."""
    path = asked.output.output
    return None if path is None or str(path) == "-" else path


def deliver(lines: Sequence[str], output: Path | None) -> None:
    """Lines to a file, or to the terminal."""
    if output is None:
        print("\n".join(lines))
        return
    output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{output}: {len(lines):,} lines", file=sys.stderr)


def not_blank(model: TextModel, sources: Sequence[str]) -> list[int]:
    """Which of the sources there is something to write for; said if some are blank, or have what training had not."""
    asked = [i for i, source in enumerate(sources) if source.strip()]
    say_unseen(model, sources)
    if blank := len(sources) - len(asked):
        print(f"{blank:,} of {len(sources):,} sources are blank, and so is what is written for them", file=sys.stderr)
    return asked


def writable(path: Path) -> None:
    """Refuse a path that cannot be a new file, before anything is worked out.

    Raises:
        UserError: if it is a folder, or lies in none.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder, where a file to write to is wanted; give its name too")
    if not path.parent.is_dir():
        raise UserError(f"{path}: there is no folder {path.parent}; make it, or write elsewhere")


def say_unseen(model: TextModel, sources: Iterable[str]) -> None:
    """Say it if sources have characters, or words, that the training text does not have."""
    from seriatim.text.tokenizers import Tokenizer

    codec = model.given_codecs[SOURCE]
    assert isinstance(codec, Tokenizer)
    if strange := sum(map(codec.unseen, sources)):
        print(
            f"{strange:,} of the symbols of the sources did not occur in training, or too seldom to be learned",
            file=sys.stderr,
        )


def one_line(text: str) -> str:
    """A text without line ends: a line out for each line in."""
    return " ".join(text.splitlines())


def _record(sample: Sample) -> dict[str, Any]:
    return {
        "text": sample.text,
        "log_prob_nats": sample.log_prob,
        "score": sample.score,
        "ended": sample.ended,
    }


def compare(model: TextModel, documents: Sequence[Document], how: Reading) -> dict[str, Any]:
    """Texts written for the sources of documents, against the documents: BLEU, chrF, and how many are identical.

    Raises:
        UserError: without sources, or without sacrebleu.
    """
    if SOURCE not in model.given_codecs:
        raise UserError("--bleu is for a model that was trained on pairs, and this one was not; leave it out")
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
