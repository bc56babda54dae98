"""The base class of tokenizers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
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

    Symbol 0 is always `<end>`: it ends a document, and is also what a model sees before the first symbol. Padding is
    never a symbol: it is masked, with value 0.

    Laws: `decode(encode(x)) == normalise(x)` for every text x that `encode` accepts, and `normalise(x) == x` if the
    tokenizer is `lossless`. The same holds for the blocks of a text in turn (`encode_blocks`). Documents joined by
    `<end>` decode to their texts joined.
    """

    kind: ClassVar[str]
    contents: ClassVar[tuple[str, ...]]
    """The keys of its JSON besides `kind` and `policy`."""
    refuses: ClassVar[Mapping[str, tuple[str, ...]]]
    """The choices of the policy that do not apply."""
    usual: ClassVar[Policy] = Policy()
    """The policy that `train` takes unless one is given."""
    end: ClassVar[int] = END

    policy: Policy

    # Provided by each kind.

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of symbols, including `<end>`."""

    @property
    @abstractmethod
    def unknown(self) -> int | None:
        """The symbol `<unk>`, if the policy has one."""

    @classmethod
    @abstractmethod
    def _learn(cls, texts: Iterator[str], policy: Policy, size: int | None, min_count: int) -> Self:
        """Train on prepared texts, of which at least one is not empty."""

    @abstractmethod
    def _encoded(self, prepared: str) -> Ids:
        """The symbols of a prepared text."""

    def _encoder(self) -> Callable[[str], Ids]:
        """An encoder of the prepared blocks of one text in turn. Default: each by itself."""
        return self._encoded

    @abstractmethod
    def _known(self, prepared: str) -> str:
        """The prepared text with unknown pieces replaced according to the policy."""

    @abstractmethod
    def _renderer(self) -> Renderer:
        """A renderer of symbols as prepared text."""

    @abstractmethod
    def _names(self) -> Iterable[str]:
        """The names of all symbols except `<end>`, in order."""

    @abstractmethod
    def _contents(self) -> dict[str, Any]:
        """The values of the JSON keys `contents`."""

    def _unseen(self, prepared: str) -> int:
        """Number of pieces of a prepared text without a symbol of their own. Default: 0."""
        del prepared
        return 0

    @classmethod
    @abstractmethod
    def _read(cls, policy: Policy, document: Mapping[str, Any]) -> Self:
        """The inverse of `_contents`; each value is unchecked."""

    # Shared by all kinds.

    @classmethod
    @final
    def train(
        cls, documents: Iterable[str], policy: Policy | None = None, size: int | None = None, min_count: int = 1
    ) -> Self:
        """Learn the symbols from blocks of text, which are read once and not kept.

        size: most symbols, including `<end>`; None for the kind's default.
        min_count: fewest occurrences of a piece with a symbol of its own.
        """
        policy = cls._checked(policy or cls.usual)
        if isinstance(documents, str):
            raise UserError("documents: expected an iterable of texts, got one text; put it in a list")
        if min_count < 1:
            raise UserError(f"min_count: expected 1 or more, got {min_count}")
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
    def encode_blocks(self, blocks: Iterable[str], /) -> Iterator[tuple[str, Ids]]:
        """The blocks of one text, each with its symbols; together they decode to the whole text."""
        encode = self._encoder()
        for block in blocks:
            yield block, encode(self.policy.prepare(block))

    @final
    def decode(self, ids: Iterable[SupportsIndex], /) -> str:
        """The text of any symbols; `<end>` is skipped, and the text after it is that of a new document."""
        stream = self.stream()
        return "".join(map(stream.push, ids)) + stream.flush()

    @final
    def stream(self) -> TextStream:
        """A decoder of symbols as they arrive, each in constant time."""
        return TextStream(self.size, self._renderer(), self.policy.restorer())

    @property
    @final
    def lossless(self) -> bool:
        """Whether `decode(encode(x)) == x` for every text without lone surrogates."""
        return self.policy.reversible and self.policy.unknown == "bytes"

    @final
    def normalise(self, text: str) -> str:
        """What `decode(encode(text))` gives: the text as the policy changes it."""
        return self.policy.restore(self._known(self.policy.prepare(text)))

    @final
    def unseen(self, text: str, /) -> int:
        """Number of characters (words, or bytes for subwords) of a text without a symbol of their own.

        They are missing from the training text, or too rare; the policy determines how they are encoded.
        """
        return self._unseen(self.policy.prepare(text))

    @final
    def symbol(self, index: int) -> str:
        r"""The printable name of a symbol: `the`, `<end>`, `<unk>`, `<0x0A>`, `<cap>`, `\n`."""
        if not 0 <= index < self.size:
            raise UserError(f"symbol {index}: expected 0 to {self.size - 1}, the symbols of this tokenizer")
        return self._all_names[index]

    @final
    def find(self, name: str) -> int:
        """The symbol with this name."""
        if name not in self._by_name:
            raise UserError(f"symbol {name!r}: there is none of this name; {nearest(name, self._by_name)}")
        return self._by_name[name]

    @final
    def to_json(self) -> dict[str, Any]:
        """The tokenizer as plain JSON, for `from_json`."""
        return {"kind": self.kind, "policy": self.policy.to_json(), **self._contents()}

    @classmethod
    @final
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`; raises a UserError that names the bad key."""
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
        """The policy, if all its choices apply."""
        for field, refused in cls.refuses.items():
            given = getattr(policy, field)
            if given in refused:
                rest = [repr(choice) for choice in choices()[field] if choice not in refused]
                rest = ", ".join(rest if len(rest) < 9 else [*rest[:8], "…"])
                raise UserError(f"policy.{field}: {given!r} does not apply to {cls.kind}; expected {rest}")
        return policy
