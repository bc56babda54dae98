"""A model on disk: safetensors for numbers, JSON for the rest, and nothing that runs code.

`model.json` names its tensor file, `model-<start of its sha256>.safetensors`, and is replaced last, in one rename: at
any moment, also in the middle of a save or on a full disk, the directory holds a whole checkpoint, the old or the new.

Everything read may come from a stranger: names, shapes and types are checked against a model built without memory (on
the meta device) before a single number is loaded.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import struct
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seriatim import config as configs
from seriatim import modality
from seriatim.errors import UserError, nearest
from seriatim.models import Family, Model, family
from seriatim.runs.building import build, encoders_of, follows, read_encoders
from seriatim.symbols import COMMON, Symbols, from_json

FORMAT, VERSION = "seriatim", 1
CUSTOM = "custom"
"""The family of a model that nothing can build from a file: its maker gives it when the run is opened."""
_JSON_LIMIT = 2**28  # bytes
_HEADER_LIMIT = 2**26
_TENSOR_FILE = re.compile(r"[a-z]+-[0-9a-f]{12}\.safetensors")
_DTYPES = {"F64": torch.float64, "F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
_KEYS = {"format", "version", "modality", "family", "config", "codecs", "encoders", "tensors", "about"}


class Checkpoint(NamedTuple):
    """A checkpoint in memory: the model, the codecs of x and its conditions, and what was noted about its training."""

    model: Model
    codecs: dict[str, Symbols]
    modality: str
    family: str
    about: dict[str, Any]


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """Every parameter and persistent buffer once, shared ones under their first name."""
    kept = module.state_dict(keep_vars=True).keys()
    named = [*module.named_parameters(), *module.named_buffers()]
    return {name: tensor.detach() for name, tensor in named if name in kept}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file to the disk itself, its folder made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    save_file(held, path, metadata={"format": "pt"})
    _sync(path)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file whole or not at all, its folder made if need be.

    Raises:
        OSError: if it cannot be written; what was there before is still there.
    """
    fresh = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        _sync(fresh)
        fresh.replace(path)
        _sync(path.parent)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise


def commit(folder: Path, name: str, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> None:
    """Write `name`.json and its tensors so that a reader meets the old pair or the new one, never a mixture.

    Raises:
        UserError: if it cannot be written; what was there before is still there.
    """
    fresh = folder / f".{name}.safetensors.tmp"
    try:
        write_tensors(fresh, tensors)
        digest = _sha256(fresh)
        target = folder / f"{name}-{digest[:12]}.safetensors"
        fresh.replace(target)
        write_json(folder / f"{name}.json", {**document, "tensors": {"file": target.name, "sha256": digest}})
        for stale in folder.glob(f"{name}-*.safetensors"):
            if stale != target and _TENSOR_FILE.fullmatch(stale.name):
                with suppress(OSError):  # the checkpoint is saved; the next save tries again
                    stale.unlink()
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            fresh.unlink()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(f"cannot save to {folder}: {reason}; what was saved before is untouched") from error


def _document(folder: Path, name: str) -> dict[str, Any]:
    path = folder / f"{name}.json"
    if not folder.exists():
        raise UserError(f"{folder} does not exist; give a directory that `seriatim train` has written")
    if not path.is_file():
        raise UserError(f"{folder} holds no {name}.json; give a directory that `seriatim train` has written")
    if path.stat().st_size > _JSON_LIMIT:
        raise UserError(f"{path} has {path.stat().st_size} bytes, which no checkpoint has; it is not one")
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, a number of thousands of digits
        raise UserError(f"{path} is damaged ({error}); restore it from a copy or train again") from error
    if not isinstance(document, dict):
        raise UserError(f"{path} is not a JSON object; it is not a checkpoint")
    return cast("dict[str, Any]", document)


def _header(path: Path) -> dict[str, Any]:
    """The table of contents of a safetensors file, read without loading a tensor."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > min(size - 8, _HEADER_LIMIT):
            raise UserError(f"{path} is truncated or no safetensors file; restore it from a copy or train again")
        try:
            header: Any = json.loads(file.read(length))
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path} is damaged ({error}); restore it from a copy or train again") from error
    if not isinstance(header, dict):
        raise UserError(f"{path} is damaged; restore it from a copy or train again")
    table = cast("dict[str, Any]", header)
    table.pop("__metadata__", None)
    return table


def open_pair(folder: Path, name: str) -> tuple[dict[str, Any], Path]:
    """Read `name`.json and verify the hash of its tensors, without loading them.

    Raises:
        UserError: if either is missing, damaged or not what the other says.
    """
    document = _document(folder, name)
    if document.get("format") != FORMAT:
        raise UserError(f"{folder}/{name}.json is not Seriatim's (format {str(document.get('format'))[:40]!r})")
    if document.get("version") != VERSION:
        raise UserError(f"{folder} has version {str(document.get('version'))[:40]!r}; this program reads {VERSION}")
    entry: Any = document.get("tensors")
    if not isinstance(entry, dict) or set(cast("dict[str, Any]", entry)) != {"file", "sha256"}:
        raise UserError(f"{folder}/{name}.json: the key 'tensors' wants exactly 'file' and 'sha256'")
    file, digest = str(cast(Any, entry)["file"]), str(cast(Any, entry)["sha256"])
    if not _TENSOR_FILE.fullmatch(file):
        raise UserError(f"{folder}/{name}.json: {file[:60]!r} is not the name of a tensor file; a path is not allowed")
    path = folder / file
    if not path.is_file() or path.is_symlink():
        raise UserError(f"{path} is missing; restore it from a copy or train again")
    if _sha256(path) != digest:
        raise UserError(f"{path} is damaged: its sha256 is not the one in {name}.json; restore it or train again")
    return document, path


def check_tensors(path: Path, expected: Mapping[str, Tensor]) -> torch.dtype:
    """Compare a file's table of contents with what a model has, before loading anything.

    Returns:
        The type of the floating-point tensors.

    Raises:
        UserError: naming the first tensor that is missing, unknown, of another shape or type.
    """
    header = _header(path)
    kinds: set[str] = set()
    for name, tensor in expected.items():
        entry = header.get(name)
        if not isinstance(entry, dict):
            raise UserError(f"{path} lacks the tensor {name!r}; it belongs to another family or size")
        found = cast("dict[str, Any]", entry)
        if found.get("shape") != list(tensor.shape):
            raise UserError(f"{path}: {name!r} has shape {found.get('shape')}; the config wants {list(tensor.shape)}")
        if tensor.is_floating_point():
            kinds.add(str(found.get("dtype")))
    for name in header:
        if name not in expected:
            raise UserError(f"{path} has the unknown tensor {name[:80]!r}; it belongs to another family or size")
    if len(kinds) != 1 or not kinds <= set(_DTYPES):
        raise UserError(f"{path} has tensors of the types {sorted(kinds)}; one of {', '.join(_DTYPES)} is wanted")
    return _DTYPES[kinds.pop()]


def load_tensors(path: Path, device: str = "cpu") -> dict[str, Tensor]:
    """All tensors of a file.

    Raises:
        UserError: if the file is not whole.
    """
    try:
        return load_file(path, device=device)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} cannot be read ({error}); restore it from a copy or train again") from error


def assign(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy tensors into a module, bit for bit."""
    with torch.no_grad():
        for name, tensor in tensors_of(module).items():
            tensor.copy_(tensors[name])


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
    count = len(_header(path))
    deep = max(getattr(config, name, 0) for name in ("layers", "blocks", "resnets"))
    if deep > count:  # building layers takes time, also without memory
        raise UserError(f"{path} has {count} tensors, too few for {deep} layers")
    with torch.device("meta"):
        expected = tensors_of(build(family_name, config, conditions, encoders))
    dtype = check_tensors(path, {names[name] if names else name: value for name, value in expected.items()})
    with torch.random.fork_rng(devices=[]):  # what is drawn is overwritten, and the caller's generator is not ours
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
        followed = follows(name, codecs["x"])
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    for key, value in followed.items():
        if getattr(config, key, None) != value:
            raise UserError(f"{where}: config.{key} is {getattr(config, key, None)}, but the codec of x has {value}")
    conditions = {key: codec for key, codec in codecs.items() if key != "x"}
    encoders = read_encoders(document.get("encoders", {}), conditions, kind, where)
    return build_checked(name, config, conditions, path, None, device, encoders)


def _family(name: str, kind: str, where: str) -> Family:
    try:
        entry = family(name)
    except UserError:
        raise UserError(f"{where}: family {name[:60]!r} is not one that this program has") from None
    if entry.data != kind:
        raise UserError(f"{where}: family {name[:60]!r} is for {entry.data}, and 'modality' is {kind}")
    return entry
