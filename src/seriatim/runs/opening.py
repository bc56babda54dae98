"""Opening a run, whatever it is a model of."""

from __future__ import annotations

from pathlib import Path

import torch

from seriatim.errors import UserError
from seriatim.modality import modality
from seriatim.models import Model
from seriatim.runs import checkpoint
from seriatim.runs.trained import Trained


def open_run(run: str | Path, device: str = "cpu", model: Model | None = None) -> Trained:
    """Open a run's directory.

    Args:
        run: the directory.
        device: cpu, cuda, mps.
        model: of a run saved under `custom`: a model of the same shapes, which takes the tensors.

    Raises:
        UserError: if it is missing, damaged or of a kind that this program does not know.
    """
    loaded = checkpoint.load(Path(run), device, model)
    return modality(loaded.modality).model()(loaded.model, loaded.codecs, loaded.family, loaded.about)


def pick_device(name: str) -> str:
    """The device of that name, or the fastest there is for "auto".

    Raises:
        UserError: if it is not there.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(kind for kind in ("cuda", "mps", "cpu") if there[kind])
    kind = name.split(":")[0]
    if not there.get(kind, False):
        raise UserError(
            f"device {name!r} is not to be had here; there is {', '.join(k for k, ok in there.items() if ok)}"
        )
    return name
