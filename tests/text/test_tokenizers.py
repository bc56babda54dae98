"""What single tokenizers do, on examples."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import pytest

from seriatim.errors import UserError
from seriatim.modality import modalities
from seriatim.symbols import COMMON
from seriatim.text.tokenizers import TOKENIZERS, Bytes, Characters, Policy, Tokenizer, Words, train_tokenizer
from seriatim.text.tokenizers.segmenter import _blocks
from seriatim.text.tokenizers.subwords import Subwords
from trained_tokenizers import SENTENCES, SIZES, SUBWORDS, trained

BOOK = Policy(casing="lower", punctuation="separate", unknown="unk")
MARKED = Policy(casing="mark", punctuation="separate")


def names(tokenizer: Tokenizer, text: str) -> list[str]:
    return [tokenizer.symbol(int(i)) for i in tokenizer.encode(text)]


def test_words_share_their_symbols_whatever_their_case() -> None:
    words = trained("words", MARKED)
    assert names(words, SENTENCES[1]) == ["<upper>", "he", "didn’t", "steal", "the", "jewelry"]
    assert names(words, SENTENCES[2]) == ["<cap>", "he", "didn’t", "steal", "the", "<upper>", "jewelry", "."]


def test_prose_needs_no_symbols_for_spacing() -> None:
    words = trained("words", Policy(punctuation="separate"))
    expected = "Dr . Sue lives in the U.S.A. And who’s favorite book is Lord of the Rings , The Twin Towers"
    assert names(words, SENTENCES[0]) == expected.split()
    quoted = ['"', "Yes", ",", '"', "he", "said", ",", '"', "a", "well", "-", "known", "(", "but", "old", ")", "trick"]
    assert names(words, '"Yes," he said, "a well-known (but old) trick') == quoted
    assert names(words, "the , the(he") == ["the", "<space>", ",", "the", "<join>", "(", "he"]


def test_unknown_words() -> None:
    book = trained("words", BOOK)
    assert book.unknown == book.find("<unk>")
    assert names(book, "Sue Quincy didn’t steal <unk>") == ["sue", "<unk>", "didn’t", "steal", "<unk>"]
    assert book.decode(book.encode("Sue Quincy, the Xyz.")) == "sue <unk>, the <unk>."
    spelled = trained("words", MARKED)
    assert names(spelled, "he xy zß the") == ["he", "<0x78>", "<0x79>", "<space>", "<0x7A>", "<0xC3>", "<0x9F>", "the"]
    dropping = trained("words", Policy(casing="mark", punctuation="separate", unknown="drop"))
    assert dropping.normalise("He (John) said the Xyz jewelry, Xyz.\nJohn said") == "He () said the jewelry,.\nsaid"


UNSPACED = {
    "chinese": ("今天天气很好，我们去公园。", "今 天 天 气 很 好 ， 我 们 去 公 园 。"),
    "mixed": ("我用 Python3 写代码", "我 用 <space> Python3 <space> 写 代 码"),
    "japanese": ("私はカメラを見た", "私 は カメラ を 見 た"),  # Katakana is written in words
    "thai": ("ที่นี่", "ที่ นี่"),
    "korean": ("오늘 날씨가 좋다", "오늘 날씨가 좋다"),  # has spaces
}


@pytest.mark.parametrize(("text", "expected"), UNSPACED.values(), ids=UNSPACED)
def test_scripts_without_spaces_are_cut_at_every_character(text: str, expected: str) -> None:
    words = train_tokenizer("words", [text], Policy(punctuation="separate"))
    assert names(words, text) == expected.split()
    assert words.decode(words.encode(text)) == text


def test_words_separated_by_white_space_alone() -> None:
    classical = "= Robert <unk> = \n \n <unk> is a film , he said . \n"
    words = train_tokenizer("words", [classical], Policy(unknown="unk"))
    expected = ["=", "Robert", "<unk>", "=", " \\n \\n ", "<unk>", "is", "<unk>", "film", " \\n", "<space>"]
    assert names(words, "= Robert <unk> = \n \n <unk> is the film \n ") == [*expected[:-2], "<space>", "\\n", "<space>"]
    assert words.decode(words.encode(classical)) == classical


def test_digits_and_newlines() -> None:
    split = trained("words", Policy(punctuation="separate", digits="split"))
    assert names(split, "1998 - 5") == ["1", "9", "9", "8", "<space>", "-", "<space>", "5"]
    assert trained("bpe", Policy(digits="zero")).normalise("in 1998") == "in 0000"
    assert trained("bytes", Policy(newlines="unix")).normalise("a\r\nb\rc") == "a\nb\nc"
    assert trained("bpe", Policy(digits="split")).encode("1998").size == 4


def test_characters() -> None:
    characters = trained("characters", Policy())
    assert names(characters, "H\n😀") == ["H", "\\n", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>"]
    assert trained("characters", Policy(unknown="unk")).normalise("a😀b") == "a<unk>b"
    assert trained("characters", Policy(unknown="drop")).normalise("a😀b") == "ab"


@pytest.mark.parametrize("unknown", ["bytes", "unk", "drop", "error"])
def test_what_has_no_symbol_is_counted(unknown: Literal["bytes", "unk", "drop", "error"]) -> None:
    policy = Policy(unknown=unknown)
    assert Characters.train(["abc"], policy).unseen("a😀bxa") == 2
    assert Words.train(["one two three"], policy).unseen("one four three, five") == 3


def test_subwords_count_the_bytes_that_stand_in_no_piece() -> None:
    assert trained("bytes", Policy()).unseen("😀") == 0
    assert trained("bpe", Policy()).unseen("he 😀 XQZ") == 4


@pytest.mark.parametrize("kind", ["characters", "words", *SUBWORDS])
def test_streams_are_prompt_and_hold_back_what_may_change(kind: str) -> None:
    stream = Bytes(Policy()).stream()
    assert [stream.push(b + 1) for b in "é".encode()] == ["", "é"]
    tokenizer = trained(kind, Policy(casing="mark"))
    stream = tokenizer.stream()
    said = [stream.push(i) for i in tokenizer.encode("the jewelry")]
    assert sum(map(bool, said)) >= len(said) - 1
    assert stream.flush() == ""
    assert stream.push(tokenizer.encode("He")[0]) == ""
    assert stream.flush() == ""


def test_refusals_name_what_and_where() -> None:
    with pytest.raises(UserError, match=r"'É' \(U\+00C9\) at position 6"):
        trained("characters", Policy(casing="mark", unknown="error")).encode("HE DR É")
    with pytest.raises(UserError, match="word 'XYZ' at position 7"):
        trained("words", Policy(casing="mark", punctuation="separate", unknown="error")).encode("He, HE XYZ")
    for kind in SIZES:
        with pytest.raises(UserError, match=r"surrogate U\+D800 at position 2"):
            trained(kind, TOKENIZERS[kind].usual).encode("ab\ud800")
        with pytest.raises(UserError, match="symbol 999999"):
            trained(kind, TOKENIZERS[kind].usual).decode([1, 999999])
        with pytest.raises(UserError, match="symbol -1"):
            trained(kind, TOKENIZERS[kind].usual).symbol(-1)
        with pytest.raises(UserError, match="did you mean '<end>'"):
            trained(kind, TOKENIZERS[kind].usual).find("<ent>")


@pytest.mark.parametrize(
    "field", ["casing", "punctuation", "unknown", "digits", "newlines", "unicode", "spaces", "language"]
)
def test_a_policy_refuses_what_is_no_choice(field: str) -> None:
    with pytest.raises(UserError, match=f"policy.{field}: 'nonsense'"):
        Policy(**{field: "nonsense"})


@pytest.mark.parametrize(
    ("kind", "policy"),
    [
        *((kind, Policy(unknown="unk")) for kind in ("bytes", "bpe", "unigram")),
        *((kind, Policy(punctuation="separate")) for kind in ("bytes", "characters", "bpe", "unigram")),
        *((kind, Policy(digits="split")) for kind in ("bytes", "characters")),
    ],
)
def test_a_kind_refuses_what_means_nothing_to_it(kind: str, policy: Policy) -> None:
    with pytest.raises(UserError, match=f"does not apply to {kind}"):
        train_tokenizer(kind, SENTENCES, policy)


@pytest.mark.parametrize("kind", SIZES)
def test_training_is_streaming_and_strict(kind: str) -> None:
    def blocks() -> Iterator[str]:
        yield "the first"
        yield "the second"

    assert train_tokenizer(kind, blocks(), size=SIZES[kind]).decode([]) == ""
    for documents in ([], ["", ""]):
        with pytest.raises(UserError, match="no text"):
            train_tokenizer(kind, documents)
    with pytest.raises(UserError, match="put it in a list"):
        train_tokenizer(kind, "the first")
    with pytest.raises(UserError, match="size"):
        train_tokenizer(kind, SENTENCES, size=3)
    with pytest.raises(UserError, match="min_count"):
        train_tokenizer(kind, SENTENCES, min_count=0)
    with pytest.raises(UserError, match="surrogate"):
        train_tokenizer(kind, ["a", "\ud800"], replace(TOKENIZERS[kind].usual, unicode="NFC"), SIZES[kind]).encode(
            "\ud800"
        )


@pytest.mark.parametrize("policy", [Policy(unknown="unk"), Policy(unknown="error"), Policy(unknown="drop")])
def test_the_vocabulary_is_what_was_given(policy: Policy) -> None:
    words = train_tokenizer("words", ["b a b c", "d c"], policy)
    learned = words.to_json()["pieces"]
    assert learned == ["b", "c", "a", "d"]
    assert train_tokenizer("words", ["b a b c", "d c"], policy, min_count=2).to_json()["pieces"] == learned[:2]
    smaller = train_tokenizer("words", ["b a b c", "d c"], policy, size=words.size - 1)
    assert smaller.size == words.size - 1
    assert smaller.to_json()["pieces"] == learned[:3]
    characters = train_tokenizer("characters", ["bab", "c"], policy)
    assert characters.to_json()["pieces"] == ["b", "a", "c"]
    assert characters.size == 4 + (policy.unknown == "unk")


@pytest.mark.parametrize("kind", SUBWORDS)
def test_subwords_have_the_size_that_was_asked_for_and_every_byte(kind: str) -> None:
    for policy in (Policy(), Policy(casing="mark")):
        tokenizer = trained(kind, policy)
        assert tokenizer.size == 320 if kind == "bpe" else 257 < tokenizer.size <= 320
        assert tokenizer.decode(tokenizer.encode("".join(map(chr, range(0x800))))) == "".join(map(chr, range(0x800)))
    assert train_tokenizer(kind, ["a"]).decode(train_tokenizer(kind, ["a"]).encode("été")) == "été"


def test_blocks_change_nothing() -> None:
    text = "He said.\nHE  \n\n did\nsteal 12\n\n\n\tthe jewelry\n" * 4000
    assert len(list(_blocks(text))) > 1
    assert "".join(_blocks(text)) == text
    for kind in SUBWORDS:
        tokenizer = trained(kind, Policy())
        assert isinstance(tokenizer, Subwords)
        at_once = tokenizer._segmenter._pipeline.encode(text).ids
        assert [i - 1 for i in tokenizer.encode(text)] == at_once


@pytest.mark.parametrize("kind", SIZES)
def test_the_same_text_gives_the_same_tokenizer_in_every_process(kind: str) -> None:
    code = (
        "import json, sys; from seriatim.text.tokenizers import train_tokenizer;"
        "print(json.dumps(train_tokenizer(sys.argv[1], sys.argv[2:]).to_json()))"
    )
    text = " ".join(f"{a}{b} {b}{a}" for a in ("ro", "ma", "ti") for b in SENTENCES)
    command = [sys.executable, "-c", code, kind, text]
    runs = {subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)}
    assert len(runs) == 1


def test_importing_needs_no_torch() -> None:
    code = "import sys, seriatim.symbols, seriatim.text.tokenizers; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_kinds() -> None:
    every = [COMMON, *(each.codecs() for each in modalities())]
    assert all(kind == codec.kind for codecs in every for kind, codec in codecs.items())
    for kind in ("labels", "nonsense"):
        with pytest.raises(UserError, match="is unknown"):
            train_tokenizer(kind, SENTENCES)
