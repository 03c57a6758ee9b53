"""What the program has promised its hosts, read from the world's log and nothing else.

The log is gone through in the order of events, with the least that DESIGN allows: pauses without
their jitter, each trouble counted only if its request began after the last pause. What a run heard
within half a second before it was killed was not committed, and binds nobody; nor does a silence
that it still held then, because nothing had been heard since that might have been our own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import inf

from msgspec import Struct, field

from benchmarks.played.folder import Folder, Hour, Ran
from benchmarks.played.world import START, Answer, Request
from scraper.http.headers import retry_after
from scraper.journal import BATCH_SECONDS
from scraper.supervision import MIN_HOSTS

REFUSALS = frozenset({420, 429, 430, 503, 509, 529})
HEARD = frozenset({"connect_refused"})  # silence that a packet has brought
NO_REFUSALS = frozenset({401, 404, 410, 451})  # whatever Retry-After says
ANSWERS = frozenset(
    {"tls_certificate", "dns_not_found"}
)  # of a server, or about it
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0
SILENT_PAUSES = (1.0, 4.0, 16.0, 60.0)  # the lower half is jitter
# A host is given up when one of these is over, and probed a last time then: where it is new; where
# it answers all but what is left; where it answers. While other hosts have work it is an hour.
# A Retry-After that is longer than the first binds its URL alone, if the host answers anything.
PATIENCES = {False: (60.0, 3_600.0), True: (120.0, 900.0, 3_600.0)}
SPREAD = (
    1.0  # of the failures of one moment, from any of which a patience may count
)
MOMENT = 1e-3  # clocks are floats


class Broken(Struct, frozen=True):
    """A promise that was not kept: which (gap, probe), where, when, and in words."""

    promise: str
    host: str
    at: float
    words: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.host} at {self.at:.2f} s: {self.words}"


def refuses(request: Request) -> bool:
    """Does the answer say "not now"?"""
    answer = request.answer
    if answer.failure is not None:
        return False
    if is_robots(request):
        return answer.status == 429 or answer.status >= 500
    if answer.status in NO_REFUSALS or answer.status < 400:
        return False
    return answer.status in REFUSALS or _seconds_asked(answer, 0.0) is not None


def is_silent(request: Request) -> bool:
    """Was there no answer at all?"""
    answer = request.answer
    return (
        answer.failure is not None
        and not answer.has_begun
        and answer.failure not in ANSWERS
    )


def is_robots(request: Request) -> bool:
    """Is it about a robots.txt?"""
    return request.path == "/robots.txt"


def broken_promises(
    log: Sequence[Request], runs: Sequence[Ran]
) -> list[Broken]:
    """Requests before a pause was over, and requests beside a probe."""
    hosts: dict[str, _Host] = {}
    kills = {each.number: _Kill(log, each) for each in runs if each.killed}
    number = 1
    for order, request in _events(log, kills):
        if isinstance(request, _Kill):
            for each in hosts.values():
                each.note_kill(request.committed)
            continue
        if request.run > number and not runs[number - 1].killed:
            for each in hosts.values():
                each.begin_pass()
        number = max(request.run, number)
        host = hosts.setdefault(request.host, _Host(request.host))
        skew = runs[request.run - 1].skew
        if order == request.order:
            host.begin(request, skew)
        elif request.run in kills and kills[request.run].undoes(request):
            host.note_undone(request)
        else:
            host.end(request, skew)
    return [each for host in hosts.values() for each in host.broken]


def _events(
    log: Sequence[Request], kills: Mapping[int, _Kill]
) -> Iterator[tuple[int, Request | _Kill]]:
    """Beginnings and ends that were heard, and where a run was killed, in their order."""
    events: list[tuple[int, Request | _Kill]] = []
    for request in log:
        if not request.arrived:
            continue
        events.append((request.order, request))
        if request.ended is not None:
            events.append((request.end_order, request))
    for run, kill in kills.items():
        orders = [
            max(each.order, each.end_order) for each in log if each.run == run
        ]
        events.append((max(orders, default=0), kill))
    return iter(sorted(events, key=lambda event: event[0]))


class _Kill:
    """The end of a run that was killed, and what was heard in it from anybody."""

    def __init__(self, log: Sequence[Request], ran: Ran) -> None:
        asked = [each for each in log if each.run == ran.number]
        self.committed = ran.ended - BATCH_SECONDS - MOMENT
        self._holds = len({each.host for each in asked}) >= MIN_HOSTS
        self._heard = sorted(
            each.ended
            for each in asked
            if each.ended is not None
            and each.returned
            and each.answer.failure != "dns_not_found"
            and (not is_silent(each) or each.answer.failure in HEARD)
        )

    def undoes(self, request: Request) -> bool:
        """Was it bad news that is forgotten?"""
        if is_silent(request):
            return self._judged_at(request) > self.committed
        return refuses(request) and (request.ended or 0.0) > self.committed

    def _judged_at(self, request: Request) -> float:
        """When a silence counted: as soon as something was heard that came after it began."""
        ended = request.ended or 0.0
        if not self._holds:
            return ended
        place = bisect_right(self._heard, request.began)
        return max(ended, *self._heard[place : place + 1] or (inf,))


class _Host(Struct):
    """One host, as its own log knows it."""

    name: str
    broken: list[Broken] = field(default_factory=list)
    refusals: int = 0  # in a row, each after a pause
    silences: int = 0
    since: float | None = None  # the first trouble since the last good answer
    undone_since: float | None = None  # the same, if a kill has undone it
    failed_at: float = 0.0
    opens: Hour = Hour(0.0, 0.0)
    asked: Hour = Hour(0.0, 0.0)  # what Retry-After says of it
    must_probe: bool = False
    probe: Request | None = None
    has_spoken: bool = False  # a good answer, if only to robots.txt
    answered_at: float | None = None  # the first one to a URL
    patiences: tuple[float, ...] = PATIENCES[False]  # any of them may hold
    of_urls: dict[str, Hour] = field(default_factory=dict)

    def begin_pass(self) -> None:
        """Pauses hold, but in a new pass they begin with the shortest again."""
        self.refusals = self.silences = 0
        self.since = self.undone_since = None

    def note_undone(self, request: Request) -> None:
        """It was refused or silent, and killed before that had to be committed: it asks for no
        pause, but a patience may count from it."""
        if self.undone_since is None:
            self.undone_since = request.ended

    def note_kill(self, committed: float) -> None:
        """What came after that moment may be known in the next run, or not."""
        self.probe = None
        if self.answered_at is not None and self.answered_at > committed:
            self.answered_at = None
            self.patiences = PATIENCES[False] + PATIENCES[True]

    def begin(self, request: Request, skew: float) -> None:
        """A request arrives."""
        at = request.began
        hours = [self.asked, self._opens(), self.of_urls.get(request.path)]
        opens = max(filter(None, hours), key=lambda hour: hour.world)
        if _is_before(at, skew, opens):
            words = f"{opens.world - at:.2f} s too early"
            self._note(request, "gap", words)
        if self.must_probe and self.probe is not None:
            self._note(request, "probe", f"while {self.probe.path} is asked")
        elif self.must_probe:
            self.probe = request

    def _opens(self) -> Hour:
        """When it may be asked, as its pauses say, of which the end of a patience cuts the last."""
        opens = self.opens
        began = (self.since or 0.0, self.undone_since or 0.0)
        for since, patience in product(began, self.patiences):
            end = since + patience
            # but not before the shortest pause is over, too
            last = max(end - SPREAD, self.failed_at + FIRST_PAUSE)
            if self.failed_at < end + SPREAD and last < opens.world:
                opens = Hour(last, last + opens.wall - opens.world)
        return opens

    def end(self, request: Request, skew: float) -> None:
        """It is over."""
        ended = request.ended
        assert ended is not None, "else nobody has heard of it"
        counts = request.began >= self.opens.world - MOMENT
        is_verdict = request is self.probe
        if is_verdict:
            self.probe, self.must_probe = None, False
        if not request.returned:
            return
        if is_verdict and not (refuses(request) or is_silent(request)):
            self.opens = self.asked  # whatever a last probe has cut short
        if refuses(request) or is_silent(request):
            self.failed_at = ended
            self.since = ended if self.since is None else self.since
        if refuses(request):
            self._note_refusal(request, ended, skew, counts=counts)
        elif is_silent(request):
            if counts:
                self.silences += 1
                last = len(SILENT_PAUSES)
                pause = SILENT_PAUSES[min(self.silences, last) - 1]
                self._close(ended + pause, skew)
        else:
            self.refusals = self.silences = 0
            if is_verdict or not self.must_probe:
                self.since = self.undone_since = None
            self.has_spoken = True
            if self.answered_at is None and not is_robots(request):
                self.answered_at = ended
                self.patiences = PATIENCES[True]

    def _note_refusal(
        self, request: Request, ended: float, skew: float, *, counts: bool
    ) -> None:
        if counts:
            self.refusals += 1
            pause = FIRST_PAUSE * 2.0 ** min(self.refusals - 1, 30)
            self._close(ended + min(pause, LONGEST_PAUSE), skew)
        asked = _seconds_asked(request.answer, ended) or 0.0
        hour = Hour(ended + asked, ended + asked + skew)
        if asked > self.patiences[0] and self.has_spoken:
            self.of_urls[request.path] = hour
        elif hour.world > self.asked.world:
            self.asked = hour

    def _close(self, until: float, skew: float) -> None:
        if until > self.opens.world:
            self.opens = Hour(until, until + skew)
        self.must_probe = True

    def _note(self, request: Request, promise: str, words: str) -> None:
        at = request.began - START
        self.broken.append(
            Broken(promise, self.name, at, f"{request.path} {words}")
        )


def _is_before(at: float, skew: float, hour: Hour) -> bool:
    """Is that too early, whichever clock is believed?"""
    return at < hour.world - MOMENT and at + skew < hour.wall - MOMENT


def _seconds_asked(answer: Answer, now: float) -> float | None:
    return retry_after([answer.retry_after or ""], now)


def early_requests(folder: Folder) -> Iterator[Broken]:
    """Requests for a URL, or for anything of a host all of whose URLs have such an hour, before
    the hour that the records of earlier runs name."""
    for request in folder.world.log:
        ran = folder.runs[request.run - 1]
        hour = ran.not_before.get(request.url)
        if is_robots(request):
            hour = _first_hour(request.host, ran.not_before, folder.urls)
        if hour is not None and _is_before(request.began, ran.skew, hour):
            seconds = hour.world - request.began
            words = f"{request.path} {seconds:.2f} s before not_before"
            yield Broken("gap", request.host, request.began - START, words)


def _first_hour(
    host: str, known: Mapping[str, Hour], urls: Sequence[str]
) -> Hour | None:
    """When the host may be asked for anything; None if one of its URLs waits for no hour."""
    prefix = f"http://{host}/"
    hours = [known.get(url) for url in urls if url.startswith(prefix)]
    found = [each for each in hours if each is not None]
    if len(found) < len(hours):
        return None
    return min(found, key=lambda each: each.world)
