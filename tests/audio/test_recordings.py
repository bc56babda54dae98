"""A folder of one's own recordings: labels, splits, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dividing import divided
from seriatim.audio.data.opening import open_recordings
from seriatim.audio.data.recordings import Recordings, Takes
from seriatim.audio.holding import holds
from seriatim.audio.options import AudioOptions, QuantiserOptions, TrackOptions
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.modality import Certainty
from tiny_audio import RATE, folder_of, noise, save

Chosen = tuple[AudioOptions | None, DataOptions | None]


def whole(**options: Any) -> Chosen:
    """How recordings are read, and that all of them are in one split."""
    own, division = divided(options, validation=0, test=0)
    return AudioOptions(**own), division


def surely(data: object) -> bool:
    return holds(data).certainty is Certainty.YES


WHOLE = whole()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of(tmp_path)


def only(path: Path, options: Chosen = WHOLE) -> Takes:
    (takes,) = open_recordings(path, *options).splits.values()
    return takes


def refused(spec: Path | str, options: Chosen = WHOLE) -> str:
    with pytest.raises(UserError) as caught:
        open_recordings(spec, *options)
    message = str(caught.value)
    assert "\n" not in message
    assert ": " in message  # … and what to do
    return message


def names(recordings: Recordings) -> dict[str, list[str]]:
    return {side: list(takes.names) for side, takes in recordings.splits.items()}


def test_a_folder_with_labels(folder: Path) -> None:
    found = open_recordings(folder)
    assert (found.name, found.rate, found.channels, found.note) == ("sounds", RATE, 1, "")
    assert {side: len(takes.x) for side, takes in found.splits.items()} == {"train": 24, "validation": 3, "test": 3}
    for takes in found.splits.values():
        assert list(takes.labels) == ["label"]
        assert takes.samples == sum(map(len, takes.x))
        for x, label, name in zip(takes.x, takes.labels["label"], takes.names, strict=True):
            number = int(Path(name).stem)
            assert name.split("/")[0] == label
            assert x.dtype == np.int16
            assert np.array_equal(x, noise(number, 200 + 20 * number))
    everything = {name for held in names(found).values() for name in held}
    assert everything == {f"{('low', 'high')[i % 2]}/{i:02d}.wav" for i in range(30)}


def test_the_split_depends_on_the_sound_and_the_seed_alone(folder: Path) -> None:
    first, again = open_recordings(folder), open_recordings(folder)
    assert first.fingerprint == again.fingerprint
    assert names(first) == names(again)
    other = open_recordings(folder, None, DataOptions(seed=1))
    assert names(other)["test"] != names(first)["test"]
    assert other.fingerprint != first.fingerprint
    (folder / names(first)["test"][0]).rename(folder / "low" / "zz.wav")
    moved = open_recordings(folder)
    assert "low/zz.wav" in names(moved)["test"]
    assert moved.fingerprint != first.fingerprint
    save(folder / "low" / "zz.wav", noise(99))
    assert open_recordings(folder).fingerprint != moved.fingerprint


def test_copies_stay_together(folder: Path) -> None:
    sides = names(open_recordings(folder))
    for side, held in sides.items():
        (folder / "low" / f"copy-{side}.wav").write_bytes((folder / held[0]).read_bytes())
    for side, held in names(open_recordings(folder)).items():
        assert f"low/copy-{side}.wav" in held


def test_each_cut_by_time(tmp_path: Path) -> None:
    for i in range(2):
        save(tmp_path / "x" / f"{i}.wav", noise(i, 1000))
    by_file = AudioOptions(split="file")
    assert "too few distinct recordings (of 2) for a train split" in refused(tmp_path / "x", (by_file, None))
    usual = open_recordings(tmp_path / "x")
    assert usual.note.startswith(
        "The 2 recordings are each cut by time, being too few to split by file: the first part"
    )
    assert {side: [len(x) for x in takes.x] for side, takes in usual.splits.items()} == {
        "train": [800, 800], "validation": [100, 100], "test": [100, 100],
    }  # fmt: skip
    found = open_recordings(tmp_path / "x", AudioOptions(split="time"), DataOptions(validation=0.2))
    assert {side: [len(x) for x in takes.x] for side, takes in found.splits.items()} == {
        "train": [700, 700], "validation": [200, 200], "test": [100, 100],
    }  # fmt: skip
    for i in range(2):
        assert np.array_equal(np.concatenate([takes.x[i] for takes in found.splits.values()]), noise(i, 1000))
    assert found.splits["test"].names == ["0.wav[900:1000]", "1.wav[900:1000]"]


def test_limit_takes_of_every_label(folder: Path) -> None:
    takes = only(folder, whole(limit=12))
    assert len(takes.x) == 12
    assert set(takes.labels["label"]) == {"low", "high"}
    assert list(takes.names) == sorted(takes.names)
    assert only(folder, whole(limit=12)).names == takes.names != only(folder, whole(limit=12, seed=1)).names


def test_no_labels(folder: Path) -> None:
    assert only(folder, whole(given=False)).labels == {}
    assert only(folder / "low").labels == {}
    assert only(folder / "low" / "00.wav").names == ["00.wav"]
    save(folder / "top.wav", noise(50))
    found = open_recordings(folder)
    assert found.splits["train"].labels == {}
    assert "No labels: not all recordings are in subfolders, one level deep." in found.note


def test_folders_named_as_splits_are_no_labels(tmp_path: Path) -> None:
    for i, side in enumerate(("train", "Test")):
        save(tmp_path / side / "x.wav", noise(i))
    assert "look like splits" in refused(tmp_path)
    assert len(only(tmp_path, whole(given=False)).x) == 2


def table_of(folder: Path, rows: list[str], encoding: str = "utf-8") -> str:
    path = folder.parent / "labels.csv"
    path.write_bytes("\n".join(rows).encode(encoding))
    return str(path)


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    for i, name in enumerate("ab"):
        save(tmp_path / "p" / f"{name}.wav", noise(i))
    return tmp_path / "p"


def test_a_table_with_a_column_for_each_condition(pair: Path) -> None:
    table = table_of(pair, ["\ufeffpath, speaker ,digit", './b.wav,"Ann, B.", 7', "", "a.wav,,3"])
    takes = only(pair, whole(labels=table))
    assert takes.names == ["a.wav", "b.wav"]
    assert takes.labels == {"speaker": (None, "Ann, B."), "digit": ("3", "7")}
    one = only(pair, whole(labels=table, conditions=("digit",)))
    assert one.labels == {"digit": ("3", "7")}
    plain = only(pair, whole(labels=table_of(pair, ["a.wav,x", "b.wav,y"])))
    assert plain.labels == {"label": ("x", "y")}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([""], "labels.csv: empty; --audio.labels"),
        (["a.wav,x", "c.wav,y"], "labels.csv:2: 'c.wav' is not in"),
        (["path,who", "a.wav,x"], "no labels for 1 of 2 recordings in"),
        (["a.wav,x", "b.wav,y", "a.wav,z"], "labels.csv:3: 'a.wav' is ['z'] here and ['x'] above"),
        (["a.wav,x,y", "b.wav,y,y"], "labels.csv:1: 3 columns without a header"),
        (["path,who,what", "a.wav,x", "b.wav,y,z"], "labels.csv:2: 2 columns; expected 3 (path, who, what)"),
        (["path,who,who", "a.wav,x,y"], "the header is"),
        (["path,x", "a.wav,x"], "the header is"),
        (["path", "a.wav"], "the header is"),
        (["path,who,what", "a.wav,,x", "b.wav,,y"], "no recording has a label for 'who'"),
        (['a.wav,"x', "b.wav,y"], "malformed CSV"),
        (["a.wav,\xff", "b.wav,y"], "is not utf-8 text"),
    ],
)
def test_a_table_that_does_not_fit(pair: Path, rows: list[str], words: str) -> None:
    assert words in refused(pair, whole(labels=table_of(pair, rows, "latin-1")))


def test_a_table_that_is_not_there(pair: Path) -> None:
    assert "no such file" in refused(pair, whole(labels=str(pair / "none.csv")))
    table = table_of(pair, ["a.wav,x", "b.wav,y"])
    assert open_recordings(pair / "a.wav", *whole(labels=table)).splits["train"].labels == {"label": ("x",)}
    unknown = refused(pair, whole(labels=table, conditions=("lable",)))
    assert "has no such label: did you mean 'label'?" in unknown


def test_rates_and_channels_must_agree_unless_said(tmp_path: Path) -> None:
    save(tmp_path / "a.wav", noise(0))
    save(tmp_path / "b.flac", noise(1, 800, 2), 16000)
    assert "b.flac: 16000 Hz, but" in refused(tmp_path)
    assert "give one value for all, e.g. --audio.rate" in refused(tmp_path)
    found = open_recordings(tmp_path, *whole(rate=16000))
    assert (found.rate, found.channels) == (16000, 1)
    assert [len(x) for x in found.splits["train"].x] == [800, 800]
    assert found.note == (
        "1 of 2 recordings had 2 channels and are mixed to mono. 1 of 2 recordings had 8000 Hz and are resampled."
    )
    assert "b.flac: 2 channels, but" in refused(tmp_path, whole(rate=8000, channels="keep"))
    both = open_recordings(tmp_path, *whole(rate=8000, channels="stereo"))
    assert both.channels == 2
    assert all(x.shape[1] == 2 for x in both.splits["train"].x)
    assert both.fingerprint != open_recordings(tmp_path, *whole(rate=8000)).fingerprint


def test_keep_leaves_channels_as_they_are(tmp_path: Path) -> None:
    save(tmp_path / "two" / "a.wav", noise(0, 9, 2))
    assert np.array_equal(only(tmp_path / "two", whole(channels="keep")).x[0], noise(0, 9, 2))
    save(tmp_path / "eight" / "a.wav", noise(0, 9, 8))
    assert "8 channels, but --audio.channels keep takes one or two" in refused(
        tmp_path / "eight", whole(channels="keep")
    )
    assert "without a known left and right" in refused(tmp_path / "eight", whole(channels="stereo"))
    assert "mixed to mono" in open_recordings(tmp_path / "eight", *WHOLE).note


def test_empty_recordings_are_left_out_and_told(tmp_path: Path) -> None:
    save(tmp_path / "a" / "a.wav", noise(0))
    save(tmp_path / "b" / "b.wav", noise(0, 0))
    found = open_recordings(tmp_path, *WHOLE)
    assert found.note == "1 of 2 recordings are empty and left out."
    assert found.splits["train"].names == ["a/a.wav"]
    assert found.splits["train"].labels == {"label": ("a",)}
    assert "all 1 recordings are empty" in refused(tmp_path / "b")


def test_what_else_lies_there(tmp_path: Path) -> None:
    save(tmp_path / "a.wav", noise(0))
    (tmp_path / "notes.txt").write_text("text")
    (tmp_path / ".hidden.wav").write_text("text")
    assert open_recordings(tmp_path, *WHOLE).note == "Left out: 1 × .txt."
    (tmp_path / "a.wav").unlink()
    assert "only other files (1 × .txt); expected *.wav, *.flac" in refused(tmp_path)
    (tmp_path / "bad.wav").write_text("text")
    assert "bad.wav: not readable as audio" in refused(tmp_path)


def test_too_much_for_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seriatim.audio.data import waves

    monkeypatch.setattr(waves, "MOST", 20_000)
    assert "give a smaller --audio.rate, --audio.seconds or --data.limit" in refused(folder)
    assert len(only(folder, whole(seconds=0.02)).x) == 30


def test_what_is_sound(folder: Path, tmp_path: Path) -> None:
    assert surely(folder)
    assert surely(folder / "low" / "00.wav")
    assert surely("spoken-digits")
    assert surely("spoken-counting")
    for spec in ("mnist", "tinyshakespeare", "", tmp_path / "none", tmp_path / "notes.txt"):
        assert not surely(spec)
    for i in range(40):
        (folder / f"{i}.txt").touch()
    assert not surely(folder)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rate": 0}, "--audio.rate is 0"),
        ({"length": 0}, "--audio.length is 0"),
        ({"seconds": 0}, "--audio.seconds is 0"),
        ({"seconds": float("nan")}, "--audio.seconds is nan"),
        ({"trim": -3}, "--audio.trim is -3"),
        ({"trim": 0}, "or leave it out"),
        ({"given": False, "labels": "x.csv"}, "--audio.labels was given, but --audio.given=false"),
        ({"given": False, "conditions": ("a",)}, "--audio.conditions was given"),
        ({"validation": 1.0}, "--data.validation is 1.0"),
        ({"validation": 0.5, "test": 0.5}, "leave nothing to train on"),
        ({"seed": -1}, "--data.seed is -1"),
        ({"limit": 0}, "--data.limit is 0"),
    ],
)
def test_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        whole(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        (QuantiserOptions, {"levels": 1}, "--quantiser.levels is 1; expected 2 to 65536"),
        (QuantiserOptions, {"levels": 65537}, "--quantiser.levels"),
        (QuantiserOptions, {"kind": "pcm16", "levels": 256}, "--quantiser.kind pcm16 has 65536"),
        (TrackOptions, {"filters": 0}, "--track.filters is 0"),
        (TrackOptions, {"up": (1,)}, "--track.up is 1; expected up to 8 numbers from 2 to 64"),
    ],
)
def test_options_of_what_is_built(kind: type[Any], options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        kind(**options)
