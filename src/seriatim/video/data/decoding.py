"""The frames of a film, upright, deinterlaced, in one size and colour; decoded one at a time, to bound memory."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np
from PIL import Image

from seriatim.data.fitting import Fitting
from seriatim.data.pixels import Pixels, fit, to_array
from seriatim.errors import UserError
from seriatim.video.data import gif
from seriatim.video.data.container import LONGEST, Opened, duration, is_turned, matrix, opened, widening

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


class Footage(NamedTuple):
    """What was read of a film."""

    x: Pixels
    """(T, H, W, C)."""
    rate: float
    """Frames per second; 0 if unknown."""
    remarks: tuple[str, ...] = ()
    """What was done to it, as phrases: "was interlaced, …"."""
    cut: str = ""
    """A phrase if the file ends too early, or is damaged before its end."""


class Look(NamedTuple):
    """How frames are to be."""

    sides: tuple[int, int]
    channels: int
    how: Fitting = Fitting()


def read_frames(path: Path, name: str, look: Look, rate: float = 0.0, most: int = LONGEST) -> Footage:
    """Decode a film.

    Args:
        path: the film.
        name: what messages call it.
        look: size and colour of the frames.
        rate: frames per second. At each of these times the frame is taken that is on show, i.e. the last one that has
            begun; 0 takes each frame once, at whatever time.
        most: frames, of which a film has no more, whatever its header says.

    Raises:
        UserError: if it is no film, or longer, or nothing of it can be decoded. Of a film that is cut short or damaged
            at some place, the frames before it are kept.
    """
    with opened(path, name) as film:
        seconds, sure = duration(film)
        usual = film.stream.average_rate or Fraction(0)
        decoded, told = _Decoded(film), _Told()
        pace = _Pace(Fraction(rate).limit_denominator(100_000), usual)
        stack = _Stack(min(most, film.stream.frames or 64))
        for frame, times in pace.over(_progressive(decoded, told)):
            if not times:
                continue
            picture = _fitted(frame, film, look, told, decoded.shown)
            for _ in range(times):
                if stack.count == most:
                    raise UserError(f"{name}: more than {most:,} frames: cut it into parts, or give --video.rate")
                stack.add(picture)
        if not stack.count:
            raise UserError(f"{name}: contains no frame that can be decoded: replace or remove it")
        if pace.varies and not rate:
            told.add("have a varying rate, whose frames are taken as they are (--video.rate makes it even)")
        missing = seconds - float(pace.seconds)
        short = sure and missing > max(1.5 / float(usual or 1), 0.01 * seconds)
        if film.container.format.name == "gif":
            short = not gif.complete(path)
        cut = ""
        if decoded.damaged or short:
            wanted = round(seconds * (rate or float(usual)))
            of = f" of about {wanted:,}" if wanted > stack.count else ""
            cut = f"is cut short or damaged after {stack.count:,}{of} frames"
        if not rate:  # the header's is a guess if frames are shown for different times
            rate = stack.count / float(pace.seconds) if pace.varies else float(usual)
        return Footage(stack.whole(), rate, tuple(told.remarks), cut)


@final
class _Told:
    """Remarks, each once."""

    def __init__(self) -> None:
        self.remarks: list[str] = []

    def add(self, remark: str) -> None:
        if remark not in self.remarks:
            self.remarks.append(remark)


@final
class _Decoded:
    """The frames of a film up to the first damaged one; what is damaged before any frame was whole is skipped."""

    def __init__(self, film: Opened) -> None:
        self.film, self.damaged = film, False
        self.shown = 1, 0, 0, 1  # the display matrix, which a deinterlaced frame may have lost

    def __iter__(self) -> Iterator[VideoFrame]:
        from av.error import FFmpegError

        seen = False
        packets = self.film.container.demux(self.film.stream)
        while True:
            try:
                packet = next(packets)
                frames: Any = packet.decode()
            except StopIteration:
                return
            except FFmpegError:
                self.damaged = True
                if seen:
                    return
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self.damaged = True
                    if seen:
                        return
                    continue
                if not seen:
                    self.shown, self.damaged = matrix(frame), False
                seen = True
                yield frame


def _progressive(frames: _Decoded, told: _Told) -> Iterator[VideoFrame]:
    """Frames whose lines belong to one moment: interlaced ones go through FFmpeg's filter bwdif."""
    import av.filter

    graph: Any = None
    kind: tuple[int, int, str] = 0, 0, ""
    for frame in frames:
        if graph is None and not frame.interlaced_frame:
            yield frame
            continue
        now = frame.width, frame.height, frame.format.name
        if graph is None or now != kind:
            if graph is not None:
                yield from _through(graph, None)
            graph, kind = av.filter.Graph(), now
            buffer = graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
            )
            bwdif = graph.add("bwdif", "mode=send_frame:deint=interlaced")
            graph.link_nodes(buffer, bwdif, graph.add("buffersink")).configure()
            told.add("were interlaced and were deinterlaced, a frame for two fields")
        yield from _through(graph, frame)
    if graph is not None:
        yield from _through(graph, None)


def _through(graph: Any, frame: VideoFrame | None) -> Iterator[VideoFrame]:
    graph.push(frame)
    while True:
        try:
            yield graph.pull()
        except (BlockingIOError, EOFError):  # it waits for the next frame, or has had the last one
            return


@final
class _Pace:
    """How many times each frame is taken.

    Args:
        rate: frames per second that are wanted; 0 for each frame once.
        usual: frames per second of the film, 0 if unknown: for the length of the last frame.
    """

    def __init__(self, rate: Fraction, usual: Fraction) -> None:
        self.rate, self.usual = rate, usual
        self.taken = 0
        self.seconds = Fraction(0)
        self.shortest, self.longest, self.tick = 0.0, 0.0, 0.0

    @property
    def varies(self) -> bool:
        """Whether frames are shown for different times, beyond what rounding to the file's unit of time explains."""
        return self.longest > 1.5 * self.shortest + self.tick

    def over(self, frames: Iterator[VideoFrame]) -> Iterator[tuple[VideoFrame, int]]:
        """Each frame and how many times it is taken."""
        first = before = Fraction(0)
        last: VideoFrame | None = None
        for frame in frames:
            now = self._time(frame, before, last is None)
            if last is None:
                first = now
            else:
                self._gap(float(now - before))
                yield last, self._times(now - first, frame)
            before, last = now, frame
        if last is not None:
            unit = last.time_base or Fraction(0)
            length = (last.duration or 0) * unit or (1 / self.usual if self.usual else unit)
            self.seconds = before - first + length
            yield last, max(self._times(self.seconds, last), not self.taken)

    def _time(self, frame: VideoFrame, before: Fraction, first: bool) -> Fraction:
        at = frame.pts if frame.pts is not None else frame.dts
        if at is None or frame.time_base is None:
            return Fraction(0) if first else before + (1 / self.usual if self.usual else 0)
        now = at * frame.time_base
        return now if first else max(now, before)

    def _gap(self, seconds: float) -> None:
        self.shortest = seconds if not self.longest else min(self.shortest, seconds)
        self.longest = max(self.longest, seconds)

    def _times(self, until: Fraction, frame: VideoFrame) -> int:
        """How many of the wanted times lie before a time. Times in a file are rounded: half a unit is forgiven."""
        unit = frame.time_base or Fraction(0)
        self.tick = float(unit)
        if not self.rate:
            times = 1
        else:
            reached = -((unit / 2 - until) * self.rate).__floor__()  # of k / rate < until - unit / 2
            times = max(0, reached - self.taken)
        self.taken += times
        return times


@final
class _Stack:
    """Frames in one array, which grows."""

    def __init__(self, room: int) -> None:
        self.room, self.count = max(1, room), 0
        self.x: Pixels = np.empty((0, 0, 0, 0), np.uint8)

    def add(self, picture: Pixels) -> None:
        if not self.count:
            self.x = np.empty((self.room, *picture.shape), np.uint8)
        elif self.count == len(self.x):
            self.x.resize((2 * self.count, *picture.shape), refcheck=False)
        self.x[self.count] = picture
        self.count += 1

    def whole(self) -> Pixels:
        self.x.resize((self.count, *self.x.shape[1:]), refcheck=False)
        return self.x


def _fitted(frame: VideoFrame, film: Opened, look: Look, told: _Told, shown: tuple[int, int, int, int]) -> Pixels:
    """(H, W, C) of a frame: on white if transparent, with square pixels, upright, in the size and colour."""
    parts = frame.format.components
    if parts and parts[0].bits > 8:
        told.add("had more than 8 bits a value and were reduced to 8")
    if frame.format.has_palette or any(part.is_alpha for part in parts):
        over = Image.fromarray(frame.to_ndarray(format="rgba"))
        if to_array(over.getchannel("A")).min() < 255:
            told.add("had transparency and were put on white")
        image = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
    else:
        image = Image.fromarray(frame.to_ndarray(format="rgb24"))
    if look.channels == 1:
        image = image.convert("L")
    if (wide := widening(film)) != 1:
        told.add("had pixels that are not square and were stretched to their proper shape")
        image = image.resize((max(1, round(image.width * wide)), image.height), Image.Resampling.BILINEAR)
    return to_array(fit(_upright(image, shown), *look.sides, look.how))


def _upright(image: Image.Image, shown: tuple[int, int, int, int]) -> Image.Image:
    a, b, c, d = shown
    if is_turned(shown):
        image, a, d = image.transpose(Image.Transpose.TRANSPOSE), c, b
    if a < 0:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return image.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if d < 0 else image
