"""Fetch pages and images concurrently; get clean records and processed pictures.

    import scraper

    with scraper.stream(["https://example.com/"], scraper.configure(threads=8)) as outcomes:
        for outcome in outcomes:
            print(outcome.state, outcome.url, outcome.record["title"])

The names below are loaded when they are used: importing this package costs nothing, and a worker
process never imports the engine.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from scraper.api import map, process, run, stream
    from scraper.config import Config, configure
    from scraper.desk.fetched_lists import ListUrl, Sitemap
    from scraper.errors import (
        InUse,
        LocalFault,
        ScraperError,
        Unreadable,
        UsageError,
    )
    from scraper.exports.export import export
    from scraper.model import Failure
    from scraper.outcomes.event import Event
    from scraper.outcomes.outcome import Failed, Outcome, OutOfTime
    from scraper.reports.records import records
    from scraper.reports.summary import Report
    from scraper.run_folder.reprocessing import reprocess
    from scraper.sessions.futures import Future
    from scraper.sessions.session import Session

__all__ = [
    "Config",
    "Event",
    "Failed",
    "Failure",
    "Future",
    "InUse",
    "ListUrl",
    "LocalFault",
    "OutOfTime",
    "Outcome",
    "Report",
    "ScraperError",
    "Session",
    "Sitemap",
    "Unreadable",
    "UsageError",
    "configure",
    "export",
    "map",
    "process",
    "records",
    "reprocess",
    "run",
    "stream",
]

_EXPORTS = {
    "map": "api",
    "process": "api",
    "run": "api",
    "stream": "api",
    "Config": "config",
    "configure": "config",
    "Event": "outcomes.event",
    "ListUrl": "desk.fetched_lists",
    "Sitemap": "desk.fetched_lists",
    "InUse": "errors",
    "LocalFault": "errors",
    "OutOfTime": "outcomes.outcome",
    "ScraperError": "errors",
    "Unreadable": "errors",
    "UsageError": "errors",
    "export": "exports.export",
    "Failure": "model",
    "Failed": "outcomes.outcome",
    "Outcome": "outcomes.outcome",
    "Report": "reports.summary",
    "Future": "sessions.futures",
    "Session": "sessions.session",
    "records": "reports.records",
    "reprocess": "run_folder.reprocessing",
}


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'scraper' has no attribute {name!r}")
    return getattr(importlib.import_module(f"scraper.{_EXPORTS[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_EXPORTS])
