"""What is known about each URL and host: one SQLite file, one writer, the coordinator.

The rows are the truth and the memory of the run. Each client has its part: the reader of lists the
`intake`, the frontier the `lanes`, the run its `passes`. Nothing is visible to the next run before
`commit`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import orjson

from scraper.model import Ended, Publication
from scraper.storage.database import Database, encode
from scraper.storage.ends import count_ends, count_ends_of
from scraper.storage.file_names import DEFAULT
from scraper.storage.follow.parked import ParkedRows
from scraper.storage.follow.scopes import ScopeTable
from scraper.storage.follow.ways import Ways
from scraper.storage.hosts import AlikeTable, Hosts
from scraper.storage.intake import Intake
from scraper.storage.links import Links
from scraper.storage.pass_table import PassTable
from scraper.storage.sources import Sources
from scraper.storage.spans import RecordSpans
from scraper.storage.tables.bodies import BodyTable
from scraper.storage.tables.names import NameTable
from scraper.storage.tables.standings import Standings
from scraper.storage.waiting import WaitingRows

PUBLISH = (
    "publish"  # the fact that names files which the last commit has promised
)
VARIANTS = "variants"  # the fact that says how variants have ever been called


class Ledger(Database):
    """The file `.scraper/ledger.sqlite`, and its parts. Raises UsageError if it cannot be used."""

    def __init__(self, path: Path, *, durable: bool = False) -> None:
        super().__init__(path, durable=durable)
        with self._closing_on_error():
            self.sources = Sources(self)
            self.intake = Intake(self, self.sources)
            self.hosts = Hosts(self)
            self.waiting = WaitingRows(self, self.hosts, self.sources)
            self.parked = ParkedRows(self)
            self.links = Links(self)
            self.ways = Ways(self, self.intake)
            self.scopes = ScopeTable(self)
            self.passes = PassTable(self)
            self.spans = RecordSpans(self)
            self.alike = AlikeTable(self)
            self.names = NameTable(self)
            self.bodies = BodyTable(self)
            self.standings = Standings(self)

    def commit(self, published: Sequence[Publication] = ()) -> None:
        """Make everything since the last commit true, and name the files that now must appear."""
        if published:
            names = [[each.part, each.path] for each in published]
            self.set_meta(PUBLISH, encode(names))
        super().commit()
        if published:
            self.set_meta(PUBLISH, None)

    def unpublished(self) -> list[Publication]:
        """The files of the last commit, which a killed run may not have renamed."""
        text = self.meta(PUBLISH)
        if text is None:
            return []
        return promised_in(text)

    def mark_published(self) -> None:
        """All of `unpublished` are in place."""
        self.set_meta(PUBLISH, None)

    def rollback(self) -> None:
        """Forget everything since the last commit, as a kill would."""
        super().rollback()
        self.sources.reload()
        self.intake.reload()

    def add_variants(self, names: Iterable[str]) -> tuple[str, ...]:
        """Remember that pictures have variants of these names, from now on. Returns all of them."""
        known = variant_names(self.meta(VARIANTS))
        every = tuple(dict.fromkeys([*known, *names]))
        if every != known:
            self.set_meta(VARIANTS, encode(every))
        return every

    def position(self, sink: str) -> str | None:
        """Up to where a sink is whole, in its own words."""
        value: str | None = self.value_of(
            "SELECT position FROM sink WHERE name = ?", sink
        )
        return value

    def set_position(self, sink: str, position: str) -> None:
        """Remember up to where a sink is whole."""
        self.execute(
            "INSERT OR REPLACE INTO sink VALUES (?, ?)", (sink, position)
        )

    def ends(self, ids: Iterable[int] | None = None) -> Iterator[Ended]:
        """How the URLs of the folder's lists ended last (or those of `ids`), with their images."""
        self.flush()
        if ids is None:
            return count_ends(self.connection)
        return count_ends_of(self.connection, ids)

    def reopen_from(self, offset: int) -> int:
        """Make due again what was recorded from `offset` on, and count the pass from its rows."""
        last = self.passes.last()
        if last is None:
            return 0
        reopened = self.spans.reopen_from(offset, last.number)
        self.passes.adopt_pending(last.number)
        self.passes.recount(last)
        return reopened


def variant_names(text: str | None) -> tuple[str, ...]:
    """How variants have been called; before any had a name there was one."""
    return (DEFAULT,) if text is None else tuple(orjson.loads(text))


def promised_in(text: str) -> list[Publication]:
    """The files that a commit has named."""
    return [Publication(part, path) for part, path in orjson.loads(text)]
