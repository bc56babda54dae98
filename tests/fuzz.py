"""Hostile files and wrong calls, thousands of them: none may end in a traceback or touch a file outside.

Not part of `make test`: `python tests/fuzz.py runs --count 20000`, `train`, `npy`, `calls`. Each case is a function of its
number, so that `--only 17` repeats it. Prints a table of outcomes; exit code 1 if a case was wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import re
import shutil
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seriatim.cli import main

_VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 1e308, -1e308, 0.5, "", "x", "../../etc/passwd",
    "/etc/passwd", "\x1b[2J", "a" * 100_000, [], {}, [[]], [None], {"a": {}}, "NaN", "transformer", "pixelcnn++",
    "wavenet", [1, 2, 3], ["a", "b"], {"kind": "labels", "values": ["a"]},
]  # fmt: skip
_TEXTS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "[" * 5000 + "]" * 5000,
    '{"a":' * 3000 + "1" + "}" * 3000,
    "9" * 5000,
]


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from _places(each, (*path, key))


def _changed(document: Any, chance: random.Random) -> Any:
    """One value of a JSON document replaced, removed, renamed or added."""
    place = chance.choice(list(_places(document)))
    if not place:
        return chance.choice(_VALUES)
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
        at[place[-1]] = chance.choice(_VALUES)
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
        path.symlink_to(chance.choice(["/etc/passwd", "/dev/zero", "nowhere", "."]))
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


def _runs(place: Path) -> list[Path]:
    """A finished run of each kind of data, with a condition."""
    from PIL import Image

    from seriatim.audio.files import save

    random_ = np.random.default_rng(0)
    poems = place / "poems.jsonl"
    poems.write_text(
        "".join(json.dumps({"text": f"the cat {i} sat on the mat", "by": "ab"[i % 2]}) + "\n" for i in range(60))
    )
    for i in range(24):
        for kind in ("pictures", "voices"):
            (place / kind / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(random_.integers(0, 255, (4, 4), dtype=np.uint8)).save(
            place / "pictures" / "ab"[i % 2] / f"{i}.png"
        )
        x = (3000 * np.sin(np.arange(400) * (0.1 + i / 100))).astype(np.int16)
        save(x, place / "voices" / "ab"[i % 2] / f"{i}.wav", 8000)
    small = ["--steps", "2", "--batch", "2", "--quiet", "--threads", "1", "--device", "cpu", "--train.samples", "1"]
    made = {
        "text": [str(poems), "--text.given", "by", "--model", "lstm", "--net.width", "8", "--net.context", "8"],
        "image": [str(place / "pictures"), "--model", "pixelcnn", "--net.filters", "4", "--net.blocks", "1"],
        "audio": [str(place / "voices"), "--net.dilations", "2", "--net.cycles", "1", "--net.residual", "4",
                  "--net.gate", "4", "--net.skip", "4", "--audio.length", "64"],
    }  # fmt: skip
    for name, words in made.items():
        assert main(["train", *words, *small, "--out", str(place / name)]) == 0
    return [place / name for name in made]


def runs(place: Path) -> Callable[[random.Random, Path], tuple[str, list[str]]]:
    """A damaged model is described and sampled from."""
    made = _runs(place)

    def case(chance: random.Random, folder: Path) -> tuple[str, list[str]]:
        source = chance.choice(made)
        run = folder / "run"
        run.mkdir()
        for name in ("model.json", "config.toml", *(path.name for path in source.glob("*.safetensors"))):
            shutil.copy(source / name, run)
        tensors = next(run.glob("*.safetensors"))
        target = chance.choice([run / "model.json"] * 6 + [tensors, run / "config.toml"])
        how = mutate(target, chance)
        if target == tensors and tensors.is_file() and not tensors.is_symlink() and chance.random() < 0.5:
            import hashlib  # damage that the checksum confirms

            document = json.loads((run / "model.json").read_text())
            digest = hashlib.sha256(tensors.read_bytes()).hexdigest()
            document["tensors"] = {"file": f"model-{digest[:12]}.safetensors", "sha256": digest}
            tensors.rename(run / document["tensors"]["file"])
            (run / "model.json").write_text(json.dumps(document))
            how += ", confirmed"
        verb = chance.choice(["inspect", "inspect", "sample", "score", "evaluate"])
        extra = {
            "inspect": [],
            "sample": ["-o", str(folder / "out.wav" if source.name == "audio" else folder / "out.png")],
            "score": [str(place / {"text": "poems.jsonl", "image": "pictures", "audio": "voices"}[source.name])],
            "evaluate": [
                "--limit",
                "2",
                str(place / {"text": "poems.jsonl", "image": "pictures", "audio": "voices"}[source.name]),
            ],
        }[verb]
        if verb == "sample" and source.name == "text":
            extra = ["--max-length", "5"]
        if verb == "sample" and source.name == "audio":
            extra += ["--seconds", "0.01"]
        return f"{target.suffix} {how}", [verb, str(run), *extra]

    return case


def train(place: Path) -> Callable[[random.Random, Path], tuple[str, list[str]]]:
    """A run with a damaged file is resumed."""
    made = _runs(place)

    def case(chance: random.Random, folder: Path) -> tuple[str, list[str]]:
        run = shutil.copytree(chance.choice(made), folder / "run")
        files = [run / "train" / "state.json"] * 3 + [run / "metrics.jsonl"] * 3 + [run / "config.toml"] * 2
        target = chance.choice([*files, *(run / "train").glob("*.safetensors"), run / "model.json"])
        how = mutate(target, chance)
        return f"{target.name.split('-')[0]} {how}", [
            "train",
            "--out",
            str(run),
            "--resume",
            "--steps",
            "3",
            "--quiet",
            "--threads",
            "1",
        ]

    return case


def npy(place: Path) -> Callable[[random.Random, Path], tuple[str, list[str]]]:
    """Damaged and hostile .npy files as vectors of pictures and tracks of recordings."""
    _runs(place)
    kinds = ["<f4", "<f8", ">f8", "<i4", "|O", "<U5", "|b1", "<c8", "<M8[s]", "|V8", "<f2"]

    def case(chance: random.Random, folder: Path) -> tuple[str, list[str]]:
        audio = chance.random() < 0.5
        names = sorted(path.relative_to(place / ("voices" if audio else "pictures")) for path in
                       (place / ("voices" if audio else "pictures")).rglob("*.*"))  # fmt: skip
        bad = chance.choice(names)
        for name in names:
            path = (folder / "given" / name).with_suffix(".npy")
            path.parent.mkdir(parents=True, exist_ok=True)
            shape = (5, 2) if audio else (3,)
            np.save(path, np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape))
            if name != bad:
                continue
            what = chance.randrange(4)
            if what == 0:
                path.write_bytes(_bytes(path.read_bytes(), chance))
            elif what == 1:
                shape = chance.choice(
                    [(), (0,), (0, 2), (5, 0), (5, 2, 2), (2**40,), (3, 2**62), (1,), (500, 2), (-1,)]
                )
                header = f"{{'descr': {chance.choice(kinds)!r}, 'fortran_order': {chance.choice([True, False])}, 'shape': {shape}, }}"
                head = header.encode().ljust(118) + b"\n"
                path.write_bytes(
                    b"\x93NUMPY\x01\x00"
                    + struct.pack("<H", len(head))
                    + head
                    + chance.randbytes(chance.choice([0, 40, 4000]))
                )
            elif what == 2:
                value = chance.choice([np.nan, np.inf, -np.inf, 1e308, 1e38])
                np.save(path, np.full(shape, value))
            else:
                mutate(path, chance)
        small = [
            "--steps",
            "1",
            "--batch",
            "2",
            "--quiet",
            "--threads",
            "1",
            "--train.samples",
            "0",
            "--out",
            str(folder / "run"),
        ]
        if audio:
            net = [
                "--net.dilations",
                "2",
                "--net.cycles",
                "1",
                "--net.residual",
                "4",
                "--net.gate",
                "4",
                "--net.skip",
                "4",
            ]
            return "track", ["train", str(place / "voices"), *net, "--audio.track", str(folder / "given"), "--audio.hop", "80",
                             "--audio.length", "64", *small]  # fmt: skip
        net = ["--model", "gated-pixelcnn", "--net.filters", "4", "--net.layers", "1"]
        return "vectors", ["train", str(place / "pictures"), *net, "--image.vectors", str(folder / "given"), *small]

    return case


def calls(place: Path) -> Callable[[random.Random, Path], tuple[str, list[str]]]:
    """Wrong options and values over all verbs."""
    made = _runs(place)
    verbs = ["train", "sample", "evaluate", "score", "complete", "classify", "reconstruct", "explore", "inspect", "export",
             "models", "data", "demo"]  # fmt: skip
    values = ["", "-1", "0", "1e400", "nan", "inf", "x", "../..", "1.5", "9" * 30, "\x1b[2J", "é", "--", "-", "none", "/etc/passwd",
              "/dev/null", str(made[0]), str(place / "pictures"), "a=b", "label=a", "by=zzz", "1,2,3"]  # fmt: skip

    def options(verb: str) -> list[str]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            main([verb, "--help"])
        return sorted(
            set(re.findall(r"--[a-z][a-z.-]+", out.getvalue())) - {"--help", "--version", "--seconds", "--interactive"}
        )

    known = {verb: options(verb) for verb in verbs}

    def case(chance: random.Random, folder: Path) -> tuple[str, list[str]]:
        verb = chance.choice(verbs)
        words = [
            verb,
            chance.choice([*map(str, made), str(place / "poems.jsonl"), "nowhere", "", "-", "/dev/null", "list"]),
        ]
        if verb == "demo":
            words = ["demo", "--seconds", chance.choice(["x", "", "1.5"])]
        for _ in range(chance.choice([1, 1, 2, 3])):
            if known[verb]:
                words += [chance.choice(known[verb]), chance.choice(values)]
        if verb == "train":
            words += ["--steps", "1", "--out", str(folder / "run")]
        return verb, words

    return case


# ------------------------------------------------------------------ running


def outcome(words: list[str], folder: Path) -> str:
    """What a call did: its exit code, or what is wrong with it."""
    out, err = io.StringIO(), io.StringIO()
    here = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            sys.stdin = io.TextIOWrapper(io.BytesIO(b"some text\n" * 20))
            code = main(words)
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        return "TRACEBACK " + traceback.format_exc()
    finally:
        sys.stdin = sys.__stdin__
        os.chdir(here)
    said = err.getvalue()
    if "Traceback" in said:
        return "TRACEBACK " + said
    if code not in (0, 2):
        return f"WRONG exit code {code}: {said[-300:]}"
    if code == 2:
        last = said.strip().split("\n")[-1]
        if not last.startswith("seriatim: ") or len(last) > 700:
            return f"WRONG message: {said[-300:]!r}"
        if any(not c.isprintable() for c in last):
            return f"WRONG characters: {last!r}"
    return f"exit {code}"


def fuzz(
    make: Callable[[Path], Callable[[random.Random, Path], tuple[str, list[str]]]], numbers: range, name: str
) -> int:
    """Run the cases; returns how many were wrong."""
    found: Counter[tuple[str, str]] = Counter()
    wrong, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as held:
        place = Path(held) / "made"
        place.mkdir()
        case = make(place)
        outside = {path: path.stat().st_mtime_ns for path in place.rglob("*") if path.is_file()}
        for number in numbers:
            folder = Path(held) / "case"
            folder.mkdir()
            what, words = case(random.Random(f"{name} {number}"), folder)
            result = outcome(words, folder)
            found[what, result.split("\n")[0][:40] if not result.startswith("exit") else result] += 1
            if not result.startswith("exit"):
                wrong += 1
                print(f"--- case {number} ({what}): {words}\n{result}", flush=True)
            shutil.rmtree(folder)
        changed = [path for path, stamp in outside.items() if not path.exists() or path.stat().st_mtime_ns != stamp]
        if changed:
            wrong += 1
            print(f"changed outside: {changed[:5]}")
    for (what, result), count in sorted(found.items()):
        print(f"{count:7,}  {what:32s} {result}")
    print(f"{name}: {sum(found.values()):,} cases, {wrong} wrong, {time.monotonic() - began:.0f} s")
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["runs", "train", "npy", "calls"])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--only", type=int, default=None)
    asked = parser.parse_args()
    chosen = range(asked.start, asked.start + asked.count) if asked.only is None else range(asked.only, asked.only + 1)
    sys.exit(1 if fuzz(globals()[asked.what], chosen, asked.what) else 0)
