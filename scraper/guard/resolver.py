"""Names to addresses, on daemon threads, through a cache, and no faster than the resolver takes.

getaddrinfo cannot be interrupted: who waits for it stops waiting, and its thread is replaced. What
may have failed because too much was asked at once is tried again, at the lower rate.
"""

from __future__ import annotations

import ipaddress
import math
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from scraper.guard.addresses import Address
from scraper.guard.lookup_rate import LookupRate
from scraper.machine.descriptors import MAX_HANGING_LOOKUPS, MAX_LOOKUPS

FOUND_SECONDS = 60.0  # how long an answer is kept: getaddrinfo gives no TTL
NOT_FOUND_SECONDS = 10.0
MAX_CACHED_NAMES = 10_000
IDLE_SECONDS = 10.0  # after which a look-up thread without work ends
# Where getaddrinfo knows no such name also while the machine is offline: it is
# asked once more, for a name that has been doubted so often.
DOUBTFUL_SYSTEMS = frozenset({"darwin", "win32"})
DOUBT_SECONDS = 1.5  # the next try of a URL comes after 2 s
MAX_DOUBTED_NAMES = 10_000
RETRY_SECONDS = (0.5, 1.0, 2.0)  # before each further try of one look-up

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


class _MayPass(LookupFailed):
    """The resolver says that it may know later: too much was asked of it, or of its own."""


_Answer = tuple[Address, ...] | ResolverError


class _Lookup:
    """One name on its way through a look-up thread, and how many threads wait for it."""

    __slots__ = (
        "answer",
        "asked_at",
        "divided",
        "done",
        "has_begun",
        "is_written_off",
        "late_at",
        "limit_at",
        "name",
        "retries",
        "waiters",
    )

    def __init__(self, name: str, late_at: float) -> None:
        self.name = name
        self.late_at = late_at  # then it is given up
        self.limit_at = late_at  # the same, unless we hold it back ourselves
        self.done = threading.Event()  # which only its look-up thread sets
        self.answer: _Answer | None = None
        self.has_begun = False  # a thread has it
        self.asked_at = 0.0  # the last time
        self.retries = 0
        self.divided = 1.0  # the rate, by its failures
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
        threads: int = MAX_LOOKUPS,
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
        self._turn = threading.Lock()  # who has it is the next one to ask
        self._changed = threading.Condition()  # guards all that follows
        # until when; least recent first
        self._cache: dict[str, tuple[float, _Answer]] = {}
        self._doubted: dict[str, None] = {}  # oldest first
        self._rate = LookupRate()
        self._open: dict[str, _Lookup] = {}  # queued or under way
        self._queue: deque[_Lookup] = deque()
        self._threads = 0
        self._idle = 0
        self._stuck = 0

    def addresses_of(
        self, name: str, *, fresh: bool = False
    ) -> tuple[Address, ...]:
        """At least one address, in the order of getaddrinfo; `fresh` ones are not of the cache.

        Without threads of its own the calling one looks up, for as long as that takes.

        Raises NotFound, LookupFailed or LookupTimeout.
        """
        with self._changed:
            now = self._clock()
            answer = None if fresh else self._cached_answer(name, now)
            if answer is None:
                lookup = self._join_lookup(name, now)
        if answer is None:
            if not self._max_threads:
                self._look_up(self._begin_next())
            answer = self._wait_for(lookup, lookup.late_at - now)
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
            turn = self._rate.seconds_for(len(self._queue))
            late_at = now + turn + self._timeout
            lookup = self._open[name] = _Lookup(name, late_at)
            self._queue.append(lookup)
            self._changed.notify()
            self._start_thread_if_needed()
        elif now >= lookup.late_at:
            # It hangs: another one for the same name would only cost another thread.
            raise self._timeout_error(name)
        lookup.waiters += 1
        return lookup

    def _wait_for(self, lookup: _Lookup, seconds: float) -> _Answer:
        while not lookup.done.wait(min(seconds, self._timeout)):
            with self._changed:
                seconds = lookup.late_at - self._clock()
                if seconds <= 0:
                    break
        with self._changed:
            return self._leave_lookup(lookup)

    def _leave_lookup(self, lookup: _Lookup) -> _Answer:
        lookup.waiters -= 1
        if lookup.answer is not None:
            return lookup.answer
        if not lookup.has_begun:
            if not lookup.waiters:
                self._queue.remove(lookup)
                del self._open[lookup.name]
        elif not lookup.is_written_off:
            lookup.is_written_off = True
            self._stuck += 1
            self._start_thread_if_needed()
            self._rate.learn_failure(lookup.asked_at, self._clock())
        return self._timeout_error(lookup.name)

    def _timeout_error(self, name: str) -> LookupTimeout:
        return LookupTimeout(
            f"no address for {name} within {self._timeout:g} s"
        )

    # -- threads -----------------------------------------------------------------------------

    def _start_thread_if_needed(self) -> None:
        if not self._max_threads:
            return
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
            self._look_up(lookup)

    def _look_up(self, lookup: _Lookup) -> None:
        answer = self._ask_in_turn(lookup)
        while isinstance(answer, _MayPass) and self._is_retried(lookup):
            answer = self._ask_in_turn(lookup)
        self._finish_lookup(lookup, answer)

    def _ask_in_turn(self, lookup: _Lookup) -> _Answer:
        """Ask the system, as soon as it may be asked."""
        came_at = self._clock()
        lookup.late_at = math.inf  # while we hold it back ourselves
        with self._turn:
            lookup.done.wait(self._rate.reserve(self._clock()))
        with self._changed:
            lookup.asked_at = self._clock()
            lookup.limit_at += lookup.asked_at - came_at
            lookup.late_at = lookup.limit_at
        return self._ask_system(lookup.name)

    def _is_retried(self, lookup: _Lookup) -> bool:
        """Pause before the next try; False if there is none."""
        with self._changed:
            now = self._clock()
            lookup.divided *= self._rate.learn_failure(lookup.asked_at, now)
            pause = next(iter(RETRY_SECONDS[lookup.retries :]), math.inf)
            if now + pause >= lookup.limit_at or self._rate.is_gone(now):
                self._rate.give_back(lookup.divided)
                return False
            lookup.retries += 1
        lookup.done.wait(pause)
        return True

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
            return self._begin_next()

    def _begin_next(self) -> _Lookup:
        lookup = self._queue.popleft()
        lookup.has_begun = True
        lookup.limit_at = self._clock() + self._timeout
        lookup.late_at = math.inf  # until it is asked
        return lookup

    def _finish_lookup(self, lookup: _Lookup, answer: _Answer) -> None:
        seconds = (
            NOT_FOUND_SECONDS
            if isinstance(answer, ResolverError)
            else FOUND_SECONDS
        )
        with self._changed:
            if not isinstance(answer, LookupFailed):
                self._rate.learn_answer()
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
            failed = (
                _MayPass if error.errno == socket.EAI_AGAIN else LookupFailed
            )
            return failed(f"cannot look up {name}: {error.strerror or error}")
        except UnicodeError:
            return NotFound(f"{name} is not a name that DNS can hold")
        except Exception as error:  # noqa: BLE001 - the waiting threads raise it; this one goes on
            broken = LookupFailed(f"cannot look up {name}: {error}")
            # it may speak of this machine: EMFILE
            broken.__cause__ = error.with_traceback(None)
            return broken
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
