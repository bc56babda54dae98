"""From symbols to text, one symbol at a time."""

from __future__ import annotations

import codecs
import operator
from collections.abc import Sequence
from typing import Protocol, SupportsIndex, final, runtime_checkable

from seriatim.errors import UserError
from seriatim.text.tokenizers.casing import Restorer

END = 0
"""The symbol that ends a document, whatever the tokenizer."""


@runtime_checkable
class Renderer(Protocol):
    """Reassembles text from symbols."""

    def push(self, symbol: int, /) -> str:
        """Take a symbol other than `<end>` and return the text that is now final."""
        ...

    def flush(self) -> str:
        """Return the held-back text and start a new document."""
        ...


@final
class Spelling:
    """Symbols joined without separators: characters, or bytes of UTF-8.

    Incomplete characters and invalid bytes become U+FFFD.
    """

    def __init__(self, table: Sequence[str | bytes]) -> None:
        self._table = table
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, symbol: int, /) -> str:
        """Hold back the bytes of a character until it is complete."""
        entry = self._table[symbol]
        if isinstance(entry, bytes):
            return self._utf8.decode(entry)
        return self.flush() + entry

    def flush(self) -> str:
        """End an incomplete character."""
        return self._utf8.decode(b"", True)


@final
class TextStream:
    """Decodes symbols as they arrive.

    Law: the results of `push` and then `flush`, concatenated, equal `decode`, for any symbols. Text that a later symbol
    could change is held back: an incomplete character, a case mark, the space between two words.
    """

    def __init__(self, size: int, renderer: Renderer, restorer: Restorer | None) -> None:
        self._size = size
        self._renderer = renderer
        self._restorer = restorer

    def push(self, symbol: SupportsIndex) -> str:
        """Take the next symbol and return the text that is now final; after `<end>`, all of it is."""
        index = operator.index(symbol)
        if not 0 <= index < self._size:
            raise UserError(f"symbol {index}: expected 0 to {self._size - 1}, the symbols of this tokenizer")
        if index == END:
            return self.flush()
        text = self._renderer.push(index)
        return self._restorer.push(text) if self._restorer else text

    def flush(self) -> str:
        """Return the held-back text. Further symbols are decoded as a new document."""
        text = self._renderer.flush()
        if self._restorer:
            text = self._restorer.push(text)
            self._restorer.reset()
        return text
