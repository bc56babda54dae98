"""What can be chosen about audio. No torch here: `--help` reads these."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self, final

from seriatim.config import Options, absolute, bounded
from seriatim.errors import UserError

FASTEST = 768_000
"""Samples a second that a recording may have."""


class Form(NamedTuple):
    """What a file is to become: `rate` samples a second of `channels` channels, and what is done on the way."""

    rate: int
    channels: int
    seconds: float | None = None
    trim: float | None = None
    normalise: bool = False


@final
@dataclass(frozen=True)
class AudioOptions(Options):
    """How recordings are read, and which conditions come with them."""

    rate: int | None = None
    """Samples a second, to which others are brought; as they are if it is left out, and then all must agree."""
    channels: Literal["mono", "stereo", "keep"] = "mono"
    """Mono is the mean of all channels; stereo is left and right; keep leaves one or two as they are."""
    length: int = 4096
    """Samples that a piece of a recording is cut to in training; what a model looks back over is put before it."""
    seconds: float | None = None
    """Read so many seconds of each recording, from its start; all of it if it is left out."""
    trim: float | None = None
    """Leave out what is quieter at both ends than the loudest 10 ms by so many decibels, such as 40; none: nothing."""
    normalise: bool = False
    """Scale each recording so that its loudest sample is at full scale."""
    labels: str | None = None
    """A CSV file: a path in the folder, then labels, in each row; its heading names the conditions."""
    given: bool = True
    """Condition on the labels where there are any."""
    conditions: tuple[str, ...] = ()
    """Which of the labels to condition on, such as speaker; all of them if it is left out."""
    spans: str | None = None
    """A folder with a CSV of begin,end,label (in seconds) for each recording, of the same path but for the ending."""
    track: str | None = None
    """A folder with an NPY or CSV for each recording, of a row of numbers for every `hop` samples of it."""
    features: Literal["none", "log-mel", "energy", "both"] = "none"
    """Condition on what each recording is like, its mel spectrum or its loudness: such a model is a vocoder."""
    vectors: str | None = None
    """Condition on numbers of each recording (its speaker's embedding): a CSV of paths and numbers, or .npy files."""
    hop: int = 0
    """Samples (after resampling) that a label or a row of numbers beside a recording lasts; 0: of features 10 ms."""
    bands: int = 40
    """Of log-mel."""
    split: Literal["file", "time"] = "file"
    """Deal out whole recordings, or (time) cut each: its first part trains, the next validates, the last tests."""

    def __post_init__(self) -> None:
        if self.rate is not None and not 1 <= self.rate <= FASTEST:
            raise UserError(f"--audio.rate is {self.rate}, but 1 to {FASTEST:,} hertz are wanted: give e.g. 16000")
        if self.length < 1:
            raise UserError(f"--audio.length is {self.length}, but a number of samples is wanted: give e.g. 4096")
        if self.seconds is not None and not 0 < self.seconds < float("inf"):
            raise UserError(f"--audio.seconds is {self.seconds}, but a time above 0 is wanted: give e.g. 30")
        if self.trim is not None and not 0 < self.trim < float("inf"):
            raise UserError(
                f"--audio.trim is {self.trim}, but decibels below the loudest are wanted: give e.g. 40, or leave it out"
            )
        if not self.given and (self.labels is not None or self.conditions):
            name = "conditions" if self.labels is None else "labels"
            raise UserError(f"--audio.{name} was given, but labels are not to be conditioned on: leave out one of them")
        beside = "spans" if self.spans is not None else "track" if self.track is not None else ""
        computed = self.features != "none"
        if not 0 <= self.hop <= 32768 or (beside and not self.hop) or (self.hop and not beside and not computed):
            if self.hop and not beside and not computed:
                raise UserError(
                    f"--audio.hop is {self.hop}, but nothing runs beside the recordings: give --audio.spans, "
                    "--audio.track or --audio.features too, or leave it out"
                )
            said = f"--audio.{beside} needs --audio.hop, the samples that a column lasts" if beside else "--audio.hop"
            raise UserError(f"{said}; it is {self.hop}, but 1 to 32768 are wanted: give e.g. --audio.hop 80")
        if not 1 <= self.bands <= 256:
            raise UserError(f"--audio.bands is {self.bands}, but 1 to 256 are wanted: give e.g. 40")
        if beside and self.trim is not None:
            raise UserError(
                f"--audio.trim was given, but --audio.{beside} would then no longer fit the recordings: leave out one "
                "of them"
            )

    def located(self, data: str) -> Self:  # noqa: ARG002
        """With absolute paths of labels, spans, tracks and vectors."""
        paths = {name: getattr(self, name) for name in ("labels", "spans", "track", "vectors")}
        return dataclasses.replace(self, **{name: path and absolute(path) for name, path in paths.items()})

    def form(self, rate: int, channels: int) -> Form:
        """What a file is to become, at a rate and with channels that are settled."""
        return Form(rate, channels, self.seconds, self.trim, self.normalise)


@final
@dataclass(frozen=True)
class QuantiserOptions(Options):
    """How samples become symbols."""

    kind: Literal["mulaw", "linear", "pcm16"] = "mulaw"
    """Levels that are finer where it is quiet (mulaw), of equal width (linear), or all values of 16 bits (pcm16)."""
    levels: int | None = None
    """Number of levels, from 2 to 65536. Default: 256, and 65536 for pcm16."""

    def __post_init__(self) -> None:
        if self.levels is not None and not 2 <= self.levels <= 65536:
            raise UserError(f"--quantiser.levels is {self.levels}, but 2 to 65536 are wanted: give e.g. 256")
        if self.kind == "pcm16" and self.levels not in (None, 65536):
            raise UserError(
                f"--quantiser.levels {self.levels} was given, but --quantiser.kind pcm16 has 65536: leave out one of "
                "them, or give --quantiser.kind linear"
            )


@final
@dataclass(frozen=True)
class TrackOptions(Options):
    """The encoder of time-aligned conditions: spans, tracks and features."""

    filters: int = 32
    """Channels of the encoder."""
    up: tuple[int, ...] = ()
    """Upsample by learned convolutions, such as 4,4. Default: each frame is repeated."""

    def __post_init__(self) -> None:
        bounded("--track.filters", self.filters, 1, 4096)
        if len(self.up) > 8 or not all(2 <= factor <= 64 for factor in self.up):
            given = ",".join(map(str, self.up))
            raise UserError(f"--track.up is {given}, but up to 8 numbers from 2 to 64 are wanted: give e.g. 4,4")
