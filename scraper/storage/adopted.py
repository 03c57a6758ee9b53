"""Rows of the ledger that are made from records, the last record of each URL winning.

Whatever must be looked up waits in tables, not in memory: pictures that pages name, and the URLs
that stand in the records without their secrets. All of it is one transaction of the ledger's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from scraper.model import Line
from scraper.storage.ledger import Ledger
from scraper.urls import key_of


class Row(NamedTuple):
    """A record, as columns of the ledger. `key` names its URL also where `url` hides a secret."""

    key: int
    url: str
    host: int
    state: str
    number: int
    seq: int | None
    source: int | None
    line: int | None
    written: str | None
    parent: int | None  # the key of what `parent` says
    depth: int
    attempts: int
    error_kind: str | None
    status: int | None
    final_url: str | None
    type: str | None
    charset: str | None
    fetched_at: float | None
    connect: float | None
    fetch: float | None
    process: float | None
    path: str | None
    bytes: int | None
    wire_bytes: int | None
    sha256: str | None
    place: int
    length: int
    images: tuple[int, ...]  # the keys of what `images` says


_TABLES = (
    "CREATE TABLE adopted_name (told INTEGER, key INTEGER PRIMARY KEY, known INTEGER DEFAULT 0)",
    "CREATE INDEX adopted_told ON adopted_name (told)",
    "CREATE TABLE adopted_image (parent INTEGER, place INTEGER, child INTEGER)",
)
_NO_TABLES = ("DROP TABLE adopted_name", "DROP TABLE adopted_image")

_FIELDS = ", ".join(
    f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(Row._fields)
)
# As in a run: what a later record does not tell anew (type, path, sha256) stays from before.
_TAKE = f"""INSERT INTO url (key, url, host, state, pass, seq, source, line, written, parent, depth,
    first_pass, changed_pass, attempts, error_kind, status, final_url, type, charset, fetched_at,
    seconds_connect, seconds_fetch, seconds_process, path, bytes, wire_bytes, sha256, "offset",
    length)
  SELECT key, url, host, state, number, seq, source, line, written, parent, depth, number,
    CASE WHEN sha256 IS NOT NULL THEN number END, attempts, error_kind, status, final_url, type,
    charset, fetched_at, "connect", "fetch", process, path, bytes, wire_bytes, sha256, place, length
  FROM (SELECT {_FIELDS} FROM json_each(?)) WHERE true
  ON CONFLICT (key) DO UPDATE SET state = excluded.state, pass = excluded.pass, seq = excluded.seq,
    source = excluded.source, line = excluded.line, written = excluded.written,
    parent = excluded.parent, depth = excluded.depth, attempts = excluded.attempts,
    error_kind = excluded.error_kind, status = excluded.status, final_url = excluded.final_url,
    type = coalesce(excluded.type, type), charset = coalesce(excluded.charset, charset),
    fetched_at = excluded.fetched_at, seconds_connect = excluded.seconds_connect,
    seconds_fetch = excluded.seconds_fetch, seconds_process = excluded.seconds_process,
    path = coalesce(excluded.path, path), bytes = excluded.bytes,
    wire_bytes = excluded.wire_bytes,
    changed_pass = CASE WHEN excluded.sha256 IS NOT NULL AND excluded.sha256 IS NOT sha256
      THEN excluded.pass ELSE changed_pass END,
    previous_sha256 = CASE WHEN excluded.sha256 IS NULL THEN previous_sha256 ELSE sha256 END,
    sha256 = coalesce(excluded.sha256, sha256), "offset" = excluded."offset",
    length = excluded.length"""

_NAME = """INSERT OR IGNORE INTO adopted_name (told, key)
  SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)"""
_IMAGE = """INSERT INTO adopted_image SELECT json_extract(value, '$[0]'),
  json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(?)"""
_KEY_OF = "coalesce((SELECT n.key FROM adopted_name AS n WHERE n.told = {0}), {0})"

_LINKS = f"""INSERT OR IGNORE INTO link SELECT p.id, c.id FROM adopted_image AS i
  JOIN url AS p ON p.key = i.parent AND p."offset" = i.place
  JOIN url AS c ON c.key = {_KEY_OF.format("i.child")} WHERE c.id != p.id"""
_PARENTS = f"""UPDATE url SET parent =
  (SELECT p.id FROM url AS p WHERE p.key = {_KEY_OF.format("url.parent")})
  WHERE parent IS NOT NULL"""

_TRUE_NAMES = """UPDATE url SET url = j.url, host = j.host FROM
  (SELECT json_extract(value, '$[0]') AS key, json_extract(value, '$[1]') AS url,
    json_extract(value, '$[2]') AS host FROM json_each(?)) AS j
  WHERE url.key = j.key AND j.key IN (SELECT key FROM adopted_name)"""
_ARE_KNOWN = """UPDATE adopted_name SET known = 1
  WHERE key IN (SELECT json_extract(value, '$[0]') FROM json_each(?))"""
# Children of what is forgotten, or of what was never there, would pass for URLs of a list.
_FORGET = (
    "DELETE FROM url WHERE key IN (SELECT key FROM adopted_name WHERE NOT known)",
    "DELETE FROM url WHERE depth > 0 AND (parent IS NULL OR parent NOT IN (SELECT id FROM url))",
    "DELETE FROM link WHERE parent NOT IN (SELECT id FROM url)"
    " OR child NOT IN (SELECT id FROM url)",
)


class AdoptedRows:
    """Rows on their way into a ledger: `take` all records, `name` URLs, then `finish`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        for statement in _TABLES:
            ledger.execute(statement)

    def take(self, rows: Sequence[Row]) -> None:
        """Insert what is new, and let it tell the last word on what is known."""
        self._ledger.execute(_TAKE, _json([list(row) for row in rows]))
        hidden = [(key_of(row.url), row.key) for row in rows if key_of(row.url) != row.key]
        if hidden:
            self._ledger.execute(_NAME, _json(hidden))
        images = [(row.key, row.place, child) for row in rows for child in row.images]
        if images:
            self._ledger.execute(_IMAGE, _json(images))

    @property
    def lacks_names(self) -> bool:
        """Is there a URL of which only the key is known?"""
        return bool(self._ledger.execute("SELECT EXISTS (SELECT 1 FROM adopted_name)"))

    def name(self, lines: Iterable[Line]) -> None:
        """URLs of the lists, as they truly are."""
        names = _json([(key_of(each.url.href), each.url.href, each.url.lane) for each in lines])
        self._ledger.execute(_TRUE_NAMES, names)
        self._ledger.execute(_ARE_KNOWN, names)

    def finish(self) -> None:
        """Connect pages with their pictures, and forget what could not be asked again."""
        for statement in (_LINKS, _PARENTS, *_FORGET, *_NO_TABLES):
            self._ledger.execute(statement)


def _json(values: object) -> str:
    return orjson.dumps(values).decode()
