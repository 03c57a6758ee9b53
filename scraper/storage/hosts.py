"""What is remembered of each host: its pace, its failures, its robots.txt, its class."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from scraper.model import HostState
from scraper.storage.database import Database, encode
from scraper.urls import lane_of

_SELECT = """SELECT id, name, robots, learned_delay, consecutive_failures, pause_until, class
  FROM host WHERE id = ?"""

_KEEP = """INSERT INTO host (id, name, learned_delay, consecutive_failures, pause_until, class)
  VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET learned_delay = excluded.learned_delay,
    consecutive_failures = excluded.consecutive_failures, pause_until = excluded.pause_until,
    class = coalesce(excluded.class, class)"""

_KEEP_ROBOTS = """INSERT INTO host (id, name, robots, consecutive_failures, pause_until)
  VALUES (?, ?, ?, 0, 0) ON CONFLICT (id) DO UPDATE SET robots = excluded.robots"""

_KEEP_CLASS = """INSERT INTO host (id, name, consecutive_failures, pause_until, class)
  VALUES (?, ?, 0, 0, ?) ON CONFLICT (id) DO UPDATE SET class = excluded.class"""


class Hosts:
    """The table of hosts, by lane."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, lane: int) -> HostState | None:
        """What earlier runs have learned of a host; None if it is new."""
        row = self._database.execute(_SELECT, (lane,)).fetchone()
        return HostState(*row) if row else None

    def keep(self, state: HostState) -> None:
        """Remember a host's pace and failures; its robots.txt stays as it is."""
        values = (
            state.id,
            state.name,
            state.learned_delay,
            state.consecutive_failures,
            state.pause_until,
            state.host_class,
        )
        self._database.execute(_KEEP, values)

    def keep_robots(
        self, lane: int, name: str, scheme: str, at: float, text: str
    ) -> None:
        """Remember one origin's robots.txt: {scheme: [unix time, text]}."""
        known = self.get(lane)
        robots = orjson.loads(known.robots) if known and known.robots else {}
        robots[scheme] = [at, text]
        self._database.execute(_KEEP_ROBOTS, (lane, name, encode(robots)))

    def reset_failures(self) -> None:
        """A new pass gives hosts that were down another chance."""
        self._database.execute(
            "UPDATE host SET consecutive_failures = 0 WHERE consecutive_failures > 0"
        )

    def classes(self) -> dict[str, str]:
        """Which hosts were private or public when first looked up."""
        rows = self._database.execute(
            "SELECT name, class FROM host WHERE class IS NOT NULL"
        )
        return dict(rows.fetchall())

    def keep_classes(self, classes: Mapping[str, str]) -> None:
        """Remember them: what was public once must not lead into a private network tomorrow."""
        for name, host_class in classes.items():
            self._database.execute(
                _KEEP_CLASS, (lane_of(name), name, host_class)
            )
