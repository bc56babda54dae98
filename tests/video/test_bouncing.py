"""Moving MNIST: the generator's geometry by hand, its splits, and what a film depends on."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import time

import numpy as np
import pytest

from seriatim.data import mnist
from seriatim.data.fetch import File
from seriatim.data.idx import read_idx
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.video.data import sets
from seriatim.video.data.bouncing import Bouncing
from seriatim.video.data.folds import folds
from seriatim.video.data.opening import open_reel, open_set
from seriatim.video.holding import NAMES
from seriatim.video.options import VideoOptions

needs_data = pytest.mark.skipif("SERIATIM_DATA" not in os.environ, reason="$SERIATIM_DATA is not set")

DOT = np.full((1, 28, 28), 255, np.uint8)  # a digit that fills its square


def test_the_named_sets_are_those_of_the_table():
    assert set(NAMES) == set(sets.SETS)


def test_places_by_hand():
    """Of 36 free pixels, an eighth is 4.5; at a wall the place is the wall's, and the way back begins there."""
    films = Bouncing(DOT, 0, "train", 1, frames=14)
    assert films._places(0.75, 0.125) == [31, 36, 31, 27, 22, 18, 13, 9, 4, 0, 4, 9, 13, 18]
    assert films._places(0.9375, 0.125)[:3] == [36, 31, 27]  # past the wall is at the wall
    assert films._places(0.0625, -0.125)[:3] == [0, 4, 9]
    assert films._places(0.5, 0.0) == [18] * 14


def test_a_film_is_what_its_hash_says():
    """The eight numbers are read here again, and the squares are drawn pixel by pixel."""
    films = Bouncing(DOT, seed=3, split="test", count=5, frames=25)
    words = hashlib.blake2b(b"(3, 'test', 4)").digest()
    u = [(int.from_bytes(words[i : i + 8], "little") >> 11) / 2**53 for i in range(0, 64, 8)]
    wanted = np.zeros((25, 64, 64, 1), np.uint8)
    for _, x, y, turn in (u[:4], u[4:]):
        place, speed = [x, y], [0.1 * math.cos(2 * math.pi * turn), 0.1 * math.sin(2 * math.pi * turn)]
        for t in range(25):
            for axis in range(2):
                place[axis] += speed[axis]
                if place[axis] <= 0 or place[axis] >= 1:
                    place[axis], speed[axis] = min(max(place[axis], 0.0), 1.0), -speed[axis]
            left, top = math.floor(36 * place[0]), math.floor(36 * place[1])
            wanted[t, top : top + 28, left : left + 28] = 255
    assert np.array_equal(films[4], wanted)
    assert np.array_equal(films[-1], wanted)
    assert np.array_equal(films[3:5][1], wanted)
    with pytest.raises(IndexError):
        films[5]


def test_digits_overlap_by_the_larger_value():
    digits = np.zeros((2, 28, 28), np.uint8)
    digits[0], digits[1] = 100, 200
    films = Bouncing(digits, 0, "train", 200)
    counts = [[(film == value).sum() for value in (100, 200)] for film in films]
    both = [each for each in counts if all(each)]
    assert len(both) == pytest.approx(100, abs=30)
    assert all(bright == 20 * 28 * 28 and dark <= bright for dark, bright in both)
    assert any(dark < bright for dark, bright in both)


def test_a_film_depends_on_seed_split_and_index_alone():
    digits = np.arange(10, dtype=np.uint8)[:, None, None] * np.ones((1, 28, 28), np.uint8) + 1
    film = Bouncing(digits, 0, "train", 10)[7]
    assert np.array_equal(film, Bouncing(digits, 0, "train", 1000)[7])
    assert np.array_equal(film, Bouncing(digits, 0, "train", 10, frames=30)[7][:20])
    for other in (
        Bouncing(digits, 1, "train", 10)[7],
        Bouncing(digits, 0, "test", 10)[7],
        Bouncing(digits, 0, "train", 10)[6],
    ):
        assert not np.array_equal(film, other)


def test_uniform_starts_and_directions():
    """Means and spreads of uniform numbers, over 2,000 films of two digits."""
    films = Bouncing(DOT, 0, "train", 2000, frames=1)
    tops = np.array([[np.flatnonzero(film[0, :, :, 0].any(axis)).min() for axis in (0, 1)] for film in films])
    assert tops.min() == 0
    # the smaller of two uniform places over 36 pixels, each a step further: its mean is about a third of the range
    assert np.abs(tops.mean(0) / 36 - 1 / 3).max() < 0.02


def test_at_half_the_size_everything_is_halved():
    films = Bouncing(DOT, 0, "train", 3, side=32)
    assert films.digit == 14
    assert films[0].shape == (20, 32, 32, 1)
    assert (films[0] == 255).sum((1, 2, 3)).max() <= 2 * 14 * 14
    large = Bouncing(DOT, 0, "train", 3)
    for small, whole in zip(films, large, strict=True):  # the same course: corners are at half the place, rounded down
        for a, b in zip(small, whole, strict=True):
            assert np.flatnonzero(a.any((1, 2))).min() == np.flatnonzero(b.any((1, 2))).min() // 2


def test_colour():
    films = Bouncing(DOT, 0, "train", 1, channels=3)
    assert films[0].shape == (20, 64, 64, 3)
    assert np.array_equal(films[0][..., :1], Bouncing(DOT, 0, "train", 1)[0])


@needs_data
def test_a_film_is_made_quickly():
    films = open_set("moving-mnist", VideoOptions(), DataOptions()).splits["train"].x
    films[0]
    times = []
    for i in range(1, 101):
        begun = time.perf_counter()
        films[i]
        times.append(time.perf_counter() - begun)
    assert sorted(times)[50] < 1e-3  # 0.16 ms on an idle core


@needs_data
def test_the_splits_have_digits_of_their_own():
    reel = open_set("moving-mnist", VideoOptions(), DataOptions())
    assert reel.shape == (64, 64, 1)
    assert {side: len(part.x) for side, part in reel.splits.items()} == {
        "train": 10_000, "validation": 1_000, "test": 1_000,
    }  # fmt: skip
    train, test = read_idx_of(0), read_idx_of(2)
    for side, digits in (("train", train[:55_000]), ("validation", train[55_000:]), ("test", test)):
        part = reel.splits[side]
        assert np.array_equal(part.x.digits, digits)
        assert set(part.lengths) == {20}
        assert (part.labels, part.actions, list(part.rates)) == (None, None, [])
        assert part.names[7] == f"{side}:7"
        assert part.x[7].shape == (20, 64, 64, 1)
    assert "Licence: CC BY-SA 3.0" in reel.note
    assert "not the films of the published test file" in reel.note


def read_idx_of(i):
    from seriatim.data import fetch

    return read_idx(fetch.get(mnist.FILES[i], ""))


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A set of 6,000 training and 10 test digits in MNIST's layout."""
    files = []
    for name, count in (("train", 6000), ("test", 10)):
        x = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        data = b"\0\0\x08\x03" + np.array(x.shape, ">u4").tobytes() + x.tobytes()
        path = tmp_path / "mnist" / f"{name}.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(data, 1))
        files.append(File(f"mnist/{name}.gz", path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest(), None))
    monkeypatch.setenv("SERIATIM_DATA", str(tmp_path))
    known = sets.SETS["moving-mnist"]
    monkeypatch.setitem(sets.SETS, "moving-mnist", type(known)(**{**vars(known), "files": tuple(files)}))


def test_the_name_opens_it(small, tmp_path, monkeypatch):
    reel = open_reel("moving-mnist", VideoOptions(size=(32,), frames=30), DataOptions(limit=4, seed=2))
    assert reel.name == "moving-mnist"
    assert [(side, len(part.x), part.lengths) for side, part in reel.splits.items()] == [
        (side, 4, [30] * 4) for side in ("train", "validation", "test")
    ]
    assert reel.splits["test"].x[3].shape == (30, 32, 32, 1)
    assert reel.shape == (32, 32, 1)
    assert len(reel.splits["train"].clips(10, 10)) == 12

    def mark(own, division):
        options = VideoOptions(**{"size": (32,), **own}), DataOptions(**{"limit": 4, **division})
        return open_reel("moving-mnist", *options).fingerprint

    marks = {
        mark(own, division)
        for own, division in (
            ({}, {}), ({}, {"seed": 1}), ({}, {"limit": 5}), ({"size": (16,)}, {}), ({"frames": 21}, {}),
            ({"colour": "rgb"}, {}), ({"resample": "nearest"}, {}), ({}, {}), ({"frames": 10}, {}),
        )
    }  # fmt: skip
    assert len(marks) == 7  # the last two are the first: 10 frames are cut from films of 20


@pytest.mark.parametrize(
    ("own", "division", "words"),
    [
        ({"rate": 5}, {}, "--video.rate was given, but moving-mnist"),
        ({"labels": "x.csv"}, {}, "--video.labels was given"),
        ({"actions": "x"}, {}, "--video.actions was given"),
        ({}, {"test": 0.2}, "--data.test was given"),
        ({"size": (24, 32)}, {}, "its frames are square"),
        ({"size": (4,)}, {}, "8 or more pixels a side"),
    ],
)
def test_options_that_do_not_apply(small, own, division, words):
    with pytest.raises(UserError) as caught:
        open_reel("moving-mnist", VideoOptions(**own), DataOptions(**division))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_name():
    with pytest.raises(UserError, match="is not a film, folder of films or named data set"):
        open_reel("moving-minst")


def test_folds_make_no_films(small):
    reel = open_reel("moving-mnist", VideoOptions(), DataOptions(limit=6))
    parts = folds(reel, 3)
    held = [part.splits["validation"].names for part in parts]
    assert sorted(name for names in held for name in names) == sorted(
        f"{side}:{i}" for side in ("train", "validation") for i in range(6)
    )
    for part in parts:
        train, validation = part.splits["train"], part.splits["validation"]
        assert (len(train.x), len(validation.x), len(part.splits["test"].x)) == (8, 4, 6)
        assert train.lengths == [20] * 8
        for x, name in zip(validation.x, validation.names, strict=True):
            side, _, row = name.partition(":")
            assert np.array_equal(x, reel.splits[side].x[int(row)])
        assert len(validation.x[1:3]) == 2
    assert len({part.fingerprint for part in parts}) == 3
    assert parts[0].name == "moving-mnist (fold 1 of 3)"
