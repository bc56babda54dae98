"""Layers, heads and models with one fault each, which the laws must find: small, and right in all else."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seriatim.causal import Causal, Conv, Embedding, Pointwise, Recurrent, Serial
from seriatim.context import EMPTY, Context
from seriatim.heads import Categorical, CategoricalHead, Discrete, Dist, Head
from seriatim.models import SequenceModel
from seriatim.models.sequence import Folded, Position
from seriatim.tree import Fixed, State
from seriatim.walks.walk import Stepper
from toys import Normal

SYMBOLS, WIDTH = 3, 4


def composed(*layers: Causal, head: Head | None = None) -> SequenceModel:
    """What a user composes: the layers between an embedding and a linear map to a head's parameters."""
    head = CategoricalHead(SYMBOLS) if head is None else head
    out = Pointwise(nn.Linear(WIDTH, head.width))
    return SequenceModel(Embedding(SYMBOLS, WIDTH), Serial(*layers, out), head, start=0)


def gru() -> Recurrent:
    return Recurrent("gru", WIDTH, WIDTH)


class Faulty(Causal):
    """A layer around another one, right until a method is overridden."""

    def __init__(self, inner: Causal) -> None:
        super().__init__()
        self.inner = inner

    @property
    def reach(self) -> int | None:
        return self.inner.reach

    def sight(self, steps: int) -> Tensor:
        return self.inner.sight(steps)

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        return self.inner.start(batch, context, length)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        return self.inner(x, context, state)


class WrongSide(Faulty):
    """A convolution that is padded after the last frame instead of before the first."""

    def __init__(self) -> None:
        super().__init__(Conv(WIDTH, WIDTH, 2))

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        if state is not None:
            return self.inner(x, context, state)
        assert isinstance(self.inner, Conv)
        return self.inner.conv(F.pad(x, (0, 0, 0, 1)).transpose(1, 2)).transpose(1, 2), None


class OverTime(Faulty):
    """A norm over all the frames that there are."""

    def __init__(self) -> None:
        super().__init__(gru())

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        y, state = self.inner(x, context, state)
        return y - y.mean(1, keepdim=True), state


class Forgetful(Faulty):
    """A state that is handed back as it came."""

    def __init__(self) -> None:
        super().__init__(gru())

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        return self.inner(x, context, state)[0], state


class Cut(Faulty):
    """A state without its history: gradients end at the chunk's beginning."""

    def __init__(self) -> None:
        super().__init__(gru())

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        y, state = self.inner(x, context, state)
        return y, None if state is None else state._replace(h=state.h.detach())


class AcrossRows(Faulty):
    """A norm over the rows of the batch."""

    def __init__(self) -> None:
        super().__init__(gru())

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        y, state = self.inner(x, context, state)
        return y - 0.1 * y.mean(0, keepdim=True), state


class Hoarder(Faulty):
    """The state lies in the module, so that two branches share it."""

    def __init__(self) -> None:
        super().__init__(gru())
        self.held: Any = None

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        self.held = None
        return super().start(batch, context, length)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        if state is None:
            return self.inner(x, context)
        at = self.held if self.held is not None and len(self.held.h) == len(x) else state
        y, self.held = self.inner(x, context, at)
        return y, state


class Shared(Faulty):
    """A state that claims to be read only, and is written in place."""

    def __init__(self) -> None:
        super().__init__(gru())

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        return Fixed(super().start(batch, context, length))

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        if state is None:
            return self.inner(x, context)
        y, after = self.inner(x, context, state.nest)
        if torch.is_grad_enabled():
            return y, Fixed(after)
        state.nest.h.copy_(after.h)
        return y, state


class Blind(Faulty):
    """A convolution that declares more than it sees."""

    def __init__(self) -> None:
        super().__init__(Conv(WIDTH, WIDTH, 2, dilation=2))

    def sight(self, steps: int) -> Tensor:
        return super().sight(steps) | torch.eye(steps, dtype=torch.bool).roll(1, 0).tril()


class Sleeper(Faulty):
    """A parameter that nothing reads."""

    def __init__(self) -> None:
        super().__init__(gru())
        self.spare = nn.Parameter(torch.zeros(2))


class Sums(NamedTuple):
    """Running sums of all frames (B, C) and the last `window` of them (B, window, C)."""

    total: Tensor
    past: Tensor


class MovingMean(Causal):
    """The mean of exp(x) over a window, as a difference of running sums: exact, but for what float32 makes of it.

    Args:
        carried: whether the sums go on from chunk to chunk; else they begin anew, from the window before.
    """

    window = 4

    def __init__(self, carried: bool) -> None:
        super().__init__()
        self.linear, self.carried = nn.Linear(WIDTH, WIDTH), carried

    @property
    def reach(self) -> int:
        return self.window - 1

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        zeros = self.linear.weight.new_zeros(batch, self.window, WIDTH)
        return Sums(zeros[:, 0], zeros)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        frames = self.linear(x).exp()
        before = self.start(len(x)) if state is None else state
        if self.carried:
            sums = torch.cat([before.total[:, None], frames], 1).cumsum(1)[:, 1:]
            past = torch.cat([before.past, sums], 1)
            y = (sums - past[:, : x.shape[1]]) / self.window
            after = Sums(past[:, -1], past[:, -self.window :])
        else:
            seen = torch.cat([before.past, frames], 1)
            sums = F.pad(seen.cumsum(1), (0, 0, 1, 0))
            y = (sums[:, self.window + 1 :] - sums[:, 1 : x.shape[1] + 1]) / self.window
            after = Sums(before.total, seen[:, -self.window :])
        return y, None if state is None else after


class Sine(Causal):
    """A sine of the position, which float32 multiplies by the frequency."""

    frequency = 1.7

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    @property
    def reach(self) -> int:
        return 0

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        return (0,)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        (clock,) = (0,) if state is None else state
        at = torch.arange(clock, clock + x.shape[1]).to(x.dtype)
        y = x + self.weight * torch.sin(at * self.frequency)[:, None]
        return y, None if state is None else (clock + x.shape[1],)


class Improper(Categorical):
    """Probabilities that add up to a little less than one."""

    def log_prob(self, x: Tensor) -> Tensor:
        return super().log_prob(x) - 0.01


class Crowded(Categorical):
    """A draw that takes its neighbour's uniform."""

    def draw(self, u: Tensor) -> Tensor:
        return super().draw(u.roll(1, 0))


class Hidden(Categorical):
    """A draw from hidden noise."""

    def draw(self, u: Tensor) -> Tensor:
        return super().draw(torch.rand_like(u))


class Hot(Categorical):
    """A draw at another temperature."""

    def draw(self, u: Tensor) -> Tensor:
        return Categorical(self.logits * 0.8).draw(u)


class Gaps(Discrete):
    """A cdf by hand that forgets the last but one symbol."""

    def __init__(self, logits: Tensor) -> None:
        self.logits, self.levels = logits, logits.shape[-1]

    @property
    def batch_shape(self) -> torch.Size:
        return self.logits.shape[:-1]

    @property
    def device(self) -> torch.device:
        return self.logits.device

    def log_mass(self, x: Tensor) -> Tensor:
        return self.logits.log_softmax(-1).gather(-1, x[..., None])[..., 0]

    def cdf(self, x: Tensor) -> Tensor:
        return torch.where(x == self.levels - 2, super().cdf(x - 1), super().cdf(x))


class Wide(Normal):
    """A density whose draws are spread too far."""

    def draw(self, u: Tensor) -> Tensor:
        return self.mean + 1.1 * (super().draw(u) - self.mean)


class Of(Head):
    """A head of any distribution."""

    def __init__(self, make: Any, width: int) -> None:
        super().__init__()
        self.make, self.width = make, width

    def forward(self, parameters: Tensor) -> Dist:
        return self.make(parameters)


def of_two(kind: Any) -> Of:
    """A head of a location and a log-scale."""
    return Of(lambda p: kind(p[..., 0], p[..., 1]), 2)


class Repacked(Folded):
    """Steps whose parameters are a little off from position 3 on."""

    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        parameters, after = self.whole.step(prev, state)
        return (parameters, after) if state.clock < 3 else (parameters + 1e-6, Position(state.clock + 1, after.net))


class PackedWrong(SequenceModel):
    """A model whose packing changes what it computes."""

    def packed(self) -> Stepper:
        return Repacked(self)


class Gated(Causal):
    """A GRU by hand (Cho et al., 2014), whose candidate may forget to reset the state: a model, but another one."""

    def __init__(self, right: bool) -> None:
        super().__init__()
        self.into, self.gates = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, 2 * WIDTH, bias=False)
        self.candidate, self.right = nn.Linear(WIDTH, WIDTH, bias=False), right

    @property
    def reach(self) -> None:
        return

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        return (self.into.weight.new_zeros(batch, WIDTH),)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        (h,) = self.start(len(x)) if state is None else state
        states = [x.new_zeros(len(x), 0, WIDTH)]
        for t in range(x.shape[1]):
            r, z, n = self.into(x[:, t]).chunk(3, -1)
            reset, update = (torch.cat([r, z], -1) + self.gates(h)).sigmoid().chunk(2, -1)
            h = torch.lerp(torch.tanh(n + self.candidate(reset * h if self.right else h)), h, update)
            states.append(h[:, None])
        return torch.cat(states, 1), None if state is None else (h,)
