import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seriatim.errors import UserError
from seriatim.text.data import split
from seriatim.text.data.corpus import Corpus, Document

SHARES = st.tuples(st.sampled_from([0, 0.05, 0.1, 0.3]), st.sampled_from([0, 0.05, 0.1, 0.3]))


def documents(texts):
    return [Document.of(f"poem {i}", text) for i, text in enumerate(texts)]


def names(splits):
    return {side: [document.name for document in part] for side, part in splits.items()}


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=20, max_size=60), SHARES, st.integers(0, 5))
def test_documents_are_dealt_out_once_and_copies_together(numbers, shares, seed):
    numbers = [*numbers, *range(20)]
    pool = documents(str(number) for number in numbers)
    splits = split.divide(pool, *shares, seed)
    assert set(splits) == {"train"} | {
        side for side, share in zip(("validation", "test"), shares, strict=True) if share
    }
    assert sorted(n for part in names(splits).values() for n in part) == sorted(document.name for document in pool)
    texts = [{document.text() for document in part} for part in splits.values()]
    assert all(texts)
    assert not any(a & b for a, b in itertools.combinations(texts, 2))
    different = len(set(numbers))
    for side, share in zip(("validation", "test"), shares, strict=True):
        if share:
            assert len({d.text() for d in splits[side]}) == max(1, round(share * different))


def test_the_seed_decides_and_nothing_else():
    pool = documents(map(str, range(50)))
    first = split.divide(pool, 0.1, 0.1, seed=3)
    again = split.divide(pool[::-1], 0.1, 0.1, seed=3)
    assert {side: set(part) for side, part in names(first).items()} == {s: set(p) for s, p in names(again).items()}
    assert names(first) != names(split.divide(pool, 0.1, 0.1, seed=4))
    assert names(first)["train"] == [d.name for d in pool if d.name in names(first)["train"]]  # order is kept


LINES = st.lists(st.text("ab ", min_size=1, max_size=9).map("x{}\n".format), min_size=40, max_size=60)


@settings(deadline=None)
@given(st.lists(LINES.map("".join), min_size=1, max_size=4), SHARES)
def test_few_documents_are_cut_and_lose_nothing(texts, shares):
    splits = split.divide(documents(texts), *shares)
    for i, text in enumerate(texts):
        parts = [
            d.text()
            for part in splits.values()
            for d in part
            if d.name == f"poem {i}" or d.name.startswith(f"poem {i}[")
        ]
        assert "".join(parts) == text


def test_the_cut_is_at_the_nearest_line_end():
    lines = [f"line {i}\n" for i in range(1000)]
    splits = split.divide(documents(["".join(lines)]), 0.1, 0.1)
    for part, share in zip(splits.values(), (0.8, 0.1, 0.1), strict=True):
        text = part[0].text()
        assert text.endswith("\n")
        assert text.startswith("line ")
        assert len(text) == pytest.approx(share * len("".join(lines)), abs=10)


def test_a_text_of_one_line_is_cut_all_the_same():
    splits = split.divide(documents(["header\n" + "x" * 993]), 0.1, 0.1)
    assert [part[0].measure.characters for part in splits.values()] == [800, 100, 100]


@pytest.mark.parametrize("texts", [["a"], ["a line\n" + " " * 100]])
def test_too_little_text_is_an_error(texts):
    with pytest.raises(UserError, match=r"too little text for (validation|test).* to 0$"):
        split.divide(documents(texts), 0.1, 0.1)


def test_shares_that_leave_nothing_to_train_on():
    with pytest.raises(UserError, match="too little text for train"):
        split.divide(documents(map(str, range(20))), 0.49, 0.5)


def corpus_of(texts, test=0.1):
    return Corpus("poems", split.divide(documents(texts), 0.1, test), "mark", "a note")


@settings(deadline=None)
@given(st.integers(2, 7), st.lists(st.integers(0, 40), min_size=5, max_size=50))
def test_each_document_validates_in_one_fold(k, numbers):
    corpus = corpus_of(map(str, [*range(30), *numbers]))
    pool = sorted(d.name for side in ("train", "validation") for d in corpus.splits[side])
    folds = split.folds(corpus, k)
    assert len(folds) == k
    assert sorted(d.name for fold in folds for d in fold.splits["validation"]) == pool
    for fold in folds:
        assert sorted(d.name for side in ("train", "validation") for d in fold.splits[side]) == pool
        assert not {d.text() for d in fold.splits["train"]} & {d.text() for d in fold.splits["validation"]}
        assert fold.splits["test"] is corpus.splits["test"]
    assert len({fold.fingerprint for fold in folds}) == k


@settings(deadline=None)
@given(st.integers(2, 5), st.integers(1, 3))
def test_each_block_of_few_documents_validates_in_one_fold(k, count):
    texts = ["".join(f"{name}{i:03d}\n" for i in range(200)) for name in "abc"[:count]]
    corpus = corpus_of(texts, test=0)
    whole = sorted("".join(texts).split())
    folds = split.folds(corpus, k)
    assert sorted("".join(d.text() for f in folds for d in f.splits["validation"]).split()) == whole
    for fold in folds:
        assert "test" not in fold.splits
        assert sorted("".join(d.text() for part in fold.splits.values() for d in part).split()) == whole


def test_folds_that_cannot_be():
    with pytest.raises(UserError, match="1 folds are too few"):
        split.folds(corpus_of(map(str, range(30))), 1)
    with pytest.raises(UserError, match="give fewer folds"):
        split.folds(corpus_of(["ab\ncd\nef\ngh\nij\n"], test=0), 15)
