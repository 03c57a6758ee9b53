"""What is known about each URL and host: one SQLite file, one writer, the coordinator.

The rows are the truth and the memory of the run: a lane's waiting URLs, retries and redirect
hops are rows, not objects, so that a million of them cost disk and no memory. A row returns to
its lane by `requeue`; it ends by `finish`. Nothing is visible to the next run before `commit`.
"""

from __future__ import annotations

import errno
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from scraper.errors import (
    LocalFault,
    ScraperError,
    UsageError,
    disk_failure,
    failure_of,
    new_failure,
)
from scraper.machine.files import open_folder, opening
from scraper.model import (
    Ended,
    Failure,
    Headers,
    Hop,
    HostState,
    Line,
    Publication,
    StoredResponse,
    Task,
    Waiting,
    label_of,
)
from scraper.storage.bitmap import Bitmap
from scraper.storage.reading import Unreadable, read
from scraper.urls import Url, key_of, lane_of, parts_of

SCHEMA = 2
MOST_LOG_BYTES = 16 * 2**20  # what the write-ahead log keeps of its size once it is written back
_PROBE_BYTES = 65_536
CACHE_KIB = 16_384  # 64 MiB would fill with the length of the list; 16 MiB stays flat

# Two names for a column would be one too many: users may query this file (docs/records.md).
_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE pass (
  number INTEGER PRIMARY KEY, started REAL NOT NULL, ended REAL, arguments TEXT,
  configuration TEXT, version TEXT, exit INTEGER, counts TEXT
);
CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE url (
  id INTEGER PRIMARY KEY,
  key INTEGER NOT NULL,         -- first 64 bits of sha256(canonical URL)
  url TEXT NOT NULL,            -- canonical; for a refused line, the line
  host INTEGER NOT NULL,        -- lane: first 64 bits of sha256(host key)
  state TEXT NOT NULL,          -- pending, done, unchanged, failed, skipped, elsewhere
  pass INTEGER NOT NULL,        -- the pass that this state belongs to
  due REAL NOT NULL DEFAULT 0,  -- unix time; 0: at once
  seq INTEGER, source INTEGER, line INTEGER, written TEXT, parent INTEGER, depth INTEGER,
  first_pass INTEGER, changed_pass INTEGER, shard INTEGER,
  attempts INTEGER, started REAL, ask TEXT, hops TEXT,
  error_kind TEXT, status INTEGER, final_url TEXT, type TEXT, charset TEXT, headers TEXT,
  peer TEXT, fetched_at REAL, seconds_connect REAL, seconds_fetch REAL, seconds_process REAL,
  path TEXT, bytes INTEGER, wire_bytes INTEGER, sha256 TEXT, previous_sha256 TEXT,
  text_hash TEXT, etag TEXT, last_modified TEXT, validators_url TEXT, process_hash TEXT,
  "offset" INTEGER, length INTEGER
);
CREATE UNIQUE INDEX url_key ON url (key);
CREATE INDEX url_due ON url (host, due) WHERE state = 'pending';
CREATE TABLE input (  -- where the list names a URL again
  url INTEGER NOT NULL, source INTEGER NOT NULL, line INTEGER NOT NULL, columns TEXT,
  PRIMARY KEY (url, source, line)
) WITHOUT ROWID;
CREATE TABLE link (parent INTEGER NOT NULL, child INTEGER NOT NULL,
                   PRIMARY KEY (parent, child)) WITHOUT ROWID;
CREATE TABLE host (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, robots TEXT, rate REAL, breaker INTEGER,
  pause_until REAL, class TEXT
);
CREATE TABLE sink (name TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
"""

# Every statement that runs for each URL works on a whole batch, handed over as JSON, in one step:
# sqlite3 lets go of the GIL for each step and gets it back only when the fetch threads let it.
# Row by row, 10,000 URLs waited 6 of 9.8 s for that; 10 us of JSON a row is the cheaper price.
_WAITING = """SELECT json_group_array(json_array(id, url, written, seq, source, line,
    CASE WHEN parent THEN (SELECT p.url FROM url AS p WHERE p.id = w.parent) END,
    CASE WHEN parent THEN (SELECT p.final_url FROM url AS p WHERE p.id = w.parent) END, depth,
    attempts, started, ask, hops, error_kind, due, validators_url, path, type, charset, bytes,
    sha256, process_hash, "offset", length, etag, last_modified))
  FROM (SELECT * FROM url WHERE state = 'pending' AND host = ? ORDER BY due, id LIMIT ?) AS w"""

_KNOWN = """SELECT json_group_array(json_array(key, url, id, pass, state, seq, source,
    parent IS NOT NULL)) FROM url
  WHERE key IN (SELECT value FROM json_each(?))"""

# What counts: the URLs that a list names, and the images of pages that a list names.
_COUNTED = """seq IS NOT NULL OR id IN (SELECT child FROM link WHERE parent IN
  (SELECT id FROM url WHERE seq IS NOT NULL))"""
# The same of some URLs only.
_COUNTED_OF = """id IN (SELECT value FROM json_each(:ids)) OR id IN (SELECT child FROM link
  WHERE parent IN (SELECT value FROM json_each(:ids)))"""
_ENDS = """SELECT state,
    CASE substr(path, 1, 6) WHEN 'pages/' THEN 'page' WHEN 'images' THEN 'image'
      WHEN 'files/' THEN 'file' END,
    error_kind, status, count(*), CAST(total(bytes) AS INTEGER)
  FROM url WHERE {} GROUP BY 1, 2, 3, 4"""

# A host that does not give its robots.txt has failed; in schema 1 its URLs were called skipped.
_UNREACHABLE_HAS_FAILED = """UPDATE url SET state = 'failed'
  WHERE error_kind = 'robots_unreachable' AND state = 'skipped'"""

# It kept a hash of all options, which tells nothing of any.
_NO_OPTIONS_KNOWN = "UPDATE pass SET configuration = '[]'"

# What leads from each schema to the next one.
_MIGRATIONS: dict[int, tuple[str, ...]] = {1: (_UNREACHABLE_HAS_FAILED, _NO_OPTIONS_KNOWN)}


def _fields(*names: str) -> str:
    """Columns out of the arrays in a JSON array."""
    return ", ".join(f"json_extract(value, '$[{i}]') AS {name}" for i, name in enumerate(names))


_INSERT = f"""INSERT INTO url (id, key, url, host, state, pass, seq, source, line, written, parent,
  depth, first_pass, error_kind) SELECT id, key, url, host, 'pending', pass, seq, source, line,
  written, parent, depth, pass, error_kind FROM (SELECT {
    _fields(
        "id",
        "key",
        "url",
        "host",
        "pass",
        "seq",
        "source",
        "line",
        "written",
        "parent",
        "depth",
        "error_kind",
    )
} FROM json_each(?))"""

# A refused line keeps its kind: what is wrong with it stands in the list, not out there.
_AGAIN = """UPDATE url SET state = 'pending', pass = ?, due = 0, attempts = NULL, started = NULL,
  ask = NULL, hops = NULL, error_kind = CASE WHEN host = 0 THEN error_kind END
  WHERE id IN (SELECT value FROM json_each(?))"""

# From now on they are the list's own: what the list names is trusted as such.
_ADOPT = f"""UPDATE url SET seq = j.seq, source = j.source, line = j.line, written = j.written,
  parent = NULL, depth = 0 FROM (SELECT {_fields("id", "seq", "source", "line", "written")}
  FROM json_each(?)) AS j WHERE url.id = j.id"""

_INPUT = f"""INSERT OR IGNORE INTO input (url, source, line)
  SELECT url, source, line FROM (SELECT {_fields("url", "source", "line")} FROM json_each(?))"""

# Another list names it too: from now on it is that list's.
_TO_OTHER_LIST = """UPDATE url SET (source, line) =
    (SELECT input.source, input.line FROM input WHERE input.url = url.id LIMIT 1)
  WHERE id IN (SELECT value FROM json_each(?)) AND id IN (SELECT input.url FROM input)"""

_TO_NO_LIST = """UPDATE url SET seq = NULL, source = NULL, line = NULL
  WHERE id IN (SELECT value FROM json_each(?)) AND id NOT IN (SELECT input.url FROM input)"""

_LINK = f"""INSERT OR IGNORE INTO link
  SELECT parent, child FROM (SELECT {_fields("parent", "child")} FROM json_each(?))"""

_CHILDREN = """SELECT json_group_array(child) FROM link
  WHERE parent IN (SELECT value FROM json_each(?))"""

_PLACES = """SELECT json_group_array(json_array(id, url, "offset", length)) FROM
  (SELECT url.id, url, "offset", length FROM json_each(?) AS j JOIN url ON url.id = j.value
   WHERE state != 'pending' ORDER BY j.key)"""

_REQUEUE = f"""UPDATE url SET host = j.host, due = j.due, attempts = j.attempts,
  started = j.started, ask = j.ask, hops = j.hops FROM (SELECT {
    _fields("id", "host", "due", "attempts", "started", "ask", "hops")
} FROM json_each(?)) AS j WHERE url.id = j.id"""

_ENTRY = ("id", "state", "pass", "attempts", "home", "kind", "status", "final_url", "type",
          "charset", "headers", "peer", "at", "connect", "fetch", "process", "path", "bytes",
          "wire_bytes", "sha256", "process_hash", "place", "length", "etag", "last_modified",
          "validators_url")  # fmt: skip
# What is not told anew (type, path, sha256, process_hash) stays from the last time.
_FINISH = f"""UPDATE url SET state = j.state, pass = j.pass, due = 0, attempts = j.attempts,
  started = NULL, ask = NULL, hops = NULL, host = coalesce(j.home, host), error_kind = j.kind,
  status = j.status, final_url = j.final_url, type = coalesce(j.type, url.type),
  charset = j.charset, headers = j.headers, peer = j.peer, fetched_at = j.at,
  seconds_connect = j.connect, seconds_fetch = j.fetch, seconds_process = j.process,
  path = coalesce(j.path, url.path), bytes = j.bytes, wire_bytes = j.wire_bytes,
  changed_pass = CASE WHEN j.sha256 IS NOT NULL AND url.sha256 IS NOT j.sha256 THEN j.pass
    ELSE changed_pass END,
  previous_sha256 = CASE WHEN j.sha256 IS NULL THEN previous_sha256 ELSE url.sha256 END,
  sha256 = coalesce(j.sha256, url.sha256),
  process_hash = coalesce(j.process_hash, url.process_hash), "offset" = j.place,
  length = j.length, etag = coalesce(j.etag, CASE WHEN j.state = 'unchanged' THEN url.etag END),
  last_modified = coalesce(j.last_modified,
    CASE WHEN j.state = 'unchanged' THEN url.last_modified END),
  validators_url = coalesce(j.validators_url, url.validators_url)
  FROM (SELECT {_fields(*_ENTRY)} FROM json_each(?)) AS j WHERE url.id = j.id"""


@dataclass(frozen=True, slots=True)
class Added:
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


class _Known(NamedTuple):
    """A row, as far as the intake cares."""

    id: int
    number: int  # of the pass that its state belongs to
    state: str
    listed: bool
    source: int | None = None
    found: bool = False  # on a page


@dataclass(frozen=True, slots=True)
class Entry:
    """What `finish` writes beside the state: the columns of one answered URL."""

    state: str
    failure: Failure | None
    attempts: int
    status: int | None = None
    final_url: str | None = None
    type: str | None = None
    charset: str | None = None
    headers: Headers = ()
    peer: str | None = None
    fetched_at: float | None = None
    seconds_connect: float | None = None
    seconds_fetch: float | None = None
    seconds_process: float | None = None
    path: str | None = None
    bytes: int | None = None
    wire_bytes: int | None = None
    sha256: str | None = None
    process_hash: str | None = None
    offset: int | None = None
    length: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    validators_url: str | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """One numbered pass over the list."""

    number: int
    started: float
    ended: float | None
    arguments: Mapping[str, Any]
    counts: Mapping[str, Any]
    # The options that shape results, for each run of it that had others.
    configurations: Sequence[Mapping[str, Any]] = ()


class Ledger:
    """The file `.scraper/ledger.sqlite`. Raises UsageError if it cannot be used."""

    def __init__(self, path: Path, *, durable: bool = False) -> None:
        self.path = path
        self.in_wal = True
        _check_files(path)
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                self._open(durable)
            except BaseException:
                self._db.close()
                raise
        except sqlite3.Error as error:
            raise refusal_of(error, path) from error
        self._committed = self._db.total_changes
        self._finished: list[tuple[Any, ...]] = []
        self._requeued: list[tuple[Any, ...]] = []

    def _open(self, durable: bool) -> None:
        db = self._db
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute(f"PRAGMA journal_size_limit = {MOST_LOG_BYTES}")
        mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        self.in_wal = mode == "wal"  # network file systems have no shared memory
        db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        version = _check_schema(db, self.path)
        db.execute("BEGIN IMMEDIATE")
        if version == 0:
            for statement in _TABLES.split(";\n"):
                if statement.strip():
                    db.execute(statement)
        for older in range(version or SCHEMA, SCHEMA):
            for statement in _MIGRATIONS[older]:
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {SCHEMA}")
        self._cache_counters()

    def _cache_counters(self) -> None:
        self._next_id = self._one("SELECT coalesce(max(id), 0) FROM url") + 1
        self._next_seq = self._one("SELECT coalesce(max(seq), 0) FROM url") + 1
        self._sources: dict[str, int] = {
            name: id for id, name in self._db.execute("SELECT id, name FROM source")
        }
        self._source_names = {id: name for name, id in self._sources.items()}

    def _one(self, sql: str, *parameters: Any) -> Any:
        row = self._db.execute(sql, parameters).fetchone()
        return row[0] if row else None

    def execute(self, sql: str, *parameters: Any) -> Any:
        """Run a statement of a module that makes rows in its own way; the first value, if any."""
        return self._one(sql, *parameters)

    def commit(self, published: Sequence[Publication] = ()) -> None:
        """Make everything since the last commit true, and name the files that now must appear."""
        if published:
            pairs = [[each.part, each.path] for each in published]
            self.set_meta("publish", orjson.dumps(pairs).decode())
        self._flush()
        self._db.execute("COMMIT")
        self._committed = self._db.total_changes
        self._db.execute("BEGIN IMMEDIATE")
        if published:
            self.set_meta("publish", None)

    @property
    def changed(self) -> bool:
        """Is there anything that a kill would undo?"""
        gathered = bool(self._finished or self._requeued)
        return gathered or self._db.total_changes > self._committed

    def unpublished(self) -> list[Publication]:
        """The files of the last commit, which a killed run may not have renamed."""
        text = self.meta("publish")
        return [Publication(part, path) for part, path in orjson.loads(text)] if text else []

    def published(self) -> None:
        """All of `unpublished` are in place."""
        self.set_meta("publish", None)

    def rollback(self) -> None:
        """Forget everything since the last commit, as a kill would."""
        self._finished.clear()
        self._requeued.clear()
        if self._db.in_transaction:  # a COMMIT that met a full disk has ended it
            self._db.execute("ROLLBACK")
        self._db.execute("BEGIN IMMEDIATE")
        self._cache_counters()

    def close(self) -> None:
        """Give up what is not committed, and let the file be one file again."""
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        finally:
            self._db.close()

    # -- the run's own facts ------------------------------------------------------------------

    def meta(self, name: str) -> str | None:
        value: str | None = self._one("SELECT value FROM meta WHERE name = ?", name)
        return value

    def set_meta(self, name: str, value: str | None) -> None:
        if value is None:
            self._db.execute("DELETE FROM meta WHERE name = ?", (name,))
        else:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    @property
    def is_empty(self) -> bool:
        """Has it never heard of any URL?"""
        return bool(self._next_id == 1)

    def owners(self) -> dict[str, int | None]:
        """The lists that the folder belongs to, by what identifies each, with its row in `source`.

        None where 0.1.0 has remembered only that there is such a list.
        """
        value = self.meta("inputs")
        known: dict[str, int | None] | list[str] = orjson.loads(value) if value else {}
        return known if isinstance(known, dict) else dict.fromkeys(known)

    def set_owners(self, owners: Mapping[str, int | None]) -> None:
        """Remember the lists that the folder belongs to."""
        self.set_meta("inputs", _json(owners))

    def position(self, sink: str) -> str | None:
        value: str | None = self._one("SELECT position FROM sink WHERE name = ?", sink)
        return value

    def set_position(self, sink: str, position: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO sink VALUES (?, ?)", (sink, position))

    def last_pass(self) -> Pass | None:
        return next(iter(self.passes(1)), None)

    def passes(self, limit: int = -1) -> list[Pass]:
        """The passes of this folder, newest first."""
        rows = self._db.execute(
            "SELECT number, started, ended, arguments, counts, configuration FROM pass"
            " ORDER BY number DESC LIMIT ?",
            (limit,),
        )
        return [
            Pass(number, started, ended, orjson.loads(arguments), orjson.loads(counts),
                 orjson.loads(configurations))
            for number, started, ended, arguments, counts, configurations in rows
        ]  # fmt: skip

    def open_pass(self, number: int, arguments: Mapping[str, Any],
                  configurations: Sequence[Mapping[str, Any]], version: str) -> None:  # fmt: skip
        made_with = _json(configurations)
        self._db.execute(
            "INSERT INTO pass VALUES (?, ?, NULL, ?, ?, ?, NULL, '{}')",
            (number, time.time(), _json(arguments), made_with, version),
        )

    def adopt_pass(self, number: int, began: float, ended: float,
                   counts: Mapping[str, Any]) -> None:  # fmt: skip
        """Enter a pass of which only the records are left: with what options is not known."""
        self._db.execute(
            "INSERT INTO pass VALUES (?, ?, ?, '{}', '[]', NULL, NULL, ?)",
            (number, began, ended, _json(counts)),
        )

    def recount(self) -> None:
        """Rows were made by `execute`: number the next ones behind them."""
        self._cache_counters()

    def set_configurations(self, number: int, configurations: Sequence[Mapping[str, Any]]) -> None:
        """Keep the options under which the runs of a pass have made their results."""
        self._db.execute(
            "UPDATE pass SET configuration = ? WHERE number = ?", (_json(configurations), number)
        )

    def note_pass(self, number: int, counts: bytes, exit: int | None = None,
                  ended: bool = False) -> None:  # fmt: skip
        """Keep the counts, so that a resumed pass goes on counting."""
        self._db.execute(
            "UPDATE pass SET counts = ?, exit = ?, ended = CASE WHEN ? THEN ? END WHERE number = ?",
            (counts.decode(), exit, ended, time.time(), number),
        )

    def end_pass(self, number: int) -> None:
        self._db.execute("UPDATE pass SET ended = ? WHERE number = ?", (time.time(), number))

    def source_id(self, name: str) -> int:
        found = self._sources.get(name)
        if found is None:
            found = len(self._sources) + 1
            self._db.execute("INSERT INTO source VALUES (?, ?)", (found, name))
            self._sources[name] = found
            self._source_names[found] = name
        return found

    def rename_source(self, id: int, name: str) -> None:
        """A list has another name from now on."""
        self._db.execute("UPDATE source SET name = ? WHERE id = ?", (name, id))
        del self._sources[self._source_names[id]]
        self._sources[name] = id
        self._source_names[id] = name

    @property
    def source_names(self) -> dict[int, str]:
        """All lists that were ever read into it."""
        return dict(self._source_names)

    # -- intake -------------------------------------------------------------------------------

    def add(self, lines: Sequence[Line], number: int, *, listed: bool = True,
            parent: int | None = None, again: bool = False,
            seen: Bitmap | None = None) -> Added:  # fmt: skip
        """Insert what is new into pass `number`; with `again`, ended rows become due in it.

        `seen` is a bitmap over row numbers, grown here: lines that name a URL a second time in
        this reading are counted as repeated.
        """
        self._flush()
        known = self._known(lines)
        new_rows: list[tuple[Any, ...]] = []
        links: list[tuple[int, int]] = []
        due_again: list[int] = []
        ended: list[int] = []
        hosts: set[int] = set()
        adopted: list[tuple[Any, ...]] = []  # a page had named them before the list did
        repeated = due = as_found = 0
        again_at: list[tuple[int, int | None, int | None]] = []
        for each in lines:
            lane = each.url.lane
            key, row = known[each.url.href]
            if row is None:
                id = self._next_id
                self._next_id += 1
                seq = None
                if listed:
                    seq = self._next_seq
                    self._next_seq += 1
                place = (seq, each.source, each.line, each.written, parent, each.depth)
                new_rows.append((id, key, each.url.href, lane, number, *place, each.refusal))
                row = _Known(id, number, "pending", listed, each.source, parent is not None)
                hosts.add(lane)
            else:
                id = row.id
                if listed and not row.listed:
                    adopted.append((id, self._next_seq, each.source, each.line, each.written))
                    self._next_seq += 1
                    as_found += row.found and row.number == number
                    row = row._replace(listed=True, source=each.source)
                if again and row.number < number and row.state != "pending":
                    due_again.append(id)
                    row = row._replace(number=number, state="pending")
                    hosts.add(lane)
            known[each.url.href] = (key, row)
            named_elsewhere = listed and row.source != each.source
            if seen is not None and not seen.add(id):
                repeated += 1
                named_elsewhere = True
            else:
                due += row.number == number
                if row.state != "pending":
                    ended.append(id)
            if named_elsewhere:
                again_at.append((id, each.source, each.line))
            if parent is not None:
                links.append((parent, id))
        if new_rows:
            self._db.execute(_INSERT, (_json(new_rows),))
        if due_again:
            self._db.execute(_AGAIN, (number, _json(due_again)))
        if adopted:
            self._db.execute(_ADOPT, (_json(adopted),))
        if again_at:
            self._db.execute(_INPUT, (_json(again_at),))
        if links:
            self._db.execute(_LINK, (_json(links),))
        new, again_due = len(new_rows), len(due_again)
        lanes = frozenset(hosts)
        return Added(new, again_due, repeated, due, as_found, lanes, tuple(ended))

    def _known(self, lines: Sequence[Line]) -> dict[str, tuple[int, _Known | None]]:
        """For each URL its key and, if there is one, its row.

        Keys are 64 bits of a hash, so the text is compared on a hit; of two URLs with one key
        (3e-8 at a million) the second is salted until it has its own.
        """
        found: dict[str, tuple[int, _Known | None]] = {}
        asked = {each.url.href: key_of(each.url.href) for each in lines}
        salt = 0
        while asked:
            rows = {
                key: (url, _Known(id, its_pass, state, seq is not None, source, bool(found)))
                for key, url, id, its_pass, state, seq, source, found in orjson.loads(
                    self._one(_KNOWN, _json(list(asked.values())))
                )
            }
            taken: dict[int, str] = {}
            clashing: list[str] = []
            for url, key in asked.items():
                if key in rows and rows[key][0] == url:
                    found[url] = (key, rows[key][1])
                elif key in rows or taken.setdefault(key, url) != url:
                    clashing.append(url)
                else:
                    found[url] = (key, None)
            salt += 1
            asked = {url: key_of(url, salt) for url in clashing}
        return found

    def drop_unlisted(self, sources: Sequence[int], seen: Bitmap) -> None:
        """These lists have been read to their ends: what they name no more is theirs no more.

        `seen` is the bitmap that `add` has grown while they were read. A URL that no list names
        keeps its row and its files, but is counted no more.
        """
        self._flush()
        read = _marks(sources)
        self._db.create_function("seen", 1, seen.__contains__, deterministic=True)
        self._db.execute(f"DELETE FROM input WHERE source IN ({read}) AND NOT seen(url)", sources)
        dropped = self._one(
            "SELECT json_group_array(id) FROM url"
            f" WHERE seq IS NOT NULL AND source IN ({read}) AND NOT seen(id)",
            *sources,
        )
        self._db.execute(_TO_OTHER_LIST, (dropped,))
        self._db.execute(_TO_NO_LIST, (dropped,))

    def ends(self, ids: Iterable[int] | None = None) -> list[Ended]:
        """How the URLs of the folder's lists ended last (or those of `ids`), with the images of
        their pages; what has not ended yet is `pending`."""
        self._flush()
        return _ends(self._db, ids)

    def sources_of(self, lines: Sequence[Line]) -> Counter[int | None]:
        """Of these URLs those that have a row, counted by the list that it is from."""
        rows = (row for _, row in self._known(lines).values())
        return Counter(row.source for row in rows if row is not None)

    def children(self, parents: Sequence[int]) -> list[int]:
        """The rows of the images that these pages name."""
        children: list[int] = orjson.loads(self._one(_CHILDREN, _json(parents)))
        return children

    def places(self, ids: Sequence[int]) -> list[Place]:
        """Where the last records of these rows stand, but of those that wait."""
        self._flush()
        return [Place(*row) for row in orjson.loads(self._one(_PLACES, _json(ids)))]

    def forget_children(self, parent: int) -> None:
        """A page has come anew: what it named before it may name no more."""
        self._db.execute("DELETE FROM link WHERE parent = ?", (parent,))

    def reopen_children(self, parent: int, number: int) -> frozenset[int]:
        """A page that has not changed names what it named before: make that due in pass `number`.

        Returns the lanes that gain.
        """
        self._flush()
        children = (
            "state != 'pending' AND pass < ? AND id IN (SELECT child FROM link WHERE parent = ?)"
        )
        hosts = self._db.execute(
            f"SELECT json_group_array(host) FROM url WHERE {children}", (number, parent)
        ).fetchone()[0]
        self._db.execute(
            "UPDATE url SET state = 'pending', pass = ?, due = 0, attempts = NULL, started = NULL,"
            f" ask = NULL, hops = NULL, error_kind = NULL WHERE {children}",
            (number, number, parent),
        )
        return frozenset(orjson.loads(hosts))

    def adopt_pending(self, number: int) -> None:
        """What an earlier pass has left becomes part of pass `number`."""
        self._db.execute("UPDATE url SET pass = ? WHERE state = 'pending'", (number,))

    def reopen_failed(self, number: int, kinds: Sequence[str]) -> int:
        """Make failed URLs due in pass `number`: those of `kinds`, or all that are not final.

        A kind may be a label with its status, such as `http_404`. Returns how many are due,
        with those that an earlier pass has left.
        """
        self._flush()
        condition = "state = 'failed'"
        parameters: list[Any] = []
        if kinds:
            statuses = [int(k[5:]) for k in kinds if k.startswith("http_") and k[5:].isdigit()]
            names = [k for k in kinds if not (k.startswith("http_") and k[5:].isdigit())]
            condition = (
                f"state IN ('failed', 'skipped') AND (error_kind IN ({_marks(names)})"
                f" OR error_kind = 'http_status' AND status IN ({_marks(statuses)}))"
            )
            parameters = [*names, *statuses]
        # A refused line keeps its kind: what is wrong with it stands in the list, not out there.
        self._db.execute(
            "UPDATE url SET state = 'pending', pass = ?, due = 0, attempts = NULL,"
            " started = NULL, ask = NULL, hops = NULL,"
            " error_kind = CASE WHEN host = 0 THEN error_kind END"
            f" WHERE ({condition}) AND state != 'pending'"
            " AND (seq IS NOT NULL OR parent IS NOT NULL)",  # a list, or a page, names it still
            [number, *parameters],
        )
        return int(self._one("SELECT count(*) FROM url WHERE state = 'pending'"))

    def reopen_listed(self, number: int) -> int:
        """Make all that a list names due in pass `number`, but for what is part of it already.

        Returns how many are due now.
        """
        self._flush()
        return self._db.execute(
            "UPDATE url SET state = 'pending', pass = ?, due = 0, attempts = NULL,"
            " started = NULL, ask = NULL, hops = NULL,"
            " error_kind = CASE WHEN host = 0 THEN error_kind END"
            " WHERE seq IS NOT NULL AND pass < ? AND state != 'pending'",
            (number, number),
        ).rowcount

    def count_of_pass(self, number: int) -> int:
        """How many URLs pass `number` is about so far."""
        return int(self._one("SELECT count(*) FROM url WHERE pass = ?", number))

    # -- lanes --------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Write what `finish` and `requeue` have gathered, so that it can be read."""
        if self._requeued:
            self._db.execute(_REQUEUE, (_json(self._requeued),))
            self._requeued.clear()
        if self._finished:
            self._db.execute(_FINISH, (_json(self._finished),))
            self._finished.clear()

    def next_lane(self, after: int) -> int | None:
        """The first lane behind `after` in which something waits (a step in the index, 3-5 us)."""
        self._flush()
        lane: int | None = self._one(
            "SELECT host FROM url WHERE state = 'pending' AND host > ? ORDER BY host LIMIT 1", after
        )
        return lane

    def waiting(self, lane: int, limit: int) -> list[Waiting]:
        """The first `limit` tasks of a lane, fresh ones in the order of the list, then retries."""
        self._flush()
        return [self._task(row) for row in orjson.loads(self._one(_WAITING, lane, limit))]

    def _task(self, row: list[Any]) -> Waiting:
        (id, url, written, seq, source, line, parent, page, depth, attempts, started, ask, hops,
         error_kind, due, validators_url, *held) = row  # fmt: skip
        asked = ask or url
        if validators_url != asked:
            held[-2:] = None, None  # a validator is worth something only where it was given
        return Waiting(
            Task(
                id=id,
                url=_url_of(asked, error_kind),
                origin_url=_url_of(url, error_kind),
                attempt=(attempts or 0) + 1,
                hops=_hops_of(hops),
                depth=depth,
                parent=parts_of(parent) if parent else None,
                page=parts_of(page) if page else None,
                written=written,
                seq=seq,
                source=self._source_names.get(source),
                line=line,
                refusal=error_kind,
                stored=StoredResponse(*held) if held[0] is not None else None,
                started=started or 0.0,
            ),
            due,
        )

    def requeue(self, task: Task, *, due: float, attempts: int) -> None:
        """Return a task to the lane of its URL: a retry, or the next hop of a redirect."""
        hops = _json([[hop.url.href, hop.status] for hop in task.hops]) if task.hops else None
        ask = task.url.href if task.url != task.origin_url else None
        self._requeued.append(
            (task.id, task.url.lane, due, attempts, task.started or None, ask, hops)
        )

    def finish(self, task: Task, entry: Entry, number: int) -> None:
        """The last word on a URL in pass `number`."""
        self._finished.append(
            (
                task.id,
                entry.state,
                number,
                entry.attempts,
                # A redirect may have led the row into another host's lane: bring it home.
                task.origin_url.lane if task.hops else None,
                entry.failure.kind if entry.failure else None,
                entry.status,
                entry.final_url if entry.final_url != task.origin_url.href else None,
                entry.type,
                entry.charset,
                _json(entry.headers) if entry.headers else None,
                entry.peer,
                entry.fetched_at,
                entry.seconds_connect,
                entry.seconds_fetch,
                entry.seconds_process,
                entry.path,
                entry.bytes,
                entry.wire_bytes,
                entry.sha256,
                entry.process_hash,
                entry.offset,
                entry.length,
                entry.etag,
                entry.last_modified,
                entry.validators_url,
            )
        )

    def pending(self) -> int:
        """How many URLs wait (a scan of the index: 50 ms a million; not for each turn)."""
        return int(self._one("SELECT count(*) FROM url WHERE state = 'pending'"))

    # -- after a power loss -------------------------------------------------------------------

    def recent_records(self, seconds: float) -> list[RecordSpan]:
        """The records of the last `seconds` before the last one, in their order in the file."""
        rows = self._db.execute(
            'SELECT "offset", length FROM url WHERE "offset" IS NOT NULL AND fetched_at >='
            ' (SELECT max(fetched_at) FROM url) - ? ORDER BY "offset"',
            (seconds,),
        )
        return [RecordSpan(*row) for row in rows]

    def reopen_from(self, offset: int) -> int:
        """Make due again what was recorded from `offset` on, and count the pass anew."""
        reopened = self._db.execute(
            "UPDATE url SET state = 'pending', due = 0, attempts = NULL, sha256 = NULL,"
            " etag = NULL, last_modified = NULL,"
            ' error_kind = CASE WHEN host = 0 THEN error_kind END, "offset" = NULL'
            " WHERE \"offset\" >= ? AND state != 'pending'",
            (offset,),
        ).rowcount
        last = self.last_pass()
        if last is not None:
            self._db.execute("UPDATE url SET pass = ? WHERE state = 'pending'", (last.number,))
            counts = _json({**last.counts, **self._counted(last.number)})
            self._db.execute(
                "UPDATE pass SET ended = NULL, counts = ? WHERE number = ?", (counts, last.number)
            )
        return int(reopened)

    def _counted(self, number: int) -> dict[str, Any]:
        """States and failures of a pass, out of its rows."""
        counts: dict[str, Any] = dict.fromkeys(("done", "unchanged", "failed", "skipped"), 0)
        counts |= {"failures": {}, "skips": {}, "bytes": 0}
        rows = self._db.execute(
            "SELECT state, error_kind, status, count(*), total(bytes) FROM url"
            " WHERE pass = ? AND state != 'pending' GROUP BY 1, 2, 3",
            (number,),
        )
        for state, kind, status, n, size in rows:
            counts[state] += n
            counts["bytes"] += int(size)
            if kind is not None:
                label = label_of(kind, status)
                group = counts["skips" if state == "skipped" else "failures"]
                group[label] = group.get(label, 0) + n
        return counts

    # -- hosts --------------------------------------------------------------------------------

    def host(self, lane: int) -> HostState | None:
        row = self._db.execute(
            "SELECT id, name, robots, rate, breaker, pause_until, class FROM host WHERE id = ?",
            (lane,),
        ).fetchone()
        return HostState(*row) if row else None

    def keep_host(self, state: HostState) -> None:
        """Remember a host's pace and failures; its robots.txt stays as it is."""
        self._db.execute(
            "INSERT INTO host (id, name, rate, breaker, pause_until, class)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET rate = excluded.rate,"
            " breaker = excluded.breaker, pause_until = excluded.pause_until,"
            " class = coalesce(excluded.class, class)",
            (
                state.id,
                state.name,
                state.rate,
                state.consecutive_failures,
                state.pause_until,
                state.host_class,
            ),
        )

    def keep_robots(self, lane: int, name: str, scheme: str, at: float, text: str) -> None:
        """Remember one origin's robots.txt: {scheme: [unix time, text]}."""
        kept = self.host(lane)
        robots = orjson.loads(kept.robots) if kept and kept.robots else {}
        robots[scheme] = [at, text]
        self._db.execute(
            "INSERT INTO host (id, name, robots, breaker, pause_until) VALUES (?, ?, ?, 0, 0)"
            " ON CONFLICT (id) DO UPDATE SET robots = excluded.robots",
            (lane, name, _json(robots)),
        )

    def reset_host_failures(self) -> None:
        """A new pass gives hosts that were down another chance."""
        self._db.execute("UPDATE host SET breaker = 0 WHERE breaker > 0")

    def classes(self) -> dict[str, str]:
        """Which hosts were private or public when first looked up."""
        return dict(self._db.execute("SELECT name, class FROM host WHERE class IS NOT NULL"))

    def keep_classes(self, classes: Mapping[str, str]) -> None:
        """Remember them: what was public once must not lead into a private network tomorrow."""
        self._db.executemany(
            "INSERT INTO host (id, name, breaker, pause_until, class) VALUES (?, ?, 0, 0, ?)"
            " ON CONFLICT (id) DO UPDATE SET class = excluded.class",
            [(lane_of(name), name, value) for name, value in classes.items()],
        )


class Place(NamedTuple):
    """Where the last record of a row stands in records.jsonl; without the line's end."""

    id: int
    url: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class RecordSpan:
    """Where a record stands in records.jsonl, in bytes; `length` is without the line's end."""

    offset: int
    length: int


def _owner(db: sqlite3.Connection) -> tuple[str] | None:
    found: tuple[str] | None = db.execute("SELECT value FROM meta WHERE name = 'inputs'").fetchone()
    return found


def owner_of(path: Path) -> list[str] | None:
    """The identities of the lists that a folder's ledger belongs to; None if there is none."""
    if not path.exists():
        return None
    try:
        row = read(path, _owner)
    except (sqlite3.Error, Unreadable):
        return None  # no ledger of ours
    return list(orjson.loads(row[0])) if row else None


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How a run stands, as another process sees it."""

    number: int
    started: float
    ended: float | None
    counts: Mapping[str, Any]
    pending: int
    retrying: int
    hosts: int
    paused: tuple[tuple[str, float], ...]  # host and seconds, longest first
    ends: tuple[Ended, ...] = ()


def read_status(path: Path) -> RunStatus:
    """Look into a ledger without disturbing its run. Raises UsageError, Unreadable."""
    try:
        return read(path, lambda db: _status_of(db, path))
    except sqlite3.Error as error:
        raise UsageError(_unusable(path, error)) from error


def _status_of(db: sqlite3.Connection, path: Path) -> RunStatus:
    _check_schema(db, path)
    last = db.execute(
        "SELECT number, started, ended, counts FROM pass ORDER BY number DESC LIMIT 1"
    ).fetchone() or (0, 0.0, None, "{}")
    pending, retrying, hosts = db.execute(
        "SELECT count(*), count(CASE WHEN due > 0 THEN 1 END), count(DISTINCT host)"
        " FROM url WHERE state = 'pending'"
    ).fetchone()
    now = time.time()
    paused = db.execute(
        "SELECT name, pause_until - ? FROM host WHERE pause_until > ?"
        " ORDER BY pause_until DESC LIMIT 100",
        (now, now),
    ).fetchall()
    number, started, ended, counts = last
    return RunStatus(number, started, ended, orjson.loads(counts or "{}"), pending, retrying, hosts,
                  tuple(paused), tuple(_ends(db)))  # fmt: skip


def _ends(db: sqlite3.Connection, ids: Iterable[int] | None = None) -> list[Ended]:
    if ids is None:
        rows = db.execute(_ENDS.format(_COUNTED))
    else:
        rows = db.execute(_ENDS.format(_COUNTED_OF), {"ids": _json(list(ids))})
    return [Ended(*row) for row in rows]


def _url_of(href: str, refusal: str | None) -> Url:
    """A URL of a row; a refused line is none, and has no host."""
    return parts_of(href) if refusal is None else Url(href, "", "")


def _hops_of(encoded: str | None) -> tuple[Hop, ...]:
    if not encoded:
        return ()
    return tuple(Hop(parts_of(url), status) for url, status in orjson.loads(encoded))


def _check_files(path: Path) -> None:
    """SQLite follows links: whatever it is going to open must be a file."""
    with opening(path), open_folder(path.parent) as folder:
        for suffix in ("", "-wal", "-shm", "-journal"):
            folder.check_file(path.name + suffix)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)


def fault_of(error: sqlite3.Error, path: Path) -> LocalFault:
    """What a run stops with when the ledger does not take what it is told."""
    if _is_full(error, path):
        return LocalFault(disk_failure(OSError(errno.ENOSPC, str(error), str(path))))
    return LocalFault(new_failure(failure_of(error).kind, _unusable(path, error)))


def refusal_of(error: sqlite3.Error, path: Path) -> ScraperError:
    """What a run does not begin with, if the ledger cannot be opened."""
    if _is_full(error, path) or "I/O" in str(error):
        return fault_of(error, path)
    return UsageError(_unusable(path, error))


def _check_schema(db: sqlite3.Connection, path: Path) -> int:
    """The schema of a ledger. Raises UsageError if it is newer than ours."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA:
        raise UsageError(
            f"{path} was written by a newer version of this program "
            f"(schema {version}, this one knows {SCHEMA}): update, or choose another --dir"
        )
    return version


def _is_full(error: sqlite3.Error, path: Path) -> bool:
    """SQLite calls a full disk by other names where it cannot make a file, or meets a quota."""
    return "full" in str(error) or not _has_room(path.parent)


def _has_room(folder: Path) -> bool:
    try:
        with open_folder(folder) as opened:
            opened.remove_file("probe")
            try:
                with opened.create_file("probe") as file:
                    file.write(bytes(_PROBE_BYTES))
            finally:
                opened.remove_file("probe")
    except OSError as error:
        return disk_failure(error).kind != "disk_full"
    return True


def _unusable(path: Path, error: sqlite3.Error) -> str:
    if "locked" in str(error):
        return f"{path} is locked by another program: close it and start again"
    if "not a database" in str(error) or "malformed" in str(error):
        return (
            f"{path} is damaged ({error}): move the folder {path.parent} away and start again with "
            "--adopt, which takes the records over; they and the files stay where they are"
        )
    return f"cannot use {path}: {error}"
