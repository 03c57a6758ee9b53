"""Answers that are one thing or another, by what else names their URLs.

What a page names as a picture, and came as something else, is a page if links lead to it, or if
the list names it; else it is not what it should be. Which of both is known at the latest when
nothing else is left, and until then it is no outcome: its row is parked, and what came of it lies
beside its body, so that memory stays flat. After a kill it is asked once more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import islice
from pathlib import Path

from msgspec import msgpack
from msgspec.structs import replace

from scraper.errors import LocalFault, disk_failure
from scraper.frontier.follow.scope import Scope
from scraper.messages import Processed
from scraper.model import Fetched, Task
from scraper.recording.honesty import is_no_picture
from scraper.recording.judging import Answer
from scraper.recording.made import places_in
from scraper.storage.follow.parked import FOR_LINKS
from scraper.storage.ledger import Ledger
from scraper.storage.sets.bitmap import Bitmap

_decode = msgpack.Decoder(Answer).decode
SOME = 256  # answers

# What of a task is about who names its URL.
_NAMING = (
    "depth",
    "level",
    "chain",
    "parent",
    "page",
    "written",
    "seq",
    "source",
    "sender",
    "line",
    "columns",
)


class Undecided:
    """Those of a run; `part` says where a part lies."""

    def __init__(
        self, ledger: Ledger, part: Callable[[str], str], scope: Scope
    ) -> None:
        self._ledger = ledger
        self._scope = scope
        self._part = part
        self._rows = Bitmap()
        self._named: list[int] = []  # of them, those that are decided by now

    def decide(
        self, fetched: Fetched, processed: Processed | None
    ) -> Fetched | None:
        """The answer, as its URL is named now; None if it is not known yet what it is."""
        if not (fetched.task.is_picture and is_no_picture(fetched)):
            return fetched
        fetched = self._as_named_now(fetched)
        if not fetched.task.is_picture:
            return fetched
        self._keep(fetched, processed)
        return None

    def looks_again(self, fetched: Fetched) -> bool:
        """Links of a page that has not changed were left out, perhaps, which are in scope by now:
        the list has named more since."""
        stored = fetched.task.stored if fetched.is_unchanged else None
        if stored is None or not (stored.process_hash and stored.path):
            return False
        is_page = fetched.kind == "page" and stored.error_kind is None
        return is_page and places_in(stored.process_hash) < self._scope.size

    def note_named(self, rows: Collection[int]) -> None:
        """Links lead to these rows now, or the list names them."""
        self._named += filter(self._rows.__contains__, rows)

    def take_decided(self) -> Iterator[Answer]:
        """The answers of those rows, as they are named now."""
        named, self._named = self._named, []
        return self._take(named)

    def take_rest(self) -> Iterator[Answer]:
        """Some of the others: nothing else leads to them."""
        return self._take(list(islice(self._rows, SOME)))

    def _take(self, ids: Collection[int]) -> Iterator[Answer]:
        ids = list(filter(self._rows.discard, ids))
        if ids:
            self._ledger.parked.release(FOR_LINKS, ids)
        for id in ids:
            fetched, processed = self._read(id)
            yield self._as_named_now(fetched), processed

    def _as_named_now(self, fetched: Fetched) -> Fetched:
        """What is in flight, or lies here, does not hear of who names its URL meanwhile."""
        task = fetched.task
        (row,) = self._ledger.waiting.of_ids([task.id])
        return replace(fetched, task=_named_as(task, row.task))

    def _keep(self, fetched: Fetched, processed: Processed | None) -> None:
        id = fetched.task.id
        packed = msgpack.encode((fetched, processed))
        try:
            self._path_of(id).write_bytes(packed)
        except OSError as error:
            raise LocalFault(disk_failure(error)) from error
        self._rows.add(id)
        self._ledger.parked.park(id, FOR_LINKS)

    def _read(self, id: int) -> Answer:
        path = self._path_of(id)
        try:
            packed = path.read_bytes()
            path.unlink()
        except OSError as error:
            raise LocalFault(disk_failure(error)) from error
        answer: Answer = _decode(packed)
        return answer

    def _path_of(self, id: int) -> Path:
        return Path(self._part(f"undecided-{id}"))


def _named_as(task: Task, other: Task) -> Task:
    return replace(task, **{name: getattr(other, name) for name in _NAMING})
