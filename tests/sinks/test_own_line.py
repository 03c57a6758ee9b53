"""Lines of standard output as the user wants them."""

from __future__ import annotations

import pytest

from scraper.faulty import FaultyServer, page, status
from scraper.sinks.own_line import line_of
from tests.conftest import Scrape

RECORD = (
    b'{"url":"http://a/","bytes":7,"title":"a\\nb","error_kind":null,"pass":1,'
    b'"input":{"id":"x","pass":"y"},"fields":{"price":1.5,"bytes":"many"},"links":["http://b/"],'
    b'"timings":{"fetch":0.5}}'
)


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("", RECORD),
        ("{url} is fine", b"http://a/ is fine"),
        ("{title}", b"a\\nb"),
        ("[{error_kind}]", b"[]"),
        ("{price} {bytes}", b"1.5 many"),
        ("{fields.price} {input.id} {timings.fetch}", b"1.5 x 0.5"),
        ("{links}", b'["http://b/"]'),
        ("{url:.4}{pass:03} {{}}", b"http001 {}"),
        ("{nothing}{input.nothing}{url.nothing}", b""),
    ],
)
def test_a_template_says_what_stands_in_a_line(
    template: str, line: bytes
) -> None:
    assert line_of(template)(RECORD) == line


FAILED = (
    b'{"url":"http://a/","bytes":null,"error_kind":"http_status","status":404,'
    b'"error_message":"404 Not Found"}'
)


@pytest.mark.parametrize(
    ("failed", "line"),
    [
        ("", b"http://a/ is  bytes"),
        ("{url}: {reason}", b"http://a/: http_404: 404 Not Found"),
    ],
)
def test_a_url_without_a_good_outcome_may_have_another_line(
    failed: str, line: bytes
) -> None:
    made = line_of("{url} is {bytes} bytes", failed)
    assert made(FAILED) == line
    assert made(RECORD) == b"http://a/ is many bytes"
    assert line_of("[{reason}]")(RECORD) == b"[]"


def test_each_record_has_a_line_of_its_own(scrape: Scrape) -> None:
    site = {"/robots.txt": status(404), "/a": page("one"), "/b": status(404)}
    with FaultyServer(site) as server:
        urls = scrape.list_of(server.url("/a"), server.url("/b"))
        told = scrape(
            urls, "-o", "-", "--line", "{url} {state} {status}", "-j", "1"
        )
        lines = [
            f"{server.url('/a')} done 200",
            f"{server.url('/b')} failed 404",
        ]
    assert sorted(told.stdout.splitlines()) == lines


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--line", "{url}"], "give -o -, too"),
        (["-o", "-", "--line", "{urll}"], "did you mean url?"),
        (["-o", "-", "--line", "{url"], "a { alone"),
        (["-o", "-", "--line-failed", "{url}"], "is beside --line"),
        (
            ["-o", "-", "--line", "{url}", "--line-failed", "{urll}"],
            "did you mean url?",
        ),
    ],
)
def test_a_template_that_cannot_be_followed_is_refused(
    scrape: Scrape, flags: list[str], told: str
) -> None:
    shown = scrape.here(*flags, "http://127.0.0.1:1/")
    assert shown.code == 2
    assert told in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_what_a_recipe_finds_is_a_key(scrape: Scrape) -> None:
    site = {"/robots.txt": status(404), "/": page("<h1>Bolt</h1>")}
    with FaultyServer(site) as server:
        told = scrape(
            scrape.list_of(server.url()),
            "--select",
            "name=h1",
            "-o",
            "-",
            "--line",
            "{name}!",
        )
    assert told.stdout == "Bolt!\n"
