"""A checkpoint may come from a stranger: whatever is wrong with it is one line, found before it costs anything."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from checkpoints import codecs, edit, header_of, make, replace_tensors, tensor_file, with_header, write
from seriatim.errors import UserError
from seriatim.runs import building, checkpoint

Tamper = Callable[[Path], object]


def config(**values: Any) -> Tamper:
    return lambda folder: edit(folder, lambda d: d["config"].update(values))


def top(**values: Any) -> Tamper:
    return lambda folder: edit(folder, lambda d: d.update(values))


def without(key: str) -> Tamper:
    return lambda folder: edit(folder, lambda d: d.pop(key))


def tensors(change: Callable[[dict[str, Any]], object]) -> Tamper:
    """Change the table of contents of the tensors, with a hash that fits."""

    def tamper(folder: Path) -> None:
        header, numbers = header_of(tensor_file(folder).read_bytes())
        change(header)
        replace_tensors(folder, with_header(header, numbers))

    return tamper


def other(change: Callable[[dict[str, torch.Tensor]], object]) -> Tamper:
    """Write a whole file of other tensors, with a hash that fits."""

    def tamper(folder: Path) -> None:
        values = safetensors.torch.load_file(tensor_file(folder))
        change(values)
        replace_tensors(folder, safetensors.torch.save(values))

    return tamper


def flip(path: Callable[[Path], Path], at: float) -> Tamper:
    def tamper(folder: Path) -> None:
        content = bytearray(path(folder).read_bytes())
        content[int(at * (len(content) - 1))] ^= 4
        path(folder).write_bytes(content)

    return tamper


def truncate(path: Callable[[Path], Path], share: float) -> Tamper:
    def tamper(folder: Path) -> None:
        content = path(folder).read_bytes()
        path(folder).write_bytes(content[: int(share * len(content))])

    return tamper


def link(folder: Path) -> None:
    path = tensor_file(folder)
    path.rename(folder.parent / "elsewhere.safetensors")
    path.symlink_to(folder.parent / "elsewhere.safetensors")


BIAS = "net.layers.out.module.bias"


def document(folder: Path) -> Path:
    return folder / "model.json"


def first(header: dict[str, Any]) -> dict[str, Any]:
    return header[next(name for name in header if name != "__metadata__")]


class Evil:
    """Unpickled, it would end the test run."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exit, (3,)


HOSTILE: dict[str, tuple[Tamper, str]] = {
    "no-json": (lambda f: document(f).unlink(), "holds no model.json"),
    "json-is-a-folder": (lambda f: (document(f).unlink(), document(f).mkdir()), "holds no model.json"),
    "no-tensors": (lambda f: tensor_file(f).unlink(), "is missing"),
    "json-empty": (truncate(document, 0), "damaged"),
    "json-truncated": (truncate(document, 0.5), "damaged"),
    "json-not-utf-8": (lambda f: document(f).write_bytes(b"\xff\xfe{"), "damaged"),
    "json-a-list": (lambda f: document(f).write_text("[]"), "not a JSON object"),
    "json-deep": (lambda f: document(f).write_text("[" * 100_000), "damaged"),
    "json-long-number": (lambda f: document(f).write_text('{"format": ' + "1" * 5000 + "}"), "damaged"),
    "tensors-empty": (truncate(tensor_file, 0), "sha256"),
    "tensors-truncated": (truncate(tensor_file, 0.9), "sha256"),
    **{f"bit-flipped-at-{at}": (flip(tensor_file, at), "sha256") for at in (0.0, 0.01, 0.5, 1.0)},
    "hash-wrong": (lambda f: edit(f, lambda d: d["tensors"].update(sha256="0" * 64)), "sha256"),
    "symlink": (link, "is missing"),
    "path": (lambda f: edit(f, lambda d: d["tensors"].update(file="../x-0123456789ab.safetensors")), "path is not"),
    "absolute-path": (lambda f: edit(f, lambda d: d["tensors"].update(file="/etc/passwd")), "path is not"),
    "tensors-not-an-object": (top(tensors="model.safetensors"), "'tensors'"),
    "tensors-key-unknown": (lambda f: edit(f, lambda d: d["tensors"].update(url="http://x")), "'tensors'"),
    "no-tensors-key": (without("tensors"), "'tensors'"),
    "format": (top(format="other"), "format"),
    "version": (top(version=2), "version"),
    "unknown-key": (top(loader="x.py"), "unknown key 'loader'"),
    "family-unknown": (top(family="flow"), "family 'flow'"),
    "family-a-class": (top(family="seriatim.models.recurrent.LSTM"), "family 'seriatim"),
    "family-a-path": (top(family="/tmp/evil.py:Model"), "family '/tmp"),
    "family-no-text": (top(family=["lstm"]), "family"),
    "family-other": (top(family="gru"), "shape"),
    "family-of-other-config": (top(family="transformer"), "config"),
    "no-config": (without("config"), "config"),
    "config-a-list": (top(config=[]), "config"),
    "config-key-unknown": (config(module="os.system"), "unknown key 'module'"),
    "config-type": (config(width="6"), "width"),
    "config-not-finite": (config(dropout=float("nan")), "dropout"),
    "config-huge-whole-number": (config(dropout=10**400), "dropout"),
    "config-other-width": (config(width=7), "shape"),
    "config-more-layers": (config(layers=3), "lacks the tensor"),
    "config-fewer-layers": (config(layers=1), "lacks the tensor|unknown tensor"),
    "config-untied": (config(tied=False), "lacks the tensor"),
    "config-symbols": (config(symbols=5), "symbols"),
    "config-huge-width": (config(width=2**16), "shape"),
    "config-beyond": (config(width=2**30), "width"),
    "config-negative": (config(width=-1), "width"),
    "config-huge-layers": (config(layers=256), "layers"),
    "config-vector": (config(vector=2**16), "lacks the tensor"),
    "no-codecs": (without("codecs"), "codecs"),
    "codec-missing": (top(codecs={}), "codecs"),
    "codec-damaged": (lambda f: edit(f, lambda d: d["codecs"].update(x={"kind": "characters"})), "codec 'x'"),
    "codec-a-class": (lambda f: edit(f, lambda d: d["codecs"].update(x={"kind": "os.system"})), "codec 'x'"),
    "codec-more": (lambda f: edit(f, lambda d: d["codecs"].update(g=Labels3)), "lacks the tensor"),
    "codec-x-of-labels": (
        lambda f: edit(f, lambda d: d["codecs"].update(x=Labels3)),
        "the codec of x is of the kind .labels.",
    ),
    "tensor-shape": (tensors(lambda h: first(h).update(shape=[1, 2])), "is damaged"),
    "tensor-huge": (tensors(lambda h: first(h).update(shape=[2**40, 2**20])), "is damaged"),
    "tensor-dtype": (tensors(lambda h: first(h).update(dtype="I64")), "is damaged"),
    "tensor-mixed-dtypes": (tensors(lambda h: first(h).update(dtype="F64")), "is damaged"),
    "tensor-offsets": (tensors(lambda h: first(h).update(data_offsets=[0, 2**60])), "is damaged"),
    "tensor-no-object": (tensors(lambda h: h.update({next(k for k in h if k != "__metadata__"): 3})), "is damaged"),
    "shape-of-another-model": (other(lambda t: t.update({BIAS: t[BIAS][:2].clone()})), "has shape"),
    "type-that-no-weight-has": (other(lambda t: t.update({BIAS: t[BIAS].long()})), "types"),
    "types-that-differ": (other(lambda t: t.update({BIAS: t[BIAS].double()})), "types"),
    "tensor-that-is-not-there": (other(lambda t: t.pop(BIAS)), "lacks"),
    "tensor-too-many": (other(lambda t: t.update(extra=t[BIAS].clone())), "unknown tensor"),
    "tensor-missing": (tensors(lambda h: h.pop(next(k for k in h if k != "__metadata__"))), "is damaged"),
    "tensor-unknown": (
        tensors(lambda h: h.update(x={"dtype": "F32", "shape": [0], "data_offsets": [0, 0]})),
        "unknown",
    ),
    "header-a-list": (lambda f: replace_tensors(f, (2).to_bytes(8, "little") + b"[]"), "damaged"),
    "header-no-json": (lambda f: replace_tensors(f, (2).to_bytes(8, "little") + b"{]"), "damaged"),
    "header-too-long": (lambda f: replace_tensors(f, (2**63).to_bytes(8, "little") + b"{}"), "is damaged"),
    "header-short": (lambda f: replace_tensors(f, b"{}"), "is damaged"),
    "pickle": (lambda f: replace_tensors(f, pickle.dumps(Evil())), "truncated|damaged"),
    "torch-pickle": (lambda f: torch_pickle(f), "truncated|damaged"),
}
Labels3 = {"kind": "labels", "values": ["a", "b", "c"]}


def torch_pickle(folder: Path) -> None:
    torch.save({"x": Evil()}, folder.parent / "evil.pt")
    replace_tensors(folder, (folder.parent / "evil.pt").read_bytes())


class Allocations(TorchDispatchMode):
    """How many numbers the largest tensor has that takes memory."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor) and out.device.type != "meta":
            self.largest = max(self.largest, out.numel())
        return out


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("original")
    write(folder, make("lstm"))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("tamper", "message"), HOSTILE.values(), ids=HOSTILE)
def test_whatever_is_wrong_is_one_line_and_costs_nothing(
    tmp_path: Path, original: dict[str, bytes], tamper: Tamper, message: str
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for name, content in original.items():
        (folder / name).write_bytes(content)
    assert checkpoint.load(folder).family == "lstm"  # whole, until it is tampered with
    tamper(folder)
    with Allocations() as memory, pytest.raises(UserError, match=message) as caught:
        checkpoint.load(folder)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert memory.largest < 10_000


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        checkpoint.load(tmp_path / "nothing")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=r"holds no model\.json"):
        checkpoint.load(tmp_path / "file")


def test_what_is_not_json_s_is_not_a_config(tmp_path: Path) -> None:
    write(tmp_path, make("lstm"))
    text = document(tmp_path).read_text()
    document(tmp_path).write_text(text.replace('"dropout": 0.25', '"dropout": Infinity'))
    with pytest.raises(UserError, match="dropout"):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize("name", ["type", "values", "meta.genre", "half", "training", "a b", "ü", "__class__"])
def test_a_condition_may_have_any_name(tmp_path: Path, name: str) -> None:
    known = {"x": codecs(False)["x"], name: codecs(True)["genre"]}
    config = make("gru").config
    model = building.build("gru", config, {name: known[name]})
    checkpoint.save(tmp_path, model, known, family_name="gru", modality="text")
    loaded = checkpoint.load(tmp_path)
    x, given = torch.randint(config.symbols, (2, 4)), {name: torch.tensor([1, -1])}
    assert torch.equal(loaded.model(x, given), model(x, given))
    assert json.loads(document(tmp_path).read_text())["codecs"].keys() == {"x", name}


@pytest.mark.parametrize("family", ["pixelcnn", "gated-pixelcnn", "row-lstm", "diagonal-bilstm"])
def test_the_masks_of_a_huge_network_are_not_made(tmp_path: Path, family: str) -> None:
    write(tmp_path, make(family), family)
    config(filters=8192)(tmp_path)
    with Allocations() as memory, pytest.raises(UserError, match="shape"):
        checkpoint.load(tmp_path)
    assert memory.largest < 10_000


def test_a_cross_validation_is_told_from_a_run(tmp_path: Path) -> None:
    (tmp_path / "folds.json").write_text("{}")
    with pytest.raises(UserError, match=r"holds runs of a cross-validation; give one of them, e\.g\. .*/fold-1"):
        checkpoint.load(tmp_path)
