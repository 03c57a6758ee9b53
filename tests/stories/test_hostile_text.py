"""A site, a list and a folder whose every word commands the terminal: none of it gets there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.faulty import (
    FaultyServer,
    bad_status_line,
    garbage,
    odd_header,
    page,
    redirect,
    robots,
    sequence,
    status,
)
from tests.conftest import Scrape, Scraped
from tests.test_text import commands_in

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\u2066\x7f"
SENT = HOSTILE.encode()
HIDDEN_OR_BODIES = (".scraper", "pages", "images", "files", "processed")


@pytest.fixture
def site() -> Iterator[FaultyServer]:
    described = f"<meta name=description content='{HOSTILE}'>"
    head = f"<meta charset=utf-8><title>{HOSTILE}</title>{described}"
    answers = {
        "/robots.txt": robots(
            f"User-agent: *\nDisallow: /no{HOSTILE}\nDisallow: /forbidden"
        ),
        "/page": page(
            f"{head}<a href='/{HOSTILE}'>{HOSTILE}</a><img src='/{HOSTILE}.png'>"
        ),
        "/404": bad_status_line(b"HTTP/1.1 404 " + SENT),
        "/503": bad_status_line(b"HTTP/1.1 503 " + SENT),
        "/header": odd_header(b"X-Odd: " + SENT + b"\r\nX-Robots-Tag: " + SENT),
        "/type": odd_header(b"Content-Type: text/html; charset=" + SENT),
        "/garbage": garbage(SENT),
        "/no-http": bad_status_line(b"HTTP/1.1 " + SENT),
        "/away": redirect(f"ftp://{HOSTILE}/"),
        "/nowhere": redirect(f"http://{HOSTILE}/"),
        "/on": sequence(redirect("/404"), status(200)),
    }
    with FaultyServer(answers) as server:
        yield server


def nothing_in(scraped: Scraped) -> None:
    for shown in (scraped.stderr, scraped.stdout):
        assert commands_in(shown, lines=True) == []
    for path in scraped.folder.rglob("*"):
        assert commands_in(str(path.relative_to(scraped.folder))) == []
        if (
            path.is_file()
            and path.relative_to(scraped.folder).parts[0]
            not in HIDDEN_OR_BODIES
        ):
            assert commands_in(path.read_bytes(), lines=True) == [], path.name


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_word_of_a_site_or_a_list_commands_the_terminal(
    scrape: Scrape, site: FaultyServer, form: str
) -> None:
    name = f"urls{HOSTILE}.txt"
    lines = [site.url(path) for path in ("/page", "/404", "/503", "/header", "/type", "/garbage",
             "/no-http", "/away", "/nowhere", "/on", "/forbidden", f"/{HOSTILE}")]  # fmt: skip
    lst = scrape.list_of(
        *lines, f"no{HOSTILE}url", f"ftp://{HOSTILE}", name=name
    )
    done = scrape(
        *(lst, "-v", "-o", "-", "-p", "1", "-R", "0", "--log-format", form),
        *("--patience", "0"),
    )
    assert done.code == 5, done.stderr
    assert len(done.records) > len(lines)
    nothing_in(done)
    refused = done.by_url()[lines[2]]
    assert refused["error_kind"] == "host_refused"
    assert "\x1b" in refused["error_message"]
    titles = [each["title"] for each in done.records if each.get("title")]
    assert any("\x1b" in title for title in titles), (
        "and yet the values are whole"
    )


@pytest.mark.parametrize("path", ["/page", "/404", "/header", "/type", "/garbage", "/no-http",
                                  "/away", "/nowhere", "/forbidden"])  # fmt: skip
def test_no_explanation_of_a_site_commands_the_terminal(
    scrape: Scrape, site: FaultyServer, path: str
) -> None:
    for flags in ((), ("--json",)):
        told = scrape.here("explain", site.url(path), "-R", "0", *flags)
        nothing_in(told)


@pytest.mark.parametrize(
    "words",
    [
        [f"urls{HOSTILE}.txt"],
        ["explain", f"x{HOSTILE}"],
        ["status", f"folder{HOSTILE}"],
        ["status", "folder", HOSTILE],
        ["status", f"--{HOSTILE}", "folder"],
        ["explain", f"--{HOSTILE}", "http://127.0.0.1:1/"],
        ["--threads", HOSTILE, "urls.txt"],
        [f"--{HOSTILE}", "urls.txt"],
        ["--config", f"{HOSTILE}.toml", "urls.txt"],
        ["--html", f"{HOSTILE}:{HOSTILE}", "urls.txt"],
        ["--retry", HOSTILE, "urls.txt"],
        ["--proxy", f"http://{HOSTILE}", "urls.txt"],
        ["--allow-hosts", HOSTILE, "urls.txt"],
        ["-H", HOSTILE, "urls.txt"],
        ["--ca-bundle", HOSTILE, "urls.txt"],
        ["--show-config", "--user-agent", HOSTILE],
        ["-d", f"folder{HOSTILE}/urls.txt/below", "urls.txt"],
    ],
)
def test_no_word_of_the_command_line_commands_the_terminal(
    scrape: Scrape, words: list[str]
) -> None:
    scrape.list_of("http://127.0.0.1:1/")
    told = scrape(*words, dir=None)
    assert told.stderr or told.stdout
    for shown in (told.stderr, told.stdout):
        assert commands_in(shown, lines=True) == []
    if not told.stdout:
        assert len(told.stderr.splitlines()) <= 4, told.stderr


def test_the_status_of_a_folder_with_a_hostile_name(
    scrape: Scrape, site: FaultyServer
) -> None:
    folder = f"run{HOSTILE}"
    done = scrape.here(scrape.list_of(site.url("/page")), dir=folder)
    told = scrape("status", folder, dir=None)
    assert done.stderr
    assert told.code == 0
    assert "complete" in told.stdout
    for shown in (done.stderr, told.stdout):
        assert commands_in(shown, lines=True) == []


def test_what_a_terminal_cannot_show_is_shown_as_an_escape(
    scrape: Scrape,
) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    for words in (["explain", "x\u00fc"], ["--show-config", "-U", "x\u00fc"]):
        told = scrape(*words, dir=None, environment=ascii_only)
        assert told.code == 0, told.stderr
        assert r"x\xfc" in told.stdout


def test_a_name_that_is_no_utf_8_is_shown_too(scrape: Scrape) -> None:
    name = "urls\udcff.txt"
    (scrape.folder / name).write_text("no url\n")
    done = scrape(name, dir=None)
    assert "Traceback" not in done.stderr
    assert done.code == 4
    assert r"urls\xff" in done.stderr
    assert list(Path(scrape.folder, "downloads").iterdir())
