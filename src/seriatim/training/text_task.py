"""Training on text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast, final

from seriatim.data import Corpus, Document
from seriatim.data.batches import Batches, Crops, Streams
from seriatim.data.tokens import Tokens, tokenize
from seriatim.errors import UserError
from seriatim.symbols import Labels, Numbers, Symbols, Tokenizer, train_tokenizer
from seriatim.text import TextModel
from seriatim.training.plan import Plan
from seriatim.training.task import Task
from seriatim.training.unit import NATS_PER_TOKEN, Unit
from seriatim.training.validate import Validation


@final
class TextTask(Task):
    """Documents, a tokenizer, crops or streams of symbols, samples as text files."""

    modality = "text"

    def __init__(self, plan: Plan, folder: Path, corpus: Corpus) -> None:
        super().__init__(plan, folder)
        self.corpus, self.fingerprint, self.note = corpus, corpus.fingerprint, corpus.note
        self._train: Tokens | None = None

    def learn(self) -> dict[str, Symbols]:
        """A tokenizer, and a codec for each condition."""
        documents, tokens = self.corpus.splits["train"], self.plan.tokens
        blocks: Iterator[str] = (block for document in documents for block in document.blocks())
        tokenizer = train_tokenizer(tokens.kind, blocks, tokens.policy(), tokens.size, tokens.min_count)
        return {"x": tokenizer, **_condition_codecs(documents, self.plan.text.given)}

    def batches(self) -> Batches:
        """Crops, or streams where state is carried."""
        options, length = self.plan.train, self.model.config.context
        tokens = self._tokens("train", strict=True)
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

    def validation(self) -> Callable[[], float] | None:
        """Pieces of the validation text."""
        if "validation" not in self.corpus.splits:
            return None
        return Validation(self.model, self._tokens("validation", strict=False), self.plan.train.evaluate_symbols)

    def unit(self) -> Unit:
        """nats/token."""
        return NATS_PER_TOKEN

    def show(self, step: int) -> None:
        """A text file of samples."""
        options = self.plan.train
        text = TextModel(self.model, self.codecs)
        samples = text.sample(options.prompt, options.samples, max_length=400, seed=step)
        rule = "\n" + "-" * 72 + "\n"
        path = self.folder / "samples" / f"step-{step:06d}.txt"
        path.write_text(rule.join(map(str, samples)) + "\n", encoding="utf-8")

    def _tokens(self, split: str, strict: bool) -> Tokens:
        conditions = {name: codec for name, codec in self.codecs.items() if isinstance(codec, Labels | Numbers)}
        return tokenize(
            self.corpus.splits[split],
            cast(Tokenizer, self.codecs["x"]),
            conditions,
            truncate=self.plan.train.truncate,
            folder=self.folder / "train" / "tokens" / split,
            strict_given=strict,
        )


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
