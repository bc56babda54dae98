"""Four pictures of each label as a run draws them, and below four of each drawn with guidance.

python examples/guidance.py runs/fashion-pp docs/pictures/guidance.png [STRENGTH]
"""

import sys
from pathlib import Path

import numpy as np

import seriatim
from seriatim.drawing.sheets import save_grid
from seriatim.image.model import ImageModel

run, path = Path(sys.argv[1]), Path(sys.argv[2])
strength = float(sys.argv[3]) if len(sys.argv) > 3 else 2.0
model = seriatim.load(run, "cpu")
assert isinstance(model, ImageModel)
labels = model.labels()
given = {"label": labels * 4}
plain = model.sample(len(given["label"]), given=given, seed=1)
guided = model.sample(len(given["label"]), given=given, seed=1, guidance=strength)
save_grid(np.concatenate([plain, guided]), path, columns=len(labels))
print(f"{path}: {', '.join(labels)}")
