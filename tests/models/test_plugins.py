"""Families from other packages: who may bring one, whose wins, and what is never run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import seriatim
from seriatim.cli import main
from seriatim.errors import UserError
from seriatim.models import LSTM, RecurrentConfig, family, plugins, register
from tiny_text import text_file

FAMILY = """
import seriatim
from seriatim.models import LSTM, RecurrentConfig

with open({trace!r}, "a") as file:
    file.write({key!r} + " ")
{body}
"""
GOOD = """
@seriatim.register({key!r}, config=RecurrentConfig, data="text", paper="of {key}", year=2026)
class Own(seriatim.SequenceModel):
    def __init__(self, config):
        inner = LSTM(config)
        super().__init__(inner.embedding, inner.net, inner.head, start=config.start)
        self.config = config
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Puts packages with one family each onto the path, or somewhere else."""
    monkeypatch.setattr(plugins, "_registered", dict(plugins._registered))

    def put(package: str, key: str, body: str = GOOD, place: Path | None = None) -> Path:
        site = place or tmp_path / "site"
        info = site / f"{package}-1.0.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[seriatim.families]\n{key} = {package}\n")
        code = FAMILY.format(trace=str(tmp_path / "trace"), key=key, body=body.format(key=key))
        (site / f"{package}.py").write_text(code)
        if place is None and str(site) not in sys.path:
            monkeypatch.syspath_prepend(str(site))
        return tmp_path / "trace"

    return put


def imported(trace: Path) -> list[str]:
    return trace.read_text().split() if trace.exists() else []


def test_only_the_module_of_the_key_is_imported(install: Callable[..., Path]) -> None:
    install("plugin_one", "one")
    trace = install("plugin_two", "two", "raise RuntimeError('broken {key}')")
    assert {"one", "two"} <= plugins.known().keys()
    assert imported(trace) == []
    assert family("one").paper == "of one"
    assert family("lstm").model is LSTM
    assert imported(trace) == ["one"]
    with pytest.raises(UserError, match=r"'two' of the package plugin_two cannot be imported \(RuntimeError: broken"):
        family("two")


def test_built_in_keys_win(install: Callable[..., Path]) -> None:
    trace = install("plugin_lstm", "lstm")
    assert family("lstm").model is LSTM
    assert "lstm" not in plugins.known()
    assert imported(trace) == []
    with pytest.raises(UserError, match=r"the family 'gru' is built in, and .*Other cannot replace it"):

        @register("gru", config=RecurrentConfig, data="text")
        class Other(LSTM): ...  # pyright: ignore[reportGeneralTypeIssues]


def test_a_key_claimed_twice_is_refused_by_both_names(install: Callable[..., Path]) -> None:
    install("plugin_three", "same")
    trace = install("plugin_four", "same")
    with pytest.raises(UserError, match="'same' is claimed by the packages plugin_four and plugin_three"):
        family("same")
    assert imported(trace) == []

    class First(seriatim.SequenceModel): ...

    class Second(seriatim.SequenceModel): ...

    register("mine", config=RecurrentConfig, data="text")(First)
    register("mine", config=RecurrentConfig, data="text")(First)  # the same class again, as after a reload
    with pytest.raises(UserError, match=r"'mine' is claimed by .*First and by .*Second; remove one"):
        register("mine", config=RecurrentConfig, data="text")(Second)


def test_a_module_that_does_not_register_its_key(install: Callable[..., Path]) -> None:
    install("plugin_five", "five", "")
    with pytest.raises(UserError, match="announces the family 'five', but plugin_five does not register it"):
        family("five")


def test_a_config_without_what_follows_from_the_data() -> None:
    import dataclasses

    @dataclasses.dataclass(frozen=True)
    class Bare:
        symbols: int

    with pytest.raises(UserError, match="the config of family 'bare' lacks the field 'start', which follows from text"):
        register("bare", config=Bare, data="text")


@pytest.mark.parametrize("command", [["-m", "seriatim"], ["-c", "from seriatim.cli import run; run()"]])
def test_the_current_folder_is_not_searched(install: Callable[..., Path], tmp_path: Path, command: list[str]) -> None:
    here = tmp_path / "here"
    trace = install("plugin_here", "here", place=here)
    said = subprocess.run([sys.executable, *command, "models", "here"], cwd=here, capture_output=True, text=True)
    assert said.returncode == 2
    assert "'here' is not a model family" in said.stderr
    assert "Traceback" not in said.stderr
    assert imported(trace) == []


def test_a_module_of_the_current_folder_does_not_stand_in_for_an_installed_one(
    install: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("plugin_six", "six")
    here = tmp_path / "here"
    here.mkdir()
    (here / "plugin_six.py").write_text("raise SystemExit('ran what lies in the current folder')")
    command = [sys.executable, "-m", "seriatim", "models", "six"]
    environment = {"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin"}
    said = subprocess.run(command, cwd=here, capture_output=True, text=True, env=environment)
    assert said.returncode == 0, said.stderr
    assert "of six (2026)" in said.stdout


def test_a_family_of_another_package_is_used_like_our_own(
    install: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install("plugin_seven", "seven")
    data, run = text_file(tmp_path), str(tmp_path / "run")
    sizes = ["--net.width", "16", "--net.layers", "1", "--train.steps", "3", "--train.samples", "1", "--quiet"]
    assert main(["train", str(data), "--model", "seven", *sizes, "--out", run]) == 0
    for command in (["evaluate", run], ["score", run, str(data)], ["sample", run], ["inspect", run]):
        assert main(command) == 0, capsys.readouterr().err
    assert seriatim.load(run, "cpu").family == "seven"
    plugins._registered.pop("seven")
    (tmp_path / "site" / "plugin_seven-1.0.dist-info" / "entry_points.txt").unlink()
    assert main(["sample", run]) == 2
    assert "family 'seven' is not one that this program has" in capsys.readouterr().err
