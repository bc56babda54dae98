"""Tokenizers trained on a few sentences, and strategies for texts, shared by the tests of this folder."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from functools import cache
from itertools import product

from hypothesis import strategies as st

from seriatim.text.tokenizers import Policy, Tokenizer, train_tokenizer
from seriatim.text.tokenizers.casing import MARKS

SENTENCES = (
    "Dr. Sue lives in the U.S.A. And who’s favorite book is Lord of the Rings, The Twin Towers",
    "HE didn’t steal the jewelry",
    "He didn’t steal the JEWELRY.",
    '"Yes," he said, "a well-known (but old) trick - 1998 \n\tcosts $5!"\n\n<unk> Straße, naïve.',
)
SIZES = {"bytes": None, "characters": None, "words": None, "stems": None, "bpe": 320, "unigram": 320}
SUBWORDS = ("bpe", "unigram")


@cache
def trained(kind: str, policy: Policy) -> Tokenizer:
    return train_tokenizer(kind, SENTENCES, policy, SIZES[kind])


def lossless_policies() -> list[tuple[str, Policy]]:
    plain = [Policy(), Policy(casing="mark")]
    split = [Policy(digits="split"), Policy(digits="split", casing="mark")]
    cases = [(kind, policy) for kind in SIZES if kind != "stems" for policy in plain]
    cases += [(kind, policy) for kind in ("words", *SUBWORDS) for policy in split]
    words = product(("keep", "mark"), ("keep", "split"))
    cases += [("words", Policy(casing=c, punctuation="separate", digits=d)) for c, d in words]
    stems = product(("english", "german", "arabic"), ("keep", "mark"), ("keep", "split"))
    cases += [("stems", Policy(language=n, casing=c, punctuation="separate", digits=d)) for n, c, d in stems]
    return cases


def lossy_policies() -> list[tuple[str, Policy]]:
    cases = [
        ("words", Policy(casing=c, punctuation=p, unknown=u, digits=d))
        for c, p, u, d in product(
            ("keep", "lower", "mark"), ("keep", "separate"), ("unk", "drop"), ("keep", "split", "zero")
        )
    ]
    cases += [
        ("characters", Policy(casing=c, unknown=u)) for c, u in product(("keep", "lower", "mark"), ("unk", "drop"))
    ]
    changed = [
        Policy(casing="lower"),
        Policy(digits="zero", casing="mark"),
        Policy(newlines="unix", spaces="collapse"),
        *(Policy(unicode=form, casing="mark") for form in ("NFC", "NFD", "NFKC", "NFKD")),
    ]
    english = Policy(language="english", punctuation="separate")
    cases += [("stems", replace(english, unknown="unk", casing=casing)) for casing in ("keep", "lower", "mark")]
    cases += [("stems", replace(policy, language="english", punctuation="separate")) for policy in changed]
    return cases + [(kind, policy) for kind in SIZES if kind != "stems" for policy in changed]


def name_of(case: tuple[str, Policy]) -> str:
    kind, policy = case
    changed = [v for f, v in policy.to_json().items() if v != getattr(Policy(), f)]
    return "-".join([kind, *changed])


def texts() -> st.SearchStrategy[str]:
    """Any Unicode text, and texts that come close to what the tokenizers treat specially."""
    near = [
        "Dr.",
        "HE",
        "He",
        "he",
        "didn’t",
        "U.S.A.",
        "JavaScript",
        "ß",
        "İ",
        "ǅ",
        "Σ",
        "ς",
        "́",
        "E",
        "हिन्दी",
        "1998",
    ]
    near += [
        " ",
        "  ",
        "\n",
        "\r\n",
        "\t",
        " ",
        "　",
        ",",
        ".",
        "(",
        ")",
        '"',
        "'",
        "’",
        "-",
        "$",
        "€",
        "&",
        "😀",
        "。",
    ]
    near += ["walking", "Walks", "s", "ing", "+", "+ing", "un+", "Freiheiten", "والكتاب"]
    near += ["1998", "。", "<unk>", "<end>", "<", "\\n", "the", "xyz", "Xyz", "\x00", "\x1c", "日本", *MARKS]
    return st.one_of(st.text(), st.lists(st.sampled_from(near)).map("".join))


def is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")
