"""Options as frozen dataclasses: read strictly from JSON, leniently from words typed, checked in one place."""

from __future__ import annotations

import dataclasses
import os
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seriatim.errors import UserError, nearest

C = typing.TypeVar("C")


@dataclasses.dataclass(frozen=True)
class Options:
    """A group of options that a user sets: frozen, checked when it is made, written into the run as JSON."""

    def located(self, data: str) -> typing.Self:  # noqa: ARG002
        """The same options with absolute paths, so that a run of `data` can be resumed from anywhere."""
        return self


def absolute(path: str) -> str:
    """A path that exists as an absolute one; anything else, such as a name, as it is."""
    return str(Path(path).resolve()) if Path(path).exists() else path


def cache_folder() -> Path:
    """The folder for downloads and compiled kernels: `$SERIATIM_CACHE`, else the user's cache.

    Raises:
        UserError: without both.
    """
    own = os.environ.get("SERIATIM_CACHE")
    if own:
        return Path(own)
    import pooch

    try:
        found = Path(pooch.os_cache("seriatim"))
    except RuntimeError:  # newer versions of platformdirs raise where this user has no home, older ones return ~
        found = Path("~")
    if not found.is_absolute():
        raise UserError("there is no home folder to keep files in; set $SERIATIM_CACHE to a folder")
    return found


def bounded(name: str, value: float, low: float, high: float) -> None:
    """Check that a number lies in low … high.

    Raises:
        UserError: otherwise. Sizes are checked before memory is taken: they may come from a stranger's file.
    """
    if not low <= value <= high:
        raise UserError(f"{name} is {value}; expected a value from {low} to {high}")


def filled(name: str, value: str | None) -> None:
    """Check that the path of an option is not empty, which would be this folder.

    Raises:
        UserError: otherwise.
    """
    if value == "":
        raise UserError(f"{name} is empty; give a path, or leave it out")


def divides(name: str, value: int, of: str, whole: int) -> None:
    """Check that `whole` is a multiple of `value`.

    Raises:
        UserError: otherwise.
    """
    if value < 1 or whole % value:
        raise UserError(f"{name} is {value}, which does not divide {of} = {whole}; choose a divisor")


def fields(cls: type[Any]) -> dict[str, Any]:
    """{field name: its type}, in order."""
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _choices(kind: Any) -> tuple[Any, ...]:
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return tuple(choice for part in typing.get_args(kind) for choice in _choices(part))
    return (kind,)


def _finite(value: float) -> bool:
    """Whether it is a number that a float holds; `math.isfinite` raises on whole numbers beyond."""
    return abs(value) <= sys.float_info.max


def _fits(value: Any, kind: Any) -> bool:
    if kind is type(None):
        return value is None
    if typing.get_origin(kind) is typing.Literal:
        return any(type(value) is type(arg) and value == arg for arg in typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        return isinstance(value, list | tuple) and all(
            _fits(item, typing.get_args(kind)[0]) for item in typing.cast("list[Any]", value)
        )
    if kind is float:
        return type(value) in (int, float) and _finite(value)
    return type(value) is kind


def wanted(kind: Any) -> str:
    """A type in a user's words."""
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a word", type(None): "none"}
    words: list[str] = []
    for choice in _choices(kind):
        if typing.get_origin(choice) is typing.Literal:
            words += [str(arg) for arg in typing.get_args(choice)]
        elif typing.get_origin(choice) is tuple:
            words.append("a list")
        else:
            words.append(names.get(choice, str(choice)))
    return " or ".join(words)


def check(cls: type[Any], values: Mapping[str, Any], where: str = "") -> None:
    """Check names and types of field values; nothing is converted.

    Raises:
        UserError: naming the key.
    """
    known = fields(cls)
    for key, value in values.items():
        if key not in known:
            raise UserError(f"{where} has the unknown key {key!r}; {nearest(key, known)}")
        if not any(_fits(value, choice) for choice in _choices(known[key])):
            given = f"{where}: {key} is" if where else f"{key}="
            raise UserError(f"{given} {str(value)[:60]!r}; expected {wanted(known[key])}")


def read(cls: type[C], document: Mapping[str, Any], where: str) -> C:
    """A config from parsed JSON. Types are checked, nothing is converted, every key must be known.

    Raises:
        UserError: naming the key.
    """
    check(cls, document, where)
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in document.items()}
    try:
        return cls(**values)
    except TypeError as error:
        missing = [f.name for f in dataclasses.fields(typing.cast(Any, cls)) if f.name not in document]
        raise UserError(f"{where} lacks a key; it may be one of {', '.join(missing)}") from error


def _parse(word: str, kind: Any) -> Any:
    """The word as a value of the type, or `...` if it is none."""
    lower = word.strip().lower()
    if kind is type(None):
        return None if lower in ("none", "null") else ...
    if kind is bool:
        return {
            "true": True,
            "yes": True,
            "on": True,
            "1": True,
            "false": False,
            "no": False,
            "off": False,
            "0": False,
        }.get(lower, ...)
    if kind is str:
        return word
    if typing.get_origin(kind) is tuple:
        items = [_parse(part, typing.get_args(kind)[0]) for part in word.split(",") if part.strip()]
        return ... if ... in items else tuple(items)
    if typing.get_origin(kind) is typing.Literal:
        return next((arg for arg in typing.get_args(kind) if str(arg) == word.strip()), ...)
    try:
        number = kind(word.replace("_", ""))
    except ValueError:
        return ...
    return number if _finite(number) else ...


def parse(cls: type[Any], words: Mapping[str, str], group: str) -> dict[str, Any]:
    """Field values from words such as {"width": "128"}; `group` is the option's prefix, for messages.

    Raises:
        UserError: naming the option, with the nearest known one.
    """
    known = fields(cls)
    values: dict[str, Any] = {}
    for key, word in words.items():
        name = key.replace("-", "_")
        if name not in known:
            raise UserError(f"--{group}.{key} is not an option here; {nearest(name, known)}")
        for choice in sorted(_choices(known[name]), key=lambda kind: kind is str):  # a word is the last resort
            value = _parse(word, choice)
            if value is not ...:
                values[name] = value
                break
        else:
            raise UserError(f"--{group}.{key} is {word!r}; expected {wanted(known[name])}")
    return values
