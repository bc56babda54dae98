"""Dropout at the price of one random byte per activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@final
class ByteDropout(nn.Module):
    """Dropout (Srivastava et al., 2014) with its rate rounded to 1/256.

    On a CPU `torch.dropout` draws one number per activation, one after another; here eight activations share a 64-bit
    draw. On other devices it is `torch.dropout`.

    Args:
        share: dropout rate.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        silent = min(max(round(share * 256), 1), 255)
        self.silent, self.gain = silent, 256 / (256 - silent)

    @property
    def resting(self) -> bool:
        """Whether nothing is dropped."""
        return not self.training or self.share == 0

    def kept(self, shape: Sequence[int]) -> Tensor:
        """The mask of kept activations, on the CPU, as bytes of 0 and 1: multiplying by bools takes twice as long."""
        count = torch.Size(shape).numel()
        words = torch.empty(-(-count // 8), dtype=torch.int64).random_(-(2**63), None)
        return (words.view(torch.uint8)[:count].view(*shape) >= self.silent).view(torch.uint8)

    def forward(self, x: Tensor) -> Tensor:
        """Any shape; kept activations are scaled up so that the mean is preserved."""
        if self.resting:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.share)
        return (x * self.kept(x.shape)).mul_(self.gain)
