"""Real films, small: bits/dim of a trained model beside lossless codecs, frame after frame.

    python benchmarks/video_codecs.py RUN [--split test]

RUN is a run of `seriatim train` on films (docs/results.md has the commands). Every film of the split is coded whole, at
the run's size: by the model (its exact likelihood, the state carried from the first frame on), as PNG files (Pillow,
optimised), as FFV1 (version 3, large context), and as lossless H.264 (which, unlike those two, looks at other frames).
Headers are counted. The model's weights are not.
"""

from __future__ import annotations

import argparse
import io
import math
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

import seriatim
from seriatim import VideoModel
from seriatim.cli.common import chosen_split, training_data


def png(film: np.ndarray) -> int:
    """Bytes of a file for each frame."""
    total = 0
    for frame in film:
        out = io.BytesIO()
        Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame).save(out, "PNG", optimize=True)
        total += out.tell()
    return total


def encoded(film: np.ndarray, codec: str, options: dict[str, str]) -> int:
    """Bytes of the packets of a lossless codec; decoded again, they must be the film."""
    grey = film.shape[-1] == 1
    out = io.BytesIO()
    kind = "gray" if grey else {"ffv1": "bgr0", "libx264rgb": "rgb24"}[codec]
    with av.open(out, "w", format="matroska") as box:
        stream: Any = box.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.options = film.shape[2], film.shape[1], kind, options
        size = 0
        for frame in film:
            shown = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(frame[..., 0] if grey else frame), "gray" if grey else "rgb24"
            )
            for packet in stream.encode(shown.reformat(format=kind)):
                size += packet.size
                box.mux(packet)
        for packet in stream.encode():
            size += packet.size
            box.mux(packet)
    out.seek(0)
    with av.open(out, "r") as written:
        back = np.stack([each.to_ndarray(format="gray" if grey else "rgb24") for each in written.decode(video=0)])
    if not np.array_equal(back.reshape(film.shape), film):
        raise ValueError(f"{codec} is not lossless here")
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--split", default="test")
    asked = parser.parse_args()
    model = seriatim.load(asked.run)
    assert isinstance(model, VideoModel)
    data, reel = training_data(asked.run)
    films, name = chosen_split(reel.splits, asked.split, data)
    print(name)
    for i, title in enumerate(films.names):
        film = model.shown(films.x[i])
        dims = film.size
        bits = -model.log_probs([film])[0].sum() / math.log(2)
        grey = film.shape[-1] == 1
        each = {
            "model": bits,
            "PNG": 8 * png(film),
            "FFV1": 8 * encoded(film, "ffv1", {"level": "3", "coder": "1", "context": "1", "slices": "4", "g": "1000"}),
            "H.264 lossless": 8 * encoded(film, "libx264" if grey else "libx264rgb", {"qp": "0", "preset": "veryslow"}),
        }
        words = ", ".join(f"{key} {value / dims:.3f}" for key, value in each.items())
        print(f"  {title}, {len(film)} frames of {film.shape[1]} × {film.shape[2]} × {film.shape[3]}: {words} bits/dim")


if __name__ == "__main__":
    main()
