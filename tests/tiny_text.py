"""Tiny text models and runs, for tests of what is built on models."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch

from seriatim.data.options import DataOptions
from seriatim.models import family
from seriatim.runs import building, files
from seriatim.symbols import Labels, Numbers, Symbols
from seriatim.text.model import TextModel
from seriatim.text.options import TextOptions, TokenOptions
from seriatim.text.tokenizers import Policy, train_tokenizer
from seriatim.training import run
from seriatim.training.options import TrainOptions

ABC = "abcdefg hij.\n"
SIZES: dict[str, dict[str, Any]] = {
    "transformer": {"width": 16, "layers": 1, "heads": 2, "key_heads": 1, "context": 12},
    "lstm": {"width": 12, "layers": 1, "context": 12},
    "gru": {"width": 12, "layers": 2, "context": 12},
    "rnn": {"width": 12, "layers": 1, "context": 12},
}


def text_model(
    name: str = "gru",
    alphabet: str = ABC,
    unknown: str = "unk",
    conditions: dict[str, Labels | Numbers] | None = None,
    scale: float = 3.0,
    kind: str = "characters",
    casing: str = "keep",
    **net: Any,
) -> TextModel:
    """A model with random weights, larger than at the start of training so that it has opinions."""
    tokenizer = train_tokenizer(kind, [alphabet], Policy(unknown=unknown, casing=casing))  # pyright: ignore[reportArgumentType]
    codecs: dict[str, Symbols] = {"x": tokenizer, **(conditions or {})}
    config = family(name).config(symbols=tokenizer.size, **{**SIZES[name], **net})
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = building.build(name, config, conditions or {})
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() > 1:
                    if not parameter.any():  # what conditions add, and the outputs of branches
                        parameter.normal_(std=0.1)
                    parameter.mul_(scale)
    return TextModel(model, codecs, name)


def words(n: int, seed: int = 0) -> str:
    """n words that repeat, with line ends: easy to learn, not trivial."""
    source = random.Random(seed)
    vocabulary = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "him"]
    return "".join(source.choice(vocabulary) + source.choice("  \n") for _ in range(n))


def text_file(folder: Path, n: int = 400, seed: int = 0) -> Path:
    """A file of such words."""
    path = folder / "words.txt"
    path.write_text(words(n, seed), encoding="utf-8")
    return path


def records_file(folder: Path, n: int = 40) -> Path:
    """JSONL whose label and number say what the text is like; some lack one of them."""
    path = folder / "poems.jsonl"
    kinds = {"high": "ababab", "low": "yzyzyz"}
    with path.open("w", encoding="utf-8") as file:
        for i in range(n):
            genre = ("high", "low")[i % 2]
            record: dict[str, Any] = {"text": f"{kinds[genre]} {i}", "genre": genre, "year": 1900 + i % 7}
            if i % 10 == 9:
                del record["genre" if i % 20 == 9 else "year"]
            file.write(json.dumps(record) + "\n")
    return path


def plan(
    data: Path,
    name: str = "transformer",
    net: dict[str, Any] | None = None,
    tokens: TokenOptions | None = None,
    text: TextOptions | None = None,
    division: DataOptions | None = None,
    **options: Any,
) -> run.Plan:
    """A few steps of a tiny model."""
    train = TrainOptions(**{"steps": 6, "batch": 4, "samples": 0, "evaluate_symbols": 200, "device": "cpu", **options})
    groups = {"tokens": tokens or TokenOptions(unknown="unk"), "text": text or TextOptions()}
    sizes = {**SIZES[name], **(net or {})}
    return run.Plan(str(data), "text", name, sizes, groups, division or DataOptions(), train)


def metrics(folder: Path) -> list[dict[str, Any]]:
    """`metrics.jsonl` without what a clock decides."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def tensors(folder: Path, name: str) -> dict[str, torch.Tensor]:
    """What `name`.json points to."""
    return files.load_tensors(files.open_pair(folder, name)[1])
