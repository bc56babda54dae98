"""Options with several values: separated by commas, or the option repeated."""

from __future__ import annotations

import typing
from collections.abc import Sequence

from seriatim import config as configs
from seriatim.modality import modalities


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
