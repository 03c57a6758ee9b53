"""Why a page that links lead to is not asked: the kind, the rule and its figure."""

from __future__ import annotations

import pytest

from scraper.config import TrapSettings, configure
from scraper.errors import TRAPS, state_of
from scraper.frontier.traps.traps import Traps
from scraper.model import Failure, Fetched, Flag, Hop, Task, Timings
from scraper.urls import parts_of

FIGURES = TrapSettings(
    max_pages_per_host=3, max_segments=5, max_repeats=2, same_pages=2
)
LANE = parts_of("http://a.example/").lane


def objection(traps: Traps, path: str) -> Failure | None:
    return traps.objection(parts_of(f"http://a.example{path}"))


def learn(
    traps: Traps,
    path: str,
    says: int,
    *,
    body: str = "",
    flags: tuple[Flag, ...] = (),
) -> None:
    url = parts_of(f"http://a.example{path}")
    hops = (Hop(url, 302),) if body == "moved" else ()
    fetched = Fetched(
        Task(1, url, url, hops=hops), url, 200, "page", "text/html", None, (),
        None, 1, 1, body or path, 0.0, Timings(),
    )  # fmt: skip
    traps.learn(fetched, (1 << says).to_bytes(16, "little"), flags)


def test_what_the_path_says_alone() -> None:
    traps = Traps(FIGURES, {})
    assert objection(traps, "/a/b/c/d/e") is None
    deep = objection(traps, "/a/b/c/d/e/f")
    assert deep is not None
    assert deep.kind == "trap_depth"
    assert "6 segments deep, more than 5" in deep.message
    again = objection(traps, "/x/a/a/a")
    assert again is not None
    assert again.kind == "trap_segments"
    assert "a/ 3 times in a row, more than 2" in again.message


def test_pages_of_a_host_are_counted_from_where_an_earlier_run_has_ended() -> (
    None
):
    traps = Traps(FIGURES, {LANE: 1})
    for path in ("/a", "/b"):
        assert objection(traps, path) is None
        traps.note_asked(parts_of(f"http://a.example{path}"))
    full = objection(traps, "/c")
    assert full is not None
    assert full.kind == "trap_pages"
    assert full.message.startswith("3 pages of a.example")
    assert "--max-pages-per-host" in full.message
    assert traps.objection(parts_of("http://b.example/c")) is None


@pytest.mark.parametrize(
    ("paths", "kind", "words"),
    [
        ("/x?sort={}a", "trap_query", "the parameter sort makes no difference"),
        ("/x?date=203{}-05", "trap_calendar", "the parameter date"),
        ("/cal/{}", "trap_calendar", "the last # of /cal/# makes"),
        ("/(S(0a1b2c{}d))/x", "trap_folder", "the last # of /(S(#))"),
        ("/x/{}a/y", "trap_folder", "the last # of /x/#a"),
    ],
)
def test_what_makes_no_difference(paths: str, kind: str, words: str) -> None:
    traps = Traps(FIGURES, {})
    for number in range(3):
        assert objection(traps, paths.format(number)) is None
        learn(traps, paths.format(number), says=1)
    failure = objection(traps, paths.format(7))
    assert failure is not None
    assert failure.kind == kind
    assert state_of(failure) == "skipped"
    assert words in failure.message
    assert "on 2 pages" in failure.message


def test_parameters_that_choose_together() -> None:
    traps = Traps(FIGURES, {})
    for bit, path in enumerate(("/x", "/x?p=1", "/x?p=2")):
        learn(traps, path, says=bit)
    for n in range(1, 3):
        learn(traps, f"/x?p={n + 2}&q={n}", says=n, body="same")
    failure = objection(traps, "/x?p=8&q=9&r=1")
    assert failure is not None
    assert failure.kind == "trap_query"
    assert "the parameters p, q make no difference" in failure.message


def test_bodies_that_came_before() -> None:
    traps = Traps(FIGURES, {})
    for n, name in enumerate("abc"):
        learn(traps, f"/one/{name}", says=n, body=name)
    for n, name in enumerate("ab"):
        learn(traps, f"/two/{name * 2}", says=9 + n, body=name)
    failure = objection(traps, "/two/c")
    assert failure is not None
    assert failure.kind == "trap_same_body"
    assert "the last 2 pages in /two/" in failure.message


def test_redirects_to_one_page_say_nothing_of_their_folder() -> None:
    traps = Traps(FIGURES, {})
    for n, name in enumerate("abcdef"):
        learn(traps, f"/go/{name}", says=n, body="moved")
    assert objection(traps, "/go/x") is None


def test_pages_that_refuse_us_say_nothing_of_their_urls() -> None:
    traps = Traps(FIGURES, {})
    for n in range(9):
        learn(traps, f"/item/{n}", says=1, flags=(Flag("captcha", "a form"),))
    assert objection(traps, "/item/10") is None


def test_the_kinds_are_skipped_and_no_default_is_met_by_a_common_url() -> None:
    assert len(TRAPS) == 7
    traps = Traps(configure().traps, {})
    for path in (
        "/",
        "/2024/05/17/some-article.html",
        "/a/a/b/b/",
        "/wiki/File:Cat.jpg",
        "/1/1/1/1/1/1",
        f"/x?{'&'.join(f'p{n}={n}' for n in range(100))}",
    ):
        assert objection(traps, path) is None
