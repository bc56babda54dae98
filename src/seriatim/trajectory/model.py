"""A trained model of trajectories: samples, completions, likelihoods, figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast, final

import numpy as np
import torch
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.models.likelihood import log_probs, relative_error, to_given
from seriatim.runs import arguments
from seriatim.runs.arguments import takes
from seriatim.runs.bayes import posterior
from seriatim.runs.trained import STEER, Trained
from seriatim.symbols import Given
from seriatim.symbols.given import checked, encode_labels
from seriatim.symbols.lacking import Lacking, heard
from seriatim.trajectory.codec import TrajectoryCodec
from seriatim.trajectory.data.arrays import points_of
from seriatim.trajectory.data.batches import SCALE, scales
from seriatim.trajectory.data.trajectories import LABEL, Trajectories
from seriatim.trajectory.figures import TrajectoryFigures
from seriatim.walks.draws import Draws, portions
from seriatim.walks.noise import Seed, own_seeds
from seriatim.walks.steer import Steer, steer_of
from seriatim.walks.threads import one_thread

Floats = NDArray[np.float64]
Points = Sequence[Floats]
Progress = Callable[[int], None]

_MOST = 1 << 20  # points of a sample


class Drawn(NamedTuple):
    """Samples, and which of them have ended by themselves."""

    points: list[Floats]
    ended: list[bool]


@final
class TrajectoryModel(Trained):
    """A model of trajectories with the codecs of its points and conditions.

    Returned by `seriatim.train` and `seriatim.load`. Trajectories are arrays (T, C); of drawings (T, 3): the pen's
    move, and whether it is lifted after that.

    Example:
        >>> import seriatim
        >>> random = np.random.default_rng(0)
        >>> x = [np.cumsum(random.normal(size=(5 + i % 7, 2)), 0) for i in range(40)]
        >>> data = {"x": x, "label": ["short" if len(each) < 8 else "long" for each in x]}
        >>> options = {"quiet": True, "device": "cpu", "out": "runs/walks", "net": {"width": 8}}
        >>> model = seriatim.train(data, "gru", steps=1, **options)
        >>> [each.shape[1] for each in model.sample(2, given={"label": "short"}, seed=1)]
        [2, 2]
        >>> model.log_prob(x[:3]).shape, model.posterior(x[:3]).shape
        ((3,), (3, 2))
    """

    kind = "trajectory"
    data_codec = TrajectoryCodec

    @property
    def codec(self) -> TrajectoryCodec:
        """Points <-> positions."""
        return cast(TrajectoryCodec, self.codecs["x"])

    @property
    def conditions(self) -> dict[str, Any]:
        """{condition: its codec}, of those that a user may give."""
        return {name: codec for name, codec in self.codecs.items() if name not in ("x", SCALE)}

    def labels(self, name: str = LABEL) -> list[str]:
        """The labels of a condition. Default: of the trajectories' own."""
        return super().labels(name)

    # ------------------------------------------------------------------ likelihood

    @takes(given=arguments.named, batch=arguments.count, progress=arguments.function)
    def log_probs(
        self, trajectories: Points, given: Given | None = None, batch: int = 64, progress: Progress | None = None
    ) -> list[Floats]:
        """log p of every step of each trajectory in nats, its end included: T points are T + 1 steps.

        Of values on a grid, that of the values with uniform noise, which follows from the values; see
        `TrajectoryCodec`.

        Args:
            trajectories: (T, C) each.
            given: conditions: one for all, or a list with one for each.
            batch: trajectories per batch.
            progress: called now and then with the number of steps done.

        Raises:
            UserError: if one is empty, has other channels or is not on the grid.
        """
        x = self._several(trajectories)
        if batch < 1:
            raise UserError(f"batch is {batch}; give 1 or more")
        codec = self.codec
        rows = [codec.noisy(_named(codec.encode, each, i)) for i, each in enumerate(x)]
        return log_probs(self.model, rows, self._given(given, len(x)), batch=batch, progress=progress)

    def log_prob(
        self, trajectories: Points, given: Given | None = None, batch: int = 64, progress: Progress | None = None
    ) -> Floats:
        """log p of each trajectory in nats, its end included. For arguments see `log_probs`."""
        return np.array([terms.sum() for terms in self.log_probs(trajectories, given, batch, progress)])

    @takes(progress=arguments.function)
    def evaluate(self, trajectories: Trajectories | Points, progress: Progress | None = None) -> TrajectoryFigures:
        """The exact likelihood of held-out trajectories, given their labels if the model is conditioned on them.

        Args:
            trajectories: arrays, or a split with its labels.
            progress: called now and then with the number of steps done.
        """
        part = self.part(trajectories)
        terms = self.log_probs(part.x, self.given_of(part), progress=progress)
        nats, steps = -float(sum(each.sum() for each in terms)), sum(map(len, terms))
        lacking = self.lacking(part)
        return TrajectoryFigures(
            nats, len(terms), steps, relative_error(terms, None), self.codec.grid, [*self.conditions], lacking
        )

    def part(self, trajectories: Trajectories | Points) -> Trajectories:
        """Arrays as a split without labels; a split as it is."""
        if isinstance(trajectories, Trajectories):
            return trajectories
        x = self._several(trajectories)
        return Trajectories(x, [f"trajectory {i}" for i in range(len(x))])

    def given_of(self, part: Trajectories) -> dict[str, list[str | None]]:
        """A split's labels as conditions; those that the model does not know count as missing."""
        codec = self.label_codecs.get(LABEL)
        if codec is None or part.labels is None:
            return {}
        return {LABEL: heard(LABEL, codec, part.labels)[0]}

    def lacking(self, part: Trajectories) -> list[Lacking]:
        """How many of a split lack a label that the model knows."""
        codec = self.label_codecs.get(LABEL)
        if codec is None:
            return []
        labels = [None] * len(part.x) if part.labels is None else part.labels
        found = heard(LABEL, codec, labels)[1]
        return [found] if found.missing else []

    @takes(prior=arguments.named, name=arguments.text, progress=arguments.function)
    def posterior(
        self,
        trajectories: Points,
        prior: Mapping[str, float] | None = None,
        name: str = LABEL,
        progress: Progress | None = None,
    ) -> Floats:
        """p(y | x) of every label by Bayes' rule, log p(x | y) + log p(y), normalised.

        Args:
            trajectories: (T, C) each.
            prior: p(y) of each label, up to a factor; 0 for labels left out. Default: uniform.
            name: of the condition.
            progress: called with the number of trajectories done, over all labels.

        Returns:
            (N, labels), in the order of `labels(name)`.

        Raises:
            UserError: if the model has no such labels, or the prior is invalid.
        """
        labels, x = self.labels(name), self._several(trajectories)

        def log_prob(label: str, told: Progress | None) -> Floats:
            found = self.log_prob(x, {name: label})
            if told is not None:
                told(len(x))
            return found

        return posterior(log_prob, labels, len(x), prior, name, progress)

    # ------------------------------------------------------------------ sampling

    @takes(n=arguments.count, given=arguments.named, seed=arguments.seeds, longest=arguments.count, steer=STEER,
           progress=arguments.function)  # fmt: skip
    def sample(
        self,
        n: int = 1,
        *,
        given: Given | None = None,
        seed: Seed = 0,
        begun: Floats | None = None,
        longest: int | None = None,
        steer: Steer | None = None,
        progress: Progress | None = None,
        **steering: Any,
    ) -> list[Floats]:
        """Draw trajectories, each until it ends by itself.

        Args:
            n: number of trajectories.
            given: conditions.
            seed: of the first, or a list with one for each. A seed gives the same trajectory in any batch.
            begun: (T, C) the points that all begin with. Default: none.
            longest: points at most. Default: twice as many as the longest of training has.
            steer: temperature; or pass it as an option: temperature=0.5.
            progress: called with the number of points drawn so far, of the longest.
            steering: fields of `seriatim.Steer`.

        Returns:
            (T, C) each, what was begun included.

        Raises:
            UserError: for impossible options or unknown conditions.
        """
        return self.draw(n, given, seed, begun, longest, steer_of(steer, steering), progress).points

    @takes(n=arguments.count, given=arguments.named, seed=arguments.seeds, longest=arguments.count, steer=STEER,
           progress=arguments.function)  # fmt: skip
    def draw(
        self,
        n: int = 1,
        given: Given | None = None,
        seed: Seed = 0,
        begun: Floats | None = None,
        longest: int | None = None,
        steer: Steer | None = None,
        progress: Progress | None = None,
    ) -> Drawn:
        """As `sample`, which see; also says which have ended by themselves."""
        if n < 1:
            raise UserError(f"n is {n}; give 1 or more trajectories")
        most = 2 * self.codec.longest if longest is None else longest
        prompt = np.zeros((0, 1 + self.codec.parts)) if begun is None else self._begun(begun)
        if not len(prompt) < most <= _MOST:
            raise UserError(f"longest is {most:,}; give more than the {len(prompt):,} points begun, at most {_MOST:,}")
        seeds, encoded = own_seeds(seed, n, "trajectories"), self._given(given, n)
        points, ended = list[Floats](), list[bool]()
        for part in portions(n, self.model.device):
            some = {name: value[part] for name, value in encoded.items()}
            rows = self._rows(prompt, seeds[part], some, most, steer, progress)
            ended += [bool(len(row) and row[-1, 0] == self.codec.marks - 1) for row in rows]
            points += [self.codec.decode(row) for row in rows]
        if begun is not None:
            for each in points:
                each[: len(prompt)] = begun  # to the last digit
        return Drawn(points, ended)

    @takes(n=arguments.count, given=arguments.named, seed=arguments.seeds, steer=STEER)
    def complete(
        self,
        trajectory: Floats,
        n: int = 1,
        *,
        given: Given | None = None,
        seed: Seed = 0,
        longest: int | None = None,
        steer: Steer | None = None,
        **steering: Any,
    ) -> list[Floats]:
        """Go on with a trajectory in n ways, until each ends by itself. For arguments see `sample`."""
        chosen = steer_of(steer, steering)
        return self.draw(n, given, seed, trajectory, longest, chosen).points

    @torch.no_grad()
    def _rows(
        self,
        prompt: Floats,
        seeds: Sequence[int],
        given: Mapping[str, NDArray[Any]],
        most: int,
        steer: Steer | None,
        progress: Progress | None,
    ) -> list[Floats]:
        """The positions of each row, the prompt and the end included; rows that have ended leave."""
        model, device, end = self.model, self.model.device, self.codec.marks - 1
        n, done = len(seeds), len(prompt)
        with one_thread():
            walk = model.walk(n, model.condition(to_given(given, device), n), most)
            begun = model.symbols(np.broadcast_to(prompt, (n, *prompt.shape)).copy())
            if done:
                walk.feed(begun)
            draws = Draws(walk, model.head, torch.tensor(list(seeds), dtype=torch.long, device=device), steer, begun)
            found: list[list[Floats]] = [[*prompt[:, None]] for _ in seeds]
            alive = list(range(n))
            for at in range(done, most):
                x = draws.position().double().cpu().numpy()
                for row, position in zip(alive, x, strict=True):
                    found[row].append(position[None])
                stay = np.flatnonzero(x[:, 0] != end).tolist()
                if progress is not None:
                    progress(at + 1)
                if not stay:
                    break
                if len(stay) < len(alive):
                    draws.select(torch.tensor(stay, device=device))
                    alive = [alive[i] for i in stay]
        return [np.concatenate(each) for each in found]

    # ------------------------------------------------------------------ arguments

    def _several(self, trajectories: Any) -> list[Floats]:
        """Trajectories as a list of arrays.

        Raises:
            UserError: if it is one alone, or something else.
        """
        if getattr(trajectories, "ndim", 0) == 2:
            raise UserError("trajectories is one trajectory; expected a list of them: give [trajectory]")
        if isinstance(trajectories, list | tuple) and not trajectories:
            raise UserError("trajectories is empty; give one or more")
        if not isinstance(trajectories, list | tuple):
            raise UserError(f"trajectories is a {type(trajectories).__name__}; expected a list of arrays (T, C)")
        each = cast("Sequence[Any]", trajectories)
        return [points_of(one, f"trajectory {i}") for i, one in enumerate(each)]

    def _begun(self, begun: Any) -> Floats:
        return self.codec.noisy(self.codec.begun(points_of(begun, "begun")))

    def _given(self, given: Given | None, rows: int) -> dict[str, NDArray[Any]]:
        """Conditions encoded, and the unit of the values."""
        checked(self.conditions, given or {})
        values = {name: encode_labels(name, c, (given or {}).get(name), rows) for name, c in self.label_codecs.items()}
        return {**scales(self.codecs, rows), **values}


def _named(encode: Callable[[Floats], Floats], x: Floats, i: int) -> Floats:
    """Encode, with the trajectory's number in messages."""
    try:
        return encode(x)
    except UserError as error:
        raise UserError(f"trajectory {i}: {error}") from error
