"""The two functions for scripts; the command line uses the same run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike

from scraper.config import Config, configure
from scraper.job import Run
from scraper.lists import file_source, given_source
from scraper.report import Report

Urls = str | PathLike[str] | Iterable[str]


def stream(
    urls: Urls,
    config: Config | None = None,
    *,
    retry: Sequence[str] | None = None,
    refresh: bool = False,
) -> Run:
    """A run over `urls`, to be entered and iterated: each `Outcome` comes once it is committed.

    `urls` is an iterable of URLs (read in a thread of its own, as far ahead as memory allows), or
    the path of a list. Without `config` the defaults and SCRAPER_* of the environment count.
    `retry=()` asks failed URLs of the folder again, `retry=["timeout_read"]` only those kinds;
    `refresh=True` asks all of them again, conditionally: what has not changed costs nothing.

    Leaving early is clean: the next run of the same folder goes on where this one stopped. After
    a kill an outcome may come a second time; in the files each stands once. Raises UsageError,
    InUse; LocalFault when this machine cannot go on (disk full).

    Worker processes are started, so a script needs `if __name__ == "__main__":` around its work.
    """
    if isinstance(urls, str | PathLike):
        source = file_source(str(urls))
    else:
        source = given_source(urls, "script")
    return Run([source], config or configure(), retry, refresh=refresh)


def run(
    urls: Urls,
    config: Config | None = None,
    *,
    retry: Sequence[str] | None = None,
    refresh: bool = False,
) -> Report:
    """Do all of it and return the counts; the records stand in the run folder."""
    with stream(urls, config, retry=retry, refresh=refresh) as outcomes:
        for _ in outcomes:
            pass
    return outcomes.report
