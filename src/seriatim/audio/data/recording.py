"""Reading an audio file: its header without decoding, its samples in blocks, and a message for every failure."""

from __future__ import annotations

import io
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from seriatim.audio.data.waves import Report, Samples, check_room, to_int16, trimmed
from seriatim.audio.options import FASTEST, Form
from seriatim.errors import UserError

_FORMATS = ("WAV", "WAVEX", "RF64", "W64", "FLAC", "OGG", "AIFF", "MP3")
_BLOCK = 1 << 18  # values decoded at a time
_MOST_CHANNELS = 64
_STEEPEST = 256  # times as many samples after resampling; more is a wrong rate in the header
_ENDLESS = 1 << 60  # libsndfile's value for an unknown length
_CANCELLED = 1e-4  # of the power of the channels that is left after mixing: 40 dB less
_FINE = {"PCM_24", "PCM_32", "FLOAT", "DOUBLE"}  # more than 16 bits


Source = Path | bytes
"""The path of a file, or its content."""


class Header(NamedTuple):
    """The header of a file."""

    frames: int
    """Samples per channel."""
    rate: int
    channels: int

    def room(self, form: Form) -> int:
        """Memory of its samples, in bytes."""
        seconds = self.frames / self.rate
        return int(min(seconds, form.seconds or seconds) * form.rate) * form.channels * 2


def read_header(source: Source, name: str) -> Header:
    """Length, rate and channels of a file, without decoding it."""
    with _opened(source, name) as file:
        return _header(file)


def read_samples(source: Source, name: str, form: Form, report: Report) -> Samples:
    """The samples (T,) or (T, 2) of a file in the requested form; conversions are reported.

    Raises:
        UserError: if the file is damaged, truncated, too long for memory, or contains values that are not finite.
    """
    header = read_header(source, name)
    if form.rate > _STEEPEST * header.rate:
        raise UserError(
            f"{name}: {header.rate} Hz, but {form.rate} Hz are asked for, {form.rate / header.rate:,.0f} times as many "
            f"samples; expected at most {_STEEPEST} times: give a smaller --audio.rate, or correct the file's"
        )
    check_room(header.room(form), name)
    scale = 1.0
    if form.normalise:
        peak = max(float(np.abs(block).max(initial=0)) for block in _blocks(source, name, form, Report()))
        if peak > 0:
            scale = (1 - 1 / 32768) / peak
            report.remarks["are scaled to full scale"] += 1
        else:
            report.remarks["are silent and cannot be scaled"] += 1
    parts: list[Samples] = []
    beyond = 0
    for block in _blocks(source, name, form, report):
        part, over = to_int16(block * scale if form.normalise else block)
        parts.append(part)
        beyond += over
    if beyond:
        report.remarks["exceed full scale and are clipped"] += 1
        report.clipped += beyond
    x = np.concatenate(parts)
    return x if form.trim is None else trimmed(x, form.rate, form.trim, report)


def _blocks(source: Source, name: str, form: Form, report: Report) -> Iterator[NDArray[np.float32]]:
    """Samples as fractions of full scale, in the requested channels and rate."""
    with _opened(source, name) as file:
        header = _header(file)
        _remark(file, header, form, name, report)
        stop = header.frames
        if form.seconds is not None and (wanted := max(1, round(form.seconds * header.rate))) < stop:
            report.remarks[f"are longer, and only their first {form.seconds:g} s are read"] += 1
            stop = wanted
        stream = None
        if form.rate != header.rate:
            stream = soxr.ResampleStream(header.rate, form.rate, form.channels, dtype="float32", quality="VHQ")
        # what a block becomes when it is resampled is bounded too
        most = max(1, int(min(_BLOCK, _BLOCK * header.rate / form.rate)) // header.channels)
        done, ended, loud, left = 0, False, 0.0, 0.0
        while not ended:
            block = _read(file, min(most, stop - done), name)
            done += len(block)
            ended = done == stop or len(block) == 0
            if ended and done < stop:
                raise UserError(
                    f"{name}: damaged audio (only {done:,} of {stop:,} samples can be read): replace or remove it"
                )
            mixed = _mixed(block, form.channels)
            if header.channels > form.channels:
                loud += float(np.square(block).mean(axis=1).sum())
                left += float(np.square(mixed).sum())
            yield mixed if stream is None else stream.resample_chunk(mixed, last=ended)
        if left < _CANCELLED * loud:
            report.remarks["nearly cancel out when mixed to mono: give --audio.channels stereo"] += 1


def _read(file: soundfile.SoundFile, count: int, name: str) -> NDArray[np.float32]:
    """(n, channels), checked to be finite."""
    block: NDArray[Any] = file.read(count, dtype="float32", always_2d=True)
    if not np.isfinite(block).all():
        raise UserError(f"{name}: contains values that are not finite: replace or remove it")
    return block


def _mixed(block: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    if block.shape[1] == 1:
        return block[:, 0] if channels == 1 else np.repeat(block, 2, axis=1)
    return block.mean(axis=1) if channels == 1 else np.ascontiguousarray(block)


def _remark(file: soundfile.SoundFile, header: Header, form: Form, name: str, report: Report) -> None:
    if form.channels == 2 and header.channels > 2:
        raise UserError(
            f"{name}: {header.channels} channels, without a known left and right: give "
            "--audio.channels mono, or save it in stereo"
        )
    if header.channels > form.channels:
        report.remarks[f"had {header.channels} channels and are mixed to mono"] += 1
    if header.channels < form.channels:
        report.remarks["had one channel, used as left and right"] += 1
    if header.rate != form.rate:
        report.remarks[f"had {header.rate} Hz and are resampled"] += 1
    if file.subtype in _FINE:
        report.remarks["had more than 16 bits and are reduced to 16"] += 1


def _header(file: soundfile.SoundFile) -> Header:
    return Header(int(file.frames), int(file.samplerate), int(file.channels))


@contextmanager
def _opened(source: Source, name: str) -> Generator[soundfile.SoundFile]:
    """An open file whose header passed the checks."""
    try:
        if isinstance(source, Path) and source.exists() and not source.is_file():  # reading a pipe would block
            raise UserError(f"{name}: not a file; expected audio: check the path")
        with _bytes(source) as plain:  # libsndfile hides the system's error
            if not plain.read(1):
                raise UserError(f"{name}: an empty file; expected audio: replace or remove it")
        with soundfile.SoundFile(source if isinstance(source, Path) else io.BytesIO(source)) as file:
            _check(file, source, name)
            yield file
    except FileNotFoundError:
        raise UserError(f"{name}: no such recording: check the path") from None
    except PermissionError:
        raise UserError(f"{name}: permission denied: change its permissions or remove it") from None
    except (OSError, RuntimeError, ValueError, TypeError, MemoryError) as error:  # any of these on a damaged file
        reason = re.sub(r"^Error opening .*?: ", "", " ".join(str(error).split())).rstrip(".:")
        raise UserError(
            f"{name}: not readable as audio ({reason[:80]}): remove it, or save it as WAV or FLAC"
        ) from None


def _check(file: soundfile.SoundFile, source: Source, name: str) -> None:
    if file.format not in _FORMATS:
        raise UserError(f"{name}: audio format {file.format} is not supported: save it as WAV or FLAC")
    if not 1 <= file.channels <= _MOST_CHANNELS:
        raise UserError(f"{name}: {file.channels} channels; expected 1 to {_MOST_CHANNELS}: save it with fewer")
    if not 1 <= file.samplerate <= FASTEST:
        raise UserError(f"{name}: {file.samplerate} Hz; expected 1 to {FASTEST}: save it at another rate")
    if file.frames >= _ENDLESS:
        raise UserError(f"{name}: its length is unknown, as if written to a pipe: save it again to a file")
    if _cut_short(file, source):
        raise UserError(f"{name}: truncated, its end is missing: replace or remove it")


def _cut_short(file: soundfile.SoundFile, source: Source) -> bool:
    """Whether a file is shorter than its header says, which libsndfile ignores."""
    if file.format == "OGG":
        return not _has_last_page(source)
    found = re.search(r"^ ?(?:data|SSND) ?: (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
    if found is None:
        return False
    declared, there = map(int, found.groups())
    return there < declared < 0x7FFF0000  # larger values are placeholders of programs that write to a pipe


def _has_last_page(source: Source) -> bool:
    """Whether the last page of an Ogg file is complete and marked as last (RFC 3533: header type 4)."""
    with _bytes(source) as file:
        file.seek(max(0, file.seek(0, io.SEEK_END) - (1 << 17)))  # a page has at most 65,307 bytes
        tail = file.read()
    page = tail[tail.rfind(b"OggS") :]  # the last byte if there is none
    if len(page) < 27 or not page[5] & 4:
        return False
    sizes = page[27 : 27 + page[26]]
    return len(page) >= 27 + page[26] + sum(sizes)


def _bytes(source: Source) -> BinaryIO:
    return source.open("rb") if isinstance(source, Path) else io.BytesIO(source)
