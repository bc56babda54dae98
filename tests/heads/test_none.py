"""A symbol that says that there is none, next to those that a head draws."""

from __future__ import annotations

import math

import torch

from seriatim.heads import CategoricalHead, Head, MixtureHead
from seriatim.models import GRU, RecurrentConfig
from seriatim.training.loss import Loss


def test_none_counts_nothing_and_passes_no_gradient() -> None:
    head = CategoricalHead(4)
    head.none = 4
    parameters = torch.zeros(3, 4, requires_grad=True)
    terms = head.log_prob(parameters, torch.tensor([1, 4, 3]))
    torch.testing.assert_close(terms, torch.tensor([-math.log(4), 0.0, -math.log(4)]))
    terms.sum().backward()
    assert parameters.grad is not None
    assert parameters.grad.abs().sum(1).tolist() == [1.5, 0.0, 1.5]  # of a softmax: 1 − p and three times p


def test_none_of_an_event_is_all_of_it() -> None:
    head: Head = MixtureHead(16, 2, 2, "logistic", 1.0)
    head.none = 16
    parameters, x = torch.randn(2, head.width), torch.tensor([[3, 5], [16, 16]])
    terms = head.log_prob(parameters, x)
    torch.testing.assert_close(terms[:1], head(parameters[:1]).log_prob(x[:1]))
    assert terms[1] == 0
    assert CategoricalHead(4).none is None, "of one head, not of all"


def test_smoothed_labels_leave_it_out() -> None:
    model = GRU(RecurrentConfig(5, width=4))
    model.head.none = 4
    x, mask = torch.tensor([[1, 2, 4]]), torch.tensor([[True, True, False]])
    loss, nats, _ = Loss(model, 0.1)(x, mask, {}, None)
    table = model.head(model(x)).log_table()[0, :2]
    own = -(table[0, 1] + table[1, 2]) / 2
    torch.testing.assert_close(nats, own.detach())
    torch.testing.assert_close(loss, 0.9 * own - 0.1 * table.mean(-1).mean())
