"""Everything that decides a run, as it is written into it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, final

from seriatim import config as configs
from seriatim.data import Corpus, TextOptions, folds, open_corpus
from seriatim.data.images import Gallery, ImageOptions, is_gallery, open_gallery, open_set
from seriatim.data.named import names, open_named
from seriatim.data.sounds import AudioOptions, Recordings, is_recordings, open_recordings, open_sound_set
from seriatim.errors import UserError
from seriatim.models import family
from seriatim.training.options import CodeOptions, SourceOptions, TokenOptions, TrainOptions


@final
@dataclass(frozen=True)
class Plan:
    """Everything that decides a run.

    Attributes:
        data: the name of a data set, or a path; `locate` makes it absolute, so that it is none of those names.
        family: a key of `seriatim.models.FAMILIES`.
        net: fields of the family's config; `symbols`, `vector` and `start` follow from the data.
        tokens: how text becomes symbols.
        text: how text is read and divided.
        source: how the source of a text is read.
        image: how pictures are read and divided.
        code: of an auto-encoder of pictures.
        audio: how sound is read, divided and put on levels.
        train: how it is trained.
        begin: a run whose weights and codecs to start from.
        fold: (i, k): train for the i-th of k folds of cross-validation, from 0.
    """

    data: str
    family: str = "transformer"
    net: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tokens: TokenOptions = field(default_factory=TokenOptions)
    text: TextOptions = field(default_factory=TextOptions)
    image: ImageOptions = field(default_factory=ImageOptions)
    source: SourceOptions = field(default_factory=SourceOptions)
    code: CodeOptions = field(default_factory=CodeOptions)
    audio: AudioOptions = field(default_factory=AudioOptions)
    train: TrainOptions = field(default_factory=TrainOptions)
    begin: str | None = None
    fold: tuple[int, int] | None = None

    @property
    def modality(self) -> str:
        """What the family is for: "text", "images", "audio"."""
        return family(self.family).data

    @property
    def named(self) -> bool:
        """Whether the data is a named data set. It stays one if a file or folder of that name turns up later."""
        return self.data in names()

    def open(self) -> Corpus | Gallery | Recordings:
        """The data, divided as this run divides it.

        Raises:
            UserError: if it is not what the family is for, or cannot be read.
        """
        found, wanted = modality_of(self.data), self.modality
        if found not in (wanted, "text") or (found != wanted and self.named):
            raise UserError(
                f"{self.data} holds {_WORDS[found]}, and {self.family} is for {_WORDS[wanted]}; leave out --model"
            )
        if wanted == "images":
            return (open_set if self.named else open_gallery)(self.data, self.image)
        if wanted == "audio":
            return (open_sound_set if self.named else open_recordings)(self.data, self.audio)
        corpus = (open_named if self.named else open_corpus)(self.data, self.text)
        return corpus if self.fold is None else folds(corpus, self.fold[1])[self.fold[0]]

    def to_json(self) -> dict[str, Any]:
        """As written into the run."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any], where: str) -> Plan:
        """The reverse of `to_json`.

        Raises:
            UserError: naming the key that is wrong.
        """
        groups = {"net", "tokens", "text", "source", "image", "code", "audio", "train"}
        document = {"code": {}, "audio": {}, "source": {}, **document}  # runs from before there were any
        audio: Any = document["audio"]
        if isinstance(audio, dict) and isinstance(up := cast("dict[str, Any]", audio).get("up"), list):
            document["audio"] = {**audio, "up": ",".join(map(str, cast("list[Any]", up)))}  # from before it was a word
        known = set(document) == {f.name for f in dataclasses.fields(cls)}
        if not known or not all(isinstance(document[name], dict) for name in groups):
            raise UserError(f"{where} is not what `seriatim train` has written; train anew")
        return cls(
            data=str(document["data"]),
            family=str(document["family"]),
            net=document["net"],
            tokens=configs.read(TokenOptions, document["tokens"], f"{where}: tokens"),
            text=configs.read(TextOptions, document["text"], f"{where}: text"),
            source=configs.read(SourceOptions, document["source"], f"{where}: source"),
            image=configs.read(ImageOptions, document["image"], f"{where}: image"),
            code=configs.read(CodeOptions, document["code"], f"{where}: code"),
            audio=configs.read(AudioOptions, document["audio"], f"{where}: audio"),
            train=configs.read(TrainOptions, document["train"], f"{where}: train"),
            begin=None if document["begin"] is None else str(document["begin"]),
            fold=None if document["fold"] is None else (int(document["fold"][0]), int(document["fold"][1])),
        )


def usual_family(data: str | Path) -> str:
    """The family for data of which nothing else is said."""
    return _USUAL[modality_of(str(data))]


def usual_training(name: str) -> dict[str, Any]:
    """What a family is trained with where nothing is said, beside `TrainOptions`' own."""
    return {"batch": 4} if family(name).data == "audio" else {}  # pieces of thousands of samples


def modality_of(data: str) -> str:
    """What a path or the name of a data set holds; text is what nothing else is."""
    for modality in ("image", "audio", "text"):
        if data in names(modality):
            return "images" if modality == "image" else modality
    if data == "-":
        return "text"
    return "images" if is_gallery(data) else "audio" if is_recordings(data) else "text"


_USUAL = {"text": "transformer", "images": "gated-pixelcnn", "audio": "wavenet"}
_WORDS = {"text": "text", "images": "pictures", "audio": "sound"}
