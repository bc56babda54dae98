"""Strict parsing of a codec's JSON: every fault is one UserError that names the key."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, cast

from seriatim.errors import UserError, nearest


def mapping(value: object, key: str) -> dict[str, Any]:
    """The JSON object at `key`."""
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in cast("dict[object, Any]", value)):
        raise UserError(f"{key}: expected a JSON object, got {type(value).__name__}")
    return cast("dict[str, Any]", value)


def document(value: object, kind: str, keys: Iterable[str]) -> dict[str, Any]:
    """The document of a codec of this kind: exactly these keys, and `kind`."""
    fields = mapping(value, kind)
    exactly(fields, ("kind", *keys), kind)
    if fields["kind"] != kind:
        raise UserError(f"kind: expected {kind!r}, got {fields['kind']!r}")
    return fields


def exactly(fields: Mapping[str, Any], keys: Iterable[str], where: str) -> None:
    """Refuse a document with a missing or an unexpected key."""
    expected = tuple(keys)
    for key in fields:
        if key not in expected:
            raise UserError(f"{where}: unexpected key {key!r}; {nearest(key, expected)}")
    for key in expected:
        if key not in fields:
            raise UserError(f"{where}: missing key {key!r}")


def sequence(value: object, key: str) -> list[Any]:
    """The JSON array at `key`."""
    if not isinstance(value, list):
        raise UserError(f"{key}: expected a JSON array, got {type(value).__name__}")
    return cast("list[Any]", value)


def text(value: object, key: str) -> str:
    """The string at `key`; lone surrogates are refused."""
    if not isinstance(value, str):
        raise UserError(f"{key}: expected a string, got {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{key}: lone surrogate at position {error.start}") from None
    return value


def strings(value: object, key: str) -> list[str]:
    """The array of distinct, non-empty strings at `key`."""
    found = [text(item, f"{key}[{i}]") for i, item in enumerate(sequence(value, key))]
    seen: set[str] = set()
    for i, item in enumerate(found):
        if not item or item in seen:
            raise UserError(f"{key}[{i}]: " + (f"{item!r} is a duplicate" if item else "empty string"))
        seen.add(item)
    return found


def number(value: object, key: str) -> float:
    """The finite number at `key`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{key}: expected a number, got {type(value).__name__}")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise UserError(f"{key}: expected a finite number, got {found}")
    return found


def numbers(value: object, key: str) -> list[float]:
    """The array of finite numbers at `key`."""
    return [number(item, f"{key}[{i}]") for i, item in enumerate(sequence(value, key))]


def whole(value: object, key: str, low: int, high: int) -> int:
    """The whole number at `key`, from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        shown = f"{value!r:.40}" if isinstance(value, int | float | str) else type(value).__name__
        raise UserError(f"{key}: expected a whole number from {low} to {high}, got {shown}")
    return value
