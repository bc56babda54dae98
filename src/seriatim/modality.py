"""One record for each kind of data: what a wing offers to the rest of the house, and the list of the wings.

Reading a record imports neither torch nor a reader: everything that needs them is a function.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast, final

from seriatim.config import Options
from seriatim.errors import UserError, nearest


class Certainty(IntEnum):
    """How surely a wing holds what it is shown."""

    NO = 0
    MAYBE = 1
    YES = 2
    SURE = 3
    """The format itself says so."""


class Verdict(NamedTuple):
    """What a wing says of a path, a name or a Python object."""

    certainty: Certainty
    reason: str = ""
    """What was found, as a phrase: "40 images", "a named data set of text"."""
    files: int = 0
    bytes: int = 0
    ask: bool = False
    """Whether the user must choose, as what is there is hardly meant to be of this kind."""


_LOOKED_AT = 10_000  # files of a folder, to say what they are

NOT_MINE = Verdict(Certainty.NO)


class Encoding(NamedTuple):
    """How conditions with one type of codec enter a model."""

    part: str
    """The part of the `Context`, and the field of the config that gives its channels: vector, field or memory."""
    words: str
    """What such conditions are called, for messages."""
    make: Callable[[Any, Any, Any], Any]
    """(codec, the encoder's sizes or None, the model's config) -> encoder."""
    width: int | str | None
    """The channels that it adds to its part: a number, the field of the encoder's sizes that says it, or None for
    the size of the codec; 0 for a part that has no field in a config, which every model of such data reads."""
    sizes: Mapping[str, type[Any]] = {}
    """{kind: the dataclass of the encoder's sizes}; empty where the codec alone decides them."""
    special: str | None = None
    """The name of the one condition that is x itself, and has the last of these kinds; all others have the first."""
    most: int | None = None
    """How many such conditions a model may have."""
    prior: Callable[[Any], Any] | None = None
    """(encoder) -> a model of what it encodes to, if that is to be drawn."""

    def channels(self, sizes: Any, codec: Any) -> int:
        """The channels that an encoder of these sizes adds, for a condition with this codec."""
        if self.width is None:
            return codec.size
        return self.width if isinstance(self.width, int) else getattr(sizes, self.width)

    def kind(self, name: str) -> str:
        """The kind of sizes of a condition's encoder."""
        return list(self.sizes)[-1 if name == self.special else 0]


@final
@dataclass(frozen=True, kw_only=True)
class Modality:
    """A kind of data.

    Attributes:
        name: the folder of the wing, the group of its options, `Family.data`, the key in `model.json`. One word.
        words: what it is called in sentences.
        family: the family that is trained unless another is named.
        training: `TrainOptions` that differ from the defaults.
        options: {group: dataclass}: `--GROUP.option` on the command line, `GROUP=` in Python.
        holds: (path, name or Python object) -> how surely it is of this kind.
        names: the named data sets of this kind.
        sets: () -> {name: named data set}.
        open: (path, name or object; options by group; how to divide) -> data, a `training.plan.Data`.
        open_set: the same for the name of a data set, whatever lies at a path of that name.
        folds: (data, k, options by group) -> k of them for cross-validation.
        figures: how the keys of a model's figures begin: the first one judges a search, all are told of a study.
        codecs: () -> {kind: codec} of this wing, besides those of `seriatim.symbols`.
        encoders: () -> {type of codec: how conditions with it enter a model}, likewise.
        follows: {field of a config: attribute of the codec of x that decides it}.
        task: () -> the class that trains on such data.
        model: () -> the class that users hold.
        learned: groups of `options` that a run keeps in its codecs; `--from` takes them from there.
        refuses: options of `TrainOptions` that do not apply.
        foreign: (folder, device) -> a model that another program has saved; None if it is none of those.
        next: the command that draws from a trained model.
    """

    name: str
    words: str
    family: str
    options: Mapping[str, type[Options]]
    holds: Callable[[object], Verdict]
    names: tuple[str, ...]
    sets: Callable[[], Mapping[str, Any]]
    open: Callable[[Any, Mapping[str, Any], Any], Any]
    open_set: Callable[[str, Mapping[str, Any], Any], Any]
    folds: Callable[[Any, int, Mapping[str, Any]], Sequence[Any]]
    figures: tuple[str, ...]
    codecs: Callable[[], Mapping[str, type[Any]]]
    encoders: Callable[[], Mapping[type[Any], Encoding]]
    follows: Mapping[str, str]
    task: Callable[[], type[Any]]
    model: Callable[[], type[Any]]
    training: Mapping[str, Any] = field(default_factory=dict[str, Any])
    learned: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    foreign: Callable[[Path, str], Any] = lambda folder, device: None  # noqa: ARG005
    next: str = "sample"


HOMES = {
    "text": "seriatim.text",
    "image": "seriatim.image",
    "audio": "seriatim.audio",
    "series": "seriatim.series",
    "trajectory": "seriatim.trajectory",
    "video": "seriatim.video",
}
"""Where each kind of data lives. The only list."""


def modality(name: str) -> Modality:
    """The record of a kind of data.

    Raises:
        UserError: if there is none of that name.
    """
    if name not in HOMES:
        raise UserError(f"{name[:40]!r} is no kind of data; {nearest(name, HOMES)}")
    return import_module(HOMES[name]).MODALITY


def modalities() -> Iterator[Modality]:
    """All records, in the order of the list."""
    return (modality(name) for name in HOMES)


def named_by(groups: Iterable[str]) -> Modality | None:
    """The kind of data that groups of options are for, if they are for one alone."""
    given = [*groups]
    found = [each for each in modalities() if any(group in each.options for group in given)]
    return found[0] if len(found) == 1 else None


def kind_of(data: object, likely: str | None = None) -> tuple[Modality, Verdict]:
    """Which kind of data a path, a name or a Python object holds: each wing is asked once.

    Args:
        data: the path, the name or the object.
        likely: the kind that the rest of the command speaks for, such as that of `--model`: the example in messages.

    Raises:
        UserError: if no wing holds it, or if several do and the user has to choose.
    """
    found = [(each, verdict) for each in modalities() if (verdict := each.holds(data)).certainty]
    if not found:
        raise UserError(f"{shown(data)} {_not_held(data)}")
    best = max(verdict.certainty for _, verdict in found)
    likeliest = [(each, verdict) for each, verdict in found if verdict.certainty == best]
    if len(likeliest) > 1:
        each = "; ".join(f"{record.name}: {verdict.reason}" for record, verdict in likeliest)
        names = [record.name for record, _ in likeliest]
        raise UserError(
            f"{shown(data)} may hold more than one kind of data ({each}); choose with --kind, e.g. --kind "
            f"{likely if likely in names else names[0]}"
        )
    record, verdict = likeliest[0]
    if verdict.ask:
        others = _foreign(Path(cast("str | Path", data)))
        raise UserError(
            f"{shown(data)} holds {verdict.reason}{f', and {others}' if others else ''}; to read it as {record.words}, "
            f"give --kind {record.name}"
        )
    return record, verdict


FOREIGN: Mapping[str, tuple[str, str]] = {
    ending: (what, advice)
    for endings, what, advice in (
        (".svg .eps .ai", "vector graphics", "save them as PNG"),
        (".heic .heif .avif .jxl .jp2 .psd .cr2 .nef .dng .ico .tga", "pictures that are not read", "save them as PNG"),
        (".m4a .aac .wma .amr .ac3 .ape .mka", "audio that is not read", "save it as WAV or FLAC"),
        (".mid .midi", "notes", "save them as audio, WAV or FLAC"),
        (".pdf .doc .docx .odt .rtf .epub .ppt .pptx", "documents that are not read", "save their text as .txt"),
        (".xls .xlsx .ods .feather", "tables that are not read", "save texts as .csv, pairs as .tsv"),
        (".npy .npz .h5 .hdf5 .mat", "arrays", "load them in Python and give them to seriatim.train"),
        (".zip .tar .tgz .7z .rar .zst", "archives", "unpack them"),
        (".pt .pth .ckpt .bin .safetensors .onnx .pkl", "models or other binary data", "give text, pictures or audio"),
    )
    for ending in endings.split()
}
"""{suffix: (what such files are, what to do)} of files that no wing reads."""


def _foreign(path: Path) -> str:
    """What there is that no wing reads, and what to do with it; empty if there is nothing known."""
    files = path.rglob("[!.]*") if path.is_dir() else (path,)
    counts = Counter(file.suffix.lower() for file in islice(files, _LOOKED_AT))
    for ending, count in counts.most_common():
        if ending in FOREIGN:
            what, advice = FOREIGN[ending]
            number = f"{count:,} × {ending}" if path.is_dir() else ending
            return f"{what} ({number}): {advice}"
    return ""


def shown(data: object) -> str:
    """Data as a message names it."""
    return repr(str(data)) if isinstance(data, str | Path) else f"data of the type {type(data).__name__}"


def _not_held(data: object) -> str:
    if not isinstance(data, str | Path):
        known = "texts, 8-bit pictures (N, H, W, C), films (N, T, H, W, C), 16-bit recordings, series, a dict, a table"
        return f"cannot be trained on; give {known}, or a path"
    path = Path(data)
    if path.exists():
        if others := _foreign(path):
            return f"holds {others}"
        kinds = ", ".join(each.words for each in modalities())
        return f"holds no data that can be read; give {kinds}, as files, or choose the kind with --kind"
    if path.suffix or len(path.parts) > 1:
        return "does not exist; check the path"
    names = [name for each in modalities() for name in each.names]
    return f"is no file, folder or named data set; {nearest(str(data), names)}"
