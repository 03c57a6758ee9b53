"""Rows of the ledger that are made from records, the last record of each URL winning.

Whatever must be looked up waits in tables, not in memory: pictures that pages name, and the URLs
that stand in the records without their secrets. All of it is one transaction of the ledger's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from scraper.model import Line
from scraper.storage.database import Database, encode
from scraper.storage.schema import ANSWER, rows_of_batch
from scraper.storage.tables.answers import keep_answers
from scraper.urls import key_of

Lead = Literal["next", "page", "link"]  # how a page leads to another


class Row(NamedTuple):
    """A record, as columns of the ledger. `key` names its URL also where `url` hides a secret."""

    key: int
    url: str
    host: int
    state: str
    number: int  # of the pass
    due: float  # of what is unasked: not before
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
    seconds_connect: float | None
    seconds_fetch: float | None
    seconds_process: float | None
    path: str | None
    bytes: int | None
    wire_bytes: int | None
    sha256: str | None
    flags: str
    offset: int
    length: int
    facts_pass: int | None
    facts_offset: int | None
    images: tuple[int, ...]  # the keys of what `images` says


_TABLES = (
    "CREATE TABLE adopted_row (id INTEGER PRIMARY KEY, key INTEGER NOT NULL UNIQUE)",
    "CREATE TABLE adopted_name (hidden INTEGER, key INTEGER PRIMARY KEY, known INTEGER DEFAULT 0)",
    "CREATE INDEX adopted_hidden ON adopted_name (hidden)",
    "CREATE TABLE adopted_image (parent INTEGER, place INTEGER, child INTEGER)",
)
_NO_TABLES = (
    "DROP TABLE adopted_row",
    "DROP TABLE adopted_name",
    "DROP TABLE adopted_image",
)

_COLUMNS = tuple(
    "pass" if name == "number" else name
    for name in Row._fields
    if name != "images"
)
_ROWS = f"{rows_of_batch(_COLUMNS)} CROSS JOIN adopted_row USING (key)"
_NUMBER = """INSERT OR IGNORE INTO adopted_row (key)
  SELECT json_extract(value, '$[0]') FROM json_each(?)"""
_SAID_AGAIN = (
    "outcome",
    "pass",
    "due",
    "seq_ahead",
    "source",
    "line_ahead",
    "written",
    "parent",
    "depth",
)
_TAKE = f"""INSERT INTO url (id, url, host, first_pass, {", ".join(_SAID_AGAIN)})
  SELECT id, url, host, pass, state, pass, due, seq - id, source, line - id, written, parent, depth
  FROM {_ROWS} WHERE true ON CONFLICT (id) DO UPDATE
  SET {", ".join(f"{name} = excluded.{name}" for name in _SAID_AGAIN)}"""
# As in a run: what a later record does not say (type, path, sha256) stays from before.
_TAKE_ANSWERS = keep_answers(
    [name for name in _COLUMNS if name in ANSWER], _ROWS, kept=("charset",)
)

_FACTS_PLACES = """SELECT key, facts_offset FROM adopted_row JOIN answer USING (id)
  WHERE key IN (SELECT value FROM json_each(?)) AND facts_offset IS NOT NULL"""

_NAME = f"""INSERT OR IGNORE INTO adopted_name (hidden, key)
  SELECT * FROM {rows_of_batch(("hidden", "key"))}"""
_IMAGE = f"INSERT INTO adopted_image SELECT * FROM {rows_of_batch(('parent', 'place', 'child'))}"
_KEY_OF = (
    "coalesce((SELECT n.key FROM adopted_name AS n WHERE n.hidden = {0}), {0})"
)

_LINKS = f"""INSERT OR IGNORE INTO link (parent, child) SELECT p.id, c.id FROM adopted_image AS i
  JOIN adopted_row AS p ON p.key = i.parent
  JOIN answer ON answer.id = p.id AND answer."offset" = i.place
  JOIN adopted_row AS c ON c.key = {_KEY_OF.format("i.child")} WHERE c.id != p.id"""
_PARENTS = f"""UPDATE url SET parent =
  (SELECT p.id FROM adopted_row AS p WHERE p.key = {_KEY_OF.format("url.parent")})
  WHERE parent IS NOT NULL"""
# A page that another had led to; by which kind of link, the configuration says, or no record does.
# What has no body is a picture if its page names it as one.
_LEADS = """INSERT OR IGNORE INTO link (parent, child, how)
  SELECT url.parent, id, ? FROM url LEFT JOIN answer USING (id)
  WHERE url.parent NOT NULL AND (path LIKE 'pages/%' OR path IS NULL AND NOT EXISTS
    (SELECT 1 FROM link WHERE link.parent = url.parent AND child = id))
  AND url.parent NOT IN (SELECT id FROM answer WHERE status IN (404, 410))"""
_LED_TO = """id IN (SELECT child FROM link WHERE how NOT NULL)
  OR parent NOT NULL AND id IN (SELECT id FROM answer WHERE path LIKE 'pages/%')"""
# Of several kinds of links it is not known how many were of which: no more levels than these.
_BY_LINKS = f"UPDATE url SET level = depth WHERE {_LED_TO}"
_BY_CHAINS = f"UPDATE url SET level = 0, chain = depth WHERE {_LED_TO}"
_LEVELS = {"next": _BY_CHAINS, "page": _BY_LINKS, "link": _BY_LINKS}
# Where else a page leads, as far as that was asked.
_LEAD_NOWHERE = """DELETE FROM link WHERE how NOT NULL AND parent IN
  (SELECT id FROM adopted_row
    WHERE key IN (SELECT json_extract(value, '$[0]') FROM json_each(?)))"""
_LEAD_ON = f"""INSERT INTO link (parent, child, how) SELECT p.id, c.id, 'link'
  FROM {rows_of_batch(("page", "key"))} AS j JOIN adopted_row AS p ON p.key = j.page
    JOIN adopted_row AS c ON c.key = j.key JOIN url ON url.id = c.id
  WHERE url.parent NOT NULL AND c.id != p.id
  ON CONFLICT DO UPDATE SET how = coalesce(how, excluded.how)"""

_TRUE_NAMES = f"""UPDATE url SET url = j.url, host = j.host
  FROM {rows_of_batch(("key", "url", "host"))} AS j JOIN adopted_row AS a ON a.key = j.key
  WHERE url.id = a.id AND j.key IN (SELECT key FROM adopted_name)"""
_ARE_KNOWN = """UPDATE adopted_name SET known = 1
  WHERE key IN (SELECT json_extract(value, '$[0]') FROM json_each(?))"""
# Children of what is forgotten, or of what was never there, would pass for URLs of a list.
_FORGET = (
    "DELETE FROM url WHERE id IN (SELECT id FROM adopted_row"
    " JOIN adopted_name USING (key) WHERE NOT known)",
    "DELETE FROM url WHERE depth > 0 AND (parent IS NULL OR parent NOT IN (SELECT id FROM url))",
    "DELETE FROM link WHERE parent NOT IN (SELECT id FROM url)"
    " OR child NOT IN (SELECT id FROM url)",
    "DELETE FROM answer WHERE id NOT IN (SELECT id FROM url)",
)
_HASHES = """INSERT INTO url_hash
  SELECT key >> 32, id FROM adopted_row JOIN url USING (id) ORDER BY 1, 2"""


class AdoptedRows:
    """Rows on their way into a ledger: `take` all records, `name` URLs, then `finish`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._execute_all(_TABLES)

    def _execute_all(
        self, statements: Iterable[str], parameters: Sequence[str] = ()
    ) -> None:
        for statement in statements:
            self._database.execute(statement, parameters)

    def take(self, rows: Sequence[Row]) -> None:
        """Insert what is new; of what is known the later record has the last word."""
        hidden = []
        images = []
        for row in rows:
            key = key_of(row.url)
            if key != row.key:
                hidden.append((key, row.key))
            images += [(row.key, row.offset, child) for child in row.images]
        batch = encode([row[:-1] for row in rows])
        self._execute_all((_NUMBER, _TAKE, _TAKE_ANSWERS), (batch,))
        self._database.execute_batch(_NAME, hidden)
        self._database.execute_batch(_IMAGE, images)

    def facts_places(self, keys: Sequence[int]) -> dict[int, int]:
        """By key, where the records stand that hold the facts of these URLs so far."""
        found = self._database.execute(_FACTS_PLACES, (encode(keys),))
        return dict(found)

    @property
    def lacks_names(self) -> bool:
        """Is there a URL of which only the key is known?"""
        return bool(
            self._database.value_of(
                "SELECT EXISTS (SELECT 1 FROM adopted_name)"
            )
        )

    def name(self, lines: Iterable[Line]) -> None:
        """URLs of the lists, as they truly are."""
        names = encode(
            [
                (key_of(each.url.href), each.url.href, each.url.lane)
                for each in lines
            ]
        )
        self._database.execute(_TRUE_NAMES, (names,))
        self._database.execute(_ARE_KNOWN, (names,))

    def lead_on(self, links: Mapping[int, Collection[int]]) -> None:
        """These pages lead there, all by their keys, and nowhere else, whatever earlier records
        say."""
        pages = [(page,) for page in links]
        pairs = [(page, key) for page, keys in links.items() for key in keys]
        self._database.execute_batch(_LEAD_NOWHERE, pages)
        self._database.execute_batch(_LEAD_ON, pairs)

    def finish(self, how: Lead) -> None:
        """Connect pages with what they lead to, and forget what could not be asked again."""
        self._execute_all((_LINKS, _PARENTS, *_FORGET))
        self._database.execute(_LEADS, (how,))
        self._execute_all((_LEVELS[how], _HASHES, *_NO_TABLES))
