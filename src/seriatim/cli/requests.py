"""Requests of commands, as passed to the module of a kind of data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from seriatim.cli.groups import Ahead, Conditions, Extent, Output, Penalties, Prompt, Reading, Search, Steering
from seriatim.series.options import SeriesOptions
from seriatim.text.options import TextOptions


@dataclass(frozen=True)
class Drawing:
    """A request of `seriatim sample`."""

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
    """A request of `seriatim evaluate`, `seriatim score` or `seriatim classify`."""

    run: Path
    data: tuple[str, ...]
    """The data; if empty, the run's own."""
    conditions: Conditions
    as_json: bool
    text: TextOptions | None = None
    """Reading options for text, as typed."""
    split: str | None = None
    limit: int | None = None
    how: Reading = field(default_factory=Reading)
    symbols: bool = False
    """Whether to list the symbols of texts."""
    ahead: Ahead = field(default_factory=Ahead)
    series: SeriesOptions | None = None
    """Reading options for series, as typed."""
    given_frames: int | None = None
    """First frames of films that are given; None: as in training."""
    surprise: Path | None = None
    """Where to draw the surprise of a film."""
