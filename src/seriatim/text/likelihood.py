"""The likelihoods of a trained model of text, and how it reads texts and conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from seriatim.data.ragged import Ragged
from seriatim.errors import UserError
from seriatim.models.likelihood import log_probs, relative_error, to_given, window_start
from seriatim.runs import arguments, building
from seriatim.runs.arguments import takes
from seriatim.runs.trained import Trained
from seriatim.symbols import Labels, Numbers
from seriatim.symbols.given import Given
from seriatim.text.conditions import documents_of, encode_all, held_out, lacking, within
from seriatim.text.data.corpus import SOURCE, Document
from seriatim.text.data.tokens import Tokens, tokenize
from seriatim.text.figures import Scored, TextFigures, scored
from seriatim.text.tokenizers import Tokenizer
from seriatim.walks.steer import Steer
from seriatim.walks.walk import Walk


class TextLikelihood(Trained):
    """What a model of text says of given texts; `TextModel` also writes some."""

    kind = "text"
    data_codec = Tokenizer

    @property
    def tokenizer(self) -> Tokenizer:
        """Text <-> symbols."""
        return cast(Tokenizer, self.codecs["x"])

    @property
    def given_codecs(self) -> dict[str, Labels | Numbers | Tokenizer]:
        """{condition: its codec}: labels, numbers, or the tokenizer of a source."""
        return {name: cast(Any, codec) for name, codec in self.conditions.items()}

    @property
    def horizon(self) -> int | None:
        """The model's context in symbols; None if it carries a state."""
        return self.model.horizon

    # ------------------------------------------------------------------ likelihood

    @takes(texts=arguments.texts, given=arguments.named)
    def log_prob(self, texts: str | Sequence[str], given: Given | None = None) -> list[float]:
        """log p of each text in nats, including its `<end>`.

        Args:
            texts: one or several documents.
            given: conditions: a value for all, or a list with one per text.
        """
        tokens = self._tokens(texts, given)
        return [float(terms.sum()) for terms in self.log_probs(tokens)]

    def token_log_probs(self, text: str, given: Given | None = None) -> list[Scored]:
        """Every symbol of a text, its `<end>` included, with its text and log p in nats given all that is before it.

        The texts joined are the text; the log-probabilities sum to `log_prob`.

        Args:
            text: one document.
            given: conditions, such as {"genre": "haiku"}.
        """
        tokens = self._tokens(text, given)
        return scored(self.tokenizer, tokens.document(0), self.log_probs(tokens)[0])

    def _tokens(self, texts: str | Sequence[str], given: Given | None) -> Tokens:
        tokens = tokenize(documents_of(texts, self.given_codecs, given), self.tokenizer, self.given_codecs)
        self.check(tokens)
        return tokens

    def log_probs(
        self, tokens: Tokens, window: int | None = None, stride: int | None = None
    ) -> list[NDArray[np.float64]]:
        """log p of every symbol of every document, in nats."""
        sequences = [tokens.document(d) for d in range(tokens.documents)]
        return log_probs(self.model, sequences, tokens.given, window=window, stride=stride)

    @takes(
        documents=held_out, given=arguments.named, window=arguments.count, stride=arguments.count,
        truncate=arguments.count,
    )  # fmt: skip
    def evaluate(
        self,
        documents: str | Sequence[str | Document],
        *,
        given: Given | None = None,
        window: int | None = None,
        stride: int | None = None,
        truncate: int | None = None,
    ) -> TextFigures:
        """The exact likelihood of documents.

        Args:
            documents: held-out texts, or documents as they are read from files, with their own conditions.
            given: conditions of texts: a value for all, or a list with one per text.
            window: symbols per window. Default: the model's context, or all with carried state.
            stride: symbols by which the window advances. Default: half a window.
            truncate: evaluate the first n symbols of each document only.

        Raises:
            UserError: for an impossible window, stride or truncate.
        """
        if SOURCE in self.given_codecs and (window is not None or stride is not None):
            raise UserError("windows are not for pairs, which are read whole; leave out window")
        if truncate is not None and truncate < 1:
            raise UserError(f"truncate is {truncate}; give 1 or more")
        documents = documents_of(documents, self.given_codecs, given)
        tokens = tokenize(documents, self.tokenizer, self.given_codecs, truncate=truncate, strict_given=False)
        self.check(tokens)
        terms = [-x for x in self.log_probs(tokens, window, stride)]
        return TextFigures(
            nats=float(sum(x.sum() for x in terms)),
            tokens=sum(map(len, terms)),
            characters=int(tokens.characters.sum()),
            bytes=int(tokens.bytes.sum()),
            documents=tokens.documents,
            relative_error=relative_error(terms),
            given=tuple(self.conditions),
            lacking=tuple(lacking(self.given_codecs, documents)),
        )

    @takes(prompt=arguments.text, top=arguments.count, given=arguments.named)
    def expect(
        self, prompt: str, top: int = 5, temperature: float = 1.0, given: Given | None = None
    ) -> list[tuple[str, float]]:
        """The `top` most likely next symbols after a prompt, with their probabilities at a temperature."""
        if top < 1:
            raise UserError(f"top is {top}; give 1 or more")
        ids = self.tokenizer.encode(prompt)
        ids = ids[window_start(len(ids), self.horizon) :]
        context = self.model.condition(self._given(given, 1), 1)
        walk = Walk(self.model.packed(), 1, context, len(ids) + 1)
        if len(ids):
            walk.feed(torch.from_numpy(ids)[None].to(self.model.device))
        dist: Any = Steer(temperature=temperature).apply(walk.dist)  # pyright: ignore[reportArgumentType]
        p = dist.log_table().exp()[0]
        best = p.topk(min(top, len(p)))
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [(self.tokenizer.symbol(i), value) for i, value in pairs]

    # ------------------------------------------------------------------ conditions

    def _given(self, given: Given | None, rows: int) -> dict[str, torch.Tensor]:
        encoded = self._encoded(given, rows)
        return to_given({name: value[np.arange(rows)] for name, value in encoded.items()}, self.model.device)

    def _encoded(self, given: Given | None, rows: int) -> dict[str, NDArray[Any] | Ragged]:
        encoded = encode_all(self.given_codecs, given, rows)
        self._read(encoded)
        return encoded

    def check(self, tokens: Tokens) -> None:
        """For a model of pairs, refuse documents without a source or with one that is too long.

        Raises:
            UserError: naming one of them.
        """
        self._read(tokens.given, tokens.names)

    def _read(self, given: Mapping[str, NDArray[Any] | Ragged], names: Sequence[str] | None = None) -> None:
        config = building.encoders_of(self.model, self.kind).get(SOURCE)
        if config is not None:
            within(given[SOURCE], int(config["longest"]), float(config["hidden"]) > 0, names)
