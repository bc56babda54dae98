"""Files of drawings and of labelled series: what is read of them, and what is said of those that cannot be."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import math
import os
import pickle
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seriatim.drawing.strokes import polylines
from seriatim.errors import UserError
from seriatim.trajectory.data import svg
from seriatim.trajectory.data.lines import lines_of
from seriatim.trajectory.data.long import read_long
from seriatim.trajectory.data.points import read_points
from seriatim.trajectory.data.quickdraw import MOST_POINTS, read_ndjson
from seriatim.trajectory.data.stroke3 import read_stroke3
from seriatim.trajectory.data.strokes import fitted, rounded, simplified, strokes_to_moves
from seriatim.trajectory.data.svg import read_svg
from seriatim.trajectory.data.ts import read_ts
from seriatim.trajectory.holding import is_points, is_ts

needs_data = pytest.mark.skipif("SERIATIM_DATA" not in os.environ, reason="$SERIATIM_DATA is not set")
TWO = [np.array([[1, 2, 0], [3, -4, 1]], np.int16), np.array([[5, 6, 1]], np.int16)]


def refused(read: Callable[[], object], *words: str) -> None:
    """One line: what was given; what was expected: what to do."""
    with pytest.raises(UserError) as caught:
        read()
    said = str(caught.value)
    assert "\n" not in said
    assert ":" in said
    for word in words:
        assert word in said


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# stroke-3


def objects(arrays: list[Any]) -> np.ndarray[Any, Any]:
    whole = np.empty(len(arrays), dtype=object)
    whole[:] = arrays
    return whole


def npy(pickled: bytes, count: int = 1) -> bytes:
    """A member with any pickle."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": (count,)})
    return file.getvalue() + pickled


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return path


def test_stroke3_is_what_numpy_reads(tmp_path: Path) -> None:
    path = tmp_path / "drawings.npz"
    wide = [np.array([[0.5, 1, 0], [2, 3, 1]]), np.asfortranarray([[1, 2, 0], [3, 4, 1]], dtype=">i4")]
    np.savez_compressed(path, train=objects(TWO), valid=objects(wide), test=objects([TWO[1]]))
    splits = read_stroke3(path)
    assert list(splits) == ["train", "validation", "test"]
    with np.load(path, allow_pickle=True) as own:
        for split, name in (("train", "train"), ("validation", "valid"), ("test", "test")):
            assert len(splits[split]) == len(own[name])
            for mine, theirs in zip(splits[split], own[name], strict=True):
                assert mine.dtype == np.float64
                np.testing.assert_array_equal(mine, theirs)
    assert splits["train"][0].tolist() == [[1, 2, 0], [3, -4, 1]]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("old", [False, True])
def test_every_protocol_is_read(tmp_path: Path, protocol: int, old: bool) -> None:
    data = pickle.dumps(objects(TWO), protocol)
    if old and protocol < 4:
        data = data.replace(b"cnumpy._core.", b"cnumpy.core.")  # of NumPy 1
    x = read_stroke3(zipped(tmp_path / "x.npz", train_npy=npy(data, 2)))["train"]
    assert [one.tolist() for one in x] == [one.tolist() for one in TWO]


def test_more_drawings_than_a_pickle_lists_at_a_time(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", test=objects([np.array([[i, 0, 1]]) for i in range(2500)]))
    x = read_stroke3(tmp_path / "x.npz")["test"]
    assert [one[0, 0] for one in x] == list(range(2500))


class Asks:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.asked = (function, arguments)

    def __reduce__(self) -> Any:
        return self.asked


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_in_a_pickle_is_executed(tmp_path: Path, protocol: int) -> None:
    """Protocols below 4 ask by GLOBAL, the others by STACK_GLOBAL."""
    target = tmp_path / "owned"
    evil = pickle.dumps(Asks(os.system, f"touch {target}"), protocol)
    inside = pickle.dumps(objects([Asks(os.system, f"touch {target}")]), protocol)
    name = f"{os.system.__module__}.system"
    for data in (evil, inside):
        path = zipped(tmp_path / "evil.npz", train_npy=npy(data))
        refused(lambda path=path: read_stroke3(path), "train.npy", f"asks for {name}", "only arrays of numbers")
    assert not target.exists()


@pytest.mark.parametrize(
    ("pickled", "word"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "asks for os.system"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "asks for os.system"),
        (b"cbuiltins\neval\n.", "asks for builtins.eval"),
        (b"cnumpy\nload\n.", "asks for numpy.load"),
        (b"cnumpy.core.multiarray\nscalar\n.", "scalar"),
        (b"(S'true'\nios\nsystem\n.", "INST 'os system'"),
        (b"Pid\n.", "PERSID"),
        (b"\x82\x01.", "EXT1"),
        (b"(lp0\n0.", "POP"),
        (b"}.", "EMPTY_DICT"),
        (b"\x80\x02]q\x00.", "no array"),
        (b"\x80\x02h\x07.", "damaged"),
        (b".", "damaged"),
        (b"", "damaged"),
        (b"\xff", "damaged"),
        (b"I1\n(b.", "damaged"),
        (b"I" + b"9" * 5000 + b"\n.", "damaged"),
        (b"B\xff\xff\xff\x7f.", "damaged"),
        (b"N" * 200_000 + b".", "too many values"),
        (b"N" + b"\x85" * 50_000 + b".", "no array"),
    ],
)
def test_pickles_of_other_things(tmp_path: Path, pickled: bytes, word: str) -> None:
    path = zipped(tmp_path / "x.npz", train_npy=npy(pickled))
    refused(lambda: read_stroke3(path), "train.npy", word)


def test_no_truncated_or_changed_pickle_escapes(tmp_path: Path) -> None:
    """Each ends in a message or in arrays, whatever its bytes are."""
    for protocol in (0, 2, 4, 5):
        data = pickle.dumps(objects([TWO[0]]), protocol)
        for stop in range(len(data)):
            path = zipped(tmp_path / "x.npz", train_npy=npy(data[:stop]))
            refused(lambda path=path: read_stroke3(path), "x.npz")
        rng = np.random.default_rng(protocol)
        for _ in range(300):
            changed = bytearray(data)
            changed[rng.integers(len(data))] = rng.integers(256)
            with suppress(UserError):
                read_stroke3(zipped(tmp_path / "x.npz", train_npy=npy(bytes(changed))))


def test_shapes_are_those_of_the_bytes(tmp_path: Path) -> None:
    data = pickle.dumps(objects([TWO[0]]), 2)
    shape = b"K\x02K\x03\x86"
    assert data.count(shape) == 1
    for other in (b"J\xff\xff\xff\x7fK\x03\x86", b"K\x03K\x03\x86", b"J\xff\xff\xff\xffK\x03\x86"):
        path = zipped(tmp_path / "x.npz", train_npy=npy(data.replace(shape, other)))
        refused(lambda path=path: read_stroke3(path), "train.npy", "damaged", "bytes")
    path = zipped(tmp_path / "x.npz", train_npy=npy(data, 10**9))
    refused(lambda: read_stroke3(path), "1,000,000,000 drawings", "1,000,000")
    path = zipped(tmp_path / "x.npz", train_npy=npy(data, 2))
    refused(lambda: read_stroke3(path), "1 drawings; expected 2")


def test_one_array_listed_often_is_refused(tmp_path: Path) -> None:
    one = np.zeros((1000, 3))
    np.savez(tmp_path / "x.npz", train=objects([one] * 50))
    refused(lambda: read_stroke3(tmp_path / "x.npz"), "one in memory")


@pytest.mark.parametrize(
    ("drawing", "words"),
    [
        (np.zeros((4, 2)), ("train.npy[1]", "(4, 2)", "(T, 3)")),
        (np.zeros((0, 3)), ("train.npy[1]", "(0, 3)")),
        (np.zeros(3), ("(3,)", "(T, 3)")),
        (np.array([[0, 0, 2.0]]), ("train.npy[1]", "lift 2", "0 or 1")),
        (np.array([[0, np.nan, 1.0]]), ("infinite, missing",)),
        (np.array([[0, 1e12, 1.0]]), ("beyond 1e+09",)),
        (np.array([["a", "b", "c"]]), ("type 'U1'",)),
        (np.array([[True, False, True]]), ("type 'b1'",)),
        (objects([TWO[0]]), ("train.npy[1]: an object array",)),
        ([1, 2, 3], ("train.npy[1]: a list",)),
    ],
)
def test_drawings_that_are_none(tmp_path: Path, drawing: Any, words: tuple[str, ...]) -> None:
    whole = np.empty(2, dtype=object)
    whole[0], whole[1] = TWO[0], drawing
    np.savez(tmp_path / "x.npz", train=whole)
    refused(lambda: read_stroke3(tmp_path / "x.npz"), *words)


def test_archives_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    refused(lambda: read_stroke3(path), "no such file")
    path.write_bytes(b"PK\x03\x04 not at all")
    refused(lambda: read_stroke3(path), "not an .npz file")
    np.savez(path, train=np.zeros((2, 5, 3)))
    refused(lambda: read_stroke3(path), "float64", "(2, 5, 3)", "numpy.empty")
    np.savez(path, train=objects(TWO), images=np.zeros(3))
    refused(lambda: read_stroke3(path), "images.npy")
    np.savez(path, valid=objects(TWO), validation=objects(TWO))
    refused(lambda: read_stroke3(path), "two members for validation")
    np.savez(path)
    refused(lambda: read_stroke3(path), "empty")
    zipped(path, train_npy=b"\x93NUMPY\x01\x00\x08\x00{'desc:}")
    refused(lambda: read_stroke3(path), "not an NPY array")
    zipped(path, train_npy=b"")
    refused(lambda: read_stroke3(path), "not an NPY array")


def test_archives_that_unpack_to_too_much(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.npz", train_npy=npy(bytes(1 << 27)))
    refused(lambda: read_stroke3(path), "train.npy", "packed into")
    small = zipped(tmp_path / "y.npz", train_npy=npy(pickle.dumps(objects([TWO[0]]))))
    data = bytearray(small.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = (1 << 31).to_bytes(4, "little")  # the size that the directory gives
    small.write_bytes(bytes(data))
    refused(lambda: read_stroke3(small), "2,147,483,648 bytes")
    data[at + 24 : at + 28] = (1 << 10).to_bytes(4, "little")
    small.write_bytes(bytes(data))
    refused(lambda: read_stroke3(small), "y.npz")
    refused(lambda: read_stroke3(_packed_otherwise(tmp_path / "z.npz")), "NumPy does not use")


def _packed_otherwise(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("train.npy", npy(pickle.dumps(objects([TWO[0]]))))
    return path


@needs_data
@pytest.mark.parametrize(
    ("name", "counts", "points"),
    [("omniglot", (30_000, 1_000, 1_000), 31_144), ("short_kanji", (10_000, 600, 500), 20_793)],
)
def test_the_files_of_sketch_rnn(name: str, counts: tuple[int, ...], points: int) -> None:
    path = Path(os.environ["SERIATIM_DATA"], "sketch-rnn", f"{name}.npz")
    if not path.exists():
        pytest.skip(f"{path} is not there")
    splits = read_stroke3(path)
    assert tuple(map(len, splits.values())) == counts
    # of the bytes in the pickle: 6 a point
    assert sum(map(len, splits["test"])) == points
    for drawings in splits.values():
        assert all(x.shape[1] == 3 and set(np.unique(x[:, 2])) <= {0.0, 1.0} for x in drawings)


# strokes


def test_moves_by_hand() -> None:
    strokes = [np.array([[3, 1], [5, 1]]), np.array([[2, 4], [2, 6], [4, 6]])]  # corner at (2, 1)
    moves = [[1, 0, 0], [2, 0, 1], [-3, 3, 0], [0, 2, 0], [2, 0, 1]]
    assert strokes_to_moves(strokes).tolist() == moves
    back = polylines(np.array(moves, np.float64))
    assert [stroke.tolist() for stroke in back] == [[[1, 0], [3, 0]], [[0, 3], [0, 5], [2, 5]]]
    assert polylines(np.zeros((0, 3))) == []


def test_moves_are_undone() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        strokes = [rng.integers(-50, 50, (n, 2)).astype(np.float64) for n in rng.integers(1, 6, rng.integers(1, 5))]
        corner = np.concatenate(strokes).min(0)
        back = polylines(strokes_to_moves(strokes))
        assert [stroke.tolist() for stroke in back] == [(stroke - corner).tolist() for stroke in strokes]


def test_moves_of_other_shapes() -> None:
    refused(lambda: strokes_to_moves([]), "no strokes")
    refused(lambda: strokes_to_moves([np.zeros((2, 3))]), "stroke 0", "(2, 3)")
    refused(lambda: strokes_to_moves([np.zeros((2, 2)), np.zeros((0, 2))]), "stroke 1", "(0, 2)")
    refused(lambda: polylines(np.zeros((3, 2))), "(3, 2)", "(T, 3)")


def test_fitted_keeps_the_aspect() -> None:
    whole = fitted([np.array([[10, 10], [14, 12]]), np.array([[12, 20]])], 5)  # 4 wide, 10 high: halved
    assert [stroke.tolist() for stroke in whole] == [[[0, 0], [2, 1]], [[1, 5]]]
    assert fitted([np.array([[7, 7], [7, 7]])], 100)[0].tolist() == [[0, 0], [0, 0]]
    assert np.isfinite(fitted([np.array([[0, 0], [1e-310, 0]])], 100)[0]).all()


def test_simplified_by_hand() -> None:
    zigzag = np.array([[0, 0], [1, 1], [2, 0], [3, 3], [4, 0]])  # (3, 3) is farthest; (1, 1) is 0 from (0, 0)–(3, 3)
    assert simplified([zigzag], 1)[0].tolist() == [[0, 0], [2, 0], [3, 3], [4, 0]]  # (2, 0) is √2 from it
    assert simplified([zigzag], 1.5)[0].tolist() == [[0, 0], [3, 3], [4, 0]]
    assert simplified([zigzag], 3)[0].tolist() == [[0, 0], [4, 0]]
    assert simplified([zigzag], 0)[0].tolist() == zigzag.tolist()
    back = np.array([[0, 0], [10, 0], [5, 0]])
    assert simplified([back], 1)[0].tolist() == back.tolist()
    closed = np.array([[0, 0], [2, 0], [2, 2], [0, 0]])
    assert simplified([closed], 0.5)[0].tolist() == closed.tolist()
    assert simplified([np.array([[1, 1]]), np.array([[1, 1], [1, 1]])], 1)[0].tolist() == [[1, 1]]


def test_simplified_stays_within_epsilon_and_does_not_recurse() -> None:
    t = np.linspace(0, 20, 3000)
    stroke = np.stack([t * np.cos(t), t * np.sin(t)], 1)
    left = simplified([stroke], 0.3)[0]
    assert len(left) < 200
    starts, along = left[:-1], np.diff(left, axis=0)
    offset = stroke[:, None] - starts
    place = np.clip((offset * along).sum(-1) / (along**2).sum(-1), 0, 1)
    assert np.linalg.norm(offset - place[..., None] * along, axis=-1).min(1).max() <= 0.3
    saw = np.stack([np.arange(4000), np.arange(4000) % 2 * (1 + np.arange(4000))], 1)
    assert len(simplified([saw], 0.1)[0]) == 4000


def test_rounded_drops_what_repeats() -> None:
    strokes = rounded([np.array([[-0.2, 0.4], [0.3, 0], [1.6, 0], [0.2, 0]]), np.array([[3.1, 3], [2.9, 3]])])
    assert [stroke.tolist() for stroke in strokes] == [[[0, 0], [2, 0], [0, 0]], [[3, 3]]]
    assert not np.signbit(strokes[0]).any()


# QuickDraw


def test_quickdraw_by_hand(tmp_path: Path) -> None:
    lines = [
        json.dumps({"word": "cat", "recognized": True, "drawing": [[[0, 4], [1, 3]], [[2], [2]]]}),
        "",
        json.dumps({"word": "dog", "recognized": False, "drawing": [[[0.5, 1], [1, 1], [0, 16]]]}),
        json.dumps({"drawing": [[[7], [8]]]}),
    ]
    plain = written(tmp_path / "x.ndjson", "\n".join(lines))
    packed = tmp_path / "x.ndjson.gz"
    packed.write_bytes(gzip.compress("\r\n".join(lines).encode()))
    other = tmp_path / "x.ndjson.bz2"
    other.write_bytes(bz2.compress("\n".join(lines).encode()))
    for path in (plain, packed, other):
        drawings, words, names, remark = read_ndjson(path)
        assert [[stroke.tolist() for stroke in one] for one in drawings] == [
            [[[0, 1], [4, 3]], [[2, 2]]],
            [[[0.5, 1], [1, 1]]],
            [[[7, 8]]],
        ]
        assert words == ["cat", "dog", None]
        assert names == [f"{path}:1", f"{path}:3", f"{path}:4"]
        assert "1 of 3 drawings were not recognized" in remark
    assert read_ndjson(plain, 1)[1:] == (["cat"], [f"{plain}:1"], "")


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1, 2]", "not a drawing"),
        ('{"word": "cat"}', "not a drawing"),
        ('{"drawing": []}', "empty drawing"),
        ('{"drawing": 3}', "no list"),
        ('{"drawing": [[[], []]]}', "stroke 1"),
        ('{"drawing": [[[1], [1]], [[1, 2], [1]]]}', "stroke 2"),
        ('{"drawing": [[["1"], ["2"]]]}', "stroke 1"),
        ('{"drawing": [[[true], [1]]]}', "stroke 1"),
        ('{"drawing": [[[1]]]}', "stroke 1"),
        ('{"drawing": [[[NaN], [1]]]}', "beyond 1e+09"),
        ('{"drawing": [[[1e400], [1]]]}', "beyond 1e+09"),
        ('{"drawing": [[[1' + "0" * 400 + "], [1]]]}", "beyond 1e+09"),
        ('{"drawing": [[[1], [1]]], "word": 3}', "word"),
        (json.dumps({"drawing": [[[0] * (MOST_POINTS + 1)] * 2]}), "100,000 points"),
    ],
)
def test_lines_that_are_no_drawing(tmp_path: Path, line: str, word: str) -> None:
    path = written(tmp_path / "x.ndjson", '{"drawing": [[[1], [1]]]}\n' + line + "\n")
    refused(lambda: read_ndjson(path), f"{path}: line 2", word)


def test_files_without_drawings(tmp_path: Path) -> None:
    refused(lambda: read_ndjson(written(tmp_path / "x.ndjson", "\n\n")), "no drawings")
    refused(lambda: read_ndjson(tmp_path / "y.ndjson"), "no such file")
    (tmp_path / "z.ndjson.gz").write_bytes(b"\x1f\x8b\x08 broken")
    refused(lambda: read_ndjson(tmp_path / "z.ndjson.gz"), "damaged gz")


# SVG


def svg_file(tmp_path: Path, inside: str, attributes: str = "") -> Path:
    return written(tmp_path / "x.svg", f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{inside}</svg>')


def test_svg_lines_by_hand(tmp_path: Path) -> None:
    inside = """
      <g transform="translate(10, 0)"><g transform="scale(2)">
        <path d="M1,1 l2,0 0,2 m 1 1 H 5 V 6 Z"/><polyline points="0,0 1,1"/></g></g>
      <polygon points="0,0 4,0 4,4"/><line x1="1" y1="2" x2="3" y2="4"/><rect x="1" y="1" width="2" height="1"/>
      <path d="M 3 3 z"/><path d="M 9 9"/><rect width="0" height="3"/>"""
    found = [stroke.tolist() for stroke in read_svg(svg_file(tmp_path, inside))]
    assert found == [
        [[12, 2], [16, 2], [16, 6]],
        [[18, 8], [20, 8], [20, 12], [18, 8]],
        [[10, 0], [12, 2]],
        [[0, 0], [4, 0], [4, 4], [0, 0]],
        [[1, 2], [3, 4]],
        [[1, 1], [3, 1], [3, 2], [1, 2], [1, 1]],
        [[3, 3]],
    ]


def test_svg_curves_are_on_the_curve(tmp_path: Path) -> None:
    (circle,) = read_svg(svg_file(tmp_path, '<circle cx="50" cy="60" r="40" transform="rotate(30 50 60)"/>'))
    np.testing.assert_allclose(np.hypot(*(circle - [50, 60]).T), 40, rtol=1e-3)
    np.testing.assert_allclose(circle[0], circle[-1], atol=1e-6)
    step = np.hypot(*np.diff(circle, axis=0).T)
    assert step.max() <= 0.0105 * 80
    assert len(circle) < 400
    (curve,) = read_svg(svg_file(tmp_path, '<path d="M 0 0 Q 10 0 10 10"/>'))  # x = 20t − 10t², y = 10t²
    t = np.sqrt(curve[:, 1] / 10)
    np.testing.assert_allclose(curve[:, 0], 20 * t - 10 * t**2, atol=1e-9)
    (cubic,) = read_svg(svg_file(tmp_path, '<path d="M 0 0 C 0 0 0 8 8 8"/>'))  # at t = 1/2: (1, 4)
    assert np.hypot(*(cubic - [1, 4]).T).min() < 0.08
    (skewed,) = read_svg(svg_file(tmp_path, '<ellipse rx="3" ry="1" transform="matrix(1 0 2 1 0 0)"/>'))
    x, y = skewed[:, 0] - 2 * skewed[:, 1], skewed[:, 1]
    np.testing.assert_allclose((x / 3) ** 2 + y**2, 1, atol=1e-3)
    (arc,) = read_svg(svg_file(tmp_path, '<path d="M 0 0 A 5 5 0 0 1 10 0 A 0 0 0 0 1 10 3"/>'))
    assert arc[-1].tolist() == [10, 3]
    np.testing.assert_allclose(np.hypot(*(arc[:-1] - [5, 0]).T), 5, rtol=1e-3)
    assert math.isclose(arc[:, 1].min(), -5, rel_tol=1e-3)


def test_svg_leaves_out_what_is_not_drawn(tmp_path: Path) -> None:
    inside = """<defs><path id="a" d="M 0 0 L 1 1"/></defs><clipPath><rect width="3" height="3"/></clipPath>
      <use href="#a"/><use href="file:///etc/passwd"/><image href="http://example.com/x.png"/><text>hello</text>
      <style>@import url(http://example.com/x.css);</style><script>alert(1)</script>
      <path style="display: none" d="M 0 0 L 2 2"/><g display="none"><path d="M 0 0 L 3 3"/></g>
      <symbol><path d="M 0 0 L 4 4"/></symbol><!-- <path d="M 0 0 L 5 5"/> --><path d="M 0 0 L 6 6"/>"""
    assert [stroke.tolist() for stroke in read_svg(svg_file(tmp_path, inside))] == [[[0, 0], [6, 6]]]
    inside = inside.replace("L 6 6", "")
    refused(lambda: read_svg(svg_file(tmp_path, inside)), "no shape")


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ('<path d="M 0 0 L foo"/>', ("'f'", "path")),
        ('<path d="M 0 0 L 1"/>', ("<path>",)),
        ('<path d="M 0 0 L 1e999 0"/>', ("infinite",)),
        ('<path d="M 0 0 L 1e200 0"/>', ("beyond",)),
        ('<path transform="scale(1e200) scale(1e200)" d="M 0 0 L 1 1"/>', ("infinite",)),
        ('<path transform="scale(a)" d="M 0 0 L 1 1"/>', ("scale(a)",)),
        ('<path transform="matrix(1 2)" d="M 0 0 L 1 1"/>', ("matrix(1 2)",)),
        ('<g transform="translate(1mm)"><path d="M 0 0 L 1 1"/></g>', ("translate(1mm)",)),
        ('<rect width="50%" height="3"/>', ("width", "50%")),
        ('<circle r="-3"/>', ("r of a <circle>", "-3")),
        (f'<path d="M 0 0{" l 1 1" * 10_001}"/>', ("10,000 points",)),
        (f'<path d="M 0 0{" l 1 1" * 6_000}"/>' * 2, ("10,000 points",)),
        (f'<path d="M 0 0 h 100{" c 90 0 90 90 0 90" * 200}"/>', ()),
        ("<g>" * 3, ("not XML",)),
        ("&nbsp;", ("not XML",)),
    ],
)
def test_svg_that_cannot_be_read(tmp_path: Path, inside: str, words: tuple[str, ...]) -> None:
    path = svg_file(tmp_path, inside)
    if words:
        refused(lambda: read_svg(path), "x.svg", *words)
    else:
        assert len(read_svg(path)[0]) <= 10_000


def test_svg_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "x.svg"
    refused(lambda: read_svg(path), "no such file")
    refused(lambda: read_svg(written(path, "<html/>")), "<html>", "<svg>")
    refused(lambda: read_svg(written(path, "<svg>" + " " * 1_000_000)), "1,000,000 bytes")
    bomb = '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg><text>&b;</text></svg>'
    refused(lambda: read_svg(written(path, bomb)), "<!ENTITY", "plain SVG")
    refused(lambda: read_svg(written(path, '<!DOCTYPE svg [<!ATTLIST g d CDATA "x">]><svg/>')), "<!ATTLIST")
    path.write_bytes(bomb.encode("utf-16"))
    refused(lambda: read_svg(path), "<!ENTITY")
    path.write_bytes(b'<?xml version="1.0" encoding="utf-7"?>' + bomb.encode("utf-7"))
    refused(lambda: read_svg(path), "x.svg")
    path.write_bytes('<svg><title>Caf\xe9</title><path d="M 0 0 L 1 1"/></svg>'.encode("latin-1"))
    assert len(read_svg(path)) == 1
    deep = "<g>" * 20_000 + '<path d="M 0 0 L 1 1"/>' + "</g>" * 20_000
    assert len(read_svg(svg_file(tmp_path, deep))) == 1


def test_svg_needs_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "svgelements", None)
    refused(lambda: svg.read_svg(tmp_path / "x.svg"), "svgelements", "seriatim[sketch]")


# tables of points


def test_points_of_numbered_strokes(tmp_path: Path) -> None:
    text = "Drawing,Word,Stroke,X,Y,time\na,cat,0,1,2,9\na,cat,0,3,4,9\nb,dog,0,5,6,9\n\na,cat,1,7,8,\n"
    path = written(tmp_path / "x.csv", text)
    drawings, labels, names = read_points(path)
    assert [[stroke.tolist() for stroke in one] for one in drawings] == [[[[1, 2], [3, 4]], [[7, 8]]], [[[5, 6]]]]
    assert labels == ["cat", "dog"]
    assert names == [f"{path}:a", f"{path}:b"]


def test_points_of_a_lifted_pen(tmp_path: Path) -> None:
    path = written(tmp_path / "x.tsv", "\ufeffx\ty\tpen_up\n1\t2\t0\n3\t4\t1\n5\t6\t0.0\n-1e1\t8\t0\n")
    drawings, labels, names = read_points(path)
    assert [stroke.tolist() for stroke in drawings[0]] == [[[1, 2], [3, 4]], [[5, 6], [-10, 8]]]
    assert (labels, names) == ([None], [str(path)])
    plain = read_points(written(tmp_path / "y.csv", "x;y\n1;2\n3;4\n"))[0]
    assert [stroke.tolist() for stroke in plain[0]] == [[[1, 2], [3, 4]]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ("empty",)),
        ("x,y,stroke\n", ("no points",)),
        ("1,2,3\n4,5,6\n", ("x and y", "heading")),
        ("x,y,stroke\n1,2,0\n1,two,0\n", ("line 3, column 'y'", "'two' is not a number")),
        ("x,y,stroke\n1,,0\n", ("line 2, column 'y'", "missing")),
        ("x,y,stroke\n1,inf,0\n", ("line 2, column 'y'", "infinite")),
        ("x,y,stroke\n1,1e10,0\n", ("line 2, column 'y'", "beyond 1e+09")),
        ("x,y,stroke\n1,2\n", ("line 2", "2 cells", "3")),
        ("x,y,stroke\n1,2,\n", ("line 2, column 'stroke'", "empty")),
        ("x,y,stroke\n1,2,0\n1,2,1\n1,2,0\n", ("line 4", "stroke '0'", "together")),
        ("x,y,pen\n1,2,down\n", ("line 2, column 'pen'", "'down'", "1 where")),
        ("x,y,pen,stroke\n1,2,0,1\n", ("'stroke' and 'pen'",)),
        ("x,y,stroke,path\n1,2,0,1\n", ("'stroke' and 'path'",)),
        ("x,y,id\n1,2,\n", ("line 2, column 'id'", "empty")),
        ("x,y,id,label\n1,2,a,cat\n1,2,a,dog\n", ("line 3", "'dog'", "'cat'")),
        ('x,y,id\n1,"2,a\n', ("malformed CSV",)),
    ],
)
def test_points_that_cannot_be_read(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    path = written(tmp_path / "x.csv", text)
    refused(lambda: read_points(path), str(path), *words)


def test_headings_of_points() -> None:
    assert is_points(b"\xef\xbb\xbfKey_ID\tX\tY\tPen\n")
    assert is_points(b'"x","y","stroke_id"')
    for other in (b"", b"\n", b"x,y,label\n", b"a,y,stroke\n", b"\x00\xff\x89PNG\r\n", b'x,y,"stroke'):
        assert not is_points(other) or other.startswith(b'x,y,"')


# .ts


def test_ts_by_hand(tmp_path: Path) -> None:
    text = (
        "# two speakers\n\n@problemName Two words\n@timeStamps false\n@missing false\n@Univariate FALSE\n"
        "@dimensions 2\n@equalLength false\n@classLabel true a b\n@data\n# here\n1,2,3:4,5,-6e0:b\n\n.5:7:a\n"
    )
    x, labels = read_ts(written(tmp_path / "x.ts", text))
    assert [one.tolist() for one in x] == [[[1, 4], [2, 5], [3, -6]], [[0.5, 7]]]
    assert labels == ["b", "a"]
    packed = tmp_path / "x.ts.gz"
    packed.write_bytes(gzip.compress(b"@univariate true\n@classLabel false\n@data\n1,2\n3\n"))
    x, labels = read_ts(packed)
    assert [one.tolist() for one in x] == [[[1], [2]], [[3]]]
    assert labels is None


HEAD = "@dimensions 2\n@classLabel true a b\n@data\n1,2:3,4:a\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ("no line @data",)),
        ("@dimensions 2\n", ("no line @data",)),
        ("@data\n", ("no series",)),
        ("@relation x\n@data\n1\n", ("line 1", "'@relation'")),
        ("1,2,3\n", ("line 1", "'1,2,3'")),
        ("@timeStamps true\n@data\n1\n", ("line 1", "time stamps")),
        ("@targetLabel true\n@data\n1:2\n", ("line 1", "numbers to predict")),
        ("@univariate maybe\n@data\n1\n", ("line 1", "'maybe'", "true or false")),
        ("@univariate true\n@dimensions 3\n@data\n1\n", ("@univariate true", "3")),
        ("@dimensions none\n@data\n1\n", ("line 1", "@dimensions 'none'")),
        ("@classLabel true\n@data\n1\n", ("line 1", "no classes")),
        ("@equalLength true\n@seriesLength 3\n@data\n1,2\n", ("line 4", "2 values", "@seriesLength")),
        (HEAD + "1,2:b\n", ("line 5", "1 channels; expected 2")),
        (HEAD + "1,2:3,4:5,6:b\n", ("line 5", "3 channels; expected 2")),
        (HEAD + "1,2:3,4:B\n", ("line 5", "'B'", "@classLabel")),
        (HEAD + "1,2:3:a\n", ("line 5, channel 2", "1 values; expected 2")),
        (HEAD + "1,2:3,?:a\n", ("line 5, channel 2", "a missing value")),
        (HEAD + "1,NaN:3,4:a\n", ("line 5, channel 1", "a missing value")),
        (HEAD + ":3:a\n", ("line 5, channel 1", "a missing value")),
        (HEAD + "1,-Inf:3,4:a\n", ("line 5, channel 1", "infinite")),
        (HEAD + "1,1e31:3,4:a\n", ("line 5, channel 1", "beyond 1e+30")),
        (HEAD + "1,x:3,4:a\n", ("line 5, channel 1", "'x' is not a number")),
    ],
)
def test_ts_that_cannot_be_read(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    path = written(tmp_path / "x.ts", text)
    refused(lambda: read_ts(path), str(path), *words)


def test_heads_of_ts() -> None:
    assert is_ts(b"#a comment\n#\n@problemName x\n")
    assert is_ts(b"\xef\xbb\xbf@timestamps false\n@data\n")
    for other in (b"", b"# only this\n", b"@relation x\n", b"x,y\n", b"\x93NUMPY"):
        assert not is_ts(other)


@needs_data
@pytest.mark.parametrize(
    ("split", "count", "lengths", "first"), [("TRAIN", 270, (7, 26), 1.860936), ("TEST", 370, (7, 29), 1.635533)]
)
def test_japanese_vowels(split: str, count: int, lengths: tuple[int, int], first: float) -> None:
    path = Path(os.environ["SERIATIM_DATA"], "japanese-vowels", f"JapaneseVowels_{split}.ts.gz")
    if not path.exists():
        pytest.skip(f"{path} is not there")
    x, labels = read_ts(path)
    assert len(x) == count
    assert {one.shape[1] for one in x} == {12}
    assert (min(map(len, x)), max(map(len, x))) == lengths
    assert x[0][0, 0] == first
    assert labels is not None
    assert set(labels) == set("123456789")
    if split == "TRAIN":
        assert [labels.count(speaker) for speaker in "123456789"] == [30] * 9


# long tables


def test_long_by_hand(tmp_path: Path) -> None:
    text = "when,walk,kind,x,y\nmon,a,left,1,2\ntue,b,,3,4\nwed,a,left,5,6\n"
    path = written(tmp_path / "x.csv", text)
    x, labels, names, channels = read_long(path, "walk", "kind", ())
    assert [one.tolist() for one in x] == [[[1, 2], [5, 6]], [[3, 4]]]
    assert (labels, names, channels) == (["left", None], ["a", "b"], ("x", "y"))
    x, labels, _, channels = read_long(path, "walk", None, ("y",))
    assert [one.tolist() for one in x] == [[[2], [6]], [[4]]]
    assert (labels, channels) == (None, ("y",))


@pytest.mark.parametrize(
    ("text", "label", "values", "words"),
    [
        ("", None, (), ("empty",)),
        ("walk,x\n", None, (), ("no rows",)),
        ("wolk,x\na,1\n", None, (), ("'walk'", "'wolk'")),
        ("walk,x,x\na,1,2\n", None, (), ("several columns 'x'",)),
        ("walk,x\na,1\n", None, ("z",), ("'z'",)),
        ("walk,x\na,1\n", "walk", (), ("'walk' is given twice",)),
        ("walk,x\na,left\n", None, (), ("walk, x", "numbers")),
        ("walk,x\na,left\n", None, ("x",), ("line 2, column 'x'", "'left'")),
        ("walk,x\na,\n", None, (), ("line 2, column 'x'", "missing")),
        ("walk,x\na,1\na,one\n", None, (), ("line 3, column 'x'", "'one'")),
        ("walk,x\na,1\n,2\n", None, (), ("line 3, column 'walk'", "empty")),
        ("walk,x,k\na,1,u\na,2,v\n", "k", (), ("line 3, column 'k'", "'v'", "'u'")),
        ("walk,x\na,1\n\na,2,3\n", None, (), ("line 4", "3 cells")),
    ],
)
def test_long_that_cannot_be_read(
    tmp_path: Path, text: str, label: str | None, values: tuple[str, ...], words: tuple[str, ...]
) -> None:
    path = written(tmp_path / "x.csv", text)
    refused(lambda: read_long(path, "walk", label, values), str(path), *words)


def test_lines_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "x", "a" * 3_000_000 + "\nb\r\n\nc")
    assert [(number, len(line)) for number, line in lines_of(path)] == [(1, 3_000_000), (2, 1), (3, 0), (4, 1)]
    monkeypatch.setattr("seriatim.trajectory.data.lines.LONGEST", 1_500_000)
    refused(lambda: list(lines_of(path)), "line 1", "1,500,000 characters")
