"""Models on a hub: the two files of a checkpoint in a repository of the Hugging Face Hub, or of a server like it.

Needs the extra `hub`. What is fetched is read like any stranger's run: nothing in it can run code.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from seriatim.errors import UserError
from seriatim.runs import files
from seriatim.runs.folder import refuse_links, writing

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_PICTURES = ("curve.png",)
_NETWORKS = {"httpx2": "HTTPError", "httpx": "HTTPError", "requests": "RequestException"}


def push(
    run: str | Path, name: str, *, private: bool = False, token: str | None = None, endpoint: str | None = None
) -> str:
    """Put a run's best model into a repository, which is made if need be.

    Its tensors, `model.json` and the learning curve are pushed, but neither its settings, which name paths of this
    machine, nor the state of training.

    Args:
        run: the directory.
        name: of the repository: "owner/name".
        private: whether a new repository is private.
        token: of the hub. Default: that of `hf auth login`.
        endpoint: address of the server. Default: that of the Hugging Face Hub, or HF_ENDPOINT.

    Returns:
        The address of the commit.

    Raises:
        UserError: if it is no run, or the hub refuses.
    """
    folder = Path(run)
    refuse_links(folder)
    _, tensors = files.open_pair(folder, "model")
    chosen = [folder / "model.json", tensors, *(folder / each for each in _PICTURES if (folder / each).is_file())]
    api, hub = _api(name, token, endpoint)
    try:
        api.create_repo(name, private=private, exist_ok=True)
        adds = [hub.CommitOperationAdd(path.name, str(path)) for path in chosen]
        return str(api.create_commit(name, adds, commit_message="A model trained with Seriatim").commit_url)
    except _failures(hub) as error:
        raise UserError(
            f"{name} cannot be pushed: {_short(error)}; check the name, the token and the network"
        ) from None


def fetch(
    name: str,
    folder: str | Path,
    *,
    revision: str = "main",
    token: str | None = None,
    endpoint: str | None = None,
) -> Path:
    """Download a model into a folder, which `seriatim.load` opens.

    Args:
        name: of the repository: "owner/name".
        folder: where to put it; it must not hold a model yet.
        revision: a branch, a tag or a commit.
        token: of the hub. Default: that of `hf auth login`.
        endpoint: address of the server. Default: that of the Hugging Face Hub, or HF_ENDPOINT.

    Returns:
        The folder.

    Raises:
        UserError: if there is no such model, or it is damaged.
    """
    place = Path(folder)
    api, hub = _api(name, token, endpoint)
    if (place / "model.json").exists():
        raise UserError(f"{place} holds a model already; choose another folder")
    with writing(place):
        try:
            info = api.model_info(name, revision=revision, files_metadata=True)
            sizes = {each.rfilename: each.size or 0 for each in info.siblings or ()}
            wanted = [each for each in sizes if each == "model.json" or files.is_tensor_file(each, "model")]
            if "model.json" not in wanted or len(wanted) < 2:
                raise UserError(
                    f"{name} holds no model of Seriatim; give a repository that `seriatim hub push` has written"
                )
            if sum(sizes[each] for each in wanted) > shutil.disk_usage(place).free:
                raise UserError(f"{name} is larger than the free space of {place}; choose another folder")
            with TemporaryDirectory(dir=place) as held:  # what else lies in the folder is the user's
                for each in wanted:
                    api.hf_hub_download(name, each, revision=info.sha, local_dir=held)
                _, tensors = files.open_pair(Path(held), "model")
                for each in (tensors.name, "model.json"):
                    (Path(held) / each).replace(place / each)
        except _failures(hub) as error:
            raise UserError(f"{name} cannot be fetched: {_short(error)}; check the name and the network") from None
    return place


def _api(name: str, token: str | None, endpoint: str | None) -> tuple[Any, Any]:
    if importlib.util.find_spec("huggingface_hub") is None:
        raise UserError("the hub needs huggingface_hub; pip install 'seriatim[hub]'")
    if not _NAME.fullmatch(name):
        raise UserError(f"{name[:80]!r} is not the name of a repository; write OWNER/NAME")
    import huggingface_hub

    return huggingface_hub.HfApi(endpoint=endpoint, token=token), huggingface_hub


def _failures(hub: Any) -> tuple[type[Exception], ...]:
    """What the hub's library raises, whichever library it reaches the network with."""
    loaded = [(sys.modules[name], error) for name, error in _NETWORKS.items() if name in sys.modules]
    network = [getattr(module, error) for module, error in loaded]
    return (*network, hub.errors.HfHubHTTPError, OSError, ValueError)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
