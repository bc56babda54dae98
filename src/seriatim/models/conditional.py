"""A model and the encoders of its conditions, in one module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast, final

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.context import EMPTY, Context, joined
from seriatim.errors import UserError, nearest
from seriatim.models.base import ContextLike, Model
from seriatim.tree import State
from seriatim.walks.walk import Carry, Stepper


def _key(name: str) -> str:
    """A condition's name as a module name: "type" or "meta.genre" would not be valid."""
    return "given_" + name.replace("%", "%25").replace(".", "%2E")


@final
class Conditional(Model):
    """p(x | given): a model and the encoders that turn named raw conditions into its `Context`.

    Args:
        model: the family.
        encoders: {name: module(value) -> Context}; vectors and fields of several are concatenated in this order. An
            encoder's `missing(batch)` returns the value that stands for a missing condition.
        prior: a model of the symbols of a condition that is x itself (an auto-encoder's code), for drawing it.

    Example:
        >>> from seriatim.conditioning import LabelEncoder
        >>> from seriatim.models import LSTM, RecurrentConfig
        >>> inner = LSTM(RecurrentConfig(symbols=5, width=8, vector=4))
        >>> model = Conditional(inner, {"genre": LabelEncoder(size=3, width=4)})
        >>> x = torch.tensor([[1, 2, 3], [1, 2, 3]])
        >>> model.log_prob(x, {"genre": torch.tensor([0, 2])}).shape
        torch.Size([2])
        >>> torch.equal(model.log_prob(x), model.log_prob(x, {"genre": torch.tensor([-1, -1])}))
        True
        >>> model.sample(n=2, length=4, context={"genre": torch.tensor([0, 2])}).shape
        torch.Size([2, 4])
    """

    def __init__(self, model: Model, encoders: Mapping[str, nn.Module], prior: Model | None = None) -> None:
        super().__init__()
        self.model, self.names, self.prior = model, tuple(encoders), prior
        self.encoders = nn.ModuleDict({_key(name): encoder for name, encoder in encoders.items()})
        self.head, self.config, self.carries, self.ends = model.head, model.config, model.carries, model.ends

    def condition(self, given: ContextLike, n: int) -> Context:
        """Encode {name: value (n, …)}; a name that is left out counts as missing.

        Raises:
            UserError: for a name that has no encoder.
        """
        if isinstance(given, Context):
            if not given.empty:
                return given
            given = {}
        for name in given:
            if name not in self.names:
                raise UserError(f"{name!r} is not a condition of this model; {nearest(name, self.names)}")
        result = EMPTY
        for name, encoder in zip(self.names, self.encoders.values(), strict=True):
            value: Any = given[name] if name in given else cast(Any, encoder).missing(n)
            if isinstance(value, str | int | float):
                raise UserError(f"{name!r} is {value!r:.40}; a bare model takes tensors, as its codec encodes values")
            part: Context = encoder(value)
            if part.vector is not None and result.vector is not None:
                part = replace(part, vector=torch.cat([result.vector, part.vector], 1))
            if part.field is not None:
                both = part if result.field is None else joined([result, part])
                part = replace(part, field=both.field)
                result = replace(result, hop=both.hop, offset=both.offset)
            result = replace(result, **{k: v for k, v in vars(part).items() if isinstance(v, Tensor)})
        return result

    @property
    def bare(self) -> Model:
        """The inner model, without encoders."""
        return self.model.bare

    @property
    def past(self) -> int | None:
        """The inner model's."""
        return self.model.past

    def drops(self) -> dict[str, float]:
        """What each encoder specifies, or a tenth (Ho and Salimans, 2021)."""
        encoders = zip(self.names, self.encoders.values(), strict=True)
        return {name: float(getattr(encoder, "drop", 0.1)) for name, encoder in encoders}

    def null(self, n: int) -> Context:
        """Every condition missing."""
        return self.condition({}, n)

    def forward(self, x: Tensor, context: ContextLike = EMPTY, carry: Carry | None = None) -> Any:
        """As the inner model's, with named conditions."""
        encoded = self.condition(context, x.shape[0])
        return self.model(x, encoded) if carry is None else self.model(x, encoded, carry)

    def start(self, batch: int, context: ContextLike = EMPTY, length: int | None = None) -> State:
        """As the inner model's."""
        return self.model.start(batch, self.condition(context, batch), length)

    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """As the inner model's."""
        return self.model.step(prev, state)

    def packed(self) -> Stepper:
        """As the inner model's; it takes a `Context`."""
        return self.model.packed()

    def native(self) -> Stepper:
        """As the inner model's; it takes a `Context`."""
        return self.model.native()

    def calibrate(self, x: Tensor, context: ContextLike = EMPTY) -> None:
        """As the inner model's."""
        self.model.calibrate(x, self.condition(context, x.shape[0]))

    def penalty(self) -> Tensor | float:
        """As the inner model's."""
        return self.model.penalty()

    def begin_from(self, constant: Tensor, surprise: Callable[[], float]) -> None:
        """As the inner model's: the marginal over all conditions."""
        self.model.begin_from(constant, surprise)

    def outputs(self) -> list[nn.Module]:
        """The inner model's."""
        return self.model.outputs()

    def sees(self, shape: Sequence[int]) -> Bool[Tensor, "N N"]:
        """As the inner model's."""
        return self.model.sees(shape)
