"""What is asked of a model on the command line, as the module of its kind of data gets it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from seriatim.cli.groups import Conditions, Extent, Output, Penalties, Prompt, Reading, Search, Steering
from seriatim.text.options import TextOptions


@dataclass(frozen=True)
class Drawing:
    """What `seriatim sample` is asked for."""

    run: Path
    n: int
    seeds: int | list[int]
    prompt: Prompt
    extent: Extent
    steering: Steering
    penalties: Penalties
    search: Search
    output: Output


@dataclass(frozen=True)
class Judging:
    """What `seriatim evaluate` and `seriatim score` are asked for."""

    run: Path
    data: tuple[str, ...]
    """What to look at; nothing: what the run was trained on."""
    conditions: Conditions
    as_json: bool
    text: TextOptions | None = None
    """How text is read, as far as it was typed."""
    split: str | None = None
    limit: int | None = None
    how: Reading = field(default_factory=Reading)
