"""Which of a URL's filled fields count, and when those of an earlier pass do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from scraper.messages import Processed
from scraper.model import Failure, Fetched, StoredResponse, Task, Timings
from scraper.recording.filled import fill_of
from scraper.urls import parts_of

URL = parts_of("http://a.test/")
OLD, NEW = '[["books",1,{"title":1}]]', '[["books",1,{"title":0}]]'
TASK = Task(1, URL, URL)
KNOWN = replace(TASK, stored=StoredResponse("pages/a", fill=OLD))
WITHOUT = replace(TASK, stored=StoredResponse("pages/a"))


def filled(
    task: Task,
    status: int,
    processed: str | None,
    failure: str | None = None,
) -> str:
    fetched = Fetched(task, URL, status, "page", "text/html", None, (), None, 9, 9, "ab" * 32, 0.0,
                      Timings())  # fmt: skip
    return fill_of(
        fetched,
        None if processed is None else Processed(task, b"{}", fill=processed),
        None if failure is None else Failure(failure, "process", "why"),
    )


@pytest.mark.parametrize("task", [TASK, KNOWN])
@pytest.mark.parametrize("status", [200, 304])
def test_what_was_processed_counts_as_it_is_now(
    task: Task, status: int
) -> None:
    assert filled(task, status, NEW) == NEW
    assert filled(task, status, "") == ""


def test_what_is_unchanged_counts_as_it_did() -> None:
    assert filled(KNOWN, 304, None) == OLD
    assert filled(WITHOUT, 304, None) == ""


def test_a_new_body_that_is_not_processed_has_none() -> None:
    assert filled(KNOWN, 200, None) == ""


@pytest.mark.parametrize("kind", ["field_missing", "field_invalid"])
def test_a_page_that_lacks_a_field_counts(kind: str) -> None:
    assert filled(TASK, 200, NEW, kind) == NEW


@pytest.mark.parametrize("kind", ["flagged", "wrong_content", "html_failed"])
def test_what_has_failed_for_another_reason_does_not(kind: str) -> None:
    assert filled(TASK, 200, NEW, kind) == ""
    assert filled(KNOWN, 304, None, kind) == ""
