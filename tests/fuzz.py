"""Hostile files and wrong calls, thousands of them: none may end in a traceback or touch a file outside.

Not part of `make test`: `python tests/fuzz.py runs --count 20000`, `train`, `npy`, `calls`, `read`. Each case is a
function of its number, so that `--only 17` repeats it. A case is wrong if it ends otherwise than with exit code 0,
or 2 and one printable line, takes more than 30 s or a GiB, or changes a file that is not its own. Prints a table of
outcomes, the slowest case and the one that took most memory; exit code 1 if a case was wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import hashlib
import io
import json
import os
import random
import re
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import split
from typing import Any

import numpy as np
from PIL import Image

from seriatim.audio.files import save
from seriatim.cli import main

Call = tuple[str, list[str]]
"""What a case is about, and the command line."""
Case = Callable[[random.Random, Path], Call]
"""A source of chance and the case's own empty folder -> the call, its files made."""

_SECONDS = 30
_MEMORY = 2**30  # bytes that one case may take
_MOST = 8 * 2**30  # bytes of address space, so that a case cannot take the machine

_VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 1e308, -1e308, 0.5, "", "x", "../../outside",
    "/dev/zero", "\x1b[2J", "a" * 100_000, [], {}, [[]], [None], {"a": {}}, "NaN", "transformer", "pixelcnn++",
    "wavenet", [1, 2, 3], ["a", "b"], {"kind": "labels", "values": ["a"]},
]  # fmt: skip
_DEEP = ["[" * 5000 + "]" * 5000, '{"a":' * 3000 + "1" + "}" * 3000]
_TEXTS = ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000, *_DEEP]


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from _places(each, (*path, key))


def _changed(document: Any, chance: random.Random) -> Any:
    """One value of a JSON document replaced, removed, renamed or added."""
    place = chance.choice(list(_places(document)))
    if not place:
        return copy.deepcopy(chance.choice(_VALUES))
    at = document
    for key in place[:-1]:
        at = at[key]
    what = chance.random()
    if what < 0.15 and isinstance(at, dict):
        del at[place[-1]]
    elif what < 0.25 and isinstance(at, dict):
        at[chance.choice(["extra", "__class__", "x", "\x00"])] = at.pop(place[-1])
    elif what < 0.5 and isinstance(at[place[-1]], int | float) and not isinstance(at[place[-1]], bool):
        at[place[-1]] = chance.choice([-1, 0, 2, 1.5]) * at[place[-1]] + chance.choice([0, 1, -1, 10**9])
    else:
        at[place[-1]] = copy.deepcopy(chance.choice(_VALUES))
    return document


def _bytes(data: bytes, chance: random.Random) -> bytes:
    """A file with flipped bits, cut short, lengthened or with a part repeated."""
    if not data:
        return chance.randbytes(8)
    what, at = chance.randrange(5), chance.randrange(len(data))
    if what == 0:
        held = bytearray(data)
        for _ in range(chance.choice([1, 4, 64])):
            held[chance.randrange(len(held))] ^= 1 << chance.randrange(8)
        return bytes(held)
    if what == 1:
        return data[:at]
    if what == 2:
        return data + chance.randbytes(chance.choice([1, 100, 10_000]))
    if what == 3:
        return data[:at] + data[max(0, at - 64) : at] + data[at:]
    return data[:8] + chance.randbytes(len(data) - 8) if len(data) > 8 else b""


def mutate(path: Path, chance: random.Random) -> str:
    """Damage one file; returns how."""
    how = chance.random()
    if how < 0.03:
        path.unlink()
        return "removed"
    if how < 0.06:
        path.unlink()
        path.symlink_to(chance.choice(["../../made/outside", "../../../made/outside", "/dev/zero", "nowhere", "."]))
        return "link"
    if how < 0.08:
        path.unlink()
        path.mkdir()
        return "folder"
    if how < 0.1:
        path.unlink()
        os.mkfifo(path)
        return "pipe"
    if path.suffix == ".json" and how < 0.85:
        text = path.read_text()
        if how < 0.2:
            words = re.findall(r'"[^"]*"|-?\d+(?:\.\d+)?|true|false|null', text)
            path.write_text(text.replace(chance.choice(words), chance.choice(_TEXTS), 1))
            return "text of json"
        document = json.loads(text)
        for _ in range(chance.choice([1, 1, 1, 2, 4])):
            document = _changed(document, chance) if isinstance(document, dict | list) else document
        path.write_text(json.dumps(document))
        return "value of json"
    if path.suffix == ".jsonl" and how < 0.7:
        lines = path.read_text().splitlines()
        i = chance.randrange(len(lines))
        lines[i] = chance.choice([*_TEXTS, json.dumps(_changed(json.loads(lines[i]), chance)), "[]", "null", '"x"'])
        path.write_text("\n".join(lines) + "\n")
        return "line"
    if path.suffix == ".toml" and how < 0.7:
        lines = path.read_text().splitlines()
        i = chance.randrange(len(lines))
        key = lines[i].split("=")[0]
        lines[i] = chance.choice(
            ["", key, f"{key}= {json.dumps(chance.choice(_VALUES[:16]))}", "[train]", "x = 1", "x = [" * 900]
        )
        path.write_text("\n".join(lines) + "\n")
        return "line of toml"
    path.write_bytes(_bytes(path.read_bytes(), chance))
    return "bytes"


# ------------------------------------------------------------------ cases

_SMALL = split("--steps 2 --batch 2 --quiet --threads 1 --device cpu --train.samples 1")
_WAVENET = split("--net.dilations 2 --net.cycles 1 --net.residual 4 --net.gate 4 --net.skip 4 --audio.length 64")
_DATA = {
    "text": "poems.jsonl",
    "image": "pictures",
    "audio": "voices",
    "series": "sales.csv",
    "trajectory": "faces.ndjson",
}


def _runs(place: Path) -> list[Path]:
    """A finished run of each kind of data, with a condition."""
    noise = np.random.default_rng(0)
    poems = [{"text": f"the cat {i} sat on the mat", "by": "ab"[i % 2]} for i in range(60)]
    (place / _DATA["text"]).write_text("".join(json.dumps(poem) + "\n" for poem in poems))
    for i in range(24):
        for kind in ("image", "audio"):
            (place / _DATA[kind] / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        pixels = noise.integers(0, 255, (4, 4), dtype=np.uint8)
        Image.fromarray(pixels).save(place / _DATA["image"] / "ab"[i % 2] / f"{i}.png")
        x = (3000 * np.sin(np.arange(400) * (0.1 + i / 100))).astype(np.int16)
        save(x, place / _DATA["audio"] / "ab"[i % 2] / f"{i}.wav", 8000)
    made = {
        "text": split("--text.given by --model lstm --net.width 8 --net.context 8"),
        "image": split("--model pixelcnn --net.filters 4 --net.blocks 1"),
        "audio": _WAVENET,
    }
    for name, words in made.items():
        assert main(["train", str(place / _DATA[name]), *words, *_SMALL, "--out", str(place / name)]) == 0
    (place / _DATA["series"]).write_text(
        "day,sold\n" + "".join(f"2026-0{1 + i // 28}-{1 + i % 28:02d},{20 + i % 7}\n" for i in range(140))
    )
    (place / _DATA["trajectory"]).write_text("".join(_face(i) for i in range(24)))
    small = split("--model gru --net.width 4 --net.layers 1 --steps 2 --batch 2 --quiet --threads 1 --device cpu")
    for name in ("series", "trajectory"):
        words = [*small, "--train.samples", "0", "--out", str(place / name)]
        assert main(["train", str(place / _DATA[name]), *words]) == 0
    return [place / name for name in _DATA]


def _face(i: int) -> str:
    """A line of QuickDraw's format."""
    return json.dumps({"word": "ab"[i % 2], "drawing": [[[0, 9, 9 + i], [0, 0, 9]], [[3], [4]]]}) + "\n"


def read(place: Path) -> Case:
    """A damaged table or file of drawings is trained on."""
    strokes = [np.array([[0, 0, 0], [9, i, 1]], np.int16) for i in range(12)]
    held = np.empty(12, object)
    held[:] = strokes
    np.savez(place / "pens.npz", train=held, valid=held[:3], test=held[:3])
    texts = {
        "faces.ndjson": "".join(_face(i) for i in range(12)),
        "a.svg": '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0 L9 9 C1 2 3 4 5 6 Z"/><circle r="4"/></svg>',
        "points.csv": "drawing,stroke,x,y\n" + "".join(f"{i},{j},{i},{j * i}\n" for i in range(12) for j in (1, 2)),
        "long.csv": "id,label,a,b\n" + "".join(f"{i // 3},x{i // 18},{i},{i % 5}\n" for i in range(36)),
        "vowels.ts": "@problemName x\n@timeStamps false\n@dimensions 2\n@classLabel true a b\n@data\n"
        + "".join(f"1,2,{i}:3,4,{i}:{'ab'[i % 2]}\n" for i in range(12)),
        "sales.csv": "day,sold\n" + "".join(f"2026-01-{1 + i:02d},{20 + i % 7}\n" for i in range(28)),
    }
    for name, text in texts.items():
        (place / name).write_text(text)
    extra = split("--model gru --net.width 4 --net.layers 1 --train.samples 0 --data.test 0 --data.validation 0")

    def case(chance: random.Random, folder: Path) -> Call:
        name = chance.choice([*texts, "pens.npz", "pens.npz"])
        path = Path(shutil.copy(place / name, folder / name))
        how = mutate(path, chance)
        if path.suffix != ".npz" and path.is_file() and not path.is_symlink() and chance.random() < 0.5:
            cells = re.split(r"([,:\n ])", path.read_text(errors="replace"))
            cells[chance.randrange(len(cells))] = str(chance.choice([*_VALUES[:12], "nan", "inf", "1e400", "\0", '"']))
            path.write_text("".join(cells))
            how = "cell"
        kind = "series" if name == "sales.csv" else "trajectory"
        steps = split("--steps 1 --batch 2 --quiet --threads 1 --device cpu")
        return f"{name} {how}", ["train", str(path), "--kind", kind, *extra, *steps, "--out", str(folder / "run")]

    return case


def _confirmed(run: Path, tensors: Path) -> None:
    """Write the checksum of damaged tensors into model.json."""
    document = json.loads((run / "model.json").read_text())
    digest = hashlib.sha256(tensors.read_bytes()).hexdigest()
    document["tensors"] = {"file": f"model-{digest[:12]}.safetensors", "sha256": digest}
    tensors.rename(run / document["tensors"]["file"])
    (run / "model.json").write_text(json.dumps(document))


def runs(place: Path) -> Case:
    """A damaged model is described, sampled from and evaluated."""
    made = _runs(place)

    def case(chance: random.Random, folder: Path) -> Call:
        source = chance.choice(made)
        run, data = folder / "run", str(place / _DATA[source.name])
        run.mkdir()
        for name in ("model.json", "config.toml", *(path.name for path in source.glob("*.safetensors"))):
            shutil.copy(source / name, run)
        tensors = next(run.glob("*.safetensors"))
        target = chance.choice([run / "model.json"] * 6 + [tensors, run / "config.toml"])
        how = mutate(target, chance)
        if target == tensors and tensors.is_file() and not tensors.is_symlink() and chance.random() < 0.5:
            _confirmed(run, tensors)
            how += ", confirmed"
        drawn = {
            "text": split("--max-length 5"),
            "image": ["-o", str(folder / "out.png")],
            "audio": ["--seconds", "0.01", "-o", str(folder / "out.wav")],
            "series": ["-o", str(folder / "out.csv")],
            "trajectory": ["--max-length", "5", "-o", str(folder / "out.png")],
        }[source.name]
        extra = {"inspect": [], "sample": drawn, "score": [data], "evaluate": ["--limit", "2", data]}
        verb = chance.choice(["inspect", "inspect", "sample", "score", "evaluate"])
        return f"{target.suffix} {how}", [verb, str(run), *extra[verb]]

    return case


def train(place: Path) -> Case:
    """A run with a damaged file is resumed."""
    made = _runs(place)

    def case(chance: random.Random, folder: Path) -> Call:
        run = shutil.copytree(chance.choice(made), folder / "run")
        files = [run / "train" / "state.json"] * 3 + [run / "metrics.jsonl"] * 3 + [run / "config.toml"] * 2
        target = chance.choice([*files, *(run / "train").glob("*.safetensors"), run / "model.json"])
        how = mutate(target, chance)
        resumed = split("--resume --steps 3 --quiet --threads 1")
        return f"{target.name.split('-')[0]} {how}", ["train", "--out", str(run), *resumed]

    return case


_KINDS = split("<f4 <f8 >f8 <i4 |O <U5 |b1 <c8 <M8[s] |V8 <f2")
_SHAPES = [(), (0,), (0, 2), (5, 0), (5, 2, 2), (2**40,), (3, 2**62), (1,), (500, 2), (-1,)]


def _hostile(path: Path, shape: tuple[int, ...], chance: random.Random) -> None:
    """Write an .npy file that is damaged, says what it does not hold, or holds what is no number."""
    np.save(path, np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
    what = chance.randrange(4)
    if what == 0:
        path.write_bytes(_bytes(path.read_bytes(), chance))
    elif what == 1:
        order, said = chance.choice(["True", "False"]), chance.choice(_SHAPES)
        header = f"{{'descr': {chance.choice(_KINDS)!r}, 'fortran_order': {order}, 'shape': {said}, }}"
        head = header.encode().ljust(118) + b"\n"
        numbers = chance.randbytes(chance.choice([0, 40, 4000]))
        path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + numbers)
    elif what == 2:
        np.save(path, np.full(shape, chance.choice([np.nan, np.inf, -np.inf, 1e308, 1e38])))
    else:
        mutate(path, chance)


def npy(place: Path) -> Case:
    """Damaged and hostile .npy files as vectors of pictures and tracks of recordings."""
    _runs(place)

    def case(chance: random.Random, folder: Path) -> Call:
        kind = chance.choice(["audio", "image"])
        data, given = place / _DATA[kind], folder / "given"
        names = sorted(path.relative_to(data) for path in data.rglob("*.*"))
        bad = chance.choice(names)
        for name in names:
            path = (given / name).with_suffix(".npy")
            path.parent.mkdir(parents=True, exist_ok=True)
            shape = (5, 2) if kind == "audio" else (3,)
            if name == bad:
                _hostile(path, shape, chance)
            else:
                np.save(path, np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
        words = ["train", str(data), *_SMALL, "--steps", "1", "--train.samples", "0", "--out", str(folder / "run")]
        if kind == "audio":
            return "track", [*words, *_WAVENET, "--audio.track", str(given), "--audio.hop", "80"]
        net = split("--model gated-pixelcnn --net.filters 4 --net.layers 1")
        return "vectors", [*words, *net, "--image.vectors", str(given)]

    return case


_VERBS = split("train sample evaluate score complete classify reconstruct explore inspect export models data demo")
_WRITES = {"--out", "--output", "--attention"}  # may name a file to overwrite: here only of the case's own


def _options(verb: str) -> list[str]:
    """The options of a command, but those that start what takes long."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main([verb, "--help"])
    return sorted(set(re.findall(r"--[a-z][a-z.-]+", out.getvalue())) - {"--help", "--version"})


def calls(place: Path) -> Case:
    """Wrong options and values over all verbs."""
    made = _runs(place)
    own = ["", "-1", "0", "x", "../..", "1.5", "9" * 30, "\x1b[2J", "é", "--", "-", "none", "nowhere/x", "a=b"]
    values = [*own, "1e400", "nan", "inf", "/etc/passwd", "/dev/null", str(made[0]), str(place / "pictures")]
    values += ["1000000000", "label=a", "by=zzz", "1,2,3"]
    known = {verb: _options(verb) for verb in _VERBS}

    def case(chance: random.Random, folder: Path) -> Call:
        verb, run = chance.choice(_VERBS), chance.choice(made)
        data = str(place / _DATA[run.name])
        words = {
            "train": [verb, data],
            "score": [verb, str(run), data],
            "classify": [verb, str(run), data],
            "complete": [verb, str(made[1]), str(place / _DATA["image"] / "a" / "0.png")],
            "reconstruct": [verb, str(made[1]), str(place / _DATA["image"] / "a" / "0.png")],
            "models": [verb],
            "data": [verb, "list"],
            "demo": [verb, "--seconds", chance.choice(["x", "", "1.5"])],
        }.get(verb, [verb, str(run)])
        if chance.random() < 0.2:
            others = ["nowhere", "", "-", "/dev/null", str(place / "poems.jsonl"), *map(str, made)]
            words[chance.randrange(1, len(words)) if len(words) > 1 else 0 :] = [chance.choice(others)]
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            option = chance.choice(known[verb] or ["--zzz"])
            words += [option, chance.choice(own if option in _WRITES else values)]
        if verb == "train":
            words += ["--steps", "1", *([] if "--out" in words else ["--out", str(folder / "run")])]
        return verb, words

    return case


# ------------------------------------------------------------------ running


class SlowError(BaseException):
    """A case takes too long."""


def _too_slow(*_: object) -> None:
    raise SlowError


def _memory() -> int:
    """The most bytes that this process has held since the mark was last reset."""
    with contextlib.suppress(OSError):
        line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def outcome(words: list[str], folder: Path) -> str:
    """What a call did: its exit code, or what is wrong with it."""
    out, err = io.StringIO(), io.StringIO()
    here, code = Path.cwd(), 0
    os.chdir(folder)
    signal.alarm(_SECONDS)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            sys.stdin = io.TextIOWrapper(io.BytesIO(b"some text\n" * 20))
            code = main(words)
    except SystemExit as error:
        code = int(error.code or 0)
    except SlowError:
        return "WRONG time " + traceback.format_exc()
    except BaseException:
        return "TRACEBACK " + traceback.format_exc()
    finally:
        signal.alarm(0)
        sys.stdin = sys.__stdin__
        os.chdir(here)
    said = err.getvalue()
    if "Traceback" in said:
        return "TRACEBACK " + said
    if code not in (0, 2):
        return f"WRONG exit code {code}: {said[-300:]}"
    last = said.strip().split("\n")[-1]
    if code == 2 and (not last.startswith("seriatim: ") or len(last) > 700):
        return f"WRONG message: {said[-300:]!r}"
    if any(not c.isprintable() and c not in "\n\r\t" for c in said):
        return f"WRONG characters: {said[-300:]!r}"
    return f"exit {code}{', out of memory' if 'out of memory' in last else ''}"


def _reset() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _stamps(place: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in place.rglob("*")}


def fuzz(make: Callable[[Path], Case], numbers: range, name: str) -> int:
    """Run the cases; returns how many were wrong."""
    found: Counter[tuple[str, str]] = Counter()
    wrong, began = 0, time.monotonic()
    slowest, hungriest = (0.0, -1), (0, -1)
    signal.signal(signal.SIGALRM, _too_slow)
    resource.setrlimit(resource.RLIMIT_AS, (_MOST, _MOST))
    with tempfile.TemporaryDirectory() as held:
        place = Path(held) / "made"
        place.mkdir()
        (place / "outside").write_text("{}\n")
        case, outside = make(place), _stamps(place)
        for number in numbers:
            folder = Path(held) / "case" / "own" / "folder"  # ../.. is still the case's own
            folder.mkdir(parents=True)
            what, words = case(random.Random(f"{name} {number}"), folder)
            _reset()
            before, start = _memory(), time.monotonic()
            result = outcome(words, folder)
            taken, seconds = _memory() - before, time.monotonic() - start
            slowest, hungriest = max(slowest, (seconds, number)), max(hungriest, (taken, number))
            if taken > _MEMORY:
                result = f"WRONG memory: {taken / 2**20:.0f} MiB; {result}"
            if _stamps(place) != outside:
                result, outside = f"WRONG file outside changed; {result}", _stamps(place)
            good = result.startswith("exit")
            found[what, result if good else result.split("\n")[0][:40]] += 1
            if not good:
                wrong += 1
                print(f"--- case {number} ({what}): {words}\n{result}", flush=True)
            shutil.rmtree(Path(held) / "case")
    for (what, result), count in sorted(found.items()):
        print(f"{count:7,}  {what:32s} {result}")
    print(f"{name}: {sum(found.values()):,} cases, {wrong} wrong, {time.monotonic() - began:.0f} s")
    print(f"slowest: case {slowest[1]}, {slowest[0]:.1f} s")
    print(f"most memory: case {hungriest[1]}, {hungriest[0] / 2**20:.0f} MiB")
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["runs", "train", "npy", "calls", "read"])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--only", type=int, default=None)
    asked = parser.parse_args()
    chosen = range(asked.start, asked.start + asked.count) if asked.only is None else range(asked.only, asked.only + 1)
    sys.exit(1 if fuzz(globals()[asked.what], chosen, asked.what) else 0)
