"""Pictures in memory."""

from __future__ import annotations

import math

import numpy as np

from seriatim.data.options import WHOLE
from seriatim.image.data.opening import open_gallery
from seriatim.image.options import ImageOptions
from seriatim.image.task import _labels
from seriatim.symbols import Labels
from tiny_pictures import picture


def test_not_a_number_is_no_label() -> None:
    data = {"x": np.stack([picture(2 * i) for i in range(4)]), "label": ["a", math.nan, None, 7]}
    pictures = open_gallery(data, ImageOptions(), WHOLE).splits["train"]
    assert pictures.labels == ("a", None, None, "7")
    numbers = _labels(pictures, {"label": Labels(["7", "a"])})
    assert numbers is not None
    assert numbers.tolist() == [1, -1, -1, 0]
