"""Sheets of a run on Fashion-MNIST: four of each label, completions of lower halves, and how pictures come about.

python examples/fashion.py runs/fashion docs/pictures
"""

import sys
from pathlib import Path

import numpy as np

import seriatim
from seriatim.drawing.sheets import save_animation, save_grid
from seriatim.image.data.opening import open_gallery

run, folder = Path(sys.argv[1]), Path(sys.argv[2])
model = seriatim.load(run, "cpu")
labels = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot"]
drawn = model.sample(40, given={"label": [labels[i % 10] for i in range(40)]}, seed=1)
save_grid(drawn, folder / "fashion.png", columns=10)
save_animation(drawn[:10], folder / "fashion.gif", columns=10, frames=24)

held = open_gallery("fashion-mnist").splits["test"]
upper = np.arange(28)[:, None].repeat(28, 1) < 14
rows = []
for i in (0, 2, 3, 11):
    done = model.complete(held.x[i], upper, 8, given={"label": held.labels[i]}, seed=3)
    rows += [held.x[i][None], np.where(upper[..., None], held.x[i], np.uint8(128))[None], done]
save_grid(np.concatenate(rows), folder / "completion.png", columns=10)
