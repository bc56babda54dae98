"""A Transformer is a Hugging Face Llama by renaming, there and back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from seriatim.errors import UserError
from seriatim.runs import building, files
from seriatim.symbols import Labels
from seriatim.text.huggingface import export_hf, import_hf
from seriatim.text.model import TextModel
from seriatim.text.tokenizers import Policy, train_tokenizer
from tiny_text import text_model

LAYOUTS: dict[str, dict[str, Any]] = {
    "plain": {"heads": 2, "key_heads": None},
    "grouped": {"heads": 4, "key_heads": 2, "layers": 2, "hidden": 40},
    "tied": {"heads": 2, "key_heads": 1, "tied": True, "rotary": 500.0, "epsilon": 1e-5},
}


def model_of(layout: str) -> TextModel:
    return text_model("transformer", **LAYOUTS[layout])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_llama_has_the_same_logits(layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    transformers = pytest.importorskip("transformers")
    model = model_of(layout)
    export_hf(model, tmp_path / "out")
    llama = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "out").eval()
    x = torch.randint(0, model.tokenizer.size, (3, 12), generator=torch.Generator().manual_seed(0))
    start = torch.full((3, 1), model.tokenizer.end)
    with torch.no_grad():
        theirs = llama(torch.cat([start, x], 1)).logits[:, :-1]
        ours = model.model(x)
    assert (ours - theirs).abs().max() < 1e-5 * max(1.0, ours.abs().max().item())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_there_and_back_is_bit_for_bit(layout: str, tmp_path: Path) -> None:
    model = model_of(layout)
    export_hf(model, tmp_path / "out")
    back = import_hf(tmp_path / "out")
    assert back.model.config.context == model.model.config.context
    assert back.tokenizer.to_json() == model.tokenizer.to_json()
    ours, theirs = files.tensors_of(model.model), files.tensors_of(back.model)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_tokenizer_gives_the_same_symbols(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    text = "the cat sat on the mat. The CAT saw him, didn’t it?\n\n  naïve 42\t😀 " * 5
    bpe = train_tokenizer("bpe", [text], Policy(), size=300)
    base = text_model("transformer")
    model = TextModel(
        building.build("transformer", type(base.model.config)(symbols=bpe.size, width=8, heads=2, layers=1), {}),
        {"x": bpe},
        "transformer",
    )
    assert "tokenizer.json" in export_hf(model, tmp_path / "out")
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    for line in (text, "unseen ẞtraße\r\n", "a  b", ""):
        assert theirs.encode(line).ids == bpe.encode(line).tolist()
        assert theirs.decode(bpe.encode(line).tolist()) == line


ENDS = "say <end> and <end>, <end of text> or <end of text>! "


def test_the_name_of_the_end_is_text_in_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    bpe = train_tokenizer("bpe", [ENDS * 5], Policy(), size=330)
    base = text_model("transformer")
    config = type(base.model.config)(symbols=bpe.size, width=8, heads=2, layers=1)
    export_hf(TextModel(building.build("transformer", config, {}), {"x": bpe}, "transformer"), tmp_path / "out")
    expected = bpe.encode(ENDS).tolist()
    assert bpe.end not in expected
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    assert theirs.encode(ENDS).ids == expected
    whole = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    assert whole(ENDS)["input_ids"] == expected
    assert whole.eos_token_id == whole.bos_token_id == bpe.end
    assert len(whole) == bpe.size
    assert whole.decode([bpe.end, *expected, bpe.end], skip_special_tokens=True) == ENDS


def test_dropout_comes_back(tmp_path: Path) -> None:
    export_hf(text_model("transformer", dropout=0.25), tmp_path / "out")
    assert import_hf(tmp_path / "out").model.config.dropout == 0.25
    path = tmp_path / "out" / "seriatim.json"
    whole = json.loads(path.read_text())
    for wrong in (2, "much", None):
        path.write_text(json.dumps({**whole, "dropout": wrong}))
        with pytest.raises(UserError, match=r"dropout|seriatim.json"):
            import_hf(tmp_path / "out")


@pytest.mark.parametrize("name", ["gru", "conditional"])
def test_what_has_no_counterpart_is_refused(name: str, tmp_path: Path) -> None:
    model = text_model("gru") if name == "gru" else text_model("transformer", conditions={"a": Labels(["x", "y"])})
    with pytest.raises(UserError, match="cannot be exported"):
        export_hf(model, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        export_hf(model_of("plain"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        export_hf(model_of("plain"), tmp_path / "out")
    assert not list(tmp_path.iterdir())


HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "another model": ({"model_type": "gpt2"}, "gpt2"),
    "biases": ({"attention_bias": True}, "biases"),
    "scaled positions": ({"rope_scaling": {"factor": 2}}, "scaled"),
    "no width": ({"hidden_size": None}, "config.json"),
    "infinite": ({"hidden_size": float("inf")}, "config.json"),
    "a list": ({"vocab_size": [1]}, "config.json"),
    "huge": ({"hidden_size": 2**40}, "width"),
    "many layers": ({"num_hidden_layers": 1000}, "layers"),
    "another size": ({"intermediate_size": 33}, "shape"),
    "another vocabulary": ({"vocab_size": 99}, "vocab_size is 99"),
    "odd heads": ({"num_attention_heads": 3}, "heads"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_config_is_refused(case: str, tmp_path: Path) -> None:
    export_hf(model_of("plain"), tmp_path / "out")
    path = tmp_path / "out" / "config.json"
    change, words = HOSTILE[case]
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(UserError, match=words):
        import_hf(tmp_path / "out")


@pytest.mark.parametrize("file", ["config.json", "seriatim.json", "model.safetensors"])
@pytest.mark.parametrize("damage", ["gone", "cut", "list", "deep", "noise"])
def test_a_damaged_directory_is_refused(file: str, damage: str, tmp_path: Path) -> None:
    export_hf(model_of("plain"), tmp_path / "out")
    path = tmp_path / "out" / file
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(
            {"cut": whole[: len(whole) // 2], "list": b"[]", "deep": b"[" * 100_000, "noise": b"\xff\x00" * 50}[damage]
        )
    with pytest.raises(UserError) as caught:
        import_hf(tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_a_codec_that_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    export_hf(model_of("plain"), tmp_path / "out")
    codec = Labels([str(i) for i in range(15)]).to_json()
    (tmp_path / "out" / "seriatim.json").write_text(json.dumps({"codecs": {"x": codec}}))
    with pytest.raises(UserError):
        import_hf(tmp_path / "out")
