"""Opens the parts of one run, from the lock of its folder to its fetch threads.

Each part puts its own end on a stack as soon as it is there, so that a run which cannot be opened
gives back what it has, and one that is over gives back all, last opened first.
"""

from __future__ import annotations

import logging
import socket
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, cast

from msgspec import Struct

from scraper.config import Config
from scraper.delivery import Delivery
from scraper.errors import (
    LocalFault,
    UsageError,
    disk_failure,
    failure_of,
    is_out_of_threads,
)
from scraper.frontier.frontier import Frontier
from scraper.frontier.lanes import new_host_threads
from scraper.frontier.robots import token_of
from scraper.guard.allowlist import AllowList
from scraper.guard.guard import Connector, Guard, dial
from scraper.guard.network_probe import NetworkProbe
from scraper.guard.permissions import Permissions, Private
from scraper.guard.resolver import GetAddrInfo, Resolver
from scraper.http.fetcher import Fetcher
from scraper.http.headers import agent_of
from scraper.http.throttle import throttle_of
from scraper.journal import Journal
from scraper.machine import cores, descriptors, main_module
from scraper.machine.clock import Clock, steady_clock, used_seconds
from scraper.machine.descriptors import Share
from scraper.machine.files import NotPlain
from scraper.machine.threads import Threads
from scraper.messages import Inbox, Message
from scraper.model import HostClass
from scraper.outcomes.places import InFolder
from scraper.passes import CurrentPass, ListIntake, RunRequest
from scraper.pipeline import Parts, Pipeline
from scraper.reports.summary import Report
from scraper.results import Handover
from scraper.run_folder import recovery
from scraper.run_folder.naming import no_run_message
from scraper.run_folder.options import process_hashes, shaping_options
from scraper.run_folder.owners import claim_folder, refuse_unknown_records
from scraper.sinks.sink import Outputs, open_sinks
from scraper.sinks.summary_file import SummaryFile
from scraper.sources.reader import Reader
from scraper.storage.faults import open_error
from scraper.storage.ledger import Ledger
from scraper.storage.store import Store
from scraper.supervision import Flights, Intervals, Network, RunLimits

if TYPE_CHECKING:
    from scraper.workers.stage import ProcessStage
    from scraper.workers.work import Recipe, Stage

logger = logging.getLogger("scraper")

LEDGER = "ledger.sqlite"


def guard_of(
    config: Config,
    getaddrinfo: GetAddrInfo = socket.getaddrinfo,
    connect: Connector = dial,
    lookups: int | None = None,
) -> Guard:
    """The guard that a configuration asks for. It makes so many `lookups` at once; with 0 each in
    the thread that asks."""
    if lookups is None:
        lookups = descriptors.lookups_at_once()
    hosts = config.hosts
    permissions = Permissions(
        cast("Private", hosts.private),
        deny_networks=hosts.deny_networks,
        allow_networks=hosts.allow_networks,
    )
    resolver = Resolver(
        getaddrinfo,
        threads=lookups,
        max_stuck=descriptors.hanging_lookups(),
        timeout_seconds=config.fetch.dns_timeout_seconds,
    )
    return Guard(
        AllowList(hosts.allow_hosts), permissions, resolver, connect=connect
    )


def process_stage_of(
    config: Config, processes: int, post: Callable[[Message], None]
) -> ProcessStage:
    """The process stage that a configuration asks for."""
    # Here, because a run that only saves has no workers: a twentieth of the
    # time until its first request.
    from scraper.workers.stage import ProcessStage
    from scraper.workers.work import Limits

    limits = Limits(
        config.worker.process_time_seconds, config.worker.process_memory_bytes
    )
    return ProcessStage(processes, limits, recipe_of(config), post)


def recipe_of(config: Config) -> Recipe:
    """What a configuration has done with an item."""
    from scraper.workers.work import Recipe

    bounds = {
        "max_links": config.page.max_links,
        "max_page_images": config.page.max_page_images,
    }
    return Recipe(
        html=config.page.html, plan=config.image.as_dict(), bounds=bounds
    )


def fetch_threads(threads: int) -> Executor:
    """The pool in which requests are made."""
    return Threads(threads, thread_name_prefix="fetch")


def requests_at_once(share: Share) -> int:
    """How many threads make requests: those that wait for new hosts are beside the others."""
    new_hosts = new_host_threads(share.threads)
    return share.threads + new_hosts + share.most_quiet


class Makers(Struct, frozen=True):
    """How a run makes its parts. Tests hand over others: a clock of their own, a played network.
    `at_once` says how many requests of a run go to its `threads` at the same time."""

    inbox: Callable[[], Inbox] = SimpleQueue
    clock: Callable[[], Clock] = steady_clock
    seconds_used: Clock = used_seconds
    threads: Callable[[int], Executor] = fetch_threads
    at_once: Callable[[Share], int] = requests_at_once
    guard: Callable[..., Guard] = guard_of
    fetcher: Callable[..., Fetcher] = Fetcher
    frontier: Callable[..., Frontier] = Frontier
    probe: Callable[..., NetworkProbe] = NetworkProbe
    reader: Callable[..., Reader] = Reader
    stage: Callable[[Config, int, Callable[[Message], None]], Stage] = (
        process_stage_of
    )
    intervals: Intervals = Intervals()


class OpenFolder(Struct, frozen=True):
    """A run folder that this run holds, with what it knows and the files that it writes."""

    path: Path
    store: Store
    ledger: Ledger
    outputs: Outputs
    summary: SummaryFile
    list_ids: list[int]  # rows of the run's lists in the ledger
    adopted: int  # records that were taken over into a new ledger
    reopened: (
        int  # URLs that are due again because a power loss took their files
    )


class OpenRun(Struct, frozen=True):
    """Everything that a run has open."""

    request: RunRequest
    folder: OpenFolder
    current: CurrentPass
    intake: ListIntake
    journal: Journal
    guard: Guard
    frontier: Frontier
    stage: Stage | None
    pipeline: Pipeline

    @property
    def lasting_lists(self) -> list[int]:
        """The rows of its lists that are read again and again."""
        sources = zip(self.folder.list_ids, self.request.sources, strict=True)
        return [row for row, source in sources if source.lasting]


@contextmanager
def local_errors(folder: Path | None = None) -> Iterator[None]:
    """What goes wrong with our own files while a run is opened, in our words."""
    try:
        yield
    except sqlite3.Error as error:
        assert folder is not None, "the ledger is in it"
        raise open_error(error, folder / ".scraper" / LEDGER) from error
    except (NotPlain, PermissionError) as error:
        raise UsageError(disk_failure(error).message) from error
    except OSError as error:
        raise LocalFault(disk_failure(error)) from error
    except RuntimeError as error:
        if not is_out_of_threads(error):
            raise
        raise LocalFault(failure_of(error)) from error


def wanted_share(config: Config) -> Share:
    """The threads and processes that a configuration asks for."""
    own = cores.usable_cores()
    processes = config.run.processes or own
    threads = config.run.threads or cores.default_threads(own)
    return Share(
        threads,
        0 if config.run.save_only else processes,
        most_quiet=cores.default_quiet(threads),
    )


def _most_threads(config: Config, share: Share) -> int:
    """Up to how many serve hosts that answer: a number that is given is a bound, else half of those
    that may wait for hosts that have never answered."""
    if config.run.threads:
        return share.threads
    most = share.threads + share.most_quiet // 2
    return min(most, cores.MAX_AUTO_THREADS)


def open_run(
    request: RunRequest,
    path: Path,
    share: Share,
    report: Report,
    inbox: Inbox,
    now: Clock,
    makers: Makers,
    resources: ExitStack,
) -> OpenRun:
    """Open everything that the run needs; `resources` closes it again."""
    opened: OpenRun | None = None
    config = request.config
    stage = (
        makers.stage(config, share.processes, inbox.put)
        if share.processes
        else None
    )
    refuse_unknown_records(path, request.adopt)
    store = Store(path)

    @resources.callback
    def close_store() -> None:
        # A commit that failed half-way may have promised files: the next run renames them.
        store.close(
            keep_parts=opened is not None and opened.journal.uncommitted > 0
        )

    @resources.callback
    def close_stage() -> None:
        if stage is not None:
            stage.close(
                now=opened is None or opened.pipeline.stopped is not None
            )

    store.open()
    if stage is not None:
        stage.start(store.parts)
    folder = _open_folder(request, store, resources)
    current = _choose_pass(request, folder, report, now)
    intake = ListIntake(folder.ledger, current, report)
    if not request.sources:
        intake.count_known()
    journal = _open_journal(request, folder, current, report, now)
    for note in descriptors.reductions_of(wanted_share(config), share):
        journal.note(note)
    guard = makers.guard(config)
    guard.learn(cast("dict[str, HostClass]", folder.ledger.hosts.classes()))
    frontier = makers.frontier(
        folder.ledger.waiting,
        guard,
        config.hosts,
        config.fetch,
        threads=share.threads,
        most_threads=_most_threads(config, share),
        most_quiet=share.most_quiet,
        agent=agent_of(config.fetch),
        pass_began=current.began,
    )
    at_once = makers.at_once(share)
    threads = min(at_once, requests_at_once(share) - share.most_quiet)
    sources = list(zip(folder.list_ids, request.sources, strict=True))
    fetcher = _make_fetcher(config, guard, folder, share, makers, journal)
    flights = Flights(
        threads,
        config.fetch.request_time_seconds,
        makers.intervals,
        now,
        most_quiet=at_once - threads,
    )
    probe = makers.probe(guard, inbox.put, fetcher.proxies)
    wait = config.hosts.offline_wait_seconds
    network = Network(guard, probe, frontier.holds, flights, journal, now, wait)
    parts = Parts(
        frontier=frontier,
        fetcher=fetcher,
        stage=stage,
        journal=journal,
        reader=makers.reader(sources, inbox.put),
        intake=intake.take,
        handover=Handover(inbox, now, journal, store, stage),
        delivery=_open_delivery(request, journal, intake),
        inbox=inbox,
        threads=makers.threads(at_once),
        flights=flights,
        network=network,
        now=now,
        seconds_used=makers.seconds_used,
    )
    window = config.run.window or max(
        4 * share.threads, 2 * _most_threads(config, share), 256
    )
    pipeline = Pipeline(
        parts, RunLimits(config.run, config.hosts), window, makers.intervals
    )
    opened = OpenRun(
        request,
        folder,
        current,
        intake,
        journal,
        guard,
        frontier,
        stage,
        pipeline,
    )
    return opened


def check_workers(opened: OpenRun) -> None:
    """Raises UsageError if worker processes cannot import what they need of the user's."""
    config, stage = opened.request.config, opened.stage
    if stage and (config.page.html or main_module.imported_by_workers()):
        stage.check_start()


# -- its steps --------------------------------------------------------------------------------


def _open_folder(
    request: RunRequest, store: Store, resources: ExitStack
) -> OpenFolder:
    config = request.config
    ledger = Ledger(store.hidden / LEDGER, durable=config.run.durable)
    resources.callback(_close_ledger, ledger)
    if not ledger.in_wal:
        logger.warning(
            "%s is on a file system without shared memory: slower, no status while it runs",
            ledger.path,
        )
    adopted = 0
    if request.adopt:
        from scraper.run_folder.adoption import adopt_records

        adopted = adopt_records(ledger, store.root, request.sources)
    list_ids = claim_folder(
        store.folder, ledger, request.sources, join=request.add_list
    )
    store.recover(ledger.unpublished())
    ledger.mark_published()
    outputs = open_sinks(
        store.root, config, ended=ledger.meta("ended") is not None
    )
    resources.callback(outputs.close)
    reopened = _verify_after_power_loss(
        store, ledger, outputs, durable=config.run.durable
    )
    summary = SummaryFile(store.root, store.own_parts)
    return OpenFolder(
        store.folder,
        store,
        ledger,
        outputs,
        summary,
        list_ids,
        adopted,
        reopened,
    )


def _close_ledger(ledger: Ledger) -> None:
    with suppress(sqlite3.Error):  # closing forgets what was not rolled back
        ledger.close()


def _verify_after_power_loss(
    store: Store, ledger: Ledger, outputs: Outputs, *, durable: bool
) -> int:
    """If the machine went down under the last run, believe only what is on the disk.

    Returns how many URLs are due again.
    """
    boot, before = recovery.boot_id(), ledger.meta("boot")
    reopened = 0
    if before is not None and boot is not None and before != boot:
        reopened = recovery.verify_after_power_loss(ledger, store.root, outputs)
    ledger.set_meta("boot", None if durable else boot)
    ledger.commit()
    return reopened


def _choose_pass(
    request: RunRequest, folder: OpenFolder, report: Report, now: Clock
) -> CurrentPass:
    current = CurrentPass(
        folder.ledger, request, shaping_options(request.config), now
    )
    if current.previous is None and not request.sources:
        raise UsageError(no_run_message(folder.path))
    current.choose()
    if current.resumed and current.previous is not None:
        report.resume(dict(current.previous.counts))
    report.number = current.number
    return current


def _open_journal(
    request: RunRequest,
    folder: OpenFolder,
    current: CurrentPass,
    report: Report,
    now: Clock,
) -> Journal:
    config, ledger, outputs = request.config, folder.ledger, folder.outputs
    folder.summary.check_replaceable()
    outputs.resume(ledger.position)
    recovery.check_records(ledger, outputs.records)
    journal = Journal(
        ledger,
        folder.store,
        outputs,
        report,
        current.number,
        now,
        InFolder(folder.path.absolute()),
        follow_images=config.page.page_images,
        durable=config.run.durable,
        refresh=current.refresh,
        agent_token=token_of(agent_of(config.fetch)),
        obeyed_directives=config.hosts.obey,
        process_hash=process_hashes(config).__getitem__,
    )
    # From now on a file may go further than the ledger knows: what stands there is ours.
    for sink in outputs:
        ledger.set_position(sink.name, sink.flush(durable=False))
    ledger.set_meta("ended", None)
    ledger.commit()
    changes = current.changed_options()
    if changes:
        journal.note(
            f"what {folder.path} holds was made with other options ({changes}); it stays as"
            " it is: --refresh makes everything again"
        )
    return journal


def _make_fetcher(
    config: Config,
    guard: Guard,
    folder: OpenFolder,
    share: Share,
    makers: Makers,
    journal: Journal,
) -> Fetcher:
    fetcher = makers.fetcher(
        config.fetch,
        guard,
        folder.store.parts,
        per_host=config.hosts.per_host,
        folder=folder.store.root,
        connections=share.connections,
        throttle=throttle_of(config.hosts),
    )
    if fetcher.proxies:
        journal.note(
            "through a proxy the guard sees no addresses: it judges hosts, ports and the "
            "addresses that URLs name; private names are the proxy's business"
        )
    return fetcher


def _open_delivery(
    request: RunRequest, journal: Journal, intake: ListIntake
) -> Delivery | None:
    if not request.with_stored:
        return None
    delivery = Delivery(journal, intake.seen, request.config.page.page_images)
    intake.deliver_to(delivery)
    return delivery
