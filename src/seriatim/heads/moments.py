"""A mean and a log deviation as they are: the densities of linear models, whose networks know both exactly."""

from __future__ import annotations

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from seriatim.heads.base import Head
from seriatim.heads.gaussian import Gaussian
from seriatim.heads.student import Student

_LEAST = 2.05  # degrees of freedom, as in the package arch


@final
class MomentsHead(Head):
    """(mean, log of the standard deviation) -> `Gaussian`, or with raw degrees of freedom in third place `Student`.

    Student's t is standardised: the deviation is its own, so its scale is smaller by √((ν − 2) / ν).

    Args:
        student: whether there are degrees of freedom, 2.05 + softplus(raw).

    Example:
        >>> MomentsHead()(torch.tensor([[1.0, 0.0]])).log_prob(torch.tensor([1.0]))
        tensor([-0.9189])
    """

    real = True

    def __init__(self, student: bool = False) -> None:
        super().__init__()
        self.student, self.width = student, 3 if student else 2

    def forward(self, parameters: Tensor) -> Gaussian | Student:
        """The distribution with parameters (..., width)."""
        mean, deviation = parameters[..., 0], parameters[..., 1].exp()
        if not self.student:
            return Gaussian(mean, deviation)
        freedom = _LEAST + F.softplus(parameters[..., 2])
        return Student(freedom, mean, deviation * ((freedom - 2) / freedom).sqrt())


def raw_freedom(freedom: float) -> Tensor:
    """The parameter of given degrees of freedom, above 2.05."""
    return torch.tensor(freedom - _LEAST, dtype=torch.float64).expm1().log()
