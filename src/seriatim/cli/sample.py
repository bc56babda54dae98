"""seriatim sample."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seriatim.cli.common import Drawer, opened
from seriatim.cli.groups import FLAT, Extent, Output, Penalties, Prompt, Search, Steering
from seriatim.cli.kinds import commands
from seriatim.cli.requests import Drawing
from seriatim.errors import tell


def sample(
    run: Path,
    /,
    *,
    n: Annotated[int, Parameter(name=["-n", "--number"])] = 1,
    seed: list[int] | None = None,
    prompt: Annotated[Prompt, FLAT] = Prompt(),  # noqa: B008 (frozen)
    extent: Annotated[Extent, FLAT] = Extent(),  # noqa: B008
    steering: Annotated[Steering, FLAT] = Steering(),  # noqa: B008
    penalties: Annotated[Penalties, FLAT] = Penalties(),  # noqa: B008
    search: Annotated[Search, FLAT] = Search(),  # noqa: B008
    output: Annotated[Output, FLAT] = Output(),  # noqa: B008
    machine: Annotated[Drawer, FLAT] = Drawer(),  # noqa: B008
) -> None:
    r"""Generate text, pictures, audio, films, series or drawings with a trained model.

    Pictures are written to a sheet (.png) or an animation of the sampling (.gif). Audio is written to .wav, which can
    be played while it grows, .flac or .ogg, with pictures of its waveform and spectrogram; with --output -, raw samples
    go to standard output. Films are written to an animation (.gif), a film (.mp4 and others) or a sheet (.png).
    Drawings are written to a sheet (.png, .svg), an animation of the pen (.gif), or as strokes (.ndjson, .csv);
    labelled series and paths that follow a series to .csv, with a chart.

    Options apply in this order: guidance, bias and forbid, penalties (repetition, presence, frequency), temperature,
    top-k, top-p, min-p, typical.

    Parameters
    ----------
    run
        Directory written by `seriatim train`.
    n
        Number of samples (per prompt).
    seed
        Seed of the first sample; repeat it n times to set each sample's seed. Default: 0.
    """
    model = opened(run, machine, threads=1)
    seeds: int | list[int] = seed[0] if seed and len(seed) == 1 else seed or 0
    asked = Drawing(run, n, seeds, prompt, extent, steering, penalties, search, output)
    own = commands(model.kind).sample(model, asked) or ()  # conditions that came with the data
    from seriatim.symbols import Labels

    labels = {name: codec for name, codec in model.codecs.items() if isinstance(codec, Labels)}
    for name, codec in labels.items():
        if name not in (*prompt.conditions, *own) and codec.size:
            tell(f"drawn without {name}, which may be given, e.g. --given {shlex.quote(f'{name}={codec.values[0]}')}")
