"""Files that cannot be read are named together, or left out and told, in every wing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.modality import modality

COUNT = 30
BROKEN = tuple(range(3, 15))


def write(kind: str, path: Path, i: int) -> Path:
    """One file, of which no two are the same."""
    path = path / f"{i:02d}.{ {'text': 'txt', 'image': 'png', 'audio': 'wav'}[kind] }"
    if kind == "text":
        path.write_text(f"text number {i}")
    elif kind == "image":
        Image.fromarray(np.full((4, 4), i, np.uint8)).save(path)
    else:
        soundfile.write(path, np.full(50, i, np.int16), 8000)
    return path


def opened(kind: str, data: Path, skip: bool) -> Any:
    record = modality(kind)
    options = {group: made() for group, made in record.options.items()}
    return record.open(data, options, DataOptions(0.0, 0.0, skip_bad=skip))


@pytest.mark.parametrize("kind", ["text", "image", "audio"])
def test_bad_files_are_named_together_or_left_out(kind: str, tmp_path: Path) -> None:
    paths = [write(kind, tmp_path, i) for i in range(COUNT)]
    assert opened(kind, tmp_path, skip=True).note == ""
    for i in BROKEN:
        paths[i].write_bytes(b"\x89PNG\r\n\x1a\n\0\xff" if i % 2 else b"\xff\0\xfe" * 9)
    with pytest.raises(UserError) as caught:
        opened(kind, tmp_path, skip=False)
    said = str(caught.value)
    assert said.startswith(f"{len(BROKEN)} of {COUNT} ")
    assert "\n" not in said
    assert "; and 2 more: replace or remove them, or train with --data.skip-bad" in said
    assert [f"{i:02d}." in said for i in range(COUNT)] == [i in BROKEN[:10] for i in range(COUNT)]
    data = opened(kind, tmp_path, skip=True)
    train = data.splits["train"]
    names = [each.name for each in train] if kind == "text" else list(train.names)
    assert names == [path.name for i, path in enumerate(paths) if i not in BROKEN]
    assert f"{len(BROKEN)} of {COUNT} " in data.note
    assert "cannot be read and are left out: " in data.note
    if kind == "image":
        assert train.x[:, 0, 0, 0].tolist() == [i for i in range(COUNT) if i not in BROKEN]
    if kind == "audio":
        assert [int(x[0]) for x in train.x] == [i for i in range(COUNT) if i not in BROKEN]
    for i, path in enumerate(paths):
        if i not in BROKEN:
            path.unlink()
    for skip in (False, True):  # nothing is left
        with pytest.raises(UserError, match=r"03.*; the other 11 .* cannot be read either"):
            opened(kind, tmp_path, skip)


def test_decoded_late(tmp_path: Path) -> None:
    """A picture whose header is fine and whose pixels are not."""
    paths = [write("image", tmp_path, i) for i in range(4)]
    whole = paths[1].read_bytes()
    paths[1].write_bytes(whole[: whole.index(b"IDAT") + 6])
    data = opened("image", tmp_path, skip=True)
    assert data.splits["train"].x[:, 0, 0, 0].tolist() == [0, 2, 3]
    with pytest.raises(UserError, match=r"01\.png: damaged picture"):
        opened("image", tmp_path, skip=False)


@pytest.mark.parametrize(
    ("name", "lines", "place"),
    [
        ("a.jsonl", ['{"text": "one"}', "{", '{"text": 3}', '{"text": "four"}'], "a.jsonl:2: malformed JSON"),
        ("a.json", ['[{"text": "one"},', "3,", '{"test": "x"},', '{"text": "four"}]'], "a.json:2: a number; expected"),
        ("a.tsv", ["un\tone", "deux", "trois", "quatre\tfour"], "a.tsv:2: 1 columns; expected 2"),
    ],
)
def test_bad_records(name: str, lines: list[str], place: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("\n".join(lines))
    with pytest.raises(UserError) as caught:
        opened("text", tmp_path / name, skip=False)
    assert str(caught.value).startswith(f"2 of 4 files or records cannot be read: {place}")
    data = opened("text", tmp_path / name, skip=True)
    assert [document.text() for document in data.splits["train"]] == ["one", "four"]
    assert f"2 of 4 files or records cannot be read and are left out: {place}" in data.note
