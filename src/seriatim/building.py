"""From a family's name, its sizes and the codecs of what it is conditioned on to a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from torch import nn

from seriatim import config as configs
from seriatim.conditioning import (
    CodeConfig,
    CodeEncoder,
    LabelEncoder,
    MapConfig,
    MapEncoder,
    NumberEncoder,
    SeriesConfig,
    SeriesEncoder,
    SpanEncoder,
    TextConfig,
    TextEncoder,
)
from seriatim.errors import UserError
from seriatim.models import FAMILIES, LSTM, Conditional, Model, RecurrentConfig, family
from seriatim.symbols import Feature, Labels, Levels, Series, Sound, Spans, Symbols, Tokenizer

CODE = "code"
"""The condition that is the picture itself, as a few numbers: an auto-encoder's."""
_VECTOR = 32  # channels of one encoded condition
_PRIOR = 64  # units of what learns the codes of an auto-encoder
_ENCODERS: dict[str, type[Any]] = {
    "code": CodeConfig,
    "map": MapConfig,
    "series": SeriesConfig,
    "text": TextConfig,
}

Track = Spans | Series | Feature
"""The codecs of what runs beside a sequence, a column for every `hop` positions."""


def build(
    family_name: str, config: Any, conditions: Mapping[str, Symbols], encoders: Mapping[str, Any] | None = None
) -> Model:
    """A model of a family, wrapped in `Conditional` if it has conditions.

    Args:
        family_name: a key of `FAMILIES`.
        config: the family's config; its `vector` and `field` are set to what the conditions need.
        conditions: {name: codec}, `Labels`, `Numbers`, `Vectors`; for pictures `Levels`; for sound a `Track`; for text
            one `Tokenizer`, of its source.
        encoders: {name: `CodeConfig`, `MapConfig`, `SeriesConfig` or `TextConfig`} of the conditions that are pictures,
            tracks or texts.

    Raises:
        UserError: if the family takes no such conditions.
    """
    entry, sizes = family(family_name), encoders or {}
    if not conditions:
        return entry.model(config)
    local = {name for name, codec in conditions.items() if isinstance(codec, Levels | Track)}
    for kind, data, what in ((Levels, "images", "pictures"), (Track, "audio", "series")):
        fits = entry.data == data and hasattr(config, "field")
        if not fits and any(isinstance(codec, kind) for codec in conditions.values()):
            able = [n for n, f in FAMILIES.items() if f.data == data and "field" in f.config.__dataclass_fields__]
            raise UserError(f"{family_name} takes no {what} as conditions; choose one of {', '.join(able)}")
    texts = [name for name, codec in conditions.items() if isinstance(codec, Tokenizer)]
    if texts and (len(texts) > 1 or not hasattr(config, "memory")):
        able = [n for n, f in FAMILIES.items() if "memory" in f.config.__dataclass_fields__]
        wanted = "one source is all that a model reads" if len(texts) > 1 else f"choose one of {', '.join(able)}"
        raise UserError(f"{family_name} takes no {len(texts)} texts as conditions; {wanted}")
    needs = {"vector": _VECTOR * sum(name not in local and name not in texts for name in conditions)}
    if texts:
        needs["memory"] = sizes[texts[0]].width
    field = sum(sizes[name].filters for name in local)
    model = entry.model(dataclasses.replace(config, **needs, **({"field": field} if field else {})))
    modules = {name: _encoder(codec, sizes.get(name), config) for name, codec in conditions.items()}
    codes = [module.config for module in modules.values() if isinstance(module, CodeEncoder)]
    prior = LSTM(RecurrentConfig(codes[0].levels, width=_PRIOR, context=codes[0].width)) if codes else None
    return Conditional(model, modules, prior)


def _encoder(codec: Symbols, size: Any, config: Any) -> nn.Module:
    if isinstance(codec, Levels) and isinstance(size, CodeConfig):
        return CodeEncoder(codec.shape, codec.levels, size)
    if isinstance(codec, Levels):
        return MapEncoder(codec.shape, codec.levels, (config.height, config.width), size)
    if isinstance(codec, Tokenizer):
        return TextEncoder(codec.size, size)
    if isinstance(codec, Track):
        return (SpanEncoder if isinstance(codec, Spans) else SeriesEncoder)(codec.size, codec.hop, size)
    return LabelEncoder(codec.size, _VECTOR) if isinstance(codec, Labels) else NumberEncoder(_VECTOR, codec.size)


def follows(codec: Symbols) -> dict[str, int | float]:
    """The fields of a config that the codec of x decides."""
    if isinstance(codec, Levels):
        return {"height": codec.height, "width": codec.width, "channels": codec.channels, "levels": codec.levels}
    if isinstance(codec, Sound):
        return {"levels": codec.levels, "channels": codec.channels, "spread": codec.spread}
    return {"symbols": codec.size, **({"start": codec.end} if isinstance(codec, Tokenizer) else {})}


def encoders_of(model: Model) -> dict[str, Any]:
    """{condition: what its encoder is} of the conditions whose codec does not say it."""
    if not isinstance(model, Conditional):
        return {}
    kinds = {cls: kind for kind, cls in _ENCODERS.items()}
    modules = zip(model.names, model.encoders.values(), strict=True)
    found = {name: getattr(module, "config", None) for name, module in modules}
    return {name: {"kind": kinds[type(c)], **dataclasses.asdict(c)} for name, c in found.items() if c is not None}


def read_encoders(listed: object, x: Symbols, conditions: Mapping[str, Symbols], where: str) -> dict[str, Any]:
    """The reverse of `encoders_of`.

    Raises:
        UserError: naming what is wrong.
    """
    local = {name: codec for name, codec in conditions.items() if isinstance(codec, Levels | Track | Tokenizer)}
    if not isinstance(listed, dict) or set(cast("dict[str, Any]", listed)) != set(local):
        raise UserError(f"{where}: 'encoders' wants one entry for each condition but labels and numbers, and no other")
    found: dict[str, Any] = {}
    for name, entry in cast("dict[str, Any]", listed).items():
        fields = dict(cast("dict[str, Any]", entry)) if isinstance(entry, dict) else {}
        kind = fields.pop("kind", None)
        able = ("series",) if isinstance(local[name], Track) else ("code", "map")
        able = ("text",) if isinstance(local[name], Tokenizer) else able
        if not isinstance(kind, str) or kind not in able:
            wanted = " or ".join(able)
            raise UserError(f"{where}: encoder {name[:60]!r} is of the kind {str(kind)[:60]!r}; {wanted} is wanted")
        place = f"{where}: encoder {name[:60]!r}"
        try:
            found[name] = configs.read(_ENCODERS[kind], fields, place)
        except UserError as error:
            raise UserError(str(error) if place in str(error) else f"{place}: {error}") from error
    for name, config in found.items():
        if isinstance(config, CodeConfig) != (name == CODE):
            raise UserError(f"{where}: encoder {name[:60]!r}: {CODE!r} and nothing else is the name of a code")
    if CODE in found and conditions[CODE].to_json() != x.to_json():
        raise UserError(f"{where}: codec {CODE!r} differs from that of x, which it is a code of")
    return found
