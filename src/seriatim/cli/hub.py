"""seriatim hub: push and fetch."""

from __future__ import annotations

from pathlib import Path

from seriatim.cli.common import say


def push(run: Path, name: str, /, *, private: bool = False) -> None:
    """Put the best model of a run into a repository of the Hugging Face Hub (extra `hub`).

    Parameters
    ----------
    run
        Directory written by `seriatim train`.
    name
        Repository, OWNER/NAME; it is made if need be. Log in first: hf auth login.
    private
        Whether a new repository is private.
    """
    from seriatim.runs import hub

    say(hub.push(run, name, private=private))


def fetch(name: str, /, *, out: Path | None = None, revision: str = "main") -> None:
    """Download a model from the Hugging Face Hub (extra `hub`).

    Parameters
    ----------
    name
        Repository, OWNER/NAME.
    out
        Folder to write. Default: runs/NAME.
    revision
        Branch, tag or commit.
    """
    from seriatim.runs import hub

    folder = Path("runs") / name.split("/")[-1] if out is None else out
    hub.fetch(name, folder, revision=revision)
    say(f"{folder}: seriatim sample {folder}   or   seriatim inspect {folder}")
