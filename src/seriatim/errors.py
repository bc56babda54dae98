"""The one exception that a user is meant to read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_NAMED = 20  # a message lists at most this many names


class UserError(Exception):
    """What was given, what was wanted, what to do: one line. The command line prints it and exits with 2."""


class Interrupted(Exception):  # noqa: N818
    """Ctrl-C or SIGTERM came, and everything is saved. Says how to go on; the command line exits with 130."""


def nearest(given: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, else the known ones, of many the first."""
    names = [str(name) for name in known]
    close = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    some = ", ".join(sorted(names)[:_NAMED]) or "none"
    return f"known: {some}" + (f", … ({len(names):,} in all)" if len(names) > _NAMED else "")
