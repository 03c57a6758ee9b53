"""The tables of a ledger, the columns of a URL that waits or has ended, the way from older schemas.

Columns are said once: `FinishedRow` declares those that an answer fills, `RequeuedRow` those of a
URL that was asked and waits again. Tables, statements and the rows that are made from records
follow from them. Users may query the file (docs/records.md), so a column has one name only.

What waits for the first time costs the least: a list of ten million URLs is ten million rows of
`url` before anything is asked. So they hold nothing that only an answer fills (a column that is
NULL is a byte), "pending" is NULL, places are stored as what they differ from the id by, and of
the hash by which a URL is found there are 32 bits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, get_args, get_type_hints

from scraper.errors import UsageError
from scraper.model import Headers, HostState


class FinishedRow(NamedTuple):
    """The columns of a URL that has its outcome, under their names in the table.

    For a new fact of an answer, add a field of `Fetched` here, under its name, and a step to
    `_MIGRATIONS`, which may be empty: each adds the columns that an older ledger lacks.
    """

    state: str
    error_kind: str | None
    attempts: int
    status: int | None = None
    final_url: str | None = None  # NULL if it is the URL itself
    type: str | None = None
    charset: str | None = None
    headers: Headers = ()  # as JSON; NULL if there are none
    peer: str | None = None
    fetched_at: float | None = None
    seconds_connect: float | None = None
    seconds_fetch: float | None = None
    seconds_process: float | None = None
    path: str | None = None
    bytes: int | None = None
    wire_bytes: int | None = None
    sha256: str | None = None
    # What the body seems to be, with commas; NULL: nothing new is said.
    flags: str | None = ""
    # Which fields recipes have filled, as JSON (outcomes/fills.py); NULL if it has failed for
    # another reason.
    fill: str | None = None
    process_hash: str | None = None
    offset: int | None = None
    length: int | None = None
    facts_pass: int | None = None  # whose record holds its facts
    facts_offset: int | None = None  # of that record; see FACTS_OFFSET
    etag: str | None = None
    last_modified: str | None = None
    validators_url: str | None = None
    unasked: int | None = (
        None  # passes that gave it up though its host answered others
    )


class RequeuedRow(NamedTuple):
    """The columns of a URL that was asked and waits again: for a retry, or for its next hop."""

    attempts: int  # requests so far
    tries: (
        int  # that they have cost: a request that its host refused costs none
    )
    refusals: int  # by its host, with answers to others between them
    started: float | None  # unix time of the first one in this pass
    ask: str | None  # what is asked next, if it is not the URL itself
    hops: str | None  # as JSON


ANSWER = FinishedRow._fields[1:]  # the state stands with the URL


def _declared(row: type[NamedTuple], names: Iterable[str]) -> str:
    hints = get_type_hints(row)
    return ", ".join(f'"{name}" {_sql_type(hints[name])}' for name in names)


def _sql_type(hint: object) -> str:
    types = {hint, *get_args(hint)}
    if float in types:
        return "REAL"
    return "INTEGER" if int in types else "TEXT"


UNASKED = "due > 0 AND state = 'failed'"

_URL_TABLES = f"""
CREATE TABLE url (
  id INTEGER PRIMARY KEY,
  url TEXT NOT NULL,            -- canonical; for a refused line, the line
  host INTEGER NOT NULL,        -- lane: first 63 bits of sha256(host key)
  outcome TEXT,                 -- done, unchanged, failed, skipped, pruned ...; NULL: pending
  pass INTEGER NOT NULL,        -- the pass that this state belongs to
  due REAL NOT NULL DEFAULT 0,  -- unix time; 0: at once. Of what is unasked: not before
  seq_ahead INTEGER, source INTEGER, line_ahead INTEGER, written TEXT, parent INTEGER,
  depth INTEGER, first_pass INTEGER,
  level INTEGER, chain INTEGER,  -- of a page that links lead to; NULL: listed, or an image
  state TEXT AS (coalesce(outcome, 'pending')),
  seq INTEGER AS (id + seq_ahead),
  line INTEGER AS (id + line_ahead)
);
CREATE INDEX url_due ON url (host, due) WHERE state = 'pending';
CREATE INDEX url_unasked ON url (due) WHERE {UNASKED};
CREATE TABLE url_hash (  -- first 32 bits of sha256(canonical URL)
  hash INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (hash, id)
) WITHOUT ROWID;
CREATE TABLE requeued (
  id INTEGER PRIMARY KEY, {_declared(RequeuedRow, RequeuedRow._fields)}
);
CREATE TABLE answer (
  id INTEGER PRIMARY KEY, changed_pass INTEGER, previous_sha256 TEXT,
  good_at REAL,                 -- of what has failed since: when its last good answer came
  {_declared(FinishedRow, ANSWER)}
);
"""

# Which URLs of a host came to the same: `what` is a hash of it, `urls` a few of theirs as JSON.
_ALIKE_TABLE = """
CREATE TABLE alike (
  host INTEGER NOT NULL, slot INTEGER NOT NULL, what INTEGER NOT NULL,
  urls TEXT NOT NULL, PRIMARY KEY (host, slot)
) WITHOUT ROWID;
"""

# Which URL a file name belongs to that a template has given.
_NAME_TABLE = """
CREATE TABLE name (key TEXT PRIMARY KEY, url INTEGER NOT NULL) WITHOUT ROWID;
"""

# Which URL has brought which bytes first: 64 bits of their sha256.
_BODY_TABLE = """
CREATE TABLE body (hash INTEGER PRIMARY KEY, url INTEGER NOT NULL);
"""

# Of URLs whose last answer was not good, or that no list names any more: what changes.jsonl has
# reported of them, and their last good record.
_STANDING_TABLE = """
CREATE TABLE standing (
  id INTEGER PRIMARY KEY,
  reported TEXT NOT NULL,           -- here, unknown, gone
  is_missing INTEGER NOT NULL,  -- 1: not there any more, which is not reported yet
  since REAL,                   -- unix time
  facts_pass INTEGER, facts_offset INTEGER, sha256 TEXT, process_hash TEXT, final_url TEXT
);
"""

# Which folders and hosts links may lead to, by hashes of them; where the pages lead to whose level
# is the last one, as JSON, compressed: a shorter way to them may show.
_FOLLOW_TABLES = """
CREATE TABLE scope (hash INTEGER PRIMARY KEY);
CREATE TABLE beyond (page INTEGER PRIMARY KEY, leads BLOB NOT NULL);
"""

_HOST = {
    name: f"{name} {_sql_type(hint)}"
    for name, hint in get_type_hints(HostState).items()
    if name not in ("id", "name")
}

_TABLES = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE pass (
  number INTEGER PRIMARY KEY, started REAL NOT NULL, ended REAL, arguments TEXT,
  configuration TEXT, version TEXT, exit INTEGER, counts TEXT
);
CREATE TABLE source (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
  columns TEXT,                 -- of a table, as JSON: their names, that of the URL first
  url_place INTEGER,            -- of a table: so many of the others stand before it
  sender TEXT                   -- the URL that has sent it; NULL: a list of this machine
);
{_URL_TABLES}
CREATE TABLE input (  -- where a list names a URL again; of a table, every row
  url INTEGER NOT NULL, source INTEGER NOT NULL, line INTEGER NOT NULL, columns TEXT,
  reading INTEGER,              -- of the list, in which it stood there last
  PRIMARY KEY (url, source, line)
) WITHOUT ROWID;
CREATE TABLE link (
  parent INTEGER NOT NULL, child INTEGER NOT NULL,
  how TEXT,                     -- next, page, link; NULL: an image
  PRIMARY KEY (parent, child)
) WITHOUT ROWID;
CREATE TABLE host (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, {", ".join(_HOST.values())}
);
CREATE TABLE sink (name TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
{_ALIKE_TABLE}{_NAME_TABLE}{_BODY_TABLE}{_STANDING_TABLE}{_FOLLOW_TABLES}"""

# A host that does not give its robots.txt has failed; in schema 1 its URLs were called skipped.
_UNREACHABLE_HAS_FAILED = """UPDATE url SET state = 'failed'
  WHERE error_kind = 'robots_unreachable' AND state = 'skipped'"""
# Schema 1 kept one hash of all options, from which none of them can be known.
_NO_OPTIONS_KNOWN = "UPDATE pass SET configuration = '[]'"
_NAME_FAILURES = (
    "ALTER TABLE host RENAME COLUMN breaker TO consecutive_failures"
)
_NAME_DELAY = "ALTER TABLE host RENAME COLUMN rate TO learned_delay"
_DROP_DELAY = "ALTER TABLE host DROP COLUMN learned_delay"
_NAME_SILENCES = (
    "ALTER TABLE host RENAME COLUMN consecutive_failures TO silences"
)
_NAME_CLASS = "ALTER TABLE host RENAME COLUMN class TO host_class"

# Up to schema 4 one table had all columns of a URL.
_URL_OF_4 = """INSERT INTO url (id, url, host, outcome, pass, due, seq_ahead, source, line_ahead,
    written, parent, depth, first_pass)
  SELECT id, url, host, nullif(state, 'pending'), pass, due, seq - id, source, line - id,
    written, parent, depth, first_pass FROM url_4"""
_HASHES_OF_4 = (
    "INSERT INTO url_hash SELECT key >> 32, id FROM url_4 ORDER BY 1, 2"
)
_REQUEUED_OF_4 = """INSERT INTO requeued (id, attempts, started, ask, hops)
  SELECT id, attempts, started, ask, hops FROM url_4
  WHERE state = 'pending' AND attempts IS NOT NULL"""


def _divide_url(connection: sqlite3.Connection) -> None:
    connection.execute("DROP INDEX url_due")
    connection.execute("ALTER TABLE url RENAME TO url_4")
    _make_tables(connection, _URL_TABLES)
    for statement in (_URL_OF_4, _HASHES_OF_4, _REQUEUED_OF_4):
        connection.execute(statement)
    known = _columns_of(connection, "url_4")
    both = [n for n in _columns_of(connection, "answer") if n in known]
    copied = ", ".join(f'"{name}"' for name in both)
    facts = ", ".join(f'"{n}"' for n in both if n not in ("id", "attempts"))
    connection.execute(f"""INSERT INTO answer ({copied}) SELECT {copied} FROM url_4
      WHERE state != 'pending' OR coalesce({facts}) IS NOT NULL""")
    connection.execute("DROP TABLE url_4")


_BODIES = """SELECT sha256, id FROM answer
  WHERE id BETWEEN :first AND :last AND sha256 NOT NULL AND path NOT NULL ORDER BY id"""


def body_hash(sha256: str) -> int:
    """By what the table of bodies knows one.

    >>> body_hash("f" * 64), body_hash("00000000000000ff" + "0" * 48)
    (-1, 255)
    """
    return int.from_bytes(bytes.fromhex(sha256[:16]), signed=True)


def fill_bodies(connection: sqlite3.Connection) -> None:
    """Have the table of bodies know what has been stored before there was one."""
    for each in slices(connection):
        rows = connection.execute(_BODIES, each).fetchall()
        connection.executemany(
            "INSERT OR IGNORE INTO body VALUES (?, ?)",
            ((body_hash(sha256), id) for sha256, id in rows),
        )


def _add_bodies(connection: sqlite3.Connection) -> None:
    _make_tables(connection, _BODY_TABLE)
    fill_bodies(connection)


# Of what has failed since it was good it is not known where the good record stands.
_STANDINGS_OF_12 = """INSERT INTO standing (id, reported, is_missing, since, sha256, process_hash)
  SELECT id, CASE WHEN status IN (404, 410) THEN 'gone' ELSE 'unknown' END, 0, fetched_at,
    sha256, process_hash
  FROM answer WHERE error_kind NOT NULL AND path NOT NULL"""


def _add_standings(connection: sqlite3.Connection) -> None:
    _make_tables(connection, _STANDING_TABLE)
    fill_standings(connection)


# When their passes began is known; the good answers came later.
_GOOD_AT_OF_13 = """UPDATE OR FAIL answer SET good_at =
    (SELECT started FROM standing JOIN pass ON number = standing.facts_pass
      WHERE standing.id = answer.id)
  WHERE error_kind NOT NULL AND id IN (SELECT id FROM standing WHERE facts_pass NOT NULL)"""


def _add_good_at(connection: sqlite3.Connection) -> None:
    if "good_at" not in _columns_of(connection, "answer"):
        connection.execute("ALTER TABLE answer ADD COLUMN good_at REAL")
    connection.execute(_GOOD_AT_OF_13)


def fill_standings(connection: sqlite3.Connection) -> None:
    """Have the table of standings know what has failed before there was one."""
    connection.execute(_STANDINGS_OF_12)


# What leads from each schema to the next one.
_Step = str | Callable[[sqlite3.Connection], None]
_MIGRATIONS: Mapping[int, tuple[_Step, ...]] = {
    1: (_UNREACHABLE_HAS_FAILED, _NO_OPTIONS_KNOWN),
    2: (_NAME_FAILURES,),
    3: (_NAME_DELAY,),
    4: (_divide_url, _NAME_SILENCES, _NAME_CLASS),
    5: (_DROP_DELAY,),
    6: (lambda connection: _make_tables(connection, _ALIKE_TABLE),),
    7: (lambda connection: _make_tables(connection, _NAME_TABLE),),
    8: (),
    9: (),
    10: (),
    11: (_add_bodies,),
    12: (_add_standings,),
    13: (_add_good_at,),
    14: (lambda connection: _make_tables(connection, _FOLLOW_TABLES),),
}
SCHEMA = max(_MIGRATIONS) + 1  # what this program writes


def check_schema(connection: sqlite3.Connection, path: Path) -> int:
    """The schema of a ledger, 0 for an empty file. Raises UsageError if it is newer than ours."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA:
        raise UsageError(
            f"{path} was written by a newer version of this program "
            f"(schema {version}, this one knows {SCHEMA}): update, or choose another --dir"
        )
    return version


def bring_up_to_date(connection: sqlite3.Connection, version: int) -> None:
    """Make the tables, or lead those of an older schema step by step to ours."""
    if version == SCHEMA:
        return
    if version == 0:
        _make_tables(connection, _TABLES)
    else:
        for older in range(version, SCHEMA):
            for step in _MIGRATIONS[older]:
                if callable(step):
                    step(connection)
                else:
                    connection.execute(step)
        _add_missing_columns(connection)
    connection.execute(f"PRAGMA user_version = {SCHEMA}")


def _make_tables(connection: sqlite3.Connection, declarations: str) -> None:
    for statement in filter(str.strip, declarations.split(";\n")):
        connection.execute(statement)


def _columns_of(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    """The names of a table's columns, with their types; but for those that are computed."""
    rows = connection.execute(f"PRAGMA table_info({table})")
    return {name: sql_type for _, name, sql_type, *_ in rows}


def _add_missing_columns(connection: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(":memory:")) as new:
        _make_tables(new, _TABLES)
        tables = new.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
        for (table,) in tables.fetchall():
            known = _columns_of(connection, table)
            for name, sql_type in _columns_of(new, table).items():
                if name not in known:
                    connection.execute(
                        f'ALTER TABLE {table} ADD COLUMN "{name}" {sql_type}'
                    )


# -- statements over a batch -------------------------------------------------------------------

# Every statement that runs for each URL works on a whole batch, handed over as JSON or, with many
# columns, as parameters, in one step:
# sqlite3 lets go of the GIL for each step and gets it back only when the fetch threads let it.
# Row by row, 10,000 URLs waited 6 of 9.8 s for that; 10 us of JSON a row is the cheaper price.


def rows_of_batch(columns: Iterable[str]) -> str:
    """The rows in a JSON array of arrays, the one parameter, as a table with these columns."""
    selected = (
        f"json_extract(value, '$[{index}]') AS \"{name}\""
        for index, name in enumerate(columns)
    )
    return f"(SELECT {', '.join(selected)} FROM json_each(?))"


# SQLite keeps in memory what it sorts, and the pages that a statement changes if a function of ours
# may stop it: 50 to 100 MB a million rows. So what is about all rows goes through them in slices.
ROWS_A_SLICE = 16_384
SLICE = "id BETWEEN :first AND :last"


def slices(connection: sqlite3.Connection) -> Iterator[dict[str, int]]:
    """The parameters of SLICE for all rows of `url`."""
    (last,) = connection.execute("SELECT max(id) FROM url").fetchone()
    for first in range(1, (last or 0) + 1, ROWS_A_SLICE):
        yield {"first": first, "last": first + ROWS_A_SLICE - 1}


ROWS = "/* rows */"  # stands for as many rows of parameters as a statement gets


def rows_of_values(columns: Iterable[str]) -> str:
    """Rows of parameters as a table with these columns, the first of which is never NULL.

    For many columns: json_extract costs 1 us each, of an array of 26, and a parameter 0.05 us.
    """
    named = (
        f'column{number} AS "{name}"' for number, name in enumerate(columns, 1)
    )
    return f"(SELECT {', '.join(named)} FROM (VALUES {ROWS}) WHERE column1 IS NOT NULL)"


# Up to schema 3 every record held its facts itself; of which pass it is, it says.
FACTS_OFFSET = 'coalesce(facts_offset, "offset")'

# "OR FAIL": SQLite keeps no copy of the pages that it changes, 50 to 80 MB a million rows, with
# which it would undo this one statement. What goes wrong here undoes the transaction.
REOPEN = "UPDATE OR FAIL url SET outcome = NULL, pass = :number, due = 0"
