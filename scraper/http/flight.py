"""One request in the air, as the coordinator and the connection under it see it."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from scraper.machine.clock import Clock
from scraper.model import Failure, FetchFailed, Task, Trust

if TYPE_CHECKING:
    from scraper.http.framing import Answer

# .flight: the request that this thread is busy with
current = threading.local()


class Flight:
    """One request, and where its socket is.

    A socket's own time-outs cannot bound a request, because every byte re-arms them: so the
    coordinator must be able to abort it, from another thread.
    """

    __slots__ = (
        "_lock",
        "_now",
        "_on_begin",
        "_seconds",
        "_socket",
        "_waker",
        "abort_reason",
        "answer",
        "began",
        "connected",
        "deadline",
        "is_kept",
        "needs_fresh",
        "peer",
        "request_id",
        "task",
        "throttled",
        "trust",
    )

    def __init__(
        self,
        request_id: int,
        task: Task,
        trust: Trust,
        seconds: float,
        now: Clock,
        on_begin: Callable[[Flight], object] | None = None,
    ) -> None:
        self.request_id = (
            request_id  # late facts carry the id of a request that is over
        )
        self.task = task
        self.trust: Trust = trust
        self._seconds = seconds  # that it may take, once it has begun
        # By the clock `now`: when it was handed out, then when it was begun.
        self.began = now()
        self.deadline = math.inf  # but for pauses
        self._on_begin = on_begin
        self.throttled = 0.0  # seconds of them, in which nothing was waited for
        self._now = now
        self.abort_reason: Failure | None = None
        self.connected: float | None = (
            None  # seconds that connecting took; None: kept connection
        )
        self.is_kept = (
            False  # it was sent on a connection that had answered before
        )
        self.needs_fresh = (
            False  # a kept one died under it: no other may be taken
        )
        self.peer: str | None = None
        self.answer: Answer | None = None  # what has come so far
        # guards the next two and the moment of an abort
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._waker: threading.Event | None = None  # of a pause

    def begin(self) -> None:
        """Its thread has taken it up: from now on its time counts."""
        self.began = self._now()
        self.deadline = self.began + self._seconds
        if self._on_begin is not None:
            self._on_begin(self)

    @property
    def has_begun(self) -> bool:
        """Has a thread taken it up?"""
        return self.deadline < math.inf

    @property
    def received_bytes(self) -> int:
        """Bytes of a body that have come so far, as they came."""
        answer = self.answer  # which its thread takes away at the end
        return 0 if answer is None else answer.body_bytes

    @property
    def answer_has_begun(self) -> bool:
        """Has any byte of an answer come?"""
        return self.answer is not None and self.answer.has_begun

    @property
    def overdue_at(self) -> float:
        """When it is to end, by the clock `now`."""
        return self.deadline + self.throttled

    def seconds_left(self) -> float:
        """How long it may still take; less than 0 if it is overdue."""
        return self.overdue_at - self._now()

    def pause(self, seconds: float) -> None:
        """Wait with its thread, at no cost to its deadline; an abort ends that at once."""
        with self._lock:
            if self.abort_reason is not None:
                return
            waker = self._waker = threading.Event()
        before, began = self.throttled, time.perf_counter()
        self.throttled = before + seconds  # now: the deadline may lie within
        waker.wait(seconds)
        self.throttled = before + time.perf_counter() - began

    def attach(self, sock: socket.socket) -> None:
        """From now on `abort` ends what happens on this socket."""
        with self._lock:
            self._socket = sock
            if self.abort_reason is not None:
                _shut_down(sock)

    def detach(self) -> None:
        """The socket is about to be another flight's."""
        with self._lock:
            self._socket = None

    def abort(self, failure: Failure) -> None:
        """End the request: its thread then sees an ordinary error, and reports `failure`."""
        with self._lock:
            self.abort_reason = failure
            if self._socket is not None:
                _shut_down(self._socket)
            if self._waker is not None:
                self._waker.set()

    def to_failed(self, at: float) -> FetchFailed:
        """The fact in which a request ends that was aborted in vain: its thread hangs."""
        assert self.abort_reason is not None, "else it may still come back"
        task = self.task
        return FetchFailed(
            task,
            self.abort_reason,
            task.url,
            at,
            answered=self.answer_has_begun,
        )


def _shut_down(sock: socket.socket) -> None:
    try:
        # Of the plain socket, also under TLS: no alert is written, no lock of the engine taken.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return  # closed already, which is what was wanted
