"""A trained model of pictures: pictures in, pictures, likelihoods and figures out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast, final

import numpy as np
import torch
from numpy.typing import NDArray

from seriatim import checkpoint
from seriatim.data.gallery import Pictures
from seriatim.data.tokens import encode_given
from seriatim.errors import UserError, nearest
from seriatim.figures import ImageFigures
from seriatim.likelihood import to_given
from seriatim.models import GridModel, Model
from seriatim.models.conditional import Conditional
from seriatim.noise import row_seeds
from seriatim.search import fill_in
from seriatim.steer import Steer, steer_of
from seriatim.symbols import Labels, Levels, Symbols
from seriatim.walk import Walk

Array = NDArray[np.uint8]
LABEL = "label"
"""The condition that a picture's folder, or a data set, gives it."""


@final
class ImageModel:
    """A model of pictures with the codecs of its levels and conditions.

    `seriatim.load(run)` gives one; `seriatim.train(...)` too. Pictures are 8-bit arrays (N, H, W, C) of the run's size.
    """

    def __init__(
        self, model: Model, codecs: Mapping[str, Symbols], family: str = "", about: Mapping[str, Any] | None = None
    ) -> None:
        levels = codecs["x"]
        if not isinstance(levels, Levels):
            raise UserError(f"a model of pictures needs levels, and this one has {type(levels).__name__}")
        self.model, self.levels, self.codecs = model.eval(), levels, dict(codecs)
        self.conditions = {name: codec for name, codec in codecs.items() if isinstance(codec, Labels)}
        self.family, self.about = family, dict(about or {})

    @classmethod
    def load(cls, run: str | Path, device: str = "cpu") -> ImageModel:
        """Open a run's directory.

        Raises:
            UserError: if it is missing, damaged or not a model of pictures.
        """
        loaded = checkpoint.load(Path(run), device)
        if loaded.modality != "images":
            raise UserError(f"{run} holds a model of {loaded.modality[:40]!r}, and pictures are wanted")
        return cls(loaded.model, loaded.codecs, loaded.family, loaded.about)

    @property
    def grid(self) -> GridModel:
        """The family's model, without its encoders."""
        return grid_of(self.model)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of a picture."""
        return self.levels.shape

    @property
    def path(self) -> NDArray[np.int64]:
        """(H · W,) the pixels' numbers, row by row, in the order in which they are finished."""
        order = self.grid.order
        height, width, channels = self.shape
        if order is None:
            return np.arange(height * width)
        return (order.numpy() // channels)[channels - 1 :: channels]

    # ------------------------------------------------------------------ likelihood

    @torch.no_grad()
    def log_prob(
        self, pictures: Array, given: Mapping[str, str | Sequence[str | None] | None] | None = None, batch: int = 64
    ) -> NDArray[np.float64]:
        """log p of each picture in nats.

        Args:
            pictures: (N, H, W, C) 8-bit values.
            given: conditions, one for all or a list with one for each.
            batch: pictures at a time.
        """
        x, conditions = self.levels.encode(pictures), self._given(given, len(pictures))
        result = np.zeros(len(x))
        for first in range(0, len(x), batch):
            part = slice(first, first + batch)
            symbols = torch.from_numpy(positions(x[part], self.model)).to(self.model.device)
            some = to_given({name: value[part] for name, value in conditions.items()}, self.model.device)
            result[part] = self.model.log_probs(symbols, some).double().flatten(1).sum(1).cpu().numpy()
        return result

    def evaluate(self, pictures: Pictures, batch: int = 64) -> ImageFigures:
        """The exact likelihood of held-out pictures, given their labels if the model has that condition."""
        return ImageFigures.of(-self.log_prob(pictures.x, self.given_of(pictures), batch), int(np.prod(self.shape)))

    def given_of(self, pictures: Pictures) -> dict[str, list[str | None]]:
        """The pictures' own labels as conditions; one that the training split did not have counts as not said."""
        if LABEL not in self.conditions or pictures.labels is None:
            return {}
        known = set(self.labels())
        return {LABEL: [label if label in known else None for label in pictures.labels]}

    def posterior(
        self, pictures: Array, prior: Mapping[str, float] | None = None, name: str = LABEL, batch: int = 64
    ) -> NDArray[np.float64]:
        """p(y | x) of every label by Bayes' rule, log p(x | y) + log p(y), normalised.

        Args:
            pictures: (N, H, W, C) 8-bit values.
            prior: p(y) of each label, up to a factor; a label that is left out has none. None: all the same.
            name: of the condition.
            batch: pictures at a time.

        Returns:
            (N, labels), in the order of `labels(name)`.

        Raises:
            UserError: if the model has no such labels, or the prior is none.
        """
        labels = self.labels(name)
        unknown = [label for label in prior or {} if label not in labels]
        if unknown:
            raise UserError(f"{unknown[0]!r} is not a {name} of this model; {nearest(unknown[0], labels)}")
        weights = np.array([1.0 if prior is None else prior.get(label, 0.0) for label in labels])
        if not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
            raise UserError(f"the prior is {dict(prior or {})}; numbers from 0 up are wanted, not all of them 0")
        some = [i for i, weight in enumerate(weights) if weight > 0]
        scores = np.full((len(pictures), len(labels)), -np.inf)
        for i in some:
            scores[:, i] = self.log_prob(pictures, {name: labels[i]}, batch) + np.log(weights[i])
        scores -= scores.max(1, keepdims=True)
        p = np.exp(scores)
        return p / p.sum(1, keepdims=True)

    def labels(self, name: str = LABEL) -> list[str]:
        """The values of a condition.

        Raises:
            UserError: if the model has no such condition.
        """
        if name not in self.conditions:
            known = f"its conditions are {', '.join(self.conditions)}" if self.conditions else "it has no conditions"
            raise UserError(f"this model is not conditioned on {name!r}; {known}: train one on labelled pictures")
        codec = self.conditions[name]
        return [codec.decode(i) for i in range(codec.size)]

    # ------------------------------------------------------------------ sampling

    def sample(
        self,
        n: int = 1,
        *,
        given: Mapping[str, str | Sequence[str | None] | None] | None = None,
        seed: int | Sequence[int] = 0,
        steer: Steer | None = None,
        progress: Callable[[int], None] | None = None,
        **options: Any,
    ) -> Array:
        """Draw pictures, at about the cost of one pass over them.

        Args:
            n: how many.
            given: conditions, one for all or a list with one for each.
            seed: of the first, or a list with one for each. The same seed gives the same picture in any batch.
            steer: temperature and filters; or give them as options: temperature=0.8, top_k=40, …
            progress: called with the number of symbols drawn after each of them.
            options: fields of `seriatim.Steer`.

        Returns:
            (n, H, W, C) 8-bit values.

        Raises:
            UserError: on impossible options or unknown conditions.
        """
        if n < 1:
            raise UserError(f"{n} pictures are asked for; ask for at least one")
        if not isinstance(seed, int) and len(seed) != n:
            raise UserError(f"{len(seed)} seeds for {n} pictures; give one, or one for each")
        length = int(np.prod(self.grid.canvas))
        context = to_given(self._given(given, n), self.model.device)
        chosen = steer_of(steer, options)
        x = self.model.sample(n, context, length=length, seed=seed, steer=chosen, progress=progress)
        return self.levels.decode(pictures(x.cpu().numpy(), self.model, self.shape))

    def complete(
        self,
        picture: Array,
        known: NDArray[np.bool_],
        n: int = 1,
        *,
        particles: int = 1,
        given: Mapping[str, str | None] | None = None,
        seed: int | Sequence[int] = 0,
        steer: Steer | None = None,
        **options: Any,
    ) -> Array:
        """Draw what is not known of a picture; known pixels are kept as they are, on the model's levels.

        Pixels are drawn left to right and top to bottom (of a multi-scale model, the smallest scale first). If the
        known ones all come first, what is drawn has the true conditional distribution. Otherwise it was drawn without
        knowing those that come later, and only particles weigh it by them: the more, the closer.

        Args:
            picture: (H, W, C) 8-bit values.
            known: (H, W) which pixels are kept.
            n: how many completions.
            particles: candidates for each.
            given: conditions, the same for all.
            seed: of the first, or a list with one for each.
            steer: temperature and filters; or give them as options.
            options: fields of `seriatim.Steer`.

        Returns:
            (n, H, W, C) 8-bit values.

        Raises:
            UserError: on another shape, or impossible options.
        """
        if n < 1 or particles < 1:
            raise UserError(f"{n} completions of {particles} particles are asked for; ask for at least one")
        if known.shape != self.shape[:2]:
            raise UserError(f"the mask is {known.shape} and the model's pictures {self.shape[:2]}; resize it")
        if not isinstance(seed, int) and len(seed) != n:
            raise UserError(f"{len(seed)} seeds for {n} completions; give one, or one for each")
        chosen, device = steer_of(steer, options), self.model.device
        if chosen.counts:
            raise UserError("repetition, presence and frequency are for text; leave them out")
        every = np.broadcast_to(known[..., None], self.shape).astype(np.int64)
        encoded = np.stack([self.levels.encode(picture), every])
        symbols, kept = torch.from_numpy(positions(encoded, self.model)).flatten(1)
        symbols, mask = symbols.to(device), kept > 0
        first = row_seeds(seed, n, device)
        seeds = torch.cat([row_seeds(int(s), particles, device) for s in first]) if particles > 1 else first
        rows = n * particles
        context = self.model.condition(to_given(self._given(given, rows), device), rows)
        with torch.no_grad():
            walk = Walk(self.model.packed(), rows, context, int(np.prod(self.grid.canvas)))
            x = fill_in(walk, symbols, mask, seeds, particles, None if chosen == Steer() else chosen)
        return self.levels.decode(pictures(x.cpu().numpy(), self.model, self.shape))

    # ------------------------------------------------------------------ conditions

    def _given(
        self, given: Mapping[str, str | Sequence[str | None] | None] | None, rows: int
    ) -> dict[str, NDArray[np.int64]]:
        given = given or {}
        for name in given:
            if name not in self.conditions:
                raise UserError(f"{name!r} is not a condition of this model; {nearest(name, self.conditions)}")
        result: dict[str, NDArray[np.int64]] = {}
        for name, codec in self.conditions.items():
            value = given.get(name)
            values = [value] * rows if value is None or isinstance(value, str) else list(value)
            if len(values) != rows:
                raise UserError(f"{len(values)} values of {name} for {rows} pictures; give one, or one for each")
            known = {v: encode_given(v, codec, f"--given {name}") for v in set(values)}
            result[name] = np.array([known[v] for v in values], dtype=np.int64)
        return result


def positions(x: NDArray[np.int64], model: Model) -> NDArray[np.int64]:
    """Levels (B, H, W, C) as a model takes them: (B, *S), or (B, *S, P) where a position is a pixel of P colours."""
    grid = grid_of(model)
    if grid.order is not None:
        return x.reshape(len(x), -1)[:, grid.order.numpy()]
    return x[..., 0] if model.head.parts == 1 and len(grid.canvas) == 2 else x


def pictures(x: NDArray[np.int64], model: Model, shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """The reverse of `positions`, from (B, any shape)."""
    grid, flat = grid_of(model), x.reshape(len(x), -1)
    if grid.order is not None:
        flat = flat[:, grid.order.numpy().argsort()]
    return flat.reshape(len(x), *shape)


def grid_of(model: Model) -> GridModel:
    """The family's model, without its encoders."""
    return cast(GridModel, model.model if isinstance(model, Conditional) else model)
