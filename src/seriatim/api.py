"""Training and loading in a line of Python each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seriatim.data import TextOptions
from seriatim.text import TextModel
from seriatim.training.options import TokenOptions, TrainOptions
from seriatim.training.run import Plan, default_folder, locate, pick_device, plan_of, resume, start


def train(
    data: str | Path,
    model: str = "transformer",
    *,
    out: str | Path | None = None,
    net: Mapping[str, Any] | None = None,
    tokens: TokenOptions | None = None,
    text: TextOptions | None = None,
    resuming: bool = False,
    quiet: bool = False,
    **options: Any,
) -> TextModel:
    """Train a model on text.

    Args:
        data: a file, a folder, JSONL, or the name of a data set.
        model: a family: rnn, lstm, gru, transformer.
        out: where the run is kept; None: runs/DATA-MODEL.
        net: sizes of the model, such as {"width": 256, "layers": 6}.
        tokens: how text becomes symbols.
        text: how data is read and divided.
        resuming: go on with the run in `out` as if it had never stopped; everything else is taken from it.
        quiet: no progress.
        options: fields of `TrainOptions`, such as steps=500, lr=1e-3.

    Returns:
        The best model on validation.

    Raises:
        UserError: on impossible options or bad data.
        seriatim.errors.Interrupted: after Ctrl-C, with everything saved.
    """
    if resuming:
        folder = Path(out if out is not None else "")
        plan, fingerprint = plan_of(folder)
        return resume(folder, plan, fingerprint, quiet=quiet)
    plan = Plan(
        data=locate(data),
        family=model,
        net=dict(net or {}),
        tokens=tokens or TokenOptions(),
        text=text or TextOptions(),
        train=TrainOptions(**options),
    )
    return start(plan, default_folder(plan) if out is None else Path(out), quiet=quiet)


def load(run: str | Path, device: str = "auto") -> TextModel:
    """Open a run's directory.

    Raises:
        UserError: if it is missing, damaged or not what it says.
    """
    return TextModel.load(Path(run), pick_device(device))
