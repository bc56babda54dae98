"""Films: frames one after another, and inside each frame a model of pictures.

The idea: a causal net over frames reads the film so far and makes a map of it; a model of pictures, which begins anew
at every frame, is conditioned on that map. The probability of a film is the product over frames, over pixels inside a
frame, and over colours inside a pixel, and none of them is assumed to be independent of what came before.

Positions are those of the frames' model, frame after frame: S = (T, H, W, C), or (T, H, W) if a position is a pixel.

Reference: Kalchbrenner et al. (2016), Video pixel networks.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.causal import Causal
from seriatim.context import EMPTY, Context
from seriatim.heads import Head
from seriatim.models.base import ContextLike
from seriatim.models.grid import FieldModel, GridModel, GridStepper, PixelModel
from seriatim.tree import Fixed, State
from seriatim.walks.walk import Carry, Stepper


class FrameNet(Causal):
    """A causal map over frames, x (B, T, H, W, C + 1) -> (B, T, H, W, F), that says which pixels it sees.

    The last channel is 1 in the frame before the first, and 0 in all others. `context.vector` is that of the film,
    `context.field` (B, T, A) a vector for each frame *after* the one that is read: the frame to be predicted.
    """

    @abstractmethod
    def pixels(self, lag: int, height: int, width: int) -> Bool[Tensor, "N N"]:
        """[t, s]: whether pixel t of the output depends on pixel s of the frame read `lag` frames before."""


class Film(NamedTuple):
    """A film in progress, between two frames.

    Attributes:
        last: (B, H, W, C + 1) the last frame, as the outer net reads it.
        outer: the outer net's state before that frame.
    """

    last: Tensor
    outer: State


@final
class Nested(GridModel):
    """`outer` over frames, `inner` inside each frame.

    Args:
        config: of the whole; `frames` is the usual number of frames. Films may have any number.
        outer: reads the frames.
        inner: a model of pictures whose field has as many channels as `outer` gives.

    Example:
        >>> from seriatim.models import VPNConfig, vpn
        >>> model = vpn(VPNConfig(frames=3, height=4, width=5, levels=2, filters=4, encoder_blocks=1, decoder_blocks=1))
        >>> x = torch.randint(2, (2, 3, 4, 5, 1))
        >>> model.log_probs(x).shape, model.sample(n=2, length=3 * 4 * 5).shape
        (torch.Size([2, 3, 4, 5, 1]), torch.Size([2, 60]))
        >>> one, film = model.frames(x[:, :2], EMPTY, model.film(2))  # a long film in pieces
        >>> two, film = model.frames(x[:, 2:], EMPTY, film)
        >>> torch.allclose(torch.cat([one, two], 1), model(x), atol=1e-5)
        True
    """

    def __init__(self, config: Any, outer: FrameNet, inner: FieldModel) -> None:
        super().__init__()
        self.config, self.outer, self.inner = config, outer, inner
        self.head: Head = inner.head

    @property
    def canvas(self) -> tuple[int, ...]:
        """(frames, height, width, channels), or (frames, height, width) if a position is a pixel."""
        return (self.config.frames, *self.inner.canvas)

    @property
    def per_frame(self) -> int:
        """Positions of a frame."""
        return math.prod(self.inner.canvas)

    def whole(self, x: Tensor, context: Context) -> Tensor:
        """x (B, T, H, W, C) levels, or (B, T, H, W) -> the head's parameters (B, T, H, W, C, ·), for any T."""
        return self.frames(x, context)[0]

    def frames(
        self, x: Tensor, context: ContextLike = EMPTY, film: Film | None = None, first: int = 0
    ) -> tuple[Tensor, Film | None]:
        """Whole frames, as `whole`, for films of any length in pieces.

        Args:
            x: (B, T, H, W, C) levels, or (B, T, H, W).
            context: the conditions of the whole film.
            film: what x continues. Default: x begins a film, and the second result is None.
            first: the number of x's first frame, for conditions that have a column for each.

        Returns:
            The parameters (B, T, H, W, C, ·), and the film after x.
        """
        inside, after = self._maps(x, context, film, first)
        return self.inner.whole(x.flatten(0, 1), inside).unflatten(0, x.shape[:2]), after

    def _maps(self, x: Tensor, context: ContextLike, film: Film | None, first: int) -> tuple[Context, Film | None]:
        """The conditions of the pictures x, and the film after them."""
        context, shown = self.condition(context, len(x)), self.shown(x)
        before = self.blank_frame(shown[:, :1]) if film is None else film.last[:, None]
        read = torch.cat([before, shown[:, :-1]], 1)
        own = self.of_outer(context, first, x.shape[1])
        field, outer = self.outer(read, own, None if film is None else film.outer)
        return self.of_inner(context, field), None if film is None else Film(shown[:, -1], outer)

    def film(self, batch: int, context: ContextLike = EMPTY) -> Film:
        """Before the first frame."""
        context = self.condition(context, batch)
        c, new = self.config, next(self.parameters()).new_zeros
        last = self.blank_frame(new(batch, c.height, c.width, c.channels + 1))
        return Film(last, self.outer.start(batch, self.of_outer(context, 0, 0)))

    def shown(self, x: Tensor) -> Tensor:
        """Levels (…, H, W, C), or (…, H, W), as the outer net reads them: (…, H, W, C + 1)."""
        pixels = self.inner.values(x) if isinstance(self.inner, PixelModel) else self.scaled(x)
        return torch.cat([pixels, torch.zeros_like(pixels[..., :1])], -1)

    @staticmethod
    def blank_frame(like: Tensor) -> Tensor:
        """The frame before the first: no values, and a mark."""
        blank = torch.zeros_like(like)
        blank[..., -1] = 1
        return blank

    def of_outer(self, context: Context, first: int, frames: int) -> Context:
        """The conditions of `frames` frames from number `first` on, a column of the field each.

        Raises:
            ValueError: if the field ends before, or a column begins inside a frame.
        """
        if context.field is None:
            return EMPTY if context.vector is None else Context(vector=context.vector)
        if context.hop % self.per_frame or context.offset % self.per_frame:
            raise ValueError(
                f"a column of context.field lasts {context.hop} positions from {-context.offset} on; expected whole "
                f"frames of {self.per_frame}"
            )
        at = torch.arange(first, first + frames, device=context.field.device) * self.per_frame + context.offset
        at = at // context.hop
        if frames and int(at[-1]) >= context.field.shape[1]:
            raise ValueError(
                f"frame {first + frames - 1}, but context.field has {context.field.shape[1]} columns; give one a frame"
            )
        return Context(vector=context.vector, field=context.field[:, at])

    @staticmethod
    def of_inner(context: Context, field: Tensor) -> Context:
        """The conditions of the pictures: the film's vector, and the outer net's map (B, T, H, W, F) of each frame."""
        vector = context.vector
        if vector is not None:
            vector = vector.repeat_interleave(field.shape[1], 0)
        return Context(vector=vector, field=field.flatten(0, 1))

    def calibrate(self, x: Tensor, context: ContextLike = EMPTY) -> None:
        """That of the inner model, given the maps of all frames."""
        self.inner.calibrate(x.flatten(0, 1), self._maps(x, context, None, 0)[0])

    def outputs(self) -> list[nn.Module]:
        """Those of the inner model."""
        return self.inner.outputs()

    def packed(self) -> Stepper:
        """The inner model packed; the outer net reads a frame when it is finished."""
        return _Packed(self)

    def sees(self, shape: Sequence[int]) -> Bool[Tensor, "N N"]:
        """Inside a frame what the inner model sees; of earlier frames what the outer net sees, through the map."""
        frames, height, width = shape[:3]
        relation = self.inner.relation(tuple(shape[1:]))
        n = math.prod(shape[1:])
        own, field = relation[:, :n], relation[:, n:].float()
        parts = n // (height * width)
        result = torch.zeros(frames, n, frames, n, dtype=torch.bool)
        past = [
            (field @ self.outer.pixels(lag, height, width).float() > 0).repeat_interleave(parts, 1)
            for lag in range(frames - 1)
        ]
        for t in range(frames):
            result[t, :, t] = own
            for s in range(t):
                result[t, :, s] = past[t - 1 - s]
        return result.view(frames * n, frames * n)


class _Position(NamedTuple):
    """A batch of films in progress.

    Attributes:
        clock: positions drawn.
        frame: (B, n) or (B, n, P) the symbols of the current frame, or of the last one if no other has begun.
        outer: the outer net's state before that frame.
        inner: the inner model's state in it.
        context: the conditions of the film.
    """

    clock: int
    frame: Tensor
    outer: State
    inner: State
    context: Fixed


@final
class _Packed(GridStepper):
    """The inner model's steps, frame after frame. Memory does not grow with the number of frames."""

    carries, backend = True, "eager"

    def __init__(self, model: Nested) -> None:
        self.head, self.model = model.head, model
        self.inner = model.inner.packed()

    @torch.no_grad()
    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """A film without frames."""
        model = self.model
        parts = () if self.head.parts == 1 else (self.head.parts,)
        frame = torch.zeros(batch, model.per_frame, *parts, dtype=torch.long, device=model.device)
        film = model.film(batch, context)
        return self._begin(_Position(0, frame, film.outer, (), context.fixed), film.last)

    def _begin(self, state: _Position, last: Tensor) -> _Position:
        """Begin a frame: the outer net reads the one before, (B, H, W, C + 1)."""
        model = self.model
        context = Context.of(state.context)
        own = model.of_outer(context, state.clock // model.per_frame, 1)
        field, outer = model.outer(last[:, None], own, state.outer)
        inner = self.inner.start(len(field), model.of_inner(context, field), model.per_frame)
        return state._replace(outer=outer, inner=inner)

    def _last(self, state: _Position) -> Tensor:
        """The finished frame, as the outer net reads it."""
        frame = state.frame
        return self.model.shown(frame.reshape(len(frame), *self.model.inner.canvas, *frame.shape[2:]))

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) or (B, P) -> the head's parameters (B, ·)."""
        n = self.model.per_frame
        if state.clock:
            state.frame[:, (state.clock - 1) % n] = prev
            if state.clock % n == 0:
                state = self._begin(state, self._last(state))
        parameters, inner = self.inner.step(prev, state.inner)
        return parameters, state._replace(clock=state.clock + 1, inner=inner)

    @torch.no_grad()
    def read(self, x: Tensor, context: Context, carry: Carry) -> tuple[Tensor, Carry]:  # noqa: ARG002
        """x (B, m) or (B, m, P): whole frames at once, the rest position by position."""
        n, (prev, state), found, at = self.model.per_frame, carry, list[Tensor](), 0
        while at < x.shape[1]:
            taken = (x.shape[1] - at) // n * n if state.clock % n == 0 else 0
            if taken:
                parameters, state = self._whole(x[:, at : at + taken], prev, state)
            else:
                taken = 1
                parameters, state = self.step(prev, state)
                parameters = parameters[:, None]
            found.append(parameters)
            at += taken
            prev = x[:, at - 1]
        return torch.cat(found, 1), Carry(prev, state)

    def _whole(self, x: Tensor, prev: Tensor, state: _Position) -> tuple[Tensor, _Position]:
        """Whole frames x (B, k · n[, P]), where no frame has begun yet but, before the first, by `start`."""
        model, n = self.model, self.model.per_frame
        frames, first = x.shape[1] // n, state.clock // n
        context = Context.of(state.context)
        if first:
            state.frame[:, -1] = prev
            film = Film(self._last(state), state.outer)
        else:
            film = model.film(len(x), context)
        pictures = x.reshape(len(x), frames, *model.inner.canvas, *x.shape[2:])
        parameters, after = model.frames(pictures, context, film, first)
        assert after is not None
        state.frame.copy_(x[:, -n:])
        return parameters.flatten(1, -2), state._replace(clock=state.clock + frames * n, outer=after.outer, inner=())
