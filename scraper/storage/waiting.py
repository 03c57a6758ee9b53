"""What waits in each lane, read in handfuls, and how it leaves: back to a lane, or for good.

A lane's waiting URLs, retries and redirect hops are rows, not objects, so that a million of them
cost disk and no memory.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
import orjson
from msgspec import Struct

from scraper.model import Hop, HostState, StoredResponse, Task, Waiting
from scraper.storage.database import Database, encode
from scraper.storage.hosts import Hosts
from scraper.storage.schema import (
    ANSWER,
    FACTS_OFFSET,
    FinishedRow,
    RequeuedRow,
    keep_answers,
    rows_of_values,
)
from scraper.storage.sources import Sources
from scraper.urls import Url, parts_of


class _WaitingRow(Struct, array_like=True):
    """The columns from which a task is made, and together those of its stored response."""

    id: int
    url: str
    written: str | None
    seq: int | None
    source: int | None
    line: int | None
    parent: str | None
    page: str | None
    depth: int
    attempts: int
    tries: int
    refusals: int
    unasked: int
    started: float | None
    ask: str | None
    hops: str | None
    error_kind: str | None
    due: float
    validators_url: str | None
    stored: list[Any] | None


_OF_PARENT = "CASE WHEN parent THEN (SELECT p.{0} FROM {1} AS p WHERE p.id = w.parent) END"
_OF_STORED = [
    FACTS_OFFSET if name == "facts_offset" else f'"{name}"'
    for name in StoredResponse.__struct_fields__
]
_EXPRESSIONS = {
    "id": "w.id",
    "parent": _OF_PARENT.format("url", "url"),
    "page": _OF_PARENT.format("final_url", "answer"),
    "attempts": "coalesce(requeued.attempts, 0)",
    # What is wrong with a refused line stands in the list, not out there.
    "error_kind": "CASE WHEN host = 0 THEN error_kind END",
    "stored": f"CASE WHEN path NOT NULL THEN json_array({', '.join(_OF_STORED)}) END",
    **{
        name: f"coalesce({name}, 0)"
        for name in ("tries", "refusals", "unasked")
    },
}
_SELECTED = [
    _EXPRESSIONS.get(name, f'"{name}"')
    for name in _WaitingRow.__struct_fields__
]
# Only the rows that are wanted are read; the index alone knows which.
_WAITING = f"""SELECT json_group_array(json_array({", ".join(_SELECTED)}))
  FROM (SELECT id AS first FROM url WHERE state = 'pending' AND host = :lane {{}}
    ORDER BY due, id LIMIT :limit) CROSS JOIN url AS w ON w.id = first
  LEFT JOIN requeued ON requeued.id = first LEFT JOIN answer ON answer.id = first"""
_ALL_WAITING = _WAITING.format("")
# 0.8 us a row more, and most lanes that take rows have none out
_WAITING_BUT = _WAITING.format(
    "AND id NOT IN (SELECT value FROM json_each(:without))"
)
_decode_rows = msgspec.json.Decoder(list[_WaitingRow]).decode

# From lane to lane through the index, without a look at the rows between.
_NEXT = "(SELECT min(host) FROM url WHERE state = 'pending' AND host > {})"
_NEXT_LANES = f"""WITH RECURSIVE next (lane) AS (SELECT {_NEXT.format(":after")} UNION ALL
    SELECT {_NEXT.format("lane")} FROM next WHERE lane NOT NULL LIMIT :limit)
  SELECT json_group_array(json_array(lane, EXISTS (SELECT 1 FROM host WHERE id = lane)))
  FROM next WHERE lane NOT NULL"""

_MOVE = f"""UPDATE url SET host = j.host, due = j.due
  FROM {rows_of_values(("id", "host", "due"))} AS j WHERE url.id = j.id"""
_REQUEUE = f"""INSERT OR REPLACE INTO requeued ({", ".join(("id", *RequeuedRow._fields))})
  SELECT * FROM {rows_of_values(("id", *RequeuedRow._fields))}"""

# A redirect may have led the row into another host's lane: `home` is its own, if it is not there.
_END = f"""UPDATE url SET outcome = j.state, pass = j.pass, host = coalesce(j.home, host),
  due = j.due
  FROM {rows_of_values(("id", "state", "pass", "home", "due"))} AS j WHERE url.id = j.id"""
_ANSWER = keep_answers(ANSWER, rows_of_values(("id", "pass", *ANSWER)))
_WAITS_NO_MORE = f"DELETE FROM requeued WHERE id IN {rows_of_values(('id',))}"
_FINAL_URL, _HEADERS = map(ANSWER.index, ("final_url", "headers"))


class WaitingRows:
    """The rows that wait, as the frontier sees them: with what is remembered of their hosts."""

    def __init__(
        self, database: Database, hosts: Hosts, sources: Sources
    ) -> None:
        self._database = database
        # A URL that comes back and ends between two flushes has ended.
        database.order(_MOVE, _REQUEUE, _END, _ANSWER, _WAITS_NO_MORE)
        self._sources = sources
        self._hosts = hosts

    def next_lanes(self, after: int, limit: int) -> dict[int, bool]:
        """The first lanes behind `after` in which something waits, in their order, and whether
        anything is remembered of their hosts."""
        self._database.flush()
        which = {"after": after, "limit": limit}
        (lanes,) = self._database.execute(_NEXT_LANES, which).fetchone()
        return {lane: bool(known) for lane, known in orjson.loads(lanes)}

    def first_of_lane(
        self, lane: int, limit: int, without: Collection[int] = ()
    ) -> list[Waiting]:
        """The first `limit` tasks of a lane, fresh ones in the order of the list, then retries;
        `without` those that are out already."""
        self._database.flush()
        which: dict[str, Any] = {"lane": lane, "limit": limit}
        if without:
            which["without"] = encode(list(without))
        statement = _WAITING_BUT if without else _ALL_WAITING
        (rows,) = self._database.execute(statement, which).fetchone()
        return [
            Waiting(self._task_of(row), row.due) for row in _decode_rows(rows)
        ]

    def _task_of(self, row: _WaitingRow) -> Task:
        refusal = row.error_kind
        origin_url = url = _decode_url(row.url, refusal)
        if row.ask:
            url = _decode_url(row.ask, refusal)
        return Task(
            id=row.id,
            url=url,
            origin_url=origin_url,
            attempt=row.attempts + 1,
            hops=_decode_hops(row.hops) if row.hops else (),
            depth=row.depth,
            parent=parts_of(row.parent) if row.parent else None,
            page=parts_of(row.page) if row.page else None,
            written=row.written,
            seq=row.seq,
            source=None
            if row.source is None
            else self._sources.names.get(row.source),
            line=row.line,
            refusal=refusal,
            stored=_decode_stored(
                row.stored, with_validators=row.validators_url == url.href
            )
            if row.stored
            else None,
            started=row.started or 0.0,
            tries=row.tries,
            refusals=row.refusals,
            unasked=row.unasked,
        )

    def requeue(self, task: Task, *, due: float, attempts: int) -> None:
        """Return a task to the lane of its URL: a retry, or the next hop of a redirect."""
        row = RequeuedRow(
            attempts=attempts,
            tries=task.tries,
            refusals=task.refusals,
            started=task.started or None,
            ask=task.url.href if task.url != task.origin_url else None,
            hops=_encode_hops(task.hops),
        )
        self._database.gather(_MOVE, (task.id, task.url.lane, due))
        self._database.gather(_REQUEUE, (task.id, *row))

    def finish(
        self,
        task: Task,
        row: FinishedRow,
        number: int,
        not_before: float | None = None,
    ) -> None:
        """The last word on a URL in pass `number`; with `not_before` it is unasked, and a later
        pass takes it up."""
        home = task.origin_url.lane if task.hops else None
        state, *answer = row
        if row.final_url == task.origin_url.href:
            answer[_FINAL_URL] = None
        answer[_HEADERS] = encode(row.headers) if row.headers else None
        end = (task.id, state, number, home, not_before or 0.0)
        self._database.gather(_END, end)
        self._database.gather(_ANSWER, (task.id, number, *answer))
        self._database.gather(_WAITS_NO_MORE, (task.id,))

    def count_pending(self) -> int:
        """How many URLs wait (a scan of the index: 50 ms a million; not for each turn)."""
        return int(
            self._database.value_of(
                "SELECT count(*) FROM url WHERE state = 'pending'"
            )
        )

    def count_lane(self, lane: int) -> int:
        """The same of one lane (a range of the index)."""
        self._database.flush()
        return int(
            self._database.value_of(
                "SELECT count(*) FROM url WHERE state = 'pending' AND host = ?",
                lane,
            )
        )

    # -- their hosts --------------------------------------------------------------------------

    def host(self, lane: int) -> HostState | None:
        """What is remembered of a lane's host; None if it is new."""
        return self._hosts.get(lane)

    def keep_host(self, state: HostState) -> None:
        """Remember a host's pace and failures."""
        self._hosts.keep(state)

    def keep_robots(
        self, lane: int, name: str, scheme: str, at: float, text: str
    ) -> None:
        """Remember one origin's robots.txt."""
        self._hosts.keep_robots(lane, name, scheme, at, text)


def _decode_url(href: str, refusal: str | None) -> Url:
    """A URL of a row; a refused line is none, and has no host."""
    return parts_of(href) if refusal is None else Url(href, "", "")


def _encode_hops(hops: tuple[Hop, ...]) -> str | None:
    if not hops:
        return None
    return encode([[hop.url.href, hop.status] for hop in hops])


def _decode_hops(encoded: str) -> tuple[Hop, ...]:
    return tuple(
        Hop(parts_of(url), status) for url, status in orjson.loads(encoded)
    )


def _decode_stored(
    columns: list[Any], *, with_validators: bool
) -> StoredResponse:
    """What an earlier pass has stored; validators count only where they were given."""
    if not with_validators:
        columns[-2:] = None, None
    return StoredResponse(*columns)
