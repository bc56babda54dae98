"""One file from one address, by pooch: to a temporary name, checked, then renamed, so nobody ever sees half a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from seriatim.errors import UserError

_CHUNK = 1 << 16
_PATIENCE = 30  # seconds without a byte


def download(address: str, size: int, sha256: str, target: Path) -> Path:
    """Fetch `address` to `target`; a `UserError` if it cannot be had or is not what was expected."""
    import pooch

    def fetch(url: str, output_file: str, _: object) -> None:
        found = _to_file(url, size, Path(output_file))
        if found != sha256:
            raise UserError(f"{url}: what came has sha256 {found} where {sha256} is wanted: {_advice(target)}")

    try:
        pooch.retrieve(
            address,
            f"sha256:{sha256}",
            fname=target.name,
            path=target.parent,
            downloader=fetch,  # pyright: ignore[reportArgumentType]  (pooch's type names arguments it passes by place)
        )
    except OSError as error:  # what requests raises is an OSError too
        raise UserError(f"{address} could not be downloaded ({_reason(error)}): {_advice(target)}") from None
    return target


def _to_file(url: str, size: int, path: Path) -> str:
    """Write what `url` answers and return its sha256. pooch's own downloader wants tqdm and leaves sockets open."""
    import requests
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    digest = hashlib.sha256()
    terminal = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with (
        requests.get(url, stream=True, timeout=_PATIENCE) as response,
        path.open("wb") as file,
        Progress(*columns, console=terminal, disable=not terminal.is_terminal) as progress,
    ):
        response.raise_for_status()
        task = progress.add_task(Path(url).name, total=size)
        for chunk in response.iter_content(_CHUNK):
            file.write(chunk)
            digest.update(chunk)
            progress.advance(task, len(chunk))
    return digest.hexdigest()


def _reason(error: OSError) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answers {response.status_code}"
    return error.strerror or f"no connection, or it broke off: {type(error).__name__}"


def _advice(target: Path) -> str:
    return f"try again later, or put the right file at {target}"
