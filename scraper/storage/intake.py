"""URLs on their way into the ledger: lines of lists, and the images that pages name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson
from msgspec import Struct, field

from scraper.model import Line
from scraper.storage.database import Database, encode
from scraper.storage.due.overdue import WhichAreDue
from scraper.storage.follow.nearness import is_nearer, nearness_of
from scraper.storage.schema import (
    REOPEN,
    SLICE,
    rows_of_batch,
    rows_of_values,
    slices,
)
from scraper.storage.sets.bitmap import Bitmap
from scraper.storage.sources import Sources
from scraper.storage.upkeep.gone import PRUNED
from scraper.urls import Url, hash_of

_FIND = """SELECT json_group_array(json_array(url, url.id, pass, state, seq IS NOT NULL, source,
    url.parent IS NOT NULL, level, coalesce(chain, 0)))
  FROM json_each(?) AS j CROSS JOIN url_hash ON hash = j.value
    CROSS JOIN url ON url.id = url_hash.id"""

_NEW = (
    "id",
    "url",
    "host",
    "pass",
    "seq",
    "source",
    "line",
    "written",
    "parent",
    "depth",
    "level",
    "chain",
)
_INSERT = f"""INSERT INTO url (id, url, host, pass, seq_ahead, source, line_ahead, written, parent,
    depth, level, chain, first_pass)
  SELECT id, url, host, pass, seq - id, source, line - id, written, parent, depth, level, chain,
    pass
  FROM {rows_of_values(_NEW)}"""
_INSERT_HASH = (
    f"INSERT INTO url_hash SELECT * FROM {rows_of_values(('hash', 'id'))}"
)
_REFUSE = f"INSERT INTO answer (id, error_kind) SELECT * FROM {rows_of_values(('id', 'kind'))}"

_REOPEN = f"{REOPEN} WHERE id IN (SELECT value FROM json_each(:ids))"

# From now on they are the list's own: what the list names is trusted as such.
_ADOPT = f"""UPDATE url SET seq_ahead = j.seq - j.id, source = j.source, line_ahead = j.line - j.id,
  written = j.written, parent = NULL, depth = 0, level = NULL, chain = NULL
  FROM {rows_of_batch(("id", "seq", "source", "line", "written"))} AS j WHERE url.id = j.id"""

_NAME_AGAIN = f"""INSERT INTO input (url, source, line, columns, reading)
  SELECT * FROM {rows_of_values(("url", "source", "line", "columns", "reading"))} WHERE true
  ON CONFLICT DO UPDATE SET columns = excluded.columns, reading = excluded.reading"""

_LINK = f"""INSERT INTO link (parent, child, how)
  SELECT * FROM {rows_of_batch(("parent", "child", "how"))} WHERE true
  ON CONFLICT DO UPDATE SET how = coalesce(excluded.how, how)"""

_WAY = ("id", "parent", "depth", "level", "chain")
SET_WAYS = f"""UPDATE url SET parent = j.parent, depth = j.depth, level = j.level, chain = j.chain
  FROM {rows_of_values(_WAY)} AS j WHERE url.id = j.id"""

_REMOVE = (
    "DELETE FROM url_hash WHERE hash = :hash AND id = :id",
    *(
        f"DELETE FROM {table} WHERE id = :id"
        for table in ("url", "answer", "requeued")
    ),
)
_RESTORE = (
    "UPDATE url SET outcome = nullif(?, 'pending'), pass = ? WHERE id = ?"
)

# names of facts
_LAST_SEQ = "last_seq"
_LAST_READING = "last_reading"

_OF_LISTS = "source IN (SELECT value FROM json_each(:lists))"
_FORGET_LINES = f"""DELETE FROM input WHERE url BETWEEN :first AND :last
  AND {_OF_LISTS} AND (NOT seen(url) OR reading IS NOT :reading)"""
# Another list that names it too has it from now on, one of this machine first; where none does, all
# three are NULL.
_TO_OTHER_LIST = f"""UPDATE url SET (seq_ahead, source, line_ahead) =
    (SELECT seq_ahead, input.source, input.line - url.id FROM input
      WHERE input.url = url.id
      ORDER BY (SELECT sender NOT NULL FROM source WHERE id = input.source) LIMIT 1)
  WHERE {SLICE} AND seq IS NOT NULL AND {_OF_LISTS} AND NOT seen(id)"""


class Added(Struct, frozen=True):
    """What `add` did: rows that are new, rows that became due again, and the lanes they are in.

    `due` are lines that this pass is about, each URL once; `known_as_found` are those of them
    that a page had named before the list did; `ended` are rows that have their outcome already.
    """

    new: int
    again: int
    repeated: int
    due: int
    known_as_found: int
    hosts: frozenset[int]
    ended: tuple[int, ...] = ()
    # of each of these URLs, and perhaps of others
    rows: Mapping[str, KnownRow] = MappingProxyType({})
    first_new: int = 0  # rows from this id on are new
    # of those that became due again, by id: the rows as they were
    before: Mapping[int, KnownRow] = MappingProxyType({})
    nearer: tuple[int, ...] = ()  # rows to which a shorter way leads now


class KnownRow(NamedTuple):
    """A row, as far as the intake cares."""

    id: int
    number: int  # of the pass that its state belongs to
    state: str
    is_listed: bool
    source: int | None
    is_found: bool  # on a page
    level: int | None = None  # see Task
    chain: int = 0


class Intake:
    """Adds URLs to the table, each of them once, and numbers them."""

    def __init__(self, database: Database, sources: Sources) -> None:
        self._database = database
        self._sources = sources
        # Of the lists: what stood there before and does no more is of an earlier one.
        self._reading = int(database.meta(_LAST_READING) or 0) + 1
        self.reload()

    def reload(self) -> None:
        """Number the next rows behind those that are there, after a rollback or an adoption."""
        value_of = self._database.value_of
        self._next_id = (
            int(value_of("SELECT coalesce(max(id), 0) FROM url")) + 1
        )
        last_seq = self._database.meta(_LAST_SEQ)
        if last_seq is None:
            # a scan, 0.2 s a million: a ledger of 0.1.0, or one made from records
            last_seq = value_of("SELECT coalesce(max(seq), 0) FROM url")
            # an empty one may be about to be made from records
            if last_seq:
                self._database.set_meta(_LAST_SEQ, str(last_seq))
        self._next_seq = int(last_seq) + 1
        self._has_dropped: Sequence[int] = ()  # lists, since they were read

    @property
    def is_empty(self) -> bool:
        """Has no URL ever been added?"""
        return self._next_id == 1

    def add(
        self,
        lines: Sequence[Line],
        number: int,
        *,
        listed: bool = True,
        again: bool | WhichAreDue = False,
        seen: Bitmap | None = None,
    ) -> Added:
        """Insert what is new into pass `number`; with `again`, ended rows become due in it, or
        those that it says.

        `seen` are the rows of this reading, added to here: lines that name a URL a second time in
        it are counted as repeated.
        """
        self._database.flush()
        hashes = {each.url.href: hash_of(each.url.href) for each in lines}
        rows = self._find_rows(hashes)
        batch = _Batch(
            number,
            listed,
            _due_again(rows.values(), number, again),
            seen,
            self._next_id,
            self._next_seq,
            self._sources.fetched,
            again is True,
        )
        for line in lines:
            url = line.url.href
            known = rows.get(url)
            rows[url] = row = (
                batch.reuse_row(line, known)
                if known
                else batch.insert_row(line, hashes[url])
            )
            batch.count_line(line, row)
        batch.write_to(self._database, self._reading)
        if batch.next_seq != self._next_seq:
            self._database.set_meta(_LAST_SEQ, str(batch.next_seq - 1))
        first_new, self._next_id = self._next_id, batch.next_id
        self._next_seq = batch.next_seq
        return batch.summary(rows, first_new)

    def restore(self, row: KnownRow) -> None:
        """The URL became due again in vain: its row is as it was."""
        self._database.flush()
        self._database.execute(_RESTORE, (row.state, row.number, row.id))

    def remove(self, url: Url, id: int) -> None:
        """The URL was added in vain: it has no row any more."""
        self._database.flush()
        for statement in _REMOVE:
            which = {"hash": hash_of(url.href), "id": id}
            self._database.execute(statement, which)

    def count_by_source(self, lines: Sequence[Line]) -> Counter[int | None]:
        """Of these URLs those that have a row, counted by the list that it is from."""
        hashes = {each.url.href: hash_of(each.url.href) for each in lines}
        rows = self._find_rows(hashes)
        return Counter(rows[url].source for url in hashes if url in rows)

    def _find_rows(self, hashes: Mapping[str, int]) -> dict[str, KnownRow]:
        """The rows of the URLs that have one, and of a few others with a hash of theirs.

        32 bits meet: of ten million rows one in 400 look-ups finds another's, and the text
        decides.
        """
        wanted = sorted(set(hashes.values()))
        found = self._database.value_of(_FIND, encode(wanted))
        rows: list[list[Any]] = orjson.loads(found)
        return {url: KnownRow(*columns) for url, *columns in rows}

    def drop_unlisted(self, sources: Sequence[int], seen: Bitmap) -> None:
        """These lists have been read to their ends: what they name no more is theirs no more.

        `seen` is what `add` has noted while they were read. A URL that no list names keeps its row
        and its files, but is counted no more.
        """
        if self._has_dropped == sources:
            return
        database = self._database
        database.flush()
        database.connection.create_function(
            "seen", 1, seen.__contains__, deterministic=True
        )
        lists = encode(sources)
        for each in slices(database.connection):
            which = {**each, "lists": lists, "reading": self._reading}
            database.execute(_FORGET_LINES, which)
            database.execute(_TO_OTHER_LIST, which)
        self._has_dropped = sources


def _due_again(
    rows: Collection[KnownRow], number: int, again: bool | WhichAreDue
) -> frozenset[int]:
    """Those of earlier passes that are due once more; of what is pruned nothing is left, so that
    it is as a new one."""
    pruned = frozenset(row.id for row in rows if row.state == PRUNED)
    if again is False:
        return pruned
    ended = frozenset(
        row.id for row in rows if row.number < number and row.state != "pending"
    )
    return pruned | (ended if again is True else again(ended))


class _Batch(Struct):
    """What one slice of lines changes."""

    number: int
    listed: bool
    again: frozenset[int]  # rows that are due once more, if they have ended
    seen: Bitmap | None
    next_id: int
    next_seq: int
    fetched_lists: Collection[int]
    is_full: bool  # all pages are asked, and say where they lead
    new: list[tuple[Any, ...]] = field(default_factory=list)
    hashes: list[tuple[int, int]] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    due_again: dict[int, KnownRow] = field(default_factory=dict)  # as they were
    # a page had named them before
    adopted: list[tuple[Any, ...]] = field(default_factory=list)
    named_again: list[tuple[Any, ...]] = field(default_factory=list)
    links: list[tuple[int, int, str | None]] = field(default_factory=list)
    ways: list[tuple[Any, ...]] = field(default_factory=list)
    nearer: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    lanes: set[int] = field(default_factory=set)
    repeated: int = 0
    due: int = 0
    known_as_found: int = 0

    def insert_row(self, line: Line, hash: int) -> KnownRow:
        """A URL that has no row yet."""
        url = line.url
        id = self.next_id
        self.next_id += 1
        seq = None
        if self.listed:
            seq = self.next_seq
            self.next_seq += 1
        self.new.append(
            (
                id,
                url.href,
                url.lane,
                self.number,
                seq,
                line.source,
                line.line,
                line.written,
                line.parent,
                line.depth,
                line.level,
                line.chain or None,
            )
        )
        self.hashes.append((hash, id))
        if line.refusal is not None:
            self.refused.append((id, line.refusal))
        self.lanes.add(url.lane)
        return KnownRow(
            id,
            self.number,
            "pending",
            self.listed,
            line.source,
            line.parent is not None,
            line.level,
            line.chain,
        )

    def reuse_row(self, line: Line, row: KnownRow) -> KnownRow:
        """A URL that has a row: it may become the list's own, due again, and nearer."""
        known = row
        if self.listed and (not row.is_listed or self._outranks(line, row)):
            row = self._adopt(line, row)
        is_due = self._is_due(known, row)
        if is_due:
            self.due_again[row.id] = row
            self.lanes.add(line.url.lane)
            row = row._replace(number=self.number, state="pending")
        came_nearer = not is_due and is_nearer(line, row)
        if came_nearer and not row.is_listed:
            self.nearer.append(row.id)
        elif row.is_listed or not is_due:
            return row
        return self._lead_to(line, row, is_fresh=is_due)

    def _is_due(self, known: KnownRow, row: KnownRow) -> bool:
        """Has it ended, to be asked again? What rules for links left out is, if a list names it."""
        if row.state == "pending":
            return False
        if row.id in self.again:
            return True
        was_left_out = known.level is not None and row.state == "skipped"
        return was_left_out and row.is_listed and row.number < self.number

    def _adopt(self, line: Line, row: KnownRow) -> KnownRow:
        """From now on it is the list's own."""
        self.adopted.append(
            (row.id, self.next_seq, line.source, line.line, line.written)
        )
        self.next_seq += 1
        self.known_as_found += row.is_found and row.number == self.number
        if row.is_found:
            self.nearer.append(row.id)
        return row._replace(is_listed=True, source=line.source, level=None)

    def _lead_to(
        self, line: Line, row: KnownRow, *, is_fresh: bool
    ) -> KnownRow:
        """From now on this page leads to it; what was nearer so far stays so."""
        # by its age it may be due while the page that leads to it is not
        begins_anew = is_fresh and (self.is_full or line.level is not None)
        level, chain = nearness_of(line, row, begins_anew=begins_anew)
        self.ways.append(
            (row.id, line.parent, line.depth, level, chain or None)
        )
        return row._replace(level=level, chain=chain)

    def _outranks(self, line: Line, row: KnownRow) -> bool:
        """Does a list of this machine name what only a fetched one has named before?"""
        fetched = self.fetched_lists
        return row.source in fetched and line.source not in fetched

    def count_line(self, line: Line, row: KnownRow) -> None:
        """Count the line, and remember who else names its URL."""
        named_elsewhere = self.listed and row.source != line.source
        if self.seen is not None and not self.seen.add(row.id):
            self.repeated += 1
            named_elsewhere = True
        else:
            self.due += row.number == self.number
            if row.state != "pending":
                self.ended.append(row.id)
        is_row = line.line is not None  # what a script submits has none
        if is_row and (named_elsewhere or line.columns is not None):
            self.named_again.append(
                (row.id, line.source, line.line, line.columns)
            )
        if line.parent is not None:
            self.links.append((line.parent, row.id, line.how))

    def write_to(self, database: Database, reading: int) -> None:
        """The statements for the whole slice; hashes in the order of their table."""
        database.execute_rows(_INSERT, self.new)
        database.execute_rows(_INSERT_HASH, sorted(self.hashes))
        database.execute_rows(_REFUSE, self.refused)
        if self.due_again:
            which = {"number": self.number, "ids": encode(list(self.due_again))}
            database.execute(_REOPEN, which)
        database.execute_batch(_ADOPT, self.adopted)
        if self.named_again:
            named = [(*each, reading) for each in self.named_again]
            database.execute_rows(_NAME_AGAIN, named)
            database.set_meta(_LAST_READING, str(reading))
        database.execute_rows(SET_WAYS, self.ways)
        database.execute_batch(_LINK, self.links)

    def summary(self, rows: Mapping[str, KnownRow], first_new: int) -> Added:
        """What was done, in numbers, and to which rows."""
        return Added(
            len(self.new),
            len(self.due_again),
            self.repeated,
            self.due,
            self.known_as_found,
            frozenset(self.lanes),
            tuple(self.ended),
            rows,
            first_new,
            self.due_again,
            tuple(self.nearer),
        )
