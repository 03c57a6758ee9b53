"""Which notices there are: kept in the ledger from the commit of an edge until they are delivered.

A kill in between has the next run deliver them, with the same id: at least once.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson
from msgspec.structs import replace

from scraper.config.settings import ChangesSettings
from scraper.machine.clock import Clock
from scraper.machine.files import Folder
from scraper.notices.command import hand_to
from scraper.notices.edges import Standing, learn_empty, learn_end
from scraper.notices.moved import Moved, read_moved
from scraper.reports.summary import Report
from scraper.storage.ledger import Ledger
from scraper.text import counted, iso, printable

logger = logging.getLogger("scraper")

News = Mapping[str, Any]  # what a notice says besides what all of them do

SCHEMA = 1  # of a notice
MAX_WAITING = 100  # that are kept for a command that takes none; older ones go
# names of facts
_STANDING = "notices_standing"
_WAITING = "notices_waiting"
_FOLDER = "notices_of"
_CHANGES = "changes.jsonl"


class Notices:
    """Those of one folder, for the run that has it."""

    def __init__(
        self,
        ledger: Ledger,
        folder: Folder,
        keys: ChangesSettings,
    ) -> None:
        self._ledger = ledger
        self._folder = folder
        self._keys = keys

    # -- what turns ---------------------------------------------------------------------------

    def note_end(self, report: Report, now: float) -> None:
        """A run ends so: what has turned is part of the commit of its end."""
        standing = self._standing(report)
        news: list[News] = []
        for learn in (
            self._learn_health,
            self._learn_fields,
            self._learn_moves,
        ):
            standing, found = learn(standing, report)
            news += found
        for each in news:
            standing = replace(standing, serial=standing.serial + 1)
            notice = self._notice(
                each,
                standing.serial,
                report,
                now,
            )
            self._add(notice)
        text = msgspec.json.encode(standing).decode()
        self._ledger.set_meta(_STANDING, text)

    def _learn_health(
        self, standing: Standing, report: Report
    ) -> tuple[Standing, list[News]]:
        after = self._keys.notify_after
        standing, edge = learn_end(standing, report.exit_code, after)
        if edge is None:
            return standing, []
        if edge == "recovered":
            return standing, [{"event": edge, "text": "all is well again"}]
        text = f"{counted(standing.bad, 'run')} in a row were not well"
        return standing, [{"event": edge, "runs": standing.bad, "text": text}]

    def _learn_fields(
        self, standing: Standing, report: Report
    ) -> tuple[Standing, list[News]]:
        if not report.fills.recipes:
            return standing, []
        empty = [(d.recipe, d.field) for d in report.dropped if d.is_empty]
        standing, fields = learn_empty(standing, empty)
        return standing, [_of_fields(fields)] if fields else []

    def _learn_moves(
        self, standing: Standing, report: Report
    ) -> tuple[Standing, list[News]]:
        number = report.number
        if report.stopped is not None or number <= standing.changes_to:
            return standing, []
        moved = self._moved(standing, number)
        standing = replace(standing, changes_to=number, changes_at=moved.end)
        return standing, [_of_changes(moved)] if moved.counts else []

    def _standing(self, report: Report) -> Standing:
        text = self._ledger.meta(_STANDING)
        if text is not None:
            return msgspec.json.decode(text, type=Standing)
        # Of the first pass all is new, and of those before no notice was wanted.
        return Standing(changes_to=max(report.number - 1, 1))

    def _moved(self, standing: Standing, number: int) -> Moved:
        passes = range(standing.changes_to + 1, number + 1)
        wanted = self._keys.notify_fields
        try:
            with self._folder.open_reader(_CHANGES) as file:
                return read_moved(
                    file,
                    standing.changes_at,
                    passes,
                    wanted,
                )
        except FileNotFoundError:
            return Moved()
        except OSError as error:
            # the end of the pass matters more
            logger.error("notify: %s cannot be read: %s", _CHANGES, error)
            return Moved()

    def _notice(
        self,
        news: News,
        serial: int,
        report: Report,
        now: float,
    ) -> dict[str, Any]:
        folder = Path(self._folder.path).absolute()
        return {
            "schema": SCHEMA,
            "id": f"{self._folder_id()}-{serial}",
            "folder": str(folder),
            "pass": report.number,
            "at": iso(now),
            "exit_code": report.exit_code,
            **news,
            "text": printable(f"{folder.name}: {news['text']}"),
            "summary": report.text(),
        }

    def _folder_id(self) -> str:
        known = self._ledger.meta(_FOLDER)
        if known is None:
            known = secrets.token_hex(6)
            self._ledger.set_meta(_FOLDER, known)
        return known

    # -- until they are delivered -------------------------------------------------------------

    def waiting(self) -> list[dict[str, Any]]:
        """Those that are not delivered, oldest first."""
        text = self._ledger.meta(_WAITING)
        return [] if text is None else list(orjson.loads(text))

    def _add(self, notice: Mapping[str, Any]) -> None:
        waiting = [*self.waiting(), notice]
        if dropped := waiting[:-MAX_WAITING]:
            logger.error(
                "notify: %s dropped, the oldest of more than %d that wait",
                counted(len(dropped), "notice"),
                MAX_WAITING,
            )
        self._keep(waiting[-MAX_WAITING:])

    def _keep(self, notices: Sequence[Mapping[str, Any]]) -> None:
        text = orjson.dumps(notices).decode() if notices else None
        self._ledger.set_meta(_WAITING, text)

    def deliver(self, now: Clock) -> None:
        """Hand over what waits, up to the first that is not taken: the next run tries it again.

        None is begun when the time for one has passed: until then the folder is not free.
        """
        waiting = self.waiting()
        ends = now() + self._keys.notify_time_seconds
        while waiting and now() < ends:
            notice = orjson.dumps(waiting[0]) + b"\n"
            command = self._keys.notify
            failed = hand_to(
                command,
                notice,
                self._keys.notify_time_seconds,
            )
            if failed is not None:
                logger.error(
                    "notify: %s %s; %s sent after the next run",
                    command[0],
                    failed,
                    counted(len(waiting), "notice"),
                )
                return
            waiting.pop(0)
            self._keep(waiting)
            self._ledger.commit()


def _of_fields(fields: Sequence[tuple[str, str | None]]) -> News:
    names = ", ".join(
        f"{field} of {recipe}" if field else f"all of {recipe}"
        for recipe, field in fields
    )
    return {
        "event": "fields",
        "fields": [
            {"recipe": recipe, "field": field} for recipe, field in fields
        ],
        "text": f"found no more: {names}",
    }


def _of_changes(moved: Moved) -> News:
    words = (f"{n:,} {word}" for word, n in moved.counts.most_common())
    return {
        "event": "changes",
        "counts": dict(moved.counts),
        "lines": moved.lines,
        "text": ", ".join(words),
    }
