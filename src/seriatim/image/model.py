"""A trained model of pictures: sampling, completion, likelihoods and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast, final

import numpy as np
import torch
from numpy.typing import NDArray

from seriatim.context import Context
from seriatim.data.arrays import UInt8
from seriatim.errors import UserError
from seriatim.image.canvas import grid_of, pictures, positions
from seriatim.image.codes import Codes
from seriatim.image.conditions import LABEL, MAP, VECTOR, encode_conditions, several, with_conditions
from seriatim.image.data.gallery import Pictures
from seriatim.image.encoders import CODE
from seriatim.image.figures import CodeFigures, ImageFigures
from seriatim.models import GridModel
from seriatim.models.likelihood import to_given
from seriatim.runs import arguments
from seriatim.runs.arguments import takes
from seriatim.runs.bayes import posterior
from seriatim.runs.trained import STEER, Trained
from seriatim.symbols import Given
from seriatim.symbols.lacking import Lacking, heard
from seriatim.symbols.levels import Levels
from seriatim.walks.backend import Backend
from seriatim.walks.draws import portions
from seriatim.walks.noise import Seed, own_seeds
from seriatim.walks.particles import candidates, fill_in
from seriatim.walks.steer import Steer, steer_of
from seriatim.walks.walk import Walk

Progress = Callable[[int], None]

_PARTICLES = 10_000  # which are drawn together


@final
class ImageModel(Trained):
    """A model of pictures with the codecs of its levels and conditions.

    Returned by `seriatim.train` and `seriatim.load`. Pictures are 8-bit arrays (N, H, W, C) of the run's size.

    Example:
        >>> import numpy as np
        >>> import seriatim
        >>> pictures = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 1), np.uint8)
        >>> net = {"filters": 8, "layers": 1}
        >>> model = seriatim.train(pictures, out="runs/images", net=net, steps=1, quiet=True, device="cpu")
        >>> model.sample(2, seed=1).shape, model.log_prob(pictures[:3]).shape
        ((2, 4, 4, 1), (3,))
    """

    kind = "image"
    data_codec = Levels
    backend: Backend = "auto"
    """What draws: see `Model.prepare`."""

    @property
    def levels(self) -> Levels:
        """Pictures <-> symbols."""
        return cast(Levels, self.codecs["x"])

    @property
    def code(self) -> Codes | None:
        """An auto-encoder's codes; None for other models."""
        return Codes.of(self.model, self.levels, "code_nats" in self.about)

    @property
    def grid(self) -> GridModel:
        """The family's model, without its encoders."""
        return grid_of(self.model)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the pictures."""
        return self.levels.shape

    @property
    def path(self) -> NDArray[np.int64]:
        """(H · W,) pixel numbers, counted row by row, in sampling order."""
        order = self.grid.order
        height, width, channels = self.shape
        if order is None:
            return np.arange(height * width)
        return (order.numpy() // channels)[channels - 1 :: channels]

    # ------------------------------------------------------------------ likelihood

    @takes(given=arguments.named, batch=arguments.count, progress=arguments.function)
    @torch.no_grad()
    def log_prob(
        self, pictures: UInt8, given: Given | None = None, batch: int = 64, progress: Progress | None = None
    ) -> NDArray[np.float64]:
        """log p of each picture in nats, given its conditions.

        Args:
            pictures: (N, H, W, C) 8-bit values.
            given: conditions. For an auto-encoder, a code: then this is not a likelihood of the picture; see `bound`.
            batch: pictures per batch.
            progress: called after each batch with the number of pictures done.

        Raises:
            UserError: for an auto-encoder without a code.
        """
        x = self.levels.encode(several(pictures, self.shape))
        conditions = self._given(given, len(x))
        if batch < 1:
            raise UserError(f"batch is {batch}; give 1 or more")
        result = np.zeros(len(x))
        for first in range(0, len(x), batch):
            part = slice(first, first + batch)
            symbols = torch.from_numpy(positions(x[part], self.model)).to(self.model.device)
            some = to_given({name: value[part] for name, value in conditions.items()}, self.model.device)
            result[part] = self.model.log_probs(symbols, some).double().flatten(1).sum(1).cpu().numpy()
            if progress is not None:
                progress(min(first + batch, len(x)))
        return result

    def read(self, pictures: Pictures) -> tuple[torch.Tensor, Context]:
        """Pictures as positions, and their own conditions, encoded."""
        x = torch.from_numpy(positions(self.levels.encode(pictures.x), self.model)).to(self.model.device)
        given = to_given(self._given(self.given_of(pictures), len(x)), self.model.device)
        return x, self.model.condition(given, len(x))

    @takes(batch=arguments.count, progress=arguments.function)
    def bound(self, pictures: UInt8, batch: int = 64, progress: Progress | None = None) -> NDArray[np.float64]:
        """A lower bound of an auto-encoder on log p of each picture in nats: log p(code) + log p(picture | code).

        It is a bound because other codes can produce the same picture. For arguments see `log_prob`.

        Raises:
            UserError: if the model is not an auto-encoder, or its prior is not trained yet.
        """
        codes = self.codes.encode(several(pictures, self.shape))
        prior = self.codes.log_prob(self.codes.symbols(codes))
        return prior + self.log_prob(pictures, {CODE: codes}, batch, progress)

    @takes(given=arguments.named, batch=arguments.count, progress=arguments.function)
    def evaluate(
        self,
        pictures: Pictures | UInt8,
        given: Given | None = None,
        batch: int = 64,
        progress: Progress | None = None,
    ) -> ImageFigures | CodeFigures:
        """The exact likelihood of held-out pictures, given their labels if the model is conditioned on them.

        For an auto-encoder: a bound on it, and its terms.

        Args:
            pictures: (N, H, W, C) 8-bit values, or pictures as they are read from files, with their own conditions.
            given: conditions of an array of pictures; None, or a list with one per picture.
            batch: pictures per batch.
            progress: called after each batch with the number of pictures done.
        """
        if not isinstance(pictures, Pictures):
            pictures = with_conditions(pictures, given or {}, self.codecs)
        elif given:
            raise UserError("given is for an array of pictures, and these have their own conditions; leave it out")
        dims = int(np.prod(self.shape))
        coded = None if self.code is None else self.code.encode(pictures.x)
        conditions = self.given_of(pictures) if coded is None else {CODE: coded}
        nats = -self.log_prob(pictures.x, conditions, batch, progress)
        figures = ImageFigures.of(nats, dims)
        if self.code is None or coded is None:
            return figures.conditioned([*self.conditions], self.lacking(pictures))
        if self.code.prior is None:
            return CodeFigures(figures, None, None)
        codes = -self.code.log_prob(self.code.symbols(coded))
        return CodeFigures(figures, float(codes.mean()), ImageFigures.of(codes + nats, dims))

    def given_of(self, pictures: Pictures) -> Given:
        """The pictures' own labels, maps and vectors as conditions; for an auto-encoder, the pictures themselves.

        A label that is not in the training split counts as missing.
        """
        if self.code is not None:
            return {CODE: pictures.x}
        given: dict[str, list[str | None] | UInt8 | NDArray[np.float32]] = {}
        if LABEL in self.label_codecs and pictures.labels is not None:
            given[LABEL] = heard(LABEL, self.label_codecs[LABEL], pictures.labels)[0]
        if MAP in self.codecs and pictures.maps is not None:
            given[MAP] = pictures.maps
        if VECTOR in self.codecs and pictures.vectors is not None:
            given[VECTOR] = pictures.vectors
        return given

    def lacking(self, pictures: Pictures) -> list[Lacking]:
        """Which of the pictures lack a condition of the model, or have a label that it does not know."""
        count, found = len(pictures.x), list[Lacking]()
        if LABEL in self.label_codecs:
            labels = [None] * count if pictures.labels is None else pictures.labels
            found.append(heard(LABEL, self.label_codecs[LABEL], labels)[1])
        for name, values in ((MAP, pictures.maps), (VECTOR, pictures.vectors)):
            if name in self.codecs:
                found.append(Lacking(name, count, count if values is None else 0))
        return found

    @takes(prior=arguments.named, name=arguments.text, given=arguments.named, progress=arguments.function)
    def posterior(
        self,
        pictures: UInt8,
        prior: Mapping[str, float] | None = None,
        name: str = LABEL,
        batch: int = 64,
        given: Given | None = None,
        progress: Progress | None = None,
    ) -> NDArray[np.float64]:
        """p(y | x) of every label by Bayes' rule, log p(x | y) + log p(y), normalised.

        Args:
            pictures: (N, H, W, C) 8-bit values.
            prior: p(y) of each label, up to a factor; 0 for labels left out. Default: uniform.
            name: name of the condition.
            batch: pictures per batch.
            given: other conditions.
            progress: called after each batch with the number of pictures done, over all labels.

        Returns:
            (N, labels), in the order of `labels(name)`.

        Raises:
            UserError: if the model has no such labels, or the prior is invalid.
        """
        labels = self.labels(name)  # an auto-encoder has none
        pictures = several(pictures, self.shape)

        def log_prob(label: str, told: Progress | None) -> NDArray[np.float64]:
            return self.log_prob(pictures, {**(given or {}), name: label}, batch, told)

        return posterior(log_prob, labels, len(pictures), prior, name, progress)

    def labels(self, name: str = LABEL) -> list[str]:
        """The labels of a condition. Default: of the pictures' own."""
        return super().labels(name)

    # ------------------------------------------------------------------ codes

    @property
    def codes(self) -> Codes:
        """An auto-encoder's codes.

        Raises:
            UserError: if the model is not an auto-encoder.
        """
        if self.code is None:
            raise UserError("this model is not an auto-encoder; train one with --code.width or --preset autoencoder")
        return self.code

    def decode(self, codes: NDArray[np.floating[Any]], *, seed: Seed = 0, **options: Any) -> UInt8:
        """Draw a picture from each code (N, width), which need not come from the encoder.

        For options see `sample`.
        """
        if np.ndim(codes) != 2:
            raise UserError(f"codes of shape {np.shape(codes)}; expected (N, {self.codes.width}): one row per picture")
        return self.sample(len(codes), given={CODE: codes}, seed=seed, **options)

    def between(self, first: UInt8, last: UInt8, count: int, *, seed: int = 0, **options: Any) -> UInt8:
        """Pictures (count, H, W, C) drawn from codes interpolated between those of two pictures (H, W, C).

        All have the same seed, so that only the code changes. For options see `sample`.
        """
        a, b = self.codes.encode(np.stack([first, last]))
        share = np.linspace(0, 1, count, dtype=np.float32)[:, None]
        return self.decode(a + share * (b - a), seed=[seed] * count, **options)

    # ------------------------------------------------------------------ sampling

    @takes(n=arguments.count, given=arguments.named, seed=arguments.seeds, steer=STEER, progress=arguments.function)
    def sample(
        self,
        n: int = 1,
        *,
        given: Given | None = None,
        seed: Seed = 0,
        steer: Steer | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> UInt8:
        """Draw pictures, at about the cost of one pass over them.

        Args:
            n: number of pictures.
            given: conditions. Without a code, an auto-encoder first draws codes from its prior.
            seed: of the first picture, or a list with one per picture. A seed gives the same picture in any batch.
            steer: temperature and filters; or pass them as options: temperature=0.8, top_k=40, …
            progress: called after each symbol with the number of symbols drawn.
            options: fields of `seriatim.Steer`.

        Returns:
            (n, H, W, C) 8-bit values.

        Raises:
            UserError: for impossible options or unknown conditions.
        """
        if n < 1:
            raise UserError(f"n is {n}; give 1 or more pictures")
        seeds = own_seeds(seed, n, "pictures")
        length, chosen = int(np.prod(self.grid.canvas)), steer_of(steer, options)
        if self.code is not None and (given or {}).get(CODE) is None:
            given = {**(given or {}), CODE: self.code.draw(seeds)}
        encoded, drawn = self._given(given, n), list[UInt8]()
        for part in portions(n, self.model.device):
            context = to_given({name: value[part] for name, value in encoded.items()}, self.model.device)
            own, told = seeds[part], _told(progress, part, n, length)
            x = self.model.sample(
                len(own), context, length=length, seed=own, steer=chosen, progress=told, backend=self.backend
            )
            drawn.append(self.levels.decode(pictures(x.cpu().numpy(), self.model, self.shape)))
        return np.concatenate(drawn)

    @takes(n=arguments.count, particles=arguments.count, given=arguments.named, seed=arguments.seeds, steer=STEER)
    def complete(
        self,
        picture: UInt8,
        known: NDArray[np.bool_],
        n: int = 1,
        *,
        particles: int = 1,
        given: Given | None = None,
        seed: Seed = 0,
        steer: Steer | None = None,
        **options: Any,
    ) -> UInt8:
        """Draw the unknown pixels of a picture; known pixels are kept, on the model's levels.

        Pixels are drawn left to right and top to bottom (for a multi-scale model, the smallest scale first). If all
        known pixels come first, completions follow the exact conditional distribution. Otherwise, pixels are drawn
        without those known later, and particles approximate the conditional distribution: the more, the closer.

        Args:
            picture: (H, W, C) 8-bit values.
            known: (H, W) which pixels are known.
            n: number of completions.
            particles: candidates per completion.
            given: conditions, the same for all.
            seed: of the first, or a list with one per completion.
            steer: temperature and filters; or pass them as options.
            options: fields of `seriatim.Steer`.

        Returns:
            (n, H, W, C) 8-bit values.

        Raises:
            UserError: for another shape or impossible options.
        """
        if n < 1 or not 1 <= particles <= _PARTICLES:
            raise UserError(
                f"n is {n} and particles {particles}; give 1 or more of each, at most {_PARTICLES} particles"
            )
        picture, known = np.asarray(picture), np.asarray(known)
        if picture.shape != self.shape:
            raise UserError(f"the picture is {picture.shape} and the model's pictures {self.shape}; give one, resized")
        if known.shape != self.shape[:2]:
            raise UserError(f"the mask is {known.shape} and the model's pictures {self.shape[:2]}; resize it")
        own = own_seeds(seed, n, "completions")
        chosen, device = steer_of(steer, options), self.model.device
        if chosen.counts:
            raise UserError("repetition, presence and frequency are for text; leave them out")
        if chosen.guidance != 1:
            raise UserError("completions cannot be guided; leave out guidance")
        every = np.broadcast_to(known[..., None], self.shape).astype(np.int64)
        encoded = np.stack([self.levels.encode(picture), every])
        symbols, kept = torch.from_numpy(positions(encoded, self.model)).flatten(1)
        symbols, mask = symbols.to(device), kept > 0
        conditions, drawn = self._given(given, n), list[UInt8]()
        for part in portions(n, device, particles):
            each = candidates(own[part], particles)
            some = {name: np.repeat(value[part], particles, 0) for name, value in conditions.items()}
            context = self.model.condition(to_given(some, device), len(each))
            walk = Walk(self.model.packed(), len(each), context, int(np.prod(self.grid.canvas)))
            seeds = torch.tensor(each, device=device)
            x = fill_in(walk, symbols, mask, seeds, particles, None if chosen == Steer() else chosen)
            drawn.append(self.levels.decode(pictures(x.cpu().numpy(), self.model, self.shape)))
        return np.concatenate(drawn)

    def _given(self, given: Given | None, rows: int) -> dict[str, NDArray[Any]]:
        return encode_conditions(self.codecs, given or {}, rows, None if self.code is None else self.code.width)


def _told(progress: Progress | None, part: slice, n: int, symbols: int) -> Progress | None:
    """The progress of a portion as that of all n pictures, in symbols of one."""
    return (
        None
        if progress is None
        else lambda done: progress((part.start * symbols + (part.stop - part.start) * done) // n)
    )
