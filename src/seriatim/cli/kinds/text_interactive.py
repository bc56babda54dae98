"""Sampling of text line by line: each line typed is continued, or is a source to write a text for."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from seriatim.cli.common import Screen, only
from seriatim.cli.requests import Drawing
from seriatim.errors import UserError, tell
from seriatim.text.data.corpus import SOURCE
from seriatim.text.options import unescape

if TYPE_CHECKING:
    from seriatim.text.model import TextModel

_ALLOWED = (
    *("interactive", "seed", "given", "guidance", "temperature", "top-k", "top-p", "min-p", "typical", "repetition"),
    *("presence", "frequency", "bias", "forbid", "max-length", "min-length", "stop", "device", "threads", "backend"),
)


def interact(model: TextModel, asked: Drawing, options: dict[str, Any]) -> None:
    """Continue each line that is typed; an empty one goes on with the last text.

    Args:
        model: the model; of pairs, each line is a source.
        asked: the request.
        options: keyword arguments of `TextModel.stream`.
    """
    from seriatim.walks.noise import own_seeds

    only("an interactive session", _ALLOWED)
    if asked.n != 1 or asked.output.output is not None:  # these may be typed as -n and -o
        raise UserError("-n and -o do not apply to an interactive session, which shows one text a line; leave them out")
    paired = SOURCE in model.conditions
    what = "a source for each text" if paired else "the beginning of a text; an empty line continues the last one"
    tell(f"type {what}. Ctrl-C stops a text, Ctrl-D ends the session.")
    text, screen = "", Screen()
    for turn, line in enumerate(_lines()):
        own: dict[str, Any] = {**options, "seed": own_seeds(options["seed"], turn + 1)[turn], "slide": True}
        if paired:
            own["given"] = {**options["given"], SOURCE: line.strip()}
        written: list[str] = []
        try:
            for piece in model.stream("" if paired else unescape(line) or text, **own):
                written.append(piece)
                screen.write(piece)
                screen.flush()
        except KeyboardInterrupt:
            pass
        except UserError as error:  # this line is at fault, not the session
            tell(f"seriatim: {error}")
        text = "".join(written) or text
        print()


def _lines() -> Iterator[str]:
    """The lines typed, with a prompt and a history on a terminal, until the end of the input."""
    if not sys.stdin.isatty():
        yield from (line.rstrip("\r\n") for line in sys.stdin)
        return
    with contextlib.suppress(ImportError):  # Windows has none
        import readline  # noqa: F401  # pyright: ignore[reportUnusedImport] (it gives `input` its history)
    while True:
        try:
            yield input("> ")
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            print()
