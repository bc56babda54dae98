"""WaveNet: audio sample by sample, with dilated causal convolutions.

The idea: convolutions with taps 1, 2, 4, … samples apart see thousands of samples back in a few dozen layers, and
training needs no recurrence. Each layer is gated, tanh · σ, and residual, and contributes to the output directly (a
skip). A vector (a speaker, a genre) and a slower track (a melody, spectral frames) enter every gate; context stacks
read a longer past at a slower rate and condition the main stack as a track does.

Deviations from the paper: a track is repeated to the sample rate (and computed at its own rate, which is exact);
learned upsampling is up to the encoder. A context stack pools whole blocks by a linear map, its output during a block
depends on the previous blocks, and its layers are those of the main stack, but narrower. Instead of a softmax the head
may be a mixture of discretised logistics or normals (Salimans et al., 2017; van den Oord et al., 2017, Parallel
WaveNet), for 16 bits and for two channels, where the right channel's means depend on the left.

Reference: van den Oord et al. (2016), WaveNet: A generative model for raw audio.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, final

from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.causal import Causal, Conv, Embedding, GatedStack, Pointwise, Serial, Slow, Values
from seriatim.config import bounded
from seriatim.context import Context
from seriatim.errors import UserError
from seriatim.heads import CategoricalHead, Head, MixtureHead
from seriatim.models.sequence import Position, SequenceModel
from seriatim.models.wavenet_steps import Native, Packed
from seriatim.walks.walk import Stepper

_WIDEST = 4096  # maximum levels of a softmax
_TABLE = 256  # maximum levels with an embedding each; beyond, levels enter by their value


@final
@dataclass(frozen=True)
class WaveNetConfig:
    """Sizes of a WaveNet.

    Attributes:
        levels: number of levels of a sample.
        channels: 1, or 2 for stereo.
        head: distribution of a sample: "softmax" (one channel), or a mixture of "logistic" or "normal" components.
        mixtures: components of a mixture.
        spread: magnitude that most samples stay within, as a share of full scale; the unit of a mixture's means.
        residual: channels between layers.
        gate: channels inside a layer.
        skip: channels of the sum over all layers, and of the layer after it.
        kernel: taps of a layer.
        dilations: layers per cycle, with taps 1, 2, 4, … samples apart.
        cycles: repetitions of the sequence of dilations.
        first: taps of a convolution before the layers; 1 for none.
        stacks: context stacks, given by the samples per block of each, such as 16,128.
        stack_dilations: layers of a context stack, with taps 1, 2, 4, … blocks apart.
        stack_channels: channels of a context stack.
        dropout: dropout rate of the sum over all layers.
        vector: channels of the global condition.
        field: channels of the local condition.

    Example:
        >>> WaveNetConfig(cycles=3, dilations=10).past  # at 16 kHz 0.19 s
        3070
    """

    levels: int = 256
    channels: int = 1
    head: Literal["softmax", "logistic", "normal"] = "softmax"
    mixtures: int = 10
    spread: float = 1.0
    residual: int = 64
    gate: int = 64
    skip: int = 256
    kernel: int = 2
    dilations: int = 10
    cycles: int = 3
    first: int = 1
    stacks: tuple[int, ...] = ()
    stack_dilations: int = 6
    stack_channels: int = 32
    dropout: float = 0.0
    vector: int = 0
    field: int = 0

    def __post_init__(self) -> None:
        bounded("levels", self.levels, 2, 2**16)
        bounded("channels", self.channels, 1, 2)
        bounded("mixtures", self.mixtures, 1, 1000)
        bounded("spread", self.spread, 1e-4, 1)
        for name in ("residual", "gate", "skip", "stack_channels"):
            bounded(name, getattr(self, name), 1, 2**14)
        bounded("kernel", self.kernel, 2, 64)
        bounded("dilations", self.dilations, 1, 16)
        bounded("cycles", self.cycles, 1, 256)
        bounded("first", self.first, 1, 2**12)
        bounded("stacks, their number", len(self.stacks), 0, 16)
        for hop in self.stacks:
            bounded("stacks, a block", hop, 1, 2**16)
        bounded("stack_dilations", self.stack_dilations, 1, 16)
        bounded("dropout", self.dropout, 0, 0.99)
        bounded("vector", self.vector, 0, 2**16)
        bounded("field", self.field, 0, 2**16)
        bounded("past, the receptive field in samples,", self.past, 1, 2**24)
        if self.head == "softmax" and (self.channels > 1 or self.levels > _WIDEST):
            what = f"one channel of at most {_WIDEST} levels, not {self.channels} of {self.levels}"
            raise UserError(f"head is softmax, for {what}; give --net.head logistic, or normal")

    @staticmethod
    def suited(follows: Mapping[str, float], small: bool) -> dict[str, int]:  # noqa: ARG004
        """Sizes for less than a minute of sound: a sixth of the parameters, and a third of the past."""
        return {"residual": 32, "gate": 32, "skip": 128, "dilations": 9, "cycles": 2} if small else {}

    @property
    def horizon(self) -> None:
        """None: sequences may have any length."""
        return

    @property
    def past(self) -> int:
        """The receptive field: how many samples before t can affect p(x_t)."""
        own = (self.kernel - 1) * (2**self.dilations - 1) * self.cycles
        slow = (self.kernel - 1) * (2**self.stack_dilations - 1)
        behind_taps = own - (self.kernel - 1)  # where a field enters the first layer
        return self.first + max([own, *[behind_taps + (2 + slow) * hop - 1 for hop in self.stacks]])


@final
class WaveNet(SequenceModel):
    """Dilated causal convolutions over audio samples.

    Example:
        >>> import torch
        >>> model = WaveNet(WaveNetConfig(levels=16, residual=8, gate=8, skip=8, dilations=3, cycles=1))
        >>> model.log_prob(torch.randint(16, (2, 20))).shape, model.sample(n=2, length=20).shape
        (torch.Size([2]), torch.Size([2, 20]))
        >>> sizes = {"residual": 8, "gate": 8, "skip": 8, "dilations": 3, "cycles": 1}
        >>> stereo = WaveNet(WaveNetConfig(levels=65536, channels=2, head="logistic", **sizes))
        >>> stereo.sample(n=1, length=20).shape
        torch.Size([1, 20, 2])
    """

    def __init__(self, config: WaveNetConfig) -> None:
        c, width = config, config.residual
        embedding: Causal
        if c.head == "softmax" and c.levels <= _TABLE:
            embedding = Embedding(c.levels + 1, width, scale=1.0)
        else:
            embedding = Values(c.levels, width, c.channels)
        head: Head = (
            CategoricalHead(c.levels)
            if c.head == "softmax"
            else MixtureHead(c.levels, c.channels, c.mixtures, c.head, c.spread)
        )
        cycle = [2**i for i in range(c.dilations)]
        stack = GatedStack(
            width, c.gate, c.skip, cycle * c.cycles, c.kernel, c.vector, c.field, [_slow(c, hop) for hop in c.stacks]
        )
        parts: dict[str, Causal] = {"first": Conv(width, width, c.first)} if c.first > 1 else {}
        parts |= {"stack": stack, "out": Pointwise(_Out(c.skip, head.width, c.dropout))}
        super().__init__(embedding, Serial(**parts), head, start=c.levels)
        self.config = config

    def outputs(self) -> list[nn.Module]:
        """The last of the two layers at the end."""
        return [cast(_Out, cast(Pointwise, cast(Serial, self.net).layers["out"]).module).out]

    def conditioned(self, state: Position, context: Context) -> Position:
        """The state with another field, whose positions begin with the next one: of a stream that brings its own.

        Args:
            state: of `start`, `step` or a carry.
            context: the field; the vector stays.
        """
        at, stack = self._stack
        nets = list(state.net)
        nets[at] = stack.conditioned(nets[at], context)
        return state._replace(net=tuple(nets))

    def field_sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """[t, s]: whether sample t depends on what the field holds at sample s."""
        return self._stack[1].field_sight(steps)

    @property
    def _stack(self) -> tuple[int, GatedStack]:
        """The stack, and its place among the parts of the net."""
        parts = cast(Serial, self.net).layers
        return list(parts).index("stack"), cast(GatedStack, parts["stack"])

    def packed(self) -> Stepper:
        """All past taps of all layers in one product, the present ones layer by layer, all skips in one product."""
        return Packed(self)

    kernels = "wavenet"

    def native(self) -> Stepper:
        """The whole loop compiled: network, head and draw."""
        return Native(self)


@final
class _Out(nn.Module):
    """The two layers after the sum over all skips."""

    def __init__(self, skip: int, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.hidden, self.out = nn.Linear(skip, skip), nn.Linear(skip, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.hidden(self.dropout(x).relu()).relu())


def _slow(config: WaveNetConfig, hop: int) -> Slow:
    """A context stack: blocks pooled by a linear map, then one cycle of gated layers."""
    width = config.stack_channels
    pool = Pointwise(nn.Linear(hop * config.residual, width))
    cycle = [2**i for i in range(config.stack_dilations)]
    return Slow(Serial(pool, GatedStack(width, width, width, cycle, config.kernel)), hop, config.residual, width)
