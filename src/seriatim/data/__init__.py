"""Where data comes from: own files and named data sets, divided so that nothing leaks.

Importing this imports neither torch nor anything else outside the standard library.
"""

from seriatim.data.corpus import Corpus, Document, TextOptions
from seriatim.data.images import Gallery, ImageOptions, Pictures, open_gallery
from seriatim.data.sources import open_corpus
from seriatim.data.split import folds

__all__ = [
    "Corpus",
    "Document",
    "Gallery",
    "ImageOptions",
    "Pictures",
    "TextOptions",
    "folds",
    "open_corpus",
    "open_gallery",
]
