"""The symbols of a tokenizer that learns a list of pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, final

from seriatim.errors import UserError
from seriatim.text.tokenizers import casing, names
from seriatim.text.tokenizers.policy import Policy

UNKNOWN: Final = "<unk>"


@final
class Vocabulary:
    """`<end>`, `<unk>` and case marks according to the policy, reserved pieces, 256 bytes for unknown text, then the
    learned pieces.
    """

    def __init__(self, policy: Policy, reserved: Sequence[str], learned: Sequence[str]) -> None:
        unknown = (UNKNOWN,) if policy.unknown == "unk" else ()
        marks = casing.MARKS if policy.casing == "mark" else ()
        spelled = [bytes([byte]) for byte in range(256)] if policy.unknown == "bytes" else []
        head = (*unknown, *marks, *reserved)
        self.learned = tuple(learned)
        self.table: tuple[str | bytes, ...] = ("", *head, *spelled, *learned)
        """The piece of each symbol; empty for `<end>`."""
        self.index = {piece: i for i, piece in enumerate(self.table) if i and isinstance(piece, str)}
        """The symbol of each piece."""
        self.unknown = self.index[UNKNOWN] if unknown else None
        self._bytes = 1 + len(head)
        for place, piece in enumerate(learned):
            if piece in (*head, ""):
                raise UserError(f"pieces[{place}]: {piece!r} is reserved")

    def spell(self, text: str) -> list[int]:
        """The symbols of the bytes of a text, under the policy "bytes"."""
        return [self._bytes + byte for byte in text.encode()]

    def names(self) -> Iterable[str]:
        """The names of all symbols except `<end>`."""
        for index, piece in enumerate(self.table[1:], start=1):
            if isinstance(piece, bytes):
                yield names.of_bytes(piece)
            else:
                yield UNKNOWN if index == self.unknown else names.of_text(piece)


def choose(
    counts: Counter[str], policy: Policy, reserved: Sequence[str], size: int | None, min_count: int
) -> Vocabulary:
    """The most frequent pieces that fit into `size` symbols; ties are broken alphabetically."""
    given = Vocabulary(policy, reserved, ())
    taken = len(given.table)
    if size is not None and size < taken:
        raise UserError(f"size: expected {taken} or more, for <end> and the policy's other symbols; got {size}")
    pieces = [piece for piece, count in counts.items() if count >= min_count and piece not in given.index]
    pieces.sort(key=lambda piece: (-counts[piece], piece))
    return Vocabulary(policy, reserved, pieces if size is None else pieces[: size - taken])
