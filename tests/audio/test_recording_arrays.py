"""Recordings in memory."""

from __future__ import annotations

import math

import numpy as np

from seriatim.audio.data.excerpts import condition_codecs, labels_given, unheard
from seriatim.audio.data.opening import open_recordings
from seriatim.audio.data.recordings import Aligned
from seriatim.audio.options import AudioOptions
from seriatim.audio.spans import Spans
from seriatim.data.options import WHOLE
from seriatim.symbols.lacking import Lacking
from tiny_audio import RATE, noise


def test_not_a_number_is_no_label() -> None:
    data = {"x": [noise(i) for i in range(4)], "word": np.array(["a", math.nan, None, "b"], object)}
    takes = open_recordings(data, AudioOptions(rate=RATE), WHOLE).splits["train"]
    assert takes.labels["word"] == ("a", None, None, "b")
    codecs = condition_codecs(takes, RATE)
    assert codecs["word"].to_json()["values"] == ["a", "b"]
    assert labels_given(takes, codecs)["word"].tolist() == [0, -1, -1, 1]


def test_labels_in_spans_that_a_model_does_not_know_are_counted() -> None:
    codec = Spans(["a", "b"], RATE, 80, [1, 1])
    columns = [[[0, 0.5], [-1, 0]], [[2, 0.5], [1, 0.5]], [[2, 0], [3, 0]]]  # labels a, none; c, b; c, d
    track = Aligned([np.array(each, np.float32) for each in columns], 80, ("a", "b", "c", "d"))
    assert unheard("spans", codec, track) == Lacking("spans", 3, 2, {"c": 2, "d": 1}, ("a", "b"))
