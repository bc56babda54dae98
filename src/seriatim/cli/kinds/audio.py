"""What the commands do with a run of sound."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seriatim.audio.data.recordings import SPANS, TRACK, VECTOR
from seriatim.cli.common import Beside, chosen_split, only, print_json, training_data
from seriatim.cli.kinds.image import progressing
from seriatim.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seriatim.audio.data.recordings import Takes
    from seriatim.audio.model import AudioModel
    from seriatim.audio.options import AudioOptions

OF_SAMPLES = (
    *("number", "given", "guidance", "seed", "temperature", "top-k", "top-p", "min-p", "typical"),
    *("output", "seconds", "prompt-file", "device", "threads"),
)
_SHARED = ("json", "device", "threads")
_BESIDE = ("vectors", "spans", "track", "labels")


def evaluate(model: AudioModel, run: Path, data: str | None, split: str | None, beside: Beside, as_json: bool) -> None:
    """Bits a sample of held-out recordings."""
    only("quantiser", (*_SHARED, "split", *_BESIDE))
    takes, name = takes_of(model, run, data, split, beside)
    say_unsaid(model, takes)
    with progressing(takes.samples, "evaluating") as progress:
        figures = model.evaluate(takes, progress)
    values = figures.to_json()
    if as_json:
        print_json({"data": name, **values})
        return
    error = figures.bits_per_sample * figures.relative_error
    spread = "" if math.isnan(error) else f" ± {error:.4f}"
    print(f"{name}: {figures.recordings:,} recordings of {figures.seconds:,.1f} seconds in all")
    words = "bits/sample given features" if model.vocodes else "bits/sample "
    print(f"  {words} {figures.bits_per_sample:.4f}{spread} ({figures.quantiser}, {model.rate} Hz)")
    if model.vocodes:
        print("  given features of the recordings themselves: no likelihood of them")


def score(model: AudioModel, run: Path, files: Sequence[str], beside: Beside, as_json: bool) -> None:
    """Bits of each recording, the most surprising (bits/sample) first."""
    only("quantiser", (*_SHARED, *_BESIDE))
    rows: list[tuple[str, float, int]] = []
    for i, file in enumerate(files):
        if file == "-":
            raise UserError("- is standard input, which is for text; give recordings by their files")
        takes, _ = takes_of(model, run, file, None, beside)
        if i == 0:
            say_unsaid(model, takes)
        with progressing(takes.samples, "scoring") as progress:
            log_p = model.log_prob(takes.x, model.given_of(takes), progress=progress)
        sizes = [len(x) * model.channels for x in takes.x]
        names = [f"{file.rstrip('/')}/{name}" for name in takes.names] if Path(file).is_dir() else [file] * len(sizes)
        rows += zip(names, (-log_p / math.log(2)).tolist(), sizes, strict=True)
    given = "_given_features" if model.vocodes else ""
    if model.vocodes:
        print("given features of the recordings themselves, so no likelihood of them", file=sys.stderr)
    for name, bits, count in sorted(rows, key=lambda row: -row[1] / row[2]):
        if as_json:
            figures = {f"bits{given}": bits, f"bits_per_sample{given}": bits / count, "samples": count}
            print(json.dumps({"name": name, **figures}))
        else:
            print(f"{bits / count:8.4f} bits/sample{given.replace('_', ' ')} {bits:14.1f} bits  {name}")


def sample(
    model: AudioModel,
    n: int,
    seconds: float | None,
    prompt: Path | None,
    conditions: Mapping[str, str],
    seeds: int | list[int],
    output: Path | None,
    steer: Mapping[str, Any],
) -> None:
    """Recordings as files that grow while they are drawn, or one as raw samples on standard output."""
    from seriatim.audio.data.opening import read_recording
    from seriatim.audio.files import ENDINGS, pcm

    if steer.get("guidance", 1.0) != 1 and not conditions:
        print("no condition is given, so there is nothing to be guided by: say --given", file=sys.stderr)
    known = None if prompt is None else read_recording(prompt, model.rate, model.channels)[0]
    given = given_of(model, conditions)
    if output is not None and str(output) == "-":
        if n != 1:
            raise UserError("standard output takes one recording; leave out -n, or give --output FILE")
        channels = f"{model.channels} channel{'s' if model.channels > 1 else ''}"
        print(f"raw samples: 16 bits, little-endian, {model.rate} Hz, {channels}", file=sys.stderr)
        blocks = model.blocks(seconds, 1, given=given, prompt=known, seed=seeds, **steer)
        for block in _led_by(known, blocks, 1):
            sys.stdout.buffer.write(pcm(block[0]))
            sys.stdout.buffer.flush()
        return
    path = Path("sample.wav") if output is None else output
    if path.suffix.lower() not in ENDINGS:
        raise UserError(f"{path}: {path.suffix or 'no ending'!r} is no sound; write to {', '.join(ENDINGS)}, or to -")
    paths = [path] if n == 1 else [path.with_stem(f"{path.stem}-{i + 1:0{len(str(n))}d}") for i in range(n)]
    blocks = _led_by(known, model.blocks(seconds, n, given=given, prompt=known, seed=seeds, **steer), n)
    done, count = 0, model.samples(seconds, n, given=given, prompt=known)
    with progressing(count, "drawing") as progress:
        for x in _written(paths, blocks, model):
            done += x
            progress(done)
    print(
        f"{paths[0]}{f' … {paths[-1].name}' if n > 1 else ''}: {count / model.rate:.2f} seconds each", file=sys.stderr
    )


def given_of(model: AudioModel, conditions: Mapping[str, str]) -> dict[str, Any]:
    """What --given says: labels, mixtures of them, lines of labels, files.

    Raises:
        UserError: naming the file or the word that is wrong.
    """
    from seriatim.audio.data.aligned import read_spans, read_track
    from seriatim.audio.data.opening import read_recording
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
            given[name] = read_recording(path, model.rate, model.channels)[0]
    return given


def _label(model: AudioModel, name: str, value: str) -> Any:
    """A label, or a mixture such as theo:0.5,jackson:0.5."""
    codec = model.conditions.get(name)
    if codec is None or value in codec.values or ":" not in value:
        return value
    shares: dict[str, float] = {}
    for part in value.split(","):
        label, _, weight = part.rpartition(":")
        if label in shares:
            raise UserError(f"--given {name}={value}: {label!r} comes twice; give each label once")
        try:
            shares[label] = float(weight)
        except ValueError:
            raise UserError(
                f"--given {name}={value}: {part!r} has no weight; write LABEL:WEIGHT,LABEL:WEIGHT"
            ) from None
    return shares


def _led_by(prompt: NDArray[np.int16] | None, blocks: Iterator[NDArray[Any]], n: int) -> Iterator[NDArray[Any]]:
    """The prompt, and then what is drawn."""
    import numpy as np

    if prompt is not None:
        yield np.repeat(prompt[None], n, 0)
    yield from blocks


def _written(paths: Sequence[Path], blocks: Iterator[NDArray[Any]], model: AudioModel) -> Iterator[int]:
    """How many samples each block had that was written; a WAV can be read at any moment, others at the end."""
    import numpy as np

    from seriatim.audio.files import WavWriter, save
    from seriatim.drawing.audio import save_spectrogram, save_waveform

    parts: list[NDArray[Any]] = []
    try:
        with ExitStack() as stack:
            files: list[WavWriter] = []
            for block in blocks:  # whatever is wrong shows before a file is written over
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
    import dataclasses

    from seriatim.audio.options import AudioOptions
    from seriatim.training.run import plan_of

    try:
        base = plan_of(run)[0].audio
    except UserError:  # a checkpoint without its training directory
        base = AudioOptions()
    channels = "mono" if model.channels == 1 else "stereo"
    usual = AudioOptions()  # what belongs to the run's own data and to no other
    own = ["labels", "conditions", "split", "validation", "test", "limit", "spans", "track", "vectors"]
    none = {name: getattr(usual, name) for name in (own if model.vocodes else [*own, "hop"])}
    return dataclasses.replace(base, rate=model.rate, channels=channels, **none)


def _with(options: AudioOptions, model: AudioModel, beside: Beside) -> AudioOptions:
    """With what runs beside the recordings, at the rate that the model reads it."""
    import dataclasses

    for name in _BESIDE:
        path, key = getattr(beside, name), VECTOR if name == "vectors" else name
        if path is None:
            continue
        if not model.conditions if name == "labels" else key not in model.codecs:
            raise UserError(f"--{name} was given, but this model is not conditioned on {key}; leave it out")
        changed: dict[str, Any] = {name: str(path)}
        if key in model.tracks:
            changed["hop"] = model.tracks[key].hop
        options = dataclasses.replace(options, **changed)
    return options


def say_unsaid(model: AudioModel, takes: Takes) -> None:
    """Say it if recordings lack what the model is conditioned on and files beside them give."""
    there = {*takes.tracks, *([VECTOR] if takes.vectors is not None else [])}
    for name, key in (("vectors", VECTOR), (SPANS, SPANS), (TRACK, TRACK)):
        if key in model.codecs and key not in there:
            print(f"no {name} are given, so {key} counts as not said; give --{name}", file=sys.stderr)
    for name in model.conditions.keys() - takes.labels.keys():
        advice = "score the folder whose subfolders are the labels, or give --labels"
        print(f"the recordings have no {name}, which counts as not said; {advice}", file=sys.stderr)


def takes_of(model: AudioModel, run: Path, data: str | None, split: str | None, beside: Beside) -> tuple[Takes, str]:
    """Recordings of a path, of a named data set or of the run's own data, at the model's rate; and what they are."""
    import dataclasses

    from seriatim.audio.data.opening import open_recordings, sound_names

    if data is None:
        beside.refuse("recordings")
        name, recordings = training_data(run)
        return chosen_split(recordings.splits, split, name)
    options = _with(options_of(model, run), model, beside)
    if Path(data).exists() or data not in sound_names():
        return open_recordings(data, dataclasses.replace(options, validation=0.0, test=0.0)).splits["train"], data
    return chosen_split(open_recordings(data, options).splits, split, data)
