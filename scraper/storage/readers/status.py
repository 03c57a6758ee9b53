"""A ledger as another process sees it: how its run stands, and whose folder it is."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from msgspec import Struct

from scraper.errors import UsageError
from scraper.model import Ended, HostState
from scraper.storage.ends import count_ends
from scraper.storage.faults import explain_unusable
from scraper.storage.hosts import LEARNED, LEFT_ALONE, SELECT
from scraper.storage.readers.reading import Unreadable, is_missing, read
from scraper.storage.schema import SCHEMA, UNASKED, check_schema

_LAST_PASS = "SELECT number, started, ended, counts FROM pass ORDER BY number DESC LIMIT 1"
_LAST_CONFIGURATION = (
    "SELECT configuration FROM pass ORDER BY number DESC LIMIT 1"
)
_NO_PASS = (0, 0.0, None, "{}")
_NO_NETWORK = "SELECT value FROM meta WHERE name = 'no_network'"
_PENDING = """SELECT count(*), count(CASE WHEN due > 0 THEN 1 END), count(DISTINCT host)
  FROM url WHERE state = 'pending'"""
_WAITING_URLS = f"""SELECT host, count(*), count(CASE WHEN {UNASKED} THEN 1 END),
    min(CASE WHEN {UNASKED} THEN due END)
  FROM url WHERE state = 'pending' OR ({UNASKED}) GROUP BY host"""
_PAUSED = """SELECT name, pause_until - :now FROM host WHERE pause_until > :now
  ORDER BY pause_until DESC LIMIT 100"""


MAX_LEARNED = 100  # hosts, the slowest first


class HostLeftAlone(Struct, frozen=True):
    """A host that is paused, in trouble or given up, and how many URLs wait for it."""

    state: HostState
    urls: int
    unasked: int  # of them
    not_before: float | None  # unix time; of the first of these


class RunStatus(Struct, frozen=True):
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
    left_alone: tuple[HostLeftAlone, ...] = ()  # most URLs first
    learned: tuple[HostState, ...] = ()  # slowest first
    # Since when the run has no network, and when it is tried next.
    no_network: tuple[float, float | None] | None = None


def read_status(path: Path) -> RunStatus:
    """Look into a ledger without disturbing its run. Raises UsageError, Unreadable."""

    def look(connection: sqlite3.Connection) -> RunStatus:
        return _status_of(connection, check_schema(connection, path))

    try:
        return read(path, look)
    except sqlite3.Error as error:
        raise UsageError(explain_unusable(path, error)) from error


def _status_of(connection: sqlite3.Connection, schema: int) -> RunStatus:
    last = connection.execute(_LAST_PASS).fetchone() or _NO_PASS
    number, started, ended, counts = last
    pending, retrying, hosts = connection.execute(_PENDING).fetchone()
    paused = connection.execute(_PAUSED, {"now": time.time()}).fetchall()
    return RunStatus(
        number,
        started,
        ended,
        orjson.loads(counts or "{}"),
        pending,
        retrying,
        hosts,
        tuple(paused),
        tuple(count_ends(connection, schema)),
        _left_alone(connection) if schema == SCHEMA else (),
        _learned(connection) if schema == SCHEMA else (),
        _no_network_in(connection),
    )


def _left_alone(connection: sqlite3.Connection) -> tuple[HostLeftAlone, ...]:
    rows = connection.execute(LEFT_ALONE, {"now": time.time()}).fetchall()
    if not rows:
        return ()
    waiting = connection.execute(_WAITING_URLS)
    urls = {host: facts for host, *facts in waiting}
    found = [
        HostLeftAlone(HostState(*row), *urls[row[0]])
        for row in rows
        if row[0] in urls
    ]
    found.sort(key=lambda each: each.urls, reverse=True)
    return tuple(found)


def _learned(connection: sqlite3.Connection) -> tuple[HostState, ...]:
    rows = connection.execute(LEARNED, {"limit": MAX_LEARNED})
    return tuple(HostState(*row) for row in rows)


def read_host(path: Path, lane: int) -> HostState | None:
    """What a folder's ledger knows of a host; None if that is nothing."""

    def look(connection: sqlite3.Connection) -> HostState | None:
        if check_schema(connection, path) != SCHEMA:
            return None
        row = connection.execute(SELECT, (lane,)).fetchone()
        return HostState(*row) if row else None

    try:
        return read(path, look)
    except sqlite3.Error as error:
        raise UsageError(explain_unusable(path, error)) from error


def _no_network_in(
    connection: sqlite3.Connection,
) -> tuple[float, float | None] | None:
    row = connection.execute(_NO_NETWORK).fetchone()
    if row is None:
        return None
    since, next_try = orjson.loads(row[0])
    return since, next_try


def last_options(path: Path) -> dict[str, Any]:
    """The options that shaped what a folder's last pass made. Raises UsageError, Unreadable."""

    def look(connection: sqlite3.Connection) -> str:
        check_schema(connection, path)
        row = connection.execute(_LAST_CONFIGURATION).fetchone()
        return row[0] if row else "[]"

    try:
        configurations = orjson.loads(read(path, look))
    except sqlite3.Error as error:
        raise UsageError(explain_unusable(path, error)) from error
    return configurations[-1] if configurations else {}


def owners_of(path: Path) -> list[str] | None:
    """The identities of the lists that a folder's ledger belongs to; None if there is none."""
    if is_missing(path):
        return None
    try:
        owners = read(path, _read_owners)
    except (sqlite3.Error, Unreadable):
        return None  # no ledger of ours
    return list(orjson.loads(owners)) if owners else None


def _read_owners(connection: sqlite3.Connection) -> str | None:
    row = connection.execute(
        "SELECT value FROM meta WHERE name = 'inputs'"
    ).fetchone()
    return row[0] if row else None
