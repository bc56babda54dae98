"""Multi-scale runs: trained, drawn in their own order, and a small picture enlarged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from seriatim.cli import main
from seriatim.errors import UserError
from seriatim.image.canvas import pictures, positions
from seriatim.image.model import ImageModel
from seriatim.models import MultiscaleConfig, multiscale
from seriatim.training.run import Means, start
from tiny_pictures import SIZE, folder_of, picture, plan

QUIET = Means(quiet=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("scales")
    start(plan(folder_of(place), "multiscale", steps=80, evaluate_every=40, lr=0.01), place / "run", QUIET)
    return place / "run"


def test_a_small_picture_is_enlarged_and_kept(run: Path) -> None:
    model = ImageModel.load(run)
    x = model.levels.decode(model.levels.encode(picture(100)))
    rows, columns = np.indices(SIZE)
    known = (rows % 2 == 0) & (columns % 2 == 0)
    done = model.complete(x, known, 30, given={"label": "down"})
    assert (done[:, known] == x[known]).all()
    assert len(np.unique(done.reshape(30, -1), axis=0)) > 20
    true = np.abs(done.mean(0) - x).mean()  # the right label's small picture says how light each row is
    other = np.abs(model.sample(30, given={"label": "across"}).mean(0) - x).mean()
    assert true < other


def test_the_order_of_drawing_is_a_permutation_that_is_undone() -> None:
    model = multiscale(MultiscaleConfig(7, 9, 3, 4, scales=3, filters=6, layers=1, up=2))
    x = np.arange(2 * 7 * 9 * 3).reshape(2, 7, 9, 3)
    flat = positions(x, model)
    assert np.array_equal(flat[0, : 2 * 3 * 3], x[0, ::4, ::4].reshape(-1))
    assert np.array_equal(flat[0, 2 * 3 * 3 :][:3], x[0, 0, 2])  # then every second pixel that is not there yet
    assert np.array_equal(pictures(flat, model, (7, 9, 3)), x)


def test_the_chain_is_the_sum_of_its_parts(run: Path) -> None:
    model = ImageModel.load(run)
    cascade = model.grid
    x = model.levels.encode(np.stack([picture(n) for n in range(100, 104)]))
    flat = torch.from_numpy(positions(x, model.model))
    context = model.model.condition({"label": torch.zeros(4, dtype=torch.long)}, 4)
    with torch.no_grad():
        terms = cascade.log_probs(flat, context)
        small = cascade.small.log_probs(torch.from_numpy(x[:, ::2, ::2]), context).flatten(1)  # pyright: ignore
    assert torch.allclose(terms[:, : small.shape[1]], small, atol=1e-6)
    whole = model.log_prob(np.stack([picture(n) for n in range(100, 104)]), {"label": model.labels()[0]})
    assert np.allclose(terms.double().sum(1), whole, atol=1e-4)


def test_commands(run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent)
    Image.fromarray(picture(101)[..., 0]).save("one.png")
    assert main(["complete", "run", "one.png", "--known", "every-2", "-n", "2", "-o", "large.png"]) == 0
    assert main(["sample", "run", "-n", "2", "-o", "film.gif"]) == 0
    with Image.open("film.gif") as film:
        scale = film.width // (2 * (SIZE[1] + 1) - 1)
        film.seek(4)
        x = np.asarray(film.convert("L"))[scale // 2 :: scale, scale // 2 :: scale]
    assert (x[1] == 128).all()  # every second row comes later
    assert (x[0, :5:2] != 128).any()
    capsys.readouterr()
    assert main(["inspect", "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sees_of_the_past"].startswith("15 of 15")
    assert main(["complete", "run", "one.png", "--known", "every-0"]) == 2


_WIDE = ({"height": 4096, "width": 4096}, "height × width")
_DEEP = ({"scales": 4, "layers": 512}, "layers")


@pytest.mark.parametrize(
    ("sizes", "wrong"),
    [
        ({"scales": 1}, "scales"),
        ({"scales": 5}, "fewer"),
        ({"factor": 1}, "factor"),
        ({"up": 0}, "up"),
        ({"height": 4096, "width": 4096}, "height × width"),
        ({"scales": 4, "layers": 512}, "layers"),
    ],
)
def test_impossible_sizes(sizes: dict[str, int], wrong: str) -> None:
    with pytest.raises(UserError, match=wrong):
        MultiscaleConfig(**{"height": 8, "width": 8, **sizes})
