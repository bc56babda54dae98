"""Families, and the one table that turns a name into a family. A file never names a class; it names a key of this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, cast

from seriatim.errors import UserError, nearest
from seriatim.models.base import Model
from seriatim.models.bytenet import ByteNet, ByteNetConfig
from seriatim.models.cascade import Cascade, MultiscaleConfig
from seriatim.models.conditional import Conditional
from seriatim.models.diagonal_bilstm import DiagonalBiLSTM
from seriatim.models.gated_pixelcnn import GatedPixelCNN, GatedPixelCNNConfig
from seriatim.models.grid import GridModel, SubpixelModel
from seriatim.models.pixelcnn import PixelCNN, PixelCNNConfig
from seriatim.models.pixelcnn_pp import PixelCNNpp, PixelCNNppConfig
from seriatim.models.pixelrnn import PixelRNNConfig
from seriatim.models.pixelsnail import PixelSNAIL, PixelSNAILConfig
from seriatim.models.recurrent import GRU, LSTM, RNN, RecurrentConfig
from seriatim.models.replay import ReplayModel
from seriatim.models.row_lstm import RowLSTM, RowLSTMConfig
from seriatim.models.sequence import SequenceModel
from seriatim.models.transformer import Transformer, TransformerConfig
from seriatim.models.wavenet import WaveNet, WaveNetConfig


class Family(NamedTuple):
    """A kind of model: what makes it, the dataclass of its sizes, where it comes from and what it is for."""

    model: Callable[[Any], Model]
    config: type[Any]
    paper: str
    year: int
    data: str


def multiscale(config: MultiscaleConfig) -> Cascade:
    """A chain of scales, the smallest first."""

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


FAMILIES: dict[str, Family] = {
    "rnn": Family(RNN, RecurrentConfig, "Elman, Finding structure in time", 1990, "text"),
    "lstm": Family(LSTM, RecurrentConfig, "Hochreiter and Schmidhuber, Long short-term memory", 1997, "text"),
    "gru": Family(GRU, RecurrentConfig, "Cho et al., RNN encoder-decoder", 2014, "text"),
    "transformer": Family(Transformer, TransformerConfig, "Vaswani et al., Attention is all you need", 2017, "text"),
    "bytenet": Family(
        ByteNet, ByteNetConfig, "Kalchbrenner et al., Neural machine translation in linear time", 2016, "text"
    ),
    "pixelcnn": Family(
        PixelCNN, PixelCNNConfig, "van den Oord et al., Pixel recurrent neural networks", 2016, "images"
    ),
    "row-lstm": Family(RowLSTM, RowLSTMConfig, "van den Oord et al., Pixel recurrent neural networks", 2016, "images"),
    "diagonal-bilstm": Family(
        DiagonalBiLSTM, PixelRNNConfig, "van den Oord et al., Pixel recurrent neural networks", 2016, "images"
    ),
    "gated-pixelcnn": Family(
        GatedPixelCNN,
        GatedPixelCNNConfig,
        "van den Oord et al., Conditional image generation with PixelCNN decoders",
        2016,
        "images",
    ),
    "pixelcnn++": Family(PixelCNNpp, PixelCNNppConfig, "Salimans et al., PixelCNN++", 2017, "images"),
    "multiscale": Family(
        multiscale, MultiscaleConfig, "van den Oord et al., Pixel recurrent neural networks, 3.6", 2016, "images"
    ),
    "pixelsnail": Family(PixelSNAIL, PixelSNAILConfig, "Chen et al., PixelSNAIL", 2018, "images"),
    "wavenet": Family(
        WaveNet, WaveNetConfig, "van den Oord et al., WaveNet: A generative model for raw audio", 2016, "audio"
    ),
}


_BOTH_WAYS = {"birnn", "bilstm", "bigru", "bert", "roberta", "bidirectional"}


def family(name: str) -> Family:
    """The family of that name.

    Raises:
        UserError: if there is none.
    """
    if name.lower().replace("-", "") in _BOTH_WAYS:
        raise UserError(
            f"{name!r} reads both ways, so it would see the symbols that it is to predict: it can read a source "
            "(--source.encoder lstm), and no text can be written with it; "
            f"choose one of {', '.join(n for n, f in FAMILIES.items() if f.data == 'text')}"
        )
    if name not in FAMILIES:
        raise UserError(f"{name!r} is not a model family; {nearest(name, FAMILIES)}")
    return FAMILIES[name]


__all__ = [
    "FAMILIES",
    "GRU",
    "LSTM",
    "RNN",
    "ByteNet",
    "ByteNetConfig",
    "Cascade",
    "Conditional",
    "DiagonalBiLSTM",
    "Family",
    "GatedPixelCNN",
    "GatedPixelCNNConfig",
    "GridModel",
    "Model",
    "MultiscaleConfig",
    "PixelCNN",
    "PixelCNNConfig",
    "PixelCNNpp",
    "PixelCNNppConfig",
    "PixelRNNConfig",
    "PixelSNAIL",
    "PixelSNAILConfig",
    "RecurrentConfig",
    "ReplayModel",
    "RowLSTM",
    "RowLSTMConfig",
    "SequenceModel",
    "SubpixelModel",
    "Transformer",
    "TransformerConfig",
    "WaveNet",
    "WaveNetConfig",
    "family",
    "multiscale",
]
