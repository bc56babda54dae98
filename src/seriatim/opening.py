"""Opening a run, whatever it is a model of."""

from __future__ import annotations

from pathlib import Path

from seriatim import checkpoint
from seriatim.errors import UserError
from seriatim.image import ImageModel
from seriatim.sound import SoundModel
from seriatim.text import TextModel

Trained = TextModel | ImageModel | SoundModel
KINDS: dict[str, type[TextModel] | type[ImageModel] | type[SoundModel]] = {
    "text": TextModel,
    "images": ImageModel,
    "audio": SoundModel,
}


def open_run(run: str | Path, device: str = "cpu") -> Trained:
    """Open a run's directory.

    Raises:
        UserError: if it is missing, damaged or of a kind that this program does not know.
    """
    loaded = checkpoint.load(Path(run), device)
    kind = KINDS.get(loaded.modality)
    if kind is None:
        raise UserError(f"{run} holds a model of {loaded.modality[:40]!r}; this program knows {', '.join(KINDS)}")
    return kind(loaded.model, loaded.codecs, loaded.family, loaded.about)
