"""Every family, and what is composed of families, obeys the laws of `Model`."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from registry import MODELS, ROWS, ModelCase
from seriatim.conditioning import TextConfig, TextEncoder
from seriatim.context import EMPTY, Context
from seriatim.errors import UserError
from seriatim.heads import CategoricalHead, Event
from seriatim.models import LSTM, Conditional, RecurrentConfig
from seriatim.models.base import ContextLike
from seriatim.models.grid import FieldModel
from seriatim.testing import gradient_law, models, samples, sight, wake
from seriatim.walks.backend import Runner
from toys import MaskedLinear

pytestmark = pytest.mark.usefixtures("float64")
EACH = pytest.mark.parametrize("case", MODELS.values(), ids=MODELS)
SEQUENCES = {name: case for name, case in MODELS.items() if len(case.shape) == 1 and case.at is None}
CARRYING = {name: case for name, case in MODELS.items() if name in SEQUENCES and not name.startswith("toy")}
CARRIES = pytest.mark.parametrize("case", CARRYING.values(), ids=CARRYING)
TEXT = {name: case for name, case in SEQUENCES.items() if len(case.levels) == 1 and case.levels[0] > 0}
COUNTABLE = {name: case for name, case in MODELS.items() if min(case.levels) > 0}
COUNTED = pytest.mark.parametrize("case", COUNTABLE.values(), ids=COUNTABLE)
CONDITIONED = {name: case for name, case in MODELS.items() if case.given() != type(case.given())()}
MAPPED = {
    name: case
    for name, case in CONDITIONED.items()
    if isinstance(given := case.given(), Context) and given.field is not None and given.field.ndim == 4
    if not name.startswith(("toy", "multiscale"))
}
NATIVE = {
    name: case
    for name, case in MODELS.items()
    if name.startswith(("wavenet", "transformer", "bytenet", "pixelcnn", "gated-pixelcnn", "multiplicative"))
    or (name.startswith(("rnn", "lstm", "gru")) and "memory" not in name)
    if "++" not in name
}
CONTEXTUAL = pytest.mark.parametrize("case", CONDITIONED.values(), ids=CONDITIONED)


@EACH
@pytest.mark.parametrize("known", [True, False], ids=["length", "no-length"])
@pytest.mark.parametrize("packed", [False, True], ids=["model", "packed"])
def test_step_law(case: ModelCase, packed: bool, known: bool) -> None:
    model = case.model()
    if model.ends and not known:
        pytest.skip("it sees where it ends, and without its length it does not: models/test_sound_scales.py")
    length = case.x()[0].numel() // len(case.levels) if known else None if model.carries else 0
    models.step_law(model.packed() if packed else model, model, case.x(), case.shape, case.given(), length)


@CARRIES
@pytest.mark.parametrize("cuts", [[], [3], [1, 2, 3, 4, 5, 6], [0, 2, 2, 7]], ids=["none", "one", "all", "empty"])
def test_carry_law(case: ModelCase, cuts: list[int]) -> None:
    models.carry_law(case.model(), case.x(), case.given(), cuts)


@pytest.mark.parametrize("case", SEQUENCES.values(), ids=SEQUENCES)
@pytest.mark.parametrize("fed", [0, 1, 2])
def test_feed_law(case: ModelCase, fed: int) -> None:
    model = case.model()
    models.feed_law(model.packed(), model, case.x(), case.given(), fed)


@pytest.mark.parametrize("case", NATIVE.values(), ids=NATIVE)
def test_native_law(case: ModelCase) -> None:
    pytest.importorskip("numba")
    model = case.model()
    stepper = model.prepare("native")
    assert isinstance(stepper, Runner)
    models.native_law(stepper, model, case.x(), case.shape, case.given())


@pytest.mark.parametrize("name", ["row-lstm", "lstm-memory-vector"])
def test_a_model_without_native_steps_says_so(name: str) -> None:
    pytest.importorskip("numba")
    model = MODELS[name].model()
    with pytest.raises(UserError, match=r"has no native steps; take the backend eager, or auto"):
        model.prepare("native")
    assert model.prepare("auto", positions=1 << 30).backend == "eager"


@EACH
def test_strictness_and_sight(case: ModelCase) -> None:
    seen = sight.influence(case.model(), case.x(), case.shape, case.levels, case.given())
    sight.strictness_law(seen)
    sight.sight_law(case.model(), seen, case.shape)


@pytest.mark.parametrize("case", MAPPED.values(), ids=MAPPED)
def test_sight_of_the_field(case: ModelCase) -> None:
    model, given = case.model(), case.given()
    assert isinstance(model, FieldModel)
    assert isinstance(given, Context)
    sight.field_sight_law(model, case.x(), given)


@COUNTED
def test_total_probability(case: ModelCase) -> None:
    samples.probability_law(case.model(small=True), case.few, case.levels, case.given_small())


@pytest.mark.parametrize("case", TEXT.values(), ids=TEXT)
@pytest.mark.parametrize("end", [0, 2])
def test_total_probability_of_what_ends(case: ModelCase, end: int) -> None:
    samples.probability_law(case.model(), case.few, case.levels, case.given(), end)


@COUNTED
def test_samples_come_as_often_as_their_likelihood_says(case: ModelCase) -> None:
    shape = (2,) if case.few == (4,) and case.at is None else case.few
    samples.sample_law(case.model(small=True), shape, case.levels, case.given_small(), 4000)


@EACH
def test_rows_are_independent(case: ModelCase) -> None:
    length = case.x()[0].numel() // len(case.levels)
    samples.row_law(case.model(), case.x(), case.given(), length)


@EACH
@pytest.mark.parametrize("packed", [False, True], ids=["model", "packed"])
def test_walks_select_and_fork(case: ModelCase, packed: bool) -> None:
    model = case.model()
    models.walk_law(model.packed() if packed else model, model, case.x(), case.shape, case.given())


@EACH
def test_same_seed_same_sample(case: ModelCase) -> None:
    samples.seed_law(case.model(), case.given(), case.shape, ROWS)


@EACH
def test_gradient_reaches_every_parameter(case: ModelCase) -> None:
    model, x = case.model(), case.x()
    gradient_law(lambda: model.log_prob(x, case.given()).sum(), model.named_parameters())


@CONTEXTUAL
def test_every_condition_matters(case: ModelCase) -> None:
    models.condition_law(case.model(), case.x(), case.given())


@COUNTED
def test_counts_law(case: ModelCase) -> None:
    if len(case.levels) == 1:
        models.model_counts_law(case.model(), case.x(), case.given(), 20)
    else:
        assert isinstance(case.model().head(case.model()(case.x(), case.given())), Event)


@EACH
def test_what_is_masked_does_not_count(case: ModelCase) -> None:
    model, x = case.model(), case.x()
    terms = model.log_probs(x, case.given())
    assert terms.shape == (ROWS, *case.shape)
    mask = torch.rand(terms.shape, generator=torch.Generator().manual_seed(0)) < 0.5
    expected = (terms * mask).flatten(1).sum(1)
    torch.testing.assert_close(model.log_prob(x, case.given(), mask), expected)
    torch.testing.assert_close(model.log_prob(x, case.given()), terms.flatten(1).sum(1))


def test_a_condition_left_out_counts_as_not_said() -> None:
    case = MODELS["conditional"]
    given = case.given()
    assert isinstance(given, dict)
    model = case.model()
    assert isinstance(model, Conditional)
    models.missing_law(model, case.x(), given)


@CARRIES
def test_dropout_is_for_training_and_sampling_leaves_the_mode_alone(case: ModelCase) -> None:
    model = case.model().train()
    model.sample(ROWS, case.given(), length=2)
    assert model.training
    with pytest.raises(ValueError, match="prompt"):
        model.sample(ROWS, case.given(), length=2, prompt=torch.zeros(ROWS, 3, dtype=torch.long))
    assert model.training
    inner = model.model if isinstance(model, Conditional) else model
    x, given = case.x(), case.given()
    noisy = not torch.equal(model(x, given), model(x, given))
    assert noisy == (getattr(inner.config, "dropout", 0) > 0)


class _Dropping(MaskedLinear):
    """A model that is not packed for sampling, with dropout."""

    def forward(self, x: Tensor, context: ContextLike = EMPTY, carry: Any = None) -> Any:
        return F.dropout(super().forward(x, context, carry), 0.9, self.training)


def test_a_model_in_training_mode_draws_as_one_in_evaluation_mode() -> None:
    source = {"source": torch.randint(5, (4, 6))}
    encoder = TextEncoder(5, TextConfig("transformer", 8, heads=2, dropout=0.9))
    translator = Conditional(LSTM(RecurrentConfig(5, width=8, memory=8, heads=2)), {"source": encoder})
    for model, given in ((wake(_Dropping((5,), CategoricalHead(5), 5)), {}), (wake(translator), source)):
        drawn = {mode: model.train(mode).sample(4, given, length=5, seed=3) for mode in (True, False)}
        assert torch.equal(drawn[True], drawn[False])
        x = drawn[False]
        assert not torch.equal(model.train()(x, given), model(x, given)), "the dropout cannot be seen"
