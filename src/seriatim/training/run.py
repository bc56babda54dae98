"""From data and options to a run's directory."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import torch

from seriatim import checkpoint
from seriatim import config as configs
from seriatim.data import Corpus, Document, TextOptions, folds, open_corpus
from seriatim.data.batches import Batches, Crops, Streams
from seriatim.data.tokens import Tokens, tokenize
from seriatim.errors import Interrupted, UserError
from seriatim.exchange import import_hf, is_hf
from seriatim.models import Model, family
from seriatim.symbols import Labels, Numbers, Symbols, Tokenizer, train_tokenizer
from seriatim.text import TextModel
from seriatim.training.loop import UNIT, Hooks, Loop
from seriatim.training.meter import draw_curve
from seriatim.training.options import TokenOptions, TrainOptions
from seriatim.training.validate import Validation


@final
@dataclass(frozen=True)
class Plan:
    """Everything that decides a run.

    Attributes:
        data: a path or the name of a data set.
        family: a key of `seriatim.models.FAMILIES`.
        net: fields of the family's config; `symbols`, `vector` and `start` follow from the data.
        tokens: how text becomes symbols.
        text: how data is read and divided.
        train: how it is trained.
        begin: a run whose weights and codecs to start from.
        fold: (i, k): train for the i-th of k folds of cross-validation, from 0.
    """

    data: str
    family: str = "transformer"
    net: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tokens: TokenOptions = field(default_factory=TokenOptions)
    text: TextOptions = field(default_factory=TextOptions)
    train: TrainOptions = field(default_factory=TrainOptions)
    begin: str | None = None
    fold: tuple[int, int] | None = None

    def open(self) -> Corpus:
        """The data, divided as this run divides it."""
        corpus = open_corpus(self.data, self.text)
        return corpus if self.fold is None else folds(corpus, self.fold[1])[self.fold[0]]

    def to_json(self) -> dict[str, Any]:
        """As written into the run."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any], where: str) -> Plan:
        """The reverse of `to_json`.

        Raises:
            UserError: naming the key that is wrong.
        """
        known = set(document) == {f.name for f in dataclasses.fields(cls)}
        if not known or not all(isinstance(document[name], dict) for name in ("net", "tokens", "text", "train")):
            raise UserError(f"{where} is not what `seriatim train` has written; train anew")
        return cls(
            data=str(document["data"]),
            family=str(document["family"]),
            net=document["net"],
            tokens=configs.read(TokenOptions, document["tokens"], f"{where}: tokens"),
            text=configs.read(TextOptions, document["text"], f"{where}: text"),
            train=configs.read(TrainOptions, document["train"], f"{where}: train"),
            begin=None if document["begin"] is None else str(document["begin"]),
            fold=None if document["fold"] is None else (int(document["fold"][0]), int(document["fold"][1])),
        )


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


def default_folder(plan: Plan) -> Path:
    """runs/DATA-FAMILY, with a number behind it if that is taken."""
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(plan.data).stem if plan.data != "-" else "stdin") or "run"
    base = Path("runs") / f"{stem}-{plan.family}"
    folder, n = base, 2
    while folder.exists():
        folder, n = base.with_name(f"{base.name}-{n}"), n + 1
    return folder


def _condition_codecs(documents: Sequence[Document], names: Sequence[str]) -> dict[str, Labels | Numbers]:
    """A codec for each condition, learned from the training split: numbers if every value is one."""
    codecs: dict[str, Labels | Numbers] = {}
    for name in names:
        values = [v for v in (d.given.get(name) for d in documents) if v is not None]
        if not values:
            raise UserError(f"condition {name!r} has no value in the training split; leave it out of --data.given")
        numeric = all(isinstance(v, int | float) for v in values)
        codecs[name] = Numbers.train(values) if numeric else Labels.train([str(v) for v in values])
    return codecs


def open_model(source: Path, device: str) -> TextModel:
    """A run, or a Hugging Face directory that `seriatim export` has written."""
    return import_hf(source, device) if is_hf(source) else TextModel.load(source, device)


@final
class Session:
    """A run being made: its data in symbols, its model, its loop."""

    def __init__(self, plan: Plan, folder: Path, corpus: Corpus | None = None, quiet: bool = False) -> None:
        self.plan, self.folder, self.quiet = plan, folder, quiet
        self.corpus = plan.open() if corpus is None else corpus
        if "train" not in self.corpus.splits:
            raise UserError(f"{plan.data} has no training split; it has {', '.join(self.corpus.splits)}")
        self.device = pick_device(plan.train.device)

    def prepare(self, resume: bool) -> Loop:
        """Tokenizer, symbols, model and loop: learned from the training split, or read from the run."""
        plan, documents = self.plan, self.corpus.splits["train"]
        source = self.folder if resume else None if plan.begin is None else Path(plan.begin)
        if source is None:
            blocks: Iterator[str] = (block for document in documents for block in document.blocks())
            tokens = plan.tokens
            tokenizer = train_tokenizer(tokens.kind, blocks, tokens.policy(), tokens.size, tokens.min_count)
            codecs: dict[str, Symbols] = {"x": tokenizer, **_condition_codecs(documents, plan.text.given)}
            model = self._fresh(tokenizer, codecs)
        else:
            loaded = open_model(source, self.device)
            model, tokenizer = loaded.model, loaded.tokenizer
            codecs = {"x": tokenizer, **loaded.conditions}
            if loaded.family != plan.family:
                raise UserError(
                    f"{source} holds a {loaded.family}, and a {plan.family} is asked for; leave out --model"
                )
        self.codecs, self.model, self.tokenizer = codecs, model, tokenizer
        self.train = self._tokens("train", strict=True)
        loop = Loop(
            model,
            self._batches(self.train),
            plan.train,
            self.folder,
            self._hooks(),
            quiet=self.quiet,
            note={"data": Path(plan.data).name, "note": self.corpus.note},
        )
        if resume:
            loop.resume()
        return loop

    def _fresh(self, tokenizer: Tokenizer, codecs: Mapping[str, Symbols]) -> Model:
        reserved = {"symbols", "vector", "start"} & set(self.plan.net)
        if reserved:
            raise UserError(f"--net.{reserved.pop()} follows from the data; leave it out")
        follows = {"symbols": tokenizer.size, "start": tokenizer.end}
        config = configs.read(family(self.plan.family).config, {**self.plan.net, **follows}, "net")
        conditions = {name: codec for name, codec in codecs.items() if name != "x"}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.plan.train.seed)
            return checkpoint.build(self.plan.family, config, conditions).to(self.device)

    def _tokens(self, split: str, strict: bool) -> Tokens:
        conditions = {name: codec for name, codec in self.codecs.items() if isinstance(codec, Labels | Numbers)}
        return tokenize(
            self.corpus.splits[split],
            self.tokenizer,
            conditions,
            truncate=self.plan.train.truncate,
            folder=self.folder / "train" / "tokens" / split,
            strict_given=strict,
        )

    def _batches(self, tokens: Tokens) -> Batches:
        options, length = self.plan.train, self.model.config.context
        if options.carry:
            if self.model.config.horizon is not None:
                raise UserError(f"--train.carry is for recurrent models; a {self.plan.family} has no state to carry")
            if options.accumulate > 1:
                raise UserError("--train.carry and --train.accumulate do not go together; raise --train.batch instead")
            return Streams(tokens, length, options.batch)
        if len(tokens.symbols) <= length:
            raise UserError(
                f"the training text has {len(tokens.symbols)} symbols, and a piece has {length} (--net.context); "
                "give more text or a shorter context"
            )
        return Crops(tokens, length, options.batch, options.seed)

    def _hooks(self) -> Hooks:
        validate = None
        if "validation" in self.corpus.splits:
            validate = Validation(
                self.model, self._tokens("validation", strict=False), self.plan.train.evaluate_symbols
            )
        return Hooks(validate, self._keep, self._show)

    def _keep(self, about: dict[str, Any]) -> None:
        checkpoint.save(
            self.folder, self.model, self.codecs, family_name=self.plan.family, modality="text", about=about
        )

    def _show(self, step: int) -> None:
        draw_curve(self.folder / "metrics.jsonl", self.folder / "curve.png", UNIT)
        options = self.plan.train
        if not options.samples:
            return
        text = TextModel(self.model, self.codecs)
        samples = text.sample(options.prompt, options.samples, max_length=400, seed=step)
        folder = self.folder / "samples"
        folder.mkdir(exist_ok=True)
        rule = "\n" + "-" * 72 + "\n"
        (folder / f"step-{step:06d}.txt").write_text(rule.join(map(str, samples)) + "\n", encoding="utf-8")


def start(plan: Plan, folder: Path, corpus: Corpus | None = None, quiet: bool = False) -> TextModel:
    """Train a new run.

    Raises:
        UserError: if the folder already holds one, or the plan is impossible.
        Interrupted: after Ctrl-C, with everything saved.
    """
    if any((folder / name).exists() for name in ("model.json", "train", "metrics.jsonl")):
        raise UserError(f"{folder} already holds a run; go on with --resume, or choose another --out")
    session = Session(plan, folder, corpus, quiet)
    loop = session.prepare(resume=False)
    document = {"plan": plan.to_json(), "fingerprint": session.corpus.fingerprint}
    checkpoint.write_json(folder / "train" / "plan.json", document)
    return _begin(session, loop)


def _begin(session: Session, loop: Loop) -> TextModel:
    """Save step 0, the model first: where there is a state there is a model."""
    session._keep({"data": Path(session.plan.data).name, "step": 0})
    loop.save()
    return _run(session, loop)


def _run(session: Session, loop: Loop) -> TextModel:
    try:
        loop.run()
    except Interrupted as stop:
        raise Interrupted(f"{stop}; {going_on(session.plan, session.folder)}") from None
    return TextModel.load(session.folder, session.device)


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


def resume(folder: Path, plan: Plan, fingerprint: str, corpus: Corpus | None = None, quiet: bool = False) -> TextModel:
    """Go on with a run, as if it had never been interrupted.

    Raises:
        UserError: if the data has changed since, or the run is damaged.
    """
    session = Session(plan, folder, corpus, quiet)
    if session.corpus.fingerprint != fingerprint:
        raise UserError(f"{plan.data} has changed since this run began; restore it, or train anew in another --out")
    if not (folder / "train" / "state.json").is_file():  # killed before the first save
        return _begin(session, session.prepare(resume=False))
    return _run(session, session.prepare(resume=True))
