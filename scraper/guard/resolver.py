"""Names to addresses, on a few daemon threads and through a cache.

getaddrinfo cannot be interrupted: who waits for it stops waiting, and its thread is replaced.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from scraper.guard.addresses import Address
from scraper.machine.descriptors import MAX_HANGING_LOOKUPS

FOUND_SECONDS = 60.0  # how long an answer is kept: getaddrinfo gives no TTL
NOT_FOUND_SECONDS = 10.0
MAX_CACHED_NAMES = 10_000
IDLE_SECONDS = 10.0  # after which a look-up thread without work ends
# Where getaddrinfo knows no such name also while the machine is offline: it is
# asked once more, for a name that has been doubted so often.
DOUBTFUL_SYSTEMS = frozenset({"darwin", "win32"})
DOUBT_SECONDS = 1.5  # the next try of a URL comes after 2 s
MAX_DOUBTED_NAMES = 10_000

GetAddrInfo = Callable[..., Iterable[Any]]  # called like socket.getaddrinfo

_NO_SUCH_NAME = frozenset(
    getattr(socket, name)
    for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")
    if hasattr(socket, name)
)


class ResolverError(OSError):
    """A name has not led to an address; the message is for the user."""


class NotFound(ResolverError):
    """The name does not exist, or has no address."""


class LookupFailed(ResolverError):
    """The name could not be looked up; it may exist."""


class LookupTimeout(ResolverError):
    """No answer within the limit."""


_Answer = tuple[Address, ...] | ResolverError


class _Lookup:
    """One name on its way through a look-up thread, and how many threads wait for it."""

    __slots__ = ("answer", "began", "done", "is_written_off", "name", "waiters")

    def __init__(self, name: str) -> None:
        self.name = name
        self.done = threading.Event()
        self.answer: _Answer | None = None
        self.began: float | None = None
        self.waiters = 0
        self.is_written_off = (
            False  # its thread counts as lost until it comes back
        )


class Resolver:
    """Resolves names. Threads that ask for the same name at once share one look-up."""

    def __init__(
        self,
        getaddrinfo: GetAddrInfo = socket.getaddrinfo,
        *,
        threads: int = 4,
        max_stuck: int = MAX_HANGING_LOOKUPS,
        timeout_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        is_doubtful: bool = sys.platform in DOUBTFUL_SYSTEMS,
    ) -> None:
        self.heard_at: float | None = None  # when it last said: no such name
        self._getaddrinfo = getaddrinfo
        self._max_threads = threads
        self._max_stuck = (
            max_stuck  # that hang, before no further one replaces them
        )
        self._timeout = timeout_seconds
        self._clock = clock
        self._is_doubtful = is_doubtful
        self._changed = threading.Condition()  # guards all that follows
        # until when; least recent first
        self._cache: dict[str, tuple[float, _Answer]] = {}
        self._doubted: dict[str, None] = {}  # oldest first
        self._open: dict[str, _Lookup] = {}  # queued or under way
        self._queue: deque[_Lookup] = deque()
        self._threads = 0
        self._idle = 0
        self._stuck = 0

    def addresses_of(
        self, name: str, *, fresh: bool = False
    ) -> tuple[Address, ...]:
        """At least one address, in the order of getaddrinfo; `fresh` ones are not of the cache.

        Raises NotFound, LookupFailed or LookupTimeout.
        """
        with self._changed:
            now = self._clock()
            answer = None if fresh else self._cached_answer(name, now)
            if answer is None:
                lookup = self._join_lookup(name, now)
        if answer is None:
            lookup.done.wait(self._timeout)
            answer = self._leave_lookup(lookup)
        if isinstance(answer, ResolverError):
            # A copy: each thread hangs its own traceback on it.
            raise type(answer)(str(answer)) from answer.__cause__
        return answer

    def known_addresses(self, name: str) -> tuple[Address, ...]:
        """What is in the cache of this name; no look-up."""
        with self._changed:
            answer = self._cached_answer(name, self._clock())
        return answer if isinstance(answer, tuple) else ()

    def forget_failures(self) -> None:
        """Ask again for what could not be looked up: the network was gone."""
        with self._changed:
            for name, (_, answer) in list(self._cache.items()):
                if isinstance(answer, ResolverError):
                    del self._cache[name]

    def is_there(self, name: str) -> bool:
        """Does the resolver answer? A look-up of its own, whatever the cache holds."""
        try:
            self.addresses_of(name, fresh=True)
        except NotFound:
            return not self._is_doubtful
        except ResolverError:
            return False
        return True

    def _cached_answer(self, name: str, now: float) -> _Answer | None:
        cached = self._cache.pop(name, None)
        if cached is None or cached[0] <= now:
            return None
        self._cache[name] = cached
        return cached[1]

    def _join_lookup(self, name: str, now: float) -> _Lookup:
        lookup = self._open.get(name)
        if lookup is None:
            lookup = self._open[name] = _Lookup(name)
            self._queue.append(lookup)
            self._changed.notify()
            self._start_thread_if_needed()
        elif lookup.began is not None and now - lookup.began >= self._timeout:
            # It hangs: another one for the same name would only cost another thread.
            raise self._timeout_error(name)
        lookup.waiters += 1
        return lookup

    def _leave_lookup(self, lookup: _Lookup) -> _Answer:
        with self._changed:
            lookup.waiters -= 1
            if lookup.answer is not None:
                return lookup.answer
            if lookup.began is None:
                if not lookup.waiters:
                    self._queue.remove(lookup)
                    del self._open[lookup.name]
            elif not lookup.is_written_off:
                lookup.is_written_off = True
                self._stuck += 1
                self._start_thread_if_needed()
        return self._timeout_error(lookup.name)

    def _timeout_error(self, name: str) -> LookupTimeout:
        return LookupTimeout(
            f"no address for {name} within {self._timeout:g} s"
        )

    # -- threads -----------------------------------------------------------------------------

    def _start_thread_if_needed(self) -> None:
        has_work = len(self._queue) > self._idle
        may_work = self._threads - self._stuck < self._max_threads
        may_start = self._threads < self._max_threads + self._max_stuck
        if has_work and may_work and may_start:
            threading.Thread(
                target=self._run_lookups, name="lookup", daemon=True
            ).start()
            self._threads += 1

    def _run_lookups(self) -> None:
        while (lookup := self._next_lookup()) is not None:
            self._finish_lookup(lookup, self._ask_system(lookup.name))

    def _next_lookup(self) -> _Lookup | None:
        """What this thread does next; None: it ends."""
        with self._changed:
            # it was replaced
            is_surplus = self._threads - self._stuck > self._max_threads
            self._idle += 1
            has_work = not is_surplus and self._changed.wait_for(
                lambda: self._queue, IDLE_SECONDS
            )
            self._idle -= 1
            if not has_work:
                self._threads -= 1
                return None
            lookup = self._queue.popleft()
            lookup.began = self._clock()
            return lookup

    def _finish_lookup(self, lookup: _Lookup, answer: _Answer) -> None:
        seconds = (
            NOT_FOUND_SECONDS
            if isinstance(answer, ResolverError)
            else FOUND_SECONDS
        )
        with self._changed:
            if isinstance(answer, NotFound):
                if not self._is_doubtful:
                    self.heard_at = self._clock()
                elif self._doubts(lookup.name):
                    seconds = DOUBT_SECONDS
                    answer = LookupFailed(f"{answer}, or no network")
            lookup.answer = answer
            del self._open[lookup.name]
            if lookup.is_written_off:
                self._stuck -= 1
            self._cache[lookup.name] = (self._clock() + seconds, answer)
            if len(self._cache) > MAX_CACHED_NAMES:
                del self._cache[next(iter(self._cache))]
        lookup.done.set()

    def _doubts(self, name: str) -> bool:
        """Is it the first time that this name is said not to be there?"""
        if name in self._doubted:
            return False
        self._doubted[name] = None
        if len(self._doubted) > MAX_DOUBTED_NAMES:
            del self._doubted[next(iter(self._doubted))]
        return True

    def _ask_system(self, name: str) -> _Answer:
        try:
            addresses = _ip_addresses(
                self._getaddrinfo(name, None, 0, socket.SOCK_STREAM)
            )
        except socket.gaierror as error:
            if error.errno in _NO_SUCH_NAME:
                return NotFound(f"there is no host {name}")
            return LookupFailed(
                f"cannot look up {name}: {error.strerror or error}"
            )
        except UnicodeError:
            return NotFound(f"{name} is not a name that DNS can hold")
        except Exception as error:  # noqa: BLE001 - the waiting threads raise it; this one goes on
            failed = LookupFailed(f"cannot look up {name}: {error}")
            # it may speak of this machine: EMFILE
            failed.__cause__ = error.with_traceback(None)
            return failed
        return addresses or NotFound(f"{name} has no address")


def _ip_addresses(infos: Iterable[Any]) -> tuple[Address, ...]:
    """The addresses in what getaddrinfo returns, each once."""
    found: dict[Address, None] = {}
    for family, _, _, _, sockaddr in infos:
        if family in (socket.AF_INET, socket.AF_INET6):
            found[_address_in(sockaddr)] = None
    return tuple(found)


def _address_in(sockaddr: Sequence[Any]) -> Address:
    text = str(sockaddr[0])
    scope = sockaddr[3] if len(sockaddr) > 3 else 0
    return ipaddress.ip_address(
        f"{text}%{scope}" if scope and "%" not in text else text
    )
