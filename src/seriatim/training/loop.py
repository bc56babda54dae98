"""The training loop: plain PyTorch, resumable bit for bit."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn

from seriatim import tree
from seriatim.data.batches import Batch, Batches
from seriatim.errors import Interrupted, UserError, tell
from seriatim.models import Model
from seriatim.models.likelihood import to_given
from seriatim.runs import files
from seriatim.training.loss import Loss
from seriatim.training.meter import Meter
from seriatim.training.observers import Board, Evaluation, Log, Observer, Step
from seriatim.training.optim import Average, learning_rate, optimiser_of
from seriatim.training.options import TrainOptions
from seriatim.training.pace import Pace
from seriatim.training.sizing import TENTH
from seriatim.training.stopping import stopping
from seriatim.training.unit import NATS_PER_TOKEN, Unit
from seriatim.walks.walk import Carry

_STILL = 0.02  # nats per position: what is almost certain varies more than it deviates


class DivergedError(UserError):
    """The loss is not finite or has diverged: the learning rate is too high."""


class Hooks(NamedTuple):
    """Callbacks of the loop.

    Attributes:
        validate: () -> nats per position on held-out data; None without any.
        keep: (about) -> None, saves the model as the run's best.
        show: (step) -> None, writes samples and pictures.
        marginal: () -> nats per position that an untrained model should have; None if it is trained.
    """

    validate: Callable[[], float] | None
    keep: Callable[[dict[str, Any]], None]
    show: Callable[[int], None]
    marginal: Callable[[], float] | None = None


@final
class Loop:
    """One training run.

    Everything that happens at step n is a function of the options and n, so saving the tensors and n saves the run:
    batches by (seed, step), dropout by (seed, step), the learning rate by n.
    """

    def __init__(
        self,
        model: Model,
        batches: Batches,
        options: TrainOptions,
        folder: Path,
        hooks: Hooks,
        *,
        unit: Unit = NATS_PER_TOKEN,
        quiet: bool = False,
        note: dict[str, Any] | None = None,
        fingerprint: str = "",  # of the data, saved with the state
        observers: Sequence[Observer] = (),
        fixed_threads: bool = True,  # whether the user chose their number
    ) -> None:
        self.fixed_threads = fixed_threads
        self.unit = unit
        self.model, self.batches, self.options, self.folder, self.hooks = model, batches, options, folder, hooks
        self.total = options.total(batches.per_epoch)
        self.every = options.evaluate_every or max(1, self.total // TENTH)
        self.optimiser = optimiser_of(model, options)
        self.average = Average(files.tensors_of(model), options.ema) if options.ema else None
        self.module: Any = Loss(model, options.smoothing)
        if options.compile:
            self.module = torch.compile(self.module)
        self.drops = model.drops() if options.drop_given is None else dict.fromkeys(model.drops(), options.drop_given)
        self.step, self.best, self.since_best = 0, math.inf, 0
        self.carry: Carry | None = None
        self.usual: tuple[float, float, int] | None = None  # level, deviation, high steps in a row
        self.epoch_sums = [0.0, 0.0, 0.0]  # nats, symbols, cells of the current epoch
        self.row_sums = [0.0, 0.0]  # nats, symbols, since the last row of metrics
        self.quiet, self.note, self.fingerprint, self.observers = quiet, note or {}, fingerprint, observers
        self._stop: int | None = None

    # ---------------------------------------------------------------- running

    def run(self) -> None:
        """Train to the end.

        Raises:
            Interrupted: after Ctrl-C or SIGTERM, with everything saved.
            DivergedError: if the loss is not a number or runs away.
        """
        meter = Meter(self.total, self.step, self.quiet)
        with contextlib.ExitStack() as stack:
            watching = self._watching(meter)
            for observer in watching:
                stack.callback(observer.close)
            began = time.perf_counter()
            with stopping(self._halt), self._pace(meter) as pace:
                if self.step == 0:
                    self._evaluate(watching)
                elif self._exhausted() and self.step < self.total:
                    meter.say(f"stopped early at step {self.step}; --resume --train.patience 0 goes on to the end")
                while self.step < self.total and not self._exhausted():
                    start = time.perf_counter()
                    symbols = self._advance()
                    self.step += 1
                    pace.after(time.perf_counter() - start)
                    event = self._event(symbols, round(time.perf_counter() - began, 3))
                    for observer in watching:
                        observer.on_step(event)
                    if self.step % self.every == 0 or self.step == self.total:
                        self._evaluate(watching)
                        if self._exhausted():
                            meter.say(f"no improvement for {self.since_best} evaluations: stopped at step {self.step}")
                    if self._stop is not None:
                        self.save()
                        raise Interrupted(f"stopped and saved at step {self.step}")

    def _pace(self, meter: Meter) -> Pace:
        """The threads of this run; on a GPU, or where the user chose, those that there are."""
        measured = self.model.device.type == "cpu" and not self.fixed_threads and not self.options.compile
        return Pace(self._trial, meter.say, self.total - self.step if measured else 0)

    def _trial(self) -> None:
        """A step that changes nothing."""
        carry, self.carry = self.carry, None
        self.model.train()
        with _noise(self.options.seed, self.step, self.model.device):
            self._forward(self.batches.batch(self.step * self.options.accumulate))[0].backward()
        self.optimiser.zero_grad()
        self.carry = carry

    def _watching(self, meter: Meter) -> list[Observer]:
        """The observers of steps and evaluations."""
        board = [Board(self.folder / "tensorboard")] if self.options.tensorboard else []
        return [Log(self.folder / "metrics.jsonl", self.step), *board, meter, *self.observers]

    def _event(self, symbols: int, seconds: float) -> Step:
        """The event of the step just taken; sums of rows that are due are reset."""
        loss = self.row_sums[0] / max(self.row_sums[1], 1) * self.unit.scale
        rate = float(self.optimiser.groups[0]["lr"])  # the one that was used, adamw's where there is muon too
        rows: list[dict[str, Any]] = []
        if self.step % max(1, self.every // 10) == 0 or self.step == self.total:
            rows.append({"step": self.step, f"train_{self.unit.key}": loss, "lr": rate, "seconds": seconds})
            self.row_sums = [0.0, 0.0]
        if self.step % self.batches.per_epoch == 0:
            rows.append(self._epoch_row())
        return Step(self.step, self.total, loss, self.unit, rate, symbols, tuple(rows))

    def _exhausted(self) -> bool:
        """Whether validation has not improved for `patience` evaluations."""
        return 0 < (self.options.patience or 0) <= self.since_best

    def _halt(self, number: int) -> None:
        self._stop = number
        tell("\nstopping after this step, to save; press again to stop at once")

    def _advance(self) -> int:
        """Take one optimiser step; returns its number of symbols."""
        options = self.options
        self.model.train()
        for group in self.optimiser.groups:
            group["lr"] = learning_rate(self.step, self.total, options, group["peak"])
        self.optimiser.zero_grad()
        loss_seen = 0.0
        first = self.step * options.accumulate
        batches = [self.batches.batch(first + part) for part in range(options.accumulate)]
        symbols = sum(int(batch.mask.sum()) for batch in batches)
        with _noise(options.seed, self.step, self.model.device):
            for batch in batches:
                loss, nats = self._forward(batch)
                value = float(nats)
                if not math.isfinite(value):
                    raise self._broken(f"the loss is {value}", batch)
                counted = int(batch.mask.sum())
                share = counted / symbols  # so that parts of unequal length weigh as in one large batch
                (loss * share).backward()
                loss_seen += value * share
                self.epoch_sums = [
                    a + b for a, b in zip(self.epoch_sums, (value * counted, counted, batch.cells), strict=True)
                ]
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), options.clip or math.inf)
        if not math.isfinite(float(norm)):
            raise self._broken(f"the gradient's norm is {float(norm)}", batches[-1])
        self._watch(loss_seen, batches[-1])
        self.optimiser.step()
        self.model.keep_bounds()
        if self.average is not None:
            self.average.update(files.tensors_of(self.model))
        self.row_sums = [self.row_sums[0] + loss_seen * symbols, self.row_sums[1] + symbols]
        return symbols

    def _forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        device = self.model.device
        x = self.model.symbols(batch.x)
        mask = torch.from_numpy(batch.mask).to(device)
        given: Any = to_given(batch.given, device)
        if given:
            given = {name: self._hide(value, self.drops[name]) for name, value in given.items()}
        if self.options.carry and (batch.fresh or self.carry is None):
            self.carry = Carry(x[:, 0], self.model.start(x.shape[0]))
        kind = torch.bfloat16 if self.options.precision == "bfloat16" else torch.float32
        with torch.autocast(device.type, kind, enabled=kind != torch.float32):
            first = 0 if self.options.compile else batch.first  # a compiler would make code for every number
            loss, nats, after = self.module(x, mask, given, self.carry if self.options.carry else None, first)
        if after is not None:
            self.carry = Carry(*tree.detach(tuple(after)))
        return loss, nats

    def _hide(self, value: Tensor, share: float) -> Tensor:
        hidden = torch.rand(len(value), device=value.device) < share
        hidden = hidden.view(-1, *[1] * (value.dim() - 1))  # a row as a whole
        return torch.where(hidden, torch.full_like(value, math.nan if value.is_floating_point() else -1), value)

    # ---------------------------------------------------------------- care

    def _watch(self, loss: float, batch: Batch) -> None:
        """Stop if the loss has left its usual range for three consecutive steps."""
        level, deviation, high = self.usual or (loss, 0.0, 0)
        limit = level + self.options.spike * max(deviation, 0.02 * abs(level), _STILL)
        high = high + 1 if self.step > 100 and loss > limit else 0
        if self.options.spike and high >= 3:
            usual, now = (value * self.unit.scale for value in (level, loss))
            raise self._broken(f"the loss has risen from about {usual:.3f} to {now:.3f} {self.unit.words}", batch)
        if not high:  # an outlier does not change the usual range
            deviation += 0.02 * (abs(loss - level) - deviation)
            level += 0.02 * (loss - level)
        self.usual = (level, deviation, high)

    def _broken(self, what: str, batch: Batch) -> DivergedError:
        held = self.folder / "train" / "state.json"
        rate = f" and --train.muon-lr ({self.options.muon_lr})" if self.options.optimiser == "muon" else ""
        back = f"the state of an earlier step is in {held.parent}" if held.exists() else "nothing has been saved yet"
        return DivergedError(
            f"{what} at step {self.step + 1} ({batch.origin}); lower --train.lr (now {self.options.lr}){rate}, "
            f"lengthen --train.warmup or lower --train.clip; {back}"
        )

    def _epoch_row(self) -> dict[str, Any]:
        nats, symbols, cells = self.epoch_sums
        self.epoch_sums = [0.0, 0.0, 0.0]
        scaled, key = nats * self.unit.scale, self.unit.key
        row = {
            "step": self.step,
            "epoch": self.step // self.batches.per_epoch,
            f"epoch_{key}": scaled / max(symbols, 1),
        }
        return {**row, f"epoch_padded_{key}": scaled / cells} if cells else row

    def _evaluate(self, watching: Sequence[Observer]) -> None:
        self.model.eval()
        with self._averaged():
            about: dict[str, Any] = {**self.note, "step": self.step}
            value, better = None, True
            if self.hooks.validate is not None:
                value = self.hooks.validate() * self.unit.scale
                better = value < self.best
                self.since_best = 0 if better else self.since_best + 1
                about[f"validation_{self.unit.key}"] = value
                self.best = min(self.best, value)
            if better:
                self.hooks.keep(about)
            marginal = None if self.step or self.hooks.marginal is None else self.hooks.marginal() * self.unit.scale
            event = Evaluation(self.step, value, self.unit, better, marginal)
            for observer in watching:
                observer.on_evaluation(event)
            if self.step == 0:
                return
            self.hooks.show(self.step)
        self.save()

    @contextlib.contextmanager
    def _averaged(self) -> Generator[None]:
        """The model with its averaged weights, if there are any."""
        if self.average is None:
            yield
            return
        own = {name: value.clone() for name, value in files.tensors_of(self.model).items()}
        files.assign(self.model, self.average.values)
        try:
            yield
        finally:
            files.assign(self.model, own)

    # ---------------------------------------------------------------- saving

    def save(self) -> None:
        """Save everything that the next step needs."""
        tensors = {f"model.{name}": value for name, value in files.tensors_of(self.model).items()}
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimiser.state(parameter).items():
                tensors[f"optimiser.{name}.{key}"] = value
        if self.average is not None:
            tensors.update({f"average.{name}": value for name, value in self.average.values.items()})
        held = None if self.carry is None else tuple(self.carry)
        tensors.update({f"carry.{i}": value for i, value in enumerate(tree.leaves(held))})
        document = {
            "format": files.FORMAT,
            "version": files.VERSION,
            "fingerprint": self.fingerprint,
            "step": self.step,
            "best": self.best if math.isfinite(self.best) else None,
            "since_best": self.since_best,
            "usual": self.usual,
            "epoch_sums": self.epoch_sums,
            "row_sums": self.row_sums,
            "updates": 0 if self.average is None else self.average.updates,
            "clocks": tree.clocks(held),
            "carried": held is not None,
        }
        files.commit(self.folder / "train", "state", tensors, document)
        files.tidy(self.folder / "train", "state")  # nobody reads it while the run goes on

    def resume(self) -> None:
        """Continue from what `save` wrote.

        Raises:
            UserError: if there is nothing to continue from, or it belongs to another model.
        """
        document, path = files.open_pair(self.folder / "train", "state")
        tensors = files.load_tensors(path, str(self.model.device))
        own = files.tensors_of(self.model)
        try:
            files.assign(self.model, {name: tensors[f"model.{name}"] for name in own})
            for name, parameter in self.model.named_parameters():
                prefix = f"optimiser.{name}."
                found = {key.removeprefix(prefix): v for key, v in tensors.items() if key.startswith(prefix)}
                if found:
                    self.optimiser.restore(parameter, found)
            if self.average is not None:
                self.average.values = {name: tensors[f"average.{name}"].clone() for name in own}
                self.average.updates = files.count_of(document, "updates")
            self.step, self.since_best = (files.count_of(document, name) for name in ("step", "since_best"))
            self.best = math.inf if document["best"] is None else float(document["best"])
            if document["usual"] is not None:
                level, deviation, high = files.numbers_of(document, "usual", 3)
                self.usual = level, deviation, int(high)
            self.epoch_sums = files.numbers_of(document, "epoch_sums", 3)
            self.row_sums = files.numbers_of(document, "row_sums", 2)
            if document["carried"]:
                self.carry = self._carry_from(tensors, [int(clock) for clock in document["clocks"]])
        except (KeyError, TypeError, ValueError, IndexError, RuntimeError, OverflowError) as error:
            raise UserError(
                f"{path.parent} does not fit this model ({error}); start a new run in another folder"
            ) from error

    def _carry_from(self, tensors: dict[str, Tensor], clocks: list[int]) -> Carry:
        leaves = [tensors[f"carry.{i}"] for i in range(sum(name.startswith("carry.") for name in tensors))]
        batch = leaves[0].shape[0]
        like = (self.model.blank(batch), self.model.start(batch))
        return Carry(*tree.rebuild(like, leaves, clocks))


@contextlib.contextmanager
def _noise(seed: int, step: int, device: torch.device) -> Generator[None]:
    """Make dropout a function of (seed, step); the caller's generators are left unchanged."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed((seed * 1_000_003 + step * 7_919 + 1) % 2**63)
        yield
