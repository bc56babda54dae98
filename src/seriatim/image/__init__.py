"""Images: levels, readers, training, and the model of pixel arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seriatim.data.options import DataOptions
from seriatim.image.holding import NAMES, holds
from seriatim.image.options import CodeOptions, ImageOptions
from seriatim.modality import Encoding, Modality

if TYPE_CHECKING:
    from seriatim.data.fetch import NamedSet
    from seriatim.image.data.gallery import Gallery
    from seriatim.image.model import ImageModel
    from seriatim.image.task import ImageTask
    from seriatim.symbols import Symbols


def _sets() -> Mapping[str, NamedSet]:
    from seriatim.image.data.sets import SETS

    return SETS


def _open(data: object, options: Mapping[str, Any], division: DataOptions) -> Gallery:
    from seriatim.image.data.opening import open_gallery

    return open_gallery(data, options["image"], division)


def _open_set(name: str, options: Mapping[str, Any], division: DataOptions) -> Gallery:
    from seriatim.image.data.opening import open_set

    return open_set(name, options["image"], division)


def _folds(data: Gallery, k: int, options: Mapping[str, Any]) -> Sequence[Gallery]:
    from seriatim.image.data.folds import folds

    return folds(data, k, options["image"])


def _codecs() -> Mapping[str, type[Symbols]]:
    from seriatim.symbols.levels import Levels

    return {"levels": Levels}


def _encoders() -> Mapping[type[Any], Encoding]:
    from seriatim.image.encoders import ENCODINGS

    return ENCODINGS


def _task() -> type[ImageTask]:
    from seriatim.image.task import ImageTask

    return ImageTask


def _model() -> type[ImageModel]:
    from seriatim.image.model import ImageModel

    return ImageModel


MODALITY = Modality(
    name="image",
    words="pictures",
    family="gated-pixelcnn",
    options={"image": ImageOptions, "code": CodeOptions},
    holds=holds,
    names=NAMES,
    sets=_sets,
    open=_open,
    open_set=_open_set,
    folds=_folds,
    figures=("bits_per_dim",),
    codecs=_codecs,
    encoders=_encoders,
    follows={name: name for name in ("height", "width", "channels", "levels")},
    learned=("code",),
    refuses=("carry", "truncate", "prompt"),
    task=_task,
    model=_model,
)
