"""Spectrograms of several recordings under each other, each with its name: the ladder of a run, or samples of several.

python examples/spectrograms.py ladder.png "250 steps=runs/digits/samples/step-000250-free-running-1.wav" …
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from seriatim.audio.data.opening import read_recording
from seriatim.audio.data.recording import read_header
from seriatim.drawing.audio import spectrogram

target, pairs = Path(sys.argv[1]), [word.rpartition("=") for word in sys.argv[2:]]
strips: list[Image.Image] = []
for name, _, file in pairs:
    path = Path(file)
    rate = read_header(path, str(path)).rate
    plot = Image.fromarray(spectrogram(read_recording(path, rate, 1)[0], rate)).resize((720, 170))
    strip = Image.new("RGB", (plot.width, plot.height + 16), "white")
    ImageDraw.Draw(strip).text((44, 2), name, fill="black", font=ImageFont.load_default())
    strip.paste(plot, (0, 16))
    strips.append(strip)
sheet = Image.fromarray(np.concatenate([np.asarray(strip) for strip in strips]))
sheet.quantize(64).save(target, optimize=True)
print(f"{target}: {', '.join(name for name, _, _ in pairs)}")
