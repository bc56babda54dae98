"""seriatim data list | info | fetch."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from seriatim.cli.common import print_json


def list_(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> None:
    """The named data sets, and whether each is at hand.

    Parameters
    ----------
    as_json
        One JSON object on standard output.
    """
    from seriatim.data import named

    if as_json:
        rows = {name: named.info(name) for name in named.names()}
        print_json({k: {"title": s.title, "bytes": s.size, "at_hand": named.available(k)} for k, s in rows.items()})
        return
    for name in named.names():
        source = named.info(name)
        place = "at hand" if named.available(name) else "to fetch"
        print(f"{name:24s} {place:9s} {source.size / 1e6:7.1f} MB  {source.title}")


def info_(name: str, /, *, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> None:
    """Where a data set comes from, its licence, its files and their hashes.

    Parameters
    ----------
    name
        As `seriatim data list` shows it.
    as_json
        One JSON object on standard output.
    """
    from seriatim.data import named

    source = named.info(name)
    if as_json:
        files = [{"path": f.path, "bytes": f.size, "sha256": f.sha256, "address": f.address} for f in source.files]
        print_json(
            {
                "name": name,
                "title": source.title,
                "licence": source.licence,
                "attribution": source.attribution,
                "note": source.note,
                "files": files,
            }
        )
        return
    print(f"{name}: {source.title}")
    print(f"  licence      {source.licence}")
    print(f"  by           {source.attribution}")
    if source.note:
        print(f"  note         {source.note}")
    for file in source.files:
        print(f"  file         {file.path}, {file.size:,} bytes, sha256 {file.sha256}")
        if file.address:
            print(f"  address      {file.address}")


def fetch_(name: str, /) -> None:
    """Download a data set into the cache, checking its hash.

    Parameters
    ----------
    name
        As `seriatim data list` shows it.
    """
    from seriatim.data import named

    for path in named.fetch(name):
        print(path)
