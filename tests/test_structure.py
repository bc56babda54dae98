"""The tree of docs/architecture.md, read from the sources: who may import whom, how long files and functions are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from seriatim.modality import HOMES

ROOT = Path(__file__).parents[1] / "src" / "seriatim"
WINGS = tuple(HOMES)
ORDER = [
    "errors", "config", "modality", "tree", "context", "symbols", "kernels", "heads", "causal", "layers",
    "raster", "walks", "conditioning", "data", "models", "instruments", "coding", "testing", "runs", "drawing",
    "training", *WINGS, "api", "cli", "serve",
]  # fmt: skip
SHARED = {  # what the files of a folder may import of their own folder; all else is families, heads, layers
    "models": {
        "base",
        "sequence",
        "replay",
        "conditional",
        "grid",
        "pixelrnn",
        "real_config",
        "cascade",
        "registry",
        "nested",
        "subpixels",
        "schedule",
        "sound_cascade",
        "sound_steps",
        "wavenet_steps",
        "transformer_steps",
        "bytenet_steps",
        "pixel_steps",
        "compiled",
    },
    "heads": {
        "base",
        "categorical",
        "component",
        "counting",
        "density",
        "density_mixture",
        "fitting",
        "gaussian",
        "logistic",
        "normal",
        "student",
    },
    "causal": {"base", "combine", "slow", "conv", "scan", "stacks"},
}
PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
LONGEST = 400
LARGEST = 80, 12  # lines and parameters of a function
AT_ROOT = 9

FILES = sorted(ROOT.rglob("*.py"))
EACH = pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported, anywhere in the file; of `from a import b`, "a.b"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rank(layer: str) -> int:
    """The floor of a folder; the wings are on one."""
    return ORDER.index(WINGS[0] if layer in WINGS else layer)


def parts(path: Path) -> list[str]:
    return list(path.relative_to(ROOT).with_suffix("").parts)


def faults(path: Path, source: str) -> list[str]:
    """What is wrong with a file."""
    tree, found, layer = ast.parse(source), [], parts(path)[0]
    inside = [name.split(".")[1:] for name in imports(tree) if name.split(".")[0] == "seriatim"]
    if layer not in ("__init__", "__main__"):
        if layer not in ORDER:
            return [f"{layer} has no place in the order of layers"]
        for target in inside:
            if target and target[0] in ORDER and rank(target[0]) > rank(layer):
                found.append(f"{layer} imports {target[0]}, which comes after it")
            if layer in WINGS and target and target[0] in WINGS and target[0] != layer:
                found.append(f"the wing {layer} imports the wing {target[0]}")
        if layer in SHARED and parts(path)[-1] != "__init__":
            siblings = {file.stem for file in (ROOT / layer).glob("*.py")} - SHARED[layer]
            for target in inside:
                if target[0] == layer and len(target) > 1 and target[1] in siblings:
                    found.append(f"{'/'.join(parts(path))} imports its sibling {target[1]}")
    if len(source.splitlines()) > LONGEST:
        found.append(f"{len(source.splitlines())} lines")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            count = len([*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs])
            if lines > LARGEST[0] or count > LARGEST[1]:
                found.append(f"{node.name}: {lines} lines, {count} parameters")
    return found + list(forbidden(tree))


def written_there(tree: ast.AST, name: ast.expr) -> bool:
    """Whether a name is a constant, or looked up in a literal dict of constants at the top of the file."""
    if isinstance(name, ast.Constant):
        return True
    tables = {
        target.id
        for node in ast.iter_child_nodes(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
        for target in node.targets
        if isinstance(target, ast.Name) and all(isinstance(value, ast.Constant) for value in node.value.values)
    }
    return isinstance(name, ast.Subscript) and isinstance(name.value, ast.Name) and name.value.id in tables


def forbidden(tree: ast.AST) -> Iterator[str]:
    """Calls and imports that would run what a file says."""
    for name in imports(tree):
        if name.split(".")[0] in PICKLES or name in ("torch.load", "runpy.run_path"):
            yield f"imports {name}"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in ("eval", "exec", "compile", "__import__", "torch.load", "torch.jit.load", "torch.package"):
            yield f"line {node.lineno} calls {called}"
        if called.split(".")[-1] == "import_module" and not written_there(tree, node.args[0]):
            yield f"line {node.lineno} imports a module whose name is not written there"
        for keyword in node.keywords:
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if (keyword.arg, value) in (("weights_only", False), ("allow_pickle", True), ("shell", True)):
                yield f"line {node.lineno} says {keyword.arg}={value}"


@EACH
def test_a_file_keeps_to_its_place(path: Path) -> None:
    assert faults(path, path.read_text()) == []


def test_the_root_is_small() -> None:
    assert len(list(ROOT.glob("*.py"))) <= AT_ROOT


BAD = {
    "later": ("heads/new.py", "from seriatim.models import Model", "imports models"),
    "later-as-a-name": ("tree.py", "from seriatim import cli", "imports cli"),
    "later-inside-a-function": ("causal/new.py", "def f():\n    import seriatim.walks.walk", "imports walk"),
    "family": ("models/transformer.py", "from seriatim.models.recurrent import LSTM", "its sibling recurrent"),
    "head": ("heads/new.py", "from seriatim.heads.mixture import Mixture", "its sibling mixture"),
    "layer": ("causal/conv.py", "from seriatim.causal.attention import Cache", "its sibling attention"),
    "nowhere": ("elsewhere.py", "", "no place"),
    "long": ("tree.py", "\n" * 401, "401 lines"),
    "pickle": ("tree.py", "import pickle", "pickle"),
    "torch-load": ("tree.py", "import torch\ntorch.load('x')", "torch.load"),
    "torch-load-by-name": ("tree.py", "from torch import load", "torch.load"),
    "eval": ("tree.py", "eval('1')", "eval"),
    "exec": ("tree.py", "exec('1')", "exec"),
    "module-from-a-table": (
        "tree.py",
        "from importlib import import_module\nt = {'a': f()}\nimport_module(t['a'])",
        "imports a module",
    ),
    "module-from-a-name": ("tree.py", "import importlib\nimportlib.import_module(name)", "imports a module"),
    "weights": ("tree.py", "f(weights_only=False)", "weights_only"),
}


@pytest.mark.parametrize(("name", "source", "message"), BAD.values(), ids=BAD)
def test_what_is_out_of_place_is_found(name: str, source: str, message: str) -> None:
    assert any(message in fault for fault in faults(ROOT / name, source))


@pytest.mark.parametrize(
    "source", ["model.eval()", "import importlib\nimportlib.import_module('a')", "from seriatim import tree"]
)
def test_what_is_in_place_is_left_alone(source: str) -> None:
    assert faults(ROOT / "walks" / "walk.py", source) == []
