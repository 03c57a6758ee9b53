"""One run: opens lock, ledger, sinks and frontier, feeds the list in, and closes them again."""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, cast

import orjson

import scraper
from scraper.config import Config
from scraper.delivery import Delivery
from scraper.errors import KINDS, LocalFault, UsageError, disk_failure
from scraper.frontier.frontier import Frontier
from scraper.frontier.robots import token_of
from scraper.guard.allowlist import AllowList
from scraper.guard.guard import Guard
from scraper.guard.permissions import Permissions, Private
from scraper.guard.resolver import Resolver
from scraper.hints import did_you_mean
from scraper.http.fetcher import Fetcher
from scraper.http.headers import agent_of
from scraper.journal import Journal
from scraper.machine import cores, descriptors, main_module, streams
from scraper.machine.descriptors import Share
from scraper.machine.files import NotPlain
from scraper.machine.temporary import TemporaryFolder
from scraper.messages import Inbox, Message, Stop
from scraper.model import Fetched, HostClass, Line, Outcome, Task
from scraper.pipeline import Pipeline
from scraper.plugins import function_of
from scraper.reports.summary import Report, Tally
from scraper.run_folder import adoption, recovery
from scraper.run_folder.naming import folder_named_after, temporary_folder
from scraper.run_folder.owners import claim_folder
from scraper.shaping import describe_changes, process_hashes, shaping_options
from scraper.sinks.sink import open_sinks
from scraper.sinks.summary_file import SummaryFile
from scraper.sources.reader import Reader
from scraper.sources.source import Source
from scraper.storage.bitmap import Bitmap
from scraper.storage.faults import fault_of, refusal_of
from scraper.storage.ledger import Ledger
from scraper.storage.passes import Pass
from scraper.storage.store import Store, processed_prefix
from scraper.urls import without_credentials
from scraper.workers.stage import Limits, ProcessStage, Recipe, WorkItem

logger = logging.getLogger("scraper")


class Run:
    """A run over some lists: a context manager, and an iterator over its outcomes.

    Without any list it goes on with what its folder knows.
    Leaving it early is clean: what is not committed stays pending for the next run of the same
    folder. `retry` asks failed URLs again: `()` all of them, or the given kinds; `refresh` asks
    all URLs of the list again, with what is known of them, and the unchanged ones cost nothing;
    `add_list` lets lists join a folder that belongs to others, `adopt` takes over the records of a
    folder whose ledger is gone. `with_stored` yields each URL of the lists once, from the folder
    what that knows; without it the outcomes of this run alone.
    """

    def __init__(self, sources: Sequence[Source], config: Config,
                 retry: Sequence[str] | None = None, *, refresh: bool = False,
                 add_list: bool = False, adopt: bool = False,
                 with_stored: bool = False) -> None:  # fmt: skip
        if retry is not None and refresh:
            raise UsageError("retry and refresh exclude each other: the one asks again what failed,"
                             " the other asks everything")  # fmt: skip
        self.config = config
        self.sources = list(sources)
        self.retry = _checked_kinds(retry)
        self.refresh = refresh
        self._add_list = add_list
        self._adopt = adopt
        self._with_stored = with_stored
        self.adopted = 0  # records that were taken over into a new ledger
        self._delivery: Delivery | None = None
        self.report = Report()
        self.folder: Path  # known once the run is entered: a pipe is named after its first URL
        self._temporary: TemporaryFolder | None = None
        self.resumed = False
        self.complete = False  # the pass came to its end
        self.reopened = 0  # URLs asked again because a power loss took their files
        self.threads_are_back = True
        self.report.take_time(time.monotonic())
        self._inbox: Inbox = SimpleQueue()
        self._pipeline: Pipeline | None = None
        self._iterator: Iterator[Outcome] | None = None
        self._stage: ProcessStage | None = None
        self._entered = False
        self._opened = False
        self._fault: LocalFault | None = None
        self._seen = Bitmap()
        self._due = 0  # URLs of the list that this pass is about
        self._arguments = {
            "inputs": [each.identity for each in self.sources],
            "retry": None if self.retry is None else list(self.retry),
            "refresh": refresh,
        }

    # -- opening ----------------------------------------------------------------------------
    def __enter__(self) -> Run:
        if self._entered:
            raise UsageError("this run was entered before: make another with scraper.stream(...)")
        self._entered = True
        try:
            with self.local_errors():
                self._open()
        except BaseException:
            self.close()
            raise
        return self

    @contextmanager
    def local_errors(self) -> Iterator[None]:
        """What goes wrong with our own files, in our words."""
        try:
            yield
        except sqlite3.Error as error:
            raise refusal_of(error, self.ledger.path) from error
        except (NotPlain, PermissionError) as error:
            raise UsageError(disk_failure(error).message) from error
        except OSError as error:
            raise LocalFault(disk_failure(error)) from error

    def _open(self) -> None:
        config = self.config
        main_module.refuse_second_run()
        streams.open_missing()
        if config.page.html:
            function_of(config.page.html, "html")
        self._shaping = shaping_options(config)
        wanted = _wanted_share(config)
        share = descriptors.fit_share(wanted)
        if share.processes:
            self._stage = process_stage_of(config, share.processes, self._inbox.put)
        self.folder = self._chosen_folder()
        adoption.refuse_unknown_records(self.folder, self._adopt)
        self.store = Store(self.folder)
        self.store.open()
        self._opened = True
        if self._stage is not None:
            self._stage.start(self.store.parts)
        self.ledger = Ledger(self.store.hidden / "ledger.sqlite", durable=config.run.durable)
        if not self.ledger.in_wal:
            logger.warning("%s is on a file system without shared memory: slower, no status while "
                           "it runs", self.ledger.path)  # fmt: skip
        if self._adopt:
            self.adopted = adoption.adopt_records(self.ledger, self.store.root, self.sources)
        ids = claim_folder(self.folder, self.ledger, self.sources, join=self._add_list)
        self.store.recover(self.ledger.unpublished())
        self.ledger.mark_published()
        self._open_sinks()
        self._verify_after_power_loss()
        self._choose_pass()
        self.journal = self._journal()
        self._note_positions()
        self._compare_options()
        self.guard = guard_of(config)
        self.guard.learn(cast("dict[str, HostClass]", self.ledger.hosts.classes()))
        fetcher = Fetcher(
            config.fetch,
            self.guard,
            self.store.parts,
            per_host=config.hosts.per_host,
            max_pause=config.hosts.max_retry_after_seconds,
            folder=self.store.root,
            connections=share.connections,
        )
        threads = share.threads
        self.frontier = Frontier(
            self.ledger.lanes,
            self.guard,
            config.hosts,
            config.fetch,
            threads=threads,
            agent=agent_of(config.fetch),
        )
        for note in descriptors.reductions_of(wanted, share):
            self.journal.note(note)
        if fetcher.uses_proxy:
            self.journal.note(
                "through a proxy the guard sees no addresses: it judges hosts, ports and the "
                "addresses that URLs name; private names are the proxy's business"
            )
        if self._with_stored:
            self._delivery = Delivery(self.journal, self._seen, config.page.page_images)
        numbered = list(zip(ids, self.sources, strict=True))
        self._lists = [id for id, each in numbered if each.lasting]
        self._pipeline = Pipeline(
            frontier=self.frontier,
            fetcher=fetcher,
            stage=self._stage,
            journal=self.journal,
            reader=Reader(numbered, self._inbox.put),
            intake=self._intake,
            work_item=self._work_item,
            inbox=self._inbox,
            now=_steady_clock(),
            threads=threads,
            window=config.run.window or max(4 * threads, 256),
            item_seconds=config.fetch.request_time_seconds,
            limits=config.run,
            delivery=self._delivery,
        )
        if self._stage is not None and (config.page.html or main_module.imported_by_workers()):
            self._stage.check_start()
        self._iterator = self._pipeline.outcomes()

    def _chosen_folder(self) -> Path:
        if not self.sources:
            return self._folder_of_a_run()
        named = self.config.run.dir or folder_named_after(self.sources[0])
        if named is None:
            self._temporary = temporary_folder()
            named = self._temporary.path
        return Path(named)

    def _folder_of_a_run(self) -> Path:
        folder = Path(self.config.run.dir)
        file = "records.jsonl" if self._adopt else ".scraper/ledger.sqlite"
        if not self.config.run.dir or not (folder / file).exists():
            raise UsageError(_no_run(folder))
        return folder

    def _open_sinks(self) -> None:
        """Nothing is opened yet: `resume` does that."""
        ended = self.ledger.meta("ended") is not None
        self._outputs = open_sinks(self.store.root, self.config, ended=ended)

    def _verify_after_power_loss(self) -> None:
        """If the machine went down under the last run, believe only what is on the disk."""
        boot = recovery.boot_id()
        before = self.ledger.meta("boot")
        if before is not None and boot is not None and before != boot:
            self.reopened = recovery.verify_after_power_loss(
                self.ledger, self.store.root, self._outputs
            )
        self.ledger.set_meta("boot", None if self.config.run.durable else boot)
        self.ledger.commit()

    def _choose_pass(self) -> None:
        """Go on with the open pass, or prepare the next one; it opens with its first URL."""
        last = self.ledger.passes.last()
        self.number = last.number if last else 1
        self._pass_open = False
        self._last = last
        if last is None:
            if not self.sources:
                raise UsageError(_no_run(self.folder))
            return
        plain = self.retry is None and not self.refresh
        if last.ended is None and (plain or _same_request(last.arguments, self._arguments)):
            self.resumed = self._pass_open = True
            self.refresh = bool(last.arguments.get("refresh"))
            self.report.resume(dict(last.counts))
            if not self.sources:
                self._go_on_without_a_list()
            return
        self.number += 1
        self.ledger.hosts.reset_failures()
        if last.ended is None:
            self.ledger.passes.end(last.number)
            self.ledger.passes.adopt_pending(self.number)
            self._ensure_pass()
        if self.retry is not None and self.ledger.passes.reopen_failed(self.number, self.retry):
            self._ensure_pass()
        if not self.sources:
            self._go_on_without_a_list()

    def _go_on_without_a_list(self) -> None:
        """What a reader would do line by line: the folder knows what its lists name."""
        if self.refresh and self.ledger.passes.reopen_listed(self.number):
            self._ensure_pass()
        self._due = self.ledger.passes.count_urls(self.number) - self.report.found

    def _ensure_pass(self) -> None:
        if not self._pass_open:
            self._open_pass()

    def _open_pass(self) -> None:
        self.ledger.passes.open(self.number, self._arguments, [self._shaping], scraper.__version__)
        self._pass_open = True

    def _compare_options(self) -> None:
        """Say so if what lies in the folder was made with other options than this run's."""
        passes = self.ledger.passes.newest_first()
        if self.resumed and self._shaping not in passes[0].configurations:
            self.ledger.passes.set_configurations(
                self.number, [*passes[0].configurations, self._shaping]
            )
        earlier = [each for each in passes if each.number == self.number]
        if not self.refresh:
            earlier = _since_all_was_made_anew(passes)
        made_with = [options for each in earlier for options in each.configurations]
        changes = describe_changes(made_with, self._shaping)
        if changes:
            self.journal.note(
                f"what {self.folder} holds was made with other options ({changes}); it stays as"
                " it is: --refresh makes everything anew"
            )

    def _journal(self) -> Journal:
        self.report.number = self.number
        root = self.store.root
        self._summary = SummaryFile(root, self.store.own_parts)
        self._summary.check()
        self._outputs.resume(self.ledger.position)
        return Journal(
            self.ledger,
            self.store,
            self._outputs,
            self.report,
            self.number,
            follow_images=self.config.page.page_images,
            durable=self.config.run.durable,
            refresh=self.refresh,
            agent_token=token_of(agent_of(self.config.fetch)),
            obeyed_directives=self.config.hosts.obey,
            process_hash=process_hashes(self.config).__getitem__,
        )

    def _note_positions(self) -> None:
        """From now on a file may go further than the ledger knows: what stands there is ours."""
        for sink in self.journal.outputs:
            self.ledger.set_position(sink.name, sink.flush(durable=False))
        self.ledger.set_meta("ended", None)
        self.ledger.commit()

    # -- what the pipeline asks for -----------------------------------------------------------

    def _intake(self, lines: Sequence[Line]) -> frozenset[int]:
        """Put lines of the list into the ledger. Returns the lanes that gain."""
        added = self.ledger.intake.add(lines, self.number, again=self.refresh, seen=self._seen)
        if added.new or added.again:
            self._ensure_pass()
        if self._delivery is not None:
            self._delivery.note_known(added.ended)
        self._due += added.due
        self.report.lines += len(lines)
        self.report.found -= added.known_as_found
        self.report.repeated += added.repeated
        return added.hosts

    def _work_item(self, fetched: Fetched) -> WorkItem:
        task = fetched.task
        path = self.store.part(fetched.part) if fetched.part else self._held(task)
        return WorkItem(
            kind=fetched.kind,
            path=path,
            url=without_credentials(fetched.url.href),
            charset=fetched.charset,
            out=self.store.part(f"{task.id}-{task.attempt}-{len(task.hops)}"),
            final=processed_prefix(task.origin_url),
        )

    def _held(self, task: Task) -> str:
        assert task.stored is not None, "no part was written, so there is a body from before"
        assert task.stored.path is not None, "and it has a place"
        return str(self.folder / task.stored.path)

    # -- running ------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Outcome]:
        return self

    def __next__(self) -> Outcome:
        if self._iterator is None:
            raise UsageError("enter the run first: with scraper.stream(urls) as outcomes")
        try:
            return next(self._iterator)
        except LocalFault as fault:
            self._fault = fault
        except sqlite3.Error as error:
            self._fault = fault_of(error, self.ledger.path)
        except StopIteration:
            stopped = self._pipeline.stopped if self._pipeline else None
            if stopped is None or stopped.failure is None:
                raise
            self._fault = LocalFault(stopped.failure)
        self._iterator = iter(())
        raise self._fault

    def stop(self, reason: str = "stopped", grace: float | None = None) -> None:
        """End early, from any thread or signal handler: hand out nothing more, let what is under
        way finish within `grace` seconds (default: the configured grace), and commit."""
        seconds = self.config.run.grace_seconds if grace is None else grace
        if not isinstance(seconds, int | float) or not seconds >= 0:
            raise UsageError(f"stop(grace=...) takes seconds from 0 on, not {grace!r}")
        self._inbox.put(Stop(reason, seconds))

    @property
    def known(self) -> int:
        """How many URLs this pass is known to have so far: the length of the progress bar."""
        return self._due + self.report.found

    # -- closing ------------------------------------------------------------------------------

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give everything back. Safe to call twice."""
        pipeline, self._pipeline, self._iterator = self._pipeline, None, None
        if pipeline is not None:
            pipeline.close()
            self.threads_are_back = pipeline.threads_are_back
        if self._stage is not None:
            self._stage.close(now=pipeline is None or pipeline.stopped is not None)
            self._stage = None
        if self._opened:
            self._opened = False
            self._conclude(pipeline)
            # A commit that failed half-way may have promised files: the next run renames them.
            self.store.close(keep_parts=pipeline is not None and self.journal.uncommitted > 0)
        if self._temporary is not None:
            self._temporary.remove()
            self._temporary = None

    def _conclude(self, pipeline: Pipeline | None) -> None:
        """Write down how the pass stands."""
        if not hasattr(self, "ledger"):
            return
        try:
            if pipeline is not None:
                if self.journal.uncommitted or self._fault is not None:
                    self._undo()
                self._note(pipeline)
        finally:
            if hasattr(self, "_outputs"):
                self._outputs.close()
            with suppress(sqlite3.Error):  # closing forgets what could not be rolled back
                self.ledger.close()

    def _undo(self) -> None:
        """A write has failed: what is not committed stays pending, and must not be counted."""
        counted, self.report = self.report, Report()
        self.report.number, self.report.lines = counted.number, counted.lines
        self.report.repeated, self.report.timed_at = counted.repeated, counted.timed_at
        try:
            self.ledger.rollback()
            last = self.ledger.passes.last()
        except sqlite3.Error:  # the very fault that is being told: nothing can be read back
            return
        if last is not None and last.number == self.number:
            self.report.resume(dict(last.counts))

    def _note(self, pipeline: Pipeline) -> None:
        report = self.report
        report.take_time(time.monotonic())
        stopped = pipeline.stopped
        if self._fault is not None:
            report.stopped = str(self._fault)
        elif stopped is not None and (stopped.failure or not pipeline.nothing_is_left):
            report.stopped = stopped.reason
        elif not (pipeline.finished or pipeline.nothing_is_left):
            report.stopped = "left before the end"
        self.complete = report.stopped is None
        if not self._pass_open and self._last is not None:
            # Nothing was due: the last pass stands as it was.
            report.nothing_due = self.complete
            report.resume(dict(self._last.counts))
            report.number = self._last.number
        try:
            if pipeline.list_has_ended and self._last is not None:
                self.ledger.intake.drop_unlisted(self._lists, self._seen)
            report.totals = self._totals()
            if self._pass_open:
                counts = orjson.dumps(report.as_dict())
                self.ledger.passes.save_counts(
                    self.number, counts, report.exit_code, ended=self.complete
                )
            self.frontier.keep_hosts()
            self.ledger.hosts.keep_classes(self.guard.learned())
            if not self.journal.uncommitted and self._fault is None:
                self.ledger.set_meta("ended", "1")  # nothing of ours stands behind a position
            if self.complete:
                self.ledger.set_meta("boot", None)  # from now on files may be moved away
            self.ledger.commit()
            self._write_summary()
        except (sqlite3.Error, OSError, UsageError) as error:
            # The run is over and all that counts is committed; a full disk may refuse the rest.
            why = error.strerror if isinstance(error, OSError) else error
            logger.error("could not write the summary of %s: %s", self.folder, why)

    def _totals(self) -> Tally:
        """How the folder's URLs ended last; a script's own, if they came from a script."""
        own = None if self._lists or not self.sources else self._seen
        return Tally.of(self.ledger.ends(own))

    def _write_summary(self) -> None:
        names = list(self.ledger.sources.names.values())
        self._summary.write(
            {
                "version": scraper.__version__,
                "inputs": [each.name for each in self.sources] or names,
                "exit_code": self.report.exit_code,
                "totals": self.report.totals.as_dict() if self.report.totals else None,
                **self.report.as_dict(),
            }
        )


def _since_all_was_made_anew(passes: Sequence[Pass]) -> list[Pass]:
    """The passes, newest first, whose options made what lies there now."""
    since = []
    for each in passes:
        since.append(each)
        if each.arguments.get("refresh") and each.ended is not None:
            break
    return since


def _wanted_share(config: Config) -> Share:
    own = cores.usable_cores()
    processes = config.run.processes or own
    threads = config.run.threads or cores.default_threads(own)
    return Share(threads, 0 if config.run.save_only else processes)


def guard_of(config: Config) -> Guard:
    """The guard that a configuration asks for."""
    hosts = config.hosts
    permissions = Permissions(
        cast("Private", hosts.private),
        deny_networks=hosts.deny_networks,
        allow_networks=hosts.allow_networks,
    )
    resolver = Resolver(timeout_seconds=config.fetch.dns_timeout_seconds)
    return Guard(AllowList(hosts.allow_hosts), permissions, resolver)


def process_stage_of(
    config: Config, processes: int, post: Callable[[Message], None]
) -> ProcessStage:
    """The process stage that a configuration asks for."""
    limits = Limits(config.worker.process_time_seconds, config.worker.process_memory_bytes)
    bounds = {
        "max_links": config.page.max_links,
        "max_page_images": config.page.max_page_images,
    }
    recipe = Recipe(html=config.page.html, plan=asdict(config.image), bounds=bounds)
    return ProcessStage(processes, limits, recipe, post)


def _same_request(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(name) == other.get(name) for name in ("retry", "refresh"))


def _checked_kinds(kinds: Sequence[str] | None) -> tuple[str, ...] | None:
    if kinds is None:
        return None
    if isinstance(kinds, str):
        kinds = kinds.split(",")
    if not isinstance(kinds, Iterable) or not all(isinstance(each, str) for each in kinds):
        raise UsageError(
            f"retry = {kinds!r} is not right: give () for all that failed, or kinds such as "
            '["timeout_read", "http_503"]'
        )
    return tuple(dict.fromkeys(name for kind in kinds for name in _kinds_of(kind)))


_KINDS_HINT = "; they stand as error_kind in errors.jsonl, statuses as http_404"


def _kinds_of(word: str) -> list[str]:
    """The kinds that a word means: one, a branch of the tree (network), a family (timeout)."""
    if word in KINDS or re.fullmatch(r"http_[1-9]\d\d", word):
        return [word]
    meant = [k.name for k in KINDS.values() if word == k.branch or k.name.startswith(f"{word}_")]
    if not meant:
        status = re.search(r"[1-5]\d\d$", word)
        branches = {kind.branch for kind in KINDS.values()}
        hint = did_you_mean(f"http_{status[0]}" if status else word,
                            [*([f"http_{status[0]}"] if status else KINDS), *branches],
                            _KINDS_HINT)  # fmt: skip
        raise UsageError(f"retry: no kind of failure is called {word!r}{hint}")
    return meant


def _no_run(folder: Path) -> str:
    return (
        f"no list of URLs is given, and {folder} holds no run to go on with: "
        "name a list (python -m scraper urls.txt), or the folder of an earlier run"
    )


def _steady_clock() -> Callable[[], float]:
    """Unix seconds that never jump during a run, whatever is done to the system's clock."""
    offset = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset
