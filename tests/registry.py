"""Every layer, head and family, once each or a few times, at tiny sizes: what the laws are held against.

`test_registry` fails when the library has one that is not here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from seriatim.causal import (
    Arma,
    Attention,
    Causal,
    Conv,
    ConvLSTM,
    CrossAttention,
    Differenced,
    Embedding,
    GatedStack,
    Inject,
    Lags,
    Multiplicative,
    Parallel,
    Pointwise,
    Reals,
    Recurrent,
    Regression,
    Rescale,
    Residual,
    Serial,
    Slow,
    Standardise,
    Unfold,
    Values,
    Volatility,
)
from seriatim.conditioning import (
    CodeConfig,
    CodeEncoder,
    LabelEncoder,
    MapConfig,
    MapEncoder,
    NumberEncoder,
    SpanEncoder,
    TextConfig,
    TextEncoder,
    TrackConfig,
    TrackEncoder,
)
from seriatim.context import EMPTY, Context
from seriatim.heads import (
    BernoulliHead,
    BivariateHead,
    CategoricalHead,
    ChainedHead,
    DensityMixtureHead,
    GaussianHead,
    Head,
    IndependentHead,
    LaplaceHead,
    MarkedHead,
    MixtureHead,
    MomentsHead,
    NegativeBinomialHead,
    PoissonHead,
    ScaledHead,
    StudentHead,
)
from seriatim.models import (
    ARMA,
    FAMILIES,
    GARCH,
    ARMAConfig,
    Conditional,
    GARCHConfig,
    GatedPixelCNN,
    GatedPixelCNNConfig,
    Model,
    RecurrentConfig,
    SequenceModel,
    WaveNet,
    WaveNetConfig,
)
from seriatim.models.base import ContextLike as Given
from seriatim.models.registry import resolve
from seriatim.testing import wake
from seriatim.testing.heads import COUNTS, levels_of, random_symbols
from toys import MaskedLinear, NormalHead, PairHead, raster_neighbours

WIDTH, TIME, ROWS = 4, 9, 3
LABELS = 3


class LayerCase(NamedTuple):
    """A layer, what it reads and what it looks at besides."""

    make: Callable[[], Causal]
    context: Callable[[], Context] = lambda: EMPTY
    symbols: int = 0  # how many, for a layer that reads symbols instead of frames
    parts: int = 1  # of a position, for such a layer
    size: tuple[int, ...] = ()  # height and width of a frame, for a layer over films

    def layer(self) -> Causal:
        torch.manual_seed(0)
        return wake(self.make())

    def x(self) -> Tensor:
        torch.manual_seed(1)
        shape = (ROWS, TIME) if self.parts == 1 else (ROWS, TIME, self.parts)
        return torch.randint(self.symbols, shape) if self.symbols else torch.randn(ROWS, TIME, *self.size, WIDTH)


def memory() -> Context:
    """Seven slots; of the second row only two are real."""
    torch.manual_seed(2)
    real = torch.tensor([[True] * 7, [True, False, True] + [False] * 4, [False] * 2 + [True] * 5])
    return Context(memory=torch.randn(ROWS, 7, 3), mask=real)


def conditions() -> Context:
    """A vector, and a field whose columns last three positions, the first of which is past."""
    torch.manual_seed(3)
    return Context(vector=torch.randn(ROWS, 2), field=torch.randn(ROWS, 4, 5), hop=3, offset=1)


def scale() -> Context:
    """A location and a log scale for each of two channels."""
    torch.manual_seed(4)
    return Context(scale=torch.randn(ROWS, 2, 2))


class Present(nn.Module):
    """Frames as those of `Reals` of which nothing is missing."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([x[..., 0], torch.zeros_like(x[..., 0])], -1)


def nested() -> Causal:
    """Layers in layers, with states of every kind."""
    inner = Serial(Pointwise(nn.RMSNorm(WIDTH)), Conv(WIDTH, WIDTH, 2, 2), Attention(WIDTH, 2, 1))
    return Serial(Inject(WIDTH, 2, 5), Residual(Serial(Recurrent("lstm", WIDTH, WIDTH), Residual(inner))))


def stack() -> Causal:
    """A WaveNet in small: reaches add up to 7."""
    return Serial(*[Residual(Serial(Conv(WIDTH, WIDTH, 2, d), Pointwise(nn.Tanh()))) for d in (1, 2, 4)])


def slow(hop: int, reach: int = 1) -> Slow:
    """A context stack that pools by a linear map and looks at the vector."""
    pool = Serial(Pointwise(nn.Linear(hop * WIDTH, 3)), Inject(3, vector=2))
    return Slow(Serial(pool, Conv(3, 5, reach + 1), Pointwise(nn.Tanh())), hop, WIDTH, 5)


def nested_slow() -> Slow:
    """A context stack in a context stack, every 2 and every 4 frames."""
    inner = Slow(Pointwise(nn.Linear(6, 2)), 2, 3, 2)
    return Slow(Serial(Pointwise(nn.Linear(2 * WIDTH, 3)), inner), 2, WIDTH, 2)


def gated(dilations: tuple[int, ...], kernel: int = 2, **sizes: Any) -> GatedStack:
    return GatedStack(WIDTH, 3, 5, dilations, kernel, **sizes)


LAYERS: dict[str, LayerCase] = {
    "pointwise": LayerCase(lambda: Pointwise(nn.Linear(WIDTH, 3))),
    "embedding": LayerCase(lambda: Embedding(5, WIDTH), symbols=5),
    "conv": LayerCase(lambda: Conv(WIDTH, 5)),
    "conv-kernel-1": LayerCase(lambda: Conv(WIDTH, 5, kernel=1)),
    "conv-kernel-3-dilated": LayerCase(lambda: Conv(WIDTH, WIDTH, kernel=3, dilation=3)),
    "conv-lstm": LayerCase(lambda: ConvLSTM(WIDTH, 3, (3, 2)), size=(3, 2)),
    "conv-lstm-kernel-1": LayerCase(lambda: ConvLSTM(WIDTH, WIDTH, (1, 4), kernel=1), size=(1, 4)),
    "conv-groups": LayerCase(lambda: Conv(WIDTH, 6, kernel=4, groups=2)),
    "rnn": LayerCase(lambda: Recurrent("rnn", WIDTH, 5)),
    "lstm": LayerCase(lambda: Recurrent("lstm", WIDTH, 5)),
    "gru": LayerCase(lambda: Recurrent("gru", WIDTH, 5)),
    "attention": LayerCase(lambda: Attention(WIDTH, 2, 2)),
    "attention-two-frequencies": LayerCase(lambda: Attention(WIDTH, 1, 1, rotary=100.0)),
    "attention-grouped": LayerCase(lambda: Attention(WIDTH, 2, 1, rotary=10.0)),
    "cross-attention": LayerCase(lambda: CrossAttention(WIDTH, 3, 2), lambda: Context(memory=memory().memory)),
    "cross-attention-mask": LayerCase(lambda: CrossAttention(WIDTH, 3, 2), memory),
    "inject-vector": LayerCase(lambda: Inject(WIDTH, vector=2), conditions),
    "inject-field": LayerCase(lambda: Inject(WIDTH, field=5), conditions),
    "inject": LayerCase(lambda: Inject(WIDTH, vector=2, field=5), conditions),
    "unfold": LayerCase(lambda: Unfold(WIDTH, 3), lambda: Context(memory=memory().memory)),
    "unfold-mask": LayerCase(lambda: Unfold(WIDTH, 3), memory),
    "multiplicative": LayerCase(lambda: Multiplicative(WIDTH)),
    "multiplicative-dilated": LayerCase(lambda: Multiplicative(WIDTH, 2, 3)),
    "residual": LayerCase(lambda: Residual(Serial(Conv(WIDTH, WIDTH, 3), Pointwise(nn.Linear(WIDTH, WIDTH))))),
    "serial": LayerCase(stack),
    "parallel": LayerCase(lambda: Parallel(stack(), Pointwise(nn.Linear(WIDTH, 2)), Recurrent("gru", WIDTH, 3))),
    "parallel-reach": LayerCase(lambda: Parallel(Conv(WIDTH, 2, 2, 5), Conv(WIDTH, 3, 2))),
    "lags": LayerCase(lambda: Lags((0, 2, 5), 2)),
    "lags-far": LayerCase(lambda: Lags((12, 1), 2)),
    "nested": LayerCase(nested, conditions),
    "values": LayerCase(lambda: Values(5, WIDTH), symbols=6),
    "values-of-two": LayerCase(lambda: Values(5, WIDTH, 2), symbols=6, parts=2),
    "reals": LayerCase(lambda: Reals(WIDTH)),
    "arma": LayerCase(lambda: Serial(Pointwise(Present()), Arma(2, 1))),
    "arma-seasonal": LayerCase(lambda: Serial(Pointwise(Present()), Arma(1, 1, 3, 1, 1))),
    "differenced": LayerCase(lambda: Serial(Pointwise(Present()), Differenced(Arma(1, 1), 1, 3, 1))),
    "differenced-reach": LayerCase(lambda: Serial(Pointwise(Present()), Differenced(Regression((1, 2), 2), 2))),
    "regression": LayerCase(lambda: Serial(Pointwise(Present()), Regression((1, 4), 2))),
    "regression-rows": LayerCase(lambda: Serial(Pointwise(Present()), Regression((2, 3), 1, 2)), conditions),
    "volatility": LayerCase(lambda: Serial(Pointwise(Present()), Volatility(2, 2))),
    "standardise": LayerCase(lambda: Standardise(2), scale),
    "rescale": LayerCase(lambda: Rescale(2), scale),
    "rescale-shifted": LayerCase(lambda: Rescale(2, shifted=True), scale),
    "slow": LayerCase(lambda: slow(3, 0), conditions),
    "slow-block-of-one": LayerCase(lambda: slow(1), conditions),
    "slow-attention": LayerCase(
        lambda: Slow(Serial(Pointwise(nn.Linear(2 * WIDTH, WIDTH)), Attention(WIDTH, 2, 1)), 2, WIDTH, WIDTH)
    ),
    "slow-nested": LayerCase(nested_slow),
    "gated": LayerCase(lambda: gated((1, 2, 1, 2))),
    "gated-one-layer": LayerCase(lambda: gated((2,))),
    "gated-kernel-3": LayerCase(lambda: gated((1, 2), kernel=3)),
    "gated-reaches-beyond": LayerCase(lambda: gated((1, 16, 2))),
    "gated-vector": LayerCase(lambda: gated((1, 2), vector=2), conditions),
    "gated-field": LayerCase(lambda: gated((1, 2), kernel=3, field=5), conditions),
    "gated-conditions": LayerCase(lambda: gated((1, 2, 1), vector=2, field=5), conditions),
    "gated-slow": LayerCase(lambda: gated((1, 2), slow=[slow(2, 0)]), conditions),
    "gated-slow-conditions": LayerCase(
        lambda: gated((1, 2, 1), vector=2, field=5, slow=[slow(2, 0), slow(3, 0)]), conditions
    ),
    "gated-slow-nested-attention": LayerCase(
        lambda: Serial(gated((1, 2), field=5, slow=[nested_slow()]), Pointwise(nn.Linear(5, 4)), Attention(4, 2, 1)),
        conditions,
    ),
}


class HeadCase(NamedTuple):
    """A head and how many symbols each of its parts has (0: a real number)."""

    make: Callable[[], Head]
    levels: tuple[int, ...]
    inverse: bool = True  # whether a draw is the inverse cdf, part by part, and not only distributed alike

    def parameters(self, *shape: int) -> Tensor:
        torch.manual_seed(4)
        return 1.5 * torch.randn(*shape, self.make().width)


def seeded(make: Callable[[], Head]) -> Head:
    """A head with weights, the same at every call."""
    with torch.random.fork_rng():
        torch.manual_seed(9)
        return make().requires_grad_(False)


HEADS: dict[str, HeadCase] = {
    "categorical": HeadCase(lambda: CategoricalHead(5), (5,)),
    "categorical-2": HeadCase(lambda: CategoricalHead(2), (2,)),
    "categorical-300": HeadCase(lambda: CategoricalHead(300), (300,)),
    "logistic": HeadCase(lambda: MixtureHead(256, mixtures=3), (256,), inverse=False),
    "logistic-2": HeadCase(lambda: MixtureHead(2, mixtures=2), (2,), inverse=False),
    "normal": HeadCase(lambda: MixtureHead(17, mixtures=3, kind="normal"), (17,), inverse=False),
    "normal-one": HeadCase(lambda: MixtureHead(3, mixtures=1, kind="normal"), (3,), inverse=False),
    "logistic-rgb": HeadCase(lambda: MixtureHead(4, 3, mixtures=3), (4, 4, 4), inverse=False),
    "normal-rgb": HeadCase(lambda: MixtureHead(3, 3, mixtures=2, kind="normal"), (3, 3, 3), inverse=False),
    "logistic-4": HeadCase(lambda: MixtureHead(2, 4, mixtures=2), (2, 2, 2, 2), inverse=False),
    "toy-pair": HeadCase(lambda: PairHead((2, 3)), (2, 3)),
    "toy-normal": HeadCase(NormalHead, (0,)),
    "gaussian": HeadCase(GaussianHead, (0,)),
    "moments": HeadCase(MomentsHead, (0,)),
    "moments-student": HeadCase(lambda: MomentsHead(student=True), (0,)),
    "laplace": HeadCase(LaplaceHead, (0,)),
    "student": HeadCase(StudentHead, (0,)),
    "mixture-normal": HeadCase(lambda: DensityMixtureHead(3), (0,)),
    "mixture-logistic": HeadCase(lambda: DensityMixtureHead(2, "logistic"), (0,)),
    "poisson": HeadCase(PoissonHead, (COUNTS,)),
    "poisson-scaled": HeadCase(lambda: PoissonHead(scaled=True), (COUNTS,)),
    "negative-binomial": HeadCase(NegativeBinomialHead, (COUNTS,)),
    "negative-binomial-scaled": HeadCase(lambda: NegativeBinomialHead(scaled=True), (COUNTS,)),
    "bernoulli": HeadCase(lambda: BernoulliHead(2), (2,)),
    "bivariate": HeadCase(lambda: BivariateHead(3), (0, 0)),
    "scaled": HeadCase(lambda: ScaledHead(StudentHead()), (0,)),
    "scaled-bivariate": HeadCase(lambda: ScaledHead(BivariateHead(2)), (0, 0)),
    "channels": HeadCase(lambda: ScaledHead(IndependentHead(LaplaceHead(), 3)), (0, 0, 0)),
    "channels-categories": HeadCase(lambda: IndependentHead(CategoricalHead(3), 2), (3, 3)),
    "channels-counts": HeadCase(lambda: IndependentHead(PoissonHead(), 2), (COUNTS, COUNTS)),
    "chained": HeadCase(lambda: seeded(lambda: ChainedHead(GaussianHead(), 3, 4, 2)), (0, 0, 0)),
    "chained-mixture": HeadCase(
        lambda: seeded(lambda: ScaledHead(ChainedHead(DensityMixtureHead(2), 2, 3, 2))), (0, 0)
    ),
    "stop": HeadCase(lambda: MarkedHead(ScaledHead(GaussianHead())), (2, 0)),
    "pen": HeadCase(lambda: MarkedHead(BivariateHead(2), 3), (3, 0, 0)),
    "category": HeadCase(lambda: MarkedHead(NegativeBinomialHead(), 3, end=False), (3, COUNTS)),
}


class ModelCase(NamedTuple):
    """A model, the shape of its positions, the symbols of each part, and its condition for ROWS rows."""

    make: Callable[[int], Model]  # from a number of symbols, for families; toys have their own
    family: str | None = None
    shape: tuple[int, ...] = (7,)
    levels: tuple[int, ...] = (3,)
    given: Callable[[], Given] = lambda: EMPTY
    small: tuple[int, ...] | None = (4,)  # the shape for sums over all strings; None: its own
    at: Callable[[tuple[int, ...]], Model] | None = None  # a picture's model has a canvas: the same on another one

    def model(self, small: bool = False) -> Model:
        torch.manual_seed(0)
        made = self.make(self.levels[0]) if self.at is None else self.at(self.few if small else self.shape)
        return wake(made)

    def given_small(self) -> Given:
        """The condition, its field cut to the small canvas."""
        given = self.given()
        if self.at is None or not isinstance(given, Context) or given.field is None:
            return given
        if given.field.ndim == 3:  # a column for each frame
            return replace(given, field=given.field[:, : self.few[0]], hop=math.prod(self.few[1:]))
        height, width = self.few[:2] if len(self.few) > 1 else (1, 2)
        return replace(given, field=given.field[:, :height, :width])

    def x(self, rows: int = ROWS) -> Tensor:
        if min(self.levels) <= 0:
            return random_symbols(self.levels, (rows, *self.shape), seed=1)
        torch.manual_seed(1)
        parts = [torch.randint(k, (rows, *self.shape)) for k in self.levels]
        return parts[0] if len(parts) == 1 else torch.stack(parts, -1)

    @property
    def few(self) -> tuple[int, ...]:
        return self.shape if self.small is None else self.small


def of_family(name: str, **sizes: object) -> ModelCase:
    """A case of a family of FAMILIES."""
    config = FAMILIES[name].config

    def given() -> Given:
        vector = conditions().vector if sizes.get("vector") else None
        return replace(memory() if sizes.get("memory") else EMPTY, vector=vector)

    return ModelCase(lambda symbols: FAMILIES[name].model(config(symbols=symbols, **sizes)), name, given=given)


def of_reals(head: Callable[[], Head], core: Callable[[int], Causal]) -> ModelCase:
    """A model of real numbers: they are standardised, and the head is given their scale again."""
    parts, scaled = head().parts, "Scaled" in repr(head())
    ends = [Rescale(parts)] if scaled else []

    def given() -> Given:
        torch.manual_seed(4)
        return Context(scale=torch.randn(ROWS, parts, 2)) if scaled else EMPTY

    def make(_: int) -> Model:
        own = head().width - 2 * parts * scaled
        layers = (
            Standardise(parts),
            Pointwise(nn.Linear(2 * parts, WIDTH)),
            core(WIDTH),
            Pointwise(nn.Linear(WIDTH, own)),
        )
        return SequenceModel(Reals(parts), Serial(*layers, *ends), head(), start=math.nan)

    return ModelCase(make, levels=levels_of(head()), given=given)


def of_series(name: str, **sizes: Any) -> ModelCase:
    """A case of a family over real values, in units of a window, with a field at every position."""
    entry = FAMILIES[name].of("series")
    config = entry.config(**{"width": 4, "lags": (1, 3), "dropout": 0.3, **sizes})

    def given() -> Given:
        torch.manual_seed(6)
        vector = torch.randn(ROWS, config.vector) if config.vector else None
        field = torch.randn(ROWS, 7, config.field) if config.field else None
        return Context(vector=vector, field=field, scale=torch.randn(ROWS, config.parts, 2))

    own = name if FAMILIES[name].data == "series" else None
    levels = (COUNTS,) if config.head in ("poisson", "negative-binomial") else (0,) * config.parts
    return ModelCase(lambda _: entry.model(config), own, levels=levels, given=given)


def of_trajectories(name: str, **sizes: Any) -> ModelCase:
    """A case of a family over trajectories: a category before the values, whose unit is the same for all rows."""
    entry = FAMILIES[name].of("trajectory")
    config = entry.config(**{"width": 4, "lags": (1, 2), "dropout": 0.3, **sizes})

    def given() -> Given:
        torch.manual_seed(8)
        vector = torch.randn(ROWS, config.vector) if config.vector else None
        scale = torch.randn(ROWS, 1 + config.parts, 2)
        scale[:, 0] = 0  # a category has no unit
        return Context(vector=vector, scale=scale)

    return ModelCase(lambda _: entry.model(config), levels=(config.marks, *[0] * config.parts), given=given)


def unit_of_one() -> Given:
    """A location and a log scale of one value."""
    torch.manual_seed(7)
    return Context(scale=torch.randn(ROWS, 1, 2))


def of_sound(levels: int = 3, channels: int = 1, hop: int = 2, **sizes: Any) -> ModelCase:
    """A case of WaveNet, its field one column for `hop` samples."""
    config = WaveNetConfig(levels, channels, residual=3, gate=4, skip=9, stack_channels=3, **sizes)

    def given() -> Given:
        torch.manual_seed(5)
        vector = torch.randn(ROWS, config.vector) if config.vector else None
        field = torch.randn(ROWS, -(-8 // hop), config.field) if config.field else None
        return EMPTY if vector is None and field is None else Context(vector=vector, field=field, hop=hop, offset=1)

    few = (4,) if channels == 1 else (2,)
    return ModelCase(lambda _: WaveNet(config), "wavenet", levels=(levels,) * channels, given=given, small=few)


def of_sound_scales(
    levels: int = 3, channels: int = 1, hop: int = 2, offset: int = 1, shape: int = 9, **sizes: Any
) -> ModelCase:
    """A case of a multi-scale model of sound."""
    family, net = FAMILIES["multiscale"].of("audio"), {"residual": 3, "gate": 4, "skip": 9, "stack_channels": 3}
    config = family.config(
        **{"levels": levels, "channels": channels, "factor": 2, "look_ahead": 1, "up": 3} | net | sizes
    )

    def given() -> Given:
        torch.manual_seed(5)
        vector = torch.randn(ROWS, config.vector) if config.vector else None
        field = torch.randn(ROWS, -(-(shape + offset) // hop), config.field) if config.field else None
        return EMPTY if vector is None and field is None else Context(vector, field, hop=hop, offset=offset)

    few = (5,) if channels == 1 else (3,)
    levels_of = (levels,) * channels
    return ModelCase(lambda _: family.model(config), "multiscale", (shape,), levels_of, given, few)


def of_pictures(
    name: str, shape: tuple[int, int, int], small: tuple[int, int, int], levels: int, **sizes: object
) -> ModelCase:
    """A case of a family over the sub-pixels of pictures."""
    family = FAMILIES[name]

    def at(canvas: tuple[int, ...]) -> Model:
        height, width, channels = canvas
        return family.model(family.config(height=height, width=width, channels=channels, levels=levels, **sizes))

    def given() -> Given:
        torch.manual_seed(5)
        vector = torch.randn(ROWS, 2) if sizes.get("vector") else None
        field = torch.randn(ROWS, shape[0], shape[1], 3) if sizes.get("field") else None
        return EMPTY if vector is None and field is None else Context(vector=vector, field=field)

    if name in ("pixelcnn++", "pixelsnail"):  # positions are pixels
        colours = (levels,) * shape[2]

        def pixels(canvas: tuple[int, ...]) -> Model:
            return at((*canvas, shape[2]))

        return ModelCase(lambda _: at(shape), name, shape[:2], colours, given, small[:2], pixels)
    return ModelCase(lambda _: at(shape), name, shape, (levels,), given, small, at)


def of_scales(shape: tuple[int, int, int], small: tuple[int, int, int], levels: int, **sizes: object) -> ModelCase:
    """A case of a multi-scale model; its positions are one row of sub-pixels."""
    by_count = {(math.prod(canvas),): canvas for canvas in (small, shape)}
    each = of_pictures("multiscale", shape, small, levels, **sizes)
    assert each.at is not None
    make = each.at
    return ModelCase(
        each.make,
        "multiscale",
        (math.prod(shape),),
        (levels,),
        each.given,
        (math.prod(small),),
        lambda n: make(by_count[n]),
    )


def of_films(
    shape: tuple[int, int, int, int], levels: int, small: tuple[int, int, int, int] = (2, 1, 2, 1), **sizes: Any
) -> ModelCase:
    """A case of a Video Pixel Network over films (frames, height, width, channels), an action for each frame."""
    config = FAMILIES["vpn"].config
    whole = sizes.get("decoder") == "pixelcnn++"  # positions are pixels

    def at(canvas: tuple[int, ...]) -> Model:
        frames, height, width, *channels = canvas
        own = {"frames": frames, "height": height, "width": width, "channels": channels[0] if channels else shape[3]}
        usual = {"filters": 13, "encoder_blocks": 1, "decoder_blocks": 1, "first": 3, "mixtures": 2}
        return FAMILIES["vpn"].model(config(levels=levels, **own, **usual | sizes))

    def given() -> Given:
        torch.manual_seed(5)
        vector = torch.randn(ROWS, sizes["vector"]) if sizes.get("vector") else None
        field = torch.randn(ROWS, shape[0], sizes["field"]) if sizes.get("field") else None
        none = vector is None and field is None
        return EMPTY if none else Context(vector=vector, field=field, hop=math.prod(shape[1:3] if whole else shape[1:]))

    cut = 3 if whole else 4
    colours = (levels,) * (shape[3] if whole else 1)
    return ModelCase(lambda _: at(shape), "vpn", shape[:cut], colours, given, small[:cut], at)


def of_decoders(name: str, shape: tuple[int, int, int], levels: int, **sizes: Any) -> ModelCase:
    """A case of a decoder of films by itself, with a field."""
    usual = {"filters": 13, "blocks": 2, **({"first": 3} if name == "MultiplicativePixelCNN" else {})}

    def at(canvas: tuple[int, ...]) -> Model:
        height, width, channels = canvas
        own = {"height": height, "width": width, "channels": channels, "levels": levels, "field": 3}
        return resolve(name)(resolve(f"{name}Config")(**own, **usual | sizes))

    def given() -> Given:
        torch.manual_seed(5)
        vector = torch.randn(ROWS, sizes["vector"]) if sizes.get("vector") else None
        return Context(vector=vector, field=torch.randn(ROWS, *shape[:2], 3))

    return ModelCase(lambda _: at(shape), None, shape, (levels,), given, (2, 1, shape[2]), at)


def conditional(symbols: int) -> Model:
    """A label and a number."""
    inner = FAMILIES["gru"].model(RecurrentConfig(symbols, width=4, layers=1, vector=6))
    return Conditional(inner, {"genre": LabelEncoder(LABELS, 4), "year": NumberEncoder(2)})


def label_and_number() -> Given:
    """Of one row the label is unknown, of another the number."""
    return {"genre": torch.tensor([0, -1, 1]), "year": torch.tensor([float("nan"), 0.3, -1.2])}


def auto_encoder(_: int) -> Model:
    """A code of the picture itself."""
    inner = GatedPixelCNN(GatedPixelCNNConfig(2, 2, 1, 3, filters=5, layers=1, first=3, field=2))
    return Conditional(inner, {"code": CodeEncoder((2, 2, 1), 3, CodeConfig(2, 64, 2))})


def coloured(_: int) -> Model:
    """A small grey picture to be coloured (in two colours), and a label."""
    inner = GatedPixelCNN(GatedPixelCNNConfig(2, 2, 2, 2, filters=13, layers=1, first=3, vector=4, field=3))
    grey = MapEncoder((1, 2, 1), 5, (2, 2), MapConfig(3))
    return Conditional(inner, {"label": LabelEncoder(LABELS, 4), "image": grey})


def sung(_: int) -> Model:
    """Sound that follows a melody, by a singer."""
    config = WaveNetConfig(3, residual=3, gate=4, skip=9, dilations=2, cycles=1, vector=2, field=3)
    melody = TrackEncoder(2, 6, TrackConfig(3, (3,)))
    return Conditional(WaveNet(config), {"singer": LabelEncoder(LABELS, 2), "melody": melody})


def spoken(_: int) -> Model:
    """Sound that follows labels with times and a series, through a context stack."""
    config = WaveNetConfig(
        3, residual=3, gate=4, skip=9, dilations=1, cycles=2, field=5, stacks=(2,), stack_dilations=1, stack_channels=3
    )
    words, loudness = SpanEncoder(LABELS, 4, TrackConfig(3)), TrackEncoder(1, 3, TrackConfig(2))
    return Conditional(WaveNet(config), {"words": words, "loudness": loudness})


def lines() -> Given:
    """Of one row there are no labels, of another no loudness; one's labels end before the others' do."""
    torch.manual_seed(9)
    words = torch.stack([torch.randint(-1, LABELS, (ROWS, 3)).float(), torch.rand(ROWS, 3)], -1)
    words[0, 2], words[2] = math.nan, math.nan
    loudness = torch.randn(ROWS, 4, 1)
    loudness[1] = math.nan
    return {"words": words, "loudness": loudness}


def translated(encoder: Any, family: str, **sizes: Any) -> ModelCase:
    """A sequence with a source of five symbols."""
    config = FAMILIES[family].config

    def make(symbols: int) -> Model:
        width = 6 if encoder != "transformer" else 8  # a norm over two channels has no slope
        text = TextEncoder(6, TextConfig(encoder, width, layers=sizes.get("deep", 1), heads=2, stretch=1.2, offset=0.5))
        more = {name: value for name, value in sizes.items() if name != "deep"}
        return Conditional(FAMILIES[family].model(config(symbols=symbols, memory=width, **more)), {"source": text})

    return ModelCase(make, given=sources)


def sources() -> Given:
    """Of one row there is no source; the others' are of unequal length."""
    return {"source": torch.tensor([[4, 1, 0, 2], [-1] * 4, [3, 0, -1, -1]])}


def melodies() -> Given:
    """Of one row the melody is not said, of another the singer."""
    torch.manual_seed(8)
    melody = torch.randn(ROWS, 2, 2)
    melody[1] = math.nan
    return {"singer": torch.tensor([0, 1, -1]), "melody": melody}


def pictures_by_name() -> Given:
    """Of one row the picture is not said, of another the label."""
    torch.manual_seed(6)
    image = torch.randint(5, (ROWS, 1, 2, 1))
    image[1] = -1
    return {"label": torch.tensor([0, 1, -1]), "image": image}


def themselves() -> Given:
    """Pictures to make codes of; one of them is not said."""
    torch.manual_seed(7)
    code = torch.randint(3, (ROWS, 2, 2, 1))
    code[1] = -1
    return {"code": code}


def picture() -> Context:
    """A field of the picture's own shape and a vector."""
    torch.manual_seed(5)
    return Context(vector=torch.randn(ROWS, 2), field=torch.randn(ROWS, 2, 3, 3))


_GREY = {"shape": (4, 5, 1), "small": (2, 2, 1), "levels": 3}
_RGB = {"shape": (3, 4, 3), "small": (1, 2, 3), "levels": 2}
_P = {"filters": 13, "blocks": 2, "kernel": 3, "head": 14}
_G = {"filters": 13, "layers": 2, "first": 3, "head": 14}
_D = {"filters": 7, "layers": 2, "first": 3, "head": 19}
_PP: dict[str, object] = {"filters": 5, "resnets": 1, "mixtures": 2, "dropout": 0.2}
_S: dict[str, object] = {"filters": 5, "resnets": 1, "keys": 3, "values": 4, "mixtures": 3, "dropout": 0.2}
_R = {"width": 5, "layers": 1}
_B = {"width": 4, "sets": 1, "dilations": 2}
_T = {"width": 8, "layers": 1, "heads": 2, "hidden": 6}

MODELS: dict[str, ModelCase] = {
    "real": of_reals(lambda: ScaledHead(StudentHead()), lambda width: Recurrent("gru", width, width)),
    "real-channels": of_reals(
        lambda: ScaledHead(IndependentHead(DensityMixtureHead(2), 2)), lambda width: Conv(width, width, 3)
    ),
    "real-attention": of_reals(lambda: ScaledHead(BivariateHead(2)), lambda width: Attention(width, 2, 1)),
    "real-stop": of_reals(lambda: MarkedHead(BivariateHead(2), 3), lambda width: Recurrent("lstm", width, width)),
    "ar": ModelCase(lambda _: ARMA(ARMAConfig(2)), "ar", levels=(0,)),
    "arma": ModelCase(lambda _: ARMA(ARMAConfig(1, 1, 3, 1)), "arma", levels=(0,), given=unit_of_one),
    "arima": ModelCase(lambda _: ARMA(ARMAConfig(1, 1, difference=1)), levels=(0,)),
    "ar-lags": ModelCase(lambda _: ARMA(ARMAConfig(lags=(1, 3), tails="student")), levels=(0,), given=unit_of_one),
    "arch": ModelCase(lambda _: GARCH(GARCHConfig(2, 0, "student")), "arch", levels=(0,), given=unit_of_one),
    "garch": ModelCase(lambda _: GARCH(GARCHConfig(1, 1, "normal", "fitted")), "garch", levels=(0,)),
    "real-rnn": of_series("rnn", vector=2, field=3),
    "real-lstm": of_series("lstm", layers=1, head="mixture"),
    "real-lstm-counts": of_series("lstm", layers=1, head="negative-binomial", vector=2),
    "real-gru": of_series("gru", parts=2, chain=3, head="normal", vector=2, field=3),
    "real-transformer": of_series("transformer", heads=2, head="laplace", field=2),
    "real-wavenet": of_series("wavenet", layers=1, dilations=2, vector=2),
    "real-bytenet": of_series("bytenet", layers=1, dilations=2, head="logistic", linear=False),
    "mlp": of_series("mlp"),
    "mlp-block": of_series("mlp", parts=3, chain=2, head="mixture", layers=1, vector=2, field=3),
    "drawing-lstm": of_trajectories("lstm", parts=2, head="bivariate", mixtures=2, marks=3, layers=1, vector=2),
    "drawing-transformer": of_trajectories("transformer", heads=2, parts=2, head="bivariate", mixtures=2, marks=3),
    "labelled-gru": of_trajectories("gru", parts=3, chain=2, head="normal", layers=1, vector=2, linear=False),
    "labelled-mlp": of_trajectories("mlp", head="mixture", layers=1),
    "real-counts": of_reals(NegativeBinomialHead, lambda width: Recurrent("lstm", width, width)),
    "rnn": of_family("rnn", **_R),
    "rnn-deep-vector": of_family("rnn", width=4, layers=3, embedding=3, vector=2, dropout=0.3),
    "lstm": of_family("lstm", **_R),
    "lstm-deep-tied": of_family("lstm", width=4, layers=2, tied=True, dropout=0.3, start=1),
    "lstm-vector": of_family("lstm", width=4, layers=2, embedding=3, vector=2),
    "gru": of_family("gru", **_R),
    "gru-deep-tied-vector": of_family("gru", width=4, layers=2, tied=True, vector=2, dropout=0.3),
    "transformer": of_family("transformer", **_T),
    "transformer-grouped-tied-vector": of_family(
        "transformer", width=8, layers=2, heads=2, key_heads=1, hidden=6, tied=True, vector=2, dropout=0.3, start=2
    ),
    "rnn-memory": of_family("rnn", width=4, layers=2, memory=3, dropout=0.3),
    "lstm-memory-vector": of_family("lstm", width=4, layers=2, memory=3, heads=2, vector=2),
    "gru-memory": of_family("gru", width=5, layers=1, memory=3, start=1),
    "transformer-memory": of_family("transformer", **_T, memory=3, dropout=0.3),
    "transformer-memory-deep-vector": of_family(
        "transformer", width=8, layers=2, heads=2, key_heads=1, hidden=6, tied=True, vector=2, memory=3
    ),
    "bytenet": of_family("bytenet", **_B),
    "bytenet-kernel-2-relu": of_family(
        "bytenet", width=3, sets=2, dilations=2, kernel=2, unit="relu", dropout=0.3, tied=True
    ),
    "bytenet-vector": of_family("bytenet", **_B, vector=2, start=2),
    "bytenet-memory": of_family("bytenet", **_B, memory=3),
    "bytenet-memory-multiplicative-vector": of_family("bytenet", **_B, memory=3, unit="multiplicative", vector=2),
    "pixelcnn": of_pictures("pixelcnn", **_GREY, **_P),
    "pixelcnn-one-block": of_pictures("pixelcnn", (5, 5, 1), (2, 2, 1), 2, filters=6, blocks=1, kernel=5),
    "pixelcnn-rgb": of_pictures("pixelcnn", **_RGB, **_P),
    "pixelcnn-rgb-conditions": of_pictures("pixelcnn", (3, 3, 3), (2, 1, 3), 2, **_P, vector=2, field=3),
    "pixelcnn-two-channels": of_pictures("pixelcnn", (3, 3, 2), (2, 1, 2), 3, **_P, vector=2),
    "gated-pixelcnn": of_pictures("gated-pixelcnn", **_GREY, **_G),
    "gated-pixelcnn-one-layer": of_pictures("gated-pixelcnn", (5, 5, 1), (2, 2, 1), 2, filters=6, layers=1, first=3),
    "gated-pixelcnn-rgb": of_pictures("gated-pixelcnn", **_RGB, **_G),
    "gated-pixelcnn-rgb-conditions": of_pictures("gated-pixelcnn", (3, 3, 3), (2, 1, 3), 2, **_G, vector=2, field=3),
    "gated-pixelcnn-wide": of_pictures(
        "gated-pixelcnn", (3, 6, 1), (1, 4, 1), 3, filters=6, layers=3, kernel=5, first=5, field=3
    ),
    "gated-pixelcnn-mixtures": of_pictures("gated-pixelcnn", **_RGB, **_G, mixtures=2),
    "gated-pixelcnn-mixtures-vector": of_pictures("gated-pixelcnn", **_GREY, **_G, mixtures=3, kind="normal", vector=2),
    "row-lstm": of_pictures("row-lstm", **_GREY, **_D),
    "row-lstm-one-layer": of_pictures("row-lstm", (5, 5, 1), (2, 2, 1), 2, filters=4, layers=1, first=3),
    "row-lstm-rgb": of_pictures("row-lstm", **_RGB, **_D),
    "row-lstm-rgb-conditions": of_pictures("row-lstm", (3, 3, 3), (2, 1, 3), 2, **_D, vector=2, field=3),
    "row-lstm-two-channels": of_pictures("row-lstm", (3, 2, 2), (2, 1, 2), 3, **_D, vector=2),
    "row-lstm-wide": of_pictures("row-lstm", (3, 7, 1), (1, 4, 1), 3, filters=4, layers=2, kernel=5, first=5, field=3),
    "diagonal-bilstm": of_pictures("diagonal-bilstm", **_GREY, **_D),
    "diagonal-bilstm-one-layer": of_pictures("diagonal-bilstm", (5, 4, 1), (3, 2, 1), 2, filters=4, layers=1, first=5),
    "diagonal-bilstm-rgb": of_pictures("diagonal-bilstm", **_RGB, **_D),
    "diagonal-bilstm-rgb-conditions": of_pictures("diagonal-bilstm", (3, 3, 3), (2, 1, 3), 2, **_D, vector=2, field=3),
    "diagonal-bilstm-two-channels": of_pictures("diagonal-bilstm", (3, 2, 2), (1, 2, 2), 3, **_D, vector=2),
    "diagonal-bilstm-wide": of_pictures(
        "diagonal-bilstm", (2, 6, 1), (1, 4, 1), 3, filters=4, layers=2, first=3, field=3
    ),
    "diagonal-bilstm-narrow": of_pictures("diagonal-bilstm", (6, 1, 1), (4, 1, 1), 3, filters=4, layers=1, first=3),
    "pixelcnn++": of_pictures("pixelcnn++", (5, 6, 1), (2, 3, 1), 3, **_PP),
    "pixelcnn++-rgb": of_pictures("pixelcnn++", (4, 5, 3), (1, 2, 3), 2, **_PP),
    "pixelcnn++-two-channels-vector": of_pictures(
        "pixelcnn++", (5, 3, 2), (1, 3, 2), 3, **_PP | {"resnets": 2, "sizes": 2}, vector=2, kind="normal"
    ),
    "pixelcnn++-conditions": of_pictures("pixelcnn++", (5, 3, 1), (2, 3, 1), 3, **_PP, vector=2, field=3),
    "pixelcnn++-one-size": of_pictures("pixelcnn++", (3, 4, 1), (3, 1, 1), 4, **_PP | {"sizes": 1}),
    "multiscale": of_scales((5, 4, 1), (2, 3, 1), 3, filters=8, layers=2, up=3),
    "multiscale-rgb-conditions": of_scales(
        (3, 3, 3), (1, 2, 3), 2, filters=7, layers=2, up=2, larger="pixelcnn", vector=2, field=3
    ),
    "multiscale-three": of_scales((5, 5, 1), (3, 3, 1), 2, scales=3, filters=6, layers=1, up=2, smallest="pixelcnn"),
    "pixelsnail": of_pictures("pixelsnail", (5, 4, 1), (2, 3, 1), 3, **_S),
    "pixelsnail-rgb": of_pictures("pixelsnail", (3, 4, 3), (1, 2, 3), 2, **_S | {"heads": 2}),
    "pixelsnail-rgb-conditions": of_pictures("pixelsnail", (3, 3, 3), (2, 1, 3), 2, **_S, vector=2, field=3),
    "pixelsnail-two-channels-vector": of_pictures(
        "pixelsnail", (5, 3, 2), (1, 3, 2), 3, **_S | {"resnets": 2, "blocks": 2}, vector=2, kind="normal"
    ),
    "pixelsnail-one-block-field": of_pictures(
        "pixelsnail", (3, 5, 1), (3, 1, 1), 4, **_S | {"blocks": 1, "values": 2}, field=3
    ),
    "pixelsnail-wide": of_pictures("pixelsnail", (2, 7, 1), (1, 4, 1), 3, **_S),
    "wavenet": of_sound(dilations=2, cycles=2),
    "wavenet-kernel-3-first": of_sound(kernel=3, dilations=2, cycles=1, first=2, dropout=0.3),
    "wavenet-vector": of_sound(dilations=2, cycles=1, vector=2),
    "wavenet-field": of_sound(dilations=2, cycles=1, field=2, hop=3),
    "wavenet-field-each-sample": of_sound(kernel=3, dilations=1, cycles=2, field=2, hop=1),
    "wavenet-stack": of_sound(dilations=1, cycles=2, stacks=(2,), stack_dilations=1),
    "wavenet-stacks-vector-field": of_sound(
        dilations=2, cycles=1, first=3, stacks=(2, 3), stack_dilations=1, vector=2, field=2, hop=4
    ),
    "wavenet-logistic": of_sound(4, head="logistic", mixtures=2, dilations=1, cycles=3, vector=2),
    "wavenet-normal-stack": of_sound(
        3, head="normal", mixtures=2, kernel=3, dilations=1, cycles=1, stacks=(3,), stack_dilations=1, field=2
    ),
    "wavenet-stereo": of_sound(2, 2, head="logistic", mixtures=3, dilations=2, cycles=1),
    "wavenet-stereo-stack-vector-field": of_sound(
        3,
        2,
        head="logistic",
        mixtures=2,
        kernel=3,
        dilations=1,
        cycles=2,
        stacks=(2,),
        stack_dilations=1,
        vector=2,
        field=2,
    ),
    "sound-scales": of_sound_scales(dilations=2, cycles=1, shape=10),
    "sound-scales-in-time": of_sound_scales(dilations=2, cycles=1, look_ahead=0),
    "sound-scales-three-vector-field": of_sound_scales(
        2, shape=11, dilations=1, cycles=2, scales=3, vector=2, field=2, hop=3
    ),
    "sound-scales-slow-field": of_sound_scales(dilations=1, cycles=1, factor=2, field=2, hop=4, offset=2, dropout=0.3),
    "sound-scales-far-stack": of_sound_scales(
        dilations=1, cycles=1, factor=3, look_ahead=2, first=2, stacks=(2,), stack_dilations=1, kernel=3
    ),
    "sound-scales-stereo": of_sound_scales(
        3, 2, head="logistic", mixtures=2, dilations=2, cycles=1, shape=8, vector=2, field=2, hop=2, offset=0
    ),
    "multiscale-rnn": of_scales(
        (4, 4, 1), (2, 2, 1), 3, filters=6, layers=1, up=2, smallest="diagonal-bilstm", larger="row-lstm", vector=2
    ),
    "vpn": of_films((3, 3, 2, 1), 3),
    "vpn-dilations": of_films((2, 3, 4, 1), 2, encoder_blocks=3, dilations=(1, 2), decoder_blocks=2),
    "vpn-rgb-conditions": of_films((3, 1, 2, 3), 2, (2, 1, 1, 3), vector=2, field=3),
    "vpn-normal": of_films((2, 2, 3, 1), 4, head="normal", field=2),
    "vpn-bernoulli": of_films((3, 2, 2, 1), 2, head="bernoulli", vector=2),
    "vpn-gated": of_films((3, 3, 2, 1), 2, decoder="gated-pixelcnn", decoder_blocks=2, vector=2, field=1),
    "vpn-gated-logistic-rgb": of_films((2, 2, 3, 3), 2, (2, 1, 1, 3), decoder="gated-pixelcnn", head="logistic"),
    "vpn-pixelcnn++": of_films((3, 3, 2, 1), 3, filters=3, decoder="pixelcnn++", head="logistic", field=2),
    "vpn-pixelcnn++-rgb": of_films(
        (2, 2, 3, 3), 2, (2, 1, 1, 3), filters=3, decoder="pixelcnn++", head="normal", vector=2
    ),
    "vpn-no-decoder": of_films((3, 3, 2, 1), 3, decoder="none", vector=2, field=2),
    "vpn-no-decoder-rgb": of_films((2, 2, 3, 2), 2, (2, 1, 1, 2), decoder="none", head="logistic"),
    "multiplicative-pixelcnn": of_decoders("MultiplicativePixelCNN", (4, 5, 1), 3),
    "multiplicative-pixelcnn-rgb": of_decoders("MultiplicativePixelCNN", (3, 3, 3), 2, vector=2),
    "independent-pixels": of_decoders("IndependentPixels", (3, 4, 2), 3, vector=2),
    "conditional": ModelCase(conditional, given=label_and_number),
    "conditional-source-lstm": translated("lstm", "lstm", width=4, layers=2),
    "conditional-source-gru": translated("gru", "rnn", width=4, layers=1, deep=2),
    "conditional-source-transformer": translated("transformer", "transformer", **_T, deep=2),
    "conditional-source-bytenet": translated("bytenet", "bytenet", **_B),
    "conditional-source-mixed": translated("bytenet", "gru", width=4, layers=1),
    "auto-encoder": ModelCase(auto_encoder, shape=(2, 2, 1), given=themselves, small=None),
    "conditional-melody": ModelCase(sung, given=melodies),
    "conditional-lines": ModelCase(spoken, given=lines),
    "conditional-map": ModelCase(coloured, shape=(2, 2, 2), levels=(2,), given=pictures_by_name, small=None),
    "toy-sequence": ModelCase(lambda k: MaskedLinear((5,), CategoricalHead(k), k), shape=(5,), small=None),
    "toy-pairs": ModelCase(lambda _: MaskedLinear((3,), PairHead((2, 3)), 3), shape=(3,), levels=(2, 3), small=None),
    "toy-grid": ModelCase(
        lambda k: MaskedLinear((2, 3), CategoricalHead(k), k, raster_neighbours(2, 3), vector=2, field=3),
        shape=(2, 3),
        given=picture,
        small=None,
    ),
}
