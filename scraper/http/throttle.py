"""Bandwidth: who has received a piece waits until it is paid for, and only then receives more.

A thread waits with its own piece alone, so that bodies which come at once have turns. The wait is
the request's pause (`Flight.pause`): no limit of a request counts it, and an abort ends it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from scraper.config import HostSettings
from scraper.http.flight import Flight
from scraper.http.speed import Receive

PIECES_A_SECOND = 10  # of which none is larger than its share of a second
SLACK_SECONDS = 0.1  # of bandwidth that was left unused may be used later
MAX_HOSTS = 1_000  # remembered, before those are dropped that owe nothing


class Bucket:
    """So many bytes flow into it each second, and who takes more waits. Pure."""

    __slots__ = ("_rate", "paid_until")

    def __init__(self, bytes_a_second: int, now: float) -> None:
        self._rate = bytes_a_second
        self.paid_until = now  # when all that was taken has flowed in

    def take(self, size: int, now: float) -> float:
        """Take so many bytes. Returns for how many seconds to wait."""
        begin = max(self.paid_until, now - SLACK_SECONDS)
        self.paid_until = begin + size / self._rate
        return max(self.paid_until - now, 0.0)


class Throttle:
    """The bandwidth of a run and of each of its hosts; 0: without a limit. Used by all threads."""

    def __init__(
        self,
        total: int,
        per_host: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._all = Bucket(total, now()) if total else None
        self._per_host = per_host
        least = min(filter(None, (total, per_host)))
        self._most = max(least // PIECES_A_SECOND, 1)
        self._hosts: dict[str, Bucket] = {}
        self._lock = threading.Lock()  # guards the buckets

    def watch(self, receive: Receive, flight: Flight) -> Receive:
        """The same function, which from now on lets the flight wait for its bandwidth."""
        host = flight.task.url.host

        def receive_within_rate(most: int) -> bytes:
            piece = receive(min(most, self._most))
            seconds = self.take(host, len(piece))
            if seconds:
                flight.pause(seconds)
            return piece

        return receive_within_rate

    def take(self, host: str, size: int) -> float:
        """So many bytes have come from this host. Returns for how many seconds to wait."""
        with self._lock:
            now, seconds = self._now(), 0.0
            if self._all is not None:
                seconds = self._all.take(size, now)
            if self._per_host:
                bucket = self._bucket_of(host, now)
                seconds = max(seconds, bucket.take(size, now))
        return seconds

    def _bucket_of(self, host: str, now: float) -> Bucket:
        bucket = self._hosts.get(host)
        if bucket is None:
            if len(self._hosts) >= MAX_HOSTS:
                owing = self._hosts.items()
                self._hosts = {
                    name: each for name, each in owing if each.paid_until > now
                }
            bucket = self._hosts[host] = Bucket(self._per_host, now)
        return bucket


def throttle_of(settings: HostSettings) -> Throttle | None:
    """What a configuration asks for; None if it sets no limit."""
    total, per_host = settings.limit_rate_bytes, settings.host_limit_rate_bytes
    return Throttle(total, per_host) if total or per_host else None
