"""A run folder with a server and a clock that the test sets."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

import scraper
from scraper.api import source_of
from scraper.engine import Makers
from scraper.faulty import Behaviour, FaultyServer
from scraper.reports.summary import Report
from scraper.runner import Run
from tests.stories.runs import records_of

HOUR = 3_600.0


class Folder:
    """A run folder, a server, and passes at hours of a clock that the test sets."""

    def __init__(self, path: Path, server: FaultyServer) -> None:
        self.path = path / "run"
        self.server = server
        self.ahead = 0.0
        self._seen = 0

    def time(self) -> float:
        """By the wall clock."""
        return time.time() + self.ahead

    def run(
        self,
        *paths: str,
        at: float = 0.0,
        max_urls: int | None = None,
        recipe: Sequence[Mapping[str, Any]] = (),
        makes: Makers | None = None,
        keys: Mapping[str, Any] = MappingProxyType({}),
        by_file: bool = False,
        **how: Any,
    ) -> Report:
        """`at` hours from now. `by_file` the paths stand in a list, which may name fewer later."""
        self.ahead = at * HOUR
        urls = [self.server.url(path) for path in paths]
        lst = self.path.with_suffix(".txt")
        lst.write_text("\n".join(urls))
        settings: dict[str, Any] = {
            "dir": str(self.path),
            "robots": "off",
            "processes": 1,
            "threads": 1,
            "recipe": recipe,
            "max_urls": max_urls or 0,
            **keys,
        }
        config = scraper.configure(**settings)
        with Run(
            [source_of(lst if by_file else urls)] if paths else [],
            config,
            makers=replace(makes or Makers(), clock=lambda: self.time),
            **how,
        ) as run:
            for _ in run:
                pass
        return run.report

    def asked(self) -> list[str]:
        """The paths since this was called last."""
        seen = self.server.seen[self._seen :]
        self._seen += len(seen)
        return sorted(each.path for each in seen)

    def passes(self) -> list[int]:
        return [each["pass"] for each in records_of(self.path)]


@contextmanager
def aging(path: Path, site: dict[str, Behaviour]) -> Iterator[Folder]:
    """One whose fetcher has its clock, too."""
    with FaultyServer(site) as server, pytest.MonkeyPatch.context() as patch:
        folder = Folder(path, server)
        wall = SimpleNamespace(time=folder.time, perf_counter=time.perf_counter)
        patch.setattr("scraper.http.fetcher.time", wall)
        yield folder
