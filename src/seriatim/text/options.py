"""Options for text. No torch here: `--help` reads these."""

from __future__ import annotations

import codecs
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, final

from seriatim.config import Options, absolute, bounded
from seriatim.data.decoding import bare_suffix
from seriatim.errors import UserError
from seriatim.text.languages import Language

if TYPE_CHECKING:
    from seriatim.text.tokenizers import Policy

_NOT_OF_FILES = ("punycode", "idna", "undefined")
"""Python's codecs for domain names, and for testing."""

TABLE = ".tsv"
"""The suffix of a table of pairs."""

RECORDS = (".jsonl", ".ndjson", ".json", ".parquet")
"""The suffixes of files of records."""

CSV = ".csv"
"""The suffix of a table that is read by columns if it has one called `text`, or if one is chosen."""


def unescape(typed: str) -> str:
    r"""What was typed, with the escapes \n, \t, \r and \\ replaced; a backslash before anything else is itself.

    Example:
        >>> unescape(r"C:\\new\n") == "C:\\new" + chr(10)
        True
    """
    halves = typed.split("\\\\")
    return "\\".join(h.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r") for h in halves)


def has_fields(path: Path) -> bool:
    """Whether a file has fields or columns, by its suffix."""
    return bare_suffix(path) in (*RECORDS, TABLE, CSV)


@final
@dataclass(frozen=True)
class TextOptions(Options):
    """How text is read.

    Example:
        >>> TextOptions(field="poem", given=("genre", "year")).given
        ('genre', 'year')
    """

    field: str | None = None
    """JSON field or column of a table that holds the text. Default: the field text, or the second column of a TSV."""
    given: tuple[str, ...] = ()
    """JSON fields, or CSV or Parquet columns, to condition the text on."""
    source: str | None = None
    """The source of each text (the text to translate): a JSON field, a column, or a file parallel to the data."""
    encoding: str = "utf-8"
    """Encoding of the files; a byte order mark takes precedence."""
    separator: str | None = None
    r"""String between the documents of a text file, e.g. "\n\n"; \n, \t, \r and \\ are escapes."""

    def __post_init__(self) -> None:
        if self.separator == "":
            raise UserError(r"--text.separator is empty; expected the string between documents: give e.g. '\n\n'")
        for name, values in (("field", (self.field,)), ("given", self.given), ("source", (self.source,))):
            if "" in values:
                raise UserError(f"--text.{name} is empty; expected the name of a field; give it, or leave it out")
        try:
            "".encode(self.encoding)
            codecs.getincrementaldecoder(self.encoding)
            known = codecs.lookup(self.encoding).name not in _NOT_OF_FILES
        except (LookupError, UnicodeError, ValueError):
            known = False
        if not known:
            raise UserError(
                f"--text.encoding is {self.encoding!r}; expected a text encoding of Python's: "
                "give e.g. utf-8, cp1252 or utf-16"
            )

    def located(self, data: str) -> Self:
        """The same options with an absolute path if the source is a file; field and column names are kept."""
        if self.source is None or has_fields(Path(data)):
            return self
        return dataclasses.replace(self, source=absolute(self.source))


@final
@dataclass(frozen=True)
class TokenOptions(Options):
    """How text is tokenised.

    Example:
        >>> TokenOptions(kind="words", casing="lower").policy().casing
        'lower'
    """

    kind: Literal["bytes", "characters", "words", "stems", "bpe", "unigram"] = "characters"
    """The tokenizer."""
    size: int | None = None
    """Largest vocabulary size. Default: all that occur; 4096 for bpe and unigram."""
    min_count: int = 1
    """Smallest number of occurrences in the training text for a symbol of its own."""
    casing: Literal["keep", "lower", "mark"] = "keep"
    """Keep case, lower it, or mark it reversibly."""
    punctuation: Literal["keep", "separate"] | None = None
    """For words: separate makes each punctuation mark a symbol. Default: separate."""
    language: Language | None = None
    """For stems: the language whose stemmer cuts words. Default: english."""
    unknown: Literal["bytes", "unk", "drop", "error"] = "bytes"
    """Out-of-vocabulary text is spelled in bytes, becomes <unk>, is dropped, or is an error."""
    digits: Literal["keep", "split", "zero"] = "keep"
    """split makes each digit a symbol (words, bpe, unigram); zero turns each into 0."""
    newlines: Literal["keep", "unix"] = "keep"
    """unix turns CR LF and CR into LF."""
    unicode: Literal["keep", "NFC", "NFD", "NFKC", "NFKD"] = "keep"
    """Unicode normalisation form."""
    spaces: Literal["keep", "collapse"] = "keep"
    """collapse turns a run of spaces into one."""

    def __post_init__(self) -> None:
        if self.language is not None and self.kind != "stems":
            raise UserError(f"--tokens.language is given with {self.kind}; expected --tokens.kind stems: give both")

    def policy(self) -> Policy:
        """The tokenizer's policy."""
        from seriatim.text.tokenizers import Policy  # imports numpy and tokenizers, which --help does without

        cut = self.punctuation or ("separate" if self.kind in ("words", "stems") else "keep")
        return Policy(
            casing=self.casing,
            punctuation=cut,
            language=self.language or ("english" if self.kind == "stems" else "none"),
            unknown=self.unknown,
            digits=self.digits,
            newlines=self.newlines,
            unicode=self.unicode,
            spaces=self.spaces,
        )


@final
@dataclass(frozen=True)
class SourceOptions(Options):
    """The encoder of the source: the sentence to translate, the word to pronounce, the question.

    Example:
        >>> SourceOptions(encoder="lstm", layers=1).layers
        1
        >>> SourceOptions(layers=-1)
        Traceback (most recent call last):
        seriatim.errors.UserError: --source.layers is -1; ...
    """

    encoder: Literal["auto", "lstm", "gru", "transformer", "bytenet"] = "auto"
    """Bidirectional LSTM or GRU, Transformer, or ByteNet. Default: the kind of the model."""
    width: int = 0
    """Channels of the encoder; 0 for the model's width."""
    layers: int = 0
    """Layers of the encoder (bytenet: sets of five blocks); 0 for the model's number."""
    heads: int = 0
    """Attention heads of a transformer encoder; 0 for the model's number."""
    dropout: float | None = None
    """Dropout rate of the encoder. Default: the model's."""
    shared: bool = False
    """Share one vocabulary, learned from both sides, between source and target."""

    def __post_init__(self) -> None:
        for name in ("width", "layers", "heads"):
            bounded(f"--source.{name}", getattr(self, name), 0, 2**16)
        if self.dropout is not None:
            bounded("--source.dropout", self.dropout, 0, 0.99)
