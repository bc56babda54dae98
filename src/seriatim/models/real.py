"""Models of real-valued series: nets over lagged values, with a density at every position.

The idea: a value depends on some of the values before it, on what is known of its time, and on which series it is of.
The net reads lagged values in units of the window's own scale (`Context.scale`), a field (the calendar, what is known
ahead) and a vector (a learned row for each series); a head makes a density of what it says, in the user's own units. A
position may have several values, a chain within it: channels that go together, or the hours of a day.

A linear map of the same lagged values, from zero, moves the density's location: what is linear needs no learning by the
net, which starts as a linear autoregression does.

Deviations from DeepAR: real values take Student's t or a mixture and not a normal density; the scale is a mean and a
standard deviation and not a mean; what is missing is said to the net instead of being drawn.

References: Salinas et al. (2020), DeepAR. Lapedes and Farber (1987), Nonlinear signal processing using neural networks.
van den Oord et al. (2016), WaveNet. Kalchbrenner et al. (2016), ByteNet. Vaswani et al. (2017), Transformer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

from torch import nn

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
from seriatim.config import bounded, divides
from seriatim.errors import UserError
from seriatim.heads import (
    ChainedHead,
    DensityMixtureHead,
    GaussianHead,
    Head,
    LaplaceHead,
    NegativeBinomialHead,
    PoissonHead,
    ScaledHead,
    StudentHead,
)
from seriatim.models.sequence import SequenceModel

Density = Literal["student", "normal", "laplace", "mixture", "logistic", "poisson", "negative-binomial"]
COUNTS = ("poisson", "negative-binomial")
"""Densities of counts."""


@dataclass(frozen=True)
class RealConfig:
    """Sizes of a model of real values.

    Attributes:
        parts: values at one position.
        head: the density of a value: Student's t, normal, Laplace, a mixture of `mixtures` normal or logistic ones, or
            for counts Poisson or negative binomial.
        mixtures: components of a mixture.
        lags: the positions before the predicted one that the net reads; 1 is the last.
        width: units of a layer.
        layers: number of layers.
        dropout: dropout rate after each layer.
        chain: hidden units of each of several parts, which depend on those before them.
        linear: whether a linear map of what the net reads moves the location.
        vector: channels of the global condition.
        field: channels of the condition along time.

    Example:
        >>> RealConfig(lags=(1, 24)).past is None  # a state remembers more than the lags
        True
    """

    parts: int = 1
    head: Density = "student"
    mixtures: int = 3
    lags: tuple[int, ...] = (1,)
    width: int = 40
    layers: int = 2
    dropout: float = 0.1
    chain: int = 32
    linear: bool = True
    vector: int = 0
    field: int = 0

    def __post_init__(self) -> None:
        bounded("parts", self.parts, 1, 2**10)
        bounded("mixtures", self.mixtures, 1, 2**8)
        bounded("the number of lags", len(self.lags), 1, 2**10)
        for lag in self.lags:
            bounded("a lag", lag, 1, 2**14)
        if len(set(self.lags)) < len(self.lags):
            raise UserError(f"lags are {','.join(map(str, self.lags))}; give each lag once")
        bounded("width", self.width, 1, 2**14)
        bounded("layers", self.layers, 1, 64)
        bounded("dropout", self.dropout, 0, 0.99)
        bounded("chain", self.chain, 1, 2**12)
        bounded("vector", self.vector, 0, 2**16)
        bounded("field", self.field, 0, 2**16)
        if self.parts > 1 and self.head in COUNTS:
            raise UserError(f"head is {self.head}, for one value at a position; there are {self.parts}: choose another")

    @property
    def past(self) -> int | None:
        """None: a state may remember everything."""
        return None

    @property
    def horizon(self) -> None:
        """None: sequences may have any length."""
        return


@final
@dataclass(frozen=True)
class RealForwardConfig(RealConfig):
    """Sizes of a feed-forward net, which sees nothing but the lagged values.

    Example:
        >>> RealForwardConfig(lags=(1, 24)).past
        24
    """

    @property
    def past(self) -> int:
        """The largest lag."""
        return max(self.lags)


@final
@dataclass(frozen=True)
class RealAttentiveConfig(RealConfig):
    """Sizes of a Transformer over real values.

    Attributes:
        heads: attention heads, a divisor of `width`.

    Example:
        >>> RealAttentiveConfig(width=64, heads=8).heads
        8
    """

    heads: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        divides("two channels a head", 2 * self.heads, "width", self.width)


@final
@dataclass(frozen=True)
class RealDilatedConfig(RealConfig):
    """Sizes of a stack of dilated convolutions over real values; `layers` is the number of cycles.

    Attributes:
        dilations: layers of a cycle; they are dilated by 1, 2, 4, …

    Example:
        >>> RealDilatedConfig(layers=1, dilations=8, lags=(1,)).past  # 1 + 255
        256
    """

    dilations: int = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded("dilations", self.dilations, 1, 14)

    @property
    def each(self) -> list[int]:
        """The dilation of every layer."""
        return [2**i for _ in range(self.layers) for i in range(self.dilations)]

    @property
    def past(self) -> int:
        """The largest lag and the layers' reach."""
        return max(self.lags) + sum(self.each)


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
        head: Head = inner if c.parts == 1 else ChainedHead(inner, c.parts, c.width, c.chain)
        counted = c.head in COUNTS
        out = head.width - 2 * counted  # of counts, the last two are the location and the scale
        read = 2 * c.parts * len(c.lags)
        deep = Serial(
            into=Pointwise(nn.Linear(read, c.width)),
            inject=Inject(c.width, c.vector, c.field),
            **core,
            out=Pointwise(nn.Linear(c.width, out)),
        )
        linear = c.linear and not counted
        both = Parallel(deep=deep, linear=_linear(read, c)) if linear else deep
        net = Serial(
            standardise=Standardise(c.parts),
            lags=Lags([lag - 1 for lag in c.lags], c.parts),
            net=both,
            scale=Rescale(c.parts, shifted=linear),
        )
        super().__init__(Reals(c.parts), net, head if counted else ScaledHead(head), start=math.nan)
        self.config = config


def _density(config: RealConfig) -> Head:
    """The head of one value."""
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
