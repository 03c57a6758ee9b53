"""How many pages that links lead to a pass has asked of each host."""

from __future__ import annotations

from collections import Counter

from scraper.storage.database import Database

# Added up here: SQLite sorts what it groups, in memory.
_ASKED = """SELECT host FROM url JOIN answer USING (id)
  WHERE level NOT NULL AND pass = ? AND state IN ('done', 'unchanged', 'failed')
    AND attempts > 0"""


def count_asked(database: Database, number: int) -> Counter[int]:
    """By lane."""
    return Counter(lane for (lane,) in database.execute(_ASKED, (number,)))
