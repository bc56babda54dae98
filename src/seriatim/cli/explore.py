"""seriatim explore."""

from __future__ import annotations

from pathlib import Path

from seriatim.cli.common import assignments, open_model


def explore(
    run: Path,
    /,
    *,
    prompt: str = "",
    top: int = 5,
    temperature: list[float] | None = None,
    given: list[str] | None = None,
    device: str = "auto",
) -> None:
    r"""What the model expects next: the most likely symbols after a prompt, with their probabilities.

    Parameters
    ----------
    run
        The directory that `seriatim train` has written.
    prompt
        What stands before. \n and \t are understood.
    top
        How many symbols to show.
    temperature
        May be given several times; 1.0 and 0.2 by default.
    given
        A condition, NAME=VALUE; may be given several times.
    device
        cpu, cuda, mps or auto.
    """
    model = open_model(run, device, 1)
    text = prompt.replace("\\n", "\n").replace("\\t", "\t")
    values = dict(assignments(given or [], "--given"))
    found = {t: model.expect(text, top, t, values) for t in temperature or [1.0, 0.2]}
    for t, symbols in found.items():
        print(f"temperature {t:g}, after {text!r}:")
        for symbol, p in symbols:
            print(f"  {100 * p:6.2f} %  {symbol}")
