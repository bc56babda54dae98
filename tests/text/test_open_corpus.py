import io
import json
import os
import subprocess
import sys
import threading

import pytest

from dividing import divided
from seriatim.data import scratch
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.text.data.opening import open_corpus
from seriatim.text.options import TextOptions

NOVEL = "".join(f"This is line {i} of the novel.\n" for i in range(300))


@pytest.fixture(autouse=True)
def _no_network_or_data(monkeypatch, tmp_path_factory):
    monkeypatch.delenv("SERIATIM_DATA", raising=False)
    monkeypatch.setenv("SERIATIM_CACHE", str(tmp_path_factory.mktemp("cache")))


def text_of(corpus):
    return "".join(d.text() for part in corpus.splits.values() for d in part)


def test_one_text_file_is_cut_by_position(tmp_path):
    path = tmp_path / "novel.txt"
    path.write_text(NOVEL)
    corpus = open_corpus(path)
    assert corpus.name == "novel.txt"
    assert list(corpus.splits) == ["train", "validation", "test"]
    assert text_of(corpus) == NOVEL
    assert list(open_corpus(str(path), None, DataOptions(validation=0, test=0)).splits) == ["train"]


def test_a_file_of_documents(tmp_path):
    path = tmp_path / "poems"  # no ending: taken for text
    path.write_text("\n\n".join(f"poem {i}" for i in range(40)))
    corpus = open_corpus(path, TextOptions(separator=r"\n\n"))
    assert {side: len(part) for side, part in corpus.splits.items()} == {"train": 32, "validation": 4, "test": 4}
    assert sum(map(len, open_corpus(path, TextOptions(separator=r"\n\n"), DataOptions(limit=25)).splits.values())) == 25


def test_a_folder(tmp_path):
    (tmp_path / "sub" / ".git").mkdir(parents=True)
    for name in ("b.txt", "a.md", "sub/c.TEXT", ".hidden.txt", "sub/.git/d.txt", "pic.png", "sub/x.png", "Makefile"):
        (tmp_path / name).write_text(f"{name}\n{NOVEL}")
    (tmp_path / "empty.txt").touch()
    corpus = open_corpus(tmp_path, None, DataOptions(test=0))
    assert [d.name.split("[")[0] for d in corpus.splits["train"]] == ["a.md", "b.txt", "sub/c.TEXT"]
    assert corpus.note == "Left out: 2 × .png, 1 × no suffix. 1 of 4 documents are empty and left out."


@pytest.mark.parametrize("name", ["poems.jsonl", "poems.ndjson", "poems.json"])
def test_records(tmp_path, name):
    records = [json.dumps({"text": f"poem {i}", "by": "me"}) for i in range(30)]
    data = f"[{','.join(records)}]" if name.endswith(".json") else "\n".join(records)
    (tmp_path / name).write_text(data)
    corpus = open_corpus(tmp_path / name, TextOptions(given=("by",)))
    assert {side: len(part) for side, part in corpus.splits.items()} == {"train": 24, "validation": 3, "test": 3}
    assert all(d.given == {"by": "me"} for part in corpus.splits.values() for d in part)
    with pytest.raises(UserError, match=f"{name}: no record has a value for the condition 'author'"):
        open_corpus(tmp_path / name, TextOptions(given=("by", "author")))


def standard_input(monkeypatch, data):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_standard_input_can_be_read_again(monkeypatch):
    standard_input(monkeypatch, NOVEL.encode())
    corpus = open_corpus("-")
    assert corpus.name == "standard input"
    assert text_of(corpus) == text_of(corpus) == NOVEL
    standard_input(monkeypatch, b" \n")
    with pytest.raises(UserError, match="standard input: contains no text"):
        open_corpus("-")


def test_a_pipe_is_read_once(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(NOVEL,))
    writer.start()
    corpus = open_corpus(path)
    writer.join()
    assert text_of(corpus) == text_of(corpus) == NOVEL


def test_temporary_copies_go_at_exit(monkeypatch):
    registered = []
    monkeypatch.setattr("atexit.register", lambda *call, **options: registered.append((call, options)))
    scratch._folder.cache_clear()
    kept = scratch.keep([b"a", b"b"], "poem")
    assert kept.read_bytes() == b"ab"
    ((remove, folder), options), *rest = registered
    assert not rest
    remove(folder, **options)
    assert not kept.exists()
    scratch._folder.cache_clear()


def test_no_room_for_a_temporary_copy():
    def chunks():
        yield b"a"
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match=r"poem: .*No space left on device.*set TMPDIR"):
        scratch.keep(chunks(), "poem")


def test_the_fingerprint_is_of_content_and_division(tmp_path):
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "novel.txt").write_text(NOVEL)
    here, there = tmp_path / "here" / "novel.txt", tmp_path / "there" / "novel.txt"
    mark = open_corpus(here).fingerprint
    assert mark == open_corpus(there).fingerprint
    assert mark != open_corpus(here, None, DataOptions(seed=1)).fingerprint
    assert mark != open_corpus(here, None, DataOptions(test=0.2)).fingerprint
    there.write_text(NOVEL.replace("line 7 ", "line 8 "))
    assert mark != open_corpus(there).fingerprint


def test_importing_loads_nothing_heavy():
    code = "import sys, seriatim.data; print({'torch', 'numpy', 'pooch', 'requests', 'rich'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_a_path_wins_over_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pydoc").write_text(NOVEL)
    assert text_of(open_corpus("pydoc")) == NOVEL


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("tinyshakespear", "'tinyshakespear' is not a file, folder or named data set: did you mean 'tinyshakespeare'?"),
        ("no/such/file.txt", "'no/such/file.txt': no such file or folder: check the path"),
        ("", "'' is not a file, folder or named data set"),
        ("x" * 5000, "check the path"),
        ("/dev/null", "neither a file nor a folder"),
    ],
)
def test_what_is_not_there(spec, words):
    with pytest.raises(UserError) as caught:
        open_corpus(spec)
    assert words in str(caught.value)


def test_bad_files_and_folders(tmp_path):
    (tmp_path / "empty.txt").touch()
    (tmp_path / "blank.txt").write_text(" \n\t\n")
    for name in ("empty.txt", "blank.txt"):
        with pytest.raises(UserError, match=f"{name}: contains no text"):
            open_corpus(tmp_path / name)
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=r"folder: no files; expected \*.txt"):
        open_corpus(tmp_path / "folder")
    (tmp_path / "folder" / "a.png").touch()
    with pytest.raises(UserError, match=r"folder: only other files \(1 × .png\); expected"):
        open_corpus(tmp_path / "folder")


def test_a_folder_that_may_not_be_listed(tmp_path, monkeypatch):
    def walk(folder, onerror):
        onerror(PermissionError(13, "Permission denied", str(folder)))
        return iter(())

    monkeypatch.setattr("os.walk", walk)
    with pytest.raises(UserError, match="Permission denied: change its permissions"):
        open_corpus(tmp_path)


def checked(options):
    own, _ = divided(options)
    TextOptions(**own)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"validation": -0.1}, "--data.validation is -0.1"),
        ({"test": 1.0}, "--data.test is 1.0"),
        ({"test": float("nan")}, "--data.test is nan"),
        ({"validation": 0.5, "test": 0.5}, "leave nothing to train on"),
        ({"limit": 0}, "--data.limit is 0"),
        ({"separator": ""}, "--text.separator is empty"),
        ({"encoding": "utf-9"}, "--text.encoding is 'utf-9'"),
        ({"encoding": "hex"}, "--text.encoding is 'hex'"),
    ],
)
def test_options_are_checked(options, words):
    with pytest.raises(UserError) as caught:
        checked(options)
    assert words in str(caught.value)


def test_options_that_do_not_apply(tmp_path):
    (tmp_path / "a.txt").write_text(NOVEL)
    (tmp_path / "a.jsonl").write_text('{"text": "a"}')
    with pytest.raises(UserError, match=r"--text.given .* plain text without fields: leave it out"):
        open_corpus(tmp_path / "a.txt", TextOptions(given=("by",)))
    with pytest.raises(UserError, match=r"--text.separator .* records, each one document"):
        open_corpus(tmp_path / "a.jsonl", TextOptions(separator="x"))
    with pytest.raises(UserError, match=r"--data.test was given, but pydoc has its own"):
        open_corpus("pydoc", None, DataOptions(test=0.5))
