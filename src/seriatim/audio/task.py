"""Training on audio."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast, final

import numpy as np
from numpy.typing import NDArray

from seriatim.audio.data.aligned import featured, features_of
from seriatim.audio.data.excerpts import Excerpts, condition_codecs
from seriatim.audio.data.recordings import SPANS, TRACK, VECTOR, Recordings, Takes
from seriatim.audio.data.splits import taken
from seriatim.audio.encoders import AlignedCodec
from seriatim.audio.features import Feature
from seriatim.audio.files import save
from seriatim.audio.model import AudioModel
from seriatim.audio.options import AudioOptions, QuantiserOptions, TrackOptions
from seriatim.audio.quantiser import Quantiser
from seriatim.conditioning import TrackConfig
from seriatim.data.batches import Batches
from seriatim.drawing.audio import save_spectrogram, save_waveform
from seriatim.errors import UserError
from seriatim.symbols import Symbols
from seriatim.training.plan import IN_MEMORY, Plan
from seriatim.training.task import Task, conditions_in_words, missing_in_words, unheard_in_words
from seriatim.training.unit import Unit, bits_per_sample

_LEAST = 16_000  # least samples per evaluation, whatever `evaluate_symbols` is
_SHOWN = 16_000  # most samples of a recording drawn during training, which also lasts at most a second
_SMALL = 60  # seconds


@final
class AudioTask(Task):
    """Training on audio: a quantiser, excerpts preceded by the receptive field, samples as WAV and PNG."""

    usual_batch = 4  # excerpts of thousands of samples

    def __init__(self, plan: Plan, folder: Path, recordings: Recordings) -> None:
        super().__init__(plan, folder, recordings)
        self.recordings, self.options = recordings, plan.group(AudioOptions)
        self._train: Takes | None = None

    def summary(self) -> str:
        """The recordings, their duration and conditions."""
        rate, splits = self.recordings.rate, self.recordings.splits
        each = [f"{len(t.x):,} {side} ({t.samples / rate:,.1f} s)" for side, t in splits.items()]
        codec, options = cast(Quantiser, self.codecs["x"]), self.options
        table = None if options.labels is None else Path(options.labels).name
        own = "the data" if self.plan.named or self.plan.data == IN_MEMORY else "subfolders"
        files = {SPANS: options.spans, TRACK: options.track, VECTOR: options.vectors}
        features = {name: "the recordings" for name, codec in self.codecs.items() if isinstance(codec, Feature)}
        origins = {name: Path(where).name for name, where in files.items() if where is not None}
        seen = conditions_in_words(self.codecs, {"": table or own, **features, **origins})
        held = splits.get("validation")
        own = AudioModel(self.model, self.codecs)
        lacking, absent = [] if held is None else own.lacking(held), own.lacking(self.recordings.splits["train"])
        kind = f"{rate} Hz, {'mono' if codec.channels == 1 else 'stereo'}, {codec.name}"
        unheard = f"{missing_in_words(absent, 'recordings')} {unheard_in_words(lacking, 'recordings')}".strip()
        return f"recordings: {', '.join(each)}; {kind}; {seen} {unheard}".strip()

    def learn(self) -> dict[str, Symbols]:
        """The codecs: the quantiser, and one per condition."""
        found, levels, train = self.recordings, self.plan.group(QuantiserOptions), self.recordings.splits["train"]
        codec = Quantiser(found.rate, found.channels, levels.kind, levels.levels)
        features = features_of(self.options, found.rate, train.x)
        conditions = condition_codecs(train, found.rate)
        for name in features.keys() & conditions.keys():
            raise UserError(f"--audio.features {name}: the recordings have a label of that name; rename it")
        return {"x": codec, **conditions, **features}

    def encoders(self, config: Any) -> dict[str, Any]:  # noqa: ARG002
        """The sizes of the encoder of each time-aligned condition."""
        size = TrackConfig(self.plan.group(TrackOptions).filters, self.plan.group(TrackOptions).up)
        return {name: size for name, codec in self.codecs.items() if isinstance(codec, AlignedCodec)}

    @property
    def small(self) -> bool:
        """Whether there is less than a minute."""
        return self.recordings.splits["train"].samples < _SMALL * self.recordings.rate

    def counts(self) -> NDArray[np.int64]:
        """(channels, levels): counts of each level in the training recordings."""
        codec = cast(Quantiser, self.codecs["x"])
        found = np.zeros((codec.channels, codec.levels), np.int64)
        for x in self.recordings.splits["train"].x:
            for channel, values in enumerate(codec.encode(x).reshape(len(x), -1).T):
                found[channel] += np.bincount(values, minlength=codec.levels)
        return found

    def batches(self, size: int | None = None) -> Batches:
        """Excerpts of the training split."""
        codec, found, plan = cast(Quantiser, self.codecs["x"]), self.recordings, self.plan
        if (codec.rate, codec.channels) != (found.rate, found.channels):
            has = f"{found.rate} Hz with {found.channels} channels"
            raise UserError(
                f"the recordings are {has} but the model's {codec.rate} Hz with {codec.channels}; "
                f"give --audio.rate {codec.rate}"
            )
        model, seed = AudioModel(self.model, self.codecs), plan.train.seed
        if self._train is None:  # features of all recordings take a while
            self._train = featured(found.splits["train"], self.codecs)
        length, size = self.options.length, self.size(size)
        return Excerpts(self._train, self.codecs, length, model.past, size, seed, arrangement=model.arrangement)

    def validation(self) -> Callable[[], float] | None:
        """The same whole held-out recordings every time, spread over the split."""
        held = self.recordings.splits.get("validation")
        if held is None:
            return None
        some = _spread(held, self.plan.train.evaluate_symbols)

        def validate() -> float:
            model = AudioModel(self.model, self.codecs)
            terms = model.log_probs(some.x, model.given_of(some))
            return -float(sum(x.sum() for x in terms)) / sum(map(len, terms))

        return validate

    def unit(self) -> Unit:
        """Bits per sample."""
        return bits_per_sample(self.model.head.parts, any(isinstance(each, Feature) for each in self.codecs.values()))

    def show(self, step: int) -> None:
        """Write a second of free-running samples, and of teacher-forced ones with their recording."""
        model, count = AudioModel(self.model, self.codecs), self.plan.train.samples
        held = self.recordings.splits.get("validation", self.recordings.splits["train"])
        part = taken(held, [step % len(held.x)])
        given = model.given_of(part)
        name = f"step-{step:06d}"
        seconds = min(1.0, _SHOWN / model.rate, len(part.x[0]) / model.rate)
        free = model.sample(seconds, count, given={key: value * count for key, value in given.items()}, seed=step)
        for i, x in enumerate(free):
            self._save(x, f"{name}-free-running-{i + 1}")
        true = [part.x[0][: round(seconds * model.rate)]]
        self._save(true[0], f"{name}-recording")
        self._save(model.forced(true, given, seed=step)[0], f"{name}-teacher-forced")

    def _save(self, x: NDArray[np.int16], name: str) -> None:
        place, rate = self.folder / "samples", self.recordings.rate
        save(x, place / f"{name}.wav", rate)
        save_waveform(x, place / f"{name}-waveform.png", rate)
        save_spectrogram(x, place / f"{name}-spectrogram.png", rate)


def _spread(takes: Takes, most: int) -> Takes:
    """Whole recordings, spread evenly over the split, of about `most` samples in total; 0 for all."""
    if most == 0 or takes.samples <= max(most, _LEAST):
        return takes
    count = max(1, round(len(takes.x) * max(most, _LEAST) / takes.samples))
    return taken(takes, [int(i) for i in np.linspace(0, len(takes.x) - 1, count)])
