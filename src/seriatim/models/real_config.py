"""Sizes of models of real values: series, whose length is given, and trajectories, which end by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from seriatim.config import bounded, divides
from seriatim.errors import UserError

Density = Literal["student", "normal", "laplace", "mixture", "logistic", "poisson", "negative-binomial", "bivariate"]
COUNTS = ("poisson", "negative-binomial")
"""Densities of counts."""


@dataclass(frozen=True)
class RealConfig:
    """Sizes of a model of real values.

    Attributes:
        parts: values at one position.
        head: the density of a value: Student's t, normal, Laplace, a mixture of `mixtures` normal or logistic ones, or
            for counts Poisson or negative binomial. Of two parts together, a mixture of bivariate normal ones.
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
        if self.parts != 2 and self.head == "bivariate":
            raise UserError(f"head is bivariate, for two values at a position; there are {self.parts}: choose another")

    @property
    def past(self) -> int | None:
        """None: a state may remember everything."""
        return None

    @property
    def horizon(self) -> None:
        """None: sequences may have any length."""
        return


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


@dataclass(frozen=True)
class TrajectoryConfig(RealConfig):
    """Sizes of a recurrent model of trajectories.

    Attributes:
        marks: categories before the values of a position; the last ends the trajectory.

    Example:
        >>> TrajectoryConfig(parts=2, head="bivariate", marks=3).marks
        3
    """

    marks: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded("marks", self.marks, 2, 2**8)
        if self.head in COUNTS:
            raise UserError(f"head is {self.head}, for counts in series; choose another")


@final
@dataclass(frozen=True)
class TrajectoryForwardConfig(TrajectoryConfig, RealForwardConfig):
    """Sizes of a feed-forward model of trajectories.

    Example:
        >>> TrajectoryForwardConfig(lags=(1, 2)).past
        2
    """


@final
@dataclass(frozen=True)
class TrajectoryAttentiveConfig(TrajectoryConfig, RealAttentiveConfig):
    """Sizes of a Transformer over trajectories.

    Example:
        >>> TrajectoryAttentiveConfig(width=64, heads=8).marks
        2
    """


@final
@dataclass(frozen=True)
class TrajectoryDilatedConfig(TrajectoryConfig, RealDilatedConfig):
    """Sizes of a stack of dilated convolutions over trajectories.

    Example:
        >>> TrajectoryDilatedConfig(layers=1, dilations=8).past
        256
    """
