"""Signals that end a run: Ctrl-C, SIGTERM and a terminal that hangs up."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

_ALWAYS = (signal.SIGINT, signal.SIGTERM)
_STOPPING = (*_ALWAYS, *((signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()))


@contextmanager
def stopping(halt: Callable[[int], None]) -> Generator[None]:
    """Let the first Ctrl-C, SIGTERM or hang-up finish the step and save; a second one acts as usual."""
    previous: dict[int, Any] = {}

    def handle(number: int, frame: object) -> None:  # noqa: ARG001
        halt(number)
        for each, old in previous.items():
            signal.signal(each, old)

    try:
        for number in _STOPPING:
            if number in _ALWAYS or signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores hang-ups
                previous[number] = signal.signal(number, handle)
    except ValueError:  # not the main thread: no signals here
        yield
        return
    try:
        yield
    finally:
        for number, old in previous.items():
            signal.signal(number, old)
