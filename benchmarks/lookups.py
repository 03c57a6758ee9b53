"""Look-ups of a list of new hosts: how many a second, and what a resolver with a limit loses.

The resolver is played, the threads and the clock are real. As many threads ask as a run of
`--threads` has for new hosts.
"""

from __future__ import annotations

import argparse
import socket
import threading
import time
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from benchmarks import table
from scraper.frontier.lanes import new_host_threads
from scraper.guard.resolver import Resolver, ResolverError

ADDRESS = (
    socket.AF_INET,
    socket.SOCK_STREAM,
    6,
    "",
    ("93.184.216.34", 0),
)
LEAST_A_SECOND = 400
FOUND_WITHIN_SECONDS = 10
FOUND = 0.8  # of the limit, as the mean of three seconds, from then on


def measure(given: argparse.Namespace) -> None:
    """Look up all names of a resolver without a limit, and then of one that has one."""
    print(table.machine(f"a played resolver, {given.latency * 1000:g} ms"))
    threads = new_host_threads(given.threads)
    free = _Looked(given.hosts, threads, given.latency)
    limited = _Looked(
        given.limit * given.seconds, threads, given.latency, given.limit
    )
    rows = []
    for each in (free, limited):
        each.run()
        found = each.found_after()
        rows.append(
            [
                f"{each.limit} a second" if each.limit else "without a limit",
                f"{each.hosts:,}",
                str(each.lost),
                f"{each.hosts / each.seconds:.0f}",
                f"{each.refused:,}",
                "-" if found is None else str(found),
                f"{each.cpu / each.hosts * 1e6:.0f}",
            ]
        )
    headers = ["resolver", "hosts", "lost", "a second", "refused",
               "found after s", "CPU us each"]  # fmt: skip
    table.show(headers, rows)
    print(
        f"{threads} threads; bar: {LEAST_A_SECOND} a second; none lost, and the rate found within "
        f"{FOUND_WITHIN_SECONDS} s ({FOUND:.0%} of the limit, from then on)"
    )
    print(table.repeat())


@dataclass
class _Looked:
    """One resolver, and what became of its look-ups."""

    hosts: int
    threads: int
    latency: float
    limit: int = 0  # within any second; what is beyond it fails and counts
    lost: int = 0
    refused: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    answered: Counter[int] = field(default_factory=Counter)  # by the second
    _asked: deque[float] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _began: float = 0.0

    def run(self) -> None:
        resolver = Resolver(self._look_up)

        def ask(number: int) -> None:
            try:
                resolver.addresses_of(f"h{number}.example")
            except ResolverError:
                with self._lock:
                    self.lost += 1

        cpu, self._began = time.process_time(), time.monotonic()
        with ThreadPoolExecutor(self.threads) as pool:
            for _ in pool.map(ask, range(self.hosts)):
                pass
        self.seconds = time.monotonic() - self._began
        self.cpu = time.process_time() - cpu

    def found_after(self) -> int | None:
        """The second from which on the resolver was used as far as it went; None: never."""
        last = int(self.seconds) - 2
        found = None
        for second in range(last - 1, -1, -1):
            mean = sum(self.answered[second + n] for n in range(3)) / 3
            if not self.limit or mean < FOUND * self.limit:
                break
            found = second
        return found

    def _look_up(self, *_: Any) -> list[Any]:
        with self._lock:
            now = time.monotonic()
            while self._asked and self._asked[0] <= now - 1.0:
                self._asked.popleft()
            self._asked.append(now)
            is_refused = 0 < self.limit < len(self._asked)
            self.refused += is_refused
        time.sleep(self.latency)
        if is_refused:
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        with self._lock:
            self.answered[int(time.monotonic() - self._began)] += 1
        return [ADDRESS]
