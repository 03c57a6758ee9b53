"""What lies ahead of a run in its ledger: which hosts it would ask, and how many URLs of each."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from operator import attrgetter
from typing import NamedTuple

from scraper.storage.database import Database
from scraper.storage.sets.bitmap import Bitmap

REFUSED = 0  # the lane of lines that are no URLs

_DUE = f"state = 'pending' AND host != {REFUSED}"
# What is asked next; of a URL on its way through redirects that is another one.
_ASKED = (
    "coalesce((SELECT ask FROM requeued WHERE requeued.id = url.id), url.url)"
)
_IS_HTTPS = f"{_ASKED} LIKE 'https:%'"
# Two sums over the lane, and no GROUP BY: that would sort a million rows.
_ORIGINS = f"""SELECT min(id) FILTER (WHERE is_https), total(is_https),
    min(id) FILTER (WHERE NOT is_https), total(NOT is_https)
  FROM (SELECT id, {_IS_HTTPS} AS is_https FROM url WHERE {_DUE} AND host = ?)"""
_URLS = (
    f"SELECT {_ASKED} FROM url WHERE {_DUE} AND host = ? AND {_IS_HTTPS} = ?"
)
_LINES = f"""SELECT error_kind, count(*) FROM answer JOIN url USING (id)
  WHERE host = {REFUSED} AND seen(id) GROUP BY error_kind"""


class Origin(NamedTuple):
    """The URLs of a host that wait, and have this scheme."""

    scheme: str
    first: int  # the row of one of them
    urls: int


class Ahead:
    """Looks at the rows that wait."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, after: int = 0) -> int:
        """How many URLs wait; of those rows alone that came after this one."""
        return int(
            self._database.value_of(
                f"SELECT count(*) FROM url WHERE {_DUE} AND id > ?", after
            )
        )

    def count_among(self, ids: Bitmap) -> int:
        """How many of these rows wait."""
        self._know("is_among", ids)
        sql = f"SELECT count(*) FROM url WHERE {_DUE} AND is_among(id)"
        return int(self._database.value_of(sql))

    def last_row(self) -> int:
        """The one that came last; 0 if there is none."""
        last = self._database.value_of("SELECT max(id) FROM url")
        return int(last or 0)

    def lanes(self) -> array[int]:
        """All in which something waits, in their order: eight bytes each."""
        rows = self._database.execute(
            f"SELECT DISTINCT host FROM url WHERE {_DUE} ORDER BY host"
        )
        return array("q", (lane for (lane,) in rows))

    def origins_of(self, lane: int) -> list[Origin]:
        """What waits in a lane, the one that was named first at the front."""
        row = self._database.execute(_ORIGINS, (lane,)).fetchone()
        both = [Origin("https", *row[:2]), Origin("http", *row[2:])]
        found = [e._replace(urls=int(e.urls)) for e in both if e.urls]
        return sorted(found, key=attrgetter("first"))

    def urls_of(
        self,
        lane: int,
        scheme: str,
    ) -> Iterator[str]:
        """What would be asked of one of them."""
        which = lane, scheme == "https"
        return (url for (url,) in self._database.execute(_URLS, which))

    def refused_lines(self, seen: Bitmap) -> Counter[str]:
        """Lines among those of `seen` that are no URLs, by kind, each of them once."""
        self._know("seen", seen)
        return Counter(dict(self._database.execute(_LINES).fetchall()))

    def _know(self, name: str, ids: Bitmap) -> None:
        """From now on this function says of a row whether it is one of these."""
        self._database.connection.create_function(
            name,
            1,
            ids.__contains__,
            deterministic=True,
        )
