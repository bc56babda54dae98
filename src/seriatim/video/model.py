"""A trained model of films: sampling, completion, likelihoods and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seriatim.data.arrays import UInt8
from seriatim.errors import UserError
from seriatim.models import Nested
from seriatim.models.likelihood import to_given
from seriatim.runs import arguments
from seriatim.runs.arguments import takes
from seriatim.runs.bayes import posterior
from seriatim.runs.trained import STEER, Trained
from seriatim.symbols import Given
from seriatim.symbols.lacking import Lacking, heard
from seriatim.symbols.levels import Levels
from seriatim.video.canvas import films, nested_of, positions, several
from seriatim.video.conditions import ACTION, LABEL, encode_conditions, rows_of
from seriatim.video.data.films import Clip, Films
from seriatim.video.figures import VideoFigures
from seriatim.video.likelihood import plain_steer, terms_of
from seriatim.video.sampling import draw, fill
from seriatim.walks.draws import portions
from seriatim.walks.noise import Seed, own_seeds
from seriatim.walks.steer import Steer

Progress = Callable[[int], None]

_PARTICLES = 10_000  # that are drawn together
_LONGEST = 1 << 20  # frames of a sample


@final
class VideoModel(Trained):
    """A model of films with the codecs of its levels and conditions.

    Returned by `seriatim.train` and `seriatim.load`. Films are 8-bit arrays (T, H, W, C) with frames of the run's size,
    of any length.

    Example:
        >>> import numpy as np
        >>> import seriatim
        >>> x = np.random.default_rng(0).integers(0, 256, (20, 3, 4, 4, 1), np.uint8)
        >>> options = {"quiet": True, "device": "cpu", "out": "runs/films", "video": seriatim.VideoOptions(frames=3)}
        >>> net = {"filters": 4, "encoder_blocks": 1, "decoder_blocks": 1}
        >>> model = seriatim.train(x, net=net, steps=1, **options)
        >>> model.sample(2, frames=5, begun=x[0, :2], seed=1).shape, model.log_prob(x[:3]).shape
        ((2, 5, 4, 4, 1), (3,))
    """

    kind = "video"
    data_codec = Levels

    @property
    def levels(self) -> Levels:
        """Frames <-> symbols."""
        return cast(Levels, self.codecs["x"])

    @property
    def nested(self) -> Nested:
        """The family's model, without its encoders."""
        return nested_of(self.model)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of a frame."""
        return self.levels.shape

    @property
    def frames(self) -> int:
        """Frames of a clip in training."""
        return int(self.nested.config.frames)

    @property
    def likelihood(self) -> bool:
        """Whether figures are likelihoods; False for cross-entropies of grey targets."""
        return self.model.head.likelihood

    def labels(self, name: str = LABEL) -> list[str]:
        """The labels of a condition. Default: of the films' own."""
        return super().labels(name)

    # ------------------------------------------------------------------ likelihood

    @takes(given=arguments.named, batch=arguments.count, progress=arguments.function)
    def log_probs(
        self,
        x: UInt8 | Sequence[UInt8],
        given: Given | None = None,
        batch: int = 8,
        progress: Progress | None = None,
    ) -> list[NDArray[np.float64]]:
        """log p of every pixel of each film in nats, its colours together: (T, H, W) each.

        Args:
            x: (N, T, H, W, C) 8-bit values, or a list of films (T, H, W, C) of any lengths.
            given: conditions. A label: one for all, or a list with one per film. Actions: (T, A), or a list.
            batch: films read together.
            progress: called now and then with the number of frames done.

        Raises:
            UserError: for frames of another size, or unknown conditions; and for a model that is trained on
                cross-entropies, whose figures are no likelihoods.
        """
        self.judged("log_probs")
        return self.terms(self.several(x), given, batch, progress)

    @takes(given_frames=arguments.count)
    def log_prob(
        self,
        x: UInt8 | Sequence[UInt8],
        given: Given | None = None,
        given_frames: int = 0,
        batch: int = 8,
        progress: Progress | None = None,
    ) -> NDArray[np.float64]:
        """log p of each film in nats, or of its frames after the first `given_frames`; see `log_probs`."""
        if given_frames < 0:
            raise UserError(f"given_frames is {given_frames}; give 0 or more")
        each = self.log_probs(x, given, batch, progress)
        return np.array([terms[given_frames:].sum() for terms in each])

    @takes(given=arguments.named, given_frames=arguments.count, progress=arguments.function)
    def evaluate(
        self,
        x: Films | UInt8 | Sequence[UInt8],
        given: Given | None = None,
        given_frames: int | None = None,
        clips: Sequence[Clip] | None = None,
        batch: int = 8,
        progress: Progress | None = None,
    ) -> VideoFigures:
        """The exact likelihood of held-out clips, frame by frame, given their conditions if the model has any.

        Of a model that is trained on cross-entropies, those; they are named so.

        Args:
            x: a split, of which `clips` are taken; or arrays, each a clip, all of one length.
            given: conditions of arrays.
            given_frames: first frames of each clip that are given and not counted. Default: as the split says, or 0.
            clips: of a split. Default: those of training's length, none of which overlap.
            batch: clips read together.
            progress: called now and then with the number of frames done.
        """
        if isinstance(x, Films):
            if given:
                raise UserError("given is for arrays of films, and these have their own conditions; leave it out")
            chosen = x.clips(self.frames, self.frames) if clips is None else [*clips]
            if not chosen:
                raise UserError(f"no film has the {self.frames} frames of a clip; give longer ones")
            parts = [x.x[clip.film][clip.start : clip.start + self.frames] for clip in chosen]
            conditions, owners, lacking = self.given_of(x, chosen), [clip.film for clip in chosen], self.lacking(x)
        else:
            parts, conditions, lacking = self.several(x), given, list[Lacking]()
            owners = [*range(len(parts))]
        known = given_frames if given_frames is not None else x.given_frames if isinstance(x, Films) else 0
        length, longest = min(map(len, parts)), max(map(len, parts))
        if length != longest:
            raise UserError(f"clips of {length} to {longest} frames; expected one length: cut them")
        if not 0 <= known < length:
            raise UserError(f"given_frames is {known}, and a clip has {length} frames; give 0 to {length - 1}")
        terms = self.terms(parts, conditions, batch, progress)
        nats = np.stack([-each[known:].sum((1, 2)) for each in terms])
        dims = int(np.prod(self.shape))
        return VideoFigures.of(nats, owners, dims, known, self.likelihood, [*self.conditions], lacking)

    @takes(prior=arguments.named, name=arguments.text, given=arguments.named, progress=arguments.function)
    def posterior(
        self,
        x: UInt8 | Sequence[UInt8],
        prior: Mapping[str, float] | None = None,
        name: str = LABEL,
        given: Given | None = None,
        progress: Progress | None = None,
    ) -> NDArray[np.float64]:
        """p(y | x) of every label by Bayes' rule, log p(x | y) + log p(y), normalised.

        Args:
            x: (N, T, H, W, C) 8-bit values, or a list of films (T, H, W, C) of any lengths.
            prior: p(y) of each label, up to a factor; 0 for labels left out. Default: uniform.
            name: of the condition.
            given: other conditions: actions.
            progress: called with the number of films done, over all labels.

        Returns:
            (N, labels), in the order of `labels(name)`.

        Raises:
            UserError: if the model has no such labels or no likelihood, or the prior is invalid.
        """
        self.judged("posterior")
        labels, each, other = self.labels(name), self.several(x), given or {}
        if name in other:
            raise UserError(f"{name} is what is wanted; leave it out of given")

        def log_prob(label: str, told: Progress | None) -> NDArray[np.float64]:
            found = self.log_prob(each, {**other, name: label})
            if told is not None:
                told(len(each))
            return found

        return posterior(log_prob, labels, len(each), prior, name, progress)

    def terms(
        self, x: Sequence[UInt8], given: Given | None = None, batch: int = 8, progress: Progress | None = None
    ) -> list[NDArray[np.float64]]:
        """As `log_probs`, of a model that is trained on cross-entropies too: then their negatives, no likelihoods."""
        if batch < 1:
            raise UserError(f"batch is {batch}; give 1 or more")
        encoded = self._given(given, [len(film) for film in x])
        return terms_of(self.model, x, encoded, self.symbols, batch, progress)

    def judged(self, what: str) -> None:
        """Refuse what needs a likelihood.

        Raises:
            UserError: if the model is trained on cross-entropies with grey targets.
        """
        if not self.likelihood:
            raise UserError(
                f"{what} needs a likelihood, and this model is trained on the cross-entropy of grey values (net.head "
                "bernoulli), which is none; evaluate gives it under its own name"
            )

    # ------------------------------------------------------------------ conditions

    def given_of(self, part: Films, clips: Sequence[Clip], frames: int | None = None) -> dict[str, Any]:
        """A split's labels and actions as conditions of clips of `frames` frames; unknown labels count as missing."""
        frames = self.frames if frames is None else frames
        given = dict[str, Any]()
        if LABEL in self.label_codecs and part.labels is not None:
            known = heard(LABEL, self.label_codecs[LABEL], part.labels)[0]
            given[LABEL] = [known[clip.film] for clip in clips]
        if ACTION in self.codecs and part.actions is not None:
            given[ACTION] = [part.actions[clip.film][clip.start : clip.start + frames] for clip in clips]
        return given

    def lacking(self, part: Films) -> list[Lacking]:
        """Which of the films lack a condition of the model, or have a label that it does not know."""
        count, found = len(part.lengths), list[Lacking]()
        if LABEL in self.label_codecs:
            labels = [None] * count if part.labels is None else part.labels
            found.append(heard(LABEL, self.label_codecs[LABEL], labels)[1])
        if ACTION in self.codecs:
            found.append(Lacking(ACTION, count, count if part.actions is None else 0))
        return [each for each in found if each.missing]

    def _given(self, given: Given | None, lengths: Sequence[int]) -> dict[str, list[Any]]:
        """Every condition of every film, encoded; missing ones as their encoders want them."""
        return encode_conditions(self.conditions, given or {}, lengths)

    # ------------------------------------------------------------------ sampling

    @takes(n=arguments.count, frames=arguments.count, given=arguments.named, seed=arguments.seeds, steer=STEER,
           progress=arguments.function)  # fmt: skip
    def sample(
        self,
        n: int = 1,
        *,
        frames: int | None = None,
        begun: UInt8 | Sequence[UInt8] | None = None,
        given: Given | None = None,
        seed: Seed = 0,
        steer: Steer | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> UInt8:
        """Draw films, each frame at about the cost of one pass of the decoder; memory does not grow with their length.

        Args:
            n: number of films.
            frames: of each, those begun with included. Default: as many as a clip of training has.
            begun: (T, H, W, C) the first frames of all, or (n, T, H, W, C) those of each. Default: none.
            given: conditions. Actions: (frames, A).
            seed: of the first film, or a list with one per film. A seed gives the same film in any batch.
            steer: temperature and filters; or pass them as options: temperature=0.8, top_k=40, …
            progress: called after each frame with the number of frames drawn, of all films.
            options: fields of `seriatim.Steer`.

        Returns:
            (n, frames, H, W, C) 8-bit values.

        Raises:
            UserError: for impossible options or unknown conditions.
        """
        if n < 1:
            raise UserError(f"n is {n}; give 1 or more films")
        first = None if begun is None else self._begun(begun, n)
        known = 0 if first is None else first.shape[1]
        count = max(self.frames, known + 1) if frames is None else frames
        if not known < count <= _LONGEST:
            raise UserError(f"frames is {count:,}; give more than the {known:,} begun with, at most {_LONGEST:,}")
        seeds, chosen = own_seeds(seed, n, "films"), plain_steer(steer, options)
        encoded, drawn = self._given(given, [count] * n), list[UInt8]()
        for part in portions(n, self.model.device):
            rows = [*range(n)[part]]
            own = to_given(rows_of(encoded, rows, count), self.model.device)
            start = None if first is None else self.symbols([*first[part]])

            def told(done: int, before: int = part.start, size: int = len(rows)) -> None:
                if progress is not None:
                    progress(before * (count - known) + size * done)

            each = [seeds[i] for i in rows]
            drawn.append(draw(self.model, own, start, count, each, chosen, self._decoded, told))
        new = np.concatenate(drawn)
        return new if first is None else np.concatenate([self.shown(first), new], 1)

    @takes(n=arguments.count, particles=arguments.count, given=arguments.named, seed=arguments.seeds, steer=STEER)
    def complete(
        self,
        film: UInt8,
        known: NDArray[np.bool_],
        n: int = 1,
        *,
        particles: int = 1,
        given: Given | None = None,
        seed: Seed = 0,
        steer: Steer | None = None,
        **options: Any,
    ) -> UInt8:
        """Draw the unknown pixels of a film, frame after frame; known pixels are kept, on the model's levels.

        Where only whole first frames are known, films follow the exact conditional distribution (`sample` is faster).
        Otherwise pixels are drawn without those known later, and particles approximate the conditional distribution.

        Args:
            film: (T, H, W, C) 8-bit values.
            known: (T, H, W), or (H, W) for all frames: which pixels are known.
            n: number of completions.
            particles: candidates per completion.
            given: conditions, the same for all.
            seed: of the first, or a list with one per completion.
            steer: temperature and filters; or pass them as options.
            options: fields of `seriatim.Steer`.

        Returns:
            (n, T, H, W, C) 8-bit values.

        Raises:
            UserError: for another shape or impossible options.
        """
        if n < 1 or not 1 <= particles <= _PARTICLES:
            raise UserError(
                f"n is {n} and particles {particles}; give 1 or more of each, at most {_PARTICLES} particles"
            )
        (x,) = self.several([film])
        mask = np.asarray(known)
        if mask.shape not in (x.shape[:3], x.shape[1:3]) or mask.dtype != np.bool_:
            raise UserError(
                f"the mask is {mask.dtype} {mask.shape} and the film's {x.shape[:3]}; give booleans like it"
            )
        every = np.broadcast_to(mask[..., None], x.shape)
        chosen = plain_steer(steer, options)
        if chosen.guidance != 1:
            raise UserError("completions cannot be guided; leave out guidance")
        if particles > 1:
            self.judged("weighing particles by the known pixels")
        kept = torch.from_numpy(positions(every.astype(np.int64)[None], self.model)) > 0
        own, encoded = own_seeds(seed, n, "completions"), self._given(given, [len(x)] * n)
        return fill(self.model, self.symbols([x]), kept, encoded, own, particles, chosen, self._decoded)

    # ------------------------------------------------------------------ arguments

    def several(self, x: Any) -> list[UInt8]:
        """Films as a list of arrays (T, H, W, C) of the model's frames; one alone or of other frames is refused."""
        return several(x, self.shape)

    def _begun(self, begun: Any, n: int) -> UInt8:
        """(n, T, H, W, C) the first frames of each film."""
        x = np.asarray(begun)
        if x.ndim == 4:
            x = np.broadcast_to(x, (n, *x.shape))
        if x.ndim != 5 or len(x) != n or not x.shape[1]:
            raise UserError(f"begun has shape {x.shape}; expected (T, H, W, C), or {n} of them")
        return np.stack(self.several(x))

    def symbols(self, x: Sequence[UInt8]) -> Tensor:
        """Films, shorter ones padded at the end, as positions (B, T, H, W, C) or (B, T, H, W)."""
        longest = max(len(film) for film in x)
        whole = np.zeros((len(x), longest, *self.shape), np.uint8)
        for row, film in zip(whole, x, strict=True):
            row[: len(film)] = film
        return torch.from_numpy(positions(self.levels.encode(whole), self.model)).to(self.model.device)

    def shown(self, x: UInt8) -> UInt8:
        """Films as the model sees them: on its levels."""
        return self.levels.decode(self.levels.encode(x))

    def _decoded(self, x: Tensor) -> UInt8:
        """Positions (B, any shape) as films."""
        return self.levels.decode(films(x.cpu().numpy(), self.shape))
