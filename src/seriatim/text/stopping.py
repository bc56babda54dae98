"""Strings at which a sample stops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from seriatim.errors import UserError
from seriatim.text.tokenizers.policy import Policy


def stop_strings(stop: str | Sequence[str], policy: Policy) -> list[str]:
    """Stop strings as the model writes text: in its case, its Unicode form, its spaces.

    Raises:
        UserError: if one is empty.
    """
    stops = [stop] if isinstance(stop, str) else list(stop)
    if "" in stops:
        raise UserError("a stop string is empty; expected one character or more; leave it out")
    return [policy.restore(policy.prepare(each)) for each in stops]


@final
class StopStrings:
    """Finds stop strings in text that arrives in pieces, across their boundaries.

    `push` returns the text that is final: a possible beginning of a stop string is held back.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.stops, self.found, self._held = stops, False, ""

    def push(self, text: str) -> str:
        """Take a piece; returns the text before a stop string, or all that cannot be part of one."""
        if self.found:
            return ""
        self._held += text
        hits = [at for at in (self._held.find(stop) for stop in self.stops) if at >= 0]
        if hits:
            self.found = True
            shown, self._held = self._held[: min(hits)], ""
            return shown
        keep = max((self._overlap(stop) for stop in self.stops), default=0)
        cut = len(self._held) - keep
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown

    def flush(self) -> str:
        """The held-back text, once nothing follows."""
        shown, self._held = self._held, ""
        return shown

    def _overlap(self, stop: str) -> int:
        """Length of the longest suffix of the held-back text that is a prefix of `stop`."""
        longest = min(len(stop) - 1, len(self._held))
        return next((n for n in range(longest, 0, -1) if self._held.endswith(stop[:n])), 0)
