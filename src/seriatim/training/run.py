"""From data and options to a run's directory."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast, final

import torch

from seriatim import building, checkpoint
from seriatim import config as configs
from seriatim.data import Corpus, TextOptions
from seriatim.data.images import Gallery, ImageOptions
from seriatim.data.sounds import AudioOptions, Recordings
from seriatim.data.sources import has_fields
from seriatim.errors import Interrupted, UserError
from seriatim.exchange import import_hf, is_hf
from seriatim.likelihood import to_given
from seriatim.models import Model, family
from seriatim.opening import KINDS, Trained, open_run
from seriatim.symbols import Symbols
from seriatim.threads import one_thread
from seriatim.training.audio_task import AudioTask
from seriatim.training.image_task import ImageTask
from seriatim.training.loop import Hooks, Loop
from seriatim.training.meter import draw_curve
from seriatim.training.plan import Plan
from seriatim.training.task import Task
from seriatim.training.text_task import TextTask

Data = Corpus | Gallery | Recordings


def pick_device(name: str) -> str:
    """The device of that name, or the fastest there is for "auto".

    Raises:
        UserError: if it is not there.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(kind for kind in ("cuda", "mps", "cpu") if there[kind])
    kind = name.split(":")[0]
    if not there.get(kind, False):
        raise UserError(
            f"device {name!r} is not to be had here; there is {', '.join(k for k, ok in there.items() if ok)}"
        )
    return name


def locate(data: str | Path) -> str:
    """A path that exists as an absolute one, so that a run may be resumed from anywhere; a name as it is."""
    path = Path(data)
    return str(path.resolve()) if path.exists() else str(data)


_PATHS = ("labels", "maps", "vectors", "spans", "series")

T = TypeVar("T", ImageOptions, AudioOptions)


def locate_source(options: TextOptions, data: str | Path) -> TextOptions:
    """The file of sources likewise; the name of a field, or of a column of a table, stays one."""
    if options.source is None or has_fields(Path(data)):
        return options
    return dataclasses.replace(options, source=locate(options.source))


def locate_own(options: T) -> T:
    """The paths among the options of pictures, or of sound, likewise."""
    paths = {name: getattr(options, name) for name in _PATHS if hasattr(options, name)}
    return dataclasses.replace(options, **{name: path and locate(path) for name, path in paths.items()})


def default_folder(plan: Plan) -> Path:
    """runs/DATA-FAMILY, with a number behind it if that is taken."""
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(plan.data).stem if plan.data != "-" else "stdin") or "run"
    base = Path("runs") / f"{stem}-{plan.family}"
    folder, n = base, 2
    while folder.exists():
        folder, n = base.with_name(f"{base.name}-{n}"), n + 1
    return folder


def open_model(source: Path, device: str) -> Trained:
    """A run, or a Hugging Face directory that `seriatim export` has written."""
    return import_hf(source, device) if is_hf(source) else open_run(source, device)


@final
class Session:
    """A run being made: its data in symbols, its model, its loop."""

    def __init__(self, plan: Plan, folder: Path, data: Data | None = None, quiet: bool = False) -> None:
        self.plan, self.folder, self.quiet = plan, folder, quiet
        data = plan.open() if data is None else data
        if "train" not in data.splits:
            raise UserError(f"{plan.data} has no training split; it has {', '.join(data.splits)}")
        self.task: Task
        if isinstance(data, Corpus):
            self.task = TextTask(plan, folder, data)
        else:
            self.task = (ImageTask if isinstance(data, Gallery) else AudioTask)(plan, folder, cast(Any, data))
        self.device = pick_device(plan.train.device)

    def prepare(self, resume: bool) -> Loop:
        """Codecs, model and loop: learned from the training split, or read from the run."""
        plan, task = self.plan, self.task
        source = self.folder if resume else None if plan.begin is None else Path(plan.begin)
        if source is None:
            task.codecs = task.learn()
            task.model = self._fresh(task.codecs)
        else:
            loaded = open_model(source, self.device)
            if loaded.family != plan.family:
                raise UserError(
                    f"{source} holds a {loaded.family}, and a {plan.family} is asked for; leave out --model"
                )
            if not isinstance(loaded, KINDS[task.modality]):
                raise UserError(f"{source} and {plan.data} are not of one kind; start from a model of such data")
            task.model, task.codecs = loaded.model, loaded.codecs
        batches = task.batches()
        if source is None:
            first = batches.batch(0)
            task.model.initialise(torch.from_numpy(first.x).to(self.device), to_given(first.given, task.model.device))
        loop = Loop(
            task.model,
            batches,
            plan.train,
            self.folder,
            Hooks(task.validation(), self.keep, self._show),
            unit=task.unit(),
            quiet=self.quiet,
            note={"data": Path(plan.data).name, "note": task.note},
        )
        if resume:
            loop.resume()
        return loop

    def _fresh(self, codecs: Mapping[str, Symbols]) -> Model:
        follows = building.follows(codecs["x"])
        reserved = {*follows, "vector", "field", "memory"} & set(self.plan.net)
        if reserved:
            raise UserError(f"--net.{reserved.pop()} follows from the data; leave it out")
        config = configs.read(family(self.plan.family).config, {**self.task.sizes(), **self.plan.net, **follows}, "net")
        conditions = {name: codec for name, codec in codecs.items() if name != "x"}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.plan.train.seed)
            return building.build(self.plan.family, config, conditions, self.task.encoders(config)).to(self.device)

    def keep(self, about: dict[str, Any]) -> None:
        """Save the model as the run's."""
        task = self.task
        checkpoint.save(
            self.folder, task.model, task.codecs, family_name=self.plan.family, modality=task.modality, about=about
        )

    def _show(self, step: int) -> None:
        draw_curve(self.folder / "metrics.jsonl", self.folder / "curve.png", self.task.unit())
        if self.plan.train.samples:
            (self.folder / "samples").mkdir(exist_ok=True)
            with one_thread():
                self.task.show(step)


def start(plan: Plan, folder: Path, data: Data | None = None, quiet: bool = False) -> Trained:
    """Train a new run.

    Raises:
        UserError: if the folder already holds one, or the plan is impossible.
        Interrupted: after Ctrl-C, with everything saved.
    """
    if any((folder / name).exists() for name in ("model.json", "train", "metrics.jsonl")):
        raise UserError(f"{folder} already holds a run; go on with --resume, or choose another --out")
    session = Session(plan, folder, data, quiet)
    loop = session.prepare(resume=False)
    document = {"plan": plan.to_json(), "fingerprint": session.task.fingerprint}
    checkpoint.write_json(folder / "train" / "plan.json", document)
    return _begin(session, loop)


def _begin(session: Session, loop: Loop) -> Trained:
    """Save step 0, the model first: where there is a state there is a model."""
    said = [session.task.summary(), "" if session.plan.named else session.task.note]  # a named set's terms: data info
    if any(said) and not session.quiet:
        print(f"{session.plan.data}: {' '.join(part for part in said if part)}", file=sys.stderr)
    session.keep({"data": Path(session.plan.data).name, "step": 0})
    loop.save()
    return _run(session, loop)


def _run(session: Session, loop: Loop) -> Trained:
    try:
        loop.run()
    except Interrupted as stop:
        raise Interrupted(f"{stop}; {going_on(session.plan, session.folder)}") from None
    try:
        session.task.finish(session.quiet)
    except KeyboardInterrupt:
        go_on = going_on(session.plan, session.folder)
        raise Interrupted(f"trained and saved, but the codes' prior is not learned yet; {go_on}") from None
    return open_run(session.folder, session.device)


def going_on(plan: Plan, folder: Path) -> str:
    """How to take up what was stopped, as a command to paste."""
    again = " < TEXT, the same text" if plan.data == "-" else ""
    return f"go on with: seriatim train --out {shlex.quote(str(folder))} --resume{again}"


def plan_of(folder: Path) -> tuple[Plan, str]:
    """The plan of a run and the fingerprint of its data.

    Raises:
        UserError: if the folder holds no run that can be taken up.
    """
    path = folder / "train" / "plan.json"
    if not path.is_file():
        raise UserError(f"{folder} holds no run to resume ({path} is missing); train without --resume")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Plan.from_json(document["plan"], str(path)), str(document["fingerprint"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error}); train anew in another directory") from error


def resume(folder: Path, plan: Plan, fingerprint: str, data: Data | None = None, quiet: bool = False) -> Trained:
    """Go on with a run, as if it had never been interrupted.

    Raises:
        UserError: if the data has changed since, or the run is damaged.
    """
    session = Session(plan, folder, data, quiet)
    if session.task.fingerprint != fingerprint:
        raise UserError(f"{plan.data} has changed since this run began; restore it, or train anew in another --out")
    if not (folder / "train" / "state.json").is_file():  # killed before the first save
        return _begin(session, session.prepare(resume=False))
    return _run(session, session.prepare(resume=True))
