"""The functions for scripts; the command line uses the same run."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from os import PathLike
from typing import Any

from scraper.config import Config, InputSettings, configure, with_keys
from scraper.desk.fetched_lists import FetchedLists, ListUrl, Sitemap
from scraper.engine import Makers, guard_of, told_to
from scraper.errors import UsageError
from scraper.local.addresses import address_of, text_of_path
from scraper.local.listing import check_words, paths_meant
from scraper.local.reading import LocalFetcher
from scraper.model import Line
from scraper.outcomes.outcome import Outcome
from scraper.recording.life import Listener
from scraper.redaction import redacted
from scraper.reports.summary import Report
from scraper.run_folder.ages import Age
from scraper.runner import Run
from scraper.sources.source import (
    AS_GUESSED,
    LOCAL,
    Source,
    file_source,
    script_source,
)
from scraper.urls import digest

Urls = str | PathLike[str] | Iterable[str] | ListUrl | Sitemap
_NAMED = (str, PathLike, ListUrl, Sitemap)  # what names a run folder


def stream(
    urls: Urls,
    config: Config | None = None,
    *,
    retry: Sequence[str] | None = None,
    refresh: bool = False,
    max_age: Age = None,
    add_list: bool = False,
    adopt: bool = False,
    on_event: Listener | None = None,
) -> Run:
    """A run over `urls`, to be entered and iterated: of each URL one `Outcome`.

    What the folder knows comes from there at once (`outcome.stored`), so that the same script may
    run again; the rest is asked, and comes once it is committed. So do the images of its pages.

    `urls` is an iterable of URLs (read in a thread of its own, as far ahead as memory allows), the
    path of a list, or a `ListUrl` or a `Sitemap`, whose lists are fetched at once. Without `config`
    the defaults and SCRAPER_* of the environment count. An iterable has the folder that `config`
    names as `dir`, else a temporary one, which is removed with the run.

    `retry=()` asks failed URLs of the folder again, `retry=["timeout"]` only those kinds;
    `refresh=True` asks all of them again, conditionally: what has not changed costs nothing;
    `max_age="7d"` those that were asked last longer ago than that.
    `add_list=True` lets the list of a path join a folder that belongs to others; an iterable joins
    the folder that it is given. `adopt=True` takes over the records of a folder whose ledger is
    gone, instead of refusing it.

    `on_event` is called with an `Event` at each step of a URL's life, in the thread that iterates.
    What it raises is said once, and harms nothing.

    Leaving early is clean: the next run of the same folder goes on where this one stopped. Raises
    UsageError, InUse; LocalFault when this machine cannot go on (disk full).

    Worker processes are started, so a script needs `if __name__ == "__main__":` around its work.
    """
    config = _check_config(config)
    return _run_over(
        urls,
        config,
        retry=retry,
        refresh=refresh,
        max_age=max_age,
        add_list=add_list,
        adopt=adopt,
        with_stored=True,
        makers=told_to(Makers(), on_event),
    )


def run(
    urls: Urls,
    config: Config | None = None,
    *,
    retry: Sequence[str] | None = None,
    refresh: bool = False,
    max_age: Age = None,
    add_list: bool = False,
    adopt: bool = False,
    on_event: Listener | None = None,
) -> Report:
    """Do all of it and return the counts; the records stand in the run folder.

    Of an iterable `config` must name that folder, for nothing would be left in a temporary one.
    """
    config = _check_config(config)
    if not config.run.dir and not isinstance(urls, _NAMED):
        raise UsageError(
            "run(urls) needs a folder for what it brings: "
            'scraper.run(urls, scraper.configure(dir="downloads/shop")), or use scraper.stream'
        )
    outcomes = _run_over(
        urls,
        config,
        retry=retry,
        refresh=refresh,
        max_age=max_age,
        add_list=add_list,
        adopt=adopt,
        makers=told_to(Makers(), on_event),
    )
    with outcomes:
        for _ in outcomes:
            pass
    return outcomes.report


def process(
    paths: str | PathLike[str] | Iterable[str | PathLike[str]],
    config: Config | None = None,
    *,
    retry: Sequence[str] | None = None,
    refresh: bool = False,
    on_event: Listener | None = None,
) -> Run:
    """A run over files of this machine, to be entered and iterated: what workers make of each.

    `paths` are folders with all that is in them, files, or globs. Nothing is asked of any host, and
    nothing is copied: an outcome's `record["path"]` is the file itself. The folder is that which
    `config` names as `dir`, else it is called after the first path; what it knows comes from there,
    as with `stream`. `refresh=True` makes again what has changed since, or is made otherwise now.
    """
    config = local_config(_check_config(config))
    return Run(
        [local_source(_words_of(paths))],
        config,
        retry,
        refresh=refresh,
        with_stored=True,
        makers=told_to(local_makers(), on_event),
    )


def _words_of(paths: object) -> list[str]:
    """The paths as text. Raises UsageError for what is none."""
    given = [paths] if isinstance(paths, str | bytes | PathLike) else paths
    if not isinstance(given, Iterable):
        raise UsageError(
            f"process() takes paths, and {_describe(given)} is none"
        )
    words = []
    for each in given:
        try:
            words.append(os.fsdecode(each))
        except TypeError:
            raise UsageError(
                f"process() takes paths, and {_describe(each)} is none"
            ) from None
    return words


def local_makers() -> Makers:
    """How a run gets its parts that reads files of this machine, and has no network."""
    return Makers(
        guard=partial(guard_of, is_local=True),
        fetcher=LocalFetcher,
        is_local=True,
    )


def local_config(config: Config) -> Config:
    """The same without what would lead to a host."""
    without_network = {
        "robots": "off",
        "page_images": "none",
        "meta_refresh": False,
    }
    return with_keys(config, without_network)


def local_source(words: Sequence[str]) -> Source:
    """The list of the files that these words mean. Raises UsageError if one means none."""
    check_words(words)

    def lines() -> Iterator[Line]:
        for path in paths_meant(words):
            yield Line(address_of(os.path.abspath(path)), text_of_path(path))

    places = [text_of_path(os.path.abspath(each)) for each in words]
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    which = f" {digest(' '.join(places)).hex()[:10]}" if more else ""
    return Source(
        text_of_path(words[0]),
        f"{LOCAL}{places[0]}{more}{which}",
        lines,
        ahead=lines,
    )


def map(
    urls: Iterable[str],
    config: Config | None = None,
    *,
    timeout: float | None = None,
    buffer: int = 1_000,
    **settings: Any,
) -> Iterator[Outcome]:
    """The outcomes of these URLs in their order, lazily: `Session.map` in a session of its own.

    It ends with the iteration, also if that is left early. `config`, or keywords, as of `Session`.
    """
    # Here, for those who only stream or run.
    from scraper.sessions.misuse import check_many
    from scraper.sessions.session import Session

    check_many("map", (urls,))

    def outcomes() -> Iterator[Outcome]:
        with Session(config, **settings) as session:
            yield from session.map(
                urls,
                timeout=timeout,
                buffer=buffer,
            )

    return outcomes()


def _run_over(urls: Urls, config: Config, **how: Any) -> Run:
    """A list that is fetched stays until its run is closed."""
    with ExitStack() as resources:
        lists = resources.enter_context(FetchedLists(config))
        if isinstance(urls, ListUrl):
            sources = lists.fetch(lists.check(urls.url))
        elif isinstance(urls, Sitemap):
            sources = lists.find(lists.check_host(urls.host))
        else:
            sources = lists.with_named(source_of(urls, config.input))
        run = Run(
            sources,
            config,
            **how,
        )
        run.close_with(resources.pop_all().close)
    return run


def _check_config(config: Config | None) -> Config:
    if config is None:
        return configure()
    if not isinstance(config, Config):
        raise UsageError(
            f"{_describe(config)} is no configuration: scraper.configure(...) makes one"
        )
    return config


def source_of(
    urls: str | PathLike[str] | Iterable[str], how: InputSettings = AS_GUESSED
) -> Source:
    """What stands for the list. Raises UsageError if it is none."""
    if isinstance(urls, str) and "://" in urls:
        url = redacted(urls)
        raise UsageError(
            f"{url} is a URL, where text is the path of a list: "
            f"write [{url!r}] for a list of one URL, scraper.ListUrl({url!r}) for the list there"
        )
    if isinstance(urls, str | PathLike):
        return file_source(os.fsdecode(urls), how)
    if isinstance(urls, Mapping) or hasattr(urls, "columns"):
        raise UsageError(
            f"{_describe(urls)} is no list of URLs: give one column or the values of it, "
            "such as table['url']"
        )
    if isinstance(urls, bytes | bytearray) or not isinstance(urls, Iterable):
        raise UsageError(
            f"{_describe(urls)} is no list of URLs: give an iterable of text, or the path of a list"
        )
    return script_source(urls)


def _describe(value: object) -> str:
    return f"{reprlib.repr(value)} ({type(value).__name__})"
