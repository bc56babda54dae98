"""The named data sets of text: one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from seriatim.data import loaders
from seriatim.data.fetch import File, Kind, Source

_GITHUB = "https://raw.githubusercontent.com"


@dataclass(frozen=True, kw_only=True)
class TextSource(Source):
    """A named data set of text."""

    kind: ClassVar[Kind] = "text"
    load: Callable[[Sequence[Path]], loaders.Loaded]


TEXTS: dict[str, TextSource] = {
    "tinyshakespeare": TextSource(
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
    "recipes": TextSource(
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
    "recipes-public-domain": TextSource(
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
    "wikitext-2": TextSource(
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
    "enwiki": TextSource(
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
        note="One stream of text, cut 90/5/5 by position at line ends, as is the habit with enwik8.",
    ),
    "pydoc": TextSource(
        title="Python's help topics, in English",
        licence="PSF License 2.0",
        attribution="Python Software Foundation",
        files=(),
        load=loaders.pydoc,
        note="Comes with the Python that runs this, so it differs between versions. Split 80/10/10 by topic.",
    ),
}
