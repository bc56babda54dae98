"""A trained model of sound: recordings in; recordings, likelihoods and figures out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, cast, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seriatim.audio.conditions import Encoded, each, encode_conditions
from seriatim.audio.data.aligned import featured
from seriatim.audio.data.excerpts import as_encoded
from seriatim.audio.data.recordings import VECTOR, Takes
from seriatim.audio.encoders import AlignedCodec
from seriatim.audio.features import Feature
from seriatim.audio.figures import AudioFigures
from seriatim.audio.quantiser import Quantiser
from seriatim.context import EMPTY, Context
from seriatim.errors import UserError
from seriatim.models.likelihood import log_probs, relative_error, to_given
from seriatim.runs.trained import Trained, by_bayes
from seriatim.symbols import Given
from seriatim.walks.draws import Draws
from seriatim.walks.noise import row_seeds, uniform
from seriatim.walks.steer import Steer, steer_of

Array = NDArray[np.int16]
Progress = Callable[[int], None]

_BLOCK = 0.01  # seconds of sound that `blocks` hands out at a time


@final
class AudioModel(Trained):
    """A model of sound with the codecs of its samples and conditions.

    `seriatim.load(run)` gives one; `seriatim.train(...)` too. Recordings are arrays of 16 bits at the run's rate, (T,),
    or (T, 2) of left and right.
    """

    kind = "audio"
    data_codec = Quantiser

    @property
    def codec(self) -> Quantiser:
        """Samples <-> symbols."""
        return cast(Quantiser, self.codecs["x"])

    @property
    def tracks(self) -> dict[str, AlignedCodec]:
        """{condition: codec} of the time-aligned conditions."""
        return {name: codec for name, codec in self.codecs.items() if isinstance(codec, AlignedCodec)}

    @property
    def rate(self) -> int:
        """Samples a second."""
        return self.codec.rate

    @property
    def channels(self) -> int:
        """1, or 2 for left and right."""
        return self.codec.channels

    @property
    def past(self) -> int:
        """How many samples before one its distribution depends on."""
        past = self.model.past
        if past is None:
            raise UserError("this model looks back over all there is, and models of audio need a finite reach")
        return past

    @property
    def vocodes(self) -> bool:
        """Whether a condition is taken of the sound itself, so that log p is no likelihood of it."""
        return any(isinstance(codec, Feature) for codec in self.tracks.values())

    # ------------------------------------------------------------------ likelihood

    def log_probs(
        self,
        recordings: Sequence[Array],
        given: Given | None = None,
        batch: int = 16,
        progress: Progress | None = None,
    ) -> list[NDArray[np.float64]]:
        """log p of every sample of each recording in nats, given its conditions; of left and right together.

        Args:
            recordings: (T,) or (T, 2) each, of any length.
            given: conditions.
            batch: recordings at a time.
            progress: called with how many samples are read, now and then.
        """
        values = {name: each(name, value, len(recordings)) for name, value in (given or {}).items()}
        order = sorted(range(len(recordings)), key=lambda i: len(recordings[i]))
        found: dict[int, NDArray[np.float64]] = {}
        read = 0
        for first in range(0, len(order), batch):
            some = order[first : first + batch]
            symbols = [self.codec.encode(self._checked(recordings[i])) for i in some]
            own = {name: [value[i] for i in some] for name, value in values.items()}
            context = self._given(own, len(some), max(map(len, symbols)))
            shown = None if progress is None else _behind(progress, read)
            found |= zip(some, log_probs(self.model, symbols, context, batch=batch, progress=shown), strict=True)
            read += sum(map(len, symbols))
        return [found[i] for i in range(len(recordings))]

    def log_prob(
        self, recordings: Sequence[Array], given: Given | None = None, batch: int = 16, progress: Progress | None = None
    ) -> NDArray[np.float64]:
        """log p of each recording in nats. Arguments are those of `log_probs`."""
        return np.array([terms.sum() for terms in self.log_probs(recordings, given, batch, progress)])

    def evaluate(self, takes: Takes, progress: Progress | None = None) -> AudioFigures:
        """Figures of recordings, given their own labels."""
        terms = self.log_probs(takes.x, self.given_of(takes), progress=progress)
        count = sum(map(len, terms))
        error = relative_error(terms, None)
        nats = -float(sum(each.sum() for each in terms))
        seconds = count / self.rate
        return AudioFigures(nats, count * self.channels, len(terms), seconds, self.codec.name, error, self.vocodes)

    def given_of(self, takes: Takes) -> dict[str, list[Any]]:
        """What recordings are labelled with as conditions; a label that the training split did not have is not said."""
        given: dict[str, list[Any]] = {}
        for name, codec in self.label_codecs.items():
            if name in takes.labels:
                known = set(codec.values)
                given[name] = [label if label in known else None for label in takes.labels[name]]
        if VECTOR in self.codecs and takes.vectors is not None:
            given[VECTOR] = list(takes.vectors)
        tracks = featured(takes, self.tracks).tracks
        for name, codec in self.tracks.items():
            if name in tracks:
                given[name] = [Encoded(values) for values in as_encoded(tracks[name], codec).values]
        return given

    def posterior(self, recordings: Sequence[Array], name: str, given: Given | None = None) -> NDArray[np.float64]:
        """p(y | x) of every label of a condition by Bayes' rule, all labels being as likely beforehand: (N, labels).

        Raises:
            UserError: if the model is not conditioned on it.
        """
        scores = [self.log_prob(recordings, {**(given or {}), name: label}) for label in self.labels(name)]
        return by_bayes(np.stack(scores, 1))

    # ------------------------------------------------------------------ sampling

    def sample(
        self,
        seconds: float | None = None,
        n: int = 1,
        *,
        given: Given | None = None,
        prompt: Array | None = None,
        seed: int | Sequence[int] = 0,
        steer: Steer | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> Array:
        """Draw recordings (n, T[, 2]), the prompt included.

        Arguments are those of `blocks`; `progress` is called with how many samples of each are there.
        """
        parts = [] if prompt is None else [np.repeat(self._checked(prompt)[None], n, 0)]
        done = 0 if prompt is None else len(prompt)
        for block in self.blocks(seconds, n, given=given, prompt=prompt, seed=seed, steer=steer, **options):
            parts.append(block)
            done += block.shape[1]
            if progress is not None:
                progress(done)
        return np.concatenate(parts, 1)

    def blocks(
        self,
        seconds: float | None = None,
        n: int = 1,
        *,
        given: Given | None = None,
        prompt: Array | None = None,
        seed: int | Sequence[int] = 0,
        steer: Steer | None = None,
        block: float = _BLOCK,
        **options: Any,
    ) -> Iterator[Array]:
        """Draw recordings and hand out what is new of them while they come about: stop whenever you like.

        The same seed gives the same recording in any batch and in blocks of any size.

        Args:
            seconds: how much to draw, behind the prompt; None: as long as what runs beside it, or else 1.
            n: how many recordings.
            given: conditions. A label may also be a mixture of several, {"theo": 0.5, "jackson": 0.5}, whose vectors
                are then added by these weights. What runs beside the sound begins where the prompt does.
            prompt: (T,) or (T, 2) what all of them begin with, read as one chunk.
            seed: of the first, or a list with one for each.
            steer: temperature and filters; or give them as options: temperature=0.9, top_p=0.95, …
            block: seconds of a block.
            options: fields of `seriatim.Steer`.

        Yields:
            (n, samples[, 2]) of 16 bits.

        Raises:
            UserError: on impossible options or unknown conditions, before the first block.
        """
        if n < 1 or not 0 < block < float("inf"):
            raise UserError(f"{n} recordings in blocks of {block} seconds are asked for; give more than 0")
        if not isinstance(seed, int) and len(seed) != n:
            raise UserError(f"{len(seed)} seeds for {n} recordings; give one, or one for each")
        chosen = steer_of(steer, options)
        if chosen.counts:
            raise UserError("repetition, presence and frequency are for text; leave them out")
        count = self.samples(seconds, n, given=given, prompt=prompt) - (0 if prompt is None else len(prompt))
        size = max(1, round(block * self.rate))
        context = self._context(given or {}, n)
        known = None if prompt is None else self.codec.encode(self._checked(prompt))
        return self._blocks(n, context, known, row_seeds(seed, n, self.model.device), chosen, count, size)

    def samples(
        self, seconds: float | None = None, n: int = 1, *, given: Given | None = None, prompt: Array | None = None
    ) -> int:
        """How many samples a recording has that `sample` draws, the prompt included.

        Raises:
            UserError: if there are none, or what is given beside them is too short.
        """
        lasting, begun = self._lasting(given or {}, n), 0 if prompt is None else len(prompt)
        if lasting is not None and begun >= lasting:
            raise UserError(
                f"the prompt lasts {begun / self.rate:g} seconds, and what is given beside it {lasting / self.rate:g}, "
                "counted from where the prompt begins; give a shorter prompt, or more beside it"
            )
        if seconds is None:
            seconds = 1.0 if lasting is None else (lasting - begun) / self.rate
        if not 0 < seconds < 2**31 / self.rate:
            raise UserError(f"{seconds:g} seconds are asked for; give more than 0")
        count = begun + max(1, round(seconds * self.rate))
        if lasting is not None and count > lasting:
            raise UserError(
                f"{count / self.rate:g} seconds in all are asked for, but what is given beside them lasts "
                f"{lasting / self.rate:g}; give fewer, or more of it"
            )
        return count

    def _blocks(
        self,
        n: int,
        context: Context,
        known: NDArray[np.int64] | None,
        seeds: Tensor,
        steer: Steer,
        count: int,
        size: int,
    ) -> Iterator[Array]:
        model = self.model
        with torch.inference_mode():
            length = count + (0 if known is None else len(known))
            walk = model.walk(n, context, length, steer.guidance)
            prompt = None
            if known is not None and len(known):
                prompt = torch.from_numpy(known).to(model.device)[None].expand(n, *known.shape)
                walk.feed(prompt)
            draws = Draws(walk, model.head, seeds, steer, prompt)
        for first in range(0, count, size):
            with torch.inference_mode():
                drawn = torch.stack([draws.position() for _ in range(min(size, count - first))], 1).cpu().numpy()
            yield self.codec.to_int16(drawn)

    def forced(self, recordings: Sequence[Array], given: Given | None = None, seed: int = 0) -> list[Array]:
        """Each sample drawn given the true ones before it (teacher-forced): it shows one step, and is no sample."""
        out: list[Array] = []
        values = {name: each(name, value, len(recordings)) for name, value in (given or {}).items()}
        for i, x in enumerate(recordings):
            symbols = torch.from_numpy(self.codec.encode(self._checked(x)))[None].to(self.model.device)
            own = self._given({name: [value[i]] for name, value in values.items()}, 1, len(x))
            context = to_given(own, self.model.device)
            with torch.inference_mode():
                dist: Any = self.model.head(self.model(symbols, context))
                u = uniform(row_seeds(seed + i, 1, symbols.device), 0, symbols.numel())
                drawn = dist.draw(u.view(symbols.shape if symbols.dim() == 3 else (*symbols.shape, 1)))
            out.append(self.codec.to_int16(drawn[0].cpu().numpy()))
        return out

    # ------------------------------------------------------------------ conditions

    def _checked(self, x: Array) -> Array:
        shape = (len(x),) if self.channels == 1 else (len(x), 2)
        if x.shape != shape:
            wanted = "(samples,)" if self.channels == 1 else "(samples, 2)"
            raise UserError(f"a recording of shape {x.shape}; {wanted} is wanted")
        return x

    def _given(self, given: Given, rows: int, samples: int = 0) -> dict[str, NDArray[Any]]:
        """Every condition encoded; what runs beside the sound is as long as so many samples at the least."""
        found = encode_conditions(self.codecs, given, rows)
        for name, codec in self.tracks.items():
            short = -(-samples // codec.hop) - found[name].shape[1]
            if short > 0:
                found[name] = np.pad(found[name], ((0, 0), (0, short), (0, 0)), constant_values=np.nan)
        return found

    def _context(self, given: Given, rows: int) -> Context:
        """The conditions as the model takes them; the vectors of mixed labels are added by their weights."""
        values = {name: each(name, value, rows) for name, value in given.items()}
        mixed = {
            name: [_weights(name, v) for v in value] for name, value in values.items() if name in self.label_codecs
        }
        most = {name: max(map(len, shares)) for name, shares in mixed.items()}
        result, vector = EMPTY, None
        for choice in product(*map(range, most.values())):
            weight = np.ones(rows)
            for (name, shares), j in zip(mixed.items(), choice, strict=True):
                parts = [share[j] if j < len(share) else (share[0][0], 0.0) for share in shares]
                values[name] = [label for label, _ in parts]
                weight *= [w for _, w in parts]
            device = self.model.device
            result = self.model.condition(to_given(self._given(values, rows), device), rows)
            if result.vector is not None:
                scale = torch.as_tensor(weight[:, None], dtype=result.vector.dtype, device=device)
                vector = scale * result.vector if vector is None else vector + scale * result.vector
        return replace(result, vector=vector)

    def _lasting(self, given: Given, rows: int) -> int | None:
        """For how many samples there is something beside them; None where nothing is given that runs beside."""
        lengths: list[int] = []
        for name, codec in self.tracks.items():
            if given.get(name) is not None:
                columns = encode_conditions({name: codec}, {name: given[name]}, rows)[name]
                if not np.isnan(columns).all():
                    lengths.append(columns.shape[1] * codec.hop)
        return min(lengths, default=None)


def _weights(name: str, value: Any) -> list[tuple[str | None, float]]:
    """A label, or a mixture of several, with their weights."""
    if not isinstance(value, Mapping):
        return [(value, 1.0)]
    parts: list[tuple[str | None, float]] = [
        (str(label), float(weight)) for label, weight in cast("Mapping[Any, Any]", value).items()
    ]
    if any(not weight >= 0 for _, weight in parts):
        raise UserError(f"the weights of {name} are {', '.join(f'{w:g}' for _, w in parts)}; numbers from 0 are wanted")
    total = sum(weight for _, weight in parts)
    if not abs(total - 1) < 1e-3:
        raise UserError(f"the weights of {name} add up to {total:g}; 1 is wanted")
    return parts


def _behind(progress: Progress, done: int) -> Progress:
    """The same progress, for what comes behind so much."""
    return lambda count: progress(done + count)
