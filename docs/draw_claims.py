"""Draw `pictures/sampling.png` of docs/claims.md from the table in results.md.

python docs/draw_claims.py
"""

from pathlib import Path

from matplotlib.figure import Figure

DOCS = Path(__file__).parent
SECTION = "## Pictures: sampling against running the network again"


def rows() -> list[tuple[str, float, float]]:
    """(model, seconds to run again for every pixel, seconds of Seriatim), as the table has them."""
    text = (DOCS / "results.md").read_text().split(SECTION)[1].split("\n## ")[0]
    table = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    names = table[0]
    again, ours = names.index("again per pixel (s)"), names.index("Seriatim (s)")
    return [(row[0].split(" (")[0], float(row[again]), float(row[ours])) for row in table[2:]]


def main() -> None:
    """A pair of bars for each model, on a logarithmic scale."""
    found = rows()
    figure = Figure(figsize=(8.0, 4.0), dpi=100)
    axes = figure.add_subplot()
    places = range(len(found))
    once, kept = [again for _, again, _ in found], [ours for _, _, ours in found]
    axes.barh([p - 0.2 for p in places], once, 0.38, label="the network again for every pixel")
    axes.barh([p + 0.2 for p in places], kept, 0.38, label="what does not change is kept")
    for place, (_, again, ours) in zip(places, found, strict=True):
        axes.text(ours * 1.15, place + 0.2, f"{again / ours:.0f} times", va="center", fontsize=7)
    axes.set_yticks(places, [name for name, _, _ in found], fontsize=7)
    axes.set(xscale="log", xlabel="seconds for 16 pictures, one thread")
    axes.invert_yaxis()
    axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.4, 1.12), ncols=2, frameon=False)
    figure.tight_layout()
    figure.savefig(DOCS / "pictures" / "sampling.png")


if __name__ == "__main__":
    main()
