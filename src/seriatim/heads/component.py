"""Components of a discretised mixture: location-scale distributions cut into bins.

Throughout, z = (x − centre) / scale, and a bin of width w reaches from z − w/2 to z + w/2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Component(NamedTuple):
    """A standard distribution.

    Attributes:
        log_bin: (z, width, first, last) -> log mass of the bin in nats; the first and the last bin include their tail.
        cdf: P(Z <= z).
        quantile: the inverse of the cdf.
    """

    log_bin: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
    cdf: Callable[[Tensor], Tensor]
    quantile: Callable[[Tensor], Tensor]


def log1mexp(d: Tensor) -> Tensor:
    """log(1 − e^−d), d > 0."""
    return (-torch.expm1(-d)).log()
