import gzip
import hashlib
import http.server
import threading
from dataclasses import replace

import pytest

from seriatim.data import download, named
from seriatim.data.fetch import File
from seriatim.errors import UserError
from seriatim.text.data.opening import open_corpus
from seriatim.text.data.sets import SETS

TEXT = b"A line of a small text.\n" * 5000
DIGEST = hashlib.sha256(TEXT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/missing.txt":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(TEXT)))
        self.end_headers()
        self.server.requests.append(self.path)
        self.wfile.write(TEXT[:1000] if self.path == "/interrupted.txt" else TEXT)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def publish(server, tmp_path, monkeypatch):
    """Puts one file at an address of the local server, in place of tinyshakespeare's."""
    monkeypatch.setenv("SERIATIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SERIATIM_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server.requests.clear()

    def put(path, sha256=DIGEST):
        address = path and f"http://127.0.0.1:{server.server_port}/{path}"
        file = File("small/input.txt", len(TEXT), sha256, address)
        source = replace(SETS["tinyshakespeare"], files=(file,), by_hand="ask the author")
        monkeypatch.setitem(SETS, "tinyshakespeare", source)
        return source

    return put


def cached(tmp_path):
    return [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_download_is_kept(publish, server, tmp_path):
    publish("input.txt")
    assert not named.available("tinyshakespeare")
    (path,) = named.fetch("tinyshakespeare")
    assert path == tmp_path / "cache" / "small" / "input.txt"
    assert path.read_bytes() == TEXT
    assert named.available("tinyshakespeare")
    assert named.fetch("tinyshakespeare") == [path]
    assert server.requests == ["/input.txt"]
    assert open_corpus("tinyshakespeare").splits["train"][0].measure.characters == int(len(TEXT) * 0.9)


def test_a_bar_on_a_terminal(publish, monkeypatch, capsys):
    publish("input.txt")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    named.fetch("tinyshakespeare")
    assert "120.0/120.0 kB" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "sha256", "words"),
    [
        ("missing.txt", "0" * 64, "the server answers 404"),
        ("interrupted.txt", "0" * 64, "no connection, or it was lost"),
        ("input.txt", "0" * 64, f"sha256 is {DIGEST}; expected {'0' * 64}"),
    ],
)
def test_a_download_that_fails_leaves_nothing(publish, tmp_path, path, sha256, words):
    publish(path, sha256)
    with pytest.raises(UserError) as caught:
        named.fetch("tinyshakespeare")
    message = str(caught.value)
    assert words in message
    assert str(tmp_path / "cache" / "small" / "input.txt") in message  # where to put it by hand
    assert "\n" not in message
    assert cached(tmp_path) == []


def test_no_network(tmp_path):
    with pytest.raises(UserError, match=r"could not be downloaded \(no connection, or it was lost: ConnectionError\)"):
        download.download("http://127.0.0.1:9/input.txt", 1, "0" * 64, tmp_path / "input.txt")


def test_a_cache_that_cannot_be_written(publish, tmp_path):
    publish("input.txt")
    (tmp_path / "cache").write_text("a file where a folder belongs")
    with pytest.raises(UserError, match="could not be downloaded"):
        named.fetch("tinyshakespeare")


def test_no_address(publish):
    publish(None)
    with pytest.raises(
        UserError, match=r"small/input.txt is not on this machine and has no public address: ask the author"
    ):
        named.fetch("tinyshakespeare")


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_the_users_own_copy_comes_first(publish, server, tmp_path, monkeypatch, ending):
    publish("input.txt")
    own = tmp_path / "own" / "small" / f"input.txt{ending}"
    own.parent.mkdir(parents=True)
    own.write_bytes(gzip.compress(TEXT) if ending else TEXT)
    monkeypatch.setenv("SERIATIM_DATA", str(tmp_path / "own"))
    assert named.fetch("tinyshakespeare") == [own]
    assert open_corpus("tinyshakespeare").splits["train"][0].text().startswith("A line")
    assert server.requests == []
    own.write_bytes(gzip.compress(TEXT * 50) if ending else TEXT[:-1])
    with pytest.raises(UserError, match=r"its sha256 is [0-9a-f]{64}; expected [0-9a-f]{64}"):
        named.fetch("tinyshakespeare")


def test_a_data_folder_that_is_none(publish, tmp_path, monkeypatch):
    publish("input.txt")
    monkeypatch.setenv("SERIATIM_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="which is not a folder"):
        named.available("tinyshakespeare")
