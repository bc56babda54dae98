"""Distributions built from distributions: several channels, another scale, a category or an end beside a value."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from seriatim.heads.base import Dist, Event, Head
from seriatim.heads.categorical import Categorical
from seriatim.heads.density import heated_logits


class _Wrapped(Dist):
    """A distribution made from another one, of the same shape."""

    inner: Dist

    @property
    def batch_shape(self) -> torch.Size:
        """The shape of the symbols."""
        return self.inner.batch_shape

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return self.inner.device


@final
class Affine(_Wrapped):
    """The distribution of location + scale · z, where z has a density.

    Example:
        >>> from seriatim.heads import Gaussian
        >>> far = Affine(Gaussian(torch.zeros(1), torch.ones(1)), torch.tensor([100.0]), torch.tensor([0.0]).exp())
        >>> far.log_prob(torch.tensor([100.0]))
        tensor([-0.9189])
    """

    def __init__(self, inner: Dist, location: Tensor, scale: Tensor) -> None:
        self.inner, self.location, self.scale, self.noise = inner, location, scale, inner.noise

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density (nats per unit of x) of x (*batch_shape)."""
        return self.inner.log_prob((x - self.location) / self.scale) - self.scale.log()

    def draw(self, u: Tensor) -> Tensor:
        """The inner draw in the outer units."""
        return self.location + self.scale * self.inner.draw(u)

    def heated(self, temperature: float) -> Affine:
        """The inner distribution heated."""
        return Affine(self.inner.heated(temperature), self.location, self.scale)


@final
class AffineEvent(Event):
    """An event of P densities, each in its own units.

    Example:
        >>> from seriatim.heads import BivariateHead
        >>> head = ScaledHead(BivariateHead(mixtures=1))
        >>> parameters = torch.zeros(1, head.width)
        >>> plain = head(parameters).log_prob(torch.zeros(1, 2))
        >>> parameters[..., -2:] = 2.302585  # log 10: ten times as wide in both directions: log 100 less dense
        >>> head(parameters).log_prob(torch.zeros(1, 2)) - plain
        tensor([-4.6052])
    """

    real = True

    def __init__(self, inner: Event, location: Tensor, scale: Tensor) -> None:
        self.inner, self.location, self.scale, self.parts = inner, location, scale, inner.parts

    def given(self, i: int, prefix: Tensor) -> Dist:
        """Part i given those before it, in the outer units."""
        z = (prefix - self.location[..., :i]) / self.scale[..., :i]
        return Affine(self.inner.given(i, z), self.location[..., i], self.scale[..., i])

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density (nats per unit of every part) of x (*batch_shape, P)."""
        return self.inner.log_prob((x - self.location) / self.scale) - self.scale.log().sum(-1)

    def heated(self, temperature: float) -> AffineEvent:
        """The inner distribution heated."""
        return AffineEvent(self.inner.heated(temperature), self.location, self.scale)


@final
class ScaledHead(Head):
    """A head of densities whose last 2 P parameters are a location and a log scale for each part.

    What a network predicts is then in units of the location and scale, and the likelihood in the user's own.

    Args:
        inner: parameters (..., inner.width) -> densities in standard units.

    Example:
        >>> from seriatim.heads import GaussianHead
        >>> head = ScaledHead(GaussianHead())
        >>> head.width, head(torch.tensor([[0.0, 0.0, 5.0, 0.0]])).draw(torch.tensor([[0.5]]))
        (4, tensor([5.]))
    """

    real = True

    def __init__(self, inner: Head) -> None:
        super().__init__()
        if not inner.real:
            raise ValueError(f"{type(inner).__name__} has symbols that are no numbers; a scale is for densities")
        self.inner, self.parts, self.width = inner, inner.parts, inner.width + 2 * inner.parts

    def forward(self, parameters: Tensor) -> Dist | Event:
        """The distribution with parameters (..., width)."""
        own, location, log_scale = parameters.split([self.inner.width, self.parts, self.parts], -1)
        dist = self.inner(own)
        if isinstance(dist, Event):
            return AffineEvent(dist, location, log_scale.exp())
        return Affine(dist, location[..., 0], log_scale[..., 0].exp())


@final
class Independent(Event):
    """P parts that do not depend on each other at one position, but on all before it.

    Example:
        >>> from seriatim.heads import Gaussian
        >>> both = Independent([Gaussian(torch.zeros(1), torch.ones(1))] * 2)
        >>> both.log_prob(torch.zeros(1, 2))
        tensor([-1.8379])
    """

    def __init__(self, each: list[Dist]) -> None:
        self.each, self.parts, self.real = each, len(each), any(dist.real for dist in each)
        self.noise = int(all(dist.noise == 1 for dist in each))

    def given(self, i: int, prefix: Tensor) -> Dist:  # noqa: ARG002
        """Part i."""
        return self.each[i]

    def heated(self, temperature: float) -> Independent:
        """Every part heated."""
        return Independent([dist.heated(temperature) for dist in self.each])


@final
class IndependentHead(Head):
    """P channels, each with a distribution of the same kind.

    Args:
        inner: of one channel.
        channels: P.

    Example:
        >>> from seriatim.heads import LaplaceHead
        >>> head = IndependentHead(LaplaceHead(), channels=3)
        >>> head.width, head(torch.zeros(2, 6)).log_prob(torch.zeros(2, 3)).shape
        (6, torch.Size([2]))
    """

    def __init__(self, inner: Head, channels: int) -> None:
        super().__init__()
        if inner.parts != 1:
            raise ValueError(f"{type(inner).__name__} has {inner.parts} parts; expected a head of one")
        self.inner, self.parts, self.width, self.real = inner, channels, inner.width * channels, inner.real

    def forward(self, parameters: Tensor) -> Independent:
        """The distribution with parameters (..., P · inner.width), channel after channel."""
        each = parameters.unflatten(-1, (self.parts, self.inner.width))
        return Independent([self.inner(each[..., i, :]) for i in range(self.parts)])


@final
class Ended(_Wrapped):
    """A distribution, or in the rows that have ended the certainty of 0, which costs nothing.

    Example:
        >>> from seriatim.heads import Gaussian
        >>> Ended(Gaussian(torch.zeros(2), torch.ones(2)), torch.tensor([False, True])).log_prob(torch.zeros(2))
        tensor([-0.9189,  0.0000])
    """

    def __init__(self, inner: Dist, ended: Tensor) -> None:
        self.inner, self.ended, self.noise = inner, ended, inner.noise

    def log_prob(self, x: Tensor) -> Tensor:
        """0 where ended."""
        return torch.where(self.ended, 0.0, self.inner.log_prob(x))

    def draw(self, u: Tensor) -> Tensor:
        """0 where ended."""
        return torch.where(self.ended, 0.0, self.inner.draw(u))

    def heated(self, temperature: float) -> Ended:
        """The inner distribution heated."""
        return Ended(self.inner.heated(temperature), self.ended)


@final
class Marked(Event):
    """A category, and then values; a category that ends the sequence leaves nothing to say of them.

    Args:
        logits: (*batch_shape, K) of the category.
        values: the distribution of what follows.
        end: whether category K − 1 ends the sequence: the values after it are 0 and cost 0 nats.

    Example:
        >>> from seriatim.heads import Gaussian
        >>> dist = Marked(torch.zeros(1, 2), Gaussian(torch.zeros(1), torch.ones(1)), end=True)
        >>> dist.log_prob(torch.tensor([[0.0, 0.0]])), dist.log_prob(torch.tensor([[1.0, 0.0]]))
        (tensor([-1.6121]), tensor([-0.6931]))
    """

    real = True

    def __init__(self, logits: Tensor, values: Dist | Event, end: bool) -> None:
        self.logits, self.values, self.end = logits, values, end
        self.parts = 1 + (values.parts if isinstance(values, Event) else 1)

    def given(self, i: int, prefix: Tensor) -> Dist:
        """The category (i = 0), or value i − 1 given the category and the values before it."""
        if i == 0:
            return Categorical(self.logits)
        values = self.values
        dist = values.given(i - 1, prefix[..., 1:]) if isinstance(values, Event) else values
        return Ended(dist, self._ended(prefix[..., 0])) if self.end else dist

    def _ended(self, category: Tensor) -> Tensor:
        return category == self.logits.shape[-1] - 1

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-probability and log-density (nats) of x (*batch_shape, P), the category first."""
        category, rest = x[..., 0], x[..., 1:]
        values = self.values.log_prob(rest if isinstance(self.values, Event) else rest[..., 0])
        if self.end:
            values = torch.where(self._ended(category), 0.0, values)
        return Categorical(self.logits).log_prob(category.long()) + values

    def heated(self, temperature: float) -> Marked:
        """Logits over the temperature, and the values heated."""
        return Marked(heated_logits(self.logits, temperature), self.values.heated(temperature), self.end)


@final
class MarkedHead(Head):
    """K logits, then the parameters of values -> `Marked`: a pen's state and its move; an end beside a value.

    The end is part of the likelihood, as in a text. A position is (category, values …), in the float type.

    Args:
        inner: of the values.
        categories: K; 2 with `end` is "go on" and "stop".
        end: whether the last category ends the sequence.

    Example:
        >>> from seriatim.heads import GaussianHead
        >>> head = MarkedHead(GaussianHead(), categories=2)
        >>> going, ended = torch.tensor([[0.0, 0.3]]), torch.tensor([[1.0, 0.0]])
        >>> head(torch.zeros(1, 4)).log_prob(ended)  # one bit, and nothing for the value
        tensor([-0.6931])
    """

    real = True

    def __init__(self, inner: Head, categories: int = 2, end: bool = True) -> None:
        super().__init__()
        self.inner, self.categories, self.end = inner, categories, end
        self.parts, self.width = 1 + inner.parts, categories + inner.width

    def forward(self, parameters: Tensor) -> Marked:
        """The distribution with parameters (..., K + inner.width)."""
        return Marked(parameters[..., : self.categories], self.inner(parameters[..., self.categories :]), self.end)
