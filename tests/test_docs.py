"""The code of the pages that promise to run does run, block after block."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest

from seriatim.models import plugins

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {
    "tutorials/trajectories.md": 1,
    "tutorials/video.md": 1,
    "families/vpn.md": 1,
    "concepts.md": 6,
    "tutorials/own.md": 6,
    "tutorials/series.md": 1,
    "families/arma.md": 1,
    "families/garch.md": 1,
}  # least number of blocks
BLOCK = re.compile(r"(<!-- not run -->\n)?```python\n(.*?)```", re.S)


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = [match for match in BLOCK.finditer(text) if not match[1]]
    assert len(blocks) >= PAGES[page]
    page_as_module = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", page_as_module)
    monkeypatch.setattr(plugins, "_registered", dict(plugins._registered))
    for match in blocks:
        first = text[: match.start(2)].count("\n")  # so that a traceback names the line of the page
        code = compile("\n" * first + match[2], str(DOCS / page), "exec", dont_inherit=True)
        exec(code, vars(page_as_module))
