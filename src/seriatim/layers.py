"""Causal layers, by their public names: what a sequence model is composed of."""

from seriatim.causal import (
    Attention,
    Causal,
    Conv,
    CrossAttention,
    Embedding,
    GatedStack,
    Inject,
    Multiplicative,
    Pointwise,
    Recurrent,
    Residual,
    Serial,
    Slow,
    SwiGLU,
    Unfold,
    Values,
)

__all__ = [
    "Attention",
    "Causal",
    "Conv",
    "CrossAttention",
    "Embedding",
    "GatedStack",
    "Inject",
    "Multiplicative",
    "Pointwise",
    "Recurrent",
    "Residual",
    "Serial",
    "Slow",
    "SwiGLU",
    "Unfold",
    "Values",
]
