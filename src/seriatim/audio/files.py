"""Writing audio: files that can be read while they grow, and raw samples for a player."""

from __future__ import annotations

import struct
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, final

import soundfile

from seriatim.data.arrays import Int16
from seriatim.errors import UserError

ENDINGS = (".wav", ".flac", ".ogg")
"""Suffixes of supported formats; Ogg (Vorbis) is lossy and cannot grow."""

_HEADER = 44  # bytes
_LONGEST = 2**32 - 1 - _HEADER  # most bytes of samples in a WAV file
_ENDLESS = 2**32 - 1


def pcm(x: Int16) -> bytes:
    """Raw samples for a player: 16 bits, little-endian, left and right interleaved (`aplay -f S16_LE`)."""
    return x.astype("<i2").tobytes()


def wav_header(rate: int, channels: int, size: int | None = None) -> bytes:
    """The 44-byte header of a WAV file with `size` bytes of samples; None if unknown, for a pipe."""
    known = _ENDLESS if size is None else size
    riff = _ENDLESS if size is None else size + _HEADER - 8
    frame = 2 * channels
    return (
        struct.pack("<4sI4s4sIHH", b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, channels)
        + struct.pack("<IIHH", rate, rate * frame, frame, 16)
        + struct.pack("<4sI", b"data", known)
    )


@final
class WavWriter:
    """A WAV file that grows block by block and can be read at any time, even after a crash.

    The samples are written before the sizes in the header, so that the header never exceeds the content. Use it in
    `with`.

    Args:
        path: the file; its folder is created.
        rate: sample rate in hertz.
        channels: 1, or 2 for left and right.

    Raises:
        UserError: if the file cannot be written, or exceeds the 4 GiB of a WAV file.
    """

    def __init__(self, path: Path, rate: int, channels: int = 1) -> None:
        self.path, self.rate, self.channels, self.size = path, rate, channels, 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = path.open("wb")
            self._file.write(wav_header(rate, channels, 0))
            self._file.flush()
        except OSError as error:
            raise _unwritable(path, error) from None

    def write(self, x: Int16) -> None:
        """Append samples (T,), or (T, 2) for two channels."""
        data = pcm(_checked(x, self.channels))
        if self.size + len(data) > _LONGEST:
            raise UserError(f"{self.path}: a WAV file has at most 4 GiB; write to .flac, or to several files")
        try:
            self._file.write(data)
            self._file.flush()
            self.size += len(data)
            self._file.seek(0)
            self._file.write(wav_header(self.rate, self.channels, self.size))
            self._file.seek(0, 2)
            self._file.flush()
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def close(self) -> None:
        """Close the file, which is already complete."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def save(x: Int16, path: Path, rate: int) -> None:
    """Save samples (T,) or (T, 2); the suffix determines the format.

    Raises:
        UserError: if the suffix is not in `ENDINGS`, or the file cannot be written.
    """
    channels = 1 if x.ndim == 1 else x.shape[1]
    ending = path.suffix.lower()
    if ending == ".wav":
        with WavWriter(path, rate, channels) as file:
            file.write(x)
        return
    if ending not in ENDINGS:
        raise UserError(
            f"{path}: the suffix {path.suffix!r} is not a supported audio format; write to {', '.join(ENDINGS)}"
        )
    options: dict[str, Any] = {"subtype": "PCM_16"} if ending == ".flac" else {"format": "OGG", "subtype": "VORBIS"}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("wb").close()  # libsndfile hides the system's error
        soundfile.write(path, _checked(x, channels), rate, **options)
    except OSError as error:
        raise _unwritable(path, error) from None
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{path}: {rate} Hz and {channels} channels are not supported ({error}); try .wav") from None


def _checked(x: Int16, channels: int) -> Int16:
    if x.shape[1:] != (() if channels == 1 else (channels,)) or channels > 2:
        expected = "(samples,)" if channels == 1 else "(samples, 2)"
        raise UserError(f"audio of shape {x.shape}; expected {expected}; put channels last")
    return x


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(f"{path}: cannot be written ({error.strerror or error}); write elsewhere")
