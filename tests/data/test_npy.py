"""Files of numbers that are damaged, or made to do harm, are refused in one line."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import numpy as np
import pytest

from seriatim.data.npy import read_npy
from seriatim.data.vectors import read_vector
from seriatim.errors import UserError


def held(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """A file with this header."""
    text = header.encode("latin-1")
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + data


HOSTILE = {
    "empty": b"",
    "magic-alone": b"\x93NUMPY",
    "no-header": b"\x93NUMPY\x01\x00\xff\xff",
    "a-version-from-the-future": held("{}", version=b"\x09\x00"),
    "not-python": held("{'descr': "),
    "no-keys": held("{}"),
    "deep": held("(" * 3000),
    "nul": held("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\0", bytes(16)),
    "huge": held("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }", bytes(16)),
    "negative": held("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }", bytes(16)),
    "beyond-integers": held(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**30},), }}", bytes(16)),
    "half-a-side": held("{'descr': '<f8', 'fortran_order': False, 'shape': (1.5,), }", bytes(16)),
    "shape-of-words": held("{'descr': '<f8', 'fortran_order': False, 'shape': ('a',), }", bytes(16)),
    "type-of-nothing": held("{'descr': '', 'fortran_order': False, 'shape': (2,), }", bytes(16)),
    "type-nested": held("{'descr': [[[]]], 'fortran_order': False, 'shape': (2,), }", bytes(16)),
    "objects": held("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", bytes(16)),
    "many-sides": held(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({'1,' * 100}), }}", bytes(16)),
    "a-zip": b"PK\x03\x04" + bytes(40),
    "a-pickle": b"\x80\x04K\x01.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_one_line_says_so(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(HOSTILE[name])
    for read in (read_npy, read_vector):
        with pytest.raises(UserError) as caught:
            read(path)
        assert "\n" not in str(caught.value)
        assert "x.npy: " in str(caught.value)
        assert len(str(caught.value)) < 300 + len(str(path))


def test_shapes_that_are_no_vector(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    for array, words in (
        (np.array(3.0), r"shape \(\), which contains no numbers"),
        (np.zeros(0), r"shape \(0,\), which contains no numbers"),
        (np.zeros((2, 3)), "expected one vector"),
        (np.array([np.nan]), "not finite"),
        (np.zeros(2, bool), "not an array of numbers"),
    ):
        np.save(path, array)
        with pytest.raises(UserError, match=words):
            read_vector(path)
    np.save(path, np.array([[1, 2, 3]], np.int16))
    assert read_vector(path).tolist() == [1, 2, 3]
    with pytest.raises(UserError, match=r"nothing\.npy: cannot be read"):
        read_vector(tmp_path / "nothing.npy")
    with pytest.raises(UserError, match="not a file"):
        read_vector(tmp_path)


def test_whatever_a_byte_becomes(tmp_path: Path) -> None:
    path, draw = tmp_path / "x.npy", random.Random(0)
    np.save(path, np.arange(4.0))
    whole = path.read_bytes()
    for _ in range(300):
        data = bytearray(whole[: draw.choice([len(whole), draw.randrange(len(whole))])])
        for _ in range(draw.randrange(4)):
            if data:
                data[draw.randrange(len(data))] = draw.randrange(256)
        path.write_bytes(data)
        with contextlib.suppress(UserError):
            read_vector(path)
