"""The recall task: what is made, and what is counted, held to a plain loop."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from seriatim.cli import main
from seriatim.errors import UserError
from seriatim.text import recall
from seriatim.text.data.corpus import Document
from seriatim.text.data.tokens import tokenize
from seriatim.text.model import TextModel
from seriatim.text.recall import Recalled, recalled, records
from tiny_text import text_model

ALPHABET = "abcdefghijklmnopqrstuvwxyz.:"


def documents(*texts: str) -> list[Document]:
    return [Document(f"text {i}", lambda text=text: iter([text])) for i, text in enumerate(texts)]


def counted(model: TextModel, texts: list[str]) -> list[Recalled]:
    some = documents(*texts)
    return recalled(model, some, tokenize(some, model.tokenizer))


def by_hand(model: TextModel, texts: list[str]) -> dict[int, tuple[int, int]]:
    """{gap: (letters asked, right)}, symbol after symbol."""
    found: dict[int, tuple[int, int]] = {}
    for text in texts:
        gap, size = text.count("."), len(text.split(":")[1])
        ids = model.tokenizer.encode(text)
        ids = ids if model.horizon is None else ids[-model.horizon :]
        state, prev, right = model.model.start(1, {}, len(ids)), torch.zeros(1, dtype=torch.long), 0
        for t, symbol in enumerate(ids):
            with torch.no_grad():
                logits, state = model.model.step(prev, state)
            prev = torch.tensor([int(symbol)])
            right += t >= len(ids) - size and int(logits.argmax()) == symbol
        asked, had = found.get(gap, (0, 0))
        found[gap] = asked + size, had + right
    return found


@pytest.mark.parametrize("name", ["gru", "transformer"])
def test_letters_are_counted_as_a_plain_loop_counts_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = text_model(name, ALPHABET)
    texts = [json.loads(line)["text"] for line in records(3, [0, 2, 9], 20, seed=1)]
    assert model.horizon in (None, 12)  # the longest text has 16 symbols
    found = counted(model, texts)
    wanted = by_hand(model, texts)
    assert {each.gap: (each.asked, each.right) for each in found} == wanted
    assert 0 < sum(each.right for each in found) < 180
    monkeypatch.setattr(recall, "_TOGETHER", 40)
    assert counted(model, texts) == found


def test_documents_of_the_task() -> None:
    lines = [*records(4, [1, 7], 50, letters=3)]
    assert len(lines) == 100
    assert lines == [*records(4, [1, 7], 50, letters=3)] != [*records(4, [1, 7], 50, letters=3, seed=1)]
    for i, line in enumerate(lines):
        text = json.loads(line)["text"]
        assert re.fullmatch(r"[abc]{4}" + r"\." * (7 if i % 2 else 1) + ":[abc]{4}", text)
        assert text[:4] == text[-4:]
    assert {json.loads(line)["text"][0] for line in lines} == set("abc")


def test_accuracy_and_its_error() -> None:
    found = recall._summed(4, [(2, 1), (2, 0), (4, 4)])  # of 8 letters 5; away from 5/8 by −.25, −1.25, 1.5
    assert (found.gap, found.asked, found.right, found.accuracy) == (4, 8, 5, 0.625)
    assert found.error == pytest.approx(np.sqrt((0.25**2 + 1.25**2 + 1.5**2) * 3 / 2) / 8)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [((0, [1], 1), "symbols is 0"), ((1, [], 1), "gap is empty"), ((1, [-1], 1), "gap is -1"), ((1, [1], 1, 27), "27")],
)
def test_numbers_out_of_range(arguments: tuple[object, ...], named: str) -> None:
    with pytest.raises(UserError, match=named):
        next(records(*arguments))  # pyright: ignore[reportArgumentType]


def test_other_texts_are_refused() -> None:
    model = text_model("gru", ALPHABET)
    for text in ("abc", "ab..:ba", "ab..:ab c"):
        with pytest.raises(UserError, match=r"text 1 is not of the recall task"):
            counted(model, ["ab.:ab", text])
    with pytest.raises(UserError, match="one symbol of each letter"):
        counted(text_model("gru", ALPHABET, kind="words"), ["ab.:ab"])


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    assert main(["data", "recall", "task.ndjson", "--gap", "1", "--gap", "3", "--count", "30", "--symbols", "2"]) == 0
    assert "60 documents, 2 of 8 letters, gaps 1, 3" in capsys.readouterr().err
    small = "--net.width 8 --net.layers 1 --steps 2 --threads 1 --train.samples 0 --quiet"
    assert main(f"train task.ndjson --model gru {small} --out run".split()) == 0
    capsys.readouterr()
    assert main(["inspect", "run", "task.ndjson", "--recall", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["gaps"]
    assert [(row["gap"], row["asked"]) for row in rows] == [(1, 60), (3, 60)]
    assert (tmp_path / "recall.png").exists()
    assert main(["inspect", "run", "--recall"]) == 0
    assert "letters that are recalled across a gap" in capsys.readouterr().out
    for words, named in (("data recall task.txt", "task.txt: documents are written as .ndjson"),
                         ("data recall task.ndjson --letters 1", "letters 1"),
                         ("inspect run --recall --sight", "give one")):  # fmt: skip
        assert main(words.split()) == 2
        _, err = capsys.readouterr()
        assert named in err
        assert err.count("\n") == 1
