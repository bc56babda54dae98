"""Dropout at the price of a random byte."""

from __future__ import annotations

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@final
class ByteDropout(nn.Module):
    """Silences a share of activations in training (Srivastava et al., 2014), the share rounded to 1/256.

    On a processor `torch.dropout` draws a number for each activation, one after the other; here eight activations share
    one 64-bit draw. Elsewhere it is `torch.dropout`.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Any shape; what is left is scaled up so that the mean stays."""
        if not self.training or self.share == 0:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.share)
        silent = min(max(round(self.share * 256), 1), 255)
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        keep = words.view(torch.uint8)[: x.numel()].view(x.shape) >= silent
        return x * keep.to(x.dtype).mul_(256 / (256 - silent))
