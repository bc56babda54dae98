"""Sound as levels: each stands for what lies on it, however many there are, and nothing is clipped in silence."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from every_codec import from_json
from seriatim.audio.quantiser import Quantiser, QuantiserKind
from seriatim.errors import UserError
from seriatim.symbols import Symbols

EVERY_16_BITS = np.arange(-32768, 32768).astype(np.int16)
EXAMPLES = settings(max_examples=60, deadline=None, derandomize=True)
CODECS = st.builds(
    Quantiser,
    rate=st.just(8000),
    quantiser=st.sampled_from(["mulaw", "linear"]),
    levels=st.integers(2, 600) | st.integers(2, 65536),
)


def check_inverse(codec: Quantiser) -> None:
    k = np.arange(codec.levels)
    shown = codec.decode(k)
    assert shown.dtype == np.float32
    assert np.array_equal(codec.encode(shown), k)
    assert np.array_equal(codec.encode(shown.astype(np.float64)), k)
    assert (np.diff(shown) > 0).all()
    assert np.abs(shown).max() <= 1
    written = codec.to_int16(k)
    assert (np.diff(written.astype(int)) >= 0).all()
    if codec.quantiser != "mulaw" or codec.levels <= 600:
        assert np.array_equal(codec.encode(written), k)


@pytest.mark.parametrize("quantiser", ["mulaw", "linear"])
def test_a_level_stands_for_a_value_that_lies_on_it(quantiser: QuantiserKind) -> None:
    for levels in (*range(2, 300), 600, 1000, 4096, 65535, 65536):
        check_inverse(Quantiser(8000, 1, quantiser, levels))


@given(CODECS)
@EXAMPLES
def test_any_number_of_levels(codec: Quantiser) -> None:
    check_inverse(codec)


@given(codec=CODECS, x=st.lists(st.floats(-1, 1), min_size=1, max_size=20))
@EXAMPLES
def test_what_comes_back_is_within_half_a_level(codec: Quantiser, x: list[float]) -> None:
    raw = np.array(x)
    levels = codec.encode(raw)
    assert levels.dtype == np.int64
    back = codec.decode(levels).astype(np.float64)
    assert np.array_equal(codec.encode(back), levels)
    if codec.quantiser == "linear":
        assert np.abs(back - raw).max() <= 1 / codec.levels + 1e-7
        return
    mu = codec.levels - 1  # half a level of f, where df/dx = μ / ((1 + μ|x|) ln(1 + μ)) is least at the farther end
    widest = (1 + mu * np.maximum(abs(raw), abs(back))) * math.log1p(mu) / mu**2
    assert (np.abs(back - raw) <= widest + 1e-7).all()


def test_sixteen_bits_come_back_bit_for_bit() -> None:
    codec = Quantiser(44100, 1, "pcm16")
    k = np.arange(65536)
    assert np.array_equal(codec.encode(EVERY_16_BITS), k)
    assert np.array_equal(codec.to_int16(k), EVERY_16_BITS)
    assert np.array_equal(codec.decode(k), EVERY_16_BITS / np.float32(32768))
    assert np.array_equal(codec.encode(codec.decode(k)), k)
    assert codec.encode(np.array([-1.0, 0.0, 1.0])).tolist() == [0, 32768, 65535]


@pytest.mark.parametrize(
    "codec", [Quantiser(8000), Quantiser(8000, 1, "linear", 300), Quantiser(8000, 1, "mulaw", 65536)]
)
def test_16_bits_are_the_fractions_that_they_stand_for(codec: Quantiser) -> None:
    assert np.array_equal(codec.encode(EVERY_16_BITS), codec.encode(EVERY_16_BITS / 32768))
    assert np.array_equal(codec.encode(EVERY_16_BITS), codec.encode((EVERY_16_BITS / 32768).astype(np.float32)))


def test_mu_is_one_less_than_the_levels() -> None:
    codec = Quantiser(16000)
    raw = np.array([-1.0, -0.25, -1e-6, 0.0, 1e-6, 0.01, 0.5, 1.0])
    wanted = [
        math.floor((math.copysign(math.log(1 + 255 * abs(x)) / math.log(256), x) + 1) / 2 * 255 + 0.5) for x in raw
    ]
    assert codec.encode(raw).tolist() == wanted
    assert (wanted[0], wanted[3], wanted[-1]) == (0, 128, 255)
    assert codec.decode([0, 255]).tolist() == [-1, 1]
    loud, quiet = (np.diff(codec.decode([k, k + 1]).astype(float))[0] for k in (254, 128))
    assert loud / quiet > 200  # finer where it is quiet


def test_linear_levels_of_a_byte() -> None:
    codec = Quantiser(16000, 1, "linear")
    assert codec.encode(EVERY_16_BITS).tolist() == [(v + 32768) >> 8 for v in range(-32768, 32768)]
    assert codec.decode([0, 128]).tolist() == [-255 / 256, 1 / 256]


def test_channels_are_last() -> None:
    codec = Quantiser(8000, 2)
    raw = np.random.default_rng(0).uniform(-1, 1, (3, 5, 2))
    assert np.array_equal(codec.encode(raw)[1, :, 0], Quantiser(8000).encode(raw[1, :, 0]))
    for shape in ((4,), (2, 4), ()):
        with pytest.raises(UserError, match="put channels last"):
            codec.encode(np.zeros(shape))
    assert Quantiser(8000).encode(np.zeros(0)).shape == codec.encode(np.zeros((0, 2)))[:, 0].shape == (0,)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (np.array([0.5, 1.01, -2, 0]), "2 of 4 samples are beyond ±1"),
        (np.array([0.5, math.nan], np.float32), "1 of 2 samples are beyond ±1 or NaN"),
        (np.array([math.inf]), "1 of 1"),
        (np.array([1, 2]), "samples of type int64; expected int16, float32 or float64"),
        (np.array([0.5], np.float16), "samples of type float16"),
    ],
)
def test_what_is_no_sound_is_refused(raw: Any, message: str) -> None:
    for codec in (Quantiser(8000), Quantiser(8000, 1, "linear", 7), Quantiser(8000, 1, "pcm16")):
        with pytest.raises(UserError, match=message) as caught:
            codec.encode(raw)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("x", "message"), [([4], "from 4 to 4: expected 0 to 3"), ([-1], "-1"), ([0.5], "float64")])
def test_what_is_no_level_is_refused(x: list[float], message: str) -> None:
    for read in (Quantiser(8000, 1, "mulaw", 4).decode, Quantiser(8000, 1, "mulaw", 4).to_int16):
        with pytest.raises(UserError, match=message):
            read(x)


@pytest.mark.parametrize(
    "codec",
    [Quantiser(22050), Quantiser(44100, 2, "linear", 1000), Quantiser(8000, 1, "pcm16")],
    ids=["mulaw", "linear", "pcm16"],
)
def test_json_and_back(codec: Quantiser) -> None:
    assert isinstance(codec, Symbols)
    document = json.loads(json.dumps(codec.to_json()))
    again = from_json(document)
    assert isinstance(again, Quantiser)
    assert again.to_json() == document
    assert (again.size, again.rate, again.channels, again.quantiser) == (
        codec.levels, codec.rate, codec.channels, codec.quantiser,
    )  # fmt: skip


def test_names() -> None:
    codecs = (Quantiser(8000), Quantiser(8000, 1, "linear"), Quantiser(8000, 1, "pcm16"))
    assert [codec.name for codec in codecs] == ["256 levels of μ-law", "256 linear levels", "16 bits"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 0}, "rate: expected a whole number from 1 to 768000, got 0"),
        ({"rate": 8000.0}, "rate"),
        ({"rate": 8000, "channels": 3}, "channels: expected a whole number from 1 to 2, got 3"),
        ({"rate": 8000, "levels": 1}, "levels"),
        ({"rate": 8000, "levels": 65537}, "levels"),
        ({"rate": 8000, "quantiser": "alaw"}, "quantiser: expected mulaw, linear, pcm16, got 'alaw'"),
        ({"rate": 8000, "quantiser": "pcm16", "levels": 256}, "pcm16 has 65536, got 256"),
    ],
)
def test_bounds(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Quantiser(**options)
