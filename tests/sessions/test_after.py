"""What an outcome has brought is there for as long as it is held, wherever that is."""

from __future__ import annotations

import gc
import io
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import requests
from PIL import Image

import scraper
from scraper.faulty import FaultyServer, body, page
from tests.conftest import PROJECT
from tests.sessions.gates import PATIENCE, Gate, gated, session
from tests.stories.runs import records_of

BIG = 2_000_000  # bytes, which are kept in a file


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (1_000, 600), "red").save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    behaviours = {
        "/page": page("<title>A page</title>"),
        "/big": body(b"x" * BIG, "text/plain"),
        "/red.png": body(picture(), "image/png"),
    }
    with FaultyServer(behaviours) as found:
        yield found


@pytest.mark.parametrize("with_folder", [False, True])
def test_outcomes_outlive_their_session(
    server: FaultyServer, tmp_path: Path, with_folder: bool
) -> None:
    where = {"dir": tmp_path / "run"} if with_folder else {}
    with session(save_only=False, processes=1, **where) as opened:
        urls = [server.url(each) for each in ("/page", "/big", "/red.png")]
        text, big, red = opened.map(urls)
    assert text.page.soup.title.string == "A page"
    assert len(big.text) == BIG
    assert red.image().size == (1_000, 600)
    made = red.files[-1]
    with Image.open(made) as small:
        assert max(small.size) == 512
    if with_folder:
        assert len(red.files) == 2
        shutil.rmtree(tmp_path / "run")
        for ask in (lambda: text.body, lambda: red.files):
            with pytest.raises(scraper.UsageError, match="gone"):
                ask()
    else:
        del red
        gc.collect()
        assert not made.exists()


def test_a_web_application_asks_in_its_handlers(server: FaultyServer) -> None:
    """One session for all its threads, as in a framework."""
    with session() as opened:

        def application(
            environ: dict[str, Any], start: Callable[..., object]
        ) -> Iterable[bytes]:
            outcome = opened.submit(server.url("/page")).result(PATIENCE)
            start("200 OK", [("Content-Type", "text/html")])
            return [outcome.body]

        with make_server(
            "127.0.0.1", 0, application, handler_class=Silent
        ) as web:
            serving = threading.Thread(target=web.serve_forever)
            serving.start()
            try:
                url = f"http://127.0.0.1:{web.server_port}/"
                answer = requests.get(url, timeout=PATIENCE)
            finally:
                web.shutdown()
                serving.join(PATIENCE)
    assert "A page" in answer.text


class Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def status_of(folder: Path) -> str:
    command = [sys.executable, "-m", "scraper", "status", str(folder)]
    ended = subprocess.run(
        command, capture_output=True, text=True, cwd=PROJECT, timeout=30
    )
    assert "Traceback" not in ended.stderr
    return ended.stdout + ended.stderr


def test_the_status_of_an_open_session_and_of_one_that_was_killed(
    tmp_path: Path,
) -> None:
    with gated() as (site, gate):
        folder = tmp_path / "run"
        script = (
            "import scraper, sys\n"
            f"with scraper.Session(dir={str(folder)!r}, save_only=True, robots='off') as opened:\n"
            f"    opened.submit({site.url('/a')!r}).result()\n"
            f"    opened.submit({site.url('/slow/1')!r})\n"
            "    print('open', flush=True)\n"
            "    sys.stdin.read()\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "open\n"
                site.wait_for(2)
                assert str(process.pid) in status_of(folder)
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait()
        killed = status_of(folder)
        assert "1 done" in killed or "done 1" in killed, killed
        gate.open()
        with session(dir=folder) as opened:
            urls = [site.url("/a"), site.url("/slow/1")]
            assert [each.stored for each in opened.map(urls)] == [True, False]
        assert site.count("/a") == 1


def test_the_images_of_a_page_that_is_not_wanted_are_not_asked(
    tmp_path: Path,
) -> None:
    behaviours = {
        "/slow": Gate(),
        "/page": page('<img src="/a.png">'),
        "/*": page("no picture"),
    }
    with FaultyServer(behaviours) as site:
        folder = tmp_path / "run"
        with session(
            dir=folder, save_only=False, processes=1, per_host=1
        ) as opened:
            first = opened.submit(site.url("/slow"))
            site.wait_for(1)
            cancelled, aborted = (
                opened.submit(site.url(each)) for each in ("/page", "/page?2")
            )
            assert cancelled.cancel()
            assert opened.abort(aborted)
            assert aborted.result(PATIENCE).found == ()
            opened.abort(first)
        assert [each["error_kind"] for each in records_of(folder)] == [
            "aborted",
            "aborted",
        ]
        assert site.count() == 1
