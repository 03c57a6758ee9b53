"""`Session`: submit URLs, get futures; politeness, limits, folders and pictures are those of a run.

A coordinator thread drives the loop; a delivery thread resolves futures, so that a callback which
blocks delays only deliveries.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
)
from concurrent.futures import Executor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from scraper.config import Config, configure, files_of, with_defaults
from scraper.engine import Makers, told_to
from scraper.errors import UsageError
from scraper.http.headers import merge_headers
from scraper.messages import Asked
from scraper.model import Headers, Line
from scraper.outcomes.outcome import Outcome
from scraper.pools import Pools, makers_with
from scraper.recording.life import Listener
from scraper.reports.summary import Report
from scraper.run_folder.ages import ages_of
from scraper.run_folder.following import follows_links, lines_as_asked
from scraper.sessions.claims import Submission
from scraper.sessions.coordinator import (
    InlineCoordinator,
    ThreadedCoordinator,
    Wanted,
)
from scraper.sessions.futures import Future, Owner
from scraper.sessions.local_files import line_of_path, makers_with_files
from scraper.sessions.memory import PATIENCE_SECONDS
from scraper.sessions.misuse import check_many, check_submit
from scraper.sessions.streams import (
    BUFFER,
    as_they_end,
    check_buffer,
    for_asyncio,
    in_order,
)
from scraper.sources.source import text_of
from scraper.sources.text import parse_line
from scraper.urls import Url

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext


class Session:
    """Asks the URLs that are submitted, each as its host permits, and returns futures for them.

        with scraper.Session(threads=16) as session:
            futures = [session.submit(url) for url in urls]
            for future in concurrent.futures.as_completed(futures):
                outcome = future.result()

    Keywords are keys of the configuration, or it is given as a whole. Without `dir` nothing is
    remembered and nothing is left: a URL in flight is joined, one that has ended is asked again.
    With it the session writes one pass of that run folder, under its lock: a URL has one outcome in
    it, and what the folder knows resolves at once. `refresh=True` asks what earlier passes have
    brought again, `max_age="1d"` what is older than that.

    Requests are made by `fetch_executor`, if it is given: any executor that works in threads of
    this process, which may be shared and is never closed. Worker processes start by `mp_context`,
    each calls `initializer(*initargs)`, and is replaced after `max_tasks_per_worker` items. With
    `inline` what is submitted has ended when `submit` returns: everything happens in the calling
    thread, one after the other, without limits of time and memory. `on_event` is called with an
    `Event` at each step of a URL's life, in the thread of the callbacks.

    Any thread may use it. It sets no signal handlers. One that is dropped asks what it was given,
    and ends. Raises UsageError, InUse, LocalFault.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        refresh: bool = False,
        max_age: str | float | None = None,
        fetch_executor: Executor | None = None,
        mp_context: str | BaseContext | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        max_tasks_per_worker: int | None = None,
        inline: bool = False,
        on_event: Listener | None = None,
        makers: Makers | None = None,
        **settings: Any,
    ) -> None:
        self._config = _config_of(config, settings)
        pools = Pools(
            fetch_executor,
            mp_context,
            initializer,
            initargs,
            max_tasks_per_worker,
            inline,
        )
        if files := files_of(self._config.output):
            raise UsageError(
                f"output={files[0]!r}: a session makes no tables; scraper.export(folder, "
                f"{files[0]!r}) does"
            )
        if self.folder is None and (refresh or max_age is not None):
            raise UsageError(
                "refresh and max_age speak of what a folder knows: name it with dir=..."
            )
        if self.folder is None and follows_links(self._config):
            raise UsageError(
                "a session follows links only with a folder: name it with dir=..."
            )
        self._as_asked = lines_as_asked(self._config)
        # of passes, and of the end; signal handlers may shut it down, too
        self._lock = threading.RLock()
        self._owner = Owner()
        wanted = Wanted(
            self._config,
            makers_with_files(
                makers_with(pools, told_to(makers or Makers(), on_event))
            ),
            refresh,
            ages_of(self._config, max_age),
        )
        coordinator = InlineCoordinator if inline else ThreadedCoordinator
        self._coordinator = coordinator(wanted, self._owner)
        weakref.finalize(self, self._coordinator.drop).atexit = False

    # -- what is known of it ------------------------------------------------------------------

    @property
    def folder(self) -> Path | None:
        """The run folder, if there is one."""
        return Path(self._config.run.dir) if self._config.run.dir else None

    @property
    def report(self) -> Report:
        """Counts of what has ended so far."""
        return self._coordinator.run.report

    @property
    def callback_errors(self) -> int:
        """How often a callback has raised; each is logged with its URL."""
        return self._owner.callback_errors

    def __repr__(self) -> str:
        where = f" in {self.folder}" if self.folder else ""
        return f"<Session{where}, {'closed' if self._coordinator.is_closed else 'open'}>"

    # -- submitting ---------------------------------------------------------------------------

    def submit(
        self,
        url: str,
        *more: object,
        headers: Mapping[str, str] | None = None,
        **unknown: object,
    ) -> Future:
        """Ask for a URL. The future resolves to its `Outcome`, also if that has failed, also if it
        is no URL. `headers` are sent for it alone. Raises UsageError if the session is closed."""
        check_submit((url, *more), unknown)
        self._owner.check_process()
        text = text_of(url)
        future = Future(text, self._owner)
        line = _line_of(text)
        submission = Submission(
            future,
            self._as_asked(line) if self._as_asked else line,
            _headers_of(headers),
        )
        self._coordinator.add(submission)
        return future

    def process(self, path: str | os.PathLike[str]) -> Future:
        """Process a file of this machine as the body of a URL would be. The future resolves to its
        `Outcome`, also if it cannot be read; nothing is copied, and no host is asked. Raises
        UsageError if the session is closed, or that is no path."""
        self._owner.check_process()
        line = line_of_path(path)
        future = Future(line.written or "", self._owner)
        self._coordinator.add(Submission(future, line))
        return future

    def map(
        self,
        urls: Iterable[str],
        *more: object,
        timeout: float | None = None,
        buffer: int = BUFFER,
    ) -> Iterator[Outcome]:
        """The outcomes in the order of `urls`, which are read as the outcomes are, and at most
        `buffer` of them ahead of the slowest. One whose host waits holds its place, and no thread.

        Raises OutOfTime when `timeout` seconds have passed since the first was asked for: what has
        not begun is withdrawn, and its `outcomes` are those that were done behind the slowest.
        """
        check_many("map", (urls, *more))
        check_buffer(buffer)
        return in_order(self.submit, urls, timeout, buffer)

    def as_completed(
        self,
        urls: Iterable[str],
        *more: object,
        timeout: float | None = None,
        buffer: int = BUFFER,
    ) -> Iterator[Outcome]:
        """The same as they end, in whatever order."""
        check_many("as_completed", (urls, *more))
        check_buffer(buffer)
        return as_they_end(self.submit, urls, timeout, buffer)

    def astream(
        self,
        urls: Iterable[str] | AsyncIterable[str],
        *more: object,
        buffer: int = BUFFER,
    ) -> AsyncIterator[Outcome]:
        """The same for asyncio: `async for outcome in session.astream(urls)`."""
        check_many("astream", (urls, *more))
        check_buffer(buffer)
        return for_asyncio(self.submit, urls, buffer)

    def abort(self, future: Future) -> bool:
        """End what is under way for it, between two chunks: it resolves to a skipped outcome of the
        kind `aborted`. False if it is done. Raises UsageError if it is of another session."""
        if not isinstance(future, Future) or future.owner is not self._owner:
            raise UsageError(f"{future!r} is no future of this session")
        if future.done():
            return False
        self._owner.post(Asked(future, "aborted"))
        return True

    # -- passes, and the end ------------------------------------------------------------------

    def new_pass(self) -> None:
        """Wait for what was submitted, end the pass, and begin the next one with the next URL.
        Without a folder there are no passes, and nothing to do."""
        self._owner.check_process()
        self._coordinator.check_wait()
        with self._lock:
            self._coordinator.check_open()
            if self.folder is not None:
                self._coordinator.next_run()

    def shutdown(
        self,
        wait: bool = True,
        *,
        cancel_futures: bool = False,
    ) -> None:
        """Take nothing more. What was submitted is still asked, unless `cancel_futures` withdraws
        what has not begun; `wait` until all is delivered and everything is given back."""
        self._owner.check_process()
        if wait:
            self._coordinator.check_wait()
        with self._lock:
            self._coordinator.close()
        if cancel_futures:
            for future in self._coordinator.open_futures():
                future.cancel()
        if wait:
            self._coordinator.join()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            if not self._owner.is_here:
                return  # a forked child ends: that is no business of its parent's session
            grace = self._config.run.grace_seconds
            self._coordinator.run.stop("left with an error", grace)
        self.shutdown(cancel_futures=error is not None)


# -- what is given ----------------------------------------------------------------------------


def _config_of(
    config: Config | None,
    settings: Mapping[str, Any],
) -> Config:
    if config is None:
        config = configure(**settings)
    elif settings:
        raise UsageError(
            f"give {', '.join(settings)} to scraper.configure(...), or no configuration"
        )
    elif not isinstance(config, Config):
        raise UsageError(
            f"{config!r} is no configuration: scraper.configure(...) makes one"
        )
    if config.run.dir:
        return config
    return with_defaults(config, {"patience_seconds": PATIENCE_SECONDS})


def _line_of(text: str) -> Line:
    """The URL that a text means; or the text, which is refused."""
    line = parse_line(text, 0, 0)
    if line is None:
        return Line(
            Url(text, "", ""),
            refusal="bad_url",
        )
    return replace(line, source=None, line=None)


def _headers_of(headers: Mapping[str, str] | None) -> Headers:
    """Raises UsageError for what is no header."""
    if not headers:
        return ()
    if not isinstance(headers, Mapping):
        raise UsageError(
            f"headers={headers!r} is invalid: expected a mapping of names to values"
        )
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return tuple(merge_headers({}, lines).items())
