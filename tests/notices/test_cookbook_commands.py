"""The commands of the cookbook, against a mail server and a hook of this machine."""

from __future__ import annotations

import email
import email.policy
import json
import os
import shlex
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from scraper.notices.command import hand_to
from tests.conftest import PROJECT
from tests.test_docs import fences

COMMANDS = {
    fence.argument: fence.body
    for fence in fences(PROJECT / "docs" / "cookbook.md")
    if fence.word == "notify"
}
NOTICE = {
    "id": "abc-1",
    "event": "changes",
    "text": "urls: 1 changed",
    "summary": "2 done · 1 kB",
    "lines": [{"change": "changed", "url": "https://example.com/ü"}],
}
DOCUMENT = json.dumps(NOTICE).encode() + b"\n"


@contextmanager
def mail_server(code: int = 250) -> Iterator[tuple[str, list[bytes]]]:
    """Its address, and the mails that it has taken."""
    mails: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                connection.sendall(b"220 here\r\n")
                for line in lines:
                    word = line[:4].strip().upper()
                    if word == b"DATA":
                        connection.sendall(b"354 go on\r\n")
                        mails.append(b"".join(iter(lines.readline, b".\r\n")))
                    answer = {b"RCPT": code, b"QUIT": 221}.get(word, 250)
                    connection.sendall(b"%d well\r\n" % answer)
                    if word == b"QUIT":
                        return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", mails
        thread.join(30)


@contextmanager
def hook(code: int = 200) -> Iterator[tuple[str, list[bytes]]]:
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", bodies
        server.shutdown()
        thread.join(30)


def script(folder: Path, name: str) -> list[str]:
    body = COMMANDS[name]
    assert body.count("\n") <= 12
    (folder / name).write_text(body)
    return [sys.executable, str(folder / name)]


def test_mail(tmp_path: Path) -> None:
    command = script(tmp_path, "mail_me.py")
    with mail_server() as (address, mails):
        assert hand_to([*command, address, "me@a.test"], DOCUMENT, 60) is None
    (text,) = mails
    mail = email.message_from_bytes(text, policy=email.policy.default)
    assert mail["Subject"] == "urls: 1 changed"
    assert mail["To"] == "me@a.test"
    assert mail["Message-ID"] == "<abc-1@scraper.invalid>"
    assert "changed https://example.com/ü" in str(mail.get_content())


def test_a_mail_server_that_refuses_is_a_failure(tmp_path: Path) -> None:
    command = script(tmp_path, "mail_me.py")
    with mail_server(550) as (address, mails):
        failed = hand_to([*command, address, "me@a.test"], DOCUMENT, 60)
    assert failed == "ended with 1"
    assert not mails


@pytest.mark.parametrize(
    ("code", "failed"), [(200, None), (500, "ended with 1")]
)
def test_slack(
    tmp_path: Path,
    code: int,
    failed: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = script(tmp_path, "slack_me.py")
    with hook(code) as (url, bodies):
        monkeypatch.setitem(os.environ, "SLACK_URL", url)
        assert hand_to(command, DOCUMENT, 60) == failed
    text = json.loads(bodies[0])["text"]
    assert text == "urls: 1 changed\n• changed <https://example.com/ü>"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize(
    ("code", "failed"), [(200, None), (500, "ended with 22")]
)
def test_webhook(code: int, failed: str | None) -> None:
    with hook(code) as (url, bodies):
        line = COMMANDS["webhook"].replace("https://example.com/hook", url)
        assert hand_to(shlex.split(line), DOCUMENT, 60) == failed
    assert bodies == [DOCUMENT]
