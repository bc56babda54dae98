"""Training and loading in a line of Python each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seriatim.data import TextOptions
from seriatim.data.gallery import ImageOptions
from seriatim.data.recordings import AudioOptions
from seriatim.opening import Trained, open_run
from seriatim.training.options import CodeOptions, SourceOptions, TokenOptions, TrainOptions
from seriatim.training.plan import Plan, usual_family, usual_training
from seriatim.training.run import default_folder, locate, locate_own, locate_source, pick_device, plan_of, resume, start


def train(
    data: str | Path,
    model: str | None = None,
    *,
    out: str | Path | None = None,
    net: Mapping[str, Any] | None = None,
    tokens: TokenOptions | None = None,
    text: TextOptions | None = None,
    source: SourceOptions | None = None,
    image: ImageOptions | None = None,
    code: CodeOptions | None = None,
    audio: AudioOptions | None = None,
    resuming: bool = False,
    quiet: bool = False,
    **options: Any,
) -> Trained:
    """Train a model on text, on pictures or on sound.

    Args:
        data: a file, a folder, JSONL, a folder of pictures or of recordings, or the name of a data set.
        model: a family, a key of `seriatim.models.FAMILIES`; None: transformer for text, gated-pixelcnn for pictures,
            wavenet for sound.
        out: where the run is kept; None: runs/DATA-MODEL.
        net: sizes of the model, such as {"width": 256, "layers": 6}.
        tokens: how text becomes symbols.
        text: how text is read and divided.
        source: how the source of each text is read, of pairs.
        image: how pictures are read and divided.
        code: of an auto-encoder of pictures.
        audio: how sound is read, divided and put on levels.
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
    chosen = model or usual_family(data)
    plan = Plan(
        data=locate(data),
        family=chosen,
        net=dict(net or {}),
        tokens=tokens or TokenOptions(),
        text=locate_source(text or TextOptions(), data),
        source=source or SourceOptions(),
        image=locate_own(image or ImageOptions()),
        code=code or CodeOptions(),
        audio=locate_own(audio or AudioOptions()),
        train=TrainOptions(**{**usual_training(chosen), **options}),
    )
    return start(plan, default_folder(plan) if out is None else Path(out), quiet=quiet)


def load(run: str | Path, device: str = "auto") -> Trained:
    """Open a run's directory.

    Raises:
        UserError: if it is missing, damaged or not what it says.
    """
    return open_run(run, pick_device(device))
