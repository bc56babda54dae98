"""seriatim complete."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from seriatim.cli.common import assignments, opened
from seriatim.cli.groups import FLAT, Machine, Steering
from seriatim.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seriatim.image.options import Fitting

HALVES = ("upper", "lower", "left", "right")


def complete(
    run: Path,
    picture: Path,
    /,
    *,
    known: str = "upper",
    n: Annotated[int, Parameter(name=["-n", "--number"])] = 8,
    particles: int = 1,
    given: list[str] | None = None,
    seed: int = 0,
    output: Annotated[Path, Parameter(name=["-o", "--output"])] = Path("completions.png"),
    columns: int = 10,
    steering: Annotated[Steering, FLAT] = Steering(),  # noqa: B008 (frozen)
    machine: Annotated[Machine, FLAT] = Machine(),  # noqa: B008
) -> None:
    """Draw the missing part of a picture: the picture, what is kept of it, then the completions, on one sheet.

    Pixels are drawn left to right and top to bottom. If the upper half is known, the rest has the true distribution
    given what is known; so it has under a multi-scale model if every second pixel is known. Any other part is drawn
    before the known pixels below or to the right had their turn; --particles draws many candidates, weighs them by the
    known pixels as they are passed and keeps the likely ones.

    Parameters
    ----------
    run
        The directory that `seriatim train` has written.
    picture
        A picture; it is fitted to the model's size.
    known
        What is kept: upper, lower, left or right (half), every-2 (of both rows and columns; any number), or a
        mask picture in which white is kept.
    n
        How many completions.
    particles
        Candidates for each completion.
    given
        A condition, NAME=VALUE; may be given several times.
    seed
        Seed of the first completion.
    output
        The sheet.
    columns
        Pictures in a row of it.
    """
    import numpy as np

    from seriatim.cli.kinds.image import conditions_of, options_of
    from seriatim.drawing.sheets import grid, magnification, save
    from seriatim.image.data.opening import read_picture
    from seriatim.walks.steer import Steer

    if columns < 1:
        raise UserError(f"--columns is {columns}; give 1 or more")
    if not output.suffix:
        raise UserError(f"{output} has no ending; write to .png")
    model = opened(run, machine, "image", threads=1)
    how = options_of(model, run).fitting
    shape: tuple[int, int, int] = model.shape
    mask = _mask(known, shape[:2], how)
    x = read_picture(picture, *shape, how)
    x = model.levels.decode(model.levels.encode(x))  # as the model sees it
    steer = Steer(**steering.options())
    conditions = conditions_of(model, run, assignments(given or [], "--given"))
    done = model.complete(x, mask, n, particles=particles, given=conditions, seed=seed, steer=steer)
    kept = np.where(mask[..., None], x, np.uint8(128))
    sheet = grid(np.concatenate([x[None], kept[None], done]), columns)
    save(sheet, output, magnification(sheet.shape[1]))
    before = mask.ravel()[model.path]
    if not before[: before.sum()].all() and particles == 1:
        print("not all that is known comes first: what was drawn before it does not know of it", file=sys.stderr)
    print(f"{output}: the picture, what was kept, and {n} completions", file=sys.stderr)


def _mask(known: str, shape: tuple[int, int], how: Fitting) -> NDArray[np.bool_]:
    """(H, W): which pixels are kept."""
    import numpy as np

    from seriatim.image.data.opening import read_picture

    rows, columns = np.indices(shape)
    halves = {
        "upper": rows < shape[0] // 2,
        "lower": rows >= shape[0] // 2,
        "left": columns < shape[1] // 2,
        "right": columns >= shape[1] // 2,
    }
    if known in halves:
        return halves[known]
    word, _, number = known.partition("-")
    if word == "every" and number.isdecimal() and 0 < int(number) <= max(shape):
        return (rows % int(number) == 0) & (columns % int(number) == 0)
    if not Path(known).exists():
        raise UserError(f"--known is {known!r}; {', '.join(HALVES)}, every-2 or a mask picture is wanted")
    return read_picture(Path(known), *shape, 1, how)[..., 0] >= 128
