"""Forecasts of any length: time a step and memory, over the number of steps.

    python benchmarks/series_paths.py [--lengths 84,168,336,672,1344]

DeepAR's size (2 LSTM layers of 40) on the 14 series of ett-1h, untrained, 200 paths each from the end; every length in
a process of its own, one thread. Memory is the peak of the process less that of a process that forecasts one step. The
paths themselves take 8 bytes a value, which the last column gives.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time

SERIES, PATHS = 14, 200


def measure(run: str, steps: int) -> None:
    import torch

    import seriatim
    from seriatim.data.options import WHOLE
    from seriatim.series.data.opening import open_set
    from seriatim.series.model import SeriesModel

    torch.set_num_threads(1)
    model = seriatim.load(run, "cpu")
    assert isinstance(model, SeriesModel)
    panel = open_set("ett-1h", seriatim.SeriesOptions(), WHOLE).splits["train"]
    model.forecast(panel, 1, 2)
    began = time.process_time()
    model.forecast(panel, steps, PATHS)
    spent = time.process_time() - began
    print(json.dumps([spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", default="84,168,336,672,1344")
    parser.add_argument("--one", nargs=2)
    asked = parser.parse_args()
    if asked.one:
        measure(asked.one[0], int(asked.one[1]))
        return
    import seriatim

    with tempfile.TemporaryDirectory() as folder:
        run = f"{folder}/run"
        options = {"series": seriatim.SeriesOptions(past=168, horizon=168), "quiet": True, "device": "cpu"}
        seriatim.train("ett-1h", "lstm", out=run, steps=1, samples=0, net={"width": 40, "layers": 2}, **options)

        def found(steps: int) -> tuple[float, float]:
            words = [sys.executable, __file__, "--one", run, str(steps)]
            return tuple(json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout))

        least = found(1)[1]
        for steps in map(int, asked.lengths.split(",")):
            spent, peak = found(steps)
            values = 8 * SERIES * PATHS * steps / 2**20
            print(
                f"{steps:6,} steps: {spent:6.2f} s, {1000 * spent / steps:6.2f} ms a step, "
                f"{peak - least:6.0f} MiB more than one step, of which the paths {values:.0f} MiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
