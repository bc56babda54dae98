"""Models of real values, series and trajectories: nets over lagged values, with a density at every position.

The idea: a value depends on some of the values before it, on what is known of its time, and on which series it is of.
The net reads lagged values in units of the window's own scale (`Context.scale`), a field (the calendar, what is known
ahead) and a vector (a learned row for each series); a head makes a density of what it says, in the user's own units. A
position may have several values, a chain within it: channels that go together, or the hours of a day.

A linear map of the same lagged values, from zero, moves the density's location: what is linear needs no learning by the
net, which starts as a linear autoregression does.

Deviations from DeepAR: real values take Student's t or a mixture and not a normal density; the scale is a mean and a
standard deviation and not a mean; what is missing is said to the net instead of being drawn.

A trajectory ends by itself: its positions begin with a category (the state of a pen; whether it goes on), the last of
which is the end, and after which values cost nothing. Deviations from sketch-rnn's decoder: units are those of the
user, and the end is a position of its own.

References: Salinas et al. (2020), DeepAR. Lapedes and Farber (1987), Nonlinear signal processing using neural networks.
van den Oord et al. (2016), WaveNet. Kalchbrenner et al. (2016), ByteNet. Vaswani et al. (2017), Transformer.
Graves (2013), Generating sequences with recurrent neural networks. Ha and Eck (2018), A neural representation of sketch
drawings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor, nn

from seriatim.causal import (
    Attention,
    Causal,
    Conv,
    GatedStack,
    Inject,
    Lags,
    Parallel,
    Pointwise,
    Reals,
    Recurrent,
    Rescale,
    Residual,
    Serial,
    Standardise,
    SwiGLU,
    usual_hidden,
)
from seriatim.causal.recurrent import Cell
from seriatim.context import EMPTY
from seriatim.heads import (
    BivariateHead,
    ChainedHead,
    DensityMixtureHead,
    GaussianHead,
    Head,
    LaplaceHead,
    MarkedHead,
    NegativeBinomialHead,
    PoissonHead,
    ScaledHead,
    StudentHead,
)
from seriatim.models.base import ContextLike
from seriatim.models.real_config import (
    COUNTS,
    RealAttentiveConfig,
    RealConfig,
    RealDilatedConfig,
    RealForwardConfig,
)
from seriatim.models.sequence import SequenceModel


class RealModel(SequenceModel):
    """What the families share; a family gives the layers between what is read and what is said.

    Args:
        config: the sizes.
        core: layers from `width` to `width` channels.
    """

    def __init__(self, config: RealConfig, core: Mapping[str, Causal]) -> None:
        c = config
        inner = _density(c)
        # a chain reads features; a single density its own parameters
        head: Head = inner if inner.parts == c.parts else ChainedHead(inner, c.parts, c.width, c.chain)
        counted, marks = c.head in COUNTS, getattr(c, "marks", 0)  # of trajectories alone
        marked = marks > 0
        out = marks + head.width - 2 * counted  # of counts, the last two are the location and the scale
        parts = c.parts + marked
        read = 2 * parts * len(c.lags)
        deep = Serial(
            into=Pointwise(nn.Linear(read, c.width)),
            inject=Inject(c.width, c.vector, c.field),
            **core,
            out=Pointwise(nn.Linear(c.width, out)),
        )
        linear = c.linear and not counted
        both = Parallel(deep=deep, linear=_linear(read, c)) if linear else deep
        net = Serial(
            standardise=Standardise(parts),
            lags=Lags([lag - 1 for lag in c.lags], parts),
            net=both,
            scale=Rescale(c.parts, shifted=linear, marked=marked),
        )
        scaled = head if counted else ScaledHead(head)
        super().__init__(Reals(parts), net, MarkedHead(scaled, marks) if marked else scaled, start=math.nan)
        self.config = config

    def calibrate(self, x: Tensor, context: ContextLike = EMPTY) -> None:  # noqa: ARG002
        """Of trajectories, begin with categories as frequent as in the first batch: an untrained one ends in time."""
        marks = getattr(self.config, "marks", 0)
        if not marks:
            return
        category = x[..., 0].long()
        ends = (category == marks - 1).long()
        there = ends.cumsum(1) - ends == 0  # up to the first end; what follows is padding
        counts = torch.bincount(category[there], minlength=marks).to(x.dtype) + 1
        deep = "layers.net.layers.deep" if self.config.linear else "layers.net"
        with torch.no_grad():
            self.net.get_parameter(f"{deep}.layers.out.module.bias")[:marks] = (counts / counts.sum()).log()


def _density(config: RealConfig) -> Head:
    """The head of one value, or of two that go together."""
    if config.head == "bivariate":
        return BivariateHead(config.mixtures)
    if config.head in ("mixture", "logistic"):
        return DensityMixtureHead(config.mixtures, "normal" if config.head == "mixture" else "logistic")
    if config.head == "poisson":
        return PoissonHead(scaled=True)
    if config.head == "negative-binomial":
        return NegativeBinomialHead(scaled=True)
    return {"student": StudentHead, "normal": GaussianHead, "laplace": LaplaceHead}[config.head]()


def _linear(read: int, config: RealConfig) -> Causal:
    """Lagged values and conditions to shifts of the locations, all zero at first."""
    layer = Serial(
        into=Pointwise(nn.Linear(read, config.parts)), inject=Inject(config.parts, config.vector, config.field)
    )
    for weight in layer.parameters():
        nn.init.zeros_(weight)
    return layer


def _dropped(layers: Mapping[str, Causal], dropout: float) -> dict[str, Causal]:
    """Dropout after each layer."""
    found: dict[str, Causal] = {}
    for name, layer in layers.items():
        found[name] = layer
        if dropout:
            found[f"dropout_{name}"] = Pointwise(nn.Dropout(dropout))
    return found


def _recurrent(cell: Cell, config: RealConfig) -> dict[str, Causal]:
    layers = {f"recurrent_{i}": Recurrent(cell, config.width, config.width) for i in range(config.layers)}
    return _dropped(layers, config.dropout)


@final
class RealRNN(RealModel):
    """Elman network over real values.

    Example:
        >>> model = RealRNN(RealConfig(width=8))
        >>> x = model.sample(n=2, length=6)
        >>> x.dtype, model.log_prob(x).shape
        (torch.float32, torch.Size([2]))
    """

    def __init__(self, config: RealConfig) -> None:
        super().__init__(config, _recurrent("rnn", config))


@final
class RealLSTM(RealModel):
    """LSTM over real values: DeepAR's net.

    Example:
        >>> model = RealLSTM(RealConfig(width=8, lags=(1, 2, 3), head="negative-binomial"))
        >>> model.sample(n=2, length=6).shape
        torch.Size([2, 6])
    """

    def __init__(self, config: RealConfig) -> None:
        super().__init__(config, _recurrent("lstm", config))


@final
class RealGRU(RealModel):
    """GRU over real values.

    Example:
        >>> model = RealGRU(RealConfig(parts=3, width=8))  # three channels at each position
        >>> model.sample(n=2, length=6).shape
        torch.Size([2, 6, 3])
    """

    def __init__(self, config: RealConfig) -> None:
        super().__init__(config, _recurrent("gru", config))


@final
class RealMLP(RealModel):
    """A feed-forward net over lagged values: a nonlinear autoregression.

    Example:
        >>> model = RealMLP(RealForwardConfig(width=8, lags=(1, 2, 3)))
        >>> model.sees((5,)).int()[4].tolist()
        [0, 1, 1, 1, 0]
    """

    def __init__(self, config: RealForwardConfig) -> None:
        def layer() -> Causal:
            return Pointwise(nn.Sequential(nn.GELU(), nn.Linear(config.width, config.width)))

        layers: dict[str, Causal] = {f"hidden_{i}": Residual(layer()) for i in range(config.layers - 1)}
        super().__init__(config, _dropped({**layers, "last": Pointwise(nn.GELU())}, config.dropout))


@final
class RealTransformer(RealModel):
    """Causal self-attention over real values.

    Example:
        >>> model = RealTransformer(RealAttentiveConfig(width=8, heads=2))
        >>> model.sample(n=2, length=6).shape
        torch.Size([2, 6])
    """

    def __init__(self, config: RealAttentiveConfig) -> None:
        width, layers = config.width, dict[str, Causal]()

        def norm() -> Causal:
            return Pointwise(nn.RMSNorm(width, eps=1e-6))

        for i in range(config.layers):
            layers[f"attention_{i}"] = Residual(Serial(norm(), Attention(width, config.heads, config.heads)))
            layers[f"forward_{i}"] = Residual(Serial(norm(), Pointwise(SwiGLU(width, usual_hidden(width)))))
        super().__init__(config, {**_dropped(layers, config.dropout), "norm": norm()})


@final
class RealWaveNet(RealModel):
    """WaveNet's gated, dilated convolutions over real values.

    Example:
        >>> model = RealWaveNet(RealDilatedConfig(width=8, layers=1, dilations=3))
        >>> model.sample(n=2, length=6).shape
        torch.Size([2, 6])
    """

    def __init__(self, config: RealDilatedConfig) -> None:
        stack = GatedStack(config.width, config.width, config.width, config.each)
        super().__init__(config, {**_dropped({"stack": stack}, config.dropout), "last": Pointwise(nn.GELU())})


@final
class RealByteNet(RealModel):
    """ByteNet's residual blocks of dilated convolutions over real values.

    Example:
        >>> model = RealByteNet(RealDilatedConfig(width=8, layers=1, dilations=3))
        >>> model.sample(n=2, length=6).shape
        torch.Size([2, 6])
    """

    def __init__(self, config: RealDilatedConfig) -> None:
        width, half = config.width, max(1, config.width // 2)

        def block(dilation: int) -> Causal:
            into = nn.Sequential(nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, half), nn.LayerNorm(half), nn.ReLU())
            back = nn.Sequential(nn.LayerNorm(half), nn.ReLU(), nn.Linear(half, width))
            return Residual(Serial(Pointwise(into), Conv(half, half, 2, dilation), Pointwise(back)))

        layers = {f"block_{i}": block(dilation) for i, dilation in enumerate(config.each)}
        super().__init__(config, {**_dropped(layers, config.dropout), "last": Pointwise(nn.GELU())})
