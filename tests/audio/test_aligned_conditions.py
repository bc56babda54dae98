"""Conditions aligned with recordings: found by path, aligned to the samples, and named where they do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dividing import divided
from seriatim.audio.data.aligned import featured, read_spans, read_track
from seriatim.audio.data.excerpts import Excerpts, condition_codecs
from seriatim.audio.data.opening import open_recordings
from seriatim.audio.data.recordings import SPANS, TRACK
from seriatim.audio.features import Energy, LogMel
from seriatim.audio.options import AudioOptions
from seriatim.audio.quantiser import Quantiser
from seriatim.audio.spans import Span, Spans, columns_of
from seriatim.audio.tracks import Track
from seriatim.conditioning import MARGIN
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.symbols import Labels
from tiny_audio import RATE, folder_of, noise, save

Chosen = tuple[AudioOptions, DataOptions]


def whole(**options: Any) -> Chosen:
    """How recordings are read, and that all of them are in one split."""
    own, division = divided(options, validation=0, test=0)
    return AudioOptions(**own), division


def beside(place: Path, count: int = 30, hop: int = 16) -> tuple[Path, Path]:
    """For each of `folder_of`'s recordings spans whose first lasts 10 ms, and a series that tells number and column."""
    for number in range(count):
        name = Path(("low", "high")[number % 2]) / f"{number:02d}"
        spans, series = place / "spans" / name.with_suffix(".csv"), place / "track" / name.with_suffix(".npy")
        spans.parent.mkdir(parents=True, exist_ok=True)
        series.parent.mkdir(parents=True, exist_ok=True)
        spans.write_text(f"begin,end,label\n0,0.01,first\n0.015, 99, {'odd' if number % 2 else 'even'}\n")
        columns = np.arange(-(-(200 + 20 * number) // hop) + number % 3)
        np.save(series, np.stack([columns, np.full_like(columns, number)], 1))
    return place / "spans", place / "track"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    return folder_of(tmp_path), *beside(tmp_path)


def options(folders: tuple[Path, Path, Path], **others: Any) -> Chosen:
    own, division = divided(others)
    return AudioOptions(spans=str(folders[1]), track=str(folders[2]), hop=16, **own), division


def labels_of(spans: list[Span], names: tuple[str, ...], rate: int, hop: int, samples: int) -> list[float]:
    return columns_of(spans, {name: i for i, name in enumerate(names)}, rate, hop, samples)[:, 0].tolist()


def refused(spec: Path, chosen: Chosen) -> str:
    with pytest.raises(UserError) as caught:
        open_recordings(spec, *chosen)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("limit", [None, 12])
def test_each_stays_with_its_recording(folders: tuple[Path, Path, Path], limit: int | None) -> None:
    found = open_recordings(folders[0], *options(folders, limit=limit))
    assert found.note == ""
    for takes in found.splits.values():
        spans, series = takes.tracks[SPANS], takes.tracks[TRACK]
        assert (spans.hop, spans.labels, series.hop, series.labels) == (16, ("even", "first", "odd"), 16, ())
        for x, name, labels, columns in zip(takes.x, takes.names, spans.values, series.values, strict=True):
            number = int(Path(name).stem)
            assert np.array_equal(x, noise(number, 200 + 20 * number))
            wanted = [1] * 5 + [-1] * 3 + [number % 2 * 2] * 99  # column 7: middle at 119½, before 120
            assert labels[:, 0].tolist() == wanted[: len(labels)]
            assert len(labels) == len(columns) == -(-len(x) // 16)
            assert columns.tolist() == [[k, number] for k in range(len(columns))]
    bare = open_recordings(folders[0], None, DataOptions(limit=limit))
    assert [takes.names for takes in bare.splits.values()] == [takes.names for takes in found.splits.values()]
    assert (
        bare.fingerprint != found.fingerprint == open_recordings(folders[0], *options(folders, limit=limit)).fingerprint
    )


def test_cut_by_time_at_columns(folders: tuple[Path, Path, Path]) -> None:
    found = open_recordings(folders[0], *options(folders, split="time", validation=0.3, test=0.3))
    for number in range(30):
        name = f"{('low', 'high')[number % 2]}/{number:02d}.wav["
        x, columns = [], []
        for takes in found.splits.values():
            for i, each in enumerate(takes.names):
                if each.startswith(name):
                    x.append(takes.x[i])
                    columns.append(takes.tracks[TRACK].values[i])
                    assert len(columns[-1]) == len(takes.tracks[SPANS].values[i]) == -(-len(x[-1]) // 16)
        assert len(x) == 3
        assert np.array_equal(np.concatenate(x), noise(number, 200 + 20 * number))
        assert np.concatenate(columns)[:, 0].tolist() == [*range(sum(map(len, columns)))]


def test_batches_of_them(folders: tuple[Path, Path, Path]) -> None:
    takes = open_recordings(folders[0], *options(folders)).splits["train"]
    codecs = {"x": Quantiser(RATE, 1, "pcm16"), **condition_codecs(takes, RATE)}
    assert {name: type(codec) for name, codec in codecs.items()} == {
        "x": Quantiser, "label": Labels, SPANS: Spans, TRACK: Track,
    }  # fmt: skip
    batches = Excerpts(takes, codecs, 64, 20, 4, 0)
    series = codecs[TRACK]
    assert isinstance(series, Track)
    for step in range(batches.per_epoch):
        batch = batches.batch(step)
        assert batch.given[TRACK].dtype == np.float32
        for i in range(4):
            count = -(-(np.flatnonzero(batch.mask[i])[-1] + 1) // 16)
            first, number = np.rint(series.decode(batch.given[TRACK][i][0])).astype(int)
            raw = noise(number, 200 + 20 * number).astype(int) + 32768
            stop = np.flatnonzero(batch.mask[i])[-1] + 1
            assert batch.x[i, :stop].tolist() == raw[first * 16 : first * 16 + stop].tolist()
            assert np.allclose(series.decode(batch.given[TRACK][i][:count])[:, 0], first + np.arange(count), atol=1e-3)
            assert batch.given[SPANS].shape[1] == batch.given[TRACK].shape[1] == -(-batch.x.shape[1] // 16) + MARGIN


@pytest.mark.parametrize("feature", [Energy(20, 20), LogMel(RATE, 20, bands=3)])
def test_features_as_a_track(folders: tuple[Path, Path, Path], feature: Energy | LogMel) -> None:
    takes = featured(open_recordings(folders[0], *whole()).splits["train"], {"loudness": feature})
    batch = Excerpts(takes, {"x": Quantiser(RATE, 1, "pcm16"), "loudness": feature}, 64, 0, 3, 0).batch(2)
    if isinstance(feature, Energy):  # of whole columns, from the very samples that stand there
        for x, mask, columns in zip(batch.x, batch.mask, batch.given["loudness"], strict=True):
            full = (np.flatnonzero(mask)[-1] + 1) // 20
            again = feature.encode((x[: 20 * full] - 32768) / 32768)
            assert np.allclose(columns[:full], again, atol=1e-5)
    assert batch.given["loudness"].shape == (3, -(-batch.x.shape[1] // 20) + MARGIN, feature.size)


def test_a_label_is_that_at_the_columns_middle() -> None:
    spans = [Span(0, 0.001, "a"), Span(0.001, 0.003, "b")]
    assert labels_of(spans, ("a", "b"), 1000, 1, 4) == [0, 1, 1, -1]
    assert labels_of(spans, ("a", "b"), 1000, 2, 5) == [0, 1, -1]
    assert labels_of(spans, ("b", "a"), 4000, 1, 13) == [1] * 4 + [0] * 8 + [-1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0,1,a\n0.5,2,b", "x.csv:2: begins at 0.5 s, before the row above ends"),
        ("0,1,a\n1,1,b", "x.csv:2: '1,1,b'; expected begin,end,label"),
        ("0,1", "x.csv:1: '0,1'"),
        ("0,1,", "x.csv:1"),
        ("-1,1,a", "x.csv:1"),
        ("0,nan,a", "x.csv:1"),
        ("begin,end,label\nx,1,a", "x.csv:2"),
        ('0,1,"a', "malformed CSV"),
    ],
)
def test_spans_that_are_none(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(UserError) as caught:
        read_spans(tmp_path / "x.csv")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_series_from_tables(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("f0,voiced\n1, 0\n\n2.5,1e3\n")
    assert read_track(path).tolist() == [[1, 0], [2.5, 1000]]
    path.write_text("7\n8")
    assert read_track(path).tolist() == [[7], [8]]
    for text, words in (
        ("a,b\n1,2\n3", "x.csv:3: '3'; expected 2 numbers"), ("1,x", "x.csv:1: '1,x'; expected numbers"),
        ("1,nan", "x.csv:1"), ("", "contains no numbers"), ("a,b", "contains no numbers"),
    ):  # fmt: skip
        path.write_text(text)
        with pytest.raises(UserError, match=words):
            read_track(path)


def test_series_from_arrays(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.arange(3, dtype=np.int16))
    assert read_track(path).tolist() == [[0], [1], [2]]
    data = path.read_bytes()
    for array, words in (
        (np.zeros((2, 2, 2)), "expected an array"), (np.zeros(2, complex), "not an array of numbers"),
        (np.array(["a"]), "not an array of numbers"), (np.zeros((0, 3)), "no numbers"),
        (np.array([np.inf]), "not finite"), (np.array(1.0), r"shape \(\), which contains no numbers"),
    ):  # fmt: skip
        np.save(path, array)
        with pytest.raises(UserError, match=words):
            read_track(path)
    np.save(path, np.array([{}]), allow_pickle=True)
    for bad in (path.read_bytes(), data[:-2], data[:20], b"", b"text"):
        path.write_bytes(bad)
        with pytest.raises(UserError, match="not an NPY file of numbers, or damaged") as caught:
            read_track(path)
        assert "\n" not in str(caught.value)


def test_what_does_not_fit(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    sounds, spans, series = folders
    assert "is not a folder; --audio.spans needs one with a span file per recording" in refused(
        sounds, whole(spans=str(tmp_path / "none"), hop=16)
    )
    (spans / "low" / "spare.csv").write_text("")
    found = open_recordings(sounds, *whole(spans=str(spans), hop=16))
    assert found.note == "1 span files belong to no recording."
    assert "01.npy: 15 rows, but 220 samples at 8 per row need 28" in refused(sounds, whole(track=str(series), hop=8))
    np.save(series / "low" / "02.npy", np.zeros((15, 3)))
    assert "02.npy: 3 numbers per row, but" in refused(sounds, whole(track=str(series), hop=16))
    (series / "low" / "00.npy").unlink()
    assert "no track file for 1 of 30 recordings, such as 'low/00.wav': put low/00.npy (or .csv) there" in refused(
        sounds, whole(track=str(series), hop=16)
    )
    for path in spans.rglob("*.csv"):
        path.write_text("begin,end,label\n")
    assert "no spans in any file" in refused(sounds, whole(spans=str(spans), hop=16))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"hop": 80}, "--audio.hop is 80, but there is no time-aligned condition"),
        ({"spans": "x"}, "--audio.spans needs --audio.hop, .* it is 0"),
        ({"track": "x", "hop": -1}, "--audio.track needs --audio.hop, .* it is -1"),
        ({"track": "x", "hop": 8, "trim": 40}, "--audio.trim was given, but trimmed recordings would no longer match"),
    ],
)
def test_options(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        AudioOptions(**given)


def test_a_named_set_has_none(tmp_path: Path) -> None:
    save(tmp_path / "x.wav", noise(0))
    with pytest.raises(UserError, match=r"--audio\.spans was given, but spoken-digits has its own"):
        open_recordings("spoken-digits", AudioOptions(spans="x", hop=80))


def test_a_track_with_more_rows_than_rounding_gives_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "sounds" / "a.wav", noise(0, 1600))
    path = tmp_path / "track" / "a.npy"
    path.parent.mkdir()
    read = [str(tmp_path / "track"), str(tmp_path / "sounds")]
    for rows, hop in ((10, 160), (12, 160), (20, 80)):
        np.save(path, np.arange(rows))
        takes = open_recordings(read[1], *whole(track=read[0], hop=hop)).splits["train"]
        assert takes.tracks["track"].values[0][:, 0].tolist() == list(range(1600 // hop))
    np.save(path, np.arange(20))
    said = refused(Path(read[1]), whole(track=read[0], hop=160))  # one row per 80 samples, read as one per 160
    assert "20 rows, but 1600 samples at 160 per row need 10: correct --audio.hop (about 80) or remove rows" in said
    cut = open_recordings(read[1], *whole(track=read[0], hop=80, seconds=0.1)).splits["train"]
    assert cut.tracks["track"].values[0][:, 0].tolist() == list(range(10))  # of a recording not read to its end
