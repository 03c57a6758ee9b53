"""A body that a run only saved is processed by the next one that processes, 304 or not."""

from __future__ import annotations

from pathlib import Path

from scraper.faulty import FaultyServer, etag
from tests.stories.changing import ChangingSite
from tests.stories.runs import records_of


def test_a_body_that_was_only_saved_is_processed_later(tmp_path: Path) -> None:
    with FaultyServer({"/a": etag(b"<title>one</title>")}) as server:
        site = ChangingSite(server, tmp_path)
        site.night("/a", save_only=False, processes=1)
        server.behaviours["/a"] = etag(b"<title>two</title>", '"2"')
        site.night("/a")
        site.night("/a", save_only=False, processes=1)
        site.night("/a", save_only=False, processes=1)
    first, saved, processed, last = records_of(site.folder)
    assert first["title"] == "one"
    assert "title" not in saved
    assert (processed["status"], processed["title"]) == (304, "two")
    assert last["state"] == "unchanged"
