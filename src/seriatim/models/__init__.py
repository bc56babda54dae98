"""Families, and the one table that turns a name into a family. A file never names a class; it names a key of this."""

from __future__ import annotations

from typing import Any, NamedTuple

from seriatim.errors import UserError, nearest
from seriatim.models.base import Model
from seriatim.models.conditional import Conditional
from seriatim.models.diagonal_bilstm import DiagonalBiLSTM
from seriatim.models.gated_pixelcnn import GatedPixelCNN, GatedPixelCNNConfig
from seriatim.models.grid import GridModel
from seriatim.models.pixelcnn import PixelCNN, PixelCNNConfig
from seriatim.models.pixelcnn_pp import PixelCNNpp, PixelCNNppConfig
from seriatim.models.pixelrnn import PixelRNNConfig
from seriatim.models.recurrent import GRU, LSTM, RNN, RecurrentConfig
from seriatim.models.replay import ReplayModel
from seriatim.models.row_lstm import RowLSTM, RowLSTMConfig
from seriatim.models.sequence import SequenceModel
from seriatim.models.transformer import Transformer, TransformerConfig


class Family(NamedTuple):
    """A kind of model: its class, the dataclass of its sizes, where it comes from and what it is for."""

    model: type[Any]
    config: type[Any]
    paper: str
    year: int
    data: str


FAMILIES: dict[str, Family] = {
    "rnn": Family(RNN, RecurrentConfig, "Elman, Finding structure in time", 1990, "text"),
    "lstm": Family(LSTM, RecurrentConfig, "Hochreiter and Schmidhuber, Long short-term memory", 1997, "text"),
    "gru": Family(GRU, RecurrentConfig, "Cho et al., RNN encoder-decoder", 2014, "text"),
    "transformer": Family(Transformer, TransformerConfig, "Vaswani et al., Attention is all you need", 2017, "text"),
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
}


def family(name: str) -> Family:
    """The family of that name.

    Raises:
        UserError: if there is none.
    """
    if name not in FAMILIES:
        raise UserError(f"{name!r} is not a model family; {nearest(name, FAMILIES)}")
    return FAMILIES[name]


__all__ = [
    "FAMILIES",
    "GRU",
    "LSTM",
    "RNN",
    "Conditional",
    "DiagonalBiLSTM",
    "Family",
    "GatedPixelCNN",
    "GatedPixelCNNConfig",
    "GridModel",
    "Model",
    "PixelCNN",
    "PixelCNNConfig",
    "PixelCNNpp",
    "PixelCNNppConfig",
    "PixelRNNConfig",
    "RecurrentConfig",
    "ReplayModel",
    "RowLSTM",
    "RowLSTMConfig",
    "SequenceModel",
    "Transformer",
    "TransformerConfig",
    "family",
]
