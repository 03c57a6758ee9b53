"""One request, one hop: a body streamed to disk within limits, or what robots.txt says.

Runs on the fetch threads and returns facts; it never follows or decides, and waits for nothing but
the server and the bandwidth. It sends a request again only if a kept connection died before one
byte of the answer (RFC 9112 9.3.1).
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

from msgspec.structs import replace
from requests.utils import should_bypass_proxies

from scraper import errors, urls
from scraper.config import FetchSettings
from scraper.guard.guard import Guard
from scraper.http import bodies
from scraper.http.adapter import (
    MAX_POOLS,
    Request,
    SlimAdapter,
    body_length,
    return_connection,
)
from scraper.http.certificates import check_certificates
from scraper.http.decoding import ACCEPT_ENCODING, Undecodable
from scraper.http.flight import Flight, current
from scraper.http.framing import Answer
from scraper.http.headers import (
    agent_of,
    is_whole_range,
    merge_headers,
    recordable_headers,
    retry_after,
    split_secrets,
    validators_of,
)
from scraper.http.proxies import places_of, proxies_of
from scraper.http.throttle import Throttle
from scraper.machine.files import Folder
from scraper.media_types import sniff
from scraper.model import (
    Fact,
    Failure,
    Fetched,
    FetchFailed,
    Headers,
    Moved,
    RobotsText,
    StoredResponse,
    Task,
    Timings,
)

MAX_ROBOTS_BYTES = 512_000  # RFC 9309 2.5 asks for at least 500 kibibytes
REDIRECTS = frozenset({301, 302, 303, 307, 308})

Meaning = Literal["redirect", "robots", "body", "unchanged", "refusal"]


class AnyFetcher(Protocol):
    """Of the network, or of the files of this machine."""

    @property
    def proxies(self) -> tuple[tuple[str, int], ...]:
        """Host and port of each proxy that requests may go through."""

    def fetch(self, flight: Flight) -> Fact:
        """Ask once; whatever happens comes back as a fact."""

    def close(self) -> None:
        """Close what is kept open."""


class Exchange:
    """One request and its answer, from which each fact is made."""

    __slots__ = ("_began", "_first_byte", "flight", "pause", "raw", "task")

    raw: Answer  # once the head has come

    def __init__(self, flight: Flight) -> None:
        self.flight = flight
        self.task = flight.task
        self._began = time.perf_counter()
        self._first_byte: float | None = None
        self.pause: float | None = None  # that the answer asks for

    def receive(self, raw: Answer) -> None:
        """The head of the answer has come."""
        self.raw = raw
        self._first_byte = self._elapsed()
        values = raw.headers.getlist("retry-after")
        if values:
            self.pause = retry_after(values, time.time())

    def timings(self) -> Timings:
        """Seconds until now."""
        return Timings(self.flight.connected, self._first_byte, self._elapsed())

    def _elapsed(self) -> float:
        """Seconds until now, but for what we waited ourselves."""
        return time.perf_counter() - self._began - self.flight.throttled

    def failed(self, failure: Failure, headers: Headers = ()) -> FetchFailed:
        """Nothing of use has come, because of `failure`."""
        task, timings = self.task, self.timings()
        if self.pause is not None:
            failure = replace(failure, pause=self.pause)
        return FetchFailed(
            task,
            failure,
            task.url,
            time.time(),
            timings,
            headers,
            answered=timings.first_byte is not None
            or self.flight.answer_has_begun,
        )

    def fetched(self, body: bodies.Body, part: str) -> Fetched:
        """The body is on the disk, whole, as `part`."""
        raw = self.raw
        kind, type, charset = sniff(body.head, raw.headers.get("content-type"))
        return Fetched(
            task=self.task,
            url=self.task.url,
            status=raw.status,
            kind=kind,
            type=type,
            charset=charset,
            headers=recordable_headers(raw.headers.items()),
            part=part,
            bytes=body.bytes,
            wire_bytes=body.wire_bytes,
            sha256=body.sha256,
            at=time.time(),
            timings=self.timings(),
            peer=self.flight.peer,
            pause=self.pause,
        )

    def unchanged(self, stored: StoredResponse) -> Fetched:
        """We have it already: what was learned then is true still."""
        kind, type, charset = sniff(b"", stored.type)
        return Fetched(
            task=self.task,
            url=self.task.url,
            status=304,
            kind=kind,
            type=stored.type or type,
            charset=stored.charset or charset,
            headers=recordable_headers(self.raw.headers.items()),
            part=None,
            bytes=stored.bytes or 0,
            wire_bytes=0,
            sha256=stored.sha256,
            at=time.time(),
            timings=self.timings(),
            peer=self.flight.peer,
            pause=self.pause,
        )


def meaning_of(
    raw: Answer,
    task: Task,
    *,
    was_conditional: bool,
) -> Meaning:
    """What an answer is to this task, as its head says."""
    status = raw.status
    if status in REDIRECTS and raw.headers.get("location") is not None:
        return "redirect"
    if 200 <= status < 300:
        return "robots" if task.purpose == "robots" else "body"
    if status == 304 and was_conditional:
        return "unchanged"
    return "refusal"


def _is_at_home(task: Task) -> bool:
    """Is the origin asked that the list names?"""
    home = task.parent or task.origin_url
    return task.url.origin == home.origin


class Fetcher:
    """Fetches. One for a run, used by all its threads; raises UsageError for unusable settings."""

    def __init__(
        self,
        settings: FetchSettings,
        guard: Guard,
        parts: Path,
        *,
        per_host: int,
        folder: Folder | None = None,
        filters: str = "",
        connections: int = MAX_POOLS,
        throttle: Throttle | None = None,
    ) -> None:
        self._settings = settings
        self._parts = parts
        self._folder = folder  # where the bodies of earlier passes stand
        self._filters = filters  # what those of this run are known by
        ours = {
            "User-Agent": agent_of(settings),
            "Accept": "*/*",
            "Accept-Encoding": ACCEPT_ENCODING,
        }
        self.headers, self._secrets = split_secrets(
            merge_headers(ours, settings.header)
        )
        self._proxies = proxies_of(settings.proxy)
        check_certificates(settings.ca_bundle)
        self._adapter = SlimAdapter(
            guard, settings, per_host, connections, throttle
        )

    def close(self) -> None:
        """Close every connection that is kept."""
        self._adapter.close()

    def fetch(self, flight: Flight) -> Fact:
        """Ask `flight.task` once. Whatever happens comes back as a fact."""
        flight.begin()
        current.flight = flight
        try:
            fact = self._fact_of(Exchange(flight))
            received = flight.received_bytes
        finally:
            flight.detach()
            flight.answer = current.flight = None
        if flight.throttled:
            fact = replace(fact, throttled=flight.throttled)
        if isinstance(fact, Fetched) or not received:
            return fact
        return replace(fact, wire_bytes=received)

    @property
    def proxies(self) -> tuple[tuple[str, int], ...]:
        """Host and port of each proxy that requests may go through."""
        return places_of(self._proxies)

    def headers_for(self, task: Task) -> Mapping[str, str]:
        """What is sent for this task. Secrets stay in the origin that the list names: they follow
        neither a redirect nor an image to another one, and robots.txt needs none."""
        if task.headers and task.purpose == "url":
            return self._own_headers(task)
        if not self._secrets or task.purpose == "robots":
            return self.headers
        if _is_at_home(task):
            return {**self.headers, **self._secrets}
        return self.headers

    def _own_headers(self, task: Task) -> Mapping[str, str]:
        """Those of a task that has some of its own, which go before all others."""
        lines = [f"{name}: {value}" for name, value in task.headers]
        if _is_at_home(task):
            return merge_headers({**self.headers, **self._secrets}, lines)
        return split_secrets(merge_headers(self.headers, lines))[0]

    # -- one exchange --------------------------------------------------------------------------

    def _fact_of(self, exchange: Exchange) -> Fact:
        flight = exchange.flight
        try:
            fact = self._ask(exchange)
            if flight.abort_reason is None or not isinstance(
                fact, Fetched | RobotsText
            ):
                return fact
            # A body without a length ends where its connection does: it only looks whole.
            if isinstance(fact, Fetched) and fact.part is not None:
                (self._parts / fact.part).unlink()
            return exchange.failed(flight.abort_reason)
        except Exception as error:  # noqa: BLE001 - errors.py names it; nothing is lost
            failure = flight.abort_reason or self._failure_of(error, flight)
            return exchange.failed(failure)

    def _ask(self, exchange: Exchange) -> Fact:
        task = exchange.task
        conditions = self._conditions_of(task)
        exchange.receive(self._send(exchange.flight, conditions))
        body_was_read = False
        try:
            match meaning_of(
                exchange.raw, task, was_conditional=bool(conditions)
            ):
                case "redirect":
                    return self._follow(exchange)
                case "robots":
                    return self._read_robots(exchange)
                case "body":
                    fact = self._save_body(exchange)
                    body_was_read = True
                    return fact
                case "unchanged":
                    assert task.stored is not None, "validators were sent"
                    return exchange.unchanged(task.stored)
                case "refusal":
                    return self._refuse(exchange)
        finally:
            return_connection(exchange.raw, body_was_read=body_was_read)

    def _send(self, flight: Flight, conditions: Mapping[str, str]) -> Answer:
        url = flight.task.url.href
        headers = {**self.headers_for(flight.task), **conditions}
        request = Request(url, headers)
        return self._adapter.send_flight(
            request, flight, self._proxies_for(url)
        )

    def _proxies_for(self, url: str) -> dict[str, str]:
        if (
            self._proxies
            and not self._settings.proxy
            and should_bypass_proxies(url, None)
        ):
            return {}
        return self._proxies

    def _conditions_of(self, task: Task) -> dict[str, str]:
        """What makes the request conditional, if a 304 would answer it."""
        validators = validators_of(task)
        stored = task.stored
        if not validators or stored is None:
            return {}
        return validators if self._suffices(stored) else {}

    def _suffices(self, stored: StoredResponse) -> bool:
        """Is the body still there? Or was it left out, as it would be now?"""
        if self._folder is None:
            return False
        if stored.path is None:
            return stored.process_hash == self._filters
        return self._folder.has_file(stored.path)

    # -- what an answer means ------------------------------------------------------------------

    def _save_body(self, exchange: Exchange) -> Fact:
        raw, headers = exchange.raw, exchange.raw.headers
        length = body_length(raw)
        if raw.status == 206 and not is_whole_range(
            headers.get("content-range")
        ):
            return exchange.failed(
                errors.new_failure(
                    "body_short", "a part of it came, though all was asked for"
                )
            )
        if length is not None and length > self._settings.max_body_bytes:
            raise bodies.TooLarge(f"{length:,} bytes announced")
        part = f"{exchange.task.id}-{exchange.flight.request_id}.part"
        body = bodies.save_body(
            raw,
            f"{self._parts}{os.sep}{part}",
            length=length,
            encoding=headers.get("content-encoding"),
            max_bytes=self._settings.max_body_bytes,
        )
        return exchange.fetched(body, part)

    def _follow(self, exchange: Exchange) -> Fact:
        raw, task = exchange.raw, exchange.task
        location = raw.headers.get("location")
        assert location is not None, "else it is no redirect"
        try:
            # Heads are read as latin-1; servers that do not encode mean UTF-8.
            text = location.encode("latin-1").decode("utf-8", "replace")
            target = urls.resolved(task.url.href, text)
            target = urls.with_credentials_of(task.url, target)
        except (urls.BadUrl, UnicodeEncodeError) as error:
            message = f"redirect to {location[:200]!r}: {error}"
            return exchange.failed(errors.new_failure("bad_redirect", message))
        return Moved(
            task,
            target,
            raw.status,
            time.time(),
            exchange.pause,
        )

    def _read_robots(self, exchange: Exchange) -> RobotsText:
        raw = exchange.raw
        encoding = raw.headers.get("content-encoding")
        text = bodies.read_beginning(raw, encoding, MAX_ROBOTS_BYTES).decode(
            "utf-8", "replace"
        )
        return RobotsText(
            exchange.task,
            text,
            time.time(),
            raw.status,
            pause=exchange.pause,
        )

    def _refuse(self, exchange: Exchange) -> FetchFailed:
        raw = exchange.raw
        failure = errors.of_status(raw.status, raw.reason or "", exchange.pause)
        return exchange.failed(failure, recordable_headers(raw.headers.items()))

    def _failure_of(self, error: Exception, flight: Flight) -> Failure:
        if isinstance(error, bodies.TooLarge):
            return errors.new_failure(
                "body_too_large", f"{error}: raise max_body_bytes to get it"
            )
        if isinstance(error, Undecodable):
            return errors.new_failure("body_undecodable", str(error))
        failure = errors.failure_of(error)
        if failure.kind != "timeout_read" or flight.answer_has_begun:
            return failure
        settings = self._settings
        seconds = (
            settings.first_byte_timeout_seconds or settings.timeout_seconds
        )
        return errors.new_failure(
            "timeout_first_byte", f"no answer began within {seconds:g} s"
        )
