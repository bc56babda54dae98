"""What the package trains models of sound on: recordings of one rate and any length, in named splits.

Importing this does not import numpy: the command line answers at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from seriatim.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SOUND_ENDINGS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".aiff", ".aif")
"""What is a recording, in a folder or by itself."""

FASTEST = 768_000
"""Samples a second that a recording may have."""

LABEL = "label"
"""The condition that subfolders give, or a table of two columns without a heading."""


SPANS, SERIES, VECTOR = "spans", "series", "vector"
"""The conditions that files beside the recordings give."""


class Form(NamedTuple):
    """What a file is to become: `rate` samples a second of `channels` channels, and what is done on the way."""

    rate: int
    channels: int
    seconds: float | None = None
    trim: float | None = None
    normalise: bool = False


@dataclass(frozen=True)
class AudioOptions:
    """How sound is read, divided and turned into symbols."""

    rate: int | None = None
    """Samples a second, to which others are brought; as they are if it is left out, and then all must agree."""
    channels: Literal["mono", "stereo", "keep"] = "mono"
    """Mono is the mean of all channels; stereo is left and right; keep leaves one or two as they are."""
    quantiser: Literal["mulaw", "linear", "pcm16"] = "mulaw"
    """Levels that are finer where it is quiet (mulaw), of equal width (linear), or all values of 16 bits (pcm16)."""
    levels: int | None = None
    """On how many levels a sample may be, from 2 to 65536; none: 256, and of pcm16 all 65536."""
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
    series: str | None = None
    """A folder with an NPY or CSV for each recording, of a row of numbers for every `hop` samples of it."""
    features: Literal["none", "log-mel", "energy", "both"] = "none"
    """Condition on what each recording is like, its mel spectrum or its loudness: such a model is a vocoder."""
    vectors: str | None = None
    """Condition on numbers of each recording (its speaker's embedding): a CSV of paths and numbers, or .npy files."""
    hop: int = 0
    """Samples (after resampling) that a label or a row of numbers beside a recording lasts; 0: of features 10 ms."""
    bands: int = 40
    """Of log-mel."""
    track_filters: int = 32
    """Channels of what reads spans, series and features."""
    up: str = ""
    """Multiply the rate of spans, series and features by learned convolutions, such as 4,4; none: they are repeated."""
    split: Literal["file", "time"] = "file"
    """Deal out whole recordings, or (time) cut each: its first part trains, the next validates, the last tests."""
    validation: float = 0.1
    """The share held out for validation; 0 for none."""
    test: float = 0.1
    """The share held out for the test; 0 for none."""
    seed: int = 0
    """Which recordings fall in which split, which `limit` takes, and how lines are put together of digits."""
    limit: int | None = None
    """Use so many recordings only, drawn by the seed (of a named data set: of each of its splits)."""

    def __post_init__(self) -> None:
        if self.rate is not None and not 1 <= self.rate <= FASTEST:
            raise UserError(f"--audio.rate is {self.rate}, but 1 to {FASTEST:,} hertz are wanted: give e.g. 16000")
        if self.levels is not None and not 2 <= self.levels <= 65536:
            raise UserError(f"--audio.levels is {self.levels}, but 2 to 65536 are wanted: give e.g. 256")
        if self.quantiser == "pcm16" and self.levels not in (None, 65536):
            raise UserError(
                f"--audio.levels {self.levels} was given, but --audio.quantiser pcm16 has 65536: leave out one of "
                "them, or give --audio.quantiser linear"
            )
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
        beside = "spans" if self.spans is not None else "series" if self.series is not None else ""
        computed = self.features != "none"
        if not 0 <= self.hop <= 32768 or (beside and not self.hop) or (self.hop and not beside and not computed):
            if self.hop and not beside and not computed:
                raise UserError(
                    f"--audio.hop is {self.hop}, but nothing runs beside the recordings: give --audio.spans, "
                    "--audio.series or --audio.features too, or leave it out"
                )
            said = f"--audio.{beside} needs --audio.hop, the samples that a column lasts" if beside else "--audio.hop"
            raise UserError(f"{said}; it is {self.hop}, but 1 to 32768 are wanted: give e.g. --audio.hop 80")
        if not 1 <= self.bands <= 256:
            raise UserError(f"--audio.bands is {self.bands}, but 1 to 256 are wanted: give e.g. 40")
        if not 1 <= self.track_filters <= 4096:
            raise UserError(f"--audio.track-filters is {self.track_filters}, but 1 to 4096 are wanted: give e.g. 32")
        words = self.up.split(",") if self.up else []
        if len(words) > 8 or not all(word.isdecimal() and word.isascii() and 2 <= int(word) <= 64 for word in words):
            raise UserError(f"--audio.up is {self.up!r}, but up to 8 numbers from 2 to 64 are wanted: give e.g. 4,4")
        if beside and self.trim is not None:
            raise UserError(
                f"--audio.trim was given, but --audio.{beside} would then no longer fit the recordings: leave out one "
                "of them"
            )
        for name, share in (("validation", self.validation), ("test", self.test)):
            if not 0 <= share < 1:
                raise UserError(f"--audio.{name} is {share}, but a share from 0 to below 1 is wanted: give e.g. 0.1")
        if self.validation + self.test >= 1:
            raise UserError(
                f"--audio.validation {self.validation} and --audio.test {self.test} leave nothing to train on: "
                "give shares whose sum is below 1"
            )
        if self.seed < 0:
            raise UserError(f"--audio.seed is {self.seed}, but a number from 0 is wanted: give e.g. 0")
        if self.limit is not None and self.limit < 1:
            raise UserError(f"--audio.limit is {self.limit}, but a number of recordings is wanted: give 1 or more")

    @property
    def factors(self) -> tuple[int, ...]:
        """What `up` multiplies the rate by, one convolution after the other."""
        return tuple(int(word) for word in self.up.split(",")) if self.up else ()

    @property
    def alphabet(self) -> int:
        """How many values a model sees."""
        return self.levels or (65536 if self.quantiser == "pcm16" else 256)

    def form(self, rate: int, channels: int) -> Form:
        """What a file is to become, at a rate and with channels that are settled."""
        return Form(rate, channels, self.seconds, self.trim, self.normalise)


@dataclass(frozen=True, eq=False)
class Track:
    """What is said of every stretch of `hop` samples of each recording."""

    values: Sequence[NDArray[Any]]
    """Of each recording (ceil(T / hop), F): features, or of labels the number and the share passed, as in `Spans`."""
    hop: int
    """Column k describes the samples k · hop to (k + 1) · hop − 1."""
    labels: tuple[str, ...] = ()
    """The names of the labels 0, 1, …; none for features."""


@dataclass(frozen=True, eq=False)
class Takes:
    """One split."""

    x: Sequence[NDArray[np.int16]]
    """Of each recording its samples (T,), or (T, 2) left and right; 32768 is full scale."""
    labels: Mapping[str, tuple[str | None, ...]]
    """{condition: the label of each recording, None where it has none}."""
    names: Sequence[str]
    """Where each came from, for messages."""
    tracks: Mapping[str, Track] = field(default_factory=dict[str, Track])
    """What changes in the course of a recording."""
    vectors: NDArray[np.float32] | None = None
    """(N, D) numbers for each recording."""
    marks: Sequence[tuple[tuple[int, int], ...]] = ()
    """Of each recording that was made of parts: where each part begins and where it has ended, in samples."""

    @property
    def samples(self) -> int:
        """How long all of them are together; left and right count once."""
        return sum(map(len, self.x))


@dataclass(frozen=True, eq=False)
class Recordings:
    """Recordings in splits, and what a later run must know about them."""

    name: str
    rate: int
    """Samples a second, of all of them."""
    channels: int
    """1 or 2, of all of them."""
    splits: Mapping[str, Takes]
    """Some of "train", "validation" and "test"; none is empty."""
    fingerprint: str
    """sha256 over the samples, their labels and the split: a resumed run checks that it has not changed."""
    note: str = ""
    """Licence, attribution, caveats and what was done to the files, in sentences."""
