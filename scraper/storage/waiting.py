"""What waits in each lane, read in handfuls, and how it leaves: back to a lane, or for good.

A lane's waiting URLs, retries and redirect hops are rows, not objects, so that a million of them
cost disk and no memory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
import orjson
from msgspec import Struct
from msgspec.structs import replace

from scraper.model import (
    Hop,
    HostState,
    LaneAhead,
    Standing,
    StoredResponse,
    Task,
    Waiting,
)
from scraper.storage.database import Database, encode
from scraper.storage.hosts import Hosts
from scraper.storage.schema import (
    ANSWER,
    FACTS_OFFSET,
    FinishedRow,
    RequeuedRow,
    rows_of_values,
)
from scraper.storage.sources import Sources
from scraper.storage.tables.answers import keep_answers, was_filtered
from scraper.urls import Url, parts_of, parts_of_all


class _Named(Struct, array_like=True, gc=False):
    """Who named the URL, and how it was written, where that is not the list and as it is."""

    written: str | None
    parent: str | None
    page: str | None
    depth: int
    level: int | None
    chain: int


class _Answered(Struct, array_like=True, gc=False):
    """What an earlier pass has learned, or the intake of a refused line."""

    error_kind: str | None
    unasked: int
    stored: list[Any] | None
    standing: list[Any] | None


class _TableRow(Struct, array_like=True, gc=False):
    """Where it stands in a table, and the other columns."""

    line: int
    columns: str


class _WaitingRow(Struct, array_like=True, gc=False):
    """The columns from which a task is made. Most wait for the first time, and have a few: the
    others come together, table by table, or not at all."""

    id: int
    url: str
    seq: int | None
    source: int | None
    line: int | None
    due: float
    named: _Named | None
    requeued: RequeuedRow | None
    answered: _Answered | None
    row: _TableRow | None


_OF_PARENT = "(SELECT p.{0} FROM {1} AS p WHERE p.id = w.parent)"
_ELSEWHERE = {"facts_offset": FACTS_OFFSET, "url": "validators_url"}
_OF_STORED = [
    _ELSEWHERE.get(name, f'"{name}"')
    for name in StoredResponse.__struct_fields__
]
_EXPRESSIONS = {
    "id": "w.id",
    "parent": _OF_PARENT.format("url", "url"),
    "page": _OF_PARENT.format("final_url", "answer"),
    "unasked": "coalesce(unasked, 0)",
    "chain": "coalesce(chain, 0)",
    "stored": f"""CASE WHEN path NOT NULL OR {was_filtered()}
    THEN json_array({", ".join(_OF_STORED)}) END""",
    "standing": f"""(SELECT json_array({", ".join(Standing.__struct_fields__)})
    FROM standing WHERE standing.id = w.id)""",
    **{
        name: f"coalesce(requeued.{name}, 0)"
        for name in ("attempts", "tries", "refusals")
    },
}


def _columns(names: Iterable[str]) -> str:
    selected = [_EXPRESSIONS.get(name, f'"{name}"') for name in names]
    return f"json_array({', '.join(selected)})"


_EXPRESSIONS |= {
    "named": f"""CASE WHEN coalesce(written, parent, nullif(depth, 0)) NOT NULL
    THEN {_columns(_Named.__struct_fields__)} END""",
    "requeued": f"""CASE WHEN requeued.id NOT NULL
    THEN {_columns(RequeuedRow._fields)} END""",
    "answered": f"""CASE WHEN answer.id NOT NULL
    THEN {_columns(_Answered.__struct_fields__)} END""",
    "row": "<row>",
}
# Of several rows of its own list the first; what stood elsewhere before may stand there yet. Where
# no list is a table, the look would cost half a microsecond.
_ROW = """json((SELECT json_array(input.line, columns) FROM input
  WHERE input.url = w.id AND input.source = w.source AND columns NOT NULL
  ORDER BY reading DESC, input.line LIMIT 1))"""
# Only the rows that are wanted are read; the index alone knows which.
_WAITING = f"""SELECT (SELECT json_group_array({_columns(_WaitingRow.__struct_fields__)})
    FROM (SELECT id AS first FROM url WHERE state = 'pending' AND host = lanes.value {{}}
      ORDER BY due, id LIMIT :limit) CROSS JOIN url AS w ON w.id = first
    LEFT JOIN requeued ON requeued.id = first LEFT JOIN answer ON answer.id = first)
  FROM json_each(:lanes) AS lanes"""
_ALL_WAITING = _WAITING.format("")
# 0.8 us a row more, and most lanes that take rows have none out
_WAITING_BUT = _WAITING.format(
    "AND id NOT IN (SELECT value FROM json_each(:without))"
)
_ASKED_BY = _WAITING.format("""AND due > 0 AND due <= :asked_by
  AND id NOT IN (SELECT value FROM json_each(:without))""")
_OF_IDS = f"""SELECT w.host, json_array({_columns(_WaitingRow.__struct_fields__)})
  FROM (SELECT value AS first FROM json_each(?)) CROSS JOIN url AS w ON w.id = first
    LEFT JOIN requeued ON requeued.id = first LEFT JOIN answer ON answer.id = first
  WHERE w.state = 'pending'"""


def _statement(sql: str, *, has_tables: bool) -> str:
    return sql.replace("<row>", _ROW if has_tables else "NULL")


_decode_rows = msgspec.json.Decoder(list[_WaitingRow]).decode

LARGE = 32  # URLs; a lane with more is large
# From lane to lane through the index, without a look at the rows between.
_NEXT = "(SELECT min(host) FROM url WHERE state = 'pending' AND host > {})"
_NEXT_LANES = f"""WITH RECURSIVE next (lane) AS (SELECT {_NEXT.format(":after")} UNION ALL
    SELECT {_NEXT.format("lane")} FROM next WHERE lane NOT NULL LIMIT :limit)
  SELECT json_group_array(json_array(lane, EXISTS (SELECT 1 FROM host WHERE id = lane), EXISTS (
    SELECT 1 FROM url WHERE state = 'pending' AND host = lane LIMIT 1 OFFSET {LARGE})))
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
# Of an answer that was not asked for again, what is said of asking stays.
_OF_ASKING: dict[str, Any] = {
    "status": None,
    "final_url": None,
    "headers": (),
    "peer": None,
    "fetched_at": None,
    "wire_bytes": None,
    "seconds_connect": None,
    "seconds_fetch": None,
}
_REMADE = keep_answers(
    ANSWER,
    rows_of_values(("id", "pass", *ANSWER)),
    (*_OF_ASKING, "etag", "last_modified"),
)
# That its body is not what it was says nothing of when it was asked.
_UNREAD = keep_answers(
    ANSWER, rows_of_values(("id", "pass", *ANSWER)), ("fetched_at",)
)
_WAITS_NO_MORE = f"DELETE FROM requeued WHERE id IN {rows_of_values(('id',))}"
_FINAL_URL, _HEADERS = map(ANSWER.index, ("final_url", "headers"))


class WaitingRows:
    """The rows that wait, as the frontier sees them: with what is remembered of their hosts."""

    def __init__(
        self, database: Database, hosts: Hosts, sources: Sources
    ) -> None:
        self._database = database
        # A URL that comes back and ends between two flushes has ended.
        database.order(
            _MOVE,
            _REQUEUE,
            _END,
            _ANSWER,
            _REMADE,
            _UNREAD,
            _WAITS_NO_MORE,
        )
        self._sources = sources
        self._hosts = hosts

    def next_lanes(self, after: int, limit: int) -> dict[int, LaneAhead]:
        """The first lanes behind `after` in which something waits, in their order."""
        self._database.flush()
        which = {"after": after, "limit": limit}
        (lanes,) = self._database.execute(_NEXT_LANES, which).fetchone()
        return {
            lane: LaneAhead(bool(known), bool(large))
            for lane, known, large in orjson.loads(lanes)
        }

    def first_of_lanes(
        self,
        lanes: Sequence[int],
        limit: int,
        without: Collection[int] = (),
        asked_by: float = 0.0,
    ) -> list[list[Waiting]]:
        """The first `limit` tasks of each of these lanes, fresh ones in the order of the list, then
        retries; `without` those that are out already. With `asked_by`, only what was asked before,
        and is due by that unix time."""
        self._database.flush()
        which: dict[str, Any] = {"lanes": encode(lanes), "limit": limit}
        statement = _ALL_WAITING
        if without or asked_by:
            which |= {"without": encode(list(without)), "asked_by": asked_by}
            statement = _ASKED_BY if asked_by else _WAITING_BUT
        sql = _statement(statement, has_tables=self._sources.has_tables)
        found = self._database.execute(sql, which).fetchall()
        return [
            self._waiting_in(lane, _decode_rows(rows))
            for lane, (rows,) in zip(lanes, found, strict=True)
        ]

    def of_ids(self, ids: Sequence[int]) -> list[Waiting]:
        """Those of these rows that wait."""
        self._database.flush()
        sql = _statement(_OF_IDS, has_tables=self._sources.has_tables)
        found = self._database.execute(sql, (encode(ids),)).fetchall()
        return [
            each
            for lane, row in found
            for each in self._waiting_in(lane, _decode_rows(row))
        ]

    def _waiting_in(self, lane: int, rows: list[_WaitingRow]) -> list[Waiting]:
        hrefs = (row.url for row in rows)
        # a refused line is no URL, and has no host
        urls = parts_of_all(hrefs) if lane else (Url(h, "", "") for h in hrefs)
        return [
            Waiting(self._task_of(row, url), row.due)
            for row, url in zip(rows, urls, strict=True)
        ]

    def _task_of(self, row: _WaitingRow, url: Url) -> Task:
        source = self._sources.names.get(row.source) if row.source else None
        task = Task(row.id, url, url, seq=row.seq, source=source, line=row.line)
        sender = self._sources.sender_of(row.source) if row.source else None
        if sender is not None:
            task = replace(task, sender=sender)
        if row.named is not None:
            task = _with_name(task, row.named)
        if row.requeued is not None:
            task = _with_requests(task, row.requeued)
        if row.answered is not None:
            task = _with_answer(task, row.answered)
        if row.row is not None:
            place, columns = row.row.line, row.row.columns
            task = replace(task, line=place, columns=columns)
        return task

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
        self._end(_ANSWER, task, row, number, not_before or 0.0)

    def finish_remade(self, task: Task, row: FinishedRow, number: int) -> None:
        """The same of a URL of which only what is made of its body is new."""
        self._end(_REMADE, task, row._replace(**_OF_ASKING), number, 0.0)

    def finish_unread(self, task: Task, row: FinishedRow, number: int) -> None:
        """The same of one whose body is not what it was: it is to be had again, so its validators
        go."""
        row = row._replace(fetched_at=None)
        self._end(_UNREAD, task, row, number, 0.0)

    def _end(
        self,
        statement: str,
        task: Task,
        row: FinishedRow,
        number: int,
        due: float,
    ) -> None:
        home = task.origin_url.lane if task.hops else None
        state, *answer = row
        if row.final_url == task.origin_url.href:
            answer[_FINAL_URL] = None
        answer[_HEADERS] = encode(row.headers) if row.headers else None
        self._database.gather(_END, (task.id, state, number, home, due))
        self._database.gather(statement, (task.id, number, *answer))
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


def _with_name(task: Task, named: _Named) -> Task:
    return replace(
        task,
        written=named.written,
        parent=parts_of(named.parent) if named.parent else None,
        page=parts_of(named.page) if named.page else None,
        depth=named.depth,
        level=named.level,
        chain=named.chain,
    )


def _with_requests(task: Task, row: RequeuedRow) -> Task:
    return replace(
        task,
        url=parts_of(row.ask) if row.ask else task.url,
        hops=_decode_hops(row.hops) if row.hops else (),
        attempt=row.attempts + 1,
        tries=row.tries,
        refusals=row.refusals,
        started=row.started or 0.0,
    )


def _with_answer(task: Task, row: _Answered) -> Task:
    stored = None
    if row.stored:
        stored = StoredResponse(*row.stored)
        # validators count where they were given
        if stored.url != task.url.href:
            stored = replace(stored, etag=None, last_modified=None)
    standing = _decode_standing(row.standing) if row.standing else None
    # What is wrong with a refused line stands in the list, not out there.
    refusal = None if task.url.host else row.error_kind
    return replace(
        task,
        unasked=row.unasked,
        stored=stored,
        standing=standing,
        refusal=refusal,
    )


def _encode_hops(hops: tuple[Hop, ...]) -> str | None:
    if not hops:
        return None
    return encode([[hop.url.href, hop.status] for hop in hops])


def _decode_hops(encoded: str) -> tuple[Hop, ...]:
    return tuple(
        Hop(parts_of(url), status) for url, status in orjson.loads(encoded)
    )


def _decode_standing(columns: list[Any]) -> Standing:
    reported, is_missing, *place = columns
    return Standing(reported, bool(is_missing), *place)
