"""A few small pictures of one's own, and runs trained on them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from dividing import divided
from seriatim.data.options import DataOptions
from seriatim.errors import Interrupted
from seriatim.image.options import CodeOptions, ImageOptions
from seriatim.runs import files
from seriatim.training.loop import Loop
from seriatim.training.options import TrainOptions
from seriatim.training.plan import Plan
from seriatim.training.run import Means, plan_of, resume, start

QUIET = Means(quiet=True)

SIZE = (6, 5)
NET: dict[str, dict[str, Any]] = {
    "pixelcnn": {"filters": 12, "blocks": 1, "kernel": 3},
    "gated-pixelcnn": {"filters": 12, "layers": 2, "first": 3},
    "multiscale": {"filters": 12, "layers": 2, "up": 4},
    "row-lstm": {"filters": 6, "layers": 2, "first": 3},
    "diagonal-bilstm": {"filters": 6, "layers": 2, "first": 3},
    "pixelcnn++": {"filters": 8, "resnets": 1, "sizes": 2, "mixtures": 3},
    "pixelsnail": {"filters": 8, "blocks": 1, "resnets": 1, "keys": 4, "values": 8, "mixtures": 3},
}


def picture(number: int, colours: int = 1) -> NDArray[np.uint8]:
    """Even numbers are lighter above, odd ones to the left; no two are the same."""
    random = np.random.default_rng(number)
    ramp = np.linspace(40, 215, SIZE[number % 2]).astype(np.int64)
    plain = np.broadcast_to(ramp[:, None] if number % 2 == 0 else ramp, SIZE)
    return (plain[..., None] + random.integers(-35, 36, (*SIZE, colours))).clip(0, 255).astype(np.uint8)


def folder_of(place: Path, count: int = 60, colours: int = 1) -> Path:
    """Pictures in two subfolders, which are their labels."""
    folder = place / f"pictures-{colours}"
    for number in range(count):
        x = picture(number, colours)
        path = folder / ("down" if number % 2 == 0 else "across") / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x[..., 0] if colours == 1 else x).save(path)
    return folder


def maps_of(folder: Path, count: int = 60) -> Path:
    """For each of `folder_of`'s pictures another, smaller one in colour, as BMP: its every second pixel, darker."""
    place = folder.parent / f"{folder.name}-maps"
    for number in range(count):
        name = Path("down" if number % 2 == 0 else "across") / f"{number:03d}.bmp"
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(map_of(number)).save(place / name)
    return place


def map_of(number: int) -> NDArray[np.uint8]:
    """(3, 3, 3)."""
    return np.repeat(picture(number)[::2, ::2] // 2, 3, -1) + np.array([0, 20, 40], np.uint8)


def plan(
    data: Path | str,
    family: str = "gated-pixelcnn",
    image: dict[str, Any] | None = None,
    code: CodeOptions | None = None,
    **options: Any,
) -> Plan:
    """A plan for a run of a second or two; `image` says how pictures are read and divided."""
    train = {"steps": 12, "batch": 8, "evaluate_every": 4, "samples": 1, "device": "cpu", **options}
    own, division = divided({"levels": 4, **(image or {})})
    groups = {"image": ImageOptions(**own), "code": code or CodeOptions()}
    return Plan(str(data), "image", family, NET[family], groups, division, TrainOptions(**train))


def reading(run: Path) -> tuple[ImageOptions, DataOptions]:
    """How the pictures of a run were read and divided."""
    made = plan_of(run)[0]
    return made.group(ImageOptions), made.division


@contextmanager
def stopped_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """A run that is started here is stopped before this step, as by Ctrl-C."""
    advance = Loop._advance

    def stopping(self: Loop) -> tuple[float, int]:
        if self.step == step:
            self._halt(2)
        return advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_advance", stopping)
        with pytest.raises(Interrupted):
            yield


def same_tensors(one: Path, two: Path, name: str) -> dict[str, Tensor]:
    """Those of both checkpoints, which are equal to the last bit."""
    first, second = (files.load_tensors(files.open_pair(place, name)[1], "cpu") for place in (one, two))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)
    return first


def check_stopping(plan: Plan, step: int, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was stopped before a step and taken up again ends as one that was not, to the last bit."""
    start(plan, place / "whole", QUIET)
    with stopped_at(step, monkeypatch):
        start(plan, place / "halves", QUIET)
    resume(place / "halves", *plan_of(place / "halves"), QUIET)
    for folder, name in ((".", "model"), ("train", "state")):
        same_tensors(place / "whole" / folder, place / "halves" / folder, name)
