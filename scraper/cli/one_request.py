"""One request, or one body, at a time: made as a run makes them, and shown."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from msgspec.structs import replace

from scraper import errors
from scraper.cli.explanation import Explanation
from scraper.cli.shown_body import Body
from scraper.config import Config
from scraper.config.plugins import own_functions
from scraper.engine import guard_of, process_stage_of
from scraper.http.fetcher import Fetcher
from scraper.http.flight import Flight
from scraper.machine.files import making_temporary
from scraper.machine.temporary import TemporaryFolder
from scraper.messages import Message, PoolBroken, Processed
from scraper.model import (
    Fact,
    Fetched,
    FetchFailed,
    Moved,
    RobotsText,
    Task,
    Timings,
    Trust,
)
from scraper.redaction import redacted, redacted_value
from scraper.run_folder.options import files_wanted
from scraper.runner import check_settings
from scraper.storage.file_names import processed_prefix
from scraper.storage.names import names_of
from scraper.text import counted
from scraper.urls import without_credentials
from scraper.workers.work import WorkItem

TICK_SECONDS = 1.0  # between looks at a worker that may be overdue


@contextmanager
def open_requests(
    config: Config, explanation: Explanation
) -> Iterator[Requests]:
    """The requests of a configuration that has been checked, and a folder for their bodies."""
    check_settings(config)
    with ExitStack() as stack:
        with making_temporary():
            folder = TemporaryFolder("scraper-explain-")
        stack.callback(folder.remove)
        requests = Requests(config, folder.path, explanation)
        stack.callback(requests.close)
        yield requests


class Requests:
    """Makes requests and has bodies processed, as a run does, one at a time."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        explanation: Explanation,
    ) -> None:
        self.guard = guard_of(config)
        self._config = config
        self._folder = folder
        self._explanation = explanation
        self._names = names_of(config.output.name, config.output.name_col)
        self._wants_file = files_wanted(config)
        self._numbers = itertools.count(1)  # each request has a part of its own
        self._robots: dict[tuple[str, str], Fact] = {}
        self._fetcher = Fetcher(
            config.fetch,
            self.guard,
            folder,
            per_host=1,
        )

    def close(self) -> None:
        self._fetcher.close()

    def make(self, task: Task, trust: Trust) -> Fact:
        """The fact that this request ends in. What a robots.txt has answered once is taken for
        what it would answer again."""
        if task.purpose != "robots":
            return self._fetch(task, trust, "request")
        asked = task.origin_url.href, task.url.href
        fact = self._robots.get(asked)
        if fact is None:
            fact = self._robots[asked] = self._fetch(
                task, trust, "robots.txt request"
            )
        return replace(fact, task=task)

    def _fetch(
        self,
        task: Task,
        trust: Trust,
        step: str,
    ) -> Fact:
        seconds = self._config.fetch.request_time_seconds
        flight = Flight(
            next(self._numbers),
            task,
            trust,
            seconds,
            time.monotonic,
        )
        limit = errors.new_failure(
            "timeout_total", f"not finished within {seconds:g} s"
        )
        clock = threading.Timer(seconds, flight.abort, [limit])
        clock.start()
        try:
            fact = self._fetcher.fetch(flight)
        finally:
            clock.cancel()
        headers = self._fetcher.headers_for(task).items()
        facts: dict[str, Any] = {
            "url": redacted(task.url.href),
            "address": flight.peer,
        }
        if task.purpose == "robots":
            facts["answer"] = _robots_answer(fact)
        else:
            facts["sent"] = {
                name: redacted_value(name, value) for name, value in headers
            }
        self._explanation.add(step, **facts)
        return fact

    def body_of(self, fetched: Fetched) -> Body:
        """What was received."""
        assert fetched.part is not None, (
            "nothing is known that a 304 could confirm"
        )
        return Body(
            without_credentials(fetched.url.href),
            fetched.kind,
            fetched.type,
            fetched.charset,
            (self._folder / fetched.part).read_bytes(),
        )

    def keep(self, task: Task, body: Body) -> Fetched:
        """As if this had been received."""
        part = "1.part"
        (self._folder / part).write_bytes(body.content)
        return Fetched(
            task,
            task.url,
            200,
            body.kind,
            body.type,
            body.charset,
            (),
            part,
            len(body.content),
            len(body.content),
            sha256(body.content).hexdigest(),
            time.time(),
            Timings(),
        )

    def place_of(self, fetched: Fetched) -> str:
        """Where a run would keep the body, if no other URL has that name."""
        return self._names.place_of(fetched.task, fetched.kind, fetched.type)

    def process(self, fetched: Fetched) -> Processed | None:
        """What a worker process makes of the body; None if a run would not process it."""
        if self._config.run.save_only:
            return None
        if fetched.kind == "file" and not self._wants_file(
            fetched.type, fetched.url.href
        ):
            return None
        assert fetched.part is not None, (
            "nothing is known that a 304 could confirm"
        )
        inbox: SimpleQueue[Message] = SimpleQueue()
        stage = process_stage_of(self._config, 1, inbox.put)
        stage.start(self._folder)
        try:
            if any(own_functions(self._config)):
                stage.check_start()
            item = WorkItem(
                kind=fetched.kind,
                path=str(self._folder / fetched.part),
                url=without_credentials(fetched.url.href),
                charset=fetched.charset,
                out=str(self._folder / "processed"),
                final=processed_prefix(self.place_of(fetched)),
                type=fetched.type,
            )
            stage.submit(fetched.task, item, fetched.bytes)
            while True:
                message = _next_message(inbox)
                if isinstance(message, Processed):
                    return message
                if isinstance(message, PoolBroken):
                    stage.recover()
                stage.watch_workers()
        finally:
            stage.close(now=True)


def _next_message(inbox: SimpleQueue[Message]) -> Message | None:
    try:
        return inbox.get(timeout=TICK_SECONDS)
    except Empty:
        return None


def _robots_answer(fact: Fact) -> str:
    match fact:
        case RobotsText():
            return counted(len(fact.text), "character")
        case Moved():
            return f"redirect {fact.status} to {redacted(fact.to.href)}"
        case FetchFailed():
            return f"{fact.failure.label}: {redacted(fact.failure.message)}"
        case Fetched():
            raise AssertionError("a robots.txt is not saved")
