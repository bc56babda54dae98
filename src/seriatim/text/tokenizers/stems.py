"""Text as stems and affixes.

A stemmer says where a word is cut, and nothing else: the parts joined are the word, whatever the stemmer does. Most of
the Snowball stemmers (Porter 2001) take suffixes off; those of Arabic, Indonesian and Tamil also prefixes.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, ClassVar, final

from seriatim.errors import UserError
from seriatim.text.tokenizers.policy import Policy
from seriatim.text.tokenizers.rendering import Renderer
from seriatim.text.tokenizers.script import is_word
from seriatim.text.tokenizers.spacing import Prefix, SpacedPieces, Suffix
from seriatim.text.tokenizers.words import AFFIX, Item, WordPieces

_LEAST, _MOST = 2, 64  # characters of a stem that is cut off, and of a word that is cut


@final
class Stems(WordPieces):
    """The stems, prefixes and suffixes of the words of the training text, most frequent first. Default: all of them.

    Words are those of `Words` with `punctuation="separate"`. A prefix `un+` and a suffix `+ing` are symbols apart from
    the words `un` and `ing`, and need no symbol for the missing space.

    Example:
        >>> tokenizer = Stems.train(["walking, talked, walks"])  # in English
        >>> [tokenizer.symbol(i) for i in tokenizer.encode("talking, walked")]
        ['talk', '+ing', ',', 'walk', '+ed']
        >>> tokenizer.decode(tokenizer.encode("talking, walked"))
        'talking, walked'
    """

    kind: ClassVar = "stems"
    usual: ClassVar = Policy(language="english", punctuation="separate")
    refuses: ClassVar = {"language": ("none",), "punctuation": ("keep",), "unknown": ("drop",)}

    @staticmethod
    def _parts(policy: Policy, gap: str, piece: str) -> tuple[Item, ...]:
        prefix, stem, suffix = cut(policy.language, piece)
        items: list[Item] = [(gap, prefix, prefix + AFFIX)] if prefix else []
        items.append(("" if prefix else gap, stem, stem))
        if suffix:
            items.append(("", suffix, AFFIX + suffix))
        return tuple(items)

    def _renderer(self) -> Renderer:
        return SpacedPieces([_rendered(entry) for entry in self._vocabulary.table], self._sides)


def _rendered(entry: str | bytes) -> str | bytes:
    """The text of an entry, which knows its spaces if it is an affix."""
    if isinstance(entry, bytes) or len(entry) < 2:
        return entry
    if entry.startswith(AFFIX):
        return Suffix(entry[1:])
    return Prefix(entry[:-1]) if entry.endswith(AFFIX) else entry


@lru_cache(maxsize=1 << 17)
def cut(language: str, word: str) -> tuple[str, str, str]:
    """The prefix, the stem and the suffix of a word, of which the first and the last may be empty.

    The stem is where the word agrees longest with the beginning of what the stemmer returns, which may have another end
    (`happi` for `happiness`).

    Raises:
        UserError: if the stemmer is not installed.
    """
    stemmer, lowered = _stemmer(language), word.lower()
    if not _LEAST < len(word) <= _MOST or len(lowered) != len(word) or not is_word(word[0]):
        return "", word, ""
    stem = stemmer.stemWord(lowered)
    size, start = max((_common(lowered[start:], stem), -start) for start in range(len(lowered)))
    start = -start
    if size < _LEAST:
        return "", word, ""
    return word[:start], word[start : start + size], word[start + size :]


def _common(a: str, b: str) -> int:
    """The length of the longest common beginning."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


@cache
def _stemmer(language: str) -> Any:
    try:
        import snowballstemmer
    except ImportError:
        raise UserError(
            "the tokenizer stems needs snowballstemmer, which is not installed: pip install 'seriatim[stems]'"
        ) from None
    try:
        return snowballstemmer.stemmer(language)
    except KeyError:
        raise UserError(f"the installed snowballstemmer has no {language}; upgrade it, or give another") from None
