"""Draw docs/pictures/architecture.png from the imports: `python docs/draw_architecture.py`."""

from __future__ import annotations

import ast
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

HERE = Path(__file__).parent
ROOT = HERE.parent / "src" / "seriatim"
LEFT_OUT = {"__init__", "__main__", "errors", "config", "tree", "layers"}  # what nearly everything imports, or a list
COLOURS = {"wings": "#f6d9c0", "floor": "#d6e4f0", "tools": "#e2ecd8", "top": "#e9dff0"}
WINGS, TOP = ("text", "image", "audio", "series", "trajectory", "video"), ("api", "cli")
TOOLS = ("data", "runs", "drawing", "training", "modality", "testing", "coding", "instruments")


def imports() -> tuple[dict[str, set[str]], dict[str, int]]:
    """{room: rooms that it imports}, {room: lines}; a room is a folder, or a module at the root."""
    edges: dict[str, set[str]] = {}
    lines: dict[str, int] = {}
    for path in ROOT.rglob("*.py"):
        room = path.relative_to(ROOT).with_suffix("").parts[0]
        source = path.read_text(encoding="utf-8")
        lines[room] = lines.get(room, 0) + len(source.splitlines())
        found = edges.setdefault(room, set())
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("seriatim"):
                parts = (node.module or "").split(".")[1:2] or [alias.name for alias in node.names]
                found.update(part for part in parts if part != room)
    rooms = {room for room in edges if room not in LEFT_OUT}
    return {room: edges[room] & rooms for room in rooms}, lines


def floors(edges: dict[str, set[str]]) -> dict[str, int]:
    """A room stands above all that it imports."""
    found: dict[str, int] = {}

    def floor(room: str) -> int:
        if room not in found:
            found[room] = 1 + max((floor(other) for other in edges[room]), default=0)
        return found[room]

    for room in edges:
        floor(room)
    return found


def reduced(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """Without the arrows that follow from others."""

    def below(room: str) -> set[str]:
        return {far for near in edges[room] for far in {near, *below(near)}}

    return {
        room: {o for o in near if not any(o in below(other) for other in near - {o})} for room, near in edges.items()
    }


def colour(room: str) -> str:
    """Of a room: wings, what wings stand on, and what stands on them."""
    kind = "wings" if room in WINGS else "top" if room in TOP else "tools" if room in TOOLS else "floor"
    return COLOURS[kind]


def main() -> None:
    """Draw it."""
    edges, lines = imports()
    height = floors(edges)
    rows: dict[int, list[str]] = {}
    for room in sorted(edges, key=lambda room: (room not in WINGS, room)):
        rows.setdefault(height[room], []).append(room)
    figure = Figure(figsize=(9, 8.2), dpi=90)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.axis("off")
    place = {room: ((i + 0.5) / len(row), level) for level, row in rows.items() for i, room in enumerate(row)}
    for room, near in reduced(edges).items():
        for other in near:
            (x, y), (u, v) = place[room], place[other]
            axes.annotate("", (u, v + 0.24), (x, y - 0.24), arrowprops={"arrowstyle": "->", "color": "#999", "lw": 0.8})
    for room, (x, y) in place.items():
        box = FancyBboxPatch((x - 0.065, y - 0.22), 0.13, 0.44, "round,pad=0.005", fc=colour(room), ec="#555", lw=0.8)
        axes.add_patch(box)
        axes.text(x, y + 0.05, room, ha="center", va="center", fontsize=9, weight="bold")
        axes.text(x, y - 0.12, f"{lines[room]:,} lines", ha="center", va="center", fontsize=7, color="#444")
    axes.set_xlim(0, 1)
    axes.set_ylim(0.5, max(rows) + 0.6)
    figure.tight_layout()
    figure.savefig(HERE / "pictures" / "architecture.png")


if __name__ == "__main__":
    main()
