"""Where data comes from: own files and named data sets, divided so that nothing leaks.

Importing this imports neither torch nor anything else outside the standard library.
"""

from seriatim.data.corpus import Corpus, Document, TextOptions
from seriatim.data.images import Gallery, ImageOptions, Pictures, open_gallery
from seriatim.data.sounds import AudioOptions, Recordings, Takes, open_recordings
from seriatim.data.sources import open_corpus
from seriatim.data.split import folds

__all__ = [
    "AudioOptions",
    "Corpus",
    "Document",
    "Gallery",
    "ImageOptions",
    "Pictures",
    "Recordings",
    "Takes",
    "TextOptions",
    "folds",
    "open_corpus",
    "open_gallery",
    "open_recordings",
]
