"""Causal layers with carried state; each obeys the chunk law of `Causal`."""

from seriatim.causal.attention import Attention, CrossAttention
from seriatim.causal.base import Causal, Pointwise
from seriatim.causal.combine import Parallel, Residual, Serial
from seriatim.causal.conv import Conv
from seriatim.causal.conv_lstm import ConvLSTM
from seriatim.causal.difference import Differenced
from seriatim.causal.embedding import Embedding
from seriatim.causal.feedforward import SwiGLU, usual_hidden
from seriatim.causal.gated import GatedStack
from seriatim.causal.inject import Inject
from seriatim.causal.kalman import Arma
from seriatim.causal.multiplicative import Multiplicative
from seriatim.causal.reals import Lags, Reals, Rescale, Standardise
from seriatim.causal.recurrent import Recurrent
from seriatim.causal.regression import Regression
from seriatim.causal.slow import Slow
from seriatim.causal.stacks import Stack, Stacked
from seriatim.causal.unfold import Unfold
from seriatim.causal.values import Values
from seriatim.causal.volatility import Volatility

__all__ = [
    "Arma",
    "Attention",
    "Causal",
    "Conv",
    "ConvLSTM",
    "CrossAttention",
    "Differenced",
    "Embedding",
    "GatedStack",
    "Inject",
    "Lags",
    "Multiplicative",
    "Parallel",
    "Pointwise",
    "Reals",
    "Recurrent",
    "Regression",
    "Rescale",
    "Residual",
    "Serial",
    "Slow",
    "Stack",
    "Stacked",
    "Standardise",
    "SwiGLU",
    "Unfold",
    "Values",
    "Volatility",
    "usual_hidden",
]
