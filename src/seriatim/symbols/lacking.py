"""Which items lack a condition that a model takes: it is not there, or the model does not know its value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from seriatim.errors import UserError
from seriatim.symbols.given import encode_given
from seriatim.symbols.label import Labels, Numbers

_SHOWN = 5  # values named in a sentence


@final
@dataclass(frozen=True)
class Lacking:
    """How many items lack a condition.

    Attributes:
        name: of the condition.
        items: all of them.
        missing: those whose value is not there, or not known to the model.
        unknown: {value that the model does not know: the number of items with it}.
        known: the values that the model knows, if they are labels.

    Example:
        >>> _, lacking = heard("genre", Labels(["folk", "jazz"]), ["folk", "rock", None])
        >>> lacking.missing, dict(lacking.unknown)
        (2, {'rock': 1})
        >>> lacking.sentence("songs")
        "genre counts as missing for 2 of 3 songs; unknown: 'rock' (1); the model knows 'folk', 'jazz'"
    """

    name: str
    items: int
    missing: int
    unknown: Mapping[str, int] = field(default_factory=dict[str, int])
    known: Sequence[str] = ()

    def sentence(self, items: str) -> str:
        """What a user is told; `items`: what they are called, in the plural."""
        said = f"{self.name} counts as missing for {self.missing:,} of {self.items:,} {items}"
        if not self.unknown:
            return said
        counted = [f"{value!r:.60} ({count:,})" for value, count in self.unknown.items()]
        known = f"; the model knows {_some([f'{value!r:.60}' for value in self.known])}" if self.known else ""
        return f"{said}; unknown: {_some(counted)}{known}"

    def to_json(self) -> dict[str, Any]:
        """The counts."""
        return {"items": self.items, "missing": self.missing, "unknown": dict(self.unknown)}


def heard(name: str, codec: Labels | Numbers, values: Sequence[Any]) -> tuple[list[Any], Lacking]:
    """The values that a codec knows, None for the others; and how many those are."""
    unknown: Counter[str] = Counter()
    fine: dict[Any, bool] = {}
    found: list[Any] = []
    for value in values:
        if value is not None and value not in fine:
            fine[value] = _encodes(codec, value)
        if value is not None and not fine[value]:
            unknown[str(value)] += 1
        found.append(value if value is not None and fine[value] else None)
    known = codec.values if isinstance(codec, Labels) else ()
    return found, Lacking(name, len(found), found.count(None), dict(unknown.most_common()), known)


def together(parts: Iterable[Lacking]) -> list[Lacking]:
    """The sums over several sets of items, one for each condition."""
    found: dict[str, Lacking] = {}
    for each in parts:
        before = found.get(each.name, Lacking(each.name, 0, 0))
        unknown = Counter(before.unknown) + Counter(each.unknown)
        sums = before.items + each.items, before.missing + each.missing
        found[each.name] = Lacking(each.name, *sums, dict(unknown.most_common()), each.known)
    return list(found.values())


def given_key(names: Sequence[str]) -> str:
    """The end of a figure's key for a model with these conditions: "_given_label"; nothing without any."""
    return f"_given_{'_'.join(names)}" if names else ""


def given_words(names: Sequence[str]) -> str:
    """The same for display: " given label"."""
    return f" given {', '.join(names)}" if names else ""


def _encodes(codec: Labels | Numbers, value: Any) -> bool:
    try:
        encode_given(value, codec, "")
    except UserError:
        return False
    return True


def _some(words: Sequence[str]) -> str:
    return ", ".join(words[:_SHOWN]) + (f" and {len(words) - _SHOWN:,} more" if len(words) > _SHOWN else "")
