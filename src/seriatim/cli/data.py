"""seriatim data list | info | fetch | recall."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain
from pathlib import Path

from seriatim.cli.common import print_json
from seriatim.cli.groups import Json
from seriatim.errors import UserError, tell


def list_(*, as_json: Json = False) -> None:
    """List the named data sets, and whether each is on this machine.

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
        known = named.info(name)
        place = "local" if named.available(name) else "remote"
        print(f"{name:24s} {place:9s} {known.size / 1e6:7.1f} MB  {known.title}")


def info_(name: str, /, *, as_json: Json = False) -> None:
    """Show a data set's origin, licence, files and hashes.

    Parameters
    ----------
    name
        Name of the data set; see `seriatim data list`.
    as_json
        One JSON object on standard output.
    """
    from seriatim.data import named

    known = named.info(name)
    if as_json:
        files = [{"path": f.path, "bytes": f.size, "sha256": f.sha256, "address": f.address} for f in known.files]
        print_json(
            {
                "name": name,
                "title": known.title,
                "licence": known.licence,
                "attribution": known.attribution,
                "note": known.note,
                "files": files,
            }
        )
        return
    print(f"{name}: {known.title}")
    print(f"  licence      {known.licence}")
    print(f"  by           {known.attribution}")
    if known.note:
        print(f"  note         {known.note}")
    for file in known.files:
        print(f"  file         {file.path}, {file.size:,} bytes, sha256 {file.sha256}")
        if file.address:
            print(f"  address      {file.address}")


def fetch_(name: str, /) -> None:
    """Download a data set into the cache and check its hashes.

    Parameters
    ----------
    name
        Name of the data set; see `seriatim data list`.
    """
    from seriatim.data import named

    for path in named.fetch(name):
        print(path)


def recall_(
    file: Path, /, *, symbols: int = 4, gap: list[int] | None = None, count: int = 500, letters: int = 8, seed: int = 0
) -> None:
    """Make documents of the recall task: letters to remember across a gap, as in fbca......:fbca.

    `seriatim inspect RUN FILE --recall` then measures how many a model recalls.

    Parameters
    ----------
    file
        The file to write, .ndjson.
    symbols
        Letters to remember in each document.
    gap
        Length of the gap. Repeatable. Default: 1, 2, 4, … 128.
    count
        Documents of each gap.
    letters
        Different letters; chance is one in as many.
    seed
        Of the letters.
    """
    from seriatim.text.recall import records

    if file.suffix != ".ndjson":
        raise UserError(f"{file}: documents are written as .ndjson; give such a name")
    gaps = [1 << i for i in range(8)] if gap is None else gap
    lines = records(symbols, gaps, count, letters, seed)
    first, part = next(lines), file.with_name(f".{file.name}.tmp")  # errors show now, before a file is made
    try:
        with part.open("w", encoding="utf-8") as sink:
            for line in chain([first], lines):
                sink.write(f"{line}\n")
        part.replace(file)
    except OSError as error:
        raise UserError(f"{file}: cannot be written ({error.strerror or error}); write elsewhere") from None
    finally:
        with suppress(OSError):
            part.unlink()
    tell(f"{file}: {count * len(gaps):,} documents, {symbols} of {letters} letters, gaps {', '.join(map(str, gaps))}")
