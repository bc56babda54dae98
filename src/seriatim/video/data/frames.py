"""A folder of pictures as a film: the frames in the order of their names, where frame2 is before frame10."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seriatim.data.picture import read_header as picture_header
from seriatim.data.picture import read_pixels
from seriatim.errors import UserError
from seriatim.video.data.container import LONGEST, Header
from seriatim.video.data.decoding import Footage, Look


def natural(name: str) -> tuple[list[str | int], str]:
    """A key for sorting in which runs of digits are numbers.

    Example:
        >>> sorted(["frame10.png", "frame2.png"], key=natural)
        ['frame2.png', 'frame10.png']
    """
    parts = re.split(r"([0-9]+)", name)  # text and digits take turns, so that like is compared with like
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name


def frames_header(files: Sequence[Path], name: str) -> Header:
    """Size, colour and number of frames, from the headers of the pictures.

    Raises:
        UserError: if one is damaged or has another size than the first, or there are too many.
    """
    if len(files) > LONGEST:
        raise UserError(f"{name}: {len(files):,} frames, more than {LONGEST:,}: cut it into parts first")
    headers = [picture_header(file, str(file)) for file in files]
    first = headers[0]
    for file, header in zip(files, headers, strict=True):
        if header[:2] != first[:2]:
            raise UserError(
                f"{file}: {header.height} × {header.width} pixels, but {files[0].name} has {first.height} × "
                f"{first.width}; expected frames of one size: correct it, or put other films into their own folders"
            )
    return Header(first.height, first.width, max(header.channels for header in headers), len(files), 0.0)


def read_pictures(files: Sequence[Path], look: Look) -> Footage:
    """Decode the pictures of a film."""
    x = np.empty((len(files), *look.sides, look.channels), np.uint8)
    remarks: Counter[str] = Counter()
    for frame, file in zip(x, files, strict=True):
        frame[:] = read_pixels(file, str(file), look.channels, look.sides, look.how, remarks)
    return Footage(x, 0.0, tuple(sorted(remarks)))
