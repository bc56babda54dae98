"""Drawing films: new ones frame after frame, and the unknown pixels of one that is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seriatim.data.arrays import UInt8
from seriatim.models import Model
from seriatim.models.likelihood import to_given
from seriatim.video.canvas import nested_of
from seriatim.video.conditions import rows_of
from seriatim.walks.draws import Draws, portions
from seriatim.walks.particles import candidates, fill_in
from seriatim.walks.steer import Steer
from seriatim.walks.threads import one_thread


@torch.no_grad()
def draw(
    model: Model,
    given: Mapping[str, Tensor],
    begun: Tensor | None,
    frames: int,
    seeds: Sequence[int],
    steer: Steer,
    decode: Callable[[Tensor], UInt8],
    progress: Callable[[int], None],
) -> UInt8:
    """The frames of some films after those that they begin with, drawn together.

    Args:
        model: in evaluation mode.
        given: conditions.
        begun: (B, T, H, W, …) positions of their first frames; None for none.
        frames: of each film, those included.
        seeds: of each film.
        steer: how they are drawn.
        decode: positions (B, any shape) -> films.
        progress: called after each frame with the number of frames drawn.
    """
    n, per = len(seeds), nested_of(model).per_frame
    known = 0 if begun is None else begun.shape[1]
    with one_thread(), torch.inference_mode():
        walk = model.walk(n, model.condition(given, n), frames * per, steer.guidance)
        prompt = None
        if begun is not None:
            prompt = flat(begun, model)
            walk.feed(prompt)
        draws = Draws(walk, model.head, torch.tensor(list(seeds), device=model.device), steer, prompt)
        done: list[UInt8] = []
        for frame in range(known, frames):
            done.append(decode(torch.stack([draws.position() for _ in range(per)], 1)))
            progress(frame + 1 - known)
    return np.concatenate(done, 1)


def fill(
    model: Model,
    film: Tensor,
    known: Tensor,
    encoded: Mapping[str, list[Any]],
    seeds: Sequence[int],
    particles: int,
    steer: Steer,
    decode: Callable[[Tensor], UInt8],
) -> UInt8:
    """Completions of one film, one for each seed.

    Args:
        model: in evaluation mode.
        film: (1, T, H, W, …) positions.
        known: like it: which of them are kept.
        encoded: {condition: one value per completion}.
        seeds: of each completion.
        particles: candidates per completion.
        steer: how they are drawn; without guidance.
        decode: positions (B, any shape) -> films.
    """
    symbols, kept = flat(film, model)[0], flat(known, model)[0].to(model.device)
    if symbols.ndim == 2:  # a pixel's colours one after another
        symbols, kept = symbols.flatten(), kept.flatten()
    length, drawn = film.shape[1], list[UInt8]()
    for part in portions(len(seeds), model.device, particles):
        each = candidates(list(seeds[part]), particles)
        rows = [row for row in range(len(seeds))[part] for _ in range(particles)]
        context = model.condition(to_given(rows_of(encoded, rows, length), model.device), len(each))
        walk = model.walk(len(each), context, length * nested_of(model).per_frame)
        own = torch.tensor(each, device=model.device)
        drawn.append(decode(fill_in(walk, symbols, kept, own, particles, None if steer == Steer() else steer)))
    return np.concatenate(drawn)


def flat(x: Tensor, model: Model) -> Tensor:
    """(B, T, H, W, …) as a walk's positions: (B, N), or (B, N, P)."""
    return x.flatten(1) if model.head.parts == 1 else x.flatten(1, -2)
