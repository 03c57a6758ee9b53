"""The tables of a ledger, the columns of a URL that has ended, and the way from older schemas.

Columns are said once: `FinishedRow` declares those that an answer fills. Table, update and the rows
that are made from records follow from it. Users may query the file (docs/records.md), so a column
has one name only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, get_args, get_type_hints

from scraper.errors import UsageError
from scraper.model import Headers


class FinishedRow(NamedTuple):
    """The columns of a URL that has its outcome, under their names in the table.

    For a new fact of an answer, add a field of `Fetched` here, under its name, and a step to
    `_MIGRATIONS` (an empty one will do: each step adds the columns that an older ledger lacks).
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
    process_hash: str | None = None
    offset: int | None = None
    length: int | None = None
    facts_pass: int | None = None  # whose record holds its facts
    facts_offset: int | None = None  # of that record; see FACTS_OFFSET
    etag: str | None = None
    last_modified: str | None = None
    validators_url: str | None = None


def _sql_type(hint: object) -> str:
    types = {hint, *get_args(hint)}
    if float in types:
        return "REAL"
    return "INTEGER" if int in types else "TEXT"


_FINISHED = {
    name: f'"{name}" {_sql_type(hint)}'
    for name, hint in get_type_hints(FinishedRow).items()
    if name != "state"
}

_TABLES = f"""
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
  started REAL, ask TEXT, hops TEXT, previous_sha256 TEXT, text_hash TEXT,
  {", ".join(_FINISHED.values())}
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
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, robots TEXT, learned_delay REAL,
  consecutive_failures INTEGER, pause_until REAL, class TEXT
);
CREATE TABLE sink (name TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
"""

# A host that does not give its robots.txt has failed; in schema 1 its URLs were called skipped.
_UNREACHABLE_HAS_FAILED = """UPDATE url SET state = 'failed'
  WHERE error_kind = 'robots_unreachable' AND state = 'skipped'"""
# Schema 1 kept one hash of all options, from which none of them can be known.
_NO_OPTIONS_KNOWN = "UPDATE pass SET configuration = '[]'"
_NAME_FAILURES = (
    "ALTER TABLE host RENAME COLUMN breaker TO consecutive_failures"
)
_NAME_DELAY = "ALTER TABLE host RENAME COLUMN rate TO learned_delay"

# What leads from each schema to the next one.
_MIGRATIONS: Mapping[int, tuple[str, ...]] = {
    1: (_UNREACHABLE_HAS_FAILED, _NO_OPTIONS_KNOWN),
    2: (_NAME_FAILURES,),
    3: (_NAME_DELAY,),
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
        _execute_all(connection, filter(str.strip, _TABLES.split(";\n")))
    else:
        for older in range(version, SCHEMA):
            _execute_all(connection, _MIGRATIONS[older])
        _add_missing_columns(connection)
    connection.execute(f"PRAGMA user_version = {SCHEMA}")


def _execute_all(
    connection: sqlite3.Connection, statements: Iterable[str]
) -> None:
    for statement in statements:
        connection.execute(statement)


def _add_missing_columns(connection: sqlite3.Connection) -> None:
    known = {
        name for _, name, *_ in connection.execute("PRAGMA table_info(url)")
    }
    for name, declaration in _FINISHED.items():
        if name not in known:
            connection.execute(f"ALTER TABLE url ADD COLUMN {declaration}")


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


ROWS = "/* rows */"  # stands for as many rows of parameters as a statement gets


def rows_of_values(columns: Iterable[str]) -> str:
    """Rows of parameters as a table with these columns, the first of which is never NULL.

    For many columns: json_extract costs 1 us each, of an array of 26, and a parameter 0.05 us.
    """
    named = (
        f'column{number} AS "{name}"' for number, name in enumerate(columns, 1)
    )
    return f"(SELECT {', '.join(named)} FROM (VALUES {ROWS}) WHERE column1 IS NOT NULL)"


_KEPT = 'coalesce({new}."{name}", url."{name}")'
# A 304 need not repeat the validators that it was asked with; what failed keeps none.
_KEPT_BY_304 = (
    'coalesce({new}."{name}", CASE WHEN {new}.status = 304 '
    "AND {new}.state != 'failed' THEN url.\"{name}\" END)"
)
# Most columns take what the answer says; where it says nothing, these stay from the last time.
_EXCEPTIONS = {
    "final_url": 'nullif({new}."{name}", url.url)',
    "headers": "nullif({new}.\"{name}\", '[]')",
    "type": _KEPT,
    "path": _KEPT,
    "sha256": _KEPT,
    "process_hash": _KEPT,
    "validators_url": _KEPT,
    "etag": _KEPT_BY_304,
    "last_modified": _KEPT_BY_304,
}
_CHANGES = """changed_pass = CASE WHEN {new}.sha256 IS NOT NULL AND url.sha256 IS NOT {new}.sha256
    THEN {new}.pass ELSE url.changed_pass END,
  previous_sha256 = CASE WHEN {new}.sha256 IS NULL THEN url.previous_sha256 ELSE url.sha256 END"""


def assignments(
    columns: Iterable[str], new: str, kept: Iterable[str] = ()
) -> str:
    """`column = value` for each finished column, its values from the table called `new`.

    `kept` are columns that stay where nothing is said of them, besides those that always do.
    """
    expressions = {**_EXCEPTIONS, **dict.fromkeys(kept, _KEPT)}
    values = [
        f'"{name}" = '
        + expressions.get(name, '{new}."{name}"').format(new=new, name=name)
        for name in columns
    ]
    return ", ".join([*values, _CHANGES.format(new=new)])


# Up to schema 3 every record held its facts itself; of which pass it is, it says.
FACTS_OFFSET = 'coalesce(facts_offset, "offset")'

# A refused line keeps its kind: what is wrong with it stands in the list, not out there.
REOPEN = """UPDATE url SET state = 'pending', pass = :number, due = 0, attempts = NULL,
  started = NULL, ask = NULL, hops = NULL, error_kind = CASE WHEN host = 0 THEN error_kind END"""
