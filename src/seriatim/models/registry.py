"""The table of built-in families. A saved model names a key of it, never a class.

A family's module is imported on first use, so that listing families does not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, final

from seriatim.errors import UserError, nearest

if TYPE_CHECKING:
    from seriatim.models.base import Model

HOMES = {
    "ARMA": "seriatim.models.arma",
    "ARMAConfig": "seriatim.models.arma",
    "ByteNet": "seriatim.models.bytenet",
    "ByteNetConfig": "seriatim.models.bytenet",
    "Cascade": "seriatim.models.cascade",
    "Conditional": "seriatim.models.conditional",
    "DiagonalBiLSTM": "seriatim.models.diagonal_bilstm",
    "GARCH": "seriatim.models.garch",
    "GARCHConfig": "seriatim.models.garch",
    "GRU": "seriatim.models.recurrent",
    "GatedPixelCNN": "seriatim.models.gated_pixelcnn",
    "GatedPixelCNNConfig": "seriatim.models.gated_pixelcnn",
    "GridModel": "seriatim.models.grid",
    "IndependentPixels": "seriatim.models.independent",
    "IndependentPixelsConfig": "seriatim.models.independent",
    "LSTM": "seriatim.models.recurrent",
    "Model": "seriatim.models.base",
    "MultiplicativePixelCNN": "seriatim.models.multiplicative_pixelcnn",
    "MultiplicativePixelCNNConfig": "seriatim.models.multiplicative_pixelcnn",
    "MultiscaleConfig": "seriatim.models.cascade",
    "Nested": "seriatim.models.nested",
    "PixelCNN": "seriatim.models.pixelcnn",
    "PixelCNNConfig": "seriatim.models.pixelcnn",
    "PixelCNNpp": "seriatim.models.pixelcnn_pp",
    "PixelCNNppConfig": "seriatim.models.pixelcnn_pp",
    "PixelRNNConfig": "seriatim.models.pixelrnn",
    "PixelSNAIL": "seriatim.models.pixelsnail",
    "PixelSNAILConfig": "seriatim.models.pixelsnail",
    "RNN": "seriatim.models.recurrent",
    "RealAttentiveConfig": "seriatim.models.real_config",
    "RealByteNet": "seriatim.models.real",
    "RealConfig": "seriatim.models.real_config",
    "RealDilatedConfig": "seriatim.models.real_config",
    "RealForwardConfig": "seriatim.models.real_config",
    "RealGRU": "seriatim.models.real",
    "RealLSTM": "seriatim.models.real",
    "RealMLP": "seriatim.models.real",
    "RealRNN": "seriatim.models.real",
    "RealTransformer": "seriatim.models.real",
    "RealWaveNet": "seriatim.models.real",
    "RecurrentConfig": "seriatim.models.recurrent",
    "ReplayModel": "seriatim.models.replay",
    "RowLSTM": "seriatim.models.row_lstm",
    "RowLSTMConfig": "seriatim.models.row_lstm",
    "SequenceModel": "seriatim.models.sequence",
    "SoundCascade": "seriatim.models.sound_cascade",
    "SoundScalesConfig": "seriatim.models.sound_cascade",
    "SubpixelModel": "seriatim.models.grid",
    "TrajectoryAttentiveConfig": "seriatim.models.real_config",
    "TrajectoryConfig": "seriatim.models.real_config",
    "TrajectoryDilatedConfig": "seriatim.models.real_config",
    "TrajectoryForwardConfig": "seriatim.models.real_config",
    "Transformer": "seriatim.models.transformer",
    "TransformerConfig": "seriatim.models.transformer",
    "VPNConfig": "seriatim.models.video_pixel",
    "WaveNet": "seriatim.models.wavenet",
    "WaveNetConfig": "seriatim.models.wavenet",
    "multiscale": "seriatim.models.scales",
    "vpn": "seriatim.models.video_pixel",
    "multiscale_sound": "seriatim.models.scales",
}
"""The module that defines each public name of `seriatim.models`."""


def resolve(name: str) -> Any:
    """A public name of `seriatim.models`.

    Raises:
        KeyError: if it does not exist.
    """
    return getattr(import_module(HOMES[name]), name)


@final
class Family:
    """A kind of model: its class, its config, its paper and the kind of data it is for.

    Args:
        model: config -> model; or the name of a built-in class, imported on first use.
        config: the dataclass of its sizes; or its name, likewise.
        paper: the reference.
        year: of the paper.
        data: the kind of data, a key of `modality.HOMES`.
        training: `TrainOptions` that differ from the defaults: what learns most in a given time; or a function of the
            fields of the config that a user sets.
        others: the same net for other kinds of data, under the same name.
        linear: whether it is fitted by maximum likelihood to all data at once, in float64.

    Example:
        >>> FAMILIES["lstm"]
        Family('Hochreiter and Schmidhuber, Long short-term memory', 1997, 'text')
        >>> FAMILIES["lstm"].config(symbols=5, width=8).layers
        2
        >>> FAMILIES["lstm"].kinds, FAMILIES["lstm"].of("series").config(lags=(1, 24)).lags
        (('text', 'series', 'trajectory'), (1, 24))
    """

    def __init__(
        self,
        model: str | Callable[[Any], Model],
        config: str | type[Any],
        paper: str,
        year: int | None,
        data: str,
        training: Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
        others: Sequence[Family] = (),
        linear: bool = False,
    ):
        self._model, self._config, self.paper, self.year, self.data = model, config, paper, year, data
        self.linear = linear
        self._training, self._each = training or {}, {data: self, **{other.data: other for other in others}}

    def __repr__(self) -> str:
        return f"Family({self.paper!r}, {self.year}, {self.data!r})"

    def training(self, net: Mapping[str, Any]) -> dict[str, Any]:
        """`TrainOptions` that differ from the defaults, for these fields of the config."""
        return dict(self._training(net) if callable(self._training) else self._training)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of data that it is for."""
        return tuple(self._each)

    def of(self, kind: str) -> Family:
        """The same net for a kind of data.

        Raises:
            KeyError: if it is not for such data.
        """
        return self._each[kind]

    def taking(self, config: Any) -> Family:
        """The same net for the kind of data that a config of its sizes is for.

        Raises:
            TypeError: if it is a config of another family.
        """
        for each in self._each.values():
            if len(self._each) == 1 or each.config is type(config):
                return each
        raise TypeError(f"{type(config).__name__} is no config of this family")

    @property
    def model(self) -> Callable[[Any], Model]:
        """Makes a model from its config."""
        return resolve(self._model) if isinstance(self._model, str) else self._model

    @property
    def config(self) -> type[Any]:
        """The dataclass of its sizes."""
        return resolve(self._config) if isinstance(self._config, str) else self._config


_PIXEL_RNN = "van den Oord et al., Pixel recurrent neural networks"
# ahead at equal time on a small and on a middling set: docs/results.md
_MUON = {"optimiser": "muon"}
_FAST = {"lr": 4e-3}

_ELMAN = "Elman, Finding structure in time"
_LSTM = "Hochreiter and Schmidhuber, Long short-term memory"
_CHO = "Cho et al., RNN encoder-decoder"
_VASWANI = "Vaswani et al., Attention is all you need"
_BYTENET = "Kalchbrenner et al., Neural machine translation in linear time"
_LAPEDES = "Lapedes and Farber, Nonlinear signal processing"
_WAVENET = "van den Oord et al., WaveNet: A generative model for raw audio"


_OVER_REALS = {"series": "Real", "trajectory": "Trajectory"}
"""Kinds of real values, and how the names of their configs begin."""


def _real(model: str, config: str, paper: str, year: int) -> list[Family]:
    """A net over real values, for each kind of them."""
    return [Family(model, f"{begin}{config}", paper, year, kind) for kind, begin in _OVER_REALS.items()]


def _of_films(net: Mapping[str, Any]) -> Mapping[str, Any]:
    """Muon is for matrices, and a PixelCNN++ has weight-normed directions."""
    return {} if net.get("decoder") == "pixelcnn++" else _MUON


FAMILIES: dict[str, Family] = {
    "rnn": Family("RNN", "RecurrentConfig", _ELMAN, 1990, "text", _FAST, _real("RealRNN", "Config", _ELMAN, 1990)),
    "lstm": Family("LSTM", "RecurrentConfig", _LSTM, 1997, "text", _FAST, _real("RealLSTM", "Config", _LSTM, 1997)),
    "gru": Family("GRU", "RecurrentConfig", _CHO, 2014, "text", _FAST, _real("RealGRU", "Config", _CHO, 2014)),
    "transformer": Family(
        "Transformer",
        "TransformerConfig",
        _VASWANI,
        2017,
        "text",
        others=_real("RealTransformer", "AttentiveConfig", _VASWANI, 2017),
    ),
    "bytenet": Family(
        "ByteNet",
        "ByteNetConfig",
        _BYTENET,
        2016,
        "text",
        _MUON,
        _real("RealByteNet", "DilatedConfig", _BYTENET, 2016),
    ),
    "pixelcnn": Family("PixelCNN", "PixelCNNConfig", _PIXEL_RNN, 2016, "image", _MUON),
    "row-lstm": Family("RowLSTM", "RowLSTMConfig", _PIXEL_RNN, 2016, "image", _MUON),
    "diagonal-bilstm": Family("DiagonalBiLSTM", "PixelRNNConfig", _PIXEL_RNN, 2016, "image", _MUON),
    "gated-pixelcnn": Family(
        "GatedPixelCNN",
        "GatedPixelCNNConfig",
        "van den Oord et al., Conditional image generation with PixelCNN decoders",
        2016,
        "image",
        _MUON,
    ),
    "pixelcnn++": Family("PixelCNNpp", "PixelCNNppConfig", "Salimans et al., PixelCNN++", 2017, "image"),
    "multiscale": Family(
        "multiscale",
        "MultiscaleConfig",
        f"{_PIXEL_RNN}, 3.6",
        2016,
        "image",
        _MUON,
        [Family("multiscale_sound", "SoundScalesConfig", f"{_PIXEL_RNN}, 3.6", 2016, "audio", _MUON)],
    ),
    "pixelsnail": Family("PixelSNAIL", "PixelSNAILConfig", "Chen et al., PixelSNAIL", 2018, "image"),
    "wavenet": Family(
        "WaveNet",
        "WaveNetConfig",
        _WAVENET,
        2016,
        "audio",
        _MUON,
        _real("RealWaveNet", "DilatedConfig", _WAVENET, 2016),
    ),
    "vpn": Family("vpn", "VPNConfig", "Kalchbrenner et al., Video pixel networks", 2016, "video", _of_films),
    "ar": Family("ARMA", "ARMAConfig", "Yule, Periodicities in disturbed series", 1927, "series", linear=True),
    "arma": Family("ARMA", "ARMAConfig", "Box and Jenkins, Time series analysis", 1970, "series", linear=True),
    "arch": Family(
        "GARCH", "GARCHConfig", "Engle, Autoregressive conditional heteroscedasticity", 1982, "series", linear=True
    ),
    "garch": Family("GARCH", "GARCHConfig", "Bollerslev, Generalized ARCH", 1986, "series", linear=True),
    "mlp": Family(
        "RealMLP",
        "RealForwardConfig",
        _LAPEDES,
        1987,
        "series",
        others=_real("RealMLP", "ForwardConfig", _LAPEDES, 1987)[1:],
    ),
}
"""The built-in families by name."""

_BOTH_WAYS = {"birnn", "bilstm", "bigru", "bert", "roberta", "bidirectional"}


def built_in(name: str, others: Iterable[str] = ()) -> Family:
    """One of our own families.

    Args:
        name: its key.
        others: the keys of other families, for the message.

    Raises:
        UserError: if it does not exist.
    """
    if name.lower().replace("-", "") in _BOTH_WAYS:
        raise UserError(
            f"{name!r} reads both ways, so it would see the symbols it has to predict: it can encode a source "
            "(--source.encoder lstm) but not generate text; "
            f"choose one of {', '.join(n for n, f in FAMILIES.items() if 'text' in f.kinds)}"
        )
    if name not in FAMILIES:
        raise UserError(f"{name!r} is not a model family; {nearest(name, [*FAMILIES, *others])}")
    return FAMILIES[name]
