"""Beam search: greedy with one beam, exact with enough of them, the same in any batch and order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seriatim.conditioning import TextConfig, TextEncoder
from seriatim.errors import UserError
from seriatim.heads import CategoricalHead
from seriatim.models import FAMILIES, Conditional, Model, ReplayModel
from seriatim.testing import wake
from seriatim.text.search import attention, search
from seriatim.walks.beams import Beams, Hypothesis, beam_search
from seriatim.walks.walk import Walk
from toys import MaskedLinear

pytestmark = pytest.mark.usefixtures("float64")

END, SYMBOLS = 0, 4
KINDS = ["lstm", "transformer", "bytenet"]
SOURCES = torch.tensor([[3, 1, 4, 2, 2], [2, -1, -1, -1, -1], [1, 1, 3, -1, -1], [4, 0, 1, 2, -1]])


def translator(kind: Any, seed: int = 0) -> Model:
    """A tiny model with a source, its weights random and large."""
    config = FAMILIES[kind].config
    sizes = {
        "lstm": {"width": 8, "layers": 2, "heads": 2},
        "transformer": {"width": 8, "layers": 2, "heads": 2, "hidden": 8, "context": 16},
        "bytenet": {"width": 6, "sets": 1, "dilations": 2},
    }[kind]
    torch.manual_seed(seed)
    encoder = TextEncoder(5, TextConfig(kind, 8, heads=2, stretch=1.3, offset=0.2))
    model = Conditional(
        FAMILIES[kind].model(config(symbols=SYMBOLS, memory=8, start=END, **sizes)), {"source": encoder}
    )
    wake(model, seed, scale=0.8)
    return model


def searched(
    model: Model,
    sources: Tensor,
    options: Beams,
    longest: int = 6,
    prefixes: Sequence[Sequence[int]] | None = None,
    **more: Any,
) -> list[list[Hypothesis]]:
    count = len(sources)
    walk = Walk(model.packed(), count * options.width, model.condition({"source": sources}, count))
    given = prefixes or [()] * count
    return beam_search(walk, options, end=END, prefixes=given, longest=[longest] * count, **more)


def total(model: Model, source: Tensor, symbols: Sequence[int]) -> float:
    """log p of a string, from one parallel pass."""
    with torch.no_grad():
        return float(model.log_prob(torch.tensor([list(symbols)]), {"source": source[None]}))


@pytest.mark.parametrize("kind", KINDS)
def test_one_beam_is_greedy(kind: str) -> None:
    model = translator(kind)
    found = searched(model, SOURCES, Beams(1), longest=8)
    for source, (best,) in zip(SOURCES, found, strict=True):
        symbols: list[int] = []
        while len(symbols) < 8 and symbols[-1:] != [END]:
            with torch.no_grad():
                dist: Any = model.head(model(torch.tensor([[*symbols, 1]]), {"source": source[None]})[:, -1])
            symbols.append(int(dist.log_table().argmax()))
        assert list(best.symbols) == symbols
        assert best.log_prob == pytest.approx(total(model, source, symbols), rel=1e-9)
        assert best.ended == ("end" if symbols[-1] == END else "length")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_enough_beams_find_the_likeliest_string_of_all(kind: str, alpha: float) -> None:
    model, longest = translator(kind, 3), 4
    options = Beams((SYMBOLS - 1) ** longest + 10, best=5, length_norm=alpha)
    strings = [(*body, END) for n in range(longest) for body in itertools.product(range(1, SYMBOLS), repeat=n)]
    for source, hypotheses in zip(SOURCES, searched(model, SOURCES, options, longest), strict=True):
        scored = sorted(((options.rank(total(model, source, s), len(s)), s) for s in strings), reverse=True)
        assert [h.symbols for h in hypotheses] == [s for _, s in scored[:5]]
        assert [h.score for h in hypotheses] == pytest.approx([score for score, _ in scored[:5]], rel=1e-9)


class Chain(ReplayModel):
    """Ends at once with probability 0.6; else, with 0.4, goes on with 1, 2 and 3 and ends then."""

    def __init__(self) -> None:
        super().__init__()
        self.head = CategoricalHead(4)
        table = torch.zeros(4, 4)
        table[0, 0], table[0, 1] = 0.6, 0.4  # the first symbol follows a 0
        table[1, 2] = table[2, 3] = table[3, 0] = 1
        self.table = torch.nn.Embedding.from_pretrained(table.log())

    def forward(self, x: Tensor, context: Any = None, carry: Any = None) -> Any:
        return self.table(torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1))

    def sees(self, shape: Sequence[int]) -> Tensor:
        return torch.ones(*shape, *shape, dtype=torch.bool).tril(-1).triu(-1)


SHORT, LONG = ((0,), -0.510826), ((1, 2, 3, 0), -0.916291)  # ln 0.6 and ln 0.4


@pytest.mark.parametrize(
    ("alpha", "scored"),
    [
        (0.0, [(*SHORT, -0.510826), (*LONG, -0.916291)]),
        (0.6, [(*SHORT, -0.510826), (*LONG, -0.718420)]),  # 0.916291 / 1.5^0.6
        (1.0, [(*SHORT, -0.510826), (*LONG, -0.610861)]),  # 0.916291 / 1.5
        (2.0, [(*LONG, -0.407240), (*SHORT, -0.510826)]),  # 0.916291 / 2.25
    ],
)
def test_the_length_norm_is_wus(alpha: float, scored: list[tuple[tuple[int, ...], float, float]]) -> None:
    walk = Walk(Chain(), 3, length=6)
    (found,) = beam_search(walk, Beams(3, best=2, length_norm=alpha), end=0, prefixes=[[]], longest=[6])
    assert [h.symbols for h in found] == [symbols for symbols, _, _ in scored]
    assert [h.log_prob for h in found] == pytest.approx([log_prob for _, log_prob, _ in scored], abs=1e-6)
    assert [h.score for h in found] == pytest.approx([score for _, _, score in scored], abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_depends_neither_on_the_batch_nor_on_the_order(kind: str) -> None:
    model, options = translator(kind, 1), Beams(3, best=3)
    together = searched(model, SOURCES, options, 9)
    order = [2, 0, 3, 1]
    turned = searched(model, SOURCES[order], options, 9)
    for i, source in enumerate(SOURCES):
        length = int((source >= 0).sum())
        (alone,) = searched(model, source[None, :length], options, 9)
        for other in (together[i], turned[order.index(i)]):
            assert [h.symbols for h in other] == [h.symbols for h in alone]
            assert [h.log_prob for h in other] == pytest.approx([h.log_prob for h in alone], rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_what_beams_share_of_their_source_changes_nothing(kind: str) -> None:
    model, options = translator(kind, 2), Beams(4, best=4)
    shared = searched(model, SOURCES, options, 7)
    context = model.condition({"source": SOURCES.repeat_interleave(4, 0)}, 16)
    rows = torch.arange(0, 16, 4)
    walk = Walk(model, 16, context)  # a memory for each beam, and no packing

    class Apart(Walk):
        """Selects conditions as it selects rows."""

        def select(self, rows: Tensor, fixed: bool | Tensor = True) -> None:
            super().select(rows)

    walk.__class__ = Apart
    apart = beam_search(walk, options, end=END, prefixes=[()] * len(rows), longest=[7] * len(rows))
    for one, other in zip(shared, apart, strict=True):
        assert [h.symbols for h in one] == [h.symbols for h in other]
        assert [h.log_prob for h in one] == pytest.approx([h.log_prob for h in other], rel=1e-9)


def test_each_best_has_its_own_probability_and_the_best_comes_first() -> None:
    model = translator("lstm", 4)
    for source, each in zip(SOURCES, searched(model, SOURCES, Beams(6, best=6), 8), strict=True):
        assert len({h.symbols for h in each}) == len(each)
        assert [h.score for h in each] == sorted((h.score for h in each), reverse=True)
        for h in each:
            assert h.log_prob == pytest.approx(total(model, source, h.symbols), rel=1e-9)
            assert END not in h.symbols[:-1]
            assert h.symbols[-1] == END or h.ended == "length"


def test_prefixes_are_forced_and_cost_nothing() -> None:
    model, prefixes = translator("transformer", 5), [(1,), (2, 3, 1), (), (3, 3)]
    for source, prefix, (best, *_) in zip(
        SOURCES, prefixes, searched(model, SOURCES, Beams(3, best=2), 5, prefixes), strict=True
    ):
        whole = total(model, source, [*prefix, *best.symbols])
        before = total(model, source, prefix) if prefix else 0.0
        assert best.log_prob == pytest.approx(whole - before, rel=1e-9)
        assert len(best.symbols) <= 5


def test_nothing_comes_twice_that_must_not() -> None:
    model = translator("lstm", 7)
    for n in (1, 2):
        for each in searched(model, SOURCES, Beams(4, best=4, no_repeat=n), 12):
            for h in each:
                grams = [h.symbols[i : i + n] for i in range(len(h.symbols) - n + 1)]
                assert len(set(grams)) == len(grams)
    free = searched(model, SOURCES, Beams(4, best=4), 12)
    assert any(len(set(h.symbols)) < len(h.symbols) for each in free for h in each), "or it would test nothing"


def test_no_end_before_the_shortest_length() -> None:
    model = translator("bytenet", 1)
    usual = searched(model, SOURCES, Beams(3), 8)
    assert min(len(h.symbols) for each in usual for h in each) < 5, "or it would test nothing"
    for each in searched(model, SOURCES, Beams(3, best=3, shortest=4), 8):
        assert all(len(h.symbols) > 4 for h in each)


def test_a_condition_ends_a_text_that_has_not_ended() -> None:
    model = translator("lstm", 4)

    def stop(_: int, symbols: Sequence[int]) -> bool:
        return list(symbols[-2:]) == [1, 2] or symbols[-1] == 3

    for each in searched(model, SOURCES, Beams(4, best=4), 8, stop=stop):
        for h in each:
            assert not any(stop(0, h.symbols[:i]) for i in range(1, len(h.symbols)))
            assert (h.ended == "stop") == stop(0, h.symbols)


def test_where_nothing_ends_the_longest_are_what_there_is() -> None:
    model = translator("lstm", 4)
    found = searched(model, SOURCES, Beams(2, best=2, shortest=9), 3)
    assert all(h.ended == "length" and len(h.symbols) == 3 for each in found for h in each)


def test_attention_is_what_the_layers_compute_with() -> None:
    model = translator("transformer", 6)
    context = model.condition({"source": SOURCES}, 4)
    x = torch.tensor([[1, 2, 3, 0]] * 4)
    weights = attention(model, x, context)
    assert weights.shape == (4, 4, 5)
    torch.testing.assert_close(weights.sum(-1), torch.ones(4, 4))
    assert context.mask is not None
    assert not weights[~context.mask[:, None].expand_as(weights)].any()
    with pytest.raises(UserError, match="has no attention to a source"):
        attention(translator("bytenet"), x, translator("bytenet").condition({"source": SOURCES}, 4))


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"width": 0}, "beams is 0"), ({"width": 2, "best": 3}, "at most the number of beams"), ({"no_repeat": -1}, "-1")],
)
def test_impossible_options_are_refused(fields: dict[str, int], words: str) -> None:
    with pytest.raises(UserError, match=words):
        Beams(**fields)


def test_rows_must_fit() -> None:
    model = translator("lstm")
    walk = Walk(model, 3, model.condition({"source": SOURCES[:3]}, 3))
    with pytest.raises(ValueError, match="3 rows for 2 sources and 2 beams"):
        beam_search(walk, Beams(2), end=END, prefixes=[(), ()], longest=[3, 3])


def test_where_the_options_allow_nothing_there_is_nothing() -> None:
    model = translator("lstm", 2)
    found = searched(model, SOURCES, Beams(3, no_repeat=1, shortest=7), 9)
    assert all(not each for each in found), "four symbols that may each come once, and seven of them wanted"


def test_coverage_counts_what_was_not_looked_at() -> None:
    model = translator("transformer", 8)
    given, prefixes = {"source": SOURCES}, [np.zeros(0, np.int64)] * 4
    longest, sizes = [6] * 4, [5] * 4

    def ranked(coverage: float) -> list[list[Hypothesis]]:
        options = Beams(4, best=4, coverage=coverage)
        return search(
            model,
            lambda rows: {"source": given["source"][list(rows)]},
            prefixes,
            options,
            end=END,
            longest=longest,
            sizes=sizes,
        )

    for source, plain, covered in zip(SOURCES, ranked(0.0), ranked(0.7), strict=True):
        usual = {h.symbols: h for h in plain}
        for h in covered:
            x = torch.tensor([h.symbols])
            weights = attention(model, x, model.condition({"source": source[None]}, 1))[0]
            extra = weights.sum(0).clamp(max=1)[source >= 0].log().sum()
            assert h.score == pytest.approx(
                Beams(length_norm=0.6).rank(h.log_prob, len(h.symbols)) + 0.7 * float(extra)
            )
            assert h.symbols not in usual or usual[h.symbols].log_prob == pytest.approx(h.log_prob)
    with pytest.raises(UserError, match="leave out --coverage"):
        search(
            translator("bytenet"), lambda _: given, prefixes[:1], Beams(coverage=0.1), end=END, longest=[3], sizes=[1]
        )


@pytest.mark.parametrize("width", [1, 2, 4, 5, 8])
def test_ends_that_are_unlikely_do_not_end_the_search(width: int) -> None:
    """All but sure of ten times 1, then of the end, which is the second likeliest before: many end before the best."""
    model = MaskedLinear((20,), CategoricalHead(5), 5)
    p = torch.tensor(
        [[0.99, 0.004, 0.002, 0.002, 0.002] if t == 10 else [0.004, 0.99, *[0.002] * 3] for t in range(20)]
    )
    with torch.no_grad():
        model.weight.zero_()
        model.bias.copy_(p.log())
    (best, *_) = beam_search(Walk(model, width), Beams(width), end=0, prefixes=[[]], longest=[20])[0]
    assert best.symbols == (*[1] * 10, 0)
    assert best.log_prob == pytest.approx(11 * math.log(0.99), abs=1e-5)


def test_what_is_behind_may_still_be_the_best_by_its_length() -> None:
    """An end of log 0.25 is ahead of a beam of log 0.2, whose score at eleven symbols is log 0.2 / (16/6)."""
    model = MaskedLinear((20,), CategoricalHead(5), 5)
    p = torch.full((20, 5), 1e-9)
    p[0] = torch.tensor([0.25, 0.2, 0.19, 0.18, 0.18])
    p[1:, 1] = 1.0
    p[10] = torch.tensor([1.0, *[1e-9] * 4])
    with torch.no_grad():
        model.weight.zero_()
        model.bias.copy_(p.log())
    options = Beams(2, length_norm=1.0)
    (best, *_) = beam_search(Walk(model, 2), options, end=0, prefixes=[[]], longest=[20])[0]
    assert best.symbols == (*[1] * 10, 0)
    assert best.score == pytest.approx(math.log(0.2) * 6 / 16, abs=1e-5)
