"""The commands for audio."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seriatim.audio.data.recordings import SPANS, TRACK, VECTOR
from seriatim.cli.common import (
    INSPECTED,
    chosen_split,
    full_names,
    limited,
    only,
    print_json,
    progressing,
    say,
    say_lacking,
    say_note,
    seeds_in_words,
    training_data,
)
from seriatim.cli.groups import Conditions
from seriatim.cli.requests import Drawing, Judging
from seriatim.errors import UserError, tell
from seriatim.symbols.lacking import Lacking, given_key, given_words, together

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seriatim.audio.data.recordings import Takes
    from seriatim.audio.model import AudioModel
    from seriatim.audio.options import AudioOptions
    from seriatim.instruments.held import HeldSequences

_SAMPLED = (
    *("number", "given", "guidance", "seed", "temperature", "top-k", "top-p", "min-p", "typical"),
    *("output", "seconds", "prompt-file", "device", "threads", "backend"),
)
_READ = 100  # recordings that the instruments read, spread over all
_SHARED = ("json", "device", "threads", "limit")
_ADVICE = {
    VECTOR: "give --vectors, one per recording",
    SPANS: "give --spans",
    TRACK: "give --track",
    "": "score the folder whose subfolders are the labels, or give --labels",
}
"""What to do about recordings without a condition."""
_CONDITIONS = ("vectors", "spans", "track", "labels")


def evaluate(model: AudioModel, asked: Judging) -> None:
    """Bits per sample of held-out recordings."""
    only("a model of audio", (*_SHARED, "split", *_CONDITIONS))
    takes, name = takes_of(model, asked, *asked.data)
    say_lacking(model.lacking(takes), "recordings", _ADVICE)
    with progressing(takes.samples, "evaluating") as progress:
        figures = model.evaluate(takes, progress=progress)
    values = figures.to_json()
    if asked.as_json:
        print_json({"data": name, **values})
        return
    error = figures.bits_per_sample * figures.relative_error
    spread = "" if math.isnan(error) else f" ± {error:.4f}"
    say(f"{name}: {figures.recordings:,} recordings, {figures.seconds:,.1f} seconds in total")
    words = f"bits/sample{given_words(model.given_names) or ' '}"
    say(f"  {words} {figures.bits_per_sample:z.4f}{spread} ({figures.quantiser}, {model.rate} Hz)")
    if model.vocodes:
        say("  conditioned on features of the recordings themselves: not a likelihood")


def score(model: AudioModel, asked: Judging) -> None:
    """Bits of each recording, highest bits/sample first."""
    only("a model of audio", (*_SHARED, *_CONDITIONS))
    rows: list[tuple[str, float, int]] = []
    lacking: list[Lacking] = []
    for file in asked.data:
        if file == "-":
            raise UserError("- is standard input, which is for text only; give recordings as files")
        takes, _ = takes_of(model, asked, file)
        lacking += model.lacking(takes)
        with progressing(takes.samples, "scoring") as progress:
            log_p = model.log_prob(takes.x, model.given_of(takes), progress=progress)
        sizes = [len(x) * model.channels for x in takes.x]
        rows += zip(full_names(file, takes.names), (0.0 - log_p / math.log(2)).tolist(), sizes, strict=True)  # no -0.0
    say_lacking(together(lacking), "recordings", _ADVICE)
    given = given_key(model.given_names)
    if model.vocodes:
        tell("conditioned on features of the recordings themselves: not a likelihood")
    for name, bits, count in sorted(rows, key=lambda row: -row[1] / row[2]):
        if asked.as_json:
            figures = {f"bits{given}": bits, f"bits_per_sample{given}": bits / count, "samples": count}
            print(json.dumps({"name": name, **figures}))
        else:
            say(f"{bits / count:z8.4f} bits/sample{given_words(model.given_names)} {bits:z14.1f} bits  {name}")


def held_out(model: AudioModel, asked: Judging) -> tuple[HeldSequences, str]:
    """Held-out recordings for the instruments, and the name of the data."""
    import numpy as np

    from seriatim.audio.data.splits import taken
    from seriatim.instruments.held import HeldSequences

    only("a model of audio", (*INSPECTED, *_CONDITIONS))
    takes, name = takes_of(model, dataclasses.replace(asked, limit=None), *asked.data)
    takes = taken(takes, np.linspace(0, len(takes.x) - 1, min(_READ, len(takes.x))).astype(int).tolist())
    say_lacking(model.lacking(takes), "recordings", _ADVICE)
    unit = "bits/sample" if model.channels == 1 else "bits for both channels of a sample"
    return HeldSequences([model.codec.encode(x) for x in takes.x], model.encoded(takes), "samples", unit), name


def sample(model: AudioModel, asked: Drawing) -> None:
    """Write recordings to files that grow during sampling, or one as raw samples to standard output."""
    from seriatim.audio.files import ENDINGS
    from seriatim.walks.draws import portions
    from seriatim.walks.noise import own_seeds

    conditions = asked.prompt.conditions
    only("a model of audio", _SAMPLED)
    n, seconds, prompt, output = asked.n, asked.extent.seconds, asked.prompt.prompt_file, asked.output.output
    if asked.steering.guidance != 1 and not conditions:
        tell("no condition is given, so --guidance has no effect; use --given")
    known = None if prompt is None else _read(model, asked.run, prompt)
    if known is not None and model.ahead:
        ahead = f"{model.ahead} samples ({1000 * model.ahead / model.rate:.1f} ms)"
        tell(
            f"the prompt is continued almost exactly: the slow scales draw up to {ahead} beyond its end without having "
            "read its last samples; a model trained with --net.look-ahead 0 is exact"
        )
    given = given_of(model, asked.run, conditions)
    path = Path("sample.wav") if output is None else output
    raw = str(path) == "-"
    if raw and n != 1:
        raise UserError("standard output takes one recording; leave out -n, or give --output FILE")
    if not raw and path.suffix.lower() not in ENDINGS:
        raise UserError(f"{path}: {path.suffix or 'no suffix'!r} is not audio; write to {', '.join(ENDINGS)}, or to -")
    seeds = own_seeds(asked.seeds, n, "recordings")

    def drawn(part: slice) -> Iterator[NDArray[Any]]:
        own = seeds[part]
        blocks = model.blocks(seconds, len(own), given=given, prompt=known, seed=own, **asked.steering.options())
        return _led_by(known, blocks, len(own))

    if raw:
        _to_standard_output(drawn(slice(0, 1)), model)
        return
    paths = [path] if n == 1 else [path.with_stem(f"{path.stem}-{i + 1:0{len(str(n))}d}") for i in range(n)]
    done, count = 0, model.samples(seconds, n, given=given, prompt=known)
    with progressing(count * n, "drawing") as progress:
        for part in portions(n, model.model.device):
            for x in _written(paths[part], drawn(part), model):
                done += x * len(paths[part])
                progress(done)
    files = f"{paths[0]}{f' … {paths[-1].name}' if n > 1 else ''}"
    tell(f"{files}: {count / model.rate:.2f} seconds each{seeds_in_words(seeds, n)}")


def _to_standard_output(blocks: Iterator[NDArray[Any]], model: AudioModel) -> None:
    from seriatim.audio.files import pcm

    channels = f"{model.channels} channel{'s' if model.channels > 1 else ''}"
    tell(f"raw samples: 16 bits, little-endian, {model.rate} Hz, {channels}")
    for block in blocks:
        sys.stdout.buffer.write(pcm(block[0]))
        sys.stdout.buffer.flush()


def facts(model: AudioModel) -> dict[str, object]:
    """Facts of `seriatim inspect --json`."""
    return {
        "rate_hertz": model.rate,
        "channels": model.channels,
        "quantiser": model.codec.name,
        "looks_back_samples": model.past,
        "looks_back_milliseconds": 1000 * model.past / model.rate,
        "scales": len(_factors(model)) + 1,
        "draws_ahead_samples": model.ahead,
        "draws_ahead_milliseconds": 1000 * model.ahead / model.rate,
    }


def lines(model: AudioModel) -> list[str]:
    """Lines of `seriatim inspect`."""
    back = f"{model.past} samples, {1000 * model.past / model.rate:.1f} ms"
    kind = "mono" if model.channels == 1 else "stereo"
    found = [f"looks back   {back}", f"audio        {model.rate} Hz, {kind}, {model.codec.name}"]
    if factors := _factors(model):
        steps = [math.prod(factors[:i]) for i in range(len(factors), -1, -1)]
        each = ", ".join(
            f"{f'1 sample in {step}' if step > 1 else 'all samples'} ({model.rate / step:g} Hz)" for step in steps
        )
        ahead = f"{model.ahead} samples, {1000 * model.ahead / model.rate:.1f} ms"
        found.append(f"scales       {len(steps)}: {each}; slow scales run ahead by up to {ahead}")
    return found


def _factors(model: AudioModel) -> list[int]:
    """The ratios between successive scales, from that of all samples on; empty if it is the only one."""
    schedule, found = model.arrangement.schedule, list[int]()
    while schedule.factor > 1:
        found.append(schedule.factor)
        schedule = schedule.below
    return found


def _read(model: AudioModel, run: Path, file: Path) -> NDArray[Any]:
    """A recording as those of the run were read, at its rate and in its channels; what was changed is printed.

    All of it is read: the run's --audio.seconds and --audio.trim are about what to learn from.
    """
    from seriatim.audio.data.opening import read_recording

    options = dataclasses.replace(options_of(model, run), seconds=None, trim=None)
    x, remarks = read_recording(file, model.rate, model.channels, options)
    if remarks:
        tell(f"{file}: {remarks}")
    return x


def given_of(model: AudioModel, run: Path, conditions: Mapping[str, str]) -> dict[str, Any]:
    """Parse --given: labels, mixtures of labels, lines of labels, files.

    Raises:
        UserError: naming the wrong file or word.
    """
    from seriatim.audio.data.aligned import read_spans, read_track
    from seriatim.audio.spans import Spans
    from seriatim.audio.tracks import Track
    from seriatim.data.vectors import parse_vector
    from seriatim.symbols import Vectors

    given: dict[str, Any] = {}
    for name, value in conditions.items():
        codec, path = model.tracks.get(name), Path(value)
        wants_file = not isinstance(codec, Spans) or path.suffix.lower() == ".csv"
        if codec is not None and wants_file and not path.is_file():
            raise UserError(f"--given {name}={value}: no such file; check the path")
        if isinstance(model.codecs.get(name), Vectors):
            given[name] = parse_vector(value)
        elif codec is None:
            given[name] = _label(model, name, value)
        elif isinstance(codec, Track):
            given[name] = read_track(path)
        elif isinstance(codec, Spans):
            given[name] = tuple(read_spans(path)) if path.suffix.lower() == ".csv" else value
        else:
            given[name] = _read(model, run, path)
    return given


def _label(model: AudioModel, name: str, value: str) -> Any:
    """A label, or a mixture, e.g. theo:0.5,jackson:0.5."""
    codec = model.label_codecs.get(name)
    if codec is None or value in codec.values or ":" not in value:
        return value
    shares: dict[str, float] = {}
    for part in value.split(","):
        label, _, weight = part.rpartition(":")
        if label in shares:
            raise UserError(f"--given {name}={value}: {label!r} is given twice; give each label once")
        try:
            shares[label] = float(weight)
        except ValueError:
            raise UserError(
                f"--given {name}={value}: {part!r} has no weight; write LABEL:WEIGHT,LABEL:WEIGHT"
            ) from None
    return shares


def _led_by(prompt: NDArray[np.int16] | None, blocks: Iterator[NDArray[Any]], n: int) -> Iterator[NDArray[Any]]:
    """The prompt, followed by the samples."""
    import numpy as np

    if prompt is not None:
        yield np.repeat(prompt[None], n, 0)
    yield from blocks


def _written(paths: Sequence[Path], blocks: Iterator[NDArray[Any]], model: AudioModel) -> Iterator[int]:
    """Write blocks and yield their sizes; a WAV file can be read at any time, others at the end."""
    import numpy as np

    from seriatim.audio.files import WavWriter, save
    from seriatim.drawing.audio import save_spectrogram, save_waveform

    parts: list[NDArray[Any]] = []
    try:
        with ExitStack() as stack:
            files: list[WavWriter] = []
            for block in blocks:  # errors show before a file is overwritten
                if paths[0].suffix.lower() == ".wav" and not files:
                    files = [stack.enter_context(WavWriter(path, model.rate, model.channels)) for path in paths]
                for file, x in zip(files, block, strict=False):
                    file.write(x)
                parts.append(block)
                yield block.shape[1]
    finally:
        for path, x in zip(paths, np.concatenate(parts, 1) if parts else [], strict=False):
            if path.suffix.lower() != ".wav":
                save(x, path, model.rate)
            save_waveform(x, path.with_name(f"{path.stem}-waveform.png"), model.rate)
            save_spectrogram(x, path.with_name(f"{path.stem}-spectrogram.png"), model.rate)


def options_of(model: AudioModel, run: Path) -> AudioOptions:
    """How the run's own recordings were read, at the model's rate."""
    from seriatim.audio.options import AudioOptions
    from seriatim.training.run import plan_of

    try:
        base = plan_of(run)[0].group(AudioOptions)
    except UserError:  # a checkpoint without its training folder
        base = AudioOptions()
    channels = "mono" if model.channels == 1 else "stereo"
    usual = AudioOptions()  # options of the run's own data only
    own = ["labels", "conditions", "split", "spans", "track", "vectors"]
    none = {name: getattr(usual, name) for name in (own if model.vocodes else [*own, "hop"])}
    return dataclasses.replace(base, rate=model.rate, channels=channels, **none)


def _with(options: AudioOptions, model: AudioModel, conditions: Conditions) -> AudioOptions:
    """The options with time-aligned conditions and vectors, at the model's frame rate."""
    for name in _CONDITIONS:
        path, key = getattr(conditions, name), VECTOR if name == "vectors" else name
        if path is None:
            continue
        if not model.label_codecs if name == "labels" else key not in model.codecs:
            raise UserError(f"--{name} is given, but this model is not conditioned on {key}; leave it out")
        changed: dict[str, Any] = {name: str(path)}
        if key in model.tracks:
            changed["hop"] = model.tracks[key].hop
        options = dataclasses.replace(options, **changed)
    return options


def takes_of(model: AudioModel, asked: Judging, data: str | None = None) -> tuple[Takes, str]:
    """Recordings from a path, a named data set or the run's own data, at the model's rate; and their name."""
    from seriatim.audio.data.opening import open_recordings
    from seriatim.audio.data.splits import taken
    from seriatim.audio.holding import NAMES
    from seriatim.data.options import DataOptions

    whole = limited(asked.limit)
    if data is None:
        asked.conditions.refuse("recordings")
        data, recordings = training_data(asked.run)
        takes, name = chosen_split(recordings.splits, asked.split, data)
        return (takes if asked.limit is None else taken(takes, range(len(takes.x))[: asked.limit])), name
    options = _with(options_of(model, asked.run), model, asked.conditions)
    if Path(data).exists() or data not in NAMES:
        found = open_recordings(data, options, whole)
        say_note(found.note, data)
        return found.splits["train"], data
    return chosen_split(open_recordings(data, options, DataOptions(limit=asked.limit)).splits, asked.split, data)
