"""What can be chosen about text. No torch here: `--help` reads these."""

from __future__ import annotations

import codecs
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, final

from seriatim.config import Options, absolute, bounded
from seriatim.data.decoding import bare_suffix
from seriatim.errors import UserError

if TYPE_CHECKING:
    from seriatim.text.tokenizers import Policy

TABLE = ".tsv"
"""The ending of a table of pairs."""

RECORDS = (".jsonl", ".ndjson", ".json")
"""The endings of files of records."""


def has_fields(path: Path) -> bool:
    """Whether a file is read by fields or columns, by its ending."""
    return bare_suffix(path) in (*RECORDS, TABLE)


@final
@dataclass(frozen=True)
class TextOptions(Options):
    """How text of your own is read."""

    field: str | None = None
    """Field of a JSON or JSONL record, or column of a TSV, that holds the text. Default: text, or the second column."""
    given: tuple[str, ...] = ()
    """Fields of a JSON or JSONL record that the text is conditioned on."""
    source: str | None = None
    """The source of each text: a field of a record, a column of a TSV, or a file with one line for each line of the
    data."""
    encoding: str = "utf-8"
    """Encoding of the files; a byte order mark in a file takes precedence."""
    separator: str | None = None
    r"""Divides a text file into documents, such as "\n\n" or "\n***\n"; \n, \t, \r and \\ are understood."""

    def __post_init__(self) -> None:
        if self.separator == "":
            raise UserError(r"--text.separator is empty, but a text between documents is wanted: give e.g. '\n\n'")
        try:
            "".encode(self.encoding)
            codecs.getincrementaldecoder(self.encoding)
        except LookupError:
            raise UserError(
                f"--text.encoding is {self.encoding!r}, but a text encoding that Python knows is wanted: "
                "give e.g. utf-8, latin-1 or utf-16"
            ) from None

    def located(self, data: str) -> Self:
        """With the file of sources as an absolute path; the name of a field or of a column stays a name."""
        if self.source is None or has_fields(Path(data)):
            return self
        return dataclasses.replace(self, source=absolute(self.source))


@final
@dataclass(frozen=True)
class TokenOptions(Options):
    """How text becomes symbols."""

    kind: Literal["bytes", "characters", "words", "bpe", "unigram"] = "characters"
    """The tokenizer: bytes, characters, words, bpe or unigram."""
    size: int | None = None
    """Largest number of symbols. Default: all that occur (bpe, unigram: their own default)."""
    min_count: int = 1
    """How often something must occur in the training text to become a symbol."""
    casing: Literal["keep", "lower", "mark"] = "keep"
    """Keep the case, lower it, or mark it reversibly."""
    punctuation: Literal["keep", "separate"] | None = None
    """For words: separate makes each punctuation character a symbol of its own. Default: separate."""
    unknown: Literal["bytes", "unk", "drop", "error"] = "bytes"
    """What has no symbol is spelled in bytes, becomes <unk>, is dropped, or is an error."""
    digits: Literal["keep", "split", "zero"] = "keep"
    """Split makes each digit a symbol (words, bpe, unigram); zero turns each into 0."""
    newlines: Literal["keep", "unix"] = "keep"
    """Unix turns CR LF and CR into LF."""
    unicode: Literal["keep", "NFC", "NFD", "NFKC", "NFKD"] = "keep"
    """The Unicode normalisation."""
    spaces: Literal["keep", "collapse"] = "keep"
    """Collapse turns a run of spaces into one."""

    def policy(self) -> Policy:
        """These choices as the tokenizer's policy."""
        from seriatim.text.tokenizers import Policy  # imports numpy and tokenizers, which --help does without

        cut = self.punctuation or ("separate" if self.kind == "words" else "keep")
        return Policy(
            casing=self.casing,
            punctuation=cut,
            unknown=self.unknown,
            digits=self.digits,
            newlines=self.newlines,
            unicode=self.unicode,
            spaces=self.spaces,
        )


@final
@dataclass(frozen=True)
class SourceOptions(Options):
    """How a model reads the source of each text: the sentence to translate, the word to pronounce, the question."""

    encoder: Literal["auto", "lstm", "gru", "transformer", "bytenet"] = "auto"
    """A bidirectional LSTM or GRU, self-attention, or ByteNet's columns. Default: the same kind as the model."""
    width: int = 0
    """Channels of the encoder. Default: 0, as many as the model has."""
    layers: int = 0
    """Layers of the encoder (of a bytenet: sets of five blocks). Default: 0, as many as the model has."""
    heads: int = 0
    """Attention heads of a transformer. Default: 0, as many as the model has."""
    dropout: float | None = None
    """Share of channels dropped in training. Default: as in the model."""
    shared: bool = False
    """One vocabulary for source and target, learned from both. Default: each side has its own."""

    def __post_init__(self) -> None:
        for name in ("width", "layers", "heads"):
            bounded(f"--source.{name}", getattr(self, name), 0, 2**16)
        if self.dropout is not None:
            bounded("--source.dropout", self.dropout, 0, 0.99)
