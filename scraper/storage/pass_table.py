"""The numbered passes over a folder's lists: their options, their counts, what is due in each."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from msgspec import Struct

from scraper.model import STATES, flags_in, label_of
from scraper.outcomes.fills import Fills
from scraper.storage.database import Database, encode
from scraper.storage.ends import count_ends_of_pass
from scraper.storage.schema import REOPEN, SLICE, UNASKED, slices
from scraper.text import iso

_STATUS_LABEL = "http_"  # what label_of puts before a status


class Pass(Struct, frozen=True):
    """One numbered pass over the list."""

    number: int
    started: float
    ended: float | None
    arguments: Mapping[str, Any]
    counts: Mapping[str, Any]
    # The options that shape results, for each run of it that had others.
    configurations: Sequence[Mapping[str, Any]] = ()


_SELECT = """SELECT number, started, ended, arguments, counts, configuration FROM pass
  ORDER BY number DESC LIMIT ?"""

_SAVE_COUNTS = """UPDATE pass SET counts = ?, exit = ?, ended = ?
  WHERE number = ?"""

_UNASKED_OF_PASS = f"""SELECT count(*), min(due) FROM url
  WHERE pass = ? AND {UNASKED}"""

_FAILED = "state = 'failed'"
_FAILED_SO = """state IN ('failed', 'skipped') AND id IN
  (SELECT id FROM answer WHERE error_kind IN (SELECT value FROM json_each(:kinds))
    OR error_kind = 'http_status' AND status IN (SELECT value FROM json_each(:statuses)))"""
_NAMED = "(seq IS NOT NULL OR parent IS NOT NULL)"  # a list, or a page, names it still
_STORED = f"""SELECT id, url.url, coalesce(validators_url, url.url), type, error_kind
  FROM url JOIN answer USING (id)
  WHERE {SLICE} AND state != 'pending' AND path NOT NULL AND {_NAMED}"""
_REOPEN_THESE = f"{REOPEN} WHERE id IN (SELECT value FROM json_each(:ids))"
# What a body had come to, as its answer says it still.
_PUT_BACK = """UPDATE OR FAIL url SET pass = :number - 1,
    outcome = (SELECT iif(error_kind IS NULL, 'done', 'failed') FROM answer WHERE id = url.id)
  WHERE state = 'pending' AND pass = :number"""


class StoredBody(NamedTuple):
    """A URL that has a body in the folder."""

    id: int
    url: str
    final_url: str
    type: str | None
    error_kind: str | None  # under which it has ended


class PassTable:
    """The table of passes, and which rows belong to the current one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last(self) -> Pass | None:
        """The newest pass; None before the first."""
        return next(iter(self.newest_first(1)), None)

    def newest_first(self, limit: int = -1) -> list[Pass]:
        """The passes of this folder."""
        return [
            _decode_pass(*row)
            for row in self._database.execute(_SELECT, (limit,))
        ]

    def open(
        self,
        number: int,
        began: float,
        arguments: Mapping[str, Any],
        configurations: Sequence[Mapping[str, Any]],
        version: str,
    ) -> None:
        """Enter a pass that begins."""
        self._database.execute(
            "INSERT INTO pass VALUES (?, ?, NULL, ?, ?, ?, NULL, '{}')",
            (
                number,
                began,
                encode(arguments),
                encode(configurations),
                version,
            ),
        )

    def enter_adopted(
        self, number: int, began: float, ended: float, counts: Mapping[str, Any]
    ) -> None:
        """Enter a pass of which only the records are left: with what options is not known."""
        self._database.execute(
            "INSERT INTO pass VALUES (?, ?, ?, '{}', '[]', NULL, NULL, ?)",
            (number, began, ended, encode(counts)),
        )

    def set_configurations(
        self, number: int, configurations: Sequence[Mapping[str, Any]]
    ) -> None:
        """Keep the options under which the runs of a pass have made their results."""
        self._database.execute(
            "UPDATE pass SET configuration = ? WHERE number = ?",
            (encode(configurations), number),
        )

    def save_counts(
        self,
        number: int,
        counts: bytes,
        exit_code: int | None = None,
        ended: float | None = None,
    ) -> None:
        """Keep the counts, so that a resumed pass goes on counting."""
        values = (counts.decode(), exit_code, ended, number)
        self._database.execute(_SAVE_COUNTS, values)

    def end(self, number: int, ended: float) -> None:
        """Enter that a pass has ended."""
        self._database.execute(
            "UPDATE pass SET ended = ? WHERE number = ?", (ended, number)
        )

    def set_changes(self, number: int, changes: Mapping[str, int]) -> None:
        """Correct how many changes of a pass were reported."""
        self._database.execute(
            "UPDATE pass SET counts = json_set(counts, '$.changes', json(?)) WHERE number = ?",
            (encode(changes), number),
        )

    def recount(self, last: Pass) -> None:
        """Open a pass again, with the counts that follow from its rows."""
        counts = {**last.counts, **self._count_ends(last.number)}
        self._database.execute(
            "UPDATE pass SET ended = NULL, counts = ? WHERE number = ?",
            (encode(counts), last.number),
        )

    def _count_ends(self, number: int) -> dict[str, Any]:
        """States and failures of a pass, out of its rows, and what it has left unasked."""
        states: dict[str, int] = dict.fromkeys(STATES, 0)
        failures: dict[str, int] = {}
        skips: dict[str, int] = {}
        flags: Counter[str] = Counter()
        fills = Fills()
        total_bytes = 0
        for end in count_ends_of_pass(self._database.connection, number):
            states[end.state] += end.urls
            total_bytes += end.bytes
            for flag in flags_in(end.flags):
                flags[flag] += end.urls
            fills.add(end.fills or Fills())
            if end.error_kind is not None:
                label = label_of(end.error_kind, end.status)
                group = skips if end.state == "skipped" else failures
                group[label] = group.get(label, 0) + end.urls
        ((unasked, not_before),) = self._database.execute(
            _UNASKED_OF_PASS, (number,)
        )
        return {
            **states,
            "failures": failures,
            "skips": skips,
            "flags": dict(flags.most_common()),
            "recipes": fills.as_dict(),
            "bytes": total_bytes,
            "unasked": unasked,
            "not_before": None if not_before is None else iso(not_before),
        }

    # -- what is due --------------------------------------------------------------------------

    def count_urls(self, number: int) -> int:
        """How many URLs pass `number` is about so far."""
        return int(
            self._database.value_of(
                "SELECT count(*) FROM url WHERE pass = ?", number
            )
        )

    def adopt_pending(self, number: int) -> None:
        """What an earlier pass has left becomes part of pass `number`."""
        self._database.execute(
            "UPDATE OR FAIL url SET pass = ?1 WHERE state = 'pending' AND pass != ?1",
            (number,),
        )

    def reopen_failed(self, number: int, kinds: Sequence[str]) -> int:
        """Make failed URLs due in pass `number`: those of `kinds`, or all that are not final.

        A kind may be a label with its status, such as `http_404`. Returns how many are due,
        with those that an earlier pass has left.
        """
        statuses = [int(_status_in(kind)) for kind in kinds if _status_in(kind)]
        names = [kind for kind in kinds if not _status_in(kind)]
        which = {
            "number": number,
            "kinds": encode(names),
            "statuses": encode(statuses),
        }
        condition = _FAILED_SO if kinds else _FAILED
        self._database.flush()
        self._database.execute(
            f"{REOPEN} WHERE ({condition}) AND {_NAMED}", which
        )
        return int(
            self._database.value_of(
                "SELECT count(*) FROM url WHERE state = 'pending'"
            )
        )

    def reopen_unasked(self, number: int, now: float) -> int:
        """Make due in pass `number` what an earlier one has left unasked, if it may be asked by
        now. Returns how many."""
        self._database.flush()
        return self._database.execute(
            f"{REOPEN} WHERE {UNASKED} AND due <= :now AND {_NAMED}",
            {"number": number, "now": now},
        ).rowcount

    def unasked_hosts(self) -> int:
        """For how many hosts something was left unasked."""
        self._database.flush()
        return int(
            self._database.value_of(
                f"SELECT count(DISTINCT host) FROM url WHERE {UNASKED} AND {_NAMED}"
            )
        )

    def reopen_stored(
        self, number: int, takes: Callable[[StoredBody], bool]
    ) -> int:
        """Make due in pass `number` those of the stored bodies that it `takes`. Returns how
        many."""
        reopened = 0
        self._database.flush()
        for some in slices(self._database.connection):
            rows = self._database.execute(_STORED, some).fetchall()
            bodies = itertools.starmap(StoredBody, rows)
            ids = [each.id for each in bodies if takes(each)]
            which = {"number": number, "ids": encode(ids)}
            self._database.execute(_REOPEN_THESE, which)
            reopened += len(ids)
        return reopened

    def put_back(self, number: int) -> None:
        """What waits of the stored bodies that pass `number` has taken is as it was before."""
        self._database.execute(_PUT_BACK, {"number": number})

    def reopen_listed(self, number: int) -> int:
        """Make all that a list names due in pass `number`, but for what is part of it already.

        Returns how many are due now.
        """
        self._database.flush()
        return self._database.execute(
            f"{REOPEN} WHERE seq IS NOT NULL AND pass < :number AND state != 'pending'",
            {"number": number},
        ).rowcount


def _decode_pass(
    number: int,
    started: float,
    ended: float | None,
    arguments: str,
    counts: str,
    configurations: str,
) -> Pass:
    return Pass(
        number,
        started,
        ended,
        orjson.loads(arguments),
        orjson.loads(counts),
        orjson.loads(configurations),
    )


def _status_in(kind: str) -> str:
    """The status in a label such as `http_404`; empty if it is another kind."""
    status = kind.removeprefix(_STATUS_LABEL)
    return status if status != kind and status.isdigit() else ""
