"""seriatim complete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from seriatim.cli.common import Machine, assignments, opened, seeds_in_words
from seriatim.cli.groups import FLAT, Steering
from seriatim.errors import UserError, tell

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
    """Complete a picture: a sheet with the picture, its known part and the completions.

    Pixels are drawn left to right and top to bottom. If the upper half is known (or every second pixel, with a
    multi-scale model), completions follow the model's exact conditional distribution. Otherwise, pixels are drawn
    without knowledge of known pixels below or to the right; --particles draws several candidates and resamples them by
    the likelihood of the known pixels.

    Parameters
    ----------
    run
        Directory written by `seriatim train`.
    picture
        A picture; it is resized to the model's size.
    known
        The known part: upper, lower, left or right (half), every-2 (each second row and column; any number), or a
        mask picture in which white is known.
    n
        Number of completions.
    particles
        Candidates per completion.
    given
        A condition, NAME=VALUE. Repeatable.
    seed
        Seed of the first completion.
    output
        Output file.
    columns
        Pictures per row of the sheet.
    """
    import numpy as np

    from seriatim.cli.kinds.image import conditions_of, options_of
    from seriatim.drawing.sheets import fits, grid, magnification, save
    from seriatim.image.data.opening import read_picture
    from seriatim.walks.noise import own_seeds
    from seriatim.walks.steer import Steer

    if columns < 1:
        raise UserError(f"--columns is {columns}; give 1 or more")
    if not output.suffix:
        raise UserError(f"{output} has no suffix; write to .png")
    model = opened(run, machine, "image", threads=1)
    how = options_of(model, run).fitting
    shape: tuple[int, int, int] = model.shape
    fits(n + 2, shape, "fewer (-n)")
    mask = _mask(known, shape[:2], how)
    x = read_picture(picture, *shape, how)
    x = model.levels.decode(model.levels.encode(x))  # as the model sees it
    steer = Steer(**steering.options())
    conditions = conditions_of(model, run, assignments(given or [], "--given"))
    done = model.complete(x, mask, n, particles=particles, given=conditions, seed=seed, steer=steer)
    kept = np.where(mask[..., None], x, np.uint8(128))
    sheet = grid(np.concatenate([x[None], kept[None], done]), columns)
    seeds = own_seeds(seed, n, "completions")
    save(sheet, output, magnification(sheet.shape[1]), seeds)
    before = mask.ravel()[model.path]
    if not before[: before.sum()].all() and particles == 1:
        tell("pixels before a known one were drawn without it; --particles takes it into account")
    tell(f"{output}: the picture, its known part, and {n} completions{seeds_in_words(seeds)}")


def _mask(known: str, shape: tuple[int, int], how: Fitting) -> NDArray[np.bool_]:
    """(H, W): which pixels are known."""
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
        raise UserError(f"--known is {known!r}; expected {', '.join(HALVES)}, every-2 or a mask picture")
    return read_picture(Path(known), *shape, 1, how)[..., 0] >= 128
