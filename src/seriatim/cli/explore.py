"""seriatim explore."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seriatim.cli.common import Machine, assignments, opened, say
from seriatim.cli.groups import FLAT, Json
from seriatim.errors import UserError
from seriatim.text.data.corpus import SOURCE
from seriatim.text.options import unescape


def explore(
    run: Path,
    /,
    *,
    prompt: str = "",
    top: int = 5,
    temperature: list[float] | None = None,
    given: list[str] | None = None,
    source: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    as_json: Json = False,
    machine: Annotated[Machine, FLAT] = Machine(),  # noqa: B008 (frozen)
) -> None:
    r"""Show the most likely next symbols after a prompt, with their probabilities.

    Parameters
    ----------
    run
        Directory written by `seriatim train`.
    prompt
        Text to continue; \n, \t, \r and \\ are escapes.
    top
        Number of symbols to show.
    temperature
        Sampling temperature. Default: 1.0 and 0.2. Repeatable.
    given
        A condition, NAME=VALUE. Repeatable.
    source
        For models trained on pairs: the source of the text.
    as_json
        One JSON object for each temperature.
    """
    model = opened(run, machine, "text", threads=1)
    text = unescape(prompt)
    values = dict(assignments(given or [], "--given"))
    if source is not None:
        if SOURCE in values:
            raise UserError("the source is given twice; give it once")
        values[SOURCE] = source
    found = {t: model.expect(text, top, t, values) for t in temperature or [1.0, 0.2]}
    for t, symbols in found.items():
        if as_json:
            print(json.dumps({"temperature": t, "prompt": text, "symbols": dict(symbols)}))
            continue
        say(f"temperature {t:g}, after {text!r}:")
        for symbol, p in symbols:
            say(f"  {100 * p:6.2f} %  {symbol}")
