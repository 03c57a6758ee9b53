"""Links over several runs: what is left open, what the list names later, what is gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import scraper
from scraper.cli.summary import summary_text
from scraper.errors import UsageError
from scraper.faulty import (
    Behaviour,
    FaultyServer,
    body,
    etag,
    page,
    redirect,
    status,
)
from scraper.reports.summary import Report
from scraper.runner import Run
from scraper.sources.source import given_source
from tests.stories.runs import records_of

KEYS = {"retry_wait": "10ms", "processes": 1, "page_images": "none"}
Follow = Callable[..., Report]


def links(*paths: str) -> Behaviour:
    return page("".join(f'<a href="{each}">on</a>' for each in paths))


@pytest.fixture
def follow(tmp_path: Path) -> Follow:
    """A run of a list of paths, in one folder."""

    def run(server: FaultyServer, *paths: str, **keys: object) -> Report:
        how = {n: keys.pop(n) for n in ("refresh", "retry") if n in keys}
        lst = tmp_path / "urls.txt"
        lst.write_text("".join(f"{server.url(path)}\n" for path in paths))
        config = scraper.configure(
            dir=str(tmp_path / "run"), **(KEYS | {"depth": 5} | keys)
        )
        return scraper.run(lst, config, **how)

    return run


def asked(server: FaultyServer, since: int = 0) -> list[str]:
    seen = server.seen[since:]
    return sorted(each.path for each in seen if each.path != "/robots.txt")


def test_a_pass_that_follows_is_not_continued_by_one_that_does_not(
    follow: Follow,
) -> None:
    site = {"/a": links("/b"), "/b": links("/c"), "/c": page("c")}
    with FaultyServer(site) as server:
        follow(server, "/a", max_urls=1)
        with pytest.raises(UsageError, match=r"follows links \(--depth 5\)"):
            follow(server, "/a", depth=0)
        follow(server, "/a")
        assert asked(server) == ["/a", "/b", "/c"]


def test_where_the_list_was_redirected_to_links_may_lead_in_later_passes(
    follow: Follow,
) -> None:
    site = {
        "/x/start": redirect("/real/"),
        "/real/": links("a"),
        "/real/a": status(404),
    }
    with FaultyServer(site) as server:
        follow(server, "/x/start")
        server.behaviours["/real/a"] = links("b")
        server.behaviours["/real/b"] = page("b")
        before = len(server.seen)
        follow(server, "/x/start", retry=("http_404",))
        assert asked(server, before) == ["/real/a", "/real/b"]


@pytest.mark.parametrize(
    "after", [page("no links"), body(b"PK\x05\x06" + bytes(18)), status(410)]
)
def test_what_only_a_page_led_to_is_gone_when_it_leads_there_no_more(
    after: Behaviour, follow: Follow
) -> None:
    site = {"/a": links("/m"), "/m": links("/n"), "/n": page("n")}
    with FaultyServer(site) as server:
        follow(server, "/a")
        server.behaviours["/m"] = after
        before = len(server.seen)
        report = follow(server, "/a", refresh=True, max_gone="100%")
        assert asked(server, before) == ["/a", "/m"]
        assert report.changes["gone"] >= 1
        assert report.totals is not None
        assert report.totals.states.total() == 2


def test_what_links_could_not_reach_is_asked_when_the_list_names_it(
    follow: Follow, tmp_path: Path
) -> None:
    site = {
        "/a/": links("/a/go"),
        "/a/go": redirect("/b/there"),
        "/b/there": page("there"),
    }
    with FaultyServer(site) as server:
        follow(server, "/a/")
        kinds = {r["error_kind"] for r in records_of(tmp_path / "run")}
        assert kinds == {None, "out_of_scope"}
        before = len(server.seen)
        follow(server, "/a/", "/a/go")
        assert asked(server, before) == ["/a/go", "/b/there"]


def test_the_summary_says_what_goes_on_with_a_chain_beyond_its_limit(
    tmp_path: Path,
) -> None:
    site = {f"/{n}": next_page(n + 1) for n in range(1, 4)} | {"/4": page("4")}
    with FaultyServer(site) as server:
        first = follow_chain(server, tmp_path, limit=2)
        left = f"next pages are left, such as {server.url('/3')}: "
        advice = "a greater --follow-limit with --refresh asks them"
        assert left + advice in first.splitlines()
        before = len(server.seen)
        second = follow_chain(server, tmp_path, limit=4, refresh=True)
        assert "next pages are left" not in second
        assert asked(server, before) == ["/1", "/2", "/3", "/4"]


def next_page(number: int) -> Behaviour:
    return page(f'<a class="next" href="/{number}">on</a>')


def follow_chain(
    server: FaultyServer, folder: Path, *, limit: int, refresh: bool = False
) -> str:
    """What the command line says at the end of a run."""
    sources = [given_source([server.url("/1")], "list")]
    config = scraper.configure(
        dir=str(folder / "run"),
        follow=("a.next",),
        follow_limit=limit,
        **KEYS,
    )
    with Run(sources, config, refresh=refresh) as run:
        for _ in run:
            pass
        return summary_text(run)


def test_a_page_that_has_not_changed_leads_into_folders_that_the_list_has_gained(
    follow: Follow, tmp_path: Path
) -> None:
    html = b'<p>Two of them <a href="/b/x">on</a> <a href="/a/y">on</a>'
    site = {
        "/a/": etag(html),
        "/a/y": page("y"),
        "/b/": page("b"),
        "/b/x": page("x"),
    }
    with FaultyServer(site) as server:
        follow(server, "/a/")
        assert asked(server) == ["/a/", "/a/y"]
        for _ in range(2):
            before = len(server.seen)
            follow(server, "/a/", "/b/", refresh=True)
            seen = asked(server, before)
            assert seen == ["/a/", "/a/y", "/b/", "/b/x"]
        states = {
            (each["pass"], each["state"])
            for each in records_of(tmp_path / "run")
            if each["url"] == server.url("/a/")
        }
        assert states == {(1, "done"), (2, "unchanged"), (3, "unchanged")}
