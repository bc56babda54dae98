"""seriatim inspect."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from seriatim.cli.common import open_run, print_json
from seriatim.text.data.corpus import SOURCE

if TYPE_CHECKING:
    from seriatim.audio.model import AudioModel
    from seriatim.image.model import ImageModel
    from seriatim.runs.opening import Trained
    from seriatim.symbols import Symbols
    from seriatim.text.model import TextModel

_SHOWN = 12  # labels of a condition


def inspect(run: Path, /, *, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> None:
    """What a run holds: family, sizes, parameters, how far it looks back, tokenizer or levels, conditions.

    Parameters
    ----------
    run
        The directory that `seriatim train` has written.
    as_json
        One JSON object on standard output.
    """
    from seriatim.audio.spans import Spans
    from seriatim.image.model import ImageModel as Image
    from seriatim.symbols import Labels

    model = open_run(run, "cpu")
    parameters = sum(p.numel() for p in model.model.parameters())
    size = sum(p.numel() * p.element_size() for p in model.model.parameters())
    facts = _facts(model)
    document = {
        "family": model.family,
        "parameters": parameters,
        "bytes": size,
        **facts,
        "conditions": {name: codec.kind for name, codec in model.codecs.items() if name != "x"},
        "labels": {
            name: list(codec.values) for name, codec in model.codecs.items() if isinstance(codec, Labels | Spans)
        },
        "config": dataclasses.asdict(model.model.config),
        "about": model.about,
    }
    if as_json:
        print_json(document)
        return
    print(f"{model.family}, {parameters:,} parameters ({size / 2**20:.1f} MiB)")
    for line in _lines(model):
        print(f"  {line}")
    for name, codec in model.codecs.items():
        if name != "x":
            print(f"  condition    {name} ({codec.kind}{_known(codec)})")
    code = model.code if isinstance(model, Image) else None
    if code is not None:
        print(f"  code         {code.width} numbers of {code.encoder.config.levels} levels, and their prior")
    for name, value in dataclasses.asdict(model.model.config).items():
        print(f"  {name:12s} {value}")
    for name, value in model.about.items():
        if value != "":
            print(f"  {name:12s} {value}")


def _known(codec: Symbols) -> str:
    """The first few labels of a condition that has some."""
    from seriatim.audio.spans import Spans
    from seriatim.symbols import Labels

    if not isinstance(codec, Labels | Spans):
        return ""
    more = f", … {len(codec.values)} in all" if len(codec.values) > _SHOWN else ""
    return f": {', '.join(codec.values[:_SHOWN])}{more}"


def _facts(model: Trained) -> dict[str, object]:
    from seriatim.image.model import ImageModel as Image
    from seriatim.text.model import TextModel as Text

    if isinstance(model, Text):
        return _of_text(model)
    return _of_pictures(model) if isinstance(model, Image) else _of_sound(model)


def _of_sound(model: AudioModel) -> dict[str, object]:
    return {
        "rate_hertz": model.rate,
        "channels": model.channels,
        "quantiser": model.codec.name,
        "looks_back_samples": model.past,
        "looks_back_milliseconds": 1000 * model.past / model.rate,
    }


def _of_text(model: TextModel) -> dict[str, object]:
    return {
        "looks_back_symbols": model.horizon or getattr(model.model.config, "past", None),
        "tokenizer": model.tokenizer.kind,
        "symbols": model.tokenizer.size,
        "lossless": model.tokenizer.lossless,
    }


def _of_pictures(model: ImageModel) -> dict[str, object]:
    height, width, channels = model.shape
    return {
        "height": height,
        "width": width,
        "channels": channels,
        "levels": model.levels.levels,
        **sight_of(model),
    }


def sight_of(model: ImageModel) -> dict[str, object]:
    """How much of what comes before it a symbol in the middle sees, and how much it misses: the blind spot."""
    canvas = model.grid.canvas
    if len(canvas) == 1:  # of a multi-scale model, which has its own order and one size
        if canvas[0] > 1024:  # all pairs of sub-pixels are looked at: more would take a while
            return {}
        middle = canvas[0] // 2
        return {"sees_of_the_past": f"{int(model.grid.sees(canvas)[middle].sum())} of {middle} (as they are drawn)"}
    height, width, channels = model.shape
    colours = channels if len(canvas) == 3 else 1
    side = 28 if colours == 1 else 14
    small = min(height, side), min(width, side)
    sees = model.grid.sees((*small, *canvas[2:]))
    middle = (small[0] // 2 * small[1] + small[1] // 2) * colours
    where = f"row {small[0] // 2}, column {small[1] // 2} of {small[0]} × {small[1]}"
    return {"sees_of_the_past": f"{int(sees[middle].sum())} of {middle} ({where})"}


def _lines(model: Trained) -> list[str]:
    from seriatim.audio.model import AudioModel as Sound
    from seriatim.runs.building import encoders_of
    from seriatim.text.model import TextModel as Text
    from seriatim.text.tokenizers import Tokenizer

    if isinstance(model, Sound):
        back = f"{model.past} samples, {1000 * model.past / model.rate:.1f} ms"
        kind = "mono" if model.channels == 1 else "stereo"
        return [f"looks back   {back}", f"sound        {model.rate} Hz, {kind}, {model.codec.name}"]

    if isinstance(model, Text):
        past = model.horizon or getattr(model.model.config, "past", None)
        state = ", in a state" if model.family in ("rnn", "lstm", "gru") else ""
        back = f"all of the past{state}" if past is None else f"{past} symbols"
        lines = [f"looks back   {back}", f"tokenizer    {model.tokenizer.kind}, {model.tokenizer.size} symbols"]
        source, codec = encoders_of(model.model).get(SOURCE), model.conditions.get(SOURCE)
        if source is not None and isinstance(codec, Tokenizer):
            lines.append(f"source       {codec.kind}, {codec.size} symbols, at most {source['longest']} of them")
            lines.append(f"encoder      {source['encoder']}, {source['layers']} layers of {source['width']}")
        return lines
    return [f"sees         {seen}" for seen in sight_of(model).values()]
