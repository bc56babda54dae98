"""Preprocessing of text, and the treatment of unknown pieces."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal, final, get_args, get_type_hints

from seriatim.errors import UserError, nearest
from seriatim.symbols import reading
from seriatim.text.languages import Language
from seriatim.text.tokenizers import casing

_NEWLINES = re.compile(r"\r\n?")
_SPACES = re.compile(r"[ \t]+")
_DIGIT = re.compile(r"\d")


@final
@dataclass(frozen=True)
class Policy:
    """How a tokenizer treats text. The defaults are lossless; a kind refuses choices that do not apply to it.

    Text passes `newlines`, `unicode`, `spaces`, `digits` and `casing`, in this order, and is then cut into symbols.
    """

    casing: Literal["keep", "lower", "mark"] = "keep"
    """`lower` loses the case; `mark` keeps it in reversible marks (see `casing`)."""
    punctuation: Literal["keep", "separate"] = "keep"
    """For words: `keep` cuts at white space only, `separate` makes each punctuation mark a symbol."""
    unknown: Literal["bytes", "unk", "drop", "error"] = "bytes"
    """Unknown pieces are spelled in UTF-8 bytes, replaced by `<unk>`, dropped, or refused."""
    digits: Literal["keep", "split", "zero"] = "keep"
    """`split` makes each digit a symbol of its own (words, subwords); `zero` turns each digit into 0."""
    newlines: Literal["keep", "unix"] = "keep"
    """`unix` turns CR LF and CR into LF."""
    unicode: Literal["keep", "NFC", "NFD", "NFKC", "NFKD"] = "keep"
    """The Unicode normalisation form."""
    language: Language = "none"
    """For stems: the language whose stemmer cuts words."""
    spaces: Literal["keep", "collapse"] = "keep"
    """`collapse` turns each run of spaces and tabs into one space."""

    def __post_init__(self) -> None:
        for field, known in choices().items():
            value = getattr(self, field)
            if value not in known:
                raise UserError(f"policy.{field}: {value!r} is not a choice; {nearest(str(value), known)}")

    @property
    def reversible(self) -> bool:
        """Whether `restore` undoes `prepare` for any text."""
        kept = self.newlines == self.unicode == self.spaces == "keep"
        return kept and self.digits != "zero" and self.casing != "lower"

    def prepare(self, text: str) -> str:
        """The preprocessed text. Lone surrogates are refused."""
        try:
            text.encode()
        except UnicodeEncodeError as error:
            code = ord(text[error.start])
            raise UserError(f"text: lone surrogate U+{code:04X} at position {error.start} is not a character") from None
        if self.newlines == "unix":
            text = _NEWLINES.sub("\n", text)
        if self.unicode != "keep":
            text = unicodedata.normalize(self.unicode, text)
        if self.spaces == "collapse":
            text = _SPACES.sub(" ", text)
        if self.digits == "zero":
            text = _DIGIT.sub("0", text)
        if self.casing == "lower":
            text = text.lower()
        return casing.mark(text) if self.casing == "mark" else text

    def restorer(self) -> casing.Restorer | None:
        """A restorer of case marks, piece by piece; None without marks."""
        return casing.Restorer() if self.casing == "mark" else None

    def restore(self, prepared: str) -> str:
        """The text of a prepared one, without case marks."""
        restorer = self.restorer()
        return restorer.push(prepared) if restorer else prepared

    def to_json(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: object) -> Policy:
        """The inverse of `to_json`; every field is required."""
        fields = reading.mapping(document, "policy")
        reading.exactly(fields, choices(), "policy")
        return cls(**{name: reading.text(value, f"policy.{name}") for name, value in fields.items()})  # pyright: ignore[reportArgumentType] (__post_init__ checks the choice)


LANGUAGES = tuple(language for language in get_args(Language) if language != "none")
"""What the kinds without a language refuse."""


@cache
def choices() -> dict[str, tuple[str, ...]]:
    """The choices of each field of `Policy`, in order."""
    return {field: get_args(hint) for field, hint in get_type_hints(Policy).items()}
