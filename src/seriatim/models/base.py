"""Models p(x | c) = ∏ p(x_t | x_<t, c), evaluated in parallel and step by step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast, final, overload

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from seriatim.context import EMPTY, Context
from seriatim.errors import UserError
from seriatim.heads import Head
from seriatim.tree import State
from seriatim.walks.backend import Backend, Uncovered, pays, usable
from seriatim.walks.draws import Draws
from seriatim.walks.noise import Seed, row_seeds
from seriatim.walks.steer import Steer
from seriatim.walks.walk import Carry, Guided, Stepper, Walk, drawing

_TOLERANCE = 0.02  # nats per symbol that an untrained model may be worse than the marginal
_LEAST = 1 / 64  # of an output layer's weights; below that, none

ContextLike = Mapping[str, Tensor] | Context
"""Conditions: raw ones by name, for a model with encoders, or an encoded `Context`."""


class Model(nn.Module, Stepper, ABC):
    """p(x | c), positions visited in one order.

    x is (B, *S), or (B, *S, P) if the head draws P symbols per position; parameters are (B, *S, head.width).

    Step law: the parameters that `step` returns, position by position, equal those of `forward`.

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
    backend: str = "eager"
    kernels: str = ""  # the module of `seriatim.kernels.native` that has its kernels, if any
    carries: bool = False  # whether `forward` takes a carry; grids do not
    ends: bool = False  # whether the end of a sequence is seen before it; `start` and `forward` agree given the length
    config: Any = None  # the sizes of a family; None: a model that its caller has composed

    @overload
    def forward(self, x: Tensor, context: ContextLike = ...) -> Tensor: ...
    @overload
    def forward(self, x: Tensor, context: ContextLike, carry: Carry) -> tuple[Tensor, Carry]: ...
    @abstractmethod
    def forward(self, x: Tensor, context: ContextLike = EMPTY, carry: Carry | None = None) -> Any:
        """Without a carry: the parameters of all positions. With a carry: x continues it -> (parameters, carry)."""

    @abstractmethod
    def start(self, batch: int, context: ContextLike = EMPTY, length: int | None = None) -> State:
        """The state before the first position; `length`: number of positions, if known."""

    @abstractmethod
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) or (B, P), ignored at clock 0 -> parameters of the next position (B, width). No gradients."""

    @property
    def bare(self) -> Model:
        """The family's model: this one without encoders of its conditions."""
        return self

    def packed(self) -> Stepper:
        """Weights folded and fused for sampling: copies, so pack again after training on. Default: the model itself."""
        return self

    def native(self) -> Stepper:
        """Steps compiled by numba. Default: none.

        Raises:
            Uncovered: saying why there are none.
        """
        raise Uncovered(f"{type(self).__name__} has no native steps")

    @final
    def prepare(self, backend: Backend = "auto", positions: int = 0, rows: int = 1, together: bool = True) -> Stepper:
        """Steps for sampling: `packed`, or `native` where that is asked for or pays.

        Args:
            backend: "eager", "native", or "auto": native if numba is installed, the model is covered and on the CPU,
                and there is enough to draw to make up for loading or compiling the kernels.
            positions: how many will be drawn, all rows together.
            rows: that are drawn together. With many, PyTorch's matrix products are faster.
            together: whether many symbols may be drawn in one call, as without filters and penalties.

        Raises:
            UserError: if native is asked for, and not possible; for an unknown backend.

        Example:
            >>> from seriatim.models import GRU, RecurrentConfig
            >>> GRU(RecurrentConfig(symbols=5, width=8)).prepare("auto", positions=10).backend
            'eager'
        """
        if backend not in ("auto", "eager", "native"):
            raise UserError(f"backend is {backend!r}; expected auto, eager or native")
        if backend == "eager" or (backend == "auto" and not pays(self.bare.kernels, positions, rows, together)):
            return self.packed()
        try:
            return usable(self.native, next(self.parameters()))
        except Uncovered as lack:
            if backend == "auto":
                return self.packed()
            raise UserError(f"{lack}; take the backend eager, or auto") from None

    @final
    @torch.no_grad()
    def initialise(
        self, x: Tensor, context: ContextLike = EMPTY, counts: Tensor | None = None, mask: Tensor | None = None
    ) -> None:
        """Data-dependent initialisation: once, before wrapping, never on resume.

        Calibration comes first, then the head's prior, so that it stays as set.

        Args:
            x: the first batch.
            context: its conditions.
            counts: (P, K) how often each of K symbols occurs in the training split, for each of P channels of x.
                Then the untrained model predicts the marginal: log p(x_t) of these frequencies, whatever came before.
            mask: (B, *S): False for positions that are padding.
        """
        self.calibrate(x, context)
        if counts is None:
            return
        shape = x.shape[: x.dim() - (self.head.parts > 1)]
        mask = torch.ones(shape, dtype=torch.bool, device=x.device) if mask is None else mask.to(x.device)
        events, counts = x[mask].reshape(-1, self.head.parts), counts.to(x.device)
        # sub-pixels of several channels may each be a position of its own
        found = [self.head.marginal(group, events) for group in counts.split(self.head.parts)]
        known = [each for each in found if each is not None]
        if not known or not len(events):
            return
        modes = {module: module.training for module in self.modules()}
        self.eval()  # dropout would disturb what is measured
        try:
            self.begin_from(torch.cat(known), lambda: -float(self.log_probs(x, context)[mask].mean()) / self.head.parts)
        finally:
            for module, training in modes.items():
                module.training = training

    @final
    def recomputable_modules(self) -> list[nn.Module]:
        """Those with `recomputable = True`: gradient checkpointing computes their activations again."""
        return [module for module in self.modules() if getattr(module, "recomputable", False)]

    def calibrate(self, x: Tensor, context: ContextLike = EMPTY) -> None:
        """Set data-dependent scales from the first batch. Default: nothing."""

    @final
    def keep_bounds(self) -> None:
        """Bring parameters that are bounded back to where they may be; training calls it after every step.

        Modules with `bounded = True` have such parameters, and a method of this name.
        """
        for module in self.modules():
            if getattr(module, "bounded", False) is True:
                cast(Any, module).keep_bounds()

    def penalty(self) -> Tensor | float:
        """Nats that a fit by maximum likelihood adds for parameters that the model holds unlikely. Default: 0."""
        return 0.0

    def begin_from(self, constant: Tensor, surprise: Callable[[], float]) -> None:
        """Let the untrained model predict nearly the same at every position.

        Default: it becomes the bias of `outputs`, whose weights are then made `quiet`.

        Args:
            constant: the head's parameters for it, channel after channel.
            surprise: () -> nats per symbol of the first batch, as the model is now.
        """
        layers = [layer for layer in self.outputs() if getattr(layer, "bias", None) is not None]
        for layer in layers:
            cast(Tensor, layer.bias).copy_(constant)
        tables = {id(p) for m in self.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
        weights = [cast(Tensor, getattr(layer, "length", layer.weight)) for layer in layers]  # length: of weight norm
        quiet([weight for weight in weights if id(weight) not in tables], surprise)

    def outputs(self) -> list[nn.Module]:
        """The last affine maps, which make the head's parameters. Default: none that we know of."""
        return []

    @abstractmethod
    def sees(self, shape: Sequence[int]) -> Bool[Tensor, "N N"]:
        """[t, s]: whether position t's parameters depend on position s; positions in visiting order."""

    @final
    def read(self, x: Tensor, context: ContextLike, carry: Carry) -> tuple[Tensor, Carry]:
        """Continue a sequence with x (B, T): its parameters, and the carry after it."""
        return self(x, context, carry)

    @final
    def log_probs(self, x: Tensor, context: ContextLike = EMPTY) -> Tensor:
        """(B, *S): log p(x_t | x_<t, c) in nats, and 0 where a real number is missing (NaN)."""
        return self.head.log_prob(self(x, context), x)

    @final
    def log_prob(self, x: Tensor, context: ContextLike = EMPTY, mask: Tensor | None = None) -> Float[Tensor, "B"]:
        """(B,): log p(x | c) in nats. `mask` (B, *S): False for positions that do not count, such as padding."""
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
        seed: Seed = 0,
        steer: Steer | None = None,
        prompt: Tensor | None = None,
        progress: Callable[[int], None] | None = None,
        backend: Backend = "eager",
    ) -> Tensor:
        """Draw n sequences of `length` positions, at about the cost of one pass.

        Args:
            n: rows.
            context: conditions, n rows.
            length: total number of positions, the prompt included.
            seed: one integer, or one per row. The same seed gives the same row in any batch.
            steer: temperature and filters. Default: none, the model's own distribution.
            prompt: (n, T[, P]) given positions.
            progress: called with the number of symbols so far, after each position, or block of them.
            backend: what carries out the steps; see `prepare`.

        Returns:
            (n, length) or (n, length, P), the prompt included.

        Raises:
            ValueError: if the prompt is longer than `length`.
        """
        training = self.training
        self.eval()
        try:
            guidance = 1.0 if steer is None else steer.guidance
            together = steer is None or steer.plain
            walk = self.walk(n, self.condition(context, n), length, guidance, backend=backend, together=together)
            done = 0 if prompt is None else prompt.shape[1]
            if done > length:
                raise ValueError(f"the prompt has {done} positions; length is only {length}")
            if prompt is not None and done:
                walk.feed(prompt)
            seeds = row_seeds(seed, n, self.device)
            draws, drawn = Draws(walk, self.head, seeds, steer, prompt), list[Tensor]()
            while done < length:
                drawn.append(draws.run(min(draws.together, length - done)))
                done += drawn[-1].shape[1]
                if progress is not None:
                    progress(draws.symbols)
        finally:
            self.train(training)
        head = [] if prompt is None else [prompt]
        if drawn:
            head.extend(drawn)
        parts = () if self.head.parts == 1 else (self.head.parts,)
        return torch.cat(head, 1) if head else self.blank(n, 0, *parts)

    @final
    def walk(
        self,
        n: int,
        context: Context,
        length: int | None = None,
        guidance: float = 1.0,
        stepper: Stepper | None = None,
        backend: Backend = "eager",
        together: bool = True,
    ) -> Walk:
        """A walk of n rows.

        Args:
            n: rows.
            context: conditions, n rows.
            length: number of positions, if known.
            guidance: weight of the conditions; 1 is the model itself.
            stepper: the result of `prepare`, if already available.
            backend: else what carries out the steps.
            together: else whether many symbols may be drawn in one call; see `prepare`.

        Raises:
            UserError: if the model has no condition to be guided by, or not this backend.
        """
        rows = n if guidance == 1 else 2 * n  # with the condition and without it
        packed = self.prepare(backend, n * (length or 0), rows, together) if stepper is None else stepper
        if guidance != 1 and self.head.real:
            raise UserError(
                "guidance contrasts probabilities of symbols, and this model draws real numbers; leave it out"
            )
        if guidance == 1:
            return Walk(packed, n, context, length)
        return Guided(packed, n, context, self.null(n), guidance, length)

    def null(self, n: int) -> Context:  # noqa: ARG002
        """A context of n rows with every condition missing.

        Raises:
            UserError: if the model has no conditions.
        """
        raise UserError("guidance contrasts a condition with none, and this model has no conditions; leave it out")

    def drops(self) -> dict[str, float]:
        """{condition: how often to hide it in training, so that the model learns to do without it}."""
        return {}

    @property
    def horizon(self) -> int | None:
        """How many positions the model can look back over at all. Default: None, without limit, as with a state."""
        return getattr(self.config, "horizon", None)

    @property
    def past(self) -> int | None:
        """How many positions before one its distribution depends on; None: all of them."""
        return getattr(self.config, "past", self.horizon)

    @property
    def crop(self) -> int:
        """Symbols of a training crop: the config's `context`. Default: 128."""
        return int(getattr(self.config, "context", 128))

    def condition(self, given: ContextLike, n: int) -> Context:  # noqa: ARG002
        """Encode named raw conditions into a `Context` of n rows. This model has no encoders and takes none by name."""
        if isinstance(given, Context):
            return given
        if given:
            raise UserError(f"{next(iter(given))!r} is not a condition of this model; it was trained without any")
        return EMPTY

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return next(self.parameters()).device

    @final
    def blank(self, *shape: int) -> Tensor:
        """Symbols of this shape and of no meaning, on the device: integers, or reals as precise as the weights."""
        return self.head.blank(*shape, like=next(self.parameters()))

    @final
    def symbols(self, x: Any) -> Tensor:
        """An array as symbols, on the model's device: whole numbers, or reals as precise as its weights."""
        return torch.as_tensor(x, device=self.device).to(self.blank(0).dtype)


def quiet(weights: Sequence[Tensor], surprise: Callable[[], float]) -> None:
    """Halve an output layer's weights until what random features add to its bias costs at most 0.02 nats per symbol.

    Below a 64th they become zero. Most need no change; the means of a mixture do, as an untrained layer moves them by
    more than the components are wide. Zeros for all would be simpler, but what an output layer passes back is what the
    layers before it learn from.

    Args:
        weights: of the layer.
        surprise: () -> nats per symbol with the weights as they are.
    """
    if not weights:
        return
    own = [weight.clone() for weight in weights]

    def at(share: float) -> float:
        for weight, value in zip(weights, own, strict=True):
            weight.copy_(value * share)
        return surprise()

    limit, share = at(0) + _TOLERANCE, 1.0
    while at(share) > limit:
        share = share / 2 if share > _LEAST else 0.0
