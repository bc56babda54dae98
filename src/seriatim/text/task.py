"""Training on text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal, cast, final

import numpy as np
from numpy.typing import NDArray

from seriatim.conditioning import TextConfig
from seriatim.data.batches import Batches
from seriatim.data.ragged import Ragged
from seriatim.errors import UserError
from seriatim.symbols import Labels, Numbers, Symbols
from seriatim.text.conditions import lacking, of_documents
from seriatim.text.data.corpus import SOURCE, Corpus, Document, sources_of
from seriatim.text.data.crops import Crops, Streams
from seriatim.text.data.tokens import Tokens, tokenize
from seriatim.text.model import TextModel
from seriatim.text.options import SourceOptions, TextOptions, TokenOptions
from seriatim.text.tokenizers import Tokenizer, train_tokenizer
from seriatim.text.validate import Validation
from seriatim.training.plan import Plan
from seriatim.training.task import Task, conditions_in_words, missing_in_words, unheard_in_words
from seriatim.training.unit import NATS_PER_TOKEN, Unit

_SHORT = 32  # characters of a pair shown before training
_SHOWN = 4  # pairs of which samples are written during training
_MOSTLY = 10  # a condition of which nine values in ten are numbers is meant as a number
_ROOM = 2  # allowed length of sources and targets, relative to the longest of the training split
_SMALL = 2**17  # symbols


@final
class TextTask(Task):
    """Training on text: a tokenizer, crops or streams of symbols (pairs are whole), samples as text files."""

    def __init__(self, plan: Plan, folder: Path, corpus: Corpus) -> None:
        super().__init__(plan, folder, corpus)
        self.corpus = corpus
        self._held: dict[str, Tokens] = {}

    def summary(self) -> str:
        """The documents, their length, the vocabulary and the conditions; for pairs the vocabulary of each side."""
        if SOURCE not in self.codecs:
            return self._summary_of_texts()
        each = [f"{len(documents):,} {side}" for side, documents in self.corpus.splits.items()]
        sizes = f"{self._source.size:,} symbols of sources, {self.codecs['x'].size:,} of targets"
        held = self.corpus.splits.get("validation", ())
        strange = sum(map(self._source.unseen, sources_of(held)))
        unseen = f" {strange:,} symbols of the validation sources are not in the training text." if strange else ""
        first = self.corpus.splits["train"][0]
        shown = " → ".join(repr(_short(text)) for text in (str(first.given[SOURCE]), first.text()))
        return f"pairs: {', '.join(each)}, such as {shown}; {sizes}.{unseen}"

    def _summary_of_texts(self) -> str:
        each: list[str] = []
        for side, documents in self.corpus.splits.items():
            characters = sum(document.measure.characters for document in documents)
            each.append(f"{len(documents):,} {side} ({characters:,} characters)")
        tokenizer, tokens = cast(Tokenizer, self.codecs["x"]), self._tokens("train", strict=True)
        known = f"{len(tokens.symbols):,} training symbols, {tokenizer.size:,} in the vocabulary ({tokenizer.kind})"
        seen = conditions_in_words(self.codecs, {"": "the fields of the records"})
        held = self.corpus.splits.get("validation", ())
        codecs = TextModel(self.model, self.codecs).given_codecs
        absent = missing_in_words(lacking(codecs, self.corpus.splits["train"]), "documents")
        unheard = f"{absent} {unheard_in_words(lacking(codecs, held), 'documents')}".strip()
        strange = sum(tokenizer.unseen(block) for document in held for block in document.blocks())
        unknown = f" {strange:,} symbols of the validation text are not in the training text." if strange else ""
        return f"documents: {', '.join(each)}; {known}; {seen}{unknown} {unheard}".strip()

    @property
    def _source(self) -> Tokenizer:
        return cast(Tokenizer, self.codecs[SOURCE])

    def learn(self) -> dict[str, Symbols]:
        """The codecs: a tokenizer, another for sources if there are any, and one per condition."""
        documents, options = self.corpus.splits["train"], self.plan.group(SourceOptions)

        def texts() -> Iterator[str]:
            return (block for document in documents for block in document.blocks())

        codecs = _condition_codecs(documents, self.plan.group(TextOptions).given)
        if not self.corpus.paired:
            if options != SourceOptions():
                raise UserError(f"--source.… is for pairs, but {self.plan.data} has texts only; leave it out")
            return {"x": self._tokenizer(texts()), **codecs}
        if options.shared:
            both = self._tokenizer(chain(texts(), sources_of(documents)))
            return {"x": both, SOURCE: both, **codecs}
        return {"x": self._tokenizer(texts()), SOURCE: self._tokenizer(sources_of(documents)), **codecs}

    def _tokenizer(self, texts: Iterator[str]) -> Tokenizer:
        tokens = self.plan.group(TokenOptions)
        return train_tokenizer(tokens.kind, texts, tokens.policy(), tokens.size, tokens.min_count)

    def sizes(self) -> dict[str, Any]:
        """For pairs: a context for the longest target, with a margin for longer ones to come."""
        if not self.corpus.paired:
            return {}
        return {"context": _ROOM * max(2, int(np.diff(self._tokens("train", strict=True).bounds).max()))}

    def encoders(self, config: Any) -> dict[str, Any]:
        """The sizes of the encoder of sources. Default: those of the model."""
        if SOURCE not in self.codecs:
            return {}
        options, tokens = self.plan.group(SourceOptions), self._tokens("train", strict=True)
        usual: dict[str, Literal["lstm", "gru", "transformer", "bytenet"]] = {
            "gru": "gru", "transformer": "transformer", "bytenet": "bytenet",
        }  # fmt: skip
        kind = usual.get(self.plan.family, "lstm") if options.encoder == "auto" else options.encoder
        sources = cast(Ragged, tokens.given[SOURCE]).lengths
        targets = np.diff(tokens.bounds)
        stretch, offset = _fitted(sources, targets) if kind == "bytenet" else (1.0, 0.0)
        try:
            encoder = TextConfig(
                kind,
                options.width or int(getattr(config, "width", 128)) * (2 if self.plan.family == "bytenet" else 1),
                options.layers or int(getattr(config, "layers", 0) or getattr(config, "sets", 1)),
                options.heads or int(getattr(config, "heads", 1)),
                float(getattr(config, "dropout", 0.0)) if options.dropout is None else options.dropout,
                stretch,
                offset,
                _ROOM * self._longest_source(),
                self.plan.train.drop_given or 0.0,
            )
        except UserError as error:
            raise UserError(f"the encoder of the sources (--source.width, --source.heads, …): {error}") from None
        return {SOURCE: encoder}

    def _longest_source(self) -> int:
        held = [self._tokens(split, strict=split == "train").given[SOURCE] for split in self.corpus.splits]
        return max(int(cast(Ragged, sources).lengths.max()) for sources in held)

    @property
    def small(self) -> bool:
        """Whether there are fewer than 2¹⁷ symbols."""
        return len(self._tokens("train", strict=True).symbols) < _SMALL

    def counts(self) -> NDArray[np.int64]:
        """(1, symbols): counts of each symbol in the training text."""
        return np.bincount(self._tokens("train", strict=True).symbols, minlength=self.codecs["x"].size)[None]

    def batches(self, size: int | None = None) -> Batches:
        """Crops, or streams with carried state; whole pairs."""
        options, length, batch = self.plan.train, self.model.crop, self.size(size)
        if (SOURCE in self.codecs) != self.corpus.paired:
            has, other = ("with", "without") if self.corpus.paired else ("without", "with")
            raise UserError(
                f"{self.plan.data} has texts {has} sources, but the model to start from is for texts {other}; leave "
                "out --from"
            )
        tokens = self._tokens("train", strict=True)
        if options.carry:
            if self.model.horizon is not None:
                raise UserError(f"--train.carry is for recurrent models, not for a {self.plan.family}; leave it out")
            if options.accumulate > 1:
                raise UserError("--train.carry and --train.accumulate cannot be combined; raise --train.batch instead")
            return Streams(tokens, length, batch)
        if SOURCE in self.codecs:
            longest = int(np.diff(tokens.bounds).max())
            if longest > length:
                advice = "leave out --net.context" if self.plan.begin is None else "train without --from"
                raise UserError(
                    f"a target of the training split has {longest} symbols, but --net.context is {length} and must "
                    f"hold it whole; {advice}"
                )
            TextModel(self.model, self.codecs).check(tokens)
        elif len(tokens.symbols) <= length:
            raise UserError(
                f"the training text has {len(tokens.symbols)} symbols, but --net.context is {length}; "
                "give more text or a shorter context"
            )
        return Crops(tokens, length, batch, options.seed)

    def validation(self) -> Callable[[], float] | None:
        """Pieces of the validation text."""
        if "validation" not in self.corpus.splits:
            return None
        tokens = self._tokens("validation", strict=False)
        return Validation(self.model, tokens, self.plan.train.evaluate_symbols, whole=SOURCE in self.codecs)

    def unit(self) -> Unit:
        """nats/token."""
        return NATS_PER_TOKEN

    def show(self, step: int) -> None:
        """Write a text file of samples; for pairs, beam-search results with their references."""
        options = self.plan.train
        text = TextModel(self.model, self.codecs)
        path = self.folder / "samples" / f"step-{step:06d}.txt"
        if SOURCE in self.codecs:
            held = self.corpus.splits.get("validation", self.corpus.splits["train"])
            some = [held[int(i)] for i in np.linspace(0, len(held) - 1, min(_SHOWN, len(held)))]
            found = text.search(given=of_documents(text.given_codecs, some), beams=1)
            parts = zip(some, found, strict=True)
            blocks = [
                f"source    {d.given[SOURCE]}\nreference {d.text()}\nwritten   {best[0] if best else ''}\n"
                for d, best in parts
            ]
            path.write_text("\n".join(blocks), encoding="utf-8")
            return
        samples = text.sample(options.prompt, options.samples, max_length=400, seed=step)
        rule = "\n" + "-" * 72 + "\n"
        path.write_text(rule.join(map(str, samples)) + "\n", encoding="utf-8")

    def _tokens(self, split: str, strict: bool) -> Tokens:
        if split not in self._held:
            conditions: dict[str, Labels | Numbers | Tokenizer] = {
                name: codec
                for name, codec in self.codecs.items()
                if name != "x" and isinstance(codec, Labels | Numbers | Tokenizer)
            }
            self._held[split] = tokenize(
                self.corpus.splits[split],
                cast(Tokenizer, self.codecs["x"]),
                conditions,
                truncate=self.plan.train.truncate,
                folder=self.folder / "train" / "tokens" / split,
                strict_given=strict,
            )
        return self._held[split]


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"


def _fitted(sources: Any, targets: Any) -> tuple[float, float]:
    """a and b of |t̂| = a|s| + b, by least squares; a constant if targets do not grow with sources."""
    if len(np.unique(sources)) < 2:
        return 0.0, float(targets.mean())
    a, b = np.polyfit(sources, targets, 1)
    return (min(float(a), 1000.0), float(b)) if a > 0 else (0.0, float(targets.mean()))


def _condition_codecs(documents: Sequence[Document], names: Sequence[str]) -> dict[str, Labels | Numbers]:
    """A codec per condition, learned from the training split: `Numbers` if every value is a number, else `Labels`."""
    codecs: dict[str, Labels | Numbers] = {}
    for name in names:
        values = [v for v in (d.given.get(name) for d in documents) if v is not None]
        if not values:
            raise UserError(f"condition {name!r} has no value in the training split; leave it out of --text.given")
        strange = [v for v in values if not isinstance(v, int | float)]
        numeric = not strange
        if strange and len(strange) * _MOSTLY <= len(values):
            raise UserError(
                f"condition {name!r} is a number in {len(values) - len(strange):,} of {len(values):,} training records "
                f"and {strange[0]!r:.40} in another; correct it, or write all as strings, for labels"
            )
        codecs[name] = Numbers.train(values) if numeric else Labels.train([str(v) for v in values])
    return codecs
