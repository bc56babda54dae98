"""Text: tokenizers, readers, training, and the model of strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seriatim.data.options import DataOptions
from seriatim.modality import Encoding, Modality
from seriatim.text.holding import NAMES, holds
from seriatim.text.options import SourceOptions, TextOptions, TokenOptions

if TYPE_CHECKING:
    from seriatim.data.fetch import NamedSet
    from seriatim.symbols import Symbols
    from seriatim.text.data.corpus import Corpus
    from seriatim.text.model import TextModel
    from seriatim.text.task import TextTask


def _sets() -> Mapping[str, NamedSet]:
    from seriatim.text.data.sets import SETS

    return SETS


def _open(data: object, options: Mapping[str, Any], division: DataOptions) -> Corpus:
    from seriatim.text.data.opening import open_corpus

    return open_corpus(data, options["text"], division)


def _open_set(name: str, options: Mapping[str, Any], division: DataOptions) -> Corpus:
    from seriatim.text.data.opening import open_set

    return open_set(name, options["text"], division)


def _folds(data: Corpus, k: int, options: Mapping[str, Any]) -> Sequence[Corpus]:  # noqa: ARG001
    from seriatim.text.data.split import folds

    return folds(data, k)


def _codecs() -> Mapping[str, type[Symbols]]:
    from seriatim.text.tokenizers import TOKENIZERS

    return TOKENIZERS


def _encoders() -> Mapping[type[Any], Encoding]:
    from seriatim.text.encoders import ENCODINGS

    return ENCODINGS


def _task() -> type[TextTask]:
    from seriatim.text.task import TextTask

    return TextTask


def _model() -> type[TextModel]:
    from seriatim.text.model import TextModel

    return TextModel


def _foreign(folder: Path, device: str) -> TextModel | None:
    from seriatim.text.huggingface import import_hf, is_hf

    return import_hf(folder, device) if is_hf(folder) else None


MODALITY = Modality(
    name="text",
    words="text",
    family="transformer",
    options={"text": TextOptions, "tokens": TokenOptions, "source": SourceOptions},
    holds=holds,
    names=NAMES,
    sets=_sets,
    open=_open,
    open_set=_open_set,
    folds=_folds,
    figures=("bits_per_char", "nats_per_token"),
    codecs=_codecs,
    encoders=_encoders,
    follows={"symbols": "size", "start": "end"},
    learned=("tokens",),
    task=_task,
    model=_model,
    foreign=_foreign,
)
