"""Multi-scale models of sound: every k-th sample runs ahead, and the samples between are drawn with it in sight.

The idea: a model that steps from sample to sample hears a second as thousands of steps, and what is seconds away is far
from its mind. Every k-th sample is a sequence k times as short, of which a WaveNet hears k times as much. It draws
those, a few ahead of the others; a fast WaveNet draws the samples between and sees the slow ones to come as a track.
Scales can be chained.

The slow samples are samples of the sound and are counted once: the fast model passes over them, and log p of the chain
is exact, Σ_j log p(s_j | s_<j) + Σ_t log p(x_t | x_<t, s up to L blocks ahead), t over the other samples. Positions are
samples in drawing order (`Schedule`), which leaves the order of time by a bounded number of samples; so sound can be
drawn as a stream. Where a sound has ended there are no slow samples to see, and the fast model is told so. A row that
is shorter than others is filled up with the symbol `levels`, which says that there is no sample.

Deviations from the paper, which does this with pictures: there the whole small picture comes first, and its pixels are
predicted again.

Reference: van den Oord, Kalchbrenner, Kavukcuoglu (2016), Pixel recurrent neural networks, section 3.6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, final

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.config import bounded
from seriatim.context import EMPTY, Context, joined
from seriatim.models.base import ContextLike, Model
from seriatim.models.registry import FAMILIES
from seriatim.models.schedule import Schedule
from seriatim.models.sound_steps import Ahead, Steps, slower
from seriatim.tree import State
from seriatim.walks.walk import Carry, Stepper

_OWN = ("scales", "factor", "look_ahead", "up", "field")  # not sizes of one scale's WaveNet


@final
@dataclass(frozen=True)
class SoundScalesConfig:
    """Sizes of a multi-scale model of sound: those of the scales, and those of the WaveNet that each of them is.

    Attributes:
        scales: number of scales, that of all samples included.
        factor: k: a scale has every k-th sample of the next.
        look_ahead: how many samples of a scale the next one sees ahead. 0 is the order of time.
        up: channels of what the next scale sees.
        levels: number of levels of a sample.
        channels: 1, or 2 for stereo.
        head: distribution of a sample: "softmax" (one channel), or a mixture of "logistic" or "normal" components.
        mixtures: components of a mixture.
        spread: magnitude that most samples stay within, as a share of full scale; the unit of a mixture's means.
        residual: channels between layers.
        gate: channels inside a layer.
        skip: channels of the sum over all layers, and of the layer after it.
        kernel: taps of a layer.
        dilations: layers per cycle, with taps 1, 2, 4, … samples of the scale apart.
        cycles: repetitions of the sequence of dilations.
        first: taps of a convolution before the layers; 1 for none.
        stacks: context stacks of every scale, given by the samples of the scale per block of each.
        stack_dilations: layers of a context stack, with taps 1, 2, 4, … blocks apart.
        stack_channels: channels of a context stack.
        dropout: dropout rate of the sum over all layers.
        vector: channels of the global condition.
        field: channels of the local condition.

    Example:
        >>> SoundScalesConfig(factor=4, dilations=9, cycles=2).past  # 1023 samples of the slow scale
        4092
    """

    scales: int = 2
    factor: int = 4
    look_ahead: int = 4
    up: int = 32
    levels: int = 256
    channels: int = 1
    head: Literal["softmax", "logistic", "normal"] = "softmax"
    mixtures: int = 10
    spread: float = 1.0
    residual: int = 64
    gate: int = 64
    skip: int = 256
    kernel: int = 2
    dilations: int = 9
    cycles: int = 2
    first: int = 1
    stacks: tuple[int, ...] = ()
    stack_dilations: int = 6
    stack_channels: int = 32
    dropout: float = 0.0
    vector: int = 0
    field: int = 0

    def __post_init__(self) -> None:
        bounded("scales", self.scales, 2, 8)
        bounded("factor", self.factor, 2, 256)
        bounded("look_ahead", self.look_ahead, 0, 4096)
        bounded("up", self.up, 1, 2**14)
        bounded("field", self.field, 0, 2**16)
        self.net(0)  # checks the sizes of a scale
        bounded("factor^(scales − 1)", self.factor ** (self.scales - 1), 2, 2**14)
        bounded("samples ahead", self.schedule.ahead, 0, 2**18)
        bounded("past, the receptive field in samples,", self.past, 1, 2**24)

    @staticmethod
    def suited(follows: Mapping[str, float], small: bool) -> dict[str, int]:  # noqa: ARG004
        """Sizes for less than a minute of sound."""
        return {"residual": 32, "gate": 32, "skip": 128, "dilations": 8} if small else {}

    def net(self, field: int) -> Any:
        """The config of a scale's WaveNet, whose local condition has `field` channels."""
        entry = FAMILIES["wavenet"].config
        sizes = {name: value for name, value in vars(self).items() if name not in _OWN}
        return entry(**sizes, field=field)

    @property
    def schedule(self) -> Schedule:
        """The order of drawing."""
        found = Schedule()
        for _ in range(self.scales - 1):
            found = Schedule(self.factor, self.look_ahead, found)
        return found

    @property
    def horizon(self) -> None:
        """None: sequences may have any length."""
        return

    @property
    def past(self) -> int:
        """The receptive field: how many samples before t, of all that come before t, can affect p(x_t)."""
        own = self.net(0).past
        found = own
        for _ in range(self.scales - 1):
            found = max(self.factor * found, own + self.factor)
        return found


@final
class SoundCascade(Model):
    """Two models of one sound: `slow` for every `factor`-th sample, `fast` for those between.

    Args:
        config: of the whole.
        slow: of every k-th sample as a sequence; may itself be a `SoundCascade`.
        fast: of all samples, with a field of `config.up + config.field` channels and a head like that of `slow`.

    Raises:
        ValueError: if the heads differ.

    Example:
        >>> from seriatim.models import multiscale_sound
        >>> sizes = {"residual": 4, "gate": 4, "skip": 8, "dilations": 3, "cycles": 1, "up": 3}
        >>> model = multiscale_sound(SoundScalesConfig(factor=2, look_ahead=1, levels=8, **sizes))
        >>> model.schedule.order(7).tolist()  # which sample is at each position
        [0, 2, 1, 4, 3, 6, 5]
        >>> model.log_prob(torch.randint(8, (2, 7))).shape, model.sample(n=2, length=7).shape
        (torch.Size([2]), torch.Size([2, 7]))
    """

    carries = True

    def __init__(self, config: SoundScalesConfig, slow: Model, fast: Model) -> None:
        super().__init__()
        self.config, self.slow, self.fast = config, slow, fast
        if type(slow.head) is not type(fast.head) or slow.head.width != fast.head.width:
            raise ValueError("slow and fast have different heads; expected equal ones")
        self.head = fast.head
        self.head.none = config.levels
        self.ahead = Ahead(config.levels, config.channels, config.up, config.look_ahead)
        below = slow.schedule if isinstance(slow, SoundCascade) else None
        self.schedule = Schedule(config.factor, config.look_ahead, below)
        self.ends = self.schedule.ahead > 0

    def forward(self, x: Tensor, context: ContextLike = EMPTY, carry: Carry | None = None) -> Any:
        """x (B, N[, P]) in drawing order -> parameters (B, N, width): a sound of N samples, or, with a carry, a part.

        With a carry the conditions and the length are those that `start` was given; without a length there is no end.
        """
        context = self.condition(context, x.shape[0])
        if carry is not None:
            return Steps(self, self.slow, self.fast).read(x, context, carry)
        length, k = x.shape[1], self.config.factor
        if not length:
            return next(self.parameters()).new_zeros(x.shape[0], 0, self.head.width)
        order = self.schedule.order(length)
        times = torch.from_numpy(order).to(x.device)
        wave = x[:, times.argsort()]
        below = wave[:, ::k]
        arranged = below[:, torch.from_numpy(self.schedule.below.order(below.shape[1])).to(x.device)]
        lower = self.slow(arranged, slower(context, k))
        columns = self.ahead(F.pad(below, (0, 0) * (x.dim() - 2) + (0, self.ahead.count), value=self.ahead.levels))
        upper = self.fast(wave, self.of_fast(Context(field=columns, hop=k), context, length))
        number = np.where(order % k == 0, (order % k == 0).cumsum() - 1, lower.shape[1] + order)
        return torch.cat([lower, upper], 1)[:, torch.from_numpy(number).to(x.device)]

    def of_fast(self, seen: Context, context: Context, length: int) -> Context:
        """The fast model's conditions over `length` samples: what it sees of the slow one, and the model's own."""
        both = seen if context.field is None else joined([seen, context], length)
        return replace(both, vector=context.vector)

    def start(self, batch: int, context: ContextLike = EMPTY, length: int | None = None) -> State:
        """Nothing is drawn. `length`: where the sound ends, which its order depends on; None: nowhere."""
        return Steps(self, self.slow, self.fast).start(batch, self.condition(context, batch), length)

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """A step of the scale whose turn it is."""
        return Steps(self, self.slow, self.fast).step(prev, state)

    def packed(self) -> Stepper:
        """Both models packed: 1 + 1/k steps of a packed WaveNet per sample."""
        return Steps(self, self.slow.packed(), self.fast.packed(), self.ahead.table())

    def outputs(self) -> list[nn.Module]:
        """Those of all scales."""
        return [*self.slow.outputs(), *self.fast.outputs()]

    def sees(self, shape: Sequence[int]) -> Bool[Tensor, "N N"]:
        """What each scale sees; the fast one also sees slow samples where its field enters."""
        (length,) = shape
        k = self.config.factor
        order = torch.from_numpy(self.schedule.order(length))
        seen = self.fast.sees((length,))
        block, slow = torch.arange(length) // k, torch.arange(-(-length // k))
        columns = (slow >= block[:, None]) & (slow <= block[:, None] + self.config.look_ahead)
        field = cast(Any, self.fast).field_sight(length)
        seen[:, ::k] |= (field.float() @ columns.float()) > 0
        seen[::k] = False
        arranged = torch.from_numpy(self.schedule.below.order(len(slow))).argsort()
        seen[::k, ::k] = self.slow.sees((len(slow),))[arranged][:, arranged]
        return seen[order][:, order]
