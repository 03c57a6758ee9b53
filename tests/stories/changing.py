"""A site that changes between passes, and what changes.jsonl tells of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import scraper
from scraper.faulty import FaultyServer
from scraper.reports.summary import Report
from tests.stories.runs import records_of

KEYS = {"robots": "off", "retries": 0, "save_only": True}


class ChangingSite:
    """A server, a list of its paths, and a folder that is refreshed."""

    def __init__(self, server: FaultyServer, folder: Path) -> None:
        self.server = server
        self.list = folder / "urls.txt"
        self.folder = folder / "run"

    def night(self, *paths: str, refresh: bool = True, **keys: Any) -> Report:
        """A pass over the list of these."""
        self.list.write_text(
            "".join(f"{self.server.url(path)}\n" for path in paths)
        )
        config = scraper.configure(dir=str(self.folder), **{**KEYS, **keys})
        return scraper.run(self.list, config, refresh=refresh)

    def lines(self, number: int | None = None) -> list[dict[str, Any]]:
        """The lines of changes.jsonl, or those of one pass."""
        return [
            each
            for each in records_of(self.folder, "changes.jsonl")
            if number in (None, each["pass"])
        ]

    def told(self, number: int) -> dict[str, tuple[str, ...]]:
        """By path, what was told in a pass, with its reason if it has one."""
        lines = self.lines(number)
        told = {
            each["url"].removeprefix(self.server.url("")): tuple(
                filter(None, (each["change"], each["reason"]))
            )
            for each in lines
        }
        assert len(told) == len(lines), "one line a URL and pass"
        return told
