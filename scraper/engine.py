"""The engine of a run: everything between what brings URLs and what records them.

A run with a folder and a session without one have the same; they differ in the rows that wait, in
the journal, and in where parts are kept.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct
from msgspec.structs import replace

from scraper.config import Config
from scraper.config.plugins import own_functions
from scraper.desk.desk import Desk
from scraper.frontier.follow.parking import ParkingPlace
from scraper.frontier.follow.scope import Scope
from scraper.frontier.frontier import Frontier
from scraper.frontier.lanes import Rows, new_host_threads
from scraper.frontier.traps.traps import Traps
from scraper.guard.allowlist import AllowList
from scraper.guard.guard import Connector, Guard, dial
from scraper.guard.network_probe import NetworkProbe
from scraper.guard.permissions import Permissions, Private
from scraper.guard.resolver import GetAddrInfo, Resolver
from scraper.http.headers import agent_of
from scraper.http.throttle import throttle_of
from scraper.machine import cores, descriptors, main_module
from scraper.machine.clock import Clock, steady_clock, used_seconds
from scraper.machine.descriptors import Share
from scraper.machine.files import Folder
from scraper.machine.threads import Threads
from scraper.messages import Inbox, Message
from scraper.pipeline import Parts, Pipeline
from scraper.recording.life import Guarded, Life, Listener, check_listener
from scraper.results import Handover, PartStore
from scraper.run_folder.following import lead_options
from scraper.run_folder.options import (
    files_wanted,
    page_options,
)
from scraper.run_folder.pictures import plan_of
from scraper.run_folder.recipes import recipes_of
from scraper.sources.reader import Reader
from scraper.storage.store import Store
from scraper.supervision import Facts, Flights, Intervals, Network, RunLimits

if TYPE_CHECKING:
    from scraper.http.fetcher import AnyFetcher
    from scraper.recording.recorder import Recorder
    from scraper.sessions.folder_desk import FolderDesk
    from scraper.workers.stage import ProcessStage
    from scraper.workers.work import Processing, Stage


class Engine(Struct, frozen=True):
    """What fetches and processes, ready to be started."""

    frontier: Frontier
    pipeline: Pipeline


def guard_of(
    config: Config,
    getaddrinfo: GetAddrInfo = socket.getaddrinfo,
    connect: Connector = dial,
    lookups: int | None = None,
    is_local: bool = False,
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
        AllowList(hosts.allow_hosts),
        permissions,
        resolver,
        connect=connect,
        is_local=is_local,
    )


def process_stage_of(
    config: Config,
    processes: int,
    post: Callable[[Message], None],
    **pools: Any,
) -> ProcessStage:
    """The process stage that a configuration asks for; `pools` is what a script asks for."""
    # Here, because a run that only saves has no workers: a twentieth of the
    # time until its first request.
    from scraper.workers.stage import ProcessStage
    from scraper.workers.work import Limits

    limits = Limits(
        config.worker.process_time_seconds, config.worker.process_memory_bytes
    )
    return ProcessStage(processes, limits, processing_of(config), post, **pools)


def check_workers(
    config: Config,
    stage: Stage | None,
) -> None:
    """Raises UsageError if worker processes cannot import what they need of the user's."""
    if stage and (
        any(own_functions(config))
        or stage.has_initializer
        or main_module.imported_by_workers()
    ):
        stage.check_start()


def processing_of(config: Config) -> Processing:
    """What a configuration has done with an item."""
    from scraper.workers.work import Processing

    return Processing(
        html=config.page.html,
        image=config.image.image,
        file=config.file.file,
        parse_json=config.file.parse_json,
        initializer=config.worker.initializer,
        plan=plan_of(config),
        page=page_options(config),
        recipes=recipes_of(config),
        leads=lead_options(config),
        meta_refresh=config.page.meta_refresh,
    )


def fetch_threads(threads: int) -> Executor:
    """The pool in which requests are made."""
    return Threads(threads, thread_name_prefix="fetch")


def network_fetcher(*parts: Any, **options: Any) -> AnyFetcher:
    """A fetcher of the network, whose libraries a run over files does not load."""
    from scraper.http.fetcher import Fetcher

    return Fetcher(*parts, **options)


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
    fetcher: Callable[..., AnyFetcher] = network_fetcher
    frontier: Callable[..., Frontier] = Frontier
    probe: Callable[..., NetworkProbe] = NetworkProbe
    reader: Callable[..., Reader] = Reader
    stage: Callable[[Config, int, Callable[[Message], None]], Stage] = (
        process_stage_of
    )
    intervals: Intervals = Intervals()
    desk: FolderDesk | None = None  # of a session, in the place of lists
    store: Callable[[Path], Store] = Store
    on_event: Listener | None = None  # of the user's
    is_local: bool = (
        False  # files of this machine are read, and no host is asked
    )


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


def most_threads_of(
    config: Config,
    share: Share,
) -> int:
    """Up to how many serve hosts that answer: a number that is given is a bound, else half of those
    that may wait for hosts that have never answered."""
    if config.run.threads:
        return share.threads
    most = share.threads + share.most_quiet // 2
    return min(most, cores.MAX_AUTO_THREADS)


class Surroundings(Struct, frozen=True):
    """What an engine works between."""

    rows: Rows
    journal: Recorder
    facts: Facts
    store: PartStore
    folder: Folder | None  # where the bodies of earlier passes stand
    stage: Stage | None
    guard: Guard
    inbox: Inbox
    now: Clock
    pass_began: float
    log_step: Listener  # of a URL's life
    one_patience: bool = False  # with every host
    scope: Scope | None = None  # where links may lead
    traps: Traps | None = None  # what they lead to without end
    parking: ParkingPlace | None = None


def open_engine(
    config: Config,
    share: Share,
    makers: Makers,
    around: Surroundings,
    desk_of: Callable[[Flights], Desk],
) -> Engine:
    """Make all of it; `Pipeline.close` gives it back."""
    journal, guard, now = around.journal, around.guard, around.now
    for note in descriptors.reductions_of(wanted_share(config), share):
        journal.note(note)
    most_threads = most_threads_of(config, share)
    frontier = makers.frontier(
        around.rows,
        guard,
        config.hosts,
        config.fetch,
        threads=share.threads,
        most_threads=most_threads,
        most_quiet=share.most_quiet,
        agent=agent_of(config.fetch),
        pass_began=around.pass_began,
        one_patience=around.one_patience,
        scope=around.scope,
        traps=around.traps,
        parking=around.parking,
    )
    fetcher = _make_fetcher(config, share, makers, around)
    at_once = makers.at_once(share)
    threads = min(at_once, requests_at_once(share) - share.most_quiet)
    flights = Flights(
        threads,
        config.fetch.request_time_seconds,
        makers.intervals,
        now,
        most_quiet=at_once - threads,
    )
    probe = makers.probe(guard, around.inbox.put, fetcher.proxies)
    network = Network(
        guard,
        probe,
        frontier.holds,
        flights,
        journal,
        around.facts,
        now,
        config.hosts.offline_wait_seconds,
    )
    handover = Handover(
        around.inbox,
        now,
        journal,
        around.store,
        around.stage,
        files_wanted(config),
    )
    parts = Parts(
        frontier=frontier,
        fetcher=fetcher,
        stage=around.stage,
        journal=journal,
        desk=desk_of(flights),
        handover=handover,
        inbox=around.inbox,
        threads=makers.threads(at_once),
        flights=flights,
        network=network,
        life=_life_of(config, makers, around.log_step, now),
        now=now,
        seconds_used=makers.seconds_used,
    )
    window = config.run.window or max(
        4 * share.threads,
        2 * most_threads,
        256,
    )
    limits = RunLimits(config.run, config.hosts)
    return Engine(
        frontier,
        Pipeline(parts, limits, window, makers.intervals),
    )


def told_to(makers: Makers, on_event: Listener | None) -> Makers:
    """The same, with a function of the user's that gets each step. Raises UsageError."""
    if on_event is None:
        return makers
    check_listener(on_event)
    return replace(makers, on_event=Guarded(on_event))


def _life_of(
    config: Config,
    makers: Makers,
    log_step: Listener,
    now: Clock,
) -> Life:
    listeners: list[Listener] = []
    if config.output.log_level == "debug":
        listeners.append(log_step)
    if makers.on_event is not None:
        listeners.append(makers.on_event)
    return Life(listeners, now)


def _make_fetcher(
    config: Config,
    share: Share,
    makers: Makers,
    around: Surroundings,
) -> AnyFetcher:
    fetcher = makers.fetcher(
        config.fetch,
        around.guard,
        around.store.parts,
        per_host=config.hosts.per_host,
        folder=around.folder,
        filters=around.journal.process_hash("filter"),
        connections=share.connections,
        throttle=throttle_of(config.hosts),
    )
    if fetcher.proxies:
        around.journal.note(
            "through a proxy the guard sees no addresses: it judges hosts, ports and the "
            "addresses that URLs name; private names are the proxy's business"
        )
    return fetcher
