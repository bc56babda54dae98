"""The named data sets of text: one table, and how to get what it names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seriatim.data import fetch as files_of
from seriatim.data import loaders
from seriatim.data.corpus import Corpus, TextOptions, content, fingerprint
from seriatim.data.fetch import File
from seriatim.errors import UserError, nearest

_GITHUB = "https://raw.githubusercontent.com"


@dataclass(frozen=True)
class Source:
    """A named data set: what it is, where it comes from, what one may do with it."""

    title: str
    licence: str
    attribution: str
    files: tuple[File, ...]
    load: Callable[[Sequence[Path]], loaders.Loaded]
    note: str = ""
    """How it is split, and caveats."""
    by_hand: str = ""
    """What to do where a file has no address."""

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(file.size for file in self.files)


SOURCES: dict[str, Source] = {
    "tinyshakespeare": Source(
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
    "recipes": Source(
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
    "recipes-public-domain": Source(
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
    "wikitext-2": Source(
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
    "enwiki": Source(
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
    "pydoc": Source(
        title="Python's help topics, in English",
        licence="PSF License 2.0",
        attribution="Python Software Foundation",
        files=(),
        load=loaders.pydoc,
        note="Comes with the Python that runs this, so it differs between versions. Split 80/10/10 by topic.",
    ),
}
"""Every named data set of text."""


def names() -> list[str]:
    """The names that can be given as data, sorted."""
    return sorted(SOURCES)


def info(name: str) -> Source:
    """What is known of a data set without having it."""
    if name not in SOURCES:
        raise UserError(f"no data set is named {name!r}: {nearest(name, SOURCES)}")
    return SOURCES[name]


def available(name: str) -> bool:
    """Whether all its files are on this machine (not checked yet), so that nothing need be downloaded."""
    return all(files_of.find(file) is not None for file in info(name).files)


def fetch(name: str) -> list[Path]:
    """Its files on this machine, checked, in the order of the table; downloaded if need be."""
    source = info(name)
    return [files_of.get(file, source.by_hand) for file in source.files]


def open_named(name: str, options: TextOptions | None = None, files: Sequence[Path] | None = None) -> Corpus:
    """A data set as a corpus, from its own files or from `files` in a layout that it knows."""
    source, options = info(name), options or TextOptions()
    if replace(options, limit=None) != TextOptions():
        changed = next(k for k, v in vars(TextOptions()).items() if k != "limit" and getattr(options, k) != v)
        raise UserError(f"--data.{changed} was given, but {name} brings its own form and split: leave it out")
    splits, found = source.load(fetch(name) if files is None else files)
    limited = {side: documents[: options.limit] for side, documents in splits.items()}
    mark = fingerprint(*((side, content(documents)) for side, documents in limited.items()))
    terms = f"{source.title}. Licence: {source.licence}. By: {source.attribution}."
    return Corpus(name, limited, mark, " ".join(part for part in (terms, source.note, found) if part))
