"""seriatim reconstruct."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seriatim.cli.common import Data, Machine, opened, words
from seriatim.cli.groups import FLAT
from seriatim.errors import UserError, tell


def reconstruct(
    run: Path,
    /,
    *pictures: Data,
    n: Annotated[int, Parameter(name=["-n", "--number"])] = 4,
    between: int = 0,
    temperature: float = 1.0,
    seed: int = 0,
    output: Annotated[Path, Parameter(name=["-o", "--output"])] = Path("reconstructions.png"),
    machine: Annotated[Machine, FLAT] = Machine(),  # noqa: B008 (frozen)
) -> None:
    """Encode pictures with an auto-encoder, and draw pictures from the codes.

    The sheet has a column per picture: the original, then n pictures drawn from its code. With --between, it has a row
    per pair of neighbours: the first, pictures whose codes interpolate between the two, the second.

    Parameters
    ----------
    run
        Directory written by `seriatim train --code.width …`.
    pictures
        Picture files; they are resized to the model's size.
    n
        Pictures to draw from each code.
    between
        Interpolation steps from one code to the next, both included; 0 for none.
    temperature
        Below 1 for more likely pictures, above 1 for more varied ones; 0 for the most likely value.
    seed
        Seed of the first picture drawn from each code.
    output
        Output file.
    """
    import numpy as np

    from seriatim.cli.kinds.image import options_of
    from seriatim.drawing.sheets import fits, save_grid
    from seriatim.image.data.opening import read_picture

    if not pictures:
        raise UserError("no picture is given; give one or more files")
    if n < 1 or between < 0 or between == 1:
        raise UserError(f"-n is {n} and --between {between}; give 1 or more, and 2 or more (or 0 for none)")
    if between and any(word.split("=")[0] in ("-n", "--number") for word in words.get()):
        raise UserError("-n and --between are both given; give one of them")
    if between and len(pictures) < 2:
        raise UserError("--between needs two or more pictures, but one is given; give another")
    if not output.suffix:
        raise UserError(f"{output} has no suffix; write to .png")
    model = opened(run, machine, "image", threads=1)
    codes, how = model.codes, options_of(model, run).fitting
    shape: tuple[int, int, int] = model.shape
    fits(len(pictures) * (between or n) + 2 * len(pictures), shape, "fewer (-n, --between)")
    x = np.stack([read_picture(Path(name), *shape, how) for name in pictures])
    x = model.levels.decode(model.levels.encode(x))  # as the model sees it
    if between:
        rows = [
            np.concatenate([a[None], model.between(a, b, between, seed=seed, temperature=temperature), b[None]])
            for a, b in pairwise(x)
        ]
        save_grid(np.concatenate(rows), output, between + 2)
        tell(f"{output}: {len(rows)} pairs with {between} interpolated pictures each")
        return
    each = codes.encode(x)
    rows = [x] + [model.decode(each, seed=seed + i * len(x), temperature=temperature) for i in range(n)]
    save_grid(np.concatenate(rows), output, len(x))
    tell(f"{output}: {len(x)} pictures, and {n} drawn from the code of each")
