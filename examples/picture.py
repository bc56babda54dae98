"""A picture of a text run: its learning curve and something that it has written.

python examples/picture.py runs/tinyshakespeare-transformer "ROMEO:" docs/pictures/text.png
"""

import sys
import textwrap
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import seriatim
from seriatim.training.observers import read

run, prompt, picture = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
model = seriatim.load(run)
text = str(model.sample(prompt, max_length=430, temperature=0.8, seed=3)[0])
rows = read(run / "metrics.jsonl")

figure = Figure(figsize=(9, 3.6), dpi=100)
FigureCanvasAgg(figure)
left, right = figure.subplots(1, 2, width_ratios=[1, 1.1])
for key, style in (("train_nats_per_token", {"alpha": 0.5}), ("validation_nats_per_token", {"marker": "o"})):
    points = [(row["step"], row[key]) for row in rows if key in row]
    left.plot(*zip(*points, strict=True), markersize=3, label=key.split("_")[0], **style)
left.set_xlabel("step")
left.set_ylabel("nats/character")
left.legend()
left.grid(alpha=0.3)
lines = [part for line in text.splitlines() for part in (textwrap.wrap(line, 54) or [""])]
right.text(0, 1, "\n".join(lines[:20]), family="monospace", size=7.5, va="top", transform=right.transAxes)
right.set_title("temperature 0.8", size=9)
right.axis("off")
figure.tight_layout()
figure.savefig(picture)
