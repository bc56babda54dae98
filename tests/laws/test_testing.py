"""`seriatim.testing`: what is right passes, planted faults are found and named, nothing of the caller's changes."""

from __future__ import annotations

import doctest
import pkgutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import faults
import seriatim.testing
from faults import SYMBOLS, WIDTH, composed, gru
from registry import MODELS
from seriatim.causal import Causal, Conv, Embedding, Pointwise, Recurrent, Serial
from seriatim.context import EMPTY, Context
from seriatim.heads import CategoricalHead, Head, MixtureHead
from seriatim.models import FAMILIES, GRU, Model, RecurrentConfig, SequenceModel
from seriatim.models.registry import Family
from seriatim.testing import equals, head_laws, laws, layer_laws, same, wake
from seriatim.tree import State
from toys import MaskedLinear, NormalHead

ALL = """shape law, strictness law, net: chunk law, net: chunk gradient law, net: sight law, net: row law,
net: fork law, net: gradient law, step law, packed law, carry law, feed law, walk law, sight law, row law, seed law,
probability law, gradient law, coding law, head: shape law, head: table law, head: counts law, head: handwritten law,
head: row law, head: gradient law, head: draw law, sample law, long carry law"""


def test_a_composed_model_obeys_every_law() -> None:
    report = laws(SequenceModel(Embedding(3, 4), Serial(Recurrent("gru", 4, 3)), CategoricalHead(3), start=0))
    assert report.held == ALL.replace("\n", " ").split(", ")
    assert report.skipped == {
        "native law": "SequenceModel has no native steps",
        "condition law": "no condition was given",
        "missing law": "no raw conditions were given by name",
        "config law": "its config is not that of a registered family",
        "head: density law": "no part has a density",
        "head: event law": "one symbol at a position",
    }


@pytest.mark.parametrize("name", ["conditional", "wavenet-field", "gated-pixelcnn-rgb-conditions"])
def test_families_with_conditions_obey_every_law(name: str) -> None:
    case = MODELS[name]
    report = laws(case.make(case.levels[0]), given=case.given(), long=500)
    assert {"condition law", "config law", "coding law"} <= set(report.held)
    assert ("missing law" in report.held) == (name == "conditional")


class Reals(Causal):
    """Numbers as frames."""

    reach = 0

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, WIDTH)

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        return ()

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        return self.linear(x[..., None].to(self.linear.weight.dtype)), state


def test_a_model_of_real_numbers_obeys_what_applies() -> None:
    report = laws(
        SequenceModel(Reals(), Serial(gru(), Pointwise(nn.Linear(WIDTH, 2))), NormalHead(), start=0), long=500
    )
    assert {"strictness law", "carry law", "seed law", "head: density law", "head: draw law"} <= set(report.held)
    assert report.skipped["probability law"] == report.skipped["coding law"] == "a part has a density, or counts"


def test_a_large_alphabet_is_not_enumerated() -> None:
    report = laws(GRU(RecurrentConfig(5000, width=3, layers=1)), length=3, rows=2, long=0)
    assert report.skipped["probability law"] == "more than 4,096 strings"
    assert report.skipped["head: table law"] == "5,000 symbols"
    assert report.skipped["long carry law"] == "long=0"


def headed(make: object) -> Callable[[], Model]:
    return lambda: composed(gru(), head=faults.Of(make, SYMBOLS))


def of_sight(model: MaskedLinear, wrong: Tensor) -> MaskedLinear:
    model.sees = lambda shape: wrong  # type: ignore[method-assign]
    return model


MODEL_FAULTS: dict[str, tuple[Callable[[], Model], str]] = {
    "padded on the wrong side": (lambda: composed(faults.WrongSide()), "strictness law"),
    "a norm over time": (lambda: composed(faults.OverTime()), "strictness law"),
    "its own symbol": (
        lambda: MaskedLinear((5,), CategoricalHead(3), 3, torch.ones(5, 5, dtype=torch.bool).tril()),
        "strictness law",
    ),
    "a state handed back as it came": (lambda: composed(faults.Forgetful()), "net: chunk law"),
    "a state without its history": (lambda: composed(faults.Cut()), "net: chunk gradient law"),
    "a norm over the batch": (lambda: composed(faults.AcrossRows()), "net: row law"),
    "a state in the module": (lambda: composed(faults.Hoarder()), "net: row law"),
    "a read-only state that is written": (lambda: composed(faults.Shared()), "net: fork law"),
    "a blind spot": (lambda: composed(faults.Blind()), "net: sight law"),
    "an embedding with a past": (
        lambda: SequenceModel(Serial(Embedding(3, 4), Conv(4, 4)), Conv(4, 3), CategoricalHead(3), start=0),
        "step law",
    ),
    "more than it declares": (
        lambda: of_sight(MaskedLinear((5,), CategoricalHead(3), 3), torch.ones(5, 5).tril(-2).bool()),
        "sight law",
    ),
    "a parameter that nothing reads": (lambda: composed(faults.Sleeper()), "net: gradient law"),
    "packed differently": (
        lambda: faults.PackedWrong(Embedding(3, 4), Serial(gru(), Pointwise(nn.Linear(4, 3))), CategoricalHead(3), 0),
        "packed law",
    ),
    "improper probabilities": (headed(faults.Improper), "probability law"),
    "a draw by the neighbour's noise": (headed(faults.Crowded), "row law"),
    "a draw by hidden noise": (headed(faults.Hidden), "row law"),
    "a draw at another temperature": (headed(faults.Hot), "head: draw law"),
    "a cdf with a gap": (headed(faults.Gaps), "coding law"),
}


@pytest.mark.parametrize(("make", "law"), MODEL_FAULTS.values(), ids=MODEL_FAULTS)
def test_a_fault_in_a_model_is_found_and_named(make: Callable[[], Model], law: str) -> None:
    with pytest.raises(AssertionError) as raised:
        laws(make(), length=5, long=0)
    assert str(raised.value).startswith(f"{law}: ")
    assert "\n" not in str(raised.value)


def test_a_condition_that_nothing_reads_is_found() -> None:
    with pytest.raises(AssertionError, match=r"^condition law: vector changes nothing"):
        laws(composed(gru()), given=Context(vector=torch.randn(3, 2)), long=0)


LAYER_FAULTS: dict[str, tuple[Callable[[], Causal], str]] = {
    "padded on the wrong side": (faults.WrongSide, "chunk law"),
    "a norm over time": (faults.OverTime, "chunk law"),
    "a state handed back as it came": (faults.Forgetful, "chunk law"),
    "a state without its history": (faults.Cut, "chunk gradient law"),
    "a norm over the batch": (faults.AcrossRows, "row law"),
    "a read-only state that is written": (faults.Shared, "fork law"),
    "a blind spot": (faults.Blind, "sight law"),
    "a parameter that nothing reads": (faults.Sleeper, "gradient law"),
}


@pytest.mark.parametrize(("make", "law"), LAYER_FAULTS.values(), ids=LAYER_FAULTS)
def test_a_fault_in_a_layer_is_found_and_named(make: Callable[[], Causal], law: str) -> None:
    with pytest.raises(AssertionError, match=f"^{law}: "):
        layer_laws(make(), WIDTH, long=0)


HEAD_FAULTS: dict[str, tuple[Head, str]] = {
    "improper probabilities": (faults.Of(faults.Improper, 3), "table law"),
    "a cdf with a gap": (faults.Of(faults.Gaps, 3), "counts law"),
    "a draw at another temperature": (faults.Of(faults.Hot, 3), "draw law"),
    "a draw by the neighbour's noise": (faults.Of(faults.Crowded, 3), "row law"),
    "a score without gradients": (faults.Of(lambda p: faults.Categorical(p.detach()), 3), "gradient law"),
    "a density drawn too wide": (faults.of_two(faults.Wide), "draw law"),
}


@pytest.mark.parametrize(("head", "law"), HEAD_FAULTS.values(), ids=HEAD_FAULTS)
def test_a_fault_in_a_head_is_found_and_named(head: Head, law: str) -> None:
    with pytest.raises(AssertionError, match=f"^{law}: "):
        head_laws(head)


@pytest.mark.parametrize(
    "head", [CategoricalHead(5), MixtureHead(3, 2, mixtures=2), NormalHead()], ids=["softmax", "mixture", "normal"]
)
def test_heads_obey_every_law(head: Head) -> None:
    assert {"shape law", "row law", "gradient law", "draw law"} <= set(head_laws(head).held)


@dataclass(frozen=True)
class Growing:
    """A config that is another one when it is read again."""

    width: int = 3
    horizon: None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", self.width + 1)


def test_a_config_that_does_not_come_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    model = composed(gru())
    model.config = Growing()
    monkeypatch.setitem(FAMILIES, "growing", Family(lambda config: model, Growing, "none", 2024, "text"))
    with pytest.raises(AssertionError, match=r"^config law: width is 4 and comes back from JSON as 5"):
        laws(model, long=0)


def textbook(layer: faults.Gated) -> Callable[[Tensor], Tensor]:
    """Cho et al. (2014), equations 5 to 8, one number after the other."""
    weights = {name: weight.detach().double() for name, weight in layer.named_parameters()}

    def loop(x: Tensor) -> Tensor:
        y = torch.zeros(x.shape)
        for row, frames in enumerate(x):
            h = torch.zeros(WIDTH)
            for t, frame in enumerate(frames):
                inputs = weights["into.weight"] @ frame + weights["into.bias"]
                gates = torch.sigmoid(inputs[: 2 * WIDTH] + weights["gates.weight"] @ h)
                reset, update = gates[:WIDTH], gates[WIDTH:]
                candidate = torch.tanh(inputs[2 * WIDTH :] + weights["candidate.weight"] @ (reset * h))
                h = update * h + (1 - update) * candidate
                y[row, t] = h
        return y

    return loop


def test_a_wrong_candidate_obeys_the_laws_and_only_the_loop_finds_it() -> None:
    right, wrong, x = wake(faults.Gated(True)), wake(faults.Gated(False)), torch.randn(2, 6, WIDTH)
    assert layer_laws(wrong, WIDTH, long=300).held == layer_laws(right, WIDTH, long=300).held
    equals(right, textbook(right), x)
    with pytest.raises(AssertionError, match=r"^equals: -?0\.\d+ where the loop gives -?0\.\d+ at \[\d, \d, \d\]"):
        equals(wrong, textbook(wrong), x)
    with pytest.raises(TypeError, match="expected float64"):
        equals(right, lambda x: right(x.float())[0], x)


@pytest.mark.parametrize("law", ["passes", "fails"])
def test_nothing_of_the_caller_s_changes(law: str) -> None:
    model = composed(gru() if law == "passes" else faults.Forgetful()).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    noise, gradients = torch.random.get_rng_state(), torch.is_grad_enabled()
    with torch.no_grad():
        try:
            laws(model, long=100)
        except AssertionError:
            assert law == "fails"
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled() == gradients
    assert torch.equal(torch.random.get_rng_state(), noise)
    assert torch.get_default_dtype() == torch.float32
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(tensor.dtype == torch.float32 and tensor.grad is None for tensor in model.parameters())


def test_a_law_that_needs_scipy_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(ImportError, match=r"the draw law needs SciPy.*pip install 'seriatim\[testing\]'"):
        head_laws(CategoricalHead(3), skip=["row law"])
    report = head_laws(CategoricalHead(3), skip=["draw law"])
    assert report.skipped["draw law"] == "left out by the caller"


EQUAL = torch.tensor([[1.0, -torch.inf], [0.0, 2.0]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (EQUAL + 1e-12, None),
        (EQUAL + torch.tensor([[0.0, 0.0], [0.0, 1e-9]]), r"^the law: 2, expected 2 at row 1, \[1\] \(here\)$"),
        (EQUAL * torch.tensor([[torch.nan, 1.0], [1.0, 1.0]]), r"nan, expected 1 at row 0, \[0\]"),
        (EQUAL.nan_to_num(0.0, 0.0, 0.0), r"0, expected -inf at row 0, \[1\]"),
        (EQUAL[:1], r"shape \(1, 2\), expected \(2, 2\)"),
        (EQUAL.float(), r"torch.float32, expected torch.float64"),
    ],
    ids=["rounding", "a difference", "nan", "an infinity", "a shape", "a dtype"],
)
def test_same_names_the_largest_difference(found: Tensor, message: str | None) -> None:
    if message is None:
        same(found, EQUAL)
        return
    with pytest.raises(AssertionError, match=message):
        same(found, EQUAL, law="the law", axes=["row"], when=" (here)")


def test_one_row_or_one_position_is_refused() -> None:
    for sizes in ({"rows": 1}, {"length": 1}):
        with pytest.raises(ValueError, match=r"expected two of each, or more"):
            laws(composed(gru()), **sizes)


def test_a_law_that_there_is_not_cannot_be_left_out() -> None:
    with pytest.raises(ValueError, match=r"skip='murphy' is not a law here; choose from chunk law"):
        layer_laws(Conv(3, 3), 3, long=0, skip=["murphy"])


MODULES = [f"seriatim.testing.{each.name}" for each in pkgutil.iter_modules(seriatim.testing.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run_and_no_module_needs_pytest_or_scipy(name: str) -> None:
    module = import_module(name)
    assert doctest.testmod(module).failed == 0
    assert module.__file__ is not None
    lines = Path(module.__file__).read_text().splitlines()
    assert not [
        line for line in lines if line.split()[:1] in (["import"], ["from"]) and ("pytest" in line or "scipy" in line)
    ]
