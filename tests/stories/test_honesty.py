"""What came is not what was asked for: what a run says of it, and what it costs the next one."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from PIL import Image

import scraper
from processors.page.signs import SIGNS
from scraper.errors import FLAGS
from scraper.faulty import FaultyServer, body, etag, page, redirect, status
from scraper.faulty.server import Exchange
from tests.conftest import PROJECT, Scrape
from tests.stories.runs import last_of, records_of

LOGIN = """<title>Sign in - Example</title><form action=/login method=post><p>Please log in to
continue<input name=user><input type=password name=pw><button>Sign in</button></form>"""
WORDS = "<p>" + "There is much to be read on this page. " * 60


def _picture(colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (60, 60), colour).save(file, "PNG")
    return file.getvalue()


class Site:
    """A server, a run folder, and passes over a list."""

    def __init__(self, folder: Path, server: FaultyServer) -> None:
        self.folder = folder / "run"
        self.server = server
        self.behaviours = server.behaviours

    def run(
        self, *paths: str, refresh: bool = False, retry: Any = None, **keys: Any
    ) -> scraper.Report:
        keys = {"robots": "off", "processes": 1} | keys
        config = scraper.configure(dir=str(self.folder), **keys)
        urls = [self.server.url(path) for path in paths]
        return scraper.run(urls, config, retry=retry, refresh=refresh)

    def last(self, path: str) -> dict[str, Any]:
        return last_of(self.folder)[self.server.url(path)]

    def flags(self, path: str) -> list[str]:
        return [each["flag"] for each in self.last(path)["flags"]]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with FaultyServer({"/robots.txt": status(404)}) as server:
        yield Site(tmp_path, server)


# -- wrong content -----------------------------------------------------------------------------


def test_a_login_page_in_the_place_of_a_picture_fails_and_is_kept(
    site: Site,
) -> None:
    site.behaviours |= {
        "/": page(f"{WORDS}<img src=/named><img src=/good><img src=/a.svg>"),
        "/cat.jpg": page(LOGIN),
        "/named": page(LOGIN),
        "/good": body(_picture(), "image/png"),
        "/a.svg": body(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        "/doc.pdf": page("<title>Viewer</title>"),
        "/wiki/File:Cat.jpg": page("<title>About a cat</title>"),
    }  # fmt: skip
    report = site.run("/", "/cat.jpg", "/doc.pdf", "/wiki/File:Cat.jpg")
    for path in ("/cat.jpg", "/named"):
        found = site.last(path)
        assert (found["state"], found["error_kind"]) == (
            "failed",
            "wrong_content",
        )
        assert found["error_message"] == (
            "expected an image, got a page: 'Sign in - Example'"
        )
        assert found["retryable"] is False
        assert found["title"] == "Sign in - Example"
        assert (site.folder / found["path"]).read_text() == LOGIN
    assert site.last("/doc.pdf")["error_message"] == (
        "expected a file, got a page: 'Viewer'"
    )
    for path in ("/", "/good", "/a.svg", "/wiki/File:Cat.jpg"):
        assert site.last(path)["state"] == "done"
    assert report.failures == {"wrong_content": 3}
    assert report.exit_code == 3


@pytest.mark.parametrize(
    ("expect", "wrong"),
    [
        ("any", set()),
        ("image", {"/page", "/cat.jpg", "/text"}),
        ("page", {"/picture", "/text"}),
        ("file", {"/page", "/cat.jpg"}),
    ],
)
def test_what_a_list_holds_can_be_said(
    site: Site, expect: str, wrong: set[str]
) -> None:
    site.behaviours |= {
        "/page": page("<title>A page</title>"),
        "/cat.jpg": page("<title>Another</title>"),
        "/picture": body(_picture(), "image/png"),
        "/text": body(b"plain", "text/plain"),
    }
    paths = ("/page", "/cat.jpg", "/picture", "/text")
    site.run(*paths, expect=expect, save_only=True)
    failed = {path for path in paths if site.last(path)["state"] == "failed"}
    assert failed == wrong


def test_the_next_night_does_not_transfer_it_again(site: Site) -> None:
    site.behaviours["/cat.jpg"] = etag(LOGIN.encode(), '"1"')
    site.run("/cat.jpg")
    for how in ({"refresh": True}, {"retry": ["wrong_content"]}, {"retry": ()}):
        report = site.run("/cat.jpg", **how)
        found = site.last("/cat.jpg")
        assert (found["status"], found["error_kind"]) == (304, "wrong_content")
        assert "'Sign in - Example'" in found["error_message"]
        assert found["path"]
        assert found["title"] == "Sign in - Example"
        assert report.failures == {"wrong_content": 1}
        assert report.wire_bytes == 0
        assert report.exit_code == 4
    site.behaviours["/cat.jpg"] = etag(
        _picture(), '"2"', content_type="image/png"
    )
    assert site.run("/cat.jpg", refresh=True).exit_code == 0
    assert site.last("/cat.jpg")["kind"] == "image"


@pytest.mark.parametrize("save_only", [False, True])
def test_what_is_expected_no_more_is_done_without_being_had_again(
    site: Site, save_only: bool
) -> None:
    html = f"{LOGIN}<img src=/seen.png>".encode()
    site.behaviours |= {
        "/cat.jpg": etag(html, '"1"'),
        "/data.jpg": etag(b"plain text", '"1"', content_type="text/plain"),
        "/seen.png": body(_picture(), "image/png"),
    }
    paths = ("/cat.jpg", "/data.jpg")
    site.run(*paths, save_only=save_only)
    report = site.run(*paths, refresh=True, expect="any", save_only=save_only)
    for path in paths:
        found = site.last(path)
        assert (found["state"], found["status"]) == ("done", 304)
        assert found["error_kind"] is found["error_message"] is None
        assert (found["bytes"] or 0) > 0
    assert report.exit_code == 0
    assert site.server.count("/seen.png") == (0 if save_only else 1)
    again = site.run(*paths, refresh=True, expect="any", save_only=save_only)
    assert again.states["unchanged"] == (2 if save_only else 3)
    filled = {
        each["canonical_url"]: each for each in scraper.records(site.folder)
    }
    assert filled[site.server.url("/cat.jpg")]["error_kind"] is None


def test_a_failure_in_between_has_it_transferred_again(site: Site) -> None:
    site.behaviours["/cat.jpg"] = etag(LOGIN.encode(), '"1"')
    site.run("/cat.jpg")
    site.behaviours["/cat.jpg"] = status(404)
    site.run("/cat.jpg", refresh=True)
    site.behaviours["/cat.jpg"] = etag(LOGIN.encode(), '"1"')
    site.run("/cat.jpg", refresh=True)
    assert site.last("/cat.jpg")["status"] == 200


def test_a_session_without_a_folder_says_it_too(site: Site) -> None:
    site.behaviours |= {"/cat.jpg": page(LOGIN), "/login": page(LOGIN)}
    site.behaviours["/inside"] = redirect("/login")
    config = scraper.configure(robots="off", processes=1)
    with scraper.Session(config) as session:
        outcome = session.submit(site.server.url("/cat.jpg")).result()
        assert outcome.reason == (
            "wrong_content: expected an image, got a page: 'Sign in - Example'"
        )
        assert outcome.body == LOGIN.encode()
        inside = session.submit(site.server.url("/inside")).result()
        assert inside.state == "done"
        assert inside.flags == ("login_wall",)
        for _ in range(6):
            same = session.submit(site.server.url("/inside")).result()
        assert same.flags == ("login_wall",), "one URL, however often"


# -- flags -------------------------------------------------------------------------------------


def test_the_flags_are_a_closed_list() -> None:
    assert (*SIGNS, "looks_same") == FLAGS


def _logged_out_after(number: int) -> Any:
    """So many pages, each its own; the others are sent to the login page."""

    def answer(exchange: Exchange) -> None:
        path = exchange.seen.path
        inside = path.startswith("/page/") and int(path[6:]) <= number
        to = redirect(f"/login?next={path}")
        behave = page(f"<title>{path}</title>{WORDS}") if inside else to
        behave(exchange)

    return answer


def test_a_session_that_ends_half_way_is_seen_from_the_fifth_url_on(
    site: Site,
) -> None:
    site.behaviours |= {
        "/page/*": _logged_out_after(5),
        "/login": page(LOGIN.replace("log in to", "sign in to")),
    }
    paths = [f"/page/{number}" for number in range(1, 16)]
    report = site.run(*paths, threads=1, per_host=1)
    ended = [each["canonical_url"] for each in records_of(site.folder)]
    names = {
        url: site.flags(url.removeprefix(site.server.url(""))) for url in ended
    }
    assert [names[url] for url in ended] == (
        [[]] * 5
        + [["login_wall"]] * 4
        + [["login_wall", "looks_same"]] * 6
    )  # fmt: skip
    last = site.last(paths[-1])["flags"][-1]
    assert last["evidence"].startswith("the same body under 5 URLs or more of")
    assert report.exit_code == 0
    assert report.flags == {"login_wall": 10, "looks_same": 6}
    assert "flagged: 10 login_wall · 6 looks_same" in report.text()
    summary = orjson.loads((site.folder / "summary.json").read_bytes())
    assert summary["flags"] == summary["totals"]["flags"] == report.flags


def test_the_same_place_is_seen_where_each_body_is_its_own(site: Site) -> None:
    def login(exchange: Exchange) -> None:
        token = f"<title>{time.perf_counter_ns()}</title>{WORDS}"
        page(token)(exchange)

    site.behaviours |= {
        "/page/*": _logged_out_after(0),
        "/login": login,
    }
    paths = [f"/page/{number}" for number in range(1, 8)]
    assert site.run(*paths).flags == {"looks_same": 3}
    assert "/login in the place of" in str(
        [site.last(path)["flags"] for path in paths]
    )


def test_a_placeholder_in_the_place_of_pictures_is_flagged(site: Site) -> None:
    site.behaviours["/*"] = body(_picture(), "image/png")
    paths = [f"/{number}.png" for number in range(7)]
    report = site.run(*paths, fail_flags=["looks_same"])
    assert report.failures == {"flagged": 3}
    assert report.kinds == {"image": 4}


def test_flags_that_fail_say_so_in_exit_code_and_retry(
    scrape: Scrape, site: Site
) -> None:
    site.behaviours |= {
        "/wall": etag(LOGIN.encode(), '"1"'),
        "/good": page(WORDS),
    }
    urls = scrape.list_of(site.server.url("/wall"), site.server.url("/good"))
    done = scrape(urls)
    assert done.code == 0
    assert "flagged: 1 login_wall" in done.stderr
    assert scrape(urls, "--refresh").code == 0
    failed = scrape(urls, "--refresh", "--fail-flags", "captcha,login_wall")
    assert failed.code == 3
    assert "failed: 1 flagged" in failed.stderr
    record = site.last("/wall")
    assert record["status"] == 304
    assert record["error_message"].startswith("login_wall: ")
    assert record["text"], "its facts are there"
    mended = scrape(urls, "--retry", "flagged")
    assert mended.code == 0
    record = site.last("/wall")
    assert (record["status"], record["state"]) == (304, "done")
    told = scrape(urls, "--fail-flags", "captchas")
    assert told.code == 2
    shown = subprocess.run(
        [sys.executable, "-m", "scraper", "status", str(done.folder)],
        capture_output=True,
        text=True,
        check=True,
        cwd=scrape.folder,
        env={"PYTHONPATH": str(PROJECT)},
    )
    assert "flagged: 1 login_wall" in shown.stdout


def test_what_is_unchanged_keeps_its_flags_in_every_count(site: Site) -> None:
    site.behaviours |= {
        "/wall": etag(LOGIN.encode(), '"1"'),
        "/down": etag(LOGIN.encode(), '"1"'),
    }
    site.run("/wall", "/down")
    site.behaviours["/down"] = status(404)
    report = site.run("/wall", "/down", refresh=True)
    assert report.states == {"unchanged": 1, "failed": 1}
    assert report.flags == {"login_wall": 1}
    assert report.totals is not None
    assert report.totals.flags == {"login_wall": 1}


SCRIPT = """
import os, signal, sys, scraper
config = scraper.configure(dir=sys.argv[1], robots="off", processes=1, threads=1, per_host=1)
outcomes = scraper.stream(sys.argv[2:], config).__enter__()
for _ in range(3):
    next(outcomes)  # it is committed by then
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_looked_the_same_is_known_after_a_kill(site: Site) -> None:
    """Three came to it before, and their outcomes are committed: two more are needed, not five."""
    asked = 0

    def answer(exchange: Exchange) -> None:
        nonlocal asked
        asked += 1
        if asked == 4:
            process.wait(timeout=30)
        page(f"<title>Maintenance</title>{WORDS}")(exchange)

    site.behaviours["/page/*"] = answer
    paths = [f"/page/{number}" for number in range(6)]
    urls = [site.server.url(path) for path in paths]
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(site.folder), *urls],
        env={"PYTHONPATH": str(PROJECT), "SCRAPER_ALLOW_HOSTS": "127.0.0.1"},
    )
    assert process.wait(timeout=30) == -signal.SIGKILL
    assert len(records_of(site.folder)) == 3
    report = site.run(*paths, threads=1, per_host=1)
    assert [site.flags(path) for path in paths] == (
        [[]] * 4 + [["looks_same"]] * 2
    )
    assert report.flags == {"looks_same": 2}


def test_records_without_their_ledger_keep_their_flags(site: Site) -> None:
    site.behaviours["/wall"] = page(LOGIN)
    site.run("/wall")
    (site.folder / ".scraper" / "ledger.sqlite").unlink()
    config = scraper.configure(dir=str(site.folder), robots="off", processes=1)
    report = scraper.run([site.server.url("/wall")], config, adopt=True)
    assert report.totals is not None
    assert report.totals.flags == {"login_wall": 1}
