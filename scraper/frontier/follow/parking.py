"""What a rule for links leaves out, while the list may name it further on: it waits elsewhere."""

from __future__ import annotations

from typing import Protocol

from scraper.frontier.lane import Lane, Returned
from scraper.frontier.lanes import Lanes
from scraper.frontier.rules import Verdict, may_be_listed
from scraper.model import Waiting


class ParkingPlace(Protocol):
    """Where it waits."""

    def park_for_list(self, id: int) -> None: ...
    def release_for_list(self) -> frozenset[int]:
        """The list has been read. Returns the lanes that gain."""


class Parking:
    """Tasks leave their lanes for this place; without one, none does."""

    def __init__(self, lanes: Lanes, place: ParkingPlace | None) -> None:
        self._lanes = lanes
        self._place = place  # while the list is read

    def takes(
        self,
        lane: Lane,
        row: Waiting | Returned,
        objection: Verdict,
    ) -> bool:
        """Is it not known yet whether this objection holds? Then the task waits there."""
        if self._place is None or not may_be_listed(row.task, objection):
            return False
        lane.take(row)
        self._place.park_for_list(row.task.id)
        lane.handed_out.pop(row.task.id)
        self._lanes.make_ready(lane)
        return True

    def end_list(self) -> None:
        """The list has been read: what it does not name it will not name."""
        if self._place is None:
            return
        gaining = self._place.release_for_list()
        self._place = None
        for lane in self._lanes.awake.values():
            # What the list has named since is known as found here.
            if any(row.task.level is not None for row in lane.rows):
                lane.read_anew()
        self._lanes.rows_added(gaining)
