"""What a URL is may show late: the list names it, or a link leads there, when it was asked."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import scraper
from scraper.engine import Makers
from scraper.faulty import (
    Behaviour,
    Exchange,
    FaultyServer,
    page,
    redirect,
)
from scraper.pools import Pools, makers_with
from scraper.run_folder.verification import verify
from scraper.runner import Run
from scraper.sources.source import given_source
from scraper.storage.readers.inventory import Fault
from tests.stories import writes
from tests.stories.runs import records_of

KEYS = {"processes": 1, "retry_wait": "10ms", "depth": 3}
SECONDS = 20.0


def links(*paths: str, images: tuple[str, ...] = ()) -> Behaviour:
    return page(
        "".join(f'<img src="{each}">' for each in images)
        + "".join(f'<a href="{each}">on</a>' for each in paths)
    )


def after(event: threading.Event, then: Behaviour) -> Behaviour:
    def answer(exchange: Exchange) -> None:
        assert event.wait(SECONDS)
        then(exchange)

    return answer


def and_then(event: threading.Event, first: Behaviour) -> Behaviour:
    def answer(exchange: Exchange) -> None:
        first(exchange)
        event.set()

    return answer


def asked(server: FaultyServer) -> Counter[str]:
    return Counter(
        each.path for each in server.seen if each.path != "/robots.txt"
    )


def ends(folder: Path) -> dict[str, str]:
    """By path, what came of it, in the last record; each URL has one."""
    records = records_of(folder)
    paths = ["/" + each["url"].split("/", 3)[3] for each in records]
    assert max(Counter(paths).values()) == 1, paths
    return {
        path: each["error_kind"] or each["state"]
        for path, each in zip(paths, records, strict=True)
    }


def run(urls: object, folder: Path, **keys: object) -> None:
    config = scraper.configure(dir=str(folder), **(KEYS | keys))
    scraper.run(urls, config)


@pytest.mark.parametrize("late", ["/a/go", "/b/"])
def test_what_the_list_names_further_on_is_asked_in_the_same_pass(
    late: str, tmp_path: Path
) -> None:
    """Its redirect was out of scope until then."""
    is_out = threading.Event()
    site = {
        "/a/": links("go", "next"),
        "/a/go": redirect("/b/there"),
        "/a/next": links("last"),
        "/a/last": and_then(is_out, page("asked after the redirect")),
        "/b/there": page("there"),
        "/b/": page("the folder"),
    }
    with FaultyServer(site) as server:

        def lines() -> Iterator[str]:
            yield server.url("/a/")
            assert is_out.wait(SECONDS)
            yield server.url(late)

        run(lines(), tmp_path / "run", threads=1)
        assert asked(server) == Counter(
            {"/a/", "/a/go", "/a/next", "/a/last", "/b/there", late}
        )
        assert set(ends(tmp_path / "run").values()) == {"done"}


def test_what_the_list_names_no_further_on_ends_when_it_was_read(
    tmp_path: Path,
) -> None:
    is_out = threading.Event()
    site = {
        "/a/": links("go", "next"),
        "/a/go": redirect("/b/there"),
        "/a/next": links("last"),
        "/a/last": and_then(is_out, page("asked after the redirect")),
        "/a/late": page("late"),
    }
    with FaultyServer(site) as server:

        def lines() -> Iterator[str]:
            yield server.url("/a/")
            assert is_out.wait(SECONDS)
            yield server.url("/a/late")

        run(lines(), tmp_path / "run", threads=1)
        assert ends(tmp_path / "run") == {
            "/a/": "done",
            "/a/go": "out_of_scope",
            "/a/next": "done",
            "/a/last": "done",
            "/a/late": "done",
        }


A_PAGE = page('<a href="/c.html">on</a>')


def as_picture_first(answered: threading.Event) -> dict[str, Behaviour]:
    """`/b.html` has been answered before any link leads there."""
    return {
        "/": links("/a.html", images=("/b.html",)),
        "/a.html": after(answered, links("/b.html")),
        "/b.html": and_then(answered, A_PAGE),
        "/c.html": page("c"),
    }


def as_page_first() -> dict[str, Behaviour]:
    return {
        "/": links("/a.html", "/b.html"),
        "/a.html": links("/b.html", images=("/b.html",)),
        "/b.html": A_PAGE,
        "/c.html": page("c"),
    }


def while_in_flight(linked: threading.Event) -> dict[str, Behaviour]:
    """It is being asked as a picture when the link to it is taken in."""
    return {
        "/": links("/a.html", images=("/b.html",)),
        "/a.html": links("/b.html", "/d.html"),
        "/b.html": after(linked, A_PAGE),
        "/c.html": page("c"),
        "/d.html": and_then(linked, page("d")),
    }


@pytest.mark.parametrize("threads", [1, 16])
@pytest.mark.parametrize("shape", ["ended", "page first", "in flight"])
def test_what_is_a_picture_here_and_a_page_there_is_a_page(
    shape: str, threads: int, tmp_path: Path
) -> None:
    event = threading.Event()
    if threads == 1:
        event.set()
    match shape:
        case "ended":
            site = as_picture_first(event)
        case "page first":
            site = as_page_first()
        case _:
            site = while_in_flight(event)
    with FaultyServer(site) as server:
        run([server.url("/")], tmp_path / "run", threads=threads)
        assert asked(server) == Counter(site.keys())
        assert ends(tmp_path / "run") == dict.fromkeys(site, "done")


def test_what_no_link_leads_to_is_no_picture_in_the_end(tmp_path: Path) -> None:
    site = {
        "/": links("/a.html", images=("/b.html",)),
        "/a.html": page("a"),
        "/b.html": A_PAGE,
        "/c.html": page("c"),
    }
    with FaultyServer(site) as server:
        run([server.url("/")], tmp_path / "run")
        assert asked(server) == Counter({"/", "/a.html", "/b.html"})
        came = ends(tmp_path / "run")
        assert came.pop("/b.html") == "wrong_content"
        assert set(came.values()) == {"done"}


@pytest.mark.skipif(
    not hasattr(os, "fork"), reason="a run is a fork of this process"
)
@pytest.mark.usefixtures("real_pauses")
def test_a_kill_at_any_write_changes_nothing_of_it(tmp_path: Path) -> None:
    """A page shown as a picture and linked later, one that is never linked, and a way out."""
    site = {
        "/a/": links("one", "out", images=("late", "never")),
        "/a/one": links("two"),
        "/a/two": links("late"),
        "/a/late": links("last"),
        "/a/never": links("nowhere"),
        "/a/out": redirect("/b/there"),
        "/a/last": page("last"),
        "/b/there": page("out of scope"),
    }
    expected = dict.fromkeys(site, "done") | {
        "/a/never": "wrong_content",
        "/a/out": "out_of_scope",
    }
    del expected["/b/there"]
    with FaultyServer(site) as server:
        died = 0
        for write in range(1, 100):
            folder = tmp_path / f"run-{write}"
            code = _die_before(write, folder, server.url("/a/"))
            assert code in (writes.KILLED, 0)
            died += code != 0
            assert _die_before(0, folder, server.url("/a/")) == 0
            assert ends(folder) == expected, write
            faults: list[Fault] = []
            verify(folder, faults.append)
            assert faults == []
            if code == 0:
                break
    assert code == 0
    assert died >= 10


def _die_before(write: int, folder: Path, url: str) -> int:
    def work() -> bool:
        config = scraper.configure(dir=str(folder), robots="off", depth=5)
        makers = makers_with(Pools(inline=True), Makers())
        with Run([given_source([url], "list")], config, makers=makers) as run:
            for _ in run:
                pass
        return run.complete

    return writes.die_before(write, folder, work)
