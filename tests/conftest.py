"""What all tests share: nobody leaves this machine, and a way to run the command line."""

from __future__ import annotations

import gc
import ipaddress
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import pytest

# A busy machine may take any time for an example; what is slow is measured elsewhere. The suite
# tries the same few examples of each law every time, `--hypothesis-profile long` many others.
hypothesis.settings.register_profile(
    "suite", deadline=None, max_examples=40, derandomize=True
)
hypothesis.settings.register_profile("long", deadline=None, max_examples=400)
hypothesis.settings.load_profile("suite")

PROJECT = Path(__file__).resolve().parent.parent
LOOPBACK_HOSTS = "127.0.0.1,localhost,*.localhost,[::1]"
# Settings of whoever runs the tests; they would change what is tested.
FOREIGN = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle",
           "ssl_cert_file", "tqdm_disable", "columns")  # fmt: skip


# Without bytecode each of the programs that tests start compiles the package (39 s of CPU beside
# 25 s, in 68 tests of runs), and each worker of the suite all tests (27 s beside 10 s).
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if hasattr(signal, "SIGHUP"):
    # Under nohup it is ignored, by the programs that tests start too, which some of them signal.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
# And so is this one, in what a script starts in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist nobody calls it
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """What `-n auto` stands for: two more than the cores, for tests wait for servers and clocks."""
    return (os.cpu_count() or 1) + 2


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nothing of the tests themselves is garbage: looking for it while they are collected
    took 5 s of CPU in each worker."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


# -- nobody leaves ----------------------------------------------------------------------------


class LeftLoopback(AssertionError):
    """A test tried to speak with another machine."""


_left: list[str] = []


def _is_here(host: object) -> bool:
    if host is None or host == "":
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    name = text.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


def _refuse(what: str) -> None:
    _left.append(what)
    raise LeftLoopback(what)


def _watched_connect(real: Callable[..., Any]) -> Callable[..., Any]:
    def connect(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(
            address[0]
        ):
            _refuse(f"connection to {address[0]!r}")
        return real(self, address)

    return connect


def _watched_lookup(real: Callable[..., Any]) -> Callable[..., Any]:
    def getaddrinfo(host: Any, *rest: Any, **keywords: Any) -> Any:
        if not _is_here(host):
            _refuse(f"look-up of {host!r}")
        return real(host, *rest, **keywords)

    return getaddrinfo


# At import, not in a fixture: default arguments (`resolve=socket.getaddrinfo`) bind when a module
# is loaded, and this file is loaded before any of them.
socket.socket.connect = _watched_connect(socket.socket.connect)  # type: ignore[method-assign]
socket.socket.connect_ex = _watched_connect(socket.socket.connect_ex)  # type: ignore[method-assign]
socket.getaddrinfo = _watched_lookup(socket.getaddrinfo)


@pytest.fixture(autouse=True)
def loopback_only() -> Iterator[None]:
    """Fails a test that leaves loopback, even where it swallows the exception; and lets the
    program itself, in whatever process, ask only hosts of this machine."""
    _left.clear()
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("SCRAPER_") or name.lower() in FOREIGN:
                patch.delenv(name)
        patch.setenv("SCRAPER_ALLOW_HOSTS", LOOPBACK_HOSTS)
        yield
    assert not _left, f"this test tried to leave loopback: {', '.join(_left)}"


# -- files ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Real pages and pictures, which do not belong to the project; skips where they are absent."""
    folder = PROJECT.parent / "shared" / "corpus"
    if not folder.is_dir():
        pytest.skip(
            "the corpus of real pages and pictures is not on this machine"
        )
    return folder


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A self-signed certificate of localhost and its key, for servers that speak TLS."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("makes its certificate with the openssl command")
    folder: Path = tmp_path_factory.mktemp("tls")
    files = str(folder / "cert.pem"), str(folder / "key.pem")
    command = [
        openssl,
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
    ]
    command += [
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ]
    subprocess.run(
        [*command, "-out", files[0], "-keyout", files[1]],
        check=True,
        capture_output=True,
    )
    return files


# -- the command line -------------------------------------------------------------------------


def environment_of_examples() -> dict[str, str]:
    """In which `python -m scraper` is this program."""
    programs = Path(sys.executable).parent
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT),
        "SCRAPER_RETRY_WAIT": "10ms",
    }


class Scraped(NamedTuple):
    """What a command line came to."""

    code: int
    stderr: str
    stdout: str
    records: list[dict[str, Any]]
    folder: Path

    def by_url(self) -> dict[str, dict[str, Any]]:
        """Records by their canonical URL; of one URL the last counts."""
        return {each["canonical_url"]: each for each in self.records}


class Scrape:
    """`scrape("urls.txt")` is `python -m scraper urls.txt --dir run`, in the test's own folder."""

    def __init__(
        self, folder: Path, patch: pytest.MonkeyPatch, captured: Any
    ) -> None:
        self.folder = folder
        self._patch = patch
        self._captured = captured

    def list_of(self, *urls: str, name: str = "urls.txt") -> str:
        """Write a list; returns its name."""
        (self.folder / name).write_text("".join(f"{url}\n" for url in urls))
        return name

    def __call__(self, *arguments: str, dir: str | None = "run", stdin: str = "",
                 environment: dict[str, str] | None = None) -> Scraped:  # fmt: skip
        """In a process of its own: with workers, signals and all."""
        done = subprocess.run(
            [sys.executable, "-m", "scraper", *self._with(dir, arguments)],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(PROJECT),
                **(environment or {}),
            },
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return self._scraped(done.returncode, done.stderr, done.stdout, dir)

    def here(self, *arguments: str, dir: str | None = "run") -> Scraped:
        """In this process, which saves half a second; nothing is processed (`--save-only`)."""
        return self.inside(*arguments, "--save-only", dir=dir)

    def inside(self, *arguments: str, dir: str | None = "run") -> Scraped:
        """In this process and its workers, which are not started anew by each command."""
        from scraper.cli import main

        logger = logging.getLogger("scraper")
        handlers, propagate = logger.handlers, logger.propagate
        with self._patch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(os, "_exit", _no_exit)
            self._captured.readouterr()
            try:
                code = main(self._with(dir, arguments))
            except SystemExit as left:  # argparse
                code = left.code if isinstance(left.code, int) else 1
            finally:
                logger.handlers, logger.propagate = handlers, propagate
        stdout, stderr = self._captured.readouterr()
        return self._scraped(code, stderr, stdout, dir)

    @staticmethod
    def _with(dir: str | None, arguments: tuple[str, ...]) -> list[str]:
        return [*arguments, *([] if dir is None else ["--dir", dir])]

    def _scraped(
        self, code: int, stderr: str, stdout: str, dir: str | None
    ) -> Scraped:
        folder = self.folder / (dir or ".")
        records = folder / "records.jsonl"
        lines = (
            records.read_text("utf-8-sig").splitlines()
            if records.is_file()
            else []
        )
        return Scraped(
            code, stderr, stdout, [json.loads(line) for line in lines], folder
        )


def _no_exit(code: int) -> None:
    raise AssertionError(f"os._exit({code}): a thread did not come back")


@pytest.fixture
def scrape(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Scrape:
    """The command line, in an empty folder."""
    return Scrape(tmp_path, monkeypatch, capsys)
