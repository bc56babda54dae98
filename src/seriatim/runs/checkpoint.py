"""A model on disk: safetensors for numbers, JSON for the rest, and nothing that runs code.

Everything read may come from a stranger: names, shapes and types are checked against a model built without memory (on
the meta device) before a single number is loaded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from seriatim import config as configs
from seriatim import modality
from seriatim.errors import UserError, nearest
from seriatim.models import Family, Model, family
from seriatim.runs.building import build, encoders_of, follows, read_encoders
from seriatim.runs.files import (
    FORMAT,
    VERSION,
    assign,
    check_tensors,
    commit,
    contents,
    load_tensors,
    open_pair,
    tensors_of,
)
from seriatim.runs.hollow import hollow, undrawn
from seriatim.symbols import COMMON, Symbols, from_json

CUSTOM = "custom"
"""The family of a model that nothing can build from a file: its maker gives it when the run is opened."""
_KEYS = {"format", "version", "modality", "family", "config", "codecs", "encoders", "tensors", "about"}


class Checkpoint(NamedTuple):
    """A checkpoint in memory: the model, the codecs of x and its conditions, and what was noted about its training."""

    model: Model
    codecs: dict[str, Symbols]
    modality: str
    family: str
    about: dict[str, Any]


def save(
    folder: Path,
    model: Model,
    codecs: Mapping[str, Symbols],
    family_name: str,
    modality: str,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write a checkpoint that `load` reads.

    Args:
        folder: the run's directory.
        model: as `build` made it; of the family `custom` any.
        codecs: {"x": tokenizer, condition: codec}.
        family_name: a key of `FAMILIES`, or `CUSTOM`.
        modality: a key of `modality.HOMES`.
        about: notes for people: data, steps, figures.
    """
    own = family_name == CUSTOM
    document = {
        "format": FORMAT,
        "version": VERSION,
        "modality": modality,
        "family": family_name,
        "config": {} if own else dataclasses.asdict(model.config),
        "codecs": {name: codec.to_json() for name, codec in codecs.items()},
        "encoders": {} if own else encoders_of(model, modality),
        "about": dict(about or {}),
    }
    commit(folder, "model", tensors_of(model), document)


def build_checked(
    family_name: str,
    config: Any,
    conditions: Mapping[str, Symbols],
    path: Path,
    names: Mapping[str, str] | None,
    device: str,
    encoders: Mapping[str, Any] | None = None,
) -> Model:
    """A model with the tensors of a file, which are compared with the config before memory is taken for either.

    Args:
        family_name: a key of `FAMILIES`.
        config: from a file; its numbers have been checked, but not against the tensors.
        conditions: codecs of the conditions.
        path: a safetensors file.
        names: {our name of a tensor: its name in the file}; None: the same.
        device: where the model goes.
        encoders: of the conditions that are pictures.

    Raises:
        UserError: if they do not fit.
    """
    count = len(contents(path))
    deep = max(getattr(config, name, 0) for name in ("layers", "blocks", "resnets"))
    if deep > count:  # building layers takes time, also without memory
        raise UserError(f"{path} has {count} tensors, too few for {deep} layers")
    expected = tensors_of(hollow(lambda: build(family_name, config, conditions, encoders)))
    dtype = check_tensors(path, {names[name] if names else name: value for name, value in expected.items()})
    with undrawn():
        model = build(family_name, config, conditions, encoders).to(dtype).to(device)
    held = load_tensors(path, device)
    assign(model, {name: held[names[name] if names else name] for name in expected})
    return model


def load(folder: Path, device: str = "cpu", model: Model | None = None) -> Checkpoint:
    """Read a checkpoint, trusting nothing in it.

    Args:
        folder: the run's directory.
        device: where the model goes.
        model: of the family `custom`: a model of the same shapes, which takes the tensors; None for all others.

    Raises:
        UserError: naming the file and the key that is wrong.
    """
    document, path = open_pair(folder, "model")
    where = f"{folder}/model.json"
    for key in document:
        if key not in _KEYS:
            raise UserError(f"{where} has the unknown key {key[:60]!r}; {nearest(key, _KEYS)}")
    kind, name = str(document.get("modality")), str(document.get("family"))
    if kind not in modality.HOMES:
        raise UserError(f"{where}: modality {kind[:60]!r} is none that this program has")
    codecs = _codecs(document.get("codecs"), kind, where)
    about: Any = document.get("about")
    notes = cast("dict[str, Any]", about) if isinstance(about, dict) else {}
    if (name == CUSTOM) != (model is not None):
        needs = f"{where}: the family custom is built by its maker's Python code; open it there, with load(…, model=…)"
        raise UserError(needs if model is None else f"{where} is a {name[:60]}, which needs no model; leave it out")
    if model is None:
        model = _built(document, name, kind, codecs, path, where, device)
    else:
        fill(model, path, device)
    return Checkpoint(model.eval(), codecs, kind, name, notes)


def fill(model: Model, path: Path, device: str) -> None:
    """Give a model that its maker has built the tensors of a file, if their names and shapes are its own.

    Raises:
        UserError: naming the first tensor that differs.
    """
    check_tensors(path, tensors_of(model))
    assign(model.to(device), load_tensors(path, device))


def _codecs(listed: object, kind: str, where: str) -> dict[str, Symbols]:
    """The codecs of x and of the conditions.

    Raises:
        UserError: naming what is wrong.
    """
    if not isinstance(listed, dict) or "x" not in listed:
        raise UserError(f"{where}: 'codecs' must be an object with the key 'x'")
    known = {**COMMON, **modality.modality(kind).codecs()}
    codecs: dict[str, Symbols] = {}
    for key, value in cast("dict[str, Any]", listed).items():
        try:
            codecs[key] = from_json(value, known)
        except UserError as error:
            raise UserError(f"{where}: codec {key[:60]!r}: {error}") from error
    return codecs


def _built(
    document: Mapping[str, Any],
    name: str,
    kind: str,
    codecs: Mapping[str, Symbols],
    path: Path,
    where: str,
    device: str,
) -> Model:
    """The model that a document describes, with its tensors.

    Raises:
        UserError: naming what is wrong.
    """
    entry = _family(name, kind, where)
    raw = document.get("config")
    if not isinstance(raw, dict):
        raise UserError(f"{where}: 'config' must be an object")
    try:
        config = configs.read(entry.config, cast("dict[str, Any]", raw), f"{where}: config")
    except UserError as error:
        raise UserError(str(error) if where in str(error) else f"{where}: config: {error}") from error
    try:
        followed = follows(kind, codecs["x"])
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    for key, value in followed.items():
        if getattr(config, key, None) != value:
            raise UserError(f"{where}: config.{key} is {getattr(config, key, None)}, but the codec of x has {value}")
    conditions = {key: codec for key, codec in codecs.items() if key != "x"}
    encoders = read_encoders(document.get("encoders", {}), codecs, kind, where)
    return build_checked(name, config, conditions, path, None, device, encoders)


def _family(name: str, kind: str, where: str) -> Family:
    try:
        entry = family(name)
    except UserError:
        raise UserError(f"{where}: family {name[:60]!r} is not one that this program has") from None
    if kind not in entry.kinds:
        raise UserError(f"{where}: family {name[:60]!r} is for {entry.data}, and 'modality' is {kind}")
    return entry.of(kind)
