"""The progress bar of training, commands and downloads: on standard error, and only if that is a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self, final

if TYPE_CHECKING:
    from types import TracebackType

_PAUSE = 0.05  # seconds between updates


@final
class Bar:
    """A progress bar, shown from `with` or `open` until `close`.

    Args:
        words: what is being done.
        total: how much there is to do.
        done: how much is done already.
        in_bytes: show sizes and speed instead of counts and the time left.
        stays: leave the bar on the screen when it is closed.
        quiet: show nothing even on a terminal.
    """

    def __init__(
        self, words: str, total: int, done: int = 0, *, in_bytes: bool = False, stays: bool = False, quiet: bool = False
    ) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        console = Console(stderr=True, highlight=False)
        self.shown = console.is_terminal and not quiet
        numbers = (
            (DownloadColumn(), TransferSpeedColumn()) if in_bytes else (MofNCompleteColumn(), TimeRemainingColumn())
        )
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            *numbers,
            console=console,
            disable=not self.shown,
            transient=not stays,
        )
        self._task = self._progress.add_task(words, total=total, completed=done)
        self.total, self._updated = total, 0.0

    def open(self) -> Self:
        """Show the bar."""
        self._progress.start()
        return self

    def to(self, done: int, words: str | None = None) -> None:
        """Move the bar to `done`; calls in quick succession are shown now and then, the last one always."""
        now = time.perf_counter()
        if self.shown and (done >= self.total or now - self._updated >= _PAUSE):
            self._updated = now
            self._safely(lambda: self._progress.update(self._task, completed=done, description=words))

    def print(self, text: str) -> None:
        """Print a line above the bar."""
        self._safely(lambda: self._progress.console.print(text, markup=False))

    def _safely(self, show: Callable[[], None]) -> None:
        """Show something; a terminal that has gone away is no reason to stop the work."""
        try:
            show()
        except OSError:
            self.shown = False

    def close(self) -> None:
        """Stop the bar."""
        self._safely(self._progress.stop)

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def offset(progress: Callable[[int], None], done: int) -> Callable[[int], None]:
    """The same progress, offset by `done`."""
    return lambda count: progress(done + count)
