"""seriatim score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seriatim.cli.common import Data, opened
from seriatim.cli.groups import FLAT, Conditions, Json, Machine
from seriatim.cli.kinds import commands
from seriatim.cli.requests import Judging
from seriatim.errors import UserError
from seriatim.text.options import TextOptions


def score(
    run: Path,
    /,
    *files: Data,
    limit: int | None = None,
    conditions: Annotated[Conditions, FLAT] = Conditions(),  # noqa: B008 (frozen)
    as_json: Json = False,
    machine: Annotated[Machine, FLAT] = Machine(),  # noqa: B008
    text: Annotated[TextOptions | None, Parameter(name="--text")] = None,
) -> None:
    """Bits of each document, picture or recording, the most surprising (bits/char, bits/dim, bits/sample) first.

    Parameters
    ----------
    run
        The directory that `seriatim train` has written.
    files
        Texts, folders or JSONL, `-` for standard input; pictures, recordings, or folders of them.
    limit
        Look at n items of each only.
    as_json
        One JSON object a line.
    """
    if not files:
        raise UserError("nothing is given to score; give files, folders, or - for standard input")
    conditions.each(files)
    model = opened(run, machine)
    commands(model.kind).score(model, Judging(run, files, conditions, as_json, text, limit=limit))
