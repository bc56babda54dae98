"""Auto-encoders: no likelihood or a bound is printed, codes go in and out, a run is resumed, files are checked."""

from __future__ import annotations

import json
import math
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import seriatim
from checkpoints import edit
from seriatim.cli import main
from seriatim.conditioning import CodeConfig, CodeEncoder
from seriatim.errors import Interrupted, UserError
from seriatim.image.code_prior import prior_steps
from seriatim.image.data.gallery import Pictures
from seriatim.image.data.opening import open_gallery
from seriatim.image.figures import CodeFigures
from seriatim.image.model import CODE, ImageModel
from seriatim.image.options import CodeOptions
from seriatim.models import LSTM, Conditional, GatedPixelCNN, GatedPixelCNNConfig, RecurrentConfig
from seriatim.runs import building
from seriatim.symbols.levels import Levels
from seriatim.training.plan import Plan
from seriatim.training.run import Means, plan_of, resume, start
from seriatim.walks.noise import own_seeds
from tiny_pictures import SIZE, folder_of, picture, plan, reading, same_tensors, stopped_at

QUIET = Means(quiet=True)


def of_codes(folder: Path, **options: object) -> Plan:
    return plan(folder, code=CodeOptions(2, 4, 8), **{"steps": 60, "evaluate_every": 30, "lr": 0.01, **options})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("codes")
    start(of_codes(folder_of(place)), place / "run", QUIET)
    for number in range(3):
        Image.fromarray(picture(200 + number)[..., 0]).save(place / f"{number}.png")
    return place / "run"


def some(count: int = 6) -> np.ndarray:
    return np.stack([picture(number) for number in range(100, 100 + count)])


def test_figures_say_what_they_are(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = ImageModel.load(run)
    figures = model.evaluate(held_out(run))
    assert isinstance(figures, CodeFigures)
    assert figures.bound is not None
    assert figures.code_nats is not None
    total = figures.given_code.nats_per_image + figures.code_nats
    assert figures.bound.nats_per_image == pytest.approx(total)
    assert main(["evaluate", str(run)]) == 0
    printed = capsys.readouterr().out
    assert "not a likelihood" in printed
    assert "a bound" in printed
    assert "bits/dim  " not in printed
    assert main(["evaluate", str(run), "--json"]) == 0
    assert "bits_per_dim" not in json.loads(capsys.readouterr().out)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert not any(key.endswith("bits_per_dim") for row in rows for key in row)


def held_out(run: Path) -> Pictures:
    return open_gallery(run.parent / "pictures-1", *reading(run)).splits["test"]


def test_the_bound_is_one(run: Path) -> None:
    """Summed over every code, the picture is at least as likely as with its own: nats below the bound."""
    model, x = ImageModel.load(run), some()
    bound = model.bound(x)
    grid = np.stack(np.meshgrid(*[np.arange(4)] * 2, indexing="ij"), -1).reshape(-1, 2)
    prior = model.codes.log_prob(grid)
    assert np.exp(prior).sum() == pytest.approx(1, abs=1e-5)
    values = model.codes.encoder.values(torch.from_numpy(grid)).numpy()
    joint = [prior[i] + model.log_prob(x, {CODE: np.tile(values[i], (len(x), 1))}) for i in range(len(grid))]
    whole = np.logaddexp.reduce(np.stack(joint), 0)
    assert (bound <= whole + 1e-9).all()
    assert (bound > whole - 20).all()


def test_codes_go_in_and_out(run: Path) -> None:
    model, x = ImageModel.load(run), some()
    codes = model.codes.encode(x)
    assert codes.shape == (6, 2)
    assert np.abs(codes).max() <= 1
    assert np.array_equal(
        model.codes.encoder.values(torch.from_numpy(model.codes.symbols(model.codes.encode(x)))).numpy(), codes
    )
    assert np.array_equal(model.decode(codes, seed=3), model.sample(6, given={CODE: x}, seed=3))
    between = model.between(x[0], x[1], 5, seed=1)
    assert np.array_equal(between[0], model.decode(codes[:1], seed=[1])[0])
    assert np.array_equal(between[4], model.decode(codes[1:2], seed=[1])[0])
    drawn = model.sample(3, seed=[7, 8, 9])
    assert np.array_equal(drawn[1:2], model.sample(1, seed=[8]))  # a row is a function of its seed
    assert np.allclose(model.log_prob(x, {CODE: x}), model.log_prob(x, {CODE: codes}))
    known = np.zeros(SIZE, np.bool_)
    known[:3] = True
    done = model.complete(x[0], known, 2, given={CODE: x[0]})
    assert (done[:, :3] == model.levels.decode(model.levels.encode(x[0]))[:3]).all()


@pytest.mark.parametrize("wrong", [np.zeros((6, 3)), np.full((6, 2), np.nan), np.zeros((5, 2))])
def test_impossible_codes(run: Path, wrong: np.ndarray) -> None:
    with pytest.raises(UserError):
        ImageModel.load(run).log_prob(some(), {CODE: wrong})


def test_what_is_no_likelihood_is_refused(run: Path) -> None:
    model, x = ImageModel.load(run), some()
    with pytest.raises(UserError, match="not a likelihood"):
        model.log_prob(x)
    with pytest.raises(UserError, match="not a likelihood"):
        model.complete(x[0], np.ones(SIZE, np.bool_))
    with pytest.raises(UserError, match="label"):
        model.posterior(x)
    untrained = ImageModel(model.model, model.codecs)  # nothing says that its prior is trained
    with pytest.raises(UserError, match="at the end of a run"):
        untrained.sample(1)
    assert untrained.evaluate(held_out(run)).to_json().keys() >= {"bits_per_dim_given_code"}


def test_a_run_that_was_stopped_equals_one_that_was_not(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = run.parent
    with stopped_at(40, monkeypatch):
        start(of_codes(place / "pictures-1"), place / "halves", QUIET)
    resume(place / "halves", *plan_of(place / "halves"), QUIET)
    same_tensors(run, place / "halves", "model")
    model = seriatim.load(place / "halves", "cpu")
    assert model.about["code_nats"] < 2 * math.log(4)


def test_commands(run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent)
    assert main(["reconstruct", "run", "0.png", "1.png", "-n", "3", "-o", "again.png"]) == 0
    with Image.open("again.png") as sheet:
        scale = sheet.width // (2 * (SIZE[1] + 1) - 1)
        assert sheet.height == scale * (4 * (SIZE[0] + 1) - 1)
    assert main(["reconstruct", "run", "0.png", "1.png", "2.png", "--between", "4", "-o", "line.png"]) == 0
    assert main(["sample", "run", "-n", "2", "--given", "code=0.png", "-o", "two.png"]) == 0
    assert main(["sample", "run", "-n", "2", "-o", "new.png"]) == 0
    assert main(["score", "run", "0.png"]) == 0
    assert "at most" in capsys.readouterr().out
    for arguments, word in (
        (["reconstruct", "run"], "no picture"),
        (["reconstruct", "run", "0.png", "--between", "3"], "two or more pictures"),
        (["reconstruct", "run", "none.png"], "none.png"),
        (["reconstruct", "run", "0.png", "-o", "sheet"], "suffix"),
        (["complete", "run", "0.png"], "not a likelihood"),
        (["classify", "run", "0.png"], "label"),
    ):
        assert main(arguments) == 2, arguments
        assert word in capsys.readouterr().err


def test_families_without_a_field_say_so() -> None:
    with pytest.raises(UserError, match="gated-pixelcnn"):
        building.build("lstm", RecurrentConfig(4), {CODE: Levels(4, 4, 1)}, {CODE: CodeConfig()})


def test_hostile_encoders(run: Path, tmp_path: Path) -> None:
    import shutil

    for change, word in (
        (lambda d: d.update(encoders={}), "encoders"),
        (lambda d: d["encoders"]["code"].update(kind="torch.nn.Linear"), "kind"),
        (lambda d: d["encoders"]["code"].update(width=10**9), "width"),
        (lambda d: d["encoders"]["code"].update(width=3), "shape"),
        (lambda d: d["encoders"]["code"].pop("levels"), "levels|shape|lacks"),
        (lambda d: d["encoders"].update(other={"kind": "map", "filters": 3}), "encoders"),
        (lambda d: d["encoders"].update(code=[]), "kind"),
        (lambda d: d["codecs"]["code"].update(width=6), "differs"),
        (lambda d: d["encoders"].update(code={"kind": "map", "filters": 3}), "kind .map.; expected code"),
    ):
        shutil.rmtree(tmp_path / "bad", ignore_errors=True)
        shutil.copytree(run, tmp_path / "bad")
        edit(tmp_path / "bad", change)
        with pytest.raises(UserError, match=word):
            ImageModel.load(tmp_path / "bad")


def test_the_code_is_rounded_and_its_gradient_passes() -> None:
    torch.manual_seed(0)
    encoder = CodeEncoder((9, 7, 3), 4, CodeConfig(3, 5, 4))
    x = torch.randint(4, (8, 9, 7, 3))
    code = encoder.encode(x)
    assert torch.equal((code + 1) * 2, ((code + 1) * 2).round())
    code.sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in encoder.down.parameters())
    assert encoder(x).field.shape == (8, 9, 7, 4)


def test_the_example_beside_it_runs(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(run.parent)
    monkeypatch.setattr("sys.argv", ["autoencoder.py", "run", "--steps", "4", "--pictures", "6", "--out", "beside.png"])
    runpy.run_path(str(Path(__file__).parents[2] / "examples" / "autoencoder.py"), run_name="__main__")
    assert "deconvolution" in capsys.readouterr().out
    with Image.open("beside.png") as sheet:
        assert sheet.width > sheet.height // 2


def test_a_code_and_its_picture_are_drawn_apart() -> None:
    """A decoder that does not look at its code: code and picture are then independent."""
    encoder = CodeEncoder((1, 1, 1), 4, CodeConfig(1, 4, 1))
    inner = GatedPixelCNN(GatedPixelCNNConfig(1, 1, 1, 4, filters=1, layers=1, first=3, field=1))
    prior = LSTM(RecurrentConfig(4, width=1))
    with torch.no_grad():
        for parameter in [*inner.parameters(), *prior.parameters()]:
            parameter.zero_()  # all levels are as likely
    levels = Levels(1, 1, 1, 4)
    model = ImageModel(Conditional(inner, {CODE: encoder}, prior), {"x": levels, CODE: levels}, about={"code_nats": 1})
    drawn = levels.encode(model.sample(800, seed=5)).ravel()
    codes = model.codes.symbols(model.codes.draw(own_seeds(5, 800))).ravel()
    table = np.bincount(4 * codes + drawn, minlength=16)
    assert ((table - 50) ** 2 / 50).sum() < 45  # χ² of 15 degrees of freedom: one in 10,000 is above


def test_a_finished_run_is_left_as_it_is(run: Path) -> None:
    before = (run / "model.json").read_bytes()
    resume(run, *plan_of(run), QUIET)
    assert (run / "model.json").read_bytes() == before


def test_ctrl_c_while_the_prior_is_learned(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = run.parent

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("seriatim.image.task.fit_prior", interrupted)
        with pytest.raises(Interrupted, match="--resume"):
            start(of_codes(place / "pictures-1", steps=4, evaluate_every=2), place / "stopped", QUIET)
    assert main(["sample", str(place / "stopped"), "-o", str(place / "no.png")]) == 2
    resume(place / "stopped", *plan_of(place / "stopped"), QUIET)
    assert main(["sample", str(place / "stopped"), "-o", str(place / "yes.png")]) == 0
    capsys.readouterr()
    assert main(["inspect", str(place / "stopped")]) == 0
    assert "2 numbers of 4 levels" in capsys.readouterr().out


def test_the_prior_is_announced_and_takes_as_many_steps_as_the_model(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start(of_codes(run.parent / "pictures-1", steps=3, evaluate_every=3), run.parent / "short", Means())
    said = capsys.readouterr().err
    assert "afterwards a prior over its codes, to draw new pictures: 3 steps" in said
    assert "now a prior over the codes, to draw new pictures: 3 steps" in said
    assert prior_steps(100_000) == 1500


def test_options_that_would_be_ignored(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = str(run.parent / "0.png")
    for arguments, word in (
        (["train", "digits", "--code.levels", "8"], "--code.width"),
        (["train", "digits", "--preset", "autoencoder", "--from", str(run)], "preset"),
        (["reconstruct", str(run), picture, picture, "--between", "3", "-n", "7"], "one of them"),
    ):
        assert main(arguments) == 2, arguments
        assert word in capsys.readouterr().err


def test_numbers_at_an_end_come_back() -> None:
    torch.manual_seed(0)
    encoder = CodeEncoder((4, 4, 1), 4, CodeConfig(2, 8, 3))
    x = torch.randint(4, (16, 4, 4, 1))
    with torch.no_grad():
        encoder.narrow.bias += 5 / encoder.scale  # all of them far beyond 1
    assert bool((encoder.encode(x) == 1).all())
    encoder.encode(x).sum().backward()  # lower is better: they may come back
    assert encoder.narrow.bias.grad is not None
    assert bool((encoder.narrow.bias.grad > 0).all())
    encoder.zero_grad()
    (-encoder.encode(x)).sum().backward()  # higher is better: no further out
    assert bool((encoder.narrow.bias.grad == 0).all())
