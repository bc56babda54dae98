"""What all tokenizers of text have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain
from typing import Any, ClassVar, Self, SupportsIndex, final

import numpy as np
import numpy.typing as npt

from seriatim.errors import UserError, nearest
from seriatim.symbols import reading
from seriatim.text.tokenizers.policy import Policy, choices
from seriatim.text.tokenizers.rendering import END, Renderer, TextStream

Ids = npt.NDArray[np.int64]


class Tokenizer(ABC):
    """Text <-> symbols.

    Symbol 0 is always `<end>`: it ends a document, and it is the document start, what a model sees before the first
    symbol. Padding is never a symbol: it is a mask, and what it covers is 0.

    Laws: `decode(encode(x)) == normalise(x)` for every text x that `encode` takes, and `normalise(x) == x` where the
    tokenizer is `lossless`. Documents joined by `<end>` decode to their texts joined.
    """

    kind: ClassVar[str]
    contents: ClassVar[tuple[str, ...]]
    """The keys of its JSON besides `kind` and `policy`."""
    refuses: ClassVar[Mapping[str, tuple[str, ...]]]
    """The choices of the policy that mean nothing here."""
    end: ClassVar[int] = END

    policy: Policy

    # What a kind provides.

    @property
    @abstractmethod
    def size(self) -> int:
        """How many symbols there are, with `<end>`."""

    @property
    @abstractmethod
    def unknown(self) -> int | None:
        """The symbol `<unk>`, where the policy has one."""

    @classmethod
    @abstractmethod
    def _learn(cls, texts: Iterator[str], policy: Policy, size: int | None, min_count: int) -> Self:
        """Train on prepared texts, of which at least one is not empty."""

    @abstractmethod
    def _encoded(self, prepared: str) -> Ids:
        """The symbols of a prepared text."""

    @abstractmethod
    def _known(self, prepared: str) -> str:
        """The prepared text with what is unknown replaced as the policy wants."""

    @abstractmethod
    def _renderer(self) -> Renderer:
        """What turns symbols back into prepared text."""

    @abstractmethod
    def _names(self) -> Iterable[str]:
        """The names of all symbols but `<end>`, in order."""

    @abstractmethod
    def _contents(self) -> dict[str, Any]:
        """What stands in the JSON under the keys `contents`."""

    def _unseen(self, prepared: str) -> int:
        """How many pieces of a prepared text have no symbol of their own. Default: none."""
        del prepared
        return 0

    @classmethod
    @abstractmethod
    def _read(cls, policy: Policy, document: Mapping[str, Any]) -> Self:
        """The reverse of `_contents`; each value is still to be checked."""

    # What all kinds share.

    @classmethod
    @final
    def train(
        cls, documents: Iterable[str], policy: Policy | None = None, size: int | None = None, min_count: int = 1
    ) -> Self:
        """Learn the symbols from blocks of text, which are read once and not kept.

        size: how many symbols at most, `<end>` and all; None for the kind's own default.
        min_count: how often something must occur to become a symbol.
        """
        policy = cls._checked(policy or Policy())
        if isinstance(documents, str):
            raise UserError("documents: wanted an iterable of texts, got one text; put it in a list")
        if min_count < 1:
            raise UserError(f"min_count: wanted 1 or more, got {min_count}")
        texts = filter(None, map(policy.prepare, documents))
        first = next(texts, None)
        if first is None:
            raise UserError(f"documents: there is no text to learn {cls.kind} from")
        return cls._learn(chain([first], texts), policy, size, min_count)

    @final
    def encode(self, text: str, /) -> Ids:
        """The symbols of a text, without `<end>`."""
        return self._encoded(self.policy.prepare(text))

    @final
    def decode(self, ids: Iterable[SupportsIndex], /) -> str:
        """The text of any symbols; `<end>` is skipped, and the text behind it is that of a new document."""
        stream = self.stream()
        return "".join(map(stream.push, ids)) + stream.flush()

    @final
    def stream(self) -> TextStream:
        """Decode symbols as they come, each in constant time."""
        return TextStream(self.size, self._renderer(), self.policy.restorer())

    @property
    @final
    def lossless(self) -> bool:
        """Whether every text without lone surrogates comes back as it was."""
        return self.policy.reversible and self.policy.unknown == "bytes"

    @final
    def normalise(self, text: str) -> str:
        """What `decode(encode(text))` gives: the text as the policy changes it."""
        return self.policy.restore(self._known(self.policy.prepare(text)))

    @final
    def unseen(self, text: str, /) -> int:
        """How many characters (words, or bytes of subwords) of a text have no symbol of their own.

        Training did not have them, or too seldom; the policy says what becomes of them.
        """
        return self._unseen(self.policy.prepare(text))

    @final
    def symbol(self, index: int) -> str:
        r"""The printable name of a symbol: `the`, `<end>`, `<unk>`, `<0x0A>`, `<cap>`, `\n`."""
        if not 0 <= index < self.size:
            raise UserError(f"symbol {index}: wanted 0 to {self.size - 1}, the symbols of this tokenizer")
        return self._all_names[index]

    @final
    def find(self, name: str) -> int:
        """The symbol with this name."""
        if name not in self._by_name:
            raise UserError(f"symbol {name!r}: there is none of this name; {nearest(name, self._by_name)}")
        return self._by_name[name]

    @final
    def to_json(self) -> dict[str, Any]:
        """Everything that `from_json` needs, as plain JSON."""
        return {"kind": self.kind, "policy": self.policy.to_json(), **self._contents()}

    @classmethod
    @final
    def from_json(cls, document: object) -> Self:
        """The reverse of `to_json`; raises UserError that names the bad key."""
        fields = reading.document(document, cls.kind, ("policy", *cls.contents))
        return cls._read(Policy.from_json(fields["policy"]), fields)

    @cached_property
    def _all_names(self) -> tuple[str, ...]:
        return ("<end>", *self._names())

    @cached_property
    def _by_name(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self._all_names)}

    @classmethod
    @final
    def _checked(cls, policy: Policy) -> Policy:
        """The policy, if it has no choice that means nothing here."""
        for field, refused in cls.refuses.items():
            given = getattr(policy, field)
            if given in refused:
                rest = ", ".join(repr(choice) for choice in choices()[field] if choice not in refused)
                raise UserError(f"policy.{field}: {given!r} means nothing to {cls.kind}; wanted {rest}")
        return policy
