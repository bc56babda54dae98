"""What is typed, as the parser reads it: lists separated by commas, and short names of options."""

from __future__ import annotations

import typing
from collections.abc import Sequence

from seriatim import config as configs
from seriatim.modality import modalities

SHORT = {f"--{name}": f"--train.{name}" for name in ("steps", "epochs", "batch", "lr", "seed", "device")}
"""The options of `train` that may be typed without their group."""


def lengthened(words: Sequence[str]) -> list[str]:
    """The command line with short names of options in full."""
    if not words or words[0] != "train":
        return list(words)
    parts = [word.partition("=") for word in words]
    return ["".join((SHORT.get(name, name), equals, value)) for name, equals, value in parts]


def several() -> set[str]:
    """The options of all kinds of data with several values, e.g. --text.given."""
    return {
        f"--{group}.{name.replace('_', '-')}"
        for record in modalities()
        for group, options in record.options.items()
        for name, kind in configs.fields(options).items()
        if typing.get_origin(kind) is tuple
    }


def spread(words: Sequence[str]) -> list[str]:
    """The command line with each comma-separated list replaced by the repeated option."""
    if not any("," in word for word in words):
        return list(words)
    known, found, i = several(), list[str](), 0
    while i < len(words):
        name, equals, value = words[i].partition("=")
        if name.replace("_", "-") in known and (equals or i + 1 < len(words)):
            if not equals:
                i += 1
                value = words[i]
            for part in filter(None, value.split(",")):
                found += [name, part]
        else:
            found.append(words[i])
        i += 1
    return found
