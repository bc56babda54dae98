"""Films that tests write: lossless, unless a test is about a format."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np


def noise(seed: int, frames: int = 6, height: int = 8, width: int = 12, channels: int = 3) -> np.ndarray:
    """(T, H, W, C) frames that have nothing in common."""
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width, channels), dtype=np.uint8)


def write(
    path: Path,
    x: np.ndarray,
    codec: str = "ffv1",
    form: str | None = None,
    rate: Any = 10,
    times: Sequence[int] | None = None,
    turned: tuple[Any, ...] | None = None,
    container: dict[str, str] | None = None,
    aspect: Fraction | None = None,
    **options: str,
) -> Path:
    """Write frames (T, H, W, C) with PyAV.

    Args:
        path: to write to.
        x: the frames.
        codec: FFmpeg's name of it; ffv1 and libx264rgb are lossless here.
        form: of the pixels in the file; that of the frames unless given.
        rate: frames per second.
        times: of each frame in milliseconds, instead of the rate.
        turned: degrees counterclockwise, and flips, that the file asks for.
        container: options of the container.
        aspect: width of a pixel over its height.
        options: of the codec.
    """
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    colour = x.shape[-1] == 3
    usual = {"ffv1": "bgr0" if colour else "gray", "libx264rgb": "rgb24", "gif": "rgb8"}.get(codec, "yuv420p")
    if codec == "libx264rgb":
        options = {"qp": "0", **options}
    with av.open(path, "w", container_options=container or {}) as file:
        stream = file.add_stream(codec, rate=rate, options=options)
        stream.height, stream.width, stream.pix_fmt = x.shape[1], x.shape[2], form or usual
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if turned is not None:
            stream.set_display_rotation(*turned)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for i, each in enumerate(x):
            frame = av.VideoFrame.from_ndarray(each if colour else each[..., 0], format="rgb24" if colour else "gray")
            frame.pts = i if times is None else times[i]
            if times is not None:
                frame.time_base = Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def sound(path: Path) -> Path:
    """A second of silence."""
    import av

    with av.open(path, "w") as file:
        stream = file.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path
