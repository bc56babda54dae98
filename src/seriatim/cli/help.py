"""The layout of `--help`: docstrings wrapped to the terminal, and no defaults that say nothing."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final, final

from cyclopts.help import DefaultFormatter

if TYPE_CHECKING:
    from cyclopts.help import HelpPanel
    from rich.console import Console, ConsoleOptions

_EMPTY: Final = ("False", "()", "[]", '""')
"""Defaults that are not shown: a switch is off and a list is empty unless given."""


@final
class Layout(DefaultFormatter):
    """cyclopts' layout for docstrings that are wrapped at the width of a source file."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """Print a panel of options or commands."""
        entries = [
            entry.copy(
                description=_flowing(entry.description), default=None if entry.default in _EMPTY else entry.default
            )
            for entry in panel.entries
        ]
        super().__call__(console, options, panel.copy(entries=entries))

    def render_description(self, console: Console, options: ConsoleOptions, description: Any) -> None:
        """Print the description of a command."""
        super().render_description(console, options, _flowing(description))


def unwrapped(text: str) -> str:
    """A docstring with each paragraph on one line; indented lines, such as examples, stay apart."""
    lines: list[str] = []
    apart = True  # whether the next line begins a new one
    for line in inspect.cleandoc(text).splitlines():
        indented = not line or line.startswith(" ")
        if apart or indented:
            lines.append(line)
        else:
            lines[-1] += f" {line}"
        apart = indented
    return "\n".join(lines)


def _flowing(description: Any) -> Any:
    """A description of cyclopts' with its text unwrapped; anything but plain text is left alone."""
    from rich.text import Text

    text = getattr(description, "primary_renderable", None)
    if isinstance(text, Text):
        description.primary_renderable = Text(unwrapped(text.plain), end=text.end)
    return description
