"""What every test stands on: annotations are executed, one thread, nothing global is left changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from jaxtyping import install_import_hook

_SOURCE = Path(__file__).parents[1] / "src" / "seriatim"
_CHECK_THEMSELVES = {"symbols", "data", "cli", "serve"}  # they read what strangers wrote, and answer with a UserError

# before anything imports the package: shapes and types in its signatures are checked at every call
install_import_hook(
    [f"seriatim.{path.stem}" for path in _SOURCE.iterdir() if path.stem not in _CHECK_THEMSELVES]
    + ["seriatim.text.data.tokens", "seriatim.data.batches", "seriatim.audio.data.excerpts"],
    "executed.checked",
)

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture
def float64() -> Iterator[None]:
    """New tensors are float64 until the test is over: laws hold to 1e-12, not to 1e-6."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)
