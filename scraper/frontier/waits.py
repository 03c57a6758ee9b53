"""What a run waits for, in words: all that users read of hosts that are left alone for a while.

Progress line, `status`, run.log and the watchdog say it with these. Pure: from facts to text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from scraper.frontier.trouble import MAX_SILENCES, MAX_SILENCES_OF_NEW
from scraper.model import HostState
from scraper.text import clock_text, counted, duration

# refuses, silent: its trouble. The others are clocks of a host that is well, or of a URL:
# a Retry-After, the next try, --delay, its Crawl-delay, what it has taught us by refusing.
Rule = Literal[
    "refuses", "silent", "pause", "retry", "delay", "crawl_delay", "learned"
]


class Wait(Struct, frozen=True):
    """A host that is not asked now: by which rule, and until when."""

    host: str
    rule: Rule
    until: float  # unix time
    why: str = ""  # the last failure: a status, or a kind
    gives_up_at: float | None = None  # unix time
    probe: int = 0  # which of them is the next
    probes: int = 0  # after so many it is given up; 0: that hangs on the clock
    seconds: float = 0.0  # between two requests

    @property
    def is_trouble(self) -> bool:
        """Does the host refuse, or not answer?"""
        return self.rule in ("refuses", "silent")

    @property
    def fault(self) -> str:
        """What is wrong with it: example.org refuses (429)."""
        verb = "refuses" if self.rule == "refuses" else "is silent"
        if self.rule == "silent" and self.why.isdigit():
            verb = "fails"  # it says 500, 502 or 504 to each URL
        return f"{self.host} {verb} ({self.why})"

    @property
    def text(self) -> str:
        """The whole of it: example.org refuses (429), next probe 10:42, given up 10:55."""
        return f"{self.fault}, {self.probing}" if self.is_trouble else self.pace

    @property
    def probing(self) -> str:
        """When a host in trouble is asked again, and for how long."""
        return self._when("next probe", "given up")

    @property
    def beginning(self) -> str:
        """The line of run.log with which its trouble begins."""
        when = self._when("asked again at", "given up at")
        return f"{self.fault}: {when}"

    def _when(self, again: str, end: str) -> str:
        if self.probes:
            probe = f"probe {self.probe} of {self.probes}"
            return f"{probe} at {clock_text(self.until)}"
        text = f"{again} {clock_text(self.until)}"
        if self.gives_up_at is not None:
            text += f", {end} {clock_text(self.gives_up_at)}"
        return text

    @property
    def pace(self) -> str:
        """Why a host is not asked that is well."""
        between = f"{duration(self.seconds)} between requests"
        match self.rule:
            case "delay":
                return f"{self.host} has {between} (--delay)"
            case "crawl_delay":
                return f"{self.host} asks for {between}"
            case "learned":
                return f"{self.host} has refused, so {between}"
            case "retry":
                return (
                    f"{self.host} has failed, next try {clock_text(self.until)}"
                )
            case _:
                return (
                    f"{self.host} is left alone until {clock_text(self.until)}"
                )


class Price(Struct, frozen=True):
    """What politeness costs at one host."""

    host: str
    delay: float  # seconds from an answer to the next request
    urls: int
    seconds: float  # that they take
    rule: Rule  # delay (the user's), crawl_delay or learned

    @property
    def text(self) -> str:
        """For the user, as soon as it is known."""
        takes = f"about {duration(self.seconds)}"
        urls = counted(self.urls, "URL")
        if self.rule == "learned":
            rate = rate_text(1 / self.delay)
            return f"{self.host} lets {rate} through: its {urls} take {takes}"
        between = f"{duration(self.delay)} between requests"
        if self.rule == "crawl_delay":
            return f"{self.host} asks for {between}: its {urls} take {takes}"
        return f"--delay is {between}: the {urls} of {self.host} take {takes}"


def rate_text(rate: float) -> str:
    """Requests a second or, of fewer, a minute: 9.4 requests/s."""
    if rate < 1:
        return f"{rate * 60:.2g} requests/min"
    return f"{rate:.3g} requests/s"


def learned_text(host: HostState, now: float) -> str:
    """What a host's refusals have taught; "" if that is nothing."""
    learned = []
    ago = duration(max(now - host.rate_refused_at, 0.0))
    if host.learned_rate:
        refused = f"refused above {rate_text(host.refused_rate)}, {ago} ago"
        learned.append(f"{rate_text(host.learned_rate)} ({refused})")
    if host.quota:
        quota = counted(host.quota, "request")
        pause = duration(host.recovery)
        learned.append(f"refuses after {quota}, for about {pause}")
    return ", ".join(learned)


def recovery_text(host: str, seconds: float) -> str:
    """The line of run.log with which its trouble ends."""
    return f"{host} answers again, after {duration(seconds)}"


def trouble_of(host: HostState) -> Wait | None:
    """Why a host in trouble is not asked; None if it is in none."""
    if not (host.refusals or host.silences):
        return None
    rule: Rule = "refuses" if host.refusals else "silent"
    probe = probes = 0
    if rule == "silent" and not host.gives_up_at:
        probe = host.silences  # the first failure was none
        silences = MAX_SILENCES if host.answered_at else MAX_SILENCES_OF_NEW
        probes = silences - 1
    return Wait(
        host.name,
        rule,
        host.pause_until,
        why=(host.failed_with or "").removeprefix("http_"),
        gives_up_at=host.gives_up_at or None,
        probe=probe,
        probes=probes,
    )


def nothing_yet_text(urls: int, hosts: int, first: float) -> str:
    """What a run says for which all that is left was not asked for its hosts' sake."""
    waiting = f"{counted(urls, 'URL')} of {counted(hosts, 'host')}"
    verb = "waits" if urls == 1 else "wait"
    return (
        f"nothing may be asked yet: {waiting} {verb},"
        f" the first may be asked at {clock_text(first)}"
    )


def standing_of(
    host: HostState, urls: int, unasked: int, not_before: float | None
) -> str:
    """How it stands with a host for which so many URLs wait, for `status`: some of them `unasked`,
    and not to be asked before that time."""
    waiting = f"{counted(urls, 'URL')} wait{'s' if urls == 1 else ''}"
    if host.given_up is not None:
        if not_before is not None:
            waiting += f", asked from {clock_text(not_before)} on"
        given_up = clock_text(host.failed_at)
        return f"{host.given_up_why}, given up {given_up}; {waiting}"
    trouble = trouble_of(host)
    if trouble is not None:
        since = clock_text(host.troubled_since)
        return f"{trouble.fault} since {since}, {trouble.probing}; {waiting}"
    if not_before is not None:
        left = f"{counted(unasked, 'URL')} left unasked"
        return f"{host.name}: {left}, asked from {clock_text(not_before)} on"
    return f"{Wait(host.name, 'pause', host.pause_until).text}; {waiting}"


def text_of(waits: Sequence[Wait], asleep: int = 0) -> str:
    """All of them in a few words, with so many hosts beside them that wait longer; "" if there is
    none."""
    if not waits:
        return ""
    if len(waits) == 1 and not asleep:
        return waits[0].text
    first = min(each.until for each in waits)
    hosts = counted(len(waits) + asleep, "host")
    return f"{hosts}, the first until {clock_text(first)}"
