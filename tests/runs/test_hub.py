"""Push to and fetch from a hub: a small server on this machine that answers as the Hugging Face Hub does."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from checkpoints import bits, make, write
from seriatim.cli import main
from seriatim.errors import UserError
from seriatim.runs import checkpoint

pytest.importorskip("huggingface_hub")
from huggingface_hub import constants

from seriatim.runs import hub

SHA = "a" * 40


class Hub(BaseHTTPRequestHandler):
    """Repositories in memory: {name: {file: bytes}}."""

    held: ClassVar[dict[str, dict[str, bytes]]] = {}
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        return

    def _send(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(json.dumps(value).encode(), status, Content_Type="application/json")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            owner = asked.get("organization") or "me"
            self.held.setdefault(f"{owner}/{asked['name']}", {})
            self._json({"url": f"http://{self.headers['Host']}/{owner}/{asked['name']}"})
        elif "/preupload/" in self.path:
            names = [each["path"] for each in json.loads(body)["files"]]
            modes = [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]
            self._json({"files": modes})
        elif "/commit/" in self.path:
            name = self.path.split("/api/models/")[1].split("/commit/")[0]
            for line in body.splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    self.held[name][entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            self._json(
                {"commitUrl": f"http://{self.headers['Host']}/{name}/commit/{SHA}", "commitOid": SHA, "success": True}
            )
        else:
            self._json({"error": "no such address"}, 404)

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.startswith("/api/models/"):
            name = path.removeprefix("/api/models/").split("/revision/")[0]
            if name not in self.held:
                self._send(b"{}", 404, X_Error_Code="RepoNotFound", X_Error_Message="Repository not found")
                return
            siblings = [{"rfilename": file, "size": len(data)} for file, data in self.held[name].items()]
            self._json({"id": name, "modelId": name, "sha": SHA, "siblings": siblings})
            return
        name, _, rest = path.strip("/").partition("/resolve/")
        data = self.held.get(name, {}).get(rest.split("/", 1)[1])
        if data is None:
            self._send(b"", 404, X_Error_Code="EntryNotFound")
            return
        self._send(data, ETag=f'"{hashlib.sha1(data).hexdigest()}"', X_Repo_Commit=SHA, Accept_Ranges="bytes")

    do_HEAD = do_GET  # noqa: N815


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    Hub.held = {}
    running = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # tests of other modules read the hub's cache alone
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


def test_a_model_goes_to_the_hub_and_comes_back_bit_for_bit(server: str, tmp_path: Path) -> None:
    model = make("lstm", conditions=True)
    write(tmp_path / "run", model, "lstm", conditions=True)
    for name in ("config.toml", "metrics.jsonl", "curve.png"):
        (tmp_path / "run" / name).write_text("a path of this machine")
    address = hub.push(tmp_path / "run", "me/small", token="t", endpoint=server)
    assert address == f"{server}/me/small/commit/{SHA}"
    assert {name.split("-")[0] for name in Hub.held["me/small"]} == {"model.json", "model", "curve.png"}
    found = hub.fetch("me/small", tmp_path / "found", endpoint=server)
    assert bits(checkpoint.load(found).model) == bits(model)
    assert {path.name.split("-")[0] for path in found.iterdir()} == {"model.json", "model", ".lock"}
    with pytest.raises(UserError, match="holds a model already"):
        hub.fetch("me/small", tmp_path / "found", endpoint=server)


def test_what_is_damaged_or_foreign_is_refused_and_nothing_is_left(server: str, tmp_path: Path) -> None:
    write(tmp_path / "run", make("lstm"))
    hub.push(tmp_path / "run", "me/small", token="t", endpoint=server)
    tensors = next(name for name in Hub.held["me/small"] if name.endswith(".safetensors"))
    Hub.held["me/small"][tensors] = Hub.held["me/small"][tensors][:-1] + b"\0"
    Hub.held["me/other"] = {"README.md": b"hello", "pytorch_model.bin": b"cos\nsystem"}
    for name, said in (
        ("me/small", "is damaged"),
        ("me/other", "holds no model of Seriatim"),
        ("me/none", "cannot be"),
    ):
        with pytest.raises(UserError, match=said):
            hub.fetch(name, tmp_path / "found", endpoint=server)
        assert not (tmp_path / "found").exists()
    for name in ("a/b/c", "../x", "", "a b"):
        with pytest.raises(UserError, match="not the name of a repository"):
            hub.fetch(name, tmp_path / "found", endpoint=server)


def test_an_unreachable_hub_is_one_line_and_files_of_the_user_stay(server: str, tmp_path: Path) -> None:
    write(tmp_path / "run", make("lstm"))
    for call in (
        lambda: hub.fetch("me/small", tmp_path / "found", endpoint="http://127.0.0.1:9"),
        lambda: hub.push(tmp_path / "run", "me/small", token="t", endpoint="http://127.0.0.1:9"),
    ):
        with pytest.raises(UserError, match="cannot be"):
            call()
    mine = tmp_path / "mine" / ".cache" / "huggingface"
    mine.mkdir(parents=True)
    hub.push(tmp_path / "run", "me/small", token="t", endpoint=server)
    hub.fetch("me/small", tmp_path / "mine", endpoint=server)
    assert mine.is_dir()
    assert checkpoint.load(tmp_path / "mine").family == "lstm"


def test_a_run_with_a_link_is_not_pushed(server: str, tmp_path: Path) -> None:
    write(tmp_path / "run", make("lstm"))
    (tmp_path / "run" / "curve.png").symlink_to("/etc/hostname")
    with pytest.raises(UserError, match="is a link"):
        hub.push(tmp_path / "run", "me/small", token="t", endpoint=server)
    assert Hub.held == {}


def test_the_commands(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "run", make("lstm"))
    real = hub._api
    monkeypatch.setattr(hub, "_api", lambda name, token, endpoint: real(name, "t", server))
    monkeypatch.chdir(tmp_path)
    assert main(["hub", "push", "run", "me/small"]) == 0
    assert SHA in capsys.readouterr().out
    assert main(["hub", "fetch", "me/small"]) == 0
    assert checkpoint.load(tmp_path / "runs" / "small").family == "lstm"
    assert main(["hub", "push", "nowhere", "me/small"]) == 2
    assert "does not exist" in capsys.readouterr().err
