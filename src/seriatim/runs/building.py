"""From a family's name, its sizes and the codecs of what it is conditioned on to a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from torch import nn

from seriatim import config as configs
from seriatim.conditioning import LabelEncoder, NumberEncoder
from seriatim.errors import UserError
from seriatim.modality import Encoding, modalities, modality
from seriatim.models import FAMILIES, Model, family
from seriatim.models.conditional import Conditional
from seriatim.runs.hollow import undrawn
from seriatim.symbols import Labels, Numbers, Symbols, Vectors

SMALL_DROPOUT = 0.1
"""Dropout for small data."""

PARTS = ("vector", "field", "memory")
"""The fields of a config that follow from the conditions."""

_VECTOR = 32  # channels of one encoded label, number or vector


def _of_numbers(codec: Any, sizes: Any, config: Any) -> nn.Module:  # noqa: ARG001
    return NumberEncoder(_VECTOR, codec.size)


def _of_labels(codec: Any, sizes: Any, config: Any) -> nn.Module:  # noqa: ARG001
    return LabelEncoder(codec.size, _VECTOR)


_COMMON: Final[dict[type[Any], Encoding]] = {
    Labels: Encoding("vector", "labels", _of_labels, _VECTOR),
    Numbers: Encoding("vector", "numbers", _of_numbers, _VECTOR),
    Vectors: Encoding("vector", "vectors", _of_numbers, _VECTOR),
}


def _encoding(codec: Symbols, kind: str) -> Encoding:
    """How a condition with this codec enters a model of this kind of data.

    Raises:
        UserError: if it cannot.
    """
    found = _found(codec, {**_COMMON, **modality(kind).encoders()})
    if found is not None:
        return found
    for other in modalities():
        found = _found(codec, other.encoders())
        if found is not None:
            able = [
                n
                for n, f in FAMILIES.items()
                if other.name in f.kinds and found.part in configs.fields(f.of(other.name).config)
            ]
            refusal = f"models of {modality(kind).words} take no {found.words} as conditions"
            raise UserError(f"{refusal}; choose one of {', '.join(able)}")
    raise UserError(f"a condition of the kind {codec.kind!r} is none that a model takes")


def _found(codec: Symbols, encodings: Mapping[type[Any], Encoding]) -> Encoding | None:
    return next((encoding for cls, encoding in encodings.items() if isinstance(codec, cls)), None)


def build(
    family_name: str, config: Any, conditions: Mapping[str, Symbols], encoders: Mapping[str, Any] | None = None
) -> Model:
    """A model of a family, wrapped in `Conditional` if it has conditions.

    Args:
        family_name: a key of `FAMILIES`.
        config: the family's config; what the conditions need is set in it: vector, field, memory.
        conditions: {name: codec}.
        encoders: {name: sizes of its encoder}, of the conditions whose codec does not say them.

    Raises:
        UserError: if the family takes no such conditions.
    """
    entry, sizes = family(family_name).taking(config), encoders or {}
    if not conditions:
        return entry.model(config)
    encodings = {name: _encoding(codec, entry.data) for name, codec in conditions.items()}
    needs: dict[str, int] = {}
    for name, encoding in encodings.items():
        _accepts(family_name, config, encoding, sum(each is encoding for each in encodings.values()))
        if width := encoding.channels(sizes.get(name), conditions[name]):
            needs[encoding.part] = needs.get(encoding.part, 0) + width
    model = entry.model(dataclasses.replace(config, **needs))
    modules = {name: each.make(conditions[name], sizes.get(name), config) for name, each in encodings.items()}
    priors = [each.prior(modules[name]) for name, each in encodings.items() if each.prior is not None]
    return Conditional(model, modules, next((prior for prior in priors if prior is not None), None))


CHANGEABLE: Final = ("dropout",)
"""The fields of a config that a model trained further may change: no tensor depends on them."""


def changed(model: Model, family_name: str, conditions: Mapping[str, Symbols], net: Mapping[str, Any]) -> Model:
    """The same weights in a model of a config with other values of `CHANGEABLE`.

    Raises:
        UserError: for another field, or one that the family does not have.
    """
    for name in net:
        if name not in CHANGEABLE or name not in configs.fields(type(model.config)):
            raise UserError(f"--net.{name} is given for a {family_name} of --from, which brings its own; leave it out")
    encoders = dict(zip(model.names, model.encoders.values(), strict=True)) if isinstance(model, Conditional) else {}
    sizes = {name: config for name, each in encoders.items() if (config := getattr(each, "config", None)) is not None}
    with undrawn():
        fresh = build(family_name, dataclasses.replace(model.config, **net), conditions, sizes)
    fresh.load_state_dict(model.state_dict())
    return fresh.to(model.device)


def _accepts(family_name: str, config: Any, encoding: Encoding, count: int) -> None:
    """Refuse conditions that a family has no place for.

    Raises:
        UserError: naming those that have.
    """
    if encoding.most is not None and count > encoding.most:
        raise UserError(f"{count} {encoding.words} are given as conditions; a model reads at most {encoding.most}")
    if encoding.width != 0 and not hasattr(config, encoding.part):
        data = family(family_name).taking(config).data
        able = [
            n for n, f in FAMILIES.items() if data in f.kinds and encoding.part in configs.fields(f.of(data).config)
        ]
        raise UserError(f"{family_name} takes no {encoding.words} as conditions; choose one of {', '.join(able)}")


def follows(kind_name: str, codec: Symbols) -> dict[str, int | float]:
    """The fields of a config that the codec of x decides, for a kind of data.

    Raises:
        UserError: if it is no codec of such data.
    """
    kind = modality(kind_name)
    if not all(hasattr(codec, attribute) for attribute in kind.follows.values()):
        raise UserError(f"the codec of x is of the kind {codec.kind!r}, which is none of {kind.words}")
    return {name: getattr(codec, attribute) for name, attribute in kind.follows.items()}


def suited(config: type[Any], follows: Mapping[str, float], small: bool) -> dict[str, Any]:
    """The fields of a config that suit the data, unless the user sets them.

    Args:
        config: the class of a family's config.
        follows: what the codec of x decides.
        small: whether there is so little data that a family without dropout is given some. A config may derive more
            from both by a static method `suited`.
    """
    rule: Callable[[Mapping[str, float], bool], dict[str, Any]] | None = getattr(config, "suited", None)
    fields = {field.name: field.default for field in dataclasses.fields(config)}
    dropout = {"dropout": SMALL_DROPOUT} if small and fields.get("dropout") == 0 else {}
    return dropout if rule is None else {**dropout, **rule(follows, small)}


def encoders_of(model: Model, kind: str) -> dict[str, Any]:
    """{condition: the sizes of its encoder} as JSON, of the conditions whose codec does not say them."""
    if not isinstance(model, Conditional):
        return {}
    kinds = {cls: name for each in modality(kind).encoders().values() for name, cls in each.sizes.items()}
    modules = zip(model.names, model.encoders.values(), strict=True)
    found = {name: getattr(module, "config", None) for name, module in modules}
    return {name: {"kind": kinds[type(c)], **dataclasses.asdict(c)} for name, c in found.items() if c is not None}


def read_encoders(listed: object, codecs: Mapping[str, Symbols], kind: str, where: str) -> dict[str, Any]:
    """The reverse of `encoders_of`.

    Raises:
        UserError: naming what is wrong.
    """
    encodings = {name: _encoding(codec, kind) for name, codec in codecs.items() if name != "x"}
    sized = {name: encoding for name, encoding in encodings.items() if encoding.sizes}
    if not isinstance(listed, dict) or set(cast("dict[str, Any]", listed)) != set(sized):
        raise UserError(f"{where}: 'encoders' wants one entry for each condition but labels and numbers, and no other")
    found: dict[str, Any] = {}
    for name, entry in cast("dict[str, Any]", listed).items():
        fields = dict(cast("dict[str, Any]", entry)) if isinstance(entry, dict) else {}
        given, wanted = fields.pop("kind", None), sized[name].kind(name)
        if given != wanted:
            raise UserError(f"{where}: encoder {name[:60]!r} is of the kind {str(given)[:60]!r}; expected {wanted}")
        place = f"{where}: encoder {name[:60]!r}"
        try:
            found[name] = configs.read(sized[name].sizes[wanted], fields, place)
        except UserError as error:
            raise UserError(str(error) if place in str(error) else f"{place}: {error}") from error
        if name == sized[name].special and codecs[name].to_json() != codecs["x"].to_json():
            raise UserError(f"{where}: codec {name!r} differs from that of x, which it encodes")
    return found
