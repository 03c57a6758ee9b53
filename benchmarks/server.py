"""The local server: nginx if installed, else a small one of our own, in another process."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 10.0
_CONFIGURATION = """
daemon off; master_process off; pid {home}/pid; error_log {home}/error.log warn;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
  types {{ text/html html; image/jpeg jpg; text/plain txt; }}
  default_type text/plain; sendfile on; tcp_nopush on; tcp_nodelay on;
  keepalive_requests 1000000; keepalive_timeout 300s; server_tokens off;
  log_format arrival '$msec $host $uri'; access_log {log};
  client_body_temp_path {home}/1; proxy_temp_path {home}/2; fastcgi_temp_path {home}/3;
  uwsgi_temp_path {home}/4; scgi_temp_path {home}/5;
  server {{
    listen 127.0.0.1:{port} backlog=4096; root {root};
    location = /robots.txt {{ return 404; }}
    location / {{ {answer} }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A server that runs: its address, and what it is."""

    port: int
    name: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def serving(folder: Path | None = None, *, body: str = "", log: Path | None = None,
            delay: float = 0.0) -> Iterator[Site]:  # fmt: skip
    """Serve the files of a folder, or `body` for whatever is asked, of whatever host.

    `log` gets a line a request: unix time, host, path. `delay` is in seconds, before each answer.
    """
    nginx = shutil.which(
        "nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    )
    home = Path(tempfile.mkdtemp(prefix="scraper-server-"))
    try:
        if nginx and not delay:
            command, port, name = _nginx(nginx, home, folder, body, log)
        else:
            command, port, name = _own(folder, body, log, delay)
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            cwd=Path(__file__).parents[1],
        )  # fmt: skip
        try:
            _await(process, port, home, command)
            yield Site(port, name)
        finally:
            process.terminate()
            process.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _nginx(nginx: str, home: Path, folder: Path | None, body: str,
           log: Path | None) -> tuple[list[str], int, str]:  # fmt: skip
    port = free_port()
    (home / "nginx.conf").write_text(
        _CONFIGURATION.format(
            home=home,
            port=port,
            root=folder or home,
            log=f"{log} arrival buffer=32k flush=1s" if log else "off",
            answer="" if folder else f'return 200 "{body}";',
        ),
        encoding="utf-8",
    )
    version = subprocess.run(
        [nginx, "-v"], capture_output=True, text=True, check=False
    ).stderr
    command = [nginx, "-p", str(home), "-c", str(home / "nginx.conf")]
    return command, port, version.partition(": ")[2].strip()


def _own(folder: Path | None, body: str, log: Path | None,
         delay: float) -> tuple[list[str], int, str]:  # fmt: skip
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "benchmarks.own_server",
        str(port),
        "--delay",
        str(delay),
    ]
    command += ["--folder", str(folder)] if folder else ["--body", body]
    command += ["--log", str(log)] if log else []
    return command, port, "our own small server"


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _await(process: subprocess.Popen[bytes], port: int, home: Path,
           command: list[str]) -> None:  # fmt: skip
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 1),
        ):
            return
        time.sleep(0.02)
    errors = home / "error.log"
    said = errors.read_text(errors="replace") if errors.exists() else ""
    raise SystemExit(
        f"the local server did not start: {said.strip()[-300:] or command[0]}"
    )
