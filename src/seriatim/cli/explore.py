"""seriatim explore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from seriatim.cli.common import Machine, assignments, opened, say
from seriatim.cli.groups import FLAT
from seriatim.text.options import unescape


def explore(
    run: Path,
    /,
    *,
    prompt: str = "",
    top: int = 5,
    temperature: list[float] | None = None,
    given: list[str] | None = None,
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
    """
    model = opened(run, machine, "text", threads=1)
    text = unescape(prompt)
    values = dict(assignments(given or [], "--given"))
    found = {t: model.expect(text, top, t, values) for t in temperature or [1.0, 0.2]}
    for t, symbols in found.items():
        say(f"temperature {t:g}, after {text!r}:")
        for symbol, p in symbols:
            say(f"  {100 * p:6.2f} %  {symbol}")
