"""The one exception that a user is meant to read."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from contextlib import suppress

_NAMED = 20  # a message lists at most this many names


class UserError(Exception):
    """What was given, what was wanted, what to do: one line. The command line prints it and exits with 2."""


class Interrupted(Exception):  # noqa: N818
    """Ctrl-C or SIGTERM came, and everything is saved. Says how to go on; the command line exits with 130."""


def tell(line: str) -> None:
    """Print a line on standard error, what is quoted in it escaped; nobody may read it any more, and work goes on."""
    with suppress(OSError, ValueError):
        print(visible(line), file=sys.stderr, flush=True)


def visible(text: str) -> str:
    """Text of others for a terminal: control characters, which could move its cursor or worse, become escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def nearest(given: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, else the known ones, of many the first."""
    names = [str(name) for name in known]
    close = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    some = ", ".join(sorted(names)[:_NAMED]) or "none"
    return f"known: {some}" + (f", … ({len(names):,} in all)" if len(names) > _NAMED else "")
