"""The lists of a plan, taken as a run takes them, into a ledger that is thrown away.

It is a copy of the one that the folder has, if there is one: which URLs are due says the run's own
code, and the folder does not notice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from queue import Empty, SimpleQueue

from msgspec import Struct

from scraper.errors import UsageError
from scraper.machine.clock import steady_clock
from scraper.messages import InputExhausted, Message
from scraper.passes import CurrentPass, ListIntake, RunRequest
from scraper.reports.summary import Report
from scraper.run_folder.following import lines_as_asked
from scraper.run_folder.naming import (
    folder_named_after,
    no_run_message,
    temporary_folder,
)
from scraper.run_folder.options import shaping_options
from scraper.run_folder.owners import claim_folder, refuse_unknown_records
from scraper.sources.reader import Reader
from scraper.sources.source import Source
from scraper.storage.due.ahead import Ahead
from scraper.storage.faults import local_errors
from scraper.storage.ledger import Ledger
from scraper.storage.readers.copying import copy_ledger, errors_of_copy
from scraper.storage.readers.reading import is_missing

TEMPORARY = "scraper-plan-"  # what the names of temporary folders begin with
LEDGER = "ledger.sqlite"
TICK_SECONDS = 1.0  # for a signal to be noticed while a pipe is silent


class Taken(Struct, frozen=True):
    """What the lists hold, and what of it a run would take up."""

    folder: Path | None  # of earlier runs
    lines: int  # that are no comment
    repeated: int  # that name what another one has named
    refused: Counter[str]  # that are no URLs, by kind
    new: int  # URLs that no run has known
    left: int  # that an earlier run has not come to
    again: int  # that were asked before
    known: int  # that have their outcome, and are not asked
    unmodified: int  # of these, ones that are old, and were not modified since

    @property
    def due(self) -> int:
        """URLs that a run would ask."""
        return self.new + self.left + self.again

    @property
    def urls(self) -> int:
        """Different ones of the lists."""
        return self.lines - self.repeated - self.refused.total()


class OpenList(Struct, frozen=True):
    """The ledger of a plan, and what stands in it."""

    ledger: Ledger
    ahead: Ahead
    taken: Taken
    known: Path  # of the folder, that it is a copy of; else itself


def open_lists(
    request: RunRequest,
    *,
    has_folder: bool,
    resources: ExitStack,
) -> OpenList:
    """Take the lists that a run is to work on; `resources` throws the ledger away. Raises what
    a run raises that cannot begin."""
    folder = _folder_of(request) if has_folder else None
    with local_errors():
        temporary = temporary_folder(TEMPORARY)
    resources.callback(temporary.remove)
    path = known = temporary.path / LEDGER
    if folder is not None:
        refuse_unknown_records(folder, adopt=False)
        known = folder / ".scraper" / LEDGER
        if is_missing(known):
            folder, known = None, path
    with local_errors(), errors_of_copy(known, path):
        if folder is not None:
            copy_ledger(known, path)
        ledger = Ledger(path)
        resources.callback(ledger.close)
        ahead = Ahead(ledger)
        taken = _take(
            request,
            ledger,
            ahead,
            folder,
        )
        ledger.commit()
    return OpenList(
        ledger,
        ahead,
        taken,
        known,
    )


def _folder_of(request: RunRequest) -> Path | None:
    """The one that a run would work in."""
    named = request.config.run.dir
    if (
        not request.sources
        and not Path(
            named,
            ".scraper",
            LEDGER,
        ).exists()
    ):
        raise UsageError(no_run_message(Path(named)))
    if named:
        return Path(named)
    return folder_named_after(request.sources[0])


def _take(
    request: RunRequest,
    ledger: Ledger,
    ahead: Ahead,
    folder: Path | None,
) -> Taken:
    lists = claim_folder(
        folder or ledger.path.parent,
        ledger,
        request.sources,
        join=request.add_list,
    )
    left = ahead.count()
    options = shaping_options(request.config)
    current = CurrentPass(
        ledger,
        request,
        options,
        steady_clock(),
    )
    current.choose()
    if request.is_plain:
        left = ahead.count()  # with those that their hosts would not have
    last = ahead.last_row()
    report = Report()
    intake = ListIntake(
        ledger,
        current,
        report,
    )
    intake.as_asked = lines_as_asked(request.config)
    sources = list(zip(lists, request.sources, strict=True))
    _read(sources, intake)
    intake.lasting = [each for each in sources if each[1].lasting]
    intake.take_overdue()
    due, new = ahead.count(), ahead.count(after=last)
    refused = ahead.refused_lines(intake.seen)
    urls = report.lines - report.repeated - refused.total()
    return Taken(
        folder=folder,
        lines=report.lines,
        repeated=report.repeated,
        refused=refused,
        new=new,
        left=left,
        again=due - new - left,
        known=urls - ahead.count_among(intake.seen) if request.sources else 0,
        unmodified=report.unmodified,
    )


def _read(sources: Sequence[tuple[int, Source]], intake: ListIntake) -> None:
    """All of them, by the thread that reads those of a run: it knows what a pipe may bring."""
    inbox: SimpleQueue[Message] = SimpleQueue()
    reader = Reader(sources, inbox.put)
    reader.start()
    try:
        while True:
            try:
                message = inbox.get(timeout=TICK_SECONDS)
            except Empty:
                continue
            intake.take(reader.take())
            if isinstance(message, InputExhausted):
                if message.error is not None:
                    raise message.error
                return
    finally:
        reader.stop()
