"""Documents from JSON: one object per line (.jsonl, .ndjson) or a list of objects (.json)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

from seriatim.data.bad import Bad
from seriatim.data.decoding import likely_encoding, read_bytes, rejoin, text_blocks
from seriatim.errors import UserError
from seriatim.text.data.corpus import SOURCE, Document, Measure
from seriatim.text.data.files import plain
from seriatim.text.options import TextOptions

Record = dict[str, object]

_KINDS: dict[type[object], str] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "true or false",
    type(None): "null",
}


def json_lines(path: Path, options: TextOptions, name: str, bad: Bad) -> Iterator[Document]:
    """One document per non-blank line. Texts stay in the file; only their offsets are kept."""
    path = plain(path, options.encoding, name)
    offset = 0
    for number, line in enumerate(_lines(path, name), start=1):
        if line.strip():
            place = f"{name}:{number}"
            found = bad.attempt(_line, line, options, place, offset)
            if found is not None:
                blocks = partial(_line_blocks, path, options, place, offset, len(line))
                yield Document(place, blocks, found[1], Measure.of((found[0],)))
        offset += len(line)


def json_list(path: Path, options: TextOptions, name: str, bad: Bad) -> Iterator[Document]:
    """One document per object of a list, all in memory."""
    for number, record in enumerate(read_list(path, options.encoding, name), start=1):
        place = f"{name}:{number}"
        found = bad.attempt(_item, record, options, place)
        if found is not None:
            yield Document.of(place, *found)


def read_list(path: Path, encoding: str, name: str) -> list[object]:
    """The list in a JSON file."""
    value = parse("".join(text_blocks(path, encoding, name)), name)
    if not isinstance(value, list):
        raise UserError(
            f"{name}: {_kind(value)}; expected a list of objects: put [ and ] around the objects, "
            "or one object on each line of a .jsonl file"
        )
    return cast("list[object]", value)


def parse(text: str, place: str) -> object:
    """Parse strict JSON, without NaN; errors name the place."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        where, reason = f"{line}column {error.colno}", error.msg
        if error.msg == "Extra data" and place.endswith(".json"):
            reason = "more than one value; a file with one object per line must be named .jsonl"
        raise UserError(f"{place}: malformed JSON at {where}: {reason}: correct the file") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place}: malformed JSON: {error}: correct the file") from None


def _lines(path: Path, name: str) -> Iterator[bytes]:
    rest: list[bytes] = []
    for chunk in read_bytes(path, name):
        *whole, last = chunk.split(b"\n")
        for line in whole:
            yield b"".join((*rest, line, b"\n"))
            rest.clear()
        rest.append(last)
    if last := b"".join(rest):
        yield last


def _line_blocks(path: Path, options: TextOptions, place: str, offset: int, size: int) -> Iterator[str]:
    line = b"".join(read_bytes(path, place, offset, offset + size))
    return rejoin((_line(line, options, place, offset)[0],))


def _line(line: bytes, options: TextOptions, place: str, offset: int) -> tuple[str, dict[str, str | float | None]]:
    return text_and_given(_line_record(line, place, offset), options, place)


def _item(record: object, options: TextOptions, place: str) -> tuple[str, dict[str, str | float | None]]:
    return text_and_given(_checked_record(record, place), options, place)


def _line_record(line: bytes, place: str, offset: int) -> Record:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise UserError(
            f"{place}: byte {offset + error.start} of the file is not utf-8 text ({error.reason}): "
            f"give the encoding of the file, e.g. --text.encoding {likely_encoding('utf-8', line[error.start])}"
        ) from None
    return _checked_record(parse(text.rstrip("\r\n"), place), place)


def _checked_record(value: object, place: str) -> Record:
    if not isinstance(value, dict):
        raise UserError(f'{place}: {_kind(value)}; expected an object: write {{"text": …}}')
    return cast("Record", value)


def text_and_given(record: Record, options: TextOptions, place: str) -> tuple[str, dict[str, str | float | None]]:
    """The text of a record and its conditions.

    Raises:
        UserError: if a field is missing or of another type.
    """
    keys, field = ", ".join(record) or "none", options.field or "text"
    if field not in record:
        heading = ", by the first line" if field.isdigit() else ""
        raise UserError(f"{place}: no field {field!r}; the fields are {keys}{heading}: choose one with --text.field")
    text = record[field]
    if not isinstance(text, str):
        raise UserError(
            f"{place}: the field {field!r} is {_kind(text)}; expected a string (fields: {keys}): "
            "choose another with --text.field"
        )
    _check_unicode(text, field, place)
    given = {key: _condition(record.get(key), key, place) for key in options.given}
    if options.source is not None:
        if options.source == field:
            raise UserError(f"--text.source and --text.field are both {field!r} (fields: {keys}): choose two")
        source = record.get(options.source)
        if not isinstance(source, str):
            what = _kind(source) if options.source in record else "missing"
            raise UserError(
                f"{place}: the source {options.source!r} is {what}; expected a string (fields: {keys}): "
                "choose another with --text.source"
            )
        _check_unicode(source, options.source, place)
        given[SOURCE] = source
    return text, given


def _condition(value: object, key: str, place: str) -> str | float | None:
    if isinstance(value, bool):
        return "true" if value else "false"  # a label of two values, not a number
    if isinstance(value, str):
        _check_unicode(value, key, place)
        return value
    if value is None:
        return None
    if isinstance(value, int | float):
        if abs(value) <= sys.float_info.max:
            return value
        # JSON has numbers that a float cannot hold: 1e999, and integers of 400 digits.
        raise UserError(f"{place}: the condition {key!r} is a number outside the range of a float: correct the record")
    raise UserError(
        f"{place}: the condition {key!r} is {_kind(value)}; expected a string, a number, true, false or null: "
        "correct the record or leave the condition out of --text.given"
    )


def _check_unicode(text: str, key: str, place: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"{place}: the field {key!r} has half of a surrogate pair at character {error.start}: correct the record"
        ) from None


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a number")


def _refuse_constant(constant: str) -> object:
    raise ValueError(f"{constant} is not a JSON number")
