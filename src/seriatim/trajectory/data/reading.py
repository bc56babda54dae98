"""Reading the user's own files: drawings and labelled series, one file or a folder of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from seriatim.data.bad import Bad
from seriatim.data.decoding import bare_suffix, read_bytes
from seriatim.data.folder import files_in, listed, no_pipe
from seriatim.data.labels import SPLITS
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.trajectory.data.long import read_long
from seriatim.trajectory.data.points import read_points
from seriatim.trajectory.data.quickdraw import read_ndjson
from seriatim.trajectory.data.stroke3 import read_stroke3
from seriatim.trajectory.data.strokes import fitted, rounded, simplified, strokes_to_moves
from seriatim.trajectory.data.svg import read_svg
from seriatim.trajectory.data.trajectories import PEN, Trajectories
from seriatim.trajectory.data.ts import read_ts
from seriatim.trajectory.holding import ENDINGS, TABLES, kind_of_file, mark_of
from seriatim.trajectory.options import TrajectoryOptions

Floats = NDArray[np.float64]

_EPSILON = 2.0  # of drawings in units of their own
_OWN = ("svg", "points")


@final
@dataclass
class _Found:
    """What files hold, by split; under "" what is to be divided."""

    channels: tuple[str, ...] = ()
    first: str = ""
    splits: dict[str, tuple[list[Floats], list[str], list[str | None]]] = field(
        default_factory=dict[str, tuple[list[Floats], list[str], list[str | None]]]
    )
    notes: list[str] = field(default_factory=list[str])

    def add(
        self,
        side: str,
        x: Sequence[Floats],
        names: Sequence[str],
        labels: Sequence[str | None],
        channels: tuple[str, ...],
    ) -> None:
        """Trajectories of a file.

        Raises:
            UserError: if they have other channels than those of the files before.
        """
        where = names[0] if names else ""
        if not self.channels:
            self.channels, self.first = channels, where
        elif len(channels) != len(self.channels) or (channels == PEN) != (self.channels == PEN):
            raise UserError(
                f"{where}: {_what(channels)}, but {self.first} holds {_what(self.channels)}; give files of one kind"
            )
        mine = self.splits.setdefault(side, ([], [], []))
        mine[0].extend(x)
        mine[1].extend(names)
        mine[2].extend(labels)

    def finished(self) -> dict[str, Trajectories]:
        """The splits; without labels where none has one."""
        some = any(label is not None for _, _, labels in self.splits.values() for label in labels)
        return {
            side: Trajectories(x, names, labels if some else None) for side, (x, names, labels) in self.splits.items()
        }


def _what(channels: tuple[str, ...]) -> str:
    return "drawings" if channels == PEN else f"series of {len(channels)} channels"


def read_path(
    path: Path, options: TrajectoryOptions, division: DataOptions
) -> tuple[tuple[str, ...], dict[str, Trajectories], str]:
    """The channels, the splits (under "" what is to be divided), and remarks.

    The label of a trajectory is its subfolder, or else what its file says, or else, of several stroke-3 files, the name
    of the file.

    Args:
        path: a file or a folder.
        options: how they are read.
        division: how many, and whether bad files are left out.

    Raises:
        UserError: if anything is wrong with them.
    """
    files, notes = _files(path)
    bad, found = Bad(division.skip_bad), _Found(notes=notes)
    for name, file in files:
        folder = name.split("/")[0] if "/" in name else None
        stem = file.stem.removeprefix("sketchrnn_").removesuffix(".full") if len(files) > 1 else None
        bad.attempt(_read, found, file, name, (folder, stem), options, division.limit)
    if left_out := bad.finish(len(files), "files"):
        found.notes.append(left_out)
    return found.channels, found.finished(), " ".join(dict.fromkeys(found.notes))


def _files(path: Path) -> tuple[list[tuple[str, Path]], list[str]]:
    """The files to read with their names, and remarks.

    Raises:
        UserError: if there are none, or subfolders look like splits.
    """
    if not path.is_dir():
        no_pipe(path)
        return [(path.name, path)], []
    all_files, others = files_in(path, ENDINGS)
    files = [(name, file) for name, file in all_files if kind_of_file(file)]
    for name, _ in all_files:
        if name not in {kept for kept, _ in files}:
            others[Path(name).suffix.lower()] += 1
    if not files:
        there = f"only other files ({listed(others)})" if others else "no files"
        raise UserError(f"{path}: {there}; expected drawings (.ndjson, .svg, .npz, .csv) or labelled series (.ts)")
    folders = {name.split("/")[0].lower() for name, _ in files if "/" in name}
    if folders and folders <= SPLITS:
        raise UserError(f"{path}: its subfolders look like splits, not labels; give one of them as the data")
    return files, [f"Left out: {listed(others)}."] if others else []


def _read(
    found: _Found,
    file: Path,
    name: str,
    words: tuple[str | None, str | None],
    options: TrajectoryOptions,
    limit: int | None,
) -> None:
    """Read one file into `found`; `words`: its subfolder, and its own name, which may be labels."""
    kind, (folder, stem) = kind_of_file(file), words

    def labelled(own: Sequence[str | None]) -> list[str | None]:
        return [folder or label for label in own]

    kind = kind or {".ndjson": "ndjson", ".ts": "ts", ".npz": "npz"}.get(bare_suffix(file), "")  # says what is wrong
    if kind == "npz":
        for side, x in read_stroke3(file).items():
            names = [f"{name}:{side}:{i + 1}" for i in range(len(x))]
            found.add(side, x, names, [folder or stem] * len(x), PEN)
    elif kind == "ts":
        x, labels = read_ts(file)
        channels = tuple(f"channel {i + 1}" for i in range(x[0].shape[1]))
        found.add("", x, [f"{name}:{i + 1}" for i in range(len(x))], labelled(labels or [None] * len(x)), channels)
    elif kind == "ndjson":
        strokes, labels, names, remark = read_ndjson(file, limit)
        found.notes += [remark] if remark else []
        found.add("", _moves(strokes, options, False), _within(names, name), labelled(labels), PEN)
    elif kind == "svg":
        found.notes.append(_remark(options))
        found.add("", _moves([read_svg(file)], options, True), [name], [folder], PEN)
    elif kind == "points" and options.id is None:
        strokes, labels, names = read_points(file)
        found.notes.append(_remark(options))
        found.add("", _moves(strokes, options, True), _within(names, name), labelled(labels), PEN)
    elif bare_suffix(file) in TABLES and (options.id is not None or _has_id(file)):
        x, labels, names, channels = read_long(file, options.id or "id", options.label, options.values)
        found.add("", x, _within(names, name), labelled(labels or [None] * len(x)), channels)
    else:
        raise UserError(
            f"{file}: no drawings or labelled series; expected .ndjson, .svg, stroke-3 .npz, .ts, or a table with a "
            "row for each point: give --trajectory.id COLUMN"
        )


def _has_id(file: Path) -> bool:
    """Whether a table has a column named id."""
    first = next(iter(read_bytes(file, str(file), 0, 1 << 12)), b"").removeprefix(b"\xef\xbb\xbf")
    heading = first.decode("utf-8", "replace").splitlines()[:1]
    return any(cell.strip().strip('"') == "id" for line in heading for cell in line.split(mark_of(line)))


def _within(names: Sequence[str], file: str) -> list[str]:
    """Names that begin with that of the file."""
    return [name if name.startswith(Path(file).name) else f"{file}:{name}" for name in names]


def _moves(drawings: Sequence[Sequence[Any]], options: TrajectoryOptions, own: bool) -> list[Floats]:
    """Strokes in units of their own, or in whole numbers already, as moves of a pen."""
    epsilon = options.simplify if options.simplify is not None else (_EPSILON if own else 0.0)
    found: list[Floats] = []
    for drawing in drawings:
        strokes = fitted(drawing, options.size) if own else drawing
        strokes = simplified(strokes, epsilon) if epsilon else strokes
        found.append(strokes_to_moves(rounded(strokes) if own or epsilon else strokes))
    return found


def _remark(options: TrajectoryOptions) -> str:
    epsilon = _EPSILON if options.simplify is None else options.simplify
    scaled = f"scaled to {options.size:g} units, simplified to within {epsilon:g}, and rounded"
    return f"Drawings of SVG and tables are {scaled}."
