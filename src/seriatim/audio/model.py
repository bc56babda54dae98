"""A trained model of audio: sampling, likelihoods and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast, final

import numpy as np
import torch
from numpy.typing import NDArray

from seriatim.audio import arrays
from seriatim.audio.arrangement import Arrangement
from seriatim.audio.conditions import Encoded, each, encode_conditions, mixtures
from seriatim.audio.data.aligned import featured
from seriatim.audio.data.excerpts import as_encoded, unheard
from seriatim.audio.data.recordings import VECTOR, Takes
from seriatim.audio.encoders import AlignedCodec
from seriatim.audio.features import Feature
from seriatim.audio.figures import AudioFigures
from seriatim.audio.quantiser import Quantiser
from seriatim.audio.spans import Spans
from seriatim.audio.streaming import Stream
from seriatim.context import EMPTY, Context
from seriatim.data.arrays import Int16
from seriatim.data.progress import offset
from seriatim.errors import UserError
from seriatim.models.likelihood import log_probs, relative_error, to_given
from seriatim.runs import arguments
from seriatim.runs.arguments import takes
from seriatim.runs.bayes import by_bayes
from seriatim.runs.trained import STEER, Trained
from seriatim.symbols import Given, Labels, Vectors
from seriatim.symbols.lacking import Lacking, heard
from seriatim.walks.backend import Backend
from seriatim.walks.draws import portions
from seriatim.walks.noise import Seed, own_seeds, row_seeds, uniform
from seriatim.walks.steer import Steer, steer_of

Progress = Callable[[int], None]

_BLOCK = 0.01  # seconds per block of `blocks`
_LONGEST = 24 * 60 * 60  # seconds of a recording


@final
class AudioModel(Trained):
    """A model of audio with the codecs of its samples and conditions.

    Returned by `seriatim.train` and `seriatim.load`. Recordings are 16-bit arrays at the run's sample rate, (T,), or
    (T, 2) for left and right.

    Example:
        >>> import numpy as np
        >>> import seriatim
        >>> recordings = [np.random.default_rng(i).normal(0, 1000, 200).astype(np.int16) for i in range(20)]
        >>> options = {"audio": seriatim.AudioOptions(rate=8000, length=100), "quiet": True, "device": "cpu"}
        >>> net = {"residual": 8, "gate": 8, "skip": 8, "cycles": 1, "dilations": 3}
        >>> model = seriatim.train(recordings, out="runs/audio", net=net, steps=1, **options)
        >>> model.sample(0.005, n=2, seed=1).shape, model.log_prob(recordings[:3]).shape
        ((2, 40), (3,))
    """

    kind = "audio"
    data_codec = Quantiser
    backend: Backend = "auto"
    """What draws: see `Model.prepare`."""

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
        """Sample rate in hertz."""
        return self.codec.rate

    @property
    def channels(self) -> int:
        """1, or 2 for left and right."""
        return self.codec.channels

    @property
    def past(self) -> int:
        """Receptive field: the number of past samples that a sample's distribution depends on."""
        past = self.model.past
        if past is None:
            raise UserError("this model depends on the whole past; models of audio need a finite receptive field")
        return past

    @property
    def arrangement(self) -> Arrangement:
        """The order in which the model visits samples."""
        return Arrangement.of(self.model)

    @property
    def ahead(self) -> int:
        """How many samples after a prompt may be drawn before all of it has been read; 0 if none are.

        They do not follow from the end of the prompt that is read later, so what is drawn after a prompt has the
        distribution given the prompt exactly only if this is 0.
        """
        return self.arrangement.ahead

    @property
    def vocodes(self) -> bool:
        """Whether a condition is a feature of the audio itself, so that log p is not a likelihood."""
        return any(isinstance(codec, Feature) for codec in self.tracks.values())

    @property
    def given_names(self) -> tuple[str, ...]:
        """What its likelihoods are given, for the unit: "features" stands for those of the audio itself."""
        own = [name for name, codec in self.conditions.items() if not isinstance(codec, Feature)]
        return (*(["features"] if self.vocodes else []), *own)

    # ------------------------------------------------------------------ likelihood

    @takes(given=arguments.named, batch=arguments.count, progress=arguments.function)
    def log_probs(
        self,
        recordings: Sequence[Int16],
        given: Given | None = None,
        batch: int = 16,
        progress: Progress | None = None,
    ) -> list[NDArray[np.float64]]:
        """log p of every sample of each recording in nats, given its conditions; left and right together.

        Args:
            recordings: (T,) or (T, 2) each, of any length.
            given: conditions.
            batch: recordings per batch.
            progress: called now and then with the number of samples done.
        """
        recordings = arrays.several(recordings, self.channels)
        if batch < 1:
            raise UserError(f"batch is {batch}; give 1 or more")
        values = {name: each(name, value, len(recordings)) for name, value in (given or {}).items()}
        order = sorted(range(len(recordings)), key=lambda i: len(recordings[i]))
        found: dict[int, NDArray[np.float64]] = {}
        read = 0
        for first in range(0, len(order), batch):
            some = order[first : first + batch]
            symbols = [self.codec.encode(recordings[i]) for i in some]
            sizes = [len(x) for x in symbols]
            own = {name: [value[i] for i in some] for name, value in values.items()}
            context = self._given(own, len(some), max(sizes))
            shown = None if progress is None else offset(progress, read)
            rows = list(self.arrangement.rows(symbols)) if self.ahead else symbols
            terms = log_probs(self.model, rows, context, batch=batch, progress=shown)
            found |= zip(some, self.arrangement.in_time(terms, sizes) if self.ahead else terms, strict=True)
            read += sum(sizes)
        return [found[i] for i in range(len(recordings))]

    def log_prob(
        self, recordings: Sequence[Int16], given: Given | None = None, batch: int = 16, progress: Progress | None = None
    ) -> NDArray[np.float64]:
        """log p of each recording in nats. For arguments see `log_probs`."""
        return np.array([terms.sum() for terms in self.log_probs(recordings, given, batch, progress)])

    @takes(given=arguments.named, progress=arguments.function)
    def evaluate(
        self, recordings: Takes | Sequence[Int16], given: Given | None = None, progress: Progress | None = None
    ) -> AudioFigures:
        """The exact likelihood of recordings, given their own conditions.

        Args:
            recordings: (T,) or (T, 2) each; or recordings as they are read from files, with their own conditions.
            given: labels and vectors of arrays, by name.
            progress: called now and then with the number of samples done.
        """
        own = arrays.with_conditions(recordings, given or {}, self.codecs)
        terms = self.log_probs(own.x, self.given_of(own), progress=progress)
        count = sum(map(len, terms))
        error = relative_error(terms, None)
        nats = -float(sum(each.sum() for each in terms))
        seconds = count / self.rate
        lacking = tuple(self.lacking(own))
        size = count * self.channels
        return AudioFigures(nats, size, len(terms), seconds, self.codec.name, error, self.given_names, lacking)

    def given_of(self, takes: Takes) -> dict[str, list[Any]]:
        """The recordings' own conditions; a label that is not in the training split counts as missing."""
        given: dict[str, list[Any]] = {}
        for name, codec in self.label_codecs.items():
            if name in takes.labels:
                given[name] = heard(name, codec, takes.labels[name])[0]
        if VECTOR in self.codecs and takes.vectors is not None:
            given[VECTOR] = list(takes.vectors)
        tracks = featured(takes, self.tracks).tracks
        for name, codec in self.tracks.items():
            if name in tracks:
                given[name] = [Encoded(values) for values in as_encoded(tracks[name], codec).values]
        return given

    def encoded(self, takes: Takes) -> dict[str, NDArray[Any]]:
        """The recordings' own conditions as the model's encoders take them, a row each."""
        values = {name: each(name, value, len(takes.x)) for name, value in self.given_of(takes).items()}
        return self._given(values, len(takes.x), max(map(len, takes.x)))

    def lacking(self, takes: Takes) -> list[Lacking]:
        """Which of the recordings lack a condition of the model, or have a label that it does not know."""
        count, found = len(takes.x), list[Lacking]()
        for name, codec in self.conditions.items():
            if isinstance(codec, Labels):
                found.append(heard(name, codec, takes.labels.get(name, [None] * count))[1])
            elif isinstance(codec, Spans) and name in takes.tracks:
                found.append(unheard(name, codec, takes.tracks[name]))
            elif not isinstance(codec, Feature):
                there = takes.vectors is not None if isinstance(codec, Vectors) else name in takes.tracks
                found.append(Lacking(name, count, 0 if there else count))
        return found

    @takes(name=arguments.text, given=arguments.named)
    def posterior(self, recordings: Sequence[Int16], name: str, given: Given | None = None) -> NDArray[np.float64]:
        """p(y | x) of every label of a condition by Bayes' rule with a uniform prior: (N, labels).

        Raises:
            UserError: if the model is not conditioned on it.
        """
        scores = [self.log_prob(recordings, {**(given or {}), name: label}) for label in self.labels(name)]
        return by_bayes(np.stack(scores, 1))

    # ------------------------------------------------------------------ sampling

    @takes(
        seconds=arguments.number, n=arguments.count, given=arguments.named, seed=arguments.seeds, steer=STEER,
        progress=arguments.function,
    )  # fmt: skip
    def sample(
        self,
        seconds: float | None = None,
        n: int = 1,
        *,
        given: Given | None = None,
        prompt: Int16 | None = None,
        seed: Seed = 0,
        steer: Steer | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> Int16:
        """Draw recordings (n, T[, 2]), including the prompt.

        For arguments see `blocks`; `progress` is called with the number of samples drawn per recording.
        """
        if n < 1:
            raise UserError(f"n is {n}; give 1 or more recordings")
        known = None if prompt is None else arrays.beginning(prompt, self.codec)
        own = own_seeds(seed, n, "recordings")
        count, begun = self.samples(seconds, n, given=given, prompt=known), 0 if known is None else len(known)
        values = {name: each(name, value, n) for name, value in (given or {}).items()}
        rows: list[Int16] = []
        for part in portions(n, self.model.device):
            some = {name: value[part] for name, value in values.items()}
            size = len(own[part])
            parts = [] if known is None else [np.repeat(known[None], size, 0)]
            done, lasting = begun, (count - begun) / self.rate
            for block in self.blocks(lasting, size, given=some, prompt=known, seed=own[part], steer=steer, **options):
                parts.append(block)
                done += block.shape[1]
                if progress is not None:
                    progress((part.start * count + size * done) // n)
            rows.append(np.concatenate(parts, 1))
        return np.concatenate(rows)

    @takes(
        seconds=arguments.number, n=arguments.count, given=arguments.named, seed=arguments.seeds, steer=STEER,
        block=arguments.number,
    )  # fmt: skip
    def blocks(
        self,
        seconds: float | None = None,
        n: int = 1,
        *,
        given: Given | None = None,
        prompt: Int16 | None = None,
        seed: Seed = 0,
        steer: Steer | None = None,
        block: float = _BLOCK,
        **options: Any,
    ) -> Iterator[Int16]:
        """Draw recordings and yield them block by block while they are generated; iteration may stop at any time.

        A seed gives the same recording in any batch and with blocks of any size.

        Args:
            seconds: seconds to generate after the prompt. Default: the length of the time-aligned condition, or 1.
            n: number of recordings.
            given: conditions. A label may be a mixture, {"theo": 0.5, "jackson": 0.5}, whose embeddings are averaged
                with these weights. Time-aligned conditions start where the prompt does.
            prompt: (T,) or (T, 2) start of all recordings; fractions of full scale become 16 bits. See `ahead`.
            seed: of the first recording, or a list with one per recording.
            steer: temperature and filters; or pass them as options: temperature=0.9, top_p=0.95, …
            block: seconds per block.
            options: fields of `seriatim.Steer`.

        Yields:
            (n, samples[, 2]) 16-bit samples.

        Raises:
            UserError: for impossible options or unknown conditions, before the first block.
        """
        if n < 1 or not 0 < block < float("inf"):
            raise UserError(f"n is {n} and block {block}; give more than 0 of each")
        seeds = own_seeds(seed, n, "recordings")
        prompt = None if prompt is None else arrays.beginning(prompt, self.codec)
        chosen = steer_of(steer, options)
        if chosen.counts:
            raise UserError("repetition, presence and frequency are for text; leave them out")
        length = self.samples(seconds, n, given=given, prompt=prompt)
        size = max(1, round(block * self.rate))
        context = self._context(given or {}, n)
        known = None if prompt is None else self.codec.encode(prompt)
        own = row_seeds(seeds, n, self.model.device)
        stream = Stream(self.model, context, own, chosen, known, length, self.backend)
        return map(self.codec.to_int16, stream.blocks(size))

    def samples(
        self, seconds: float | None = None, n: int = 1, *, given: Given | None = None, prompt: Int16 | None = None
    ) -> int:
        """The length in samples of the recordings that `sample` draws, including the prompt.

        Raises:
            UserError: if it is 0, or a time-aligned condition is too short.
        """
        lasting, begun = self._lasting(given or {}, n), 0 if prompt is None else len(prompt)
        if lasting is not None and begun >= lasting:
            raise UserError(
                f"the prompt lasts {begun / self.rate:g} seconds, but the time-aligned conditions that start with it "
                f"{lasting / self.rate:g}; give a shorter prompt or longer conditions"
            )
        if seconds is None:
            seconds = 1.0 if lasting is None else (lasting - begun) / self.rate
        if not 0 < seconds <= _LONGEST:
            raise UserError(f"seconds is {seconds:g}; give more than 0, at most {_LONGEST:,}, a day")
        count = begun + max(1, round(seconds * self.rate))
        if lasting is not None and count > lasting:
            raise UserError(
                f"{count / self.rate:g} seconds with the prompt are requested, but the time-aligned conditions last "
                f"{lasting / self.rate:g}; give fewer seconds or longer conditions"
            )
        return count

    @takes(given=arguments.named, seed=arguments.count)
    def forced(self, recordings: Sequence[Int16], given: Given | None = None, seed: int = 0) -> list[Int16]:
        """Draw each sample given the true past (teacher-forced); the result is not a sample of the model."""
        out: list[Int16] = []
        recordings = arrays.several(recordings, self.channels)
        values = {name: each(name, value, len(recordings)) for name, value in (given or {}).items()}
        for i, x in enumerate(recordings):
            symbols = torch.from_numpy(self.arrangement.rows([self.codec.encode(x)])).to(self.model.device)
            own = self._given({name: [value[i]] for name, value in values.items()}, 1, len(x))
            context = to_given(own, self.model.device)
            with torch.inference_mode():
                dist: Any = self.model.head(self.model(symbols, context))
                u = uniform(row_seeds(seed + i, 1, symbols.device), 0, symbols.numel())
                drawn = dist.draw(u.view(symbols.shape if symbols.dim() == 3 else (*symbols.shape, 1)))
            out.append(self.codec.to_int16(self.arrangement.in_time([drawn[0].cpu().numpy()], [len(x)])[0]))
        return out

    # ------------------------------------------------------------------ conditions

    def _given(self, given: Given, rows: int, samples: int = 0) -> dict[str, NDArray[Any]]:
        """Every condition encoded; time-aligned ones are padded to at least `samples` samples."""
        found = encode_conditions(self.codecs, given, rows)
        for name, codec in self.tracks.items():
            short = -(-samples // codec.hop) - found[name].shape[1]
            if short > 0:
                found[name] = np.pad(found[name], ((0, 0), (0, short), (0, 0)), constant_values=np.nan)
        return found

    def _context(self, given: Given, rows: int) -> Context:
        """The encoded conditions; embeddings of mixed labels are averaged with their weights."""
        result, vector, device = EMPTY, None, self.model.device
        for values, weight in mixtures(given, rows, self.label_codecs):
            result = self.model.condition(to_given(self._given(values, rows), device), rows)
            if result.vector is not None:
                scale = torch.as_tensor(weight[:, None], dtype=result.vector.dtype, device=device)
                vector = scale * result.vector if vector is None else vector + scale * result.vector
        return replace(result, vector=vector)

    def _lasting(self, given: Given, rows: int) -> int | None:
        """The number of samples that time-aligned conditions cover; None without any."""
        lengths: list[int] = []
        for name, codec in self.tracks.items():
            if given.get(name) is not None:
                several = {id(value): value for value in each(name, given[name], rows)}  # each once
                columns = encode_conditions({name: codec}, {name: [*several.values()]}, len(several))[name]
                if not np.isnan(columns).all():
                    lengths.append(columns.shape[1] * codec.hop)
        return min(lengths, default=None)
