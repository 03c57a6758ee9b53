"""A small HTTP server for measurements: `python -m benchmarks.own_server PORT --folder DIR`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from pathlib import Path
from typing import TextIO

TYPES = {".html": "text/html", ".jpg": "image/jpeg"}


class _Connection(asyncio.Protocol):
    """One kept-alive connection that asks one thing after the other."""

    def __init__(
        self, arguments: argparse.Namespace, log: TextIO | None
    ) -> None:
        self._given, self._log, self._read = arguments, log, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while b"\r\n\r\n" in self._read:
            head, _, self._read = self._read.partition(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode("latin-1").partition("?")[0]
            if self._log:
                self._log.write(
                    f"{time.time():.3f} {_host_of(head)} {target}\n"
                )
            answer = self._answer(target, head.lower())
            if self._given.delay:
                asyncio.get_running_loop().call_later(
                    self._given.delay, self._send, answer
                )
            else:
                self._send(answer)

    def _send(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)

    def _answer(self, target: str, head: bytes) -> bytes:
        if target == "/robots.txt":
            return _message(404, "text/plain", b"none\n")
        if self._given.folder is None:
            return _message(200, "text/plain", self._given.body.encode())
        path = self._given.folder / target.lstrip("/")
        with contextlib.suppress(OSError):
            tag = b'"%d"' % path.stat().st_size
            if b"if-none-match: " + tag in head:
                return (
                    b"HTTP/1.1 304 Not Modified\r\nETag: " + tag + b"\r\n\r\n"
                )
            type = TYPES.get(path.suffix, "text/plain")
            return _message(200, type, path.read_bytes(), b"ETag: " + tag)
        return _message(404, "text/plain", b"none\n")


def _host_of(head: bytes) -> str:
    for line in head.split(b"\r\n")[1:]:
        if line[:5].lower() == b"host:":
            return line[5:].strip().rpartition(b":")[0].decode("latin-1")
    return "-"


def _message(status: int, type: str, body: bytes, more: bytes = b"") -> bytes:
    reason = "OK" if status == 200 else "Not Found"
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: {type}\r\nContent-Length: {len(body)}"
    lines = [head.encode(), *([more] if more else []), b"", body]
    return b"\r\n".join(lines)


async def _serve(arguments: argparse.Namespace, log: TextIO | None) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(arguments, log),
        "127.0.0.1",
        arguments.port,
        backlog=1024,
    )
    await server.serve_forever()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.own_server")
    parser.add_argument("port", type=int)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--body", default="")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--log", type=Path)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        log = (
            stack.enter_context(arguments.log.open("w", buffering=1))
            if arguments.log
            else None
        )
        asyncio.run(_serve(arguments, log))


if __name__ == "__main__":
    main()
