"""Named settings: those of the figures in `docs/results.md`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final


@final
@dataclass(frozen=True)
class Preset:
    """A family and options that differ from the defaults; the command line can override each."""

    about: str
    family: str
    net: dict[str, Any] = field(default_factory=dict[str, Any])
    options: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """{group: options of the kind of data}."""
    train: dict[str, Any] = field(default_factory=dict[str, Any])


_NANO_CPU: dict[str, Any] = {
    "batch": 12,
    "steps": 2000,
    "optimiser": "muon",
    "lr": 2e-3,
    "warmup": 100,
    "final": 0.0,
    "beta2": 0.99,
    "evaluate_every": 250,
}

_BOOK: dict[str, Any] = {
    "batch": 32,
    "epochs": 25,
    "lr": 1e-3,
    "schedule": "constant",
    "warmup": 0,
    "beta2": 0.999,
    "weight_decay": 0.0,
    "clip": 0.0,
    "truncate": 200,
    "prompt": "recipe for",
}

_WORDS: dict[str, Any] = {
    "kind": "words",
    "size": 10_000,
    "casing": "lower",
    "unknown": "unk",
    "spaces": "collapse",
}

PRESETS: dict[str, Preset] = {
    "nanogpt-cpu": Preset(
        "nanoGPT's CPU setting: 4 layers, 4 heads, 128 wide, context 64, batch 12, 2,000 steps; for tinyshakespeare",
        "transformer",
        net={"width": 128, "layers": 4, "heads": 4, "context": 64},
        options={"tokens": {"unknown": "unk"}},
        train=_NANO_CPU,
    ),
    "nanogpt-gpu": Preset(
        "nanoGPT's GPU setting with half its steps: 6 layers, 6 heads, 384 wide, context 256, batch 64, dropout 0.2",
        "transformer",
        net={"width": 384, "layers": 6, "heads": 6, "context": 256, "dropout": 0.2},
        options={"tokens": {"unknown": "unk"}},
        train={
            "batch": 64,
            "steps": 2500,
            "optimiser": "muon",
            "lr": 1e-3,
            "warmup": 100,
            "evaluate_every": 250,
            "precision": "bfloat16",
        },
    ),
    "book-lstm": Preset(
        "Generative Deep Learning, chapter 5: words, embedding 100, one LSTM of 128, 25 epochs; for recipes",
        "lstm",
        net={"embedding": 100, "width": 128, "layers": 1, "context": 200},
        options={"tokens": _WORDS},
        train=_BOOK,
    ),
    "book-transformer": Preset(
        "A Transformer with as many parameters as book-lstm, on the same words and as many steps; for recipes",
        "transformer",
        net={"width": 112, "layers": 1, "heads": 4, "hidden": 320, "context": 200},
        options={"tokens": _WORDS},
        train=_BOOK,
    ),
    "book-pixelcnn": Preset(
        "Generative Deep Learning, chapter 5: 16 × 16, 4 levels, 5 blocks of 128 and 64, 150 epochs; for fashion-mnist",
        "pixelcnn",
        net={"filters": 64, "blocks": 5, "kernel": 7},
        options={"image": {"size": (16, 16), "resample": "plain", "levels": 4, "given": False}},
        train={
            "batch": 128,
            "epochs": 150,
            "optimiser": "adamw",
            "lr": 5e-4,
            "schedule": "constant",
            "warmup": 0,
            "beta2": 0.999,
            "weight_decay": 0.0,
            "clip": 0.0,
        },
    ),
    "autoencoder": Preset(
        "PixelCNN auto-encoder: a code of 10 numbers of 16 levels, and a Gated PixelCNN as decoder",
        "gated-pixelcnn",
        net={"filters": 48, "layers": 6},
        options={"code": {"width": 10}},
        train={"optimiser": "adamw", "ema": 0.999},
    ),
}
