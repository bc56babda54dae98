"""Distributions and heads: what a network's parameters mean.

`Dist` uses the vocabulary of `torch.distributions` without its objects, which cost 17 to 33 µs each to build. A
discrete distribution follows from one primitive, `log_mass`; the tests hold every method that a head overrides for
speed equal to the defaults here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar, final

import torch
from torch import Tensor, nn

from seriatim.errors import UserError

D = TypeVar("D")


def widest(device: torch.device) -> torch.dtype:
    """float64, for sums over symbols; float32 on mps, which has nothing wider."""
    return torch.float32 if device.type == "mps" else torch.float64


def _unheated(dist: D, temperature: float) -> D:
    if temperature == 1:
        return dist
    raise UserError(f"temperature is {temperature}; {type(dist).__name__} has none: leave it out")


class Dist(ABC):
    """The distribution of one symbol for each element of a batch.

    A subclass gives `log_prob`, `draw`, `batch_shape` and `device`.

    Example:
        >>> class Exponential(Dist):
        ...     batch_shape, device = torch.Size([1]), torch.device("cpu")
        ...
        ...     def log_prob(self, x):
        ...         return -x
        ...
        ...     def draw(self, u):
        ...         return -torch.log1p(-u[..., 0])
        >>> Exponential().draw(torch.tensor([[0.5]]))
        tensor([0.6931])
    """

    noise: int = 1  # uniforms that one draw consumes
    real: bool = True  # whether a symbol is a real number

    @property
    @abstractmethod
    def batch_shape(self) -> torch.Size:
        """The shape of the symbols."""

    @abstractmethod
    def log_prob(self, x: Tensor) -> Tensor:
        """Log-probability or log-density (nats) of x (*batch_shape)."""

    @abstractmethod
    def draw(self, u: Tensor) -> Tensor:
        """The symbol for uniforms u (*batch_shape, noise) in (0, 1): sampling as a function, without hidden state."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Device of the parameters."""

    def typed(self, x: Tensor) -> Tensor:
        """Symbols in this distribution's type: a category that is held next to real numbers becomes an integer."""
        return x if self.real else x.long()

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """One symbol per element. Final: `draw` from fresh uniforms."""
        shape = (*self.batch_shape, self.noise)
        u = torch.rand(shape, dtype=widest(self.device), device=self.device, generator=generator)
        least = torch.finfo(u.dtype).eps / 2
        return self.draw(u.clamp(least, 1 - least))

    def heated(self, temperature: float) -> Dist:
        """A density at another temperature: 1 is itself, less varies less. Default: there is none.

        Raises:
            UserError: unless it is 1.
        """
        return _unheated(self, temperature)


class Discrete(Dist):
    """A distribution on 0 … levels − 1, defined by `log_mass`; everything else follows from it.

    Example:
        >>> class Die(Discrete):
        ...     levels, batch_shape, device = 6, torch.Size([1]), torch.device("cpu")
        ...
        ...     def log_mass(self, x):
        ...         return torch.full(x.shape, 1 / 6).log()
        >>> die = Die()
        >>> die.cdf(torch.tensor([2]))
        tensor([0.5000], dtype=torch.float64)
        >>> die.draw(torch.tensor([[0.9]]))
        tensor([5])
        >>> die.count(torch.tensor([5]), bits=16)
        tensor([65536])
    """

    levels: int
    real = False

    @abstractmethod
    def log_mass(self, x: Tensor) -> Tensor:
        """log p(x) in nats for x (*batch_shape) in 0 … levels − 1."""

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats."""
        return self.log_mass(x)

    def log_table(self) -> Tensor:
        """(*batch_shape, levels): log p of every symbol, in nats."""
        shape = self.batch_shape
        return torch.stack([self.log_mass(torch.full(shape, k, device=self.device)) for k in range(self.levels)], -1)

    def cdf(self, x: Tensor) -> Tensor:
        """P(symbol <= x) in float64; 0 at x = −1 and exactly 1 at x = levels − 1."""
        table = self.log_table().double().exp().cumsum(-1)
        total = table[..., -1]
        inside = table.gather(-1, x.clamp(0, self.levels - 1)[..., None])[..., 0] / total
        inside = torch.where(x >= self.levels - 1, torch.ones_like(total), inside.clamp(0, 1))
        return torch.where(x < 0, torch.zeros_like(total), inside)

    def draw(self, u: Tensor) -> Tensor:
        """Inverse cdf: the smallest symbol whose cdf exceeds u (*batch_shape, 1)."""
        table = self.log_table().double().exp().cumsum(-1)
        return torch.searchsorted(table, u * table[..., -1:], right=True)[..., 0].clamp_max(self.levels - 1)

    def count(self, x: Tensor, bits: int) -> Tensor:
        """The integer cdf C(x) = floor(cdf(x) · (2^bits − 2K)) + 2 (x + 1), all that an entropy coder sees. Final.

        C(−1) = 0, C(K − 1) = 2^bits, and C rises by at least 1 at every symbol, however the cdf is rounded.

        Raises:
            ValueError: if 2^bits leaves no room for every symbol.
        """
        free = 2**bits - 2 * self.levels
        if free <= 0 or bits > 48:
            raise ValueError(f"{bits} bits for {self.levels} symbols; expected more than log2(2K) and at most 48")
        return (self.cdf(x) * free).floor().long() + 2 * (x + 1)


class Event(ABC):
    """P symbols at one position (red, green, blue; left and right), each conditioned on those before it.

    A subclass gives `given`; `log_prob` and `draw` follow from it by the chain rule.

    Example:
        >>> from seriatim.heads import Categorical
        >>> class Twice(Event):  # a fair coin, and a second one that shows the same
        ...     parts = 2
        ...
        ...     def given(self, i, prefix):
        ...         first = torch.zeros(len(prefix), 2)
        ...         return Categorical(first if i == 0 else first.scatter(1, 1 - prefix, -torch.inf))
        >>> Twice().log_prob(torch.tensor([[1, 1], [1, 0]]))
        tensor([-0.6931,    -inf])
        >>> Twice().draw(torch.tensor([[0.3, 0.9]]))
        tensor([[0, 0]])
    """

    parts: int
    real: bool = False  # whether its symbols are real numbers, or some of them: then all are held in a float type
    noise: int = 0  # 1 if every part's draw consumes one uniform: a sampler may then draw all parts together

    @abstractmethod
    def given(self, i: int, prefix: Tensor) -> Dist:
        """The distribution of part i given parts 0 … i − 1, prefix (*batch_shape, i)."""

    def log_prob(self, x: Tensor) -> Tensor:
        """Joint log-probability (nats) of x (*batch_shape, P)."""
        each = [(self.given(i, x[..., :i]), x[..., i]) for i in range(self.parts)]
        return torch.stack([dist.log_prob(dist.typed(value)) for dist, value in each]).sum(0)

    def draw(self, u: Tensor) -> Tensor:
        """All P parts (*batch_shape, P) from uniforms u (*batch_shape, total noise of the parts).

        A subclass may draw differently: the probabilities must agree, the symbols for given uniforms need not.
        """
        x = u.new_zeros((*u.shape[:-1], 0)).long()
        used = 0
        for i in range(self.parts):
            dist = self.given(i, x)
            part = dist.draw(u[..., used : used + dist.noise])
            x = torch.cat([x, part[..., None]], -1)  # of categories and densities: in the float type
            used += dist.noise
        return x

    def heated(self, temperature: float) -> Event:
        """An event of densities at another temperature. Default: there is none.

        Raises:
            UserError: unless it is 1.
        """
        return _unheated(self, temperature)


class Head(nn.Module, ABC):
    """Maps parameters (..., width) to a distribution of the `parts` symbols at one position.

    Example:
        >>> from seriatim.heads import Categorical
        >>> class CoinHead(Head):
        ...     width = 1
        ...
        ...     def forward(self, parameters):
        ...         return Categorical(torch.cat([torch.zeros_like(parameters), parameters], -1))
        >>> CoinHead()(torch.zeros(3, 1)).log_prob(torch.tensor([0, 1, 1]))
        tensor([-0.6931, -0.6931, -0.6931])
    """

    width: int
    parts: int = 1
    real: bool = False
    """Whether symbols are real numbers, or some parts of them: then all are held in a float type, NaN where missing."""
    likelihood: bool = True
    """Whether `log_prob` is that of what is drawn; False for a cross-entropy with targets that no draw can have."""

    none: int | None = None
    """A symbol next to those that the head draws: there is none at this position. Default: symbols are everywhere."""

    @abstractmethod
    def forward(self, parameters: Tensor) -> Dist | Event:
        """The distribution with parameters (..., width)."""

    @final
    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        """Log-probability (nats) of x (...) or (..., parts) under parameters (..., width).

        A position of which a part is missing (NaN of real numbers, `none` of symbols) counts 0 nats, and passes no
        gradient.
        """
        if not self.real and self.none is None:
            return self(parameters).log_prob(x)
        missing = x.isnan() if self.real else x == self.none
        terms = self(parameters).log_prob(torch.where(missing, 0, x))  # replaced before: NaN · 0 is a NaN gradient
        return torch.where(missing if self.parts == 1 else missing.any(-1), 0.0, terms)

    @final
    def blank(self, *shape: int, like: Tensor) -> Tensor:
        """Symbols of this shape on the device of a floating tensor, in the symbols' type, and of no meaning."""
        return torch.zeros(shape, dtype=like.dtype if self.real else torch.long, device=like.device)

    def marginal(self, counts: Tensor, events: Tensor) -> Tensor | None:  # noqa: ARG002
        """The constant parameters of the distribution that ignores everything but how often each symbol occurs.

        Args:
            counts: (parts, K) occurrences of each of K symbols, for each part.
            events: (N, parts) some of the positions, for a head of several parts, whose counts do not say how they
                go together.

        Returns:
            (width,) in float32; None for a head that does not know (the default).
        """
        return None


def frequencies(counts: Tensor) -> Tensor:
    """(P, K) counts -> p = (count + 1/K) / (total + 1), in float64 where there is one.

    An unseen symbol gets little, however many there are: adding 1 for each of the 257 that the default tokenizer keeps
    in reserve would give them a tenth of the mass of a text of two kilobytes.

    Example:
        >>> frequencies(torch.tensor([[3, 0]]))
        tensor([[0.8750, 0.1250]], dtype=torch.float64)
    """
    wide = counts.to(widest(counts.device))
    return (wide + 1 / wide.shape[-1]) / (wide.sum(-1, keepdim=True) + 1)


def entropy(counts: Tensor, parts: int) -> float:
    """The surprise of a position under the `frequencies` of its own symbols, in nats.

    Args:
        counts: (P, K), P channels.
        parts: channels at one position; with 1, each channel is a position of its own.

    Example:
        >>> round(entropy(torch.tensor([[1000, 1000]]), parts=1), 4)  # log 2
        0.6931
    """
    each = -(counts / counts.sum(-1, keepdim=True) * frequencies(counts).log()).sum(-1)
    return float(each.sum() if parts > 1 else each.mean())
