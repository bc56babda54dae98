"""Every law of models that applies, called at once."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast

import torch
from torch import Tensor

from seriatim.context import EMPTY, Context
from seriatim.errors import UserError
from seriatim.models import Conditional, Model, SequenceModel
from seriatim.models.base import ContextLike
from seriatim.testing import models as of_models
from seriatim.testing import samples, sight, stored
from seriatim.testing.base import Report, cast_given, exact, gradient_law, isolated, rows_of
from seriatim.testing.checks import check_head, check_layer
from seriatim.testing.heads import LIMIT, levels_of, random_symbols
from seriatim.testing.long import LENGTH, long_carry_law
from seriatim.walks.backend import Uncovered, usable
from seriatim.walks.walk import Stepper


@dataclass(frozen=True)
class _Subject:
    """A model in float64 with woken weights, and what it is tried on."""

    model: Model
    inner: Model  # without encoders
    x: Tensor
    shape: tuple[int, ...]
    levels: tuple[int, ...]
    given: ContextLike

    @property
    def positions(self) -> int:
        return math.prod(self.shape)

    @property
    def small(self) -> tuple[int, ...] | None:
        """The largest shape of which all strings can be gone through; None if there is none."""
        if min(self.levels) <= 0:
            return None
        fixed = not isinstance(self.inner, SequenceModel)
        for n in [self.positions] if fixed else range(min(self.positions, 4), 0, -1):
            if math.prod(self.levels) ** n <= LIMIT:
                return self.shape if fixed else (n,)
        return None

    @property
    def too_many(self) -> str:
        """Why strings are not gone through."""
        return "a part has a density, or counts" if min(self.levels) <= 0 else f"more than {LIMIT:,} strings"


def laws(
    model: Model,
    *,
    length: int = 7,
    rows: int = 3,
    given: ContextLike = EMPTY,
    long: int = LENGTH,
    skip: Collection[str] = (),
) -> Report:
    """Hold a model to every law that applies. The model itself is not changed.

    A copy in float64 with woken weights is checked, and in float32 the long carry law. The model should be tiny: a few
    channels, symbols and positions. It then takes a few seconds: every position of every row is tried with other
    symbols, and every string of a small alphabet (at most 4,096 of them) is scored.

    Args:
        model: any `Model`: a `SequenceModel`, a grid, one with encoders.
        length: positions of a sequence. A model with a canvas of its own has its own shape.
        rows: of the batch, two or more; with a condition, as many as that has.
        given: the condition, a `Context` or raw values by name, of all positions.
        long: positions of the long carry law, at most the model's horizon; 0 leaves it out.
        skip: names of laws to leave out, such as "sight law".

    Returns:
        What holds and what was skipped, and why.

    Raises:
        AssertionError: one line that names the first law that is broken, and the place.
        ImportError: without SciPy, which the last laws need; `pip install 'seriatim[testing]'`.
        UserError: if it is no model.
        ValueError: if there are fewer than two rows or positions, or `skip` names no law.

    >>> from seriatim.heads import CategoricalHead
    >>> from seriatim.layers import Embedding, Recurrent
    >>> model = SequenceModel(Embedding(3, 4), Recurrent("gru", 4, 3), CategoricalHead(3), start=0)
    >>> "step law" in laws(model).held
    True
    """
    if not isinstance(cast(Any, model), Model):
        raise UserError(f"model is {model!r:.60}; expected a seriatim.Model, such as seriatim.models.GRU(config)")
    report = Report.without(skip)
    with isolated():
        subject = _subject(exact(model), length, rows_of(given) or rows, cast_given(given, torch.float64))
        if len(subject.x) < 2 or subject.positions < 2:
            raise ValueError(f"{len(subject.x)} rows of {subject.positions} positions; expected two of each, or more")
        _check_parallel(report, subject)
        _check_samples(report, subject)
        _check_stored(report, subject)
        check_head(report, subject.model.head, 1.5, 6000, "head: ")
        _check_draws(report, subject)
    horizon = getattr(getattr(model, "config", None), "horizon", None)
    positions = min(long, horizon) if isinstance(horizon, int) else long
    why_not = "" if model.carries else "the model has no carry"
    why_not = why_not or ("" if long else "long=0")
    report.check("long carry law", partial(long_carry_law, given=given), model, positions, unless=why_not)
    return report.finish()


def _subject(model: Model, length: int, rows: int, given: ContextLike) -> _Subject:
    """What the model is tried on: random symbols of its own canvas, or of a sequence within its horizon."""
    inner = model.bare
    horizon, canvas = getattr(getattr(inner, "config", None), "horizon", None), getattr(inner, "canvas", None)
    shape = (min(length, horizon) if isinstance(horizon, int) else length,)
    if canvas is not None:
        shape = tuple(cast("Any", canvas(length) if callable(canvas) else canvas))
    levels = levels_of(model.head)
    return _Subject(model, inner, random_symbols(levels, (rows, *shape)), shape, levels, given)


def _check_parallel(report: Report, s: _Subject) -> None:
    """What is computed at once, by steps and in chunks; and what it depends on."""
    model, x, n = s.model, s.x, s.positions
    seen = cache(lambda: sight.influence(model, x, s.shape, s.levels, s.given))
    lengths = (n, None) if model.carries and not model.ends else (n,)  # a canvas has its length
    no_carry = "" if model.carries else "the model has no carry"
    report.check("shape law", of_models.shape_law, model, x, s.shape, s.given)
    report.check("strictness law", lambda: sight.strictness_law(seen()))
    if isinstance(s.inner, SequenceModel):
        context = cast_given(model.condition(s.given, len(x)), torch.float64)
        frames = s.inner.embedding(x, context)[0].detach()
        check_layer(report, s.inner.net, frames, context, "net: ")
    report.each("step law", of_models.step_law, [(model, model, x, s.shape, s.given, k) for k in lengths])
    report.each("packed law", of_models.packed_law, [(model, x, s.shape, s.given, k) for k in lengths])
    cuts = [[], list(range(1, n)), [0, n // 2, n // 2, n]]
    report.each("carry law", of_models.carry_law, [(model, x, s.given, each) for each in cuts], unless=no_carry)
    fed = [(model.packed(), model, x, s.given, each) for each in range(min(3, n))]
    report.each("feed law", of_models.feed_law, fed, unless=no_carry)
    native, none = _native(model)
    report.each(
        "native law", of_models.native_law, [(each, model, x, s.shape, s.given) for each in native], unless=none
    )
    walked = [(each, model, x, s.shape, s.given) for each in (model, model.packed())]
    report.each("walk law", of_models.walk_law, walked)
    report.check("sight law", lambda: sight.sight_law(model, seen(), s.shape))


def _native(model: Model) -> tuple[list[Stepper], str]:
    """The model's native steps, or why there are none."""
    try:
        return [usable(model.native, next(model.parameters()))], ""
    except Uncovered as lack:
        return [], str(lack)


def _check_samples(report: Report, s: _Subject) -> None:
    """Rows, seeds, probabilities, gradients, conditions."""
    model, x, given, small = s.model, s.x, s.given, s.small

    def loss() -> Tensor:
        return model.log_prob(x, given).sum()

    report.check("row law", samples.row_law, model, x, given, s.positions)
    report.check("seed law", samples.seed_law, model, given, s.shape, len(x))
    uncounted = "" if small else s.too_many
    report.check("probability law", samples.probability_law, model, small or (), s.levels, given, unless=uncounted)
    report.check("gradient law", gradient_law, loss, model.named_parameters())
    unconditional = "" if rows_of(given) else "no condition was given"
    report.check("condition law", of_models.condition_law, model, x, given, unless=unconditional)
    named = [(model, x, given)] if isinstance(model, Conditional) and not isinstance(given, Context) else []
    unnamed = "" if named else "no raw conditions were given by name"
    report.each("missing law", of_models.missing_law, named, unless=unnamed)


def _check_stored(report: Report, s: _Subject) -> None:
    """Config and compression."""
    unregistered = "" if stored.family_of(s.inner) else "its config is not that of a registered family"
    report.check("config law", stored.config_law, s.inner, unless=unregistered)
    continuous = "a part has a density, or counts" if min(s.levels) <= 0 else ""
    report.check("coding law", stored.coding_law, s.model, s.x, s.given, unless=continuous)


def _check_draws(report: Report, s: _Subject) -> None:
    """Whole samples."""
    small, uncounted = s.small, "" if s.small else s.too_many
    if small and isinstance(s.inner, SequenceModel):
        small = (min(small[0], 2),)
    report.check("sample law", samples.sample_law, s.model, small or (), s.levels, s.given, 4000, unless=uncounted)
