"""seriatim sample."""

from __future__ import annotations

import json
import sys
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from seriatim.cli.common import assignments, only, open_run
from seriatim.cli.kinds import audio as sounds
from seriatim.cli.kinds import image as pictures
from seriatim.cli.kinds import text as texts
from seriatim.errors import UserError
from seriatim.text.data.corpus import SOURCE

_COLUMNS = 8
_OF_PICTURES = (
    *("number", "given", "guidance", "seed", "temperature", "top-k", "top-p", "min-p", "typical"),
    *("output", "columns", "singles", "device", "threads"),
)
_SEARCHED = (
    *("source", "source-file", "beams", "best", "length-norm", "coverage", "no-repeat", "attention", "prompt"),
    *("prompt-file", "given", "max-length", "min-length", "stop", "output", "json", "device", "threads"),
)


def sample(
    run: Path,
    /,
    *,
    n: Annotated[int, Parameter(name=["-n", "--number"])] = 1,
    prompt: list[str] | None = None,
    prompt_file: Path | None = None,
    given: list[str] | None = None,
    source: Annotated[list[str] | None, Parameter(allow_leading_hyphen=True)] = None,
    source_file: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    beams: int | None = None,
    best: int = 1,
    length_norm: float = texts.LENGTH_NORM,
    coverage: float = 0.0,
    no_repeat: int = 0,
    attention: Path | None = None,
    guidance: float = 1.0,
    max_length: int | None = None,
    min_length: int = 0,
    stop: list[str] | None = None,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    typical: float = 1.0,
    repetition: float = 1.0,
    presence: float = 0.0,
    frequency: float = 0.0,
    bias: list[str] | None = None,
    forbid: list[str] | None = None,
    seed: list[int] | None = None,
    slide: bool = False,
    log_probs: bool = False,
    stream: bool = False,
    seconds: float | None = None,
    output: Annotated[Path | None, Parameter(name=["-o", "--output"], allow_leading_hyphen=True)] = None,
    columns: int = _COLUMNS,
    singles: bool = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    device: str = "auto",
    threads: int = 1,
) -> None:
    r"""Write text, draw pictures, or make sound, with a trained model.

    Pictures go to samples.png, or where --output says: a sheet as .png, an animation of how they come about as .gif.
    Sound goes to sample.wav, which can be played while it grows, with pictures of its waveform and spectrogram beside
    it; to .flac or .ogg; or as raw samples to standard output, with --output -.

    Options act in this order: guidance, bias and forbid, penalties (repetition, presence, frequency), temperature,
    top-k, top-p, min-p, typical.

    Parameters
    ----------
    run
        The directory that `seriatim train` has written.
    n
        Samples (for each prompt).
    prompt
        What stands before; may be given several times. \n and \t are understood.
    prompt_file
        A text file that holds the prompt; a recording to go on from.
    given
        A condition, NAME=VALUE; may be given several times. Where it is a picture or a series, VALUE is its file; of
        labels with times a CSV file or a line such as "silence 3 7:0.5"; of features the recording that has them.
        Two speakers are mixed by speaker=theo:0.5,jackson:0.5.
    source
        Of a model trained on pairs, what to write a text for; may be given several times.
    source_file
        A text file with a source on each line, or - for standard input; there is a line out for each line in.
    beams
        Write the likeliest text that a beam search of this width finds; 1 is greedy, 0 draws samples. By default 5
        where there is a source, else 0.
    best
        Of a beam search, the so many likeliest texts, each behind the number of its source and its score.
    length_norm
        Texts of n symbols are ranked by log p / ((5 + n) / 6)^α, this α; 0 by log p itself.
    coverage
        How much it counts that all of the source is attended to.
    no_repeat
        No sequence of so many symbols comes twice; 0: it may.
    attention
        Write a PNG of where the model looks in the source at each symbol (one source).
    guidance
        How much the condition weighs: 1 as the model has it, above 1 exaggerated. What is drawn has no likelihood.
    max_length
        New symbols at most, by default 500, with a source twice as many as the longest text that was trained on has. A
        document may end sooner.
    min_length
        New symbols before the document may end.
    stop
        A string at which to stop; may be given several times.
    temperature
        Below 1 bolder, above 1 wilder; 0 always takes the most likely symbol.
    top_k
        Draw from the k most likely symbols; 0: all.
    top_p
        Draw from the most likely symbols that have this probability together.
    min_p
        Draw from symbols at least this fraction as likely as the most likely one.
    typical
        Draw from the symbols whose surprise is nearest to the expected one, up to this probability.
    repetition
        Divide the logits of symbols that have occurred by this; 1: off.
    presence
        Subtract this from the logits of symbols that have occurred.
    frequency
        Subtract this for each time that a symbol has occurred.
    bias
        SYMBOL=VALUE is added to a symbol's logit, by the name that `seriatim explore` shows.
    forbid
        A symbol never to write, such as "<unk>".
    seed
        Of the first sample; give it n times to choose each sample's own.
    slide
        Read a prompt longer than the model looks back over by its end.
    log_probs
        Also print each sample's log-probability under the model.
    stream
        Show the text as it is written (one sample).
    seconds
        Of sound, how much to draw behind what it goes on from; by default as much as is given beside it, or 1.
    output
        Write to this file; text goes to the terminal without it, or with -.
    columns
        Pictures in a row of the sheet.
    singles
        Write each picture to a file of its own, under --output.
    as_json
        One JSON object a line, with symbols and log-probabilities.
    device
        cpu, cuda, mps or auto.
    threads
        Processor threads; one is fastest for small models.
    """
    from seriatim.audio.model import AudioModel
    from seriatim.text.model import TextModel

    model = open_run(run, device, threads)
    seeds: int | list[int] = seed[0] if seed and len(seed) == 1 else seed or 0
    steer = {
        "guidance": guidance,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "typical": typical,
    }
    conditions = assignments(given or [], "--given")
    if isinstance(model, AudioModel):
        only("quantiser", sounds.OF_SAMPLES)
        sounds.sample(model, n, seconds, prompt_file, conditions, seeds, output, steer)
        return
    if seconds is not None:
        raise UserError("--seconds is for sound, and this is no model of sound; leave it out")
    if not isinstance(model, TextModel):
        only("pictures", _OF_PICTURES)
        pictures.sample(model, run, n, conditions, seeds, output, columns, singles, steer)
        return
    prompts = _prompts(prompt, prompt_file)
    if stream and (n != 1 or len(prompts) != 1 or as_json or log_probs):
        raise UserError(
            "--stream shows one sample as plain text; leave out -n, further prompts, --json and --log-probs"
        )
    if columns != _COLUMNS or singles:
        raise UserError("--columns and --singles are for pictures, and this is a model of text; leave them out")
    drawn_for, named = dict[str, list[str]](), list[int]()
    if output is not None and str(output) == "-":
        output = None
    most = model.model.config.context if SOURCE in model.conditions else 500
    sources = texts.sources_of(model, source, source_file)
    if stream and sources is not None and len(sources) != 1:
        raise UserError(f"--stream shows one sample, and there are {len(sources)} sources; give one")
    if output is not None:
        texts.writable(output)
    width = (texts.BEAMS if sources is not None else 0) if beams is None else beams
    if width:
        only("text that is searched for", _SEARCHED)
        if n != 1:
            raise UserError(f"-n {n} asks for samples, and a search finds the likeliest; give --best {n}, or --beams 0")
        wanted = {
            "beams": width,
            "best": best,
            "length_norm": length_norm,
            "coverage": coverage,
            "no_repeat": no_repeat,
        }
        lengths = {"max_length": max_length, "min_length": min_length, "stop": [_unescape(s) for s in stop or []]}
        texts.search(model, sources, prompts, conditions, {**wanted, **lengths}, output, as_json, attention)
        return
    for name, value in (("best", best != 1), ("length-norm", length_norm != texts.LENGTH_NORM), ("coverage", coverage)):
        if value:
            raise UserError(f"--{name} is for a beam search; give --beams, or leave it out")
    if no_repeat or attention is not None:
        raise UserError("--no-repeat and --attention are for a beam search; give --beams, or leave them out")
    if sources is not None:
        if len(prompts) not in (1, len(sources)):
            raise UserError(f"{len(prompts)} prompts for {len(sources)} sources; give one, or one for each")
        if SOURCE in conditions:
            raise UserError("the source is given twice; give it once")
        if log_probs and n == 1:
            raise UserError("--log-probs would stand between the lines, one for each source; give --json")
        prompts = prompts * (len(sources) if len(prompts) == 1 else 1)
        asked = texts.not_blank(model, sources)
        prompts, named = [prompts[i] for i in asked], [i for i in asked for _ in range(n)]
        drawn_for = {SOURCE: [sources[i] for i in named]}
    find = model.tokenizer.find
    options: dict[str, Any] = {
        "given": {**conditions, **drawn_for},
        "max_length": most if max_length is None else max_length,
        "min_length": min_length,
        "stop": [_unescape(s) for s in stop or []],
        "seed": seeds,
        "slide": slide,
        **steer,
        "repetition": repetition,
        "presence": presence,
        "frequency": frequency,
        "bias": {find(name): _number(value) for name, value in assignments(bias or [], "--bias").items()},
        "forbid": frozenset(find(name) for name in forbid or []),
    }
    if stream:
        pieces = model.stream(prompts[0], **options)
        first = next(pieces, "")  # whatever is wrong shows now, before a file is overwritten
        with _sink(output) as sink:
            for piece in chain([first], pieces):
                sink.write(piece)
                sink.flush()
            sink.write("\n")
        return
    samples = model.sample(prompts, n, log_probs=log_probs or as_json, **options) if prompts else []
    if sources is not None and n == 1 and not as_json:
        written = {i: texts.one_line(one.text) for i, one in zip(named, samples, strict=True)}
        texts.deliver([written.get(i, "") for i in range(len(sources))], output)
        return
    lines: list[str] = []
    for i, one in enumerate(samples):
        if as_json:
            record = {
                **({} if sources is None else {"source": sources[named[i]]}),
                "text": one.text,
                "prompt": one.prompt,
                "ended": one.ended,
                "symbols": one.symbols,
                "log_probs_nats": one.log_probs,
                "log_prob_nats": sum(one.log_probs),
            }
            lines.append(json.dumps(record, ensure_ascii=False))
            continue
        if len(samples) > 1:
            whose = f"sample {i + 1}" if sources is None else f"source {named[i] + 1}, sample {i % n + 1}"
            lines.append(f"--- {whose} ({one.ended}) ---")
        lines.append(one.text)
        if log_probs:
            lines.append(f"[{sum(one.log_probs):.3f} nats in {len(one.symbols)} symbols]")
    with _sink(output) as sink:
        sink.write("\n".join(lines) + "\n")


def _prompts(prompt: list[str] | None, file: Path | None) -> list[str]:
    if file is None:
        return [_unescape(p) for p in prompt] if prompt else [""]
    if prompt:
        raise UserError("--prompt and --prompt-file are both given; give one of them")
    try:
        return [file.read_text(encoding="utf-8")]
    except FileNotFoundError:
        raise UserError(f"{file} does not exist; give a text file") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def _unescape(text: str) -> str:
    return text.replace("\\n", "\n").replace("\\t", "\t")


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise UserError(f"--bias {word!r} is not a number; write --bias SYMBOL=VALUE") from None


def _sink(output: Path | None) -> Any:
    """A file, or standard output left open."""
    import contextlib

    return contextlib.nullcontext(sys.stdout) if output is None else output.open("w", encoding="utf-8")
