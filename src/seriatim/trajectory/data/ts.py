"""The .ts format of labelled series, of the UEA archive. https://www.timeseriesclassification.com ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError, nearest
from seriatim.trajectory.data.lines import check_most, fault, lines_of, number_of
from seriatim.trajectory.holding import TS_KEYS


@final
@dataclass
class _Header:
    """What the lines before the data say."""

    channels: int | None = None
    length: int | None = None
    labels: list[str] | None = None


def read_ts(path: Path) -> tuple[list[NDArray[np.float64]], list[str] | None]:
    """The series (T, C) of a file, which may be compressed, and their labels if it has any.

    Raises:
        UserError: naming the line, and the channel, of what is not as the header says; for missing values, time stamps
            and targets, which are not read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "two.ts")
        ...     _ = path.write_text("@dimensions 2\\n@classLabel true a b\\n@data\\n1,2,3:4,5,6:b\\n")
        ...     series, labels = read_ts(path)
        >>> series[0].tolist(), labels
        ([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]], ['b'])
    """
    lines = ((number, text) for number, line in lines_of(path) if (text := line.strip()) and text[0] != "#")
    header = _header(lines, path)
    series: list[NDArray[np.float64]] = []
    labels: list[str] = []
    count = 0
    for number, line in lines:
        where, fields = f"{path}: line {number}", line.split(":")
        if header.labels is not None:
            labels.append(_label(fields.pop().strip(), header.labels, where))
        if header.channels is None:
            header.channels = len(fields)
        if len(fields) != header.channels:
            raise UserError(f"{where}: {len(fields)} channels; expected {header.channels}: correct the line")
        series.append(_series(fields, where))
        if header.length is not None and len(series[-1]) != header.length:
            raise UserError(
                f"{where}: {len(series[-1])} values a channel; expected {header.length}, as @seriesLength says: "
                "correct the line or the header"
            )
        count += series[-1].size
        check_most(count, path)
    if not series:
        raise UserError(f"{path}: no series after @data; expected one a line: give another file")
    return series, labels if header.labels is not None else None


def _header(lines: Iterator[tuple[int, str]], path: Path) -> _Header:
    """What is said up to the line @data."""
    said: dict[str, tuple[int, list[str]]] = {}
    for number, line in lines:
        name, *words = line.split()
        key = name[1:].lower()
        if name[0] != "@" or key not in TS_KEYS:
            raise UserError(
                f"{path}: line {number}: {name!r:.40}; expected lines such as @classLabel, then @data: correct it"
            )
        said[key] = (number, words)
        if key == "data":
            return _understood(said, path)
    raise UserError(f"{path}: no line @data; expected a header, @data and series: give another file")


def _understood(said: dict[str, tuple[int, list[str]]], path: Path) -> _Header:
    def flag(key: str) -> bool:
        number, words = said.get(key, (0, ["false"]))
        value = words[0].lower() if words else ""
        if value not in ("true", "false"):
            raise UserError(f"{path}: line {number}: @{key} {value!r:.40}; expected true or false: correct it")
        return value == "true"

    def whole(key: str) -> int | None:
        number, words = said.get(key, (0, []))
        if not number:
            return None
        text = words[0] if words else ""
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
            raise UserError(f"{path}: line {number}: @{key} {text!r:.40}; expected a number from 1: correct it")
        return int(text)

    for key, what, do in (
        ("timestamps", "time stamps", "resample to equal steps and remove them"),
        ("targetlabel", "numbers to predict", "remove them, or give classes"),
    ):
        if flag(key):
            raise UserError(f"{path}: line {said[key][0]}: {what}; expected series, with classes or without: {do}")
    header = _Header(whole("dimensions") or whole("dimension"), whole("serieslength") if flag("equallength") else None)
    if flag("univariate"):
        if header.channels not in (None, 1):
            raise UserError(f"{path}: @univariate true and @dimensions {header.channels}; expected 1: correct one")
        header.channels = 1
    if flag("classlabel"):
        number, words = said["classlabel"]
        header.labels = words[1:]
        if not header.labels:
            raise UserError(f"{path}: line {number}: no classes after @classLabel true; expected one or more: add them")
    return header


def _label(label: str, known: list[str], where: str) -> str:
    if label not in known:
        raise UserError(f"{where}: the class {label!r:.40}, which @classLabel does not list; {nearest(label, known)}")
    return label


def _series(fields: list[str], where: str) -> NDArray[np.float64]:
    channels: list[list[float]] = []
    for c, field in enumerate(fields, start=1):
        values: list[float] = []
        for cell in field.split(","):
            value = number_of(cell.strip())
            if value is None:
                raise fault(cell.strip(), f"{where}, channel {c}")
            values.append(value)
        if channels and len(values) != len(channels[0]):
            raise UserError(
                f"{where}, channel {c}: {len(values)} values; expected {len(channels[0])}, as in channel 1: correct it"
            )
        channels.append(values)
    return np.ascontiguousarray(np.array(channels, dtype=np.float64).T)
