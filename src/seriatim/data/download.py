"""Downloads by pooch: to a temporary name, verified, then renamed, so that no partial file is ever seen."""

from __future__ import annotations

import hashlib
from pathlib import Path

from seriatim.errors import UserError

_CHUNK = 1 << 16
_PATIENCE = 30  # seconds without a byte


def download(address: str, size: int, sha256: str, target: Path) -> Path:
    """Download `address` to `target`; a `UserError` if that fails or the content is not as expected."""
    import pooch

    def fetch(url: str, output_file: str, _: object) -> None:
        found = _to_file(url, size, Path(output_file))
        if found != sha256:
            raise UserError(f"{url}: sha256 is {found}; expected {sha256}: {_advice(target)}")

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
    """Write the content of `url` and return its sha256. pooch's own downloader needs tqdm and leaves sockets open."""
    import requests

    from seriatim.data.progress import Bar

    digest, done = hashlib.sha256(), 0
    with (
        requests.get(url, stream=True, timeout=_PATIENCE) as response,
        path.open("wb") as file,
        Bar(Path(url).name, size, in_bytes=True, stays=True) as bar,
    ):
        response.raise_for_status()
        for chunk in response.iter_content(_CHUNK):
            file.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            bar.to(done)
    return digest.hexdigest()


def _reason(error: OSError) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answers {response.status_code}"
    return error.strerror or f"no connection, or it was lost: {type(error).__name__}"


def _advice(target: Path) -> str:
    return f"try again later, or put the right file at {target}"
