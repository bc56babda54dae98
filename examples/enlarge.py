"""Test pictures of a multi-scale run, what its smallest scale keeps of them, and three enlargements of that.

python examples/enlarge.py runs/scales docs/pictures/multiscale.png
"""

import sys
from pathlib import Path

import numpy as np

import seriatim
from seriatim.drawing.sheets import save_grid
from seriatim.image.model import ImageModel
from seriatim.training.run import plan_of

run, path = Path(sys.argv[1]), Path(sys.argv[2])
model, plan = seriatim.load(run, "cpu"), plan_of(run)[0]
assert isinstance(model, ImageModel)
config, test = model.grid.config, plan.open().splits["test"]
step = config.factor ** (config.scales - 1)
rows, columns = np.indices(model.shape[:2])
known = (rows % step == 0) & (columns % step == 0)
sheet = []
for number in (0, 1, 2, 4, 18, 23):
    x = test.x[number]
    small = x[rows - rows % step, columns - columns % step]
    given = {} if test.labels is None else {"label": test.labels[number]}
    sheet += [x[None], small[None], model.complete(x, known, 3, given=given, seed=2)]
save_grid(np.concatenate(sheet), path, columns=10)
print(f"{path}: picture, every {step}th pixel, three enlargements; two to a row")
