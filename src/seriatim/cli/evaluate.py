"""seriatim evaluate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seriatim.cli.common import Data, Machine, opened
from seriatim.cli.groups import FLAT, Ahead, Conditions, Json, Reading
from seriatim.cli.kinds import commands
from seriatim.cli.requests import Judging
from seriatim.series.options import SeriesOptions
from seriatim.text.options import TextOptions


def evaluate(
    run: Path,
    data: Data | None = None,
    /,
    *,
    split: str | None = None,
    limit: int | None = None,
    given_frames: int | None = None,
    conditions: Annotated[Conditions, FLAT] = Conditions(),  # noqa: B008 (frozen)
    how: Annotated[Reading, FLAT] = Reading(),  # noqa: B008
    ahead: Annotated[Ahead, FLAT] = Ahead(),  # noqa: B008
    as_json: Json = False,
    machine: Annotated[Machine, FLAT] = Machine(),  # noqa: B008
    text: Annotated[TextOptions | None, Parameter(name="--text")] = None,
    series: Annotated[SeriesOptions | None, Parameter(name="--series")] = None,
) -> None:
    """Evaluate the exact likelihood of held-out data, with standard errors.

    Text: nats/token, perplexity, bits/char and bits/byte; each document's end counts as a symbol, and standard errors
    come from blocks of 256 symbols. Pictures: bits/dim and nats/image. Audio: bits/sample with the quantiser, and
    standard errors over recordings. Series: nats/value given what precedes each window, and forecasts from rolling
    origins beside a seasonal naive. Drawings and labelled series: nats/step, where a step is a point or the end.
    Films: nats/frame and bits/dim of clips, frame by frame, with standard errors over films.

    Parameters
    ----------
    run
        Directory written by `seriatim train`.
    data
        Data to evaluate on; your own files are evaluated whole. Default: the run's own data.
    split
        train, validation or test. Default: test, or else validation.
    limit
        Evaluate n items only. Default: all.
    given_frames
        Of films: first frames of each clip that are given and not counted. Default: as in training.
    as_json
        One JSON object on standard output.
    """
    model = opened(run, machine, measured=True)
    given = () if data is None else (data,)
    asked = Judging(run, given, conditions, as_json, text, split, limit, how, ahead=ahead, series=series)
    asked = replace(asked, given_frames=given_frames)
    commands(model.kind).evaluate(model, asked)
