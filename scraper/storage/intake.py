"""URLs on their way into the ledger: lines of lists, and the images that pages name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from msgspec import Struct, field

from scraper.model import Line
from scraper.storage.bitmap import Bitmap
from scraper.storage.database import Database, encode
from scraper.storage.schema import REOPEN, rows_of_batch
from scraper.urls import key_of

_FIND = """SELECT json_group_array(json_array(key, url, id, pass, state, seq IS NOT NULL, source,
    parent IS NOT NULL)) FROM url
  WHERE key IN (SELECT value FROM json_each(?))"""

_NEW = ("id", "key", "url", "host", "pass", "seq", "source", "line", "written", "parent", "depth",
        "error_kind")  # fmt: skip
_INSERT = f"""INSERT INTO url ({", ".join(_NEW)}, state, first_pass)
  SELECT *, 'pending', pass FROM {rows_of_batch(_NEW)}"""

_REOPEN = f"{REOPEN} WHERE id IN (SELECT value FROM json_each(:ids))"

# From now on they are the list's own: what the list names is trusted as such.
_ADOPT = f"""UPDATE url SET seq = j.seq, source = j.source, line = j.line, written = j.written,
  parent = NULL, depth = 0
  FROM {rows_of_batch(("id", "seq", "source", "line", "written"))} AS j WHERE url.id = j.id"""

_NAME_AGAIN = f"""INSERT OR IGNORE INTO input (url, source, line)
  SELECT * FROM {rows_of_batch(("url", "source", "line"))}"""

_LINK = f"INSERT OR IGNORE INTO link SELECT * FROM {rows_of_batch(('parent', 'child'))}"

# Another list names it too: from now on it is that list's.
_TO_OTHER_LIST = """UPDATE url SET (source, line) =
    (SELECT input.source, input.line FROM input WHERE input.url = url.id LIMIT 1)
  WHERE id IN (SELECT value FROM json_each(?)) AND id IN (SELECT input.url FROM input)"""

_TO_NO_LIST = """UPDATE url SET seq = NULL, source = NULL, line = NULL
  WHERE id IN (SELECT value FROM json_each(?)) AND id NOT IN (SELECT input.url FROM input)"""

_LAST_SEQ = "last_seq"  # the name of the fact

_OF_LISTS = "source IN (SELECT value FROM json_each(?))"


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


class _KnownRow(NamedTuple):
    """A row, as far as the intake cares."""

    id: int
    number: int  # of the pass that its state belongs to
    state: str
    is_listed: bool
    source: int | None
    is_found: bool  # on a page


# the key of a URL, and its row if it has one
_Found = tuple[int, _KnownRow | None]


class Intake:
    """Adds URLs to the table, each of them once, and numbers them."""

    def __init__(self, database: Database) -> None:
        self._database = database
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
        parent: int | None = None,
        again: bool = False,
        seen: Bitmap | None = None,
    ) -> Added:
        """Insert what is new into pass `number`; with `again`, ended rows become due in it.

        `seen` are the rows of this reading, added to here: lines that name a URL a second time in
        it are counted as repeated.
        """
        self._database.flush()
        rows = self._find_rows(lines)
        batch = _Batch(
            number, listed, parent, again, seen, self._next_id, self._next_seq
        )
        for line in lines:
            key, known = rows[line.url.href]
            row = (
                batch.reuse_row(line, known)
                if known
                else batch.insert_row(line, key)
            )
            rows[line.url.href] = key, row
            batch.count_line(line, row)
        batch.write_to(self._database)
        if batch.next_seq != self._next_seq:
            self._database.set_meta(_LAST_SEQ, str(batch.next_seq - 1))
        self._next_id, self._next_seq = batch.next_id, batch.next_seq
        return batch.summary()

    def count_by_source(self, lines: Sequence[Line]) -> Counter[int | None]:
        """Of these URLs those that have a row, counted by the list that it is from."""
        rows = (row for _, row in self._find_rows(lines).values())
        return Counter(row.source for row in rows if row is not None)

    def _find_rows(self, lines: Sequence[Line]) -> dict[str, _Found]:
        """For each URL its key and, if there is one, its row.

        Keys are 64 bits of a hash, so the text is compared on a hit; of two URLs with one key
        (3e-8 at a million) the second is salted until it has its own.
        """
        found: dict[str, _Found] = {}
        wanted = {each.url.href: key_of(each.url.href) for each in lines}
        salt = 0
        while wanted:
            rows = self._rows_of_keys(list(wanted.values()))
            taken: dict[int, str] = {}
            clashing: list[str] = []
            for url, key in wanted.items():
                owner, row = rows.get(key) or (taken.setdefault(key, url), None)
                if owner == url:
                    found[url] = (key, row)
                else:
                    clashing.append(url)
            salt += 1
            wanted = {url: key_of(url, salt) for url in clashing}
        return found

    def _rows_of_keys(
        self, keys: Sequence[int]
    ) -> dict[int, tuple[str, _KnownRow]]:
        found = self._database.value_of(_FIND, encode(keys))
        rows: list[list[Any]] = orjson.loads(found)
        return {key: (url, _KnownRow(*columns)) for key, url, *columns in rows}

    def drop_unlisted(self, sources: Sequence[int], seen: Bitmap) -> None:
        """These lists have been read to their ends: what they name no more is theirs no more.

        `seen` is what `add` has noted while they were read. A URL that no list names keeps its row
        and its files, but is counted no more.
        """
        database = self._database
        database.flush()
        database.connection.create_function(
            "seen", 1, seen.__contains__, deterministic=True
        )
        lists = encode(sources)
        database.execute(
            f"DELETE FROM input WHERE {_OF_LISTS} AND NOT seen(url)", (lists,)
        )
        dropped = database.value_of(
            f"SELECT json_group_array(id) FROM url"
            f" WHERE seq IS NOT NULL AND {_OF_LISTS} AND NOT seen(id)",
            lists,
        )
        database.execute(_TO_OTHER_LIST, (dropped,))
        database.execute(_TO_NO_LIST, (dropped,))


class _Batch(Struct):
    """What one slice of lines changes."""

    number: int
    listed: bool
    parent: int | None
    again: bool
    seen: Bitmap | None
    next_id: int
    next_seq: int
    new: list[tuple[Any, ...]] = field(default_factory=list)
    due_again: list[int] = field(default_factory=list)
    # a page had named them before
    adopted: list[tuple[Any, ...]] = field(default_factory=list)
    named_again: list[tuple[Any, ...]] = field(default_factory=list)
    links: list[tuple[int, int]] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    lanes: set[int] = field(default_factory=set)
    repeated: int = 0
    due: int = 0
    known_as_found: int = 0

    def insert_row(self, line: Line, key: int) -> _KnownRow:
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
                key,
                url.href,
                url.lane,
                self.number,
                seq,
                line.source,
                line.line,
                line.written,
                self.parent,
                line.depth,
                line.refusal,
            )
        )
        self.lanes.add(url.lane)
        is_found = self.parent is not None
        return _KnownRow(
            id, self.number, "pending", self.listed, line.source, is_found
        )

    def reuse_row(self, line: Line, row: _KnownRow) -> _KnownRow:
        """A URL that has a row: it may become the list's own, and due again."""
        if self.listed and not row.is_listed:
            self.adopted.append(
                (row.id, self.next_seq, line.source, line.line, line.written)
            )
            self.next_seq += 1
            self.known_as_found += row.is_found and row.number == self.number
            row = row._replace(is_listed=True, source=line.source)
        if self.again and row.number < self.number and row.state != "pending":
            self.due_again.append(row.id)
            self.lanes.add(line.url.lane)
            row = row._replace(number=self.number, state="pending")
        return row

    def count_line(self, line: Line, row: _KnownRow) -> None:
        """Count the line, and remember who else names its URL."""
        named_elsewhere = self.listed and row.source != line.source
        if self.seen is not None and not self.seen.add(row.id):
            self.repeated += 1
            named_elsewhere = True
        else:
            self.due += row.number == self.number
            if row.state != "pending":
                self.ended.append(row.id)
        if named_elsewhere:
            self.named_again.append((row.id, line.source, line.line))
        if self.parent is not None:
            self.links.append((self.parent, row.id))

    def write_to(self, database: Database) -> None:
        """Five statements for the whole slice."""
        database.execute_batch(_INSERT, self.new)
        if self.due_again:
            which = {"number": self.number, "ids": encode(self.due_again)}
            database.execute(_REOPEN, which)
        database.execute_batch(_ADOPT, self.adopted)
        database.execute_batch(_NAME_AGAIN, self.named_again)
        database.execute_batch(_LINK, self.links)

    def summary(self) -> Added:
        """What was done, in numbers."""
        return Added(
            len(self.new),
            len(self.due_again),
            self.repeated,
            self.due,
            self.known_as_found,
            frozenset(self.lanes),
            tuple(self.ended),
        )
