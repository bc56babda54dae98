"""seriatim score."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seriatim.cli.common import Data, Machine, opened
from seriatim.cli.groups import FLAT, Conditions, Json
from seriatim.cli.kinds import commands
from seriatim.cli.requests import Judging
from seriatim.errors import UserError
from seriatim.series.options import SeriesOptions
from seriatim.text.options import TextOptions


def score(
    run: Path,
    /,
    *files: Data,
    limit: int | None = None,
    symbols: bool = False,
    given_frames: int | None = None,
    surprise: Path | None = None,
    conditions: Annotated[Conditions, FLAT] = Conditions(),  # noqa: B008 (frozen)
    as_json: Json = False,
    machine: Annotated[Machine, FLAT] = Machine(),  # noqa: B008
    text: Annotated[TextOptions | None, Parameter(name="--text")] = None,
    series: Annotated[SeriesOptions | None, Parameter(name="--series")] = None,
) -> None:
    """Score documents, pictures, films or recordings in bits, highest bits/char, bits/dim or bits/sample first.

    Of series, the values that surprise most are listed, in nats; drawings and labelled series by nats/step.

    Parameters
    ----------
    run
        Directory written by `seriatim train`.
    files
        Text files, JSONL, `-` for standard input, pictures, recordings, films, or folders of these.
    limit
        Score n items of each only. Default: all. Of series: list n values. Default: 20.
    symbols
        For text: also the log-probability of each symbol, in nats, given those before it.
    given_frames
        Of films: first frames that are given and not counted. Default: 0.
    surprise
        Of films: also write the first film with the surprise of every pixel, to .png, .gif or .mp4.
    as_json
        One JSON object per line.
    """
    if not files:
        raise UserError("no data is given; give files, folders, or - for standard input")
    conditions.each(files)
    model = opened(run, machine, measured=True)
    asked = Judging(run, files, conditions, as_json, text, limit=limit, symbols=symbols, series=series)
    asked = replace(asked, given_frames=given_frames, surprise=surprise)
    commands(model.kind).score(model, asked)
