"""seriatim complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from seriatim.cli.common import Machine, assignments, number, opened, seeds_in_words
from seriatim.cli.groups import FLAT, Steering
from seriatim.errors import UserError, tell

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seriatim.data.fitting import Fitting
    from seriatim.image.model import ImageModel

HALVES = ("upper", "lower", "left", "right")


def complete(
    run: Path,
    file: Path,
    /,
    *,
    known: str | None = None,
    n: Annotated[int | None, Parameter(name=["-n", "--number"])] = None,
    particles: int | None = None,
    given: list[str] | None = None,
    seed: int = 0,
    output: Annotated[Path | None, Parameter(name=["-o", "--output"])] = None,
    columns: int = 10,
    steering: Annotated[Steering, FLAT] = Steering(),  # noqa: B008 (frozen)
    machine: Annotated[Machine, FLAT] = Machine(),  # noqa: B008
) -> None:
    """Complete a picture, a film or a drawing: it, its known part and completions. Or fill the gaps of series.

    Pixels are drawn left to right and top to bottom. If the upper half is known (or every second pixel, with a
    multi-scale model), completions follow the model's exact conditional distribution. Otherwise, pixels are drawn
    without those known later; --particles draws candidates and resamples them by the likelihood of these. Gaps of
    series are filled in the same way: a table with quantiles. Drawings and labelled series go on until they end.

    Parameters
    ----------
    run
        Directory written by `seriatim train`.
    file
        A picture or a film, which is resized to the model's size; or a table with gaps; or a file or a named data set
        of drawings or labelled series, of which the first 8 are completed.
    known
        Of a picture, the known part: upper, lower, left or right (half), every-2 (each second row and column; any
        number), or a mask picture in which white is known. Default: upper. Of a film the same part of every frame, or
        a number: its first frames. Of drawings and labelled series, the share
        of points from the beginning, up to 1 for all, or from 2 on their number. Default: 0.5.
    n
        Number of completions. Default: 8 of a picture or a drawing, 4 of a film, 100 of each gap.
    particles
        Candidates per completion. Default: 1 of a picture, 50 of a gap.
    given
        A condition, NAME=VALUE. Repeatable.
    seed
        Seed of the first completion.
    output
        Output file. Default: completions.png, or completed.csv of series; of drawings also .svg or .gif.
    columns
        Pictures per row of the sheet.
    """
    model = opened(run, machine, threads=1)
    if model.kind == "series":
        from seriatim.cli.kinds.series import complete as fill

        fill(model, run, file, 100 if n is None else n, 50 if particles is None else particles, seed, output)
    elif model.kind == "image":
        conditions = assignments(given or [], "--given")
        each, candidates = 8 if n is None else n, 1 if particles is None else particles
        asked = _Asked(run, file, known or "upper", each, candidates, seed, columns)
        _picture(model, asked, output or Path("completions.png"), conditions, steering)
    elif model.kind == "trajectory":
        from seriatim.cli.kinds.trajectory import complete as go_on

        conditions = assignments(given or [], "--given")
        share = 0.5 if known is None else number(known, "--known", "0.5, the share of points that is known")
        go_on(model, run, str(file), share, 8 if n is None else n, conditions, seed, output, steering.temperature)
    elif model.kind == "video":
        from seriatim.cli.kinds.video import options_of
        from seriatim.cli.kinds.video_completion import Completing
        from seriatim.cli.kinds.video_completion import complete as fill_in

        how, conditions = options_of(model, run).fitting, assignments(given or [], "--given")
        each, candidates = 4 if n is None else n, 1 if particles is None else particles
        wanted = Completing(run, file, known or "upper", each, candidates, seed, output, columns, conditions,
                            steering.options())  # fmt: skip
        fill_in(model, wanted, lambda words, shape: _mask(words, shape, how))
    else:
        from seriatim.modality import modality

        held = modality(model.kind).words
        raise UserError(
            f"{run} is a model of {held}; this command is for models of pictures, films, series and trajectories"
        )


@dataclass(frozen=True)
class _Asked:
    """What is asked of a model of pictures."""

    run: Path
    picture: Path
    known: str
    n: int
    particles: int
    seed: int
    columns: int


def _picture(model: ImageModel, asked: _Asked, output: Path, conditions: Mapping[str, str], steering: Steering) -> None:
    """A sheet of completions."""
    import numpy as np

    from seriatim.cli.kinds.image import conditions_of, options_of
    from seriatim.drawing.sheets import fits, grid, magnification, save
    from seriatim.image.data.opening import read_picture
    from seriatim.walks.noise import own_seeds
    from seriatim.walks.steer import Steer

    if asked.columns < 1:
        raise UserError(f"--columns is {asked.columns}; give 1 or more")
    if not output.suffix:
        raise UserError(f"{output} has no suffix; write to .png")
    how, n, particles, seed = options_of(model, asked.run).fitting, asked.n, asked.particles, asked.seed
    shape: tuple[int, int, int] = model.shape
    fits(n + 2, shape, "fewer (-n)")
    mask = _mask(asked.known, shape[:2], how)
    x = read_picture(asked.picture, *shape, how)
    x = model.levels.decode(model.levels.encode(x))  # as the model sees it
    steer = Steer(**steering.options())
    own = conditions_of(model, asked.run, conditions)
    done = model.complete(x, mask, n, particles=particles, given=own, seed=seed, steer=steer)
    kept = np.where(mask[..., None], x, np.uint8(128))
    sheet = grid(np.concatenate([x[None], kept[None], done]), asked.columns)
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
        raise UserError(
            f"--known is {known!r}; expected {', '.join(HALVES)}, every-2, a mask picture, or frames of a film"
        )
    return read_picture(Path(known), *shape, 1, how)[..., 0] >= 128
