"""What the laws ask of SciPy, which is imported when one of them is called and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from seriatim.testing.base import hold

SURPRISE = 1e-4
"""A p-value below it breaks a law; seeds are fixed, so that it happens once and for all or never."""


def _scipy(law: str) -> tuple[Any, Any]:
    """`scipy.integrate` and `scipy.stats`."""
    try:
        return import_module("scipy.integrate"), import_module("scipy.stats")
    except ImportError as error:
        raise ImportError(f"the {law} needs SciPy, which is not installed: pip install 'seriatim[testing]'") from error


def chi_square(observed: Tensor, p: Tensor, law: str = "draw law") -> None:
    """Check that counts are those of p (χ²); what is rare, fewer than five expected, is taken together.

    Args:
        observed: (K,) counts.
        p: (K,) probabilities.
        law: for the message.

    Raises:
        AssertionError: if something without probability came, or the p-value is below 1e-4.
        ImportError: without SciPy.
    """
    _, stats = _scipy(law)
    hold(int(observed[p == 0].sum()) == 0, law, "something without probability was drawn")
    expected = p * observed.sum() / p.sum()
    rare = expected < 5
    counts = torch.cat([observed[~rare], observed[rare].sum()[None]])
    wanted = torch.cat([expected[~rare], expected[rare].sum()[None]])
    if not bool(wanted[-1]):
        counts, wanted = counts[:-1], wanted[:-1]
    if len(counts) < 2:
        return
    value = float(stats.chisquare(counts.numpy(), wanted.numpy()).pvalue)
    at = int(((counts - wanted).abs() / wanted.sqrt()).argmax())
    most = f"{int(counts[at])} draws where {float(wanted[at]):.1f} are expected"
    hold(value > SURPRISE, law, f"draws do not follow the probabilities that are scored ({most}; χ², p = {value:.1e})")


def integral(density: Callable[[float], float], low: float, high: float, law: str) -> float:
    """∫ of a density from low to high, which may be infinite.

    Raises:
        ImportError: without SciPy.
    """
    integrate, _ = _scipy(law)
    return float(integrate.quad(density, low, high, limit=200)[0])


def kolmogorov(expected: Tensor, observed: Tensor, n: int, law: str = "draw law") -> None:
    """Check two cumulative distributions at the same points, the second of n draws (Kolmogorov and Smirnov).

    Raises:
        AssertionError: if their largest distance has a probability below 1e-4.
        ImportError: without SciPy.
    """
    _, stats = _scipy(law)
    distance, most = float((expected - observed).abs().max()), float(stats.kstwobign.ppf(1 - SURPRISE)) / n**0.5
    hold(distance < most, law, f"the draws' cdf is {distance:.3f} off that of the density, and {most:.3f} is allowed")
