"""From data and options to a run's directory."""

from __future__ import annotations

import dataclasses
import re
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast, final

import torch

from seriatim import config as configs
from seriatim.drawing.curves import draw_curve
from seriatim.errors import Interrupted, UserError, tell
from seriatim.heads import CategoricalHead
from seriatim.heads.base import entropy
from seriatim.modality import modalities
from seriatim.models import Model, family
from seriatim.models.likelihood import to_given
from seriatim.runs import building, checkpoint, files
from seriatim.runs.folder import writing
from seriatim.runs.hollow import hollow
from seriatim.runs.opening import open_run, pick_device
from seriatim.runs.trained import Trained
from seriatim.symbols import Symbols
from seriatim.training import checkpointing
from seriatim.training.fit import Fit
from seriatim.training.loop import Hooks, Loop
from seriatim.training.observers import Observer, read
from seriatim.training.options import TrainOptions
from seriatim.training.plan import IN_MEMORY, STANDARD_INPUT, Data, Plan, check_family
from seriatim.training.settings import read as read_settings
from seriatim.training.settings import text_of
from seriatim.training.sizing import Sizing, check_weights, free_memory, settle
from seriatim.training.task import Task
from seriatim.walks.threads import one_thread

_CURVES = 10.0  # seconds from one drawing of the learning curve to the next
CONFIG = "config.toml"
"""The plan of a run, which `seriatim train --config` repeats."""

Net = Model | Callable[[Mapping[str, Symbols]], Model]
"""A model that the caller has composed, or a function that makes it from the codecs: {"x": tokenizer, …}."""


@final
@dataclass(frozen=True)
class Means:
    """What a run has besides its plan: Python objects, which no file holds.

    Attributes:
        data: opened already, instead of what the plan names.
        net: a composed model, of the family `custom`.
        quiet: no progress.
        observers: are told of steps and evaluations.
        fixed_threads: keep the number of CPU threads, which is measured otherwise.
    """

    data: Data | None = None
    net: Net | None = None
    quiet: bool = False
    observers: Sequence[Observer] = ()
    fixed_threads: bool = False


def usual_folder(plan: Plan) -> Path:
    """runs/DATA-FAMILY."""
    special = {STANDARD_INPUT: "stdin", IN_MEMORY: "memory"}
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", special.get(plan.data) or Path(plan.data).stem) or "run"
    return Path("runs") / f"{stem}-{plan.family}"


def default_folder(plan: Plan) -> Path:
    """The usual folder, with a number after it if that is taken."""
    base = usual_folder(plan)
    folder, n = base, 2
    while folder.exists():
        folder, n = base.with_name(f"{base.name}-{n}"), n + 1
    return folder


def open_model(folder: Path, device: str, net: Model | None = None) -> Trained:
    """A run, or a model that another program has saved in a form that a wing knows."""
    for each in modalities():
        found = each.foreign(folder, device)
        if found is not None:
            return found
    return open_run(folder, device, net)


@final
class Session:
    """A run being made: its data in symbols, its model, its loop."""

    sizing: Sizing | None = None
    _curve_lacks = False  # an evaluation has come since it was drawn

    def __init__(self, plan: Plan, folder: Path, means: Means | None = None) -> None:
        self.plan, self.folder, self.means = plan, folder, means or Means()
        if plan.family != checkpoint.CUSTOM:
            check_family(plan.family, plan.modality, plan.data, "--model" if plan.begin is None else "--from")
        for name in plan.modality.refuses:
            if getattr(plan.train, name) != getattr(TrainOptions, name):
                raise UserError(f"--train.{name} does not apply to {plan.modality.words}; leave it out")
        data = plan.open() if self.means.data is None else self.means.data
        if "train" not in data.splits:
            raise UserError(f"{plan.data} has no training split; it has {', '.join(data.splits)}")
        self.task: Task = plan.modality.task()(plan, folder, data)
        self.device = pick_device(plan.train.device)
        self._curve_due = time.monotonic() + _CURVES

    def prepare(self, resume: bool) -> Loop | Fit:
        """Codecs, model and loop: learned from the training split, or read from the run."""
        plan, task = self.plan, self.task
        begin = self.folder if resume else None if plan.begin is None else Path(plan.begin)
        if begin is None:
            task.codecs = task.learn()
            task.model = self._fresh(task.codecs)
        else:
            self._loaded(begin)
        if plan.family != checkpoint.CUSTOM and family(plan.family).of(plan.kind).linear:
            return self._fit()
        if plan.train.checkpointing:
            checkpointing.enable(task.model)
        self._settle()
        plan = self.plan
        if plan.train.drop_given and task.codecs.keys() == {"x"}:
            raise UserError("--train.drop-given is for models with conditions, and this one has none; leave it out")
        batches, counts = task.batches(), cache(self._counts)
        if begin is None:
            first, device = batches.batch(0), task.model.device
            x, mask = task.model.symbols(first.x), torch.from_numpy(first.mask).to(device)
            task.model.initialise(x, to_given(first.given, device), counts(), mask)
        marginal = None
        if plan.begin is None and not task.model.head.real:
            marginal = lambda: entropy(cast(torch.Tensor, counts()), task.model.head.parts)  # noqa: E731
        loop = Loop(
            task.model,
            batches,
            plan.train,
            self.folder,
            Hooks(task.validation(), self.keep, self._show, marginal),
            unit=task.unit(),
            quiet=self.means.quiet,
            note={"data": Path(plan.data).name, "note": task.note},
            fingerprint=task.fingerprint,
            observers=self.means.observers,
            fixed_threads=self.means.fixed_threads,
        )
        if resume:
            loop.resume()
        return loop

    def _fit(self) -> Fit:
        """The fit of a linear family."""
        task, train, device = self.task, self.plan.train, torch.device(self.device)
        for name in ("steps", "epochs", "batch", "accumulate", "checkpointing", "compile"):
            if getattr(train, name) != getattr(TrainOptions, name):
                raise UserError(
                    f"--train.{name} does not apply to {self.plan.family}, which is fitted to all data at once by "
                    "maximum likelihood; leave it out"
                )
        task.model.double()

        def data() -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
            whole = task.whole()
            mask = torch.from_numpy(whole.mask).to(device)
            return task.model.symbols(whole.x), to_given(whole.given, device), mask

        hooks = Hooks(task.validation(), self.keep, self._show)
        note = {"data": Path(self.plan.data).name, "note": task.note}
        return Fit(task.model, data, self.folder, hooks, task.unit(), self.means.quiet, note)

    def _counts(self) -> torch.Tensor | None:
        """How often each symbol occurs in the training split; None for real values."""
        found = self.task.counts()
        return None if found is None else torch.from_numpy(found)

    def _settle(self) -> None:
        """Set what the user has left open; a resumed run has it in its plan."""
        model = self.task.model
        self.sizing = settle(
            self.plan.train, self.task.usual_batch, self.task.batches, model, free_memory(model.device)
        )
        self.plan = self.task.plan = dataclasses.replace(self.plan, train=self.sizing.options)

    def _loaded(self, begin: Path) -> None:
        """The model and the codecs of a run."""
        plan, net = self.plan, self.means.net
        if plan.family == checkpoint.CUSTOM and net is not None and not isinstance(net, Model):
            net = net(self.task.learn())
        loaded = open_model(begin, self.device, net if isinstance(net, Model) else None)
        if loaded.family != plan.family:
            raise UserError(f"{begin} holds a {loaded.family}, and a {plan.family} is asked for; leave out --model")
        if loaded.kind != plan.kind:
            raise UserError(f"{begin} and {plan.data} are not of one kind; start from a model of such data")
        self.task.model, self.task.codecs = loaded.model, loaded.codecs
        if plan.begin is not None and plan.net:
            self.task.model = building.changed(loaded.model, plan.family, loaded.conditions, plan.net)

    def _fresh(self, codecs: Mapping[str, Symbols]) -> Model:
        if self.plan.family == checkpoint.CUSTOM:
            return self._composed(codecs)
        follows = building.follows(self.plan.kind, codecs["x"])
        reserved = {*follows, *building.PARTS} & set(self.plan.net)
        if reserved:
            raise UserError(f"--net.{reserved.pop()} follows from the data; leave it out")
        wanted = family(self.plan.family).of(self.plan.kind).config
        usual = {**building.suited(wanted, follows, self.task.small), **self.task.sizes()}
        config = configs.read(wanted, {**usual, **self.plan.net, **follows}, "net")
        default = {field.name: field.default for field in dataclasses.fields(config)}
        own = self.plan.net
        self.task.suits = {k: v for k, v in usual.items() if k not in own and v != default[k]}
        conditions = {name: codec for name, codec in codecs.items() if name != "x"}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.plan.train.seed)
            encoders = self.task.encoders(config)

            def make() -> Model:
                return building.build(self.plan.family, config, conditions, encoders)

            check_weights(hollow(make), self.plan.train, free_memory(torch.device(self.device)))
            return make().to(self.device)

    def _composed(self, codecs: Mapping[str, Symbols]) -> Model:
        """The caller's own model."""
        net = self.means.net
        if net is None:
            raise UserError("a model of the family custom is composed in Python; give it to seriatim.train")
        if self.plan.net:
            raise UserError("sizes (net=…) are for families; this model has its own, leave them out")
        model = net(codecs) if callable(net) and not isinstance(net, torch.nn.Module) else net
        if not isinstance(model, Model):
            kind = type(model).__name__
            raise UserError(f"expected a family, a seriatim.Model or a function of codecs that makes one; got {kind}")
        if unread := [name for name in codecs if name != "x" and name not in getattr(model, "names", ())]:
            raise UserError(
                f"the data has the condition {unread[0]!r}, which the model does not take; wrap it in "
                "seriatim.models.Conditional, or leave the condition out"
            )
        size, width = codecs["x"].size, model.head.width
        if isinstance(model.head, CategoricalHead) and width != size:
            raise UserError(
                f"the model's head has {width} symbols and the codec of the data {size}; give a function of the codecs "
                "that makes the model, such as lambda codecs: …"
            )
        return model.to(self.device)

    def keep(self, about: dict[str, Any]) -> None:
        """Save the model as the run's."""
        task = self.task
        checkpoint.save(self.folder, task.model, task.codecs, self.plan.family, self.plan.kind, about)

    def _show(self, step: int) -> None:
        self._curve_lacks = True
        if time.monotonic() >= self._curve_due:
            self.draw_curve()
        if self.plan.train.samples:
            (self.folder / "samples").mkdir(exist_ok=True)
            with one_thread():
                self.task.show(step)

    def draw_curve(self) -> None:
        """The learning curve, if an evaluation is not in it. A picture is not worth a run: a failure is only told."""
        if not self._curve_lacks:
            return
        unit = self.task.unit()
        try:
            draw_curve(read(self.folder / "metrics.jsonl"), self.folder / "curve.png", unit.key, unit.words)
        except Exception as error:
            tell(f"curve.png was not drawn: {error}")
        self._curve_lacks, self._curve_due = False, time.monotonic() + _CURVES


def start(plan: Plan, folder: Path, means: Means | None = None) -> Trained:
    """Train a new run.

    Raises:
        UserError: if the folder already holds one, or the plan is impossible; nothing is left behind then.
        Interrupted: after Ctrl-C, with everything saved.
    """
    with writing(folder):
        if (folder / CONFIG).exists():
            raise UserError(f"{folder} already holds a run; go on with --resume, or choose another --out")
        for name in ("model.json", "metrics.jsonl"):
            if (folder / name).exists():
                raise UserError(f"{folder} holds {name}, which is not of a new run; choose another --out")
        session = Session(plan, folder, means)
        loop = session.prepare(resume=False)
        files.write_text(folder / CONFIG, text_of(session.plan.settings()))
        return _begin(session, loop)


def _begin(session: Session, loop: Loop | Fit) -> Trained:
    """Save step 0, the model first: where there is a state there is a model."""
    if not session.means.quiet:
        for line in (*session.task.opening(), *([] if session.sizing is None else [str(session.sizing)])):
            tell(line)
    session.keep({"data": Path(session.plan.data).name, "step": 0})
    loop.save()
    return _run(session, loop)


def _run(session: Session, loop: Loop | Fit) -> Trained:
    try:
        loop.run()
    except Interrupted as stop:
        raise Interrupted(f"{stop}; {going_on(session.plan, session.folder)}") from None
    finally:
        files.tidy(session.folder, "model")
        checkpointing.disable(session.task.model)
        session.draw_curve()
    try:
        session.task.finish(session.means.quiet)
    except KeyboardInterrupt:
        go_on = going_on(session.plan, session.folder)
        raise Interrupted(f"trained and saved, but the codes' prior is not learned yet; {go_on}") from None
    own = session.task.model if session.plan.family == checkpoint.CUSTOM else None
    return open_run(session.folder, session.device, own)


def going_on(plan: Plan, folder: Path) -> str:
    """How to take up what was stopped, as a command to paste."""
    if plan.data == IN_MEMORY or plan.family == checkpoint.CUSTOM:
        return f"go on with: seriatim.train(…, out={str(folder)!r}, resuming=True), the same arguments"
    again = " < TEXT, the same text" if plan.data == STANDARD_INPUT else ""
    return f"go on with: seriatim train --out {shlex.quote(str(folder))} --resume{again}"


def plan_of(folder: Path) -> tuple[Plan, str]:
    """The plan of a run and the fingerprint of its data; an empty one if nothing has been saved yet.

    Raises:
        UserError: if the folder holds no run that can be taken up.
    """
    path = folder / CONFIG
    if not path.is_file():
        other = " in another --out" if (folder / "model.json").exists() else ""
        raise UserError(f"{folder} holds no run to resume ({path} is missing); train without --resume{other}")
    return Plan.of(read_settings(path), str(path)), files.peek(folder / "train", "state").get("fingerprint", "")


def resume(folder: Path, plan: Plan, fingerprint: str, means: Means | None = None) -> Trained:
    """Go on with a run, as if it had never been interrupted.

    Raises:
        UserError: if the data has changed since, or the run is damaged.
    """
    with writing(folder):
        session = Session(plan, folder, means)
        if not (folder / "train" / "state.json").is_file():  # killed before the first save
            return _begin(session, session.prepare(resume=False))
        if session.task.fingerprint != fingerprint:
            raise UserError(f"{plan.data} has changed since this run began; restore it, or train anew in another --out")
        return _run(session, session.prepare(resume=True))
