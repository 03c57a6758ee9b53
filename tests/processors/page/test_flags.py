"""What a page seems to be: labelled examples, real pages, and bounds."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from processors.page import Page
from processors.page.facts import page_facts
from processors.page.flags import (
    MAX_EVIDENCE_CHARS,
    MAX_TEXT_CHARS,
    page_flags,
)
from processors.page.signs import SIGNS

SITE = "http://shop.test"
# Of the corpus: front pages that scripts fill, and that hold 0, 0 and 19 characters of text.
SHELLS = ("site-61.html", "site-117.html", "site-99.html")


class Example(NamedTuple):
    """A labelled page."""

    label: str
    asked: str
    ended: str
    html: str


def _examples() -> list[Example]:
    text = Path(__file__).with_name("flagged.txt").read_text()
    found = re.findall(
        r"^=== (\w+)(?: (\S+) (\S+))?\n(.*?)(?=^=== |\Z)", text, re.M | re.S
    )
    return [Example(*each) for each in found]


EXAMPLES = _examples()


def _flags_of(page: Page, asked: str = "", **headers: str) -> dict[str, str]:
    facts = page_facts(page).record
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return dict(page_flags(page, facts["title"], facts["text"], asked, named))


def _flags_in(example: Example) -> dict[str, str]:
    page = Page(SITE + (example.ended or "/a"), example.html.encode())
    return _flags_of(page, SITE + example.asked if example.asked else "")


def test_there_are_enough_examples() -> None:
    counts = Counter(each.label for each in EXAMPLES)
    assert sum(counts.values()) >= 60
    assert counts.pop("innocent") >= 12
    assert counts.keys() == SIGNS.keys()
    assert min(counts.values()) >= 8


@pytest.mark.parametrize("flag", SIGNS)
def test_most_pages_of_each_kind_are_flagged(flag: str) -> None:
    meant = [each for each in EXAMPLES if each.label == flag]
    missed = [each.html for each in meant if flag not in _flags_in(each)]
    assert len(missed) <= 0.2 * len(meant), missed


def test_what_only_looks_near_is_not_flagged() -> None:
    innocent = [each for each in EXAMPLES if each.label == "innocent"]
    assert {
        each.html: _flags_in(each) for each in innocent if _flags_in(each)
    } == {}


def test_no_page_of_the_corpus_is_called_what_it_is_not(corpus: Path) -> None:
    flagged = {}
    for path in sorted((corpus / "pages").glob("*.html")):
        flags = _flags_of(Page("http://example.com/a", path.read_bytes()))
        if flags:
            flagged[path.name] = set(flags)
    assert flagged == {name: {"empty_shell"} for name in SHELLS}


def test_evidence_is_one_short_line() -> None:
    for each in EXAMPLES:
        for evidence in _flags_in(each).values():
            assert evidence
            assert "\n" not in evidence
            assert len(evidence) <= MAX_EVIDENCE_CHARS
    wall = next(each for each in EXAMPLES if each.ended == "/login")
    assert _flags_in(wall)["login_wall"] == (
        "redirected to /login; <input type=password; 43 characters of text;"
        " title 'log in'"
    )


def test_where_a_redirect_led_counts_and_what_was_asked_for_excuses() -> None:
    html = b"<title>Members</title><form><input type=password></form>"
    page = Page(f"{SITE}/login", html)
    assert "login_wall" in _flags_of(page, f"{SITE}/album/1")
    assert "login_wall" not in _flags_of(page)
    assert "login_wall" not in _flags_of(page, f"{SITE}/login?next=/")


def test_a_header_may_say_it_outright() -> None:
    page = Page(SITE, b"<p>" + b"words and words " * 200)
    assert _flags_of(page, x_amzn_waf_action="captcha") == {
        "captcha": "x-amzn-waf-action: captcha"
    }
    assert "captcha" in _flags_of(page, cf_mitigated="challenge")
    assert _flags_of(page, cf_mitigated="other") == {}


def test_what_holds_much_text_is_what_it_is() -> None:
    html = "<title>404 Not Found</title><h1>Page not found</h1><p>"
    assert "soft_404" in _flags_of(Page(SITE, html.encode()))
    long = html + "word " * MAX_TEXT_CHARS
    assert _flags_of(Page(SITE, long.encode())) == {}


@pytest.mark.parametrize(
    "piece",
    [
        "<input ", "<div id=root ", "<a-b ", "<noscript>javascript", "<textarea ",
        "<script ", "page ", "log in ", "/login", "<img src=captcha",
    ],
)  # fmt: skip
def test_a_hostile_source_takes_no_longer_than_its_length(piece: str) -> None:
    source = piece * (200_000 // len(piece))
    page = Page(SITE + "/" + "/login-" * 1_000, source.encode())
    assert page.text
    began = time.process_time()
    page_flags(page, source[:10_000], "", SITE + "/asked")
    page_flags(page, "", source[:MAX_TEXT_CHARS], SITE + "/asked")
    assert time.process_time() - began < 1.0
