"""Opens the parts of one run, from the lock of its folder to its fetch threads.

Each part puts its own end on a stack as soon as it is there, so that a run which cannot be opened
gives back what it has, and one that is over gives back all, last opened first.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec import Struct

from scraper.desk.delivery import Delivery
from scraper.desk.desk import Desk, ListDesk
from scraper.engine import (
    Makers,
    Surroundings,
    open_engine,
)
from scraper.errors import (
    UsageError,
)
from scraper.frontier.frontier import Frontier
from scraper.guard.guard import Guard
from scraper.journal import Journal, Waits
from scraper.machine.clock import Clock
from scraper.machine.descriptors import Share
from scraper.messages import Inbox
from scraper.model import HostClass
from scraper.outcomes.places import InFolder
from scraper.passes import CurrentPass, ListIntake, RunRequest
from scraper.pipeline import Pipeline
from scraper.recording.changes import Changes, share_of
from scraper.recording.duplicates import duplicates_of
from scraper.recording.found import FoundUrls
from scraper.recording.honesty import honesty_of
from scraper.recording.leads import Following, following_of, traps_of
from scraper.recording.onward import onward_of
from scraper.recording.publisher import Publisher
from scraper.recording.undecided import Undecided
from scraper.reports.summary import Report
from scraper.run_folder import recovery
from scraper.run_folder.following import (
    follows_links,
    limits_of,
    lines_as_asked,
)
from scraper.run_folder.naming import no_run_message
from scraper.run_folder.options import process_hashes, shaping_options
from scraper.run_folder.owners import claim_folder, refuse_unknown_records
from scraper.run_folder.pictures import variant_names_of
from scraper.run_folder.recipes import recipes_of
from scraper.sinks.sink import Outputs, open_sinks
from scraper.sinks.summary_file import SummaryFile
from scraper.sources.source import Source
from scraper.storage.ledger import Ledger
from scraper.storage.names import names_of
from scraper.storage.store import Store
from scraper.supervision import Flights
from scraper.urls import host_name

if TYPE_CHECKING:
    from scraper.sessions.folder_desk import FolderDesk
    from scraper.workers.work import Stage

logger = logging.getLogger("scraper.run")

LEDGER = "ledger.sqlite"


class OpenFolder(Struct, frozen=True):
    """A run folder that this run holds, with what it knows and the files that it writes."""

    path: Path
    store: Store
    ledger: Ledger
    outputs: Outputs
    summary: SummaryFile
    list_ids: list[int]  # rows of the run's lists in the ledger
    adopted: int  # records that were taken over into a new ledger
    reopened: int  # URLs that are due again: a power loss took their files


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
    store = makers.store(path)

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
    folder = _open_folder(request, store, makers, resources)
    current = _choose_pass(request, folder, report, now)
    following = following_of(config, folder.ledger)
    intake = ListIntake(folder.ledger, current, report)
    if not request.sources:
        intake.count_known()
    journal = _open_journal(
        request,
        folder,
        current,
        report,
        now,
        makers.desk,
        following,
    )
    intake.onward = journal.onward
    intake.as_asked = lines_as_asked(config)
    sources = list(zip(folder.list_ids, request.sources, strict=True))
    intake.lasting = [each for each in sources if each[1].lasting]

    def desk_of(flights: Flights) -> Desk:
        if makers.desk is not None:
            (source,) = folder.list_ids
            return makers.desk.open(
                journal,
                intake,
                source,
                flights,
                now,
            )
        reader = makers.reader(sources, inbox.put)
        delivery = _open_delivery(request, journal, intake)
        return ListDesk(reader, intake, delivery)

    guard = makers.guard(config)
    teach(guard, folder.ledger, request.sources)
    around = Surroundings(
        rows=journal.waiting,
        journal=journal,
        facts=folder.ledger,
        store=store,
        folder=store.root,
        stage=stage,
        guard=guard,
        inbox=inbox,
        now=now,
        pass_began=current.began,
        log_step=folder.outputs.log.note_event,
        scope=None if following is None else following.scope,
        traps=traps_of(config, folder.ledger, current.number),
        parking=folder.ledger.parked if makers.desk is None else None,
    )
    engine = open_engine(
        config,
        share,
        makers,
        around,
        desk_of,
    )
    opened = OpenRun(
        request,
        folder,
        current,
        intake,
        journal,
        guard,
        engine.frontier,
        stage,
        engine.pipeline,
    )
    return opened


# -- its steps --------------------------------------------------------------------------------


def _open_folder(
    request: RunRequest,
    store: Store,
    makers: Makers,
    resources: ExitStack,
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

        adopted = adopt_records(
            ledger,
            store.root,
            request.sources,
            config,
        )
    list_ids = claim_folder(
        store.folder,
        ledger,
        request.sources,
        join=request.add_list,
        is_local=makers.is_local,
    )
    store.recover(ledger.unpublished())
    ledger.mark_published()
    outputs = open_sinks(
        store.root,
        config,
        ledger.position,
        ended=ledger.meta("ended") is not None,
    )
    resources.callback(outputs.close)
    reopened = _verify_after_power_loss(
        store,
        ledger,
        outputs,
        durable=config.run.durable,
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


def teach(guard: Guard, ledger: Ledger, lists: Sequence[Source]) -> None:
    """Let the guard know what earlier runs and the fetching of the lists have learned of hosts; and
    the next run, if this one is killed: by the host that has sent a list its URLs are trusted."""
    guard.learn(cast("dict[str, HostClass]", ledger.hosts.classes()))
    senders = [each.sender for each in lists if each.sender is not None]
    if senders:
        classes = {host_name(e.url.host): e.host_class for e in senders}
        guard.learn(classes)
        ledger.hosts.keep_classes(guard.learned())
        ledger.commit()


def _close_ledger(ledger: Ledger) -> None:
    with suppress(sqlite3.Error):  # closing forgets what was not rolled back
        ledger.close()


def _verify_after_power_loss(
    store: Store,
    ledger: Ledger,
    outputs: Outputs,
    *,
    durable: bool,
) -> int:
    """If the machine went down under the last run, believe only what is on the disk.

    Returns how many URLs are due again.
    """
    boot, before = recovery.boot_id(), ledger.meta("boot")
    reopened = 0
    if before is not None and boot is not None and before != boot:
        root = store.root
        reopened = recovery.verify_after_power_loss(ledger, root, outputs)
    ledger.set_meta("boot", None if durable else boot)
    ledger.commit()
    return reopened


def _choose_pass(
    request: RunRequest,
    folder: OpenFolder,
    report: Report,
    now: Clock,
) -> CurrentPass:
    current = CurrentPass(
        folder.ledger,
        request,
        shaping_options(request.config),
        now,
    )
    if current.previous is None and not request.sources:
        raise UsageError(no_run_message(folder.path))
    current.choose()
    for recipe in recipes_of(request.config):
        report.fills.expect(recipe["name"], recipe["fields"])
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
    desk: FolderDesk | None,
    following: Following | None,
) -> Journal:
    config, ledger, outputs = request.config, folder.ledger, folder.outputs
    folder.summary.check_replaceable()
    outputs.resume(ledger.position)
    recovery.check_records(ledger, outputs.records)
    number, again = current.number, current.refresh
    waiting: Waits = ledger.waiting
    asks_hosts = request.reprocess is None
    hashes = process_hashes(config, asks_hosts=asks_hosts)
    if not asks_hosts:
        from scraper.run_folder.stored_bodies import StoredRows

        waiting = StoredRows(ledger.waiting)
    found = FoundUrls(
        ledger,
        report,
        number,
        again,
        current.overdue,
        limits_of(config),
    )
    if desk is not None:
        waiting = desk.open_rows(ledger)
        found = desk.found(found)
    elif following is not None and asks_hosts:
        part, scope = folder.store.part, following.scope
        found.judging = Undecided(ledger, part, scope)
    onward = onward_of(config, found, following, asks_hosts=asks_hosts)
    journal = Journal(
        ledger,
        folder.store,
        _open_publisher(request, folder),
        outputs,
        report,
        number,
        now,
        InFolder(folder.path.absolute()),
        waiting,
        onward,
        honesty_of(config, ledger.alike),
        Changes(
            ledger.standings,
            outputs.records,
            outputs.changes,
            number,
            now,
            share_of(config.changes.max_gone),
            again,
        ),
        durable=config.run.durable,
        refresh=current.refresh,
        obedience=onward.obedience,
        judging=found.judging,
        process_hash=hashes.__getitem__,
        asks_hosts=asks_hosts,
    )
    # From now on a file may go further than the ledger knows: what stands there is ours.
    for sink in outputs:
        ledger.set_position(sink.name, sink.flush(durable=False))
    ledger.set_meta("ended", None)
    ledger.commit()
    if changes := current.changed_options():
        journal.note(
            f"what {folder.path} holds was made with other options ({changes}); it stays as"
            " it is: --refresh makes everything again"
        )
    return journal


def _open_publisher(request: RunRequest, folder: OpenFolder) -> Publisher:
    output = request.config.output
    names = names_of(output.name, output.name_col)
    known = folder.ledger.sources
    for each in request.sources:
        # of a pipe they are known when its first lines have come
        if not each.pipe:
            names.check_columns(each.name, each.columns)
    if not request.sources:
        for id, name in known.names.items():
            names.check_columns(name, known.columns_of(id))
    store, ledger = folder.store, folder.ledger
    duplicates = duplicates_of(store, ledger.bodies, output)
    makes = variant_names_of(request.config)
    return Publisher(
        store,
        ledger.names,
        duplicates,
        names,
        output.mtime,
        makes,
        ledger.add_variants(makes),
    )


def _open_delivery(
    request: RunRequest,
    journal: Journal,
    intake: ListIntake,
) -> Delivery | None:
    if not request.with_stored:
        return None
    config = request.config
    follows = config.page.page_images != "none" or follows_links(config)
    delivery = Delivery(journal, intake.seen, follows)
    intake.deliver_to(delivery)
    return delivery
