"""Options for audio. No torch here: `--help` reads these."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self, final

from seriatim.config import Options, absolute, bounded, filled
from seriatim.errors import UserError

FASTEST = 768_000
"""Highest sample rate, in hertz."""


class Form(NamedTuple):
    """How a file is read: `rate` samples per second, `channels` channels, and the processing."""

    rate: int
    channels: int
    seconds: float | None = None
    trim: float | None = None
    normalise: bool = False


@final
@dataclass(frozen=True)
class AudioOptions(Options):
    """How recordings are read, and which conditions come with them.

    Example:
        >>> AudioOptions(seconds=2.0, normalise=True).form(rate=8000, channels=1)
        Form(rate=8000, channels=1, seconds=2.0, trim=None, normalise=True)
    """

    rate: int | None = None
    """Sample rate in hertz; recordings at another rate are resampled. Default: that of the files, which must agree."""
    channels: Literal["mono", "stereo", "keep"] = "mono"
    """mono takes the mean of all channels, stereo gives left and right, keep leaves one or two channels as they are."""
    length: int = 4096
    """Samples per training excerpt, not counting the model's receptive field, which precedes it."""
    seconds: float | None = None
    """Read only this many seconds from the start of each recording. Default: all."""
    trim: float | None = None
    """Trim both ends where they are this many decibels below the loudest 10 ms, e.g. 40. Default: no trimming."""
    normalise: bool = False
    """Scale each recording so that its loudest sample reaches full scale."""
    labels: str | None = None
    """CSV file with a path within the folder and its labels in each row; the header names the conditions."""
    given: bool = True
    """Condition on labels, if there are any; --audio.given=false turns it off."""
    conditions: tuple[str, ...] = ()
    """Labels to condition on, e.g. speaker. Default: all."""
    spans: str | None = None
    """Folder with a CSV file of begin,end,label (in seconds) per recording, with the same path up to the suffix."""
    track: str | None = None
    """Folder with an NPY or CSV file per recording: one row of numbers for every `hop` samples."""
    features: Literal["none", "log-mel", "energy", "both"] = "none"
    """Condition on features of the recording itself, its mel spectrogram or energy: a vocoder."""
    vectors: str | None = None
    """Condition on a vector per recording, e.g. a speaker embedding: a CSV file of paths and numbers, or .npy files."""
    hop: int = 0
    """Samples (after resampling) per frame of a time-aligned condition; 0 is 10 ms, for features only."""
    bands: int = 40
    """Mel bands of log-mel."""
    split: Literal["auto", "file", "time"] = "auto"
    """file splits by whole recordings, time cuts each: its first part trains, its last tests. Default: by file if there
    are enough distinct recordings, else by time."""

    def __post_init__(self) -> None:
        for name in ("labels", "spans", "track", "vectors"):
            filled(f"--audio.{name}", getattr(self, name))
        if self.rate is not None and not 1 <= self.rate <= FASTEST:
            raise UserError(f"--audio.rate is {self.rate}; expected 1 to {FASTEST:,} Hz: give e.g. 16000")
        if self.length < 1:
            raise UserError(f"--audio.length is {self.length}; expected 1 or more samples: give e.g. 4096")
        if self.seconds is not None and not 0 < self.seconds < float("inf"):
            raise UserError(f"--audio.seconds is {self.seconds}; expected a time above 0: give e.g. 30")
        if self.trim is not None and not 0 < self.trim < float("inf"):
            raise UserError(
                f"--audio.trim is {self.trim}; expected decibels below the loudest: give e.g. 40, or leave it out"
            )
        if not self.given and (self.labels is not None or self.conditions):
            name = "conditions" if self.labels is None else "labels"
            raise UserError(f"--audio.{name} was given, but --audio.given=false turns labels off: leave out one")
        aligned = "spans" if self.spans is not None else "track" if self.track is not None else ""
        computed = self.features != "none"
        if not 0 <= self.hop <= 32768 or (aligned and not self.hop) or (self.hop and not aligned and not computed):
            if self.hop and not aligned and not computed:
                raise UserError(
                    f"--audio.hop is {self.hop}, but there is no time-aligned condition: give --audio.spans, "
                    "--audio.track or --audio.features too, or leave it out"
                )
            needs = f"--audio.{aligned} needs --audio.hop, the samples per frame" if aligned else "--audio.hop"
            raise UserError(f"{needs}; it is {self.hop}; expected 1 to 32768: give e.g. --audio.hop 80")
        if not 1 <= self.bands <= 256:
            raise UserError(f"--audio.bands is {self.bands}; expected 1 to 256: give e.g. 40")
        if aligned and self.trim is not None:
            raise UserError(
                f"--audio.trim was given, but trimmed recordings would no longer match --audio.{aligned}: leave out one"
            )

    def located(self, data: str) -> Self:  # noqa: ARG002
        """The same options with absolute paths of labels, spans, tracks and vectors."""
        paths = {name: getattr(self, name) for name in ("labels", "spans", "track", "vectors")}
        return dataclasses.replace(self, **{name: path and absolute(path) for name, path in paths.items()})

    def form(self, rate: int, channels: int) -> Form:
        """How files are read, given the rate and the number of channels."""
        return Form(rate, channels, self.seconds, self.trim, self.normalise)


@final
@dataclass(frozen=True)
class QuantiserOptions(Options):
    """How samples are quantised.

    Example:
        >>> QuantiserOptions(levels=1)
        Traceback (most recent call last):
        seriatim.errors.UserError: --quantiser.levels is 1; expected 2 to 65536: give e.g. 256
    """

    kind: Literal["mulaw", "linear", "pcm16"] = "mulaw"
    """Spacing of the levels: finer near zero (mulaw), even (linear), or every 16-bit value (pcm16)."""
    levels: int | None = None
    """Number of levels, 2 to 65536. Default: 256, or 65536 with pcm16."""

    def __post_init__(self) -> None:
        if self.levels is not None and not 2 <= self.levels <= 65536:
            raise UserError(f"--quantiser.levels is {self.levels}; expected 2 to 65536: give e.g. 256")
        if self.kind == "pcm16" and self.levels not in (None, 65536):
            raise UserError(
                f"--quantiser.levels {self.levels} was given, but --quantiser.kind pcm16 has 65536: leave out one of "
                "them, or give --quantiser.kind linear"
            )


@final
@dataclass(frozen=True)
class TrackOptions(Options):
    """The encoder of time-aligned conditions: spans, tracks and features.

    Example:
        >>> TrackOptions(up=(4, 4)).filters
        32
    """

    filters: int = 32
    """Channels of the encoder."""
    up: tuple[int, ...] = ()
    """Factors of learned upsampling convolutions, e.g. 4,4. Default: each frame is repeated."""

    def __post_init__(self) -> None:
        bounded("--track.filters", self.filters, 1, 4096)
        if len(self.up) > 8 or not all(2 <= factor <= 64 for factor in self.up):
            given = ",".join(map(str, self.up))
            raise UserError(f"--track.up is {given}; expected up to 8 numbers from 2 to 64: give e.g. 4,4")
