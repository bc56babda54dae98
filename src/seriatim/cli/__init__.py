"""The command line. Only `main` turns errors into a message and an exit code."""

from __future__ import annotations

import difflib
import io
import os
import re
import sys
from collections.abc import Sequence
from contextvars import copy_context

from seriatim.errors import Interrupted, UserError, tell

_LONGEST = 600  # characters of a message
_SWITCHED = ("true", "false", "yes", "no", "on", "off")
_UNKNOWN = re.compile(r'(?P<said>Unknown option: "?(?P<option>--[a-z-]+)"?\.)')
_SHORT = {  # options that people type most, before those of the groups
    "train": [
        *("--steps", "--epochs", "--batch", "--lr", "--seed", "--device", "--threads", "--out", "--model", "--preset"),
        *("--kind", "--config", "--resume", "--folds", "--search", "--from", "--quiet"),
    ]
}
_NO_MEMORY = ("out of memory", "can't allocate memory")  # torch's messages on a GPU and on the CPU


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 2 for a user's error, 130 after Ctrl-C.

    A user's error is one line on standard error. A traceback is a bug in Seriatim.
    """
    return copy_context().run(_main, arguments)  # what is set for this command ends with it


def _main(arguments: Sequence[str] | None) -> int:
    from cyclopts import CycloptsError, UnusedCliTokensError

    from seriatim.cli.app import app
    from seriatim.cli.common import words
    from seriatim.cli.lists import lengthened, spread

    given = lengthened(sys.argv[1:] if arguments is None else arguments)
    words.set(tuple(given))
    try:
        result = app(spread(given), exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except UnusedCliTokensError as error:
        extra = (error.unused_tokens or ["?"])[0]
        switch = "; to turn a switch off, write --image.given=false" if extra.lower() in _SWITCHED else ""
        return _fail(f"unexpected argument {extra!r}; leave it out{switch}")
    except CycloptsError as error:
        return _fail(_nearer(str(error).replace("\n", " "), given))
    except UserError as error:
        return _fail(str(error))
    except Interrupted as stop:
        tell(str(stop))
        return 130
    except KeyboardInterrupt:
        tell("interrupted")
        return 130
    except BrokenPipeError:  # `seriatim sample … | head`: the reader has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(f"{error.filename or 'input or output'}: {error.strerror or error}")
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and not any(sign in str(error).lower() for sign in _NO_MEMORY):
            raise
        return _fail("out of memory; reduce the batch (-n, --train.batch), the context or the model's size")


def _nearer(message: str, typed: Sequence[str]) -> str:
    """A message on an unknown option, with the nearest of the command's short options if one is near."""
    found = _UNKNOWN.match(message)
    if found is None or not typed or typed[0] not in _SHORT:
        return message
    close = difflib.get_close_matches(found["option"], _SHORT[typed[0]], n=1, cutoff=0.7)
    return f"{found['said']} Did you mean {close[0]}?" if close else message


def _fail(message: str) -> int:
    half = _LONGEST // 2
    short = message if len(message) <= _LONGEST else f"{message[:half]} … {message[-half:]}"  # the advice comes last
    tell(f"seriatim: {short}")
    return 2


def run() -> None:
    """The console script. Output is UTF-8 whatever the locale, as input is."""
    # threads that wait for work spin: long enough, they take the time of those that have some on a busy machine
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # read when torch is loaded
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.exit(main())
