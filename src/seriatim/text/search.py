"""Batched beam search over many prefixes and sources, and attention to the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seriatim.causal import CrossAttention
from seriatim.context import Context
from seriatim.errors import UserError
from seriatim.models import Model
from seriatim.models.likelihood import pad
from seriatim.walks.beams import Beams, Hypothesis, Stop, beam_search, order
from seriatim.walks.walk import Walk

_TOGETHER = 160  # rows of a walk: sources times beams


def search(
    model: Model,
    given: Callable[[Sequence[int]], Mapping[str, Tensor]],
    prefixes: Sequence[NDArray[Any]],
    options: Beams,
    *,
    end: int,
    longest: Sequence[int],
    sizes: Sequence[int],
    stop: Stop | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[list[Hypothesis]]:
    """Beam search for each prefix, in batches of similar length; results are independent of each other.

    Args:
        model: the model, in evaluation mode.
        given: the conditions of a subset of the prefixes.
        prefixes: forced beginnings of the sequences.
        options: width and other options.
        end: the symbol that ends a sequence.
        longest: most new symbols after each prefix.
        sizes: expected length of each sequence, so that those of one batch are similar.
        stop: (number of the prefix, symbols) -> whether a sequence stops before `end`.
        progress: called with the number of prefixes done.

    Raises:
        UserError: if a sequence may exceed the model's context.
    """
    if options.coverage and not _attentions(model):
        raise UserError("this model has no attention to a source; leave out --coverage")
    horizon: int | None = model.horizon
    if horizon is not None:
        for prefix, limit in zip(prefixes, longest, strict=True):
            if len(prefix) + limit > horizon:
                raise UserError(
                    f"a prompt of {len(prefix)} symbols and {limit} new ones exceed the model's context of {horizon}; "
                    "give a smaller --max-length"
                )
    stepper, results = model.packed(), dict[int, list[Hypothesis]]()
    order = sorted(range(len(prefixes)), key=lambda i: (sizes[i], len(prefixes[i])))
    size = max(1, _TOGETHER // options.width)
    for first in range(0, len(order), size):
        some = order[first : first + size]
        with torch.inference_mode():
            context = model.condition(given(some), len(some))
        walk = Walk(stepper, len(some) * options.width, context)
        found = beam_search(
            walk,
            options,
            end=end,
            prefixes=[prefixes[i].tolist() for i in some],
            longest=[longest[i] for i in some],
            stop=None if stop is None else lambda i, symbols, some=some: stop(some[i], symbols),
        )
        if options.coverage:
            found = _covered(model, context, [prefixes[i] for i in some], found, options)
        results |= zip(some, (hypotheses[: options.best] for hypotheses in found), strict=True)
        if progress is not None:
            progress(min(first + size, len(order)))
    return [results[i] for i in range(len(prefixes))]


def _attentions(model: Model) -> list[CrossAttention]:
    return [module for module in model.modules() if isinstance(module, CrossAttention)]


@torch.no_grad()
def attention(model: Model, x: Tensor, context: Context) -> Tensor:
    """(B, T, M): attention of position t to slot m of the memory, averaged over all layers and heads.

    Raises:
        UserError: if the model has no attention to a memory.
    """
    seen: list[Tensor] = []

    def look(layer: Any, inputs: tuple[Any, ...]) -> None:
        seen.append(layer.weights(inputs[0], inputs[1]).mean(1))

    layers = _attentions(model)
    if not layers:
        raise UserError("this model has no attention to a source; leave out --attention")
    hooks = [layer.register_forward_pre_hook(look) for layer in layers]
    try:
        model(x, context)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(seen).mean(0)


def _covered(
    model: Model,
    context: Context,
    prefixes: Sequence[NDArray[Any]],
    found: list[list[Hypothesis]],
    options: Beams,
) -> list[list[Hypothesis]]:
    """Rerank with the coverage penalty Σ_m log min(1, Σ_t attention) over the source, for untranslated parts."""
    owners = [i for i, hypotheses in enumerate(found) for _ in hypotheses]
    each = [h for hypotheses in found for h in hypotheses]
    rows = [np.concatenate([prefixes[i], np.array(h.symbols, np.int64)]) for i, h in zip(owners, each, strict=True)]
    chosen = context.select(torch.tensor(owners, device=model.device))
    weights = attention(model, model.symbols(pad(rows)), chosen)
    there = torch.arange(weights.shape[1], device=weights.device) < torch.tensor(
        [len(row) for row in rows], device=weights.device
    ).unsqueeze(1)
    covered = (weights * there[..., None]).sum(1).clamp(1e-9, 1).log()
    if chosen.mask is not None:
        covered = covered * chosen.mask
    ranked: list[list[Hypothesis]] = [[] for _ in found]
    for i, h, extra in zip(owners, each, covered.sum(1).tolist(), strict=True):
        ranked[i].append(h._replace(score=h.score + options.coverage * extra))
    return [sorted(hypotheses, key=order) for hypotheses in ranked]
