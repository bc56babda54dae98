"""`config.toml`: the settings of a run, as `seriatim train --config` reads them and as every run holds its own.

    model = "lstm"

    [data]
    path = "novel.txt"

    [net]
    width = 256

    [train]
    lr = 0.001

Groups and names are those of the command line: `[train] lr` is `--train.lr`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, final

import tomli_w

from seriatim import config as configs
from seriatim.config import Options
from seriatim.data.options import DataOptions
from seriatim.errors import UserError, nearest
from seriatim.modality import HOMES, modalities
from seriatim.training.options import TrainOptions

LIMIT = 2**20  # bytes of a file of settings
_WORDS = {"model": str, "kind": str, "from": str, "folds": int, "search": int}


@final
@dataclass(frozen=True)
class Settings:
    """What a file sets; what it leaves out has its default.

    Attributes:
        data: a path or a name.
        model: a family.
        kind: the kind of data.
        begin: a run to start from.
        folds: folds of cross-validation.
        search: trials of a search.
        fold: (i, k): the run is the i-th of k folds, from 0.
        net: sizes of the model.
        train: fields of `TrainOptions`.
        division: fields of `DataOptions`.
        options: {group: its fields}, of kinds of data.
    """

    data: str | None = None
    model: str | None = None
    kind: str | None = None
    begin: str | None = None
    folds: int | None = None
    search: int | None = None
    fold: tuple[int, int] | None = None
    net: Mapping[str, Any] = field(default_factory=dict[str, Any])
    train: Mapping[str, Any] = field(default_factory=dict[str, Any])
    division: Mapping[str, Any] = field(default_factory=dict[str, Any])
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])


def text_of(settings: Settings) -> str:
    """Settings as TOML; None has no word there and is left out, as a default is."""
    words = {
        "model": settings.model,
        "kind": settings.kind,
        "from": settings.begin,
        "folds": settings.folds,
        "search": settings.search,
        "fold": None if settings.fold is None else list(settings.fold),
    }
    data = {"path": settings.data, **settings.division}
    groups = {"data": data, "net": settings.net, "train": settings.train, **settings.options}
    document: dict[str, Any] = {name: value for name, value in words.items() if value is not None}
    for name, group in groups.items():
        held = {key: value for key, value in group.items() if value is not None}
        if held:
            document[name] = held
    return tomli_w.dumps(document)


def read(path: Path) -> Settings:
    """Read a file of settings.

    Raises:
        UserError: if it is missing or no TOML, or naming the key that is unknown or of a wrong type.
    """
    try:
        if not path.is_file():
            raise UserError(f"{path} is not a file; give a file of settings in TOML, such as RUN/config.toml")
        size = path.stat().st_size
        if size > LIMIT:
            raise UserError(f"{path} has {size:,} bytes, which no file of settings has; give one in TOML")
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path} is not TOML ({error}); correct it") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); give a file of settings in TOML") from None
    return _settings(document, str(path))


def _settings(document: dict[str, Any], where: str) -> Settings:
    kinds: dict[str, type[Options]] = {name: kind for each in modalities() for name, kind in each.options.items()}
    tables = {"net", "train", "data", *kinds}
    for key, value in document.items():
        if key not in {*tables, *_WORDS, "fold"}:
            raise UserError(f"{where} has the unknown key {key[:60]!r}; {nearest(key, [*tables, *_WORDS])}")
        if (key in tables) != isinstance(value, dict):
            raise UserError(f"{where}: {key} must {'' if key in tables else 'not '}be a table, [{key}]; correct it")
        if key in _WORDS and type(value) is not _WORDS[key]:
            raise UserError(f"{where}: {key} is {str(value)[:60]!r}; expected {configs.wanted(_WORDS[key])}")
    data = dict(cast("dict[str, Any]", document.get("data", {})))
    source = data.pop("path", None)
    if source is not None and not isinstance(source, str):
        raise UserError(f"{where}: data.path is {str(source)[:60]!r}; expected a path or the name of a data set")
    kind = document.get("kind")
    if kind is not None and kind not in HOMES:
        raise UserError(f"{where}: kind is {kind[:60]!r}; {nearest(kind, HOMES)}")
    options = {name: _group(kinds[name], document[name], f"{where}: {name}") for name in kinds if name in document}
    return Settings(
        data=source,
        model=document.get("model"),
        kind=kind,
        begin=document.get("from"),
        folds=document.get("folds"),
        search=document.get("search"),
        fold=_fold(document.get("fold"), where),
        net=document.get("net", {}),
        train=_group(TrainOptions, document.get("train", {}), f"{where}: train"),
        division=_group(DataOptions, data, f"{where}: data"),
        options=options,
    )


def _group(kind: type[Options], values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Fields of a group, checked; `batch-size` and `batch_size` are the same."""
    named = {key.replace("-", "_"): value for key, value in values.items()}
    made = configs.read(kind, named, where)  # every check that the group itself has
    return {key: getattr(made, key) for key in named}


def _fold(value: Any, where: str) -> tuple[int, int] | None:
    if value is None:
        return None
    pair = cast("list[Any]", value) if isinstance(value, list) else []
    if [type(each) for each in pair] != [int, int] or not 0 <= pair[0] < pair[1]:
        raise UserError(
            f"{where}: fold is {str(cast(object, value))[:60]!r}; expected two whole numbers, such as [0, 5]"
        )
    return pair[0], pair[1]
