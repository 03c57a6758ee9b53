"""The article of a page, by a library that need not be there."""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

from processors.page import Page
from processors.page.facts import PageOptions, page_facts
from scraper.config.plugins import check_page
from scraper.config.settings import PageSettings
from scraper.errors import UsageError

STORY = "It was a dark and stormy night, and the rain fell in torrents. " * 20
BODY = f"""<html><head><title>A</title></head><body><nav><a href=/b>More</a></nav>
    <article><h1>A night</h1><p>{STORY}</p><p>{STORY}</p></article><footer>Imprint</footer>"""
WITH_ARTICLE = PageOptions(article=True)


def facts_of(options: PageOptions) -> dict[str, Any]:
    return page_facts(Page("http://a.example/", BODY.encode()), options).record


def _fake(monkeypatch: pytest.MonkeyPatch, extract: Any) -> None:
    module = ModuleType("trafilatura")
    module.__spec__ = ModuleSpec("trafilatura", None)
    module.extract = extract  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "trafilatura", module)


def test_nobody_gets_it_unasked() -> None:
    assert "article" not in facts_of(PageOptions())


def test_it_stands_before_what_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    _fake(monkeypatch, lambda text, **how: text.partition("<p>")[2][:7])
    facts = facts_of(WITH_ARTICLE)
    assert facts["article"] == "It was "
    assert list(facts)[-2:] == ["article", "cut"]
    assert facts_of(PageOptions("basic", article=True))["article"] == "It was "


def test_what_the_library_raises_is_no_failure_of_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def give_up(text: str, **how: object) -> None:
        raise RecursionError

    _fake(monkeypatch, give_up)
    assert facts_of(WITH_ARTICLE)["article"] is None


def test_memory_that_runs_out_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_out(text: str, **how: object) -> None:
        raise MemoryError

    _fake(monkeypatch, run_out)
    with pytest.raises(MemoryError):
        facts_of(WITH_ARTICLE)


def test_without_the_extra_a_run_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    check_page(PageSettings())
    with pytest.raises(UsageError, match=r"pip install 'scraper\[article\]'"):
        check_page(PageSettings(article=True))


def test_with_the_extra_it_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _fake(monkeypatch, str)
    check_page(PageSettings(article=True))


@pytest.mark.readers
def test_menus_are_no_part_of_it() -> None:
    if not os.environ.get("SCRAPER_READERS"):
        pytest.importorskip("trafilatura")
    article = facts_of(WITH_ARTICLE)["article"]
    assert STORY.strip() in article
    assert "Imprint" not in article
    assert "More" not in article
