"""Tensors and JSON on disk: written whole or not at all, read with nothing in them trusted.

`NAME.json` names its tensor file, `NAME-<start of its sha256>.safetensors`, and is replaced last, in one rename: at any
moment, also in the middle of a save or on a full disk, a directory holds a whole pair, the old or the new.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seriatim.errors import UserError

FORMAT, VERSION = "seriatim", 1
_JSON_LIMIT = 2**26  # bytes, which take some eight times as much memory once read
_TENSOR_FILE = re.compile(r"[a-z]+-[0-9a-f]{12}\.safetensors")
_DTYPES = {"F64": torch.float64, "F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}


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
    """Write a safetensors file to the disk itself, its folder made if need be; a link there is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    mode = _fresh(path)
    save_file(held, path, metadata={"format": "pt"})
    path.chmod(mode)  # safetensors makes files that nobody else can read
    _sync(path)


def no_follow(path: str, flags: int) -> int:
    """An `opener` for `open` that refuses a link."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _fresh(path: Path) -> int:
    """Make an empty file in place of whatever is there; returns its mode, which follows from the user's umask."""
    with suppress(FileNotFoundError):
        path.unlink()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        return os.fstat(handle).st_mode & 0o777
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all, its folder made if need be; links are replaced, not followed.

    Raises:
        OSError: if it cannot be written; what was there before is still there.
    """
    fresh = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _fresh(fresh)
        fresh.write_text(text, encoding="utf-8")
        _sync(fresh)
        fresh.replace(path)
        _sync(path.parent)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """The same for JSON."""
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def commit(folder: Path, name: str, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> None:
    """Write `name`.json and its tensors so that a reader meets the old pair or the new one, never a mixture.

    The tensors before these stay for one more generation: a reader may have just read the JSON that names them.

    Raises:
        UserError: if it cannot be written; what was there before is still there.
    """
    fresh = folder / f".{name}.safetensors.tmp"
    try:
        before = _named(folder, name)
        write_tensors(fresh, tensors)
        digest = _sha256(fresh)
        target = folder / f"{name}-{digest[:12]}.safetensors"
        fresh.replace(target)
        write_json(folder / f"{name}.json", {**document, "tensors": {"file": target.name, "sha256": digest}})
        _clear(folder, name, (target.name, before))
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            fresh.unlink()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(f"cannot save to {folder}: {reason}; what was saved before is untouched") from error


def _named(folder: Path, name: str) -> str | None:
    """The tensor file that `name`.json names; None if there is none yet."""
    try:
        return str(peek(folder, name)["tensors"]["file"])
    except (UserError, KeyError, TypeError):
        return None


def is_tensor_file(name: str, of: str) -> bool:
    """Whether a file is named as the tensors of `of`.json are."""
    return _TENSOR_FILE.fullmatch(name) is not None and name.startswith(f"{of}-")


def tidy(folder: Path, name: str) -> None:
    """Remove the tensors that `commit` has left for readers."""
    kept = _named(folder, name)
    if kept is not None:
        _clear(folder, name, (kept,))


def _clear(folder: Path, name: str, kept: Sequence[str | None]) -> None:
    """Remove all tensors of `name`.json but these."""
    for stale in folder.glob(f"{name}-*.safetensors"):
        if stale.name not in kept and is_tensor_file(stale.name, name):
            with suppress(OSError):  # the checkpoint is saved; the next save tries again
                stale.unlink()


def peek(folder: Path, name: str) -> dict[str, Any]:
    """What `name`.json holds, its tensors unseen; empty if there is none.

    Raises:
        UserError: if it is damaged.
    """
    return _document(folder, name) if (folder / f"{name}.json").exists() else {}


def _document(folder: Path, name: str) -> dict[str, Any]:
    path = folder / f"{name}.json"
    if not folder.exists():
        raise UserError(f"{folder} does not exist; give a directory that `seriatim train` has written")
    if path.is_symlink():
        raise UserError(f"{path} is a link, which no run has; remove it, or copy what it stands for")
    try:
        if not path.is_file():
            if (folder / "folds.json").is_file():
                raise UserError(f"{folder} holds runs of a cross-validation; give one of them, e.g. {folder}/fold-1")
            raise UserError(f"{folder} holds no {name}.json; give a directory that `seriatim train` has written")
        size = path.stat().st_size
        if size > _JSON_LIMIT:
            raise UserError(f"{path} has {size:,} bytes, which no checkpoint has; it is not one")
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, a number of thousands of digits
        raise UserError(f"{path} is damaged ({error}); restore it from a copy or train again") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); restore it from a copy or train again") from error
    if not isinstance(document, dict):
        raise UserError(f"{path} is not a JSON object; it is not a checkpoint")
    return cast("dict[str, Any]", document)


def count_of(document: Mapping[str, Any], name: str) -> int:
    """A number of steps in a document.

    Raises:
        ValueError: if it is none.
    """
    value = document[name]
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError(f"{name} is {str(value)[:40]!r}")
    return value


def numbers_of(document: Mapping[str, Any], name: str, count: int) -> list[float]:
    """`count` finite numbers in a document.

    Raises:
        ValueError: if they are none, or more or fewer.
    """
    values = document[name]
    if not isinstance(values, list) or len(cast("list[Any]", values)) != count:
        raise ValueError(f"{name} is {str(values)[:40]!r}, not {count} numbers")
    found = [float(value) for value in cast("list[Any]", values)]
    if not all(map(math.isfinite, found)):
        raise ValueError(f"{name} is {str(found)[:40]!r}")
    return found


def contents(path: Path) -> dict[str, tuple[list[int], str]]:
    """{tensor: (shape, type)} of a safetensors file, without loading a tensor.

    Raises:
        UserError: if it is no such file, or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: _described(file.get_slice(name)) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged ({error}); restore it from a copy or train again") from error


def _described(part: Any) -> tuple[list[int], str]:
    return list(part.get_shape()), str(part.get_dtype())


def open_pair(folder: Path, name: str) -> tuple[dict[str, Any], Path]:
    """Read `name`.json and verify the hash of its tensors, without loading them.

    A run that is trained at the same time may replace both in between; then they are read again.

    Raises:
        UserError: if either is missing, damaged or not what the other says.
    """
    for last in (False, False, False, True):
        document, path, digest = _pair(folder, name)
        try:
            if path.is_symlink() or not path.is_file():
                raise FileNotFoundError
            if _sha256(path) != digest:
                raise UserError(
                    f"{path} is damaged: its sha256 is not the one in {name}.json; restore it or train again"
                )
            return document, path
        except FileNotFoundError:
            if last:
                raise UserError(f"{path} is missing; restore it from a copy or train again") from None
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror}); restore it or train again") from error
    raise AssertionError


def _pair(folder: Path, name: str) -> tuple[dict[str, Any], Path, str]:
    """What `name`.json holds, and the tensor file that it names with its hash."""
    document = _document(folder, name)
    if document.get("format") != FORMAT:
        raise UserError(f"{folder}/{name}.json is not Seriatim's (format {str(document.get('format'))[:40]!r})")
    if document.get("version") != VERSION:
        raise UserError(f"{folder} has version {str(document.get('version'))[:40]!r}; this program reads {VERSION}")
    entry: Any = document.get("tensors")
    if not isinstance(entry, dict) or set(cast("dict[str, Any]", entry)) != {"file", "sha256"}:
        raise UserError(f"{folder}/{name}.json: the key 'tensors' must have exactly 'file' and 'sha256'")
    file, digest = str(cast(Any, entry)["file"]), str(cast(Any, entry)["sha256"])
    if not _TENSOR_FILE.fullmatch(file):
        raise UserError(f"{folder}/{name}.json: {file[:60]!r} is not the name of a tensor file; a path is not allowed")
    return document, folder / file, digest


def check_tensors(path: Path, expected: Mapping[str, Tensor]) -> torch.dtype:
    """Compare a file's table of contents with what a model has, before loading anything.

    Returns:
        The type of the floating-point tensors.

    Raises:
        UserError: naming the first tensor that is missing, unknown, of another shape or type.
    """
    there = contents(path)
    kinds: set[str] = set()
    for name, tensor in expected.items():
        if name not in there:
            raise UserError(f"{path} lacks the tensor {name!r}; it belongs to another family or size")
        shape, kind = there[name]
        if shape != list(tensor.shape):
            raise UserError(f"{path}: {name!r} has shape {shape}; the config wants {list(tensor.shape)}")
        if tensor.is_floating_point():
            kinds.add(kind)
    for name in there:
        if name not in expected:
            raise UserError(f"{path} has the unknown tensor {name[:80]!r}; it belongs to another family or size")
    if len(kinds) != 1 or not kinds <= set(_DTYPES):
        raise UserError(f"{path} has tensors of the types {sorted(kinds)}; expected one of {', '.join(_DTYPES)}")
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
