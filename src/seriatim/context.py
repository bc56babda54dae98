"""What a model may condition on: everything but x."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor
from torch.utils import _pytree as pytree

from seriatim.tree import Fixed


@dataclass(frozen=True)
class Context:
    """The condition c of p(x | c), encoded as numbers.

    Attributes:
        vector: (B, V) global condition: a label, a speaker, a latent.
        field: (B, ceil(T / hop), F) for sequences, (B, H, W, F) for pictures: a condition for each position.
        memory: (B, M, D) attended to, such as an encoded source sentence.
        mask: (B, M) True where a slot of `memory` is real. Default: all are.
        scale: (B, P, 2) location and log scale of each channel of real numbers, a function of values that are given and
            not counted.
        hop: positions per column of `field`.
        offset: positions of the first column of `field` that are already past.

    Example:
        >>> context = Context(vector=torch.zeros(1, 2), field=torch.tensor([[[0.0], [1.0], [2.0]]]), hop=4)
        >>> context.columns(12)[0, :, 0].tolist()
        [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0]
        >>> context.window(6, 12).columns(6)[0, :, 0].tolist()
        [1.0, 1.0, 2.0, 2.0, 2.0, 2.0]
        >>> context.select(torch.tensor([0, 0])).vector.shape
        torch.Size([2, 2])
    """

    vector: Float[Tensor, "B V"] | None = None
    field: Float[Tensor, "B *S F"] | None = None
    memory: Float[Tensor, "B M D"] | None = None
    mask: Bool[Tensor, "B M"] | None = None
    scale: Float[Tensor, "B P 2"] | None = None
    hop: int = 1
    offset: int = 0

    @property
    def empty(self) -> bool:
        """Whether there is no condition at all."""
        return all(value is None for value in (self.vector, self.field, self.memory, self.mask, self.scale))

    @property
    def fixed(self) -> Fixed:
        """The context as a part of a state that is read only; `of` is the inverse."""
        return Fixed((self.vector, self.field, self.memory, self.mask, self.scale, self.hop, self.offset))

    @classmethod
    def of(cls, fixed: Fixed) -> Context:
        """The context that a state holds."""
        return cls(*fixed.nest)

    def window(self, start: int, stop: int) -> Context:
        """The context of positions start..stop-1 of a sequence.

        Raises:
            ValueError: if the field ends before `stop`; conditions are never extrapolated.
        """
        if self.field is None:
            return self
        first, last = (self.offset + start) // self.hop, -(-(self.offset + stop) // self.hop)
        if not 0 <= start <= stop or last > self.field.shape[1]:
            held = self.field.shape[1] * self.hop - self.offset
            raise ValueError(f"positions {start}..{stop} of a field that holds {held}")
        return replace(self, field=self.field[:, first:last], offset=(self.offset + start) % self.hop)

    def columns(self, length: int) -> Float[Tensor, "B T F"]:
        """The field at each of the first `length` positions: its columns, each repeated `hop` times.

        Raises:
            ValueError: if there is no field, or it is too short.
        """
        if self.field is None:
            raise ValueError("this model reads context.field, but there is none")
        if self.hop == 1 and self.offset == 0 and self.field.shape[1] == length:
            return self.field
        at = (torch.arange(length, device=self.field.device) + self.offset) // self.hop
        if length and int(at[-1]) >= self.field.shape[1]:
            raise ValueError(f"{length} positions of a field that holds {self.field.shape[1] * self.hop - self.offset}")
        return self.field[:, at]

    def select(self, rows: Tensor) -> Context:
        """The context of the given batch rows."""

        def pick(value: Tensor | None) -> Tensor | None:
            return None if value is None else value.index_select(0, rows)

        return replace(
            self,
            vector=pick(self.vector),
            field=pick(self.field),
            memory=pick(self.memory),
            mask=pick(self.mask),
            scale=pick(self.scale),
        )

    def stacked(self, other: Context) -> Context:
        """The rows of both contexts, this one's first. Both have the same kinds of condition, maybe at other rates."""

        def both(one: Tensor | None, two: Tensor | None) -> Tensor | None:
            return None if one is None or two is None else torch.cat([one, two])

        memory, mask = None, None
        if self.memory is not None and other.memory is not None:  # their numbers of slots may differ
            slots = max(self.memory.shape[1], other.memory.shape[1])
            memories, masks = zip(*(_filled(one, slots) for one in (self, other)), strict=True)
            memory, mask = torch.cat(memories), torch.cat(masks)
        fields, hop, offset = list[Tensor](), self.hop, self.offset
        if self.field is not None and other.field is not None:
            fields, hop, offset = _aligned([self, other], None)
        return replace(
            self,
            vector=both(self.vector, other.vector),
            field=torch.cat(fields) if fields else None,
            memory=memory,
            mask=mask,
            scale=both(self.scale, other.scale),
            hop=hop,
            offset=offset,
        )


EMPTY = Context()


def spread(value: Tensor, rows: int) -> Tensor:
    """Repeat the rows of `value` (S, ...) to (rows, ...): each of S sources has rows / S adjacent rows (its beams)."""
    return value if value.shape[0] == rows else value.repeat_interleave(rows // value.shape[0], 0)


def _filled(context: Context, slots: int) -> tuple[Tensor, Tensor]:
    """The memory padded to `slots` slots, and the mask of the real ones."""
    memory, mask = context.memory, context.mask
    assert memory is not None
    if mask is None:
        mask = torch.ones(memory.shape[:2], dtype=torch.bool, device=memory.device)
    more = slots - memory.shape[1]
    return F.pad(memory, (0, 0, 0, more)), F.pad(mask, (0, more))


def joined(contexts: Sequence[Context], length: int | None = None) -> Context:
    """The fields of several contexts concatenated, over `length` positions. Default: as many as every field covers."""
    fields, hop, offset = _aligned(contexts, length)
    return Context(field=torch.cat(fields, -1), hop=hop, offset=offset)


def _aligned(contexts: Sequence[Context], length: int | None) -> tuple[list[Tensor], int, int]:
    """The fields resampled to one rate: the slowest at which every column of every field starts a column."""
    fields = [c.field for c in contexts if c.field is not None]
    if len(fields) < len(contexts):
        raise ValueError("this model reads context.field, but there is none")
    first = contexts[0]
    if len({(c.hop, c.offset, field.shape[1]) for c, field in zip(contexts, fields, strict=True)}) == 1:
        return fields, first.hop, first.offset
    hop = math.gcd(*[c.hop for c in contexts], *[c.offset - first.offset for c in contexts])
    offset = first.offset % hop
    if length is None:
        length = min(field.shape[1] * c.hop - c.offset for c, field in zip(contexts, fields, strict=True))
    begins = torch.arange(-(-(length + offset) // hop), device=fields[0].device) * hop - offset
    return [field[:, (begins + c.offset) // c.hop] for c, field in zip(contexts, fields, strict=True)], hop, offset


# DDP, FSDP and torch.compile look for tensors inside arguments: registration lets them see these
pytree.register_pytree_node(
    Context,
    lambda c: ([c.vector, c.field, c.memory, c.mask, c.scale], (c.hop, c.offset)),
    lambda values, rest: Context(*values, *rest),
    serialized_type_name="seriatim.Context",
)
