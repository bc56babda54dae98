"""Pictures as levels: what a level holds, what it is shown as, and that each undoes the other."""

from __future__ import annotations

import json

import numpy as np
import pytest

from every_codec import from_json
from seriatim.errors import UserError
from seriatim.symbols import Symbols
from seriatim.symbols.levels import Levels

BYTES = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)


@pytest.mark.parametrize("levels", range(2, 257))
def test_a_level_is_shown_as_a_value_that_lies_on_it(levels: int) -> None:
    codec = Levels(1, levels, 1, levels)
    k = np.arange(levels).reshape(1, levels, 1)
    shown = codec.decode(k)
    assert shown.dtype == np.uint8
    assert np.array_equal(codec.encode(shown), k)
    assert np.array_equal(codec.decode(codec.encode(shown)), shown)
    assert shown[0, 0, 0] == 0
    assert shown[0, -1, 0] == 255
    # the nearest value on the level: at most one off plain rounding
    assert np.abs(shown[0, :, 0].astype(int) - np.rint(np.arange(levels) * 255 / (levels - 1))).max() <= 1


@pytest.mark.parametrize("levels", [2, 3, 4, 5, 17, 200, 255, 256])
def test_levels_are_floors(levels: int) -> None:
    codec = Levels(16, 16, 1, levels)
    encoded = codec.encode(BYTES)
    assert encoded.dtype == np.int64
    assert encoded.ravel().tolist() == [v * levels // 256 for v in range(256)]
    wide = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16, 1)
    assert codec.encode(wide).ravel().tolist() == [v * levels // 65536 for v in range(0, 65536, 256)]


def test_levels_as_shown() -> None:
    assert Levels(1, 1, 1, 2).decode([0, 1]).tolist() == [0, 255]
    assert Levels(1, 1, 1, 4).decode([0, 1, 2, 3]).tolist() == [0, 85, 170, 255]
    assert np.array_equal(Levels(16, 16, 1).decode(Levels(16, 16, 1).encode(BYTES)), BYTES)
    assert Levels(1, 1, 1, 200).decode([1]).tolist() == [2]  # 1.28 rounds to 1, which is on level 0
    digits = np.rint(np.arange(17) * 255 / 16).astype(np.uint8).reshape(17, 1, 1, 1)
    assert Levels(1, 1, 1, 17).encode(digits).ravel().tolist() == [*range(17)]


def test_more_levels_than_bytes() -> None:
    codec = Levels(1, 4, 1, 65536)
    raw = np.array([0, 1, 256, 65535], np.uint16).reshape(1, 4, 1)
    assert codec.encode(raw).ravel().tolist() == [0, 1, 256, 65535]
    assert codec.decode(codec.encode(raw)).ravel().tolist() == [0, 0, 1, 255]


def test_any_leading_shape() -> None:
    raw = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5, 3), dtype=np.uint8)
    codec = Levels(4, 5, 3)
    assert np.array_equal(codec.encode(raw)[1, 2], codec.encode(raw[1, 2]))
    assert np.array_equal(codec.encode(raw), raw)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (np.zeros((4, 5, 3)), "values of type float64; expected uint8 or uint16"),
        (np.zeros((4, 5, 3), np.int64), "values of type int64"),
        (np.zeros((4, 5, 3), np.uint32), "values of type uint32"),
        (np.zeros((5, 4, 3), np.uint8), r"shape \(5, 4, 3\); expected \(…, 4, 5, 3\)"),
        (np.zeros((4, 5), np.uint8), r"shape \(4, 5\)"),
    ],
)
def test_what_is_no_picture_is_refused(raw: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        Levels(4, 5, 3).encode(raw)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("x", "message"), [([4], "from 4 to 4: expected 0 to 3"), ([-1], "-1"), ([0.5], "float64")])
def test_what_is_no_level_is_refused(x: list[float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Levels(1, 1, 1, 4).decode(x)


def test_json_and_back() -> None:
    codec = Levels(28, 20, 3, 17)
    assert isinstance(codec, Symbols)
    assert codec.size == 17
    document = json.loads(json.dumps(codec.to_json()))
    assert document == {"kind": "levels", "height": 28, "width": 20, "channels": 3, "levels": 17}
    again = from_json(document)
    assert isinstance(again, Levels)
    assert again.to_json() == document
    assert again.shape == (28, 20, 3)


@pytest.mark.parametrize(
    "sizes",
    [(0, 1, 1, 2), (1, 4097, 1, 2), (1, 1, 65, 2), (1, 1, 0, 2), (1, 1, 1, 1), (1, 1, 1, 65537), (1.0, 1, 1, 2)],
)
def test_sizes_have_bounds(sizes: tuple[int, int, int, int]) -> None:
    with pytest.raises(UserError, match="expected a whole number from"):
        Levels(*sizes)
