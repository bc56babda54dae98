"""Films as files: sheets, borders, heat, animations and encoded films, pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seriatim.drawing import films
from seriatim.drawing.films import check_suffix, heat, save_compared, save_films, sheet
from seriatim.errors import UserError
from tiny_films import noise

BLUE, LIGHT, GREY = (60, 120, 220), (225, 225, 225), (128, 128, 128)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_has_a_row_for_each_film_and_borders_by_what_is_given(channels: int) -> None:
    x = np.stack([noise(seed, 4, 3, 5, channels) for seed in range(2)])
    whole = sheet(x, [0, 3])
    assert whole.shape == (2 * 8 - 1, 4 * 10 - 1, 3)  # borders of 2 pixels, and 1 between the cells
    for row, known in enumerate((0, 3)):
        for t in range(4):
            cell = whole[8 * row :, 10 * t :][:7, :9].copy()
            assert np.array_equal(cell[2:5, 2:7], np.broadcast_to(x[row, t], (3, 5, 3)))
            cell[2:5, 2:7] = BLUE if t < known else LIGHT
            assert (cell == (BLUE if t < known else LIGHT)).all()
    assert (whole[7] == GREY).all()
    assert (whole[:, 9] == GREY).all()


def test_a_sheet_of_a_long_film_shows_frames_evenly_spaced() -> None:
    x = np.broadcast_to(np.arange(41, dtype=np.uint8)[None, :, None, None, None], (1, 41, 1, 1, 1))
    cells = sheet(x, [12])[2, 2::6, 0]
    assert cells.tolist() == np.linspace(0, 40, 20).astype(int).tolist()
    borders = sheet(x, [12])[0, 0::6]
    assert [tuple(border) == BLUE for border in borders.tolist()] == [frame < 12 for frame in cells.tolist()]
    few = np.ascontiguousarray(x[:, :5])
    assert sheet(few, [0], most=3)[2, 2::6, 0].tolist() == [0, 2, 4]


def test_heat_goes_from_black_over_red_and_yellow_to_white() -> None:
    x = np.array([[[-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 9.0]]])
    found = heat(x, 6.0)[0, 0].tolist()
    assert found == [
        [0, 0, 0],
        [0, 0, 0],
        [128, 0, 0],
        [255, 0, 0],
        [255, 128, 0],
        [255, 255, 0],
        [255, 255, 255],
        [255, 255, 255],
    ]
    assert heat(np.zeros((1, 1, 2)), 0.0).max() == 0  # nothing is surprising


def test_an_animation_keeps_its_frames_and_its_time(tmp_path: Path) -> None:
    x = np.stack([noise(seed, 5, 3, 4, 1) for seed in range(3)])
    path = tmp_path / "new" / "films.gif"
    for rate, milliseconds in ((0.0, 100), (25.0, 40), (1000.0, 20), (3.0, 330)):
        save_films(x, path, rate=rate, columns=2)
        with Image.open(path) as film:
            assert getattr(film, "n_frames", 1) == 5
            assert film.info["loop"] == 0
            assert film.size == (9 * 53, 7 * 53)  # magnified by a whole number, up to 480 across
            for t in range(5):
                film.seek(t)
                assert film.info["duration"] == milliseconds
                small = np.asarray(film.convert("L"))[26::53, 26::53]
                assert np.array_equal(small[:3, :4], x[0, t, ..., 0])
                assert np.array_equal(small[:3, 5:], x[1, t, ..., 0])
                assert np.array_equal(small[4:, :4], x[2, t, ..., 0])
                assert (small[4:, 5:] == 128).all()


def test_given_frames_have_a_border_while_they_are_given(tmp_path: Path) -> None:
    x = np.zeros((2, 4, 3, 4, 3), np.uint8)
    x[..., 0] = np.arange(4)[:, None, None] * 40
    save_films(x, tmp_path / "a.webp", [1, 3])
    side = 480 // (2 * 8 + 1)
    with Image.open(tmp_path / "a.webp") as film:
        assert getattr(film, "n_frames", 1) == 4
        for t in range(4):
            film.seek(t)
            small = np.asarray(film.convert("RGB"))[side // 2 :: side, side // 2 :: side].astype(int)
            for column, known in enumerate((1, 3)):
                cell = small[:, 9 * column :][:7, :8]
                assert np.abs(cell[0] - (BLUE if t < known else LIGHT)).max() < 25  # WebP is not lossless


def test_a_sheet_keeps_the_seeds(tmp_path: Path) -> None:
    x = noise(0, 3, 4, 5, 3)[None]
    save_films(x, tmp_path / "a.png", [1], seeds=[77])
    with Image.open(tmp_path / "a.png") as picture:
        assert getattr(picture, "text", {})["seeds"] == "77"
        scale = picture.width // (3 * 10 - 1)
        assert np.array_equal(np.asarray(picture)[scale // 2 :: scale, scale // 2 :: scale], sheet(x, [1]))


def test_real_films_are_above_those_that_were_drawn(tmp_path: Path) -> None:
    real, drawn = (np.stack([noise(seed, 4, 3, 5, 1) for seed in seeds]) for seeds in ((0, 1), (2, 3)))
    save_compared(real, drawn, 2, tmp_path / "both")
    with Image.open(tmp_path / "both.png") as picture:
        scale = picture.width // (4 * 10 - 1)
        x = np.asarray(picture)[scale // 2 :: scale, scale // 2 :: scale]
    wanted = sheet(np.stack([real[0], drawn[0], real[1], drawn[1]]), [4, 2, 4, 2])
    assert np.array_equal(x, wanted)
    with Image.open(tmp_path / "both.gif") as film:
        assert getattr(film, "n_frames", 1) == 4
        film.seek(3)
        side = film.width // (2 * 10 - 1)
        last = np.asarray(film.convert("RGB"))[side // 2 :: side, side // 2 :: side].astype(int)
    assert np.abs(last[0, 0] - BLUE).max() < 30  # real ones on the first row; a GIF has few colours
    assert np.abs(last[8, 0] - LIGHT).max() < 30
    assert np.abs(last[2:5, 2:7, 0] - real[0, 3, ..., 0]).max() < 30
    assert np.abs(last[10:13, 12:17, 0] - drawn[1, 3, ..., 0]).max() < 30


@pytest.mark.parametrize(("name", "rate"), [("a.mp4", 0.0), ("a.mkv", 12.5), ("a.webm", 5.0)])
def test_an_encoded_film_has_as_many_frames_and_even_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, rate: float
) -> None:
    av = pytest.importorskip("av")
    monkeypatch.setattr(films, "_SMALL", 31)  # magnified once: odd sides
    x = np.full((1, 7, 19, 21, 3), 90, np.uint8)
    x[0, :, :, :10] = (np.arange(7) * 30)[:, None, None, None]
    save_films(x, tmp_path / name, rate=rate)
    with av.open(str(tmp_path / name)) as film:
        assert float(film.streams.video[0].average_rate) == pytest.approx(rate or 10)
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in film.decode(video=0)]
    assert [frame.shape for frame in frames] == [(20, 22, 3)] * 7
    for t, frame in enumerate(frames):
        assert np.abs(frame[2:17, 2:8] - 30 * t).max() < 12
        assert np.abs(frame[2:17, 13:19] - 90).max() < 12


def test_what_cannot_be_written_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = noise(0, 2, 3, 4, 1)[None]
    for path in (tmp_path / "a", tmp_path / "a.xyz", tmp_path / "a.txt"):
        with pytest.raises(UserError, match=r"films are written to \.gif, \.mp4 or another film format"):
            save_films(x, path)
    with pytest.raises(UserError, match="films with 2 channels cannot be saved"):
        save_films(np.repeat(x, 2, -1), tmp_path / "a.gif")
    (tmp_path / "a.gif").mkdir()
    with pytest.raises(UserError, match=r"a\.gif: cannot be written \(Is a directory\); write elsewhere"):
        save_films(x, tmp_path / "a.gif")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"a\.mp4: to write \.mp4, pip install 'seriatim\[video\]'; or write to \.gif"):
        check_suffix(tmp_path / "a.mp4")
    check_suffix(tmp_path / "a.gif")


def test_an_encoder_s_error_is_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    pytest.importorskip("av")
    for name, x in (("wide.mp4", np.zeros((1, 1, 2, 20_000, 1), np.uint8)), ("folder.mp4", noise(0, 2, 3, 4, 1)[None])):
        path = tmp_path / name
        if name == "folder.mp4":
            path.mkdir()
        with pytest.raises(UserError, match=f"{name}: cannot be written") as caught:
            save_films(x, path)
        assert "\n" not in str(caught.value)
        assert path.is_dir() == path.exists() == (name == "folder.mp4")
