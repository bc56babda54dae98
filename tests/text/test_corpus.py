from hypothesis import given, settings
from hypothesis import strategies as st

from seriatim.data import decoding
from seriatim.data.decoding import rejoin
from seriatim.text.data.corpus import Document, Measure


@settings(deadline=None)
@given(st.lists(st.text(alphabet="ab\né€🜂", max_size=30)), st.integers(1, 12))
def test_rejoined_blocks_are_the_text_and_end_after_newlines(pieces, size):
    original, decoding.BLOCK = decoding.BLOCK, size
    try:
        blocks = list(rejoin(pieces))
    finally:
        decoding.BLOCK = original
    assert "".join(blocks) == "".join(pieces)
    assert all(0 < len(block) <= size for block in blocks)
    # A block that ends inside a line is full and holds no line end at all.
    assert all(block.endswith("\n") or "\n" not in block for block in blocks[:-1])


@settings(deadline=None)
@given(st.text(max_size=40), st.integers(0, 45), st.integers(0, 45))
def test_a_section_is_a_slice(text, start, stop):
    document = Document.of("poem", text)
    assert document.section(start, stop).text() == text[start:stop]
    assert document.section(start, stop).measure == Measure.of((text[start:stop],))


def test_a_text_may_begin_with_white_space():
    assert Measure.of(("\nword",)).key == Measure.of(("word",)).key == Measure.of((" ", "\n wo", "RD")).key


def test_a_section_of_a_section_counts_from_its_own_start():
    assert Document.of("poem", "0123456789").section(2, 9).section(1, 3).text() == "34"


def test_documents_can_be_read_again():
    document = Document.of("poem", "one\ntwo\n", {"author": "me", "year": None})
    assert document.text() == document.text() == "one\ntwo\n"
    assert document.given == {"author": "me", "year": None}
    assert not document.measure.blank
    assert Document.of("nothing", " \n\t").measure.blank


def test_equal_texts_have_equal_digests_however_they_are_cut():
    assert Measure.of(("ab", "c")) == Measure.of(("a", "bc")) != Measure.of(("abd",))
