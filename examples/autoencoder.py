"""What the likelihood buys: one encoder with a PixelCNN decoder, and with a deconvolution trained on squared error.

    seriatim train fashion-mnist --preset autoencoder --out runs/codes
    python examples/autoencoder.py runs/codes [--steps 2000] [--out autoencoder.png]

Trains the second one for as many steps on the same data, then writes a sheet: pictures, what the deconvolution makes of
their codes, and two drawings from the PixelCNN's. Both are also told apart by numbers, on the test split: the mean
squared error, and the bits/dim of a picture whose code is known (the deconvolution's as those of one normal around its
output, discretised, of the spread that fits best: squared error is its likelihood).
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seriatim.conditioning import CodeConfig, CodeEncoder
from seriatim.drawing.sheets import save_grid
from seriatim.heads.mixture import Mixture
from seriatim.image.codes import Codes
from seriatim.image.model import CODE, ImageModel
from seriatim.training.run import plan_of


class Deconvolution(nn.Module):
    """The encoder of the run, and transposed convolutions back to the picture."""

    def __init__(self, shape: tuple[int, int, int], levels: int, config: CodeConfig) -> None:
        super().__init__()
        self.encoder = CodeEncoder(shape, levels, config)
        self.out = nn.Linear(config.filters, shape[2])

    def forward(self, x: Tensor) -> Tensor:
        """Levels (B, H, W, C) -> means between −1 and 1."""
        return self.out(F.elu(self.encoder.spread(self.encoder.encode(x)))).tanh()


def train(model: Deconvolution, x: Tensor, levels: int, steps: int, batch: int) -> None:
    """Squared error, Adam with a cosine."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    for step in range(steps):
        some = x[order[torch.arange(step * batch, (step + 1) * batch) % len(x)]]
        optimiser.zero_grad()
        (model(some) - (some * (2 / (levels - 1)) - 1)).square().mean().backward()
        optimiser.step()
        schedule.step()


def bits(means: Tensor, x: Tensor, levels: int) -> float:
    """bits/dim of levels under one discretised normal around each mean, of the spread that fits best."""
    centre = (means + 1) * ((levels - 1) / 2)
    found: list[float] = []
    for spread in torch.logspace(0, math.log10(levels / 2), 40):
        normal = Mixture(torch.zeros(1), centre[..., None], (1 / spread).expand(*centre.shape, 1), levels, "normal")
        found.append(-float(normal.log_prob(x).mean()) / math.log(2))
    return min(found)


def main() -> None:
    """Train, measure, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--pictures", type=int, default=200, help="of the test split that are measured")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("autoencoder.png"))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    model, plan = ImageModel.load(arguments.run), plan_of(arguments.run)[0]
    codes: Codes = model.codes
    splits, levels = plan.open().splits, model.levels.levels
    other = Deconvolution(model.shape, levels, codes.encoder.config)
    train(other, torch.from_numpy(model.levels.encode(splits["train"].x)), levels, arguments.steps, arguments.batch)
    x = splits["test"].x[: arguments.pictures]
    encoded = torch.from_numpy(model.levels.encode(x))
    with torch.no_grad():
        means = torch.cat([other(part) for part in encoded.split(50)])
    drawn = model.decode(codes.encode(x), seed=1)
    scale = 2 / (levels - 1)
    print(f"{len(x)} test pictures, codes of {codes.width} numbers of {codes.encoder.config.levels} levels")
    print("| decoder | bits/dim given the code | mean squared error, values in [−1, 1] |")
    print("|---|---:|---:|")
    given = -model.log_prob(x, {CODE: x}).mean() / math.log(2) / x[0].size
    error = float(((torch.from_numpy(model.levels.encode(drawn)) - encoded) * scale).square().mean())
    print(f"| PixelCNN, one drawing | {given:.3f} | {error:.4f} |")
    error = float((means - (encoded * scale - 1)).square().mean())
    print(f"| deconvolution | {bits(means, encoded, levels):.3f} | {error:.4f} |")
    first = slice(0, 12)
    shown = ((means[first] + 1) * 127.5).round().clamp(0, 255).byte().numpy()
    again = model.decode(codes.encode(x[first]), seed=100)
    save_grid(np.concatenate([x[first], shown, drawn[first], again]), arguments.out, 12)
    print(f"{arguments.out}: pictures, the deconvolution, two drawings of the PixelCNN")


if __name__ == "__main__":
    main()
