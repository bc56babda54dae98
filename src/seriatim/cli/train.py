"""seriatim train."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import Parameter

from seriatim import config as configs
from seriatim.audio.options import AudioOptions
from seriatim.cli.common import Data, set_threads, typed
from seriatim.errors import UserError, nearest
from seriatim.image.options import CodeOptions, ImageOptions
from seriatim.text.options import SourceOptions, TextOptions, TokenOptions
from seriatim.training.options import TrainOptions
from seriatim.training.presets import PRESETS, Preset

if TYPE_CHECKING:
    from seriatim.runs.opening import Trained
    from seriatim.training.plan import Plan
    from seriatim.training.study import Study

T = TypeVar("T", TokenOptions, TrainOptions, ImageOptions, CodeOptions, AudioOptions)


def train(
    data: Data | None = None,
    /,
    *,
    model: str | None = None,
    preset: str | None = None,
    out: Path | None = None,
    resume: bool = False,
    begin: Annotated[Path | None, Parameter(name="--from")] = None,
    folds: int | None = None,
    search: int | None = None,
    threads: int | None = None,
    quiet: bool = False,
    net: dict[str, str] | None = None,
    tokens: TokenOptions | None = None,
    source: SourceOptions | None = None,
    training: Annotated[TrainOptions | None, Parameter(name="--train")] = None,
    reading: Annotated[TextOptions | None, Parameter(name="--data")] = None,
    image: Annotated[ImageOptions | None, Parameter(consume_multiple=True)] = None,
    code: CodeOptions | None = None,
    audio: AudioOptions | None = None,
) -> int:
    """Train a model on text, pictures or sound of your own, or on a named data set.

    Examples: `seriatim train novel.txt` · `seriatim train photos/ --image.size 32` · `seriatim train voices/` ·
    `seriatim train poems.jsonl --data.field poem --data.given genre,year` · `seriatim train pairs.tsv` ·
    `seriatim train train.de --data.source train.en` ·
    `seriatim train tinyshakespeare --preset nanogpt-cpu` · `seriatim train --out runs/novel-lstm --resume`

    Parameters
    ----------
    data
        A text file, a folder of texts, of pictures or of recordings, JSONL, `-` for standard input, or a name that
        `seriatim data list` shows.
    model
        The family, as `seriatim models` lists them; by default a transformer for text, a gated-pixelcnn for
        pictures, a wavenet for sound.
    preset
        A setting with a name, such as nanogpt-cpu or book-lstm; other options change it.
    out
        Where the run is kept; by default runs/DATA-MODEL.
    resume
        Go on with the run in --out as if it had never stopped.
    begin
        A run, or a Hugging Face Llama directory, whose weights to start from.
    folds
        Train so many times for k-fold cross-validation, and report the mean.
    search
        Try so many settings of learning rate and size, judged on validation only, then train the best.
    threads
        How many processor threads to use; one is often fastest on a busy machine.
    quiet
        No progress.
    net
        Sizes of the model, such as --net.width 256 --net.layers 6; `seriatim models NAME` lists them.
    """
    set_threads(threads)
    if resume:
        others = {"model": model, "preset": preset, "from": begin, "folds": folds, "search": search, "net": net}
        _alone({**others, **{group: typed(group) for group in ("tokens", "data", "source", "image", "code", "audio")}})
        return _resume(data, out, training, quiet)
    if data is None:
        raise UserError("no data is given; give a file, a folder or a name that `seriatim data list` shows")
    chosen = _preset(preset)
    plan = _plan(data, model, chosen, net or {}, tokens, source, training, reading, image, code, audio, begin)
    if folds is not None and search is not None:
        raise UserError("--folds and --search are both given; search first, then cross-validate what it found")
    from seriatim.training import run
    from seriatim.training.study import Study

    folder = run.default_folder(plan) if out is None else out
    if folds is not None or search is not None:
        study = Study("search", search, plan) if search is not None else Study("folds", folds or 0, plan)
        study.begin(folder)
        return _study(study, folder, quiet)
    return _finish(folder, run.start(plan, folder, quiet=quiet))


def _preset(name: str | None) -> Preset | None:
    if name is None:
        return None
    if name not in PRESETS:
        raise UserError(f"{name!r} is not a preset; {nearest(name, PRESETS)}")
    return PRESETS[name]


def _merged(options: T | None, kind: type[T], base: dict[str, Any], group: str) -> T:
    """The preset's values, under what was typed."""
    explicit = (
        {} if options is None else {name: getattr(options, name) for name in typed(group) if hasattr(options, name)}
    )
    clash = {"steps": "epochs", "epochs": "steps"}  # one typed replaces the other preset
    return kind(**{**{k: v for k, v in base.items() if clash.get(k) not in explicit}, **explicit})


def _plan(
    data: str,
    model: str | None,
    preset: Preset | None,
    net: dict[str, str],
    tokens: TokenOptions | None,
    source: SourceOptions | None,
    training: TrainOptions | None,
    reading: TextOptions | None,
    image: ImageOptions | None,
    code: CodeOptions | None,
    audio: AudioOptions | None,
    begin: Path | None,
) -> Plan:
    from seriatim.data.named import names
    from seriatim.models import family
    from seriatim.text.data.opening import open_corpus
    from seriatim.training.plan import Plan, usual_family, usual_training
    from seriatim.training.run import locate, locate_own, locate_source

    if begin is not None and (net or typed("tokens") or typed("code")):
        raise UserError("--from brings its own sizes and tokenizer; leave out --net, --tokens and --code")
    if model is None and data != "-" and not Path(data).exists() and data not in names():
        open_corpus(data)  # says so, before it is taken for text whose options are wrong
    base = preset or Preset("", usual_family(data))
    name = model or base.family
    if preset is not None and family(name).data != family(preset.family).data:
        raise UserError(f"the preset is for {preset.family}, and {name} is for {family(name).data}; leave out --preset")
    if begin is not None and model is None:
        from seriatim.training.run import open_model

        name = open_model(begin, "cpu").family
    if code is not None and code.width == 0 and not base.code and typed("code") - {"width"}:
        raise UserError("--code.levels and --code.filters mean nothing without --code.width; give it, e.g. 10")
    if begin is not None and base.code:
        raise UserError("--from brings its own code or none; leave out the preset of an auto-encoder")
    sizes = configs.parse(family(name).config, net, "net")
    groups = {"text": ("tokens", "data", "source"), "images": ("image", "code"), "audio": ("audio",)}
    for group in (group for kind, of in groups.items() if kind != family(name).data for group in of):
        for option in typed(group):
            raise UserError(f"--{group}.{option.replace('_', '-')} means nothing for {name}; leave it out")
    inherited = base.net if name == base.family else {}
    given = () if reading is None else tuple(part for word in reading.given for part in word.split(",") if part)
    return Plan(
        data=locate(data),
        family=name,
        net={**inherited, **sizes},
        tokens=_merged(tokens, TokenOptions, base.tokens, "tokens"),
        text=locate_source(dataclasses.replace(reading or TextOptions(), given=given), data),
        source=source or SourceOptions(),
        image=locate_own(_merged(image, ImageOptions, base.image, "image")),
        code=_merged(code, CodeOptions, base.code, "code"),
        audio=locate_own(_sounds(_merged(audio, AudioOptions, base.audio, "audio"))),
        train=_merged(training, TrainOptions, {**usual_training(name), **base.train}, "train"),
        begin=None if begin is None else str(begin),
    )


def _sounds(options: AudioOptions) -> AudioOptions:
    """With conditions that were written with commas between them."""
    names = tuple(part for word in options.conditions for part in word.split(",") if part)
    return dataclasses.replace(options, conditions=names)


def _alone(others: dict[str, object]) -> None:
    """Refuse what would be ignored beside --resume."""
    for option, value in others.items():
        if value:
            raise UserError(
                f"--{option} is given beside --resume, which takes everything but steps, epochs and device from the "
                "run; leave it out"
            )


def _study(study: Study, folder: Path, quiet: bool) -> int:
    from seriatim.training import run
    from seriatim.training import study as searching

    if study.kind == "folds":
        searching.cross_validate(study, folder, quiet)
        return 0
    return _finish(folder, run.start(searching.search(study, folder, quiet), folder, quiet=quiet))


def _resume(data: str | None, out: Path | None, training: TrainOptions | None, quiet: bool) -> int:
    if out is None:
        raise UserError("--resume needs to know the run; give --out RUN")
    from seriatim.training import run
    from seriatim.training.study import Study

    study = Study.under_way(out)
    if study is not None:
        _alone({f"train.{name}": True for name in typed("train")})
        return _study(study, out, quiet)
    plan, fingerprint = run.plan_of(out)
    if data is not None and plan.data not in (data, run.locate(data)):
        raise UserError(f"{out} was trained on {plan.data}, not on {data}; leave the data out, or train anew elsewhere")
    changed = {name: getattr(training, name) for name in typed("train") if training is not None}
    for name, value in changed.items():
        if name not in ("steps", "epochs", "device") and value != getattr(plan.train, name):
            raise UserError(
                f"--train.{name} was {getattr(plan.train, name)} in this run, and resuming changes nothing but steps, "
                "epochs and device; leave it out, or train anew with --from"
            )
    longer = {**({"epochs": None} if "steps" in changed else {}), **({"steps": None} if "epochs" in changed else {})}
    plan = dataclasses.replace(plan, train=dataclasses.replace(plan.train, **{**longer, **changed}))
    return _finish(out, run.resume(out, plan, fingerprint, quiet=quiet))


def _finish(folder: Path, trained: Trained) -> int:
    from seriatim.training.unit import Unit

    figures = [(Unit(key, 1).words, value) for key, value in trained.about.items() if key.startswith("validation_")]
    best = "".join(
        f", best validation {value:.4f} {words.removeprefix('validation ')} at step {trained.about['step']}"
        for words, value in figures
    )
    print(f"{folder}: {trained.family}{best}", file=sys.stderr)
    run = shlex.quote(str(folder))
    print(f"next: seriatim sample {run}   or   seriatim evaluate {run}", file=sys.stderr)
    return 0
