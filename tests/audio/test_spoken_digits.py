"""The Free Spoken Digit Dataset: the real one where it is at hand, and a small one in its layout."""

from __future__ import annotations

import io
import os
import tarfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from seriatim.audio.data.loaders import counting, digits
from seriatim.audio.data.opening import open_recordings, open_set
from seriatim.audio.data.recordings import Takes
from seriatim.audio.data.sets import SETS
from seriatim.audio.holding import NAMES, holds
from seriatim.audio.options import AudioOptions
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.image.data.opening import open_gallery
from seriatim.text.data.opening import open_corpus
from tiny_audio import RATE, noise

needs_data = pytest.mark.skipif("SERIATIM_DATA" not in os.environ, reason="$SERIATIM_DATA is not set")


def archive(path: Path, speakers: tuple[str, ...] = ("ann", "bob"), takes: int = 12) -> Path:
    """Recordings whose content says which they are."""
    with tarfile.open(path, "w:gz") as file:
        for i, speaker in enumerate(speakers):
            for digit in range(10):
                for index in range(takes):
                    data = io.BytesIO()
                    x = noise(1000 * i + 100 * digit + index, 100 + 10 * digit + index)
                    soundfile.write(data, x, RATE, format="WAV")
                    member = tarfile.TarInfo(f"free-1.0/recordings/{digit}_{speaker}_{index}.wav")
                    member.size = data.tell()
                    data.seek(0)
                    file.addfile(member, data)
        text = tarfile.TarInfo("free-1.0/README.md")
        file.addfile(text)
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive(tmp_path_factory.mktemp("digits") / "free-spoken-digit-dataset-1.0.tar.gz")


def check_lines(lines: Takes, takes: Takes) -> Counter[int]:
    """Each line is one speaker's ten digits with silence between, where the marks and the track say; how often each
    take is in one."""
    places: dict[bytes, int] = {x.tobytes(): row for row, x in enumerate(takes.x)}
    used: Counter[int] = Counter()
    track = lines.tracks["digit"]
    for x, speaker, marks, values in zip(lines.x, lines.labels["speaker"], lines.marks, track.values, strict=True):
        assert len(marks) == 10
        assert len(values) == -(-len(x) // track.hop)
        rest = np.ones(len(x), bool)
        ended = 0
        for digit, (begin, end) in enumerate(marks):
            assert begin > ended
            ended = end
            row = places[x[begin:end].tobytes()]
            assert takes.labels["speaker"][row] == speaker
            assert takes.labels["digit"][row] == str(digit)
            used[row] += 1
            rest[begin:end] = False
        assert len(x) > ended
        assert not x[rest].any()
        for k, value in enumerate(values):
            middle = k * track.hop + (track.hop - 1) / 2
            spoken = [(digit, begin, end) for digit, (begin, end) in enumerate(marks) if begin <= middle < end]
            assert track.labels[int(value[0])] == (str(spoken[0][0]) if spoken else "silence") or middle >= len(x)
            if spoken:
                _, begin, end = spoken[0]
                assert value[1] == pytest.approx((middle - begin) / (end - begin), abs=1e-5)
    return used


def test_a_small_one(small: Path) -> None:
    assert holds(small).certainty
    found = open_recordings(small)
    assert {side: len(takes.x) for side, takes in found.splits.items()} == {"train": 40, "validation": 100, "test": 100}
    for side, indices in (("train", {10, 11}), ("validation", set(range(5, 10))), ("test", set(range(5)))):
        takes = found.splits[side]
        assert list(takes.labels) == ["speaker", "digit"]
        for x, speaker, digit, name in zip(
            takes.x, takes.labels["speaker"], takes.labels["digit"], takes.names, strict=True
        ):
            index = int(name.removesuffix(".wav").split("_")[2])
            assert index in indices
            assert name == f"{digit}_{speaker}_{index}.wav"
            number = 1000 * ("ann", "bob").index(str(speaker)) + 100 * int(digit or 0) + index
            assert np.array_equal(x, noise(number, len(x)))
    assert "Licence: CC BY-SA 4.0" in found.note
    assert open_recordings(small).fingerprint == found.fingerprint


def test_options(small: Path) -> None:
    few = open_recordings(small, AudioOptions(conditions=("digit",)), DataOptions(limit=30))
    assert all(len(takes.x) == 30 and list(takes.labels) == ["digit"] for takes in few.splits.values())
    assert len(set(few.splits["test"].labels["digit"])) > 5
    assert open_recordings(small, None, DataOptions(limit=30)).fingerprint != few.fingerprint
    bare = open_set("spoken-counting", AudioOptions(given=False), DataOptions(), small)
    assert all(not takes.labels and not takes.tracks and takes.marks for takes in bare.splits.values())
    faster = open_recordings(small, AudioOptions(rate=16000), DataOptions(limit=3))
    assert faster.rate == 16000
    assert "had 8000 Hz and are resampled" in faster.note
    mistaken: list[dict[str, Any]] = [{"labels": "x.csv"}, {"split": "time"}, {"channels": "stereo"}]
    for option in mistaken:
        with pytest.raises(UserError, match=f"--audio.{next(iter(option))}.* was given, but spoken-digits"):
            open_recordings(small, AudioOptions(**option))
    for shares in ({"validation": 0.2}, {"test": 0.0}):
        with pytest.raises(UserError, match=f"--data.{next(iter(shares))} was given, but spoken-digits"):
            open_recordings(small, None, DataOptions(**shares))


@pytest.mark.parametrize("rate", [RATE, 11025])
def test_counting(small: Path, rate: int) -> None:
    options = AudioOptions(rate=rate)
    takes, lines = digits(small, options, 0), counting(small, options, 0)
    for side, whole in takes.splits.items():
        line = lines.splits[side]
        assert len(line.x) == len(whole.x) // 10
        assert check_lines(line, whole) == Counter(range(len(whole.x)))
        assert line.tracks["digit"].hop == round(rate / 100)
        pauses = [b - a for marks in line.marks for (_, a), (b, _) in pairwise(marks)]
        assert 0.02 * rate < min(pauses) < max(pauses) < 0.4 * rate


def test_other_seeds_make_other_lines(small: Path) -> None:
    marks = [
        open_set("spoken-counting", AudioOptions(), DataOptions(seed=seed), small).fingerprint for seed in (0, 0, 1)
    ]
    assert marks[0] == marks[1] != marks[2]


def test_an_archive_that_is_another(tmp_path: Path) -> None:
    path = tmp_path / "free-spoken-digit-dataset.tar.gz"
    with tarfile.open(path, "w:gz"):
        pass
    with pytest.raises(UserError, match="no recording has a name like 7_jackson_32"):
        open_recordings(path)
    path.write_bytes(b"text")
    with pytest.raises(UserError, match="damaged archive"):
        open_recordings(path)
    few = archive(path, ("ann",), 4)
    with pytest.raises(UserError, match="no takes numbered 10 or more, for training"):
        open_recordings(few)


def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sorted(NAMES) == sorted(SETS) == ["spoken-counting", "spoken-digits"]
    with pytest.raises(UserError, match="spoken-digits is a data set of audio, not of text: give one of"):
        open_corpus("spoken-digits")
    with pytest.raises(UserError, match="spoken-digits is a data set of audio, not of pictures: give one of"):
        open_gallery("spoken-digits")
    with pytest.raises(UserError, match="mnist is a data set of pictures, not of audio: give one of spoken-c"):
        open_recordings("mnist")
    with pytest.raises(UserError, match="did you mean 'spoken-digits'"):
        open_recordings("spoken-digit")
    monkeypatch.setenv("SERIATIM_DATA", str(tmp_path))
    monkeypatch.setenv("SERIATIM_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"is not on this machine and has no public address: download Jakobovski/"):
        open_recordings("spoken-digits")


@needs_data
def test_the_real_one() -> None:
    found = open_recordings("spoken-digits")
    assert {side: (len(takes.x), takes.samples) for side, takes in found.splits.items()} == {
        "train": (2400, 8_407_965), "validation": (300, 1_056_429), "test": (300, 1_034_030),
    }  # fmt: skip
    test = found.splits["test"]
    assert set(Counter(zip(test.labels["speaker"], test.labels["digit"], strict=True)).values()) == {5}
    assert set(test.labels["speaker"]) == {"george", "jackson", "lucas", "nicolas", "theo", "yweweler"}
    assert (found.rate, found.channels) == (8000, 1)
    lines = open_recordings("spoken-counting")
    assert {side: len(takes.x) for side, takes in lines.splits.items()} == {"train": 240, "validation": 30, "test": 30}
    assert set(check_lines(lines.splits["test"], test).values()) == {1}
