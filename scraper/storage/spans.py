"""Where the last record of each URL stands in records.jsonl."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from scraper.storage.database import Database, encode
from scraper.storage.schema import REOPEN


class RecordSpan(NamedTuple):
    """The record of a row, in bytes of records.jsonl; `length` is without the line's end."""

    id: int
    url: str
    offset: int
    length: int


_OF_ROWS = """SELECT json_group_array(json_array(id, url, "offset", length)) FROM
  (SELECT url.id, url, "offset", length FROM json_each(?) AS j JOIN url ON url.id = j.value
   WHERE state != 'pending' ORDER BY j.key)"""

_RECENT = """SELECT id, url, "offset", length FROM url WHERE "offset" IS NOT NULL
  AND fetched_at >= (SELECT max(fetched_at) FROM url) - ? ORDER BY "offset\""""

# Nothing is believed of them: they are asked without validators.
_REOPEN_FROM = f"""{REOPEN}, sha256 = NULL, etag = NULL, last_modified = NULL, "offset" = NULL
  WHERE "offset" >= :offset AND state != 'pending'"""


class RecordSpans:
    """The places of records, for who reads them back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, ids: Sequence[int]) -> list[RecordSpan]:
        """The last records of these rows, in this order, but of those that wait."""
        self._database.flush()
        rows = orjson.loads(self._database.value_of(_OF_ROWS, encode(ids)))
        return [RecordSpan(*row) for row in rows]

    def sample(self, limit: int) -> list[RecordSpan]:
        """The last records of up to so many rows, spread evenly over all of them."""
        last: int = self._database.value_of(
            "SELECT coalesce(max(id), 0) FROM url"
        )
        count = min(limit, last)
        return self.of(
            [
                1 + index * (last - 1) // max(count - 1, 1)
                for index in range(count)
            ]
        )

    def recent(self, seconds: float) -> list[RecordSpan]:
        """The records of the last `seconds` before the last one, in their order in the file."""
        return [
            RecordSpan(*row)
            for row in self._database.execute(_RECENT, (seconds,))
        ]

    def reopen_from(self, offset: int, number: int) -> int:
        """Make due in pass `number` what was recorded from `offset` on. Returns how many URLs."""
        which = {"offset": offset, "number": number}
        return self._database.execute(_REOPEN_FROM, which).rowcount
