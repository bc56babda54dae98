"""The Video Pixel Network: a film's frames one after another, each frame's pixels one after another.

The idea: an encoder of residual multiplicative blocks, which keeps the resolution, reads every frame; a convolutional
LSTM carries what it finds from frame to frame; a PixelCNN decoder draws the next frame, conditioned on the LSTM's map.
Networks that predict the pixels of a frame independently of each other have to blur what they are unsure of. Here, a
pixel knows how those before it were decided.

Deviations from the paper: the first layer of the encoder is a 3 × 3 convolution; labels and actions are added to it.
The decoder may be another model of pictures, or none: then pixels are independent given the past, the baseline.
What the paper leaves open of the decoder: `models/multiplicative_pixelcnn.py`.

Reference: Kalchbrenner et al. (2016), Video pixel networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, final

from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.causal import ConvLSTM
from seriatim.config import bounded
from seriatim.context import EMPTY, Context
from seriatim.errors import UserError
from seriatim.models.grid import FieldModel, PictureConfig
from seriatim.models.nested import FrameNet, Nested
from seriatim.models.registry import resolve
from seriatim.models.subpixels import SubpixelHead
from seriatim.raster.multiplicative import MultiplicativeBlock
from seriatim.raster.spread import spread
from seriatim.tree import State

Decoder = Literal["multiplicative", "gated-pixelcnn", "pixelcnn++", "none"]
_MANY = 64  # levels from which a mixture pays


@final
@dataclass(frozen=True)
class VPNConfig(PictureConfig):
    """Sizes of a Video Pixel Network. The paper's: 128 filters, 8 blocks in the encoder, 12 in the decoder.

    Attributes:
        frames: of a clip, as in training. A film may have any number.
        filters: c, channels inside a block; between blocks, in the memory and of the map there are 2c.
        encoder_blocks: residual multiplicative blocks of the encoder.
        dilations: of the encoder's blocks in turn; 1 for none.
        decoder: "multiplicative", "gated-pixelcnn", "pixelcnn++", or "none": pixels independent given the past.
        decoder_blocks: its blocks (layers of a Gated PixelCNN, blocks at each size of a PixelCNN++).
        first: kernel of the decoder's first convolution, odd.
        head: distribution of a sub-pixel: "softmax", a mixture of "logistic" or "normal" components, or "bernoulli".
        mixtures: components of a mixture.
        field: numbers of an action, a vector for each frame.

    Example:
        >>> VPNConfig(filters=128, encoder_blocks=8, decoder_blocks=12).dilation(5)
        2
    """

    frames: int = 20
    filters: int = 16
    encoder_blocks: int = 2
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    decoder: Decoder = "multiplicative"
    decoder_blocks: int = 4
    first: int = 7
    head: SubpixelHead = "softmax"
    mixtures: int = 10
    field: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded("frames", self.frames, 1, 2**16)
        bounded("filters", self.filters, self.channels, 2**13)
        bounded("encoder_blocks", self.encoder_blocks, 1, 1024)
        bounded("dilations, their number", len(self.dilations), 1, 64)
        for dilation in self.dilations:
            bounded("dilations, each", dilation, 1, 4096)
        bounded("field", self.field, 0, 2**16)
        if self.decoder == "pixelcnn++" and self.head in ("softmax", "bernoulli"):
            raise UserError(f"head is {self.head}, but pixelcnn++ has a mixture; give --net.head logistic, or normal")
        if self.decoder == "gated-pixelcnn" and self.head == "bernoulli":
            raise UserError("head is bernoulli, which gated-pixelcnn does not have; give --net.head softmax")
        _inner(self)  # checks the sizes of the decoder

    @staticmethod
    def suited(follows: Mapping[str, float], small: bool) -> dict[str, Any]:  # noqa: ARG004
        """A mixture for many levels: it knows that levels are neighbours, and a softmax has to learn it."""
        return {"head": "logistic"} if follows["levels"] >= _MANY else {}

    @property
    def per_frame(self) -> int:
        """Positions of a frame: sub-pixels, or pixels where the decoder draws those whole."""
        return self.height * self.width * (1 if self.decoder == "pixelcnn++" else self.channels)

    def dilation(self, block: int) -> int:
        """That of a block of the encoder."""
        return self.dilations[block % len(self.dilations)]


def _inner(config: VPNConfig) -> tuple[str, Any]:
    """The class of the decoder, by name, and its config."""
    c = config
    same: dict[str, Any] = {name: getattr(c, name) for name in ("height", "width", "channels", "levels", "vector")}
    same |= {"field": 2 * c.filters, "mixtures": c.mixtures}
    if c.decoder == "multiplicative":
        own = {"filters": c.filters, "blocks": c.decoder_blocks, "first": c.first, "head": c.head}
        return "MultiplicativePixelCNN", resolve("MultiplicativePixelCNNConfig")(**same, **own)
    if c.decoder == "none":
        own = {"filters": c.filters, "blocks": c.decoder_blocks, "head": c.head}
        return "IndependentPixels", resolve("IndependentPixelsConfig")(**same, **own)
    wide = 2 * c.filters
    if c.decoder == "pixelcnn++":
        sizes = resolve("PixelCNNppConfig").suited(same, small=False)
        own = {"filters": wide, "resnets": c.decoder_blocks, "kind": c.head, "dropout": 0.0, **sizes}
        return "PixelCNNpp", resolve("PixelCNNppConfig")(**same, **own)
    mixture = {"kind": c.head} if c.head != "softmax" else {"mixtures": 0}
    own = {"filters": wide, "layers": c.decoder_blocks, "first": c.first}
    return "GatedPixelCNN", resolve("GatedPixelCNNConfig")(**same | mixture, **own)


@final
class FrameEncoder(FrameNet):
    """Every frame by itself through multiplicative blocks, then a convolutional LSTM from frame to frame.

    Args:
        config: the sizes.
    """

    def __init__(self, config: VPNConfig) -> None:
        super().__init__()
        self.config, wide = config, 2 * config.filters
        self.first = nn.Conv2d(config.channels + 1, wide, 3, padding=1)
        self.vector = nn.Linear(config.vector, wide, bias=False) if config.vector else None
        self.field = nn.Linear(config.field, wide, bias=False) if config.field else None
        self.blocks = nn.ModuleList(
            MultiplicativeBlock(config.filters, config.dilation(i)) for i in range(config.encoder_blocks)
        )
        self.memory = ConvLSTM(wide, wide, (config.height, config.width))

    @property
    def reach(self) -> None:
        """None: all frames before."""
        return

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        """The memory's."""
        return self.memory.start(batch, context, length)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, H, W, C + 1) -> (B, T, H, W, 2c)."""
        h = self.first(x.flatten(0, 1).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        h = h.unflatten(0, x.shape[:2])
        if self.vector is not None:
            if context.vector is None:
                raise ValueError("this model reads context.vector, but there is none")
            h = h + self.vector(context.vector)[:, None, None, None]
        if self.field is not None:
            if context.field is None:
                raise ValueError("this model reads context.field, but there is none")
            h = h + self.field(context.field)[:, :, None, None]
        h = h.flatten(0, 1)
        for block in self.blocks:
            h = block(h)
        return self.memory(h.unflatten(0, x.shape[:2]), EMPTY, state)

    def pixels(self, lag: int, height: int, width: int) -> Bool[Tensor, "N N"]:
        """Through the encoder's convolutions, and the memory's once for each frame since."""
        taps = [(3, 1)]
        for i in range(self.config.encoder_blocks):
            taps += [(3, self.config.dilation(i))] * 2
        own = (self.memory.kernel, 1)
        return spread(height, width, [*taps, own, *[own] * lag])


def vpn(config: VPNConfig) -> Nested:
    """A Video Pixel Network.

    Example:
        >>> import torch
        >>> model = vpn(VPNConfig(frames=2, height=6, width=5, levels=2, filters=4, encoder_blocks=1, decoder_blocks=1))
        >>> model.log_prob(torch.randint(2, (3, 2, 6, 5, 1))).shape
        torch.Size([3])
        >>> baseline = vpn(VPNConfig(height=6, width=5, levels=2, filters=4, decoder="none"))
        >>> type(baseline.inner).__name__
        'IndependentPixels'
    """
    name, sizes = _inner(config)
    return Nested(config, FrameEncoder(config), cast(FieldModel, resolve(name)(sizes)))
