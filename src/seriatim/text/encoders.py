"""The encoder of a text's source."""

from __future__ import annotations

from typing import Any, Final

from seriatim.conditioning import TextConfig, TextEncoder
from seriatim.modality import Encoding
from seriatim.text.tokenizers import Tokenizer


def _make(codec: Tokenizer, sizes: TextConfig, config: Any) -> TextEncoder:  # noqa: ARG001
    return TextEncoder(codec.size, sizes)


ENCODINGS: Final = {
    Tokenizer: Encoding(
        part="memory",
        words="texts",
        make=_make,
        width="width",
        sizes={"text": TextConfig},
        most=1,
    )
}
