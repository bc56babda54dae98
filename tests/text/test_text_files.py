import bz2
import gzip
import itertools
import lzma
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seriatim.data import decoding
from seriatim.data.decoding import decode, text_blocks
from seriatim.errors import UserError
from seriatim.text.data import files as text
from seriatim.text.data.files import file_document, split_file
from seriatim.text.data.opening import open_corpus
from seriatim.text.options import TextOptions, unescape


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(decoding, "BLOCK", 7)


POEM = "naïve €5 🜂\n\nsecond, a line longer than a block\nthird line é\n" * 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "gb18030"])
@pytest.mark.parametrize("write", [open, gzip.open, bz2.open, lzma.open])
def test_the_blocks_of_a_file_are_its_text(tmp_path, small_blocks, encoding, write):
    ending = {open: ".txt", gzip.open: ".txt.gz", bz2.open: ".txt.bz2", lzma.open: ".txt.xz"}[write]
    path = tmp_path / f"poem{ending}"
    with write(path, "wb") as file:
        file.write(POEM.encode(encoding))
    # A byte order mark is found out; without one the encoding must be named.
    given = "utf-8" if encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32") else encoding
    document = file_document(path, given, path.name)
    assert document.text() == document.text() == POEM
    assert max(map(len, document.blocks())) <= 7
    pieces = [d.text() for d in split_file(path, given, path.name, r"\n\n")]
    assert pieces == POEM.split("\n\n")


@settings(deadline=None)
@given(
    st.text(), st.lists(st.integers(0, 40), max_size=6), st.sampled_from(["utf-8", "utf-16", "utf-32-be", "gb18030"])
)
def test_characters_on_the_borders_of_chunks(string, cuts, encoding):
    string = "".join(c for c in string if c != "\0")
    data = string.encode(encoding)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[a:b] for a, b in itertools.pairwise(edges) if b > a]
    assert "".join(decode(chunks, encoding, "poem")) == string


@settings(deadline=None)
@given(st.lists(st.text("ab*\n", max_size=12), max_size=8), st.sampled_from(["**", "\n\n", "*\n*", "a"]))
def test_documents_are_what_str_split_gives(pieces, mark):
    whole = mark.join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "BLOCK", 3)
        patch.setattr(
            text, "read_bytes", lambda path, name: (whole.encode()[i : i + 3] for i in range(0, len(whole), 3))
        )
        spans = list(text._spans(None, "poem", mark.encode()))
    assert [whole[start:stop] for start, stop in spans] == whole.split(mark)


def error_of(path, encoding="utf-8"):
    with pytest.raises(UserError) as caught:
        _ = file_document(path, encoding, path.name).measure
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def test_a_wrong_encoding_is_named_with_its_byte(tmp_path, small_blocks):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"a line of plain text\nand then caf\xe9 au lait\n")
    assert "byte 33 is not utf-8 text" in error_of(path)
    assert "--text.encoding cp1252" in error_of(path)
    assert file_document(path, "latin-1", "").text().endswith("café au lait\n")


@pytest.mark.parametrize("cut", range(1, 12))
def test_the_byte_is_right_wherever_the_block_ends(tmp_path, small_blocks, cut):
    path = tmp_path / "late.txt"
    path.write_bytes("é".encode() * cut + b"\xff" + b"x" * 20)
    assert f"byte {2 * cut} " in error_of(path)


def test_a_file_cut_inside_a_character(tmp_path):
    path = tmp_path / "cut.txt"
    path.write_bytes("ab€".encode()[:-1])
    assert "byte 2 is not utf-8 text (unexpected end of data)" in error_of(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x89PNG\r\n\x1a\n....", "a PNG image"),
        (b"\xff\xd8\xff\xe0....", "a JPEG image"),
        (b"PK\x03\x04....", "a zip archive"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "WAVE data"),
        (b"fLaC\0\0\0", "FLAC audio"),
        (gzip.compress(b"hello", mtime=0), r"gzip data; expected text: restore its suffix (.gz)"),
        (b"text and then\0\0", "a NUL after 13 characters"),
        ("no mark".encode("utf-16-le"), "--text.encoding utf-16-le"),
    ],
)
def test_binary_data_is_refused(tmp_path, data, words):
    path = tmp_path / "file.txt"
    path.write_bytes(data)
    assert words in error_of(path)


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_damaged_compressed_files(tmp_path, ending, pack):
    path = tmp_path / f"poem.txt{ending}"
    data = pack(b"some lines of text\n" * 1000)
    for bad in (b"not packed at all", data[:-20], data[:20] + b"\x55\xaa" * 8 + data[36:]):
        path.write_bytes(bad)
        assert f"damaged {ending[1:]} data" in error_of(path)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "secret.txt"
    path.write_text("text")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(decoding, "_open", refuse)  # root, who may run the tests, may read everything
    assert "permission denied" in error_of(path)


def test_a_file_that_went_away(tmp_path):
    path = tmp_path / "gone.txt"
    path.write_text("text")
    document = file_document(path, "utf-8", "gone.txt")
    path.unlink()
    with pytest.raises(UserError, match=r"gone.txt: no longer exists"):
        document.text()


def test_separators(tmp_path):
    path = tmp_path / "poems.txt"
    path.write_text("one\n***\n\n***\ntwo\n***\n")
    documents = list(split_file(path, "utf-8", "poems.txt", r"***\n"))
    assert [(d.name, d.text()) for d in documents] == [("poems.txt#1", "one\n"), ("poems.txt#3", "two\n")]
    with pytest.raises(UserError, match="does not occur"):
        list(split_file(path, "utf-8", "poems.txt", "###"))


def test_escapes_of_a_separator():
    assert unescape(r"\n\t\\n\r") == "\n\t\\n\r"
    assert unescape(r"\\nabla C:\\new \alpha \\\n \\") == "\\nabla C:\\new \\alpha \\\n \\"


def test_what_is_advised_can_be_followed(tmp_path: Path) -> None:
    text = "the cat — sat on a mat, \u201csaid\u201d he\n" * 9
    for written, tried, advised in (
        ("cp1252", "utf-8", "cp1252"), ("cp1252", "UTF-8", "cp1252"), ("cp1252", "U8", "cp1252"),
        ("utf-16-le", "utf-8", "utf-16-le"), ("utf-16-be", "utf-8", "utf-16-be"), ("utf-8", "ascii", "utf-8"),
    ):  # fmt: skip
        path = tmp_path / "x.txt"
        path.write_bytes((text if "16" not in written else text.replace("—", "-")).encode(written))
        with pytest.raises(UserError, match=rf"e\.g\. --text\.encoding {advised}$"):
            "".join(text_blocks(path, tried, "x.txt"))
        assert "the cat" in "".join(text_blocks(path, advised, "x.txt"))
    path.write_bytes(b"caf\x81 " * 9)  # which cp1252 lacks
    with pytest.raises(UserError, match=r"--text\.encoding latin-1$"):
        "".join(text_blocks(path, "utf-8", "x.txt"))
    path.write_bytes(text.encode("utf-16-le"))
    for encoding in ("utf-16", "UTF_16"):
        with pytest.raises(UserError, match=rf"x\.txt: not {encoding} text .*: give its byte order, {encoding}-le or"):
            "".join(text_blocks(path, encoding, "x.txt"))


@pytest.mark.parametrize("name", ["punycode", "idna", "undefined", "base64", "rot13", "zip", "nothing", "mbcs", "\0"])
def test_what_is_no_encoding_of_files(name: str) -> None:
    with pytest.raises(UserError, match="expected a text encoding of Python's"):
        TextOptions(encoding=name)


@pytest.mark.parametrize(("ends", "given", "advised"), [
    ("\r", r"\n", r"give '\r', as its lines end in \r"),
    ("\r\n", r"\n\n", r"give '\r\n\r\n', as its lines end in \r\n"),
    ("\n", r"\t", "give the one that the file has"),
])  # fmt: skip
def test_how_lines_end_is_said(tmp_path: Path, ends: str, given: str, advised: str) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(f"one{ends}two{ends}".encode() * 9)
    with pytest.raises(UserError) as caught:
        open_corpus(path, TextOptions(separator=given))
    assert str(caught.value).endswith(f"as one document, or {advised}")
    assert f"separator '{given}' does not occur" in str(caught.value)


def test_a_field_of_plain_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("the cat " * 99)
    with pytest.raises(UserError, match=r"--text\.field 'poem' was given, but x\.txt is plain text without fields"):
        open_corpus(tmp_path / "x.txt", TextOptions(field="poem"))
