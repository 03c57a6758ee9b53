"""What readers of the code found wrong, each as the run that it spoiled."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import scraper
from scraper import journal
from scraper.api import source_of
from scraper.engine import Makers
from scraper.errors import LocalFault
from scraper.faulty import (
    Behaviour,
    Exchange,
    FaultyServer,
    body,
    etag,
    needs_login,
    page,
    sequence,
    status,
)
from scraper.http.fetcher import Fetcher
from scraper.http.flight import Flight
from scraper.model import Fact
from scraper.runner import Run
from scraper.supervision import Intervals
from scraper.urls import MAX_URL_BYTES
from tests.conftest import PROJECT, Scrape
from tests.stories.runs import last_of, records_of

PATIENCE = 10.0
NO_RULES = {"/robots.txt": status(404)}

posix = pytest.mark.skipif(
    os.name == "nt", reason="descriptors and shells of POSIX"
)


def _run(
    folder: Path, urls: Any, *, refresh: bool = False, **keys: Any
) -> scraper.Report:
    return scraper.run(urls, _config(folder, **keys), refresh=refresh)


def _config(folder: Path, **keys: Any) -> scraper.Config:
    keys = {
        "robots": "off",
        "save_only": True,
        "retry_wait_seconds": 0.01,
    } | keys
    return scraper.configure(dir=str(folder / "run"), **keys)


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return file.getvalue()


def _states(folder: Path) -> dict[str, tuple[str, str | None]]:
    """By path of the URL, how it ended."""
    return {
        url.partition("://")[2].partition("/")[2]: (
            each["state"],
            each["error_kind"],
        )
        for url, each in last_of(folder / "run").items()
    }


# -- URLs that grow ---------------------------------------------------------------------------


def _far(exchange: Exchange) -> None:
    """A Location that fits into a header line, and no more into a URL once it is encoded."""
    exchange.send(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /")
    exchange.send(b"\xff" * 8_000 + b"\r\n\r\n")


def test_a_redirect_to_more_than_a_url_can_be_costs_its_url_only(
    tmp_path: Path,
) -> None:
    with FaultyServer({"/far": _far, "/near": page("here")}) as server:
        _run(tmp_path, [server.url("/far"), server.url("/near")])
    assert _states(tmp_path) == {
        "far": ("failed", "bad_redirect"),
        "near": ("done", None),
    }


def test_a_robots_txt_that_moved_there_leaves_its_origin_without_rules(
    tmp_path: Path,
) -> None:
    with FaultyServer(
        {"/robots.txt": _far, "/a": page("a"), "/b": page("b")}
    ) as server:
        _run(tmp_path, [server.url("/a"), server.url("/b")], robots="on")
        assert server.count() == server.count("/robots.txt")
    assert set(_states(tmp_path).values()) == {("failed", "robots_unreachable")}
    assert "redirect to" in records_of(tmp_path / "run")[0]["error_message"]


def test_an_image_whose_url_outgrows_the_limit_does_not_end_the_run(
    tmp_path: Path,
) -> None:
    """With the credentials of its page, or once what is not ASCII is encoded."""
    with FaultyServer() as server:
        home = server.url("/")
        fits = "a" * (MAX_URL_BYTES - len(home))
        html = f"<img src=/{fits}><img src=/{'ü' * 30_000}><img src=/small.png>"
        server.behaviours |= {
            "/": needs_login("Basic bWU6c2VjcmV0", page(html)),
            "/small.png": body(_picture(), "image/png"),
        }
        report = _run(tmp_path, [home.replace("://", "://me:secret@")], save_only=False,
                      processes=1)  # fmt: skip
        assert (report.done, report.total) == (2, 2)
        assert server.count("/small.png") == 1


# -- lists ------------------------------------------------------------------------------------


@posix
def test_a_process_substitution_is_read_whole(scrape: Scrape) -> None:
    """It can be opened but once: whoever looks into it first has taken it away."""
    with FaultyServer(page("in")) as server:
        reading, writing = os.pipe()
        try:
            lines = "".join(
                f"{server.url(f'/{number}')}\n" for number in range(5)
            )
            os.write(writing, lines.encode())
            os.close(writing)
            done = scrape.here(f"/dev/fd/{reading}", "--robots", "off")
        finally:
            os.close(reading)
    assert done.code == 0, done.stderr
    assert len(done.records) == 5


def test_a_line_may_wait_for_the_outcome_of_the_line_before(
    tmp_path: Path,
) -> None:
    told = threading.Event()

    def urls() -> Iterator[str]:
        for number in range(3):
            yield server.url(f"/{number}")
            assert told.wait(PATIENCE), (
                "its outcome did not come before the next line"
            )
            told.clear()

    with (
        FaultyServer(page("in")) as server,
        scraper.stream(urls(), _config(tmp_path)) as run,
    ):
        for _ in run:
            told.set()
    assert run.report.done == 3


ODD_LISTS = {
    "NUL": b"%s/a\0b\n\0%s/c\0\n\0\n%s/d\nhttp://127.0.\x000.1/\n",
    "UTF-16": b"%s/a\n%s/b\r\n%s/c",
    "UTF-16, the other way": b"%s/a\n%s/b\r\n%s/c",
    "UTF-16 without a mark": b"%s/a\n%s/b\n%s/c\n",
}
ODD_ASKED = {
    "NUL": {"/a%00b", "/c", "/d"},
    "UTF-16": {"/a", "/b", "/c"},
    "UTF-16, the other way": {"/a", "/b", "/c"},
    "UTF-16 without a mark": {"/a", "/b", "/c"},
}


def _odd(name: str, home: str) -> bytes:
    """The list as it stands on the disk."""
    raw = ODD_LISTS[name].replace(b"%s", home.encode())
    if name == "NUL":
        return raw
    encoding = "utf-16-be" if name == "UTF-16, the other way" else "utf-16-le"
    mark = "" if name == "UTF-16 without a mark" else "\ufeff"
    return (mark + raw.decode()).encode(encoding)


@pytest.mark.parametrize("name", ODD_LISTS)
def test_an_odd_list_is_the_same_rows_on_every_run(
    name: str, scrape: Scrape
) -> None:
    with FaultyServer(page("in")) as server:
        (scrape.folder / "urls.txt").write_bytes(
            _odd(name, server.url("/").rstrip("/"))
        )
        first = scrape.here(
            "urls.txt", "--robots", "off", "--allow-hosts", "127.0.0.1"
        )
        again = scrape.here(
            "urls.txt", "--robots", "off", "--allow-hosts", "127.0.0.1"
        )
        assert Counter(seen.path for seen in server.seen) == Counter(
            ODD_ASKED[name]
        )
    assert again.stderr.startswith("nothing left to do"), again.stderr
    assert again.records == first.records
    # What could not be asked is a line that is no URL: nobody's host was made up of half of it.
    refused = {
        each["error_kind"] for each in first.records if each["state"] != "done"
    }
    assert refused == ({"bad_url"} if name == "NUL" else set())


@pytest.mark.skipif(sys.platform == "darwin", reason="names are UTF-8 there")
@pytest.mark.skipif(os.name == "nt", reason="names are UTF-16 there")
def test_a_list_may_have_any_name(scrape: Scrape) -> None:
    name = os.fsdecode(b"l\xff.txt")
    with FaultyServer(page("in")) as server:
        scrape.list_of(server.url("/"), name=name)
        done = scrape.here(name, "--robots", "off", dir=None)
        again = scrape.here(name, "--robots", "off", dir=None)
        assert server.count() == 1
    assert (done.code, again.code) == (0, 0), done.stderr
    assert again.stderr.startswith("nothing left to do")
    [told] = records_of(scrape.folder / "downloads" / "l\\xff")
    assert told["source"] == "l\\xff.txt"


@pytest.mark.parametrize("stopped", [True, False])
def test_a_list_that_grows_while_its_pass_is_open_is_one_pass(
    scrape: Scrape, stopped: bool
) -> None:
    with FaultyServer({"/4": status(404), "/*": page("in")}) as server:
        paths = [server.url(f"/{number}") for number in range(6)]
        most = ("--max-urls", "2") if stopped else ()
        scrape.here(scrape.list_of(*paths[:3]), "--robots", "off", *most)
        done = scrape.here(scrape.list_of(paths[5], *paths), "--robots", "off")
        assert server.count() == 6
    passes = Counter(each["pass"] for each in done.records)
    assert passes == ({1: 6} if stopped else {1: 3, 2: 3})
    assert set(done.by_url()) == set(paths)
    assert len({each["index"] for each in done.records}) == 6


def test_lists_that_overlap_ask_once_and_tell_the_first_place(
    scrape: Scrape,
) -> None:
    with FaultyServer(page("in")) as server:
        a, b, c = (server.url(path) for path in ("/a", "/b", "/c"))
        lists = [scrape.list_of(a, b, name="one.txt"), scrape.list_of("# c", b, c, a,
                 name="two.txt")]  # fmt: skip
        done = scrape.here(*lists, "--robots", "off")
        again = scrape.here(*lists, "--robots", "off")
        assert server.count() == 3
    assert again.stderr.startswith("nothing left to do")
    told = {
        url: (each["source"], each["line"])
        for url, each in done.by_url().items()
    }
    assert told == {a: ("one.txt", 1), b: ("one.txt", 2), c: ("two.txt", 3)}


# -- passes -----------------------------------------------------------------------------------


def test_retry_again_goes_on_with_the_retry_that_is_open(
    scrape: Scrape,
) -> None:
    with FaultyServer(status(410)) as server:
        lst = scrape.list_of(*(server.url(f"/{number}") for number in range(3)))
        flags = ("--robots", "off", "-j", "1")
        scrape.here(lst, *flags)
        assert scrape.here(lst, *flags, "--retry", "--max-urls", "1").code == 5
        scrape.here(lst, *flags, "--retry")
        told = scrape.here(lst, *flags)
        assert told.stderr.startswith("nothing left to do: pass 2")
        assert Counter(seen.path for seen in server.seen) == {
            f"/{n}": 2 for n in range(3)
        }
        assert Counter(each["pass"] for each in told.records) == {1: 3, 2: 3}
        # Another wish is another pass, with what the open one has left.
        assert scrape.here(lst, *flags, "--retry", "--max-urls", "1").code == 5
        told = scrape.here(lst, *flags, "--retry", "http_410")
        assert Counter(each["pass"] for each in told.records) == {
            1: 3,
            2: 3,
            3: 1,
            4: 3,
        }


def test_a_line_that_is_no_url_is_told_alike_in_every_pass(
    scrape: Scrape,
) -> None:
    with FaultyServer({"/": etag(b"<p>in")}) as server:
        lines = [server.url("/").encode(), b"mailto:me@example.com", b"http://h/\xff", b"http://[",
                 b"http://h/" + b"a" * MAX_URL_BYTES, b"http://a\0b/"]  # fmt: skip
        (scrape.folder / "urls.txt").write_bytes(b"\n".join(lines))
        for _ in range(3):
            done = scrape.here("urls.txt", "--robots", "off", "--refresh")
        told = [
            [(each["line"], each["state"], each["error_kind"], each["error_message"])
             for each in done.records if each["pass"] == number and each["line"] > 1]
            for number in (1, 2, 3)
        ]  # fmt: skip
    assert [each[:3] for each in sorted(told[0])] == [
        (2, "failed", "bad_scheme"), (3, "failed", "bad_encoding"), (4, "failed", "bad_url"),
        (5, "failed", "bad_url"), (6, "failed", "bad_url")]  # fmt: skip
    assert sorted(told[0]) == sorted(told[1]) == sorted(told[2])


def test_a_304_to_whom_has_nothing_is_a_failure(tmp_path: Path) -> None:
    with FaultyServer({"/": sequence(etag(b"<p>in"), status(304))}) as server:
        _run(tmp_path, [server.url("/")])
        (told,) = records_of(tmp_path / "run")
        (tmp_path / "run" / told["path"]).unlink()
        report = _run(tmp_path, [server.url("/")], refresh=True)
        assert "if-none-match" not in server.seen[1].headers
    assert report.states == {"failed": 1}
    assert report.failures == {"http_304": 1}


# -- what a page names before the list does ---------------------------------------------------


def test_what_the_list_names_too_is_the_lists_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page comes first, while the host of its image is busy; then comes the line."""
    monkeypatch.setattr(journal, "BATCH_SECONDS", 0.05)
    told, release = threading.Event(), threading.Event()

    def busy(exchange: Exchange) -> None:
        release.wait(PATIENCE)
        page("busy")(exchange)

    def urls() -> Iterator[str]:
        yield server.url("/busy", "b.localhost")
        yield server.url("/page")
        assert told.wait(PATIENCE)
        yield picture
        # its outcome means that the line before has been read
        yield server.url("/last")

    with FaultyServer({"/busy": busy, "/last": page("last")}) as server:
        picture = server.url("/a.png", "b.localhost")
        server.behaviours |= {
            "/page": page(f"<img src={picture}>"),
            "/a.png": body(_picture(), "image/png"),
        }
        config = _config(tmp_path, save_only=False, processes=1)
        makers = Makers(intervals=Intervals(tick=0.05))
        with Run(
            [source_of(urls())], config, makers=makers, with_stored=True
        ) as run:
            for outcome in run:
                if outcome.url == server.url("/page"):
                    told.set()
                if outcome.url == server.url("/last"):
                    release.set()
            assert (
                run.known
                == run.report.total
                == len(records_of(tmp_path / "run"))
                == 4
            )
    last = last_of(tmp_path / "run")[picture]
    assert (last["index"], last["source"], last["line"], last["parent"]) == (
        3,
        "script",
        3,
        None,
    )


@pytest.mark.parametrize("answer", [body, etag], ids=["anew", "unchanged"])
def test_what_the_list_names_later_is_its_own_from_then_on(
    tmp_path: Path, answer: Any
) -> None:
    picture = _picture()
    images: Behaviour = answer(picture, content_type="image/png")
    with FaultyServer(
        {"/": answer(b"<img src=/a.png>"), "/a.png": images}
    ) as server:
        urls = [server.url("/"), server.url("/a.png")]
        config = _config(tmp_path, save_only=False, processes=1)
        scraper.run(urls[:1], config)
        assert last_of(tmp_path / "run")[urls[1]]["parent"] == urls[0]
        with scraper.stream(urls, config, refresh=True) as run:
            list(run)
            assert (run.known, run.report.total) == (2, 2)
    last = last_of(tmp_path / "run")[urls[1]]
    assert last["pass"] == 2
    assert (last["index"], last["source"], last["line"], last["parent"]) == (
        2,
        "script",
        2,
        None,
    )


def test_the_length_of_a_pass_is_what_it_is_about(tmp_path: Path) -> None:
    """Not the length of the list: the bar of a retry would stay at its beginning."""
    site = {"/2": sequence(status(404), page("in")), "/*": page("in")}
    lengths = []
    with FaultyServer(site) as server:
        urls = [server.url(f"/{number}") for number in range(6)]
        for listed, most, retry in ((urls[:4], 0, None), (urls[:4], 0, ()), (urls, 1, None),
                                    (urls, 0, None)):  # fmt: skip
            run = scraper.stream(
                listed * 2, _config(tmp_path, max_urls=most), retry=retry
            )
            with run:
                list(run)
                lengths.append((run.report.number, run.known, run.report.total))
    assert lengths == [(1, 4, 4), (2, 1, 1), (3, 2, 1), (3, 2, 2)]


# -- secrets ----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_password_that_breaks_its_url_is_told_nowhere(
    scrape: Scrape, form: str
) -> None:
    with FaultyServer(page("in")) as server:
        host = f"127.0.0.1:{server.port}"
        lst = scrape.list_of(f"http://u:hush/RET@{host}/a", f"http://u:pw hush@{host}/",
                             f"http://u:hu?sh@{host}/", f"u:hush/x@{host}")  # fmt: skip
        done = scrape.here(lst, "-v", "--log-format", form, "--robots", "off")
        assert [seen.path for seen in server.seen] == ["/"], (
            "a space is none of the mistakes"
        )
    assert Counter(each["error_kind"] for each in done.records) == {
        None: 1, "bad_url": 2, "bad_scheme": 1}  # fmt: skip
    files = [each for each in done.folder.rglob("*")
             if each.is_file() and ".scraper" not in each.parts]  # fmt: skip
    assert {"records.jsonl", "errors.jsonl", "run.log", "summary.json"} <= {
        f.name for f in files
    }
    for text in (
        done.stdout,
        done.stderr,
        *(each.read_text() for each in files),
    ):
        for secret in ("hush", "RET", "sh@", "hu?"):
            assert secret not in text


# -- what must not be kept --------------------------------------------------------------------


@pytest.mark.parametrize("save_only", [True, False])
def test_what_must_not_be_kept_is_gone_when_its_outcome_is_told(
    tmp_path: Path, save_only: bool
) -> None:
    shy = body(_picture(), "image/png", {"X-Robots-Tag": "noimageindex"})
    config = _config(
        tmp_path,
        save_only=save_only,
        processes=1,
        resize=4,
        obey=["noimageindex"],
    )
    with (
        FaultyServer({"/a.png": shy}) as server,
        scraper.stream([server.url("/a.png")], config) as run,
    ):
        for outcome in run:
            assert outcome.failure is not None
            assert outcome.failure.kind == "robots_directive"
            assert [
                each.name
                for each in (run.folder / ".scraper").glob("parts/*/[0-9]*")
            ] == []
    assert run.report.skips == {"robots_directive": 1}


# -- this machine -----------------------------------------------------------------------------


@posix
@pytest.mark.parametrize(
    ("words", "closing", "says"),
    [
        (
            "-",
            "<&-",
            "error: standard input is closed: there is no list to read\n",
        ),
        ("urls.txt -o -", ">&-", "error: -o -: standard output is closed\n"),
    ],
)
def test_a_stream_that_is_closed_is_told_in_one_line(
    words: str, closing: str, says: str, scrape: Scrape
) -> None:
    scrape.list_of("http://127.0.0.1:1/")
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m scraper {words} --dir run --save-only {closing}',
         sys.executable],
        cwd=scrape.folder, env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, says)


def test_a_run_whose_every_thread_hangs_stops_and_says_so(
    tmp_path: Path,
) -> None:
    """As on a disk that answers no more: no socket that could be shut would free them."""
    thaw = threading.Event()

    class Frozen(Fetcher):
        def fetch(self, flight: Flight) -> Fact:
            flight.begin()
            thaw.wait(PATIENCE)
            return super().fetch(flight)

    intervals = Intervals(tick=0.05, stall=3.0, lost=0.1)
    config = _config(
        tmp_path, threads=2, per_host=1, retries=0, request_time_seconds=0.1
    )
    with FaultyServer(page("in")) as server:
        urls = [server.url("/", f"{name}.localhost") for name in "abcdef"]
        before = set(threading.enumerate())
        makers = Makers(fetcher=Frozen, intervals=intervals)
        run = Run([source_of(urls)], config, makers=makers, with_stored=True)
        with run, pytest.raises(LocalFault) as caught:
            list(run)
        assert caught.value.failure.kind == "stalled"
        assert "every fetch thread hangs" in str(caught.value), (
            "it is not the watchdog's find"
        )
        assert not run.threads_are_back
        assert run.report.stopped is not None
        thaw.set()
        for each in set(threading.enumerate()) - before:
            if each.name.startswith("fetch"):
                each.join(PATIENCE)
        assert scraper.run(urls, config, retry=()).done == len(urls), (
            "and the next one goes on"
        )
