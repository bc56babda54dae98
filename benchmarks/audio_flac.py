"""Bits per sample of a run's 16-bit likelihood beside FLAC, on the same recordings.

    python benchmarks/audio_flac.py RUN [--split test]

FLAC (libsndfile, highest level) codes each recording in a file of its own, and all of them one after the other in one
file, where its header counts once. Recording by recording the difference has a standard error.
"""

from __future__ import annotations

import argparse
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

import seriatim
from seriatim.audio.model import AudioModel
from seriatim.training.run import plan_of


def flac(x: NDArray[np.int16], rate: int) -> int:
    """Bits of a recording as a FLAC file."""
    file = io.BytesIO()
    soundfile.write(file, x, rate, format="FLAC", subtype="PCM_16", compression_level=1.0)
    return 8 * len(file.getvalue())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--split", default="test")
    arguments = parser.parse_args()
    model = seriatim.load(arguments.run, "cpu")
    if not isinstance(model, AudioModel) or model.codec.quantiser != "pcm16" or model.channels != 1:
        raise SystemExit(f"{arguments.run}: a run of mono sound in 16 bits is wanted (--quantiser.kind pcm16)")
    data: Any = plan_of(arguments.run)[0].open()
    takes = data.splits[arguments.split]
    counts = np.array([len(x) for x in takes.x])
    bits = {
        "Seriatim": -model.log_prob(takes.x, model.given_of(takes)) / math.log(2),
        "FLAC, a file each": np.array([flac(x, model.rate) for x in takes.x]),
    }
    print(f"{len(counts)} recordings, {counts.sum():,} samples of 16 bits at {model.rate} Hz")
    print("| | bits/sample | less than it by |\n|---|---:|---:|")
    for name, each in bits.items():
        rate = each.sum() / counts.sum()
        away = each - bits["Seriatim"] - (each - bits["Seriatim"]).sum() / counts.sum() * counts
        error = math.sqrt((away**2).sum() * len(away) / (len(away) - 1)) / counts.sum()
        less = "" if name == "Seriatim" else f"{rate - bits['Seriatim'].sum() / counts.sum():.3f} ± {error:.3f}"
        print(f"| {name} | {rate:.3f} | {less} |")
    joined = flac(np.concatenate(takes.x), model.rate) / counts.sum()
    print(f"| FLAC, all in one file | {joined:.3f} | {joined - bits['Seriatim'].sum() / counts.sum():.3f} |")


if __name__ == "__main__":
    main()
