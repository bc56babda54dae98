"""What this machine can do at most: reading memory, matrix products, starting an operation. Every share means these.

    OMP_NUM_THREADS=1 python benchmarks/limits.py

- reading: bytes a second of the fastest of several readers, by the size of what is read again and again. A model that
  steps has to read its weights once a step, and can be no faster than that;
- matrix times vector: the same bytes read by `torch.mv`, matrix for matrix: what PyTorch makes of a step at batch 1;
- matrix products: operations a second, (m × k) · (k × n), a product and a sum counted as two;
- starting: microseconds of an operation on one number, and of one whose result has a place already.

One thread, processor time, the best of many rounds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch

from turns import fastest

MEBI, CLOCKED = 1 << 20, 0.004  # seconds that a round takes at least


def _compiled() -> dict[str, Callable[[Any], Any]]:
    """A sum that numba compiles, where it is installed."""
    with contextlib.suppress(ImportError):
        import numba

        @numba.njit(fastmath=True)
        def total(x: Any) -> Any:
            found = x.dtype.type(0)
            for i in range(x.shape[0]):
                found += x[i]
            return found

        return {"a compiled sum": total}
    return {}


def _seconds(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds that one call of each takes, from enough calls in a row for the clock to measure."""
    often = {}
    for name, way in ways.items():
        guess = fastest({"": way}, 3)[""]
        often[name] = max(1, round(CLOCKED / max(guess, 1e-7)))

    def repeated(way: Callable[[], object], count: int) -> Callable[[], None]:
        def work() -> None:
            for _ in range(count):
                way()

        return work

    found = fastest({name: repeated(way, often[name]) for name, way in ways.items()}, rounds)
    return {name: found[name] / often[name] for name in ways}


@cache
def reading(size: int, rounds: int = 15) -> tuple[float, str]:
    """Bytes a second at which `size` bytes are read again and again, and who reads fastest."""
    x = torch.randn(max(1, size // 4))
    flat = x.numpy()
    ways: dict[str, Callable[[], object]] = {
        "torch.sum": x.sum,
        "torch.dot": lambda: torch.dot(x, x),
        "numpy.dot": lambda: np.dot(flat, flat),
    }
    for name, total in _compiled().items():
        ways[name] = lambda total=total: total(flat)
    found = _seconds(ways, rounds)
    name = min(found, key=lambda each: found[each])
    return 4 * x.numel() / found[name], name


@cache
def times_vector(size: int, width: int = 256, rounds: int = 15) -> float:
    """Bytes a second of `torch.mv`, over matrices (width, width) that hold `size` bytes in all."""
    matrices = [torch.randn(width, width) for _ in range(max(1, size // (4 * width * width)))]
    x = torch.randn(width)

    def work() -> None:
        for matrix in matrices:
            torch.mv(matrix, x)

    return 4 * width * width * len(matrices) / _seconds({"": work}, rounds)[""]


@cache
def product(m: int, k: int, n: int, dtype: torch.dtype = torch.float32, rounds: int = 15) -> float:
    """Operations a second of (m, k) · (k, n)."""
    a, b, out = torch.randn(m, k, dtype=dtype), torch.randn(k, n, dtype=dtype), torch.empty(m, n, dtype=dtype)
    return 2 * m * k * n / _seconds({"": lambda: torch.mm(a, b, out=out)}, rounds)[""]


@cache
def starting(rounds: int = 15) -> tuple[float, float]:
    """Seconds of an operation on one number: with a new tensor for its result, and into one that is there."""
    a, b, out = torch.randn(1), torch.randn(1), torch.empty(1)
    found = _seconds({"new": lambda: torch.add(a, b), "out": lambda: torch.add(a, b, out=out)}, rounds)
    return found["new"], found["out"]


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, one thread\n")
    print("| size (MiB) | reading (GB/s) | by | matrix times vector (GB/s) |\n|---:|---:|---|---:|")
    with torch.inference_mode():
        for size in (0.25, 1, 5, 20, 80, 320):
            speed, name = reading(int(size * MEBI))
            print(f"| {size:g} | {speed / 1e9:.1f} | {name} | {times_vector(int(size * MEBI)) / 1e9:.1f} |", flush=True)
        print("\n| (m × k) · (k × n) | float32 (GFLOP/s) | bfloat16 (GFLOP/s) |\n|---|---:|---:|")
        for m, k, n in ((8, 512, 512), (64, 64, 128), (64, 512, 512), (512, 512, 512), (2048, 384, 1536)):
            rates = [product(m, k, n, dtype) / 1e9 for dtype in (torch.float32, torch.bfloat16)]
            print(f"| ({m} × {k}) · ({k} × {n}) | {rates[0]:.0f} | {rates[1]:.0f} |", flush=True)
        new, out = starting()
    print(f"\nStarting an operation: {1e6 * new:.2f} µs, into a place that is there {1e6 * out:.2f} µs.")


if __name__ == "__main__":
    main()
