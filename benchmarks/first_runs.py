"""First runs with no option at all: what `seriatim train` says of anybody's data, how long it takes, what it learns.

    python benchmarks/first_runs.py FOLDER

FOLDER has one entry for each run, a file or a folder. Each is trained by the command as a new user types it, on one
core (`taskset`, where there is one), and evaluated on its held-out part next to a trivial model's figure: symbols'
frequencies for text, PNG for pictures, FLAC (of the same 256 levels) for audio. Prints a table in Markdown, and above
it what each run said.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import seriatim
from seriatim.training.run import plan_of


def trivial(run: Path) -> tuple[float, str]:
    """The figure of a trivial model on the part that `seriatim evaluate` takes, and its name."""
    plan = plan_of(run)[0]
    data: Any = plan.open()
    held = data.splits.get("test", data.splits.get("validation"))
    model: Any = seriatim.load(run, "cpu")
    if plan.kind == "text":
        codec = model.tokenizer

        def symbols(documents: Any) -> np.ndarray:
            return np.concatenate([[*codec.encode(document.text()), codec.end] for document in documents])

        counts = np.bincount(symbols(data.splits["train"]).astype(int), minlength=codec.size) + 1 / codec.size
        log_p = np.log(counts / counts.sum())
        return -float(log_p[symbols(held).astype(int)].mean()), "nats/token, unigram"
    if plan.kind == "image":
        from PIL import Image

        total = 0
        for x in held.x:
            file = io.BytesIO()
            Image.fromarray(x[..., 0] if x.shape[-1] == 1 else x).save(file, "PNG", optimize=True)
            total += 8 * len(file.getvalue())
        return total / held.x.size, "bits/dim, PNG"
    import soundfile

    total = 0
    for x in held.x:  # the same levels, as sound of 8 bits
        levels = np.asarray(model.codec.encode(x)).reshape(x.shape).astype(np.int32)
        file = io.BytesIO()
        soundfile.write(file, levels - 128 << 24, data.rate, format="FLAC", subtype="PCM_S8")
        total += 8 * len(file.getvalue())
    return total / sum(x.size for x in held.x), "bits/sample, FLAC"


def first_run(data: Path, place: Path) -> dict[str, str]:
    """Train with no option but the folder, and evaluate."""
    run = place / "run"
    shutil.rmtree(run, ignore_errors=True)
    one = ["taskset", "-c", "0"] if shutil.which("taskset") else []
    program = [sys.executable, "-m", "seriatim"]
    with tempfile.TemporaryFile("w+") as said:
        words = [*one, *program, "train", str(data), "--out", str(run)]
        process = subprocess.Popen(words, stderr=said, env={**os.environ, "OMP_NUM_THREADS": "1"})
        _, status, used = os.wait4(process.pid, 0)
        said.seek(0)
        lines = said.read().strip()
    print(f"\n$ seriatim train {data.name}\n{lines}\n", flush=True)
    if status:
        return {"said": lines.split("\n")[-1]}
    judged = subprocess.run([*program, "evaluate", str(run)], capture_output=True, text=True, check=False)
    print(judged.stdout, judged.stderr, flush=True)
    value, words = trivial(run)
    minutes = (used.ru_utime + used.ru_stime) / 60
    units = ("nats", "bits/dim", "bits/sample")
    figure = next(line for line in judged.stdout.splitlines()[1:] if any(unit in line for unit in units))
    return {
        "minutes of one core": f"{minutes:.1f}",
        "memory": f"{used.ru_maxrss / 2**20:.1f} GiB",
        "held out": " ".join(figure.split()),
        "trivial model": f"{value:.3f} {words}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=None)
    asked = parser.parse_args()
    rows: list[tuple[str, dict[str, str]]] = []
    for data in sorted(asked.folder.iterdir()):
        if asked.only is None or data.name in asked.only:
            with tempfile.TemporaryDirectory() as place:
                rows.append((data.name, first_run(data, Path(place))))
                print(rows[-1], flush=True)
    keys = ["minutes of one core", "memory", "held out", "trivial model"]
    print(f"| data | {' | '.join(keys)} |\n|---|{'---|' * len(keys)}")
    for name, row in rows:
        print(f"| {name} | {row['said'] if 'said' in row else ' | '.join(row[key] for key in keys)} |")


if __name__ == "__main__":
    main()
