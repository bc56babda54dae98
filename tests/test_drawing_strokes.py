"""Pictures of pen drawings, against coordinates worked out by hand."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from seriatim.drawing.strokes import polylines, save_strokes, sheet, svg_sheet
from seriatim.errors import UserError

_SVG = "{http://www.w3.org/2000/svg}"


def _array(*rows: tuple[float, float, float]) -> NDArray[np.float64]:
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


# a square of side 20 from (5, 5), clockwise, and a dot in its middle
SQUARE = _array((5, 5, 0), (20, 0, 0), (0, 20, 0), (-20, 0, 0), (0, -20, 1), (10, 10, 1))
EMPTY = _array()


def _lines(svg: str) -> list[str]:
    """The points of each line, and the centre of each dot."""
    return [
        part.get("points") or f"{part.get('cx')},{part.get('cy')}"
        for part in ElementTree.fromstring(svg).iter()
        if part.tag in (f"{_SVG}polyline", f"{_SVG}circle")
    ]


def _ink(picture: Image.Image) -> NDArray[np.bool_]:
    return np.asarray(picture.convert("L")) < 128


def test_a_square_has_its_corners() -> None:
    square, dot = polylines(SQUARE)
    assert square.tolist() == [[5, 5], [25, 5], [25, 25], [5, 25], [5, 5]]
    assert dot.tolist() == [[15, 15]]


def test_a_last_stroke_that_is_not_lifted_is_a_stroke() -> None:
    assert [stroke.tolist() for stroke in polylines(_array((1, 1, 1), (1, 0, 0), (1, 0, 0)))] == [
        [[1, 1]],
        [[2, 1], [3, 1]],
    ]
    assert polylines(EMPTY) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_drawing_ends_before_what_is_not_finite(bad: float, column: int) -> None:
    broken = SQUARE.copy()
    broken[2, column] = bad
    assert [stroke.tolist() for stroke in polylines(broken)] == [[[5, 5], [25, 5]]]
    assert _lines(svg_sheet([broken])) == ["10,50 90,50"]
    assert sheet([broken]).size == (128, 128)


def test_a_sum_that_overflows_ends_the_drawing() -> None:
    assert [
        len(stroke) for stroke in polylines(_array((1e308, 0, 0), (-1e308, 0, 0), (1e308, 0, 0), (1e308, 0, 1)))
    ] == [3]


def test_each_drawing_fills_its_cell() -> None:
    wide = _array((0, 0, 0), (40, 10, 1))  # 40 × 10: scaled by 2, it is 80 × 20
    svg = svg_sheet([SQUARE, wide, EMPTY], columns=2)
    assert _lines(svg) == ["10,10 90,10 90,90 10,90 10,10", "50,50", "10,40 90,60"]
    root = ElementTree.fromstring(svg)
    assert root.get("viewBox") == "0 0 200 200"
    places = [g.get("transform") for g in root.iter(f"{_SVG}g") if g.get("transform")]
    assert places == ["translate(0 0)", "translate(100 0)", "translate(0 100)"]


def test_numbers_have_at_most_two_decimals() -> None:
    assert _lines(svg_sheet([_array((0, 0, 0), (1, 0, 0), (2, 0, 1))])) == ["10,50 36.67,50 90,50"]


@pytest.mark.parametrize("far", [1e300, -1e300, 1e-300, 1e9])
def test_scale_does_not_matter(far: float) -> None:
    scaled = SQUARE * [far, far, 1]
    ways = _lines(svg_sheet([scaled])), _lines(svg_sheet([SQUARE * [np.sign(far), np.sign(far), 1]]))
    assert ways[0] == ways[1]


@pytest.mark.parametrize("places", [[(0, 0, 1)], [(7, -3, 1)], [(0.1, 0.1, 0), (0.2, 0, 0), (-0.2, 0, 1)]])
def test_one_place_is_in_the_middle(places: list[tuple[float, float, float]]) -> None:
    dot = places[:1]
    assert _lines(svg_sheet([_array(*dot)])) == ["50,50"]
    ink = _ink(sheet([_array(*dot)], cell=100))
    assert ink[50, 50]
    assert not ink[:47].any()
    assert not ink[53:].any()
    assert not ink[:, :47].any()
    assert not ink[:, 53:].any()


def test_rounding_errors_are_not_magnified() -> None:
    # 0.1 + 0.2 - 0.2 is not 0.1
    assert _lines(svg_sheet([_array((0.1, 0.1, 1), (0.2, 0, 1), (-0.2, 0, 1))])) == ["10,50", "90,50", "10,50"]
    assert _lines(svg_sheet([_array((0.1, 0.1, 1), (1e-17, 0, 1))])) == ["50,50", "50,50"]


def test_ink_is_where_the_lines_are() -> None:
    ink = _ink(sheet([SQUARE], cell=100))
    assert ink[10, 10:91].all()
    assert ink[90, 10:91].all()
    assert ink[10:91, 10].all()
    assert ink[10:91, 90].all()
    assert ink[50, 50]
    ink[48:53, 48:53] = False
    assert not ink[12:89, 12:89].any()
    ink[8:93, 8:93] = False
    assert not ink.any()


def test_cells_are_in_rows() -> None:
    dot = _array((0, 0, 1))
    picture = sheet([dot, EMPTY, EMPTY, dot, dot], columns=2, cell=100)
    assert picture.size == (200, 300)
    with_ink = _ink(picture).reshape(3, 100, 2, 100).any((1, 3))
    assert with_ink.tolist() == [[True, False], [False, True], [True, False]]


def test_fewer_drawings_than_columns_leave_no_empty_cells() -> None:
    assert sheet([EMPTY, EMPTY], cell=32).size == (64, 32)


def test_known_rows_have_another_colour() -> None:
    # 3 rows are known: the right and upper sides; what follows begins at their end, (90, 90)
    root = ElementTree.fromstring(svg_sheet([SQUARE], known=[3]))
    found = {g.get("stroke"): [line.get("points") for line in g.iter(f"{_SVG}polyline")] for g in root.iter(f"{_SVG}g")}
    assert found["#7d9bbe"] == ["10,10 90,10 90,90"]
    assert found["#000000"] == ["90,90 10,90 10,10"]
    picture = np.asarray(sheet([SQUARE], cell=100, known=[3])).astype(int)
    for known in (picture[10, 50], picture[50, 90]):
        assert known[2] - known[0] > 40
    for new in (picture[90, 50], picture[50, 10], picture[50, 50]):
        assert new.max() < 60
        assert new.max() == new.min()


@pytest.mark.parametrize(("known", "blue", "black"), [(0, 0, 2), (1, 0, 2), (5, 1, 1), (6, 2, 0), (99, 2, 0)])
def test_known_parts_end_where_they_may(known: int, blue: int, black: int) -> None:
    root = ElementTree.fromstring(svg_sheet([SQUARE], known=[known]))
    counts = {g.get("stroke"): len(g) for g in root.iter(f"{_SVG}g")}
    assert (counts.get("#7d9bbe", 0), counts.get("#000000", 0)) == (blue, black)


def test_names_are_text_and_nothing_else() -> None:
    name = '</text><a b="\x00\x1b\n\u202e&"'
    root = ElementTree.fromstring(svg_sheet([SQUARE, EMPTY], names=[name, ""]))
    assert [part.text for part in root.iter(f"{_SVG}text")] == ['</text><a b="&"']
    assert root.get("viewBox") == "0 0 200 114"
    assert sheet([SQUARE, EMPTY], cell=100, names=[name, ""]).size == (200, 114)


def test_long_names_stay_under_their_cell() -> None:
    picture = sheet([EMPTY, EMPTY], cell=100, names=["m" * 500, ""])
    ink = _ink(picture)
    assert ink[100:, :100].any()
    assert not ink[:, 100:].any()
    (text,) = ElementTree.fromstring(svg_sheet([EMPTY], names=["金" * 50])).iter(f"{_SVG}text")
    assert text.text == "金" * 8 + "…"  # 9 units each, of 80


def test_svg_and_png_files_keep_seeds(tmp_path: Path) -> None:
    svg, png = tmp_path / "new" / "a.svg", tmp_path / "new" / "a.PNG"
    for path in (svg, png):
        save_strokes([SQUARE, EMPTY], path, names=["é", "b"], seeds=[3, 14])
    (about,) = ElementTree.fromstring(svg.read_bytes()).iter(f"{_SVG}metadata")
    assert about.text == "seeds 3 14"
    with Image.open(png) as picture:
        assert picture.format == "PNG"
        assert picture.info["seeds"] == "3 14"
        assert np.array_equal(np.asarray(picture), np.asarray(sheet([SQUARE, EMPTY], names=["é", "b"])))
    assert sorted(path.name for path in svg.parent.iterdir()) == ["a.PNG", "a.svg"]


def _frames(path: Path) -> tuple[list[NDArray[np.int64]], list[int]]:
    with Image.open(path) as animation:
        frames, times = [], []
        for i in range(getattr(animation, "n_frames", 1)):
            animation.seek(i)
            frames.append(np.asarray(animation.convert("RGB")).astype(np.int64))
            times.append(int(animation.info["duration"]))
    return frames, times


def test_the_pen_draws_row_by_row(tmp_path: Path) -> None:
    save_strokes([SQUARE, SQUARE[:2]], tmp_path / "a.gif", known=[2, 0])
    frames, times = _frames(tmp_path / "a.gif")
    assert times == [60] * 5 + [1500]  # a frame for each of the 6 rows
    red = [(frame[..., 0] - frame[..., 1]).clip(0) > 100 for frame in frames]
    ink = [int(((frame.min(-1) < 220) & ~where).sum()) for frame, where in zip(frames, red, strict=True)]
    assert ink == sorted(ink)
    assert ink[0] < ink[1] < ink[2] < ink[3]
    # 13 pixels are 10 units of 128 pixels: the pen goes around the square
    centres = [np.argwhere(where[:, :128]).mean(0).round().tolist() if where[:, :128].any() else None for where in red]
    corners = [[12, 12], [12, 115], [115, 115], [115, 12], [12, 12]]
    for centre, corner in zip(centres[:5], corners, strict=True):
        assert centre is not None
        assert np.abs(np.subtract(centre, corner)).max() <= 1
    assert centres[5] is None
    assert red[0][:, 128:].any()
    assert not red[1][:, 128:].any()  # the shorter drawing is ready
    assert np.abs(frames[-1] - np.asarray(sheet([SQUARE, SQUARE[:2]], known=[2, 0]))).max() <= 17  # 16 shades


def test_long_animations_have_few_frames(tmp_path: Path) -> None:
    turn = np.arange(1000) / 30
    spiral = np.stack([np.cos(turn) + 0.01, np.sin(turn), np.zeros(1000)], 1)
    save_strokes([spiral], tmp_path / "a.gif")
    frames, times = _frames(tmp_path / "a.gif")
    assert 48 <= len(frames) <= 60
    assert times[-1] == 1500
    assert (frames[0][0, 0] == 255).all()


def test_an_empty_animation_is_one_picture(tmp_path: Path) -> None:
    save_strokes([EMPTY], tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as animation:
        assert getattr(animation, "n_frames", 1) == 1
        assert np.asarray(animation.convert("L")).min() == 255


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the suffix '.x' is not a picture of drawings; write to .svg, .png or .gif"):
        save_strokes([SQUARE], tmp_path / "new" / "a.x")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("suffix", [".svg", ".png", ".gif"])
def test_what_cannot_be_written_is_one_line(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / f"folder{suffix}").mkdir()
    for path in (tmp_path / "file" / f"a{suffix}", tmp_path / f"folder{suffix}"):
        with pytest.raises(UserError, match="cannot be written"):
            save_strokes([SQUARE], path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", f"folder{suffix}"]


def test_too_large_sheets_are_refused_before_they_are_drawn(tmp_path: Path) -> None:
    # 10⁸ / 128² = 6,103.5, which in rows of 8 are 6,096
    with pytest.raises(UserError, match=r"6,097 drawings of 128 × 128 .* which holds 6,096; give fewer \(-n\)"):
        sheet([EMPTY] * 6097)
    # 8·10⁶ / 128² = 488.3
    with pytest.raises(UserError, match=r"489 drawings .* an animation, which holds 488; give fewer \(-n\)"):
        save_strokes([EMPTY] * 489, tmp_path / "a.gif")
    with pytest.raises(UserError, match="from 8 to 2,000"):
        sheet([EMPTY], cell=10**6)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(UserError, match="no drawings"):
        svg_sheet([])
    with pytest.raises(UserError, match="0 columns"):
        svg_sheet([SQUARE], columns=0)
    with pytest.raises(UserError, match="names: 1 for 2 drawings"):
        svg_sheet([SQUARE, SQUARE], names=["a"])
    with pytest.raises(UserError, match="known: 3 for 1 drawings"):
        svg_sheet([SQUARE], known=[1, 2, 3])
    with pytest.raises(UserError, match=r"shape \(4, 2\)"):
        polylines(np.zeros((4, 2)))
