"""seriatim export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from seriatim.cli.common import Machine, opened, say


def export(run: Path, out: Path, /, *, kind: Annotated[Literal["hf"], Parameter(name="--format")] = "hf") -> None:
    """Export a model to another program's format.

    `hf` is a Hugging Face directory: a transformer without conditions becomes a Llama with the same logits, with
    `<end>` as its first token. `seriatim train DATA --from OUT` starts from such a directory.

    Parameters
    ----------
    run
        Directory written by `seriatim train`.
    out
        Directory to create.
    kind
        Output format.
    """
    from seriatim.text.huggingface import export_hf

    del kind  # the only one so far
    files = export_hf(opened(run, Machine("cpu"), "text"), out)
    say(f"{out}: {', '.join(files)}")
