"""The laws of what is written down: a config as JSON, symbols as bits."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from torch import Tensor

from seriatim import config as configs
from seriatim.coding.models import CHECKS, decode, encode
from seriatim.errors import UserError
from seriatim.models import Model
from seriatim.models.base import ContextLike
from seriatim.models.plugins import families
from seriatim.models.registry import Family
from seriatim.testing.base import hold


def family_of(model: Model) -> Family | None:
    """The registered family whose config the model has; the one that makes its class, if there are several."""
    every = [each.of(kind) for each in families() for kind in each.kinds]
    found = [each for each in every if each.config is type(model.config)]
    return next((each for each in found if each.model is type(model)), found[0] if found else None)


def config_law(model: Model) -> None:
    """Config law: a registered config comes back from JSON as it was, and builds a model that takes the same weights.

    Raises:
        AssertionError: naming the field or the weight.
        TypeError: if the model's config is not that of a registered family.
    """
    inner = model.bare
    family, config = family_of(inner), inner.config
    if family is None:
        raise TypeError(f"{type(config).__name__} is not the config of a registered family")
    try:
        document: Any = json.loads(json.dumps(dataclasses.asdict(config)))
        again = configs.read(family.config, document, type(config).__name__)
    except (TypeError, ValueError, UserError) as error:
        raise AssertionError(f"config law: {error}") from error
    for field in dataclasses.fields(config):
        before, after = getattr(config, field.name), getattr(again, field.name)
        hold(before == after, "config law", f"{field.name} is {before!r} and comes back from JSON as {after!r}")
    other = family.model(again).eval()
    mine, theirs = inner.state_dict(), other.state_dict()
    missing = sorted(mine.keys() ^ theirs.keys())
    hold(not missing, "config law", f"a model made of the same config differs in {', '.join(missing[:3])}")
    for name, tensor in mine.items():
        hold(
            tensor.shape == theirs[name].shape,
            "config law",
            f"{name} of a model made of the same config has another shape",
        )


def coding_law(model: Model, x: Tensor, given: ContextLike) -> None:
    """Coding law: what is compressed comes back, in between −log2 p(x) − 1 and −log2 p(x) + 64 bits
    and the checksums.

    Every symbol has 2 of 2^32 counts or more, so one that the model holds for impossible still costs 31 bits at most:
    from below, a position counts as 30 bits if its likelihood says more.

    Args:
        model: with a discrete head, in float64.
        x: (B, *S) or (B, *S, P) symbols.
        given: the condition.

    Raises:
        AssertionError: naming the place, or giving both sizes.
    """
    data = encode(model, x, given)
    back = decode(model, data, x.shape, given)
    wrong = (back != x).nonzero()
    place = wrong[0].tolist() if len(wrong) else []
    hold(not len(wrong), "coding law", f"symbol {place} comes back as another after compressing and decompressing")
    bits = -model.log_probs(x, given).double().detach() / math.log(2)
    least, most = bits.clamp_max(30).sum().item(), bits.sum().item()
    coded = 8 * (len(data) - CHECKS)
    size = f"{coded} bits for symbols whose likelihood says {most:.1f}"
    hold(least - 1 <= coded <= most + 64, "coding law", size)
