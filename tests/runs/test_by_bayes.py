"""Bayes' rule, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from seriatim.runs.bayes import by_bayes


def test_bayes_by_hand() -> None:
    likelihoods = np.log([[0.2, 0.1], [0.03, 0.01]])
    assert by_bayes(likelihoods) == pytest.approx(np.array([[2 / 3, 1 / 3], [3 / 4, 1 / 4]]))
    prior = np.log([0.25, 0.75])  # 0.05 to 0.075, and 0.0075 to 0.0075
    assert by_bayes(likelihoods, prior) == pytest.approx(np.array([[0.4, 0.6], [0.5, 0.5]]))


def test_likelihoods_that_underflow() -> None:
    assert by_bayes(np.array([[-5000.0, -5000.0 + np.log(3)]])) == pytest.approx(np.array([[0.25, 0.75]]))
