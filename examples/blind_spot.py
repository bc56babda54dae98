"""What one pixel sees in a PixelCNN and in a Gated PixelCNN: the blind spot, and the stacks that have none.

python examples/blind_spot.py docs/pictures/blind-spot.png
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from seriatim.models import GatedPixelCNN, GatedPixelCNNConfig, PixelCNN, PixelCNNConfig

SIZE, AT = 15, (10, 7)
MODELS = {
    "PixelCNN, 12 blocks": PixelCNN(PixelCNNConfig(SIZE, SIZE, levels=2, filters=4, blocks=12, kernel=7)),
    "Gated PixelCNN, 12 layers": GatedPixelCNN(
        GatedPixelCNNConfig(SIZE, SIZE, levels=2, filters=4, layers=12, first=7)
    ),
}

figure = Figure(figsize=(7, 3.6), dpi=90)
FigureCanvasAgg(figure)
colours = ListedColormap(["#eeeeee", "#d1495b", "#2e6f95", "#f2a900"])
for axes, (name, model) in zip(figure.subplots(1, 2), MODELS.items(), strict=True):
    at = AT[0] * SIZE + AT[1]
    seen = model.sees((SIZE, SIZE, 1))[at].numpy()
    shown = np.where(np.arange(SIZE * SIZE) < at, np.where(seen, 2, 1), 0)
    shown[at] = 3
    axes.imshow(shown.reshape(SIZE, SIZE), cmap=colours, vmin=0, vmax=3)
    axes.set_title(f"{name}\nsees {seen.sum()} of {at} earlier pixels", fontsize=9)
    axes.set_xticks(np.arange(-0.5, SIZE), [])
    axes.set_yticks(np.arange(-0.5, SIZE), [])
    axes.grid(color="white", linewidth=0.8)
    axes.tick_params(length=0)
figure.text(0.5, 0.02, "yellow: the pixel · blue: seen · red: earlier but not seen", ha="center", fontsize=8)
figure.subplots_adjust(bottom=0.09, top=0.84, left=0.02, right=0.98)
figure.savefig(Path(sys.argv[1]))
