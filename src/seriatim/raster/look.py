"""How layers over pictures receive their conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import Tensor, nn

from seriatim.causal.stacks import Stack, Stacked
from seriatim.context import Context


@final
class Look(nn.Module, Stacked):
    """What conditions add to a layer: a linear map of the vector, and of the field at each pixel (1 × 1).

    Args:
        outputs: channels O of the layer.
        vector: channels of `context.vector`; 0 if it is not used.
        field: channels of `context.field`; 0 if it is not used.
    """

    def __init__(self, outputs: int, vector: int = 0, field: int = 0) -> None:
        super().__init__()
        self.vector = nn.Linear(vector, outputs, bias=False) if vector else None
        self.field = nn.Linear(field, outputs, bias=False) if field else None

    def stacks(self, parts: int = 1) -> Mapping[str, Stack]:
        """One matrix for each condition, or `parts`, as many as there are maps concatenated in the layer's outputs."""
        maps = {"vector": self.vector, "field": self.field}
        return {f"{name}.weight": Stack.of(each.weight, parts) for name, each in maps.items() if each is not None}

    def forward(self, context: Context) -> Tensor | None:
        """(B, H or 1, W or 1, O), to be added; None without conditions.

        Raises:
            ValueError: if a condition that the layer was built for is missing.
        """
        result = None
        if self.vector is not None:
            if context.vector is None:
                raise ValueError("this model reads context.vector, but there is none")
            result = self.vector(context.vector)[:, None, None]
        if self.field is not None:
            if context.field is None:
                raise ValueError("this model reads context.field, but there is none")
            local = self.field(context.field)
            result = local if result is None else result + local
        return result
