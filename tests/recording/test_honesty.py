"""What a URL should come to, and what is wrong with what came."""

from __future__ import annotations

import pytest

from scraper.messages import Processed
from scraper.model import Fetched, Kind, Task, Timings
from scraper.recording.honesty import MAX_TITLE_CHARS, Honesty
from scraper.urls import parts_of


def _fetched(path: str, kind: Kind, type: str, depth: int = 0) -> Fetched:
    url = parts_of(f"http://a.test{path}")
    return Fetched(Task(1, url, url, depth=depth), url, 200, kind, type, None, (), "1.part", 9, 9,
                   "ab" * 32, 0.0, Timings())  # fmt: skip


@pytest.mark.parametrize(
    ("path", "kind", "type", "depth", "is_right"),
    [
        ("/a.jpg", "image", "image/png", 0, True),
        ("/a.JPG?size=1", "page", "text/html", 0, False),
        ("/a.jpg", "file", "image/heic", 0, True),
        ("/a.jpg", "file", "video/mp4", 0, False),
        ("/a.svg", "file", "text/plain", 0, True),
        ("/a.svg", "page", "text/html", 0, False),
        ("/a.png", "file", "text/plain", 0, False),
        ("/a.pdf", "file", "application/pdf", 0, True),
        ("/a.pdf", "file", "text/plain", 0, True),
        ("/a.pdf", "page", "text/html", 0, False),
        ("/show?name=a.jpg", "page", "text/html", 0, True),
        ("/wiki/File:A.jpg", "page", "text/html", 0, True),
        ("/a.html", "image", "image/png", 0, True),
        ("/jpg", "page", "text/html", 0, True),
        ("/", "page", "text/html", 0, True),
        ("/show", "page", "text/html", 1, False),
        ("/show", "file", "text/plain", 1, False),
        ("/show", "file", "image/svg+xml", 1, True),
    ],
)
def test_what_a_url_should_come_to_shows_in_it(
    path: str, kind: Kind, type: str, depth: int, *, is_right: bool
) -> None:
    _, failure = Honesty().judge(_fetched(path, kind, type, depth), None)
    assert (failure is None) is is_right
    assert failure is None or failure.kind == "wrong_content"


def test_what_a_page_names_is_a_picture_whatever_the_list_holds() -> None:
    honesty = Honesty(expect="page")
    picture = _fetched("/a", "image", "image/png", depth=1)
    assert honesty.judge(picture, None)[1] is None


def test_a_title_is_shown_on_one_line_bounded_and_without_secrets() -> None:
    fetched = _fetched("/a.jpg", "page", "text/html")
    facts = b'{"title": "Go\\u001b to http://me:pw@a.test/ %s"}' % (b"x" * 500)
    task = fetched.task
    _, failure = Honesty().judge(fetched, Processed(task, facts))
    assert failure is not None
    assert "pw" not in failure.message
    assert failure.message.isprintable()
    assert len(failure.message) < MAX_TITLE_CHARS + 60
