"""Multi-scale models: a chain of scales from other families, smallest first.

Reference: van den Oord et al. (2016), Pixel recurrent neural networks, section 3.6.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from seriatim.models.base import Model
from seriatim.models.cascade import Cascade, MultiscaleConfig
from seriatim.models.grid import GridModel, SubpixelModel
from seriatim.models.registry import FAMILIES
from seriatim.models.sound_cascade import SoundCascade, SoundScalesConfig


def multiscale(config: MultiscaleConfig) -> Cascade:
    """A multi-scale model: the scales of a `MultiscaleConfig` chained, smallest first.

    Example:
        >>> config = MultiscaleConfig(height=8, width=8, scales=3, levels=8, filters=6, layers=1, up=4)
        >>> model = multiscale(config)
        >>> model.config.height, model.small.config.height, model.small.small.config.height
        (8, 4, 2)
    """

    def scale(name: str, height: int, width: int, field: int) -> SubpixelModel:
        entry = FAMILIES[name]
        depth = "layers" if "layers" in entry.config.__dataclass_fields__ else "blocks"
        sizes = {"height": height, "width": width, "field": field, "filters": config.filters, depth: config.layers}
        same = {name: getattr(config, name) for name in ("channels", "levels", "vector")}
        return cast(SubpixelModel, entry.model(entry.config(**sizes, **same)))

    def chain(height: int, width: int, scales: int) -> GridModel:
        below = -(-height // config.factor), -(-width // config.factor)
        if scales == 1:
            return scale(config.smallest, height, width, config.field)
        large = scale(config.larger, height, width, config.up + config.field)
        whole = replace(config, height=height, width=width, scales=scales)
        return Cascade(whole, chain(*below, scales - 1), large)

    return cast(Cascade, chain(config.height, config.width, config.scales))


def multiscale_sound(config: SoundScalesConfig) -> SoundCascade:
    """A multi-scale model of sound: the WaveNets of a `SoundScalesConfig` chained, slowest first.

    Example:
        >>> model = multiscale_sound(SoundScalesConfig(scales=3, levels=8, residual=4, gate=4, skip=8, dilations=2))
        >>> type(model.slow).__name__, type(model.slow.slow).__name__, model.schedule.period
        ('SoundCascade', 'WaveNet', 16)
    """
    wavenet = FAMILIES["wavenet"].model
    found: Model = wavenet(config.net(config.field))
    for scales in range(2, config.scales + 1):
        found = SoundCascade(replace(config, scales=scales), found, wavenet(config.net(config.up + config.field)))
    return cast(SoundCascade, found)
