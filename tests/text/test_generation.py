"""Rows that end by themselves, against the slowest way to get them: alone, symbol by symbol, by the whole pass."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from registry import conditional
from seriatim.conditioning import LabelEncoder
from seriatim.heads import Categorical
from seriatim.models import FAMILIES, Conditional, Model
from seriatim.models.likelihood import default_stride, log_probs
from seriatim.testing import wake
from seriatim.text.generation import Draw, Generation
from seriatim.walks.noise import uniform
from seriatim.walks.steer import Steer
from seriatim.walks.walk import Walk

pytestmark = pytest.mark.usefixtures("float64")
SYMBOLS, HORIZON, END = 5, 8, 0
SIZES: dict[str, dict[str, Any]] = {
    "lstm": {"width": 5, "layers": 2},
    "transformer": {"width": 8, "layers": 2, "heads": 2, "hidden": 6, "context": HORIZON},
}
PROMPTS = [[1, 2], [], [3, 1, 4, 1, 2, 0, 3], [2], [4, 4, 4, 4, 4, 4, 4, 4, 1, 2, 3]]
NO_END = Steer(forbid=frozenset({END}))
BACKENDS = ("eager", "native")
EACH = pytest.mark.parametrize("family", SIZES)


def model_of(family: str) -> Model:
    torch.manual_seed(0)
    model = wake(FAMILIES[family].model(FAMILIES[family].config(symbols=SYMBOLS, **SIZES[family])))
    assert isinstance(model, Model)
    return model


def rows_of(draws: Sequence[Sequence[Draw]], count: int) -> list[list[int]]:
    rows: list[list[int]] = [[] for _ in range(count)]
    for step in draws:
        for draw in step:
            rows[draw.row].append(draw.symbol)
    return rows


def arrays(prompts: list[list[int]]) -> list[np.ndarray[Any, Any]]:
    return [np.array(prompt, dtype=np.int64) for prompt in prompts]


def generate(model: Model, prompts: list[list[int]], seeds: list[int], steer: Steer = Steer(), **options: Any) -> Any:  # noqa: B008
    options = {"end": END, "longest": 12, **options}
    return list(Generation(model, arrays(prompts), torch.tensor(seeds), steer, **options))


def slowly(
    model: Model, prompt: list[int], seed: int, steer: Steer, longest: int, shortest: int = 0, given: Any = None
) -> tuple[list[int], list[float]]:
    """One row, by the parallel pass over the window that each position falls into."""
    x, new, scores = list(prompt), [], []
    model = model.requires_grad_(False)
    horizon = model.config.horizon
    for n in range(longest):
        begin = 0
        while horizon is not None and len(x) - begin >= horizon:
            begin += default_stride(horizon)
        row = torch.tensor([[*x[begin:], 0]])  # the last is not seen: it only asks for one position more
        logits = model(row, {} if given is None else given)[:, -1]
        table = logits.log_softmax(-1)
        allowed = logits.clone()
        if n < shortest:
            allowed = table.clone()
            allowed[:, END] = -math.inf
        occurred = torch.bincount(torch.tensor(x, dtype=torch.long), minlength=SYMBOLS)[None]
        dist = steer.apply(Categorical(allowed), occurred if steer.counts else None)
        symbol = int(dist.draw(uniform(torch.tensor([seed]), len(x), 1)))
        x.append(symbol)
        new.append(symbol)
        scores.append(float(table[0, symbol]))
        if symbol == END:
            break
    return new, scores


@EACH
@pytest.mark.parametrize(
    "steer",
    [Steer(), NO_END, Steer(temperature=0.7, top_k=3, forbid=frozenset({END})), Steer(temperature=0),
     Steer(repetition=1.5, presence=0.3, frequency=0.2)],
    ids=["plain", "no-end", "filtered", "greedy", "penalties"],
)  # fmt: skip
def test_prompts_of_unequal_length_beyond_the_horizon(family: str, steer: Steer) -> None:
    model, seeds = model_of(family), [5, 6, 7, 8, 9]
    rows = rows_of(generate(model, PROMPTS, seeds, steer, longest=20), len(PROMPTS))
    for prompt, seed, row in zip(PROMPTS, seeds, rows, strict=True):
        assert row == slowly(model, prompt, seed, steer, 20)[0]
        assert row == rows_of(generate(model, [prompt], [seed], steer, longest=20), 1)[0]


@EACH
def test_a_row_does_not_depend_on_the_others_nor_on_its_place(family: str) -> None:
    model, seeds = model_of(family), [5, 6, 7, 8, 9]
    rows = rows_of(generate(model, PROMPTS, seeds), len(PROMPTS))
    order = [3, 0, 4, 2, 1]
    moved = rows_of(generate(model, [PROMPTS[i] for i in order], [seeds[i] for i in order]), len(PROMPTS))
    assert moved == [rows[i] for i in order]


@EACH
def test_end_ends_a_row_and_only_that_row(family: str) -> None:
    model, count = model_of(family), 40
    draws = generate(model, [[1]] * count, list(range(count)), longest=15)
    rows = rows_of(draws, count)
    lengths = Counter(map(len, rows))
    assert len(lengths) > 3
    for row in rows:
        assert END not in row[:-1]
        assert row[-1] == END or len(row) == 15
    for n, step in enumerate(draws):
        assert [draw.row for draw in step] == [i for i in range(count) if len(rows[i]) > n]


@EACH
def test_end_inside_a_prompt_is_a_symbol_like_any_other(family: str) -> None:
    rows = rows_of(generate(model_of(family), [[1, END], [END, 2, END, 3]], [1, 2], NO_END), 2)
    assert [len(row) for row in rows] == [12, 12]


@EACH
@pytest.mark.parametrize("shortest", [1, 5, 12])
def test_the_least_length_holds_back_the_end(family: str, shortest: int) -> None:
    model, eager = model_of(family), Steer(bias={END: 20.0})
    rows = rows_of(generate(model, PROMPTS, [1, 2, 3, 4, 5], eager, shortest=shortest), len(PROMPTS))
    for prompt, seed, row in zip(PROMPTS, (1, 2, 3, 4, 5), rows, strict=True):
        assert len(row) == min(shortest + 1, 12)
        assert row == slowly(model, prompt, seed, eager, 12, shortest)[0]


@EACH
def test_the_penalty_is_the_same_whatever_holds_back_the_end_and_whoever_is_beside(family: str) -> None:
    model = model_of(family)
    strong: dict[str, Any] = {"temperature": 0.0, "repetition": 1.7}
    seeds = [1, 2, 3]
    held_back = generate(model, PROMPTS[:3], seeds, Steer(**strong), shortest=12)
    forbidden = generate(model, PROMPTS[:3], seeds, Steer(**strong, forbid=frozenset({END})))
    assert rows_of(held_back, 3) == rows_of(forbidden, 3)
    alone = rows_of(generate(model, PROMPTS[:1], seeds[:1], Steer(**strong), shortest=6), 1)[0]
    # the other row is short while this one may end
    beside = rows_of(generate(model, [*PROMPTS[:1], [3] * 7], seeds[:2], Steer(**strong), shortest=6), 2)[0]
    assert beside == alone


def test_a_hint_of_guidance_does_not_change_the_penalty() -> None:
    torch.manual_seed(0)
    model = wake(conditional(SYMBOLS))
    assert isinstance(model, Model)
    given = {"genre": torch.tensor([2]), "year": torch.tensor([1.0])}
    strong: dict[str, Any] = {"temperature": 0.0, "repetition": 1.7, "forbid": frozenset({END})}
    whole = generate(model, [[1, 2]], [1], Steer(**strong), given=given)
    assert generate(model, [[1, 2]], [1], Steer(**strong, guidance=1.000001), given=given) == whole


@EACH
def test_a_dropped_row_stops_and_the_others_go_on(family: str) -> None:
    model = model_of(family)
    whole = rows_of(generate(model, [[1], [2], [3]], [1, 2, 3], NO_END), 3)
    generation = Generation(model, arrays([[1], [2], [3]]), torch.tensor([1, 2, 3]), NO_END, end=END, longest=12)
    draws = []
    for n, step in enumerate(generation):
        draws.append(step)
        if n == 3:
            generation.drop(1)
        if n == 6:
            generation.drop(0)
            generation.drop(2)
    assert rows_of(draws, 3) == [whole[0][:7], whole[1][:4], whole[2][:7]]


@EACH
def test_log_probs_are_the_model_s_own(family: str) -> None:
    model, steer = model_of(family), Steer(temperature=0.5, top_k=4)
    draws = generate(model, PROMPTS, [1, 2, 3, 4, 5], steer, longest=20, score=True)
    for i, prompt in enumerate(PROMPTS):
        mine = [draw for step in draws for draw in step if draw.row == i]
        symbols, scores = slowly(model, prompt, i + 1, steer, 20)
        assert [draw.symbol for draw in mine] == symbols
        assert [draw.log_prob for draw in mine] == pytest.approx(scores, rel=1e-10)
        (terms,) = log_probs(model, [np.array([*prompt, *symbols])])
        assert terms[len(prompt) :].tolist() == pytest.approx(scores, rel=1e-10), "what is drawn is not what is scored"


@EACH
def test_with_steering_off_a_sample_is_the_model_s_sample(family: str) -> None:
    model = model_of(family)
    rows = rows_of(generate(model, [[1, 2], [1, 2]], [3, 4], longest=6), 2)
    whole = model.sample(2, length=8, seed=[3, 4], prompt=torch.tensor([[1, 2], [1, 2]]))[:, 2:].tolist()
    for row, sampled in zip(rows, whole, strict=True):
        assert row == sampled[: len(row)]


def test_conditions_stay_with_their_rows() -> None:
    torch.manual_seed(0)
    model = wake(conditional(SYMBOLS))
    assert isinstance(model, Model)
    given: dict[str, Tensor] = {"genre": torch.tensor([0, 2, -1]), "year": torch.tensor([1.0, math.nan, -2.0])}
    prompts, seeds = [[1], [2, 3, 1], []], [1, 2, 3]
    rows = rows_of(generate(model, prompts, seeds, given=given), 3)
    for i, row in enumerate(rows):
        alone = {name: value[i : i + 1] for name, value in given.items()}
        assert row == slowly(model, prompts[i], seeds[i], Steer(), 12, given=alone)[0]


def test_conditions_stay_with_their_rows_when_the_window_moves_after_some_have_left() -> None:
    torch.manual_seed(0)
    entry = FAMILIES["transformer"]
    inner = entry.model(entry.config(symbols=SYMBOLS, vector=4, **SIZES["transformer"]))
    model = wake(Conditional(inner, {"genre": LabelEncoder(4, 4)}), scale=1.0)
    given, prompts, seeds = {"genre": torch.tensor([0, 1, 2, 3])}, [[1], [2, 3, 1], [], [4]], [1, 2, 3, 4]
    drawing = Generation(model, arrays(prompts), torch.tensor(seeds), NO_END, end=END, longest=20, given=given)
    rows: list[list[int]] = [[] for _ in prompts]
    for step in drawing:
        for draw in step:
            rows[draw.row].append(draw.symbol)
            if draw.row == 0 and len(rows[0]) == 2:
                drawing.drop(0)
    assert len(rows[0]) == 2
    for i in (1, 2, 3):
        alone = {"genre": given["genre"][i : i + 1]}
        assert rows[i] == slowly(model, prompts[i], seeds[i], NO_END, 20, given=alone)[0]


@EACH
def test_nothing_new_is_nothing_drawn(family: str) -> None:
    assert rows_of(generate(model_of(family), [[1], [2, 3]], [1, 2], longest=0), 2) == [[], []]


@EACH
@pytest.mark.parametrize("options", [{}, {"shortest": 4}, {"longest": 40}], ids=["plain", "shortest", "longest"])
def test_what_compiled_steps_draw_many_at_a_time_is_the_same(
    family: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    model, runs, run = model_of(family), list[int](), Walk.run

    def counted(walk: Walk, noise: Tensor, heat: float = 1.0) -> Tensor:
        runs.append(noise.shape[1])
        return run(walk, noise, heat)

    for prompts in (PROMPTS, [[], [1], []]):
        seeds, steer = list(range(1, 1 + len(prompts))), Steer(temperature=0.8)
        eager = generate(model, prompts, seeds, steer, **options)
        with monkeypatch.context() as patch:
            patch.setattr(Walk, "run", counted)
            native = generate(model, prompts, seeds, steer, backend="native", **options)
        assert rows_of(native, len(prompts)) == rows_of(eager, len(prompts))
    assert max(runs) > 1, "no two steps were made together"


@EACH
def test_a_row_that_is_dropped_in_the_middle_of_a_run_stops_there(family: str) -> None:
    pytest.importorskip("numba")
    model, seeds = model_of(family), torch.tensor([1, 2, 3])
    whole = rows_of(generate(model, [[], [], []], [1, 2, 3], longest=30), 3)
    generation = Generation(model, arrays([[], [], []]), seeds, Steer(), end=END, longest=30, backend="native")
    rows: list[list[int]] = [[], [], []]
    for step in generation:
        for draw in step:
            rows[draw.row].append(draw.symbol)
            if draw.row == 1 and len(rows[1]) == 2:
                generation.drop(1)
    assert rows == [whole[0], whole[1][:2], whole[2]]


@pytest.mark.parametrize("options", [{"score": True}, {"steer": Steer(top_k=2)}, {"steer": Steer(presence=0.5)}])
def test_what_compiled_steps_cannot_draw_goes_symbol_by_symbol(options: dict[str, Any]) -> None:
    pytest.importorskip("numba")
    model, steer = model_of("lstm"), options.pop("steer", Steer())
    eager, native = (generate(model, PROMPTS, [1, 2, 3, 4, 5], steer, backend=each, **options) for each in BACKENDS)
    assert [[draw[:2] for draw in step] for step in native] == [[draw[:2] for draw in step] for step in eager]
    assert [d.log_prob for step in native for d in step] == pytest.approx([d.log_prob for step in eager for d in step])
    assert any(draw.log_prob for step in native for draw in step) == options.get("score", False)
