"""Sampling text: seeds, prompts, ends, stops, greedy, streaming, log-probabilities."""

from __future__ import annotations

import pytest
import torch

from seriatim.errors import UserError
from seriatim.text.model import TextModel
from seriatim.walks.beams import Beams
from seriatim.walks.steer import Steer
from tiny_text import text_model

FAMILIES = ["transformer", "lstm", "gru", "rnn"]


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest) -> TextModel:
    return text_model(request.param)


@pytest.fixture(scope="module")
def gru() -> TextModel:
    return text_model("gru")


def nats(model: TextModel, symbols: list[int]) -> list[float]:
    """log p of each symbol, from one parallel pass."""
    with torch.no_grad():
        return model.model.log_probs(torch.tensor([symbols]))[0].tolist()


def test_prompts_times_n_come_in_order(model: TextModel) -> None:
    samples = model.sample(["ab", "", "hij"], 2, max_length=6)
    assert [sample.prompt for sample in samples] == ["ab", "ab", "", "", "hij", "hij"]
    assert all(sample.text.startswith(sample.prompt) for sample in samples)
    assert len({sample.text for sample in samples}) > 3


def test_the_same_seed_gives_the_same_text_in_any_batch(model: TextModel) -> None:
    seeds = [7, 2**63 - 1, 99]
    alone = [str(model.sample("abc", seed=[seed], max_length=30)[0]) for seed in seeds]
    together = [str(s) for s in model.sample("abc", 3, seed=seeds, max_length=30)]
    among = model.sample(["g", "abc", "hij. abcd"], 1, seed=[1, 7, 2], max_length=30)
    assert together == alone
    assert str(among[1]) == alone[0]
    assert [str(s) for s in model.sample("abc", 2, seed=5, max_length=20)] == [
        str(s) for s in model.sample("abc", 5, seed=5, max_length=20)
    ][:2]


def test_a_sample_names_the_seed_that_draws_it_again_alone(gru: TextModel) -> None:
    samples = gru.sample(["abc", "hij"], 3, seed=5, max_length=20)
    alone = [gru.sample("abc", seed=seed, max_length=20)[0] for seed in (5, [5])]
    assert repr(samples[0]) == repr(alone[0]) == repr(alone[1])  # some figures are NaN, which equals nothing
    for sample in samples:
        assert sample.seed is not None
        assert repr(gru.sample(sample.prompt, seed=sample.seed, max_length=20)[0]) == repr(sample)


def test_the_pieces_of_a_stream_are_the_sample(model: TextModel) -> None:
    for stop in ((), ("a", "bc")):
        sample = model.sample("hij", seed=3, max_length=40, stop=stop)[0]
        assert "".join(model.stream("hij", seed=3, max_length=40, stop=stop)) == sample.text


def test_greedy_takes_the_most_likely_symbol_each_time(model: TextModel) -> None:
    sample = model.sample("ab", temperature=0, max_length=8, log_probs=True)[0]
    symbols = [*model.tokenizer.encode("ab").tolist()]
    for symbol in sample.symbols:
        with torch.no_grad():
            head = model.model.head(model.model(torch.tensor([[*symbols, 0]])))
        assert int(head.log_table()[0, -1].argmax()) == symbol
        symbols.append(symbol)


def test_log_probs_are_the_models_own_whatever_the_temperature(model: TextModel) -> None:
    for options in ({}, {"temperature": 0.3, "top_k": 3}):
        sample = model.sample("ab", seed=4, max_length=8, log_probs=True, **options)[0]
        whole = nats(model, [*model.tokenizer.encode("ab").tolist(), *sample.symbols])
        assert sample.log_probs == pytest.approx(whole[2:], abs=1e-5)


def test_beyond_the_horizon_what_is_drawn_is_what_is_scored() -> None:
    model = text_model("transformer", context=7)
    sample = model.sample("ab", seed=2, max_length=40, min_length=40, log_probs=True)[0]
    assert len(sample.symbols) == 40 > (model.horizon or 0)
    ids = torch.tensor([*model.tokenizer.encode("ab").tolist(), *sample.symbols]).numpy()
    from seriatim.models.likelihood import log_probs

    assert sample.log_probs == pytest.approx(log_probs(model.model, [ids])[0][2:].tolist(), abs=1e-5)


def test_log_probs_are_empty_unless_asked_for(gru: TextModel) -> None:
    assert gru.sample(max_length=3)[0].log_probs == ()


def test_a_document_ends_by_itself_and_says_so(gru: TextModel) -> None:
    samples = gru.sample(n=30, max_length=60)
    ended = [s for s in samples if s.ended == "end"]
    assert ended
    assert all(s.symbols[-1] == gru.tokenizer.end and gru.tokenizer.end not in s.symbols[:-1] for s in ended)
    full = [s for s in samples if s.ended == "length"]
    assert all(len(s.symbols) == 60 for s in full)
    assert len(ended) + len(full) == 30
    assert all(s.text == gru.tokenizer.decode(s.symbols) for s in samples)


def test_no_document_ends_before_min_length(gru: TextModel) -> None:
    samples = gru.sample(n=30, min_length=12, max_length=40)
    assert all(len(s.symbols) > 12 or s.ended == "length" for s in samples)
    assert any(s.ended == "end" for s in samples)


def test_a_stop_string_ends_one_row_and_is_not_shown(gru: TextModel) -> None:
    free = gru.sample(n=20, max_length=50, seed=1)
    stopped = gru.sample(n=20, max_length=50, seed=1, stop=["b", "gh"])
    for before, after in zip(free, stopped, strict=True):
        hits = [before.text.find(stop) for stop in ("b", "gh") if stop in before.text]
        if hits:
            assert after.ended == "stop"
            assert after.text == before.text[: min(hits)]
        else:
            assert repr(after) == repr(before)


def test_a_stop_string_in_the_prompt_does_not_count(gru: TextModel) -> None:
    sample = gru.sample("abab", stop="ab", max_length=3, seed=3)[0]
    assert sample.text.startswith("abab")
    assert sample.symbols


def test_a_stop_string_that_is_settled_by_the_end_counts_too() -> None:
    model = text_model("gru", alphabet="one two three one", kind="words")
    samples = [s for s in model.sample(n=60, max_length=6, stop="two") if "two" in model.tokenizer.decode(s.symbols)]
    assert samples
    assert all(s.ended == "stop" and "two" not in s.text for s in samples)


def test_a_stop_string_is_written_as_the_model_writes() -> None:
    model = text_model("gru", alphabet="one two three", kind="words", casing="lower")
    likely = {"min_length": 5, "max_length": 5, "bias": {model.tokenizer.find("two"): 50.0}}
    sample = model.sample("ONE", stop=" TWO", **likely)[0]
    assert (sample.text, sample.ended) == ("one", "stop")
    assert model.sample("ONE", stop=" THREE", **likely)[0].ended == "length"


def test_a_search_sees_the_space_before_the_first_new_word() -> None:
    model = text_model("gru", alphabet="one two three four five", kind="words", casing="lower")
    beams = Beams(1, shortest=2)
    assert str(model.search("One", beams=beams, max_length=3)[0][0]) == "one four two one"
    found = model.search("One", beams=beams, max_length=3, stop=" FOUR")[0][0]
    assert (found.text, found.ended, len(found.symbols)) == ("one", "stop", 1)


def test_unknown_can_be_written_and_forbidden(gru: TextModel) -> None:
    unknown = gru.tokenizer.find("<unk>")
    wanted = gru.sample(n=3, max_length=4, bias={unknown: 50.0})
    assert all("<unk>" in s.text for s in wanted)
    never = gru.sample(n=20, max_length=40, bias={unknown: 5.0}, forbid=frozenset({unknown}))
    assert not any("<unk>" in s.text or unknown in s.symbols for s in never)
    assert gru.sample("a!b", max_length=1)[0].prompt == "a<unk>b"


def test_multi_byte_characters_stream_whole() -> None:
    model = text_model("gru", alphabet="ab", unknown="bytes", kind="bytes")
    ids = model.tokenizer.encode("é").tolist()
    pieces = list(model.stream("é", max_length=8, seed=1, bias={ids[0]: 60.0, ids[1]: 60.0}))
    assert "".join(pieces) == str(model.sample("é", max_length=8, seed=1, bias={ids[0]: 60.0, ids[1]: 60.0})[0])


@pytest.mark.parametrize(
    ("prompt", "options", "words"),
    [
        ("", {"n": 0}, "1 or more"),
        ([], {}, "1 or more"),
        ("", {"max_length": 0}, "max-length 0"),
        ("", {"min_length": 9, "max_length": 3}, "min-length 9"),
        ("", {"seed": 2**63}, "seed"),
        ("", {"seed": [1, 2]}, "2 seeds for 1 samples"),
        ("", {"seed": -1}, "seed is -1"),
        ("", {"stop": [""]}, "a stop string is empty"),
        ("", {"temperature": -1.0}, "temperature"),
        ("", {"top_p": 0.0}, "top-p"),
        ("", {"temprature": 1.0}, "'temperature'"),
        ("", {"temperature": 0.5, "steer": Steer()}, "steer"),
        ("", {"given": {"genre": "x"}}, "'genre' is not a condition"),
        ("", {"forbid": frozenset({999})}, "999"),
        ("", {"forbid": frozenset(range(len("abcdefg hij.\n") + 2))}, "forbidden"),
    ],
)
def test_impossible_wishes_are_refused(gru: TextModel, prompt: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        gru.sample(prompt, **options)  # pyright: ignore[reportArgumentType]


def test_a_prompt_longer_than_the_model_looks_back_wants_slide() -> None:
    model = text_model("transformer")
    long = "abcdefg hij.\n" * 3
    with pytest.raises(UserError, match=r"39 symbols.*context is 12.*--slide"):
        model.sample(long)
    assert str(model.sample(long, slide=True, max_length=5)[0]).startswith(long)


def test_expect_is_a_softmax_at_a_temperature(model: TextModel) -> None:
    table = model.tokenizer.size
    ids = torch.tensor([[*model.tokenizer.encode("ab").tolist(), 0]])
    with torch.no_grad():
        logits = model.model.head(model.model(ids)).log_table()[0, -1]
    for temperature in (1.0, 0.2):
        p = (logits / temperature).softmax(0)
        found = model.expect("ab", table, temperature)
        assert sum(value for _, value in found) == pytest.approx(1, abs=1e-5)
        assert {name: p[model.tokenizer.find(name)].item() for name, _ in found} == pytest.approx(dict(found), abs=1e-5)
        assert [v for _, v in found] == sorted((v for _, v in found), reverse=True)
    assert model.expect("ab", 2, 0)[0][1] == 1.0


def test_expect_behind_a_long_prompt_is_what_sampling_does() -> None:
    model = text_model("transformer")
    long = "abcdefg hij." * 3
    assert model.expect(long, 1)[0][0] == model.tokenizer.symbol(
        model.sample(long, slide=True, temperature=0, max_length=1)[0].symbols[0]
    )
    with pytest.raises(UserError, match="top"):
        model.expect("a", 0)


def test_a_model_is_left_as_it_was(gru: TextModel) -> None:
    state = torch.get_rng_state()
    gru.sample(max_length=3)
    assert torch.equal(state, torch.get_rng_state())
    assert not gru.model.training
