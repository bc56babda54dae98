"""Classification by Bayes' rule, with any model that is conditioned on labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError, nearest

Progress = Callable[[int], None]


def posterior(
    log_prob: Callable[[str, Progress | None], NDArray[np.float64]],
    labels: Sequence[str],
    count: int,
    prior: Mapping[str, float] | None = None,
    name: str = "label",
    progress: Progress | None = None,
) -> NDArray[np.float64]:
    """p(y | x) of every label, log p(x | y) + log p(y), normalised.

    Args:
        log_prob: (label, progress) -> log p(x | label) of each item.
        labels: all of them.
        count: number of items.
        prior: p(y) of each label, up to a factor; 0 for labels left out. Default: uniform.
        name: of the condition, for messages.
        progress: called with the number of items done, over all labels.

    Returns:
        (N, labels).

    Raises:
        UserError: if the prior is invalid.

    Example:
        >>> posterior(lambda label, told: np.log([0.2 if label == "a" else 0.6]), ["a", "b"], 1).round(2).tolist()
        [[0.25, 0.75]]
    """
    unknown = [label for label in prior or {} if label not in labels]
    if unknown:
        raise UserError(f"{unknown[0]!r} is not a {name} of this model; {nearest(unknown[0], labels)}")
    weights = np.array([1.0 if prior is None else prior.get(label, 0.0) for label in labels])
    if not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
        raise UserError(f"the prior is {dict(prior or {})}; expected numbers from 0, not all 0")
    some = [i for i, weight in enumerate(weights) if weight > 0]
    scores = np.full((count, len(labels)), -np.inf)
    for turn, i in enumerate(some):

        def told(done: int, before: int = turn * count) -> None:
            if progress is not None:
                progress((before + done) // len(some))

        scores[:, i] = log_prob(labels[i], None if progress is None else told) + np.log(weights[i])
    return by_bayes(scores)


def by_bayes(log_likelihoods: NDArray[np.float64], log_prior: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """p(y | x) from log p(x | y), an item a row and a label a column; None: all labels are equally likely."""
    scores = log_likelihoods if log_prior is None else log_likelihoods + log_prior
    p = np.exp(scores - scores.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)
