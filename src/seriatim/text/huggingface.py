"""Models to and from other programs' formats: a Transformer is a Hugging Face Llama by renaming."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError

from seriatim.errors import UserError
from seriatim.models import Transformer, TransformerConfig
from seriatim.runs import checkpoint, files
from seriatim.symbols import from_json
from seriatim.text.model import TextModel
from seriatim.text.tokenizers import TOKENIZERS, Bpe
from seriatim.text.tokenizers.subwords import HF_END

CODECS = "seriatim.json"  # the tokenizer, next to the files of Hugging Face


def _names(config: TransformerConfig) -> Iterator[tuple[str, str]]:
    """(our name, Llama's name) of every tensor."""
    yield "embedding.table.weight", "model.embed_tokens.weight"
    for i in range(config.layers):
        ours, llama = f"net.layers.blocks.layers.{i}", f"model.layers.{i}"
        yield f"{ours}.attention_norm.weight", f"{llama}.input_layernorm.weight"
        for part, name in (("query", "q"), ("key", "k"), ("value", "v"), ("out", "o")):
            yield f"{ours}.attention.{part}.weight", f"{llama}.self_attn.{name}_proj.weight"
        yield f"{ours}.feed_forward_norm.weight", f"{llama}.post_attention_layernorm.weight"
        for part in ("gate", "up", "down"):
            yield f"{ours}.feed_forward.{part}.weight", f"{llama}.mlp.{part}_proj.weight"
    yield "net.layers.norm.module.weight", "model.norm.weight"
    if not config.tied:
        yield "net.layers.out.module.weight", "lm_head.weight"


def _llama_config(config: TransformerConfig) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": config.symbols,
        "hidden_size": config.width,
        "intermediate_size": config.feed_forward,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.groups,
        "head_dim": config.width // config.heads,
        "hidden_act": "silu",
        "max_position_embeddings": config.context + 1,  # a piece and the symbol before it
        "rms_norm_eps": config.epsilon,
        "rope_theta": config.rotary,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rotary},
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": config.tied,
        "bos_token_id": config.start,
        "eos_token_id": config.start,
        "pad_token_id": config.start,
        "torch_dtype": "float32",
    }


def export_hf(model: TextModel, folder: Path) -> list[str]:
    """Write a directory that `transformers` opens as a Llama: the same logits for `<end>` followed by a text.

    Returns:
        The names of the files written.

    Raises:
        UserError: if the model is not an unconditional Transformer, or the folder is not empty.
    """
    if not isinstance(model.model, Transformer):
        what = "a model with conditions" if model.conditions else f"a {model.family}"
        raise UserError(f"{what} cannot be exported to Hugging Face; only a transformer without conditions can")
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; give another folder")
    config = model.model.config
    held = files.tensors_of(model.model)
    fresh = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        files.write_tensors(fresh / "model.safetensors", {llama: held[ours] for ours, llama in _names(config)})
        # Llama's dropout is another one, and left out of its config: it would not change what is trained further there
        ours = {"codecs": {"x": model.tokenizer.to_json()}, "dropout": config.dropout}
        documents = {"config.json": _llama_config(config), CODECS: ours}
        end = model.tokenizer.end
        documents["generation_config.json"] = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end}
        if isinstance(model.tokenizer, Bpe) and model.tokenizer.lossless and model.tokenizer.policy.casing == "keep":
            documents["tokenizer.json"] = model.tokenizer.to_hf()
            documents["tokenizer_config.json"] = {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "bos_token": HF_END,
                "eos_token": HF_END,
                "pad_token": HF_END,
                "split_special_tokens": True,  # the name of the end in a text is text
                "model_max_length": config.context + 1,
            }
        for name, document in documents.items():
            (fresh / name).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        fresh.replace(folder)
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(f"cannot write {folder}: {reason}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return ["model.safetensors", *documents]


def is_hf(folder: Path) -> bool:
    """Whether a directory looks like a Hugging Face model."""
    return (folder / "config.json").is_file() and not (folder / "model.json").exists()


def _json(path: Path) -> dict[str, Any]:
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; only a directory written by `seriatim export` can be read") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error}); export it again") from error
    if not isinstance(document, dict):
        raise UserError(f"{path} is not a JSON object; export it again")
    return cast("dict[str, Any]", document)


def import_hf(folder: Path, device: str = "cpu") -> TextModel:
    """Read what `export_hf` wrote, possibly trained further by another program.

    Raises:
        UserError: for another layout: another kind of model, scaled positions, several tensor files.
    """
    raw = _json(folder / "config.json")
    if raw.get("model_type") != "llama":
        raise UserError(f"{folder} has model_type {str(raw.get('model_type'))[:40]!r}; only a llama can be read")
    rope: Any = raw.get("rope_parameters") or {}
    scaled = raw.get("rope_scaling") or (rope.get("rope_type", "default") != "default")
    if scaled or raw.get("attention_bias") or raw.get("mlp_bias") or raw.get("hidden_act", "silu") != "silu":
        raise UserError(f"{folder} has biases, scaled positions or another activation, which ours does not have")
    ours = _json(folder / CODECS)
    codecs = ours.get("codecs")
    tokenizer = from_json(codecs.get("x") if isinstance(codecs, dict) else None, TOKENIZERS)
    try:
        config = TransformerConfig(
            symbols=int(raw["vocab_size"]),
            width=int(raw["hidden_size"]),
            layers=int(raw["num_hidden_layers"]),
            heads=int(raw["num_attention_heads"]),
            key_heads=int(raw["num_key_value_heads"]),
            hidden=int(raw["intermediate_size"]),
            tied=bool(raw["tie_word_embeddings"]),
            rotary=float(rope.get("rope_theta", raw.get("rope_theta", 10000.0))),
            epsilon=float(raw["rms_norm_eps"]),
            dropout=float(ours.get("dropout", 0.0)),
            start=int(raw["bos_token_id"]),
            context=int(raw["max_position_embeddings"]) - 1,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UserError(f"{folder}: config.json or {CODECS} has no valid {error}; export it again") from error
    if config.symbols != tokenizer.size:
        raise UserError(f"{folder}: vocab_size is {config.symbols}, but {CODECS} has {tokenizer.size} symbols")
    path = folder / "model.safetensors"
    if not path.is_file():
        raise UserError(f"{path} is missing; models in several files are not supported")
    model = checkpoint.build_checked("transformer", config, {}, path, dict(_names(config)), device)
    return TextModel(model, {"x": tokenizer}, "transformer", {"from": "a Hugging Face directory"})
