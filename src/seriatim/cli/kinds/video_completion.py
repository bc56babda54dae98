"""`seriatim complete` for films."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seriatim.cli.common import seeds_in_words
from seriatim.cli.groups import Conditions
from seriatim.cli.kinds.video import films_of, given_values
from seriatim.cli.requests import Judging
from seriatim.errors import UserError, tell

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seriatim.video.model import VideoModel


@dataclass(frozen=True)
class Completing:
    """A request of `seriatim complete`."""

    run: Path
    film: Path
    known: str
    n: int
    particles: int
    seed: int
    output: Path | None
    columns: int
    conditions: Mapping[str, str]
    options: Mapping[str, Any]


def complete(model: VideoModel, asked: Completing, mask: Callable[[str, tuple[int, int]], NDArray[np.bool_]]) -> None:
    """A film, its known part, and completions of it; `mask`: (words, (height, width)) -> the known pixels (H, W)."""
    import numpy as np

    from seriatim.drawing.films import check_suffix, save_films
    from seriatim.walks.noise import own_seeds

    path = asked.output or Path("completions.gif")
    check_suffix(path)
    if asked.columns < 1:
        raise UserError(f"--columns is {asked.columns}; give 1 or more")
    part, _ = films_of(model, Judging(asked.run, (), Conditions(), False), str(asked.film))
    if len(part.lengths) != 1:
        raise UserError(f"{asked.film} holds {len(part.lengths)} films; give one")
    whole = part.x[0]
    film = whole[: model.frames]
    known = np.zeros(film.shape[:3], bool)
    if asked.known.isdecimal():
        count = int(asked.known)
        if not 0 < count < len(film):
            raise UserError(f"--known is {count}, of {len(film)} frames to complete; give fewer, but one or more")
        known[:count] = True
    else:
        known[:] = mask(asked.known, model.shape[:2])
    film = model.shown(film)
    given = given_values(model, asked.conditions, len(film))
    done = model.complete(
        film, known, asked.n, particles=asked.particles, given=given, seed=asked.seed, **asked.options
    )
    kept = np.where(known[..., None], film, np.uint8(128))
    rate = part.rates[0] if part.rates else 0.0
    seeds = own_seeds(asked.seed, asked.n, "completions")
    save_films(np.concatenate([film[None], kept[None], done]), path, (), rate, asked.columns, seeds)
    if len(whole) > len(film):
        tell(f"{asked.film}: the first {len(film)} of its {len(whole)} frames, as many as a clip has")
    flat = known.reshape(-1)
    if not flat[: flat.sum()].all() and asked.particles == 1:
        tell("pixels before a known one were drawn without it; --particles takes it into account")
    tell(f"{path}: the film, its known part, and {asked.n} completion{'s' * (asked.n != 1)}{seeds_in_words(seeds)}")
