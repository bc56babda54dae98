"""The languages that words are cut into stems in."""

from __future__ import annotations

from typing import Literal

# fmt: off
Language = Literal[
    "none", "arabic", "armenian", "basque", "catalan", "czech", "danish", "dutch",
    "english", "esperanto", "estonian", "finnish", "french", "german", "greek", "hindi",
    "hungarian", "indonesian", "irish", "italian", "lithuanian", "nepali", "norwegian", "persian",
    "polish", "portuguese", "romanian", "russian", "serbian", "sesotho", "spanish", "swedish",
    "tamil", "turkish", "yiddish",
]
# fmt: on
"""The languages of the tokenizer `stems`."""
