"""Maximum likelihood by L-BFGS on all data at once: for models with few parameters, in float64."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from seriatim.context import EMPTY
from seriatim.errors import UserError
from seriatim.models import Model
from seriatim.models.base import ContextLike

_ROUNDS = 20  # of L-BFGS, each from where the last has ended


def maximise(
    model: Model, x: Tensor, given: ContextLike = EMPTY, mask: Tensor | None = None, steps: int = 200
) -> float:
    """Fit a model to all of x, given what it holds unlikely (`Model.penalty`): its parameters are changed in place.

    Args:
        model: in float64; AR, ARMA, ARCH, GARCH.
        x: (B, T[, P]).
        given: conditions.
        mask: (B, T): False for positions that do not count.
        steps: of L-BFGS, in each of at most 20 rounds.

    Returns:
        log p(x) in nats under what was found.

    Raises:
        UserError: if nothing counts, or the likelihood is not finite.

    Example:
        >>> from seriatim.models import ARMA, ARMAConfig
        >>> x = torch.tensor([[0.1, 1.2, 0.9, -0.3, -0.8, 0.2, 1.1, 0.4]]).double()
        >>> model = ARMA(ARMAConfig(ar=1)).double()
        >>> before = model.log_prob(x).item()
        >>> maximise(model, x) > before
        True
    """
    shape = x.shape[: x.dim() - (model.head.parts > 1)]
    there = ~(x.isnan() if model.head.parts == 1 else x.isnan().any(-1)) if model.head.real else x.new_ones(shape) > 0
    count = int((there if mask is None else there & mask).sum())
    if not count:
        raise UserError("there is no value to fit to; give data with values that count")
    parameters = [each for each in model.parameters() if each.requires_grad]
    last, log_p = math.inf, -math.inf
    for _ in range(_ROUNDS):
        optimiser = torch.optim.LBFGS(
            parameters, max_iter=steps, history_size=20, line_search_fn="strong_wolfe", tolerance_grad=1e-9,
            tolerance_change=1e-14,
        )  # fmt: skip

        def surprise(optimiser: torch.optim.Optimizer = optimiser) -> Tensor:
            optimiser.zero_grad()
            loss = (model.penalty() - model.log_prob(x, given, mask).sum()) / count
            loss.backward()
            return loss

        optimiser.step(surprise)  # pyright: ignore[reportArgumentType]
        with torch.no_grad():
            log_p = float(model.log_prob(x, given, mask).sum())
            now = (float(model.penalty()) - log_p) / count
        if not math.isfinite(now):
            raise UserError("the likelihood is not finite; scale the data, or give other orders")
        if last - now < 1e-10:
            return log_p
        last = now
    return log_p
