"""robots.txt in whole runs (RFC 9309), and what pages themselves ask of robots."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import scraper
from scraper.faulty import (
    FaultyServer,
    body,
    page,
    redirect,
    robots,
    silent,
    status,
)
from scraper.faulty.server import Behaviour
from scraper.frontier.trouble import MAX_SILENCES_OF_NEW
from tests.stories.runs import last_of, records_of

REFUSALS = 5  # at 0, 5, 15, 35 and 60 s
FORBIDDEN = "User-agent: *\nDisallow: /private/\n"


def _run(
    folder: Path,
    urls: list[str],
    again: dict[str, Any] | None = None,
    **keys: Any,
) -> Any:
    keys = {
        "save_only": True,
        "retry_wait_seconds": 0.01,
        "timeout_seconds": 5.0,
    } | keys
    config = scraper.configure(dir=str(folder / "run"), **keys)
    return scraper.run(urls, config, **(again or {}))


def _kinds(folder: Path) -> dict[str, str | None]:
    """By path, how each URL ended: its kind of failure, or None."""
    told = last_of(folder / "run")
    return {
        "/" + url.split("/", 3)[3]: each["error_kind"]
        for url, each in told.items()
    }


def test_it_is_asked_once_for_each_origin_even_under_load(
    tmp_path: Path,
) -> None:
    with FaultyServer(
        {"/robots.txt": robots(FORBIDDEN), "/*": page("here")}
    ) as server:
        names = [f"h{number}.localhost" for number in range(20)]
        urls = [
            server.url(f"/{number}", host)
            for number in range(10)
            for host in names
        ]
        urls += [server.url("/private/x", host) for host in names]
        report = _run(tmp_path, urls, threads=24, per_host=8)
        asked = [seen.host for seen in server.seen_of("/robots.txt")]
        assert sorted(asked) == sorted(
            f"{host}:{server.port}" for host in names
        )
        assert (report.done, report.skips) == (200, {"robots_disallowed": 20})
        assert not server.count("/private/x")
        for host in names:  # the rules come before anything else
            first = next(
                s for s in server.seen if s.host == f"{host}:{server.port}"
            )
            assert first.path == "/robots.txt"


def test_its_redirects_are_followed_also_to_another_host(
    tmp_path: Path,
) -> None:
    with FaultyServer() as server:
        server.behaviours |= {
            "//a.localhost/robots.txt": redirect("/robots-moved.txt", 301),
            "//a.localhost/robots-moved.txt": redirect(
                server.url("/rules", "b.localhost")
            ),
            "//b.localhost/rules": robots(FORBIDDEN),
            "/*": page("here"),
        }
        urls = [
            server.url(path, "a.localhost") for path in ("/1", "/private/2")
        ]
        _run(tmp_path, urls)
        assert _kinds(tmp_path) == {
            "/1": None,
            "/private/2": "robots_disallowed",
        }
        assert server.count("/rules") == 1
        # b's rules for a are not b's rules for itself: nobody asked b for anything else.
        assert [s.path for s in server.seen if s.host.startswith("b.")] == [
            "/rules"
        ]


def test_redirects_without_end_permit(tmp_path: Path) -> None:
    with FaultyServer(
        {"/robots.txt": redirect("/robots.txt"), "/a": page("a")}
    ) as server:
        _run(tmp_path, [server.url("/a")])
        assert _kinds(tmp_path) == {"/a": None}
        assert server.count("/robots.txt") == 1


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 451])
def test_where_there_is_none_everything_may_be_asked(
    tmp_path: Path, code: int
) -> None:
    with FaultyServer({"/robots.txt": status(code), "/a": page("a")}) as server:
        _run(tmp_path, [server.url("/a")])
        assert _kinds(tmp_path) == {"/a": None}
        assert server.count("/robots.txt") == 1


@pytest.mark.parametrize(
    ("answer", "kind", "tries"),
    [
        (status(503), "robots_unreachable", REFUSALS),
        (status(500), "robots_unreachable", REFUSALS),
        (status(429), "robots_unreachable", REFUSALS),
        (silent(), "host_down", MAX_SILENCES_OF_NEW),
    ],
    ids=["503", "500", "429", "silent"],
)
def test_without_an_answer_it_is_asked_within_patience_and_nothing_else(
    tmp_path: Path,
    answer: Behaviour,
    kind: str,
    tries: int,
) -> None:
    with FaultyServer({"/robots.txt": answer, "/*": page("here")}) as server:
        urls = [server.url(f"/{number}") for number in range(5)]
        report = _run(tmp_path, urls, timeout_seconds=0.2)
        assert server.count("/robots.txt") == server.count() == tries
        told = records_of(tmp_path / "run")
        assert len(told) == 5
        for each in told:
            assert (each["state"], each["error_kind"]) == (
                "failed",
                kind,
            )
            assert each["attempts"] == 0, "only its robots.txt was asked for"
            assert each["retryable"] is True
            assert each["not_before"] is not None
            assert each["path"] is None
        assert report.exit_code == 5, "the same command takes them up again"

        server.behaviours["/robots.txt"] = status(404)
        report = _run(tmp_path, urls, {"retry": ()})
        assert server.count("/robots.txt") == tries + 1
        assert set(_kinds(tmp_path).values()) == {None}
        assert (report.number, report.done) == (2, 5)


def test_half_a_megabyte_of_it_is_read(tmp_path: Path) -> None:
    line = "Disallow: /other/{:06}\n"
    rules = "User-agent: *\n" + "".join(map(line.format, range(20_000)))
    assert len(rules) < 500_000
    with FaultyServer(
        {"/robots.txt": robots(rules + FORBIDDEN), "/*": page("a")}
    ) as server:
        _run(
            tmp_path,
            [
                server.url("/a"),
                server.url("/private/b"),
                server.url("/other/019999"),
            ],
        )
        assert _kinds(tmp_path) == {
            "/a": None,
            "/private/b": "robots_disallowed",
            "/other/019999": "robots_disallowed",
        }


def test_a_crawl_delay_holds_between_answer_and_next_request(
    tmp_path: Path,
) -> None:
    rules = robots("User-agent: *\nCrawl-delay: 0.3\n")
    with FaultyServer({"/robots.txt": rules, "/*": page("here")}) as server:
        _run(
            tmp_path,
            [server.url(f"/{number}") for number in range(4)],
            per_host=4,
        )
        gaps = server.gaps()
        assert len(gaps) == 4
        assert min(gaps) >= 0.3
        assert server.max_concurrent() == 1


def test_it_is_kept_for_a_day(tmp_path: Path) -> None:
    with FaultyServer(
        {"/robots.txt": robots(FORBIDDEN), "/*": page("here")}
    ) as server:
        first = [server.url("/1"), server.url("/private/1")]
        _run(tmp_path, first)
        _run(tmp_path, [*first, server.url("/2"), server.url("/private/2")])
        _run(tmp_path, first, {"refresh": True})
        assert server.count("/robots.txt") == 1
        assert _kinds(tmp_path)["/private/2"] == "robots_disallowed"
        assert server.count("/1") == 2


def test_off_asks_for_none_and_obeys_none(tmp_path: Path) -> None:
    with FaultyServer(
        {"/robots.txt": robots(FORBIDDEN), "/*": page("here")}
    ) as server:
        _run(tmp_path, [server.url("/private/a")], robots="off")
        assert _kinds(tmp_path) == {"/private/a": None}
        assert not server.count("/robots.txt")


def test_report_asks_all_the_same_and_says_so(tmp_path: Path) -> None:
    rules = robots(FORBIDDEN + "Crawl-delay: 60")
    with FaultyServer({"/robots.txt": rules, "/*": page("here")}) as server:
        _run(
            tmp_path,
            [server.url("/private/a"), server.url("/b")],
            robots="report",
        )
        told = {
            each["url"]: each["robots"] for each in records_of(tmp_path / "run")
        }
        assert told == {
            server.url("/private/a"): "disallowed",
            server.url("/b"): None,
        }
        assert _kinds(tmp_path) == {"/private/a": None, "/b": None}


def test_rules_hold_for_the_target_of_a_redirect(tmp_path: Path) -> None:
    with FaultyServer() as server:
        server.behaviours |= {
            "//b.localhost/robots.txt": robots(FORBIDDEN),
            "//a.localhost/": redirect(server.url("/private/x", "b.localhost")),
        }
        _run(tmp_path, [server.url("/", "a.localhost")])
        [told] = records_of(tmp_path / "run")
        assert told["error_kind"] == "robots_disallowed"
        assert told["redirects"] == [
            {"url": server.url("/", "a.localhost"), "status": 302}
        ]
        assert not server.count("/private/x")


# -- what pages ask ---------------------------------------------------------------------------

META = "<meta name=robots content='noindex, NOAI'><title>Shy</title>"


def _tagged(tag: str, html: str = "<p>shy") -> Behaviour:
    return page(html, {"X-Robots-Tag": tag})


def _picture() -> Behaviour:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return body(file.getvalue(), "image/png")


def _bodies(folder: Path) -> list[str]:
    """Everything saved below a run folder."""
    places = [
        folder / "run" / name
        for name in ("pages", "images", "files", "processed")
    ]
    return [
        each.name
        for place in places
        for each in place.rglob("*")
        if each.is_file()
    ]


def test_directives_are_recorded_and_change_nothing_by_themselves(
    tmp_path: Path,
) -> None:
    tag = "noindex, otherbot: noarchive, scraper: noai"
    with FaultyServer({"/tag": _tagged(tag), "/meta": page(META)}) as server:
        report = _run(tmp_path, [server.url("/tag"), server.url("/meta")], save_only=False,
                      processes=1)  # fmt: skip
        told = last_of(tmp_path / "run")
        assert report.done == 2
        assert told[server.url("/tag")]["x_robots_tag"] == ["noindex", "noai"]
        assert told[server.url("/meta")]["robots_meta"] == ["noindex", "noai"]
        assert len(_bodies(tmp_path)) == 2


def test_obeyed_they_skip_the_url_and_keep_no_body(tmp_path: Path) -> None:
    with FaultyServer(
        {
            "/tag": _tagged("noindex", "<img src=/shown.png>"),
            "/meta": page(META + "<img src=/shown.png>"),
            "/none": _tagged("none"),
            "/other": _tagged("noarchive", "<p>fine"),
            "/picture": body(
                b"GIF89a", "image/gif", {"X-Robots-Tag": "noimageindex"}
            ),
            "/shown.png": _picture(),
        }
    ) as server:
        paths = ["/tag", "/meta", "/none", "/other", "/picture"]
        report = _run(tmp_path, [server.url(path) for path in paths], save_only=False, processes=1,
                      obey=["noindex", "noimageindex"])  # fmt: skip
        assert _kinds(tmp_path) == {
            "/other": None,
            **dict.fromkeys(
                ("/tag", "/meta", "/none", "/picture"), "robots_directive"
            ),
        }
        assert report.skips == {"robots_directive": 4}
        skipped = last_of(tmp_path / "run")[server.url("/meta")]
        assert (skipped["state"], skipped["path"], skipped["status"]) == (
            "skipped",
            None,
            200,
        )
        assert skipped.get("title") is None
        assert len(_bodies(tmp_path)) == 1
        assert not server.count("/shown.png")
        assert not list((tmp_path / "run" / ".scraper" / "parts").iterdir())


def test_a_directive_in_a_page_is_obeyed_even_if_only_bodies_are_wanted(
    tmp_path: Path,
) -> None:
    with FaultyServer({"/tag": _tagged("noindex")}) as server:
        _run(tmp_path, [server.url("/tag")], obey=["noindex"])
        assert _kinds(tmp_path) == {"/tag": "robots_directive"}
        assert _bodies(tmp_path) == []


@pytest.mark.parametrize("by", ["header", "meta"])
def test_noimageindex_on_a_page_keeps_its_images_away_and_the_page_itself(
    tmp_path: Path, by: str
) -> None:
    html = "<img src=/a.png>"
    if by == "meta":
        html = "<meta name=robots content=noimageindex>" + html
    answer = _tagged("noimageindex", html) if by == "header" else page(html)
    with FaultyServer({"/": answer, "/a.png": _picture()}) as server:
        report = _run(tmp_path, [server.url("/")], save_only=False, processes=1,
                      obey=["noimageindex"])  # fmt: skip
        assert (report.done, report.total) == (1, 1)
        assert not server.count("/a.png")
        [told] = records_of(tmp_path / "run")
        # the page says so; it is not asked
        assert [each["url"] for each in told["images"]] == [
            server.url("/a.png")
        ]


def test_the_log_says_of_a_url_that_was_never_asked_that_it_was_not(
    tmp_path: Path,
) -> None:
    rules = robots("User-agent: *\nDisallow: /private/")
    with FaultyServer({"/robots.txt": rules, "/open": page("here")}) as server:
        _run(tmp_path, [server.url("/open"), server.url("/private/a")])
    (line,) = [each for each in _log_lines(tmp_path) if "/private/a" in each]
    assert "attempts=0" in line
    (line,) = [each for each in _log_lines(tmp_path) if "/open" in each]
    assert "done" in line


def _log_lines(folder: Path) -> list[str]:
    return (folder / "run" / "run.log").read_text().splitlines()
