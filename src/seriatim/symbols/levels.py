"""Pictures as symbols: each value of each pixel quantised to a number of levels."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Self, final

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.symbols import reading

_BOUNDS: Final = {"height": (1, 4096), "width": (1, 4096), "channels": (1, 64), "levels": (2, 65536)}


@final
class Levels:
    """Pictures of one size, each value quantised to `levels` levels of equal width.

    An 8-bit value v is on level floor(v · levels / 256), which for 256 levels is v itself. Level k is decoded as
    k · 255 / (levels − 1), rounded to the nearest 8-bit value *on level k*, so that `encode` undoes `decode` for up
    to 256 levels; plain rounding would decode level 1 of 200 as 1, which is on level 0. More than 256 levels are for
    16-bit pictures, and are decoded to 8 bits.

    Args:
        height: rows, at most 4096.
        width: columns, at most 4096.
        channels: values per pixel, at most 64: 1 for grey, 3 for RGB.
        levels: number of levels, 2 to 65536.

    Example:
        >>> import numpy as np
        >>> codec = Levels(height=1, width=3, channels=1, levels=4)
        >>> x = codec.encode(np.array([[[0], [100], [255]]], np.uint8))
        >>> x.ravel().tolist(), codec.decode(x).ravel().tolist()
        ([0, 1, 3], [0, 85, 255])
    """

    kind: ClassVar = "levels"

    def __init__(self, height: int, width: int, channels: int, levels: int = 256) -> None:
        given = {"height": height, "width": width, "channels": channels, "levels": levels}
        for name, value in given.items():
            reading.whole(value, name, *_BOUNDS[name])
        self.height, self.width, self.channels, self.levels = height, width, channels, levels
        shown = np.rint(np.arange(levels) * 255 / (levels - 1)).astype(np.int64)
        if levels <= 256:
            edges = -(-np.arange(levels + 1) * 256 // levels)  # level k covers the values edges[k] to edges[k + 1] − 1
            shown = shown.clip(edges[:-1], edges[1:] - 1)
        self._shown: NDArray[np.uint8] = shown.astype(np.uint8)

    @property
    def size(self) -> int:
        """Number of levels."""
        return self.levels

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.height, self.width, self.channels

    def encode(self, raw: NDArray[Any], /) -> NDArray[np.int64]:
        """Levels of pictures (..., H, W, C) in uint8 or uint16."""
        pixels: NDArray[Any] = np.asarray(raw)
        if pixels.dtype.kind != "u" or pixels.dtype.itemsize > 2:
            raise UserError(f"picture: values of type {pixels.dtype}; expected uint8 or uint16; convert them first")
        if pixels.shape[-3:] != self.shape:
            raise UserError(
                f"picture: shape {pixels.shape}; expected (…, {', '.join(map(str, self.shape))}): "
                "height, width, channels; resize it first"
            )
        return pixels.astype(np.int64) * self.levels >> (8 * pixels.dtype.itemsize)

    def decode(self, x: Any, /) -> NDArray[np.uint8]:
        """Levels of any shape as 8-bit values."""
        levels: NDArray[Any] = np.asarray(x)
        if levels.dtype.kind not in "iu":
            raise UserError(f"levels: values of type {levels.dtype}; expected whole numbers; give the output of encode")
        if levels.size and (levels.min() < 0 or levels.max() >= self.levels):
            raise UserError(f"levels: values from {levels.min()} to {levels.max()}: expected 0 to {self.levels - 1}")
        return self._shown[levels]

    def to_json(self) -> dict[str, Any]:
        """Shape and number of levels."""
        return {"kind": self.kind, **{name: getattr(self, name) for name in _BOUNDS}}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, _BOUNDS)
        return cls(**{name: reading.whole(fields[name], name, *bounds) for name, bounds in _BOUNDS.items()})
