"""What every test stands on: annotations are executed, one thread, nothing global is left changed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

from jaxtyping import install_import_hook

from executed import shapes_where_there_are_some

_SOURCE = Path(__file__).parents[1] / "src" / "seriatim"
# what strangers wrote is checked by what reads it, which answers with a UserError
_CHECK_THEMSELVES = {"symbols", "data", "cli", "serve", "tokenizers"}
_CODECS = {"levels", "quantiser", "features", "tracks", "spans", "options", "holding"}
_CALLED = {"model", "arrays", "whole"}  # by users, who pass anything
_CHECKED = {"text/data/tokens", "data/batches", "audio/data/excerpts"}


def _is_checked(path: Path) -> bool:
    inside = path.relative_to(_SOURCE).with_suffix("")
    if inside.as_posix() in _CHECKED:
        return True
    alone = _CODECS | _CALLED | {"__init__", "__main__", "api"}
    return not _CHECK_THEMSELVES & set(inside.parts) and inside.name not in alone


shapes_where_there_are_some()
# before anything imports the package: shapes and types in its signatures are checked at every call
install_import_hook(
    [
        ".".join(("seriatim", *path.relative_to(_SOURCE).with_suffix("").parts))
        for path in _SOURCE.rglob("*.py")
        if _is_checked(path)
    ],
    "executed.checked",
)

import pytest  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup make test` ignores it, which the tests of hang-ups would inherit


@pytest.fixture
def float64() -> Iterator[None]:
    """New tensors are float64 until the test is over: laws hold to 1e-12, not to 1e-6."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)
