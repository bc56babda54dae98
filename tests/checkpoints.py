"""Checkpoints to try: of every family and type, and ways to tamper with one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seriatim.audio.quantiser import Quantiser
from seriatim.models import FAMILIES, Model
from seriatim.runs import building, checkpoint, files
from seriatim.series.codec import SeriesCodec
from seriatim.series.scaling import WindowScale
from seriatim.symbols import Labels, Numbers, Symbols
from seriatim.symbols.levels import Levels
from seriatim.text.tokenizers import train_tokenizer

TINY: dict[str, dict[str, Any]] = {
    "rnn": {"width": 5, "layers": 2},
    "lstm": {"width": 6, "layers": 2, "tied": True, "dropout": 0.25, "context": 8},
    "gru": {"width": 5, "layers": 1, "embedding": 3},
    "transformer": {"width": 8, "layers": 2, "heads": 2, "key_heads": 1, "tied": True, "context": 8},
    "bytenet": {"width": 4, "sets": 1, "dilations": 2, "dropout": 0.25, "context": 8},
    "pixelcnn": {"filters": 6, "blocks": 2, "kernel": 5},
    "gated-pixelcnn": {"filters": 6, "layers": 2, "first": 5},
    "multiscale": {"filters": 6, "layers": 1, "up": 2, "larger": "pixelcnn"},
    "row-lstm": {"filters": 5, "layers": 2, "first": 3, "kernel": 5},
    "diagonal-bilstm": {"filters": 5, "layers": 2, "first": 3},
    "pixelcnn++": {"filters": 4, "resnets": 1, "sizes": 2, "mixtures": 2},
    "pixelsnail": {"filters": 4, "blocks": 2, "resnets": 1, "keys": 3, "values": 4, "heads": 2, "mixtures": 2},
    "vpn": {"frames": 3, "filters": 4, "encoder_blocks": 2, "dilations": (1, 2), "decoder_blocks": 1, "first": 5},
    "ar": {"ar": 2},
    "arma": {"ar": 1, "ma": 2, "season": 3, "seasonal_ar": 1},
    "arch": {"arch": 2, "garch": 0},
    "garch": {"tails": "student", "first": "fitted"},
    "mlp": {"width": 3, "lags": (1, 4), "chain": 2},
    "wavenet": {
        "head": "logistic", "mixtures": 2, "residual": 3, "gate": 4, "skip": 5, "dilations": 2, "cycles": 2, "first": 2,
        "stacks": (2, 3), "stack_dilations": 2, "stack_channels": 3, "dropout": 0.25,
    },
}  # fmt: skip


def codecs(conditions: bool, family: str = "lstm") -> dict[str, Symbols]:
    """A tokenizer of a few characters, the levels of small pictures or of sound; a label and a number if wanted."""
    makers: dict[str, Callable[[], Symbols]] = {
        "text": lambda: train_tokenizer("characters", ["banana split"]),
        "image": lambda: Levels(4, 3, 3, 5),
        "video": lambda: Levels(4, 3, 3, 5),
        "audio": lambda: Quantiser(8000, 2, "linear", 9),
        "series": lambda: SeriesCodec(["load"], "h", 8, 4, *([] if FAMILIES[family].linear else [2, "dct"])),
    }
    made: dict[str, Symbols] = {"x": makers[FAMILIES[family].data]()}
    if FAMILIES[family].linear:  # which take no other condition
        return made | ({"scale": WindowScale("none", 8, [1.0], [0.5])} if conditions else {})
    return made | ({"genre": Labels(["ode", "sonnet"]), "year": Numbers(1900.0, 50.0)} if conditions else {})


def make(family: str, conditions: bool = False, dtype: torch.dtype = torch.float32, seed: int = 0) -> Model:
    """A model as training would leave it: nothing at its initial value."""
    torch.manual_seed(seed)
    known = codecs(conditions, family)
    follows = {
        name: value for name, value in building.follows(FAMILIES[family].data, known["x"]).items() if name != "start"
    }
    config = FAMILIES[family].config(**follows, **TINY[family])
    model = building.build(family, config, {k: v for k, v in known.items() if k != "x"}).to(dtype)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape).to(dtype))
    return model.eval()


def write(folder: Path, model: Model, family: str = "lstm", conditions: bool = False, **options: Any) -> None:
    checkpoint.save(folder, model, codecs(conditions, family), family, FAMILIES[family].data, **options)


def bits(model: Model) -> dict[str, bytes]:
    """Every tensor, to the last bit."""
    return {
        name: tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        for name, tensor in tensors(model).items()
    }


def tensors(model: Model) -> dict[str, Tensor]:
    return files.tensors_of(model)


def tensor_file(folder: Path) -> Path:
    (path,) = folder.glob("model-*.safetensors")
    return path


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change model.json."""
    path = folder / "model.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def replace_tensors(folder: Path, content: bytes) -> None:
    """Other bytes for the tensors, with a hash that fits: what a stranger who means it would send."""
    tensor_file(folder).unlink()
    digest = hashlib.sha256(content).hexdigest()
    (folder / f"model-{digest[:12]}.safetensors").write_bytes(content)
    edit(folder, lambda d: d.update(tensors={"file": f"model-{digest[:12]}.safetensors", "sha256": digest}))


def header_of(content: bytes) -> tuple[dict[str, Any], bytes]:
    """A safetensors file's table of contents, and the numbers behind it."""
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def with_header(header: dict[str, Any], numbers: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers
