"""Words cut into prefix, stem and suffix: where, and that nothing is lost."""

from __future__ import annotations

import sys

import pytest

from seriatim.errors import UserError
from seriatim.text.options import TokenOptions
from seriatim.text.tokenizers import Policy, Tokenizer, stems, train_tokenizer
from seriatim.text.tokenizers.stems import cut

CUTS = {  # word: as the Snowball stemmers' own sample vocabularies have their stems
    ("english", "walking"): ("", "walk", "ing"),
    ("english", "Happiness"): ("", "Happi", "ness"),  # happi
    ("english", "cat's"): ("", "cat", "'s"),
    ("english", "the"): ("", "the", ""),
    ("english", "it"): ("", "it", ""),
    ("german", "Freiheiten"): ("", "Freiheit", "en"),
    ("german", "Häuser"): ("", "Häuser", ""),  # haus: it agrees in one letter only
    ("french", "mangeait"): ("", "mang", "eait"),
    ("russian", "книгами"): ("", "книг", "ами"),
    ("finnish", "taloissamme"): ("", "talo", "issamme"),
    ("turkish", "evlerimizden"): ("", "ev", "lerimizden"),
    ("indonesian", "membaca"): ("mem", "baca", ""),
    ("indonesian", "perbaikan"): ("per", "baik", "an"),
    ("arabic", "المدرسة"): ("ال", "مدرس", "ة"),
}


@pytest.mark.parametrize(("case", "expected"), CUTS.items(), ids=[f"{n}-{word}" for n, word in CUTS])
def test_words_are_cut_where_their_stem_ends(case: tuple[str, str], expected: tuple[str, str, str]) -> None:
    assert cut(*case) == expected
    assert "".join(expected) == case[1]


TEXTS = {
    "english": "She was walking, talked and walks; the cat's well-known happiness isn't UNHAPPINESS. + +ing un+ ing",
    "german": "Die Häuser sind aufgestanden, Freiheiten und Kinder; „Kindern“ gehört’s.",
    "french": "L’enfant mangeait continuellement ; c'est la nationalité !",
    "russian": "С красивыми книгами бегущий человек.",
    "indonesian": "Dia membaca buku, perbaikan rumah dan makanan dimakan.",
    "arabic": "ذهبت إلى المدرسة والكتاب.",
    "hindi": "लड़कियों ने किताबें पढ़ीं।",
    "turkish": "Evlerimizden kitapları İstanbul'a",
}


def stemmed(language: str, text: str, **policy: str) -> Tokenizer:
    return train_tokenizer("stems", [text], Policy(language=language, punctuation="separate", **policy))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("casing", ["keep", "mark"])
def test_every_language_comes_back(language: str, casing: str) -> None:
    text = TEXTS[language]
    tokenizer = stemmed(language, text, casing=casing)
    assert tokenizer.lossless
    assert tokenizer.decode(tokenizer.encode(text)) == text
    for other in TEXTS.values():  # of which hardly anything is known
        assert tokenizer.decode(tokenizer.encode(other)) == other


def names(tokenizer: Tokenizer, text: str) -> list[str]:
    return [tokenizer.symbol(i) for i in tokenizer.encode(text)]


def test_affixes_are_apart_from_words_and_need_no_join() -> None:
    tokenizer = stemmed("english", "walking talks ing , + s")
    assert names(tokenizer, "talking walks ing") == ["talk", "+ing", "walk", "+s", "ing"]
    assert names(tokenizer, "walk s + ing") == ["walk", "s", "+", "ing"]
    prefixed = stemmed("indonesian", "membaca perbaikan")
    assert names(prefixed, "membaik perbacaan") == ["mem+", "baik", "per+", "baca", "+an"]


def test_an_unknown_part_is_spelled_or_unknown_by_itself() -> None:
    spelled = stemmed("english", "walking talks")
    assert names(spelled, "walked") == ["walk", "<join>", "<0x65>", "<0x64>"]
    assert names(spelled, "jumping") == [*(f"<0x{byte:02X}>" for byte in b"jump"), "+ing"]
    unknown = stemmed("english", "walking talks", unknown="unk")
    assert names(unknown, "jumping walked") == ["<unk>", "+ing", "walk", "<join>", "<unk>"]
    assert unknown.normalise("jumping walked") == "<unk>ing walk<unk>"


def test_it_is_chosen_as_the_others_are() -> None:
    assert TokenOptions(kind="stems").policy() == Policy(language="english", punctuation="separate")
    assert TokenOptions(kind="stems", language="german").policy().language == "german"
    assert TokenOptions(kind="words").policy().language == "none"
    with pytest.raises(UserError, match=r"--tokens.language is given with words; expected --tokens.kind stems"):
        TokenOptions(kind="words", language="german")
    for kind in ("bytes", "characters", "words", "bpe"):
        with pytest.raises(UserError, match=r"policy\.language: 'german' does not apply"):
            train_tokenizer(kind, ["text"], Policy(language="german"))
    with pytest.raises(UserError, match=r"policy\.punctuation: 'keep' does not apply to stems"):
        train_tokenizer("stems", ["text"], Policy(language="german"))
    with pytest.raises(UserError, match=r"policy\.language: 'none' does not apply to stems"):
        train_tokenizer("stems", ["text"], Policy(punctuation="separate"))


def test_every_language_has_a_stemmer() -> None:
    from seriatim.text.tokenizers.policy import LANGUAGES

    assert len(LANGUAGES) == 34
    assert all(cut(language, "xyzxyz")[1] for language in LANGUAGES)


def test_without_the_extra_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stems._stemmer.cache_clear()
    monkeypatch.setitem(sys.modules, "snowballstemmer", None)
    with pytest.raises(UserError, match=r"pip install 'seriatim\[stems\]'"):
        cut("danish", "huse")
    stems._stemmer.cache_clear()
