import io
import json
import os
import tarfile

import pytest

from seriatim.data import named, tar
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.modality import modality
from seriatim.text.data import loaders
from seriatim.text.data.files import file_document
from seriatim.text.data.markdown import recipe
from seriatim.text.data.opening import open_corpus

needs_data = pytest.mark.skipif("SERIATIM_DATA" not in os.environ, reason="$SERIATIM_DATA is not set")


def counts(corpus):
    return {s: (len(part), sum(d.measure.characters for d in part)) for s, part in corpus.splits.items()}


def texts(corpus, side):
    return [document.text() for document in corpus.splits[side]]


def test_the_table():
    texts = ["enwiki", "multi30k-de-en", "multi30k-en-de", "pronunciation", "pydoc", "recipes"]
    texts += ["recipes-public-domain", "tatoeba-de-en", "tatoeba-en-de", "tinyshakespeare", "wikitext-2"]
    assert sorted(modality("text").names) == sorted(modality("text").sets()) == texts
    others = ["cifar10", "digits", "fashion-mnist", "mnist", "spoken-counting", "spoken-digits"]
    others += ["co2", "ecg", "elnino", "ett-1h", "etth1", "etth2", "macro", "nasdaq", "nile", "sp500", "sunspots"]
    others += ["japanese-vowels", "kanji", "kanji-omniglot", "omniglot", "moving-mnist"]
    assert named.names() == sorted([*texts, *others])
    for name in named.names():
        source = named.info(name)
        assert all((source.title, source.licence, source.attribution))
        assert source.note or name in modality("series").names
        for file in source.files:
            assert len(file.sha256) == 64
            assert file.address is None or file.address.startswith("https://")
            assert file.address or source.by_hand
    with pytest.raises(UserError, match="did you mean 'recipes'"):
        named.info("recipe")


def test_pictures_are_no_text():
    with pytest.raises(UserError, match="mnist is a data set of pictures, not of text: give one of enwiki, "):
        open_corpus("mnist")


def test_pydoc_comes_with_python():
    assert named.available("pydoc")
    assert named.fetch("pydoc") == []
    corpus = open_corpus("pydoc")
    assert set(corpus.splits) == {"train", "validation", "test"}
    assert any(
        "Assert statements are a convenient way" in text for side in corpus.splits for text in texts(corpus, side)
    )
    few = open_corpus("pydoc", None, DataOptions(limit=2))
    assert [len(part) for part in few.splits.values()] == [2, 2, 2]
    assert few.fingerprint != corpus.fingerprint
    assert "PSF" in corpus.note


@needs_data
def test_tinyshakespeare():
    corpus = open_corpus("tinyshakespeare")
    assert counts(corpus) == {"train": (1, 1_003_854), "validation": (1, 111_540)}
    assert texts(corpus, "train")[0].startswith("First Citizen:\n")


@needs_data
def test_recipes():
    corpus = open_corpus("recipes")
    found = counts(corpus)
    assert sum(number for number, _ in found.values()) == 18_676
    assert {side: number for side, (number, _) in found.items()} == {"train": 16_805, "validation": 937, "test": 934}
    assert all(text.startswith("Recipe for ") and " | " in text for text in texts(corpus, "test"))
    assert not set(texts(corpus, "train")) & {*texts(corpus, "test"), *texts(corpus, "validation")}


@needs_data
def test_recipes_public_domain():
    corpus = open_corpus("recipes-public-domain")
    assert {side: number for side, (number, _) in counts(corpus).items()} == {
        "train": 327,
        "validation": 41,
        "test": 41,
    }
    whole = "".join(text for side in corpus.splits for text in texts(corpus, side))
    assert not any(markup in whole for markup in ("](", "![", "\n#", "\n---\n", "\r", "date:"))


@needs_data
def test_wikitext_2():
    corpus = open_corpus("wikitext-2")
    assert counts(corpus) == {"train": (54, 997_329), "validation": (6, 122_863), "test": (60, 1_255_018)}
    assert corpus.splits["train"][0].name == "valid.txt:Homarus gammarus"
    assert "".join(texts(corpus, "test")) == file_document(named.fetch("wikitext-2")[1], "utf-8", "test").text()
    assert "not part of this set" in corpus.note


@needs_data
def test_enwiki():
    corpus = open_corpus("enwiki")
    assert counts(corpus) == {"train": (1, 5_463_063), "validation": (1, 304_407), "test": (1, 303_598)}
    whole = "".join(text for side in corpus.splits for text in texts(corpus, side))
    assert len(whole.encode()) == 6_089_746


def test_kaggles_list_of_recipes(tmp_path):
    entries = [{"title": f" Soup {i} ", "directions": ["Boil.", f"Wait {i} minutes. "]} for i in range(40)]
    entries += [{}, {"title": "No way"}, {"title": None, "directions": ["x"]}, {"title": "Air", "directions": []}]
    path = tmp_path / loaders.KAGGLE_RECIPES
    path.write_text(json.dumps(entries))
    corpus = open_corpus(path)
    assert [len(part) for part in corpus.splits.values()] == [36, 2, 2]
    whole = sorted(text for side in corpus.splits for text in texts(corpus, side))
    assert whole[0] == "Recipe for Soup 0 | Boil. Wait 0 minutes."
    assert "4 recipes without title or directions are left out" in corpus.note


PAGE = """---\r
title: "Toast"\r
tags: [bread]\r
---\r
\r
![toast](/pix/toast.webp)\r
A story about _toast_.\r
\r
## Ingredients  \r
\r
* 2 slices of **good** [bread](/bread), see [here](https://example.org/a_b_c)\r
- salt & 1*2 _very_ little\r
\r
### Sauce\r
\r
- butter<br>\r
\r
\r
\r
##  Directions\r
\r
1. Toast it.\r
\r
Originally published at [example](https://example.org)\r
\r
## Notes\r
\r
Enjoy.\r
"""


def test_a_recipe_page_as_plain_text():
    assert recipe(PAGE) == (
        "Toast\n\nIngredients\n\n- 2 slices of good bread, see here\n- salt & 1*2 very little\n\nSauce:\n\n- butter\n\n"
        "Directions\n\n1. Toast it.\n"
    )
    assert recipe(PAGE.replace("## Ingredients", "## Things")) is None


def archive(path, members, mode="w:xz"):
    with tarfile.open(path, mode) as file:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            file.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    return path


def test_members_are_read_in_order_and_links_are_not_followed(tmp_path):
    path = archive(tmp_path / "a.tar.xz", {"b": b"1", "../a": b"22"})
    assert list(tar.members(path)) == [("b", b"1"), ("../a", b"22")]


def test_absurd_archives_are_refused(tmp_path):
    path = archive(tmp_path / "a.tar.xz", {"a": b"x" * 600, "b": b"x" * 600})
    with pytest.raises(UserError, match="more than 1000 bytes"):
        list(tar.members(path, largest=1000))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="damaged archive"):
        list(tar.members(path))
    path.write_bytes(b"no archive")
    with pytest.raises(UserError, match="damaged archive"):
        list(tar.members(path))
