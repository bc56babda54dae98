"""Models: p(x | c) = ∏ p(x_t | x_<t, c), in parallel and step by step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final, overload

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from seriatim.context import EMPTY, Context
from seriatim.errors import UserError
from seriatim.heads import Head
from seriatim.tree import State
from seriatim.walks.draws import Draws
from seriatim.walks.noise import row_seeds
from seriatim.walks.steer import Steer
from seriatim.walks.walk import Carry, Guided, Stepper, Walk, drawing

ContextLike = Mapping[str, Tensor] | Context


class Model(nn.Module, ABC):
    """p(x | c), positions visited in one order.

    x is (B, *S), or (B, *S, P) if the head draws P symbols at a position; parameters are (B, *S, head.width).

    Step law: the parameters that `step` yields, one position after the other, equal those of `forward`.

    Example:
        >>> from seriatim.models import GRU, RecurrentConfig
        >>> model = GRU(RecurrentConfig(symbols=5, width=8))
        >>> x = model.sample(n=3, length=6, seed=1)
        >>> model.log_prob(x).shape, model.log_probs(x).shape
        (torch.Size([3]), torch.Size([3, 6]))
        >>> torch.equal(x, model.sample(n=3, length=6, seed=1))
        True
        >>> model.sees((3,)).int().tolist()
        [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    """

    head: Head
    carries: bool = False  # whether `forward` takes a carry; grids do not
    config: Any

    @overload
    def forward(self, x: Tensor, context: ContextLike = ...) -> Tensor: ...
    @overload
    def forward(self, x: Tensor, context: ContextLike, carry: Carry) -> tuple[Tensor, Carry]: ...
    @abstractmethod
    def forward(self, x: Tensor, context: ContextLike = EMPTY, carry: Carry | None = None) -> Any:
        """Without a carry: the parameters of all positions. With one: x continues it -> (parameters, carry)."""

    @abstractmethod
    def start(self, batch: int, context: ContextLike = EMPTY, length: int | None = None) -> State:
        """The state before the first position; `length`: how many will come, if known."""

    @abstractmethod
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) or (B, P), ignored at clock 0 -> the next position's parameters (B, width). No gradients."""

    def packed(self) -> Stepper:
        """Weights folded and fused for sampling; they are copied, so train on and pack anew. Default: the model."""
        return self

    @final
    def initialise(self, x: Tensor, context: ContextLike = EMPTY, counts: Tensor | None = None) -> None:
        """Where training begins, from data: once, before wrapping, never on resume.

        What depends on a batch is calibrated first, and the head's prior comes last, so that it stands as it is set.

        Args:
            x: the first batch.
            context: its conditions.
            counts: (P, K) how often each of K symbols occurs in the training split, for each of P channels of x.
        """
        self.calibrate(x, context)
        if counts is not None:
            self.begin_from(counts)

    def calibrate(self, x: Tensor, context: ContextLike = EMPTY) -> None:
        """Data-dependent scales, from the first batch. Default: nothing."""

    def begin_from(self, counts: Tensor) -> None:
        """What an untrained model says, from the counts of symbols. Default: nothing."""

    @abstractmethod
    def sees(self, shape: Sequence[int]) -> Bool[Tensor, "N N"]:
        """[t, s]: whether position t's parameters depend on position s, positions in the order of visiting."""

    @final
    def read(self, x: Tensor, context: ContextLike, carry: Carry) -> tuple[Tensor, Carry]:
        """Continue a sequence by x (B, T): parameters and where it then stands."""
        return self(x, context, carry)

    @final
    def log_probs(self, x: Tensor, context: ContextLike = EMPTY) -> Tensor:
        """(B, *S): log p(x_t | x_<t, c) in nats."""
        return self.head(self(x, context)).log_prob(x)

    @final
    def log_prob(self, x: Tensor, context: ContextLike = EMPTY, mask: Tensor | None = None) -> Float[Tensor, "B"]:
        """(B,): log p(x | c) in nats. `mask` (B, *S): which positions count (padding and unobserved values do not)."""
        terms = self.log_probs(x, context)
        if mask is not None:
            terms = torch.where(mask, terms, torch.zeros_like(terms))
        return terms.flatten(1).sum(1)

    @final
    @drawing
    def sample(
        self,
        n: int = 1,
        context: ContextLike = EMPTY,
        *,
        length: int,
        seed: int | Sequence[int] = 0,
        steer: Steer | None = None,
        prompt: Tensor | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Tensor:
        """Draw n sequences of `length` positions, at about the cost of one pass.

        Args:
            n: rows.
            context: the condition, n rows of it.
            length: positions in all, those of the prompt included.
            seed: of the rows; one integer, or one for each row. The same seed gives the same row in any batch.
            steer: temperature and filters; None draws from the model itself.
            prompt: (n, T[, P]) positions that are given.
            progress: called with how many symbols there are, after each position.

        Returns:
            (n, length) or (n, length, P), the prompt included.

        Raises:
            ValueError: if the prompt is longer than `length`.
        """
        training = self.training
        self.eval()
        try:
            walk = self.walk(n, self.condition(context, n), length, 1.0 if steer is None else steer.guidance)
            done = 0 if prompt is None else prompt.shape[1]
            if done > length:
                raise ValueError(f"a prompt of {done} positions for a length of {length}")
            if prompt is not None and done:
                walk.feed(prompt)
            seeds = row_seeds(seed, n, self.device)
            draws, drawn = Draws(walk, self.head, seeds, steer, prompt), list[Tensor]()
            for _ in range(done, length):
                drawn.append(draws.position())
                if progress is not None:
                    progress(draws.symbols)
        finally:
            self.train(training)
        head = [] if prompt is None else [prompt]
        if drawn:
            head.append(torch.stack(drawn, 1))
        return torch.cat(head, 1) if head else torch.zeros(n, 0, dtype=torch.long, device=self.device)

    @final
    def walk(
        self,
        n: int,
        context: Context,
        length: int | None = None,
        guidance: float = 1.0,
        stepper: Stepper | None = None,
    ) -> Walk:
        """A walk of n rows.

        Args:
            n: rows.
            context: what they are conditioned on.
            length: positions, if known.
            guidance: how much the conditions weigh; 1 as the model has it.
            stepper: what `packed` gave, if it has been asked already.

        Raises:
            UserError: if there is no condition to be guided by.
        """
        packed = self.packed() if stepper is None else stepper
        if guidance == 1:
            return Walk(packed, n, context, length)
        return Guided(packed, n, context, self.unsaid(n), guidance, length)

    def unsaid(self, n: int) -> Context:  # noqa: ARG002
        """A context of n rows in which no condition is said.

        Raises:
            UserError: if the model has none.
        """
        raise UserError("guidance weighs a condition against none said, and this model has no conditions; leave it out")

    def drops(self) -> dict[str, float]:
        """{condition: how often it is best hidden in training, so that the model knows what to do without it}."""
        return {}

    def condition(self, given: ContextLike, n: int) -> Context:  # noqa: ARG002
        """Named raw conditions as a `Context` of n rows. This model has no encoders, so it takes none by name."""
        if isinstance(given, Context):
            return given
        if given:
            raise UserError(f"{next(iter(given))!r} is not a condition of this model; it was trained without any")
        return EMPTY

    @property
    def device(self) -> torch.device:
        """Where the parameters live."""
        return next(self.parameters()).device
