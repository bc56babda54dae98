"""Encoding the conditions of texts, by name: labels, numbers, and the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seriatim.data.ragged import Ragged
from seriatim.errors import UserError
from seriatim.runs import arguments
from seriatim.symbols import Given, Labels, Numbers
from seriatim.symbols.given import checked, each, encode_given
from seriatim.symbols.lacking import Lacking, heard
from seriatim.text.data.corpus import Document
from seriatim.text.data.tokens import encode_text
from seriatim.text.tokenizers import Tokenizer

Conditions = Mapping[str, Labels | Numbers | Tokenizer]


def encode_all(conditions: Conditions, given: Given | None, rows: int) -> dict[str, NDArray[Any] | Ragged]:
    """Encode every condition for every row; a condition that is not given is missing."""
    found: dict[str, NDArray[Any] | Ragged] = {}
    checked(conditions, given or {})
    for name, codec in conditions.items():
        values = each(name, (given or {}).get(name), rows)
        if isinstance(codec, Tokenizer):
            found[name] = Ragged([_source(name, i, value, codec) for i, value in enumerate(values, start=1)])
            continue
        kind = np.int64 if isinstance(codec, Labels) else np.float64
        found[name] = np.array([encode_given(value, codec, f"--given {name}") for value in values], dtype=kind)
    return found


def _source(name: str, number: int, value: str | float | None, codec: Tokenizer) -> NDArray[np.int64]:
    try:
        return encode_text(value, codec)
    except UserError as error:
        raise UserError(f"{name} {number}: {error}; correct it, or train with --tokens.unknown unk") from error


def of_documents(conditions: Conditions, documents: Sequence[Document]) -> dict[str, list[str | float | None]]:
    """The conditions of held-out documents; a label that is not in the training split counts as missing."""
    values = {name: [document.given.get(name) for document in documents] for name in conditions}
    return {
        name: values[name] if isinstance(codec, Tokenizer) else heard(name, codec, values[name])[0]
        for name, codec in conditions.items()
    }


def held_out(name: str, value: Any) -> None:
    """A check of an argument (`arguments.takes`): texts, or documents."""
    if not isinstance(value, Sequence) or not all(isinstance(one, Document) for one in cast("Sequence[Any]", value)):
        arguments.texts(name, value)


def documents_of(texts: object, conditions: Conditions, given: Given | None) -> Sequence[Document]:
    """Texts with their conditions as documents; documents, which have their own, as they are.

    Raises:
        UserError: for other things, and for an unknown condition.
    """
    if not isinstance(texts, str | list | tuple):
        arguments.texts("texts", texts)
    some = [texts] if isinstance(texts, str) else list(cast("Sequence[object]", texts))
    if all(isinstance(text, Document) for text in some):
        if given:
            raise UserError("given is for texts, and documents have their own conditions; leave it out")
        return cast("Sequence[Document]", some)
    arguments.texts("texts", some)
    checked(conditions, given or {})
    own = {name: each(name, value, len(some)) for name, value in (given or {}).items()}
    return [
        Document.of(f"text {i}", str(text), {name: values[i] for name, values in own.items()})
        for i, text in enumerate(some)
    ]


def lacking(conditions: Conditions, documents: Sequence[Document]) -> list[Lacking]:
    """Which of the documents lack a condition, or have a value that its codec does not know."""
    found: list[Lacking] = []
    for name, codec in conditions.items():
        values = [document.given.get(name) for document in documents]
        if isinstance(codec, Tokenizer):
            found.append(Lacking(name, len(values), values.count(None)))
        else:
            found.append(heard(name, codec, values)[1])
    return found


def within(sources: NDArray[Any] | Ragged, longest: int, optional: bool, names: Sequence[str] | None) -> None:
    """Refuse sources that exceed the model's limit, and missing ones if it was not trained without.

    Raises:
        UserError: naming the longest, or the first missing one.
    """
    if not isinstance(sources, Ragged) or not len(sources):
        return
    if not optional and not sources.lengths.all():
        at = int(sources.lengths.argmin())
        where = "" if names is None else f", and {names[at]} has none"
        raise UserError(
            f"this model needs a source{where}; give one (sample --source, --given source=…, or pairs as data), or "
            "train with --train.drop-given 0.1"
        )
    if sources.lengths.max() > longest:
        at = int(sources.lengths.argmax())
        where = f"the source of {names[at]}" if names is not None else f"source {at + 1}"
        raise UserError(
            f"{where} has {sources.lengths[at]:,} symbols, but this model reads at most {longest:,}, twice the longest "
            "in training; divide it"
        )
