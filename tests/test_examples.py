"""The examples in docstrings run, and every public class has one."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import sys
import types
from pathlib import Path

import pytest
import torch

from seriatim.models import plugins

ROOT = Path(__file__).parents[1] / "src" / "seriatim"
PUBLIC = ["heads", "causal", "models", "conditioning", "coding", "symbols", "walks"]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def written(path: Path) -> set[str]:
    """The names of a file whose docstrings have examples, as doctest counts them: Class, Class.method, function."""
    found: set[str] = set()

    def walk(node: ast.AST, name: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef):
                inner = f"{name}.{child.name}" if name else child.name
                if ">>> " in (ast.get_docstring(child) or ""):
                    found.add(inner)
                walk(child, inner)

    tree = ast.parse(path.read_text(encoding="utf-8"))
    if ">>> " in (ast.get_docstring(tree) or ""):
        found.add("")
    walk(tree, "")
    return found


EXAMPLES = {
    ".".join(["seriatim", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__"): names
    for path in sorted(ROOT.rglob("*.py"))
    if "cli" not in path.relative_to(ROOT).parts and (names := written(path))
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_a_module(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(name)
    tests = [test for test in doctest.DocTestFinder(exclude_empty=True).find(module, name) if test.examples]
    assert {test.name.removeprefix(name).removeprefix(".") for test in tests} == EXAMPLES[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "example", types.ModuleType("example"))  # where dataclasses look for it
    monkeypatch.setattr(plugins, "_registered", dict(plugins._registered))
    threads, default = torch.get_num_threads(), torch.get_default_dtype()
    said: list[str] = []
    for test in tests:
        test.globs["__name__"] = "example"  # a class defined in an example is none of the library's
        torch.manual_seed(0)
        doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append)
    assert not said, "".join(said)
    assert (torch.get_num_threads(), torch.get_default_dtype()) == (threads, default)


def public_classes() -> dict[str, type]:
    found: dict[str, type] = {"seriatim.context.Context": importlib.import_module("seriatim.context").Context}
    for package in PUBLIC:
        module = importlib.import_module(f"seriatim.{package}")
        for name in module.__all__:
            if inspect.isclass(cls := getattr(module, name)):
                found[f"seriatim.{package}.{name}"] = cls
    return found


def test_every_public_class_has_an_example() -> None:
    classes = public_classes()
    assert len(classes) > 70
    assert [name for name, cls in classes.items() if ">>> " not in (cls.__doc__ or "")] == []
