"""The hosts that are asked, the network between them and us, and the log of what arrived there."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

START = 1_700_000_000.0  # unix time at which each play begins
CONNECT_SECONDS = 10.0  # for which a connection is waited for
READ_SECONDS = 20.0  # for which an answer is waited for
ROBOTS = "/robots.txt"


class Answer(Struct, frozen=True):
    """What a request comes to, and after how many seconds."""

    after: float
    status: int = 0  # 0: there is none
    retry_after: str | None = None
    failure: str | None = None  # the kind, where no whole answer comes
    has_begun: bool = False  # bytes of an answer come before it fails


class Asked(Struct, frozen=True):
    """A request as its host sees it."""

    at: float  # seconds since the play began
    path: str
    before: int  # requests that the host has had before
    under_way: int = 0  # others, that it has not answered yet

    @property
    def number(self) -> int:
        """Of the URL; -1 for robots.txt."""
        return -1 if self.path == ROBOTS else int(self.path[1:])


class Host(Struct):
    """One host, and which of its URLs it would answer well if it were asked for long enough."""

    answer: Callable[[Asked], Answer]
    heals: Callable[[int], bool] = lambda number: True
    asked: int = 0
    under_way: int = 0


class Request(Struct):
    """One line of the log. Times are unix seconds, by the world's clock."""

    run: int
    host: str
    path: str
    began: float
    order: int  # of beginnings and ends: which came first within a moment
    answer: Answer
    arrived: bool = True  # at the host: network and proxy were there
    returned: bool = True  # and still when it ended
    ended: float | None = None  # None: it never did, or nobody heard of it
    end_order: int = 0

    @property
    def url(self) -> str:
        """What was asked."""
        return f"http://{self.host}{self.path}"


class Outage(Struct, frozen=True):
    """For so long nothing arrives anywhere; times are seconds since the play began."""

    begins: float
    ends: float
    failure: str  # what requests come to that begin in it
    after: float


class World:
    """Everything out there. Its time is moved by the machine that asks."""

    def __init__(
        self,
        hosts: Mapping[str, Host],
        draw: random.Random,
        outages: Sequence[Outage] = (),
    ) -> None:
        self.hosts = hosts
        self.draw = draw
        self.time = START
        self.log: list[Request] = []
        self._outages = outages
        self._order = 0

    def next_order(self) -> int:
        """The number of this event."""
        self._order += 1
        return self._order

    def ask(self, run: int, host: str, path: str) -> Request:
        """A request begins."""
        at = self.time - START
        outage = self._outage_at(at)
        if outage is None:
            said = self._answer_of(host, path, at)
            answer = self._carried(said, at)
        else:
            said = answer = Answer(outage.after, failure=outage.failure)
        request = Request(
            run=run,
            host=host,
            path=path,
            began=self.time,
            order=self.next_order(),
            answer=answer,
            arrived=outage is None and answer.failure != "proxy_failed",
            returned=answer is said,
        )
        self.log.append(request)
        self.hosts[host].under_way += 1
        return request

    def end(self, request: Request) -> None:
        """It is over."""
        request.ended = self.time
        request.end_order = self.next_order()
        self.hosts[request.host].under_way -= 1

    def forget(self) -> None:
        """Whoever asked is gone."""
        for host in self.hosts.values():
            host.under_way = 0

    def is_online(self) -> bool:
        """Is the network there now?"""
        return self._outage_at(self.time - START) is None

    def _answer_of(self, name: str, path: str, at: float) -> Answer:
        host = self.hosts[name]
        answer = host.answer(Asked(at, path, host.asked, host.under_way))
        host.asked += 1
        # No two answers take equally long, or all would come at one moment.
        return replace(answer, after=answer.after * self.draw.uniform(0.9, 1.1))

    def _carried(self, answer: Answer, at: float) -> Answer:
        """The answer, unless the network goes away before it has come."""
        for outage in self._outages:
            if at <= outage.begins < at + answer.after:
                return Answer(
                    outage.begins - at + READ_SECONDS,
                    failure="timeout_first_byte",
                )
        return answer

    def _outage_at(self, at: float) -> Outage | None:
        for outage in self._outages:
            if outage.begins <= at < outage.ends:
                return outage
        return None


def is_endless(answer: Answer) -> bool:
    """Does it go on until somebody ends it?"""
    return math.isinf(answer.after)
