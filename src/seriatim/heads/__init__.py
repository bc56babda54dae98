"""Heads turn a network's parameters into a distribution."""

from seriatim.heads.base import Discrete, Dist, Event, Head
from seriatim.heads.bernoulli import Bernoulli, BernoulliHead
from seriatim.heads.bivariate import Bivariate, BivariateHead
from seriatim.heads.categorical import Categorical, CategoricalHead
from seriatim.heads.chained import Chained, ChainedHead
from seriatim.heads.composed import (
    Affine,
    AffineEvent,
    Ended,
    Independent,
    IndependentHead,
    Marked,
    MarkedHead,
    ScaledHead,
)
from seriatim.heads.counting import Counting
from seriatim.heads.density_mixture import DensityMixture, DensityMixtureHead
from seriatim.heads.gaussian import Gaussian, GaussianHead
from seriatim.heads.laplace import Laplace, LaplaceHead
from seriatim.heads.mixture import Mixture, MixtureEvent, MixtureHead
from seriatim.heads.moments import MomentsHead
from seriatim.heads.negative_binomial import NegativeBinomial, NegativeBinomialHead
from seriatim.heads.poisson import Poisson, PoissonHead
from seriatim.heads.student import Student, StudentHead

__all__ = [
    "Affine",
    "AffineEvent",
    "Bernoulli",
    "BernoulliHead",
    "Bivariate",
    "BivariateHead",
    "Categorical",
    "CategoricalHead",
    "Chained",
    "ChainedHead",
    "Counting",
    "DensityMixture",
    "DensityMixtureHead",
    "Discrete",
    "Dist",
    "Ended",
    "Event",
    "Gaussian",
    "GaussianHead",
    "Head",
    "Independent",
    "IndependentHead",
    "Laplace",
    "LaplaceHead",
    "Marked",
    "MarkedHead",
    "Mixture",
    "MixtureEvent",
    "MixtureHead",
    "MomentsHead",
    "NegativeBinomial",
    "NegativeBinomialHead",
    "Poisson",
    "PoissonHead",
    "ScaledHead",
    "Student",
    "StudentHead",
]
