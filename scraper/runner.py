"""One run, as scripts and the command line hold it: entered, iterated over, closed."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from scraper.config import Config, files_of
from scraper.config.plugins import check_file, check_functions, check_page
from scraper.engine import Makers, check_workers, wanted_share
from scraper.errors import LocalFault, UsageError, failure_of, is_out_of_threads
from scraper.machine import descriptors, main_module, streams
from scraper.machine.clock import Clock
from scraper.machine.descriptors import Share
from scraper.messages import Stop
from scraper.notices.notices import Notices
from scraper.opening import OpenRun, open_run
from scraper.outcomes.fills import Fills
from scraper.outcomes.outcome import Outcome
from scraper.passes import RunRequest, checked_kinds
from scraper.reports.summary import Report
from scraper.run_folder.ages import Age, ages_of_run
from scraper.run_folder.ending import end_list, save_end
from scraper.run_folder.following import check_following
from scraper.run_folder.metrics import write_metrics
from scraper.run_folder.naming import choose_folder
from scraper.run_folder.pictures import check_pictures
from scraper.run_folder.recipes import check_recipes
from scraper.sources.source import Source
from scraper.storage.faults import fault_of, local_errors
from scraper.storage.names import names_of

if TYPE_CHECKING:
    from scraper.exports.of_run import RunExports
    from scraper.run_folder.stored_bodies import Selection

logger = logging.getLogger("scraper.run")
# Where no logging is configured, nothing is printed, but for what `scraper.callbacks` says: a
# mistake in a function of the user's is theirs to see, as with the executors of the library.
logger.addHandler(logging.NullHandler())


class Run:
    """A run over some lists: a context manager, and an iterator over its outcomes.

    Without any list it goes on with what its folder knows.
    Leaving it early is clean: what is not committed stays pending for the next run of the same
    folder. `retry` requests failed URLs again: `()` all of them, or the given kinds; `refresh`
    requests all URLs of the list again, with what is known of them, and the unchanged ones cost
    nothing; `max_age` ("7d", or seconds) those that were asked last longer ago; `add_list` lets
    lists join a folder that belongs to others, `adopt` takes over the records of a folder whose
    ledger is gone; `reprocess` makes again what is made of stored bodies, and asks no host.
    `with_stored` yields each URL of the lists once, from the folder what that knows; without it
    the outcomes of this run alone.
    """

    def __init__(self, sources: Sequence[Source], config: Config,
                 retry: Sequence[str] | None = None, *, refresh: bool = False,
                 max_age: Age = None, add_list: bool = False, adopt: bool = False,
                 with_stored: bool = False, reprocess: Selection | None = None,
                 makers: Makers | None = None) -> None:  # fmt: skip
        self.config = config
        self.sources = list(sources)
        self.report = Report(fail_on=config.run.fail_on)
        self.folder: Path  # known once the run is entered: a pipe is named after its first URL
        self.complete = False  # the pass came to its end
        self.threads_are_back = True
        self.retry = checked_kinds(retry)
        self._makers = makers or Makers()
        # A session says with each URL that it is given how old it may be.
        is_session = self._makers.desk is not None
        ages = ages_of_run(
            config,
            max_age,
            asks_otherwise=refresh
            or retry is not None
            or reprocess is not None
            or is_session,
        )
        self._request = RunRequest(
            self.sources,
            config,
            self.retry,
            refresh or ages is not None,
            add_list,
            adopt,
            with_stored,
            ages,
            reprocess,
        )
        self._inbox = self._makers.inbox()
        self._now = self._makers.clock()
        self._resources = ExitStack()
        self._entered = self._concluded = False
        self._opened: OpenRun | None = None
        self._outcomes: Iterator[Outcome] | None = None
        self.exports: RunExports | None = None  # with `-o FILE`
        self._notices: Notices | None = None  # with `--notify`
        self._was_told_to_stop = False
        self._has_ended = False
        self._fault: LocalFault | None = None
        self.report.take_time(self._now())

    # -- what is known of it ------------------------------------------------------------------

    @property
    def number(self) -> int:
        """Of the pass."""
        return self._opened.current.number if self._opened else 0

    @property
    def resumed(self) -> bool:
        """The pass was begun by an earlier run."""
        return self._opened is not None and self._opened.current.resumed

    @property
    def adopted(self) -> int:
        """How many records were taken over into a new ledger."""
        return self._opened.folder.adopted if self._opened else 0

    @property
    def reopened(self) -> int:
        """How many URLs are requested again because a power loss took their files."""
        return self._opened.folder.reopened if self._opened else 0

    @property
    def known(self) -> int:
        """How many URLs this pass is known to have so far: the length of the progress bar."""
        return (
            self._opened.intake.due + self.report.found if self._opened else 0
        )

    @property
    def waiting(self) -> str:
        """What it waits for where nothing moves, in words; "" else. Any thread may ask."""
        if self._opened is None or self._concluded:
            return ""
        outage = self._opened.pipeline.network.waiting
        return outage or self._opened.frontier.outlook.waiting

    @property
    def least_seconds(self) -> float:
        """How long its slowest host takes yet, as far as that is known. Any thread may ask."""
        if self._opened is None or self._concluded:
            return 0.0
        return max(self._opened.frontier.outlook.ends_at - self._now(), 0.0)

    # -- entered, iterated over, closed -------------------------------------------------------

    def __enter__(self) -> Run:
        if self._entered:
            raise UsageError(
                "this run was entered before: make another with scraper.stream(...)"
            )
        self._entered = True
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def _open(self) -> None:
        with local_errors():
            share = prepare_process(self.config)
            self._prepare_exports()
            self.folder = choose_folder(
                self.config.run.dir,
                self.sources,
                self._resources,
                adopt=self._request.adopt,
            )
        if self.exports is not None:
            self.exports.check_places(self.folder, self.sources)
            # when all else is closed, and before a temporary folder goes
            self._resources.callback(self._export)
        with local_errors(self.folder):
            opened = open_run(
                self._request,
                self.folder,
                share,
                self.report,
                self._inbox,
                self._now,
                self._makers,
                self._resources,
            )
            self._resources.callback(self._close_pipeline, opened)
            self._resources.callback(lambda: _deliver(self._notices, self._now))
            if self.exports is not None:
                known = opened.folder.ledger.sources
                self.exports.check_columns(self.sources, known)
            self._opened = opened
            check_workers(self.config, opened.stage)
        self._outcomes = opened.pipeline.outcomes()

    def close_with(self, close: Callable[[], None]) -> None:
        """What the run needs to its end is closed with it."""
        self._resources.callback(close)

    def _prepare_exports(self) -> None:
        if files_of(self.config.output):
            from scraper.exports.of_run import RunExports

            self.exports = RunExports(self.config)

    def _export(self) -> None:
        """Make the tables, if the run has ended by itself: completely, or at a limit."""
        by_itself = self.complete or not self._was_told_to_stop
        if self.exports is not None and self._has_ended and by_itself:
            self.exports.make(self.folder)

    def __iter__(self) -> Iterator[Outcome]:
        return self

    def __next__(self) -> Outcome:
        opened = self._opened
        if self._outcomes is None or opened is None:
            raise UsageError(
                "enter the run first: with scraper.stream(urls) as outcomes"
            )
        try:
            return next(self._outcomes)
        except LocalFault as fault:
            self._fault = fault
        except sqlite3.Error as error:
            self._fault = fault_of(error, opened.folder.ledger.path)
        except RuntimeError as error:
            if not is_out_of_threads(error):
                raise
            self._fault = LocalFault(failure_of(error))
        except StopIteration:
            stopped = opened.pipeline.stopped
            if stopped is None or stopped.failure is None:
                self._has_ended = True
                self._conclude(opened)
                raise
            self._fault = LocalFault(stopped.failure)
        self._outcomes = iter(())
        self._conclude(opened)
        raise self._fault

    def stop(self, reason: str = "stopped", grace: float | None = None) -> None:
        """End early, from any thread or signal handler: hand out nothing more, let what is under
        way finish within `grace` seconds (default: the configured grace), and commit."""
        seconds = self.config.run.grace_seconds if grace is None else grace
        if not isinstance(seconds, int | float) or not seconds >= 0:
            raise UsageError(
                f"stop(grace=...) takes seconds from 0 on, not {grace!r}"
            )
        self._was_told_to_stop = True
        self._inbox.put(Stop(reason, seconds))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give everything back. Safe to call twice."""
        self._outcomes = None
        try:
            if self._opened is not None:
                self._conclude(self._opened)
        finally:
            self._resources.close()

    def _close_pipeline(self, opened: OpenRun) -> None:
        self.threads_are_back = opened.pipeline.close()

    def _conclude(self, opened: OpenRun) -> None:
        """Write down how the pass stands, once: the report is final when the iterator ends."""
        if self._concluded:
            return
        self._concluded = True
        by_itself = self._has_ended or self._fault is not None
        was_left = self._was_told_to_stop or not by_itself
        self._notices = None if was_left else _notices_of(opened)
        if opened.journal.uncommitted or self._fault is not None:
            self.report = _without_uncommitted(self.report, opened)
        report = self.report
        report.take_time(self._now())
        try:
            self._fault = self._fault or _end_of_list(opened, report)
            report.stopped = _why_stopped(opened, self._fault)
            _take_last_pass(opened, report)
        except sqlite3.Error as error:
            self._fault = fault_of(error, opened.folder.ledger.path)
            report.stopped = str(self._fault)
        self.complete = report.stopped is None
        try:
            save_end(
                report,
                opened,
                self._now(),
                self._notices,
                in_order=self._fault is None,
            )
        except (sqlite3.Error, OSError, UsageError) as error:
            _complain_of_summary(error, opened)
        write_metrics(opened, report, self._now())


# -- how it ended -----------------------------------------------------------------------------


def _complain_of_summary(error: Exception, opened: OpenRun) -> None:
    """The run is over and all that counts is committed; a full disk may refuse the rest."""
    why = error.strerror if isinstance(error, OSError) else error
    file = opened.folder.summary.path
    old = f"; {file.name} is that of an earlier run" if file.exists() else ""
    logger.error(
        "could not write the summary of %s: %s%s",
        opened.folder.path,
        why,
        old,
    )


def _notices_of(opened: OpenRun) -> Notices | None:
    """None if none are wanted. A run that was left has none: it says nothing of its folder."""
    keys = opened.request.config.changes
    if not keys.notify:
        return None
    return Notices(opened.folder.ledger, opened.folder.store.root, keys)


def _deliver(notices: Notices | None, now: Clock) -> None:
    if notices is None:
        return
    try:
        notices.deliver(now)
    except sqlite3.Error as error:  # as at the end of the pass
        logger.error("notify: what was delivered cannot be noted: %s", error)


def _why_stopped(opened: OpenRun, fault: LocalFault | None) -> str | None:
    """Why the run ended before its pass did; None if the pass is complete."""
    pipeline = opened.pipeline
    if fault is not None:
        return str(fault)
    stopped = pipeline.stopped
    if stopped is not None and (
        stopped.failure or not pipeline.nothing_is_left
    ):
        return stopped.reason
    if pipeline.nothing_is_left:
        return None
    if not pipeline.finished:
        return "left before the end"
    # A session asks what it was given, and its pass may hold more.
    if opened.journal.count_pending():
        return "what other runs have left in the folder still waits"
    return None


def _end_of_list(opened: OpenRun, report: Report) -> LocalFault | None:
    """Report what is gone, if all has been asked. Returns the fault that has hindered it."""
    if _why_stopped(opened, None) is not None:
        return None
    return end_list(opened, report)


def _take_last_pass(opened: OpenRun, report: Report) -> None:
    """If nothing was due, the last pass stands as it was, with its own recipes."""
    previous = opened.current.previous
    if opened.current.is_open or previous is None:
        return
    report.fills = Fills()
    report.nothing_due = report.stopped is None
    led_to = opened.current.led_to
    report.next_due = led_to.next_at() if led_to else None
    report.resume(dict(previous.counts))
    report.number = previous.number


def _without_uncommitted(counted: Report, opened: OpenRun) -> Report:
    """The counts of the last commit: a write has failed, and the rest stays pending."""
    report = Report(
        number=counted.number,
        lines=counted.lines,
        fail_on=counted.fail_on,
        repeated=counted.repeated,
        unmodified=counted.unmodified,
        timed_at=counted.timed_at,
    )
    ledger = opened.folder.ledger
    try:
        ledger.rollback()
        last = ledger.passes.last()
    # the very fault that has ended the run: nothing can be read back
    except sqlite3.Error:
        return report
    if last is not None and last.number == opened.current.number:
        report.resume(dict(last.counts))
    return report


def check_settings(config: Config) -> None:
    """Raises UsageError if something is asked for that cannot be done."""
    check_functions(config)
    check_page(config.page)
    check_pictures(config)
    check_file(config.file)
    names_of(config.output.name, config.output.name_col)
    check_recipes(config)
    check_following(config)
    if config.output.line or config.output.line_failed:
        from scraper.exports.of_run import check_line

        check_line(config)


def prepare_process(config: Config) -> Share:
    """Check what a run needs of this process. Returns what it may have of threads and workers."""
    main_module.refuse_second_run()
    streams.open_missing()
    check_settings(config)
    return descriptors.fit_share(wanted_share(config))
