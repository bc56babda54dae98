"""Model families, and the table that maps names to them.

Each name is imported from its own module on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seriatim.models.plugins import family, register
from seriatim.models.registry import FAMILIES, HOMES, Family, resolve

if TYPE_CHECKING:
    from seriatim.models.arma import ARMA as ARMA
    from seriatim.models.arma import ARMAConfig as ARMAConfig
    from seriatim.models.base import Model as Model
    from seriatim.models.bytenet import ByteNet as ByteNet
    from seriatim.models.bytenet import ByteNetConfig as ByteNetConfig
    from seriatim.models.cascade import Cascade as Cascade
    from seriatim.models.cascade import MultiscaleConfig as MultiscaleConfig
    from seriatim.models.conditional import Conditional as Conditional
    from seriatim.models.diagonal_bilstm import DiagonalBiLSTM as DiagonalBiLSTM
    from seriatim.models.garch import GARCH as GARCH
    from seriatim.models.garch import GARCHConfig as GARCHConfig
    from seriatim.models.gated_pixelcnn import GatedPixelCNN as GatedPixelCNN
    from seriatim.models.gated_pixelcnn import GatedPixelCNNConfig as GatedPixelCNNConfig
    from seriatim.models.grid import GridModel as GridModel
    from seriatim.models.grid import SubpixelModel as SubpixelModel
    from seriatim.models.independent import IndependentPixels as IndependentPixels
    from seriatim.models.independent import IndependentPixelsConfig as IndependentPixelsConfig
    from seriatim.models.multiplicative_pixelcnn import MultiplicativePixelCNN as MultiplicativePixelCNN
    from seriatim.models.multiplicative_pixelcnn import MultiplicativePixelCNNConfig as MultiplicativePixelCNNConfig
    from seriatim.models.nested import Nested as Nested
    from seriatim.models.pixelcnn import PixelCNN as PixelCNN
    from seriatim.models.pixelcnn import PixelCNNConfig as PixelCNNConfig
    from seriatim.models.pixelcnn_pp import PixelCNNpp as PixelCNNpp
    from seriatim.models.pixelcnn_pp import PixelCNNppConfig as PixelCNNppConfig
    from seriatim.models.pixelrnn import PixelRNNConfig as PixelRNNConfig
    from seriatim.models.pixelsnail import PixelSNAIL as PixelSNAIL
    from seriatim.models.pixelsnail import PixelSNAILConfig as PixelSNAILConfig
    from seriatim.models.real import RealByteNet as RealByteNet
    from seriatim.models.real import RealGRU as RealGRU
    from seriatim.models.real import RealLSTM as RealLSTM
    from seriatim.models.real import RealMLP as RealMLP
    from seriatim.models.real import RealRNN as RealRNN
    from seriatim.models.real import RealTransformer as RealTransformer
    from seriatim.models.real import RealWaveNet as RealWaveNet
    from seriatim.models.real_config import RealAttentiveConfig as RealAttentiveConfig
    from seriatim.models.real_config import RealConfig as RealConfig
    from seriatim.models.real_config import RealDilatedConfig as RealDilatedConfig
    from seriatim.models.real_config import RealForwardConfig as RealForwardConfig
    from seriatim.models.real_config import TrajectoryAttentiveConfig as TrajectoryAttentiveConfig
    from seriatim.models.real_config import TrajectoryConfig as TrajectoryConfig
    from seriatim.models.real_config import TrajectoryDilatedConfig as TrajectoryDilatedConfig
    from seriatim.models.real_config import TrajectoryForwardConfig as TrajectoryForwardConfig
    from seriatim.models.recurrent import GRU as GRU
    from seriatim.models.recurrent import LSTM as LSTM
    from seriatim.models.recurrent import RNN as RNN
    from seriatim.models.recurrent import RecurrentConfig as RecurrentConfig
    from seriatim.models.replay import ReplayModel as ReplayModel
    from seriatim.models.row_lstm import RowLSTM as RowLSTM
    from seriatim.models.row_lstm import RowLSTMConfig as RowLSTMConfig
    from seriatim.models.scales import multiscale as multiscale
    from seriatim.models.scales import multiscale_sound as multiscale_sound
    from seriatim.models.sequence import SequenceModel as SequenceModel
    from seriatim.models.sound_cascade import SoundCascade as SoundCascade
    from seriatim.models.sound_cascade import SoundScalesConfig as SoundScalesConfig
    from seriatim.models.transformer import Transformer as Transformer
    from seriatim.models.transformer import TransformerConfig as TransformerConfig
    from seriatim.models.video_pixel import VPNConfig as VPNConfig
    from seriatim.models.video_pixel import vpn as vpn
    from seriatim.models.wavenet import WaveNet as WaveNet
    from seriatim.models.wavenet import WaveNetConfig as WaveNetConfig

__all__ = [
    "ARMA",
    "FAMILIES",
    "GARCH",
    "GRU",
    "LSTM",
    "RNN",
    "ARMAConfig",
    "ByteNet",
    "ByteNetConfig",
    "Cascade",
    "Conditional",
    "DiagonalBiLSTM",
    "Family",
    "GARCHConfig",
    "GatedPixelCNN",
    "GatedPixelCNNConfig",
    "GridModel",
    "IndependentPixels",
    "IndependentPixelsConfig",
    "Model",
    "MultiplicativePixelCNN",
    "MultiplicativePixelCNNConfig",
    "MultiscaleConfig",
    "Nested",
    "PixelCNN",
    "PixelCNNConfig",
    "PixelCNNpp",
    "PixelCNNppConfig",
    "PixelRNNConfig",
    "PixelSNAIL",
    "PixelSNAILConfig",
    "RealAttentiveConfig",
    "RealByteNet",
    "RealConfig",
    "RealDilatedConfig",
    "RealForwardConfig",
    "RealGRU",
    "RealLSTM",
    "RealMLP",
    "RealRNN",
    "RealTransformer",
    "RealWaveNet",
    "RecurrentConfig",
    "ReplayModel",
    "RowLSTM",
    "RowLSTMConfig",
    "SequenceModel",
    "SoundCascade",
    "SoundScalesConfig",
    "SubpixelModel",
    "TrajectoryAttentiveConfig",
    "TrajectoryConfig",
    "TrajectoryDilatedConfig",
    "TrajectoryForwardConfig",
    "Transformer",
    "TransformerConfig",
    "VPNConfig",
    "WaveNet",
    "WaveNetConfig",
    "family",
    "multiscale",
    "multiscale_sound",
    "register",
    "vpn",
]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return resolve(name)


def __dir__() -> list[str]:
    return sorted(__all__)
