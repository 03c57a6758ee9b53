"""What is remembered of each host: its pace, its failures, its robots.txt, its class; and which of
its URLs came to the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

import orjson

from scraper.model import HostState
from scraper.storage.database import Database, encode
from scraper.storage.schema import UNASKED, rows_of_values
from scraper.urls import lane_of

_COLUMNS = HostState.__struct_fields__
_OPTIONAL = (
    "robots",
    "host_class",
    "given_up",
    "given_up_why",
    "not_before",
    "failed_with",
)
_EXPRESSIONS = [
    name if name in ("id", "name", *_OPTIONAL) else f"coalesce({name}, 0)"
    for name in _COLUMNS
]
SELECT = f"SELECT {', '.join(_EXPRESSIONS)} FROM host WHERE id = ?"
# The same, without the text of robots.txt, of hosts that are left alone.
_WITHOUT_ROBOTS = ["NULL" if e == "robots" else e for e in _EXPRESSIONS]
LEFT_ALONE = f"""SELECT {", ".join(_WITHOUT_ROBOTS)} FROM host
  WHERE given_up IS NOT NULL OR refusals OR silences OR pause_until > :now
    OR id IN (SELECT host FROM url WHERE {UNASKED})
  ORDER BY pause_until DESC"""

# Of those that have taught something, for which URLs wait.
LEARNED = f"""SELECT {", ".join(_WITHOUT_ROBOTS)} FROM host
  WHERE (learned_rate OR quota) AND id IN (SELECT host FROM url WHERE state = 'pending')
  ORDER BY learned_rate LIMIT :limit"""

# its robots.txt and its class are kept when they are learned
_KEPT = tuple(name for name in _COLUMNS if name not in ("robots", "host_class"))
_KEEP = f"""INSERT INTO host ({", ".join(_KEPT)}) VALUES ({", ".join("?" * len(_KEPT))})
  ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _KEPT[2:])}"""
_values_of = attrgetter(*_KEPT)

_KEEP_ROBOTS = """INSERT INTO host (id, name, robots) VALUES (?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET robots = excluded.robots"""

_KEEP_CLASS = """INSERT INTO host (id, name, host_class) VALUES (?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET host_class = excluded.host_class"""

# A new pass gives a host its patience back; that it was given up before stays known.
_RESET = """UPDATE host SET refusals = 0, silences = 0, troubled_since = 0,
  given_up = NULL, given_up_why = NULL, not_before = NULL
  WHERE refusals OR silences OR given_up IS NOT NULL"""


class Hosts:
    """The table of hosts, by lane."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, lane: int) -> HostState | None:
        """What earlier runs have learned of a host; None if it is new."""
        row = self._database.execute(SELECT, (lane,)).fetchone()
        return HostState(*row) if row else None

    def keep(self, state: HostState) -> None:
        """Remember a host's pace and troubles; its robots.txt stays as it is."""
        self._database.execute(_KEEP, _values_of(state))

    def keep_robots(
        self, lane: int, name: str, scheme: str, at: float, text: str
    ) -> None:
        """Remember one origin's robots.txt: {scheme: [unix time, text]}."""
        known = self.get(lane)
        robots = orjson.loads(known.robots) if known and known.robots else {}
        robots[scheme] = [at, text]
        self._database.execute(_KEEP_ROBOTS, (lane, name, encode(robots)))

    def reset_troubles(self) -> None:
        """A new pass gives hosts that were given up another chance."""
        self._database.execute(_RESET)

    def classes(self) -> dict[str, str]:
        """Which hosts were private or public when first looked up."""
        rows = self._database.execute(
            "SELECT name, host_class FROM host WHERE host_class IS NOT NULL"
        )
        return dict(rows.fetchall())

    def keep_classes(self, classes: Mapping[str, str]) -> None:
        """Remember them: what was public once must not lead into a private network tomorrow."""
        for name, host_class in classes.items():
            self._database.execute(
                _KEEP_CLASS, (lane_of(name), name, host_class)
            )


class AlikeRow(NamedTuple):
    """What some URLs of a host came to, and who they are; both as 64 bits of a hash."""

    slot: int
    what: int
    urls: tuple[int, ...]


_ALIKE = ("host", "slot", "what", "urls")
_KEEP_ALIKE = f"""INSERT OR REPLACE INTO alike ({", ".join(_ALIKE)})
  SELECT * FROM {rows_of_values(_ALIKE)}"""
_ALIKE_OF_HOST = (
    "SELECT slot, what, urls FROM alike WHERE host = ? ORDER BY slot"
)


class AlikeTable:
    """The table of what is alike: a ring of slots for each host."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_empty = not database.value_of(
            "SELECT EXISTS (SELECT 1 FROM alike)"
        )

    def of_host(self, lane: int) -> list[AlikeRow]:
        """What is known of a host."""
        if self._is_empty:
            return []
        return [
            AlikeRow(slot, what, tuple(orjson.loads(urls)))
            for slot, what, urls in self._database.execute(
                _ALIKE_OF_HOST, (lane,)
            )
        ]

    def keep(
        self, lane: int, slot: int, what: int, urls: Sequence[int]
    ) -> None:
        """Remember it in the place of what the slot held."""
        self._database.gather(_KEEP_ALIKE, (lane, slot, what, encode(urls)))

    def settle(self) -> None:
        """What was kept will be read again in this run."""
        self._database.flush()
        self._is_empty = False
