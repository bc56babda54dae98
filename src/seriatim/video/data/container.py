"""Opening a film with PyAV (FFmpeg's libraries): its header, checks before decoding, a message for every failure."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from seriatim.data.picture import LARGEST
from seriatim.errors import UserError
from seriatim.video.data import gif

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

LONGEST = 1 << 20
"""Most frames of a film."""

_FORMATS = (  # none of which refers to other files, as playlists do
    "mov,mp4,m4a,3gp,3g2,mj2",
    "matroska,webm",
    "avi",
    "mpeg",
    "mpegts",
    "mpegvideo",
    "asf",
    "flv",
    "ogg",
    "yuv4mpegpipe",
    "gif",
)
_OPTIONS = {
    "format_whitelist": ",".join(_FORMATS),
    "protocol_whitelist": "file",
    "max_pixels": str(LARGEST),  # a decoder refuses larger frames
}
_GREY = ("gray", "ya", "mono")
_ODD = 8  # a pixel that is wider or higher than this many times its other side is an error of the header


class Opened(NamedTuple):
    """An open film."""

    container: InputContainer
    stream: VideoStream


class Header(NamedTuple):
    """A film, upright and with square pixels, as its file describes it."""

    height: int
    width: int
    channels: int
    """1 if grey, else 3."""
    frames: int
    """May be an estimate, or wrong; 0 if unknown."""
    rate: float
    """Average frames per second; 0 if unknown."""


def read_header(path: Path, name: str, rate: float = 0.0) -> Header:
    """Size, colour and length of a film, from its header and its first frame.

    Args:
        path: the film.
        name: what messages call it.
        rate: frames per second at which it will be read; 0 for its own.

    Raises:
        UserError: if it is no film, damaged, or larger or longer than the limits.
    """
    with opened(path, name) as film:
        stream = film.stream
        usual = float(stream.average_rate or 0)
        seconds = duration(film)[0]
        frames = round(seconds * rate) if rate and seconds else stream.frames or round(seconds * usual)
        if frames > LONGEST:
            raise UserError(f"{name}: {frames:,} frames, more than {LONGEST:,}: cut it into parts first")
        try:
            first = next(film.container.decode(stream))
        except StopIteration:
            raise UserError(f"{name}: contains no frame that can be decoded: replace or remove it") from None
        height, width = first.height, round(first.width * widening(film))
        if is_turned(matrix(first)):
            height, width = width, height
        return Header(height, width, 1 if _is_grey(path, film) else 3, frames, rate or usual)


@contextmanager
def opened(path: Path, name: str) -> Generator[Opened]:
    """An open film that passed the checks of its header. Playlists, other protocols and devices are not opened."""
    try:
        import av
        import av.error
    except ImportError:
        raise UserError(
            f"{name}: films are read by PyAV, which is not installed: pip install 'seriatim[video]'"
        ) from None
    try:
        if path.exists() and not path.is_file():  # reading a pipe would block
            raise UserError(f"{name}: not a file; expected a film: check the path")
        if path.stat().st_size == 0:
            raise UserError(f"{name}: an empty file: replace or remove it")
        # The prefix, as a name like "concat:a|b" would be taken for a protocol.
        with av.open(f"file:{os.fspath(path.absolute())}", options=_OPTIONS) as container:
            yield _checked(container, name)
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{name}: no such film: check the path") from None
    except PermissionError:
        raise UserError(f"{name}: permission denied: change its permissions or remove it") from None
    # what PyAV raises on a damaged file
    except (av.error.FFmpegError, OSError, ValueError, RuntimeError, ArithmeticError, MemoryError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise UserError(
            f"{name}: not a film in a supported format (MP4, MOV, MKV, WebM, AVI, MPEG, GIF …), or damaged "
            f"({reason[:60]}): replace or remove it"
        ) from None


def _checked(container: Any, name: str) -> Opened:
    import av.stream

    cover = av.stream.Disposition.attached_pic
    streams = [each for each in container.streams.video if not each.disposition & cover]
    if not streams:
        there = "only sound" if container.streams.audio else "no frames"
        raise UserError(f"{name}: {there}; expected a film: remove it, or save its sound as WAV")
    stream = streams[0]
    context = stream.codec_context
    if context is None:
        raise UserError(f"{name}: its codec is unknown: convert it to H.264, e.g. with ffmpeg")
    if context.width * context.height == 0:
        raise UserError(f"{name}: {context.height} × {context.width} pixels: replace or remove it")
    if context.width * context.height > LARGEST:
        raise UserError(
            f"{name}: {context.height} × {context.width} is more than {LARGEST:,} pixels: make it smaller first"
        )
    if stream.frames > LONGEST:
        raise UserError(f"{name}: {stream.frames:,} frames, more than {LONGEST:,}: cut it into parts first")
    context.options = {"max_pixels": str(LARGEST)}
    return Opened(container, stream)


def duration(film: Opened) -> tuple[float, bool]:
    """Seconds, 0 if unknown; and whether that is of the frames, not of a sound which may be longer."""
    stream = film.stream
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base), True
    try:  # Matroska: "00:00:01.200000000"
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds), True
    except (KeyError, ValueError):
        whole = film.container.duration
        return (whole / 1e6, len(film.container.streams) == 1) if whole and whole > 0 else (0.0, False)


def widening(film: Opened) -> Fraction:
    """Width of a pixel over its height; 1 if unknown."""
    ratio = film.stream.sample_aspect_ratio
    context = film.stream.codec_context
    if not ratio or not Fraction(1, _ODD) <= ratio <= _ODD or ratio * context.width * context.height > LARGEST:
        return Fraction(1)
    return max(ratio, Fraction(1, context.width))


def matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """(a, b, c, d) of how a frame is to be shown: (x, y) of a pixel goes to (ax + cy, bx + dy), up to scale."""
    import numpy as np
    from av.sidedata.sidedata import Type

    try:
        kept = cast(Any, frame.side_data)[Type.DISPLAYMATRIX]
    except (KeyError, ValueError):  # none, or side data of a type that PyAV does not know
        return 1, 0, 0, 1
    values = np.frombuffer(bytes(kept), np.int32).tolist()
    return (values[0], values[1], values[3], values[4]) if len(values) == 9 else (1, 0, 0, 1)


def is_turned(shown: tuple[int, int, int, int]) -> bool:
    """Whether width becomes height."""
    a, b, c, d = shown
    return abs(b) + abs(c) > abs(a) + abs(d)


def _is_grey(path: Path, film: Opened) -> bool:
    if film.container.format.name == "gif":  # always decoded to colour
        return gif.grey(path)
    return (film.stream.codec_context.pix_fmt or "").startswith(_GREY)
