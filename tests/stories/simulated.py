"""A whole run in one thread, each turn of it drawn from a seed, that dies where it is told.

The coordinator, frontier, journal, ledger, store and sinks are the real ones, wired by the real
`Run`. Fetching, processing, reading and the clock are played: a `Deck` holds what threads
and processes would be doing, and whenever the coordinator waits it finishes something of that, at
random. What a URL comes to is a pure function of the URL and the attempt. The run has a process of
its own, so that a crash is a crash: `os._exit` between two writes, or in the middle of a line.
"""

from __future__ import annotations

import hashlib
import os
import random
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty
from typing import Any, cast
from urllib.parse import urlsplit

import orjson
import pytest

import processors.recipes  # noqa: F401  here once; each run of its own process would do so again
from scraper import errors, journal
from scraper.config import Config, FetchSettings, configure
from scraper.engine import Makers
from scraper.errors import LocalFault
from scraper.frontier.frontier import Frontier
from scraper.guard.guard import Guard
from scraper.http import bodies
from scraper.http.fetcher import Fetcher
from scraper.http.flight import Flight
from scraper.messages import (
    Inbox,
    InputExhausted,
    LinesReady,
    PoolBroken,
    Processed,
    WorkReturned,
)
from scraper.model import (
    Fact,
    Fetched,
    FetchFailed,
    Moved,
    Publication,
    Task,
    Timings,
)
from scraper.runner import Run
from scraper.sources.reader import Reader
from scraper.sources.source import given_source
from scraper.sources.text import parse_line
from scraper.urls import parts_of
from scraper.workers.stage import ProcessStage, WorkItem
from tests.stories import writes

HOSTS = ("a.test", "b.test", "c.test")
FINISHED, LEFT, FAULT, CRASHED, BUG = 0, 1, 5, 77, 99
START = 1_700_000_000.0


@dataclass(frozen=True)
class Turn:
    """One run of the folder: what is asked of it, and what happens to it."""

    seed: int
    at: float = START  # unix time at which it begins
    # The hosts are well: what is not to be had fails after its first byte.
    well: bool = False
    retry: bool = False
    refresh: bool = False
    # the write before which it dies: which, the how-manieth
    crash_at: tuple[str, int] = (
        "",
        0,
    )
    fault_at: int = (
        0  # the request for which this machine has no file descriptor left
    )
    stop_at: int = 0  # the outcome after which the run is told to stop
    leave_at: int = 0  # the outcome after which nobody listens any more
    name: str = ""  # the template of the names of files

    @property
    def recipes(self) -> dict[str, Any]:
        """Most runs have one that gives items."""
        return {"each": ".item", "select": ("n=b",)} if self.seed % 4 else {}


def take(turn: Turn, folder: Path, paths: list[str], told: Path) -> int:
    """Run in a process of its own; how it ended. Outcomes are noted in `told` as they come."""
    with warnings.catch_warnings():
        # fork beside idle threads of others
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        code = BUG
        try:
            code = _played(turn, folder, [url_of(path) for path in paths], told)
        except BaseException:  # noqa: BLE001  only the parent may go on
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _played(turn: Turn, folder: Path, urls: list[str], told: Path) -> int:
    deck = Deck(random.Random(turn.seed), turn.at)
    patch = pytest.MonkeyPatch()  # never undone: this process ends
    patch.setattr(journal, "BATCH", 4)
    writes.watch(patch, folder, _Fate(turn.crash_at).step)
    config = configure(dir=str(folder), threads=4, window=8, robots="off", allow_hosts=HOSTS,
                       retries=2, per_host=2, name=turn.name, **turn.recipes)  # fmt: skip
    retry = () if turn.retry else None
    run = Run([given_source(urls, "list")], config, retry, refresh=turn.refresh,
                  with_stored=True, makers=makers_of(deck, turn.fault_at, turn.well))  # fmt: skip
    note = os.open(told, os.O_WRONLY | os.O_TRUNC | os.O_CREAT)
    try:
        with run:
            for number, outcome in enumerate(run, 1):
                record = outcome.record
                os.write(
                    note, orjson.dumps([record["pass"], record["key"]]) + b"\n"
                )
                if number == turn.stop_at:
                    run.stop("enough", grace=deck.draw.choice([0.0, 60.0]))
                if number == turn.leave_at:
                    # Perhaps with the pass complete, but it has not heard all.
                    return LEFT
    except LocalFault:
        return FAULT
    return FINISHED if run.complete else LEFT


def makers_of(deck: Deck, fault_at: int = 0, well: bool = False) -> Makers:
    """A run that is made with it does what the deck draws."""
    return Makers(
        inbox=lambda: cast("Inbox", deck),
        clock=lambda: deck.now,
        threads=lambda _: cast("Executor", deck),
        fetcher=partial(Web, deck=deck, fault_at=fault_at, well=well),
        frontier=partial(Frontier, draw=deck.draw),
        reader=lambda sources, post: cast("Reader", Pages(deck, sources, post)),
        stage=lambda config, *_, **__: cast(
            "ProcessStage", Workers(deck, config)
        ),
    )


class _Fate:
    """Ends the process at one write."""

    def __init__(self, crash_at: tuple[str, int]) -> None:
        self._name, self._left = crash_at

    def step(self, name: str) -> None:
        if name == self._name:
            self._left -= 1
            if self._left == 0:
                os._exit(CRASHED)


# -- the world --------------------------------------------------------------------------------

# What a path's first part stands for; the number behind it makes it one of many.
KINDS = ("page", "picture", "file", "again1", "again2", "never", "busy", "gone", "moved", "hops",
         "circle", "broken", "dies", "denied", "nonsense")  # fmt: skip
FAILS = {"never", "gone", "circle", "broken", "dies", "nonsense"}
SKIPPED = {"denied"}


def url_of(path: str) -> str:
    """The line of the list that a path such as `page/3` stands for."""
    kind, _, number = path.partition("/")
    if kind == "nonsense":
        return f"http://[{number}/"
    host = (
        "denied.test" if kind == "denied" else HOSTS[int(number) % len(HOSTS)]
    )
    return f"http://{host}/{path}"


def body_of(url: str) -> bytes:
    """What is to be had there: of pictures and files there are two, under many URLs."""
    kind, number = urlsplit(url).path.strip("/").split("/")[:2]
    if kind in ("picture", "file"):
        url = f"{kind} {int(number) % 2}"
    return f"the body of {url} ".encode() * 3


class Web(Fetcher):
    """Fetches, but from nowhere."""

    def __init__(self, keys: FetchSettings, guard: Guard, parts: Path, *, deck: Deck,
                 fault_at: int, well: bool, **more: Any) -> None:  # fmt: skip
        super().__init__(keys, guard, parts, **more)
        self._folder_of_parts = parts
        self._deck = deck
        self._left = fault_at
        self._well = well

    def fetch(self, flight: Flight) -> Fact:
        """What asking this comes to."""
        flight.begin()
        task = flight.task
        kind, number = urlsplit(task.url.href).path.strip("/").split("/")[:2]
        self._left -= 1
        if flight.abort_reason is not None:
            return self._came_to_nothing(task, flight.abort_reason)
        if self._left == 0:
            return self._came_to_nothing(
                task, errors.new_failure("no_descriptors", "none left")
            )
        if kind == "never" or (
            kind[:5] == "again" and task.attempt <= int(kind[5:])
        ):
            return self._came_to_nothing(
                task, errors.new_failure("connection_lost", "gone")
            )
        if kind == "busy" and task.attempt == 1 and not self._well:
            return self._came_to_nothing(
                task, errors.of_status(503, "Busy", pause=30.0)
            )
        if kind == "gone":
            return self._came_to_nothing(
                task, errors.of_status(404, "Not Found")
            )
        if kind in ("moved", "hops", "circle"):
            to = {"moved": "page", "hops": "moved", "circle": "circle"}[kind]
            target = parts_of(url_of(f"{to}/{number}").replace(*HOSTS[:2]))
            return Moved(
                task,
                target if kind != "circle" else task.url,
                302,
                self._deck.now(),
            )
        return self._came(flight, kind)

    def _came_to_nothing(self, task: Task, failure: Any) -> FetchFailed:
        at = self._deck.now()
        return FetchFailed(task, failure, task.url, at, answered=self._well)

    def _came(self, flight: Flight, kind: str) -> Fact:
        task, stored = flight.task, flight.task.stored
        known = stored is not None and stored.etag is not None
        what = {"picture": "image", "broken": "image", "file": "file"}.get(
            kind, "page"
        )
        type = {
            "image": "image/png",
            "page": "text/html",
            "file": "application/zip",
        }[what]
        common = {"task": task, "url": task.url, "kind": what, "type": type, "charset": None,
                  "headers": (("etag", '"1"'),), "wire_bytes": 0, "at": self._deck.now(),
                  "timings": Timings()}  # fmt: skip
        if stored is not None and known:
            return Fetched(**common, status=304, part=None, bytes=stored.bytes or 0,
                           sha256=stored.sha256)  # fmt: skip
        part = f"{task.id}-{flight.request_id}.part"
        try:
            raw, place = (
                _Once(body_of(task.url.href)),
                f"{self._folder_of_parts}/{part}",
            )
            body = bodies.save_body(
                raw, place, length=None, encoding=None, max_bytes=10_000
            )
        except LocalFault as fault:
            return self._came_to_nothing(task, fault.failure)
        return Fetched(
            **common,
            status=200,
            part=part,
            bytes=body.bytes,
            sha256=body.sha256,
        )


class _Once:
    """A body that comes in one piece."""

    def __init__(self, body: bytes) -> None:
        self._rest = body

    def read(self, amt: int, decode_content: bool) -> bytes:
        body, self._rest = self._rest, b""
        return body


class Workers:
    """Processes: in the place of `ProcessStage`."""

    has_initializer = False

    def __init__(self, deck: Deck, config: Config) -> None:
        self._deck = deck
        self._has_items = bool(config.page.each)
        self._parts = Path()
        self.stopping = False

    def start(self, parts: Path) -> None:
        self._parts = parts

    def submit(self, task: Task, item: WorkItem, size: int) -> None:
        if self._deck.draw.random() < 0.05:
            self._deck.put(PoolBroken(1))
        self._deck.add(lambda: self._answer(task, item))

    def _answer(self, task: Task, item: WorkItem) -> None:
        if self.stopping and self._deck.draw.random() < 0.5:
            self._deck.put(WorkReturned(task))
            return
        kind = urlsplit(task.url.href).path.split("/")[1]
        failure = {"broken": "image_broken", "dies": "process_died"}.get(kind)
        if failure is not None:
            why = errors.new_failure(failure, "no good")
            self._deck.put(Processed(task, b"{}", failure=why))
        elif item.kind == "image":
            self._deck.put(self._variant(task, item))
        else:
            number = int(task.url.href.rpartition("/")[2])
            found = tuple(
                url_of(f"picture/{100 + n}") for n in (number % 3, number % 5)
            )
            facts: dict[str, Any] = {"images": found}
            if self._has_items:
                facts["items"] = [{"n": n} for n in range(number % 4)]
            self._deck.put(Processed(task, orjson.dumps(facts), found))

    def _variant(self, task: Task, item: WorkItem) -> Processed:
        content = b"the variant of " + Path(item.path).read_bytes()
        Path(f"{item.out}.v0").write_bytes(content)
        final = f"{item.final}.png"
        told = {"path": final, "sha256": hashlib.sha256(content).hexdigest()}
        part = os.path.relpath(f"{item.out}.v0", self._parts)
        facts = orjson.dumps({"processed": [told]})
        return Processed(task, facts, (), (Publication(part, final),))

    def recover(self) -> None:
        """Nothing is lost here."""

    def watch_workers(self) -> None:
        """Nothing is late."""

    def check_start(self) -> None:
        """They are there."""

    def oldest_task(self) -> None:
        """Nothing is stuck."""

    def close(self, now: bool = False) -> None:
        """There are no processes."""


class Pages:
    """Reads the list in short slices: in the place of `sources.reader.Reader`."""

    def __init__(
        self, deck: Deck, sources: Iterable[Any], post: Callable[[object], None]
    ) -> None:
        self._deck = deck
        self._post = post
        lines = [
            parse_line(raw, id, number)
            for id, source in sources
            for number, raw in enumerate(source.lines(), 1)
        ]
        self._slices = self._cut(lines)
        self._lines: tuple[Any, ...] = ()

    def _cut(self, lines: list[Any]) -> Iterator[tuple[Any, ...]]:
        while lines:
            size = self._deck.draw.randint(1, 6)
            yield tuple(lines[:size])
            lines = lines[size:]

    def start(self) -> None:
        self._deck.add(self._next)

    def take(self) -> list[Any]:
        lines = list(self._lines)
        self._deck.add(self._next)
        return lines

    def _next(self) -> None:
        lines = next(self._slices, None)
        self._lines = lines or ()
        self._post(InputExhausted() if lines is None else LinesReady())

    def stop(self) -> None:
        """Nobody asks for more."""

    def is_alive(self) -> bool:
        return False


class Deck:
    """What is under way, in the place of threads; also the coordinator's inbox and its clock."""

    def __init__(self, draw: random.Random, at: float = START) -> None:
        self.draw = draw
        self._at = at
        self._messages: deque[object] = deque()
        self._jobs: list[Callable[[], None]] = []

    def now(self) -> float:
        """Time passes only where the coordinator waits for it."""
        return self._at

    def add(self, job: Callable[[], None]) -> None:
        """One more thing that will be finished at some time."""
        self._jobs.append(job)

    def _finish_one(self) -> None:
        self._jobs.pop(self.draw.randrange(len(self._jobs)))()

    # as the inbox

    def put(self, message: object) -> None:
        self._messages.append(message)

    def empty(self) -> bool:
        return not self._messages

    def get(self, timeout: float) -> object:
        while self._jobs and (not self._messages or self.draw.random() < 0.4):
            self._finish_one()
        if not self._messages:
            self._at += max(timeout, 0.001)
            raise Empty
        return self._messages.popleft()

    def get_nowait(self) -> object:
        if not self._messages:
            raise Empty
        return self._messages.popleft()

    def qsize(self) -> int:
        return len(self._messages)

    # as the pool of threads

    def submit(
        self, function: Callable[..., Any], *arguments: Any
    ) -> Future[Any]:
        future: Future[Any] = Future()

        def job() -> None:
            if future.set_running_or_notify_cancel():
                future.set_result(function(*arguments))

        self.add(job)
        return future

    def shutdown(self, wait: bool, cancel_futures: bool) -> None:
        """What is in the air when the run is closed comes to nothing."""
        self._jobs.clear()
