"""Where the last record of each URL stands in records.jsonl."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from scraper.storage.database import Database, encode
from scraper.storage.schema import FACTS_OFFSET, REOPEN
from scraper.storage.upkeep.gone import PRUNED


class RecordSpan(NamedTuple):
    """Where the record of a row begins, and the one that holds its facts; often the same."""

    id: int
    url: str
    offset: int
    facts_offset: int
    number: int  # of its pass
    charset: str | None  # that HTTP has declared


_OF_ROWS = f"""SELECT json_group_array(json_array(id, url, "offset", facts, pass, charset)) FROM
  (SELECT url.id, url, "offset", {FACTS_OFFSET} AS facts, pass, charset
   FROM json_each(?) AS j JOIN url ON url.id = j.value JOIN answer ON answer.id = url.id
   WHERE state != 'pending' ORDER BY j.key)"""

# The last record of a URL, and a full one of a pass that may still have gone on by then; but of one
# whose files have been removed since.
_RECENT = f"""WITH horizon(at) AS (SELECT max(fetched_at) - ? FROM answer)
  SELECT "offset" FROM answer JOIN url USING (id), horizon
    WHERE "offset" IS NOT NULL AND fetched_at >= at AND state != '{PRUNED}'
  UNION SELECT facts_offset FROM answer JOIN url USING (id)
    WHERE state != '{PRUNED}' AND facts_pass IN
      (SELECT number FROM pass, horizon WHERE ended IS NULL OR ended >= at)
  ORDER BY 1"""

_REOPEN_FROM = f"""{REOPEN} WHERE state != 'pending'
  AND id IN (SELECT id FROM answer WHERE "offset" >= :offset)"""
# Nothing is believed of them: they are asked without validators.
_FORGET_FROM = """UPDATE OR FAIL answer SET sha256 = NULL, etag = NULL, last_modified = NULL,
  "offset" = NULL, facts_pass = NULL, facts_offset = NULL WHERE "offset" >= :offset"""


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

    def recent(self, seconds: float) -> list[int]:
        """Where the records of the last `seconds` before the last one begin, in their order."""
        return [
            offset for (offset,) in self._database.execute(_RECENT, (seconds,))
        ]

    def reopen_from(self, offset: int, number: int) -> int:
        """Make due in pass `number` what was recorded from `offset` on. Returns how many URLs."""
        which = {"offset": offset, "number": number}
        reopened = self._database.execute(_REOPEN_FROM, which).rowcount
        self._database.execute(_FORGET_FROM, which)
        return reopened
